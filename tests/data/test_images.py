"""An image passes the check if what reads it for training and measuring can decode it, and in that size."""

from __future__ import annotations

import io
import os
import struct
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, features
from ultralytics.utils import checks
from ultralytics.utils.patches import imread

from tests.support.engine import OLD_ENGINE
from yolonas_plugin.data import Kind, open_data
from yolonas_plugin.data.image_files import look_at
from yolonas_plugin.errors import SourceError
from yolonas_plugin.nas.dataset import SampleDataset
from yolonas_plugin.nas.sources import load_image
from yolonas_plugin.processing import COCO

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (72, 96, 3), np.uint8))
DEEP = Image.fromarray(np.random.default_rng(1).integers(0, 65535, (72, 96), np.uint16))


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, format, **options)
    return content.getvalue()


def turned(format: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(NOISE, format, exif=exif)


def wrong_checksum() -> bytes:
    content = bytearray(encoded(NOISE, "PNG"))
    content[60] ^= 255
    return bytes(content)


def claiming(side: int) -> bytes:
    """A PNG of a few bytes whose head claims so many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


GOOD = {
    "x.jpg": encoded(NOISE, "JPEG"),
    "odd.jpg": encoded(NOISE.crop((0, 0, 91, 67)), "JPEG"),
    "turned.jpg": turned("JPEG"),
    "progressive.jpg": encoded(NOISE, "JPEG", progressive=True),
    "grey.jpg": encoded(NOISE.convert("L"), "JPEG"),
    "cmyk.jpg": encoded(NOISE.convert("CMYK"), "JPEG"),
    "trailing.jpg": encoded(NOISE, "JPEG") + b"an appended video",
    "two.mpo": encoded(NOISE, "MPO", save_all=True, append_images=[NOISE.rotate(90, expand=True)]),
    "x.png": encoded(NOISE, "PNG"),
    "turned.png": turned("PNG"),
    "palette.png": encoded(NOISE.convert("P"), "PNG"),
    "alpha.png": encoded(NOISE.convert("RGBA"), "PNG"),
    "grey-alpha.png": encoded(NOISE.convert("LA"), "PNG"),
    "one-bit.png": encoded(NOISE.convert("1"), "PNG"),
    "deep.png": encoded(DEEP, "PNG"),
    "x.bmp": encoded(NOISE, "BMP"),
    "x.webp": encoded(NOISE, "WEBP"),
    "x.jp2": encoded(NOISE, "JPEG2000"),
    "x.tif": encoded(NOISE, "TIFF"),
    "lzw.tiff": encoded(NOISE, "TIFF", compression="tiff_lzw"),
    "deep.tif": encoded(DEEP, "TIFF"),
    "png.jpg": encoded(NOISE, "PNG"),
}
BAD = {
    "cut.jpg": encoded(NOISE, "JPEG")[:3000],
    "head.jpg": encoded(NOISE, "JPEG")[:200],
    "cut.png": encoded(NOISE, "PNG")[:9000],
    "checksum.png": wrong_checksum(),
    "cut.tif": encoded(NOISE, "TIFF")[:9000],
    "lzw.tif": encoded(NOISE, "TIFF", compression="tiff_lzw")[:9000],
    "float.tif": encoded(NOISE.convert("F"), "TIFF"),
    "whole.tif": encoded(NOISE.convert("I"), "TIFF"),
    "cut.bmp": encoded(NOISE, "BMP")[:5000],
    "cut.jp2": encoded(NOISE, "JPEG2000")[:3000],
    "cut.webp": encoded(NOISE, "WEBP")[:3000],
    "icon.jpg": encoded(NOISE.resize((64, 64)), "ICO"),
    "tga.jpg": encoded(NOISE, "TGA"),
    "pcx.png": encoded(NOISE, "PCX"),
    "eps.jpg": encoded(NOISE, "EPS"),
    "sgi.jpg": encoded(NOISE, "SGI"),
    "dds.jpg": encoded(NOISE, "DDS"),
    "pdf.jpg": encoded(NOISE, "PDF"),
    "text.jpg": b"no image",
    "empty.png": b"",
    "zeros.png": bytes(5000),
    "claims.png": claiming(33_000),
}
if features.check("avif"):
    GOOD["x.avif"] = encoded(NOISE, "AVIF")
    if not OLD_ENGINE:  # which doesn't turn them
        GOOD["turned.avif"] = turned("AVIF")
    BAD["cut.avif"] = encoded(NOISE, "AVIF")[:2000]


@pytest.mark.parametrize("name", GOOD)
def test_what_is_decoded_passes_in_the_size_that_it_has_then(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(GOOD[name])
    look = look_at(str(tmp_path / name))
    image = imread(str(tmp_path / name))
    assert image is not None
    assert (look.problem, look.shape) == (None, image.shape[:2])
    assert look.bytes == len(GOOD[name])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", BAD)
def test_what_can_t_be_decoded_is_a_fault_that_says_so(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(BAD[name])
    begin = time.perf_counter()
    look = look_at(str(tmp_path / name))
    assert time.perf_counter() - begin < 5
    assert look.problem is Kind.IMAGE_UNREADABLE
    assert look.detail
    if name != "claims.png" and not OLD_ENGINE:  # OpenCV's own bound is higher; the old one takes floats for pixels
        assert imread(str(tmp_path / name)) is None


@pytest.mark.parametrize(("name", "kind"), [("tga.jpg", "TGA"), ("pcx.png", "PCX"), ("sgi.jpg", "SGI")])
def test_a_format_that_opencv_does_not_know_is_named(name: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(BAD[name])
    assert look_at(str(tmp_path / name)).detail == f"{kind} of mode RGB, which OpenCV can't decode"


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes, pipes, devices")
def test_names_of_any_bytes_pipes_and_devices_end_nothing(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path)
    name = os.path.join(folder, b"caf\xe9.tiff")
    Path(os.fsdecode(name)).write_bytes(turned("TIFF"))
    assert look_at(os.fsdecode(name)).problem is None
    os.mkfifo(tmp_path / "pipe.png")
    for path in (str(tmp_path / "pipe.png"), "/dev/zero", "/dev/stdin", str(tmp_path)):
        assert look_at(path).problem is Kind.IMAGE_UNREADABLE
    for path in (str(tmp_path / "gone.png"), str(tmp_path / ("x" * 400)), str(tmp_path / "a\0b"), f"{name!r}/x.png"):
        assert look_at(path).problem is Kind.IMAGE_MISSING


@pytest.mark.filterwarnings("ignore")
def test_a_set_of_all_kinds_is_read_through_by_what_measures(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name, content in {**GOOD, **BAD}.items():
        (tmp_path / "images" / name).write_bytes(content)
        (tmp_path / "images" / name).with_suffix(".txt").write_text("0 .5 .5 .4 .4\n")
    described = {"path": str(tmp_path), "train": "images", "val": "images", "names": ["a"]}
    data = open_data(described, ["val"])
    assert data.report.images_lost == len(BAD)
    assert {Path(sample.image).name for sample in data.splits["val"]} == set(GOOD)
    for sample in data.splits["val"]:
        dataset = SampleDataset.__new__(SampleDataset)
        dataset.im_files, dataset.cv2_flag, dataset._processing = [sample.image], 1, COCO
        assert dataset.load_image(0)[1] == sample.shape


@pytest.mark.parametrize("name", ["a.jpg", "a.heic", "a.png"])
def test_postscript_is_no_image_whatever_its_name(name: str, tmp_path: Path) -> None:
    """Pillow would hand it to Ghostscript, which executes it."""
    started: list[str] = []
    monitor.append(started.append)
    path = tmp_path / name
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n")
    try:
        found = look_at(str(path))
        with pytest.raises(SourceError):
            load_image(str(path), 3)
    finally:
        monitor.clear()
    assert found.problem is Kind.IMAGE_UNREADABLE
    assert "PostScript" in found.detail
    assert started == []


@pytest.mark.parametrize("name", ["notes.jpg", "notes.heic", "notes.avif"])
def test_what_is_no_image_has_no_package_installed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine replaces ``PIL.Image.open`` by a function that installs a decoder when a file isn't known."""
    installed: list[Any] = []
    monkeypatch.setattr(
        checks, "check_requirements", lambda *given, **_: installed.append(given) if checks.AUTOINSTALL else None
    )
    path = tmp_path / name
    path.write_bytes(b"a text, which is no image of any kind")
    assert look_at(str(path)).problem is Kind.IMAGE_UNREADABLE
    with pytest.raises(SourceError, match="bytes that are no image"):
        load_image(str(path), 3)
    assert installed == []


monitor: list[Callable[[str], None]] = []
sys.addaudithook(lambda event, _: [tell(event) for tell in monitor] if event == "subprocess.Popen" else None)
