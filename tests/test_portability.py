"""A host asks two providers the same, the template's on NumPy and ``yolo_nas``, and gets answers of the same kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from model_zoo_api import Detections, ModelZoo, errors
from model_zoo_api.predictor import Predictor
from model_zoo_api.testing import write_picture
from sites import Site

TEMPLATE = Path(__file__).parents[1] / "examples" / "provider_template"


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelZoo]:
    """A zoo of both."""
    site = Site(tmp_path_factory.mktemp("site"))
    site.add("acme-zoo", "0.1", entry_points={"acme": "acme_zoo.plugin"})
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TEMPLATE))
        patch.syspath_prepend(str(site.path))
        patch.setenv("MODEL_ZOO_PLUGINS", "acme-zoo,yolonas-plugin")
        yield ModelZoo.discover(strict=True)


@pytest.fixture(scope="module")
def models(zoo: ModelZoo, nano: Path) -> dict[str, Callable[..., Predictor]]:
    """What makes a predictor, by provider."""

    def make(name: str | Path, provider: str) -> Callable[..., Predictor]:
        return lambda **settings: zoo.predictor(name, provider=provider, **settings)

    return {"acme": make("acme_tiny", "acme"), "yolo_nas": make(nano, "yolo_nas")}


@pytest.fixture(scope="module")
def predictors(models: dict[str, Callable[..., Predictor]]) -> dict[str, Predictor]:
    return {name: model() for name, model in models.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures, a file that is no image, and an empty folder."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, *size in (("b", 96, 64), ("a", 64, 64), ("c", 64, 96)):
        write_picture(folder / f"{name}.png", *size)
    (folder / "notes.txt").write_text("no image")
    (folder / "empty").mkdir()
    (folder / "bad").mkdir()
    whole = (folder / "a.png").read_bytes()
    for name, data in {"zero": b"", "text": b"no image", "early": whole[:60], "other": whole[:40] + b"\0" * 99}.items():
        (folder / "bad" / f"{name}.png").write_bytes(data)
    return folder


def kind(act: Callable[[], Any]) -> Any:
    """What an answer is, whatever was found: the contract's error, or the outcomes without their boxes."""
    try:
        answer = act()
    except Exception as error:
        ours = (cls.__name__ for cls in type(error).__mro__ if cls.__module__ == errors.__name__)
        return next(ours, f"{type(error).__name__}, which the contract doesn't have: {error}")
    if isinstance(answer, list):
        return [kind(lambda one=one: one) for one in answer]
    if not isinstance(answer, Detections):
        return type(answer).__name__
    arrays = (answer.boxes, answer.scores, answer.labels)
    return {
        "image": (answer.path, answer.index, answer.height, answer.width),
        "error": bool(answer.error),
        "arrays": [(type(one).__name__, one.dtype.kind, one.shape[1:]) for one in arrays],
        "names": type(answer.names).__name__,
        "more": (answer.keypoints, answer.track_ids),
    }


