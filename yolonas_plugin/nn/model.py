"""YOLO-NAS, the whole network."""

from __future__ import annotations

from copy import copy
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from yolonas_plugin.nn.backbone import Backbone
from yolonas_plugin.nn.config import CONFIGS, YoloNASConfig
from yolonas_plugin.nn.head import STRIDES, Heads, RawPredictions
from yolonas_plugin.nn.neck import Neck

_Module = TypeVar("_Module", bound=nn.Module)


class Parts(NamedTuple):
    """The parts of a network, in the order that an image passes them."""

    backbone: Backbone
    neck: Neck
    heads: Heads


class YoloNAS(nn.Module):
    """A single-stage, anchor-free detector with re-parameterised blocks.

    State-dict keys equal super-gradients', so its checkpoints load with ``strict=True`` into the unfused network.

    Args:
        config: The size, one of ``yolonas_plugin.nn.CONFIGS``.
        num_classes: Number of classes, at least 1.
        in_channels: Channels of the images, 3 for colour.
        parts: Of another network of that kind, to be shared with it. Default: new ones, with random weights.
    """

    def __init__(
        self, config: YoloNASConfig, num_classes: int = 80, in_channels: int = 3, parts: Parts | None = None
    ) -> None:
        super().__init__()
        if num_classes < 1 or in_channels < 1:
            raise ValueError(f"num_classes={num_classes} and in_channels={in_channels} must be at least 1")
        self.config = config
        self.num_classes = num_classes
        self.in_channels = in_channels
        self.backbone, self.neck, self.heads = parts or Parts(
            Backbone(config, in_channels), Neck(config), Heads(config, num_classes)
        )

    @property
    def parts(self) -> Parts:
        """Backbone, neck and heads."""
        return Parts(self.backbone, self.neck, self.heads)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor] | RawPredictions:
        """Detect objects in a batch of prepared images.

        Args:
            images: [B, in_channels, H, W], float; H and W are multiples of 32, at least 32. The range of the values is
                the checkpoint's affair: 0 to 1 in RGB for the COCO weights.

        Returns:
            In evaluation mode boxes x1, y1, x2, y2 in pixels of the input [B, A, 4], not clipped to it, and scores from
            0 to 1 [B, A, C], for A = H * W * 21 / 1024 anchor points. In training mode :class:`RawPredictions`.

        Raises:
            ValueError: H or W is not a multiple of 32.
        """
        return self.predict_raw(images) if self.training else self.detect(images)

    def detect(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return boxes and scores, in either mode."""
        return self.heads.decode(self.predict_raw(images))

    def predict_raw(self, images: Tensor) -> RawPredictions:
        """Return the predictions before decoding, in either mode."""
        check_sides(images)
        if self.training and images.device.type in ("cpu", "cuda"):
            images = images.contiguous(memory_format=torch.channels_last)  # a third less time for a step, on GPUs half
        return self.heads(*self.neck(*self.backbone(images)))

    def fuse(self) -> YoloNAS:
        """Fold re-parameterisable branches and every BatchNorm into convolutions, in place; for inference only.

        Call it in evaluation mode. The results stay the same up to rounding; the parameters are frozen.
        """
        for module in list(self.modules()):
            fuse = getattr(module, "fuse", None)
            if module is not self and fuse is not None:
                fuse()
        return self.requires_grad_(False)

    def is_fused(self) -> bool:
        """Whether :meth:`fuse` was called: no BatchNorm is left."""
        return not any(isinstance(module, nn.BatchNorm2d) for module in self.modules())


def copy_sharing_weights(module: _Module) -> _Module:
    """Return a copy of a tree of modules, in a fraction of the time of ``deepcopy``.

    Its parameters are new ones over the same memory; its buffers and other attributes are the same objects.
    """
    copied = copy(module)
    vars(copied).update({name: copy(value) for name, value in vars(module).items() if isinstance(value, dict)})
    for name, parameter in module._parameters.items():
        if parameter is not None:
            copied._parameters[name] = nn.Parameter(parameter.detach(), parameter.requires_grad)
    for name, child in module._modules.items():
        if child is not None:
            copied._modules[name] = copy_sharing_weights(child)
    return copied


def check_sides(images: Tensor) -> None:
    """Raise a ``ValueError`` if the sides of images [B, C, H, W] are no multiples of 32; not while they are traced."""
    if is_tracing():
        return
    height, width = images.shape[-2:]
    if height % STRIDES[-1] or width % STRIDES[-1] or not height or not width:
        raise ValueError(f"input is {height}x{width}; both sides must be multiples of {STRIDES[-1]}")


def is_tracing() -> bool:
    """Whether what is computed is being traced, for an export."""
    return bool(torch.jit.is_tracing())  # type: ignore[attr-defined, no-untyped-call]  # of torch's API, in no list


def yolo_nas_n(num_classes: int = 80, in_channels: int = 3) -> YoloNAS:
    """YOLO-NAS N: 8.5 M parameters as trained, 5.5 M fused."""
    return YoloNAS(CONFIGS["n"], num_classes, in_channels)


def yolo_nas_s(num_classes: int = 80, in_channels: int = 3) -> YoloNAS:
    """YOLO-NAS S: 19.1 M parameters as trained, 12.2 M fused."""
    return YoloNAS(CONFIGS["s"], num_classes, in_channels)


def yolo_nas_m(num_classes: int = 80, in_channels: int = 3) -> YoloNAS:
    """YOLO-NAS M: 51.2 M parameters as trained, 31.9 M fused."""
    return YoloNAS(CONFIGS["m"], num_classes, in_channels)


def yolo_nas_l(num_classes: int = 80, in_channels: int = 3) -> YoloNAS:
    """YOLO-NAS L: 67.0 M parameters as trained, 42.0 M fused."""
    return YoloNAS(CONFIGS["l"], num_classes, in_channels)
