"""What a file says of itself, and the numbers in it, are checked when it is loaded: not at the first image."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from exhaustive import first
from tests.support import synthetic
from tests.support.checkpoints import PARAMS, as_module, libreyolo, refused, training_checkpoint
from yolonas_plugin.errors import CheckpointError, ExportError, ProcessingError
from yolonas_plugin.info import ModelInfo
from yolonas_plugin.names import MAX_NAME, checked_names
from yolonas_plugin.nn import Size
from yolonas_plugin.processing import COCO, ProcessingSpec
from yolonas_plugin.weights import read_checkpoint
from yolonas_plugin.weights.checkpoint import Checkpoint
from yolonas_plugin.weights.defaults import names_of, processing_of
from yolonas_plugin.weights.half import restore_unused, to_half
from yolonas_plugin.weights.header import to_header

pytestmark = pytest.mark.usefixtures("one_thread")

StateDict = dict[str, Tensor]
NAMES = ("RBC", "WBC", "Platelets")

STEERING = {
    "clears the screen": "\x1b[2J",
    "sets the title": "\x1b]0;x\x07",
    "C1": "\x9b2J",
    "NUL": "a\0b",
    "backspace": "cat\b\b\bdog",
    "DEL": "a\x7f",
    "next line": "a\x85b",
    "form feed": "a\x0cb",
    "read backwards": "\u202egnp.exe",
    "isolate": "\u2066a\u2069",
    "half a letter": "\ud800",
}
HARMLESS = (
    'it\'s a "cat"',
    "back\\slash",
    "tab\tbed",
    "two\nlines\r\n",
    "../../../etc/passwd",
    "细胞",
    "خلية\u200f",
    "क्‍ष",
    "👩‍🔬",
    "é" * MAX_NAME,
    "",
)


@pytest.fixture(scope="module")
def weights() -> StateDict:
    return dict(synthetic.network("n", num_classes=3).state_dict())


def header(**changes: str) -> dict[str, str]:
    return to_header(ModelInfo(size="n", names=NAMES, processing=COCO)) | changes


def spec(**changes: Any) -> str:
    return json.dumps(json.loads(COCO.to_json()) | changes)


def write_own(weights: Mapping[str, Tensor], path: Path, **changes: str) -> Path:
    save_file(dict(weights), path, metadata=header(**changes))
    return path


# --- names ---


def in_own_file(weights: StateDict, names: list[str], path: Path) -> None:
    write_own(weights, path, class_names=json.dumps(names))


def in_own_record(weights: StateDict, names: list[str], path: Path) -> None:
    torch.save({"yolonas": {"header": header(class_names=json.dumps(names)), "state_dict": weights}}, path)


def in_processing_params(weights: StateDict, names: list[str], path: Path) -> None:
    torch.save(training_checkpoint({}, net=weights, processing_params=PARAMS | {"class_names": names}), path)


def in_a_module(weights: StateDict, names: list[str], path: Path) -> None:
    module = as_module(weights)
    module._class_names = names
    torch.save(module, path)


def in_libreyolo(weights: StateDict, names: list[str], path: Path) -> None:
    torch.save(libreyolo(weights, names=dict(enumerate(names))), path)


PLACES = (in_own_file, in_own_record, in_processing_params, in_a_module, in_libreyolo)


@pytest.mark.parametrize("place", PLACES)
def test_a_name_that_steers_the_terminal_is_refused(place: Any, weights: StateDict, tmp_path: Path) -> None:
    place(weights, ["RBC", "\x9b2Jx", "Platelets"], tmp_path / "a")
    message = refused(tmp_path / "a", "class 1 is called '\\x9b2Jx'", "--names")
    assert message.isprintable()
    found = read_checkpoint(tmp_path / "a", own_names=False)
    assert found.class_names is None
    assert names_of(found, NAMES) == dict(enumerate(NAMES))


@pytest.mark.parametrize("place", PLACES)
def test_any_other_name_is_itself(place: Any, weights: StateDict, tmp_path: Path) -> None:
    names = ["../../x", "a \"b\" 'c' \\ \t\n", "ة细胞"]
    place(weights, names, tmp_path / "a")
    assert read_checkpoint(tmp_path / "a").class_names == tuple(names)


@pytest.mark.parametrize("kind", STEERING)
def test_text_that_steers_a_terminal(kind: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        checked_names([STEERING[kind]], "file")
    assert str(caught.value).isprintable()


def test_harmless_names_and_numbers() -> None:
    assert checked_names(HARMLESS, "file") == HARMLESS
    assert checked_names([1, 2.5], "file") == ("1", "2.5")


@pytest.mark.parametrize("names", [["x" * (MAX_NAME + 1)], [True], [None], [["a"]], ["a"] * 20_001])
def test_names_that_are_none(names: list[Any]) -> None:
    with pytest.raises(CheckpointError, match="file: "):
        checked_names(names, "file")


def test_names_that_a_user_gives_are_checked_too(weights: StateDict, tmp_path: Path) -> None:
    """They would be written into a file that can't be loaded."""
    found = read_checkpoint(write_own(weights, tmp_path / "a"))
    with pytest.raises(CheckpointError, match="class 2 is called"):
        names_of(found, ["a", "b", "\x1b[2J"])


