"""Calls that may block, in a thread of their own, so that whoever waits for one can stop waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

_Answer = TypeVar("_Answer")


def in_thread(call: Callable[[], _Answer], name: str) -> Future[_Answer]:
    """Begin a call, and return what will have its result, or what it raises.

    The thread is left to itself if nobody waits any more: neither does the end of the process.

    Args:
        call: What may block.
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
