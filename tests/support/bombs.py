"""Pickles that are small and well formed, and mean something vast: for its readers' time, memory, stack or types.

``CORPUS`` has one trick each: how to write the file, and what its refusal says.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch

from tests.support.hostile_weights import MAGIC, legacy, numbers, state, storage, tensor, text, torch_zip
from yolonas_plugin.processing import COCO

TENSOR: Final = tensor(0, (0,), (1,))
BLOCK: Final = "a.rbr_reparam.weight"  # of a name that says nothing yet about what network it is
MODULE: Final = b"ctorch.nn.modules.container\nSequential\n)\x81"
SCALAR: Final = b"cnumpy.core.multiarray\nscalar\n"
FLOAT: Final = b"cnumpy\ndtype\nU\x02f8\x85R"


def zipped(program: bytes) -> Callable[[Path], None]:
    """Pack a program with a storage for its tensors."""
    return lambda path: torch_zip(path, b"\x80\x02" + program + b".", {"0": bytes(16)})


def keep(index: int, value: bytes) -> bytes:
    """Put ``value`` aside, to be named by :func:`kept`."""
    return value + b"q" + bytes([index]) + b"0"


def kept(index: int) -> bytes:
    return b"h" + bytes([index])


def table(**entries: bytes) -> bytes:
    return b"}(" + b"".join(text(name) + value for name, value in entries.items()) + b"u"


def many(count: int, value: bytes) -> bytes:
    """A table of ``value`` under ``count`` names."""
    return b"}(" + b"".join(text(f"{index:x}") + value for index in range(count)) + b"u"


def times(count: int, value: bytes) -> bytes:
    """A list of ``value``, so many times."""
    return b"(" + value * count + b"l"


def module(**attributes: bytes) -> bytes:
    return MODULE + table(**{"_modules": b"}", **attributes}) + b"b"


def params(first: bytes = b"", **entries: bytes) -> Callable[[Path], None]:
    """Write a set of weights beside ``processing_params``."""
    return zipped(first + table(net=table(a=TENSOR), processing_params=table(**entries)))


def array(shape: tuple[int, ...], content: bytes) -> bytes:
    start = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    return start + b"(K\x01" + numbers(shape) + FLOAT + b"\x89" + content + b"tb"


def doubled(levels: int) -> bytes:
    """A tuple that holds the one before it twice, so many times: to hash it takes two to that power of steps."""
    program = keep(0, b")")
    for level in range(levels):
        program += keep(level + 1, kept(level) * 2 + b"\x86")
    return program + kept(levels)


def storages(listed: bytes) -> Callable[[Path], None]:
    """Write the older format with a list of storages of any kind."""
    return legacy(b"\x80\x02" + storage(1) + b".", b"\x80\x02(" + listed + b"l.")


def sets_in_every_pickle(path: Path) -> None:
    sets = times(490_000, b"\x8f")
    system = b"\x80\x04" + table(a=sets) + b"."
    path.write_bytes(MAGIC + pickle.dumps(1001, 2) + system + b"\x80\x04" + sets + b".\x80\x04" + sets + b".")


def sets_of_weights_in_each_other() -> bytes:
    names = ["ema_net", "ema_state_dict", "ema_model", "ema", "net", "model", "state_dict", "model_state_dict"]
    tensors = b"".join(text(f"{index:x}") + kept(0) for index in range(160_000))
    return keep(0, TENSOR) + b"}q\x01(" + tensors + b"".join(text(name) + kept(1) for name in names) + b"u"


def modules_that_share(**attributes: bytes) -> bytes:
    """10,000 modules with the same, large attributes."""
    return keep(1, module(**attributes)) + module(_modules=many(10_000, kept(1)))


def fused(kernel: tuple[int, ...], stride: tuple[int, ...], bias: int) -> Callable[[Path], None]:
    """Write a fused block of bytes, from which a reader would make as many floats, several times over."""
    size = 100 << 20

    def write(path: Path) -> None:
        block = {
            "a.bn.weight": tensor(0, (0,), (1,), kind="CharStorage"),
            "a.rbr_reparam.weight": tensor(size, kernel, stride, kind="CharStorage"),
            "a.rbr_reparam.bias": tensor(size, (bias,), (1,), kind="CharStorage"),
        }
        torch_zip(path, b"\x80\x02" + table(**block) + b".", {"0": bytes(size)})

    return write


def own(**entries: str) -> Callable[[Path], None]:
    """Write a file of ours with these entries in its header."""
    header = {"yolonas_format": "1", "size": "n", "class_names": "[]", "processing": COCO.to_json(), "package": "x"}
    content = {"yolonas": {"header": header | entries, "state_dict": {"a": torch.zeros(1)}}}
    return lambda path: torch.save(content, path)


NO_DETECTOR: Final = "not a YOLO-NAS detector"
UNKNOWN: Final = "processing_params can't be understood"
OBJECTS: Final = '[{"":0}' + ',{"":0}' * 1_600_000 + "]"

CORPUS: Final[dict[str, tuple[Callable[[Path], Any], str]]] = {
    # hashed or compared
    "list of storages of lists": (storages(b"]"), "list of storages"),
    "list of storages of a deep tuple": (storages(b")" + b"\x85" * 90_000), "list of storages"),
    "list of storages of a tuple that doubles": (storages(doubled(60)), "list of storages"),
    "tuple that doubles as a key": (zipped(b"}" + doubled(60) + b"Ns"), "a tuple as a key"),
    "tuple that doubles in a set": (zipped(b"\x8f(" + doubled(60) + b"\x90"), "a tuple as a key"),
    "sets in every pickle of the older format": (sets_in_every_pickle, "instructions"),
    # nested
    "references 490,000 levels deep": (zipped(b"N" + b"Q" * 490_000), "holds a Persistent"),
    "objects 160,000 levels deep": (zipped(keep(0, b"ca\nb\n") + kept(0) * 160_000 + b"N" + b"\x85R" * 160_000), "a.b"),
    "deep object as a key": (
        zipped(b"}" + keep(0, b"ca\nb\n") + kept(0) * 150_000 + b"N" + b"\x85R" * 150_000 + b"Ns"),
        "found a.b",
    ),
    "deep module beyond a fourth set of weights": (
        zipped(
            table(
                ema_net=b"}"
                + (text("ema_net") + b"}") * 3
                + text("ema_net")
                + b"".join(MODULE + b"}" + text("_modules") + b"}" + text("a") for _ in range(100))
                + b"N"
                + b"ssb" * 100
                + b"s" * 4,
                net=table(a=TENSOR),
            )
        ),
        NO_DETECTOR,
    ),
    # named over and over
    "one tensor under 160,000 names": (zipped(keep(0, TENSOR) + many(160_000, kept(0))), "160000 tensors"),
    "one tensor under 160,000 names, in our own file": (
        zipped(keep(0, TENSOR) + table(yolonas=table(header=b"}", state_dict=many(160_000, kept(0))))),
        "160000 tensors",
    ),
    "sets of weights that hold each other": (zipped(sets_of_weights_in_each_other()), "no weights in it"),
    "modules that share 100,000 tensors": (
        zipped(keep(0, TENSOR) + modules_that_share(_parameters=many(100_000, kept(0)))),
        "nested too deep",
    ),
    "modules that share 100,000 names": (
        zipped(modules_that_share(_non_persistent_buffers_set=many(100_000, b"N"))),
        "nested too deep",
    ),
    "text named 49,000 times": (
        params(keep(0, text("a" * (1 << 20))), image_processor=times(49_000, kept(0))),
        "too long",
    ),
    "text named 49,000 times in class names": (
        params(keep(0, text("a" * (1 << 20))), class_names=times(1, times(49_000, kept(0)))),
        "too long",
    ),
    "array named 49,000 times": (
        params(keep(0, array((5000,), b"B" + struct.pack("<I", 40_000) + bytes(40_000))), iou=times(49_000, kept(0))),
        "too long",
    ),
    "number named 49,000 times, with text of 15 MB": (
        params(keep(0, SCALAR + FLOAT + text("a" * (15 << 20)) + b"\x86R"), iou=times(49_000, kept(0))),
        "too long",
    ),
    # long
    "module with a name of 10 MB": (
        zipped(
            keep(0, TENSOR)
            + keep(1, module(_parameters=many(1000, kept(0))))
            + module(_modules=b"}" + text("a" * (10 << 20)) + kept(1) + b"s")
        ),
        "is no name",
    ),
    "tensor's name of five million parts": (
        zipped(b"}" + text("aa." * (5 << 20) + "backbone.stem.conv.branch_3x3.conv.weight") + TENSOR + b"s"),
        "is no name",
    ),
    "tensor's name of eight texts": (
        zipped(keep(0, text("a" * (8 << 20))) + b"}(" + kept(0) * 8 + b"t" + TENSOR + b"s"),
        "is no name",
    ),
    "tensor's name that moves the cursor": (zipped(b"}" + text("a\x1b[2Jb") + TENSOR + b"s"), "is no name"),
    "tensor's name of half a letter": (zipped(b"}X\x03\x00\x00\x00\xed\xa0\x80" + TENSOR + b"s"), "is no name"),
    # numbers
    "tensor of nothing by 2^78": (
        zipped(state(tensor(0, (0, 1 << 39, 1 << 39), (1, 1, 1)), BLOCK)[2:-1]),
        "impossible shape",
    ),
    "array of nothing by 10^12": (params(iou=array((10**12, 0), b"U\x00")), UNKNOWN),
    "fused block with 100 million channels": (fused((100 << 20, 0, 3, 3), (0, 9, 3, 1), 100 << 20), NO_DETECTOR),
    "fused block of 100 million numbers": (fused((11 << 20, 1, 3, 3), (9, 9, 3, 1), 11 << 20), "tensors claim"),
    # of another type than they have to be
    "type of numbers with a short state": (params(iou=SCALAR + FLOAT + b"K\x01\x85bU\x08aaaaaaaa\x86R"), UNKNOWN),
    "type of numbers with a table as its state": (params(iou=SCALAR + FLOAT + b"}NNsbU\x08aaaaaaaa\x86R"), UNKNOWN),
    "type of numbers made from nothing": (params(iou=SCALAR + b"cnumpy\ndtype\n]RU\x08aaaaaaaa\x86R"), UNKNOWN),
    "set made from a number": (params(iou=b"c__builtin__\nset\nK\x05R"), NO_DETECTOR),
    "set made from a name": (params(iou=b"c__builtin__\nset\nca\nb\nR"), NO_DETECTOR),
    "set of unsaved names made from a number": (
        zipped(module(_non_persistent_buffers_set=b"c__builtin__\nset\nK\x05R")),
        "holds torch.nn",
    ),
    "size made from a number": (
        zipped(table(**{BLOCK: TENSOR.replace(numbers((0,)), b"ctorch\nSize\nK\x05R", 1)})),
        "impossible shape",
    ),
    # our own header
    "class names that become 500 MB": (own(class_names=OBJECTS), "more than 1 MB"),
    "processing that becomes 500 MB": (own(processing=OBJECTS), "more than 1 MB"),
    "header of 10^7 entries": (own(class_names="9" * 10_000_000), "more than 1 MB"),
}
