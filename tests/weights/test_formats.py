"""Weights are found under the names and in the layouts that trainers, wrappers and other projects give them."""

from __future__ import annotations

import zipfile
from collections import OrderedDict
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from exhaustive import first
from tests.support import synthetic
from tests.support.checkpoints import PARAMS, PROCESSING, as_module, libreyolo, lightning, prefixed, refused
from yolonas_plugin.errors import CheckpointError, ProcessingError
from yolonas_plugin.nn.blocks import QARepVGGBlock
from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.weights import read_checkpoint
from yolonas_plugin.weights.unfuse import unfuse

pytestmark = pytest.mark.usefixtures("one_thread")

StateDict = dict[str, Tensor]
CENTRED_320 = ProcessingSpec(size=(320, 320), resize=(320, 320))


@pytest.fixture(scope="module")
def weights() -> StateDict:
    return dict(synthetic.network("n", num_classes=3).state_dict())


@pytest.fixture(scope="module")
def others(weights: StateDict) -> StateDict:
    return {name: tensor + 1 for name, tensor in weights.items()}


def same(path: Path, weights: StateDict) -> bool:
    found = read_checkpoint(path).state_dict
    return found.keys() == weights.keys() and all(torch.equal(found[name], weights[name]) for name in weights)


PREFIXES = ["net.", "module.", "model.", "ema_model.", "module.net.", "_orig_mod.", "model.module.net.", "ema.module."]


@pytest.mark.parametrize("save", first([torch.save, save_file]))
@pytest.mark.parametrize("prefix", PREFIXES)
def test_prefixes_are_taken_off(
    prefix: str, save: Callable[[Any, Path], None], weights: StateDict, tmp_path: Path
) -> None:
    save(prefixed(weights, prefix), tmp_path / "weights.pt")
    assert same(tmp_path / "weights.pt", weights)


def test_what_lies_beside_the_network_is_left_out(weights: StateDict, tmp_path: Path) -> None:
    beside = {"criterion.proj_conv": torch.zeros(17), "n_averaged": torch.tensor(3)}
    torch.save(prefixed(weights, "model.") | beside, tmp_path / "weights.pt")
    assert same(tmp_path / "weights.pt", weights)


def test_the_averaged_network_is_taken_of_two(weights: StateDict, others: StateDict, tmp_path: Path) -> None:
    torch.save(prefixed(others, "model.") | prefixed(weights, "ema_model."), tmp_path / "weights.pt")
    assert same(tmp_path / "weights.pt", weights)


def test_an_unknown_prefix_is_an_error(weights: StateDict, tmp_path: Path) -> None:
    torch.save(prefixed(weights, "teacher."), tmp_path / "weights.pt")
    refused(tmp_path / "weights.pt", "not a YOLO-NAS detector", "teacher.")


