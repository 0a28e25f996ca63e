"""Training for poses: keypoints through augmentation, weights of a detector, and a training from end to end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from ultralytics.cfg import get_cfg

from examples.figures import FLIP, NAMES, write
from tests.support.data_sets import POSE_LINE, write_pose, write_yolo
from yolonas_plugin import NAS
from yolonas_plugin.data import open_data
from yolonas_plugin.errors import SourceError, TrainingError
from yolonas_plugin.nas.dataset import SampleDataset, measured_dataset
from yolonas_plugin.nas.finetune import check_keypoints, keep_weights, training_network
from yolonas_plugin.nas.module import untrained_module
from yolonas_plugin.nas.train import NASTrainer
from yolonas_plugin.nas.training_module import OBJECTIVES, TrainingModule
from yolonas_plugin.processing import POSE
from yolonas_plugin.skeleton import Skeleton

STILL = dict.fromkeys(("mosaic", "scale", "translate", "fliplr", "hsv_h", "hsv_s", "hsv_v"), 0.0)
QUICK = {
    "imgsz": 64,
    "batch": 4,
    "nbs": 4,
    "epochs": 1,
    "plots": False,
    "verbose": False,
    "workers": 0,
    "device": "cpu",
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("figures"), {"train": 8, "val": 4}, side=64)


@pytest.fixture(scope="module")
def trained(figures: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[NAS, Path]:
    """A model that began as a detector, after two epochs."""
    folder = tmp_path_factory.mktemp("run")
    model = NAS("yolo_nas_n_layout")
    model.train(data=str(figures), task="pose", project=str(folder), name="a", **{**QUICK, "epochs": 2})
    return model, folder / "a"


def samples(source: Path, **settings: Any) -> SampleDataset:
    data = open_data(source, ["train"], task="pose")
    hyp = get_cfg(overrides={**STILL, "task": "pose", **settings})
    return SampleDataset(
        samples=data.splits["train"], data=data.settings, imgsz=64, augment=True, hyp=hyp, task="pose", batch_size=1
    )


# --- keypoints through augmentation ---


def test_without_augmentation_keypoints_stay_where_they_are(figures: Path) -> None:
    expected = open_data(figures, ["train"]).splits["train"][0].keypoints
    np.testing.assert_allclose(samples(figures)[0]["keypoints"], expected, atol=0.02)


@pytest.mark.parametrize("which", ["fliplr", "flipud"])
def test_a_mirror_swaps_left_and_right(which: str, figures: Path) -> None:
    plain, mirrored = samples(figures)[0]["keypoints"], samples(figures, **{which: 1.0})[0]["keypoints"]
    axis = ("fliplr", "flipud").index(which)
    expected = plain[:, FLIP].clone()
    expected[..., axis] = 1 - expected[..., axis]
    seen = expected[..., 2] > 0
    assert torch.equal(mirrored[..., 2] > 0, seen)
    torch.testing.assert_close(mirrored[seen], expected[seen], rtol=0, atol=0.02)


def test_what_has_lost_its_last_keypoint_is_dropped_and_what_never_had_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are moved to the right by three tenths of the picture, which takes the first's keypoints out of it."""
    lost, bare, half = ".95 .5 2 .94 .5 2 .93 .5 2", "", ".95 .5 2 .1 .5 2 0 0 0"
    lines = "".join(f"0 .5 .5 .9 {height} {rest}\n" for height, rest in ((0.6, lost), (0.7, bare), (0.8, half)))
    dataset = samples(write_pose(tmp_path, train=lines), translate=0.3)
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    found = dataset[0]
    assert found["cls"].flatten().tolist() == [0, 0]
    assert (found["keypoints"][..., 2] > 0).sum(dim=1).tolist() == [0, 1]


def test_marks_of_augmentation_are_no_classes(tmp_path: Path) -> None:
    dataset = samples(write_pose(tmp_path, train=POSE_LINE + "0 .5 .5 .4 .4\n"))
    assert dataset[0]["cls"].flatten().tolist() == [0, 0]
    assert dataset.labels[0]["cls"].flatten().tolist() == [0, 0]


