"""Keypoints are read from both formats that have them, and what contradicts itself is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.support.data_sets import POSE_LINE, Picture, pose_json, write_image, write_pose, write_voc, write_yolo
from yolonas_plugin.cli import main
from yolonas_plugin.data import Kind, Sample, check_data, open_data
from yolonas_plugin.errors import SourceError
from yolonas_plugin.skeleton import COCO_PERSON, Skeleton, flip_index_by_names


def write_json(root: Path, described: dict, name: str = "pose_train.json") -> Path:
    write_image(root / "a.png", Picture("a", 40, 50))
    (root / name).write_text(json.dumps(described))
    return root / name


def only(source: Path, split: str = "val") -> Sample:
    (sample,) = open_data(source, [split], task="pose").splits[split]
    return sample


def test_yolo_labels_with_keypoints(tmp_path: Path) -> None:
    data = open_data(write_pose(tmp_path), task="pose")
    assert data.report.counts() == {}
    np.testing.assert_allclose(data.splits["val"][0].boxes, [[0.5, 0.5, 0.4, 0.6]], atol=1e-6)
    expected = [[[0.35, 0.6, 2], [0.65, 0.6, 1], [0, 0, 0]]]
    np.testing.assert_allclose(data.splits["val"][0].keypoints, expected, atol=1e-6)
    assert data.skeleton == Skeleton(("left", "right", "top"), flip_index=(1, 0, 2), sigmas=(0.1, 0.2, 0.3))
    assert data.report.keypoints == data.skeleton.names
    assert data.report.splits["val"].keypoints == (1, 1, 0)
    told = {key: data.settings[key] for key in ("kpt_shape", "flip_idx", "kpt_oks_sigmas")}
    assert told == {"kpt_shape": [3, 3], "flip_idx": [1, 0, 2], "kpt_oks_sigmas": [0.1, 0.2, 0.3]}


def test_keypoints_of_two_numbers_are_visible_but_for_negative_ones(tmp_path: Path) -> None:
    data = open_data(write_pose(tmp_path, "0 .5 .5 .4 .6 .1 .2 -1 .2 .3 .4\n", kpt_shape=[3, 2]), ["val"])
    expected = [[[0.1, 0.2, 2], [0, 0, 0], [0.3, 0.4, 2]]]
    np.testing.assert_allclose(data.splits["val"][0].keypoints, expected, atol=1e-6)
    assert data.settings["kpt_shape"] == [3, 3]  # which the samples have now


def test_coco_keypoints(tmp_path: Path) -> None:
    category = {"keypoints": ["nose", "left_ear", "right_ear"], "skeleton": [[1, 2], [1, 3]]}
    labels = {"keypoints": [15, 20, 2, 25, 10, 1, 0, 0, 0], "num_keypoints": 2}
    data = open_data(write_json(tmp_path, pose_json(category, labels, {"num_keypoints": 0})), task="pose")
    keypoints = data.splits["train"][0].keypoints
    np.testing.assert_allclose(keypoints[0], [[0.3, 0.5, 2], [0.5, 0.25, 1], [0, 0, 0]], atol=1e-6)
    assert not keypoints[1].any()
    assert data.report.counts() == {"unlabelled": 1}
    names = ("nose", "left_ear", "right_ear")
    assert data.skeleton == Skeleton(names, edges=((0, 1), (0, 2)), flip_index=(0, 2, 1))


def test_coco_s_own_person_has_coco_s_bones_and_sigmas(tmp_path: Path) -> None:
    category = {"keypoints": list(COCO_PERSON.names), "skeleton": [[16, 14]]}
    data = open_data(write_json(tmp_path, pose_json(category, {"keypoints": [15, 20, 2] * 17})))
    assert data.skeleton == COCO_PERSON
    names = {"kpt_shape": [17, 3], "flip_idx": None, "kpt_names": list(COCO_PERSON.names), "kpt_oks_sigmas": None}
    (tmp_path / "yolo").mkdir()
    assert open_data(write_pose(tmp_path / "yolo", "0 .5 .5 .4 .6" + " .5 .5 2" * 17, **names), ["val"]).skeleton == (
        COCO_PERSON
    )


def test_the_file_of_keypoints_is_taken_where_they_are_needed(tmp_path: Path) -> None:
    described = pose_json({"keypoints": ["a"]}, {"keypoints": [15, 20, 2]})
    for name in ("instances", "person_keypoints"):
        (tmp_path / "annotations").mkdir(exist_ok=True)
        write_json(tmp_path / "annotations", described if name == "person_keypoints" else pose_json({}, {}))
        (tmp_path / "annotations" / "pose_train.json").rename(tmp_path / "annotations" / f"{name}_train2017.json")
    write_image(tmp_path / "train2017" / "a.png", Picture("a", 40, 50))
    assert open_data(tmp_path, ["train"], task="pose").skeleton == Skeleton(("a",))
    assert open_data(tmp_path, ["train"]).skeleton is None
    assert open_data(tmp_path, ["train"], task="detect").skeleton is None
    (tmp_path / "annotations" / "instances_train2017.json").unlink()
    assert open_data(tmp_path, ["train"]).skeleton == Skeleton(("a",))
    assert open_data(tmp_path, ["train"], task="detect").skeleton is None


def test_a_description_of_json_files_says_what_a_mirror_swaps(tmp_path: Path) -> None:
    write_json(tmp_path, pose_json({"keypoints": ["a", "b"]}, {"keypoints": [15, 20, 2] * 2}))
    described = {"path": str(tmp_path), "train": "pose_train.json", "flip_idx": [1, 0], "kpt_oks_sigmas": [0.1, 0.2]}
    assert open_data(described).skeleton == Skeleton(("a", "b"), flip_index=(1, 0), sigmas=(0.1, 0.2))
    with pytest.raises(SourceError, match="'kpt_shape' says 5 keypoints, and the JSON file has 2"):
        open_data({**described, "kpt_shape": [5, 3]})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kpt_shape": [3]}, r"'kpt_shape' is \[3\]; it must be \[K, 3\]"),
        ({"kpt_shape": [3, 4]}, "'kpt_shape' is"),
        ({"kpt_shape": [0, 3]}, "'kpt_shape' is"),
        ({"kpt_shape": [3, 3, 1]}, "'kpt_shape' is"),
        ({"kpt_shape": [3, True]}, "'kpt_shape' "),
        ({"kpt_shape": "3 3"}, "'kpt_shape' "),
        ({"kpt_shape": 3}, "'kpt_shape' "),
        ({"kpt_shape": None}, "no 'kpt_shape': these are data for a detector"),
        ({"kpt_shape": [5, 3], "flip_idx": None, "kpt_oks_sigmas": None}, "'kpt_names' has 3 names"),
        ({"flip_idx": [1, 0]}, "data.yaml: 'flip_idx': flip_index has 2 entries for 3"),
        ({"flip_idx": [1, 1, 2]}, "not every index from 0 to 2 is once"),
        ({"flip_idx": [1, 2, 0]}, "mirroring twice"),
        ({"flip_idx": [0, 1, 3]}, "not every index"),
        ({"flip_idx": "1 0 2"}, "'flip_idx' must be a list"),
        ({"kpt_oks_sigmas": [0.1]}, "sigmas"),
        ({"kpt_oks_sigmas": [0.1, 0.0, 0.2]}, "sigmas"),
        ({"kpt_names": ["a", "a", "b"]}, "two keypoints are called 'a'"),
        ({"kpt_names": {0: 7}}, "'kpt_names' must be a list"),
    ],
    ids=str,
)
def test_a_description_that_contradicts_itself_is_refused(
    changes: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match=message):
        open_data(write_pose(tmp_path, **changes), task="pose")


@pytest.mark.parametrize(
    ("category", "message"),
    [
        ({}, "no category has keypoints: these are data for a detector"),
        ({"keypoints": []}, "no category has keypoints"),
        ({"keypoints": "nose"}, "'keypoints' must be a list"),
        ({"keypoints": ["a", "b"], "skeleton": [[0, 1]]}, r"joins \[0, 1\], and keypoints are numbered from 1 to 2"),
        ({"keypoints": ["a", "b"], "skeleton": [[1, 3]]}, r"joins \[1, 3\]"),
        ({"keypoints": ["a", "b"], "skeleton": [[1, 1]]}, "must join two of the keypoints"),
        ({"keypoints": ["a", "b"], "skeleton": [1, 2]}, "'skeleton' must be a list of pairs"),
        ({"keypoints": ["a", "a"]}, "two keypoints are called"),
        ({"keypoints": ["a", "b", "c"]}, "no image of 'train' can be used"),
    ],
    ids=str,
)
def test_a_category_that_contradicts_itself_or_its_labels_is_refused(
    category: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match=message):
        open_data(write_json(tmp_path, pose_json(category, {"keypoints": [15, 20, 2] * 2})), task="pose")


def test_categories_of_different_keypoints_are_refused(tmp_path: Path) -> None:
    described = pose_json({"keypoints": ["a", "b"]}, {"keypoints": [15, 20, 2] * 2})
    described["categories"].append({"id": 2, "name": "ring", "keypoints": ["c"]})
    with pytest.raises(SourceError, match="'disc' and 'ring' have different keypoints, 2 and 1"):
        open_data(write_json(tmp_path, described))


@pytest.mark.parametrize(
    "line",
    [
        *("0 .5 .5 .4 .6 .35 .6 2 .65 .6 1", POSE_LINE.strip() + " 1", "0 .5 .5 .4", "0 .1 .1 .2 .2 .3 .3"),
        *("0 .5 .5 .4 .6 .35 .6 x .65 .6 1 0 0 0", "0 nan .5 .4 .6 .35 .6 2 .65 .6 1 0 0 0"),
    ],
)
def test_a_label_of_another_form_is_counted_and_the_others_stay(line: str, tmp_path: Path) -> None:
    data = open_data(write_pose(tmp_path, f"{line}\n{POSE_LINE}"), ["val"], task="pose")
    assert data.report.counts() == {"label_unreadable": 1}
    assert data.splits["val"][0].keypoints.shape == (1, 3, 3)


@pytest.mark.parametrize(
    "keypoints", [[1, 2, 2], [1, 2, 2] * 3, "none", [1, 2, "x"] * 2, {"a": 1}, [10**400, 0, 2] * 2]
)
def test_a_coco_label_of_other_keypoints_is_counted_and_the_others_stay(keypoints: object, tmp_path: Path) -> None:
    labels = {"keypoints": [15, 20, 2] * 2}
    source = write_json(tmp_path, pose_json({"keypoints": ["a", "b"]}, labels, {"keypoints": keypoints}))
    data = open_data(source, task="pose")
    assert data.report.counts()["label_unreadable"] == 1
    assert data.splits["train"][0].keypoints.shape == (1, 2, 3)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ((".35", "nan"), Kind.KEYPOINT_UNREADABLE),
        ((".35", "1e999"), Kind.KEYPOINT_UNREADABLE),
        ((".6 2", ".6 inf"), Kind.KEYPOINT_UNREADABLE),
        ((".6 2", ".6 0.5"), Kind.KEYPOINT_VISIBILITY),
        ((".6 2", ".6 -1"), Kind.KEYPOINT_VISIBILITY),
        ((".35", "-.35"), Kind.KEYPOINT_OUTSIDE),
        ((".35", "1.02"), Kind.KEYPOINT_OUTSIDE),
    ],
    ids=str,
)
def test_a_wrong_keypoint_is_not_labelled_and_its_neighbours_stay(
    change: tuple[str, str], kind: Kind, tmp_path: Path
) -> None:
    data = open_data(write_pose(tmp_path, POSE_LINE.replace(*change)), ["val"])
    assert {finding.kind for finding in data.report.findings} == {kind}
    expected = [[[0, 0, 0], [0.65, 0.6, 1], [0, 0, 0]]]
    np.testing.assert_allclose(data.splits["val"][0].keypoints, expected, atol=1e-6)


def test_what_a_mirror_swaps_is_told_by_the_names() -> None:
    assert flip_index_by_names(COCO_PERSON.names) == COCO_PERSON.flip_index
    assert flip_index_by_names(["L-eye", "R-eye", "nose"]) == (1, 0, 2)
    assert flip_index_by_names(["upright", "nose"]) is None  # in which no side is meant
    assert flip_index_by_names(["left eye", "nose"]) is None
    assert flip_index_by_names(["Left", "left", "right"]) is None


@pytest.mark.parametrize("write", [write_yolo, write_voc])
def test_data_for_a_detector_are_refused_for_poses(write, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="data for a detector"):
        open_data(write(tmp_path), task="pose")


def test_a_training_split_without_a_labelled_keypoint_is_refused(tmp_path: Path) -> None:
    root = write_pose(tmp_path)
    (root / "labels" / "train" / "a.txt").write_text("0 .5 .5 .4 .6\n")
    with pytest.raises(SourceError, match="'train' has no labelled keypoint"):
        open_data(root, task="pose").require_labels("train")
    open_data(root, task="detect").require_labels("train")


def test_objects_that_differ_in_their_keypoints_only_are_two(tmp_path: Path) -> None:
    other = POSE_LINE.replace(".35", ".36")
    assert len(only(write_pose(tmp_path, POSE_LINE + other + POSE_LINE)).keypoints) == 2


def test_the_command_line_tells_of_keypoints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_pose(tmp_path, POSE_LINE.replace(".35", "1.35"))
    assert main(["check-data", str(root)]) == 3
    shown = capsys.readouterr().out
    assert "YOLO, 1 classes, 3 keypoints" in shown
    assert "fault: 1 x keypoint outside the image in val, taken for not labelled" in shown
    assert main(["check-data", str(root), "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert found["keypoints"] == ["left", "right", "top"]
    assert found["splits"]["val"]["keypoints"] == [0, 1, 0]
    assert main(["check-data", str(root), "--task", "detect"]) == 0
    assert "keypoints in data for a detector" in capsys.readouterr().out
    described = yaml.safe_load((root / "data.yaml").read_text())
    del described["kpt_shape"]
    (root / "data.yaml").write_text(yaml.safe_dump(described))
    assert main(["check-data", str(root), "--task", "pose"]) == 1
    assert "data for a detector" in capsys.readouterr().err


def test_a_crowd_of_labels_is_read_in_no_time(tmp_path: Path) -> None:
    lines = "".join(POSE_LINE.replace(".35", f".{index:05d}") for index in range(5_000))
    assert check_data(write_pose(tmp_path, lines), ["val"]).splits["val"].boxes == (5_000,)
