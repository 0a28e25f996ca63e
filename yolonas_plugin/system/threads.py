"""A blocking call in a thread of its own, so that the caller can stop waiting for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

_Answer = TypeVar("_Answer")


def in_thread(call: Callable[[], _Answer], name: str) -> Future[_Answer]:
    """Start a call, and return the future with its result or its exception.

    The thread is a daemon: if the caller stops waiting, neither it nor the end of the process waits for the call.

    Args:
        call: The call, which may block.
        name: Of the thread.
    """
    answer: Future[_Answer] = Future()

    def work() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=work, name=name, daemon=True).start()
    return answer
