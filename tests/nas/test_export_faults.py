"""An exported file that isn't what it says, is damaged or was made to do harm ends in our error when it is opened."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import synthetic
from tests.support.presses import Dying
from yolonas_plugin.cli import main
from yolonas_plugin.errors import CheckpointError, ProcessingError, RuntimeChoiceError, YoloNASPluginError
from yolonas_plugin.export.description import PROCESSING_KEY, Description
from yolonas_plugin.export.onnx import write_onnx
from yolonas_plugin.export.openvino import write_openvino
from yolonas_plugin.lean import LeanPredictor
from yolonas_plugin.nas import NAS
from yolonas_plugin.nas.module import NASModule
from yolonas_plugin.processing import COCO
from yolonas_plugin.runtimes import open_runtime
from yolonas_plugin.runtimes.onnx_file import read_onnx
from yolonas_plugin.runtimes.openvino_file import read_openvino

pytestmark = pytest.mark.usefixtures("one_thread")
onnx = pytest.importorskip("onnx")
pytest.importorskip("openvino")
pytest.importorskip("onnxruntime")

SPEC = replace(COCO, size=(64, 96), resize=(64, 96))
NAMES = ("a'b\"", "c\\d", "é\t\n")
DESCRIPTION = Description(names=NAMES, processing=SPEC, takes="pixels", gives="pair")
METADATA = DESCRIPTION.to_metadata(batch=1, dynamic=False)
PIXELS = np.random.RandomState(0).randint(0, 255, (1, 64, 96, 3), np.uint8)


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exports for images of one size."""
    folder = tmp_path_factory.mktemp("exports")
    network = synthetic.network("n", num_classes=3).fuse()
    write_onnx(network, DESCRIPTION, folder / "model.onnx", simplify=False)
    write_onnx(network, replace(DESCRIPTION, gives="engine"), folder / "free.onnx", dynamic=True, simplify=False)
    write_openvino(network, DESCRIPTION, folder / "ov", "model")
    return folder


@pytest.fixture
def exports(originals: Path, tmp_path: Path) -> Path:
    shutil.copytree(originals, tmp_path / "exports")
    return tmp_path / "exports"


def say(path: Path, metadata: dict[str, str]) -> None:
    """Give a file other metadata."""
    if path.suffix == ".onnx":
        graph = onnx.load(path)
        del graph.metadata_props[:]
        onnx.helper.set_model_props(graph, metadata)
        onnx.save(graph, path)
        return
    from xml.sax.saxutils import quoteattr

    said = "".join(f"<{key} value={quoteattr(text)} />" for key, text in metadata.items())
    xml = path.read_text(encoding="utf-8")
    path.write_text(re.sub("<yolonas>.*</yolonas>", lambda _: f"<yolonas>{said}</yolonas>", xml, flags=re.S), "utf-8")


def refused(path: Path, *words: str, runtime: str = "auto") -> str:
    with pytest.raises((CheckpointError, ProcessingError, RuntimeChoiceError)) as caught:
        open_runtime(path, runtime)
    message = str(caught.value)
    for word in words:
        assert word in message
    assert path.stem in message
    assert message.isprintable()
    assert len(message) < 1000
    return message


FILES = (("onnxruntime", "model.onnx"), ("openvino", "model.onnx"), ("openvino", "ov/model.xml"))
both = pytest.mark.parametrize(("runtime", "file"), FILES, ids=[f"{r}-{f[-4:]}" for r, f in FILES])


@both
def test_a_good_file_opens_and_says_its_names(runtime: str, file: str, exports: Path) -> None:
    opened = open_runtime(exports / file, runtime)
    assert opened.description == DESCRIPTION
    boxes, scores = opened(PIXELS)
    assert (boxes.shape[::2], scores.shape[::2]) == ((1, 4), (1, 3))


def spec(**changes: Any) -> dict[str, str]:
    return {PROCESSING_KEY: json.dumps(json.loads(SPEC.to_json()) | changes)}


CONTRADICTIONS: dict[str, tuple[dict[str, str], str]] = {
    "two names": ({"names": "{0: 'a', 1: 'b'}"}, "classes, not 2"),
    "four names": ({"names": "{0: 'a', 1: 'b', 2: 'c', 3: 'd'}"}, "classes, not 4"),
    "another form of input": ({"yolonas_takes": "prepared"}, "it takes uint8"),
    "another form of output": ({"yolonas_gives": "engine"}, "it gives"),
    "selected boxes": ({"yolonas_gives": "batch"}, "selects boxes itself"),
    "other channels": ({"channels": "4"}, "it takes 3 channels, not 4"),
    "another size": (spec(size=[96, 64], resize=[96, 64]) | {"imgsz": "[96, 64]"}, "it takes 64x96 pixels, not 96x64"),
    "two sizes": ({"imgsz": "[640, 640]"}, "contradicts itself"),
    "another batch": ({"batch": "8"}, "it takes 1 images at a time, not '8'"),
    "another task": ({"task": "pose"}, "contradicts itself"),
}


