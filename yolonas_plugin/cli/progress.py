"""How far a command is, on standard error: on a terminal only, never in a pipe or a file, and without colours."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import IO, TypeVar

from yolonas_plugin.system.environment import is_terminal

T = TypeVar("T")

SECOND = 1.0
"""Seconds after which the time of work that can't be counted is shown anew."""


class Progress:
    """A bar of steps that are done; used in a ``with``, after which it is gone from the terminal.

    Args:
        what: What is being done.
        total: Steps in all, as far as that is known.
        unit: What a step is.
    """

    def __init__(self, what: str, total: int | None = None, unit: str = "images") -> None:
        self._bar = None
        if is_terminal(sys.stderr):
            from tqdm import tqdm  # here, because most commands don't need it

            self._bar = tqdm(
                desc=what, total=total, unit=f" {unit}", file=sys.stderr, dynamic_ncols=True, leave=False, ascii=" #"
            )

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def step(self, total: int | None = None) -> None:
        """Say that one more is done; ``total`` is how many there are, where that became known."""
        if self._bar is None:
            return
        if total is not None:
            self._bar.total = total
        self._bar.update()

    def print(self, text: str, out: IO[str]) -> None:
        """Print a line above the bar, at once."""
        if self._bar is not None:
            self._bar.clear()
        print(text, file=out, flush=True)
        if self._bar is not None:
            self._bar.refresh()


def follow(steps: Iterable[T], what: str, total: int | None = None, unit: str = "images") -> Iterator[T]:
    """Yield each step, and show how many there were."""
    with Progress(what, total, unit) as progress:
        for step in steps:
            yield step
            progress.step()


@contextlib.contextmanager
def working(what: str) -> Iterator[None]:
    """Show for how long something goes on whose steps can't be counted."""
    if not is_terminal(sys.stderr):
        yield
        return
    from tqdm import tqdm

    bar = tqdm(desc=what, bar_format="{desc} {elapsed}", file=sys.stderr, dynamic_ncols=True, leave=False)
    done = threading.Event()

    def tick() -> None:
        while not done.wait(SECOND):
            bar.refresh()

    ticking = threading.Thread(target=tick, daemon=True)
    ticking.start()
    try:
        yield
    finally:
        done.set()
        ticking.join()
        bar.close()
