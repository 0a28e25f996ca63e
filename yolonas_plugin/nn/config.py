"""What distinguishes the sizes of YOLO-NAS: channels, depths and hidden widths, found by architecture search.

The figures of s, m and l, and of all sizes for poses, are those of super-gradients 3.7.1 (``recipes/arch_params``). It
has an n for poses only; ours for detection takes its backbone and neck, and the detection heads at a third of their
full width.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

Size: TypeAlias = Literal["n", "s", "m", "l"]
"""A size's letter."""


@dataclass(frozen=True)
class StageConfig:
    """One stage: its output ``channels``, and the ``blocks`` bottlenecks of width ``hidden`` inside its CSP layer.

    ``concat_all`` hands the output of every bottleneck to the CSP layer's last convolution, instead of the last only.
    For training only: ``drop_path_rates`` is the probability, of each bottleneck, that an image goes around it;
    ``dropout_rate`` is the one with which a channel is left out before the CSP layer's last convolution.
    """

    channels: int
    blocks: int
    hidden: int
    concat_all: bool = False
    drop_path_rates: tuple[float, ...] = ()
    dropout_rate: float = 0.0

    def __post_init__(self) -> None:
        if len(self.drop_path_rates) not in (0, self.blocks):
            raise ValueError(f"{len(self.drop_path_rates)} drop_path_rates for {self.blocks} blocks; give one for each")
        _check_rates(drop_path_rates=self.drop_path_rates, dropout_rate=(self.dropout_rate,))


_Stages: TypeAlias = tuple[StageConfig, StageConfig, StageConfig, StageConfig]


@dataclass(frozen=True)
class YoloNASConfig:
    """A size for a task: the backbone's stem and stages (strides 2 to 32), the neck's stages, the width of each head.

    ``task`` is a name of :data:`~yolonas_plugin.tasks.TASKS`. ``batchnorm_eps`` and ``batchnorm_momentum`` are those of
    every BatchNorm. For poses only: ``pose_channels`` and ``pose_blocks`` are width and number of the 3x3 convolutions
    before each head predicts keypoints.

    For training only: ``cls_dropout_rate`` and ``reg_dropout_rate`` are the probabilities that a channel is left out
    before the heads predict classes and boxes. super-gradients' recipes leave all rates at 0.
    """

    size: Size
    stem_channels: int
    backbone: _Stages
    neck: _Stages
    head_channels: tuple[int, int, int]
    task: str = "detect"
    batchnorm_eps: float = 1e-3
    batchnorm_momentum: float = 0.03
    pose_channels: tuple[int, ...] = ()
    pose_blocks: tuple[int, ...] = ()
    cls_dropout_rate: float = 0.0
    reg_dropout_rate: float = 0.0

    def __post_init__(self) -> None:
        _check_rates(cls_dropout_rate=(self.cls_dropout_rate,), reg_dropout_rate=(self.reg_dropout_rate,))

    def with_dropout(self, drop_path: float = 0.0, dropout: float = 0.0) -> YoloNASConfig:
        """Return the same size with ``drop_path`` at every bottleneck and ``dropout`` in every CSP layer and head.

        Raises:
            ValueError: A rate is negative, or 1 or more.
        """

        def with_rates(stages: _Stages) -> _Stages:
            a, b, c, d = (replace(s, drop_path_rates=(drop_path,) * s.blocks, dropout_rate=dropout) for s in stages)
            return a, b, c, d

        return replace(
            self,
            backbone=with_rates(self.backbone),
            neck=with_rates(self.neck),
            cls_dropout_rate=dropout,
            reg_dropout_rate=dropout,
        )


def _check_rates(**rates: tuple[float, ...]) -> None:
    for name, values in rates.items():
        if not all(0 <= value < 1 for value in values):
            raise ValueError(f"{name} is {', '.join(map(str, values))}; it must be at least 0 and less than 1")


CONFIGS: Final[dict[Size, YoloNASConfig]] = {
    "n": YoloNASConfig(
        size="n",
        stem_channels=32,
        backbone=(
            StageConfig(64, blocks=2, hidden=32),
            StageConfig(128, blocks=3, hidden=48),
            StageConfig(256, blocks=4, hidden=64),
            StageConfig(512, blocks=2, hidden=128),
        ),
        neck=(
            StageConfig(128, blocks=2, hidden=48),
            StageConfig(64, blocks=2, hidden=32),
            StageConfig(128, blocks=2, hidden=48),
            StageConfig(256, blocks=2, hidden=48),
        ),
        head_channels=(48, 88, 168),
    ),
    "s": YoloNASConfig(
        size="s",
        stem_channels=48,
        backbone=(
            StageConfig(96, blocks=2, hidden=32),
            StageConfig(192, blocks=3, hidden=64),
            StageConfig(384, blocks=5, hidden=96),
            StageConfig(768, blocks=2, hidden=192),
        ),
        neck=(
            StageConfig(192, blocks=2, hidden=64),
            StageConfig(96, blocks=2, hidden=48),
            StageConfig(192, blocks=2, hidden=64),
            StageConfig(384, blocks=2, hidden=64),
        ),
        head_channels=(64, 128, 256),
    ),
    "m": YoloNASConfig(
        size="m",
        stem_channels=48,
        backbone=(
            StageConfig(96, blocks=2, hidden=64, concat_all=True),
            StageConfig(192, blocks=3, hidden=128, concat_all=True),
            StageConfig(384, blocks=5, hidden=256, concat_all=True),
            StageConfig(768, blocks=2, hidden=384),
        ),
        neck=(
            StageConfig(192, blocks=2, hidden=192),
            StageConfig(96, blocks=3, hidden=64),
            StageConfig(192, blocks=2, hidden=192),
            StageConfig(384, blocks=3, hidden=256),
        ),
        head_channels=(96, 192, 384),
    ),
    "l": YoloNASConfig(
        size="l",
        stem_channels=48,
        backbone=(
            StageConfig(96, blocks=2, hidden=96, concat_all=True),
            StageConfig(192, blocks=3, hidden=128, concat_all=True),
            StageConfig(384, blocks=5, hidden=256, concat_all=True),
            StageConfig(768, blocks=2, hidden=512, concat_all=True),
        ),
        neck=(
            StageConfig(192, blocks=4, hidden=128),
            StageConfig(96, blocks=4, hidden=128),
            StageConfig(192, blocks=4, hidden=128),
            StageConfig(384, blocks=4, hidden=256),
        ),
        head_channels=(128, 256, 512),
    ),
}
"""The sizes for detection by their letters."""


def _for_pose(size: Size, momentum: float, pose_channels: tuple[int, int, int]) -> YoloNASConfig:
    return replace(
        CONFIGS[size],
        task="pose",
        batchnorm_eps=1e-6,
        batchnorm_momentum=momentum,
        pose_channels=pose_channels,
        pose_blocks=(2, 2, 3),
    )


POSE_CONFIGS: Final[dict[Size, YoloNASConfig]] = {
    "n": _for_pose("n", momentum=0.03, pose_channels=(48, 168, 168)),
    "s": _for_pose("s", momentum=0.1, pose_channels=(64, 256, 256)),
    "m": _for_pose("m", momentum=0.1, pose_channels=(96, 384, 384)),
    "l": _for_pose("l", momentum=0.03, pose_channels=(128, 512, 512)),
}
"""The sizes for poses by their letters."""

TASK_CONFIGS: Final[dict[str, dict[Size, YoloNASConfig]]] = {"detect": CONFIGS, "pose": POSE_CONFIGS}
"""The sizes of each task by its name."""
