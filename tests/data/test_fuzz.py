"""Damaged and hostile files are faults or errors of ours: never a traceback, nothing run, in bounded time."""

from __future__ import annotations

import contextlib
import json
import random
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.audit import FORBIDDEN
from tests.support.data_sets import (
    POSE,
    SPLITS,
    WRITERS,
    Picture,
    pose_json,
    write_coco,
    write_image,
    write_pose,
    write_voc,
    write_yolo,
)
from yolonas_plugin.data import check_data
from yolonas_plugin.errors import SourceError

ROUNDS = 120
SECONDS = 10.0
"""More than any of these may take, on a busy machine."""

_watched: list[str] | None = None


def _watch(event: str, args: Any) -> None:
    if _watched is not None and event.startswith((*FORBIDDEN, "socket.", "ctypes.", "shutil.")):
        _watched.append(f"{event} {args!r:.200}")


sys.addaudithook(_watch)


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """See that nothing is started, called over a network or unpickled meanwhile."""
    global _watched  # an audit hook can't be taken away
    _watched = []
    try:
        yield
        assert _watched == []
    finally:
        _watched = None


def outcome(root: Path) -> str:
    """Check a data set, which may end in a report or in an error of ours and in nothing else."""
    before = sorted(root.rglob("*"))
    begin, said = time.perf_counter(), str(root)
    try:
        with watched():
            report = check_data(root)
        result = "faults" if report.faults else "no faults"
        json.dumps(report.to_dict()).encode()
        "\n".join(map(str, report.findings)).encode()
    except SourceError as error:
        result, said = "error", str(error)
    assert str(root) in said
    assert time.perf_counter() - begin < SECONDS
    assert sorted(root.rglob("*")) == before
    return result


def damaged(content: bytes, draw: random.Random) -> bytes:
    """Change, cut out, repeat or cut off a piece."""
    start = draw.randrange(len(content) + 1)
    stop = min(len(content), start + draw.choice([1, 1, 2, 8, 40]))
    piece = content[start:stop]
    kind = draw.randrange(5)
    if kind == 0:
        piece = bytes(draw.randrange(256) for _ in piece)
    elif kind == 1:
        piece = draw.choice([b"", b"null", b"-1", b"1e999", b"NaN", b"[]", b"{}", b'"', b"<", b"\n", b"\0", b"9" * 400])
    elif kind == 2:
        piece *= draw.randrange(4)
    elif kind == 3:
        return content[:start]
    return content[:start] + piece + content[stop:]


@pytest.mark.parametrize("format", WRITERS)
def test_damaged_files_never_surprise(format: str, tmp_path: Path) -> None:
    draw = random.Random(0)
    root = WRITERS[format](tmp_path, {split: SPLITS[split] for split in ("train", "val")})
    files = sorted(path for path in root.rglob("*") if path.is_file())
    outcomes = set()
    for _ in range(ROUNDS):
        path = draw.choice(files)
        whole = path.read_bytes()
        path.write_bytes(damaged(whole, draw))
        outcomes.add(outcome(root))
        path.write_bytes(whole)
    assert outcomes == {"faults", "no faults", "error"}


