"""Our own file: everything comes back to the bit, damage is refused, and no half-written file is left."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from tests.support import synthetic
from yolonas_plugin import __version__
from yolonas_plugin.errors import CheckpointError, ExportError, ProcessingError
from yolonas_plugin.info import ModelInfo
from yolonas_plugin.nn import Size
from yolonas_plugin.processing import COCO, SUPER_GRADIENTS
from yolonas_plugin.weights import read_checkpoint
from yolonas_plugin.weights.half import to_half
from yolonas_plugin.weights.header import RECORD, VERSION_KEY, to_header
from yolonas_plugin.weights.write import as_stored, published_as, write_safetensors

NAMES = ("Blutkörperchen", "白血球", 'a "quoted", name\n')


def header(**changes: Any) -> ModelInfo:
    return ModelInfo(
        **{
            "size": "n",
            "names": NAMES,
            "processing": SUPER_GRADIENTS,
            "licence": "CC-BY-4.0 https://example.org",
            "training_data": "blood cells",
            **changes,
        }
    )


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return dict(synthetic.network("n", num_classes=3).state_dict())


@pytest.mark.parametrize("size", ["n", "s"])
def test_everything_comes_back_to_the_bit(size: Size, tmp_path: Path) -> None:
    weights = dict(synthetic.network(size, num_classes=3).state_dict())
    written = header(size=size)
    path = tmp_path / "whatever.pth"  # recognised by its content
    write_safetensors(path, weights, written)
    found = read_checkpoint(path)
    assert (found.size, found.num_classes, found.in_channels) == (size, 3, 3)
    assert (found.class_names, found.processing) == (NAMES, SUPER_GRADIENTS)
    assert (found.licence, found.training_data) == ("CC-BY-4.0 https://example.org", "blood cells")
    assert found.state_dict.keys() == weights.keys()
    for name, tensor in weights.items():
        assert found.state_dict[name].dtype == tensor.dtype
        assert found.state_dict[name].numpy().tobytes() == tensor.numpy().tobytes(), name


def test_any_reader_of_safetensors_sees_what_the_file_says(weights: dict[str, Tensor], tmp_path: Path) -> None:
    write_safetensors(tmp_path / "mine.safetensors", weights, header())
    with safe_open(tmp_path / "mine.safetensors", "pt") as file:
        metadata = file.metadata()
    assert set(metadata) == {VERSION_KEY, "size", "class_names", "processing", "licence", "training_data", "package"}
    assert metadata[VERSION_KEY] == "1"
    assert metadata["package"] == f"yolonas-plugin {__version__}"
    assert json.loads(metadata["class_names"]) == list(NAMES)
    assert json.loads(metadata["processing"])["channels"] == "BGR"


def test_what_is_unknown_is_left_out(weights: dict[str, Tensor], tmp_path: Path) -> None:
    write_safetensors(tmp_path / "mine.safetensors", weights, header(licence=None, training_data=None))
    found = read_checkpoint(tmp_path / "mine.safetensors")
    assert (found.licence, found.training_data) == (None, None)


def test_names_that_a_later_version_may_add_are_ignored(weights: dict[str, Tensor], tmp_path: Path) -> None:
    save_file(weights, tmp_path / "x.safetensors", metadata=to_header(header()) | {"mood": "sunny"})
    assert read_checkpoint(tmp_path / "x.safetensors").class_names == NAMES


def test_metadata_of_others_is_no_header_of_ours(weights: dict[str, Tensor], tmp_path: Path) -> None:
    save_file(weights, tmp_path / "x.safetensors", metadata={"format": "pt", "size": "enormous"})
    assert read_checkpoint(tmp_path / "x.safetensors").class_names is None


@pytest.mark.parametrize("version", ["3", "10", "999999999"])
def test_a_newer_format_is_refused(version: str, weights: dict[str, Tensor], tmp_path: Path) -> None:
    metadata = {VERSION_KEY: version, "package": "yolonas-plugin 9.1"}  # and everything else may have changed
    save_file(weights, tmp_path / "x.safetensors", metadata=metadata)
    with pytest.raises(CheckpointError, match=rf"format {version}.*reads up to 2.*yolonas-plugin 9\.1.*pip install -U"):
        read_checkpoint(tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({VERSION_KEY: ""}, "yolonas_format is ''"),
        ({VERSION_KEY: "0"}, "yolonas_format is '0'"),
        ({VERSION_KEY: "-1"}, "yolonas_format"),
        ({VERSION_KEY: "1.0"}, "yolonas_format"),
        ({VERSION_KEY: "٣"}, "yolonas_format"),
        ({VERSION_KEY: "9" * 5000}, "yolonas_format"),
        ({"size": None}, "size is missing"),
        ({"class_names": None}, "class_names is missing"),
        ({"processing": None, "package": None}, "processing, package is missing"),
        ({"size": "xl"}, "size is 'xl'"),
        ({"size": "s"}, "says size s, the tensors are of n"),
        ({"class_names": "a, b, c"}, "class names are not JSON"),
        ({"class_names": "[" * 100_000}, "class names are not JSON"),
        ({"class_names": '{"0": "a"}'}, "no list of names"),
        ({"class_names": "[1, 2, 3]"}, "no list of names"),
        ({"class_names": '["a", "b"]'}, "names 2 classes.*predict 3"),
    ],
)
def test_a_damaged_header_is_refused(
    changes: dict[str, str | None], error: str, weights: dict[str, Tensor], tmp_path: Path
) -> None:
    metadata = {name: text for name, text in (to_header(header()) | changes).items() if text is not None}
    save_file(weights, tmp_path / "x.safetensors", metadata=metadata)
    with pytest.raises(CheckpointError, match=rf"x\.safetensors.*{error}"):
        read_checkpoint(tmp_path / "x.safetensors")


@pytest.mark.parametrize("processing", ["", "{}", COCO.to_json().replace('"RGB"', '"GRB"'), COCO.to_json()[:-1]])
def test_damaged_processing_is_refused(processing: str, weights: dict[str, Tensor], tmp_path: Path) -> None:
    metadata = to_header(header()) | {"processing": processing}
    save_file(weights, tmp_path / "x.safetensors", metadata=metadata)
    with pytest.raises(ProcessingError, match=r"x\.safetensors.*header is damaged"):
        read_checkpoint(tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    "record",
    [
        3,
        {},
        {"header": []},
        {"header": {VERSION_KEY: 1}},
        {"header": to_header(header())},
        {"header": to_header(header()), "state_dict": [1]},
        {"header": to_header(header()), "state_dict": {"a": 1}},
        {"header": to_header(header()), "state_dict": {}},
    ],
)
def test_a_damaged_record_is_refused(record: Any, tmp_path: Path) -> None:
    torch.save({RECORD: record}, tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match=r"x\.pt"):
        read_checkpoint(tmp_path / "x.pt")


def test_a_file_cut_off_is_refused(weights: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_safetensors(path, weights, header())
    content = path.read_bytes()
    for length in (9, 500, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(CheckpointError, match=r"damaged|not a weight file"):
            read_checkpoint(path)


def test_a_file_is_stored_in_float32_on_any_layout() -> None:
    found = as_stored(
        {
            "half": torch.tensor([1.5], dtype=torch.float16),
            "strided": torch.arange(6.0).view(2, 3).t(),
            "counter": torch.tensor(7),
            "parameter": torch.nn.Parameter(torch.ones(1)),
        }
    )
    assert [tensor.dtype for tensor in found.values()] == [torch.float32, torch.float32, torch.int64, torch.float32]
    assert all(tensor.is_contiguous() and not tensor.requires_grad for tensor in found.values())


def test_a_compact_file_is_a_third_of_the_size_and_predicts_the_same(
    weights: dict[str, Tensor], tmp_path: Path
) -> None:
    write_safetensors(tmp_path / "whole.safetensors", weights, header())
    write_safetensors(tmp_path / "compact.safetensors", to_half(weights), header())
    whole, small = ((tmp_path / f"{name}.safetensors").stat().st_size for name in ("whole", "compact"))
    assert small < 0.36 * whole
    found = read_checkpoint(tmp_path / "compact.safetensors")
    assert found.state_dict.keys() == weights.keys()
    image = synthetic.batch(160, 160)
    with torch.no_grad():
        boxes, scores = found.build()(image)
        expected_boxes, expected_scores = read_checkpoint(tmp_path / "whole.safetensors").build()(image)
    assert (boxes - expected_boxes).abs().max() < 1  # such weights amplify any rounding
    assert (scores - expected_scores).abs().max() < 0.02


def test_what_is_missing_but_used_is_refused(weights: dict[str, Tensor], tmp_path: Path) -> None:
    small = to_half(weights)
    del small["backbone.stem.conv.branch_1x1.weight"]
    write_safetensors(tmp_path / "x.safetensors", small, header())
    with pytest.raises(CheckpointError, match=r"branch_1x1\.weight is missing"):
        read_checkpoint(tmp_path / "x.safetensors")


# --- whole, or not at all ---


def test_a_failure_leaves_the_old_file_and_nothing_else(
    weights: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"before")

    def stop(error: BaseException) -> Callable[..., None]:
        def write(tensors: Any, target: Path, **_: Any) -> None:
            target.write_bytes(b"half of it")
            raise error

        return write

    for error, raised in [
        (OSError(28, "No space left on device"), ExportError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ]:
        monkeypatch.setattr("yolonas_plugin.weights.write.save_file", stop(error))
        with pytest.raises(raised):
            write_safetensors(path, weights, header())
        assert path.read_bytes() == b"before"
        assert os.listdir(tmp_path) == ["x.safetensors"]


def test_a_process_killed_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"before")
    program = f"""
