"""What goes to a terminal, and what to a pipe: tables, progress, exit codes, odd characters and odd streams."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import cv2
import pytest

from tests.support.command_line import Terminal, run, small_data
from tests.support.pictures import picture
from yolonas_plugin.cli import main
from yolonas_plugin.cli import progress as progress_module
from yolonas_plugin.cli.output import lenient, print_table, shorten, tally, width
from yolonas_plugin.cli.progress import Progress, follow, working

pytestmark = pytest.mark.usefixtures("cwd")


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


COMMANDS = {
    "predict": ("--weights", "{nano}", "--source", "{folder}", "--no-save"),
    "label": ("--weights", "{nano}", "--source", "{folder}", "--format", "coco", "--output", "{out}"),
    "val": ("--weights", "{nano}", "--data", "{data}"),
    "export": ("--weights", "{nano}", "--output", "{out}", "--imgsz", "64"),
    "benchmark": ("--weights", "{nano}", "--rounds", "1", "--imgsz", "64"),
    "check-data": ("{data}",),
}


@pytest.mark.parametrize(
    "command",
    [pytest.param(name, marks=pytest.mark.exhaustive) if name == "benchmark" else name for name in COMMANDS],
)
def test_progress_is_shown_on_a_terminal_and_never_in_a_pipe(
    command: str,
    nano: Path,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(progress_module, "SECOND", 0.01)
    data = small_data(tmp_path / "data") if "{data}" in COMMANDS[command] else None
    places = {"nano": nano, "folder": folder, "data": data}
    argv = [command, *(part.format(**places, out=tmp_path / "piped") for part in COMMANDS[command])]
    assert run(*argv) == 0
    captured = capsys.readouterr()
    for mark in ("\r", "\x1b", "it/s", "%|"):
        assert mark not in captured.err
        assert mark not in captured.out

    argv = [command, *(part.format(**places, out=tmp_path / "shown") for part in COMMANDS[command])]
    with Terminal(monkeypatch) as terminal:
        assert run(*argv) == 0
    assert "\r" in terminal.text
    assert "\x1b[3" not in terminal.text  # colours
    told = {
        "export": "export to onnx 00:0",
        "check-data": "reading the data set 00:0",
        "predict": "/3 [",
        "val": "/1 [",
    }
    assert told.get(command, command if command != "benchmark" else "runs/s") in terminal.text
    piped = capsys.readouterr().out
    assert piped.count("\n") == captured.out.count("\n")
    assert "\r" not in piped


def test_a_bar_leaves_the_terminal_as_it_was_and_rows_are_not_mixed_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    with Terminal(monkeypatch) as terminal, Progress("work", 3) as progress:
        for step in range(3):
            progress.print(f"row {step}", out)
            progress.step()
    assert out.getvalue() == "row 0\nrow 1\nrow 2\n"
    assert "work" in terminal.text
    last = terminal.text.rsplit("\r", 2)
    assert last[1].strip() == last[2].strip() == ""  # wiped


def test_progress_needs_no_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        monkeypatch.setattr(sys, "stderr", stream)
        assert list(follow([1, 2], "work")) == [1, 2]
        with working("work"):
            pass


def test_the_last_error_wins_over_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    with Terminal(monkeypatch) as terminal, pytest.raises(ZeroDivisionError), working("work"):
        raise ZeroDivisionError
    assert terminal.text.rsplit("\r", 1)[1].strip() == ""


# --- tables ---


@pytest.mark.parametrize("argv", [["list"], ["doctor"]])
def test_lines_fit_80_columns(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*argv) == 0
    lines = capsys.readouterr().out.splitlines()
    if argv == ["list"]:
        assert max(map(width, lines)) <= 80


def test_long_names_lose_their_middle_and_wide_characters_count_twice(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("x" * 50 + ".png", "1", "many words " * 9), ("漢" * 60 + ".png", "22", "é"), ("a", "3", "n\u0303o")]
    print_table(("image", "objects", "classes"), rows, sys.stdout)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(width, lines)) in (79, 80)
    assert lines[1].startswith("xxxxxxxx")
    assert "x.png" in lines[1]
    assert (
        len(
            {
                row.index(number) if row.isascii() else width(row[: row.index(number)])
                for row, number in zip(lines[1:], ("  1 ", "  22", "  3 "), strict=True)
            }
        )
        == 1
    )  # the columns are even


@pytest.mark.parametrize(
    ("text", "room", "short"),
    [
        ("abcdefghij", 10, "abcdefghij"),
        ("abcdefghijk", 10, "abcd...ijk"),
        ("漢漢漢漢漢漢", 10, "漢漢...漢"),
        ("e\u0301" * 4, 4, "e\u0301" * 4),
    ],
)
def test_shortened_text_has_the_room_it_was_given(text: str, room: int, short: str) -> None:
    assert shorten(text, room) == short
    assert width(short) <= room


def test_a_tally_leaves_out_the_rarest_where_there_is_no_room() -> None:
    classes = Counter({"person": 12, "car": 3, "\x1b[31mdog": 1})
    assert tally(classes) == "12 person, 3 car, 1 \\x1b[31mdog"
    assert tally(classes, 25) == "12 person, 3 car, ..."
    assert tally(classes, 12) == "12 person, ..."
    assert tally(Counter({"person": 12}), 9) == "12 person"
    assert tally(Counter()) == "none"


def test_wider_terminals_show_more(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("x" * 90, "y" * 90)]
    print_table(("a", "b"), rows, sys.stdout)
    assert "..." in capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "200")
    print_table(("a", "b"), rows, sys.stdout)
    assert "x" * 90 in capsys.readouterr().out


def test_names_of_files_never_reach_the_terminal_as_codes(
    nano: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    odd = tmp_path / "odd"
    odd.mkdir()
    cv2.imwrite(str(odd / "x.png"), picture())
    (odd / "x.png").rename(odd / "\x1b[31mred\n.png")
    (odd / "broken\x1b]0;title\x07.png").write_bytes(b"none")
    assert run("predict", "--weights", nano, "--source", odd, "--no-save") == 3
    captured = capsys.readouterr()
    assert "\\x1b[31mred\\n.png" in captured.out
    assert "broken\\x1b]0;title\\x07.png" in captured.err
    for text in captured:
        assert "\x1b" not in text
        assert "\x07" not in text


# --- what was asked for ---


def test_no_arguments_print_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    text = capsys.readouterr().err
    for command in ("list", "predict", "train", "check-data", "benchmark"):
        assert f"    {command}" in text
    assert "Exit codes: 0 done" in text


@pytest.mark.parametrize(
    ("argv", "usage", "hint"),
    [
        (["predict", "--source", "x", "--confidence", "0.4"], "usage: yolonas-plugin predict", "--conf?"),
        (["list", "--tsk", "detect"], "usage: yolonas-plugin list", "--task?"),
        (["val", "--data", "x", "extra"], "usage: yolonas-plugin val", "extra"),
        (["doctor", "-x"], "usage: yolonas-plugin doctor", "-x"),
    ],
)
def test_an_unknown_flag_shows_that_command_s_usage(
    argv: list[str], usage: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    text = capsys.readouterr().err
    assert text.startswith(usage)
    assert hint in text


SIZES = [
    (["--imgsz", "100"], "imgsz=100: sides must be multiples of 32"),
    (["--imgsz", "640", "600"], "the nearest to 600 is 608"),
    (["--imgsz", "big"], "'big' is not a whole number"),
]
NUMBERS = [
    (["--conf", "2"], "conf=2.0 must be a number from 0 to 1"),
    (["--conf", "nan"], "must be a number from 0 to 1"),
    (["--iou", "x"], "'x' is not a number"),
    (["--max-det", "0"], "max_det=0 must be a whole number, 1 or more"),
    (["--batch", "0"], "batch=0 must be a whole number, 1 or more"),
]


@pytest.mark.parametrize(
    ("command", "flags", "message"),
    [(command, *case) for command in ("predict", "label", "val") for case in (*SIZES, *NUMBERS)]
    + [(command, *case) for command in ("export", "benchmark") for case in SIZES],
)
def test_numbers_are_checked_as_python_s_settings_are(
    command: str, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    needed = {
        "predict": ["--source", "x"],
        "label": ["--source", "x", "--format", "yolo", "--output", "y"],
        "val": ["--data", "x"],
        "export": [],
        "benchmark": [],
    }
    with pytest.raises(SystemExit) as caught:
        main([command, *needed[command], *flags])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_an_unknown_task_is_an_error_and_the_nearest_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["list", "--task", "detcet"])
    assert caught.value.code == 2
    assert "did you mean detect?" in capsys.readouterr().err


def test_list_says_what_a_model_finds_and_where_its_weights_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path))
    (tmp_path / "yolo_nas_m_coco.pth").touch()
    assert run("list", "--json") == 0
    here = {card["name"]: card["here"] for card in json.loads(capsys.readouterr().out)}
    assert here == {
        "yolo_nas_n": "none",
        "yolo_nas_s": "to download",
        "yolo_nas_m": "downloaded",
        "yolo_nas_l": "to download",
        "yolo_nas_n_layout": "embedded",
        **{f"yolo_nas_pose_{size}": "to download" for size in "nsml"},
    }
    assert run("list") == 0
    rows = {row.split()[0]: row for row in capsys.readouterr().out.splitlines()}
    assert "detect 80 classes" in rows["yolo_nas/yolo_nas_s"]
    assert "Deci-YOLO-NAS" in rows["yolo_nas/yolo_nas_s"]
    assert "detect 12 classes" in rows["yolo_nas/yolo_nas_n_layout"]
    assert "embedded" in rows["yolo_nas/yolo_nas_n_layout"]


def test_classes_are_given_by_name(
    nano: Path,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    argv = ["--weights", nano, "--source", folder, "--classes", "ring", "2"]
    assert run("predict", *argv, "--no-save", "--json") == 0
    images = json.loads(capsys.readouterr().out)["images"]
    assert {row["name"] for image in images for row in image["detections"]} == {"ring", "cross"}
    assert run("label", *argv, "--format", "coco", "--output", tmp_path / "labels", "--json") == 0
    assert set(json.loads(capsys.readouterr().out)["boxes"]) == {"ring", "cross"}
    assert run("predict", *argv, "disk", "--no-save") == 1
    assert "did you mean 'disc'?" in capsys.readouterr().err


def test_names_say_when_they_replace_the_file_s(nano: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["predict", "--weights", nano, "--source", folder / "0.png", "--no-save", "--names"]
    assert run(*argv, "a", "b", "c") == 0
    assert "--names replaces the names that the weights have themselves: disc, ring, cross" in capsys.readouterr().err
    assert run(*argv, "disc", "ring", "cross") == 0
    assert "replaces" not in capsys.readouterr().err


def test_frames_of_a_video_have_a_number_and_a_time(
    nano: Path,
    folder: Path,
    video: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    argv = ["predict", "--weights", nano, "--source", folder / "0.png", video, "--no-save", "--imgsz", "64"]
    assert run(*argv, "--batch", "4", "--json") == 0
    first, *frames = json.loads(capsys.readouterr().out)["images"]
    assert "frame" not in first
    assert [frame["frame"] for frame in frames] == list(range(6))
    assert [frame["seconds"] for frame in frames] == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert run(*argv) == 0
    assert "moving.avi frame 5" in capsys.readouterr().out


@pytest.mark.parametrize("source", [[""], ["nowhere.png"], [" "]])
def test_a_source_that_is_none_is_an_error(source: list[str], nano: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for flags in (["predict"], ["predict", "--lean"], ["label", "--format", "yolo", "--output", "x"]):
        assert run(*flags, "--weights", nano, "--source", *source) == 1
        assert "source" in capsys.readouterr().err or source == ["nowhere.png"]


# --- interrupted, or read no further ---


def interrupt_when(ready: Path) -> threading.Thread:
    """Press Ctrl-C as soon as a file is there."""

    def press() -> None:
        until = time.monotonic() + 60
        while not ready.exists() and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    return thread


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_what_was_done_before_ctrl_c_is_kept_and_told(
    flags: list[str],
    nano: Path,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    many = [folder / f"{index % 3}.png" for index in range(2000)]
    thread = interrupt_when(tmp_path / "out" / "1.jpg")
    assert run("predict", "--weights", nano, "--output", tmp_path / "out", *flags, "--source", *many) == 130
    thread.join()
    captured = capsys.readouterr()
    assert "interrupted" in captured.err
    if flags:
        answer = json.loads(captured.out)
        assert answer["interrupted"] is True
        assert 1 <= len(answer["images"]) < 2000
        assert answer["saved_to"] == str(tmp_path / "out")
    else:
        assert 1 <= captured.out.count(".png") < 2000
        assert f"pictures: {tmp_path / 'out'}" in captured.out


def test_rows_come_as_they_are_done_and_a_reader_may_stop(nano: Path, folder: Path) -> None:
    """``python -m yolonas_plugin predict ... | head -2``."""
    argv = [sys.executable, "-m", "yolonas_plugin", "predict", "--weights", nano, "--no-save", "--imgsz", "64"]
    many = [str(folder / f"{index % 3}.png") for index in range(3000)]
    with subprocess.Popen([*argv, "--source", *many], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as ran:
        assert ran.stdout is not None
        assert ran.stderr is not None
        assert ran.stdout.readline().split() == ["image", "size", "objects", "classes"]
        assert ran.stdout.readline().startswith("0.png")
        assert ran.poll() is None  # it works on
        ran.stdout.close()
        assert ran.stderr.read() == ""
        assert ran.wait(60) == 1


# --- odd streams ---


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_an_answer_that_can_not_be_written_is_an_error() -> None:
    with open("/dev/full", "w") as full:
        argv = [sys.executable, "-m", "yolonas_plugin", "list", "--json"]
        done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "yolonas-plugin: error: OSError: [Errno 28] No space left on device\n"


def test_a_stream_takes_what_its_encoding_lacks() -> None:
    raw = io.BytesIO()
    stream = lenient(io.TextIOWrapper(raw, encoding="ascii"))
    print("Größe 漢 \udcff", file=stream, flush=True)
    assert raw.getvalue() == b"Gr\\xf6\\xdfe \\u6f22 \\udcff\n"


def test_a_process_without_streams_works(
    nano: Path,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert run("predict", "--weights", nano, "--source", folder, "--output", tmp_path / "out") == 0
    assert len(list((tmp_path / "out").iterdir())) == 3
    assert run("list") == 0


# --- other plugins ---


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of a plugin, installed."""
    root = Path(__file__).parents[2] / "examples" / "provider_template"
    site = tmp_path / "site"
    info = site / "acme_zoo-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-zoo\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[model_zoo]\nacme = acme_zoo.plugin\n")
    monkeypatch.syspath_prepend(str(root))
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("MODEL_ZOO_PLUGINS", "acme-zoo,yolonas-plugin")


