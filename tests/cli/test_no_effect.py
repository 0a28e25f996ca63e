"""An argument that would change nothing is refused before any work, and the message says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from yolonas_plugin import NAS
from yolonas_plugin.cli import main
from yolonas_plugin.errors import SettingError, TrainingError

REFUSED = [
    (["predict", "--source", "{here}", "--workers", "2"], "--workers would change nothing: it is of a cluster"),
    (["benchmark", "--weights", "x.pt", "--size", "n"], "--size would change nothing"),
    (["train", "--resume", "--weights", "last.pt", "--output", "x"], "--output would change nothing: --resume goes on"),
    (["train", "--resume", "--scratch", "--licence", "MIT"], "--scratch and --licence would change nothing"),
    (["train", "--resume", "--weights", "last.pt", "--task", "pose"], "--task would change nothing: --resume goes on"),
    (["train", "--scratch", "--weights", "yolo_nas_n", "--data", "x", "--names", "a"], "names= would change nothing"),
    (["export", "--weights", "{layout}", "--output", "{here}", "--name", "x"], "doesn't know name='x'"),
]


@pytest.mark.parametrize(("argv", "message"), REFUSED)
def test_an_argument_without_effect_is_refused(
    argv: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"{here}": str(tmp_path), "{layout}": "yolo_nas_n_layout"}
    assert main([places.get(word, word) for word in argv]) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("argv", "message"), [(["--batch", "2"], "--batch"), (["--no-save"], "--no-save")])
def test_a_cluster_has_batches_of_its_own_and_draws_nothing(
    argv: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--source", str(tmp_path), "--ray", "local", "--output", str(tmp_path / "new")]
    assert main(["predict", *where, *argv]) == 1
    assert f"{message} would change nothing: --ray" in capsys.readouterr().err


@pytest.mark.parametrize("given", [{"names": ["a"]}, {"processing": "coco"}, {"names": ["a"], "processing": "coco"}])
def test_random_weights_take_nothing_that_files_say(given: dict[str, object]) -> None:
    with pytest.raises(SettingError, match=f"pretrained=False: .*{next(iter(given))}= .*would change nothing"):
        NAS("yolo_nas_n", pretrained=False, **given)


def test_a_training_that_goes_on_has_its_licence() -> None:
    with pytest.raises(TrainingError, match="licence='MIT' would change nothing"):
        NAS("yolo_nas_n", pretrained=False).train(resume=True, licence="MIT", data="nowhere.yaml")
