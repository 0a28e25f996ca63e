"""Writing weight files: whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from yolonas_plugin.cards import CARDS
from yolonas_plugin.errors import ExportError
from yolonas_plugin.types import ModelCard
from yolonas_plugin.weights.digest import file_sha256
from yolonas_plugin.weights.header import Header

ENDINGS: Final = (".safetensors", ".pt")
"""The kinds of file that are written: our own, and the one that stock Ultralytics opens."""


def write_safetensors(path: Path, state_dict: Mapping[str, Tensor], header: Header) -> None:
    """Write our own file: the tensors as they are, and the header as the file's metadata.

    Raises:
        ExportError: It can't be written; what was there before is untouched.
    """
    with whole(path) as temporary:
        save_file(dict(state_dict), temporary, metadata=header.to_metadata())


def save_torch(path: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` as ``torch.save`` does.

    Raises:
        ExportError: It can't be written; what was there before is untouched.
    """
    with whole(path) as temporary, temporary.open("wb") as file:
        torch.save(dict(content), file)


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a temporary file beside ``path`` that takes its place once it is complete, and vanishes if it isn't.

    Raises:
        ExportError: It can't be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        if path.is_dir():
            raise IsADirectoryError("it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.open("xb").close()
        mode = temporary.stat().st_mode
        yield temporary
        temporary.chmod(mode)  # safetensors puts a private file in its place
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())  # else a crash of the machine could leave the new name on an empty file
        os.replace(temporary, path)
    except (OSError, SafetensorError, RuntimeError) as error:  # RuntimeError: torch's writer, on a full disk
        raise ExportError(f"{path}: the file can't be written: {error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


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
