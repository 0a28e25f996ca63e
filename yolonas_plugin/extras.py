"""Packages that are installed with one of the plugin's extras only."""

from __future__ import annotations

from importlib.util import find_spec

from yolonas_plugin.errors import MissingExtraError


def require(package: str, purpose: str, extra: str, hint: str = "") -> None:
    """Check that an optional package is installed, without importing it.

    Args:
        package: The name that it is imported by.
        purpose: What it is needed for.
        extra: The plugin's extra that brings it.
        hint: What else there is to say, the end of the message.

    Raises:
        MissingExtraError: It isn't installed; the message names the ``pip install`` line.
    """
    if find_spec(package) is None:
        raise MissingExtraError(purpose, package, extra, hint)
