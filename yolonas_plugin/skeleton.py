"""What the keypoints of a pose model are: their names, the bones between them, colours, and which a flip swaps."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, TypeAlias

from yolonas_plugin.errors import SkeletonError
from yolonas_plugin.names import MAX_NAME, is_safe_text, without_repeats

Colour: TypeAlias = tuple[int, int, int]
"""Red, green, blue, each from 0 to 255."""

_SIDES: Final = {"left": "right", "right": "left", "l": "r", "r": "l"}
_SIDE: Final = re.compile(r"(?<![a-z])(left|right|l|r)(?![a-z])")

MAX_KEYPOINTS: Final = 1_000
"""Most keypoints of an object; COCO-WholeBody has 133, dense face meshes have 478."""

_PALETTE: Final[tuple[Colour, ...]] = (
    *((31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189)),
    *((140, 86, 75), (227, 119, 194), (127, 127, 127), (188, 189, 34), (23, 190, 207)),
)
"""Tableau's ten colours, of which super-gradients' are as well; for what has none."""


@dataclass(frozen=True)
class Skeleton:
    """The keypoints of a pose model; its length is their number, K.

    Attributes:
        names: Of the keypoints, in the order of the network's outputs, each once.
        edges: Pairs of keypoints, by their indices, between which a line is drawn.
        edge_colors: Of each edge; default: a palette's.
        keypoint_colors: Of each keypoint; default: a palette's.
        flip_index: Which keypoint each becomes where the image is mirrored left to right; None where it isn't known.
        sigmas: Per-keypoint constants of the object keypoint similarity, as COCO defines it; None where they aren't
            known.

    Raises:
        SkeletonError: The parts contradict each other.
    """

    names: tuple[str, ...]
    edges: tuple[tuple[int, int], ...] = ()
    edge_colors: tuple[Colour, ...] = ()
    keypoint_colors: tuple[Colour, ...] = ()
    flip_index: tuple[int, ...] | None = None
    sigmas: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        _check_names(self.names)
        _check_edges(self.edges, len(self))
        for field, count in (("edge_colors", len(self.edges)), ("keypoint_colors", len(self))):
            colours = getattr(self, field) or tuple(_PALETTE[index % len(_PALETTE)] for index in range(count))
            _check_colours(colours, field, count)
            object.__setattr__(self, field, colours)
        if self.flip_index is not None:
            check_flip_index(self.flip_index, len(self))
        if self.sigmas is not None:
            _check_sigmas(self.sigmas, len(self))

    @property
    def oks_sigmas(self) -> tuple[float, ...]:
        """The sigmas, or what the engine takes where they aren't known, COCO's for 17 keypoints and 1 / K else."""
        if self.sigmas is not None:
            return self.sigmas
        count = len(self)
        return COCO_PERSON.oks_sigmas if count == len(COCO_PERSON) else (1 / count,) * count

    def __len__(self) -> int:
        """Return the number of keypoints."""
        return len(self.names)

    @classmethod
    def unnamed(cls, num_keypoints: int, coco: bool = True) -> Skeleton:
        """Return the skeleton of a model that says nothing of its keypoints but how many there are.

        Of 17 keypoints it is COCO's, which those of nearly all such models are, unless ``coco`` is False.
        """
        if num_keypoints == len(COCO_PERSON) and coco:
            return COCO_PERSON
        return cls(numbered_names(min(num_keypoints, MAX_KEYPOINTS + 1)))

    def to_json(self) -> str:
        """Return it as a JSON object, for a file's strings."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Skeleton:
        """Read what :meth:`to_json` wrote; names that this version doesn't know are ignored.

        Raises:
            SkeletonError: It is no such object, or its parts contradict each other.
        """
        try:
            found = json.loads(text, object_pairs_hook=without_repeats)
        except (ValueError, RecursionError) as error:
            raise SkeletonError(f"the skeleton is no JSON: {error}: {text!a:.80}") from error
        if not isinstance(found, dict) or "names" not in found:
            raise SkeletonError(f"the skeleton has no names of keypoints: {text!a:.80}")
        given = {field.name: found[field.name] for field in fields(cls) if found.get(field.name) is not None}
        for name, value in given.items():
            if not isinstance(value, list):
                raise SkeletonError(f"{name} of the skeleton is no list: {value!a:.80}")
        return cls(**{name: _as_tuple(value) for name, value in given.items()})


def _as_tuple(values: list[Any]) -> tuple[Any, ...]:
    return tuple(tuple(value) if isinstance(value, list) else value for value in values)


def check_flip_index(flip_index: tuple[int, ...], num_keypoints: int) -> None:
    """Check which keypoint each becomes in a mirrored image.

    Raises:
        SkeletonError: It isn't a permutation that swaps keypoints in pairs.
    """
    if len(flip_index) != num_keypoints:
        raise SkeletonError(
            f"flip_index has {len(flip_index)} entries for {num_keypoints} keypoints; give the index that each "
            "keypoint has in a mirrored image"
        )
    if not all(_is_whole(index) for index in flip_index) or sorted(flip_index) != list(range(num_keypoints)):
        raise SkeletonError(
            f"flip_index is {list(flip_index)}, in which not every index from 0 to {num_keypoints - 1} is once"
        )
    for index, other in enumerate(flip_index):
        if flip_index[other] != index:
            raise SkeletonError(
                f"flip_index turns keypoint {index} into {other}, and that into {flip_index[other]}; mirroring twice "
                "has to give the same keypoint"
            )