LAYOUTS: dict[str, Callable[[StateDict, StateDict], Any]] = {
    "super-gradients": lambda weights, others: {"net": others, "ema_net": weights, "acc": 0.4},
    "super-gradients, average_model": lambda weights, others: {"net": OrderedDict(weights)},
    "super-gradients, distributed": lambda weights, others: {"net": prefixed(weights, "module.")},
    "state_dict": lambda weights, others: {"state_dict": weights, "epoch": 1},
    "model": lambda weights, others: {"model": weights},
    "nested": lambda weights, others: {"model": {"state_dict": prefixed(weights, "module.")}},
    "modern-yolonas before Lightning": lambda weights, others: {
        "model_state_dict": others,
        "ema": {"ema_state_dict": weights, "updates": 3},
    },
    "an engine's": lambda weights, others: {"model": as_module(others), "ema": as_module(weights), "epoch": 3},
    "an engine's without average": lambda weights, others: {"model": as_module(weights), "ema": None},
    "DataParallel": lambda weights, others: nn.DataParallel(as_module(weights)),
    "parameters": lambda weights, others: {
        name: nn.Parameter(tensor, tensor.is_floating_point()) for name, tensor in weights.items()
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_best_weights_are_found(layout: str, weights: StateDict, others: StateDict, tmp_path: Path) -> None:
    torch.save(LAYOUTS[layout](weights, others), tmp_path / "weights.pt")
    assert same(tmp_path / "weights.pt", weights)


def test_modern_yolonas(weights: StateDict, tmp_path: Path) -> None:
    torch.save(lightning(weights, input_size=320), tmp_path / "last.ckpt")
    assert same(tmp_path / "last.ckpt", weights)
    found = read_checkpoint(tmp_path / "last.ckpt")
    assert (found.class_names, found.processing) == (None, CENTRED_320)


@pytest.mark.parametrize("size", [100, -320, 0, 1 << 70, "big", None, 320.0])
def test_modern_yolonas_with_an_impossible_size(size: Any, weights: StateDict, tmp_path: Path) -> None:
    torch.save(lightning(weights, input_size=size), tmp_path / "last.ckpt")
    refused(tmp_path / "last.ckpt", error=ProcessingError)


@pytest.mark.parametrize(("imgsz", "resize"), [(320, 320), (640, 636), (1280, 636)])
def test_libreyolo(imgsz: int, resize: int, weights: StateDict, tmp_path: Path) -> None:
    torch.save(libreyolo(weights, imgsz=imgsz), tmp_path / "best.pt")
    assert same(tmp_path / "best.pt", weights)
    found = read_checkpoint(tmp_path / "best.pt")
    assert found.class_names == ("RBC", "WBC", "Platelets")
    assert found.processing == ProcessingSpec(
        size=(imgsz, imgsz), resize=(resize, resize), iou=0.45, top_k=1000, multi_label=False
    )


@pytest.mark.parametrize(
    ("entries", "word"),
    [
        ({"model_family": "yolox"}, "'yolox'"),
        ({"task": "pose"}, "'pose'"),
        ({"quant": {"scheme": "int8"}}, "quantised"),
        ({"names": {0: "RBC"}}, "names 1 classes"),
    ],
)
def test_libreyolo_of_another_kind(entries: dict[str, Any], word: str, weights: StateDict, tmp_path: Path) -> None:
    torch.save(libreyolo(weights, **entries), tmp_path / "best.pt")
    refused(tmp_path / "best.pt", word)


BLOCK = "a.bottlenecks.0.cv1"
FUSED_BLOCK = {f"{BLOCK}.rbr_reparam.weight": torch.ones(4, 4, 3, 3), f"{BLOCK}.rbr_reparam.bias": torch.ones(4)}
NO_FUSED_BLOCK = {
    "a kernel of 1x1": {f"{BLOCK}.rbr_reparam.weight": torch.ones(4, 4, 1, 1)},
    "a kernel of 1x3": {f"{BLOCK}.rbr_reparam.weight": torch.ones(4, 4, 1, 3)},
    "a bias of another length": {f"{BLOCK}.rbr_reparam.bias": torch.ones(3)},
    "no bias": {f"{BLOCK}.rbr_reparam.bias": None},
    "a branch that is there": {f"{BLOCK}.branch_3x3.conv.weight": torch.ones(4, 4, 3, 3)},
    "another branch that is there": {f"{BLOCK}.branch_1x1.weight": torch.ones(4, 4, 1, 1)},
    "no BatchNorm anywhere": {"a.bn.weight": None},
}


@pytest.mark.parametrize("kind", NO_FUSED_BLOCK)
def test_what_is_no_fused_block_stays_as_it_is(kind: str) -> None:
    whole = {"a.bn.weight": torch.ones(1), **FUSED_BLOCK}
    assert f"{BLOCK}.branch_3x3.conv.weight" in unfuse(whole)
    changed = {name: tensor for name, tensor in (whole | NO_FUSED_BLOCK[kind]).items() if tensor is not None}
    assert unfuse(changed) == changed


@pytest.mark.parametrize("fully", [True, False], ids=["fully", "up to the BatchNorm after them"])
def test_a_network_whose_blocks_were_fused_predicts_the_same(fully: bool, tmp_path: Path) -> None:
    network, images = synthetic.network("n", num_classes=3), synthetic.batch(64, 96)
    tensors = dict(network.state_dict())
    for name, block in network.named_modules():
        if isinstance(block, QARepVGGBlock):
            for kind in ("branch_3x3", "branch_1x1", "post_bn") if fully else ("branch_3x3", "branch_1x1"):
                tensors = {key: tensor for key, tensor in tensors.items() if not key.startswith(f"{name}.{kind}.")}
            fused = deepcopy(block)
            if not fully:  # a BatchNorm that does nothing
                fused.post_bn.reset_parameters()
                fused.post_bn.running_var.fill_(1 - network.config.batchnorm_eps)
            fused.fuse()
            tensors |= {f"{name}.rbr_reparam.{kind}": getattr(fused.rbr_reparam, kind) for kind in ("weight", "bias")}
    torch.save({"net": tensors}, tmp_path / "fused.pt")
    with torch.no_grad():
        (boxes, scores), (expected_boxes, expected_scores) = (
            model(images) for model in (read_checkpoint(tmp_path / "fused.pt").build().eval(), network)
        )
    assert (boxes - expected_boxes).abs().max() <= 0.05
    assert (scores - expected_scores).abs().max() <= 1e-4


# --- objects of super-gradients, of which the reader has only the names ---


def steps(make: Callable[..., Any]) -> Any:
    """Return the processing of ``PARAMS`` as super-gradients' objects."""
    return make(
        "ComposeProcessing",
        processings=[
            make("ReverseImageChannels"),
            make("DetectionLongestMaxSizeRescale", output_shape=(320, 320)),
            make("DetectionBottomRightPadding", output_shape=(320, 320), pad_value=114),
            make("ImagePermute", permutation=(2, 0, 1)),
        ],
    )


@pytest.mark.parametrize("legacy", [False, True])
def test_a_whole_module_says_how_images_are_prepared(
    legacy: bool, weights: StateDict, super_gradients: Callable[..., Any], tmp_path: Path
) -> None:
    module = as_module(weights)
    module._class_names = ("RBC", "WBC", "Platelets")
    module._image_processor = steps(super_gradients)
    module._default_nms_iou, module._default_nms_conf = 0.65, 0.5
    torch.save(module, tmp_path / "yolo_nas_s.pt", _use_new_zipfile_serialization=not legacy)
    found = read_checkpoint(tmp_path / "yolo_nas_s.pt")
    assert (found.class_names, found.processing) == (("RBC", "WBC", "Platelets"), PROCESSING)
    assert same(tmp_path / "yolo_nas_s.pt", weights)


WRAPPED: dict[str, Callable[[nn.Module], Any]] = {
    "DataParallel": nn.DataParallel,
    "twice": lambda module: nn.DataParallel(nn.DataParallel(module)),
    "an average": lambda module: torch.optim.swa_utils.AveragedModel(module),
    "model": lambda module: {"model": module, "epoch": 3},
    "ema": lambda module: {"ema": module, "model": None},
    "net": lambda module: {"net": nn.DataParallel(module)},
    "state_dict": lambda module: {"state_dict": module},
    "model in model": lambda module: {"model": {"model": nn.DataParallel(module)}},
}


@pytest.mark.parametrize("wrapper", WRAPPED)
def test_a_wrapped_module_is_read_through(
    wrapper: str, weights: StateDict, super_gradients: Callable[..., Any], tmp_path: Path
) -> None:
    module = as_module(weights)
    module._class_names = ("RBC", "WBC", "Platelets")
    module._image_processor = steps(super_gradients)
    module._default_nms_iou, module._default_nms_conf = 0.65, 0.5
    torch.save(WRAPPED[wrapper](module), tmp_path / "a.pt")
    found = read_checkpoint(tmp_path / "a.pt")
    assert (found.class_names, found.processing) == (("RBC", "WBC", "Platelets"), PROCESSING)
    assert same(tmp_path / "a.pt", weights)


QUANTISERS = (
    "backbone.stem.conv.branch_3x3.conv._input_quantizer._amax",
    "backbone.stem.conv.branch_3x3.conv._weight_quantizer._amax",
    "backbone.stem.conv.activation_post_process.min_val",
    "backbone.stem.conv.branch_3x3.conv.weight_fake_quant.scale",
)


@pytest.mark.parametrize("name", QUANTISERS)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_quantised_checkpoint_is_named_as_that(name: str, prefix: str, weights: StateDict, tmp_path: Path) -> None:
    content = {"net": prefixed(weights | {name: torch.ones(1)}, prefix), "processing_params": PARAMS}
    torch.save(content, tmp_path / "ckpt.pth")
    refused(tmp_path / "ckpt.pth", "QAT", "1 tensors of its quantisers", name)


def test_a_module_with_processing_of_unknown_classes(
    weights: StateDict, super_gradients: Callable[..., Any], tmp_path: Path
) -> None:
    module = as_module(weights)
    module._image_processor = super_gradients("Solarise", threshold=3)
    torch.save(module, tmp_path / "module.pt")
    refused(tmp_path / "module.pt", "'Solarise' is not supported", error=ProcessingError)
    module._image_processor = tmp_path
    torch.save(module, tmp_path / "module.pt")
    refused(tmp_path / "module.pt", "a pathlib", error=ProcessingError)


def test_processing_params_of_pickled_objects(
    weights: StateDict, super_gradients: Callable[..., Any], tmp_path: Path
) -> None:
    torch.save(
        {"net": weights, "processing_params": PARAMS | {"image_processor": steps(super_gradients)}}, tmp_path / "a"
    )
    assert read_checkpoint(tmp_path / "a").processing == PROCESSING


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_processing_params_of_numpy_s_values(
    protocol: int, weights: StateDict, super_gradients: Callable[..., Any], tmp_path: Path
) -> None:
    mean, std = np.float32([[[1, 2, 3]]]), np.array([[[4.0, 5.0, 6.0]]], order="F")
    processor = super_gradients(
        "ComposeProcessing",
        processings=[
            super_gradients("DetectionRescale", output_shape=np.array([320, 416])),
            super_gradients("NormalizeImage", mean=mean, std=std),
        ],
    )
    params = {
        "class_names": np.array([1, 2, 3]),
        "image_processor": processor,
        "conf": np.float64(0.25),
        "iou": np.float32(0.5),
    }
    torch.save({"net": weights, "processing_params": params}, tmp_path / "a", pickle_protocol=protocol)
    found = read_checkpoint(tmp_path / "a")
    assert found.class_names == ("1", "2", "3")
    assert found.processing == ProcessingSpec(
        size=(320, 416),
        resize=(320, 416),
        keep_ratio=False,
        divisor=1.0,
        mean=(1.0, 2.0, 3.0),
        std=(4.0, 5.0, 6.0),
        conf=0.25,
        iou=0.5,
    )


def test_metrics_and_optimisers_of_any_class_are_no_obstacle(weights: StateDict, tmp_path: Path) -> None:
    beside = {
        "acc": np.float64(0.4),
        "callback": nn.ReLU(),
        "path": tmp_path,
        "names": {1, 2},
        "complex": 1j,
        "sparse": torch.eye(2).to_sparse(),
        "size": torch.Size((1, 2)),
        "dtype": torch.float32,
        "device": torch.device("cpu"),
        "quantised": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
        "8 bits": torch.ones(2).to(torch.float8_e4m3fn),
    }
    torch.save({"net": weights, **beside}, tmp_path / "ckpt.pth")
    assert same(tmp_path / "ckpt.pth", weights)


@pytest.mark.parametrize("dtype", [torch.int32, torch.bool, torch.complex64, torch.float8_e4m3fn])
def test_weights_of_a_type_that_weights_don_t_have(dtype: torch.dtype, weights: StateDict, tmp_path: Path) -> None:
    name = "neck.neck1.conv.bn.running_mean"
    torch.save(weights | {name: weights[name].to(dtype)}, tmp_path / "a.pt")
    refused(tmp_path / "a.pt", error=CheckpointError)
    if dtype != torch.complex64:
        save_file(weights | {name: weights[name].to(dtype)}, tmp_path / "a.safetensors")
        refused(tmp_path / "a.safetensors", name, "no type of weights")


def test_a_repacked_file_is_refused_with_advice(weights: StateDict, tmp_path: Path) -> None:
    torch.save(weights, tmp_path / "a.pt")
    with (
        zipfile.ZipFile(tmp_path / "a.pt") as old,
        zipfile.ZipFile(tmp_path / "b.pt", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    refused(tmp_path / "b.pt", "compressed", "without compression")
