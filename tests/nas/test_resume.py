"""What an unfinished training's file says is checked, and nothing that it names is opened, asked or run."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from ultralytics.utils import LOGGER

from tests.support.audit import watched
from tests.support.shapes import SIDE
from yolonas_plugin import NAS
from yolonas_plugin.cli import main
from yolonas_plugin.data import Kind, check_data
from yolonas_plugin.errors import CheckpointError, SourceError, TrainingError
from yolonas_plugin.nas import NASTrainer
from yolonas_plugin.nas.resume import settings_from_file
from yolonas_plugin.nas.training_settings import SETTINGS
from yolonas_plugin.nas.training_state import training_state
from yolonas_plugin.weights import Checkpoint, read_checkpoint
from yolonas_plugin.weights.read import Content


@pytest.fixture
def events() -> Iterator[list[str]]:
    """What was run, unpickled or asked of another machine since."""
    with watched() as seen:
        yield seen


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(LOGGER, "level", LOGGER.level)


@pytest.fixture(scope="module")
def content(unfinished: Path) -> dict[str, Any]:
    return torch.load(unfinished, weights_only=False)


Write = Callable[..., Path]


@pytest.fixture
def changed(content: dict[str, Any], tmp_path: Path) -> Write:
    """Writes the unfinished training again, with other settings and other fields."""

    def write(settings: dict[str, Any] | None = None, **fields: Any) -> Path:
        last = tmp_path / "run" / "weights" / "last.pt"
        last.parent.mkdir(parents=True, exist_ok=True)
        torch.save({**content, "train_args": {**content["train_args"], **(settings or {})}, **fields}, last)
        return last

    return write


# --- what the caller says ---


def test_data_come_from_the_caller(changed: Write, events: list[str], tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    program = f"open({str(proof)!r}, 'w')"
    data = {"path": str(tmp_path), "train": "a", "val": "a", "names": {0: "a"}, "download": program}
    last = changed({"data": data})
    with pytest.raises(TrainingError, match=r"was on data=a dict of 5\. .*train\(resume=True, data=\.\.\.\)"):
        NAS(last).train(resume=True)
    assert not proof.exists()
    assert events == []


@pytest.mark.parametrize("named", ["http://127.0.0.1:9/a.yaml", "ul://a/datasets/b", "/etc/passwd", "x\x1b[31m\n"])
def test_the_data_that_a_file_names_are_shown(named: str, changed: Write, events: list[str]) -> None:
    last = changed({"data": named})
    with pytest.raises(TrainingError) as raised:
        NAS(last).train(resume=True)
    assert f"data={named!r}." in str(raised.value)
    assert main(["train", "--weights", str(last), "--resume"]) == 1
    assert events == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("distill_model", "{last}"),
        ("distill_model", "http://127.0.0.1:9/teacher.pt"),
        ("augmentations", [{"__class_fullname__": "os.system"}]),
        ("cfg", "http://127.0.0.1:9/cfg.yaml"),
        ("source", "rtsp://127.0.0.1:9/x"),
    ],
)
def test_what_would_be_opened_or_run_is_shown_and_refused(
    name: str, value: Any, changed: Write, shapes: Path, events: list[str]
) -> None:
    last = changed({name: value})
    with pytest.raises(CheckpointError, match=f"was set to {name}=.*never taken from a file"):
        NAS(last).train(resume=True, data=str(shapes))
    assert events == []


def test_folders_and_files_are_where_the_caller_s_path_is(changed: Write, shapes: Path, tmp_path: Path) -> None:
    elsewhere = str(tmp_path / "elsewhere")
    last = changed(
        dict.fromkeys(("project", "name", "save_dir", "model", "resume", "tracker", "pretrained"), elsewhere)
    )
    trainer = NASTrainer(overrides={"resume": str(last), "data": str(shapes)})
    assert trainer.save_dir == last.parents[1]
    assert trainer.args.model == str(last)
    assert {trainer.args.project, trainer.args.pretrained} == {None, True}
    assert elsewhere not in map(str, vars(trainer.args).values())
    assert not Path(elsewhere).exists()


def test_a_file_that_was_moved_goes_on_beside_itself(changed: Write, shapes: Path, tmp_path: Path) -> None:
    moved = changed().rename(tmp_path / "last.pt")
    trainer = NASTrainer(overrides={"resume": True, "model": str(moved), "data": str(shapes)})
    assert trainer.last == tmp_path / "weights" / "last.pt"


# --- what the file says ---

HOSTILE: list[tuple[str, Any]] = [
    ("epochs", 0),
    ("epochs", 10**12),
    ("epochs", 2.5),
    ("epochs", "3"),
    ("epochs", True),
    ("batch", 0),
    ("batch", -5),
    ("batch", 1 << 40),
    ("optimizer", "os.system"),
    ("optimizer", "Optimizer"),
    ("lr0", math.nan),
    ("lr0", math.inf),
    ("lr0", "0.1"),
    ("momentum", -1),
    ("workers", 10**9),
    ("cache", "/etc"),
    ("device", "0; touch ran"),
    ("device", {"a": 1}),
    ("split", "../../x"),
    ("copy_paste_mode", "__import__('os')"),
    ("freeze", "x" * 10_000),
    ("freeze", [[["backbone"]]]),
    ("classes", [["a"]]),
    ("scale", (1, 2, 3)),
    ("mosaic", 1.5),
    ("seed", -1),
    ("amp", "int8"),
    ("nbs", 0),
]


@pytest.mark.parametrize(("name", "value"), HOSTILE)
def test_settings_of_another_kind_are_refused(name: str, value: Any, content: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError, match=rf"last\.pt: .* damaged: {name}=.*it must be"):
        settings_from_file({**content["train_args"], name: value}, Path("last.pt"), {"data"})
    others = settings_from_file({**content["train_args"], name: value}, Path("last.pt"), {"data", name})
    assert name not in others  # the caller says it anew


def test_only_what_is_listed_is_taken(content: dict[str, Any]) -> None:
    more = {"made_up": "a", "tracker": "/a.yaml", "compile": "x", "quantize": 8, "format": "x", "runs_dir": "/"}
    taken = settings_from_file({**content["train_args"], **more}, Path("last.pt"), {"data"})
    assert taken.keys() <= SETTINGS.keys()
    assert not taken.keys() & more.keys()
    assert (taken["epochs"], taken["freeze"], taken["optimizer"]) == (3, ["backbone"], "SGD")


def optimizer(content: dict[str, Any], change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    state = {i: dict(entry) for i, entry in content["optimizer"]["state"].items()}
    groups = [dict(group) for group in content["optimizer"]["param_groups"]]
    changed = {"state": state, "param_groups": groups}
    change(changed)
    return changed


FIELDS: list[tuple[str, Any, str]] = [
    ("epoch", 10**30, "epoch is a huge number"),
    ("epoch", "0", "epoch is '0'"),
    ("epoch", True, "epoch is True"),
    ("updates", math.nan, "updates is nan"),
    ("best_fitness", math.inf, "best_fitness is inf"),
    ("best_fitness", [1], "best_fitness is a list of 1"),
    ("stopper", {"best_fitness": 0.1, "best_epoch": 1, "patience": 10**9}, "stopper is a dict of 3"),
    ("stopper", {"best_fitness": 0.1, "best_epoch": "x"}, "stopper.best_epoch is 'x'"),
    ("stopper", 3, "stopper is 3"),
    ("scaler", {"scale": 1.0}, "scaler is a dict of 1"),
    ("weights", {}, "weights are missing"),
    ("optimizer", None, "optimizer is None"),
    ("optimizer", {"state": {}, "param_groups": []}, "groups of parameters aren't those"),
    ("optimizer", lambda o: o["state"].update({10**6: {}}), "a parameter 1000000, which there isn't"),
    ("optimizer", lambda o: o["state"].update({"a": {}}), "a parameter 'a', which there isn't"),
    ("optimizer", lambda o: first(o).update(momentum_buffer=torch.zeros(3)), r"has the shape \[3\]"),
    ("optimizer", lambda o: first(o).update(momentum_buffer="a"), "is 'a', not a tensor"),
    ("optimizer", lambda o: first(o).update(exp_avg=torch.zeros(3)), "and it may have momentum_buffer"),
    ("optimizer", lambda o: first(o)["momentum_buffer"].view(-1)[0].fill_(math.nan), "numbers that aren't finite"),
    ("optimizer", lambda o: o["param_groups"][0].update(params=[0, 0]), "groups of parameters aren't those"),
    ("optimizer", lambda o: o["param_groups"][0].update(params="ab"), "groups of parameters aren't those"),
]


def first(state: dict[str, Any]) -> dict[str, Any]:
    """The first entry of an optimizer's state, whose tensor may be changed."""
    index = min(state["state"])
    state["state"][index] = {"momentum_buffer": state["state"][index]["momentum_buffer"].clone()}
    return state["state"][index]


