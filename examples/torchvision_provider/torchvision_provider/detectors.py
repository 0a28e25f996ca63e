"""Loading and running torchvision's detectors; imported when a host uses one."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torchvision.models import get_model, get_model_weights
from torchvision.transforms.functional import to_tensor

from model_zoo_api import Detections
from model_zoo_api.errors import SourceError, WeightsNotFoundError
from model_zoo_api.settings import check_settings
from model_zoo_api.sources import outcomes

from .plugin import CARDS, SETTINGS


class Detector:
    """A network of torchvision's, in evaluation mode, and the names of its classes."""

    def __init__(self, network, names):
        self.network = network.eval()
        self.names = dict(enumerate(names))

    @torch.inference_mode()
    def detect(self, source, conf):
        """Return what scores ``conf`` or more in one image: a path, or an array [height, width, 3] in BGR."""
        image = read(source)
        (found,) = self.network([to_tensor(image)])
        keep = found["scores"] >= conf  # the best come first
        kept = {name: found[name][keep].numpy() for name in ("boxes", "scores", "labels")}
        return Detections(height=image.height, width=image.width, names=self.names, **kept)


def read(source):
    """Return Pillow's image, RGB. What can't be read is a ``SourceError``, which becomes an outcome with ``error``."""
    if not isinstance(source, str):
        return Image.fromarray(np.ascontiguousarray(source[..., ::-1]))
    try:
        with Image.open(source, formats=["BMP", "JPEG", "PNG", "TIFF", "WEBP"]) as file:
            return ImageOps.exif_transpose(file).convert("RGB")
    except Exception as error:  # Pillow raises many kinds for damaged files
        raise SourceError(f"{source} can't be read: {error}") from error


def load(source, *, card=None, architecture=None):
    """Load a model by its card, with torchvision's weights, or a state dict in a file.

    Args:
        source: The card's name, or the path of a file that ``torch.save`` wrote from ``network.state_dict()``.
        card: The model's card.
        architecture: For a path without a card: which network the file is for, by torchvision's name.

    Raises:
        WeightsNotFoundError: ``source`` is neither a card's name nor a file.
        ValueError: The file holds no weights of that network, or no network was named.
    """
    architecture = architecture or (card.name if card else None)
    if card is not None and source == card.name:
        weights = get_model_weights(architecture).DEFAULT  # downloaded on first use, and kept by torch.hub
        return Detector(get_model(architecture, weights=weights), weights.meta["categories"])
    if not Path(source).is_file():
        raise WeightsNotFoundError(f"{source!r} is neither a file nor one of {', '.join(card.name for card in CARDS)}")
    if architecture is None:
        raise ValueError(f"{source}: say which network it is for, such as architecture={CARDS[0].name!r}")
    network = get_model(architecture, weights=None, weights_backbone=None)
    try:
        network.load_state_dict(torch.load(source, map_location="cpu", weights_only=True))
    except Exception as error:
        raise ValueError(f"{source} holds no weights of {architecture}: {error}") from error
    return Detector(network, get_model_weights(architecture).DEFAULT.meta["categories"])


def make_predictor(model, **overrides):
    """Return ``(source, **overrides) -> list`` of ``Detections``, one for each image; ``SETTINGS`` are its settings."""
    before = check_settings(overrides, SETTINGS, "the predictor of torchvision")

    def predict(source, **more):
        settings = {**DEFAULTS, **before, **check_settings(more, SETTINGS, "the predictor of torchvision")}
        return list(outcomes(source, lambda image: model.detect(image, settings["conf"])))

    return predict


DEFAULTS = {setting.name: setting.default for setting in SETTINGS}
TASK_MAP = {"detect": {"predictor": make_predictor}}
