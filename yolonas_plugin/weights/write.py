"""Writing weight files: whole or not at all."""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor
from torch.serialization import save as torch_save  # torch.save itself is one of the engine's that tries again

from model_zoo_api.types import ModelCard
from yolonas_plugin.cards import CARDS
from yolonas_plugin.files.digest import file_sha256
from yolonas_plugin.files.whole import whole
from yolonas_plugin.info import ModelInfo
from yolonas_plugin.weights.header import to_header

ENDINGS: Final = (".safetensors", ".pt")
"""The kinds of file that are written: our own, and the one that stock Ultralytics opens."""


def write_safetensors(path: Path, state_dict: Mapping[str, Tensor], info: ModelInfo) -> None:
    """Write our own file: the tensors as they are, and the record as the file's metadata.

    Raises:
        ExportError: It can't be written; what was there before is untouched.
    """
    with whole(path) as temporary:
        try:
            save_file(dict(state_dict), temporary, metadata=to_header(info))
        except SafetensorError as error:
            raise OSError(str(error)) from error


def save_torch(path: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` as ``torch.save`` does.

    Raises:
        ExportError: It can't be written; what was there before is untouched.
    """
    with whole(path) as temporary:
        # torch opens a path in ASCII by itself. Given a Python file it calls back, and loses what rises there: Ctrl-C.
        file = str(temporary) if str(temporary).isascii() else io.BytesIO()
        try:
            torch_save(dict(content), file)
        except RuntimeError as error:  # all that it says of a full disk
            free = shutil.disk_usage(temporary.parent).free
            raise OSError(f"torch couldn't write all of it; the disk has {free:,} free bytes") from error
        if isinstance(file, io.BytesIO):
            temporary.write_bytes(file.getbuffer())


def as_stored(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors as a file holds them: float32, in memory, contiguous; counters stay whole numbers."""
    return {
        name: tensor.detach().to("cpu", torch.float32 if tensor.is_floating_point() else None).contiguous()
        for name, tensor in state_dict.items()
    }


def published_as(path: Path) -> ModelCard | None:
    """Return the card of a published file, told by its hash; None for any other file, and where there is none."""
    try:
        digest = file_sha256(path)
    except OSError:
        return None
    return next((card for card in CARDS if digest in [file.sha256 for file in card.weights]), None)
