"""A checkpoint that stock Ultralytics opens by itself: ``YOLO("x.pt")`` and ``yolo predict model=x.pt``.

The engine prepares images in its own way for every model: letterboxed to a rectangle, RGB, 0 to 1. The module in such a
file takes these and turns the image's place, channel order, range and normalisation into the checkpoint's. How boxes
are selected stays the engine's affair.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from ultralytics.utils.torch_utils import model_info

from yolonas_plugin.export.graph import join_output
from yolonas_plugin.info import ModelInfo
from yolonas_plugin.nas.letterbox import letterboxed
from yolonas_plugin.nas.module import attach
from yolonas_plugin.nn import TASK_CONFIGS, Parts, YoloNAS
from yolonas_plugin.nn.meta import MetaDevice
from yolonas_plugin.nn.model import Raw
from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.weights.header import RECORD, from_header, to_header


class StockModule(YoloNAS):
    """YOLO-NAS for the engine's own predictor, validator, tracker and exporter.

    No ``NASModule``, whose images come prepared: our predictor would prepare them twice.

    Args:
        info: The record of the model, with its size; it travels with the module, as ``about``.
        parts: Of the network. Default: new ones, with random weights.
    """

    about: ModelInfo

    def __init__(self, info: ModelInfo, parts: Parts | None = None) -> None:
        assert info.size is not None  # which an exported file's record doesn't say
        super().__init__(TASK_CONFIGS[info.task][info.size], len(info.names), info.channels, parts, info.num_keypoints)
        attach(self, info)
        if info.skeleton is not None:
            held: Any = self
            layer: Any = nn.Module()
            layer.kpt_shape = held.kpt_shape
            held.model = [layer]  # of which the engine's exporter asks the last for it

    def forward(self, images: Tensor, *args: Any, **kwargs: Any) -> Tensor | Raw:  # type: ignore[override]
        """Return the outputs in the engine's layout; its extra arguments (augment, embed, ...) are ignored.

        Args:
            images: [B, C, H, W], RGB from 0 to 1, as the engine's letterbox leaves them.
            *args: Ignored.
            **kwargs: Ignored.

        Returns:
            [B, 4 + C + 3K, A]: centre x, centre y, width, height in pixels of the input, the score of each class, then
            x, y and score of each keypoint. In training mode the raw predictions of the images as they are.
        """
        spec = self.about.processing
        if self.training:
            return self.predict_raw(to_network_input(images, spec, self.in_channels))
        images, move = letterboxed(images, spec)
        boxes, scores, *points = self.detect(to_network_input(images, spec, self.in_channels))
        if points:
            points[0] = move.back(points[0].flatten(2)).view_as(points[0])
        return join_output(move.back(boxes), scores, *points)

    def fuse(self, verbose: bool = True, imgsz: int | list[int] = 640) -> StockModule:
        """Fold all branches and BatchNorms into convolutions, in place; the engine's arguments are ignored."""
        super().fuse()
        return self

    def info(self, detailed: bool = False, verbose: bool = True, imgsz: int | list[int] = 640) -> Any:
        """Print and return layers, parameters, gradients and GFLOPs; nothing unless ``verbose``, as in the engine."""
        return model_info(self, detailed=detailed, verbose=verbose, imgsz=imgsz)

    def __reduce__(self) -> tuple[Any, ...]:
        # a header and tensors, not the objects that make up a network today: those may change their shape
        return rebuild, (to_header(self.about), self.in_channels, self.is_fused(), dict(self.state_dict()))

    def __deepcopy__(self, memo: dict[int, Any]) -> StockModule:
        # by way of __reduce__ it would lose what the engine has set on it
        parts: Any = deepcopy(tuple(self.parts), memo)
        other = StockModule(self.about, Parts(*parts))
        memo[id(self)] = other
        set_by_engine = {name: value for name, value in self.__dict__.items() if not name.startswith("_")}
        other.__dict__.update(deepcopy(set_by_engine, memo))
        return other


def rebuild(
    metadata: Mapping[str, str], in_channels: int, fused: bool, state_dict: Mapping[str, Tensor]
) -> StockModule:
    """Make the module from what its pickle holds; every such file names this function.

    Raises:
        CheckpointError: A newer version wrote the file.
    """
    with MetaDevice():
        module = StockModule(from_header(metadata, Path("the checkpoint"), in_channels)).eval()
        if fused:
            module.fuse()
    module.load_state_dict(state_dict, assign=True)
    module.requires_grad_(not fused)
    return module


def stock_checkpoint(state_dict: Mapping[str, Tensor], info: ModelInfo) -> dict[str, Any]:
    """Return what a checkpoint holds that both stock Ultralytics and this package open; the tensors are in it once."""
    height, width = info.processing.size
    header = to_header(info)
    return {
        "model": rebuild(header, info.channels, fused=False, state_dict=state_dict),
        "train_args": {"task": info.task, "imgsz": height if height == width else [height, width]},
        "date": datetime.now(timezone.utc).isoformat(),
        "version": info.package,
        "license": info.licence or "unknown",
        RECORD: {"header": header, "state_dict": dict(state_dict)},
    }


def to_network_input(images: Tensor, spec: ProcessingSpec, in_channels: int) -> Tensor:
    """Turn RGB from 0 to 1, as the engine has its images, into the values that the network was trained with."""
    if spec.channels == "RGB" and spec.divisor == 255 and spec.mean is None and spec.std is None:
        return images
    if spec.channels == "BGR" and in_channels == 3:
        images = images.flip(1)
    return replace(spec, channels="RGB").normalise(images * 255)  # which asks for no shape, so it can be traced