def test_measuring_letterboxes_keypoints_too(tmp_path: Path) -> None:
    data = open_data(write_pose(tmp_path), ["val"], task="pose")  # 50 x 40 pixels, which become 64 x 51
    args = get_cfg(overrides={"task": "pose", "imgsz": 64})
    found = measured_dataset(args, data.splits["val"], data.settings, POSE.with_size((64, 64)))[0]
    expected = data.splits["val"][0].keypoints * [1, 51 / 64, 1]
    np.testing.assert_allclose(found["keypoints"], expected, atol=0.01)


# --- what is asked of the data ---


def test_data_that_do_not_say_what_a_mirror_swaps(tmp_path: Path) -> None:
    data = open_data(write_pose(tmp_path, flip_idx=None), task="pose")
    with pytest.raises(TrainingError, match=r"which keypoint becomes which .* fliplr=0"):
        check_keypoints(data, settings_of())
    check_keypoints(data, settings_of(fliplr=0.0))


def test_data_of_several_classes(tmp_path: Path) -> None:
    data = open_data(write_pose(tmp_path, names=["disc", "ring"]), task="pose")
    with pytest.raises(TrainingError, match="objects of one class, and these data have 2: 'disc', 'ring'; single_cls"):
        check_keypoints(data, settings_of())
    check_keypoints(data, settings_of(single_cls=True))


def settings_of(**given: Any) -> SimpleNamespace:
    return SimpleNamespace(**{"fliplr": 0.5, "flipud": 0.0, "single_cls": False, **given})


def test_nothing_is_written_for_data_that_can_t_be_trained_on(tmp_path: Path) -> None:
    model = NAS("yolo_nas_pose_n", pretrained=False)
    with pytest.raises(SourceError, match="data for a detector"):
        model.train(data=str(write_yolo(tmp_path / "boxes")), project=str(tmp_path / "runs"), **QUICK)
    with pytest.raises(TrainingError, match="flip_idx"):
        model.train(data=str(write_pose(tmp_path / "a", flip_idx=None)), project=str(tmp_path / "runs"), **QUICK)
    assert not (tmp_path / "runs").exists()


def test_a_trainer_takes_the_task_of_its_model(figures: Path, tmp_path: Path) -> None:
    settings = {"data": str(figures), "project": str(tmp_path), **QUICK}
    path = NAS("yolo_nas_pose_n", pretrained=False).save(tmp_path / "pose.safetensors")
    for model in (path, "yolo_nas_pose_n"):
        trainer = NASTrainer(overrides={"model": str(model), **settings})
        assert (trainer.args.task, trainer.data_set.skeleton.names) == ("pose", tuple(NAMES))
    assert NASTrainer(overrides={"model": "yolo_nas_n", **settings}).args.task == "detect"
    assert NASTrainer(overrides={"model": str(path), "task": "detect", **settings}).args.task == "detect"
    with pytest.raises(SourceError, match="data for a detector"):
        NASTrainer(overrides={"model": str(path), **settings, "data": str(write_yolo(tmp_path / "boxes"))})


# --- the weights that it begins with ---


def network(begin: Any, skeleton: Skeleton) -> tuple[TrainingModule, str]:
    data = {"names": {0: "figure"}, "channels": 3}
    return training_network(begin, "pose", data, skeleton, (64, 64), "figures")


def test_what_fits_of_a_detector_is_kept_and_said() -> None:
    source = untrained_module("yolo_nas_s")
    module, report = network(source, Skeleton(("a", "b")))
    assert "kept 915 of 987 tensors of yolo_nas_s.pt (897 by name, 18 as another's stem)" in report
    assert "heads.head3.pose_convs" in report
    own, given = module.state_dict(), source.state_dict()
    assert torch.equal(own["neck.neck4.conv.bn.running_var"], given["neck.neck4.conv.bn.running_var"])
    assert torch.equal(own["heads.head2.bbox_stem.seq.conv.weight"], given["heads.head2.stem.seq.conv.weight"])
    assert torch.equal(own["heads.head1.reg_pred.weight"], given["heads.head1.reg_pred.weight"])
    assert module.about.task == "pose"
    assert (module.processing.size, module.processing.channels) == ((64, 64), source.processing.channels)
    assert (module.processing.conf, module.processing.multi_label) == (POSE.conf, POSE.multi_label)


