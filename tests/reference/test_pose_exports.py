"""Our exports under super-gradients' own names give what its exporter's files of the same weights give."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from super_gradients.conversion import DetectionOutputFormatMode
from super_gradients.training.processing.processing import default_yolo_nas_pose_coco_processing_params

from tests.reference import pose_oracle
from tests.support.pictures import picture
from yolonas_plugin.export.description import Description, Gives
from yolonas_plugin.export.onnx import write_onnx
from yolonas_plugin.nn import yolo_nas_pose_n
from yolonas_plugin.processing import POSE
from yolonas_plugin.skeleton import COCO_PERSON

pytest.importorskip("onnx_graphsurgeon", reason="super-gradients' exporter needs onnx-graphsurgeon")

SIDE = 128
MODES = {
    "super-gradients-flat": DetectionOutputFormatMode.FLAT_FORMAT,
    "super-gradients-batch": DetectionOutputFormatMode.BATCH_FORMAT,
}


def run(path: Path, images: np.ndarray) -> tuple[list[str], dict[str, np.ndarray]]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (source,) = session.get_inputs()
    outputs = dict(
        zip([each.name for each in session.get_outputs()], session.run(None, {source.name: images}), strict=True)
    )
    return [source.name, source.type, *map(str, source.shape)], outputs


@pytest.mark.parametrize("gives", MODES)
def test_the_same_names_shapes_and_persons(gives: Gives, tmp_path: Path) -> None:
    theirs: Any = pose_oracle.network("n")
    theirs.set_dataset_processing_params(**default_yolo_nas_pose_coco_processing_params())
    ours = yolo_nas_pose_n()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    spec = replace(POSE, size=(SIDE, SIDE), resize=(SIDE, SIDE), conf=0.6, iou=0.7, max_detections=30)
    about = Description(
        names=("person",),
        processing=spec,
        task="pose",
        skeleton=COCO_PERSON,
        takes="super-gradients",
        gives=gives,
    )
    write_onnx(ours.eval().fuse(), about, tmp_path / "ours.onnx", simplify=False)
    theirs.export(
        str(tmp_path / "theirs.onnx"),
        confidence_threshold=spec.conf,
        nms_threshold=spec.iou,
        input_image_shape=(SIDE, SIDE),
        max_predictions_per_image=spec.max_detections,
        num_pre_nms_predictions=spec.top_k,
        output_predictions_format=MODES[gives],
    )
    canvas = spec.letterbox(picture(3, 100, 120))[0]
    images = np.ascontiguousarray(canvas.transpose(2, 0, 1)[None, ::-1])
    (takes, found), (expected_takes, expected) = (run(tmp_path / f"{who}.onnx", images) for who in ("ours", "theirs"))
    assert takes == expected_takes
    assert list(found) == list(expected)
    if gives == "super-gradients-flat":
        (rows,), (wanted,) = found.values(), expected.values()
    else:
        counts, *parts = found.values()
        wanted_counts, *wanted_parts = expected.values()
        assert (counts.dtype, counts.tolist()) == (wanted_counts.dtype, wanted_counts.tolist())
        assert [part.shape for part in parts] == [part.shape for part in wanted_parts]
        count = int(counts[0, 0])
        rows, wanted = (
            np.concatenate([part[0, :count].reshape(count, -1) for part in of], axis=1) for of in (parts, wanted_parts)
        )
        assert not any(part[0, count:].any() for part in parts)  # theirs holds other candidates there
    assert 3 < len(rows) <= spec.max_detections
    np.testing.assert_allclose(rows, wanted, atol=0.05)
