"""Reading a weight file: its format is recognised by content, and nothing in it is ever executed.

Each format is one row of ``FORMATS``: a name, how it begins, and a reader from a path to plain containers and tensors.
What files of torch hold besides tensors is the business of ``PROJECTS`` in :mod:`~yolonas_plugin.weights.projects`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from torch import Tensor

from yolonas_plugin.errors import CheckpointError, ProcessingError
from yolonas_plugin.processing import COCO
from yolonas_plugin.weights.checkpoint import Checkpoint, require_network
from yolonas_plugin.weights.half import restore_unused
from yolonas_plugin.weights.header import RECORD, VERSION_KEY, from_header
from yolonas_plugin.weights.opened import OpenedFile
from yolonas_plugin.weights.processing_params import Metadata, Wanted
from yolonas_plugin.weights.projects import read_metadata
from yolonas_plugin.weights.safetensors_file import SafetensorsFile
from yolonas_plugin.weights.state_dict import check_names, check_not_quantised, find_tensors, strip_prefix
from yolonas_plugin.weights.torch_file import TorchFile, all_tensors
from yolonas_plugin.weights.unfuse import FUSED, unfuse
from yolonas_plugin.weights.values import describe


class Content(NamedTuple):
    """What a file holds, and how the tensors in it are got; those that aren't asked for needn't be read."""

    value: Any
    tensors: Callable[[Mapping[str, Any]], Mapping[str, Tensor]]


class Format(NamedTuple):
    """A kind of file: what it is called, whether it is one (by its first 16 bytes), how it is read."""

    name: str
    matches: Callable[[bytes], bool]
    read: Callable[[Path], Content]


def read_checkpoint(path: str | Path, *, own_processing: bool = True, own_names: bool = True) -> Checkpoint:
    """Read the weights of a YOLO-NAS, for detection or for poses, from whatever file they are in.

    Known are files of torch (training checkpoints, state dicts under any of the usual prefixes, whole pickled modules,
    Lightning's and LibreYOLO's checkpoints) and safetensors. Of several sets of weights the averaged one is taken, as
    super-gradients does. None of the libraries that wrote the file is needed, and none of their code runs.

    Args:
        path: The file.
        own_processing: Take the file's processing; False for a caller who knows better, or where it isn't supported.
        own_names: Take the file's class names, likewise.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: It can't be read, is empty, cut off, of another format, or not YOLO-NAS.
        ProcessingError: It asks for a processing step that isn't supported.
    """
    path = Path(path)
    content = read_content(path)
    own = content.value.get(RECORD) if isinstance(content.value, Mapping) else None
    if own is not None:
        return _own(own, content, path, own_processing, own_names)
    try:
        found = find_tensors(content.value)
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from error
    if not found:
        raise CheckpointError(f"{path}: {_what_it_holds(content.value)}")
    try:
        said = read_metadata(content.value, path, Wanted(own_processing, own_names))
    except ProcessingError:
        if own_processing:
            raise
        said = Metadata()
    weights = strip_prefix(found)
    try:
        check_not_quantised(weights)
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from error
    if not any(name.endswith(FUSED) for name in weights):  # of what can't be one, nothing is read
        require_network(weights, path)
    state_dict = unfuse(content.tensors(weights))
    return Checkpoint.from_state_dict(
        state_dict,
        path,
        said.class_names if own_names else None,
        said.processing if own_processing else None,
        skeleton=said.skeleton,
        task=said.task,
    )


def read_content(path: Path) -> Content:
    """Return all that a weight file holds, as plain containers and inert records.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: It can't be read, is empty, cut off or of another format.
    """
    try:
        return _recognise(path).read(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: there is no such file") from error
    except IsADirectoryError as error:
        raise CheckpointError(f"{path}: this is a folder, not a weight file") from error
    except OSError as error:
        raise CheckpointError(f"{path}: the file can't be read: {error.strerror or error}") from error


def _own(record: Any, content: Content, path: Path, own_processing: bool, own_names: bool) -> Checkpoint:
    """Read a file of our own; the tensors of a .pt are still to be got."""
    weights = record.get("state_dict") if isinstance(record, Mapping) else None
    if not isinstance(weights, Mapping) or not all_tensors(weights.values()):
        raise CheckpointError(f"{path}: its record is damaged: there are no tensors in it")
    try:
        check_names(weights)
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from error
    metadata = record.get("header")
    if isinstance(metadata, Mapping):  # what nobody wants of it may be beyond understanding
        wanted = {"processing": own_processing, "class_names": own_names}
        harmless = {"processing": COCO.to_json(), "class_names": '["object"]'}
        metadata = {k: v if wanted.get(k, True) else harmless[k] for k, v in metadata.items()}
    info = from_header(metadata, path)
    checkpoint = Checkpoint.from_state_dict(
        restore_unused(content.tensors(weights)),
        path,
        info.names if own_names else None,
        info.processing if own_processing else None,
        skeleton=info.skeleton,
        licence=info.licence,
        training_data=info.training_data,
    )
    if checkpoint.task != info.task:
        raise CheckpointError(
            f"{path}: its header is damaged: it says {info.task}, the tensors are those of a network for "
            f"{checkpoint.task}"
        )
    if checkpoint.size != info.size:
        raise CheckpointError(
            f"{path}: its header is damaged: it says size {info.size}, the tensors are of {checkpoint.size}"
        )
    return checkpoint


def _recognise(path: Path) -> Format:
    head = OpenedFile(path).read(0, 512)
    if not head:
        raise CheckpointError(f"{path}: the file is empty")
    for candidate in FORMATS:
        if candidate.matches(head[:16]):
            return candidate
    if head[257:262] == b"ustar":
        raise CheckpointError(
            f"{path}: a tar archive: not a weight file that is read today, if it is one of torch before 0.1.10; "
            "save it again with a newer torch"
        )
    raise CheckpointError(
        f"{path}: not a weight file: it begins with {head[:16]!r}, neither torch's format nor safetensors; "
        "if it was downloaded, look whether it is an error page"
    )


def _what_it_holds(content: Any) -> str:
    if not isinstance(content, Mapping) or not content:
        return f"holds {describe(content)}, not a state dict, a training checkpoint or a module"
    keys = ", ".join(describe(key) for key in list(content)[:8])
    return f"no weights in it: expected tensors, or a set of them such as 'ema_net' or 'net', and found {keys}"


def _read_torch(path: Path) -> Content:
    file = TorchFile(path)
    return Content(file.content, file.tensors)


def _read_safetensors(path: Path) -> Content:
    file = SafetensorsFile(path)
    own = {RECORD: {"header": file.metadata, "state_dict": file.views}}
    return Content(own if VERSION_KEY in file.metadata else file.views, file.tensors)


def _is_safetensors(head: bytes) -> bool:
    """Eight bytes give the length of a JSON header, which begins with a brace."""
    return len(head) >= 9 and head[8:9] == b"{" and struct.unpack("<Q", head[:8])[0] < 1 << 40


FORMATS: Final = (
    Format("torch zip", lambda head: head.startswith(b"PK\x03\x04"), _read_torch),
    Format("safetensors", _is_safetensors, _read_safetensors),
    Format("torch legacy pickle", lambda head: head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05", _read_torch),
)
