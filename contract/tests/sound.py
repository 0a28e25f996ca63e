"""A provider without a fault, on the standard library alone. ``broken.py`` breaks it in one place after another."""

import json
from pathlib import Path

from model_zoo_api import Detections, ModelCard, ModelProvider, Setting, hookimpl
from model_zoo_api.errors import SourceError
from model_zoo_api.sources import outcomes
from model_zoo_api.types import Licence, Metric, WeightFile

SCORES = (0.8, 0.4)
NAMES = {0: "outer", 1: "inner"}

CARD = ModelCard(
    name="middle",
    aliases=("middle-box",),
    task="detect",
    input_size=(64, 64),
    parameters=2,
    gflops=0.1,
    classes=("outer", "inner"),
    metrics=(Metric(name="mAP50-95", value=1.5, dataset="none", source="https://example.org/results"),),
    weights=(WeightFile(filename="middle.json", urls=("https://example.org/middle.json",), sha256="0" * 64, size=4),),
    licence=Licence(name="CC0-1.0", url="https://example.org/licence", commercial_use=True),
    training_data="nothing",
)
SECOND = ModelCard(name="second", task="detect", input_size=(32, 32))
UNPUBLISHED = ModelCard(name="unpublished", task="detect", input_size=(32, 32))

PROVIDER = ModelProvider(
    name=__name__.removeprefix("acme_"),
    api_version=2,
    models=(CARD, SECOND, UNPUBLISHED),
    loader=f"{__name__}:load",
    task_map=f"{__name__}:TASK_MAP",
    predictor=f"{__name__}:make_predictor",
    validator=f"{__name__}:make_validator",
    trainer=f"{__name__}:make_trainer",
    exporter=f"{__name__}:make_exporter",
    options=(Setting(name="classes", kind="integer", default=2, minimum=1, maximum=2, help="how many are known"),),
    settings=(Setting(name="conf", kind="number", default=0.5, minimum=0, maximum=1, help="lowest score"),),
    trainer_settings=(Setting(name="epochs", kind="integer", default=1, minimum=1, help="times that it sees all"),),
)


@hookimpl
def model_zoo_providers():
    yield PROVIDER


def read(entry):
    """Return width and height, and how red and how blue it is a quarter from the left, half-way down."""
    if not isinstance(entry, str):
        height, width, _ = entry.shape
        blue, _, red = entry[height // 2][width // 4]
        return width, height, red, blue
    from model_zoo_api.testing.pictures import read_rows

    try:
        rows = read_rows(Path(entry))
    except ValueError as error:
        raise SourceError(str(error)) from error
    width, height = len(rows[0]) // 3, len(rows)
    red, _, blue = rows[height // 2][width // 4 * 3 :][:3]
    return width, height, red, blue


class Model:
    """Sees a box in the middle of every image, and a smaller one in that; neither if it is blue on the left."""

    def __init__(self, scores):
        self.scores = scores

    def detect(self, entry, conf):
        width, height, red, blue = read(entry)
        rows = []
        for label, (score, part) in enumerate(zip(self.scores, (0.25, 0.375), strict=True)):
            box = (width * part, height * part, width * (1 - part), height * (1 - part))
            if score >= conf and red >= blue:
                rows.append((label, score, box))
        return Detections(
            height=height,
            width=width,
            labels=[row[0] for row in rows],
            scores=[row[1] for row in rows],
            boxes=[row[2] for row in rows],
            names=NAMES,
        )


def load(source, *, card=None, classes=2):
    if card == UNPUBLISHED:
        raise FileNotFoundError(f"the weights of {source!r} would have to be downloaded")
    if card is not None:
        return Model(SCORES)
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(f"{source!r} is no model of this provider, and no file")
    try:
        scores = json.loads(path.read_text())["scores"]
    except (ValueError, KeyError) as error:
        raise ValueError(f"{path} holds no weights: {error}") from error
    return Model(scores)


class Predictor:
    def __init__(self, model, *, conf=0.5):
        self.model = model
        self.conf = conf

    def __call__(self, source, **settings):
        return list(self.stream(source, **settings))

    def stream(self, source, *, conf=None):
        conf = self.conf if conf is None else conf
        return outcomes(source, lambda entry: self.model.detect(entry, conf))

    def close(self):
        self.model = None


def make_predictor(model, **settings):
    return Predictor(model, **settings)


def make_validator(model, **overrides):
    def validate(**more):
        return {"mAP50-95": 0.015}

    return validate


def make_trainer(model, **overrides):
    def train(**more):
        model.scores = (0.9, 0.5)
        return {"mAP50-95": 0.02}

    return train


def make_exporter(model, **overrides):
    def export(**more):
        path = Path(more["folder"]) / "middle.json"
        path.write_text(json.dumps({"scores": model.scores}))
        return path

    return export


TASK_MAP = {"detect": {"predictor": make_predictor, "validator": make_validator}}