@pytest.mark.usefixtures("acme")
def test_models_of_other_plugins_predict(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    red = picture() * 0
    red[20:60, 30:90, 2] = 255
    cv2.imwrite(str(folder / "0.png"), red)
    (folder / "1.png").write_bytes(b"none")
    argv = ["predict", "--weights", "acme_tiny", "--source", folder, "--output", tmp_path / "out"]
    assert run(*argv, "--json") == 3
    answer = json.loads(capsys.readouterr().out)
    assert answer["runtime"] == "the plugin 'acme'"
    assert [Path(path).name for path in answer["skipped"]] == ["1.png"]
    (found,) = answer["images"][0]["detections"]
    assert found["name"] == "red"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0.jpg", "2.jpg"]
    assert run(*argv, "--lean") == 1
    assert "has no --lean" in capsys.readouterr().err


@pytest.mark.usefixtures("acme")
def test_models_of_other_plugins_are_fetched_or_it_is_said_that_they_are_not_offered(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("fetch", "acme/acme_tiny") == 0
    assert "the plugin 'acme' keeps its weights" in capsys.readouterr().out
    assert run("list") == 0
    assert "acme/acme_tiny" in capsys.readouterr().out
    for argv in (
        ["export"],
        ["val", "--data", "x"],
        ["label", "--format", "yolo", "--output", "x", "--source", folder],
    ):
        assert run(*argv, "--weights", "acme_tiny") == 1
        assert "comes from the plugin 'acme'" in capsys.readouterr().err


# --- images that can't be read ---


@pytest.mark.exhaustive
def test_calibration_and_benchmark_name_the_images_that_can_not_be_read(
    nano: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "1.png").write_bytes(b"broken")
    argv = ["--weights", nano, "--imgsz", "64", "--source"]
    assert run("benchmark", *argv, folder, "--rounds", "1") == 3
    captured = capsys.readouterr()
    assert captured.err.count(f"could not be read as an image: {folder / '1.png'}") == 1
    assert "torch" in captured.out
    pytest.importorskip("nncf")
    int8 = ["--runtime", "openvino", "--precision", "int8", "--calibration", folder]
    assert run("predict", *argv, folder / "0.png", "--no-save", *int8) == 3
    assert f"could not be read as an image: {folder / '1.png'}" in capsys.readouterr().err
