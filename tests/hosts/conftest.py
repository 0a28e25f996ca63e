"""What tests of several hosts look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pypdfium2
import pytest

DEMO_PAGE = Path(__file__).parents[2] / "examples" / "demo_page.pdf"


@pytest.fixture(scope="session")
def page() -> np.ndarray:
    """The demo's page [H, W, 3], BGR, on which the embedded model finds parts of most kinds."""
    return pypdfium2.PdfDocument(DEMO_PAGE)[0].render().to_numpy()[..., :3]
