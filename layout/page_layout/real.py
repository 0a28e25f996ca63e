"""`python -m page_layout.real WEIGHTS FOLDER`: how well a detector does on pages that people made and labelled.

FOLDER has `pages/` and `truth.json` in COCO's format, whose categories are among ours. Its regions of crowds aren't
judged. The `source` of an image is the data set that it is from: what such a data set doesn't tell apart isn't told
apart here.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from yolonas_plugin import NAS

from .classes import NAMES
from .evaluate import predictions
from .scores import Page, fit, mean_average_precision

UNTOLD: Final[Mapping[str, Mapping[str, str | None]]] = {
    "docling-eval": {"code": "text"},
    "omnidocbench": {"title": "section_header", "list_item": "text", "code": "text"},
    "poleval": {"code": "text"},
    "publaynet": {
        "title": "section_header",
        "code": "text",
        **dict.fromkeys(("list_item", "caption", "page_header", "page_footer", "footnote", "formula")),
    },
}
"""Classes that a data set doesn't have, and under which other one it has such parts; None where it leaves them out."""

SCORES: Final = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7)
"""Lowest scores that are compared."""


def measure(weights: str | Path, folder: Path, conf: float | None = None, **selection: Any) -> dict[str, Any]:
    """Measure on all pages, and on those of each source.

    Args:
        weights: A weight file, or a model's name.
        folder: The labelled pages.
        conf: Lowest score for precision and recall. Default: the weights'.
        **selection: ``iou`` and ``agnostic_nms`` of ``NAS.predict``. Default: the weights'.

    Returns:
        The selection, and by source, and ``"all"``: the numbers of pages and boxes, mAP as ``mean_average_precision``
        has it, ``any_class`` and ``by_class``, which are precision, recall and F1, and ``scores``, the two F1 for each
        of :data:`SCORES`.
    """
    model = NAS(weights)
    processing = model.processing
    conf = processing.conf if conf is None else conf
    selection = {"iou": processing.iou, "agnostic_nms": processing.class_agnostic} | selection
    pages = open_pages(folder, model, selection)
    sources = {"all": [page for found in pages.values() for page in found], **pages}
    return {"conf": conf, **selection, "sources": {name: _figures(found, conf) for name, found in sources.items()}}


def open_pages(folder: Path, model: NAS, selection: Mapping[str, Any]) -> dict[str, list[Page]]:
    """The pages of each source, with their labels and what the model finds on them."""
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    names = {category["id"]: category["name"] for category in truth["categories"]}
    boxes = defaultdict(list)
    for annotation in truth["annotations"]:
        x, y, width, height = annotation["bbox"]
        label = -1 if annotation["iscrowd"] else NAMES.index(names[annotation["category_id"]])
        boxes[annotation["image_id"]].append((x, y, x + width, y + height, label))
    paths = {image["id"]: str(folder.absolute() / "pages" / image["file_name"]) for image in truth["images"]}
    found = predictions(model, paths.values(), **selection)
    pages = defaultdict(list)
    for image in truth["images"]:
        rows = np.array(boxes[image["id"]], float).reshape(-1, 5)
        ignored = rows[:, 4] < 0
        page = Page(rows[~ignored, :4], rows[~ignored, 4].astype(np.intp), found[paths[image["id"]]], rows[ignored, :4])
        pages[image["source"]].append(told_apart(page, UNTOLD.get(image["source"], {})))
    return dict(pages)


def told_apart(page: Page, untold: Mapping[str, str | None]) -> Page:
    """The page in the classes that its source tells apart; what has none of them is left out."""
    kept = [untold.get(name, name) for name in NAMES]
    label = np.array([-1 if name is None else NAMES.index(name) for name in kept], np.intp)
    of_boxes, of_found = label[page.labels], label[page.found[:, 5].astype(np.intp)]
    found = np.column_stack((page.found[:, :5], of_found))
    return replace(page, boxes=page.boxes[of_boxes >= 0], labels=of_boxes[of_boxes >= 0], found=found[of_found >= 0])


def _figures(pages: Iterable[Page], conf: float) -> dict[str, Any]:
    pages = list(pages)
    return {
        "pages": len(pages),
        "boxes": sum(len(page.boxes) for page in pages),
        **mean_average_precision(pages, NAMES),
        "any_class": fit(pages, conf, by_class=False)._asdict(),
        "by_class": fit(pages, conf, by_class=True)._asdict(),
        "scores": {score: [fit(pages, score, by_class=by_class).f1 for by_class in (False, True)] for score in SCORES},
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m page_layout.real", description=__doc__.partition("\n")[0])
    parser.add_argument("weights", help="weight file, or a model's name")
    parser.add_argument("folder", type=Path, help="pages/ and truth.json")
    parser.add_argument("--conf", type=float, help="lowest score for precision and recall (default: the weights')")
    parser.add_argument("--iou", type=float, help="boxes that overlap more are one (default: the weights')")
    parser.add_argument(
        "--agnostic-nms",
        action=argparse.BooleanOptionalAction,
        help="boxes of different classes are one, too (default: the weights')",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    options = parser.parse_args(arguments)
    given = {"iou": options.iou, "agnostic_nms": options.agnostic_nms}
    selection = {name: value for name, value in given.items() if value is not None}
    figures = measure(options.weights, options.folder, options.conf, **selection)
    classes = "across classes" if figures["agnostic_nms"] else "within each class"
    print(f"boxes of {figures['conf']:g} and more, suppressed {classes} from IoU {figures['iou']:g} on")
    for source, found in figures["sources"].items():
        print(f"{source}: {found['pages']} pages, {found['boxes']} boxes")
        print(f"  mAP50-95 {found['mAP50-95']:.3f}, mAP50 {found['mAP50']:.3f}")
        for name, title in (("any_class", "whatever the class"), ("by_class", "of the right class")):
            precision, recall, f1 = found[name].values()
            print(f"  {title}: precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f}")
        f1s = ", ".join(
            f"{score:g}: {any_class:.3f} {right:.3f}" for score, (any_class, right) in found["scores"].items()
        )
        print(f"  F1 by lowest score, whatever the class and of the right one: {f1s}")
        print("  mAP50-95 by class: " + ", ".join(f"{name} {found[name]:.3f}" for name in NAMES if found[name] >= 0))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
