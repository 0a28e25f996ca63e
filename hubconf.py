"""Entry points of ``torch.hub``: the networks as torch modules, and ``nas``, the model on the Ultralytics engine.

``torch.hub`` offers every public function of this file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from yolonas_plugin import NAS
    from yolonas_plugin.nn import YoloNAS

dependencies = ["torch", "numpy", "cv2", "safetensors", "requests", "urllib3", "filelock", "tqdm"]
"""What the networks and their weight files need; ``nas`` needs ultralytics and torchvision besides."""


def yolo_nas_n(
    pretrained: bool = False, num_classes: int = 80, in_channels: int = 3, accept_licence: bool = False
) -> YoloNAS:
    """Return YOLO-NAS N; no weights of this size were published, so ``pretrained`` is an error.

    Arguments and result are those of ``yolo_nas_s``.
    """
    return _network("yolo_nas_n", pretrained, num_classes, in_channels, accept_licence)


def yolo_nas_s(
    pretrained: bool = False, num_classes: int = 80, in_channels: int = 3, accept_licence: bool = False
) -> YoloNAS:
    """Return YOLO-NAS S.

    Args:
        pretrained: With Deci's COCO weights instead of random ones. They are not free; nothing is downloaded before
            their licence is accepted.
        num_classes: Number of classes; 80 with ``pretrained``.
        in_channels: Channels of the images; 3 with ``pretrained``.
        accept_licence: Accept the licence of the weights.

    Returns:
        The unfused network, in training mode. In evaluation mode it takes images [B, 3, H, W], for the COCO weights in
        RGB from 0 to 1, letterboxed; and gives boxes x1, y1, x2, y2 [B, A, 4] and scores [B, A, C], before NMS.
        ``nas`` does all that is around it.
    """
    return _network("yolo_nas_s", pretrained, num_classes, in_channels, accept_licence)


def yolo_nas_m(
    pretrained: bool = False, num_classes: int = 80, in_channels: int = 3, accept_licence: bool = False
) -> YoloNAS:
    """Return YOLO-NAS M; arguments and result are those of ``yolo_nas_s``."""
    return _network("yolo_nas_m", pretrained, num_classes, in_channels, accept_licence)


def yolo_nas_l(
    pretrained: bool = False, num_classes: int = 80, in_channels: int = 3, accept_licence: bool = False
) -> YoloNAS:
    """Return YOLO-NAS L; arguments and result are those of ``yolo_nas_s``."""
    return _network("yolo_nas_l", pretrained, num_classes, in_channels, accept_licence)


def yolo_nas_pose_n(
    pretrained: bool = False, num_keypoints: int = 17, in_channels: int = 3, accept_licence: bool = False
) -> YoloNAS:
    """Return YOLO-NAS-POSE N; arguments and result are those of ``yolo_nas_pose_s``."""
    return _network("yolo_nas_pose_n", pretrained, num_keypoints, in_channels, accept_licence)


def yolo_nas_pose_s(
    pretrained: bool = False, num_keypoints: int = 17, in_channels: int = 3, accept_licence: bool = False
) -> YoloNAS:
    """Return YOLO-NAS-POSE S.

    Args:
        pretrained: With Deci's COCO weights instead of random ones; their licence as for ``yolo_nas_s``.
        num_keypoints: Of each object; 17 with ``pretrained``.
        in_channels: Channels of the images; 3 with ``pretrained``.
        accept_licence: Accept the licence of the weights.

    Returns:
        The unfused network, in training mode. In evaluation mode it takes images [B, 3, H, W], for the COCO weights in
        BGR from 0 to 1, letterboxed; and gives boxes x1, y1, x2, y2 [B, A, 4], scores [B, A, 1], keypoints x, y
        [B, A, K, 2] and their scores [B, A, K], before NMS.
    """
    return _network("yolo_nas_pose_s", pretrained, num_keypoints, in_channels, accept_licence)


def yolo_nas_pose_m(
    pretrained: bool = False, num_keypoints: int = 17, in_channels: int = 3, accept_licence: bool = False
) -> YoloNAS:
    """Return YOLO-NAS-POSE M; arguments and result are those of ``yolo_nas_pose_s``."""
    return _network("yolo_nas_pose_m", pretrained, num_keypoints, in_channels, accept_licence)


def yolo_nas_pose_l(
    pretrained: bool = False, num_keypoints: int = 17, in_channels: int = 3, accept_licence: bool = False
) -> YoloNAS:
    """Return YOLO-NAS-POSE L; arguments and result are those of ``yolo_nas_pose_s``."""
    return _network("yolo_nas_pose_l", pretrained, num_keypoints, in_channels, accept_licence)


def nas(model: str = "yolo_nas_s", **options: Any) -> NAS:
    """Return a model that predicts from files and arrays, measures, trains and exports; it brings in Ultralytics.

    Args:
        model: Path of a weight file, or a model's name; ``"yolo_nas_n_layout"`` comes with the repository.
        **options: Of ``yolonas_plugin.NAS``: ``accept_licence``, ``processing``, ``names``, ``runtime``, ...
    """
    from yolonas_plugin import NAS

    return NAS(model, **options)


def _network(name: str, pretrained: bool, count: int, in_channels: int, accept_licence: bool) -> YoloNAS:
    """Return a network for ``count`` classes, or keypoints where it is one for poses."""
    from yolonas_plugin import nn

    if not pretrained:
        network: YoloNAS = getattr(nn, name)(count, in_channels)
        return network
    from yolonas_plugin.tasks import TASKS
    from yolonas_plugin.weights import find_weights, read_checkpoint

    task = next(task for task in TASKS.values() if task.family == name.rpartition("_")[0])
    checkpoint = read_checkpoint(find_weights(name, accept_licence=accept_licence)).require_task(task.name, name)
    counted = "num_keypoints" if task.has_keypoints else "num_classes"
    found = getattr(checkpoint, counted), checkpoint.in_channels
    if found != (count, in_channels):
        raise ValueError(
            f"{checkpoint.path}: these weights are for {counted}={found[0]} and in_channels={found[1]}, not "
            f"{count} and {in_channels}; pretrained=False makes a network for those"
        )
    return checkpoint.build().train()
