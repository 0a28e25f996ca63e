"""A weight file that others cut or write to ends in our error, or changes nothing: never the process, nor a value."""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.support import synthetic
from tests.support.checkpoints import refused, save_legacy, training_checkpoint
from yolonas_plugin.weights import read_checkpoint
from yolonas_plugin.weights.opened import OpenedFile
from yolonas_plugin.weights.safetensors_file import SafetensorsFile

pytestmark = pytest.mark.usefixtures("one_thread")

StateDict = dict[str, Tensor]
WRITERS: dict[str, Callable[[StateDict, Path], None]] = {
    "torch": lambda weights, path: torch.save(training_checkpoint(weights), path),
    "torch, legacy": save_legacy,
    "safetensors": lambda weights, path: save_file(weights, path),
}
BIAS = "heads.head1.cls_pred.bias"


@pytest.fixture(scope="module")
def weights() -> StateDict:
    return dict(synthetic.network("n", num_classes=3).state_dict())


@pytest.fixture(params=WRITERS)
def file(request: pytest.FixtureRequest, weights: StateDict, tmp_path: Path) -> Path:
    path = tmp_path / "weights"
    WRITERS[request.param](weights, path)
    return path


def test_what_was_read_is_no_longer_the_file_s(file: Path, weights: StateDict) -> None:
    found = read_checkpoint(file)
    if sys.platform == "linux":
        assert str(file) not in Path("/proc/self/maps").read_text()
    size = file.stat().st_size
    with file.open("r+b") as handle:  # in place, as cp, torch.save and rsync --inplace do
        handle.write(os.urandom(size))
    assert torch.equal(found.state_dict[BIAS], weights[BIAS])
    file.write_bytes(b"")
    assert all(torch.equal(found.state_dict[name], weights[name]) for name in weights)
    assert torch.equal(found.build().state_dict()[BIAS], weights[BIAS])


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 3)


def overwritten(path: Path) -> None:
    state = path.stat()
    with path.open("r+b") as handle:
        handle.seek(state.st_size // 2)
        handle.write(bytes(64))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))  # a clock that ticks seldom shows no difference


def extended(path: Path) -> None:
    with path.open("ab") as handle:
        handle.write(b"more")


