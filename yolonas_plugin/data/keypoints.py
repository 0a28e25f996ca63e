"""Which keypoints the objects of a data set have: their number, names, bones, and what a mirror swaps.

YOLO's descriptions say it with ``kpt_shape``, ``flip_idx``, ``kpt_names`` and ``kpt_oks_sigmas``, COCO's JSON in each
category. COCO doesn't say what a mirror swaps; there the names do, ``left_eye`` and ``right_eye``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from yolonas_plugin.data.text import legible
from yolonas_plugin.errors import SkeletonError, SourceError
from yolonas_plugin.skeleton import MAX_KEYPOINTS, Skeleton, coco_person, flip_index_by_names, numbered_names


def keypoint_shape(described: Mapping[str, Any], title: str) -> tuple[int, int] | None:
    """Return how many keypoints there are, and of how many numbers each: 2, or 3 with a visibility; None for none.

    Raises:
        SourceError: ``kpt_shape`` says something else.
    """
    shape = described.get("kpt_shape")
    if shape is None:
        return None
    whole = isinstance(shape, (list, tuple)) and all(type(number) is int for number in shape)
    if not whole or len(shape) != 2 or not 1 <= shape[0] <= MAX_KEYPOINTS or shape[1] not in (2, 3):
        raise SourceError(
            f"{title}: 'kpt_shape' is {legible(shape)}; it must be [K, 3], or [K, 2] for labels without visibilities, "
            f"with 1 to {MAX_KEYPOINTS} keypoints K"
        )
    return shape[0], shape[1]


def no_keypoints(title: str, lacking: str) -> SourceError:
    """Return the error that data of boxes alone were given where keypoints are to be learnt or measured."""
    return SourceError(
        f"{title}: {lacking}: these are data for a detector, and a model for poses needs keypoints; give data that "
        "have them, or take a detector, such as yolo_nas_s"
    )


def described_skeleton(described: Mapping[str, Any], count: int, title: str) -> Skeleton:
    """Return the keypoints that a description tells of: names by ``kpt_names``, else numbered.

    Those that bear COCO's names are COCO's, with its bones and sigmas.

    Raises:
        SourceError: They contradict each other, or their number ``count``.
    """
    names = _names(described.get("kpt_names"), title) or numbered_names(count)
    if len(names) != count:
        raise SourceError(f"{title}: 'kpt_names' has {len(names)} names, and 'kpt_shape' says {count} keypoints")
    return with_description(coco_person(names) or _checked(title, names=names), described, title)


def check_same(skeletons: Mapping[str, Skeleton], title: str) -> None:
    """See that all categories have the same keypoints, which a network needs.

    Raises:
        SourceError: They haven't.
    """
    (first, expected), *others = skeletons.items()
    for name, skeleton in others:
        if skeleton.names != expected.names:
            raise SourceError(
                f"{title}: the categories {legible(first)!r} and {legible(name)!r} have different keypoints, "
                f"{len(expected)} and {len(skeleton)} of them; keep those of one kind"
            )


def with_description(skeleton: Skeleton, described: Mapping[str, Any], title: str) -> Skeleton:
    """Return a skeleton with the ``flip_idx`` and ``kpt_oks_sigmas`` of a description, where it has them.

    Raises:
        SourceError: They don't fit.
    """
    for key, field in (("flip_idx", "flip_index"), ("kpt_oks_sigmas", "sigmas")):
        value = described.get(key)
        if value is not None and not isinstance(value, (list, tuple)):
            raise SourceError(f"{title}: {key!r} must be a list, found {legible(value)!r}")
        try:
            skeleton = replace(skeleton, **({field: tuple(value)} if value else {}))
        except SkeletonError as error:
            raise SourceError(f"{title}: {key!r}: {error}") from error
    return skeleton


def coco_skeleton(category: Mapping[str, Any], title: str) -> Skeleton | None:
    """Return the keypoints of a COCO category; None where it has none. Its bones count from 1.

    Raises:
        SourceError: They contradict each other.
    """
    names = category.get("keypoints")
    if not names:  # which some tools write of everything
        return None
    if not isinstance(names, list):
        raise SourceError(f"{title}: 'keypoints' must be a list of names, found {legible(names)!r}")
    names = tuple(map(str, names))
    if known := coco_person(names):
        return known
    bones = category.get("skeleton") or []
    if not isinstance(bones, list) or not all(
        isinstance(bone, list) and len(bone) == 2 and all(type(end) is int for end in bone) for bone in bones
    ):
        raise SourceError(f"{title}: 'skeleton' must be a list of pairs of keypoints, found {legible(bones)!r}")
    for bone in bones:
        if not all(1 <= end <= len(names) for end in bone):
            raise SourceError(f"{title}: its skeleton joins {bone}, and keypoints are numbered from 1 to {len(names)}")
    edges = tuple((a - 1, b - 1) for a, b in bones)
    return _checked(title, names=names, edges=edges, flip_index=flip_index_by_names(names))


def _checked(title: str, **fields: Any) -> Skeleton:
    try:
        return Skeleton(**fields)
    except SkeletonError as error:
        raise SourceError(f"{title}: {error}") from error


def _names(value: Any, title: str) -> tuple[str, ...]:
    """Return the names that ``kpt_names`` gives: a list, or one for each class, of which the first counts."""
    if isinstance(value, Mapping):
        value = next(iter(value.values()), None)
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, (str, int, float)) for name in value):
        raise SourceError(f"{title}: 'kpt_names' must be a list of names, found {legible(value)!r}")
    return tuple(map(str, value))
