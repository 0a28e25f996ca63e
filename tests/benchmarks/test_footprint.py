"""The figures of start and memory."""

from __future__ import annotations

import pytest

from benchmarks.footprint import PEAKS, _most

PEAK = {"import torch": 500, "torch": 750, "openvino": 800, "lean openvino": 300, "ultralytics.NAS": 1000}


def test_peaks_have_their_goals() -> None:
    assert _most(PEAK) == {
        "openvino, of lean and torch's import": {"ratio": 1.0, "goal": 1.0},
        "torch, of ultralytics.NAS": {"ratio": 0.75, "goal": 0.75},
    }


@pytest.mark.parametrize("absent", PEAKS)
def test_one_that_could_not_be_run_takes_its_goal_along_and_no_more(absent: str) -> None:
    found = _most({name: peak for name, peak in PEAK.items() if name != absent})
    assert len(found) == 1
