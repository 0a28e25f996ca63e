"""YOLO-NAS, the whole network."""

from __future__ import annotations

from copy import copy
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

import torch
from torch import Tensor, nn

from yolonas_plugin.nn.backbone import Backbone
from yolonas_plugin.nn.blocks import set_batch_norms
from yolonas_plugin.nn.config import CONFIGS, POSE_CONFIGS, YoloNASConfig
from yolonas_plugin.nn.head import STRIDES, Heads, RawPredictions
from yolonas_plugin.nn.neck import Neck
from yolonas_plugin.nn.pose_head import PoseHeads, RawPosePredictions
from yolonas_plugin.tasks import TASKS

_Module = TypeVar("_Module", bound=nn.Module)

AnyHeads: TypeAlias = Heads | PoseHeads
Raw: TypeAlias = RawPredictions | RawPosePredictions
"""What the heads of a task say before decoding; boxes and scores come first in each."""

HEADS: Final[dict[str, type[AnyHeads]]] = {"detect": Heads, "pose": PoseHeads}
"""The heads of each task by its name."""


class Parts(NamedTuple):
    """The parts of a network, in the order that an image passes them."""

    backbone: Backbone
    neck: Neck
    heads: AnyHeads


class YoloNAS(nn.Module):
    """A single-stage, anchor-free network with re-parameterised blocks: YOLO-NAS, or YOLO-NAS-POSE by its ``config``.

    State-dict keys equal super-gradients', so its checkpoints load with ``strict=True`` into the unfused network.

    Args:
        config: Task and size, one of ``yolonas_plugin.nn.CONFIGS`` or ``POSE_CONFIGS``.
        num_classes: Number of classes, at least 1; for poses exactly 1.
        in_channels: Channels of the images, 3 for colour.
        parts: Of another network of that kind, to be shared with it. Default: new ones, with random weights.
        num_keypoints: Of each object, at least 1 for poses; 0 for detection, which has none.
    """

    def __init__(
        self,
        config: YoloNASConfig,
        num_classes: int = 80,
        in_channels: int = 3,
        parts: Parts | None = None,
        num_keypoints: int = 0,
    ) -> None:
        super().__init__()
        if num_classes < 1 or in_channels < 1:
            raise ValueError(f"num_classes={num_classes} and in_channels={in_channels} must be at least 1")
        self.config = config
        self.num_classes = num_classes
        self.in_channels = in_channels
        self.num_keypoints = num_keypoints
        self.backbone, self.neck, self.heads = parts or Parts(
            Backbone(config, in_channels), Neck(config), HEADS[config.task](config, num_classes, num_keypoints)
        )
        if parts is None:
            set_batch_norms(self, config)

    @property
    def parts(self) -> Parts:
        """Backbone, neck and heads."""
        return Parts(self.backbone, self.neck, self.heads)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of what :meth:`detect` gives, in order."""
        return TASKS[self.config.task].outputs

    def forward(self, images: Tensor) -> tuple[Tensor, ...] | Raw:
        """Detect objects in a batch of prepared images.

        Args:
            images: [B, in_channels, H, W], float; H and W are multiples of 32, at least 32. The range of the values is
                the checkpoint's affair: 0 to 1 in RGB for the COCO weights.

        Returns:
            In evaluation mode boxes x1, y1, x2, y2 in pixels of the input [B, A, 4], not clipped to it, and scores from
            0 to 1 [B, A, C], for A = H * W * 21 / 1024 anchor points; for poses also keypoints x, y in pixels
            [B, A, K, 2], not clipped either, and scores of these from 0 to 1 [B, A, K]. In training mode
            :class:`RawPredictions` or :class:`RawPosePredictions`.

        Raises:
            ValueError: H or W is not a multiple of 32.
        """
        return self.predict_raw(images) if self.training else self.detect(images)

    def detect(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of the task, boxes and scores first, in either mode."""
        return self.decode(self.predict_raw(images))

    def decode(self, raw: Raw) -> tuple[Tensor, ...]:
        """Return the outputs that the heads' predictions stand for."""
        heads: Any = self.heads  # each decodes what it predicts
        outputs: tuple[Tensor, ...] = heads.decode(raw)
        return outputs

    def predict_raw(self, images: Tensor) -> Raw:
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


def yolo_nas_pose_n(num_keypoints: int = 17, in_channels: int = 3) -> YoloNAS:
    """YOLO-NAS-POSE N: 9.9 M parameters as trained."""
    return YoloNAS(POSE_CONFIGS["n"], 1, in_channels, num_keypoints=num_keypoints)


def yolo_nas_pose_s(num_keypoints: int = 17, in_channels: int = 3) -> YoloNAS:
    """YOLO-NAS-POSE S: 22.2 M parameters as trained."""
    return YoloNAS(POSE_CONFIGS["s"], 1, in_channels, num_keypoints=num_keypoints)


def yolo_nas_pose_m(num_keypoints: int = 17, in_channels: int = 3) -> YoloNAS:
    """YOLO-NAS-POSE M: 58.2 M parameters as trained."""
    return YoloNAS(POSE_CONFIGS["m"], 1, in_channels, num_keypoints=num_keypoints)


def yolo_nas_pose_l(num_keypoints: int = 17, in_channels: int = 3) -> YoloNAS:
    """YOLO-NAS-POSE L: 79.4 M parameters as trained."""
    return YoloNAS(POSE_CONFIGS["l"], 1, in_channels, num_keypoints=num_keypoints)
