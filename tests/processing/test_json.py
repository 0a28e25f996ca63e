"""A spec survives JSON, and JSON that isn't a whole spec is refused."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
import torch

from yolonas_plugin.errors import ProcessingError
from yolonas_plugin.processing import COCO, SUPER_GRADIENTS, ProcessingSpec

FIELDS: dict[str, Any] = json.loads(COCO.to_json())

NORMALISED = ProcessingSpec(
    size=(96, 640),
    resize=(91, 636),
    keep_ratio=False,
    pad_value=0,
    divisor=1 / 3,
    mean=(0.485, 0.456, 0.1 + 0.2),
    std=(0.229, 0.224, 0.225),
    conf=0.1,
    iou=1 / 7,
    top_k=1,
    max_detections=1,
    multi_label=False,
    class_agnostic=True,
)


@pytest.mark.parametrize("spec", [COCO, SUPER_GRADIENTS, NORMALISED])
def test_every_field_comes_back_to_the_bit(spec: ProcessingSpec) -> None:
    assert ProcessingSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("spec", [COCO, SUPER_GRADIENTS, NORMALISED])
def test_what_comes_back_does_the_same(spec: ProcessingSpec) -> None:
    image = np.random.RandomState(0).randint(0, 256, (50, 70, 3)).astype(np.uint8)
    again = ProcessingSpec.from_json(spec.to_json())
    (pixels, place), (expected, expected_place) = again.letterbox(image), spec.letterbox(image)
    np.testing.assert_array_equal(pixels, expected)
    assert place == expected_place
    batch = torch.from_numpy(expected).permute(2, 0, 1)[None]
    assert torch.equal(again.normalise(batch), spec.normalise(batch))


def test_every_field_is_written() -> None:
    assert list(FIELDS) == [field.name for field in dataclasses.fields(ProcessingSpec)]


@pytest.mark.parametrize("name", FIELDS)
def test_a_missing_field_is_refused(name: str) -> None:
    with pytest.raises(ProcessingError, match=f"{name} is missing"):
        ProcessingSpec.from_json(json.dumps({key: value for key, value in FIELDS.items() if key != name}))


WRONG: list[Any] = ["many", {}, [1], [1, "2"], [[1], [2]], float("nan"), float("inf"), -1e9]
"""Values that no field takes, but for ``[1]``: mean and std of one channel."""


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in FIELDS for value in WRONG if not (name in ("mean", "std") and value == [1])],
)
def test_a_field_of_another_type_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ProcessingError, match=name):
        ProcessingSpec.from_json(json.dumps(FIELDS | {name: value}))


@pytest.mark.parametrize(
    "changes",
    [{"solarise": True}, {"std": [1, 0, 1]}, {"size": [100, 100]}, {"conf": 7}, {"divisor": 0}, {"top_k": 0}],
)
def test_an_unknown_field_or_a_value_out_of_range_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ProcessingError, match=next(iter(changes)) if "size" not in changes else "multiples of 32"):
        ProcessingSpec.from_json(json.dumps(FIELDS | changes))


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", "[" * 100_000])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(ProcessingError):
        ProcessingSpec.from_json(text)
