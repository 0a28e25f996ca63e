"""Reading weight files: every layout there is, and for everything else an error that says what to do."""

from __future__ import annotations

import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.support import synthetic
from tests.support.checkpoints import PARAMS, PROCESSING, as_module, refused, save_legacy, training_checkpoint
from yolonas_plugin.errors import ProcessingError
from yolonas_plugin.nn import CONFIGS, YoloNAS
from yolonas_plugin.weights import Checkpoint, read_checkpoint

pytestmark = pytest.mark.usefixtures("one_thread")

StateDict = dict[str, Tensor]


@pytest.fixture(scope="module")
def weights() -> StateDict:
    return dict(synthetic.network("n", num_classes=3).state_dict())


WRITERS: dict[str, Callable[[StateDict, Path], None]] = {
    "training checkpoint": lambda weights, path: torch.save(training_checkpoint(weights), path),
    "training checkpoint, legacy": lambda weights, path: save_legacy(training_checkpoint(weights), path),
    "training checkpoint without average": lambda weights, path: torch.save({"net": weights, "epoch": 1}, path),
    "state dict": torch.save,
    "state dict, legacy": save_legacy,
    "safetensors": lambda weights, path: save_file(weights, path),
    "whole module": lambda weights, path: torch.save(as_module(weights), path),
    "whole module, legacy": lambda weights, path: save_legacy(as_module(weights), path),
    "whole module in a checkpoint": lambda weights, path: torch.save({"epoch": 3, "model": as_module(weights)}, path),
}


@pytest.mark.parametrize("layout", WRITERS)
def test_a_file_is_recognised_by_its_content(layout: str, weights: StateDict, tmp_path: Path) -> None:
    written = tmp_path / "weights"
    WRITERS[layout](weights, written)
    for ending in (".pt", ".pth", ".safetensors", ""):
        path = written.rename(written.with_suffix(ending))
        written = path
        found = read_checkpoint(path)
        assert (found.path, found.size, found.num_classes, found.in_channels) == (path, "n", 3, 3)
        assert found.state_dict.keys() == weights.keys()
    assert all(torch.equal(found.state_dict[name], weights[name]) for name in weights)


def test_a_path_may_be_a_string(weights: StateDict, tmp_path: Path) -> None:
    torch.save(weights, tmp_path / "weights.pt")
    assert read_checkpoint(str(tmp_path / "weights.pt")).size == "n"


@pytest.mark.parametrize(("num_classes", "in_channels"), [(80, 3), (1, 1), (7, 4)])
@pytest.mark.parametrize("size", CONFIGS)
def test_size_classes_and_channels_come_from_the_tensors(size: str, num_classes: int, in_channels: int) -> None:
    with torch.device("meta"):
        state_dict = YoloNAS(CONFIGS[size], num_classes, in_channels).state_dict()
    found = Checkpoint.from_state_dict(state_dict, Path("weights.pt"))
    assert (found.size, found.num_classes, found.in_channels) == (size, num_classes, in_channels)


def test_classes_and_processing_come_from_the_file(weights: StateDict, tmp_path: Path) -> None:
    torch.save(training_checkpoint(weights), tmp_path / "ckpt_best.pth")
    found = read_checkpoint(tmp_path / "ckpt_best.pth")
    assert found.class_names == ("RBC", "WBC", "Platelets")
    assert found.processing == PROCESSING


@pytest.mark.parametrize("params", [None, {}, {"class_names": None, "image_processor": None}])
def test_a_silent_file_leaves_them_open(params: Any, weights: StateDict, tmp_path: Path) -> None:
    torch.save(training_checkpoint(weights, processing_params=params), tmp_path / "ckpt_best.pth")
    found = read_checkpoint(tmp_path / "ckpt_best.pth")
    assert (found.class_names, found.processing) == (None, None)


def test_a_checkpoint_of_super_gradients_itself(bccd_checkpoint: Path) -> None:
    found = read_checkpoint(bccd_checkpoint)
    assert (found.size, found.num_classes, found.in_channels) == ("s", 3, 3)
    assert found.class_names == ("RBC", "WBC", "Platelets")
    assert found.processing == PROCESSING


@pytest.mark.parametrize("layout", WRITERS)
def test_the_network_computes_with_the_file_s_weights(layout: str, weights: StateDict, tmp_path: Path) -> None:
    WRITERS[layout](weights, tmp_path / "weights")
    network = read_checkpoint(tmp_path / "weights").build()
    assert not network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    images = synthetic.batch(64, 64)
    with torch.no_grad():
        found, expected = network(images), synthetic.network("n", num_classes=3)(images)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(found, expected, strict=True))


