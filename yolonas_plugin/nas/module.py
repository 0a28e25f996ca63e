"""The network as the Ultralytics engine wants it: its output layout, and the attributes that the engine asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from yolonas_plugin.cards import COCO_CLASSES
from yolonas_plugin.errors import UnknownModelError
from yolonas_plugin.export.description import Description, Gives, Takes
from yolonas_plugin.export.graph import join_output
from yolonas_plugin.nn import CONFIGS, RawPredictions, Size, YoloNAS, copy_modules
from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.weights import Checkpoint
from yolonas_plugin.weights.defaults import UNTRAINED, names_of, processing_of
from yolonas_plugin.weights.header import Header
from yolonas_plugin.weights.write import published_as


@dataclass(frozen=True, kw_only=True)
class RuntimeChoice:
    """By what a model predicts, and how exactly.

    Attributes:
        name: ``"torch"``, ``"openvino"`` or ``"onnxruntime"``.
        precision: ``"fp32"``, ``"bf16"`` or ``"int8"``.
        calibration: Images that int8 is calibrated on.
        threads: Of a prediction, on OpenVINO and ONNX Runtime; None takes all cores.
    """

    name: str = "torch"
    precision: str = "fp32"
    calibration: Any = None
    threads: int | None = None


class NASModule(YoloNAS):
    """YOLO-NAS under the engine: one output tensor, and the attributes of an engine's model.

    Attributes:
        names: Class names by index.
        processing: How images are prepared, and the defaults of box selection.
        stride: Largest stride, ``tensor([32])``.
        yaml: Empty, or ``{"channels": n}`` when the input isn't RGB; the engine reads the channels here.
        task: ``"detect"``.
        source: File that the weights were read from; None where they weren't.
        pt_path: That file, or what it would be called; exports are written beside it.
        args: The engine's settings for this model.
        licence: Of the weights, or None where their file doesn't say it.
        training_data: What they were trained on, or None.
        runtime: By what ``predict``, ``track`` and ``val`` run it.
    """

    names: dict[int, str]
    processing: ProcessingSpec
    source: Path | None = None
    pt_path: str
    args: dict[str, Any]
    licence: str | None
    training_data: str | None
    runtime: RuntimeChoice = RuntimeChoice()

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

    def twin(self) -> NASModule:
        """Return a copy that may be fused; weights are in the same memory."""
        return copy_modules(self)

    def provenance(self) -> tuple[str | None, str | None]:
        """Return licence and training data: what the weights' file says, else what is known of a published file."""
        card = published_as(self.source) if self.source is not None and self.licence is None else None
        if card is None or card.licence is None:
            return self.licence, self.training_data
        return f"{card.licence.name} {card.licence.url}", self.training_data or card.training_data

    def describe(self, spec: ProcessingSpec, takes: Takes, gives: Gives) -> Description:
        """Return what an exported file of this network says of itself."""
        names = tuple(self.names[index] for index in range(self.num_classes))
        return Description(names=names, processing=spec, takes=takes, gives=gives, channels=self.in_channels)

    def for_export(self) -> NASModule:
        """Return a fused copy in fp32 on the CPU, which nobody else uses."""
        return deepcopy(self).cpu().float().fuse()

    def header(self) -> Header:
        """Return what a weight file says about this network."""
        licence, training_data = self.provenance()
        return Header(
            size=self.config.size,
            class_names=tuple(self.names[index] for index in range(self.num_classes)),
            processing=self.processing,
            licence=licence,
            training_data=training_data,
        )


def fused_copy(module: NASModule) -> NASModule:
    """Return a fused copy for inference. What fusing drops is never copied."""
    twin = module.twin().fuse()
    for parameter in twin.parameters():  # those that fusing left alone are in the original's memory
        layout = torch.channels_last if parameter.dim() == 4 else torch.contiguous_format
        parameter.data = parameter.data.clone(memory_format=layout)
    return twin


def build_native(checkpoint: Checkpoint) -> NASModule:
    """Return this package's own network with the weights of a checkpoint, whose memory becomes the network's."""
    return checkpoint.build(NASModule, hand_over=True)


def build_module(
    checkpoint: Checkpoint,
    processing: ProcessingSpec | str | None = None,
    names: Sequence[str] | Mapping[int, str] | None = None,
    build_network: Callable[[Checkpoint], NASModule] = build_native,
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
    module = build_network(checkpoint)
    module.processing = processing_of(checkpoint, processing)
    module.names = names_of(checkpoint, names)
    module.stride = torch.tensor([32])
    module.yaml = {} if checkpoint.in_channels == 3 else {"channels": checkpoint.in_channels}
    module.task = "detect"
    module.source = checkpoint.path
    module.pt_path = str(checkpoint.path)
    module.licence, module.training_data = checkpoint.licence, checkpoint.training_data
    return module


def untrained_module(name: str) -> NASModule:
    """Make the engine's module with random weights, for COCO's classes, to be trained on others.

    Args:
        name: A model's name, ``"yolo_nas_n"`` and its like.

    Raises:
        UnknownModelError: There is no such model.
    """
    module = NASModule(CONFIGS[size_of(name)], len(COCO_CLASSES)).eval()
    module.processing = UNTRAINED
    module.names = dict(enumerate(COCO_CLASSES))
    module.stride = torch.tensor([32])
    module.yaml = {}
    module.task = "detect"
    module.pt_path = f"{Path(name).stem}.pt"
    module.licence = module.training_data = None
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
