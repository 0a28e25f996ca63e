"""A host that knows the contract alone catches what goes wrong with our models, by the contract's errors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from model_zoo_api import ModelZoo, errors
from tests.support import weight_host as answers
from tests.support.weight_host import serving, weight_file
from yolonas_plugin import errors as ours
from yolonas_plugin.cards import CARDS
from yolonas_plugin.cli import main
from yolonas_plugin.weights.fetch import Patience


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelZoo:
    """A zoo on a machine without weights, where no licence was accepted."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path / "weights"))
    for name in ("YOLONAS_ACCEPT_LICENCE", "YOLONAS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    return ModelZoo.discover()


def test_an_unknown_model(zoo: ModelZoo) -> None:
    with pytest.raises(errors.UnknownModelError, match="did you mean 'yolo_nas_s'"):
        zoo.load("yolo_nas_ss")


@pytest.mark.parametrize("lean", [False, True])
def test_weights_that_are_not_here(zoo: ModelZoo, monkeypatch: pytest.MonkeyPatch, lean: bool) -> None:
    options = {"lean": True, "runtime": "openvino"} if lean else {}
    with pytest.raises(errors.WeightsNotFoundError, match=r"nowhere\.pt"):
        zoo.load("nowhere/nowhere.pt", provider="yolo_nas", **options)
    with pytest.raises(errors.LicenceNotAcceptedError, match="Deci"):
        zoo.predictor("yolo_nas_s", **options)
    monkeypatch.setenv("YOLONAS_OFFLINE", "1")
    with pytest.raises(errors.WeightsNotFoundError, match="forbids downloading") as caught:
        zoo.predictor("yolo_nas_s", **options)
    assert not isinstance(caught.value, errors.LicenceNotAcceptedError)


def test_a_download_that_fails(zoo: ModelZoo, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as host:
        host.script = [answers.status(404)]
        card = replace(next(card for card in CARDS if card.name == "yolo_nas_s"), weights=(weight_file(host),))
        monkeypatch.setattr("yolonas_plugin.weights.find.CARDS", [card])
        monkeypatch.setattr("yolonas_plugin.weights.fetch._PATIENCE", Patience(tries=1))
        with pytest.raises(errors.DownloadError, match="answered 404"):
            zoo.load("yolo_nas_s", accept_licence=True)


def test_a_setting_a_source_and_a_package(zoo: ModelZoo, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(errors.SettingError, match="did you mean 'conf'"):
        zoo.predictor("yolo_nas_s", cnof=0.4)
    predict = zoo.predictor("yolo_nas_n_layout")
    with pytest.raises(errors.SettingError, match="classes="):
        predict("nowhere.png", classes="no such class")
    with pytest.raises(errors.SourceError):
        predict(None)


def test_our_errors_of_those_kinds_are_the_contract_s() -> None:
    for name in ("UnknownModelError", "WeightsNotFoundError", "DownloadError", "SettingError", "SourceError"):
        assert issubclass(getattr(ours, name), getattr(errors, name))
    assert issubclass(ours.LicenceError, errors.LicenceNotAcceptedError)
    assert issubclass(ours.MissingExtraError, errors.DependencyMissingError)


def test_the_command_line_prints_them_without_a_traceback(zoo: ModelZoo, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "yolo_nas_s"]) == 1
    said = capsys.readouterr().err
    assert "yolonas-plugin: error: the weights of yolo_nas_s are under the licence" in said
    assert "Traceback" not in said