def test_half_precision_weights_become_float32(weights: StateDict, tmp_path: Path) -> None:
    half = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in weights.items()}
    torch.save(half, tmp_path / "half.pt")
    for name, tensor in read_checkpoint(tmp_path / "half.pt").build().state_dict().items():
        assert tensor.dtype == weights[name].dtype


@pytest.mark.parametrize("layout", WRITERS)
def test_a_model_survives_its_file_being_overwritten(layout: str, weights: StateDict, tmp_path: Path) -> None:
    path = tmp_path / "weights"
    WRITERS[layout](weights, path)
    network = read_checkpoint(path).build()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.write(b"\xff" * size)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in network.state_dict().items())


def test_training_a_network_leaves_its_file_alone(weights: StateDict, tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(weights, path)
    before = path.read_bytes()
    checkpoint = read_checkpoint(path)
    with torch.no_grad():
        for parameter in checkpoint.build().parameters():
            parameter.zero_()
    assert path.read_bytes() == before
    assert all(torch.equal(tensor, weights[name]) for name, tensor in checkpoint.build().state_dict().items())


# --- what is no weight file ---


def test_a_missing_file(tmp_path: Path) -> None:
    refused(tmp_path / "missing.pt", "no such file", error=FileNotFoundError)


def test_a_folder(tmp_path: Path) -> None:
    refused(tmp_path, "folder")


def test_a_path_that_can_t_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(tmp_path / ("x" * 300), "can't be read: File name too long")
    (tmp_path / "circle.pt").symlink_to(tmp_path / "circle.pt")
    refused(tmp_path / "circle.pt", "can't be read: Too many levels of symbolic links")

    def deny(path: Path, *_: Any) -> Any:  # as root nothing is denied
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", deny)
    refused(tmp_path / "secret.pt", "can't be read: Permission denied")


@pytest.mark.parametrize(
    "content",
    [
        b"hello, these are not the weights you are looking for\n",
        b"x",
        b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        b'{"error": "rate limited"}',
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        bytes(4096),
    ],
)
def test_something_else_by_a_weight_file_s_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "yolo_nas_s.pth"
    path.write_bytes(content)
    refused(path, "not a weight file", "error page")


def test_a_tar_archive(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "old.pt", "w") as archive:
        archive.addfile(tarfile.TarInfo("sys_info"))
    refused(tmp_path / "old.pt", "a tar archive", "torch before 0.1.10")


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.pt").touch()
    refused(tmp_path / "empty.pt", "empty")


@pytest.mark.parametrize("kept", [9, 20, 100, 5000, 0.3, 0.9, -1])
@pytest.mark.parametrize("layout", ["training checkpoint", "state dict, legacy", "safetensors"])
def test_a_file_that_was_cut_off(layout: str, kept: float, weights: StateDict, tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    WRITERS[layout](weights, path)
    size = path.stat().st_size
    os.truncate(path, int(size * kept) if isinstance(kept, float) else kept % size)
    refused(path)


def test_another_zip_archive(tmp_path: Path) -> None:
    path = tmp_path / "photos.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "holiday")
    refused(path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_torchscript_archive(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(torch.nn.ReLU()), tmp_path / "script.pt")
    refused(tmp_path / "script.pt", "TorchScript")


class Payload:
    """Runs a command when it is unpickled by a reader that isn't careful."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"echo ran > '{self.target}'",)


def plain_pickle(content: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(content))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
@pytest.mark.parametrize("save", [torch.save, save_legacy, plain_pickle])
@pytest.mark.parametrize("place", ["alone", "among the weights", "in processing_params"])
def test_nothing_in_a_file_is_executed(
    place: str, save: Callable[[Any, Path], None], weights: StateDict, tmp_path: Path
) -> None:
    path, trace = tmp_path / "weights.pt", tmp_path / "trace"
    payload = Payload(trace)
    content = {
        "alone": payload,
        "among the weights": {"extra": payload},
        "in processing_params": {"net": {"a": torch.zeros(1)}, "processing_params": payload},
    }[place]
    save(content, path)
    refused(path, "refused")
    assert not trace.exists()
    pickle.loads(path.read_bytes()) if save is plain_pickle else torch.load(path, weights_only=False)
    assert trace.exists(), "the payload does run where a reader lets it"


@pytest.mark.parametrize("content", [{"a": 1}, {"conv.weight": bytes(20 << 20)}])
def test_a_pickle_that_is_not_torch_s(content: Any, tmp_path: Path) -> None:
    plain_pickle(content, tmp_path / "weights.pkl")
    refused(tmp_path / "weights.pkl", "a pickle, but not one that torch wrote", "torch.save")


@pytest.mark.parametrize(
    "content", [{}, [], [torch.zeros(2)], torch.zeros(3), "text", 3, None, {"epoch": 3, "lr": 0.1}]
)
def test_contents_without_weights(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "weights.pt")
    refused(tmp_path / "weights.pt")


# --- what is not the weights of this network ---


def edited(weights: StateDict, edit: Callable[[StateDict], Any]) -> StateDict:
    copy = dict(weights)
    edit(copy)
    return copy


STEM = "backbone.stem.conv.branch_3x3.conv.weight"
NEXT = "backbone.stage1.blocks.conv1.conv.weight"
CLASS_BIAS = "heads.head2.cls_pred.bias"


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda d: d.pop("neck.neck1.conv.bn.running_mean"), ["N", "neck.neck1.conv.bn.running_mean is missing"]),
        (lambda d: d.update(surplus=torch.zeros(1)), ["surplus is unknown"]),
        (lambda d: d.update({CLASS_BIAS: torch.zeros(4)}), ["heads disagree", "[3, 4]"]),
        (lambda d: d.update({"heads.head1.reg_pred.bias": torch.zeros(64)}), ["reg_pred.bias is [64], not [68]"]),
        (lambda d: [d.pop(name) for name in list(d) if name.startswith("neck.")], ["and", "more"]),
        (lambda d: d.update({STEM: torch.zeros(40, 3, 3, 3)}), ["unknown size", "40"]),
        (lambda d: d.pop(STEM), ["not a YOLO-NAS detector"]),
        (lambda d: d.update({STEM: torch.zeros(())}), []),
        (lambda d: d.update({NEXT: torch.zeros(())}), []),
        (lambda d: d.update({CLASS_BIAS: torch.zeros(())}), []),
        (lambda d: d.update({f"heads.head{i}.cls_pred.bias": torch.zeros(0) for i in (1, 2, 3)}), []),
        (lambda d: d.update({STEM: torch.zeros(32, 0, 3, 3)}), []),
    ],
)
def test_tensors_that_do_not_fit(
    edit: Callable[[StateDict], Any], words: list[str], weights: StateDict, tmp_path: Path
) -> None:
    torch.save(edited(weights, edit), tmp_path / "weights.pt")
    refused(tmp_path / "weights.pt", *words)


@pytest.mark.parametrize("content", [{"conv1.weight": torch.zeros(64, 3, 7, 7)}, {0: torch.zeros(1)}])
def test_another_network(content: dict[Any, Tensor], tmp_path: Path) -> None:
    torch.save(content, tmp_path / "resnet50.pt")
    refused(tmp_path / "resnet50.pt", "not a YOLO-NAS detector")


def test_a_fused_network(tmp_path: Path) -> None:
    torch.save(synthetic.network("n").fuse().state_dict(), tmp_path / "fused.pt")
    refused(tmp_path / "fused.pt", "fused", "load the file it was fused from")


def test_class_names_of_another_training(weights: StateDict, tmp_path: Path) -> None:
    params = PARAMS | {"class_names": ["RBC", "WBC"]}
    torch.save(training_checkpoint(weights, processing_params=params), tmp_path / "ckpt.pth")
    refused(tmp_path / "ckpt.pth", "names 2 classes", "predict 3")


# --- processing that can't be reproduced ---

RESIZE = {"DetectionLongestMaxSizeRescale": {"output_shape": (320, 320)}}
PAD = {"DetectionBottomRightPadding": {"output_shape": (320, 320), "pad_value": 114}}
NORMALISE = {"NormalizeImage": {"mean": [0, 0, 0], "std": [1, 1, 1]}}


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([RESIZE, PAD, "Solarise"], ["'Solarise' is not supported"]),
        ([RESIZE, {"DetectionAutoPadding": {"shape_multiple": (32, 32), "pad_value": 0}}], ["depend on the image"]),
        (
            [
                RESIZE,
                {"DetectionCenterPadding": {"output_shape": (330, 320), "pad_value": 114}},
                {"DetectionAutoPadding": {"shape_multiple": (32, 32), "pad_value": 114}},
            ],
            ["padded to (330, 320) before"],
        ),
        (
            [RESIZE, PAD, {"DetectionAutoPadding": {"shape_multiple": (0, 32), "pad_value": 114}}],
            ["can't be reproduced"],
        ),
        ([{"KeypointsLongestMaxSizeRescale": {"output_shape": (320, 320)}}, PAD], ["pose estimation"]),
        ([{"SegmentationRescale": {"long_size": 320}}, PAD], ["segmentation"]),
        ([{"Resize": {"size": 224}}, "CenterCrop"], ["classification"]),
        ([PAD, RESIZE], ["resizes after padding"]),
        ([RESIZE, {"DetectionRescale": {"output_shape": (320, 320)}}, PAD], ["resized to (320, 320) before"]),
        (["StandardizeImage", RESIZE, PAD], ["resizes after", "normalised"]),
        ([RESIZE, "StandardizeImage", PAD], ["pads after", "normalised"]),
        ([RESIZE, NORMALISE, PAD], ["pads after", "normalised"]),
        ([RESIZE, PAD, NORMALISE, "ReverseImageChannels"], ["reverses the channels after"]),
        ([RESIZE, PAD, NORMALISE, "StandardizeImage"], ["divides after"]),
        ([RESIZE, PAD, NORMALISE, NORMALISE], ["normalises twice"]),
        ([RESIZE, PAD, "ImagePermute", "ReverseImageChannels"], ["after the axes were moved"]),
        ([RESIZE, PAD, {"ImagePermute": {"permutation": (1, 0, 2)}}], ["expected (2, 0, 1)"]),
        ([RESIZE], ["different sizes", "never pads"]),
        ([PAD], ["different sizes", "never resizes"]),
        ([], ["different sizes"]),
        ([RESIZE, {"DetectionCenterPadding": {"output_shape": (640, 600), "pad_value": 114}}], ["multiples of 32"]),
        ([RESIZE, {"DetectionCenterPadding": {"output_shape": (288, 288), "pad_value": 114}}], ["don't fit"]),
        ([RESIZE, {"DetectionCenterPadding": {"output_shape": (320, 320), "pad_value": (0, 0, 9)}}], ["not grey"]),
        (
            [RESIZE, PAD, {"DetectionCenterPadding": {"output_shape": (640, 640), "pad_value": 114}}],
            ["padded to (320, 320) before"],
        ),
        ([{"DetectionLongestMaxSizeRescale": {}}, PAD], ["can't be reproduced"]),
        ([{"DetectionLongestMaxSizeRescale": {"output_shape": 320}}, PAD], ["can't be reproduced"]),
        ([{"DetectionLongestMaxSizeRescale": 320}, PAD], []),
        ([RESIZE, PAD, {"StandardizeImage": {"max_value": 0}}], []),
        ([RESIZE, PAD, {"StandardizeImage": {"max_value": "many"}}], []),
        ([3], []),
    ],
)
def test_steps_that_can_t_be_reproduced(steps: list[Any], words: list[str], weights: StateDict, tmp_path: Path) -> None:
    params = PARAMS | {"image_processor": {"ComposeProcessing": {"processings": steps}}}
    torch.save(training_checkpoint({}, net=weights, processing_params=params), tmp_path / "ckpt.pth")
    refused(tmp_path / "ckpt.pth", *words, error=ProcessingError)


@pytest.mark.parametrize(
    ("resized", "size"), [((300, 330), (320, 352)), ((289, 321), (320, 352)), ((320, 352), (320, 352))]
)
def test_images_of_one_size_are_padded_to_a_multiple(
    resized: tuple[int, int], size: tuple[int, int], weights: StateDict, tmp_path: Path
) -> None:
    steps = [
        {"DetectionRescale": {"output_shape": resized}},
        {"DetectionAutoPadding": {"shape_multiple": (32, 32), "pad_value": 9}},
    ]
    params = PARAMS | {"image_processor": {"ComposeProcessing": {"processings": steps}}}
    torch.save(training_checkpoint({}, net=weights, processing_params=params), tmp_path / "ckpt.pth")
    spec = read_checkpoint(tmp_path / "ckpt.pth").processing
    assert spec is not None
    assert (spec.resize, spec.size, spec.keep_ratio) == (resized, size, False)


@pytest.mark.parametrize(
    "params",
    [
        [1, 2],
        "yes",
        {"image_processor": 3},
        {"image_processor": {"ComposeProcessing": 3}},
        {"image_processor": {"ComposeProcessing": {"processings": 3}}},
        {"class_names": 3},
        PARAMS | {"conf": "high"},
        PARAMS | {"conf": 7.0},
        PARAMS | {"iou": [0.5]},
    ],
)
def test_malformed_processing_params(params: Any, weights: StateDict, tmp_path: Path) -> None:
    torch.save(training_checkpoint({}, net=weights, processing_params=deepcopy(params)), tmp_path / "ckpt.pth")
    refused(tmp_path / "ckpt.pth", error=ProcessingError)
