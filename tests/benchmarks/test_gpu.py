"""The benchmark of GPUs, where there is none: it says so, measures agreement, and goes on after a part that fails."""

from __future__ import annotations

import sys
import time

import numpy as np
import pytest
import torch

from benchmarks import gpu

BOXES = np.array([[10, 10, 50, 50, 0.9, 0], [100, 20, 160, 90, 0.5, 2]], np.float32)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_it_says_so_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu"])
    assert gpu.main() == gpu.NO_GPU == 2
    assert capsys.readouterr().out == f"not run: torch {torch.__version__} sees no NVIDIA GPU here\n"


@pytest.mark.parametrize(
    ("column", "change", "agree"),
    [(0, 1, 1.0), (0, 5, 0.5), (4, 0.04, 1.0), (4, 0.06, 0.5), (5, 1, 0.5)],
)
def test_agreement_is_of_place_score_and_class(column: int, change: float, agree: float) -> None:
    found = BOXES[::-1].copy()
    found[1, column] += change
    assert gpu.agreement([found], [BOXES]) == agree
    assert gpu.agreement([found[:0]], [BOXES]) == 0


def test_a_part_that_fails_or_comes_too_late_is_listed() -> None:
    bench = object.__new__(gpu.Bench)
    bench.figures, bench.not_run, bench.end = {"predict": {}}, {}, time.monotonic() + 100
    bench.part("predict", "torch", lambda: {"ms": 1.0})
    bench.part("predict", "cuda", lambda: [][0])
    bench.end = 0
    bench.part("predict", "tensorrt", lambda: {"ms": 1.0})
    assert bench.figures["predict"] == {"torch": {"ms": 1.0}}
    assert bench.not_run == {
        "predict cuda": "IndexError: list index out of range",
        "predict tensorrt": "the time was over",
    }
