"""``NAS`` itself: loading, attributes, info, refusals."""

from __future__ import annotations

import copy
import inspect
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from ultralytics.engine.model import Model

from tests.support import synthetic
from tests.support.nano import SIZE
from tests.support.shapes import NAMES
from yolonas_plugin import NAS
from yolonas_plugin.errors import (
    CheckpointError,
    ConfigRefusedError,
    ProcessingError,
    WeightsNotFoundError,
    YoloNASPluginError,
)
from yolonas_plugin.nas import NASPredictor, NASTrainer, NASValidator
from yolonas_plugin.processing import COCO, SUPER_GRADIENTS, ProcessingSpec


def test_the_default_model_is_the_one_of_ultralytics() -> None:
    assert inspect.signature(NAS).parameters["model"].default == "yolo_nas_s"
    assert issubclass(NAS, Model)


@pytest.mark.parametrize("name", ["yolo_nas_s.yaml", "model.yml", "MODEL.YAML"])
def test_a_yaml_file_is_refused_with_the_message_of_ultralytics(name: str) -> None:
    with pytest.raises(ConfigRefusedError, match=r"^YOLO-NAS models only support pre-trained models\.$") as caught:
        NAS(name)
    assert isinstance(caught.value, AssertionError)


def test_the_module_has_the_attributes_that_the_engine_asks_for(model: NAS, nano: Path) -> None:
    module = model.model
    assert module.stride.tolist() == [32]
    assert module.names == dict(enumerate(NAMES))
    assert module.yaml == {}
    assert module.pt_path == str(nano)
    assert module.task == model.task == "detect"
    assert module.args["imgsz"] == SIZE
    assert module.args["model"] == str(nano)
    assert not module.training
    assert model.names == module.names
    classes = {"predictor": NASPredictor, "validator": NASValidator, "trainer": NASTrainer}
    assert model.task_map == {"detect": classes, "pose": classes}


def test_the_module_returns_the_engines_layout_and_ignores_its_extra_arguments(model: NAS) -> None:
    images = synthetic.batch(SIZE, SIZE, images=2) * 255
    with torch.no_grad():
        output = model.model(images, augment=True, embed=None, visualize=False, profile=False)
        boxes, scores = model.model.heads.decode(model.model.predict_raw(images))
    assert output.shape == (2, 4 + len(NAMES), boxes.shape[1])
    centre, extent = output[:, :2].mT, output[:, 2:4].mT
    torch.testing.assert_close(torch.cat((centre - extent / 2, centre + extent / 2), -1), boxes, atol=1e-3, rtol=0)
    torch.testing.assert_close(output[:, 4:].mT, scores)


def test_fuse_is_real_in_place_and_says_so(model: NAS) -> None:
    images = synthetic.batch(SIZE, SIZE) * 255
    with torch.no_grad():
        before = model.model(images)
        assert not model.model.is_fused()
        assert model.model.fuse(verbose=False, imgsz=SIZE) is model.model
        assert model.model.is_fused()
        torch.testing.assert_close(model.model(images), before, atol=1e-2, rtol=1e-3)


def test_fuse_of_the_model_fuses_its_module(model: NAS) -> None:
    model.fuse()
    assert model.model.is_fused()


