"""How the fuzzer changes pickles and JSON: most of what comes out is well formed, and so reaches what lies behind."""

from __future__ import annotations

import json
import pickletools
import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, Final

import atheris

from tests.support import hostile_weights as hostile

Mutator = Callable[[bytes, int, int], bytes]
"""From the bytes, their greatest length and a seed to other bytes."""

NAMES: Final = [
    *("x Y", "builtins getattr", "__builtin__ set", "collections OrderedDict", "collections defaultdict"),
    *("torch FloatStorage", "torch HalfStorage", "torch ByteStorage", "torch BoolStorage", "torch Size"),
    *("torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter", "torch._tensor _rebuild_from_type_v2"),
    *("numpy dtype", "numpy.core.multiarray scalar", "numpy.core.multiarray _reconstruct", "_codecs encode"),
    *("super_gradients.x ImagePermute", "omegaconf.listconfig ListConfig", "torch.nn.modules.container Sequential"),
]
TEXTS: Final = [
    *("net", "ema_net", "model", "state_dict", "yolonas", "header", "_modules", "_parameters", "_buffers", "_content"),
    *("_non_persistent_buffers_set", "_class_names", "_image_processor", "processing_params", "class_names", "iou"),
    *("image_processor", "ComposeProcessing", "processings", "StandardizeImage", "output_shape", "pad_value", "mean"),
    *("hyper_parameters", "input_size", "pytorch-lightning_version", "libreyolo_version", "model_family", "quant"),
    *("storage", "0", "1", "f8", "<", "latin1", "", "\x1b[2J", "\ud800", "a" * 600),
]
_OBJECTS: Final = [
    *(b"c" + name.replace(" ", "\n").encode() + b"\n" for name in NAMES),
    *(b"X" + len(raw).to_bytes(4, "little") + raw for raw in (text.encode(errors="surrogatepass") for text in TEXTS)),
    *(hostile.number(value) for value in (0, 1, 2, 3, -1, 255, 1 << 31, 1 << 39, 1 << 63, -(1 << 90))),
    *(b"G" + value for value in (bytes(8), b"\x7f\xf0" + bytes(6), b"\x7f\xf8" + bytes(6))),
    *(b"U\x08" + bytes(8), b"C\x08" + bytes(8), b"N", b"\x88", b")", b"]", b"}", b"\x8f"),
    *(b"K\x00\x85", b"N\x85", b"]Na", b"}NNs", b")Q", b"cx\nY\n)R", b"cx\nY\nNR", b"h\x00", b"h\x01", b"h\x02"),
]
"""Instructions that leave one more object on the stack."""
_PIECES: Final = [
    *(op.code.encode("latin1") for op in pickletools.opcodes if op.arg is None),
    *(code + bytes([index]) for code in (b"q", b"h") for index in range(10)),
    *_OBJECTS,
]
_VALUES: Final = [
    *(None, True, False, 0, 1, -1, 2, 32, 255, 1 << 31, 1 << 53, 1 << 63, 1 << 64, 10**400, 0.5, -0.0, 1e-320, 1e300),
    *(float("nan"), float("inf"), "", [], {}, [[]], [0], [{}], "F32", "BF16", "F4", "BOOL", "center", "RGB", "1"),
]


def pickles(data: bytes, longest: int, seed: int) -> bytes:
    """Drop, repeat, swap, insert and garble single instructions."""
    rng = random.Random(seed)
    parts = list(_instructions(data))
    if rng.random() < 0.2 or not parts:
        return atheris.Mutate(data, longest)
    for _ in range(rng.choice((1, 1, 1, 3))):
        place = rng.randrange(len(parts) + 1)
        match rng.randrange(8):
            case 0:
                del parts[place : place + rng.choice((1, 1, 2, 5))]
            case 1:
                parts.insert(place, rng.choice(_PIECES))
            case 2:
                parts[place : place + 1] = [rng.choice(_PIECES)]
            case 3 | 4 | 5:
                parts.insert(place, b"0" + rng.choice(_OBJECTS))  # something else in place of what is there
            case 6:
                start = rng.randrange(len(parts) + 1)
                parts[place:place] = parts[start : start + rng.choice((1, 2, 4, 8, 16))]
            case 7 if place < len(parts):
                parts[place] = atheris.Mutate(parts[place], len(parts[place]) + 8)
    return b"".join(parts)[:longest]


def _instructions(data: bytes) -> Iterator[bytes]:
    """Cut a pickle into its instructions; what can't be understood is the last piece."""
    start = None
    try:
        for _, _, place in pickletools.genops(data):
            if start is not None:
                yield data[start:place]
            start = place
    except ValueError:
        pass
    yield data[start or 0 :]


def jsons(data: bytes, longest: int, seed: int) -> bytes:
    """Replace, drop, repeat and move the values of a JSON document."""
    rng = random.Random(seed)
    try:
        document = [json.loads(data)]
    except (ValueError, RecursionError):
        document = []
    if rng.random() < 0.2 or not document:
        return atheris.Mutate(data, longest)
    for _ in range(rng.choice((1, 1, 1, 3))):
        spots = list(_spots(document))
        container, key = rng.choice(spots)
        match rng.randrange(6):
            case 0 if container is not document:
                del container[key]
            case 1 | 2:
                container[key] = deepcopy(rng.choice(_VALUES))
            case 3:
                other, name = rng.choice(spots)
                container[key] = deepcopy(other[name])
            case 4 if isinstance(container[key], dict):
                container[key][rng.choice(TEXTS)] = deepcopy(rng.choice(_VALUES))
            case 5 if isinstance(container[key], list):
                container[key] = [*deepcopy(container[key]), deepcopy(rng.choice(_VALUES))]
            case _ if isinstance(container[key], str):
                garbled = atheris.Mutate(container[key].encode(errors="surrogatepass"), len(container[key]) + 8)
                container[key] = garbled.decode("latin1")
    changed = json.dumps(document[0]).encode()
    return changed if len(changed) <= longest else data


def _spots(node: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place of a document as a container and the key in it."""
    for key in range(len(node)) if isinstance(node, list) else list(node):
        yield node, key
        if isinstance(node[key], (list, dict)):
            yield from _spots(node[key])