def _check_names(names: tuple[Any, ...]) -> None:
    if not 1 <= len(names) <= MAX_KEYPOINTS:
        raise SkeletonError(f"a skeleton has {len(names)} keypoints; there may be 1 to {MAX_KEYPOINTS}")
    for index, name in enumerate(names):
        if not isinstance(name, str) or not name or len(name) > MAX_NAME or not is_safe_text(name):
            raise SkeletonError(f"the name of keypoint {index} is {name!a:.80}; it must be text, without control codes")
    if len(set(names)) < len(names):
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise SkeletonError(f"two keypoints are called {twice!a:.80}; each needs a name of its own")


def _check_edges(edges: tuple[Any, ...], num_keypoints: int) -> None:
    if len(edges) > MAX_KEYPOINTS * 10:
        raise SkeletonError(f"a skeleton has {len(edges)} edges, more than {MAX_KEYPOINTS * 10}")
    for edge in edges:
        ends = tuple(edge) if isinstance(edge, Iterable) else ()
        inside = all(_is_whole(end) and 0 <= end < num_keypoints for end in ends)
        if len(ends) != 2 or not inside or ends[0] == ends[1]:
            raise SkeletonError(
                f"an edge of the skeleton is {edge!a:.80}; it must join two of the keypoints 0 to {num_keypoints - 1}"
            )


def _check_colours(colours: tuple[Any, ...], field: str, count: int) -> None:
    if len(colours) != count:
        raise SkeletonError(f"{field} has {len(colours)} colours for {count}")
    for colour in colours:
        parts = tuple(colour) if isinstance(colour, Iterable) else ()
        if len(parts) != 3 or not all(_is_whole(part) and 0 <= part <= 255 for part in parts):
            raise SkeletonError(f"{field} has {colour!a:.80}; a colour is red, green and blue from 0 to 255")


def _check_sigmas(sigmas: tuple[Any, ...], num_keypoints: int) -> None:
    numbers = all(isinstance(sigma, (int, float)) and not isinstance(sigma, bool) for sigma in sigmas)
    if len(sigmas) != num_keypoints or not numbers or not all(0 < sigma < 1e6 for sigma in sigmas):
        raise SkeletonError(
            f"the sigmas are {list(sigmas)!a:.200}; there must be a positive number for each of {num_keypoints} "
            "keypoints"
        )


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _coco_person() -> Skeleton:
    blue, orange, green, red, purple, brown, pink, grey, olive, cyan = _PALETTE
    head = {(0, 1): red, (0, 2): purple, (1, 2): green, (1, 3): brown, (2, 4): pink}
    shoulders = {(3, 5): grey, (4, 6): olive, (5, 6): grey}
    sides = {(5, 7): olive, (5, 11): brown, (6, 8): cyan, (6, 12): pink, (7, 9): blue, (8, 10): orange}
    legs = {(11, 12): purple, (11, 13): orange, (12, 14): red, (13, 15): blue, (14, 16): green}
    edges: dict[tuple[int, int], Colour] = {**head, **shoulders, **sides, **legs}
    pairs = ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    of_pairs = (0.025, 0.035, 0.079, 0.072, 0.062, 0.107, 0.087, 0.089)
    return Skeleton(
        names=("nose", *(f"{side}_{part}" for part in pairs for side in ("left", "right"))),
        edges=tuple(edges),
        edge_colors=tuple(edges.values()),
        keypoint_colors=tuple(blue if index % 2 else purple for index in range(17)),
        flip_index=(0, *(index for left in range(1, 17, 2) for index in (left + 1, left))),
        sigmas=(0.026, *(sigma for sigma in of_pairs for _ in range(2))),
    )


COCO_PERSON: Final = _coco_person()
"""COCO's 17 keypoints of a person; edges and colours are super-gradients', sigmas COCO's."""


def numbered_names(count: int) -> tuple[str, ...]:
    """Return the names of keypoints of which only the number is known."""
    return tuple(f"keypoint_{index}" for index in range(count))


def coco_person(names: Sequence[str]) -> Skeleton | None:
    """Return :data:`COCO_PERSON` if its keypoints are called so, in this order; else None."""
    return COCO_PERSON if tuple(names) == COCO_PERSON.names else None


def flip_index_by_names(names: Sequence[str]) -> tuple[int, ...] | None:
    """Return which keypoint each becomes in a mirrored image, by left and right in the names.

    None where no name says a side, or the other side of one is missing.
    """
    lower = [name.lower() for name in names]
    if not any(_SIDE.search(name) for name in lower):
        return None
    others = [_SIDE.sub(lambda side: _SIDES[side[1]], name) for name in lower]
    if len(set(lower)) < len(lower) or not set(others) <= set(lower):
        return None
    return tuple(map(lower.index, others))
