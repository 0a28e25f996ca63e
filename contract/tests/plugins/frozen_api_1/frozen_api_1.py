# First published with API version 1 of the contract; never edit. If a test of it fails, the contract broke its promise.
"""A detector that sees one box in every image."""

from yolonas_plugin import ModelCard, ModelProvider, hookimpl
from yolonas_plugin.types import Licence, Metric, WeightFile


@hookimpl
def model_zoo_providers():
    yield ModelProvider(
        name="frozen",
        api_version=1,
        models=(
            ModelCard(
                name="frozen_box",
                task="detect",
                input_size=(64, 96),
                aliases=("frozen-box",),
                parameters=4,
                gflops=0.1,
                classes=("thing", "other thing"),
                metrics=(Metric(name="mAP50-95", value=1.5, dataset="none", source="https://example.org/results"),),
                weights=(
                    WeightFile(
                        filename="frozen_box.bin",
                        urls=("https://example.org/frozen_box.bin",),
                        sha256="0" * 64,
                        size=4,
                    ),
                ),
                licence=Licence(name="CC0-1.0", url="https://example.org/licence", commercial_use=True),
                training_data="nothing",
            ),
        ),
        loader="frozen_api_1:load",
        task_map="frozen_api_1:TASK_MAP",
        predictor="frozen_api_1:make_predictor",
        validator="frozen_api_1:make_validator",
        trainer="frozen_api_1:make_trainer",
        exporter="frozen_api_1:make_exporter",
    )


@hookimpl
def model_zoo_locate_weights(card):
    return None


@hookimpl
def model_zoo_loaded(provider, card, model):
    model.seen_by_hook = (provider.name, card.name if card else None)


class Model:
    def __init__(self, source, names):
        self.source = source
        self.names = names
        self.seen_by_hook = None


class Numbers(list):
    """Rows of numbers with the one method of an array that hosts use."""

    def tolist(self):
        return [row.tolist() if isinstance(row, Numbers) else row for row in self]


class Boxes:
    def __init__(self, conf):
        self.cls = Numbers([1.0])
        self.conf = Numbers([conf])
        self.xyxy = Numbers([Numbers([1.0, 2.0, 30.0, 40.0])])


class Result:
    def __init__(self, path, names, conf):
        self.path = path
        self.names = names
        self.boxes = Boxes(conf)


def load(source, *, card=None, **options):
    names = dict(enumerate(card.classes if card else ("thing", "other thing")))
    return Model(source, names)


def make_predictor(model, **overrides):
    def predict(source, **more):
        conf = {"conf": 0.5, **overrides, **more}["conf"]
        paths = [source] if isinstance(source, str) else source
        return [Result(path, model.names, conf) for path in paths]

    return predict


def make_validator(model, **overrides):
    def validate(**more):
        return {"model": model.source, **overrides, **more}

    return validate


def make_trainer(model, **overrides):
    def train(**more):
        return {"trained": model.source, **overrides, **more}

    return train


def make_exporter(model, **overrides):
    def export(**more):
        return {"exported": model.source, **overrides, **more}

    return export


TASK_MAP = {"detect": {"predictor": make_predictor, "validator": make_validator}}