def test_info_returns_and_prints_layers_parameters_gradients_and_gflops(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "s.safetensors"
    save_file(synthetic.network("s").state_dict(), path)
    model = NAS(path)
    layers, parameters, gradients, gflops = model.info()
    printed = caplog.text
    assert parameters == gradients == 19_053_888
    assert gflops == pytest.approx(34.3, abs=0.05)
    assert f"{layers:,} layers" in printed
    assert "19,053,888 parameters" in printed
    assert model.info(verbose=False) == (layers, parameters, gradients, gflops)
    assert caplog.text == printed
    model.info(detailed=True)
    assert "backbone.stem.conv.branch_3x3.conv" in caplog.text
    model.fuse()
    fused = model.info(verbose=False)
    assert fused[2] == 0
    assert fused[1] == pytest.approx(12.17e6, rel=1e-3)
    assert fused[3] < gflops


def test_processing_and_names_come_from_the_file(model: NAS) -> None:
    assert model.processing == ProcessingSpec(
        size=(SIZE, SIZE),
        resize=(SIZE, SIZE),
        padding="bottom_right",
        channels="BGR",
        divisor=1.0,
        conf=0.7,
        iou=0.6,
    )


def test_weights_like_the_published_ones_are_prepared_like_them(tmp_path: Path) -> None:
    path = tmp_path / "coco.safetensors"
    save_file(synthetic.network("s").state_dict(), path)
    model = NAS(path)
    assert model.processing == COCO
    assert (model.names[0], model.names[79]) == ("person", "toothbrush")
    save_file(synthetic.network("n").state_dict(), path)  # size n was never published
    with pytest.raises(ProcessingError, match="doesn't say how its images are prepared"):
        NAS(path)


def test_what_the_caller_says_wins_over_the_file(nano: Path, tmp_path: Path) -> None:
    content = torch.load(nano, weights_only=True)
    content["processing_params"]["class_names"] = ["too", "few"]
    content["processing_params"]["image_processor"] = {"MyOwnStep": {}}
    path = tmp_path / "own.pth"
    torch.save(content, path)
    with pytest.raises(ProcessingError, match="'MyOwnStep' is not supported"):
        NAS(path)
    with pytest.raises(CheckpointError, match="names 2 classes"):
        NAS(path, processing="coco")
    model = NAS(path, processing="coco", names={2: "c", 0: "a", 1: "b"})
    assert model.processing == COCO
    assert model.names == {0: "a", 1: "b", 2: "c"}
    for wrong in ("abc", [], ["a", "b"], {1: "a", 2: "b", 3: "c"}, {0: "a", 1: "b", "2": "c"}):
        with pytest.raises(CheckpointError, match=r"names were given for 3 classes.*0 to 2"):
            NAS(nano, names=wrong)


def test_a_model_can_be_copied_and_pickled_after_it_worked(model: NAS, image: Path) -> None:
    (expected,) = model.predict(image, verbose=False)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        (result,) = twin.predict(image, verbose=False)
        torch.testing.assert_close(result.boxes.data, expected.boxes.data)


def test_paths_stay_where_they_were_when_the_working_directory_moves(
    nano: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "mine.pth").write_bytes(nano.read_bytes())
    (tmp_path / "else").mkdir()
    monkeypatch.chdir(tmp_path)
    model = NAS("weights/mine.pth")
    monkeypatch.chdir(tmp_path / "else")
    assert model.export(simplify=False) == str(tmp_path / "weights" / "mine.onnx")
    assert list((tmp_path / "else").iterdir()) == []


def test_other_weights_without_processing_are_refused_until_the_user_says_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    save_file(synthetic.network("n", num_classes=2).state_dict(), path)
    with pytest.raises(ProcessingError, match=r"mine\.safetensors.*processing='coco'.*processing='super-gradients'"):
        NAS(path)
    assert NAS(path, processing="coco").processing == COCO
    assert NAS(path, processing="super-gradients").processing == SUPER_GRADIENTS
    mine = ProcessingSpec(size=(96, 128), resize=(96, 128))
    model = NAS(path, processing=mine, names=["cat", "dog"])
    assert model.processing == mine
    assert model.names == {0: "cat", 1: "dog"}
    assert model.overrides["imgsz"] == [96, 128]
    assert NAS(path, processing="coco").names == {0: "class_0", 1: "class_1"}
    with pytest.raises(ProcessingError, match="'rgb' is unknown"):
        NAS(path, processing="rgb")
    with pytest.raises(CheckpointError, match="1 names were given for 2 classes"):
        NAS(path, processing="coco", names=["cat"])


def test_a_name_is_explained_when_its_weights_are_not_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path / "store"))
    with pytest.raises(WeightsNotFoundError, match=r"(?s)sha256:.*licence:.*store/yolo_nas_s_coco\.pth"):
        NAS("yolo_nas_s")
    with pytest.raises(WeightsNotFoundError, match="did you mean 'yolo_nas_m'"):
        NAS("yolo_nas_mm")
    with pytest.raises(WeightsNotFoundError, match="no weights of this size were ever published"):
        NAS("yolo_nas_n")


def test_load_replaces_weights_classes_and_processing(model: NAS, tmp_path: Path, image: Path) -> None:
    model.predict(image, verbose=False)
    path = tmp_path / "coco.safetensors"
    save_file(synthetic.network("s").state_dict(), path)
    assert model.load(path) is model
    assert len(model.names) == 80
    (result,) = model.predict(image, verbose=False, imgsz=SIZE)
    assert result.names[79] == "toothbrush"


def test_load_leaves_what_was_given_to_the_file_before(nano: Path, tmp_path: Path) -> None:
    model = NAS(nano, processing="coco", names=["a", "b", "c"]).load(nano)
    assert (model.processing, model.names) == (NAS(nano).processing, dict(enumerate(NAMES)))
    save_file(synthetic.network("n", 2).state_dict(), tmp_path / "bare.safetensors")
    model.load(tmp_path / "bare.safetensors", processing="coco", names=["cat", "dog"])
    assert (model.processing, model.names) == (COCO, {0: "cat", 1: "dog"})


@pytest.mark.parametrize("method", ["tune", "embed", "benchmark"])
def test_what_is_not_there_yet_says_so(model: NAS, method: str) -> None:
    with pytest.raises(YoloNASPluginError, match=rf"NAS\.{method}\(\) is not available"):
        getattr(model, method)()