def test_other_keypoints_begin_anew_and_the_same_are_kept() -> None:
    source, _ = network("n", Skeleton(("a", "b")))
    module, _ = network("n", Skeleton(("b", "a")))
    report = keep_weights(module, source)
    assert "kept 944 of 956" in report
    assert "heads.head1.pose_pred.weight" in report
    same, _ = network("n", Skeleton(("a", "b")))
    assert "kept all 956" in keep_weights(same, source)


def test_keypoints_without_names_are_those_that_the_weights_know() -> None:
    source, _ = network("n", Skeleton(("a", "b"), edges=((0, 1),), flip_index=(1, 0)))
    module, _ = network(source, Skeleton.unnamed(2))
    assert module.about.skeleton == source.about.skeleton
    other, _ = network(source, Skeleton(("keypoint_0", "keypoint_1"), flip_index=(0, 1)))
    assert other.about.skeleton.names == ("keypoint_0", "keypoint_1")


def test_bones_that_the_data_can_t_name_are_those_that_the_weights_know() -> None:
    known = Skeleton(("a", "b"), edges=((0, 1),), edge_colors=((1, 2, 3),), keypoint_colors=((4, 5, 6),) * 2)
    source, _ = network("n", known)
    module, _ = network(source, Skeleton(("a", "b"), flip_index=(1, 0), sigmas=(0.1, 0.2)))
    assert module.about.skeleton == replace(known, flip_index=(1, 0), sigmas=(0.1, 0.2))
    joined = Skeleton(("a", "b"), edges=((1, 0),))
    assert network(source, joined)[0].about.skeleton == joined
    assert network(source, Skeleton(("b", "a")))[0].about.skeleton.edges == ()


def test_the_loss_has_the_recipe_of_the_size_and_the_sigmas_of_the_data() -> None:
    module, _ = network("n", Skeleton(("a", "b"), sigmas=(0.1, 0.2)))
    torch.testing.assert_close(module.criterion.sigmas, torch.tensor([0.1, 0.2]))
    assert module.criterion.settings.keypoint_weight == 34
    assert Skeleton.unnamed(17).oks_sigmas[0] == 0.026
    assert Skeleton.unnamed(4).oks_sigmas == (0.25,) * 4


# --- from end to end ---


def test_a_detector_is_trained_for_poses(trained: tuple[NAS, Path], figures: Path) -> None:
    model, run = trained
    assert model.task == "pose"
    assert model.model.about.skeleton.names == tuple(NAMES)
    assert model.names == {0: "figure"}
    header = (run / "results.csv").read_text().splitlines()[0]
    assert all(f"train/{name}" in header for name in OBJECTIVES["pose"].loss_names)
    again = NAS(run / "weights" / "best.safetensors")
    assert again.model.about.skeleton == model.model.about.skeleton
    picture = next((figures.parent / "images" / "val").iterdir())
    (found,) = again.predict(picture, conf=0.0001, verbose=False)
    assert found.keypoints.data.shape[1:] == (len(NAMES), 3)


def test_a_training_of_poses_goes_on(figures: Path, tmp_path: Path) -> None:
    model = NAS("yolo_nas_pose_n", pretrained=False)
    model.add_callback("on_model_save", stop)
    with pytest.raises(KeyboardInterrupt):
        model.train(data=str(figures), project=str(tmp_path), name="a", **{**QUICK, "epochs": 2})
    last = tmp_path / "a" / "weights" / "last.pt"
    (tmp_path / "other").mkdir()
    other = write_pose(tmp_path / "other", names=["figure"])
    with pytest.raises(TrainingError, match="began with 12 keypoints, and these data have 3"):
        NAS(last).train(resume=True, data=str(other))
    resumed = NAS(last)
    with pytest.raises(TrainingError, match=r"task='detect' would change nothing: .* the task it began with"):
        resumed.train(resume=True, data=str(figures), task="detect")
    resumed.train(resume=True, data=str(figures))
    assert resumed.task == "pose"
    assert len((tmp_path / "a" / "results.csv").read_text().splitlines()) == 3


def stop(trainer: object) -> None:
    raise KeyboardInterrupt
