"""Beginning a training from other weights: which of them are kept, and which parts of the network stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from yolonas_plugin.data import DataSet
from yolonas_plugin.errors import TrainingError
from yolonas_plugin.info import ModelInfo
from yolonas_plugin.nas.dataset import describe_names
from yolonas_plugin.nas.module import NASModule
from yolonas_plugin.nas.training_module import TrainingModule
from yolonas_plugin.nn import Size, YoloNAS
from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.skeleton import Skeleton, numbered_names
from yolonas_plugin.weights.defaults import UNTRAINED_MODELS

_PREDICTIONS: Final = ("cls_pred", "pose_pred")
"""Layers of the heads whose outputs are classes or keypoints."""

_SELECTION: Final = ("conf", "iou", "top_k", "max_detections", "multi_label", "class_agnostic")
"""What a processing says of box selection."""

_LISTED: Final = 12
"""Most tensors that are named one by one."""


def training_network(
    begin: NASModule | Size,
    task: str,
    data: Mapping[str, Any],
    skeleton: Skeleton | None,
    canvas: tuple[int, int],
    new_data: str | None,
) -> tuple[TrainingModule, str]:
    """Make a network for a task, and the classes, keypoints and channels of data.

    Args:
        begin: Network to begin from, of the same task or another; or a size, for random weights.
        task: A name of :data:`~yolonas_plugin.tasks.TASKS`.
        data: The engine's description of the data.
        skeleton: What keypoints the data have; None for none.
        canvas: Height and width of the network's input.
        new_data: What the data are called, where the weights haven't seen them before.

    Returns:
        The network, and what was kept of the weights that it begins from, in words; empty for random ones.

    Raises:
        TrainingError: Images of so many channels can't be normalised as the weights ask for.
    """
    weights = begin if isinstance(begin, NASModule) else None
    began = None if weights is None else weights.file_info()
    channels = data.get("channels", 3)
    spec = UNTRAINED_MODELS[task][1] if weights is None else weights.processing
    if began is not None and began.task != task:  # images as the weights know them, selection as the task wants it
        spec = replace(spec, **{name: getattr(UNTRAINED_MODELS[task][1], name) for name in _SELECTION})
    spec = spec.with_size(canvas)
    _check_channels(spec, channels)
    seen = [began.training_data if began else None, new_data]
    module = TrainingModule(
        ModelInfo(
            size=begin.config.size if isinstance(begin, NASModule) else begin,
            task=task,
            skeleton=_named_by(skeleton, None if began is None else began.skeleton),
            names=tuple(data["names"].values()),
            processing=spec,
            channels=channels,
            licence=began.licence if began else None,
            training_data=" + ".join(filter(None, seen)) or None,
        )
    )
    return module, "" if weights is None else keep_weights(module, weights)


def _named_by(skeleton: Skeleton | None, known: Skeleton | None) -> Skeleton | None:
    """Return the skeleton of the data, and what they don't say as the weights know it.

    That is names, where the data number their keypoints, and bones and colours, which YOLO's data can't name.
    """
    if skeleton is None or known is None or len(skeleton) != len(known):
        return skeleton
    sigmas = skeleton.sigmas or known.sigmas
    if skeleton.names == known.names and not skeleton.edges:
        return replace(known, flip_index=skeleton.flip_index or known.flip_index, sigmas=sigmas)
    unnamed = skeleton.names == numbered_names(len(skeleton))
    if not unnamed or skeleton.flip_index not in (None, known.flip_index):
        return skeleton
    return replace(known, sigmas=sigmas)


def keep_weights(module: NASModule, source: NASModule) -> str:
    """Copy into ``module`` the weights of ``source`` that fit it, and say which did.

    The predictions of classes and keypoints are kept where their names are the same, in the same order; everything else
    that has the same shape is kept always. A detector's ``stem`` becomes the ``bbox_stem`` of a network for poses, and
    the other way round: it is the same layer before the same convolutions.
    """
    same_names = (module.names, _keypoint_names(module)) == (source.names, _keypoint_names(source))
    own = module.state_dict()
    kept, renamed = {}, 0
    for name, tensor in source.state_dict().items():
        found = name if name in own else _other_name(name)
        fits = found in own and tensor.shape == own[found].shape
        if fits and (same_names or not any(f".{part}." in found for part in _PREDICTIONS)):
            kept[found] = tensor
            renamed += found != name
    module.load_state_dict(kept, strict=False)
    if len(kept) == len(own):
        return f"kept all {len(own)} tensors of {source.pt_path}"
    by_name = f" ({len(kept) - renamed} by name, {renamed} as another's stem)" if renamed else ""
    new = sorted(own.keys() - kept.keys())
    if len(new) > _LISTED:
        new = sorted({".".join(name.split(".")[:3]) for name in new})
    return f"kept {len(kept)} of {len(own)} tensors of {source.pt_path}{by_name}; these begin anew: {', '.join(new)}"


def _keypoint_names(module: NASModule) -> tuple[str, ...]:
    return () if module.about.skeleton is None else module.about.skeleton.names


def _other_name(name: str) -> str:
    return name.replace(".bbox_stem.", ".stem.") if ".bbox_stem." in name else name.replace(".stem.", ".bbox_stem.")


def parts(network: YoloNAS) -> list[str]:
    """Return the names of the network's parts in the order that an image passes them."""
    inner = [
        f"{name}.{child}" for name in ("backbone", "neck") for child, _ in network.get_submodule(name).named_children()
    ]
    return [*inner, "heads"]


