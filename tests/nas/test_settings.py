"""Arguments are checked where they enter the adapter: before any work, by our own errors, the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from model_zoo_api import errors as contract
from tests.support import synthetic
from tests.support.nano import SIZE
from tests.support.pictures import assert_same_boxes, picture
from yolonas_plugin import NAS, ModelZoo
from yolonas_plugin.errors import DataNotFoundError, SettingError, SourceError
from yolonas_plugin.factories import load, predictor, trainer, validator
from yolonas_plugin.nas import NASTrainer
from yolonas_plugin.nas.settings import check_engine_settings


@pytest.fixture(scope="module")
def model(nano: Path) -> NAS:
    return NAS(nano)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    for part in ("images", "labels"):
        (root / part).mkdir()
    for seed in range(2):
        cv2.imwrite(str(root / "images" / f"{seed}.png"), picture(seed))
        (root / "labels" / f"{seed}.txt").write_text("0 0.5 0.5 0.4 0.4\n2 0.3 0.3 0.2 0.2\n")
    (root / "data.yaml").write_text(f"path: {root}\ntrain: images\nval: images\nnames: [disc, ring, cross]\n")
    return root / "data.yaml"


def rows(result: Any) -> np.ndarray:
    return result.boxes.data.cpu().numpy()


CALLS: dict[str, Callable[..., Any]] = {
    "predict": lambda model, **settings: model.predict(picture(), verbose=False, **settings),
    "call": lambda model, **settings: model(picture(), verbose=False, **settings),
    "track": lambda model, **settings: model.track(picture(), verbose=False, **settings),
    "val": lambda model, **settings: model.val(data="nowhere.yaml", **settings),
    "train": lambda model, **settings: model.train(data="nowhere.yaml", **settings),
    "predictor": lambda model, **settings: predictor(model, **settings),
    "predictor's call": lambda model, **settings: predictor(model)(picture(), **settings),
    "validator": lambda model, **settings: validator(model, **settings),
    "trainer": lambda model, **settings: trainer(model, **settings),
}


@pytest.mark.parametrize("call", CALLS)
def test_an_unknown_setting_is_our_error_and_names_the_nearest(
    call: str, model: NAS, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SettingError, match=r"has no setting 'confidence' .did you mean 'conf'"):
        CALLS[call](model, confidence=0.4)
    assert "yolo TASK MODE" not in caplog.text  # the engine's page of help


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"imgsz": 100}, "imgsz=100: sides must be multiples of 32"),
        ({"imgsz": "160"}, "imgsz='160' is no input size"),
        ({"conf": "0.4"}, "conf='0.4' must be a number"),
        ({"iou": float("nan")}, "iou=nan must be a number"),
        ({"max_det": 0}, "max_det=0 must be a whole number"),
        ({"batch": 0}, "batch=0 must be a whole number"),
        ({"batch": -2}, "batch=-2 must be a whole number"),
        ({"rect": "False"}, "rect='False' must be True or False"),
        ({"vid_stride": 0}, "vid_stride=0"),
        ({"box": float("inf")}, "box=inf must be a finite number"),
        ({"epochs": "many"}, "epochs"),
        ({"show": 3}, "show"),
    ],
)
def test_a_value_that_can_not_be_is_our_error(call: str, settings: dict[str, Any], message: str, model: NAS) -> None:
    with pytest.raises(SettingError, match=message):
        CALLS[call](model, **settings)


def test_settings_take_numpy_numbers_and_none_for_the_default(model: NAS) -> None:
    (default,) = model.predict(picture(), verbose=False)
    (none,) = model.predict(picture(), verbose=False, conf=None, max_det=None, batch=None, imgsz=None, classes=None)
    np.testing.assert_array_equal(rows(none), rows(default))
    numbers = {"conf": np.float32(0.75), "max_det": np.int64(3), "imgsz": np.array([64, 96]), "batch": np.uint8(1)}
    (found,) = model.predict(picture(), verbose=False, **numbers)
    (expected,) = model.predict(picture(), verbose=False, conf=0.75, max_det=3, imgsz=(64, 96))
    np.testing.assert_array_equal(rows(found), rows(expected))
    assert len(expected.boxes) <= 3


def test_the_engine_s_renamed_settings_and_training_s_batches_are_known() -> None:
    assert check_engine_settings({"line_thickness": 2}, "predict") == {"line_width": 2}
    for batch in (4, -1, 0.5, np.int32(8)):
        assert check_engine_settings({"batch": batch}, "train") == {"batch": batch}
    for batch in (1.5, True, "8", 0, -2):
        with pytest.raises(SettingError, match="batch="):
            check_engine_settings({"batch": batch}, "train")
    assert check_engine_settings({"cache": None, "epochs": None, "data": None}, "train") == {
        "cache": None,
        "data": None,
    }


@pytest.mark.parametrize("call", ["predict", "track", "val", "predictor"])
def test_classes_are_given_by_name_or_index(call: str, model: NAS) -> None:
    with pytest.raises(SettingError, match="did you mean 'ring'"):
        CALLS[call](model, classes=["rings"])


def test_classes_by_name_are_those_by_index(model: NAS) -> None:
    (by_name,) = model.predict(picture(), verbose=False, classes=["ring", 2], conf=0.3)
    (by_index,) = model.predict(picture(), verbose=False, classes=[1, 2], conf=0.3)
    np.testing.assert_array_equal(rows(by_name), rows(by_index))
    assert set(by_name.boxes.cls.tolist()) == {1.0, 2.0}


@pytest.mark.parametrize("source", [None, "", [], "nowhere.png", ["nowhere.png"], [None], True, {}, 1.5, [[]], "a\0b"])
def test_a_source_that_is_none_is_an_error_never_the_engine_s_picture(
    source: Any, model: NAS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for use in (model, model.predict, model.track):
        with pytest.raises(SourceError):
            use(source)
    try:
        found = predictor(model)(source)
    except contract.SourceError:
        found = []
    assert all(one.error for one in found)
    assert list(tmp_path.iterdir()) == []


def test_no_source_at_all_is_an_error(model: NAS) -> None:
    for use in (model, model.predict, model.track):
        with pytest.raises(SourceError, match="source=None, which is no image"):
            use()


def test_a_folder_without_images_is_an_error(model: NAS, tmp_path: Path) -> None:
    for source in (tmp_path, str(tmp_path / "*.png")):
        with pytest.raises(DataNotFoundError, match="No images or videos found"):
            model.predict(source, verbose=False)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 1, SIZE, SIZE), r"tensor \[1, 1, 160, 160\], with 1 channels; this model takes 3"),
        ((1, 4, SIZE, SIZE), "with 4 channels; this model takes 3"),
        ((1, SIZE, SIZE, 3), "with 160 channels; this model takes 3"),
        ((1, 3, 100, SIZE), "multiples of 32, and 100 is none"),
        ((3,), r"takes \[B, 3, H, W\]"),
        ((0, 3, SIZE, SIZE), r"takes \[B, 3, H, W\]"),
    ],
)
def test_a_tensor_says_what_is_wrong_with_it(shape: tuple[int, ...], message: str, model: NAS) -> None:
    with pytest.raises(SourceError, match=message):
        model.predict(torch.zeros(shape), verbose=False)
    with pytest.raises(SourceError, match="stack them"):
        model.predict([torch.zeros(3, SIZE, SIZE)], verbose=False)


def test_images_for_a_network_of_four_channels_are_refused_by_their_channels(tmp_path: Path, image: Path) -> None:
    path = tmp_path / "four.pth"
    torch.save(synthetic.network("n", num_classes=2, in_channels=4).state_dict(), path)
    four = NAS(path, processing="super-gradients", names=["a", "b"])
    for source in (image, [image], str(image.parent)):
        with pytest.raises(SourceError, match="an image with 4 channels, which this model takes"):
            four.predict(source, verbose=False, imgsz=SIZE)
    for source in (torch.zeros(1, 3, SIZE, SIZE), picture()):
        with pytest.raises(SourceError, match=r"3 channels.*takes 4"):
            four.predict(source, verbose=False, imgsz=SIZE)
    pixels = np.dstack((picture(), picture()[..., 0]))
    cv2.imwrite(str(tmp_path / "four.png"), pixels)
    (from_array,) = four.predict(pixels, verbose=False, imgsz=SIZE, conf=0.1)
    (from_file,) = four.predict(tmp_path / "four.png", verbose=False, imgsz=SIZE, conf=0.1)
    np.testing.assert_array_equal(rows(from_file), rows(from_array))


@pytest.mark.parametrize(("batch", "batches"), [(None, [5]), (2, [2, 2, 1]), (1, [1] * 5), (8, [5])])
def test_images_in_memory_are_predicted_as_many_at_a_time_as_was_asked(
    batch: int | None, batches: list[int], nano: Path
) -> None:
    model = NAS(nano)
    seen: list[int] = []
    model.add_callback("on_predict_batch_end", lambda predictor: seen.append(len(predictor.batch[0])))
    images = [picture(seed) for seed in range(4)] + [Image.fromarray(picture(4)[..., ::-1])]
    found = model.predict(images, verbose=False, batch=batch)
    assert seen == batches
    assert [Path(result.path).name for result in found] == [f"image{index}.jpg" for index in range(5)]
    for seed, result in enumerate(found):
        (alone,) = model.predict(picture(seed), verbose=False)
        assert_same_boxes(rows(result), rows(alone), atol=0.01)


@pytest.mark.parametrize("imgsz", [96, [64, 128]])
def test_measuring_uses_the_size_that_was_asked_for(imgsz: Any, model: NAS, data: Path) -> None:
    shapes: list[tuple[int, ...]] = []

    def look(validator: Any) -> None:
        shapes.append(validator.processing.size)

    model.add_callback("on_val_batch_end", look)
    try:
        model.val(data=data, imgsz=imgsz, verbose=False, workers=0, batch=2)
    finally:
        model.clear_callback("on_val_batch_end")
    assert shapes == [(96, 96) if imgsz == 96 else (64, 128)]


def test_training_takes_classes_of_the_data_by_name_or_index(data: Path, tmp_path: Path) -> None:
    settings = {"model": "yolo_nas_n", "data": str(data), "project": str(tmp_path), "device": "cpu", "imgsz": 64}
    assert NASTrainer(overrides={**settings, "classes": ["cross", 0]}).args.classes == [2, 0]
    with pytest.raises(SettingError, match=r"classes=\['dsic'\]: the data's classes are 0 to 2; did you mean 'disc'"):
        NASTrainer(overrides={**settings, "classes": ["dsic"]})


def test_info_takes_sizes_that_the_network_takes(model: NAS) -> None:
    assert model.info(verbose=False, imgsz=[64, 96])[3] > 0
    with pytest.raises(SettingError, match="imgsz=100"):
        model.info(verbose=False, imgsz=100)


def test_loading_names_the_nearest_option(nano: Path) -> None:
    with pytest.raises(SettingError, match=r"loading a model has no setting 'presicion' .did you mean 'precision'"):
        load(str(nano), presicion="bf16")


def test_the_zoo_s_predictor_refuses_a_setting_when_it_is_made(nano: Path) -> None:
    zoo = ModelZoo.discover()
    for settings, message in (({"cnof": 0.4}, "'conf'"), ({"conf": 2}, "0 to 1"), ({"runtme": "x"}, "'runtime'")):
        with pytest.raises(contract.SettingError, match=message):
            zoo.predictor(nano, provider="yolo_nas", **settings)
    predict = zoo.predictor(nano, provider="yolo_nas", classes=["disc"])
    for source in (None, ""):
        with pytest.raises(contract.SourceError):
            predict(source)
    assert predict([]) == []
    (found,) = predict(picture())
    assert set(found.labels.tolist()) <= {0}
