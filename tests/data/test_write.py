"""Detections written as data sets: what is written is what is read."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
import torch
from ultralytics.engine.results import Keypoints, Results

from model_zoo_api import Detections
from tests.support.pictures import picture
from yolonas_plugin.boxes.image_boxes import as_arrays, as_detections, skeleton_of
from yolonas_plugin.cli import main
from yolonas_plugin.data import open_data, write_labels
from yolonas_plugin.errors import SourceError
from yolonas_plugin.nas.results import NASResults
from yolonas_plugin.skeleton import COCO_PERSON, Skeleton

FORMATS = ["yolo", "coco", "voc"]
NAMES = {0: "traffic light", 1: "Verkehrsschild & Ampel", 2: "車"}
FILES = ["b/1.jpg", "a/1.png", "a/1.jpg", "a/Ein Bild, groß.png", "a/empty.png", "a/x.jpg.png", "a/1-2.png"]


def result(path: Path, rows: list[list[float]], size: tuple[int, int] = (48, 64)) -> Results:
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), picture(sum(str(path).encode()), *size))
    boxes = torch.tensor(rows).reshape(-1, 6)
    return Results(np.zeros((*size, 3), np.uint8), path=str(path), names=NAMES, boxes=boxes)


@pytest.fixture
def results(tmp_path: Path) -> list[Results]:
    """On each image a box whose width tells which it is, and one that reaches out of it; on one of them nothing."""
    return [
        result(
            tmp_path / name,
            []
            if "empty" in name
            else [[3.25, 4.5, 13.25 + i, 20.75, 0.9, i % 3], [50.125, 30, 80, 60, 0.4, 0], [-9, 3, -1, 9, 0.3, 1]],
        )
        for i, name in enumerate(FILES)
    ]


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_written_is_read_without_a_fault(format: str, results: list[Results], tmp_path: Path) -> None:
    written = write_labels(iter(results), tmp_path / "out", format)
    assert (written.folder, written.images) == (tmp_path / "out", len(FILES))
    assert written.boxes == Counter({NAMES[0]: 6 + 3, NAMES[1]: 1, NAMES[2]: 2})
    data = open_data(written.folder)
    assert data.report.faults == ()
    assert data.names == tuple(NAMES.values())
    assert list(data.splits) == ["train"]
    pictures = {Path(r.path).read_bytes(): i for i, r in enumerate(results)}
    samples = {pictures[Path(sample.image).read_bytes()]: sample for sample in data.splits["train"]}
    assert len(samples) == len(FILES)
    for i, sample in samples.items():
        assert sample.shape == (48, 64)
        if "empty" in FILES[i]:
            assert len(sample.boxes) == 0
            continue
        assert sample.classes.tolist() == [i % 3, 0]
        centres, sides = sample.boxes[:, :2] * (64, 48), sample.boxes[:, 2:] * (64, 48)
        corners = np.concatenate((centres - sides / 2, centres + sides / 2), axis=1)
        np.testing.assert_allclose(corners, [[3.25, 4.5, 13.25 + i, 20.75], [50.125, 30, 64, 48]], atol=0.01)


AWKWARD = [
    *(
        "no",
        "1.0",
        "null",
        "~",
        "0x10",
        "2024-01-01",
        "yes",
        "a: b",
        "# a",
        "- a",
        "[a",
        "{a}",
        "&a",
        "*a",
        "!a",
        "%a",
        "@a",
    ),
    *(
        "it's",
        'a "b"',
        "back\\slash",
        "a,b",
        "a;b",
        "<a>",
        "a&amp;b",
        "\u00e9",
        "e\u0301",
        "\u6f22\u5b57",
        "\U0001f600",
    ),
    *(
        "n01440764",
        "a b",
        "a\u00a0b",
        "C:\\x",
        "../x",
        "None",
        "'",
        '"',
        "x" * 300,
        "|",
        ">",
        "=",
        "<<",
        "a\tb",
        "a\u2028b",
    ),
]
ODD = ["", " a", "a ", "a\nb", "a\rb", "\n", "\u00a0"]


def one_of_each(path: Path, names: list[str]) -> list[Results]:
    """An image with a box of each class, in the order of the classes."""
    rows = [[1.0, 1.0, 5.0 + i % 50, 9.0 + i // 50, 0.9, i] for i in range(len(names))]
    found = result(path, rows)
    found.names = dict(enumerate(names))
    return [found]


@pytest.mark.parametrize("format", FORMATS)
def test_names_are_read_back_whatever_they_are(format: str, tmp_path: Path) -> None:
    names = AWKWARD if format == "voc" else [*AWKWARD, *ODD]
    written = write_labels(one_of_each(tmp_path / "a" / "1.png", names), tmp_path / "out", format)
    data = open_data(written.folder)
    assert data.names == tuple(names)
    assert data.report.faults == ()
    assert data.splits["train"][0].classes.tolist() == list(range(len(names)))


@pytest.mark.parametrize("name", [*ODD, "a\x85b", "a\x1b[31mb", "\udce9", "a\0b"])
def test_a_name_that_a_format_has_no_place_for_is_an_error_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    for format in FORMATS if name not in ODD else ["voc"]:
        with pytest.raises(SourceError, match=r"no place for|can't be named"):
            write_labels(one_of_each(tmp_path / "a" / "1.png", ["a", name, "b"]), tmp_path / "out", format)
        assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_two_classes_of_one_name_are_told_apart_or_refused(tmp_path: Path) -> None:
    found = one_of_each(tmp_path / "a" / "1.png", ["a", "b", "a"])
    for format in ("coco", "voc"):
        with pytest.raises(SourceError, match=r"two classes are called 'a'.*take format='yolo'"):
            write_labels(found, tmp_path / "out", format)
    data = open_data(write_labels(found, tmp_path / "out", "yolo").folder)
    assert data.names == ("a", "b", "a")
    assert data.splits["train"][0].classes.tolist() == [0, 1, 2]


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
@pytest.mark.parametrize("format", FORMATS)
def test_images_of_any_name_are_read_back(format: str, tmp_path: Path) -> None:
    source = tmp_path / "pictures"
    source.mkdir()
    plain = cv2.imencode(".png", picture(0, 48, 64))[1].tobytes()
    awkward = [
        b"caf\xe9.png",
        b"a\nb.png",
        b" a .png",
        b"a\\b.png",
        b".hidden.png",
        b"a'b\"c.png",
        b"x" * 240 + b".png",
    ]
    awkward += [
        b"100%.png",
        b"a,b;c.png",
        b"[a]*?.png",
        b"\xe6\xbc\xa2.png",
        b"a.xml.png",
        b"~.png",
        b"A.png",
        b"a.png",
    ]
    found = []
    for i, name in enumerate(awkward):
        path = Path(os.fsdecode(os.path.join(os.fsencode(source), name)))
        path.write_bytes(plain + bytes([i]))
        boxes = torch.tensor([[1.0, 1.0, 10.0 + i, 20.0, 0.9, i % 3]])
        found.append(Results(np.zeros((48, 64, 3), np.uint8), path=str(path), names=NAMES, boxes=boxes))
    data = open_data(write_labels(found, tmp_path / "out", format).folder)
    assert data.report.faults == ()
    widths = {Path(s.image).read_bytes()[-1]: round(float(s.boxes[0, 2]) * 64) for s in data.splits["train"]}
    assert widths == {i: 9 + i for i in range(len(awkward))}


def test_names_are_kept_where_they_can_be(results: list[Results], tmp_path: Path) -> None:
    write_labels(results, tmp_path / "out", "coco")
    content = json.loads((tmp_path / "out" / "annotations" / "instances_train.json").read_text())
    names = [image["file_name"] for image in content["images"]]
    assert names == ["1.jpg", "1-2.png", "1-3.jpg", "Ein Bild, groß.png", "empty.png", "x.jpg.png", "1-2-2.png"]
    assert [round(item["score"], 3) for item in content["annotations"][:2]] == [0.9, 0.4]


def test_pixels_are_written_with_two_decimals(tmp_path: Path) -> None:
    found = [result(tmp_path / "a" / "1.png", [[1.23456, 2.34567, 13.45678, 24.56789, 0.9, 0]])]
    write_labels(found, tmp_path / "coco", "coco")
    content = json.loads((tmp_path / "coco" / "annotations" / "instances_train.json").read_text())
    assert content["annotations"][0]["bbox"] == [1.23, 2.35, 12.23, 22.22]
    write_labels(found, tmp_path / "voc", "voc")
    tree = ElementTree.parse(tmp_path / "voc" / "Annotations" / "1.xml")
    assert [side.text for side in tree.find("object/bndbox")] == ["1.23", "2.35", "13.46", "24.57"]


@pytest.mark.parametrize("format", FORMATS)
def test_lean_detections_are_written_alike(format: str, results: list[Results], tmp_path: Path) -> None:
    lean = [as_detections(as_arrays(result), NAMES, path=result.path, image=result.orig_img) for result in results]
    one, two = (write_labels(found, tmp_path / name, format) for found, name in ((results, "1"), (lean, "2")))
    assert one[1:] == two[1:]
    files = [path.relative_to(one.folder) for path in sorted(one.folder.rglob("*")) if path.is_file()]
    assert len(files) > len(FILES)
    for file in files:
        assert (one.folder / file).read_bytes() == (two.folder / file).read_bytes()


def test_nothing_is_overwritten_and_nothing_half_written_is_left(results: list[Results], tmp_path: Path) -> None:
    def broken() -> Iterator[Results]:
        yield results[0]
        raise RuntimeError("no more")

    before = set(tmp_path.iterdir())
    with pytest.raises(RuntimeError):
        write_labels(broken(), tmp_path / "out", "yolo")
    with pytest.raises(SourceError, match="no image"):
        write_labels([], tmp_path / "out", "yolo")
    assert set(tmp_path.iterdir()) == before
    with pytest.raises(SourceError, match="something here already"):
        write_labels(results, tmp_path / "a", "yolo")
    with pytest.raises(SourceError, match="there are yolo, coco, voc"):
        write_labels(results, tmp_path / "out", "csv")
    (tmp_path / "out").mkdir()
    write_labels([results[0], results[0]], tmp_path / "out", "yolo")  # empty: nobody loses anything
    assert len(list((tmp_path / "out" / "images").iterdir())) == 1


def test_what_has_no_file_or_no_place_is_refused(results: list[Results], tmp_path: Path) -> None:
    array = Results(np.zeros((9, 9, 3), np.uint8), path="image0.jpg", names=NAMES, boxes=torch.zeros(0, 6))
    video = Results(np.zeros((9, 9, 3), np.uint8), path=str(tmp_path / "a.mp4"), names=NAMES, boxes=torch.zeros(0, 6))
    for found in (array, video):
        with pytest.raises(SourceError, match="labels are for image files"):
            write_labels([found], tmp_path / "out", "yolo")
    results[0].names = {**NAMES, 1: "two\nlines"}
    with pytest.raises(SourceError, match="no place for"):
        write_labels(results[:1], tmp_path / "out", "voc")
    assert not (tmp_path / "out").exists()


def test_the_command_line_labels_what_it_can_read(
    nano: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = tmp_path / "pictures"
    source.mkdir()
    for seed in range(2):
        cv2.imwrite(str(source / f"{seed}.png"), picture(seed))
    (source / "broken.png").write_bytes(b"broken")
    command = ["label", "--weights", str(nano), "--source", str(source), "--output", str(tmp_path / "out")]
    assert main([*command, "--format", "coco", "--conf", "0.8", "--json"]) == 3
    captured = capsys.readouterr()
    answer = json.loads(captured.out)
    assert (answer["images"], answer["skipped"]) == (2, [str(source / "broken.png")])
    data = open_data(tmp_path / "out")
    assert sum(len(sample.boxes) for sample in data.splits["train"]) == sum(answer["boxes"].values()) > 0
    content = json.loads((tmp_path / "out" / "annotations" / "instances_train.json").read_text())
    assert min(item["score"] for item in content["annotations"]) >= 0.8
    assert main([*command, "--format", "yolo"]) == 1
    assert "something here already" in capsys.readouterr().err


TAIL = Skeleton(("nose", "left_paw", "right_paw"), edges=((0, 1), (0, 2)), flip_index=(0, 2, 1))


def with_keypoints(path: Path, *, native: bool) -> Any:
    """What is found in an image: an object within it, one that lies outside; of the engine, or of the contract."""
    one = result(path, [[3, 4, 23, 20, 0.9, 0], [-9, 3, -1, 9, 0.3, 0]])
    points = np.array([[[5, 6, 0.9], [70, 9, 0.8], [12, 13, 0.1]], [[1, 1, 0.9]] * 3], dtype=np.float32)
    if native:
        found = NASResults(one.orig_img, path=one.path, names={0: "dog"}, boxes=one.boxes.data)
        found.keypoints = Keypoints(torch.from_numpy(points), one.orig_shape)
        found.skeleton = TAIL
        return found
    boxes = {"boxes": one.boxes.xyxy.numpy(), "scores": one.boxes.conf.numpy(), "labels": [0, 0], "names": {0: "dog"}}
    kind = {"keypoints": points, "keypoint_names": TAIL.names, "edges": TAIL.edges}
    return Detections(path=str(path), height=48, width=64, **boxes, **kind)


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("format", ["yolo", "coco"])
def test_keypoints_are_read_as_they_are_written(format: str, native: bool, tmp_path: Path) -> None:
    found = with_keypoints(tmp_path / "a" / "1.png", native=native)
    data = open_data(write_labels([found], tmp_path / "out", format).folder, task="pose")
    assert data.report.faults == ()
    assert (data.skeleton.names, data.skeleton.flip_index) == (TAIL.names, TAIL.flip_index)
    if format == "coco":
        assert data.skeleton.edges == TAIL.edges
    (sample,) = data.splits["train"]
    expected = [[[5 / 64, 6 / 48, 2], [0, 0, 0], [0, 0, 0]]]  # of the others one is out of the image, one scores low
    np.testing.assert_allclose(sample.keypoints, expected, atol=1e-4)


@pytest.mark.parametrize("format", ["yolo", "coco"])
def test_keypoints_in_the_corners_are_labelled(format: str, tmp_path: Path) -> None:
    found = with_keypoints(tmp_path / "a" / "1.png", native=False)
    found.keypoints[0] = [[0.004, 0, 0.25], [64, 48, 0.9], [0, 0, 0.24]]
    (sample,) = open_data(write_labels([found], tmp_path / "out", format).folder, task="pose").splits["train"]
    assert sample.keypoints.tolist() == [[[0, 0, 2], [1, 1, 2], [0, 0, 0]]]
    assert [line.split()[5:] for line in found.to_labels()] == [["6.25e-05", "0", "2", "1", "1", "2", "0", "0", "0"]]


def test_coco_keeps_the_scores_of_keypoints(tmp_path: Path) -> None:
    written = write_labels([with_keypoints(tmp_path / "a" / "1.png", native=True)], tmp_path / "out", "coco")
    content = json.loads((written.folder / "annotations" / "instances_train.json").read_text())
    (label,), (category,) = content["annotations"], content["categories"]
    assert label["keypoints"] == [5, 6, 2, 0, 0, 0, 0, 0, 0]
    assert (label["num_keypoints"], label["keypoint_scores"]) == (1, pytest.approx([0.9, 0.8, 0.1], abs=1e-5))
    assert (category["keypoints"], category["skeleton"]) == (list(TAIL.names), [[1, 2], [1, 3]])


def test_a_format_without_keypoints_is_refused(tmp_path: Path) -> None:
    found = with_keypoints(tmp_path / "a" / "1.png", native=False)
    with pytest.raises(SourceError, match="format='voc' has no place for keypoints, which this model"):
        write_labels([found], tmp_path / "out", "voc")
    assert not (tmp_path / "out").exists()


def test_keypoints_that_nobody_names_are_numbered(tmp_path: Path) -> None:
    path = tmp_path / "a" / "1.png"
    stock = result(path, [[3, 4, 23, 20, 0.9, 0]])
    stock.keypoints = Keypoints(torch.tensor([[[5.0, 6.0, 0.9], [7.0, 8.0, 0.9]]]), stock.orig_shape)
    assert skeleton_of(stock).names == ("keypoint_0", "keypoint_1")
    assert skeleton_of(result(path, [])) is None
    joined = Detections(boxes=[[0, 0, 9, 9]], scores=[1], labels=[0], keypoints=[[[1, 2, 1]] * 2], edges=[(0, 1)])
    assert skeleton_of(joined) == Skeleton(("keypoint_0", "keypoint_1"), edges=((0, 1),))
    assert skeleton_of(Detections(keypoints=[])) is None
    assert skeleton_of(Detections(keypoints=[], keypoint_names=COCO_PERSON.names)) is COCO_PERSON
