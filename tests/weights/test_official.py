"""From a model's name to its published weights: the licence comes first, then the download, then a model that works."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from sites import Site
from tests.support.pictures import picture
from tests.support.weight_host import BODY, Host, serving, slow, status, weight_file
from yolonas_plugin import NAS, ModelZoo
from yolonas_plugin.cards import CARDS
from yolonas_plugin.cli import main
from yolonas_plugin.errors import DownloadError, LicenceError, WeightsNotFoundError
from yolonas_plugin.weights import find, find_weights

with contextlib.suppress(ImportError):  # Windows has none of them
    import fcntl
    import pty
    import termios

LICENCE = "LicenseRef-Deci-YOLO-NAS"
ROOT = Path(__file__).parents[2]

PROGRAM = """
import dataclasses, sys
from model_zoo_api.types import WeightFile
from yolonas_plugin.weights import find
url, sha256 = sys.argv[1:3]
file = WeightFile(filename="yolo_nas_s_coco.pth", urls=(url,), sha256=sha256)
find.CARDS = tuple(dataclasses.replace(card, weights=(file,)) for card in find.CARDS if card.name == "yolo_nas_s")
from yolonas_plugin.cli import main
sys.exit(main(sys.argv[3:]))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of weights that isn't there yet; the working directory is empty, and nothing is accepted."""
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    for name in ("YOLONAS_OFFLINE", "YOLONAS_ACCEPT_LICENCE", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path / "weights"))
    path = [str(ROOT), *(os.path.join(ROOT, place) for place in os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))  # its places may be relative, and the directory changed
    return tmp_path / "weights"


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """The host that the catalogue names for yolo_nas_s; what it has is no checkpoint."""
    with serving() as host:
        publish(host, BODY, monkeypatch)
        yield host


