"""Results as rows of numbers, and when two of them are the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, TypeAlias

import pytest

from model_zoo_api.detections import Detections
from model_zoo_api.errors import SettingError

Row: TypeAlias = tuple[float, ...]
"""One object: class index, score from 0 to 1, x1, y1, x2, y2 in pixels of the image; then x, y and score of each
keypoint, where there are."""

CORNERS: Final = slice(2, 6)
KEYPOINTS: Final = slice(6, None)

UNKNOWN: Final = "no_such_setting"
"""What no provider knows."""

CRASHES: Final = (
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    NameError,
    NotImplementedError,
    RecursionError,
    UnboundLocalError,
    ZeroDivisionError,
)
"""What code raises that meets what it wasn't written for. Their subclasses may well be raised on purpose."""


def rows_of(result: Any) -> list[Row]:
    """Return what a result of a task with boxes has."""
    keypoints: list[list[list[float]]] | None = None
    if isinstance(result, Detections):
        columns = [values.tolist() for values in (result.labels, result.scores, result.boxes)]
        keypoints = None if result.keypoints is None else result.keypoints.tolist()
    else:  # of the contract's first version
        columns = [values.tolist() for values in (result.boxes.cls, result.boxes.conf, result.boxes.xyxy)]
    points = [[]] * len(columns[0]) if keypoints is None else keypoints
    return [
        (float(label), float(score), *map(float, corners), *map(float, chain.from_iterable(own)))
        for label, score, corners, own in zip(*columns, points, strict=True)
    ]


@dataclass(frozen=True)
class Tolerance:
    """How far the same object may differ: corners of its box and keypoints in pixels, scores."""

    corners: float
    score: float

    def assert_same(self, found: Sequence[list[Row]], expected: Sequence[list[Row]], when: str) -> None:
        """See that each image has the same boxes; two of all but the same score may change places.

        Raises:
            AssertionError: It hasn't; the message begins with ``when``.
        """
        assert len(found) == len(expected), f"{when}: {len(found)} results instead of {len(expected)}"
        for index, (rows, others) in enumerate(zip(found, expected, strict=True)):
            assert len(rows) == len(others), f"{when}, image {index}: {len(rows)} boxes instead of {len(others)}"
            left = list(rows)
            for other in others:
                like = next((row for row in left if self._same(row, other)), None)
                assert like is not None, f"{when}, image {index}: no box like {other} among {left}"
                left.remove(like)

    def _same(self, row: Row, other: Row) -> bool:
        limits = (0.0, self.score, *[self.corners] * 4, *[self.corners, self.corners, self.score] * (len(row) // 3 - 2))
        return len(row) == len(other) and all(
            a == b or abs(a - b) <= limit for a, b, limit in zip(row, other, limits, strict=True)
        )


def assert_refused(act: Callable[[], Any], name: str = "") -> None:
    """See that ``act`` raises an error for people: no crash, and a message that says more than ``name``, but that too.

    Raises:
        AssertionError: It raises another error.
        pytest.fail.Exception: It raises none.
    """
    error = _raised(act)
    kind, message = type(error), str(error)
    assert kind not in CRASHES, f"it crashes with {kind.__name__}: {message}"
    assert name in message, f"the {kind.__name__} doesn't name {name!r}: {message}"
    assert len(message.replace(name, "")) > 8, f"the {kind.__name__} says only {message!r}"


def assert_setting_error(act: Callable[[], Any], name: str) -> None:
    """See that ``act`` raises the contract's error of settings, and that it names one.

    Raises:
        pytest.fail.Exception: It doesn't.
    """
    try:
        given = act()
    except Exception as error:
        if not isinstance(error, SettingError):
            pytest.fail(f"hosts get a {type(error).__name__}, no SettingError: {error}")
        if name not in str(error):
            pytest.fail(f"the SettingError doesn't name {name!r}: {error}")
    else:
        pytest.fail(f"it gives {given!r} instead of a SettingError")


def _raised(act: Callable[[], Any]) -> Exception:
    try:
        given = act()
    except Exception as error:
        return error
    pytest.fail(f"it gives {given!r} instead of an error")
