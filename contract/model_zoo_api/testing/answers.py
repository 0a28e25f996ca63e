"""What a predictor answers, looked at result by result."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from model_zoo_api.detections import Detections
from model_zoo_api.testing.pictures import size_of
from model_zoo_api.testing.results import CORNERS, KEYPOINTS, Row, assert_refused, rows_of
from model_zoo_api.testing.subject import Subject

_ALIKE: Final = 0.7
"""How much of two boxes that are the same is in both of them: intersection over union."""

_MOST: Final = 100
"""Boxes of an image that are compared with others, the best ones; all is slow where there are thousands."""


def assert_one_for_each(subject: Subject, results: Any, paths: Sequence[str]) -> None:
    """See that there is a list of one result for each path, in order.

    Raises:
        AssertionError: There isn't.
    """
    assert isinstance(results, list), f"it gives a {type(results).__name__}, not a list"
    assert len(results) == len(paths), f"it gives {len(results)} results for {len(paths)} images"
    if subject.described:
        other = next((result for result in results if not isinstance(result, Detections)), None)
        assert other is None, f"it gives {other!r}, which is no model_zoo_api.Detections"
        indices = [result.index for result in results]
        assert indices == list(range(len(paths))), f"the results' index is {indices}"
    told = [Path(result.path or "").name for result in results]
    assert told == [Path(path).name for path in paths], f"for {list(paths)} it gives results of {told}"


def assert_sound(result: Any) -> None:
    """See that labels are indices into ``names``, which are strings, and scores go from 0 to 1; best first.

    Raises:
        AssertionError: It isn't so.
    """
    names = result.names if isinstance(result.names, Mapping) else dict(enumerate(result.names))
    assert all(isinstance(name, str) for name in names.values()), f"names are {names}"
    rows = rows_of(result)
    for label, score, *_ in rows:
        assert label in names, f"a label is {label}, which the {len(names)} names haven't"
        assert math.isfinite(score), f"a score is {score}"
        assert 0 <= score <= 1, f"a score is {score}"
    if isinstance(result, Detections):
        falling = all(first[1] >= second[1] for first, second in pairwise(rows))
        assert falling, f"the best isn't first: scores are {[row[1] for row in rows][:9]}"


def assert_keypoints(results: Sequence[Detections]) -> None:
    """See that each object has the same number of keypoints, in every image, with scores from 0 to 1.

    Raises:
        AssertionError: It isn't so.
    """
    counts = set()
    for result in results:
        if result.error is not None:
            continue
        assert result.keypoints is not None, f"{result.path}: a result for poses has None for keypoints"
        shape = tuple(result.keypoints.shape)
        assert len(shape) == 3, f"keypoints have the shape {list(shape)}, not [N, K, 3]"
        assert (shape[0], shape[2]) == (len(result), 3), f"keypoints of {len(result)} boxes have shape {list(shape)}"
        if len(result):
            assert shape[1], "objects have 0 keypoints"
            counts.add(shape[1])
        for row in rows_of(result):
            points = row[KEYPOINTS]
            assert all(map(math.isfinite, points)), f"a keypoint isn't finite: {points}"
            scores = points[2::3]
            assert all(0 <= score <= 1 for score in scores), f"a keypoint's score isn't from 0 to 1: {scores}"
    assert len(counts) < 2, f"images differ in the number of keypoints of an object: {sorted(counts)}"


def assert_size(result: Detections, image: Path) -> None:
    """See that a result has its image's height and width.

    Raises:
        AssertionError: It hasn't.
    """
    width, height = size_of(image)
    told = f"{result.width} wide and {result.height} high"
    assert (result.width, result.height) == (width, height), f"{image.name}, {width} x {height} pixels, is {told}"


def assert_unreadable(subject: Subject, predict: Callable[..., Any], path: Path) -> None:
    """See that an image that can't be read is one result with ``error``; in version 1, that it is refused by its name.

    Raises:
        AssertionError: It is something else.
    """
    if subject.provider.api_version < 2:
        assert_refused(lambda: predict(str(path)), path.name)
        return
    results = predict(str(path))
    assert_one_for_each(subject, results, [str(path)])
    if subject.described:
        assert_failed(results[0])


def assert_failed(result: Detections) -> None:
    """See that a result says why its image couldn't be read, and no more.

    Raises:
        AssertionError: It doesn't.
    """
    assert isinstance(result.error, str), f"what can't be read has the error {result.error!r}"
    assert result.error.strip(), "what can't be read has an error that says nothing"
    assert len(result) == 0, f"it finds {len(result)} boxes in an image that can't be read"


def assert_doubled(found: Sequence[list[Row]], doubles: Sequence[list[Row]]) -> None:
    """See that boxes are twice as large in pictures that are, and keypoints twice as far from the corner.

    Raises:
        AssertionError: They aren't.
    """
    pairs = list(zip(found, doubles, strict=True))
    same, double = (sum(_like(rows, others, scale) for rows, others in pairs) for scale in (1, 2))
    number = sum(len(rows[:_MOST]) for rows in found)
    assert double > same, (
        f"of {number} boxes, {double} are twice as large in a picture of twice the size, and {same} are as large as "
        "before: are they in pixels of the network's input?"
    )
    moves = [_nearer_to_double(row, other) for rows, others in pairs for row, other in _alike(rows, others, 2)]
    assert not moves or 2 * sum(moves) > len(moves), (
        f"of {len(moves)} objects whose boxes are twice as large in a picture of twice the size, {sum(moves)} have "
        "keypoints that are twice as far: are these in pixels of the network's input, or of the box?"
    )


def _like(rows: list[Row], others: list[Row], scale: int) -> int:
    """Return how many boxes, made larger, have their like of the same class."""
    return len(_alike(rows, others, scale))


def _alike(rows: list[Row], others: list[Row], scale: int) -> list[tuple[Row, Row]]:
    """Return objects whose boxes, made larger, have their like of the same class, each with that."""
    found = []
    for row in rows[:_MOST]:
        box = [scale * corner for corner in row[CORNERS]]
        same = (other for other in others[:_MOST] if other[0] == row[0] and _overlap(box, other[CORNERS]) >= _ALIKE)
        if (like := next(same, None)) is not None:
            found.append((row, like))
    return found


def _nearer_to_double(row: Row, other: Row) -> bool:
    """Whether keypoints are, on the whole, nearer to twice their coordinates than to these; true of none at all."""
    points, doubles = ([value for index, value in enumerate(one[KEYPOINTS]) if index % 3 < 2] for one in (row, other))
    away = [(abs(b - 2 * a), abs(b - a)) for a, b in zip(points, doubles, strict=True)]
    return not away or sum(pair[0] for pair in away) < sum(pair[1] for pair in away)


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (areas - width * height)
