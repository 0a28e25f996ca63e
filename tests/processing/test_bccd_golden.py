"""On real images, a checkpoint that super-gradients trained finds the boxes that super-gradients found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from exhaustive import first
from tests import golden
from tests.support import bccd

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("every", first([12, 1]))
def test_bccd_boxes_equal_super_gradients(every: int, bccd_checkpoint: Path, bccd_test_images: list[Path]) -> None:
    arrays = golden.load_arrays("bccd")
    assert len(arrays["rows"]) == 2069
    rows = np.split(arrays["rows"], arrays["counts"].cumsum()[:-1])
    expected = dict(list(zip(bccd_test_images, rows, strict=True))[::every])
    bccd.assert_agree(bccd.plain_predictor(bccd_checkpoint, golden.CONF), expected)