PICTURE = np.full((48, 80, 3), (40, 30, 220), np.uint8)
CALLS: dict[str, Callable[[Predictor, Path], Any]] = {
    "a path": lambda p, at: p(str(at / "a.png")),
    "a pathlib path": lambda p, at: p(at / "a.png"),
    "an array": lambda p, at: p(PICTURE),
    "arrays and paths": lambda p, at: p([PICTURE, at / "b.png", PICTURE[:20]]),
    "a tuple": lambda p, at: p((at / "c.png", at / "a.png")),
    "an iterator": lambda p, at: p(at / f"{name}.png" for name in "cab"),
    "a folder": lambda p, at: p(at),
    "a pattern": lambda p, at: p(f"{at}/*.png"),
    "a folder in a list": lambda p, at: p([at / "c.png", at]),
    "a stream of a folder": lambda p, at: list(p.stream(f"{at}/")),
    "an empty list": lambda p, at: p([]),
    "a missing file": lambda p, at: p(str(at / "missing.png")),
    "a file that is no image": lambda p, at: p(at / "notes.txt"),
    "a list with bad images": lambda p, at: p(
        [at / "b.png", at / "missing.png", None, at / "notes.txt", 7, at / "a.png"]
    ),
    "damaged images": lambda p, at: p([at / "bad" / f"{name}.png" for name in ("zero", "text", "other")]),
    "a list of nothing": lambda p, at: p([None, ""]),
    "None": lambda p, at: p(None),
    "an empty text": lambda p, at: p(""),
    "a stream of None": lambda p, at: list(p.stream(None)),
    "an empty folder": lambda p, at: p(at / "empty"),
    "a pattern of nothing": lambda p, at: p(f"{at}/*.gif"),
    "a number": lambda p, at: p(3),
    "bytes": lambda p, at: p((at / "a.png").read_bytes()),
    "a mapping": lambda p, at: p({"path": at / "a.png"}),
    "an array of numbers from 0 to 1": lambda p, at: p(PICTURE / 255),
    "an array with channels first": lambda p, at: p(PICTURE.transpose(2, 0, 1)),
    "an unknown setting": lambda p, at: p(at / "a.png", cnof=0.5),
    "another library's setting": lambda p, at: p(at / "a.png", confidence=0.4),
    "an unknown setting of a stream": lambda p, at: list(p.stream(at / "a.png", cnof=0.5)),
    "a setting out of range": lambda p, at: p(at / "a.png", conf=40),
    "a setting of another kind": lambda p, at: p(at / "a.png", conf="high"),
    "a setting that is None": lambda p, at: p(at / "a.png", conf=None),
    "a class that there isn't": lambda p, at: p(at / "a.png", classes=["RBC"]),
    "boxes": lambda p, at: p(at / "a.png", conf=0.01)[0].boxes,
    "plain data": lambda p, at: p(at / "a.png")[0].to_dict(),
    "rows for COCO": lambda p, at: p(at / "a.png")[0].to_coco(1)[:1],
    "its length": lambda p, at: len(p(at / "a.png")[0]),
}


@pytest.mark.parametrize("call", CALLS)
def test_an_answer_is_of_the_same_kind(predictors: dict[str, Predictor], folder: Path, call: str) -> None:
    acme, yolo_nas = (kind(lambda p=predict: CALLS[call](p, folder)) for predict in predictors.values())
    assert acme == yolo_nas
    assert "which the contract doesn't have" not in str(acme)


EXPECTED = {
    "None": "SourceError",
    "an empty text": "SourceError",
    "an empty list": [],
    "an unknown setting": "SettingError",
    "a setting out of range": "SettingError",
    "boxes": "ndarray",
}


@pytest.mark.parametrize("call", EXPECTED)
def test_it_is_what_the_contract_says(predictors: dict[str, Predictor], folder: Path, call: str) -> None:
    assert kind(lambda: CALLS[call](predictors["acme"], folder)) == EXPECTED[call]


@pytest.mark.parametrize(
    "settings", [{"cnof": 0.5}, {"conf": 40}, {"conf": "high"}, {"devise": "cpu"}, {"load": {"devise": "cpu"}}], ids=str
)
def test_a_wrong_setting_is_an_error_when_a_predictor_is_made(
    models: dict[str, Callable[..., Predictor]], settings: dict[str, Any]
) -> None:
    assert {name: kind(lambda make=make: make(**settings)) for name, make in models.items()} == dict.fromkeys(
        models, "SettingError"
    )


def test_a_predictor_is_closed_at_the_end_of_a_with(models: dict[str, Callable[..., Predictor]], folder: Path) -> None:
    for make in models.values():
        with make(conf=0.4) as predict:
            assert len(predict(folder)) == 3
        predict.close()
        with pytest.raises(errors.ModelZooError, match="closed"):
            predict(folder / "a.png")


def test_a_file_that_is_not_there_and_a_name_that_nobody_has_are_errors_of_the_contract(
    zoo: ModelZoo, tmp_path: Path
) -> None:
    for provider in ("acme", "yolo_nas"):
        for name in (tmp_path / "missing.pth", "no_such_model"):
            with pytest.raises(errors.ModelZooError, match=Path(name).stem):
                zoo.predictor(name, provider=provider)


def test_an_array_has_the_colours_of_its_file(predictors: dict[str, Predictor], folder: Path) -> None:
    for predict in predictors.values():
        of_file, of_array = predict([folder / "a.png", cv2.imread(str(folder / "a.png"))], conf=0.3)
        assert len(of_file) > 0
        np.testing.assert_allclose(of_file.boxes, of_array.boxes, atol=0.1)
        assert of_file.labels.tolist() == of_array.labels.tolist()
