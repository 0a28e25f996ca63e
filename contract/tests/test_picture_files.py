"""Pictures are opened by Pillow's own readers, whatever an engine has put in the place of ``PIL.Image.open``."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import pytest

from model_zoo_api import Detections

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("numpy")  # with which what is drawn is compared

from PIL import UnidentifiedImageError  # noqa: E402

from model_zoo_api.bridges.pictures import FORMATS, NoPictureError, read_picture  # noqa: E402
from model_zoo_api.picture_files import open_picture  # noqa: E402

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine has put a function of its own in the place of ``Image.open``."""

    def installs(*_: Any, **__: Any) -> None:
        raise AssertionError("a package would be installed now")

    monkeypatch.setattr(Image, "open", installs)


def picture(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (6, 4), (250, 10, 20)).save(file, kind)
    return file.getvalue()


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize("kind", [*FORMATS, "PPM", "ICO", "TGA"])
def test_each_kind_is_opened(kind: str) -> None:
    opened = open_picture(io.BytesIO(picture(kind)))
    assert opened.format == kind
    assert opened.size == (6, 4)
    if kind in FORMATS:
        assert read_picture(io.BytesIO(picture(kind))).shape == (4, 6, 3)


@pytest.mark.usefixtures("taken")
@pytest.mark.parametrize("content", [b"", b"x", b"a text, which is no picture of any kind", POSTSCRIPT, b"\x89PNG\r\n"])
def test_what_is_no_picture_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises((UnidentifiedImageError, OSError), match=r"no picture|truncated|file"):
        open_picture(io.BytesIO(content))


@pytest.mark.usefixtures("taken")
def test_postscript_is_no_picture_for_bridges_either() -> None:
    with pytest.raises(NoPictureError, match="the file is no picture"):
        read_picture(io.BytesIO(POSTSCRIPT))


@pytest.mark.usefixtures("taken")
def test_a_claim_of_too_many_pixels_is_refused_before_any_is_read() -> None:
    claim = b"BM" + struct.pack("<IHHI", 0, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 30_000, 30_000, 1, 24, *[0] * 6)
    with pytest.raises(Image.DecompressionBombError, match="900,000,000 pixels"):
        open_picture(io.BytesIO(claim))


@pytest.mark.usefixtures("taken")
def test_results_are_drawn_on_their_files(tmp_path: Path) -> None:
    path = tmp_path / "red.png"
    path.write_bytes(picture("PNG"))
    drawn = Detections(path=str(path), height=4, width=6).draw()
    assert drawn.size == (6, 4)
    assert drawn.getpixel((3, 2)) == (250, 10, 20)
