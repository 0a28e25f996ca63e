"""The network as the Ultralytics engine wants it: its output layout, and the attributes that the engine asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from yolonas_plugin.cards import COCO_CLASSES
from yolonas_plugin.errors import UnknownModelError
from yolonas_plugin.export.graph import join_output
from yolonas_plugin.info import PACKAGE, ModelInfo
from yolonas_plugin.nn import CONFIGS, Parts, RawPredictions, Size, YoloNAS
from yolonas_plugin.nn.model import copy_sharing_weights
from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.weights import Checkpoint
from yolonas_plugin.weights.defaults import UNTRAINED, info_of
from yolonas_plugin.weights.write import published_as


def attach(module: Any, info: ModelInfo) -> None:
    """Give a module the record of its model, and the attributes under which the engine looks for what is in it.

    Those are ``names``, class names by index; ``stride``, the largest, ``tensor([32])``; ``yaml``, in which the engine
    reads the channels, empty for RGB; and ``task``. The record itself is ``about``: ``info`` is a method of the engine.
    """
    held: Any = module  # whose attributes the hints of torch take for tensors and modules
    held.about = info
    held.names = dict(enumerate(info.names))
    held.stride = torch.tensor([32], device="cpu")  # wherever the module is made
    held.yaml = {} if info.channels == 3 else {"channels": info.channels}
    held.task = info.task


class NASModule(YoloNAS):
    """YOLO-NAS under the engine: one output tensor, and the attributes of an engine's model.

    Args:
        info: The record of the model, with its size.
        parts: Of the network. Default: new ones, with random weights.
        source: File that the weights were read from; None where they weren't.

    Attributes:
        about: The record, from which :func:`attach` makes ``names``, ``stride``, ``yaml`` and ``task``.
        source: As above.
        pt_path: That file, or what it would be called; exports are written beside it.
        args: The engine's settings for this model.
    """

    about: ModelInfo
    names: dict[int, str]
    pt_path: str
    args: dict[str, Any]

    def __init__(self, info: ModelInfo, parts: Parts | None = None, source: Path | None = None) -> None:
        assert info.size is not None  # which an exported file's record doesn't say
        super().__init__(CONFIGS[info.size], len(info.names), info.channels, parts)
        attach(self, info)
        self.source = source
        self.pt_path = f"yolo_nas_{info.size}.pt" if source is None else str(source)

    @property
    def processing(self) -> ProcessingSpec:
        """How images are prepared, and the defaults of box selection."""
        return self.about.processing

    @property
    def licence(self) -> str | None:
        """Of the weights, or None where their file doesn't say it."""
        return self.about.licence

    @property
    def training_data(self) -> str | None:
        """What the weights were trained on, or None."""
        return self.about.training_data

    def forward(self, images: Tensor, *args: Any, **kwargs: Any) -> Tensor | RawPredictions:  # type: ignore[override]
        """Return boxes and scores in the engine's layout; its extra arguments (augment, embed, ...) are ignored.

        Returns:
            [B, 4 + C, A]: centre x, centre y, width, height in pixels of the input, then the score of each class. In
            training mode :class:`~yolonas_plugin.nn.RawPredictions`.
        """
        return self.predict_raw(images) if self.training else join_output(*self.detect(images))

    def fuse(self, verbose: bool = True, imgsz: int | list[int] = 640) -> NASModule:
        """Fold all branches and BatchNorms into convolutions, in place; the engine's arguments are ignored."""
        super().fuse()
        return self

    def copy_to_fuse(self) -> NASModule:
        """Return a copy that may be fused; its weights may be in the same memory."""
        return copy_sharing_weights(self)

    def for_export(self) -> NASModule:
        """Return a fused copy in fp32 on the CPU, which nobody else uses."""
        return deepcopy(self).cpu().float().fuse()

    def current_info(self) -> ModelInfo:
        """Return the record with the names as they are now, which a caller or the engine may have changed."""
        names = tuple(self.names[index] for index in range(self.num_classes))
        return replace(self.about, names=names, package=PACKAGE)

    def file_info(self) -> ModelInfo:
        """Return the record for a file of these weights.

        Licence and training data are what the weights' own file says, else what is known of a published file.
        """
        info = self.current_info()
        card = published_as(self.source) if self.source is not None and info.licence is None else None
        if card is None or card.licence is None:
            return info
        licence = f"{card.licence.name} {card.licence.url}"
        return replace(info, licence=licence, training_data=info.training_data or card.training_data)


def fused_copy(module: NASModule) -> NASModule:
    """Return a fused copy for inference. What fusing drops is never copied."""
    fused = module.copy_to_fuse().fuse()
    for parameter in fused.parameters():  # those that fusing left alone are in the original's memory
        layout = torch.channels_last if parameter.dim() == 4 else torch.contiguous_format
        parameter.data = parameter.data.clone(memory_format=layout)
    return fused


def build_native(checkpoint: Checkpoint, info: ModelInfo) -> NASModule:
    """Return this package's own network with the weights of a checkpoint, whose memory becomes the network's."""
    return NASModule(info, checkpoint.build(hand_over=True).parts, checkpoint.path)


def build_module(
    checkpoint: Checkpoint,
    processing: ProcessingSpec | str | None = None,
    names: Sequence[str] | Mapping[int, str] | None = None,
    build_network: Callable[[Checkpoint, ModelInfo], NASModule] = build_native,
) -> NASModule:
    """Make the engine's module from a checkpoint.

    Args:
        checkpoint: What a weight file holds.
        processing: Overrides the file's own; a name of :data:`~yolonas_plugin.weights.defaults.PRESETS` or a spec.
        names: Overrides the file's class names.
        build_network: What makes the network and fills in the weights.

    Raises:
        ProcessingError: The file doesn't say how its images are prepared, and the caller doesn't either.
        CheckpointError: ``names`` doesn't fit the number of classes.
    """
    return build_network(checkpoint, info_of(checkpoint, processing, names)).eval()


def untrained_module(name: str) -> NASModule:
    """Make the engine's module with random weights, for COCO's classes, to be trained on others.

    Args:
        name: A model's name, ``"yolo_nas_n"`` and its like.

    Raises:
        UnknownModelError: There is no such model.
    """
    module = NASModule(ModelInfo(size=size_of(name), names=COCO_CLASSES, processing=UNTRAINED)).eval()
    module.pt_path = f"{Path(name).stem}.pt"
    return module


def size_of(name: str) -> Size:
    """Return the size of the network that a name such as ``yolo_nas_s`` stands for.

    Raises:
        UnknownModelError: There is no such size; a model such as ``yolo_nas_n_layout`` is none, but has one.
    """
    stem = Path(name).stem
    for size in CONFIGS:
        if stem in (f"yolo_nas_{size}", f"yolo-nas-{size}"):
            return size
    known = ", ".join(f"yolo_nas_{size}" for size in CONFIGS)
    raise UnknownModelError(f"{name}: no model of that name to train from scratch; there are {known}")
