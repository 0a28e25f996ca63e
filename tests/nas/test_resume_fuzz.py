"""Whatever an unfinished training's file says, it goes on or ends in one of our errors, soon, and nothing is run."""

from __future__ import annotations

import math
import time
from copy import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ultralytics.utils import LOGGER

from tests.support.audit import watched
from yolonas_plugin import NAS
from yolonas_plugin.errors import YoloNASPluginError
from yolonas_plugin.nas import NASTrainer
from yolonas_plugin.nas.resume import settings_from_file
from yolonas_plugin.nas.training_state import training_state
from yolonas_plugin.weights import Checkpoint, read_checkpoint
from yolonas_plugin.weights.read import Content

SECONDS = 15  # of the processor
BAIT = "the path of a file that must not be opened"

TEXTS = [
    *("", "a", "0", "True", "auto", "disk", "yolov8n.pt", "http://127.0.0.1:9/a.pt", "ul://a/b", "gs://a/b", "0,1,2"),
    *("__import__('os').system('id')", "os.system", "../../../a", "/dev/zero", "\x1b[2J", "\ud800", "x" * 5000, BAIT),
]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([2**31, -(2**63), 10**40]),
    st.floats(),
    st.sampled_from(TEXTS),
    st.binary(max_size=3),
    st.sampled_from([(), (1, 2), (2,) * 3000]),
    st.builds(lambda *shape: torch.full(shape, math.nan), st.integers(0, 3), st.integers(0, 3)),
)
VALUES = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(TEXTS), inner, max_size=3)
)


def paths(content: Any, depth: int = 0) -> list[tuple[Any, ...]]:
    """The places in an unfinished training that can be changed, down to a parameter's entry."""
    found: list[tuple[Any, ...]] = []
    for key, value in content.items() if isinstance(content, dict) else enumerate(content):
        found.append((key,))
        if isinstance(value, (dict, list)) and depth < 3:
            found += [(key, *rest) for rest in paths(value, depth + 1)[:40]]
    return found


def changed(content: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with one place changed, or taken out."""
    content = copy(content)
    key, *rest = path
    if rest:
        content[key] = changed(content[key], tuple(rest), value)
    elif value is DELETE:
        del content[key]
    else:
        content[key] = value
    return content


DELETE = object()
FIELDS = ("epoch", "updates", "best_fitness", "stopper", "optimizer", "scaler", "weights")


@pytest.fixture(scope="module")
def content(unfinished: Path) -> dict[str, Any]:
    return torch.load(unfinished, weights_only=False)


@pytest.fixture(scope="module")
def checkpoint(unfinished: Path) -> Checkpoint:
    return read_checkpoint(unfinished)


@pytest.fixture(scope="module")
def trainer(unfinished: Path, shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> NASTrainer:
    last = tmp_path_factory.mktemp("taken") / "weights" / "last.pt"
    last.parent.mkdir()
    last.symlink_to(unfinished)
    trainer = NASTrainer(overrides={"resume": str(last), "data": str(shapes)})
    trainer._setup_train()
    return trainer


@pytest.fixture
def bait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(LOGGER, "level", LOGGER.level)
    path = tmp_path / "bait.pt"
    path.write_bytes(b"bait")
    return path


def with_bait(value: Any, bait: Path) -> Any:
    if isinstance(value, dict):
        return {key: with_bait(entry, bait) for key, entry in value.items()}
    if isinstance(value, list):
        return [with_bait(entry, bait) for entry in value]
    return str(bait) if isinstance(value, str) and value == BAIT else value


def bounded(examples: int) -> settings:
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=checks,
        phases=(Phase.generate,),  # not made smaller: what a failure prints names the place and the value
    )


def any_change(data: st.DataObject, content: dict[str, Any], bait: Path) -> dict[str, Any]:
    for _ in range(data.draw(st.integers(1, 2))):
        if data.draw(st.booleans()):
            place = ("train_args", data.draw(st.sampled_from(sorted(content["train_args"]))))
        else:
            field = data.draw(st.sampled_from(FIELDS))
            inner = paths(content[field]) if isinstance(content.get(field), dict) else []
            place = (field, *data.draw(st.sampled_from([(), *inner])))
        value = data.draw(VALUES | st.just(DELETE))
        try:
            content = changed(content, place, with_bait(value, bait))
        except (LookupError, TypeError):  # the first change took the place of the second away
            continue
    return content


def take_up(
    data: st.DataObject, content: dict[str, Any], checkpoint: Checkpoint, trainer: NASTrainer, bait: Path
) -> None:
    found = any_change(data, content, bait)
    said, started = "", time.process_time()
    with watched(bait) as events:
        try:
            state = training_state(checkpoint, Content(found, dict), bait)
            settings_from_file(state.settings, bait, {"data"})
            trainer.state = state
            trainer.resume_training(None)
        except YoloNASPluginError as error:
            said = str(error)
    assert events == []
    assert len(said) < 3000
    assert time.process_time() - started < SECONDS


@bounded(20)
@given(data=st.data())
def test_whatever_it_says_is_taken_up_or_refused(
    data: st.DataObject, content: dict[str, Any], checkpoint: Checkpoint, trainer: NASTrainer, bait: Path
) -> None:
    take_up(data, content, checkpoint, trainer, bait)


@pytest.mark.exhaustive
@bounded(250)
@given(data=st.data())
def test_whatever_it_says_is_taken_up_or_refused_at_length(
    data: st.DataObject, content: dict[str, Any], checkpoint: Checkpoint, trainer: NASTrainer, bait: Path
) -> None:
    take_up(data, content, checkpoint, trainer, bait)


class Begun(Exception):  # noqa: N818  it is no error
    """The training went on."""


def go_on(data: st.DataObject, content: dict[str, Any], shapes: Path, bait: Path) -> None:
    last = bait.parent / "run" / "weights" / "last.pt"
    last.parent.mkdir(parents=True, exist_ok=True)
    found = any_change(data, content, bait)
    try:
        torch.save(found, last)
    except UnicodeEncodeError:  # of half a letter
        return
    said, started = "", time.process_time()
    with watched(bait) as events:
        try:
            model = NAS(last)

            def stop(_: Any) -> None:
                raise Begun

            model.add_callback("on_train_batch_start", stop)
            model.train(resume=True, data=str(shapes), workers=0, device="cpu", plots=False)
        except (YoloNASPluginError, Begun) as error:
            said = str(error)
    assert events == []
    assert len(said) < 3000
    assert time.process_time() - started < SECONDS
    allowed = {"bait.pt", "run"}
    assert {path.name for path in bait.parent.iterdir()} <= allowed


@bounded(3)
@given(data=st.data())
def test_whatever_it_says_a_training_goes_on_or_is_refused(
    data: st.DataObject, content: dict[str, Any], shapes: Path, bait: Path
) -> None:
    go_on(data, content, shapes, bait)


@pytest.mark.exhaustive
@bounded(20)
@given(data=st.data())
def test_whatever_it_says_a_training_goes_on_or_is_refused_at_length(
    data: st.DataObject, content: dict[str, Any], shapes: Path, bait: Path
) -> None:
    go_on(data, content, shapes, bait)
