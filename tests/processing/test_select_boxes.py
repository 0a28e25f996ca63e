"""Which boxes are detections: each setting does what it says."""

from __future__ import annotations

import pytest
import torch

from tests.support import processing_cases as cases
from yolonas_plugin.boxes.tensors import select_boxes


@pytest.mark.parametrize("name", cases.SELECTIONS)
def test_rows_are_few_enough_and_best_first(name: str) -> None:
    boxes, scores, settings = cases.selection(name)
    rows = select_boxes(boxes, scores, **settings)
    assert rows.dtype == torch.float32
    assert rows.shape[1] == 6
    assert len(rows) <= settings.get("max_detections", 300)
    assert (rows[:-1, 4] >= rows[1:, 4]).all()


def test_only_wanted_classes_are_candidates() -> None:
    """They are left out before the best are counted, so unwanted ones take no places."""
    boxes, scores, settings = cases.selection("more candidates than top-k")
    wanted = [3, 17]
    rows = select_boxes(boxes, scores, **settings, classes=wanted)
    others = scores.clone()
    others[:, [label for label in range(scores.shape[1]) if label not in wanted]] = 0
    assert torch.equal(rows, select_boxes(boxes, others, **settings))
    assert sorted(set(rows[:, 5].int().tolist())) == wanted


def test_no_wanted_class_means_no_box() -> None:
    boxes, scores, settings = cases.selection("three classes")
    assert select_boxes(boxes, scores, **settings, classes=[]).shape == (0, 6)


def test_a_score_at_conf_counts_for_single_labels_only() -> None:
    boxes, scores = torch.tensor([[0.0, 0, 9, 9]]), torch.tensor([[0.5]])
    assert len(select_boxes(boxes, scores, conf=0.5, iou=0.7)) == 0
    assert len(select_boxes(boxes, scores, conf=0.5, iou=0.7, multi_label=False)) == 1


def test_overlapping_boxes_of_two_classes() -> None:
    boxes, scores = torch.tensor([[0.0, 0, 9, 9], [0, 0, 9, 9]]), torch.tensor([[0.9, 0.6], [0.1, 0.8]])

    def labels(**settings: bool) -> list[int]:
        return select_boxes(boxes, scores, conf=0.5, iou=0.7, **settings)[:, 5].int().tolist()

    assert labels() == [0, 1]
    assert labels(class_agnostic=True) == [0]
    assert labels(multi_label=False) == [0, 1]
