"""What tests of several hosts look at."""

from __future__ import annotations

import numpy as np
import pypdfium2
import pytest

from examples.layout.demo_page import demo_page


@pytest.fixture(scope="session")
def page() -> np.ndarray:
    """The demo's page [H, W, 3], BGR, on which the embedded model finds parts of most kinds."""
    return pypdfium2.PdfDocument(demo_page())[0].render().to_numpy()[..., :3]
