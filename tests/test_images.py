"""Whatever lies among images, and however it is called, costs nothing but itself."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support import hostile_images
from yolonas_plugin.errors import DataNotFoundError, SourceError
from yolonas_plugin.files.paths import files_of
from yolonas_plugin.images import SUFFIXES, list_images, open_images, read_file, read_image

PIXELS = np.random.RandomState(0).randint(0, 256, (20, 30, 3), dtype=np.uint8)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.png"
    path.write_bytes(cv2.imencode(".png", PIXELS)[1].tobytes())
    return path


@pytest.mark.skipif(os.name != "posix", reason="pipes, devices and names of any bytes")
def test_what_is_no_image_is_left_out_and_named(good: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    kept, refused = hostile_images.fill(folder, good)
    found = {one.path: one.image for one in open_images(folder)}
    assert hostile_images.names([path for path, image in found.items() if image is not None]) == kept
    refused = {name for name in refused if not name.endswith(b".mp4")}
    assert hostile_images.names([path for path, image in found.items() if image is None]) == refused
    for image in found.values():
        if image is not None:
            np.testing.assert_array_equal(image, PIXELS)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="devices")
@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/proc/self/environ", "/proc/kcore", "/", "/dev/stdin"])
def test_only_files_are_read(path: str) -> None:
    assert read_image(path) is None
    with pytest.raises((OSError, SourceError)):
        read_file(path)


def test_a_huge_image_that_is_one_is_read(tmp_path: Path) -> None:
    (tmp_path / "wide.png").write_bytes(hostile_images.png(30, 20, hostile_images.rows_of(PIXELS[..., ::-1])))
    np.testing.assert_array_equal(read_image(str(tmp_path / "wide.png")), PIXELS)


@pytest.fixture
def tree(tmp_path: Path, good: Path) -> Path:
    """Folders with links that lead round and round, out, and nowhere."""
    root = tmp_path / "tree"
    for place in ("one", "two/deep", ".hidden", "one/x[1]"):
        (root / place).mkdir(parents=True)
        (root / place / "x.png").write_bytes(good.read_bytes())
    for place, target in {
        "loop": ".",
        "again": ".",
        "one/up": "..",
        "two/deep/top": str(root),
        "two/gone": "nowhere",
        "two/self": "self",
        "elsewhere": "../outside",
    }.items():
        (root / place).symlink_to(target)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "y.png").write_bytes(good.read_bytes())
    return root


def test_links_that_lead_round_and_round_are_entered_once(tree: Path) -> None:
    wanted = {"x.png", "deep/x.png", "x[1]/x.png", "elsewhere/y.png"}
    for pattern in ("**/*.png", "**", "**/**/*.png", "**/*"):
        found = [path for path in files_of(str(tree / pattern), SUFFIXES) if os.path.isfile(path)]
        assert len({os.path.realpath(path) for path in found}) == len(found) == 4, pattern
        assert all(any(path.endswith(end) for end in wanted) for path in found)
    assert len(list(list_images(str(tree / "two" / "**" / "x.png")))) == 3  # out of it by a link, and back
    assert files_of(str(tree / "*" / "*.png"), SUFFIXES) == [
        str(tree / "elsewhere" / "y.png"),
        str(tree / "one" / "x.png"),
    ]


def test_a_name_that_looks_like_a_pattern_is_a_name(tree: Path) -> None:
    assert files_of(str(tree / "one" / "x[1]"), SUFFIXES) == [str(tree / "one" / "x[1]" / "x.png")]
    assert files_of(str(tree / "one" / "x[1]" / "x.png"), SUFFIXES) == [str(tree / "one" / "x[1]" / "x.png")]
    with pytest.raises(DataNotFoundError, match="no such file"):
        files_of(str(tree / "nowhere.png"), SUFFIXES)
    with pytest.raises(DataNotFoundError, match=r"\\x00"):
        files_of("a\0*.png", SUFFIXES)


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A folder of an ordinary user's, as whom the test then runs."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root can become another user")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            os.seteuid(0)


def test_a_folder_that_may_not_be_read_is_named(nobody: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.seteuid(0)
    for name in ("closed", "open"):
        (nobody / name).mkdir()
        cv2.imwrite(str(nobody / name / "x.png"), PIXELS)
    cv2.imwrite(str(nobody / "private.png"), PIXELS)
    for path in (nobody / "closed", nobody / "private.png"):
        path.chmod(0o700)
    os.seteuid(65534)
    for source in ([nobody / "closed", nobody / "open"], str(nobody / "**" / "x.png")):
        found = list(open_images(source))
        assert [os.path.relpath(path, nobody) for path, image, _ in found if image is None] == ["closed"]
        assert [os.path.relpath(path, nobody) for path, image, _ in found if image is not None] == ["open/x.png"]
    assert [one.image is None for one in open_images(nobody / "private.png")] == [True]
