"""Loading and running torchvision's detectors; imported when a host uses one."""

from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image, ImageOps
from torchvision.models import get_model, get_model_weights
from torchvision.transforms.functional import pil_to_tensor

from .plugin import CARDS


@dataclass(frozen=True)
class Boxes:
    """Class indices [N], scores [N] from 0 to 1, and corners [N, 4] in pixels of the image."""

    cls: torch.Tensor
    conf: torch.Tensor
    xyxy: torch.Tensor


@dataclass(frozen=True)
class Result:
    """What is in one image."""

    path: str
    names: dict[int, str]
    boxes: Boxes


class Detector:
    """A network of torchvision's, in evaluation mode, and the names of its classes."""

    def __init__(self, network, names):
        self.network = network.eval()
        self.names = dict(enumerate(names))

    @torch.inference_mode()
    def detect(self, path, conf):
        """Return what scores ``conf`` or more in one image file."""
        with Image.open(path) as image:
            pixels = pil_to_tensor(ImageOps.exif_transpose(image).convert("RGB")) / 255  # [3, H, W]
        (found,) = self.network([pixels])
        keep = found["scores"] >= conf
        boxes = Boxes(found["labels"][keep], found["scores"][keep], found["boxes"][keep])
        return Result(str(path), self.names, boxes)


def load(source, *, card=None, architecture=None):
    """Load a model by its card, with torchvision's weights, or a state dict in a file.

    Args:
        source: The card's name, or the path of a file that ``torch.save`` wrote from ``network.state_dict()``.
        card: The model's card.
        architecture: For a path without a card: which network the file is for, by torchvision's name.

    Raises:
        FileNotFoundError: ``source`` is neither a card's name nor a file.
        ValueError: The file holds no weights of that network, or no network was named.
    """
    architecture = architecture or (card.name if card else None)
    if card is not None and source == card.name:
        weights = get_model_weights(architecture).DEFAULT  # downloaded on first use, and kept by torch.hub
        return Detector(get_model(architecture, weights=weights), weights.meta["categories"])
    if not Path(source).is_file():
        raise FileNotFoundError(f"{source!r} is neither a file nor one of {', '.join(card.name for card in CARDS)}")
    if architecture is None:
        raise ValueError(f"{source}: say which network it is for, such as architecture={CARDS[0].name!r}")
    network = get_model(architecture, weights=None, weights_backbone=None)
    try:
        network.load_state_dict(torch.load(source, map_location="cpu", weights_only=True))
    except Exception as error:
        raise ValueError(f"{source} holds no weights of {architecture}: {error}") from error
    return Detector(network, get_model_weights(architecture).DEFAULT.meta["categories"])


def make_predictor(model, **overrides):
    """Return ``(source, **overrides) -> list`` of results; ``conf`` is the lowest score that counts, 0.5 by default."""

    def predict(source, **more):
        conf = {"conf": 0.5, **overrides, **more}["conf"]
        if isinstance(source, (str, Path)):
            source = [source]
        if not isinstance(source, (list, tuple)):
            raise TypeError(f"expected the path of an image or a list of paths, not a {type(source).__name__}")
        return [model.detect(path, conf) for path in source]

    return predict


TASK_MAP = {"detect": {"predictor": make_predictor}}
