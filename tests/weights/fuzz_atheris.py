"""Coverage-guided fuzzing of the reader: ``python -m tests.weights.fuzz_atheris TARGET FOLDER [libFuzzer's options]``.

Each target is a place where a file's bytes are chosen by the fuzzer, and what stands around them is not. Any of these
ends it, and leaves the input in ``FOLDER/crash-*`` (hand that in place of the options to run it alone):

- an exception that isn't ours, a message without the file's path or that would spoil a terminal;
- an audited event other than opening the file: imports, commands, sockets, other files, code that is compiled;
- memory beyond twice the file plus 200 MB, or 5 seconds of the processor;
- a description of images that can't be written into our own header.

What it has learnt stays in ``FOLDER/TARGET`` for the next run.
"""

from __future__ import annotations

import codecs
import io
import json
import pickle
import resource
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import atheris
import numpy as np
import torch
from safetensors.torch import save

import yolonas_plugin.nn  # noqa: F401

with atheris.instrument_imports(include=["yolonas_plugin"]):  # all that isn't imported yet, so the reader alone
    from yolonas_plugin.weights import header, projects, read, torch_file

from tests import golden
from tests.support import hostile_weights as hostile
from tests.support.checkpoints import PARAMS, small_files
from tests.support.mutations import Mutator, jsons, pickles
from yolonas_plugin.errors import YoloNASPluginError
from yolonas_plugin.info import ModelInfo
from yolonas_plugin.processing import COCO, ProcessingSpec

SECONDS: Final = 5
MEGABYTES: Final = 200
LONGEST_MESSAGE: Final = 4000


def model(path: Path) -> ProcessingSpec | None:
    """Read a file and build its network; return how images are prepared for it."""
    found = read.read_checkpoint(path)
    found.build()
    return found.processing


def description(path: Path) -> ProcessingSpec | None:
    """Read what a file says about images, as if its weights were a detector's."""
    return projects.read_metadata(torch_file.TorchFile(path).content, path)[1]


class Target(NamedTuple):
    """Where the fuzzer's bytes go, what they are in real files, their greatest number, and how they are changed."""

    file: Callable[[bytes], bytes]
    seeds: Callable[[], list[bytes]]
    longest: int
    mutate: Mutator | None = None
    read: Callable[[Path], ProcessingSpec | None] = model


# --- files around the fuzzer's bytes ---


def zipped(program: bytes) -> bytes:
    file = io.BytesIO()
    hostile.torch_zip(file, program, {str(key): bytes(8192) for key in range(8)})
    return file.getvalue()


def safetensors(metadata: bytes) -> bytes:
    return len(metadata).to_bytes(8, "little") + metadata + bytes(8)


def record(entries: bytes) -> bytes:
    """A file of ours with a header of these entries; an entry that is no text stands in it as JSON."""
    header = {name: text if isinstance(text, str) else json.dumps(text) for name, text in _object(entries).items()}
    content = {"__metadata__": header, "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    return safetensors(json.dumps(content).encode())


def described(entries: bytes) -> bytes:
    """A checkpoint with these entries beside a set of weights."""
    program = pickle.dumps(_object(entries), 2)[:-1]
    net = hostile.text("net") + hostile.state(hostile.tensor(1, (1,), (1,)))[2:-1]
    return zipped(program + b"(" + net + b"u.")


def _object(document: bytes) -> dict[str, Any]:
    try:
        value = json.loads(document)
    except (ValueError, RecursionError):
        value = document.decode("latin1")
    return value if isinstance(value, dict) else {"processing": value, "processing_params": value}


# --- real ones ---


def _small() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        return list(small_files(Path(folder)).values())


def _programs() -> list[bytes]:
    """Tensors, modules and values of every kind as torch pickles them, each in a small program of its own."""
    net = {"a.b": torch.zeros(2)}
    kinds = [
        np.float32(0.5),
        np.zeros((1, 2)),
        np.array([1, 2], ">i2"),
        {"a", 1},
        torch.Size([1]),
        [PARAMS["conf"], (1,)],
    ]
    contents = [
        *({"net": net, "processing_params": {"iou": value}} for value in kinds),
        {"net": net, "processing_params": {"image_processor": {"StandardizeImage": {"max_value": np.float64(1)}}}},
        {"net": {"a.b": torch.nn.Parameter(torch.zeros(2).half())}, "processing_params": PARAMS},
        {"model": torch.nn.Sequential(torch.nn.BatchNorm2d(1))},
    ]
    return [*map(_program, contents), pickle.dumps(PARAMS, 0)]


def _networks() -> list[bytes]:
    """The layers by which a network is known, of several kinds, and a whole one."""
    known = ["backbone.stem.conv.branch_3x3.conv.weight", "backbone.stage1.blocks.conv1.conv.weight"]
    known += [f"heads.head{i}.cls_pred.bias" for i in (1, 2, 3)]
    shapes = [(32, 3, 3, 3), (32, 64, 1, 1), (3,), (3,), (3,)]
    layers = {name: torch.zeros(shape) for name, shape in zip(known, shapes, strict=True)}
    fused = {
        "a.bottlenecks.rbr_reparam.weight": torch.zeros(2, 2, 3, 3),
        "a.bottlenecks.rbr_reparam.bias": torch.zeros(2),
    }
    contents = [
        {"net": layers, "processing_params": PARAMS},
        {**layers, **fused, "a.bn.weight": torch.zeros(2)},
        {header.RECORD: {"header": header.to_header(_info()), "state_dict": layers}},
    ]
    return [*map(_program, contents), golden.load_arrays("module")["program"].tobytes()]


def _program(content: Any) -> bytes:
    """Return the pickle in the file that torch makes."""
    file = io.BytesIO()
    torch.save(content, file)
    with zipfile.ZipFile(file) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("/data.pkl")))


