"""Whatever happens to a page's image happens to its boxes."""

from __future__ import annotations

import random

import cv2
import numpy as np
import pytest

from page_layout import degrade
from page_layout.degrade import LONGEST, Sheet
from page_layout.render import Element

LINES = tuple((60.0, 50.0 + 30 * line, 360.0 - 40 * line, 62.0 + 30 * line) for line in range(3))


def sheet(scale: float = 2.0) -> Sheet:
    """A white page of 420 by 300 pt with three black lines, which are one element, and a block, which is another."""
    image = np.full((int(300 * scale), int(420 * scale), 3), 255, np.uint8)
    block = (100.0, 180.0, 220.0, 260.0)
    for left, top, right, bottom in (*LINES, block):
        image[int(top * scale) : int(bottom * scale), int(left * scale) : int(right * scale)] = 0
    return Sheet.of(image, [Element("text", "text:1", LINES), Element("picture", "picture:2", (block,))], 420, 300)


def ink_bounds(page: Sheet, lines: np.ndarray) -> tuple[float, float, float, float]:
    """Where there is ink within these lines' outlines, which are widened a little."""
    mask = np.zeros(page.image.shape[:2], np.uint8)
    for line in lines:
        cv2.fillConvexPoly(mask, np.round(line).astype(np.int32), 1)
    mask = cv2.dilate(mask, np.ones((9, 9), np.uint8))
    rows, columns = np.nonzero((page.image[..., 0] < 128) & (mask > 0))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize("angle", [-3.0, -0.7, 1.5, 3.0])
def test_rotation_keeps_boxes_on_the_ink(angle):
    page = sheet()
    matrix = np.vstack([cv2.getRotationMatrix2D((420, 300), angle, 0.97), [0, 0, 1]])
    page.warp(matrix, (255, 255, 255))
    for (_, box), lines in zip(page.boxes(), page.corners, strict=True):
        assert box == pytest.approx(ink_bounds(page, lines), abs=1.0)


@pytest.mark.parametrize("step", ["perspective", "rotate", "border"])
def test_every_step_that_moves_ink_moves_boxes(step):
    for seed in range(8):
        page, rng = sheet(), random.Random(seed)
        degrade._STEPS[step](page, rng, np.random.default_rng(seed))
        page.image = np.where(page.image.max(axis=2, keepdims=True) < 20, 0, 255).astype(np.uint8).repeat(3, 2)
        for (_, box), lines in zip(page.boxes(), page.corners, strict=True):
            assert box == pytest.approx(ink_bounds(page, lines), abs=1.5)


def test_resizing_keeps_boxes_on_the_ink():
    page = sheet(3.3)
    degrade.finish(page, random.Random(0))
    assert max(page.image.shape) == LONGEST
    for (_, box), lines in zip(page.boxes(), page.corners, strict=True):
        assert box == pytest.approx(ink_bounds(page, lines), abs=1.0)


def test_ink_outside_of_all_boxes_stays_away(set_page):
    """On a rotated page of text hardly any dark pixel lies outside of the lines' outlines."""
    source = '#set page(width: 300pt, height: 300pt, margin: 30pt)\n#set text(font: "New Computer Modern", size: 10pt, '
    source += 'top-edge: 0.75em, bottom-edge: -0.25em)\n#p("text:1", lorem(80))\n#p("text:2", lorem(30))'
    elements, image = set_page(source, scale=3)
    page = Sheet.of(image, elements, 300, 300)
    degrade._rotate(page, random.Random(5), np.random.default_rng(5))
    inside = np.zeros(page.image.shape[:2], np.uint8)
    for lines in page.corners:
        for line in lines:
            cv2.fillConvexPoly(inside, np.round(line).astype(np.int32), 1)
    dark = page.image.max(axis=2) < 100
    inked = dark[40:-40, 40:-40]
    assert inked.sum() > 5000
    assert (inked & (inside[40:-40, 40:-40] == 0)).sum() < 0.01 * inked.sum()


def test_a_box_that_left_the_page_is_gone():
    page = sheet()
    page.warp(np.array([[1, 0, -800], [0, 1, 0], [0, 0, 1.0]]), (255, 255, 255))
    assert [name for name, _ in page.boxes()] == []


def test_every_recipe_runs_and_is_repeatable():
    behind = np.full((100, 100, 3), 200, np.uint8)
    done: set[str] = set()
    for seed in range(40):
        first, second = sheet(0.8), sheet(0.8)
        names = degrade.degrade(first, random.Random(seed), behind)
        assert names == degrade.degrade(second, random.Random(seed), behind)
        assert (first.image == second.image).all()
        assert first.image.dtype == np.uint8
        done.update(names)
    assert done >= {*degrade._STEPS, *degrade._RECIPES, "bleed"}
