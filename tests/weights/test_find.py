"""From a name or a path to a weight file: where it is looked for, and what is said when it is not there."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from model_zoo_api.types import ModelCard
from yolonas_plugin.cards import CARDS
from yolonas_plugin.errors import DownloadError, WeightsNotFoundError, YoloNASPluginError
from yolonas_plugin.files.digest import file_sha256
from yolonas_plugin.weights import find_weights, published, read_checkpoint
from yolonas_plugin.weights.folder import EMBEDDED

NOTHING = hashlib.sha256().hexdigest()
PUBLISHED = [card for card in CARDS if card.weights and card.weights[0].urls]


@pytest.fixture(autouse=True)
def nothing_published(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was published are empty files here."""
    cards = [
        replace(card, weights=tuple(replace(file, sha256=NOTHING, size=0) for file in card.weights))
        if card in PUBLISHED
        else card
        for card in CARDS
    ]
    monkeypatch.setattr("yolonas_plugin.weights.find.CARDS", cards)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of weights; the working directory and the home are empty too."""
    for name in ("weights", "work", "home"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.mark.parametrize("name", ["mine.pt", "mine", "yolo_nas_s.pth"])
def test_a_path_is_itself(name: str, folder: Path) -> None:
    path = touch(folder.parent / "elsewhere" / name)
    assert find_weights(path) == path
    assert find_weights(str(path)) == path


def test_a_path_may_begin_at_home(folder: Path) -> None:
    path = touch(folder.parent / "home" / "mine.pt")
    assert find_weights("~/mine.pt") == path


@pytest.mark.parametrize("card", PUBLISHED, ids=lambda card: card.name)
def test_a_name_is_the_published_file(card: ModelCard, folder: Path) -> None:
    path = touch(folder / card.weights[0].filename)
    for name in (card.name, *card.aliases, f"{card.name}.pt", f"{card.name}.pth", f"{card.name}.safetensors"):
        assert find_weights(name) == path


def test_some_weights_come_with_the_package(folder: Path) -> None:
    card = next(card for card in CARDS if card.name == "yolo_nas_n_layout")
    (file,) = card.weights
    for name in (card.name, *card.aliases, file.filename):
        path = find_weights(name)
        assert path.name == file.filename
    assert (file_sha256(path), path.stat().st_size) == (file.sha256, file.size)
    checkpoint = read_checkpoint(path)
    assert tuple(checkpoint.class_names) == card.classes
    assert checkpoint.licence == card.licence.name
    assert not list(folder.iterdir())
    assert find_weights(touch(Path("yolo_nas_n_layout.safetensors")).name).resolve().parent == Path.cwd()


def test_the_package_stays_small() -> None:
    """A wheel is to have 15 MB at most; this is before it is compressed."""
    assert sum(path.stat().st_size for path in EMBEDDED.iterdir()) < 14_000_000


@pytest.mark.parametrize("ending", [".pt", ".pth", ".safetensors"])
def test_a_file_in_the_working_directory_comes_first(ending: str, folder: Path) -> None:
    touch(folder / "yolo_nas_s_coco.pth")
    touch(Path(f"yolo_nas_s{ending}"))
    for name in ("yolo_nas_s", "yolo-nas-s"):
        assert find_weights(name).resolve() == Path(f"yolo_nas_s{ending}").resolve()


def test_a_model_without_published_weights_may_lie_in_the_working_directory(folder: Path) -> None:
    touch(Path("yolo_nas_n.pt"))
    assert find_weights("yolo_nas_n") == Path("yolo_nas_n.pt")


def test_without_the_variable_the_cache_is_looked_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("YOLONAS_WEIGHTS")
    path = touch(folder.parent / "home" / ".cache" / "yolonas-plugin" / "yolo_nas_s_coco.pth")
    assert find_weights("yolo_nas_s") == path
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder.parent / "cache"))
    path = touch(folder.parent / "cache" / "yolonas-plugin" / "yolo_nas_s_coco.pth")
    assert find_weights("yolo_nas_s") == path


def test_a_name_may_begin_with_a_tilde(folder: Path) -> None:
    touch(Path("~old.pt"))
    assert find_weights("~old.pt") == Path("~old.pt")


def complaint(source: str) -> str:
    with pytest.raises(WeightsNotFoundError) as caught:
        find_weights(source)
    assert isinstance(caught.value, (YoloNASPluginError, FileNotFoundError))
    return str(caught.value)


@pytest.mark.parametrize("card", PUBLISHED, ids=lambda card: card.name)
def test_a_file_that_is_not_there_can_be_got(card: ModelCard, folder: Path) -> None:
    """Address, checksum, licence and place: all that is needed, and nothing is fetched by itself."""
    message = complaint(card.name)
    file = card.weights[0]
    for fact in (card.name, *file.urls, NOTHING, card.licence.name, card.licence.url, str(folder / file.filename)):
        assert fact in message
    assert not list(folder.iterdir())


def test_a_size_that_was_never_published(folder: Path) -> None:
    message = complaint("yolo_nas_n")
    assert "no weights of this size were ever published" in message
    assert "path of a checkpoint" in message


@pytest.mark.parametrize("source", ["yolo_nas_z", "yolonas_s", "yolo_nas_S.pt"])
def test_an_unknown_name_suggests_the_nearest(source: str, folder: Path) -> None:
    message = complaint(source)
    assert source in message
    assert "did you mean 'yolo_nas_" in message


def test_a_name_like_no_other_lists_the_models(folder: Path) -> None:
    message = complaint("resnet50")
    assert all(card.name in message for card in CARDS)


@pytest.mark.parametrize("source", ["runs/train/best.pt", "weights/yolo_nas_s.pt", "./yolo_nas_s.pt", "./yolo_nas_s"])
def test_a_path_that_is_not_there(source: str, folder: Path) -> None:
    """A name inside a path isn't a model's name."""
    touch(folder / "yolo_nas_s_coco.pth")
    assert complaint(source) == f"{source}: there is no such file"


def test_a_path_that_the_system_refuses(folder: Path) -> None:
    assert complaint("x" * 300).startswith("xxx")


# --- what lies in the folder of weights under a published name ---


def test_another_file_of_a_published_name_is_neither_used_nor_changed(folder: Path) -> None:
    path = folder / "yolo_nas_s_coco.pth"
    path.write_bytes(b"something else")
    with pytest.raises(DownloadError) as caught:
        find_weights("yolo_nas_s")
    for fact in (str(path), NOTHING, hashlib.sha256(b"something else").hexdigest(), "remove it"):
        assert fact in str(caught.value)
    assert path.read_bytes() == b"something else"
    assert find_weights(path) == path  # who names the file itself gets it


def test_it_is_compared_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[Path] = []
    monkeypatch.setattr(published, "file_sha256", lambda path: hashed.append(path) or file_sha256(path))
    path = touch(folder / "yolo_nas_s_coco.pth")
    for _ in range(3):
        find_weights("yolo_nas_s")
    monkeypatch.setattr(published, "_FOUND_RIGHT", set())  # another process
    find_weights("yolo_nas_s")
    assert hashed == [path]
    path.write_bytes(b"later")
    with pytest.raises(DownloadError):
        find_weights("yolo_nas_s")
    os.truncate(path, 0)
    find_weights("yolo_nas_s")


def test_a_folder_that_takes_no_notes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = touch(folder / "yolo_nas_s_coco.pth")
    (folder / ".yolo_nas_s_coco.pth.checked").mkdir()
    hashed: list[Path] = []
    monkeypatch.setattr(published, "file_sha256", lambda path: hashed.append(path) or file_sha256(path))
    assert [find_weights("yolo_nas_s") for _ in range(2)] == [path, path]
    assert hashed == [path]
