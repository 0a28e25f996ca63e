"""A licence is shown and accepted once, before the first download of weights that are under it."""

from __future__ import annotations

import contextlib
import os
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from model_zoo_api.types import Licence
from yolonas_plugin.errors import LicenceError

ACCEPT: Final = "YOLONAS_ACCEPT_LICENCE"
"""Environment variable: the names of accepted licences, separated by commas, or 1 for whichever is asked for."""

RECORD: Final = "accepted-licences.txt"
"""In the folder of weights: a line for each accepted licence, its name first."""


def require_licence(licence: Licence, folder: Path, *, what: str, accepted: bool = False) -> None:
    """Return if the user accepts ``licence``, or has accepted it before.

    It is accepted by ``accepted``, by the variable :data:`ACCEPT`, or by an answer where standard input and standard
    error are a terminal; it is shown on standard error each time but remembered in ``folder``, so that is once.

    Args:
        licence: What to accept.
        folder: Where acceptance is remembered.
        what: What the licence is for, such as ``"the weights of yolo_nas_s"``.
        accepted: The user said so, by a flag.

    Raises:
        LicenceError: Not accepted; the message says how to.
    """
    if licence.name in _remembered(folder):
        return
    terms = {True: "", False: ", non-commercial use only", None: ""}[licence.commercial_use]
    print(f"{what}: licence {licence.name}{terms}\n  {licence.url}", file=sys.stderr)
    if accepted or _by_variable(licence) or _by_answer():
        _remember(licence, folder)
        return
    raise LicenceError(
        f"{what} are under the licence {licence.name}{terms}, which nobody has accepted here yet, so nothing was "
        f"downloaded.\nRead it at {licence.url} and, if you accept it, do one of these:\n"
        f"  in Python:            NAS(..., accept_licence=True)\n"
        f"  on the command line:  yolonas-plugin ... --accept-licence\n"
        f"  for every program:    {ACCEPT}={licence.name}"
    )


def _by_variable(licence: Licence) -> bool:
    names = {name.strip().lower() for name in os.environ.get(ACCEPT, "").split(",")}
    return bool(names & {"1", licence.name.lower()})


def _by_answer() -> bool:
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        return False
    print("Do you accept it? [yes/no] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _remembered(folder: Path) -> set[str]:
    try:
        lines = (folder / RECORD).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return set()
    return {line.split("\t")[0] for line in lines}


def _remember(licence: Licence, folder: Path) -> None:
    with contextlib.suppress(OSError):  # what can't be written is asked again; the download will say why
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / RECORD, "a", encoding="utf-8") as record:
            record.write(f"{licence.name}\t{licence.url}\t{datetime.now(timezone.utc):%Y-%m-%d}\n")
