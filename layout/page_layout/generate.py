"""`python -m page_layout.generate OUTPUT --split train --pages 1000`: a data set in YOLO's format."""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import pypdfium2 as pdfium

from . import render
from .classes import NAMES, NOTHING
from .degrade import LONGEST, Sheet, degrade, finish
from .document import Document, Press
from .fonts import FontsMissingError
from .splits import Split

CLEAN: Final = 0.55  # share of pages that nothing has happened to
PER_DOCUMENT: Final = 4  # pages
BATCH: Final = 200  # documents that the workers may be ahead


@dataclass(frozen=True)
class Page:
    """What is written of one page."""

    image: bytes
    suffix: str
    labels: str
    record: dict[str, object]


def pages(document: Document, rng: random.Random) -> Iterator[Page]:
    """Some pages of a document, as images with labels."""
    pdf = pdfium.PdfDocument(document.pdf)
    numbers = sorted(rng.sample(range(len(pdf)), min(PER_DOCUMENT, len(pdf))))
    for number in numbers:
        page = pdf[number]
        elements = [element for element in render.elements(pdf, page) if element.cls != NOTHING]
        if all(element.cls in ("page_header", "page_footer") for element in elements):
            continue
        width, height = page.get_size()
        clean = rng.random() < CLEAN
        longest = LONGEST * (1.0 if clean and rng.random() < 0.4 else rng.uniform(1.2, 2.0))
        sheet = Sheet.of(render.raster(page, longest / max(width, height)), elements, width, height)
        done: list[str] = []
        if not clean:
            behind = render.raster(pdf[(number + 1) % len(pdf)], 0.8) if rng.random() < 0.5 else None
            done = degrade(sheet, rng, behind)
        finish(sheet, rng)
        labels = [render.label(cls, box, sheet.image.shape[1], sheet.image.shape[0]) for cls, box in sheet.boxes()]
        if not labels:  # all of it has faded
            continue
        suffix = ".png" if clean else ".jpg"
        record = {
            "family": document.family,
            "page": number + 1,
            "of": len(pdf),
            "language": document.language,
            "fonts": document.fonts,
            "degradations": done,
        }
        yield Page(_encode(sheet.image, suffix, rng), suffix, "\n".join(labels) + "\n", record)


def _encode(image: np.ndarray, suffix: str, rng: random.Random) -> bytes:
    grey = bool((image[..., 0] == image[..., 1]).all() and (image[..., 1] == image[..., 2]).all())
    pixels = image[..., 0] if grey else image[..., ::-1]
    options = [cv2.IMWRITE_PNG_COMPRESSION, 3] if suffix == ".png" else [cv2.IMWRITE_JPEG_QUALITY, rng.randint(80, 95)]
    return bytes(cv2.imencode(suffix, pixels, options)[1])


_press: Press


def _start(folder: Path, split: Split, seed: int, share: float) -> None:
    global _press
    cv2.setNumThreads(1)
    _press = Press(folder, split, seed, share)


def _work(number: int, family: str | None) -> list[Page]:
    document = _press.document(number, family)
    return list(pages(document, _press.random(number, "pages")))


def _results(workers: int, initial: tuple[Path, Split, int, float], family: str | None) -> Iterator[list[Page]]:
    """The pages of each document, in the documents' order, without end."""
    work = partial(_work, family=family)
    if workers == 1:
        _start(*initial)
        yield from map(work, itertools.count())
    with multiprocessing.get_context("spawn").Pool(workers, _start, initial) as pool:
        for first in itertools.count(step=BATCH):
            yield from pool.imap(work, range(first, first + BATCH))


def generate(
    output: Path, split: Split, count: int, seed: int = 0, workers: int = 1, family: str | None = None
) -> Counter[str]:
    """Write `count` pages of a split; gives how many there are of each class. Workers change only the speed."""
    images, labels = output / "images" / split.name, output / "labels" / split.name
    for folder in (images, labels):
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
    share = min(1.0, max(0.01, count / 1500))  # a small set needs few pictures
    made = itertools.chain.from_iterable(_results(workers, (output / "work", split, seed, share), family))
    found: Counter[str] = Counter()
    start = time.perf_counter()
    with (output / f"pages-{split.name}.jsonl").open("w", encoding="utf-8") as records:
        for number, page in enumerate(itertools.islice(made, count)):
            name = f"{number:06d}"
            (images / f"{name}{page.suffix}").write_bytes(page.image)
            (labels / f"{name}.txt").write_text(page.labels, encoding="utf-8")
            records.write(json.dumps({"image": f"{name}{page.suffix}", **page.record}, ensure_ascii=False) + "\n")
            found.update(NAMES[int(line.split()[0])] for line in page.labels.splitlines())
            if (number + 1) % 100 == 0:
                print(f"{number + 1} pages, {(number + 1) / (time.perf_counter() - start):.1f} a second", flush=True)
    _write_data(output)
    return found


def _write_data(output: Path) -> None:
    """`data.yaml` for the splits that are there."""
    lines = [f"path: {output.resolve()}"]
    lines += [f"{split}: images/{split}" for split in ("train", "val", "test") if (output / "images" / split).is_dir()]
    lines += ["names:"] + [f"  {index}: {name}" for index, name in enumerate(NAMES)]
    (output / "data.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m page_layout.generate", description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--split", choices=("train", "val", "test"), default="train")
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--family", help="only documents of this kind")
    options = parser.parse_args(arguments)
    start = time.perf_counter()
    try:
        found = generate(
            options.output, Split.of(options.split), options.pages, options.seed, options.workers, options.family
        )
    except FontsMissingError as error:
        print(error, file=sys.stderr)
        return 1
    for name in NAMES:
        print(f"{name:15} {found[name]}")
    seconds = time.perf_counter() - start
    print(f"{options.pages} pages in {seconds:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
