"""``NAS.predict`` finds the persons that super-gradients' ``predict`` finds, with the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from super_gradients.training.processing.processing import default_yolo_nas_pose_coco_processing_params

from tests.reference import pose_oracle
from tests.support import synthetic
from tests.support.pictures import picture
from yolonas_plugin import NAS
from yolonas_plugin.boxes.image_boxes import as_arrays

CONF = 0.9


def both(size: str, conf: float = CONF) -> tuple[NAS, Any]:
    """Return our model and super-gradients' with the same weights, and the processing that the published ones have."""
    ours = NAS(f"yolo_nas_pose_{size}", pretrained=False)
    weights = synthetic.state_dict(ours.model.state_dict(), synthetic.SMALL)
    ours.model.load_state_dict(weights)
    theirs = pose_oracle.new_network(size)
    theirs.load_state_dict(weights, strict=True)
    theirs.set_dataset_processing_params(**{**default_yolo_nas_pose_coco_processing_params(), "conf": conf})
    return ours, theirs.eval()


def assert_same(ours: NAS, theirs: Any, image: np.ndarray, conf: float = CONF) -> None:
    expected = theirs.predict(image[..., ::-1].copy(), fuse_model=True, fp16=False).prediction
    (result,) = ours.predict(image, conf=conf, verbose=False)
    found = as_arrays(result)
    assert len(found.scores) == len(expected.scores) > 3
    assert found.keypoints is not None
    nearest = np.abs(found.boxes[:, None] - expected.bboxes_xyxy).max(axis=2).argmin(axis=1)
    assert sorted(nearest) == list(range(len(nearest)))
    boxes, others = found.boxes, expected.bboxes_xyxy[nearest]
    np.testing.assert_allclose(found.scores, expected.scores[nearest], atol=1e-4)
    low, high = np.maximum(boxes[:, :2], others[:, :2]), np.minimum(boxes[:, 2:], others[:, 2:])
    shared = (high - low).prod(axis=1)
    areas = [(each[:, 2:] - each[:, :2]).prod(axis=1) for each in (boxes, others)]
    assert (shared / (areas[0] + areas[1] - shared)).min() > 0.999
    np.testing.assert_allclose(found.keypoints[..., :2], expected.poses[nearest][..., :2], atol=0.01)
    np.testing.assert_allclose(found.keypoints[..., 2], expected.poses[nearest][..., 2], atol=1e-4)


@pytest.mark.parametrize("size", ["n", "s"])
def test_persons_and_keypoints_are_the_same(size: str) -> None:
    ours, theirs = both(size)
    for seed, shape in enumerate([(480, 640), (640, 427), (300, 200), (900, 1200)]):
        assert_same(ours, theirs, picture(seed, *shape))


def test_on_pictures_of_people(shared_data: Path) -> None:
    ours, theirs = both("n")
    for path in sorted((shared_data / "pose_minicoco/images/val2017").glob("*.jpg"))[:6]:
        assert_same(ours, theirs, cv2.imread(str(path)))
