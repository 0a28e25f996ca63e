"""The result of a predictor: what it checks, and what it turns into."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest

from model_zoo_api import Detections
from model_zoo_api.arrays import Rows
from model_zoo_api.detections import failed
from model_zoo_api.errors import DependencyMissingError
from model_zoo_api.testing import write_picture

BOXES = [[10.0, 20.0, 110.0, 70.0], [-5.0, 0.0, 15.0, 30.0]]


def found(**changes: Any) -> Detections:
    given = {"path": "a.png", "index": 3, "height": 100, "width": 200, "names": {0: "cat", 7: "dog"}}
    return Detections(**{**given, "boxes": BOXES, "scores": [0.75, 0.5], "labels": [7, 0], **changes})


def test_lists_become_arrays() -> None:
    one = found(track_ids=[4, 5], keypoints=[[[1, 2, 0.5]]] * 2)
    assert (one.boxes.shape, one.scores.shape, one.labels.shape, len(one)) == ((2, 4), (2,), (2,), 2)
    assert (one.keypoints.shape, one.track_ids.tolist()) == ((2, 1, 3), [4, 5])
    assert one.boxes.tolist() == BOXES


def test_nothing_found_is_empty_arrays() -> None:
    one = Detections(path="a.png", height=1, width=1)
    assert (one.boxes.shape, one.scores.shape, one.labels.shape, len(one)) == ((0, 4), (0,), (0,), 0)
    assert one.boxes.tolist() == []


def test_arrays_are_kept_as_they_are() -> None:
    np = pytest.importorskip("numpy")
    boxes = np.array(BOXES)
    one = found(boxes=boxes, scores=np.array([0.75, 0.5]), labels=np.array([7, 0]))
    assert one.boxes is boxes


def test_without_numpy_there_are_lists_that_know_their_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model_zoo_api.arrays.import_module", _no_numpy)
    one = found()
    assert isinstance(one.boxes, Rows)
    assert (one.boxes.shape, one.boxes.tolist()) == ((2, 4), BOXES)
    assert pickle.loads(pickle.dumps(one)).boxes.tolist() == BOXES
    assert Detections().boxes.shape == (0, 4)
    assert found(keypoints=[[[1, 2, 0.5]]] * 2).keypoints.shape == (2, 1, 3)
    assert Detections(keypoints=[]).keypoints.shape == (0, 0, 3)


def _no_numpy(name: str) -> Any:
    raise ImportError(name)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"boxes": [[1, 2, 3]] * 2}, "boxes: "),
        ({"boxes": [1, 2]}, "boxes: "),
        ({"boxes": [[1, 2, 3, 4], [1, 2, 3]]}, "boxes: "),
        ({"boxes": [[1, 2, 3, 4], [1, 2, 3, "x"]]}, "boxes: "),
        ({"scores": [0.5]}, "scores has 1 rows, boxes 2"),
        ({"labels": [[1], [2]]}, "labels: "),
        ({"keypoints": [[1, 2, 3]] * 2}, "keypoints: "),
        ({"edges": [(0, 1)]}, "edges: there are no keypoints"),
        ({"keypoints": [[[1, 2, 0.5]]] * 2, "edges": [(0, 1)]}, "edges has (0, 1), which are no two indices of 1"),
        ({"keypoints": [[[1, 2, 0.5]]] * 2, "edges": [(0, -1)]}, "edges has (0, -1)"),
        ({"keypoints": [[[1, 2, 0.5]] * 2] * 2, "edges": [(0, 1, 1)]}, "edges has (0, 1, 1)"),
        ({"keypoints": [[[1, 2, 0.5]] * 2] * 2, "edges": [(0, 0.5)]}, "edges has (0, 0.5)"),
        ({"keypoints": [[[1, 2, 0.5]] * 2] * 2, "keypoint_names": ["a"]}, "keypoint_names has 1, and there are 2"),
        ({"track_ids": [1]}, "track_ids has 1 rows, boxes 2"),
        ({"boxes": 3}, "boxes: its shape is [], expected [N, 4]"),
    ],
    ids=str,
)
@pytest.mark.parametrize("numpy", [True, False], ids=["numpy", "none"])
def test_what_does_not_fit_together_is_refused(
    changes: dict[str, Any], said: str, numpy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if numpy:
        pytest.importorskip("numpy")
    else:
        monkeypatch.setattr("model_zoo_api.arrays.import_module", _no_numpy)
    with pytest.raises(ValueError, match=re.escape(said)):
        found(**changes)


def test_it_is_plain_data() -> None:
    one = found(track_ids=[4, 5])
    assert json.loads(json.dumps(one.to_dict())) == {
        "path": "a.png",
        "index": 3,
        "height": 100,
        "width": 200,
        "error": None,
        "objects": [
            {"name": "dog", "label": 7, "score": 0.75, "box": BOXES[0], "track_id": 4},
            {"name": "cat", "label": 0, "score": 0.5, "box": BOXES[1], "track_id": 5},
        ],
    }


def test_keypoints_are_plain_data_with_their_names_and_edges() -> None:
    one = found(keypoints=[[[1, 2, 0.5], [3, 4, 1]]] * 2, keypoint_names=["nose", "tail"], edges=[[0, 1]])
    assert (one.keypoint_names, one.edges) == (("nose", "tail"), ((0, 1),))
    plain = json.loads(json.dumps(one.to_dict()))
    assert (plain["keypoint_names"], plain["edges"]) == (["nose", "tail"], [[0, 1]])
    assert plain["objects"][0]["keypoints"] == [[1, 2, 0.5], [3, 4, 1]]
    assert pickle.loads(pickle.dumps(one)).edges == one.edges
    none = Detections(keypoints=[], keypoint_names=("nose", "tail"), edges=((0, 1),))
    assert none.to_dict()["keypoint_names"] == ["nose", "tail"]


def test_rows_of_coco() -> None:
    one = found(keypoints=[[[1, 2, 0.5]]] * 2)
    assert one.to_coco(12, {7: 18, 0: 17}) == [
        {"image_id": 12, "category_id": 18, "bbox": [10, 20, 100, 50], "score": 0.75, "keypoints": [1, 2, 0.5]},
        {"image_id": 12, "category_id": 17, "bbox": [-5, 0, 20, 30], "score": 0.5, "keypoints": [1, 2, 0.5]},
    ]
    assert [row["category_id"] for row in found().to_coco(12)] == [7, 0]


def test_lines_of_a_label_file() -> None:
    assert found().to_labels() == ["7 0.3 0.45 0.5 0.5", "0 0.0375 0.15 0.075 0.3"]
    assert found().to_labels(scores=True)[0] == "7 0.3 0.45 0.5 0.5 0.75"
    assert found(boxes=[BOXES[0], [300, 0, 400, 10]]).to_labels() == ["7 0.3 0.45 0.5 0.5"]  # one is outside
    pose = found(keypoints=[[[50, 50, 0.9], [50, 50, 0.24]], [[-4, 2, 0.9], [0, 0, 0.25]]])
    assert [line.split()[5:] for line in pose.to_labels()] == [
        ["0.25", "0.5", "2", "0", "0", "0"],  # as surely as a picture shows it
        ["0", "0", "0", "0", "0", "2"],
    ]


def test_labels_need_the_size_of_the_image() -> None:
    with pytest.raises(ValueError, match=r"a\.png: the image's height and width aren't known"):
        found(height=0, width=0).to_labels()
    assert failed("a.png", "no such file").to_labels() == []


def test_supervision_s_detections() -> None:
    pytest.importorskip("supervision")
    theirs = found(track_ids=[4, 5]).to_supervision()
    assert theirs.xyxy.tolist() == BOXES
    assert (theirs.class_id.tolist(), theirs.tracker_id.tolist()) == ([7, 0], [4, 5])
    assert theirs.data["class_name"].tolist() == ["dog", "cat"]
    assert len(Detections(height=1, width=1).to_supervision()) == 0


def test_supervision_s_keypoints(tmp_path: Path) -> None:
    supervision = pytest.importorskip("supervision")
    np = pytest.importorskip("numpy")
    points = [[[50, 50, 0.9], [90, 50, 0.3]], [[-4, 2, 0.2], [10, 10, 0.25]]]
    one = found(keypoints=points, edges=[(0, 1)])
    theirs = one.to_supervision_keypoints()
    assert isinstance(theirs, supervision.KeyPoints)
    assert theirs.xy.tolist() == [[[50, 50], [90, 50]], [[-4, 2], [10, 10]]]
    np.testing.assert_allclose(theirs.keypoint_confidence, [[0.9, 0.3], [0.2, 0.25]], rtol=1e-6)
    assert theirs.visible.tolist() == [[True, True], [False, True]]
    assert (theirs.class_id.tolist(), theirs.detection_confidence.tolist()) == ([7, 0], [0.75, 0.5])
    assert theirs.data["class_name"].tolist() == ["dog", "cat"]
    edges = [(start + 1, end + 1) for start, end in one.edges]  # supervision counts from 1
    picture = supervision.EdgeAnnotator(edges=edges).annotate(np.zeros((100, 200, 3), np.uint8), theirs)
    assert picture[50, 70].any()
    assert not picture[6, 4].any()  # one end of the other's edge isn't visible
    assert one.to_supervision().xyxy.tolist() == BOXES


def test_supervision_s_keypoints_where_there_are_none() -> None:
    pytest.importorskip("supervision")
    assert len(found(boxes=[], scores=[], labels=[], keypoints=[]).to_supervision_keypoints()) == 0
    assert len(failed("a.png", "no such file").to_supervision_keypoints()) == 0
    with pytest.raises(ValueError, match=r"a\.png: the model finds boxes alone, no keypoints"):
        found().to_supervision_keypoints()


@pytest.mark.parametrize(
    ("method", "package"),
    [("to_supervision", "supervision"), ("to_supervision_keypoints", "supervision"), ("draw", "PIL")],
)
def test_a_missing_library_is_named(method: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)
    monkeypatch.delitem(__import__("sys").modules, "model_zoo_api.drawing", raising=False)
    with pytest.raises(DependencyMissingError, match=r"pip install (supervision|pillow)"):
        getattr(found(), method)()


def test_it_draws_itself(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    path = write_picture(tmp_path / "a.png", 200, 100)
    plain = found(path=str(path), boxes=[], scores=[], labels=[]).draw()
    picture = found(path=str(path), keypoints=[[[150, 50, 0.9]]] * 2).draw()
    assert picture.size == plain.size == (200, 100)
    changed = [(x, y) for x in range(200) for y in range(100) if picture.getpixel((x, y)) != plain.getpixel((x, y))]
    assert {(10, 45), (110, 45), (60, 70), (150, 50)} <= set(changed)  # sides of the first box, and a keypoint
    assert (60, 45) not in changed  # its middle


def test_it_draws_skeletons() -> None:
    np = pytest.importorskip("numpy")
    pytest.importorskip("PIL")
    grey = np.full((100, 200, 3), 90, np.uint8)
    box = {"boxes": [[2, 40, 190, 95]], "scores": [0.9], "labels": [0]}
    points = [[60, 60, 0.9], [120, 60, 0.25], [120, 85, 0.24], [1e9, 60, 0.9]]
    plain, with_points, picture = (
        found(**box, **more).draw(grey)
        for more in ({}, {"keypoints": [points]}, {"keypoints": [points], "edges": [(0, 1), (1, 2), (1, 3)]})
    )

    def differ(one: Any, other: Any) -> set[tuple[int, int]]:
        changed = (np.asarray(one) != np.asarray(other)).any(2)
        return {(int(x), int(y)) for y, x in zip(*changed.nonzero(), strict=True)}

    assert {(60, 60), (120, 60)} <= differ(with_points, plain)
    assert (120, 85) not in differ(with_points, plain)  # it scores too little
    assert {(90, 60), (160, 60)} <= differ(picture, with_points)
    assert {y for _, y in differ(picture, plain)} <= set(range(56, 65))  # nothing goes to the third


def test_it_draws_on_an_array_in_blue_green_red() -> None:
    np = pytest.importorskip("numpy")
    pytest.importorskip("PIL")
    blue = np.zeros((100, 200, 3), np.uint8)
    blue[..., 0] = 255
    empty = Detections(height=100, width=200)
    assert empty.draw(blue).getpixel((5, 5)) == (0, 0, 255)
    with pytest.raises(ValueError, match="give that as image="):
        empty.draw()


def test_an_image_that_could_not_be_read() -> None:
    one = failed("a.png", OSError("no\nsuch\x1bfile"), index=4)
    assert (one.path, one.index, one.error, len(one)) == ("a.png", 4, "no such\\x1bfile", 0)
    assert one.to_dict()["error"] == one.error


def test_nothing_is_drawn_of_an_image_that_could_not_be_read() -> None:
    pytest.importorskip("PIL")
    with pytest.raises(ValueError, match="nothing to draw on"):
        failed("a.png", OSError("no such file")).draw()
