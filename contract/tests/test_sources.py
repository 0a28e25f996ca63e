"""What a predictor may be given, and the answer to each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from model_zoo_api import Detections
from model_zoo_api.errors import SourceError
from model_zoo_api.sources import entries, outcomes


def detect(entry: Any) -> Detections:
    if isinstance(entry, str):
        Path(entry).read_bytes()
    return Detections(height=1, width=1, names={0: "x"}, boxes=[[0, 0, 1, 1]], scores=[1], labels=[0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.png", "a.JPG", "notes.txt", ".hidden.png"):
        (tmp_path / name).touch()
    (tmp_path / "sub.png").mkdir()
    return tmp_path


@pytest.mark.parametrize("source", [None, "", "  ", 3, True, 2.5, object(), b"a.png", {"a": 1}, {"a.png"}], ids=repr)
def test_what_names_no_image_is_refused_at_once(source: Any) -> None:
    with pytest.raises(SourceError, match="image"):
        entries(source)


def test_a_path_is_one_image(folder: Path) -> None:
    for source in (folder / "b.png", str(folder / "b.png")):
        (one,) = outcomes(source, detect)
        assert (one.path, one.index, one.error, len(one)) == (str(folder / "b.png"), 0, None, 1)


def test_a_folder_is_the_images_in_it_by_name(folder: Path) -> None:
    (folder / "sub.png").rmdir()
    assert [Path(path).name for path in entries(folder)] == ["a.JPG", "b.png"]


def test_a_folder_without_images_is_refused(folder: Path) -> None:
    with pytest.raises(SourceError, match="no image is in this folder"):
        entries(folder / "sub.png")


def test_a_pattern_is_the_files_like_it(folder: Path) -> None:
    assert list(entries(str(folder / "*.png"))) == [str(folder / "b.png")]
    with pytest.raises(SourceError, match="no file is like that"):
        entries(str(folder / "*.gif"))
    (folder / "[1].png").touch()
    assert list(entries(str(folder / "[1].png"))) == [str(folder / "[1].png")]  # a file of that name


def test_a_list_has_one_outcome_for_each_entry_in_order(folder: Path) -> None:
    (folder / "sub.png").rmdir()
    given = [folder / "b.png", str(folder / "missing.png"), None, str(folder), folder / "a.JPG", 3]
    found = list(outcomes(given, detect))
    assert [one.index for one in found] == [0, 1, 2, 3, 4, 5, 6]
    assert [one.error is None for one in found] == [True, False, False, True, True, True, False]
    assert [Path(one.path).name for one in found if one.path] == ["b.png", "missing.png", "a.JPG", "b.png", "a.JPG"]
    assert "missing.png" in found[1].error
    assert "None is no image" in found[2].error


@pytest.mark.parametrize("entry", ["", "empty", "*.gif"])
def test_an_entry_that_stands_for_nothing_is_an_outcome_with_an_error(folder: Path, entry: str) -> None:
    (folder / "empty").mkdir()
    given = [folder / "b.png", folder / entry if entry else "", folder / "a.JPG"]
    assert [bool(one.error) for one in outcomes(given, detect)] == [False, True, False]


def test_an_empty_list_has_no_outcomes() -> None:
    assert list(outcomes([], detect)) == []


def test_an_iterator_is_read_as_it_goes(folder: Path) -> None:
    asked = []

    def paths() -> Any:
        for number in range(1000):
            asked.append(number)
            yield folder / "b.png"

    stream = outcomes(paths(), detect)
    assert [next(stream).index for _ in range(3)] == [0, 1, 2]
    assert len(asked) == 3


def test_an_array_is_one_image() -> None:
    np = pytest.importorskip("numpy")
    (one,) = outcomes(np.zeros((4, 6, 3), np.uint8), detect)
    assert (one.path, one.index, one.error) == (None, 0, None)
    found = list(outcomes([np.zeros((4, 6), np.uint8), np.zeros((4, 6, 3)), np.zeros((0, 6, 3), np.uint8)], detect))
    assert all("[height, width, 3], uint8, in the order blue, green, red" in one.error for one in found)


def test_an_error_of_the_predictor_s_own_is_not_the_image_s(folder: Path) -> None:
    def broken(entry: Any) -> Detections:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(outcomes(folder / "b.png", broken))