TEXT = st.text(max_size=8) | st.sampled_from(
    ["", ".", "..", "/", "/dev/zero", "/dev/stdin", "a\0b", "~", "~nobody/x", "x" * 300, "../../etc/passwd", "\udce9",
     "http://127.0.0.1:9/x.png", "a1.png", "disc", "\x1b[31m", "no", "images/train", "train.json", "C:\\x", "%s{0}"]
)  # fmt: skip
NUMBERS = st.sampled_from(
    [0, 1, -1, 7, 8, 100, True, 2**31, 2**63, 10**400, 1.5, 1e308, float("inf"), float("nan"), -0.0]
)
VALUES = st.recursive(
    st.none() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All places in nested lists and dicts."""
    inner = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def kinds_of_places(value: Any) -> list[tuple[Any, ...]]:
    """One place for all those that differ only by their index in a list."""
    kinds = {tuple("*" if isinstance(key, int) else key for key in place): place for place in places(value)}
    return list(kinds.values())


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy with something else in a place."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """Something with other things in one to three places."""
    for _ in range(draw(st.integers(1, 3))):
        value = replaced(value, draw(st.sampled_from(places(value))), draw(VALUES))
    return value


def two_splits(write: Callable[..., Path]) -> tuple[tempfile.TemporaryDirectory[str], Path]:
    folder = tempfile.TemporaryDirectory()
    return folder, write(Path(folder.name, "data"), {split: SPLITS[split] for split in ("train", "val")})


def fuzz_coco(data: st.DataObject, root: Path) -> None:
    path = root / "annotations" / "instances_val2017.json"
    whole = path.read_text()
    try:
        text = json.dumps(data.draw(changed(json.loads(whole))))
        path.write_text(text, encoding="utf-8")
        outcome(root)
    finally:
        path.write_text(whole)


def fuzz_description(data: st.DataObject, root: Path) -> None:
    path = root / "data.yaml"
    whole = path.read_text()
    described = {**yaml.safe_load(whole), "nc": 3, "channels": 3, "kpt_shape": [2, 3], "download": "touch sprung"}
    try:
        content = data.draw(changed(described))
        with contextlib.suppress(yaml.YAMLError, ValueError, UnicodeError):  # what can't be written
            path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        outcome(root)
    finally:
        path.write_text(whole)


def fuzz_labels(data: st.DataObject, root: Path) -> None:
    path = root / "labels" / "val" / "b1.txt"
    whole = path.read_text()
    words = st.sampled_from(
        ["0", "1", "9", "-1", ".5", "nan", "inf", "1e999", "1_0", "x", "٣", "9" * 400, "0x1", "", "#"]
    )
    lines = st.lists(st.lists(words, max_size=9).map(" ".join), max_size=6)
    try:
        path.write_text(
            data.draw(st.sampled_from(["\n", "\r\n", "\r", "\x0b"])).join(data.draw(lines)), encoding="utf-8"
        )
        outcome(root)
    finally:
        path.write_text(whole)


def fuzz_voc(data: st.DataObject, root: Path) -> None:
    path = root / "Annotations" / "b1.xml"
    whole = path.read_text()
    tree = ElementTree.fromstring(whole)
    try:
        for _ in range(data.draw(st.integers(1, 4))):
            element = data.draw(st.sampled_from(list(tree.iter())))
            kind = data.draw(st.sampled_from(["text", "tag", "copy", "remove", "nest"]))
            if kind == "text":
                element.text = data.draw(TEXT | NUMBERS.map(lambda n: str(n)[:300]))
            elif kind == "tag":
                element.tag = data.draw(
                    st.sampled_from(["object", "bndbox", "name", "xmin", "size", "annotation", "x"])
                )
            elif kind == "copy":
                tree.append(ElementTree.fromstring(ElementTree.tostring(element, encoding="utf-8")))
            elif kind == "remove":
                for parent in tree.iter():
                    if element in list(parent):
                        parent.remove(element)
                        break
            else:
                outer = ElementTree.Element("annotation")
                outer.append(tree)
                tree = outer
        with contextlib.suppress(UnicodeError, ElementTree.ParseError):
            path.write_bytes(ElementTree.tostring(tree, encoding="utf-8"))
        outcome(root)
    except ElementTree.ParseError:
        pass  # a copy of what XML can't hold
    finally:
        path.write_text(whole)


KINDS: dict[str, tuple[Callable[..., Path], Callable[[st.DataObject, Path], None]]] = {
    "COCO JSON": (write_coco, fuzz_coco),
    "data YAML": (write_yolo, fuzz_description),
    "YOLO labels": (write_yolo, fuzz_labels),
    "Pascal VOC": (write_voc, fuzz_voc),
}


def search(kind: str, examples: int) -> None:
    write, fuzz = KINDS[kind]
    folder, root = two_splits(write)

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def run(data: st.DataObject) -> None:
        fuzz(data, root)

    with folder:
        run()


ANYTHING = [
    *(None, True, -1, 0, 10**400, 2**63, 2**31, -(2**70), 1.5, 1e308, float("inf"), float("nan"), -0.0),
    *("", "7", "x" * 999, "a\0b", "/dev/zero", "..", "\udce9", "\x1b[31m", "http://127.0.0.1:9/x.png"),
    *([], {}, [[]], [None] * 4, [10**400] * 4, [float("nan")] * 4, ["1"] * 4, [1, 2, 3], {"id": 1}, [True] * 4),
]


def test_every_place_that_tells_of_keypoints_may_hold_anything(tmp_path: Path) -> None:
    category = {"keypoints": ["left", "right"], "skeleton": [[1, 2]]}
    described = pose_json(category, {"keypoints": [15, 20, 2, 25, 10, 1], "num_keypoints": 2})
    root = tmp_path / "coco"
    write_image(root / "a.png", Picture("a", 40, 50))
    for place in kinds_of_places({key: described[key] for key in ("categories", "annotations")}):
        for new in ANYTHING:
            (root / "train.json").write_text(json.dumps(replaced(described, place, new)))
            outcome(root)
    root = write_pose(tmp_path / "yolo")
    whole = yaml.safe_load((root / "data.yaml").read_text())
    for place in kinds_of_places(POSE):
        for new in ANYTHING:
            with contextlib.suppress(yaml.YAMLError, ValueError, UnicodeError):
                (root / "data.yaml").write_text(yaml.safe_dump(replaced(whole, place, new)), encoding="utf-8")
            outcome(root)


def test_every_place_of_a_coco_file_may_hold_anything(tmp_path: Path) -> None:
    root = write_coco(tmp_path, {split: SPLITS[split] for split in ("train", "val")})
    path = root / "annotations" / "instances_val2017.json"
    whole = json.loads(path.read_text())
    outcomes = set()
    for place in kinds_of_places(whole):
        for value in ANYTHING:
            path.write_text(json.dumps(replaced(whole, place, value)))
            outcomes.add(outcome(root))
    assert outcomes == {"faults", "no faults", "error"}


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_values_never_surprise(kind: str) -> None:
    search(kind, 50)


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", KINDS)
def test_many_hostile_values_never_surprise(kind: str) -> None:
    search(kind, 800)
