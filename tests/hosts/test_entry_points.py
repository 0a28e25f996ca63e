"""What hosts import at their start is cheap, whether the host is installed or not."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

HEAVY = ("torch", "ultralytics", "numpy", "cv2", "PIL", "docling")


@pytest.mark.parametrize("group", ["docling"])
def test_the_entry_point_imports_nothing_heavy(group: str) -> None:
    (point,) = (point for point in entry_points(group=group) if point.value.startswith("yolonas_plugin."))
    code = f"import sys, {point.module}; print(sorted(set(sys.modules) & set({HEAVY!r})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
