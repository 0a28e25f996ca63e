"""The machine's limit: works compute in the precision that they stand for, and the best of them is taken."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import limit
from benchmarks.limit import Convolution, Work, limits, open_works
from yolonas_plugin.nn.onednn import cpu_has_bf16

SMALL = Convolution(32, 3, 8)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit, "MATRIX", 64)


def ready_works() -> list[str]:
    """Return the works that run here, each made small."""
    limit.MATRIX = 64
    for name, work in limit.WORKS.items():
        function = getattr(work.make, "func", work.make)
        if "convolution" in name:
            limit.WORKS[name] = Work(work.precision, 1, limit.partial(function, work.precision, SMALL))
    compute = open_works(Path())
    assert list(compute("")) == []
    return [name for name in limit.WORKS if list(compute("", work=name))]


def test_works_that_this_cpu_can_do_are_ready() -> None:
    """A library without one of them leaves it out; fp32 products and convolutions there are in each."""
    pytest.importorskip("openvino")
    # in a process of its own, as in the benchmark: after all of them, a Ctrl-C ends a process that has a faulthandler
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        ready = pool.submit(ready_works).result(timeout=120)
    must = [name for name in limit.WORKS if "fp32" in name and ("OpenVINO" in name or "product" in name)]
    assert {*must, "ONNX Runtime, int8 product"} <= set(ready)
    if not cpu_has_bf16():
        assert not [name for name in ready if name.startswith("torch, bf16")]


def test_what_openvino_would_compute_otherwise_is_left_out() -> None:
    pytest.importorskip("openvino")
    from openvino import opset13 as op

    numbers = op.parameter([8, 8], np.float32)
    output = op.matmul(numbers, op.constant(np.ones((8, 8), np.float32)), False, False)
    with pytest.raises(RuntimeError, match="OpenVINO computes it in f32"):
        limit._openvino("int8", numbers, output)


def test_a_convolution_keeps_its_shape() -> None:
    if not hasattr(torch._C._nn, "mkldnn_reorder_conv2d_weight"):
        pytest.skip("this torch has no oneDNN")
    assert limit.torch_convolution("fp32", SMALL)().shape == (1, 32, 8, 8)  # type: ignore[attr-defined]
    assert SMALL.operations == 2 * 32 * 32 * 9 * 64


def test_the_limit_is_the_best_rate_of_any_round() -> None:
    slow, fast, other = "torch, fp32 product", "NumPy, fp32 product", "torch, int8 product"
    rounds = [{slow: 100.0, fast: 150.0, other: 900.0}, {slow: 250.0, fast: 160.0, other: 800.0}]
    found = limits(rounds, flops=int(30e9))
    assert set(found) == {"fp32", "int8"}
    assert found["fp32"]["work"] == slow
    assert found["fp32"]["milliseconds"] == 30e9 / 250e9 * 1000
    assert found["int8"]["gflop_per_s"] == 900
    assert limits([], 1) == {}


def test_each_work_says_its_precision() -> None:
    assert {work.precision for work in limit.WORKS.values()} == set(limit.PRECISIONS)
    for name, work in limit.WORKS.items():
        assert work.precision in name
        assert work.operations > 1e8, name  # milliseconds, not the cost of a call