@both
@pytest.mark.parametrize("kind", CONTRADICTIONS)
def test_a_description_that_is_another_graph_s(kind: str, runtime: str, file: str, exports: Path) -> None:
    changes, words = CONTRADICTIONS[kind]
    say(exports / file, METADATA | changes)
    refused(exports / file, words, runtime=runtime)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_a_graph_that_leaves_its_sides_open_is_found_out_by_the_first_image(runtime: str, exports: Path) -> None:
    say(exports / "free.onnx", METADATA | {"yolonas_gives": "engine", "names": "{0: 'a'}"})
    with pytest.raises(CheckpointError, match=r"1 classes|not 1"):
        open_runtime(exports / "free.onnx", runtime)(PIXELS)


NEEDED = (PROCESSING_KEY, "yolonas_takes", "yolonas_gives", "names", "channels")
ODD: dict[str, dict[str, Any]] = {
    **{
        f"without {key}": {key: None} for key in (PROCESSING_KEY, "yolonas_takes", "yolonas_gives", "names", "channels")
    },
    "names of 12 MB": {"names": str(dict.fromkeys(range(100), "x" * 120_000))},
    "names nested without end": {"names": "[" * 100_000},
    "a name nested without end": {"names": "{0: " + "(" * 50_000 + "'a'" + ")" * 50_000 + "}"},
    "names that are a sum": {"names": "{0: " + "+".join("1" * 50_000) + "}"},
    "names that are a call": {"names": "{0: __import__('os').system('true')}"},
    "names that are numbers": {"names": "{0: 1, 1: 2, 2: 3}"},
    "names from 1 on": {"names": "{1: 'a', 2: 'b', 3: 'c'}"},
    "names that end early": {"names": "{0: 'a', 1: 'b', 2: 'c"},
    "names and more": {"names": "{0: 'a', 1: 'b', 2: 'c'}; x"},
    "no names": {"names": "{}"},
    "a name that steers the terminal": {"names": r"{0: 'a', 1: '\x1b[2J', 2: 'c'}"},
    "a name of 2,000 letters": {"names": str({0: "a", 1: "b" * 2000, 2: "c"})},
    "channels of 5,000 digits": {"channels": "9" * 5000},
    "channels by another script": {"channels": "٣"},
    "no channels": {"channels": "0"},
    "channels that steer the terminal": {"channels": "3 [2J"},
    "processing that is none": {PROCESSING_KEY: "[]"},
    "processing nested without end": {PROCESSING_KEY: "[" * 100_000},
    "processing with a mean of 7": spec(mean=[0.0] * 7),
    "an input of 32,768": spec(size=[32768, 32768], resize=[32768, 32768]),
    "a divisor of 400 digits": spec(divisor=10**400),
    "a field twice": {PROCESSING_KEY: SPEC.to_json()[:-1] + ', "conf": 0.9}'},
}


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    return {key: text for key, text in (METADATA | changes).items() if text is not None}


@pytest.mark.parametrize("kind", ODD)
def test_odd_metadata(kind: str) -> None:
    with pytest.raises((CheckpointError, ProcessingError)) as caught:
        Description.from_metadata(changed(ODD[kind]), "model.onnx")
    assert str(caught.value).startswith("model.onnx: ")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("value", [None, 3, b"x", ["a"], {"a": 1}])
@pytest.mark.parametrize("key", [PROCESSING_KEY, "names", "channels", "yolonas_takes", "imgsz"])
def test_metadata_that_is_no_text(key: str, value: Any) -> None:
    if (key, value) != ("imgsz", None):
        with pytest.raises((CheckpointError, ProcessingError)):
            Description.from_metadata(METADATA | {key: value}, "model.onnx")


@both
@pytest.mark.parametrize("kind", ["without names", "names of 12 MB", "a name nested without end", "a field twice"])
def test_odd_metadata_in_a_file(kind: str, runtime: str, file: str, exports: Path) -> None:
    say(exports / file, changed(ODD[kind]))
    refused(exports / file, runtime=runtime)


# --- files ---


