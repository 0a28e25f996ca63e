"""A download tells how far it is, and ends when its caller says so; what a callback raises reaches the caller."""

from __future__ import annotations

import errno
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from filelock import FileLock

from tests.support import weight_host as answers
from tests.support.command_line import Terminal
from tests.support.weight_host import BODY, HALF, Host, weight_file
from yolonas_plugin.cards import CARDS
from yolonas_plugin.cli import main
from yolonas_plugin.errors import DownloadError, SettingError
from yolonas_plugin.weights.bar import downloading
from yolonas_plugin.weights.fetch import Patience, fetch
from yolonas_plugin.weights.find import find_weights
from yolonas_plugin.weights.transfer import HostError

QUICK = Patience(connect=2, stall=5, tries=2, pause=0.02)
SOON = 1.0
"""Seconds within which a download that is cancelled ends."""


pytestmark = pytest.mark.usefixtures("_no_proxy")


def resumed(host: Host, folder: Path) -> None:
    """Check that the target isn't there, that nothing holds the lock, and that the next download gets the file."""
    assert not (folder / "weights.pth").exists()
    host.script = []
    assert fetch(weight_file(host), folder, patience=QUICK).read_bytes() == BODY
    assert {path.name for path in folder.iterdir()} <= {"weights.pth", ".weights.pth.lock"}


@pytest.mark.parametrize(
    ("answer", "size", "total"),
    [("good", len(BODY), len(BODY)), ("good", None, len(BODY)), ("no_length", None, None), ("slow", None, len(BODY))],
)
def test_progress_is_told_from_the_first_byte_to_the_last(
    host: Host, tmp_path: Path, answer: str, size: int | None, total: int | None
) -> None:
    host.script = [getattr(answers, answer)]
    told: list[tuple[int, int | None]] = []
    threads = set()

    def progress(done: int, in_all: int | None) -> None:
        told.append((done, in_all))
        threads.add(threading.current_thread())

    fetch(weight_file(host, size=size), tmp_path, patience=QUICK, progress=progress)
    assert told[0] == (0, total)
    assert told[-1] == (len(BODY), total)
    assert told == sorted(told, key=lambda one: one[0])
    assert {in_all for _, in_all in told} == {total}
    assert threads == {threading.current_thread()}
    assert len(told) < 60  # the slow host sends forty pieces in two seconds
    if answer == "slow":
        assert len(told) > 8


def test_progress_of_what_is_resumed_begins_where_it_broke_off(host: Host, tmp_path: Path) -> None:
    host.script = [answers.drops]
    told: list[int] = []
    fetch(weight_file(host), tmp_path, patience=QUICK, progress=lambda done, total: told.append(done))
    assert told.count(0) == 1
    assert HALF in told
    assert told[-1] == len(BODY)


def test_a_file_that_is_here_needs_no_callback(host: Host, tmp_path: Path) -> None:
    fetch(weight_file(host), tmp_path, patience=QUICK)
    called: list[Any] = []
    fetch(weight_file(host), tmp_path, progress=lambda *told: called.append(told), cancelled=lambda: True)
    assert called == []


# -- cancelling ------------------------------------------------------------------------------------------------------


