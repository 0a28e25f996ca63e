"""Why a plugin can't be used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from model_zoo_api.foreign import is_a, plain, shown

Phase: TypeAlias = Literal["metadata", "allow-list", "import", "register", "hook", "validate"]
"""Where a plugin failed.

``metadata``: its ``entry_points.txt`` can't be read; ``allow-list``: named there but absent; ``import``; ``register``:
its hooks are not those of the contract; ``hook``: it raised in one; ``validate``: what a hook gave is unusable.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class PluginProblem:
    """Why a plugin, or part of it, can't be used: who, where, what happened, and the exception if there was one.

    Printing, comparing and hashing it touches nothing of the plugin's: the exception takes no part in that.
    """

    distribution: str
    version: str
    entry_point: str
    phase: Phase
    message: str
    exception: BaseException | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("distribution", "version", "entry_point", "phase", "message"):
            value = plain(getattr(self, name))
            object.__setattr__(self, name, value if is_a(value, str) else shown(value))

    def __str__(self) -> str:
        who = f"{self.distribution} {self.version}".strip()
        where = f" (entry point {self.entry_point!r})" if self.entry_point else ""
        return f"{who}{where}, {self.phase}: {self.message}"
