"""Ctrl-C where Python's own handling isn't enough: deferred for a block, or kept from getting lost.

In other threads than the main one, which alone is interrupted, nothing is changed.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Final

_PATIENCE: Final = 1.0
"""Seconds after which a second Ctrl-C is no longer deferred: something hangs, and the user wants out of it."""


class held_off:  # noqa: N801  it is used as a block
    """Hold Ctrl-C off until the end of a block, for what mustn't be left half done.

    What Ctrl-C does, raising ``KeyboardInterrupt`` unless the program has a handler of its own, it does then. This is a
    class, since the steps between a generator and its ``with`` could be interrupted: here nothing has begun before the
    handler is changed, and the block is over when it is put back.
    """

    def __init__(self) -> None:
        self._before: Callable[[int, FrameType | None], Any] | None = None
        self._presses: list[float] = []

    def __enter__(self) -> None:
        before = _handler()
        if before is not None:
            self._before = before
            signal.signal(signal.SIGINT, self._press)

    def _press(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._before is not None and self._presses and now - self._presses[0] > _PATIENCE:
            self._before(number, frame)
        else:
            self._presses.append(now)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            while self._presses:
                self._presses.pop()
                self._before(signal.SIGINT, None)


class heard:  # noqa: N801
    """Give a function that raises ``KeyboardInterrupt`` if Ctrl-C was pressed since, and the exception got lost.

    Python drops it where it happens to rise in a ``__del__``, and libraries in C++ make another error of it, torch's
    compiler for one. At the end of the block it is raised too, in the place of such an error. Where Ctrl-C means
    something else to the program, nothing is changed.
    """

    def __init__(self) -> None:
        self._press: _Press | None = None

    def __enter__(self) -> Callable[[], None]:
        before = _handler()
        self._press = _Press(before)
        if before is signal.default_int_handler or isinstance(before, _Press):
            signal.signal(signal.SIGINT, self._press)
        return self._press.check

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._press is not None:
            self._press.put_back()
            if kind is None or issubclass(kind, Exception):
                self._press.check()


class _Press:
    """A handler that raises as Python's own does, and remembers it; pressed once, it has put back the one before it.

    So that one is back at whichever step of the block's beginning or end the exception rises.
    """

    def __init__(self, before: Any) -> None:
        self._before = before
        self._pressed = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self._pressed = True
        self.put_back()
        raise KeyboardInterrupt

    def put_back(self) -> None:
        before = self._before
        if signal.getsignal(signal.SIGINT) is self:
            signal.signal(signal.SIGINT, before)

    def check(self) -> None:
        if self._pressed:
            self._pressed = False
            raise KeyboardInterrupt


def _handler() -> Any:
    """Return the function that Ctrl-C calls in this thread; None if there is none, or if it is held off already."""
    if threading.current_thread() is not threading.main_thread():
        return None
    handler = signal.getsignal(signal.SIGINT)
    return handler if callable(handler) and not isinstance(getattr(handler, "__self__", None), held_off) else None
