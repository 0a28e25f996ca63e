"""`python -m page_layout.evaluate WEIGHTS PAGES`: a detector on generated pages, by class and by family."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from yolonas_plugin import NAS
from yolonas_plugin.data import Sample, open_data

from .classes import NAMES
from .scores import Page, mean_average_precision

CONF: Final = 0.01  # lowest score that is looked at
MEASURE: Final = {"iou": 0.7, "agnostic_nms": False}  # as `NAS.val` selects boxes, whatever the weights' defaults are
FEW: Final = 5  # pages of a family below which it has no figure of its own


def evaluate(weights: str | Path, pages: Path, split: str = "test") -> dict[str, Any]:
    """mAP by pycocotools' protocol: over all, of each class, and of each family of documents."""
    samples = open_data(str(pages / "data.yaml"), [split]).splits[split]
    found = predictions(NAS(weights), [sample.image for sample in samples], **MEASURE)
    families = defaultdict(list)
    by_name = {Path(sample.image).name: labelled(sample, found[sample.image]) for sample in samples}
    with (pages / f"pages-{split}.jsonl").open(encoding="utf-8") as records:
        for record in map(json.loads, records):
            families[record["family"]].append(by_name[record["image"]])
    figures: dict[str, Any] = mean_average_precision(list(by_name.values()), NAMES)
    figures["pages"] = len(samples)
    figures["families"] = {
        family: mean_average_precision(members, NAMES)["mAP50-95"]
        for family, members in sorted(families.items())
        if len(members) >= FEW
    }
    return figures


def predictions(model: NAS, images: Iterable[str], **settings: Any) -> dict[str, NDArray[np.float64]]:
    """What is found on each image, by its path: x1, y1, x2, y2, score, class, down to low scores, [K, 6]."""
    results = model.predict(list(images), verbose=False, stream=True, conf=CONF, **settings)
    return {result.path: result.boxes.data.cpu().numpy().astype(float) for result in results}


def labelled(sample: Sample, found: NDArray[np.float64]) -> Page:
    """A page with its labels, and what was found on it."""
    height, width = sample.shape
    middle, half = sample.boxes[:, :2].astype(float), sample.boxes[:, 2:].astype(float) / 2
    boxes = np.hstack((middle - half, middle + half)) * (width, height, width, height)
    return Page(boxes, np.asarray(sample.classes, np.intp), found)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m page_layout.evaluate", description=__doc__)
    parser.add_argument("weights", help="weight file, or a model's name")
    parser.add_argument("pages", type=Path, help="what page_layout.generate wrote")
    parser.add_argument("--split", default="test", choices=("train", "val", "test"))
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    options = parser.parse_args()
    figures = evaluate(options.weights, options.pages.absolute(), options.split)
    print(
        f"{figures['pages']} pages of {options.split}: mAP50-95 {figures['mAP50-95']:.4f}, mAP50 {figures['mAP50']:.4f}"
    )
    for name in NAMES:
        print(f"  {name:20} {figures[name]:.3f}")
    print("by family")
    for family, value in figures["families"].items():
        print(f"  {family:20} {value:.3f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
