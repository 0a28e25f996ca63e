"""CVAT's command line and its driver use the function. ``make hosts`` has their environment.

There is no CVAT server here: what the driver downloads and uploads is in memory.
"""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from cvat_cli._internal.agent import get_function_driver_class
from cvat_cli._internal.common import FunctionLoader
from cvat_cli._internal.parsers import parse_function_parameter
from cvat_sdk import models
from cvat_sdk.auto_annotation import BadFunctionError, annotate_task
from PIL import Image

from yolonas_plugin import NAS
from yolonas_plugin.cards import LAYOUT_CLASSES
from yolonas_plugin.errors import WeightsNotFoundError
from yolonas_plugin.hosts.cvat import Detector
from yolonas_plugin.skeleton import COCO_PERSON

MODULE = "yolonas_plugin.hosts.cvat"


def load(*parameters: str) -> Detector:
    """Load the function as ``cvat-cli ... --function-module MODULE -p PARAMETER`` does."""
    return FunctionLoader(MODULE, None, dict(map(parse_function_parameter, parameters))).load()


@pytest.fixture
def images(page: np.ndarray) -> list[Image.Image]:
    rgb = Image.fromarray(np.ascontiguousarray(page[..., ::-1]))
    return [rgb, Image.new("L", (300, 200), 255), rgb.crop((100, 50, 400, 600))]


class Server:
    """The part of a client that the driver uses; ``shapes`` are what it uploads."""

    def __init__(self) -> None:
        self.logger = logging.getLogger("cvat")
        self.tasks = SimpleNamespace(api=self)

    def partial_update_annotations(self, action, task_id, *, patched_labeled_data_request) -> None:
        assert (action, task_id) == ("create", 7)
        self.shapes = patched_labeled_data_request.shapes


@pytest.fixture
def annotate(images: list[Image.Image], monkeypatch: pytest.MonkeyPatch):
    def run(
        function: Detector, names: list[str], points: tuple[str, ...] = (), **options: object
    ) -> list[models.LabeledShapeRequest]:
        """Annotate a task that has ``images`` as its frames 10, 11 and 12, and labels with ids from 100.

        With ``points`` labels are skeletons of these, whose ids go from 500.
        """
        sublabels = [SimpleNamespace(id=500 + i, name=name, attributes=[]) for i, name in enumerate(points)]
        kind = {"type": "skeleton" if points else "rectangle", "attributes": [], "sublabels": sublabels}
        labels = [models.Label(id=100 + i, name=name, **kind, _check_type=False) for i, name in enumerate(names)]
        media = [SimpleNamespace(load_image=lambda image=image: image) for image in images]
        samples = [
            SimpleNamespace(frame_name=f"{number}.png", frame_index=number, media=one)
            for number, one in enumerate(media, start=10)
        ]
        dataset = SimpleNamespace(labels=labels, samples=samples)
        monkeypatch.setattr("cvat_sdk.auto_annotation.driver.TaskDataset", lambda *_, **__: dataset)
        server = Server()
        annotate_task(server, 7, function, **options)
        return server.shapes

    return run


def test_the_driver_uploads_what_nas_predicts(annotate, images: list[Image.Image]) -> None:
    function = load("model=str:yolo_nas_n_layout", "conf=float:0.4")
    shapes = annotate(function, list(LAYOUT_CLASSES))
    model = NAS("yolo_nas_n_layout")
    for number, image in enumerate(images, start=10):
        (expected,) = model.predict(image, conf=0.4, verbose=False)
        found = [shape for shape in shapes if shape.frame == number]
        assert [shape.label_id - 100 for shape in found] == expected.boxes.cls.tolist()
        height, width = expected.orig_shape
        boxes = np.clip(expected.boxes.xyxy.numpy(), 0, (width, height, width, height))
        np.testing.assert_allclose([shape.points for shape in found], boxes.tolist(), atol=0.01)
        np.testing.assert_allclose([shape.score for shape in found], expected.boxes.conf.tolist(), atol=1e-4)
    assert len([shape for shape in shapes if shape.frame == 10]) > 10
    assert {shape.type.value for shape in shapes} == {"rectangle"}
    assert {shape.source for shape in shapes} == {"auto"}


def test_cvat_s_threshold_wins_and_labels_are_matched_by_name(annotate) -> None:
    function = load("model=str:yolo_nas_n_layout", "conf=float:0.1")
    with pytest.raises(BadFunctionError, match="is not in dataset"):
        annotate(function, ["text"])
    shapes = annotate(function, ["text"], allow_unmatched_labels=True, conf_threshold=0.6)
    assert len(shapes) > 1
    assert {shape.label_id for shape in shapes} == {100}
    assert min(shape.score for shape in shapes) >= 0.6


def test_poses_are_skeletons(annotate, images: list[Image.Image], pose_weights: Path) -> None:
    function = load(f"model=str:{pose_weights}")
    order = tuple(reversed(COCO_PERSON.names))  # the task has the same names in an order of its own
    shapes = annotate(function, ["person"], order)
    model = NAS(pose_weights)
    hidden = 0
    for number, image in enumerate(images, start=10):
        (expected,) = model.predict(image, verbose=False)
        height, width = expected.orig_shape
        expected = expected.within_image()
        found = [shape for shape in shapes if shape.frame == number]
        assert len(found) == len(expected) > 1
        assert {(shape.type.value, shape.label_id, shape.source) for shape in found} == {("skeleton", 100, "auto")}
        np.testing.assert_allclose([shape.score for shape in found], expected.boxes.conf.tolist(), atol=1e-4)
        for shape, points in zip(found, expected.keypoints.data.numpy(), strict=True):
            by_name = {order[element.label_id - 500]: element for element in shape.elements}
            elements = [by_name[name] for name in COCO_PERSON.names]
            places = np.array([element.points for element in elements])
            np.testing.assert_allclose(places, points[:, :2].clip(0, (width, height)), atol=0.01)
            inside = ((points[:, :2] >= 0) & (points[:, :2] <= (width, height))).all(1)
            outside = np.array([element.outside for element in elements])
            np.testing.assert_array_equal(outside, ~(inside & (points[:, 2] >= 0.25)))
            hidden += outside.sum()
    assert 0 < hidden < 17 * len(shapes)
    with pytest.raises(BadFunctionError, match="sublabel 'left_eye' of label 'person' is not in dataset"):
        annotate(function, ["person"], ("nose",))


def test_an_agent_offers_poses_with_the_names_of_their_keypoints(pose_weights: Path) -> None:
    spec = load(f"model=str:{pose_weights}").spec
    (label,) = get_function_driver_class(spec).get_remote_function_fields(spec)["labels_v2"]
    assert (label["name"], label["type"]) == ("person", "skeleton")
    assert [point["name"] for point in label["sublabels"]] == list(COCO_PERSON.names)


def test_an_agent_can_offer_it() -> None:
    spec = load("model=str:yolo_nas_n_layout").spec
    labels = get_function_driver_class(spec).get_remote_function_fields(spec)["labels_v2"]
    assert labels == [{"name": name, "attributes": [], "type": "rectangle"} for name in LAYOUT_CLASSES]


def test_what_is_wrong_with_the_parameters_is_said() -> None:
    with pytest.raises(WeightsNotFoundError, match="there is no such file"):
        load("model=str:absent.pth")
    with pytest.raises(TypeError, match="model"):
        load()