@pytest.fixture(scope="module")
def trainer(unfinished: Path, shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> NASTrainer:
    """A trainer that has taken up the unfinished training, and can do so again."""
    last = tmp_path_factory.mktemp("taken") / "weights" / "last.pt"
    last.parent.mkdir()
    shutil.copy(unfinished, last)
    trainer = NASTrainer(overrides={"resume": str(last), "data": str(shapes)})
    trainer._setup_train()
    return trainer


@pytest.fixture(scope="module")
def checkpoint(unfinished: Path) -> Checkpoint:
    return read_checkpoint(unfinished)


def take_up(trainer: NASTrainer, fields: dict[str, Any], checkpoint: Checkpoint) -> None:
    trainer.state = training_state(checkpoint, Content(fields, dict), checkpoint.path)
    trainer.resume_training(None)


@pytest.mark.parametrize(("name", "value", "message"), FIELDS)
def test_progress_of_another_kind_is_refused(
    name: str, value: Any, message: str, checkpoint: Checkpoint, content: dict[str, Any], trainer: NASTrainer
) -> None:
    fields = {**content, name: optimizer(content, value) if callable(value) else value}
    with pytest.raises(CheckpointError, match=f"training .*{message}"):
        take_up(trainer, fields, checkpoint)


def test_an_optimizer_s_rates_are_those_of_the_settings(
    checkpoint: Checkpoint, content: dict[str, Any], trainer: NASTrainer
) -> None:
    rates = [(group["lr"], group["initial_lr"], group["nesterov"]) for group in trainer.optimizer.param_groups]

    def change(state: dict[str, Any]) -> None:
        for group in state["param_groups"]:
            group.update(lr=1e9, initial_lr="a", nesterov=None, foreach=sys.exit)

    fields = {**content, "optimizer": optimizer(content, change)}
    take_up(trainer, fields, checkpoint)
    assert [(group["lr"], group["initial_lr"], group["nesterov"]) for group in trainer.optimizer.param_groups] == rates


# --- data ---


def write_data(folder: Path, **more: Any) -> Path:
    (folder / "a").mkdir(parents=True, exist_ok=True)
    path = folder / "data.yaml"
    path.write_text(yaml.safe_dump({"path": str(folder), "train": "a", "val": "b", "names": ["a"], **more}))
    return path


@pytest.mark.parametrize("download", ["open('ran', 'w')", "bash touch.sh ran", "http://127.0.0.1:9/a.zip"])
@pytest.mark.parametrize("form", ["file", "folder", "dict"])
def test_a_download_in_a_description_is_never_run(
    download: str, form: str, nano: Path, events: list[str], tmp_path: Path
) -> None:
    (tmp_path / "touch.sh").write_text('touch "$1"')
    path = write_data(tmp_path / "data", download=download)
    data: Any = {"file": str(path), "folder": str(path.parent), "dict": yaml.safe_load(path.read_text())}[form]
    model = NAS(nano)
    events.clear()
    for work in (lambda: model.train(data=data, plots=False), lambda: model.val(data=data), lambda: check_data(data)):
        with pytest.raises(SourceError, match="'download' asks for isn't run here"):
            work()
    assert not (tmp_path / "ran").exists()
    assert events == []


@pytest.mark.parametrize("format", ["YOLO", "COCO"])
def test_that_there_is_a_download_is_said(format: str, shapes: Path, tmp_path: Path) -> None:
    described = {**yaml.safe_load(shapes.read_text()), "download": "https://example.org/a.zip"}
    if format == "COCO":
        image = {"id": 1, "file_name": "0.png", "height": SIDE, "width": SIDE}
        box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [9, 9, 30, 30]}
        coco = {"images": [image], "annotations": [box], "categories": [{"id": 1, "name": "disc"}]}
        (tmp_path / "a.json").write_text(json.dumps(coco))
        described |= {"train": str(tmp_path / "a.json"), "val": None, "images": "images/train", "names": ["disc"]}
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(described))
    for source in (tmp_path / "data.yaml", described):
        report = check_data(source)
        (found,) = [finding for finding in report.findings if finding.kind is Kind.DOWNLOAD]
        assert "download that the description asks for, not run" in str(found)
