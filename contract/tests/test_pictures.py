"""The pictures of the conformance suite are read and doubled as other programs read them."""

from __future__ import annotations

import struct
import zlib
from itertools import pairwise
from pathlib import Path

import pytest

from model_zoo_api.testing.pictures import read_rows, size_of, write_double, write_picture, write_rows

NOISE = [
    bytes((x * x * 7 + y * 37 * x + y * y + channel * 85) % 256 for x in range(23) for channel in range(3))
    for y in range(11)
]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "noise.png", NOISE)
    assert (size_of(path), read_rows(path)) == ((23, 11), NOISE)


def test_a_double_has_each_pixel_four_times(tmp_path: Path) -> None:
    double = write_double(tmp_path / "double.png", write_rows(tmp_path / "noise.png", NOISE))
    rows = read_rows(double)
    assert size_of(double) == (46, 22)
    assert rows[::2] == rows[1::2]
    for row, wide in zip(NOISE, rows[::2], strict=True):
        pixels = [row[at : at + 3] for at in range(0, len(row), 3)]
        assert [wide[at : at + 3] for at in range(0, len(wide), 3)] == [pixel for pixel in pixels for _ in range(2)]


@pytest.mark.parametrize("kind", range(5))
def test_rows_are_read_whatever_filter_they_have(tmp_path: Path, kind: int) -> None:
    def paeth(left: int, up: int, corner: int) -> int:
        away = [abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)]
        return left if away[0] <= min(away[1:]) else up if away[1] <= away[2] else corner

    data = b""
    for above, row in pairwise([bytes(len(NOISE[0])), *NOISE]):
        data += bytes([kind])
        for at, value in enumerate(row):
            left, corner = (line[at - 3] if at > 2 else 0 for line in (row, above))
            guess = (0, left, above[at], (left + above[at]) // 2, paeth(left, above[at], corner))[kind]
            data += bytes([(value - guess) % 256])
    whole = write_rows(tmp_path / "noise.png", NOISE).read_bytes()
    packed = zlib.compress(data)
    path = tmp_path / "filtered.png"
    path.write_bytes(whole[:33] + struct.pack(">I", len(packed)) + b"IDAT" + packed + bytes(4))
    assert read_rows(path) == NOISE


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA"])
@pytest.mark.parametrize("smooth", [True, False], ids=["smooth", "noise"])
def test_pictures_of_other_programs_are_read_as_they_read_them(tmp_path: Path, mode: str, smooth: bool) -> None:
    image = pytest.importorskip("PIL.Image", reason="it writes pictures")
    rows = read_rows(write_picture(tmp_path / "picture.png", 40, 30)) if smooth else NOISE
    picture = image.frombytes("RGB", (len(rows[0]) // 3, len(rows)), b"".join(rows)).convert(mode)
    picture.save(tmp_path / "other.png")
    assert b"".join(read_rows(tmp_path / "other.png")) == picture.convert("RGB").tobytes()


@pytest.mark.parametrize("what", ["empty", "text", "early", "other", "filter", "palette"])
def test_what_can_not_be_read_is_said(tmp_path: Path, what: str) -> None:
    whole = write_rows(tmp_path / "noise.png", NOISE).read_bytes()
    broken = {
        "empty": b"",
        "text": b"bread, butter, two apples",
        "early": whole[:60],
        "other": whole[:40] + b"\0" * 60,
        "filter": whole[:16] + b"\0\0\0\x01\0\0\0\x64" + whole[24:],  # 1 wide, 100 high: pixels where filters are
        "palette": whole[:25] + b"\x03" + whole[26:],
    }
    (tmp_path / "broken.png").write_bytes(broken[what])
    with pytest.raises(ValueError, match=r"broken\.png"):
        read_rows(tmp_path / "broken.png")