def publish(host: Host, body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    host.body = body
    file = weight_file(host, filename="yolo_nas_s_coco.pth", sha256=hashlib.sha256(body).hexdigest(), size=len(body))
    replaced = [dataclasses.replace(card, weights=(file,)) if card.name == "yolo_nas_s" else card for card in CARDS]
    monkeypatch.setattr(find, "CARDS", tuple(replaced))


def nothing_was_downloaded(host: Host, folder: Path) -> bool:
    return not host.asked and not folder.exists()


# -- the licence -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["", "0", "Apache-2.0", "no"])
def test_nothing_is_downloaded_until_the_licence_is_accepted(
    host: Host, folder: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("YOLONAS_ACCEPT_LICENCE", value)
    with pytest.raises(LicenceError) as caught:
        find_weights("yolo_nas_s")
    for fact in (
        LICENCE,
        "non-commercial use only",
        "LICENSE.YOLONAS.md",
        "accept_licence=True",
        "--accept-licence",
        f"YOLONAS_ACCEPT_LICENCE={LICENCE}",
    ):
        assert fact in str(caught.value)
    assert isinstance(caught.value, WeightsNotFoundError)
    assert nothing_was_downloaded(host, folder)


def test_it_is_accepted_by_a_flag_shown_and_remembered(
    host: Host, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = find_weights("yolo_nas_s", accept_licence=True)
    assert path == folder / "yolo_nas_s_coco.pth"
    assert path.read_bytes() == BODY
    shown = capsys.readouterr()
    assert shown.out == ""
    assert LICENCE in shown.err
    assert "LICENSE.YOLONAS.md" in shown.err
    assert (folder / "accepted-licences.txt").read_text().startswith(f"{LICENCE}\thttps://")

    path.unlink()
    assert find_weights("yolo_nas_s") == path
    assert capsys.readouterr().err == ""
    assert len(host.asked) == 2


@pytest.mark.parametrize("value", ["1", LICENCE, f"MIT, {LICENCE.lower()}"])
def test_it_is_accepted_by_a_variable(host: Host, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("YOLONAS_ACCEPT_LICENCE", value)
    assert find_weights("yolo_nas_s.pt").is_file()


def test_another_licence_is_asked_for_again(host: Host, folder: Path) -> None:
    folder.mkdir()
    (folder / "accepted-licences.txt").write_text(f"{LICENCE}-2.0\thttps://example.org\t2026-01-01\n")
    with pytest.raises(LicenceError):
        find_weights("yolo_nas_s")
    find_weights("yolo_nas_s", accept_licence=True)
    record = (folder / "accepted-licences.txt").read_text()
    assert [line.split("\t")[0] for line in record.splitlines()] == [f"{LICENCE}-2.0", LICENCE]


def test_a_file_that_is_there_needs_no_acceptance(host: Host, folder: Path) -> None:
    folder.mkdir()
    (folder / "yolo_nas_s_coco.pth").write_bytes(BODY)
    assert find_weights("yolo_nas_s") == folder / "yolo_nas_s_coco.pth"
    assert host.asked == []


def on_a_terminal(host: Host, answer: str, *argv: str) -> tuple[int, str, str]:
    """Run the command line with its standard input and error on a terminal; return exit code, output, and terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    command = [sys.executable, "-c", PROGRAM, host.url(), hashlib.sha256(host.body).hexdigest(), *argv]
    process = subprocess.Popen(command, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, text=True)
    os.close(theirs)
    seen = b""
    try:
        while piece := os.read(ours, 4096):
            if b"[yes/no]" in piece:
                os.write(ours, answer.encode())
            seen += piece
    except OSError:  # the other end was closed
        pass
    out, _ = process.communicate(timeout=30)
    os.close(ours)
    return process.returncode, out, seen.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("answer", ["yes\n", "Y\n"])
def test_on_a_terminal_it_is_asked_for_and_the_progress_shown(host: Host, folder: Path, answer: str) -> None:
    host.script = [slow]
    code, out, terminal = on_a_terminal(host, answer, "fetch", "yolo_nas_s")
    assert (code, out.strip()) == (0, str(folder / "yolo_nas_s_coco.pth"))
    assert (
        terminal.index(LICENCE) < terminal.index("Do you accept it? [yes/no]") < terminal.index("yolo_nas_s_coco.pth")
    )
    assert "100%" in terminal
    assert "B/s" in terminal


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("answer", ["no\n", "\n", "\x04"], ids=["no", "nothing", "end of file"])
def test_anything_else_is_a_refusal(host: Host, folder: Path, answer: str) -> None:
    code, out, terminal = on_a_terminal(host, answer, "fetch", "yolo_nas_s")
    assert (code, out) == (1, "")
    assert "nobody has accepted" in terminal
    assert nothing_was_downloaded(host, folder)


# -- from the name to the model ----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["1", "true"])
def test_offline_nothing_is_downloaded(host: Host, folder: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("YOLONAS_OFFLINE", value)
    with pytest.raises(
        WeightsNotFoundError, match=r"(?s)not on this machine, and YOLONAS_OFFLINE forbids.*sha256:.*put it:"
    ):
        find_weights("yolo_nas_s", accept_licence=True)
    assert nothing_was_downloaded(host, folder)


def test_names_and_files_load_the_published_weights(
    host: Host,
    nano: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish(host, nano.read_bytes(), monkeypatch)
    expected = NAS(nano).model.state_dict()
    for load in (lambda: NAS("yolo_nas_s.pt", accept_licence=True), lambda: ModelZoo.discover().load("yolo_nas_s")):
        loaded = load().model.state_dict()
        assert all(torch.equal(loaded[name], tensor) for name, tensor in expected.items())
        (folder / "yolo_nas_s_coco.pth").unlink()
    assert len(host.asked) == 2
    model = NAS(nano, accept_licence=True).load("yolo-nas-s")
    assert model.ckpt_path == str(folder / "yolo_nas_s_coco.pth")


def test_a_path_or_an_unknown_name_downloads_nothing(host: Host, folder: Path) -> None:
    for source in ("weights/yolo_nas_s.pt", "yolo_nas_n", "yolo_nas_z.pt"):
        with pytest.raises(WeightsNotFoundError):
            NAS(source, accept_licence=True)
    assert nothing_was_downloaded(host, folder)


def test_a_failed_download_names_the_licence_too(host: Host) -> None:
    host.script = [status(404)]
    with pytest.raises(DownloadError, match=rf"(?s)answered 404.*licence: {LICENCE}"):
        find_weights("yolo_nas_s", accept_licence=True)


def test_the_command_line_fetches_and_prints_the_path(
    host: Host, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fetch", "yolo_nas_s"]) == 1
    assert "--accept-licence" in capsys.readouterr().err
    assert main(["fetch", "yolo-nas-s", "--accept-licence"]) == 0
    assert capsys.readouterr().out == f"{folder / 'yolo_nas_s_coco.pth'}\n"
    assert main(["fetch", "yolo_nas/yolo_nas_s", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer == {"model": "yolo_nas_s", "path": str(folder / "yolo_nas_s_coco.pth")}
    assert len(host.asked) == 1
    assert main(["fetch", "yolo_nas_n"]) == 1
    assert "no weights of this size were ever published" in capsys.readouterr().err


def test_the_command_line_loads_what_it_downloads(
    host: Host,
    nano: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import cv2

    publish(host, nano.read_bytes(), monkeypatch)
    cv2.imwrite(str(tmp_path / "image.png"), picture())
    argv = ["predict", "--source", str(tmp_path / "image.png"), "--no-save", "--json"]
    assert main(argv) == 1
    assert "--accept-licence" in capsys.readouterr().err
    assert main([*argv, "--accept-licence"]) == 0
    assert len(json.loads(capsys.readouterr().out)["images"]) == 1


def test_a_plugin_that_has_the_weights_is_asked_first(
    host: Host, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a licence accepted, and without a host asked."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "yolo_nas_s.bin").touch()
    site = Site(tmp_path / "site")
    site.add_plugin("locate_weights")
    monkeypatch.setenv("STORE", str(tmp_path / "store"))
    done = site.python("-m", "yolonas_plugin.cli", "fetch", "yolo_nas_s")
    assert done.stdout.strip() == str(tmp_path / "store" / "yolo_nas_s.bin"), done.stderr
    assert nothing_was_downloaded(host, folder)


def test_finding_and_fetching_needs_no_torch(host: Host) -> None:
    program = f"{PROGRAM.rsplit('from', 1)[0]}find.find_weights('yolo_nas_s', accept_licence=True)\nprint(*sys.modules)"
    command = [sys.executable, "-c", program, host.url(), hashlib.sha256(BODY).hexdigest()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "ultralytics"} & set(done.stdout.split())
    assert len(host.asked) == 1
