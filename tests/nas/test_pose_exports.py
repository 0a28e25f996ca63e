"""Exports for poses: each form gives the network's boxes and keypoints, in every runtime, and says what they are."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from ultralytics import YOLO

from exhaustive import first
from tests.support import synthetic
from tests.support.pictures import picture
from yolonas_plugin.boxes.arrays import select_boxes
from yolonas_plugin.errors import CheckpointError, ExportSettingError
from yolonas_plugin.export.description import SKELETON_KEY, Description
from yolonas_plugin.export.graph import PixelNetwork
from yolonas_plugin.export.onnx import write_onnx
from yolonas_plugin.info import ModelInfo
from yolonas_plugin.nas import inference
from yolonas_plugin.nas.export import export
from yolonas_plugin.nas.module import NASModule
from yolonas_plugin.processing import POSE
from yolonas_plugin.runtimes import open_runtime
from yolonas_plugin.runtimes.openvino import OpenVinoRuntime
from yolonas_plugin.skeleton import Skeleton

pytestmark = pytest.mark.usefixtures("one_thread")

HEIGHT, WIDTH, PLACES = 64, 96, 126
SPEC = replace(POSE, size=(HEIGHT, WIDTH), resize=(HEIGHT, WIDTH), conf=0.3, max_detections=40)
SKELETON = Skeleton(("head", "l'hand", "r\\hand", "l foot", "r foot"), ((0, 1), (0, 2)), flip_index=(0, 2, 1, 4, 3))
K = len(SKELETON)
INFO = ModelInfo(names=("person",), processing=SPEC, size="n", task="pose", skeleton=SKELETON)
PIXELS = np.stack([SPEC.letterbox(picture(seed, height=100 + 20 * seed))[0] for seed in range(3)])
RUNTIMES = ["onnxruntime", "openvino"]
BOUNDS = (0.05, 1e-4, 0.05, 1e-4)
"""Of boxes and keypoints in pixels, and of their scores, as for detection."""


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> NASModule:
    network = synthetic.pose_network("n", K)
    made = NASModule(INFO, network.parts, tmp_path_factory.mktemp("weights") / "pose.pt").eval()
    made.args = {"imgsz": [HEIGHT, WIDTH], "data": None}
    return made


@pytest.fixture(scope="module")
def expected(module: NASModule) -> list[np.ndarray]:
    """What torch gives for the pictures: boxes, scores, keypoints and their scores."""
    network = PixelNetwork(deepcopy(module).fuse(), SPEC)
    with torch.no_grad():
        found = [output.numpy() for output in network(torch.from_numpy(PIXELS).permute(0, 3, 1, 2))]
    assert [output.shape for output in found] == [(3, PLACES, 4), (3, PLACES, 1), (3, PLACES, K, 2), (3, PLACES, K)]
    return found


def assert_near(found: Any, expected: list[np.ndarray]) -> None:
    assert len(found) == len(expected)
    for mine, theirs, bound in zip(found, expected, BOUNDS, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=bound, rtol=0)


@pytest.mark.parametrize("form", [{}, {"takes": "pixels", "gives": "pair"}, {"takes": "super-gradients"}])
def test_runtimes_give_what_torch_gives(
    form: dict[str, str], module: NASModule, expected: list[np.ndarray], tmp_path: Path
) -> None:
    path = export(module, format="onnx", output=tmp_path, dynamic=True, simplify=False, **form)
    for runtime in RUNTIMES:
        opened = open_runtime(path, runtime)
        said = Description.of(INFO, **{"takes": "prepared", "gives": "engine", **form})
        assert opened.description == replace(said, size=None)
        assert_near(opened(PIXELS), expected)
        assert_near(opened(PIXELS[1:2]), [output[1:2] for output in expected])


def test_openvinos_own_files(module: NASModule, expected: list[np.ndarray], tmp_path: Path) -> None:
    folder = export(module, format="openvino", output=tmp_path, batch=2)
    opened = open_runtime(folder)
    assert isinstance(opened, OpenVinoRuntime)
    assert opened.description.skeleton == SKELETON
    assert_near(opened(PIXELS), expected)  # of two at a time
    found = YOLO(folder, task="pose")([picture(0), picture(1)], imgsz=[HEIGHT, WIDTH], conf=0.3, verbose=False)
    assert found[0].keypoints.data.shape[1:] == (K, 3)


def run(path: str, takes: str) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    images = PIXELS if takes == "pixels" else np.ascontiguousarray(PIXELS.transpose(0, 3, 1, 2)[:, ::-1])
    (source,) = session.get_inputs()
    assert (source.name, source.type) == ("pixels" if takes == "pixels" else "input", "tensor(uint8)")
    outputs = session.run(None, {source.name: images})
    return dict(zip([output.name for output in session.get_outputs()], outputs, strict=True))


def selected(expected: list[np.ndarray]) -> list[np.ndarray]:
    """The rows [N, 6 + 3K] of each picture."""
    found = [select_boxes(*(output[index] for output in expected), **SPEC.selection()) for index in range(3)]
    assert all(5 < len(rows) <= 40 for rows in found)
    assert any((rows[:, 6::3] < 0).any() or (rows[:, 6::3] > WIDTH).any() for rows in found)  # keypoints outside
    return found


@pytest.mark.parametrize(
    ("takes", "gives", "name"),
    [("pixels", "flat", "detections"), ("super-gradients", "super-gradients-flat", "graph2_flat_predictions")],
)
@pytest.mark.parametrize("dynamic", first([True, False]))
def test_flat_rows(
    takes: str, gives: str, name: str, dynamic: bool, module: NASModule, expected: list[np.ndarray], tmp_path: Path
) -> None:
    form = {"takes": takes, "gives": gives, "dynamic": dynamic, "simplify": takes == "pixels", "batch": 3}
    outputs = run(export(module, format="onnx", output=tmp_path, **form), takes)
    assert list(outputs) == [name]
    rows = outputs[name]
    assert rows.shape[1] == 6 + 3 * K
    assert rows[:, 0].tolist() == sorted(rows[:, 0])
    for index, wanted in enumerate(selected(expected)):
        mine = rows[rows[:, 0] == index, 1:]
        np.testing.assert_allclose(mine, np.delete(wanted, 5, axis=1), atol=0.05)


NAMES = {
    ("pixels", "batch"): ["num_detections", "boxes", "scores", "classes", "keypoints"],
    ("super-gradients", "super-gradients-batch"): [
        *("graph2_num_predictions", "graph2_post_nms_boxes", "graph2_post_nms_scores", "graph2_post_nms_joints")
    ],
}


@pytest.mark.parametrize(("takes", "gives"), NAMES)
@pytest.mark.parametrize("dynamic", first([False, True]))
def test_batches(
    takes: str, gives: str, dynamic: bool, module: NASModule, expected: list[np.ndarray], tmp_path: Path
) -> None:
    form = {"takes": takes, "gives": gives, "dynamic": dynamic, "simplify": takes == "pixels", "batch": 3}
    outputs = run(export(module, format="onnx", output=tmp_path, **form), takes)
    assert list(outputs) == NAMES[takes, gives]
    counts, boxes, scores, *classes, keypoints = outputs.values()
    assert (counts.dtype, counts.shape) == (np.int64, (3, 1))
    assert keypoints.shape == (3, 40, K, 3)
    for index, wanted in enumerate(selected(expected)):
        count = len(wanted)
        assert counts[index, 0] == count
        found = np.column_stack((boxes[index], scores[index], keypoints[index].reshape(40, 3 * K)))
        np.testing.assert_allclose(found[:count], np.delete(wanted, 5, axis=1), atol=0.05)
        assert not found[count:].any()
        for one in classes:
            assert one[index].tolist() == [0] * count + [-1] * (40 - count)
    assert any(counts < 40)


def test_a_score_of_conf_itself_is_enough(module: NASModule, tmp_path: Path) -> None:
    form = {"takes": "pixels", "gives": "batch", "batch": 3, "simplify": False}
    scores = run(export(module, format="onnx", output=tmp_path, **form), "pixels")["scores"][0]
    assert len(set(scores[:4])) == 4
    found = run(export(module, format="onnx", output=tmp_path, conf=float(scores[2]), **form), "pixels")
    assert found["num_detections"][0, 0] == 3


def test_what_finds_no_keypoints_is_refused(module: NASModule, tmp_path: Path) -> None:
    words = "'frigate' isn't for the task pose; it is one of engine, pair, flat, batch, super-gradients-flat"
    for format in ("onnx", "openvino"):
        with pytest.raises(ExportSettingError, match=words):
            export(module, format=format, output=tmp_path, gives="frigate")
    assert not list(tmp_path.iterdir())


# --- what a file says ---


@pytest.fixture(scope="module")
def written(module: NASModule, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    for gives, dynamic in (("pair", False), ("engine", True)):
        about = Description.of(INFO, "pixels", gives)
        write_onnx(module.for_export(), about, folder / f"{gives}.onnx", dynamic=dynamic, simplify=False)
    return folder


def say(path: Path, to: Path, changes: dict[str, str | None]) -> Path:
    graph = onnx.load(path)
    said = {entry.key: entry.value for entry in graph.metadata_props} | changes
    del graph.metadata_props[:]
    onnx.helper.set_model_props(graph, {key: text for key, text in said.items() if text is not None})
    onnx.save(graph, to / path.name)
    return to / path.name


def of_four() -> dict[str, str | None]:
    """The strings of a model of four keypoints, which agree among themselves."""
    about = replace(Description.of(INFO, "pixels", "pair"), skeleton=Skeleton.unnamed(4))
    said = about.to_metadata(batch=1, dynamic=False)
    return {key: said[key] for key in ("kpt_shape", "kpt_names", SKELETON_KEY)}


DAMAGES: dict[str, tuple[dict[str, str | None], str]] = {
    "no kpt_shape": ({"kpt_shape": None}, "kpt_shape is missing, and by the rest '[5, 3]'"),
    "two numbers a keypoint": ({"kpt_shape": "[5, 2]"}, "kpt_shape is '[5, 2]'"),
    "another K": ({"kpt_shape": "[17, 3]"}, "kpt_shape is '[17, 3]'"),
    "no shape": ({"kpt_shape": "__import__('os')"}, "kpt_shape is"),
    "no names": ({"kpt_names": None}, "kpt_names is missing"),
    "no skeleton": ({SKELETON_KEY: None}, "needs a skeleton"),
    "a skeleton that is none": ({SKELETON_KEY: "{}"}, "no names of keypoints"),
    "an edge to nowhere": ({SKELETON_KEY: json.dumps({"names": ["a"] * K, "edges": [[0, 9]]})}, "two keypoints are"),
    "a huge skeleton": ({SKELETON_KEY: " " * (2 << 20)}, "has 2,097,152 letters"),
    "no task": ({"task": None}, "has no keypoints, but a skeleton was given"),
    "a detector's task": ({"task": "detect"}, "has no keypoints, but a skeleton was given"),
    "a task that there isn't": ({"task": "segment"}, "no keypoints"),
    "two classes": ({"names": "{0: 'a', 1: 'b'}"}, "of one class, not of 2"),
    "another graph's": (of_four(), "keypoints"),
    "a detector's": ({"kpt_shape": None, "kpt_names": None, SKELETON_KEY: None, "task": "detect"}, ""),
}


@pytest.mark.parametrize("runtime", first(RUNTIMES))
@pytest.mark.parametrize("kind", DAMAGES)
def test_a_file_that_says_something_else_of_its_keypoints(
    kind: str, runtime: str, written: Path, tmp_path: Path
) -> None:
    changes, words = DAMAGES[kind]
    for path in sorted(written.iterdir()):
        changed = say(path, tmp_path, changes)
        with pytest.raises(CheckpointError) as caught:
            open_runtime(changed, runtime)(PIXELS[:1])
        assert words in str(caught.value)
        assert path.name in str(caught.value)
        assert len(str(caught.value)) < 1000


def test_a_detectors_file_with_keypoints_is_refused(tmp_path: Path) -> None:
    about = Description(names=("person",), processing=SPEC, takes="pixels", gives="pair")
    write_onnx(synthetic.network("n", num_classes=1).fuse(), about, tmp_path / "a.onnx", simplify=False)
    (tmp_path / "changed").mkdir()
    for changes in ({"kpt_shape": "[17, 3]"}, of_four(), {**of_four(), "task": "pose"}):
        with pytest.raises(CheckpointError, match=r"contradicts itself|isn't what its metadata describes"):
            open_runtime(say(tmp_path / "a.onnx", tmp_path / "changed", changes))


# --- other programs ---


def stock(path: str, **settings: Any) -> np.ndarray:
    """What stock Ultralytics finds: rows [N, 6] and keypoints [N, K, 3], lined up."""
    (found,) = YOLO(path, task="pose")(PIXELS[0], imgsz=[HEIGHT, WIDTH], conf=0.3, iou=0.7, verbose=False, **settings)
    assert found.keypoints.data.shape[1:] == (K, 3)
    return np.column_stack((found.boxes.data.numpy(), found.keypoints.data.numpy().reshape(-1, 3 * K)))


def network_on_rgb(module: NASModule) -> np.ndarray:
    """What the network finds on what stock Ultralytics gives it: RGB from 0 to 1."""
    images = torch.from_numpy(PIXELS[:1, ..., ::-1].copy()).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        found = [output[0].numpy() for output in module.for_export().detect(images)]
    return select_boxes(*found, conf=0.3, iou=0.7, max_detections=300, multi_label=False)


@pytest.mark.parametrize("format", ["onnx", "torchscript"])
def test_stock_ultralytics_opens_them(format: str, module: NASModule, tmp_path: Path) -> None:
    path = export(module, format=format, output=tmp_path, imgsz=[HEIGHT, WIDTH])
    found, wanted = stock(path), network_on_rgb(module)
    assert len(found) > 5
    for columns, limit in ((slice(0, 4, 2), WIDTH), (slice(1, 4, 2), HEIGHT), (slice(6, None, 3), WIDTH)):
        wanted[:, columns] = wanted[:, columns].clip(0, limit)  # it clips boxes and keypoints to the image
    wanted[:, 7::3] = wanted[:, 7::3].clip(0, HEIGHT)
    np.testing.assert_allclose(found, wanted, atol=0.05)


# --- the cache ---


def test_a_graph_is_found_again_only_for_the_same_task_and_keypoints(module: NASModule) -> None:
    renamed = NASModule(replace(INFO, skeleton=Skeleton.unnamed(K)), module.parts)
    assert inference._key(module) == inference._key(NASModule(INFO, module.parts))
    assert inference._key(renamed) != inference._key(module)
    before = inference._key(renamed)
    renamed.task = "detect"
    assert inference._key(renamed) != before
