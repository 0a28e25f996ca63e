"""`python -m page_layout.debian WEIGHTS SHEET.png`: the detector on pages that nobody here made, for people to judge.

The pages are from the documentation of Debian packages; those that aren't installed are left out.
"""

from __future__ import annotations

import argparse
import gzip
import sys
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np
import pypdfium2 as pdfium
from numpy.typing import NDArray

from yolonas_plugin import NAS

from .look import drawn
from .render import raster

LONGEST: Final = 1000  # pixels of a page's longer side
DOC: Final = Path("/usr/share/doc")


class Sample(NamedTuple):
    """A page: its file, and its number from 1."""

    path: Path
    page: int


SAMPLES: Final = (
    Sample(DOC / "zlib1g-dev/crc-doc.1.0.pdf.gz", 3),
    Sample(DOC / "zlib1g-dev/crc-doc.1.0.pdf.gz", 10),
    Sample(DOC / "nettle-dev/nettle.pdf.gz", 20),
    Sample(DOC / "valgrind/valgrind_manual.pdf.gz", 40),
    Sample(DOC / "libtasn1-doc/libtasn1.pdf", 9),
    Sample(DOC / "fontconfig/fontconfig-user.pdf.gz", 3),
    Sample(DOC / "bzip2/manual.pdf.gz", 10),
    Sample(DOC / "shared-mime-info/shared-mime-info-spec.pdf", 4),
    Sample(DOC / "fonts-sil-andika/documentation/pdf/features.pdf.gz", 2),
    Sample(DOC / "fonts-sil-andika/documentation/pdf/design.pdf.gz", 1),
    Sample(DOC / "fonts-sil-charis/documentation/pdf/charset.pdf.gz", 1),
    Sample(DOC / "fonts-hosny-amiri/Documentation-Arabic.pdf.gz", 2),
    Sample(DOC / "fonts-sil-ezra/Unicode-Ezra-Chart17short.pdf.gz", 1),
    Sample(DOC / "fonts-arphic-uming/Font_Comparison_ShanHeiSun_UMing.pdf.gz", 1),
)


def rendered(sample: Sample) -> NDArray[np.uint8]:
    """The page [H, W, 3], BGR."""
    data = sample.path.read_bytes()
    page = pdfium.PdfDocument(gzip.decompress(data) if sample.path.suffix == ".gz" else data)[sample.page - 1]
    return raster(page, LONGEST / max(page.get_size()))


def detected(model: NAS, image: NDArray[np.uint8], conf: float | None) -> NDArray[np.uint8]:
    """The page in the upper left of a tile of 4:5, with what the model finds on it."""
    (found,) = model.predict(image, conf=conf, verbose=False)
    rows = zip(found.boxes.cls.int().tolist(), found.boxes.xywhn.tolist(), strict=True)
    picture = drawn(image.copy(), [" ".join(map(str, (label, *box))) for label, box in rows])
    tile = np.full((LONGEST, LONGEST * 4 // 5, 3), 90, np.uint8)
    picture = picture[: tile.shape[0], : tile.shape[1]]
    tile[: picture.shape[0], : picture.shape[1]] = picture
    return tile


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m page_layout.debian", description=__doc__)
    parser.add_argument("weights", help="a weight file, or yolo_nas_n_layout")
    parser.add_argument("sheet", type=Path, help="picture to write")
    parser.add_argument("--conf", type=float, help="lowest score (default: the weights')")
    parser.add_argument("--columns", type=int, default=5, help="pages beside each other (default %(default)s)")
    options = parser.parse_args(arguments)
    here = [sample for sample in SAMPLES if sample.path.exists()]
    for sample in set(SAMPLES) - set(here):
        print(f"not installed: {sample.path}", file=sys.stderr)
    if not here:
        return 1
    model = NAS(options.weights)
    tiles = [detected(model, rendered(sample), options.conf) for sample in here]
    tiles += [np.full_like(tiles[0], 90)] * (-len(tiles) % options.columns)
    rows = [np.hstack(tiles[start : start + options.columns]) for start in range(0, len(tiles), options.columns)]
    cv2.imwrite(str(options.sheet), np.vstack(rows))
    for number, sample in enumerate(here, start=1):
        print(f"{number}: {sample.path}, page {sample.page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
