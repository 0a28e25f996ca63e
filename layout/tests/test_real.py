"""Labelled pages are measured: here the demo's page, whose boxes are known, under the names of data sets."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pypdfium2
import pytest

from page_layout import real, render
from page_layout.classes import NAMES, NOTHING
from page_layout.demo_page import demo_page
from page_layout.evaluate import evaluate
from page_layout.generate import generate
from page_layout.real import UNTOLD, measure, told_apart
from page_layout.scores import Page
from page_layout.splits import Split
from yolonas_plugin import NAS

MODEL = "yolo_nas_n_layout"
SCALE = 1.2
CODE = 9  # the id of code in the truth here, which isn't its place among ours


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page twice, of two data sets; half of the second one isn't judged."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "pages").mkdir()
    document = pypdfium2.PdfDocument(demo_page())
    image = render.raster(document[0], SCALE)
    height, width = image.shape[:2]
    images, annotations = [], []
    for number, source in enumerate(("docling-eval", "publaynet"), start=1):
        cv2.imwrite(str(folder / "pages" / f"{source}.png"), image)
        images.append({"id": number, "file_name": f"{source}.png", "source": source})
        for element in render.elements(document, document[0]):
            if element.cls != NOTHING:
                x1, y1, x2, y2 = (value * SCALE for value in element.box)
                category = {"image_id": number, "category_id": NAMES.index(element.cls) + CODE - NAMES.index("code")}
                annotations.append({**category, "bbox": [x1, y1, x2 - x1, y2 - y1], "iscrowd": 0})
    lower = {"image_id": 2, "category_id": -1, "bbox": [0, height / 2, width, height / 2], "iscrowd": 1}
    categories = [{"id": NAMES.index(name) + CODE - NAMES.index("code"), "name": name} for name in NAMES]
    truth = {"images": images, "annotations": [*annotations, lower], "categories": categories}
    (folder / "truth.json").write_text(json.dumps(truth))
    return folder


def test_the_weights_say_how_boxes_are_selected(folder: Path) -> None:
    figures = measure(MODEL, folder)
    processing = NAS(MODEL).processing
    assert (figures["conf"], figures["iou"]) == (processing.conf, processing.iou)
    assert figures["agnostic_nms"] == processing.class_agnostic
    assert list(figures["sources"]) == ["all", "docling-eval", "publaynet"]
    whole, first, second = figures["sources"].values()
    assert (whole["pages"], first["pages"], second["pages"]) == (2, 1, 1)
    assert whole["boxes"] == first["boxes"] + second["boxes"]
    assert first["any_class"]["f1"] > 0.8
    assert first["mAP50"] > 0.5
    assert np.isnan(first["code"])  # docling-eval has none: it is text
    assert np.isnan(second["caption"])  # PubLayNet leaves captions out
    assert second["boxes"] < first["boxes"]


def test_another_selection_is_measured(folder: Path) -> None:
    strict, lax = (measure(MODEL, folder, conf)["sources"]["docling-eval"] for conf in (0.9, 0.05))
    assert strict["any_class"]["recall"] < lax["any_class"]["recall"]
    assert strict["any_class"]["precision"] > lax["any_class"]["precision"]
    assert strict["mAP50"] == lax["mAP50"]  # which looks at all scores
    within, across = (
        measure(MODEL, folder, iou=0.5, agnostic_nms=agnostic)["sources"]["docling-eval"] for agnostic in (False, True)
    )
    assert within["scores"][0.2] != across["scores"][0.2]


def test_the_command_prints_and_writes_the_figures(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "figures.json"
    real.main([MODEL, str(folder), "--conf", "0.3", "--iou", "0.7", "--no-agnostic-nms", "--json", str(file)])
    printed = capsys.readouterr().out
    assert printed.startswith("boxes of 0.3 and more, suppressed within each class from IoU 0.7 on\n")
    written = json.loads(file.read_text())["sources"]["all"]
    assert f"mAP50-95 {written['mAP50-95']:.3f}, mAP50 {written['mAP50']:.3f}" in printed
    assert f"F1 {written['by_class']['f1']:.3f}" in printed


def test_what_a_data_set_does_not_tell_apart_is_not_told_apart() -> None:
    boxes = np.arange(4.0 * len(NAMES)).reshape(-1, 4)
    labels = np.arange(len(NAMES))
    found = np.column_stack((boxes, np.ones(len(NAMES)), labels))
    page = told_apart(Page(boxes, labels, found), UNTOLD["publaynet"])
    kept = ["section_header", "section_header", "text", "table", "picture", "text"]
    assert [NAMES[label] for label in page.labels] == kept
    assert [NAMES[int(label)] for label in page.found[:, 5]] == kept


def test_generated_pages_are_measured_as_val_measures(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):  # a data set has all three
        generate(tmp_path, Split.embedded(split), 4 if split == "test" else 1, seed=1)
    figures = evaluate(MODEL, tmp_path)
    measured = NAS(MODEL).val(data=str(tmp_path / "data.yaml"), split="test", verbose=False, plots=False, workers=0)
    assert figures["pages"] == 4
    assert figures["mAP50-95"] == pytest.approx(measured.box.map, abs=0.03)
