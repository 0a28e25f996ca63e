"""What tests of several hosts look at: a page that the project has, and, where they are, BCCD's cells.

All that a host does is tested on the embedded model and the demo's page. The checkpoint that super-gradients trained on
BCCD is looked at besides: tests that take :data:`DETECTORS` skip it where it isn't there.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pypdfium2
import pytest

DEMO_PAGE = Path(__file__).parents[2] / "examples" / "demo_page.pdf"
LAYOUT = "yolo_nas_n_layout"
HEIGHT, WIDTH = 480, 640
"""Of the images of a :class:`Known`, in pixels: those of BCCD."""

DETECTORS = pytest.mark.parametrize("known", ["layout", "bccd"], indirect=True, scope="session")
"""A test of both: the embedded model, and a checkpoint of super-gradients."""


class Known(NamedTuple):
    """A detector and images in which it finds several objects of several classes.

    Attributes:
        weights: What ``NAS`` opens.
        images: Files of :data:`HEIGHT` x :data:`WIDTH` pixels.
        names: Of the classes.
    """

    weights: str
    images: list[Path]
    names: tuple[str, ...]


def render(scale: float = 1) -> np.ndarray:
    """Return the demo's page [H, W, 3], BGR, at so many pixels a point."""
    return pypdfium2.PdfDocument(DEMO_PAGE)[0].render(scale=scale).to_numpy()[..., :3]


@pytest.fixture(scope="session")
def page() -> np.ndarray:
    """The demo's page [H, W, 3], BGR, on which the embedded model finds parts of most kinds."""
    return render()


@pytest.fixture(scope="session")
def known(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Known:
    """The embedded model with five parts of the page, or BCCD's model with images of its test split."""
    if getattr(request, "param", "layout") == "bccd":
        checkpoint, images = map(request.getfixturevalue, ("bccd_checkpoint", "bccd_test_images"))
        return Known(str(checkpoint), images, ("RBC", "WBC", "Platelets"))
    from yolonas_plugin.cards import LAYOUT_CLASSES

    folder, page = tmp_path_factory.mktemp("parts"), render(1.6)
    paths = [folder / f"part{number}.png" for number in range(5)]
    for path, (top, left) in zip(paths, ((120, 0), (360, 200), (480, 313), (540, 40), (660, 100)), strict=True):
        cv2.imwrite(str(path), page[top : top + HEIGHT, left : left + WIDTH])
    return Known(LAYOUT, paths, tuple(LAYOUT_CLASSES))
