"""`python -m page_layout.evaluate WEIGHTS PAGES`: how well a detector does on pages, by class and by family."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

from benchmarks.coco import Rows, mean_average_precision
from yolonas_plugin import NAS
from yolonas_plugin.data import Sample, open_data

from .classes import NAMES

CONF: Final = 0.01  # lowest score that is looked at
FEW: Final = 5  # pages of a family below which it has no figure of its own


def evaluate(weights: str | Path, pages: Path, split: str = "test", **settings: Any) -> dict[str, Any]:
    """mAP by pycocotools' protocol: over all, of each class, and of each family of documents."""
    samples = open_data(str(pages / "data.yaml"), [split]).splits[split]
    found = predictions(weights, samples, **settings)
    families = defaultdict(list)
    by_name = {Path(sample.image).name: sample for sample in samples}
    with (pages / f"pages-{split}.jsonl").open(encoding="utf-8") as records:
        for record in map(json.loads, records):
            families[record["family"]].append(by_name[record["image"]])
    figures: dict[str, Any] = mean_average_precision(samples, NAMES, found.__getitem__)
    figures["pages"] = len(samples)
    figures["families"] = {
        family: mean_average_precision(members, NAMES, found.__getitem__)["mAP50-95"]
        for family, members in sorted(families.items())
        if len(members) >= FEW
    }
    return figures


def predictions(weights: str | Path, samples: list[Sample], **settings: Any) -> dict[str, Rows]:
    """The detections on each image, by its path."""
    model = NAS(weights)
    paths = [sample.image for sample in samples]
    results = model.predict(paths, conf=CONF, verbose=False, stream=True, **settings)
    return {result.path: result.boxes.data.numpy() for result in results}


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