def freeze_parts(network: YoloNAS, freeze: int | Sequence[int | str] | str | None) -> list[str]:
    """Freeze parameters in place; return the beginnings of their names.

    Args:
        network: The network.
        freeze: The number of :func:`~yolonas_plugin.nas.finetune.parts` to freeze, from the image on; or a list of
            their numbers from 0, or of beginnings of parameters' names such as ``"backbone"``.

    Raises:
        TrainingError: There is no such part, or nothing is left to train.
    """
    known = parts(network)
    wanted = list(range(freeze)) if isinstance(freeze, int) else [freeze] if isinstance(freeze, str) else freeze or []
    names = [name for name, _ in network.named_parameters()]
    prefixes = []
    for part in wanted:
        prefix = known[part] if isinstance(part, int) and 0 <= part < len(known) else str(part)
        if not any(name.startswith(f"{prefix}.") for name in names):
            raise TrainingError(
                f"freeze={freeze!r}: there is no part {part!r}; the parts are 0 to {len(known) - 1}: {', '.join(known)}"
            )
        prefixes.append(f"{prefix}.")
    for name, parameter in network.named_parameters():
        if name.startswith(tuple(prefixes)):
            parameter.requires_grad = False
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise TrainingError(f"freeze={freeze!r} freezes the whole network; nothing is left to train")
    return prefixes


def check_keypoints(data_set: DataSet, settings: Any) -> None:
    """See that a network for poses can be trained on data with keypoints by these settings; do nothing for others.

    Raises:
        TrainingError: They have several classes, or are to be mirrored and don't say what a mirror swaps.
    """
    if data_set.skeleton is None:
        return
    title = data_set.report.source
    if len(data_set.names) != 1 and not settings.single_cls:
        raise TrainingError(
            f"{title}: a network for poses finds objects of one class, and these data have {len(data_set.names)}: "
            f"{describe_names(data_set.names)}; single_cls=True takes all of them for one"
        )
    if data_set.skeleton.flip_index is None and (settings.fliplr or settings.flipud):
        raise TrainingError(
            f"{title}: these data don't say which keypoint becomes which in a mirrored image; say it in their YAML "
            "file, 'flip_idx: [0, 2, 1]', or train without mirroring, fliplr=0 and flipud=0"
        )


def _check_channels(processing: ProcessingSpec, channels: int) -> None:
    """See that images of so many channels can be normalised as the weights ask for.

    Raises:
        TrainingError: They can't.
    """
    for name, values in (("mean", processing.mean), ("std", processing.std)):
        if values is not None and len(values) not in (1, channels):
            raise TrainingError(
                f"the data have images of {channels} channels, and the weights that the training begins with a {name} "
                f"of {len(values)}, {list(values)}: open them with a processing that fits, "
                f"NAS(path, processing=...), or say channels: {len(values)} in the data"
            )
