"""Beginning a training from other weights: which of them are kept, and which parts of the network stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from yolonas_plugin.errors import TrainingError
from yolonas_plugin.info import ModelInfo
from yolonas_plugin.nas.module import NASModule
from yolonas_plugin.nas.training_module import TrainingModule
from yolonas_plugin.nn import Size, YoloNAS
from yolonas_plugin.processing import ProcessingSpec


def training_network(
    begin: NASModule | Size, data: Mapping[str, Any], canvas: tuple[int, int], new_data: str | None
) -> tuple[TrainingModule, str]:
    """Make a network for the classes and channels of data.

    Args:
        begin: Network to begin from; or a size, for random weights.
        data: The engine's description of the data.
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
    spec = ProcessingSpec(size=canvas, resize=canvas) if weights is None else weights.processing.with_size(canvas)
    _check_channels(spec, channels)
    seen = [began.training_data if began else None, new_data]
    module = TrainingModule(
        ModelInfo(
            size=begin.config.size if isinstance(begin, NASModule) else begin,
            names=tuple(data["names"].values()),
            processing=spec,
            channels=channels,
            licence=began.licence if began else None,
            training_data=" + ".join(filter(None, seen)) or None,
        )
    )
    return module, "" if weights is None else keep_weights(module, weights)


def keep_weights(module: NASModule, source: NASModule) -> str:
    """Copy into ``module`` the weights of ``source`` that fit it, and say which did.

    The class predictions are kept where the class names are the same, in the same order; everything else that has the
    same shape is kept always.
    """
    same_classes = list(module.names.values()) == list(source.names.values())
    own = module.state_dict()
    kept = {
        name: tensor
        for name, tensor in source.state_dict().items()
        if tensor.shape == own[name].shape and (same_classes or ".cls_pred." not in name)
    }
    module.load_state_dict(kept, strict=False)
    if len(kept) == len(own):
        return f"kept all {len(own)} tensors of {source.pt_path}"
    new = ", ".join(sorted(own.keys() - kept.keys()))
    return f"kept {len(kept)} of {len(own)} tensors of {source.pt_path}; these begin anew: {new}"


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