@pytest.mark.parametrize("entry", ["licence", "training_data", "package"])
def test_notes_that_steer_the_terminal_are_refused(entry: str, weights: StateDict, tmp_path: Path) -> None:
    message = refused(write_own(weights, tmp_path / "a", **{entry: "fine\nprint\x1b[2J"}), entry)
    assert message.isprintable()
    read_checkpoint(write_own(weights, tmp_path / "b", **{entry: "fine\nprint\t"}))


# --- numbers ---

IMPOSSIBLE: dict[str, dict[str, Any]] = {
    "an input of 32,768": {"size": [32768, 32768], "resize": [32768, 32768]},
    "an input of 4,128": {"size": [4128, 32], "resize": [32, 32]},
    "a mean of 7": {"mean": [0.0] * 7},
    "a mean of 1": {"mean": [0.0]},
    "a mean of 3 and a deviation of 4": {"mean": [0.0] * 3, "std": [1.0] * 4},
    "a huge mean": {"mean": [10**400] * 3},
    "a mean beyond float32": {"mean": [1e300] * 3},
    "a deviation that float32 doesn't have": {"std": [1e-60] * 3},
    "a huge divisor": {"divisor": 10**400},
    "a divisor of nearly nothing": {"divisor": 1e-320},
    "a negative divisor": {"divisor": -255},
    "true as a divisor": {"divisor": True},
    "true as a deviation": {"std": [True, True, True]},
    "true as a side": {"resize": [True, 640]},
    "a huge top_k": {"top_k": 10**400},
    "a top_k of 2^63": {"top_k": 1 << 63},
    "more boxes than there are": {"max_detections": 10**9},
    "a list as a word": {"padding": ["center"]},
    "an object as a word": {"channels": {"RGB": 1}},
    "NaN": {"conf": float("nan")},
    "infinity": {"iou": float("inf")},
    "minus infinity": {"mean": [float("-inf")] * 3},
}


@pytest.mark.parametrize("kind", IMPOSSIBLE)
def test_numbers_in_a_header_that_no_network_has(kind: str, weights: StateDict, tmp_path: Path) -> None:
    write_own(weights, tmp_path / "a", processing=spec(**IMPOSSIBLE[kind]))
    (field,) = list(IMPOSSIBLE[kind])[-1:]
    message = refused(tmp_path / "a", "network input" if "size" in IMPOSSIBLE[kind] else field, error=ProcessingError)
    assert len(message) < 1000
    assert read_checkpoint(tmp_path / "a", own_processing=False).processing is None


@pytest.mark.parametrize(
    "text", ['{"conf": 0.1, "conf": 0.9}', '{"conf": ' + "9" * 5000 + "}", "[" * 100_000, '{"a":' * 9_000, "1e999"]
)
def test_json_that_is_no_processing(text: str, weights: StateDict, tmp_path: Path) -> None:
    refused(write_own(weights, tmp_path / "a", processing=text), "processing", error=ProcessingError)


def test_a_repeated_field_is_refused() -> None:
    with pytest.raises(ProcessingError, match="twice"):
        ProcessingSpec.from_json(COCO.to_json()[:-1] + ', "conf": 0.9}')


def rescaled(size: Any, *more: Any) -> dict[str, Any]:
    return {
        "image_processor": {"ComposeProcessing": {"processings": [{"DetectionRescale": {"output_shape": size}}, *more]}}
    }


PARAMETERS: dict[str, dict[str, Any]] = {
    "an input of 8,192": rescaled((8192, 8192)),
    "half a pixel": rescaled((320.5, 320)),
    "true as a side": rescaled((True, 320)),
    "text as a side": rescaled(("320", "320")),
    "a mean of 4": rescaled((320, 320), {"NormalizeImage": {"mean": [0.5] * 4, "std": [0.5] * 3}}),
    "a deviation of 0": rescaled((320, 320), {"NormalizeImage": {"mean": [0.5] * 3, "std": [0.0] * 3}}),
    "a mean that is NaN": rescaled((320, 320), {"NormalizeImage": {"mean": [float("nan")] * 3, "std": [0.5] * 3}}),
    "a huge divisor": rescaled((320, 320), {"StandardizeImage": {"max_value": 1e300}}),
    "a divisor of text": rescaled((320, 320), {"StandardizeImage": {"max_value": "255"}}),
    "grey that is no colour": {
        "image_processor": {
            "ComposeProcessing": {
                "processings": [
                    {"DetectionLongestMaxSizeRescale": {"output_shape": (320, 320)}},
                    {"DetectionBottomRightPadding": {"output_shape": (320, 320), "pad_value": 300}},
                ]
            }
        }
    },
    "conf that is NaN": PARAMS | {"conf": float("nan")},
    "conf that is true": PARAMS | {"conf": True},
    "a fraction of a box": PARAMS | {"max_predictions": 0.5},
    "text for a flag": PARAMS | {"multi_label_per_box": "no"},
    "candidates without end": PARAMS | {"nms_top_k": 1 << 40},
}


