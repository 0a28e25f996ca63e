"""Which versions of DEEPaaS the bridge is for."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from model_zoo_api.errors import DependencyMissingError

OLDEST: Final = (2, 5)
BEFORE: Final = (3,)


def check_version() -> None:
    """See that DEEPaaS is there, in a version that the bridge was tried with.

    Raises:
        DependencyMissingError: It isn't; the message has the version that was found, and the pip line.
    """
    oldest, before = (".".join(map(str, number)) for number in (OLDEST, BEFORE))
    install = f"pip install 'deepaas>={oldest},<{before}'"
    try:
        found = version("deepaas")
    except PackageNotFoundError as error:
        raise DependencyMissingError(f"deepaas is not installed: {install}") from error
    number = tuple(int(part) for part in re.findall(r"\d+", found)[:2])
    if not OLDEST <= number < BEFORE:
        raise DependencyMissingError(
            f"deepaas {found} is installed, and this needs {oldest} or newer, before {before}: {install}"
        )
