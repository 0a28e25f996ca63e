"""Poses on the engine: persons with their keypoints, in every form that the engine has for results."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from ultralytics.engine.results import Results

from tests.support.pictures import picture
from tests.support.pose import HAND, SIZE, pose_model
from yolonas_plugin import NAS
from yolonas_plugin.boxes.tensors import select_boxes
from yolonas_plugin.drawing import draw_skeletons
from yolonas_plugin.errors import SettingError
from yolonas_plugin.nas import TASK_MAP, NASPredictor
from yolonas_plugin.nas.outcomes import outcomes
from yolonas_plugin.nas.results import NASResults
from yolonas_plugin.skeleton import COCO_PERSON

QUIET = {"verbose": False}


@pytest.fixture(scope="module")
def pose() -> NAS:
    return pose_model()


@pytest.fixture(scope="module")
def hands() -> NAS:
    return pose_model(HAND)


def by_hand(model: NAS, image: np.ndarray) -> np.ndarray:
    """What the processing and the unfused network say, without the engine: rows [N, 6 + 3K]."""
    spec = model.processing
    canvas, placement = spec.letterbox(image)
    pixels = torch.from_numpy(canvas).permute(2, 0, 1)[None]
    with torch.no_grad():
        outputs = model.model.detect(spec.normalise(pixels, order="BGR"))
    rows = select_boxes(*(output[0] for output in outputs), **spec.selection())
    return placement.rows_to_image(rows).numpy()


def rows(result: Results) -> np.ndarray:
    boxes, points = result.boxes, result.keypoints
    found = [boxes.xyxy, boxes.conf[:, None], boxes.cls[:, None], points.data.flatten(1)]
    return torch.cat(found, dim=1).cpu().numpy()


@pytest.mark.parametrize("shape", [(120, 150), (40, 31), (300, 200)])
def test_results_are_those_of_the_network_and_its_processing(pose: NAS, shape: tuple[int, int]) -> None:
    image = picture(1, *shape)
    (result,) = pose.predict(image, **QUIET)
    expected = by_hand(pose, image)
    assert len(expected) > 3
    found = rows(result)
    assert found.shape == expected.shape
    order, wanted = np.lexsort(found[:, 4::-1].T), np.lexsort(expected[:, 4::-1].T)
    np.testing.assert_allclose(found[order], expected[wanted], atol=0.05)
    outside = result.keypoints.xy < 0
    assert outside.any()  # not cut at the edges


@pytest.mark.parametrize("count", [17, 5])
def test_keypoints_of_any_number(pose: NAS, hands: NAS, count: int) -> None:
    model = {17: pose, 5: hands}[count]
    (result,) = model.predict(picture(), **QUIET)
    assert result.keypoints.data.shape == (len(result), count, 3)
    assert result.keypoints.conf.min() >= 0
    assert result.keypoints.conf.max() <= 1
    assert result.names == {0: "person" if count == 17 else "hand"}
    assert [len(one["keypoints"]["x"]) for one in result.summary()] == [count] * len(result)


def test_an_image_without_persons_has_no_keypoints_but_their_shape(hands: NAS, tmp_path: Path) -> None:
    (result,) = hands.predict(picture(), conf=1.0, **QUIET)
    assert result.keypoints.data.shape == (0, 5, 3)
    assert result.summary() == []
    assert len(result.to_df()) == 0
    assert (result.plot() == result.orig_img).all()
    result.save_txt(tmp_path / "none.txt")
    assert not (tmp_path / "none.txt").exists()
    (found,) = outcomes(hands, [picture()], {"conf": 1.0})
    assert found.keypoints.shape == (0, 5, 3)


def test_the_task_is_the_models(pose: NAS) -> None:
    assert pose.task == pose.overrides["task"] == "pose"
    assert TASK_MAP["pose"]["predictor"] is TASK_MAP["detect"]["predictor"] is NASPredictor
    pose.predict(picture(), **QUIET)
    assert pose.predictor.args.task == "pose"
    assert pose.info(verbose=False)[1] > 9_000_000


def test_another_task_is_refused(pose: NAS) -> None:
    with pytest.raises(SettingError, match="by a model of task pose"):
        pose.predict(picture(), task="detect")
    with pytest.raises(SettingError, match="of the tasks detect, pose"):
        NASPredictor(overrides={"task": "segment"})
    predictor = NASPredictor(overrides={"task": "detect", **QUIET})
    with pytest.raises(SettingError, match="by a model of task pose"):
        predictor(picture(), pose.model)


def test_the_contract_gets_the_keypoints(pose: NAS) -> None:
    (expected,) = pose.predict(picture(), **QUIET)
    (found,) = outcomes(pose, [picture()], {})
    np.testing.assert_array_equal(found.keypoints, expected.keypoints.data.numpy())
    assert found.native.skeleton == COCO_PERSON


@pytest.mark.parametrize("tracker", ["bytetrack.yaml", "botsort.yaml"])
def test_trackers_keep_each_box_with_its_keypoints(pose: NAS, video: Path, tracker: str) -> None:
    pytest.importorskip("lap")
    frames = list(pose.track(video, stream=True, tracker=tracker, conf=0.5, **QUIET))
    assert len(frames) == 6
    tracked = [frame for frame in frames if frame.boxes.is_track]
    assert len(tracked) > 3
    (untracked,) = pose.predict(tracked[-1].orig_img, **QUIET)
    place_of = {round(score, 5): points for score, points in zip(*_scores_and_points(untracked), strict=True)}
    scores, points = _scores_and_points(tracked[-1])
    assert len(scores) > 1
    for score, own in zip(scores, points, strict=True):
        np.testing.assert_allclose(own, place_of[round(score, 5)], atol=1e-3)


def _scores_and_points(result: Results) -> tuple[list[float], np.ndarray]:
    return result.boxes.conf.tolist(), result.keypoints.data.numpy()


def test_labels_have_keypoints_in_parts_of_the_image(hands: NAS, tmp_path: Path) -> None:
    (result,) = hands.predict(picture(), **QUIET)
    result.save_txt(tmp_path / "a.txt", save_conf=True)
    lines = [list(map(float, line.split())) for line in (tmp_path / "a.txt").read_text().splitlines()]
    inside = result.within_image()
    assert len(lines) == len(inside) > 3
    found = np.array(lines)
    assert found.shape[1] == 1 + 4 + 3 * 5 + 1
    points = found[:, 5:20].reshape(-1, 5, 3)
    expected = inside.keypoints.data.numpy() / [150, 120, 1]
    shown = ((expected[..., :2] >= 0) & (expected[..., :2] <= 1)).all(-1)
    assert shown.any()
    assert not shown.all()
    np.testing.assert_allclose(points[shown], expected[shown], atol=1e-5)
    assert (points[~shown] == 0).all()


def test_files_of_a_prediction_have_keypoints(hands: NAS, image: Path, tmp_path: Path) -> None:
    hands.predict(image, save=True, save_txt=True, project=str(tmp_path), name="run", **QUIET)
    assert {len(line.split()) for line in (tmp_path / "run/labels/picture.txt").read_text().splitlines()} == {20}
    drawn = cv2.imread(str(tmp_path / "run/picture.jpg"))
    assert np.abs(drawn.astype(int) - cv2.imread(str(image))).max() > 100


def _hand() -> tuple[np.ndarray, NASResults]:
    image = np.zeros((100, 100, 3), np.uint8)
    points = torch.tensor([[[50.0, 80, 0.9], [20, 20, 0.9], [40, 20, 0.9], [60, 20, 0.9], [80, 20, 0.1]]])
    result = NASResults(image, "a.png", {0: "hand"}, boxes=torch.tensor([[10.0, 10, 90, 90, 0.9, 0]]), keypoints=points)
    result.skeleton = HAND
    return image, result


def colour_at(shown: np.ndarray, x: int) -> list[int]:
    """Which channels, blue, green, red, a line that passes near ``x`` in the middle row has."""
    return (shown[50, x - 1 : x + 2].max(axis=0) > 100).astype(int).tolist()


def test_pictures_show_the_models_own_bones_and_colours() -> None:
    image, result = _hand()
    shown = result.plot(boxes=False)
    assert not image.any()  # drawn on a copy
    assert (shown[80, 50] == (255, 0, 255)).all()  # magenta, in BGR
    assert colour_at(shown, 35) == [0, 0, 1]  # red, half-way from the wrist to the thumb
    assert colour_at(shown, 45) == [0, 1, 0]  # green, to the index finger
    assert colour_at(shown, 55) == [1, 0, 0]  # blue, to the ring finger
    assert not shown[18:23, 75:].any()  # scores too little, and so has no bone
    assert not shown[50, 58:].any()


def test_the_engines_settings_of_pictures_are_followed() -> None:
    _, result = _hand()
    bare = result.plot(boxes=False, kpt_line=False)
    assert not bare[50, 35].any()
    assert (bare[80, 50] == (255, 0, 255)).all()
    one = result.plot(boxes=False, color_mode="instance")
    assert len({tuple(pixel) for pixel in one.reshape(-1, 3) if pixel.max() == 255}) == 1
    assert (result.plot(boxes=False, kpt_radius=2) > 0).sum() < (bare > 0).sum() + 2000
    assert result.plot(pil=True, boxes=False) is not None
    grey = NASResults(np.zeros((100, 100, 1), np.uint8), "a.png", {0: "hand"}, keypoints=result.keypoints.data)
    grey.skeleton = HAND
    assert (grey.plot()[80, 50] == (255, 0, 255)).all()


def test_keypoints_far_outside_harm_nothing() -> None:
    image = np.zeros((50, 50, 3), np.uint8)
    points = np.array([[[25, 25, 1.0], [1e12, -1e12, 1], [-1e30, 25, 1], [25, 25, 0], [-5, -5, 1]]])
    draw_skeletons(image, points, HAND)
    assert image[25, 25].any()


def test_a_part_of_the_results_keeps_the_skeleton(hands: NAS) -> None:
    (result,) = hands.predict(picture(), **QUIET)
    for part in (result[0], result[:2], result.cpu(), result.numpy()):
        assert part.skeleton == HAND
        assert part.keypoints.data.shape[1:] == (5, 3)
    assert len(result.within_image().keypoints) == len(result.within_image().boxes)


def test_images_of_one_call_do_not_mix(pose: NAS) -> None:
    images = [picture(seed, 90 + 10 * seed, 130) for seed in range(3)]
    together = pose.predict(images, **QUIET)
    for image, result in zip(images, together, strict=True):
        (alone,) = pose.predict(image, **QUIET)
        np.testing.assert_allclose(rows(result), rows(alone), atol=0.01)
    assert [len(result) for result in pose.predict(images, stream=True, **QUIET)] == [len(each) for each in together]


def test_a_picture_of_a_size_of_its_own(pose: NAS) -> None:
    (result,) = pose.predict(picture(), rect=True, **QUIET)
    assert result.keypoints.data.shape[1:] == (17, 3)
    (tensor,) = pose.predict(torch.rand(1, 3, SIZE, SIZE), **QUIET)
    assert tensor.keypoints.data.shape[1:] == (17, 3)
