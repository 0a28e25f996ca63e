"""The manifests that FiftyOne's zoo reads. FiftyOne itself reads them in ``test_fiftyone.py``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from yolonas_plugin.cards import CARDS
from yolonas_plugin.errors import WeightsNotFoundError
from yolonas_plugin.hosts.fiftyone_zoo import main, manifest, source_manifest

SOURCE = Path(__file__).parents[2] / "examples" / "fiftyone_zoo"


def test_each_model_that_has_weights_is_an_entry() -> None:
    models = manifest()["models"]
    cards = [card for card in CARDS if card.weights]
    assert [model["base_name"] for model in models] == [card.aliases[0] for card in cards]
    assert [model["default_deployment_config_dict"]["config"] for model in models] == [
        {"weights": card.name} for card in cards
    ]
    licences = {"Apache-2.0", "LicenseRef-Deci-YOLO-NAS", "LicenseRef-Deci-YOLO-NAS-POSE"}
    assert {model["license"] for model in models} == licences


def test_the_remote_source_of_the_examples_is_up_to_date() -> None:
    written = json.loads((SOURCE / "manifest.json").read_text())
    assert written == source_manifest(), f"python -m yolonas_plugin.hosts.fiftyone_zoo --source {SOURCE}/manifest.json"


def test_weight_files_of_ones_own_are_written_with_their_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "best.pth").touch()
    assert main(["zoo.json", "cells=best.pth"]) == 0
    model = json.loads((tmp_path / "zoo.json").read_text())["models"][-1]
    assert model["base_name"] == "cells"
    assert model["default_deployment_config_dict"]["config"] == {"weights": str(tmp_path / "best.pth")}


def test_a_weight_file_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(WeightsNotFoundError, match=r"cells: .*nothing\.pth"):
        manifest({"cells": tmp_path / "nothing.pth"})
    assert main([str(tmp_path / "zoo.json"), f"cells={tmp_path}/nothing.pth"]) == 1
    assert "nothing.pth" in capsys.readouterr().err
    assert not (tmp_path / "zoo.json").exists()


@pytest.mark.parametrize("arguments", [["best.pth"], ["=best.pth"], ["cells="], ["--source", "cells=best.pth"]])
def test_wrong_usage(arguments: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([str(tmp_path / "zoo.json"), *arguments])
    assert stopped.value.code == 2