@pytest.mark.parametrize("change", [cut, overwritten, extended])
@pytest.mark.parametrize("when", [1, 40])
def test_a_file_that_changes_while_it_is_read_is_refused(
    when: int, change: Callable[[Path], None], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = 0
    plain = OpenedFile.read_into

    def read_into(self: OpenedFile, start: int, buffer: Any) -> None:
        nonlocal reads
        if reads == when:
            change(file)
        reads += 1
        plain(self, start, buffer)

    monkeypatch.setattr(OpenedFile, "read_into", read_into)
    refused(file, *() if change is cut and when == 1 else ("changed while it was read",))
    assert reads > when


def test_a_network_has_weights_of_its_own(file: Path, weights: StateDict) -> None:
    found = read_checkpoint(file)
    for network in (found.build(), found.build()):
        torch.nn.init.zeros_(network.get_parameter(BIAS))
    assert torch.equal(found.state_dict[BIAS], weights[BIAS])


def test_one_that_weights_are_handed_to_shares_none_within_itself(weights: StateDict, tmp_path: Path) -> None:
    """Two names for one tensor in the file are two tensors in the network."""
    other = BIAS.replace("1", "2")
    shared = weights[BIAS].repeat(2)[: len(weights[BIAS])]  # of a storage that has room for both
    torch.save(weights | {BIAS: shared, other: shared}, tmp_path / "a")
    network = read_checkpoint(tmp_path / "a").build(hand_over=True)
    torch.nn.init.zeros_(network.get_parameter(BIAS))
    assert torch.equal(network.get_parameter(other), weights[BIAS])


def test_a_pipe_or_a_device_is_no_weight_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pt")
    refused(tmp_path / "pipe.pt", "a device or a pipe")
    refused(Path("/dev/zero"), "a device or a pipe")


# --- safetensors, whose table is read here ---


def table(path: Path, header: Any, content: bytes = b"", length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + content)
    return path


def entry(dtype: Any = "F32", shape: Any = (2,), span: Any = (0, 8), **more: Any) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": span} | more


DAMAGED: dict[str, tuple[Any, bytes]] = {
    "no table": ([], b""),
    "no JSON": (b"{nonsense}", b""),
    "no UTF-8": (b'{"\xff": 1}', b""),
    "a tensor that is a number": ({"a": 3}, b""),
    "a tensor without a type": ({"a": {"shape": [2], "data_offsets": [0, 8]}}, bytes(8)),
    "more than there is to say": ({"a": entry(also=1)}, bytes(8)),
    "an unknown type": ({"a": entry("F4")}, bytes(8)),
    "a type that is a list": ({"a": entry(["F32"])}, bytes(8)),
    "a side of text": ({"a": entry(shape=["2"])}, bytes(8)),
    "a side of true": ({"a": entry(shape=[2, True])}, bytes(8)),
    "a negative side": ({"a": entry(shape=[-2])}, bytes(8)),
    "a fraction of a side": ({"a": entry(shape=[2.0])}, bytes(8)),
    "sides whose product overflows": ({"a": entry(shape=[1 << 40, 1 << 40, 0], span=[0, 0])}, b""),
    "many sides": ({"a": entry(shape=[1] * 65, span=[0, 4])}, bytes(4)),
    "too few bytes": ({"a": entry(span=[0, 4])}, bytes(4)),
    "bytes beyond the file": ({"a": entry()}, bytes(4)),
    "bytes before the data": ({"a": entry(span=[-8, 0])}, bytes(8)),
    "three offsets": ({"a": entry(span=[0, 4, 8])}, bytes(8)),
    "a huge offset": ({"a": entry(span=[1 << 63, (1 << 63) + 8])}, bytes(8)),
    "a gap": ({"a": entry(), "b": entry(span=[12, 20])}, bytes(20)),
    "an overlap": ({"a": entry(), "b": entry(span=[4, 12])}, bytes(12)),
    "the same bytes twice": ({"a": entry(), "b": entry()}, bytes(8)),
    "bytes of nobody": ({"a": entry()}, bytes(12)),
    "a name twice": (b'{"a":%b,"a":%b}' % (2 * (json.dumps(entry()).encode(),)), bytes(8)),
    "notes that are a list": ({"__metadata__": ["a"], "a": entry()}, bytes(8)),
    "a note that is a number": ({"__metadata__": {"a": 1}, "a": entry()}, bytes(8)),
    "a number of 5,000 digits": (b'{"a":' + b"9" * 5000 + b"}", b""),
    "nested without end": (b'{"a":' * 100_000, b""),
    "entries without end": (b'{"a":[' + b"{}," * 600_000 + b"1]}", b""),
    "a name that steers the terminal": ({"a\x1b[2J": entry()}, bytes(8)),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_table_is_refused(kind: str, tmp_path: Path) -> None:
    message = refused(table(tmp_path / "a", *DAMAGED[kind]))
    assert message.isprintable()
    assert len(message) < 600


@pytest.mark.parametrize("length", [0, 1, 1 << 20, (1 << 63) + 1, (1 << 64) - 1])
def test_a_table_of_impossible_length(length: int, tmp_path: Path) -> None:
    refused(table(tmp_path / "a", {"a": entry()}, bytes(8), length))


def test_tensors_are_those_of_the_library(tmp_path: Path) -> None:
    made = {
        str(dtype): torch.arange(12).reshape(3, 4).to(dtype)
        for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool)
    } | {"nothing": torch.zeros(0, 3), "number": torch.tensor(3.5)}
    save_file(made, tmp_path / "a", {"note": "ü"})
    file = SafetensorsFile(tmp_path / "a")
    assert file.metadata == {"note": "ü"}
    found, expected = file.tensors(file.views), load_file(tmp_path / "a")
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[n], expected[n]) and found[n].dtype == expected[n].dtype for n in expected)


def test_a_file_of_holes_takes_no_memory(weights: StateDict, tmp_path: Path) -> None:
    """It says that it has 8 GB, and the disk has none of them."""
    names = [n for n in weights if "cls_pred" in n or n.startswith("backbone.st")]
    size = 8 << 30
    spans = {n: entry(shape=[0], span=[0, 0]) for n in names} | {"x": entry(shape=[size >> 2], span=[0, size])}
    path = table(tmp_path / "a", spans)
    os.truncate(path, path.stat().st_size + size)
    refused(path, "more than any YOLO-NAS")


def test_of_another_network_nothing_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_file({"lm_head.weight": torch.zeros(1 << 20)}, tmp_path / "a")
    counts: list[int] = []
    plain = OpenedFile.read_into
    monkeypatch.setattr(
        OpenedFile,
        "read_into",
        lambda self, start, buffer: (counts.append(len(buffer)), plain(self, start, buffer))[1],
    )
    refused(tmp_path / "a", "not a YOLO-NAS detector", "lm_head")
    assert sum(counts) < 2000
