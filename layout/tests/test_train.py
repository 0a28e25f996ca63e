"""`page_layout.train`: stages one after the other, from random weights to the file that is embedded."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from page_layout.classes import NAMES
from page_layout.generate import generate
from page_layout.splits import Split
from page_layout.train import FILE, SELECTION, Decay, Stage, train
from yolonas_plugin import NAS
from yolonas_plugin.weights import read_checkpoint


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("pages")
    for split, seed in (("train", 1), ("val", 2)):
        generate(output, Split.embedded(split), 4, seed=seed)
    return output


@pytest.mark.exhaustive
def test_stages_follow_each_other_and_are_not_repeated(pages: Path, tmp_path: Path) -> None:
    stages = (Stage(64, 4, 1e-3, 1), Stage(96, 4, 1e-3, 1))
    written = train(pages, tmp_path, stages)
    assert written == tmp_path / FILE
    checkpoint = read_checkpoint(written)
    assert tuple(checkpoint.class_names) == NAMES
    assert checkpoint.licence == "Apache-2.0"
    processing = NAS(written).processing
    assert processing.size == (96, 96)
    assert {name: getattr(processing, name) for name in SELECTION} == SELECTION
    done = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("results.csv")}
    assert [path.parent.name for path in sorted(done)] == ["stage1", "stage2"]
    train(pages, tmp_path, stages)
    assert {path: path.stat().st_mtime_ns for path in done} == done


def test_a_time_ends_the_training(pages: Path, tmp_path: Path) -> None:
    train(pages, tmp_path, (Stage(64, 4, 1e-3, 1000),), minutes=0.05)
    rows = (tmp_path / "stage1" / "results.csv").read_text().splitlines()[1:]
    assert 1 <= len(rows) < 100
    assert float(rows[-1].split(",")[-1]) < 1e-3  # the learning rate is on its way down


def fake_trainer(epochs: int, steps: int, hours: float | None) -> SimpleNamespace:
    return SimpleNamespace(
        epoch=0,
        epochs=epochs,
        train_loader=range(steps),
        train_time_start=time.time(),
        optimizer=SimpleNamespace(param_groups=[{}]),
        args=SimpleNamespace(time=hours),
    )


def test_the_learning_rate_ends_low_when_the_time_is_over() -> None:
    decay, trainer = Decay(1e-3), fake_trainer(epochs=1, steps=1000, hours=1)
    decay.step = 200
    rates = []
    for part in (0, 0.5, 1, 1.1):
        trainer.train_time_start = time.time() - part * 3600
        decay.on_train_batch_start(trainer)
        rates.append(trainer.optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([1e-3, 0.51e-3, 2e-5, 2e-5], rel=1e-3)


def test_the_learning_rate_rises_and_ends_low() -> None:
    decay, trainer = Decay(1e-3), fake_trainer(epochs=2, steps=500, hours=None)
    rates = []
    for trainer.epoch in range(2):
        decay.on_train_epoch_start(trainer)
        for _ in trainer.train_loader:
            decay.on_train_batch_start(trainer)
            rates.append(trainer.optimizer.param_groups[0]["lr"])
    assert rates[0] == pytest.approx(1e-5)
    assert max(rates) == pytest.approx(1e-3, rel=0.03)
    assert rates[500] == pytest.approx(0.51e-3)
    assert rates[-1] == pytest.approx(2e-5, rel=0.01)
