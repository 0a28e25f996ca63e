"""Saving: a model's weights and all that is needed to use them, in one file."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from yolonas_plugin.errors import ExportError
from yolonas_plugin.nas.module import NASModule
from yolonas_plugin.nas.stock import stock_checkpoint
from yolonas_plugin.system.interrupts import heard
from yolonas_plugin.weights.half import to_half
from yolonas_plugin.weights.write import ENDINGS, as_stored, save_torch, write_safetensors


def save(
    module: NASModule,
    filename: str | Path,
    *,
    licence: str | None = None,
    training_data: str | None = None,
    half: bool = False,
    overwrite: bool = True,
) -> str:
    """Write the weights of a network with class names, processing, licence and training data.

    The tensors are float32, equal to the bit to those of ``module``, unless ``half`` is set. The file appears
    whole or not at all.

    Args:
        module: The network, not fused.
        filename: File to write. ``.safetensors`` holds data alone; ``.pt`` is opened by stock Ultralytics too, which
            unpickles it and needs this package installed to do so.
        licence: Of the weights. Default: what their file says, or what is known of a published file.
        training_data: What they were trained on, likewise.
        half: Store kernels in half precision and leave out what is unused, for a third of the size;
            ``.safetensors`` only.
        overwrite: False leaves a file that is there as it is, with an error.

    Returns:
        The path that was written.

    Raises:
        ExportError: Another ending, the file that the weights came from, a fused network, a file that isn't to be
            replaced, or a place that can't be written to; or ``half`` for a ``.pt``.
    """
    path = Path(os.path.expanduser(filename))
    source = module.source
    if path.suffix.lower() not in ENDINGS:
        raise ExportError(f"{path}: weights are saved as {' or '.join(ENDINGS)}; export() writes other formats")
    if half and path.suffix.lower() == ".pt":
        raise ExportError(f"{path}: a .pt holds whole weights; half=True is for .safetensors")
    if source is not None and os.path.exists(path) and os.path.exists(source) and path.samefile(source):
        raise ExportError(f"{path}: the weights were read from this file, and it may hold more; name another one")
    if not overwrite and os.path.lexists(path):
        raise ExportError(f"{path} is there, and was left as it is: overwrite=True (--overwrite) replaces it")
    if module.is_fused():
        raise ExportError(
            f"{path}: the network is fused, which can't be undone; load {source or 'the model'} again and save that"
        )
    with heard():
        info = module.file_info()
        info = replace(info, licence=licence or info.licence, training_data=training_data or info.training_data)
        state_dict = as_stored(module.state_dict())
        if path.suffix.lower() == ".pt":
            save_torch(path, stock_checkpoint(state_dict, info))
        else:
            write_safetensors(path, to_half(state_dict) if half else state_dict, info)
    return str(path)
