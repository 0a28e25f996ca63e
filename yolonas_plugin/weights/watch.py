"""What the caller of a download is told and asked meanwhile: how far it is, and whether it should go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import wait
from typing import Final, TypeVar

from yolonas_plugin.system.threads import in_thread

T = TypeVar("T")

OFTEN: Final = 0.1
"""Seconds between two calls of a callback."""


class CancelledError(Exception):
    """The caller doesn't want the file any more."""


class CallbackError(Exception):
    """A callback raised ``original``, which is to reach the caller as it is, whatever kind of error it is."""

    def __init__(self, original: Exception) -> None:
        super().__init__(original)
        self.original = original


class Watch:
    """Calls the two callbacks of a download, both in the thread that downloads.

    Args:
        progress: Called with the bytes that are there, and the bytes in all, or None where no host has said.
        cancelled: Returns True when the download should end.

    Attributes:
        left: Whether a call that blocks was left alone in its thread, with all that it uses.
    """

    def __init__(
        self,
        progress: Callable[[int, int | None], object] | None = None,
        cancelled: Callable[[], object] | None = None,
    ) -> None:
        self._progress, self._cancelled = progress, cancelled
        self._told = -OFTEN
        self.left = False

    def tell(self, done: int, total: int | None, *, always: bool = True) -> None:
        """Say how far it is; unless ``always``, not so soon after the last time.

        Raises:
            CallbackError: The callback raised.
        """
        if self._progress is None or not (always or time.monotonic() - self._told >= OFTEN):
            return
        self._told = time.monotonic()
        try:
            self._progress(done, total)
        except Exception as error:
            raise CallbackError(error) from error

    def ask(self) -> None:
        """Return if the download is to go on.

        Raises:
            CancelledError: It isn't.
            CallbackError: The callback raised.
        """
        try:
            ends = self._cancelled is not None and bool(self._cancelled())
        except Exception as error:
            raise CallbackError(error) from error
        if ends:
            raise CancelledError

    def sleep(self, seconds: float) -> None:
        """Wait, and go on asking."""
        until = time.monotonic() + seconds
        while (rest := until - time.monotonic()) > 0:
            self.ask()
            time.sleep(rest if self._cancelled is None else min(rest, OFTEN))

    def wait_for(self, call: Callable[[], T]) -> T:
        """Return what a call gives that may block, and go on asking while it does.

        Where the answer is that the download ends, the call is left to itself, until its own time is over.
        """
        self.ask()
        if self._cancelled is None:
            return call()
        answer = in_thread(call, "yolonas-download")
        self.left = True
        while not wait([answer], timeout=OFTEN).done:
            self.ask()
        self.left = False
        return answer.result()