@pytest.mark.parametrize("kind", PARAMETERS)
def test_numbers_in_processing_params_that_no_network_has(kind: str, weights: StateDict, tmp_path: Path) -> None:
    torch.save(training_checkpoint({}, net=weights, processing_params=PARAMETERS[kind]), tmp_path / "a")
    refused(tmp_path / "a", error=ProcessingError)


def test_processing_that_a_user_gives_fits_the_network(weights: StateDict, tmp_path: Path) -> None:
    found = read_checkpoint(write_own(weights, tmp_path / "a"))
    with pytest.raises(ProcessingError, match=r"mean=.* has 1 values, but the network takes images of 3 channels"):
        processing_of(found, ProcessingSpec(size=(96, 96), resize=(96, 96), mean=(0.5,)))


@pytest.mark.parametrize(
    ("size", "num_classes", "in_channels", "published"),
    [("s", 80, 3, True), ("l", 80, 3, True), ("n", 80, 3, False), ("s", 79, 3, False), ("s", 80, 1, False)],
)
def test_a_silent_file_is_taken_for_a_published_one_by_its_shapes(
    size: Size, num_classes: int, in_channels: int, published: bool
) -> None:
    found = Checkpoint(path=Path("a.pt"), state_dict={}, size=size, num_classes=num_classes, in_channels=in_channels)
    assert names_of(found)[0] == ("person" if published else "class_0")
    if published:
        assert processing_of(found) == COCO
    else:
        with pytest.raises(ProcessingError, match="the file doesn't say how its images are prepared"):
            processing_of(found)


# --- the weights themselves ---

CONV = "backbone.stage1.blocks.conv1.conv.weight"
VARIANCE = "backbone.stage1.blocks.conv1.bn.running_var"
UNUSED = "backbone.stem.conv.rbr_reparam.weight"


@pytest.mark.parametrize("value", first([float("nan"), float("inf"), float("-inf")]))
@pytest.mark.parametrize("name", [CONV, VARIANCE, UNUSED, "heads.head1.cls_pred.bias"])
@pytest.mark.parametrize("save", [torch.save, save_file])
def test_weights_that_are_no_numbers_are_named(
    save: Any, name: str, value: float, weights: StateDict, tmp_path: Path
) -> None:
    changed = weights[name].clone()
    changed.view(-1)[-1] = value
    save(weights | {name: changed}, tmp_path / "a")
    refused(tmp_path / "a", f"{name} has 1 of {changed.numel()}", "diverged")


def test_both_infinities_are_found(weights: StateDict, tmp_path: Path) -> None:
    changed = weights[CONV].clone()
    changed.view(-1)[:2] = torch.tensor([float("inf"), float("-inf")])
    torch.save(weights | {CONV: changed}, tmp_path / "a")
    refused(tmp_path / "a", f"{CONV} has 2 of")


def test_a_negative_variance_is_refused(weights: StateDict, tmp_path: Path) -> None:
    torch.save(weights | {VARIANCE: weights[VARIANCE] - 9}, tmp_path / "a")
    refused(tmp_path / "a", VARIANCE, "variance of -")


def test_weights_beyond_single_precision_are_refused(weights: StateDict, tmp_path: Path) -> None:
    torch.save(weights | {CONV: weights[CONV].double() * 1e300}, tmp_path / "a")
    refused(tmp_path / "a", CONV)


def test_large_weights_whose_sum_overflows_are_numbers(weights: StateDict, tmp_path: Path) -> None:
    torch.save(weights | {CONV: torch.full_like(weights[CONV], 3e38)}, tmp_path / "a")
    read_checkpoint(tmp_path / "a")


def test_half_precision_that_overflows_is_not_written_nor_read(weights: StateDict, tmp_path: Path) -> None:
    large = weights | {CONV: weights[CONV] * 1e6}
    with pytest.raises(ExportError, match=CONV):
        to_half(large)
    save_file({name: tensor.half() if tensor.dim() else tensor for name, tensor in large.items()}, tmp_path / "a")
    refused(tmp_path / "a", CONV, "infinite")
    assert restore_unused(to_half(weights)).keys() == weights.keys()