class After:
    """Says that the download is cancelled from some seconds on, and remembers when it was asked."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._until, self.asked = time.monotonic() + seconds, 0

    def __call__(self) -> bool:
        self.asked += 1
        return time.monotonic() >= self._until


def is_cancelled(host: Host, folder: Path, patience: Patience = QUICK) -> None:
    start = time.monotonic()
    with pytest.raises(DownloadError, match=r"was not downloaded: it was cancelled; what has come is kept"):
        fetch(weight_file(host), folder, patience=patience, cancelled=After(0.3))
    assert time.monotonic() - start < 0.3 + SOON


def test_a_download_that_is_cancelled_keeps_what_has_come(host: Host, tmp_path: Path) -> None:
    host.script = [answers.slow]
    is_cancelled(host, tmp_path)
    have = (tmp_path / ".weights.pth.part").stat().st_size
    assert 0 < have < len(BODY)
    resumed(host, tmp_path)
    assert host.ranges() == [None, f"bytes={have}-"]


@pytest.mark.parametrize("fault", ["stalls", "stalls_before_answering"])
def test_a_host_that_gives_nothing_is_not_waited_for(host: Host, tmp_path: Path, fault: str) -> None:
    host.script = [getattr(answers, fault)]
    is_cancelled(host, tmp_path)
    resumed(host, tmp_path)


def test_a_pause_between_two_tries_is_cut_short(host: Host, tmp_path: Path) -> None:
    host.script = [answers.status(503)] * 3
    is_cancelled(host, tmp_path, Patience(tries=3, pause=20))
    assert len(host.asked) == 1
    resumed(host, tmp_path)


def test_who_waits_for_another_download_may_go(host: Host, tmp_path: Path) -> None:
    with FileLock(tmp_path / ".weights.pth.lock"):
        is_cancelled(host, tmp_path)
    assert host.asked == []
    resumed(host, tmp_path)


def test_what_is_cancelled_from_the_start_asks_no_host(host: Host, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="cancelled"):
        fetch(weight_file(host), tmp_path, cancelled=lambda: True)
    assert host.asked == []


def test_what_is_not_cancelled_arrives_whole(host: Host, tmp_path: Path) -> None:
    host.script = [answers.drops, answers.status(503)]
    never = After(60)
    path = fetch(weight_file(host), tmp_path, patience=Patience(tries=3, pause=0.02), cancelled=never)
    assert path.read_bytes() == BODY
    assert never.asked > 3


# -- callbacks that raise --------------------------------------------------------------------------------------------

RAISED = [
    ValueError("no"),
    OSError(errno.ENOSPC, "the window's disk is full"),
    NotImplementedError("no"),
    requests.ConnectionError("the log's server"),
    HostError("not a host's"),
    DownloadError("the host's own"),
    KeyboardInterrupt(),
    SystemExit(3),
]


@pytest.mark.parametrize("name", ["progress", "cancelled"])
@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_what_a_callback_raises_ends_the_download(host: Host, tmp_path: Path, name: str, error: BaseException) -> None:
    calls = []

    def callback(*told: Any) -> bool:
        calls.append(told)
        if len(calls) == 3:
            raise error
        return False

    host.script = [answers.slow]
    with pytest.raises(type(error)) as caught:
        fetch(weight_file(host), tmp_path, patience=QUICK, **{name: callback})
    assert caught.value is error
    assert len(calls) == 3
    assert len(host.asked) == 1
    resumed(host, tmp_path)


@pytest.mark.parametrize("name", ["progress", "cancelled"])
def test_what_is_no_function_is_refused_before_anything_is_looked_for(name: str) -> None:
    with pytest.raises(SettingError, match=rf"{name}=3 must be a function"):
        find_weights("no such model", **{name: 3})


# -- from a name, and from the command line --------------------------------------------------------------------------


@pytest.fixture
def published(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A model whose weights are at the host, and whose licence is accepted."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("YOLONAS_ACCEPT_LICENCE", "1")
    monkeypatch.delenv("YOLONAS_OFFLINE", raising=False)
    from dataclasses import replace

    card = replace(next(card for card in CARDS if card.name == "yolo_nas_s"), weights=(weight_file(host),))
    monkeypatch.setattr("yolonas_plugin.weights.find.CARDS", [card])
    return card.name


@pytest.mark.parametrize("lean", [False, True])
def test_a_loader_passes_both_callbacks_on(host: Host, published: str, lean: bool) -> None:
    pytest.importorskip("onnxruntime")
    from model_zoo_api import ModelZoo

    zoo = ModelZoo.discover()
    told: list[Any] = []
    host.script = [answers.slow]
    options = {"lean": True, "runtime": "onnxruntime"} if lean else {}
    with pytest.raises(DownloadError, match="cancelled"):
        zoo.load(published, progress=lambda *one: told.append(one), cancelled=After(0.3), **options)
    assert told[0] == (0, len(BODY))
    assert len(told) > 1


def test_a_model_keeps_no_callback() -> None:
    """They may be what can't be pickled."""
    from yolonas_plugin import NAS

    model = NAS("yolo_nas_n", pretrained=False, progress=print, cancelled=lambda: False)
    assert print not in vars(model).values()
    assert model._download == {}


def test_a_bar_is_drawn_on_a_terminal_unless_somebody_else_is_told(
    host: Host, published: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Terminal(monkeypatch) as terminal:
        fetch(weight_file(host), tmp_path)
    assert terminal.text == ""
    with Terminal(monkeypatch) as terminal:
        path = find_weights(published)
    assert f"{path.name}: 100%" in terminal.text
    path.unlink()
    with Terminal(monkeypatch) as terminal:
        find_weights(published, progress=lambda done, total: None)
    assert terminal.text == ""
    with downloading("x") as progress:  # standard error is none now
        assert progress is None
    assert not sys.stderr.isatty()


def test_another_plugin_that_offers_it_tells_the_command_line_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "acme_slow.py").write_text("""
from model_zoo_api import ModelCard, ModelProvider, hookimpl
from model_zoo_api.settings import PROGRESS

@hookimpl
def model_zoo_providers():
    card = ModelCard(name="slow_tiny", task="detect", input_size=(64, 64))
    yield ModelProvider(name="slow", api_version=2, models=(card,), loader=load, options=(PROGRESS,))

def load(source, *, card=None, progress=None):
    for done in range(0, 101, 50):
        progress and progress(done, 100)
    return progress is not None
""")
    info = tmp_path / "acme_slow-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-slow\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[model_zoo]\nslow = acme_slow\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("MODEL_ZOO_PLUGINS", "acme-slow,yolonas-plugin")
    with Terminal(monkeypatch) as terminal:
        code = main(["fetch", "slow/slow_tiny"])
    assert code == 0, terminal.text
    assert "100%" in terminal.text
    assert main(["fetch", "slow/slow_tiny"]) == 0
    assert "%" not in capsys.readouterr().err
