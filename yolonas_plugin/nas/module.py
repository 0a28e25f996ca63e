"""The network as the Ultralytics engine wants it: its output layout, and the attributes that the engine asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from yolonas_plugin.errors import UnknownModelError
from yolonas_plugin.export.graph import join_output
from yolonas_plugin.info import PACKAGE, ModelInfo
from yolonas_plugin.nn import TASK_CONFIGS, Parts, Size, YoloNAS, YoloNASConfig
from yolonas_plugin.nn.model import Raw, copy_sharing_weights
from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.skeleton import COCO_PERSON, Skeleton
from yolonas_plugin.tasks import TASKS
from yolonas_plugin.weights import Checkpoint
from yolonas_plugin.weights.defaults import UNTRAINED_MODELS, info_of
from yolonas_plugin.weights.write import published_as


def attach(module: Any, info: ModelInfo) -> None:
    """Give a module the record of its model, and the attributes under which the engine looks for what is in it.

    Those are ``names``, class names by index; ``stride``, the largest, ``tensor([32])``; ``yaml``, in which the engine
    reads the channels, empty for RGB; ``task``; and, where there are K keypoints, ``kpt_shape`` [K, 3]. The record
    itself is ``about``: ``info`` is a method of the engine.
    """
    held: Any = module  # whose attributes the hints of torch take for tensors and modules
    held.about = info
    held.names = dict(enumerate(info.names))
    held.stride = torch.tensor([32], device="cpu")  # wherever the module is made
    held.yaml = {} if info.channels == 3 else {"channels": info.channels}
    held.task = info.task
    if info.skeleton is not None:
        held.kpt_shape = [len(info.skeleton), 3]  # a list, or the engine doesn't take the 17 of COCO for these


class NASModule(YoloNAS):
    """YOLO-NAS under the engine: one output tensor, and the attributes of an engine's model.

    Args:
        info: The record of the model, with its size.
        parts: Of the network. Default: new ones, with random weights.
        source: File that the weights were read from; None where they weren't.

    Attributes:
        about: The record, from which :func:`attach` makes ``names``, ``stride``, ``yaml``, ``task`` and ``kpt_shape``.
        source: As above.
        pt_path: That file, or what it would be called; exports are written beside it.
        args: The engine's settings for this model.
    """

    about: ModelInfo
    names: dict[int, str]
    task: str
    pt_path: str
    args: dict[str, Any]

    def __init__(self, info: ModelInfo, parts: Parts | None = None, source: Path | None = None) -> None:
        assert info.size is not None  # which an exported file's record doesn't say
        super().__init__(TASK_CONFIGS[info.task][info.size], len(info.names), info.channels, parts, info.num_keypoints)
        attach(self, info)
        self.source = source
        self.pt_path = f"{TASKS[info.task].family}_{info.size}.pt" if source is None else str(source)

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

    def forward(self, images: Tensor, *args: Any, **kwargs: Any) -> Tensor | Raw:  # type: ignore[override]
        """Return the outputs in the engine's layout; its extra arguments (augment, embed, ...) are ignored.

        Returns:
            [B, 4 + C + 3 * K, A]: centre x, centre y, width, height in pixels of the input, the score of each class,
            then x, y and score of each keypoint. In training mode :class:`~yolonas_plugin.nn.RawPredictions` or
            :class:`~yolonas_plugin.nn.RawPosePredictions`.
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


def untrained_module(name: str, num_keypoints: int | None = None) -> NASModule:
    """Make the engine's module with random weights, for COCO's classes or persons, to be trained on others.

    Args:
        name: A model's name, ``"yolo_nas_n"``, ``"yolo_nas_pose_n"`` and their like.
        num_keypoints: Of each object, where the task has keypoints. Default: COCO's 17.

    Raises:
        UnknownModelError: There is no such model.
        SkeletonError: ``num_keypoints`` is given for a task without keypoints, or isn't a possible number.
    """
    config = config_of(name)
    names, processing = UNTRAINED_MODELS[config.task]
    skeleton = COCO_PERSON if TASKS[config.task].has_keypoints else None
    if num_keypoints is not None:
        skeleton = Skeleton.unnamed(num_keypoints)
    info = ModelInfo(size=config.size, task=config.task, names=names, processing=processing, skeleton=skeleton)
    module = NASModule(info).eval()
    module.pt_path = f"{Path(name).stem}.pt"
    return module


def config_of(name: str) -> YoloNASConfig:
    """Return task and size of the network that a name such as ``yolo_nas_s`` or ``yolo_nas_pose_s`` stands for.

    Raises:
        UnknownModelError: There is no such network; a model such as ``yolo_nas_n_layout`` is none, but has one.
    """
    configs = {
        f"{task.family}_{size}": config for task in TASKS.values() for size, config in TASK_CONFIGS[task.name].items()
    }
    found = configs.get(Path(name).stem.replace("-", "_"))
    if found is None:
        raise UnknownModelError(f"{name}: no model of that name to train from scratch; there are {', '.join(configs)}")
    return found


def size_of(name: str) -> Size:
    """Return the size of that network; errors are those of :func:`config_of`."""
    return config_of(name).size
