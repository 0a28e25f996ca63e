"""Whose a provider's name is: that of the entry point that bears it, whether or not that one works.

All plugins are heard first, so that nobody wins by coming first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from model_zoo_api.allow_list import ALLOW_LIST
from model_zoo_api.distributions import identity
from model_zoo_api.installed import EntryPoint
from model_zoo_api.types import ModelProvider


class Claim(NamedTuple):
    """A plugin gave a provider of this name; None where that can't be used."""

    name: str
    entry_point: EntryPoint
    provider: ModelProvider | None


class Clash(NamedTuple):
    """What to tell one side of a clash."""

    entry_point: EntryPoint
    message: str


def settle(
    claims: Sequence[Claim], bearers: Mapping[str, Sequence[EntryPoint]], failed: Sequence[EntryPoint]
) -> tuple[dict[str, ModelProvider], list[Clash]]:
    """Return the providers by name, and the clashes, each for both of its sides.

    Args:
        claims: All that plugins gave.
        bearers: The entry points by their names: the owners of those names.
        failed: Entry points that have problems, so that what they would give is not known.
    """
    by_name: dict[str, list[Claim]] = {}
    for claim in claims:
        by_name.setdefault(claim.name, []).append(claim)
    providers: dict[str, ModelProvider] = {}
    clashes: list[Clash] = []
    for name, given in by_name.items():
        owners = _distinct(bearers.get(name, ()))
        sides = _distinct(claim.entry_point for claim in given)
        rivals = [side for side in owners if _among(side, sides) or _among(side, failed)] if owners else sides
        strangers = [side for side in sides if not _among(side, owners)] if owners else []
        if len(rivals) == 1:
            usable = [claim.provider for claim in given if claim.entry_point is rivals[0] and claim.provider]
            if len(usable) == 1:
                providers[name] = usable[0]
            elif usable:
                clashes.append(Clash(rivals[0], f"it gives {len(usable)} providers {name!r}; none of them is used"))
        clashes += _between(name, owners, strangers, rivals)
    return providers, clashes


def _between(
    name: str, owners: Sequence[EntryPoint], strangers: Sequence[EntryPoint], rivals: Sequence[EntryPoint]
) -> Iterator[Clash]:
    choose = f"or choose with {ALLOW_LIST}"
    for stranger in strangers:
        yield Clash(
            stranger,
            f"its provider {name!r} is not used, because that name belongs to {_named(owners)}, whose entry point "
            f"bears it: uninstall one of them, {choose}; its author can rename it",
        )
    for owner in owners if strangers else ():
        yield Clash(
            owner,
            f"its provider's name {name!r} is claimed by {_named(strangers)} too, which is refused: uninstall that, "
            f"{choose}",
        )
    for rival in rivals if len(rivals) > 1 else ():
        others = [other for other in rivals if other is not rival]
        why = "has an entry point of that name too" if owners else "claims that name too, and no entry point bears it"
        yield Clash(
            rival, f"no provider {name!r} is used, because {_named(others)} {why}: uninstall all but one, {choose}"
        )


def _named(entry_points: Sequence[EntryPoint]) -> str:
    """Who declares some entry points, for a message."""
    return " and ".join(f"{' '.join(identity(one.dist)).strip()} (entry point {one.name!r})" for one in entry_points)


def _distinct(entry_points: Iterable[EntryPoint]) -> list[EntryPoint]:
    """By identity: two distributions may declare equal ones."""
    return list({id(one): one for one in entry_points}.values())


def _among(one: Any, several: Iterable[Any]) -> bool:
    return any(one is other for other in several)