def external(path: Path) -> None:
    graph = onnx.load(path)
    tensor = next(t for t in graph.graph.initializer if len(t.raw_data) > 1000)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", "../../../../../../etc/passwd"), ("offset", "0"), ("length", "100")):
        tensor.external_data.add(key=key, value=value)
    path.write_bytes(graph.SerializeToString())


def external_in_a_constant(path: Path) -> None:
    graph = onnx.load(path)
    tensor = onnx.TensorProto(data_type=1, dims=[4], data_location=onnx.TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="/etc/passwd")
    graph.graph.node.insert(0, onnx.helper.make_node("Constant", [], ["unused"], value=tensor))
    path.write_bytes(graph.SerializeToString())


def foreign_operation(path: Path) -> None:
    graph = onnx.load(path)
    graph.graph.node[0].domain, graph.graph.node[0].op_type = "evil.example", "Run"
    graph.opset_import.add(domain="evil.example", version=1)
    path.write_bytes(graph.SerializeToString())


def edit(old: str, new: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8") and None


BOMB = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
DAMAGE: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "ONNX, empty": (".onnx", lambda p: p.write_bytes(b""), ""),
    "ONNX, text": (".onnx", lambda p: p.write_text("<html>not found</html>"), ""),
    "ONNX, cut": (".onnx", lambda p: os.truncate(p, p.stat().st_size // 2), "cut off"),
    "ONNX, zeros": (".onnx", lambda p: p.write_bytes(bytes(1000)), ""),
    "ONNX, nested": (".onnx", lambda p: p.write_bytes(b"\x3a\x80\x80\x80\x80\x08" * 100), ""),
    "ONNX, weights elsewhere": (".onnx", external, "other files"),
    "ONNX, a constant elsewhere": (".onnx", external_in_a_constant, "other files"),
    "ONNX, a foreign operation": (".onnx", foreign_operation, "can't open the file"),
    "XML, empty": (".xml", lambda p: p.write_bytes(b""), "no XML"),
    "XML, text": (".xml", lambda p: p.write_text("not found"), "no XML"),
    "XML, another": (".xml", lambda p: p.write_text("<html/>"), "not OpenVINO's"),
    "XML, cut": (".xml", lambda p: os.truncate(p, p.stat().st_size // 2), "cut off"),
    "XML, entities": (".xml", lambda p: p.write_text(BOMB + "]><net>&i;</net>"), "document type"),
    "XML, a file as an entity": (
        ".xml",
        lambda p: p.write_text('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><net>&a;</net>'),
        "document type",
    ),
    "XML, nested": (".xml", lambda p: p.write_text("<net>" + "<a>" * 100_000), "nested too deep"),
    "XML, no description": (".xml", edit("<yolonas>", "<other>"), ""),
    "XML, an unknown operation": (".xml", edit('type="Convolution"', 'type="Run"'), "can't open the file"),
    "XML, weights far away": (".xml", edit('offset="0"', 'offset="99999999999"'), "cut off"),
    "XML, weights before": (".xml", edit('offset="0"', 'offset="-8"'), "cut off"),
    "XML, weights of 2^64": (".xml", edit('offset="0"', f'offset="{2**64 - 8}"'), "cut off"),
    ".bin, missing": (".xml", lambda p: p.with_suffix(".bin").unlink(), "can't be read"),
    ".bin, cut": (".xml", lambda p: os.truncate(p.with_suffix(".bin"), 1000), "cut off"),
    ".bin, empty": (".xml", lambda p: os.truncate(p.with_suffix(".bin"), 0), "cut off"),
    ".bin, a pipe": (".xml", lambda p: (p.with_suffix(".bin").unlink(), os.mkfifo(p.with_suffix(".bin"))), "a pipe"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_or_hostile_file(kind: str, exports: Path) -> None:
    suffix, damage, words = DAMAGE[kind]
    for runtime, file in FILES:
        if file.endswith(suffix):
            shutil.rmtree(exports / "one", ignore_errors=True)
            shutil.copytree(exports / Path(file).parent, exports / "one", ignore=shutil.ignore_patterns("one"))
            damage(exports / "one" / Path(file).name)
            refused(exports / "one" / Path(file).name, words, runtime=runtime)


def test_the_same_error_everywhere(exports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.truncate(exports / "ov" / "model.bin", 1000)
    path = exports / "ov" / "model.xml"
    for use in (LeanPredictor, NAS):
        with pytest.raises(CheckpointError, match="cut off"):
            use(path)
    assert main(["predict", "--weights", str(path), "--lean", "--source", str(exports)]) != 0
    assert "cut off" in capsys.readouterr().err


@both
def test_an_open_file_that_is_cut_changes_nothing(runtime: str, file: str, exports: Path) -> None:
    opened = open_runtime(exports / file, runtime)
    for path in (exports / file).parent.iterdir():
        if path.is_file():
            path.write_bytes(b"")
    kept = opened(PIXELS)
    assert np.isfinite(kept[0]).all()
    assert opened(PIXELS)[1].tolist() == kept[1].tolist()


# --- whatever a description says ---

texts = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["{0: 'a'}", "{0: 'a', 1: 'b", "[3]", "1e999", "NaN", "{" * 2000, "'\\N{x}'", "{0: '\\ud800'}", "3"]
    ),
    st.dictionaries(st.integers(0, 3), st.text(max_size=5), max_size=4).map(str),
)
values = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts, st.lists(st.integers(), max_size=4))
processings = st.one_of(
    texts,
    st.tuples(st.sampled_from(sorted(json.loads(SPEC.to_json()))), values).map(
        lambda pair: json.dumps(json.loads(SPEC.to_json()) | dict([pair]))
    ),
)


def bounded(examples: int) -> settings:
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def check_any_description(key: str, value: Any, processing: str) -> None:
    metadata = METADATA | {key: value, **({PROCESSING_KEY: processing} if key != PROCESSING_KEY else {})}
    try:
        found = Description.from_metadata(metadata, "file")
    except YoloNASPluginError as error:
        message = str(error)
    else:
        assert Description.from_metadata(found.to_metadata(batch=1, dynamic=True), "file") == found
        message = "file: "
    assert message.startswith("file: ")
    assert len(message) < 2000


KEYS = st.sampled_from([*METADATA, "more"])


@bounded(200)
@given(key=KEYS, value=values, processing=processings)
def test_any_description(key: str, value: Any, processing: str) -> None:
    check_any_description(key, value, processing)


@pytest.mark.exhaustive
@bounded(1_000)
@given(key=KEYS, value=values, processing=processings)
def test_any_description_longer(key: str, value: Any, processing: str) -> None:
    check_any_description(key, value, processing)


@bounded(40)
@given(place=st.integers(0, 1 << 30), patch=st.binary(min_size=1, max_size=4), cut=st.booleans())
def test_any_bytes_in_a_file(place: int, patch: bytes, cut: bool, originals: Path, tmp_path: Path) -> None:
    """What reads files before the engines do takes everything."""
    for name, reader in (("model.onnx", read_onnx), ("ov/model.xml", read_openvino)):
        content = bytearray((originals / name).read_bytes())
        at = place % len(content)
        content[at : at + len(patch)] = patch
        path = tmp_path / Path(name).name
        path.write_bytes(content[:at] if cut else content)
        path.with_suffix(".bin").write_bytes(b"")
        with contextlib.suppress(YoloNASPluginError):
            reader(path)


def test_ctrl_c_of_which_a_library_makes_another_error_is_ctrl_c(nano: Path, tmp_path: Path) -> None:
    def press(_: Any) -> None:  # as torch's compiler does, in C++
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as error:
            raise RuntimeError("could not cast attribute: KeyboardInterrupt") from error

    model = NAS(nano)
    model.add_callback("on_export_start", press)
    with pytest.raises(KeyboardInterrupt):
        model.export("torchscript", output=tmp_path, imgsz=64)
    assert list(tmp_path.iterdir()) == []
    model.clear_callback("on_export_start")
    assert Path(model.export("torchscript", output=tmp_path, imgsz=64)).exists()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("format", ["onnx", "openvino", "torchscript", "triton", "frigate"])
def test_a_press_that_python_drops_while_it_exports_is_heard(
    format: str, nano: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fuse = NASModule.fuse

    def pressed(self: NASModule, *args: Any, **kwargs: Any) -> NASModule:
        Dying()
        return fuse(self, *args, **kwargs)

    monkeypatch.setattr(NASModule, "fuse", pressed)
    with pytest.raises(KeyboardInterrupt):
        NAS(nano).export(format, output=tmp_path, **({} if format == "frigate" else {"imgsz": 64}))
    assert not any(path.name.endswith(".tmp") for path in tmp_path.rglob("*"))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_press_that_python_drops_while_a_runtime_is_made_is_heard(
    nano: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe = NASModule.current_info

    def pressed(self: NASModule) -> Any:
        Dying()
        return describe(self)

    monkeypatch.setenv("YOLONAS_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(NASModule, "current_info", pressed)
    with pytest.raises(KeyboardInterrupt):
        NAS(nano, runtime="onnxruntime").predict(np.zeros((64, 64, 3), np.uint8))
