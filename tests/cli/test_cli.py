"""The command line: its answers, its files, its exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import save_file

from exhaustive import first
from model_zoo_api.types import Licence, Metric, ModelCard
from tests.support.command_line import run, small_data
from tests.support.pictures import picture
from yolonas_plugin import NAS
from yolonas_plugin.cli import _COMMANDS, main
from yolonas_plugin.processing import SUPER_GRADIENTS
from yolonas_plugin.weights import read_checkpoint

pytestmark = pytest.mark.usefixtures("cwd")


def test_list_shows_every_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    table = capsys.readouterr().out
    listed = {line.split()[0]: line.split()[1] for line in table.splitlines()[1:]}
    detectors, poses = ([f"yolo_nas/{family}_{size}" for size in "nsml"] for family in ("yolo_nas", "yolo_nas_pose"))
    names = [*detectors, "yolo_nas/yolo_nas_n_layout", *poses]
    assert listed == dict.fromkeys(names, "detect") | dict.fromkeys(poses, "pose")
    assert run("list", "--json", "--licence", "licenseref-deci-yolo-nas") == 0
    cards = json.loads(capsys.readouterr().out)
    assert [card["name"] for card in cards] == ["yolo_nas_s", "yolo_nas_m", "yolo_nas_l"]
    assert cards[0]["parameters"] == 19_053_888
    assert run("list", "--task", "pose") == 0
    rows = capsys.readouterr().out.splitlines()[1:]
    assert [row.split()[:3] for row in rows] == [[name, "pose", "person"] for name in poses]
    assert all(row.split()[3].replace(".", "").isdigit() for row in rows)  # AP of the keypoints


def test_show_shows_weights_and_licence(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "yolo_nas_l") == 0
    text = capsys.readouterr().out
    for part in ("66,976,392", "91a06beaa1ce", "LICENSE.YOLONAS.md", "52.22"):
        assert part in text
    assert run("show", "yolo-nas-n", "--json") == 0
    assert json.loads(capsys.readouterr().out)["weights"] == []
    assert run("show", "yolo_nas_xl") == 1
    assert "did you mean" in capsys.readouterr().err


def test_other_models_are_listed_and_shown_as_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    accuracy = Metric(name="top-1", value=71.5, dataset="ImageNet", source="https://example.org")
    two = {"input_size": (224, 224), "classes": ("cat", "dog"), "metrics": (accuracy,)}
    monkeypatch.setattr("yolonas_plugin.provider.CARDS", (ModelCard(name="pets", task="classify", **two),))
    assert run("list") == 0
    assert "71.5" not in capsys.readouterr().out  # the column is of mAP
    assert run("show", "pets") == 0
    text = capsys.readouterr().out
    assert "2: cat, dog\n" in text
    assert "71.5 on ImageNet" in text


def test_what_a_card_says_beyond_this_contract_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = Licence(name="MIT", url="https://example.org/code")
    more = {"description": "Finds pets.", "homepage": "https://example.org", "code_licence": code}
    extra = {"devices": ("cuda",), "lock": threading.Lock(), "share": float("nan")}
    card = ModelCard(name="pets", task="find-pets", input_size=(224, 224), **more, **extra)
    monkeypatch.setattr("yolonas_plugin.provider.CARDS", (card,))
    assert run("show", "pets") == 0
    text = capsys.readouterr().out
    for part in ("find-pets", "Finds pets.", "https://example.org\n", "MIT, ", "('cuda',)", "<unlocked _thread.lock"):
        assert part in text
    assert run("show", "pets", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["code_licence"]["name"] == "MIT"
    assert told["extra"] == {"devices": ["cuda"], "lock": told["extra"]["lock"], "share": "nan"}


def test_doctor_finds_no_problem_here_and_says_what_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("doctor") == 0
    assert "no problems" in capsys.readouterr().out
    assert run("doctor", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["packages"]["torch"]
    assert report["providers"] == {"yolo_nas": 9}
    assert report["plugins"][0]["distribution"] == "yolonas-plugin"


def test_doctor_fails_when_a_plugin_does(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MODEL_ZOO_PLUGINS", "yolo_nas, absent")
    assert run("doctor") == 1
    assert "MODEL_ZOO_PLUGINS names 'absent'" in capsys.readouterr().out


def test_predict_draws_prints_and_answers_in_json(
    nano: Path,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("predict", "--weights", nano, "--source", folder, "--output", tmp_path / "out") == 0
    text = capsys.readouterr().out
    assert "3 images" in text
    assert f"pictures: {tmp_path / 'out'}" in text
    drawn = sorted((tmp_path / "out").iterdir())
    assert [path.stem for path in drawn] == ["0", "1", "2"]
    assert (cv2.imread(str(drawn[0])) != cv2.imread(str(folder / "0.png"))).any(axis=2).mean() > 0.01

    assert run("predict", "--weights", nano, "--source", folder, "--json", "--no-save", "--conf", "0.8") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["saved_to"] is None
    assert answer["skipped"] == []
    assert [Path(entry["image"]).name for entry in answer["images"]] == ["0.png", "1.png", "2.png"]
    detection = answer["images"][0]["detections"][0]
    assert detection["confidence"] > 0.8
    assert detection["name"] in ("disc", "ring", "cross")
    assert len(detection["box"]) == 4
    assert list(Path().iterdir()) == []


def test_predict_makes_a_new_folder_each_time(nano: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert run("predict", "--weights", nano, "--source", folder / "0.png", folder / "2.png") == 0
    assert sorted(path.name for path in Path("runs").iterdir())[0] == "predict"
    assert len(list(Path("runs").iterdir())) == 2


def test_predict_reports_unreadable_images_and_keeps_the_others(
    nano: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "1.png").write_bytes(b"broken")
    assert run("predict", "--weights", nano, "--source", folder, "--no-save") == 3
    captured = capsys.readouterr()
    assert "2 images" in captured.out
    assert str(folder / "1.png") in captured.err


def test_predict_refuses_to_overwrite_the_images(nano: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / "0.png").read_bytes()
    for source in (folder, folder / "0.png", folder / "*.png"):
        assert run("predict", "--weights", nano, "--source", source, "--output", folder) == 1
        assert "would be overwritten" in capsys.readouterr().err
    assert (folder / "0.png").read_bytes() == before


def test_settings_reach_the_model_even_when_they_are_zero(
    nano: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def boxes(*settings: str) -> list[int]:
        assert run("predict", "--weights", nano, "--source", folder, "--no-save", "--json", *settings) == 0
        answer = json.loads(capsys.readouterr().out)
        return [row["class"] for entry in answer["images"] for row in entry["detections"]]

    default = boxes()
    assert len(boxes("--conf", "0")) > len(default)
    assert len(boxes("--iou", "0")) < len(default)
    assert set(boxes("--classes", "1", "2")) == set(default) - {0}
    assert sorted(boxes("--batch", "3", "--device", "cpu")) == sorted(default)
    assert len(boxes("--max-det", "1")) == 3


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("nowhere.pth", "nowhere.pth: there is no such file"),
        ("config.yaml", "only support pre-trained models"),
        ("yolo_nas_x", "did you mean"),
        ("text.pt", "not a weight file"),
        ("empty.pt", "the file is empty"),
    ],
)
def test_predict_explains_bad_weights(
    folder: Path, weights: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("text.pt").write_text("these are no weights")
    Path("empty.pt").touch()
    assert run("predict", "--weights", weights, "--source", folder) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert "Traceback" not in captured.err


def test_val_prints_map_for_each_class(nano: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
    cv2.imwrite(str(tmp_path / "images" / "0.png"), picture())
    (tmp_path / "labels" / "0.txt").write_text("0 0.5 0.5 0.4 0.4\n2 0.3 0.3 0.2 0.2\n")
    data = tmp_path / "data.yaml"
    data.write_text(f"path: {tmp_path}\ntrain: images\nval: images\nnames: [disc, ring, cross]\n")
    assert run("val", "--weights", nano, "--data", data) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["class", "precision", "recall", "mAP50", "mAP50-95"]
    assert [line.split()[0] for line in lines[1:]] == ["all", "disc", "cross"]
    assert run("val", "--weights", nano, "--data", data, "--json") == 0
    assert set(json.loads(capsys.readouterr().out)["classes"]) == {"disc", "cross"}
    assert run("val", "--weights", nano, "--data", "nowhere.yaml") == 1


def test_val_takes_a_folder_and_says_what_was_left_out(
    nano: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    data = small_data(tmp_path / "data")
    (data / "labels" / "val" / "2.txt").write_text("0 0.5 0.5 0.4 0.4\n9 0.3 0.3 0.2 0.2\n")
    assert run("val", "--weights", nano, "--data", data, "--json") == 0
    assert set(json.loads(capsys.readouterr().out)["classes"]) == {"disc", "cross"}
    assert "1 x label outside the classes in val, label left out: labels/val/2.txt:2 (class 9)" in caplog.text
    (data / "images" / "val" / "2.png").write_bytes(b"broken")
    assert run("val", "--weights", nano, "--data", data) == 3
    assert "images/val/2.png: not an image" in caplog.text
    assert run("val", "--weights", nano, "--data", small_data(tmp_path / "other", "disc, ring, square")) == 1
    assert "named 'square'" in capsys.readouterr().err


def test_train_writes_weights_and_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = small_data(tmp_path / "data")
    settings = ("nbs=2", "workers=0", "plots=False", "optimizer=SGD", "lr0=1e-3", "cache=none")
    quick = ("--epochs", 1, "--batch", 2, "--imgsz", 64, "--licence", "CC0-1.0", "--output", tmp_path / "out")
    begin = ("--weights", "yolo_nas_n", "--scratch", "--data", data)
    assert run("train", *begin, *quick, "--json", "--set", *settings) == 0
    answer = json.loads(capsys.readouterr().out)
    weights = Path(answer["weights"])
    assert (weights.parent.parent, weights.name) == (tmp_path / "out", "best.pt")
    assert "metrics/mAP50-95(B)" in answer["metrics"]
    found = read_checkpoint(weights)
    assert (found.size, found.licence, found.class_names) == ("n", "CC0-1.0", ("disc", "ring", "cross"))
    assert found.processing.size == (64, 64)
    used = (tmp_path / "out" / "args.yaml").read_text()
    assert "lr0: 0.001\n" in used
    assert "cache: null\n" in used


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--weights", "yolo_nas_n", "--scratch"), "--data names the data set"),
        (("--weights", "yolo_nas_n", "--scratch", "--data", "x", "--set", "lr0"), "a setting is NAME=VALUE"),
        (("--weights", "yolo_nas_n", "--scratch", "--data", "nowhere"), "nowhere"),
    ],
)
def test_train_says_what_is_missing(argv: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", *argv) == 1
    assert message in capsys.readouterr().err


def test_check_data_lists_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = small_data(tmp_path / "data")
    assert run("check-data", data) == 0
    assert capsys.readouterr().out.splitlines() == [
        "YOLO, 3 classes",
        "split  images  without labels  boxes  classes",
        "train  2       0               4      2 disc, 2 cross",
        "val    2       0               4      2 disc, 2 cross",
        "note: 1 x class without a box in train, kept: ring",
        "note: 1 x class without a box in val, kept: ring",
        "no faults",
    ]
    (data / "labels" / "val" / "3.txt").write_text("0 0.5 0.5 0.4 0.4\n2 0.3 0.3 0 0.2\n")
    assert run("check-data", data) == 3
    lines = capsys.readouterr().out.splitlines()
    assert "fault: 1 x box of no area in val, label left out: labels/val/3.txt:2 (class 2)" in lines
    assert run("check-data", data, "--json") == 3
    report = json.loads(capsys.readouterr().out)
    assert report["names"] == ["disc", "ring", "cross"]
    assert [finding["kind"] for finding in report["findings"] if finding["fault"]] == ["box_empty"]
    assert run("check-data", tmp_path / "absent") == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "does not exist" in captured.err


def test_export_prints_the_path(nano: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("export", "--weights", nano, "--output", tmp_path / "new" / "folder", "--imgsz", "96", "128") == 0
    path = Path(capsys.readouterr().out.strip())
    assert path == tmp_path / "new" / "folder" / "nano-96x128.onnx"
    assert path.stat().st_size > 1e6
    assert run("export", "--weights", nano, "--output", tmp_path, "--takes", "pixels", "--gives", "flat") == 0
    (graph_input,) = onnx.load(capsys.readouterr().out.strip()).graph.input
    assert graph_input.name == "pixels"
    assert run("export", "--weights", nano, "--output", tmp_path, "--gives", "boxes") == 1
    assert "gives='boxes' is unknown" in capsys.readouterr().err


WRITERS: dict[str, Callable[[Path, Path], object]] = {
    "training checkpoint": lambda source, path: path.write_bytes(source.read_bytes()),
    "training checkpoint, legacy": lambda source, path: torch.save(
        torch.load(source), path, _use_new_zipfile_serialization=False
    ),
    "state dict": lambda source, path: torch.save(torch.load(source)["ema_net"], path),
    "state dict, legacy": lambda source, path: torch.save(
        torch.load(source)["ema_net"], path, _use_new_zipfile_serialization=False
    ),
    "safetensors": lambda source, path: save_file(torch.load(source)["ema_net"], path),
    "our own": lambda source, path: NAS(source).save(path.with_suffix(".safetensors")),
}


@pytest.mark.parametrize("ending", first([".safetensors", ".pt"]))
@pytest.mark.parametrize("layout", WRITERS)
def test_convert_takes_every_format_that_is_read(
    layout: str,
    ending: str,
    nano: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source, target = tmp_path / "source.pth", tmp_path / "new" / f"target{ending}"
    WRITERS[layout](nano, source)
    if layout == "our own":
        source = source.with_suffix(".safetensors")
    said = ("--processing", "super-gradients", "--names", "disc", "ring", "cross")
    options = said if layout.startswith(("state dict", "safetensors")) else ()
    assert run("convert", "--weights", source, "--output", target, "--licence", "MIT", *options) == 0
    assert capsys.readouterr().out.strip() == str(target)

    expected = read_checkpoint(source)
    found = read_checkpoint(target)
    assert found.class_names == ("disc", "ring", "cross")
    assert found.processing == (expected.processing or SUPER_GRADIENTS)
    assert found.licence == "MIT"
    assert all(found.state_dict[name].equal(tensor) for name, tensor in expected.state_dict.items())


def test_convert_answers_in_json(nano: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "x.safetensors"
    assert run("convert", "--weights", nano, "--output", target, "--json", "--training-data", "drawings") == 0
    assert json.loads(capsys.readouterr().out) == {
        "path": str(target),
        "size": "n",
        "classes": ["disc", "ring", "cross"],
        "licence": None,
        "training_data": "drawings",
    }


def test_convert_may_halve_the_precision(nano: Path, tmp_path: Path) -> None:
    target = tmp_path / "x.safetensors"
    assert run("convert", "--weights", nano, "--output", target, "--half") == 0
    assert target.stat().st_size < 0.36 * nano.stat().st_size
    assert NAS(target).names == NAS(nano).names


def test_convert_replaces_a_file_only_if_asked(
    nano: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    target = tmp_path / "there.safetensors"
    target.write_text("good")
    assert run("convert", "--weights", nano, "--output", target) == 1
    assert "there.safetensors is there, and was left as it is" in capsys.readouterr().err
    assert target.read_text() == "good"
    assert run("convert", "--weights", nano, "--output", target, "--overwrite") == 0
    assert NAS(target).names == NAS(nano).names


def test_convert_explains_what_it_refuses(nano: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = tmp_path / "mine.safetensors"
    save_file(torch.load(nano)["ema_net"], weights)
    before = weights.read_bytes()
    for output, options, message in [
        ("mine.safetensors", ["--processing", "coco"], "were read from this file"),
        ("other.safetensors", [], "processing='coco'"),
        ("other.safetensors", ["--processing", "coco", "--names", "one"], "1 names were given for 3 classes"),
    ]:
        assert run("convert", "--weights", weights, "--output", tmp_path / output, *options) == 1
        assert message in capsys.readouterr().err
    assert weights.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["cwd", "mine.safetensors"]


@pytest.mark.parametrize(
    "argv",
    [
        ["convert"],
        ["convert", "--output", "x.onnx"],
        [],
        ["fly"],
        ["predict"],
        ["predict", "--source", "x", "--conf", "2"],
        ["val"],
        ["check-data"],
        ["list", "--nonsense"],
    ],
)
def test_wrong_usage_exits_with_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_standard_output_is_json_alone_even_on_the_first_run_ever(nano: Path, folder: Path, tmp_path: Path) -> None:
    """The engine greets its first user on standard output."""
    done = subprocess.run(
        [sys.executable, "-m", "yolonas_plugin.cli", "predict", "--weights", nano, "--source", folder, "--json"],
        capture_output=True,
        text=True,
        env={**os.environ, "YOLO_CONFIG_DIR": str(tmp_path)},
        check=True,
    )
    assert len(json.loads(done.stdout)["images"]) == 3


def test_list_and_doctor_import_nothing_heavy() -> None:
    program = (
        "import sys; from yolonas_plugin.cli import main; main(['list']); main(['doctor']);"
        "print(*{'torch', 'numpy', 'ultralytics', 'cv2', 'PIL'} & set(sys.modules), 'end')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "end"


def test_a_command_imports_no_others_and_little_besides() -> None:
    """Each of these takes milliseconds of the time in which models are listed."""
    program = (
        "import sys; before = set(sys.modules)\n"
        "from yolonas_plugin.cli import main; main(['--traceback', 'list'])\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    env = {**os.environ, "MODEL_ZOO_PLUGINS": "yolo_nas"}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    imported = done.stdout.splitlines()[-1].split()
    commands = [name.rpartition(".")[2] for name in imported if name.startswith("yolonas_plugin.cli.")]
    assert commands == ["arguments", "output", "zoo"]
    heavy = {"hashlib", "concurrent.futures", "tempfile", "logging", "importlib.metadata", "email", "subprocess"}
    assert not heavy & set(imported)


def test_each_command_can_be_asked_for_help_alone_and_all_together(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["lst"])
    commands = re.findall(r"'([a-z-]+)'", capsys.readouterr().err.partition("choose from")[2].replace(", ", "', '"))
    assert {"list", "check-data", "export", "benchmark"} <= set(commands)
    assert set(commands) == set(_COMMANDS)
    with pytest.raises(SystemExit, match="0"):
        main(["--help", "list"])
    assert "\n    benchmark " in capsys.readouterr().out
    for command in commands:
        with pytest.raises(SystemExit, match="0"):
            main([command, "--help"])
        assert capsys.readouterr().out.startswith(f"usage: yolonas-plugin {command} ")


def test_an_array_of_boxes_is_json(nano: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(tmp_path / "black.png"), np.zeros((40, 40, 3), np.uint8))
    assert (
        run("predict", "--weights", nano, "--source", tmp_path / "black.png", "--json", "--no-save", "--conf", "1") == 0
    )
    assert json.loads(capsys.readouterr().out)["images"][0]["detections"] == []