def _safetensors() -> list[bytes]:
    tensors = {
        "a.b": torch.zeros(1),
        "c": torch.zeros(0, 2, dtype=torch.float16),
        "d": torch.tensor(1, dtype=torch.int32),
    }
    files = [save(tensors), save(tensors, {"format": "pt"}), save(tensors, header.to_header(_info()))]
    return [file[8 : 8 + int.from_bytes(file[:8], "little")] for file in files]


def _info() -> ModelInfo:
    return ModelInfo(size="n", names=("a", "b"), processing=COCO, licence="free", training_data="none")


def _record() -> list[bytes]:
    entries = header.to_header(_info())
    return [json.dumps(entries | {name: json.loads(entries[name]) for name in ("class_names", "processing")}).encode()]


def _descriptions() -> list[bytes]:
    def compose(steps: list[Any]) -> dict[str, Any]:
        return {"ComposeProcessing": {"processings": steps}}

    resize, *steps = [
        {"DetectionLongestMaxSizeRescale": {"output_shape": [320, 320]}},
        {"DetectionCenterPadding": {"output_shape": [640, 640], "pad_value": 114}},
        {"DetectionAutoPadding": {"shape_multiple": [32, 32], "pad_value": 0}},
        {"StandardizeImage": {"max_value": 255.0}},
        {"NormalizeImage": {"mean": [0.1, 0.2, 0.3], "std": [1.0, 2.0, 3]}},
    ]
    rescale = {"DetectionRescale": {"output_shape": [320, 320]}}
    more = {"nms_top_k": 1000, "max_predictions": 300, "multi_label_per_box": True, "class_agnostic_nms": False}
    contents = [
        {"processing_params": PARAMS},
        {"processing_params": more | {"image_processor": rescale}},
        *({"processing_params": more | {"image_processor": compose([rescale, step])}} for step in steps),
        {"processing_params": more | {"image_processor": compose([resize, *steps, "ImagePermute"])}},
        {"libreyolo_version": "1", "model_family": "yolonas", "task": "detect", "names": {"0": "a"}, "imgsz": 320},
        {"pytorch-lightning_version": "2", "hyper_parameters": {"input_size": 320}},
    ]
    return [json.dumps(content).encode() for content in contents]


TARGETS: Final = {
    "file": Target(lambda data: data, _small, 16_384),
    "pickle": Target(zipped, _programs, 4096, pickles),
    "network": Target(zipped, _networks, 300_000, pickles),
    "safetensors": Target(safetensors, _safetensors, 4096, jsons),
    "record": Target(record, _record, 4096, jsons),
    "processing": Target(described, _descriptions, 4096, jsons, description),
}

# --- the judge ---

_armed = False
_events: list[str] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _armed or event in ("builtins.id", "mmap.__new__", "object.__getattr__"):
        return
    if event == "open" and str(arguments[0]) == str(_path) and arguments[1] in ("r", "rb", None):
        return
    _events.append(f"{event}{arguments}")
    raise RuntimeError(f"a file brings about {event}{arguments}")


def _resident() -> int:
    """Address space of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def judge(path: Path, read: Callable[[Path], ProcessingSpec | None], allowed: int) -> None:
    """Read ``path`` in at most ``allowed`` bytes of address space.

    Raises:
        AssertionError: It came to something that no file may bring about.
    """
    global _armed
    _events.clear()
    message = str(path)
    started = time.process_time()
    resource.setrlimit(resource.RLIMIT_AS, (allowed, resource.RLIM_INFINITY))
    _armed = True
    try:
        found = read(path)
        assert found is None or ProcessingSpec.from_json(found.to_json()) == found, found
    except YoloNASPluginError as error:
        message = str(error)
    finally:
        _armed = False
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert not _events, _events
    assert str(path) in message, message
    assert len(message) < LONGEST_MESSAGE, message[:LONGEST_MESSAGE]
    assert message.isprintable(), ascii(message)
    assert time.process_time() - started < SECONDS


def main(name: str, folder: Path, options: list[str]) -> None:
    global _path
    target = TARGETS[name]
    corpus = folder / name
    corpus.mkdir(parents=True, exist_ok=True)
    seeds = target.seeds()
    for index, seed in enumerate(seeds):
        (corpus / f"seed-{index}").write_bytes(seed)
    _path = folder / f"{name}.input"

    def run(data: bytes) -> None:
        _path.write_bytes(target.file(data))
        judge(_path, target.read, before + 2 * _path.stat().st_size + (MEGABYTES << 20))

    torch.set_num_threads(1)
    before = _resident() + (1 << 30)
    codecs.lookup("raw-unicode-escape")
    for seed in seeds:  # what is imported at first use
        run(seed)
    before = _resident()
    sys.addaudithook(_audit)
    atheris.Setup(
        [
            sys.argv[0],
            f"-max_len={target.longest}",
            f"-artifact_prefix={folder}/",
            "-timeout=30",
            "-rss_limit_mb=0",  # the limit of address space is exact
            *(options if any(not option.startswith("-") for option in options) else [*options, str(corpus)]),
        ],
        run,
        custom_mutator=target.mutate,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in TARGETS:
        sys.exit(f"{__doc__}\nTargets: {', '.join(TARGETS)}")
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
