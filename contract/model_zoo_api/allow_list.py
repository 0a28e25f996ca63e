"""The environment variable ``MODEL_ZOO_PLUGINS``, which decides what may be imported."""

from __future__ import annotations

from typing import Any, Final

from model_zoo_api.distributions import canonical, identity

ALLOW_LIST: Final = "MODEL_ZOO_PLUGINS"
"""Environment variable: comma-separated distributions or entry points that may load; empty allows none, unset all."""


class AllowList:
    """What ``MODEL_ZOO_PLUGINS`` allows: all when it is unset, else the distributions and entry points it names."""

    def __init__(self, listed: str | None) -> None:
        self._entries = None if listed is None else {entry.strip() for entry in listed.split(",") if entry.strip()}
        self.unused = set(self._entries or ())
        self.is_empty = self._entries == set()

    def allows(self, dist: Any, entry_point: str | None = None) -> bool:
        """Whether one is listed: an entry point as written, a distribution as pip compares names."""
        if not self._entries:
            return self._entries is None
        name = canonical(identity(dist)[0])
        hits = {entry for entry in self._entries if entry == entry_point or canonical(entry) == name}
        self.unused -= hits
        return bool(hits)