import os, signal
from pathlib import Path
from tests.weights.test_write import header, synthetic
from yolonas_plugin.weights.write import write_safetensors
os.replace = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)
write_safetensors(Path({str(path)!r}), synthetic.network("n", num_classes=3).state_dict(), header())
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"before"
    left = [name for name in os.listdir(tmp_path) if name != "x.safetensors"]
    assert all(name.startswith(".x.safetensors.") and name.endswith(".tmp") for name in left)


def test_a_place_that_cannot_be_written_to_is_an_error(weights: dict[str, Tensor], tmp_path: Path) -> None:
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "file").touch()
    for path in (tmp_path / "folder.safetensors", tmp_path / "file" / "x.safetensors"):
        with pytest.raises(ExportError, match="can't be written"):
            write_safetensors(path, weights, header())
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.safetensors"]


def test_folders_are_made_and_permissions_are_those_of_any_file(weights: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "x.safetensors"
    write_safetensors(path, weights, header())
    (tmp_path / "other").touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


def test_a_published_file_is_known_by_its_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.pth").write_bytes(b"weights")
    assert published_as(tmp_path / "x.pth") is None
    assert published_as(tmp_path / "nowhere.pth") is None
    assert published_as(tmp_path) is None

    class Digest:
        def update(self, block: bytes) -> None:
            assert block == b"weights"

        def hexdigest(self) -> str:
            return "c1b1d9148ab8ae5d5984699547e850955ff9efccaf568c67b3d605acb4bfe1cb"

    monkeypatch.setattr("hashlib.sha256", Digest)
    card = published_as(tmp_path / "x.pth")
    assert card is not None
    assert card.name == "yolo_nas_s"
