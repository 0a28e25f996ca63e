"""The bar of a download, on standard error: on a terminal only, never in a pipe or a file."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import NoReturn

from model_zoo_api.texts import printable
from yolonas_plugin.system.environment import is_terminal


@contextlib.contextmanager
def downloading(what: str) -> Iterator[Callable[[int, int | None], object] | None]:
    """Yield what a download of ``what`` tells how far it is, which shows a bar; None where there is no terminal."""
    if not is_terminal(sys.stderr):
        yield None
        return
    from tqdm import tqdm

    bars: list[tqdm[NoReturn]] = []  # made when there is a download

    def show(done: int, total: int | None) -> None:
        if not bars:
            shape = {"unit": "B", "unit_scale": True, "dynamic_ncols": True, "ascii": " #"}
            bars.append(tqdm(desc=printable(what), total=total, initial=done, file=sys.stderr, **shape))
        bars[0].update(done - bars[0].n)

    try:
        yield show
    finally:
        for bar in bars:
            bar.close()
