"""The command line on every runtime, and without torch: the same answers, the same files."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.support.bf16 import openvino_has_bf16
from tests.support.command_line import run, small_data
from tests.support.pictures import assert_same_boxes
from tests.support.shapes import NAMES
from yolonas_plugin import NAS
from yolonas_plugin.nn.onednn import cpu_has_bf16

pytestmark = pytest.mark.usefixtures("cwd")


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="module")
def exported(nano: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    output = tmp_path_factory.mktemp("exported")
    return NAS(nano).export(output=output, takes="pixels", gives="pair", dynamic=True, simplify=False)


def assert_same_answer(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found["skipped"] == expected["skipped"]
    for mine, theirs in zip(found["images"], expected["images"], strict=True):
        assert {k: v for k, v in mine.items() if k != "detections"} == {
            k: v for k, v in theirs.items() if k != "detections"
        }
        assert_same_boxes(*(_rows(image["detections"]) for image in (mine, theirs)), atol=0.05)
        assert all(row["name"] == NAMES[row["class"]] for row in mine["detections"])


def _rows(detections: list[dict[str, Any]]) -> np.ndarray:
    assert len(detections) > 5
    return np.array([[*row["box"], row["confidence"], row["class"]] for row in detections])


@pytest.mark.parametrize("options", [("--runtime", "openvino"), ("--runtime", "onnxruntime"), ("--lean",)])
def test_every_runtime_gives_the_same_answer(
    options: tuple[str, ...],
    nano: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "1.png").write_bytes(b"broken")
    given = ("--source", folder, "--json", "--no-save", "--conf", "0.6", "--classes", 0, 2)
    answers = []
    for more in ((), options):
        assert run("predict", "--weights", nano, *given, *more) == 3
        answers.append(json.loads(capsys.readouterr().out))
    assert_same_answer(answers[1], answers[0])
    assert answers[0]["runtime"] == "torch"
    assert answers[1]["runtime"] == ("openvino" if options == ("--lean",) else options[1])


def test_rectangular_input_gives_the_same_answer_on_both_paths(
    nano: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers = []
    for more in ((), ("--rect",), ("--rect", "--lean")):
        assert run("predict", "--weights", nano, "--source", folder, "--json", "--no-save", *more) == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert_same_answer(answers[2], answers[1])
    assert answers[1]["images"] != answers[0]["images"]


@pytest.mark.parametrize("lean", [(), ("--lean",)])
def test_auto_says_which_runtime_it_picked(
    lean: tuple[str, ...],
    exported: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = ("--weights", exported, "--source", folder, "--no-save", *lean)
    assert run("predict", *given) == 0
    captured = capsys.readouterr()
    assert captured.out.rstrip().endswith("on openvino")
    assert "runtime" not in captured.err
    hidden = {"openvino"}
    monkeypatch.setattr("yolonas_plugin.runtimes._installed", lambda kind: kind.package not in hidden)
    assert run("predict", *given, "--runtime", "auto") == 0
    captured = capsys.readouterr()
    assert captured.out.rstrip().endswith("on onnxruntime")
    assert "yolonas-plugin: runtime: onnxruntime" in captured.err


def test_the_lean_path_imports_neither_torch_nor_the_engine(exported: str, folder: Path, tmp_path: Path) -> None:
    program = """
        import sys
        from yolonas_plugin.cli import main
        for runtime in ("openvino", "onnxruntime"):
            more = ["--runtime", runtime, "--output", sys.argv[3]]
            assert main(["predict", "--lean", "--weights", sys.argv[1], "--source", sys.argv[2], *more]) == 0
        assert not {"torch", "torchvision", "ultralytics", "PIL", "matplotlib"} & set(sys.modules), sys.modules.keys()
    """
    arguments = [exported, str(folder), str(tmp_path / "drawn")]
    subprocess.run([sys.executable, "-c", textwrap.dedent(program), *arguments], check=True, capture_output=True)
    assert [path.name for path in sorted((tmp_path / "drawn").iterdir())] == ["0.jpg", "1.jpg", "2.jpg"]


def test_the_lean_path_draws(exported: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (20, 80):
        assert run("predict", "--lean", "--weights", exported, "--source", folder, "--max-det", number) == 0
        assert "pictures: " in capsys.readouterr().out
    assert sorted(path.name for path in Path("runs").iterdir()) == ["predict", "predict-2"]
    changed = [
        (np.abs(cv2.imread(str(path)).astype(int) - cv2.imread(str(folder / "0.png"))).max(axis=2) > 60).mean()
        for path in (Path("runs/predict/0.jpg"), Path("runs/predict-2/0.jpg"))
    ]
    assert 0.001 < changed[0] < changed[1]


def test_the_lean_path_refuses_to_overwrite_the_images(
    exported: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path.name for path in folder.iterdir())
    assert run("predict", "--lean", "--weights", exported, "--source", folder, "--output", folder) == 1
    assert "would be overwritten" in capsys.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--lean", "--backend", "super-gradients", "--device", "cpu"), "has no --backend and no --device"),
        (("--lean", "--runtime", "torch"), "lean prediction runs on OpenVINO or ONNX Runtime"),
        (("--runtime", "onnxruntime", "--precision", "bf16"), "not precision='bf16'"),
        (("--runtime", "onnxruntime", "--precision", "int8", "--calibration", "x"), "there is no such file or folder"),
        (("--runtime", "openvino", "--precision", "int8"), "calibration="),
    ],
)
def test_what_does_not_fit_together_is_refused(
    options: tuple[str, ...],
    message: str,
    nano: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("predict", "--weights", nano, "--source", folder, *options) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert not Path("runs").exists()


def test_val_measures_a_runtime(nano: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = small_data(tmp_path / "data")
    answers = []
    for more in ((), ("--runtime", "openvino"), ("--runtime", "onnxruntime")):
        assert run("val", "--weights", nano, "--data", data, "--json", *more) == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert [answer.pop("runtime") for answer in answers] == ["torch", "openvino", "onnxruntime"]
    for answer in answers[1:]:
        assert answer["mAP50-95"] == pytest.approx(answers[0]["mAP50-95"], abs=1e-3)


@pytest.mark.exhaustive
def test_benchmark_measures_every_runtime_that_is_installed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("yolonas_plugin.runtimes._installed", lambda kind: kind.package != "onnxruntime")
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path / "cache"))
    quick = ("--size", "n", "--imgsz", 64, "--rounds", 1)
    assert run("benchmark", *quick, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    rows = {(row["runtime"], row["precision"]): row for row in answer["runtimes"]}
    assert list(rows) == [
        ("torch", "fp32"),
        *([("torch", "bf16")] if cpu_has_bf16() else []),
        ("openvino", "fp32"),
        *([("openvino", "bf16")] if openvino_has_bf16() else []),
    ]
    assert rows["torch", "fp32"]["ratio"] == 1
    assert all(0 < row["min_ms"] <= row["median_ms"] for row in rows.values())
    assert "pip install 'yolonas-plugin[onnx]'" in answer["not_run"]["onnxruntime fp32"]
    refused = {name for name, reason in answer["not_run"].items() if "this CPU computes in fp32 only" in reason}
    assert refused == {f"{name} bf16" for name in ("torch", "openvino") if (name, "bf16") not in rows}
    assert (answer["weights"], answer["imgsz"], answer["rounds"]) == ("random weights of yolo_nas_n", 64, 1)
    assert not (tmp_path / "cache").exists()  # nothing is kept of random weights


def test_benchmark_prints_a_table(nano: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--weights", nano, "--source", folder / "0.png", "--rounds", 2)
    assert run("benchmark", *given) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["runtime", "precision", "median", "ms", "minimum", "ms", "to", "torch", "images/s"]
    measured = [tuple(line.split()[:2]) for line in lines[1:]]
    exact = [runtime for runtime, precision in measured if precision == "fp32"]
    assert exact == ["torch", "onnxruntime", "openvino"]
    assert (("torch", "bf16") in measured, ("openvino", "bf16") in measured) == (cpu_has_bf16(), openvino_has_bf16())
    assert any(line.startswith(f"{nano}; an image from its file to its boxes; 2 rounds") for line in lines)
    assert any(line.startswith("noise: ") for line in lines)
