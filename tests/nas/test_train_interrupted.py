"""One Ctrl-C ends a training wherever it is; what was written before is whole, and the training can go on."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ultralytics.utils import LOGGER

from exhaustive import exhaustive
from tests.support.presses import Dying
from tests.support.shapes import write_shapes
from yolonas_plugin import NAS
from yolonas_plugin.nas import NASTrainer
from yolonas_plugin.nas.dataset import SampleDataset
from yolonas_plugin.nas.training_state import read_training_state
from yolonas_plugin.system.interrupts import heard
from yolonas_plugin.weights import read_checkpoint

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")

SETTINGS = {
    "imgsz": 64,
    "batch": 2,
    "nbs": 2,
    "workers": 0,
    "plots": False,
    "verbose": False,
    "device": "cpu",
    "optimizer": "SGD",
    "freeze": ["backbone"],
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(LOGGER, "level", LOGGER.level)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shapes(tmp_path_factory.mktemp("few"), train=4, val=2)


class Press:
    """Ctrl-C, once, as a terminal sends it; the time is kept."""

    def __init__(self) -> None:
        self.at: float | None = None

    def __call__(self, *_: Any) -> None:
        if self.at is None:
            self.at = time.monotonic()
            os.kill(os.getpid(), signal.SIGINT)


def begin(model: NAS, data: Path, folder: Path, trainer: Any = None, **settings: Any) -> None:
    model.train(trainer, data=str(data), project=str(folder), name="a", **{**SETTINGS, "epochs": 3, **settings})


def check(folder: Path) -> None:
    """See that what a training left is whole, and nothing else is there."""
    weights = folder / "a" / "weights"
    assert {path.name for path in weights.iterdir()} <= {"best.pt", "last.pt", "best.safetensors"}
    for path in weights.iterdir():
        read_checkpoint(path)


# --- where it is pressed ---


def in_a_batch(press: Press, model: NAS) -> Any:
    model.add_callback("on_train_batch_start", lambda trainer: press() if trainer.epoch == 1 else None)


def in_validation(press: Press, model: NAS) -> Any:
    seen: list[int] = []
    model.add_callback("on_val_batch_start", lambda _: press() if len(seen) == 1 else seen.append(1))


def in_the_data_loader(press: Press, model: NAS) -> Any:
    class Loading(SampleDataset):
        def __getitem__(self, index: int) -> Any:
            press()
            return super().__getitem__(index)

    def swap(trainer: Any) -> None:
        if trainer.epoch == 0:
            trainer.train_loader.dataset.__class__ = Loading

    model.add_callback("on_fit_epoch_end", swap)


def in_saving(press: Press, model: NAS) -> Any:
    """At the first bytes of the second ``last.pt``, inside torch's writer."""

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if armed and event == "os.rename" and str(args[1]).endswith("last.pt"):
            press()

    armed: list[int] = []
    model.add_callback("on_fit_epoch_end", lambda _: armed.append(1))
    sys.addaudithook(watch)


WHERE: list[Callable[[Press, NAS], Any]] = [in_saving, in_a_batch, in_validation, in_the_data_loader]


@pytest.mark.parametrize("where", [*WHERE[:2], *map(exhaustive, WHERE[2:])])
def test_ctrl_c_ends_it_at_the_first_press(
    where: Callable[[Press, NAS], Any], nano: Path, few: Path, tmp_path: Path
) -> None:
    model, press = NAS(nano), Press()
    where(press, model)
    with pytest.raises(KeyboardInterrupt):
        begin(model, few, tmp_path)
    assert press.at is not None
    assert time.monotonic() - press.at < 20  # a batch or a file later, not an epoch
    check(tmp_path)
    last = tmp_path / "a" / "weights" / "last.pt"
    assert read_training_state(last).progress["epoch"] in ({0, 1} if where is in_saving else {0})
    if where is in_saving:
        again = NAS(last)
        again.train(resume=True, data=str(few))
        check(tmp_path)
        assert (tmp_path / "a" / "results.csv").read_text().count("\n") == 4


# --- at any moment ---


@pytest.fixture
def clock() -> Iterator[Callable[[float], threading.Timer]]:
    timers: list[threading.Timer] = []

    def start(seconds: float) -> threading.Timer:
        timer = threading.Timer(seconds, lambda: os.kill(os.getpid(), signal.SIGINT))
        timers.append(timer)
        timer.start()
        return timer

    yield start
    for timer in timers:
        timer.cancel()
        timer.join()


def one_moment(seed: int, nano: Path, few: Path, folder: Path, clock: Callable[[float], threading.Timer]) -> None:
    def press_and_begin() -> None:
        clock(random.Random(seed).uniform(0.05, 6))
        begin(NAS(nano), few, folder, epochs=1000, time=0.05)  # which is 3 minutes, for when it isn't heard

    with pytest.raises(KeyboardInterrupt):
        press_and_begin()
    if (folder / "a" / "weights").exists():
        check(folder)
        if (last := folder / "a" / "weights" / "last.pt").exists():
            trainer = NASTrainer(overrides={"resume": str(last), "data": str(few)})
            trainer._setup_train()
            assert trainer.start_epoch > 0


@pytest.mark.exhaustive
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # what Python drops is heard again
@pytest.mark.parametrize("seed", range(2))
def test_ctrl_c_at_any_moment(
    seed: int, nano: Path, few: Path, tmp_path: Path, clock: Callable[[float], threading.Timer]
) -> None:
    one_moment(seed, nano, few, tmp_path, clock)


@pytest.mark.exhaustive
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("seed", range(100, 112))
def test_ctrl_c_at_many_moments(
    seed: int, nano: Path, few: Path, tmp_path: Path, clock: Callable[[float], threading.Timer]
) -> None:
    one_moment(seed, nano, few, tmp_path, clock)


KILLED = """
import json, sys
from yolonas_plugin import NAS
nano, data, folder, settings = sys.argv[1:]
print("go", flush=True)
NAS(nano).train(data=data, project=folder, name="a", **{**json.loads(settings), "epochs": 1000})
"""


@pytest.mark.exhaustive
def test_killed_at_many_moments(nano: Path, few: Path, tmp_path: Path) -> None:
    """What a killed training left half written is gone when the next one has saved in the same folder."""
    settings = json.dumps(SETTINGS | {"exist_ok": True})
    command = [sys.executable, "-c", KILLED, str(nano), str(few), str(tmp_path), settings]
    moments = random.Random(7)
    for _ in range(12):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        assert "go\n" in iter(process.stdout.readline, "")
        time.sleep(moments.uniform(0.5, 8))
        process.kill()
        process.communicate()
        weights = tmp_path / "a" / "weights"
        for path in weights.glob("*.pt") if weights.exists() else ():
            read_checkpoint(path)
    begin(NAS(nano), few, tmp_path, epochs=1, exist_ok=True)
    check(tmp_path)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_press_that_python_drops_is_heard_all_the_same() -> None:
    def work() -> None:
        with heard() as check:
            Dying()
            check()
            pytest.fail("it got lost")

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        work()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_press_that_python_drops_before_the_first_step_is_heard(nano: Path, few: Path, tmp_path: Path) -> None:
    class Pressed(NASTrainer):
        def get_model(self, *args: Any, **kwargs: Any) -> Any:
            Dying()
            return super().get_model(*args, **kwargs)

        def train(self) -> None:
            pytest.fail("it began")

    with pytest.raises(KeyboardInterrupt):
        begin(NAS(nano), few, tmp_path, Pressed)
