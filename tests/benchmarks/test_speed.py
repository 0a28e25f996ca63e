"""The benchmark of speed says of itself whether its limit is one, and which goals were met."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.measuring import cpu
from benchmarks.speed import report, summarise

FLOPS = int(30e9)
RATES = [{"torch, fp32 product": 300.0, "torch, int8 product": 3000.0}]  # limits of 100 and of 10 ms


def answers(milliseconds: float, peak_mb: float) -> list[dict[str, Any]]:
    """Two rounds, the second half as fast again."""
    return [{"seconds": milliseconds / 1000 * part, "boxes": 9, "peak": peak_mb * 1e6} for part in (1, 1.5)]


def figures(**milliseconds: float) -> dict[str, Any]:
    found = {name.replace("_", " "): answers(value, 70) for name, value in milliseconds.items()}
    found["ultralytics.NAS"] = answers(400, 100)
    folders = {name: {"folder": [12.0], "one by one": [10.0]} for name in ("openvino", "openvino int8")}
    return summarise(found, RATES, folders, FLOPS) | {"rounds": 2, "not_run": {}}


def test_each_is_held_to_the_limit_of_its_own_precision() -> None:
    found = figures(torch=150, openvino_int8=30)
    assert found["milliseconds"]["torch"]["of_limit"] == 1.88  # the median of 150 and 225
    assert found["milliseconds"]["openvino int8"]["of_limit"] == 3.75
    assert found["beyond_limit"] == []


def test_a_limit_that_was_passed_is_said_loudly(capsys: pytest.CaptureFixture[str]) -> None:
    found = figures(openvino=99, openvino_int8=30)
    assert found["beyond_limit"] == ["openvino"]  # by its fastest round: its median is slower
    report(found)
    assert "BEYOND THE LIMIT: openvino." in capsys.readouterr().out
    report(figures(openvino=101))
    assert "no contestant is beyond" in capsys.readouterr().out


def test_a_precision_without_a_limit_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    found = figures(openvino_bf16=1)
    assert "of_limit" not in found["milliseconds"]["openvino bf16"]
    assert found["beyond_limit"] == []
    report(found)
    assert "limit of bf16: none" in capsys.readouterr().out


def test_goals_are_met_missed_or_not_run() -> None:
    found = {(row["what"], row["goal"]): row.get("verdict") for row in figures(torch=115, raw_openvino=101)["goals"]}
    assert found["time of torch vs raw openvino", 1.15] == "met"
    assert found["time of torch vs ultralytics.NAS", 0.52] == "met"
    assert found["peak memory of torch vs ultralytics.NAS", 0.75] == "met"
    assert found["time of torch bf16 vs openvino bf16", 1.15] is None
    assert {
        row["what"]: row.get("verdict") for row in figures(torch=120, raw_openvino=101)["goals"] if row["goal"] == 1.15
    }["time of torch vs raw openvino"] == "MISSED"


def test_folders_have_the_goal_of_their_precision() -> None:
    found = figures(openvino=200, openvino_int8=50)["folders"]
    assert (found["openvino"]["goal"], found["openvino"]["verdict"]) == (1.1, "met")
    assert (found["openvino int8"]["goal"], found["openvino int8"]["verdict"]) == (1.25, "MISSED")


def test_the_cpu_is_named_with_what_holds_it_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert cpu().endswith(", ONEDNN_MAX_CPU_ISA=AVX2")
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA")
    assert "ISA" not in cpu()
