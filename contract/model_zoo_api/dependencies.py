"""Packages that a provider needs and that aren't installed: one error for all, with the line that installs them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from model_zoo_api.errors import DependencyMissingError, ModelZooError
from model_zoo_api.foreign import attempt, describe, is_a, plain
from model_zoo_api.texts import printable

_NAMES: Final = {
    "cv2": "opencv-python",
    "PIL": "pillow",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""What pip calls some packages that Python imports under another name."""


@contextmanager
def required_packages(who: str, reference: Any) -> Iterator[None]:
    """Say which package is missing, where the code of a provider imports one that isn't installed.

    Args:
        who: Who needs it, for the message, such as ``"provider 'acme': its loader"``.
        reference: ``"module:attribute"`` or the object itself: modules of its own package are no dependency.

    Raises:
        DependencyMissingError: A package isn't installed, or lacks a module.
        ModuleNotFoundError: As it was, of a module of the provider's own, and if it is an error of the contract.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = plain(error.name)
        if isinstance(error, ModelZooError) or (is_a(missing, str) and _package(missing) == _home(reference)):
            raise
        raise DependencyMissingError(f"{who} needs {_lacks(error, missing)}") from error


def _lacks(error: ModuleNotFoundError, missing: Any) -> str:
    if not is_a(missing, str):
        return f"a package that is not installed: {describe(error)}"
    from importlib.util import find_spec  # here, because most programs have what they need

    missing = printable(missing)
    package = _package(missing)
    if package in sys.stdlib_module_names:
        return f"the module {missing!r} of Python itself, which this Python was built without"
    name = _NAMES.get(package, package)
    if package != missing and attempt(lambda: find_spec(package) is not None, False):
        return f"{missing!r}, which the installed {package!r} does not have: pip install --upgrade {name}"
    return f"the package {package!r}, which is not installed: pip install {name}"


def _package(module: str) -> str:
    return module.partition(".")[0]


def _home(reference: Any) -> str:
    """Return the package that a factory is in."""
    named: Any = reference.partition(":")[0] if is_a(reference, str) else getattr(reference, "__module__", None)
    return _package(str(named)) if is_a(named, str) else ""
