"""What hosts import when they discover models: cards and references, no torch."""

from model_zoo_api import ModelCard, ModelProvider, Setting, hookimpl
from model_zoo_api.types import Licence, Metric, WeightFile

_FILES = "https://download.pytorch.org/models"
_RESULTS = "https://docs.pytorch.org/vision/stable/models.html#table-of-all-available-object-detection-weights"
_LICENCE = Licence(
    name="BSD-3-Clause",
    url="https://github.com/pytorch/vision#pre-trained-model-license",
    commercial_use=None,  # that page leaves it to the user to see what the training data's terms allow
)


def _card(name: str, side: int, parameters: int, gmacs: float, box_map: float, filename: str) -> ModelCard:
    return ModelCard(
        name=name,
        task="detect",
        input_size=(side, side),
        parameters=parameters,
        gflops=2 * gmacs,  # torchvision counts a multiply-add as one
        metrics=(Metric(name="mAP50-95", value=box_map, dataset="COCO val2017", source=_RESULTS),),
        weights=(WeightFile(filename=filename, urls=(f"{_FILES}/{filename}",)),),
        licence=_LICENCE,
        training_data="COCO train2017",
    )


CARDS = (
    _card(
        "ssdlite320_mobilenet_v3_large", 320, 3_440_060, 0.583, 21.3, "ssdlite320_mobilenet_v3_large_coco-a79551df.pth"
    ),
    _card(
        "fasterrcnn_mobilenet_v3_large_320_fpn",
        *(320, 19_386_354, 0.719, 22.8),
        "fasterrcnn_mobilenet_v3_large_320_fpn-907ea3f9.pth",
    ),
    _card("retinanet_resnet50_fpn_v2", 800, 38_198_935, 152.238, 41.5, "retinanet_resnet50_fpn_v2_coco-5905b1c5.pth"),
)
"""Sizes and results as torchvision's weight enumerations state them; class names come with the weights."""

SETTINGS = (Setting(name="conf", kind="number", default=0.5, minimum=0, maximum=1, help="lowest score"),)
"""Of the predictor."""


@hookimpl
def model_zoo_providers():
    """Offer three of torchvision's detectors."""
    yield ModelProvider(
        name="torchvision",
        api_version=2,
        models=CARDS,
        loader="torchvision_provider.detectors:load",
        task_map="torchvision_provider.detectors:TASK_MAP",
        predictor="torchvision_provider.detectors:make_predictor",
        options=(Setting(name="architecture", kind="text", help="of a path's network, by torchvision's name"),),
        settings=SETTINGS,
    )
