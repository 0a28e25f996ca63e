"""The main job, end to end: discover the provider, load the model that comes with it, detect, draw, and say how long.

python examples/demo.py [FILE ...]

Without files it looks at a page of a journal that never was, drawn by the workshop in ``layout/``; with files, PDF or
images, at these too. Nothing is downloaded. PDFs are opened by pypdfium2: ``pip install 'yolonas-plugin[demo]'``.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pypdfium2

from model_zoo_api import ModelZoo
from yolonas_plugin.boxes.image_boxes import as_arrays
from yolonas_plugin.cli.pictures import draw
from yolonas_plugin.images import read_image, write_picture

MODEL = "yolo_nas_n_layout"
PAGE = Path(__file__).with_name("demo_page.pdf")
OUTPUT = Path(__file__).resolve().parents[1] / "runs" / "demo"
LONGEST = 1280
"""Pixels of the longer side of a page."""


def main(files: list[str]) -> int:
    start = time.perf_counter()
    zoo = ModelZoo.discover()
    print(f"discovered in {(time.perf_counter() - start) * 1000:.0f} ms: {', '.join(zoo.providers)}")
    for problem in zoo.problems:
        print(f"problem: {problem}")

    start = time.perf_counter()
    predict = zoo.predictor(MODEL)
    print(f"loaded {MODEL} in {time.perf_counter() - start:.1f} s, the import of torch included\n")

    OUTPUT.mkdir(parents=True, exist_ok=True)
    names, pages = zip(*open_pages(files), strict=True)
    predict(pages[0])  # the first call sets the engine up
    start = time.perf_counter()
    results = predict(list(pages))
    seconds = time.perf_counter() - start
    width = max(map(len, names))
    for name, page, result in zip(names, pages, results, strict=True):
        found = as_arrays(result)
        kinds = [result.names[int(label)] for label in found.labels]
        labels = [f"{kind} {score:.2f}" for kind, score in zip(kinds, found.scores, strict=True)]
        write_picture(OUTPUT / f"{name}.png", draw(page, found.boxes.tolist(), labels, found.labels.tolist(), text=0.4))
        tally = ", ".join(f"{count} {kind}" for kind, count in Counter(kinds).most_common()) or "nothing"
        print(f"{name:<{width}}  {tally}")
    print(f"\n{len(pages)} pages in {seconds:.2f} s, {seconds / len(pages) * 1000:.0f} ms each")
    print(f"pictures: {OUTPUT}")
    return 0


def open_pages(files: list[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield a name and the image [H, W, 3], BGR, of our own page, of each page of a PDF, and of each image."""
    yield from render("demo", PAGE.read_bytes())
    for number, file in enumerate(files, start=1):
        name = f"{number}-{Path(file).stem}"
        if (image := read_image(file)) is not None:
            yield name, image
            continue
        try:
            yield from render(name, Path(file).read_bytes())
        except (OSError, pypdfium2.PdfiumError) as error:
            print(f"left out, neither an image nor a PDF: {file}: {error}", file=sys.stderr)


def render(name: str, pdf: bytes) -> Iterator[tuple[str, np.ndarray]]:
    document = pypdfium2.PdfDocument(pdf)
    for number, page in enumerate(document, start=1):
        pixels = page.render(scale=LONGEST / max(page.get_size())).to_numpy()
        title = f"{name}-{number}" if len(document) > 1 else name
        yield title, cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR) if pixels.shape[2] == 1 else pixels[..., :3].copy()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
