"""What a user of the network relies on: sizes, shapes, modes, fusing, tracing, export."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from tests.support import synthetic
from yolonas_plugin.cards import CARDS, LAYOUT_CLASSES
from yolonas_plugin.nn import (
    CONFIGS,
    POSE_CONFIGS,
    RawPredictions,
    YoloNAS,
    YoloNASConfig,
    yolo_nas_l,
    yolo_nas_m,
    yolo_nas_n,
    yolo_nas_s,
)
from yolonas_plugin.nn.blocks import QARepVGGBlock, drop_path
from yolonas_plugin.nn.meta import MetaDevice

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPES = [(32, 32), (64, 96), (224, 160), (320, 320)]
ROUNDING = {"rtol": 1e-4, "atol": 1e-3}
"""What summing in another order changes, in pixels and scores."""


@pytest.fixture
def nano() -> YoloNAS:
    return synthetic.network("n")


def run(network: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        return network(images)


def on_meta(size: str, num_classes: int = 80, in_channels: int = 3) -> YoloNAS:
    """A network without memory, for counting."""
    with torch.device("meta"):
        return YoloNAS(CONFIGS[size], num_classes, in_channels)


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("make", "millions", "tensors"),
    [(yolo_nas_n, 8.53, 890), (yolo_nas_s, 19.05, 921), (yolo_nas_m, 51.18, 965), (yolo_nas_l, 66.98, 1097)],
)
def test_parameters_and_tensors_of_each_size(make: type, millions: float, tensors: int) -> None:
    with torch.device("meta"):
        network = make()
    assert round(parameters(network) / 1e6, 2) == millions
    assert len(network.state_dict()) == tensors


@pytest.mark.parametrize(("size", "millions"), [("n", 5.47), ("s", 12.17)])
def test_parameters_once_fused(size: str, millions: float) -> None:
    assert round(parameters(synthetic.network(size).fuse()) / 1e6, 2) == millions


def test_the_cards_tell_the_parameters() -> None:
    expected = {f"yolo_nas_{size}": parameters(on_meta(size)) for size in CONFIGS}
    expected["yolo_nas_n_layout"] = parameters(on_meta("n", num_classes=len(LAYOUT_CLASSES)))
    for size, config in POSE_CONFIGS.items():
        with torch.device("meta"):
            expected[f"yolo_nas_pose_{size}"] = parameters(YoloNAS(config, 1, num_keypoints=17))
    assert {card.name: card.parameters for card in CARDS} == expected


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("num_classes", "in_channels"), [(80, 3), (1, 3), (3, 1), (5, 4)])
def test_shapes_of_boxes_and_scores(num_classes: int, in_channels: int, shape: tuple[int, int]) -> None:
    network = on_meta("n", num_classes, in_channels).eval()
    boxes, scores = network(torch.empty(2, in_channels, *shape, device="meta"))
    anchors = shape[0] * shape[1] * 21 // 1024
    assert (boxes.shape, scores.shape) == ((2, anchors, 4), (2, anchors, num_classes))


@pytest.mark.parametrize("shape", [(16, 16), (33, 64), (64, 40), (64, 48), (48, 64), (640, 639), (0, 32)])
def test_other_sides_are_refused(nano: YoloNAS, shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"input is {shape[0]}x{shape[1]}; both sides must be multiples of 32"):
        nano(torch.zeros(1, 3, *shape))


@pytest.mark.parametrize("counts", [{"num_classes": 0}, {"in_channels": 0}, {"num_classes": -1}])
def test_a_network_needs_classes_and_channels(counts: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        yolo_nas_n(**counts)


def test_boxes_lie_about_their_anchor_points(nano: YoloNAS) -> None:
    """Cells row by row, stride 8 first; a box contains its cell's centre, because distances are not negative."""
    boxes, _ = run(nano, synthetic.batch(64, 96))
    raw = nano.predict_raw(synthetic.batch(64, 96))
    points = raw.points * raw.strides
    torch.testing.assert_close(points[:2], torch.tensor([[4.0, 4], [12, 4]]))
    torch.testing.assert_close(points[-1], torch.tensor([80.0, 48]))
    assert (boxes[0, :, :2] <= points).all()
    assert (points <= boxes[0, :, 2:]).all()


def test_scores_are_between_0_and_1(nano: YoloNAS) -> None:
    _, scores = run(nano, synthetic.batch(160, 160))
    assert scores.min() >= 0
    assert scores.max() <= 1


def test_each_image_of_a_batch_is_independent(nano: YoloNAS) -> None:
    images = synthetic.batch(96, 128, images=3)
    together = run(nano, images)
    alone = [run(nano, image[None]) for image in images]
    for tensor, parts in zip(together, zip(*alone, strict=True), strict=True):
        torch.testing.assert_close(tensor, torch.cat(parts), **ROUNDING)


@pytest.mark.parametrize("size", ["n", "s"])
def test_fused_equals_unfused(size: str) -> None:
    network, images = synthetic.network(size), synthetic.batch(160, 224)
    boxes, scores = run(network, images)
    fused_boxes, fused_scores = run(network.fuse(), images)
    assert (fused_boxes - boxes).abs().max() <= 0.05
    assert (fused_scores - scores).abs().max() <= 1e-4


def test_fusing_leaves_convolutions_alone(nano: YoloNAS) -> None:
    assert not nano.is_fused()
    assert nano.fuse() is nano
    assert nano.is_fused()
    assert not any(isinstance(module, nn.BatchNorm2d) for module in nano.modules())
    assert not any("branch" in name for name in nano.state_dict())
    assert not any(parameter.requires_grad for parameter in nano.parameters())


def test_fusing_again_changes_nothing(nano: YoloNAS) -> None:
    images = synthetic.batch(64, 64)
    once = run(nano.fuse(), images)
    for first, second in zip(once, run(nano.fuse(), images), strict=True):
        assert torch.equal(first, second)


def test_a_copy_is_fused_without_its_original(nano: YoloNAS) -> None:
    images = synthetic.batch(64, 64)
    before = run(nano, images)
    assert deepcopy(nano).fuse().is_fused()
    assert not nano.is_fused()
    for first, second in zip(before, run(nano, images), strict=True):
        assert torch.equal(first, second)


def test_training_mode_returns_what_a_loss_needs(nano: YoloNAS) -> None:
    raw = nano.train()(synthetic.batch(64, 96, images=2))
    assert isinstance(raw, RawPredictions)
    assert [list(tensor.shape) for tensor in raw] == [[2, 126, 80], [2, 126, 68], [126, 2], [126, 1]]
    assert raw.strides.unique().tolist() == [8, 16, 32]


def test_raw_predictions_decode_to_the_output(nano: YoloNAS) -> None:
    images = synthetic.batch(64, 96)
    with torch.no_grad():
        decoded = nano.heads.decode(nano.predict_raw(images))
    for first, second in zip(decoded, run(nano, images), strict=True):
        assert torch.equal(first, second)


def test_gradients_reach_every_parameter_but_the_place_of_the_fused_kernel(nano: YoloNAS) -> None:
    raw = nano.train()(synthetic.batch(64, 96, images=2))
    (raw.logits.sum() + raw.distances.pow(2).sum()).backward()
    without = {name for name, parameter in nano.named_parameters() if parameter.grad is None}
    assert without == {name for name, _ in nano.named_parameters() if ".rbr_reparam." in name}
    assert all(parameter.grad.isfinite().all() for parameter in nano.parameters() if parameter.grad is not None)


def test_gradients_are_right_where_images_enter() -> None:
    """oneDNN's gradient of a strided 1x1 convolution of three channels, channels last, is wrong or ends the process."""
    block = QARepVGGBlock(3, 32, stride=2, residual=False).train()
    exact = deepcopy(block).double()
    images = synthetic.batch(320, 320, images=8)
    weights = synthetic.batch(160, 160, images=8, channels=32)
    (block(images.contiguous(memory_format=torch.channels_last)) * weights).mean().backward()
    (exact(images.double()) * weights.double()).mean().backward()
    found, expected = block.branch_1x1.weight.grad.double(), exact.branch_1x1.weight.grad
    assert (found - expected).norm() <= 1e-2 * expected.norm()


def test_dropping_is_for_training_only(nano: YoloNAS) -> None:
    dropping = YoloNAS(CONFIGS["n"].with_dropout(drop_path=0.5, dropout=0.5)).eval()
    dropping.load_state_dict(nano.state_dict(), strict=True)
    images = synthetic.batch(96, 96, images=2)
    for first, second in zip(run(nano, images), run(dropping, images), strict=True):
        assert torch.equal(first, second)
    with torch.no_grad():
        assert torch.equal(nano.train()(images).logits, nano(images).logits)
        assert not torch.allclose(dropping.train()(images).logits, dropping(images).logits)


def test_one_rate_leaves_the_other_at_nothing() -> None:
    for rates in ({"drop_path": 0.5}, {"dropout": 0.5}):
        config = CONFIGS["n"].with_dropout(**rates)
        stages = (*config.backbone, *config.neck)
        assert {rate for stage in stages for rate in stage.drop_path_rates} == {rates.get("drop_path", 0)}
        dropouts = {config.cls_dropout_rate, config.reg_dropout_rate, *(stage.dropout_rate for stage in stages)}
        assert dropouts == {rates.get("dropout", 0)}


def test_drop_path_drops_whole_images_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    dropped = drop_path(torch.ones(10_000, 2, 3, 3), rate=0.2)
    assert (dropped == dropped[:, :1, :1, :1]).all()
    assert dropped.unique().tolist() == [0, 1.25]
    assert 0.98 < dropped.mean() < 1.02


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.with_dropout(dropout=1.0), "dropout_rate is 1.0; it must be at least 0 and less than 1"),
        (lambda c: c.with_dropout(drop_path=-0.1), "drop_path_rates is -0.1, -0.1; it must be"),
        (lambda c: replace(c, cls_dropout_rate=2), "cls_dropout_rate is 2"),
        (lambda c: replace(c.neck[0], drop_path_rates=(0.1,)), "1 drop_path_rates for 2 blocks"),
    ],
)
def test_rates_that_make_no_sense_are_refused(change: Callable[[YoloNASConfig], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        change(CONFIGS["n"])


def test_a_new_network_scores_every_class_about_one_percent() -> None:
    """So that focal and varifocal losses begin calmly."""
    torch.manual_seed(0)
    _, scores = run(yolo_nas_n(num_classes=3).eval(), synthetic.batch(64, 64))
    assert 0.003 < scores.median() < 0.03


def test_on_the_meta_device_a_network_has_its_shapes_and_nothing_else() -> None:
    with MetaDevice():
        empty = yolo_nas_n(num_classes=3)
    network = yolo_nas_n(num_classes=3)
    tensors, expected = empty.state_dict(), network.state_dict()
    assert all(tensor.is_meta for tensor in [*empty.parameters(), *empty.buffers()])
    assert {name: (t.shape, t.dtype) for name, t in tensors.items()} == {
        name: (t.shape, t.dtype) for name, t in expected.items()
    }


def test_other_threads_make_whole_networks_meanwhile() -> None:
    with MetaDevice(), ThreadPoolExecutor(1) as thread:
        whole = thread.submit(yolo_nas_n).result()
    assert not any(tensor.is_meta for tensor in whole.state_dict().values())
    assert all(module.weight.std() > 0 for module in whole.modules() if isinstance(module, nn.Conv2d))


def test_a_state_dict_goes_around(nano: YoloNAS) -> None:
    file = io.BytesIO()
    torch.save(nano.state_dict(), file)
    file.seek(0)
    other = yolo_nas_n().eval()
    other.load_state_dict(torch.load(file, weights_only=True), strict=True)
    images = synthetic.batch(64, 64)
    for first, second in zip(run(nano, images), run(other, images), strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize(("dtype", "pixels"), [(torch.float16, 3.0), (torch.bfloat16, 25.0), (torch.float64, 1e-2)])
@pytest.mark.parametrize("fuse", [False, True], ids=["unfused", "fused"])
def test_other_precisions(nano: YoloNAS, dtype: torch.dtype, pixels: float, fuse: bool) -> None:
    images = synthetic.batch(96, 96)
    expected, _ = run(nano, images)
    network = (nano.fuse() if fuse else nano).to(dtype)
    boxes, scores = run(network, images.to(dtype))
    wide = torch.promote_types(dtype, torch.float32)  # decoding is
    assert (boxes.dtype, scores.dtype) == (wide, wide)
    assert (boxes.float() - expected).abs().max() < pixels


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:.*torch.jit:FutureWarning")
@pytest.mark.parametrize("fuse", [False, True], ids=["unfused", "fused"])
def test_traced_equals_eager(nano: YoloNAS, fuse: bool) -> None:
    network = nano.fuse() if fuse else nano
    images = synthetic.batch(96, 128, images=2)
    traced = torch.jit.trace(network, images, check_trace=False)
    for first, second in zip(run(network, images), run(traced, images), strict=True):
        torch.testing.assert_close(first, second, **ROUNDING)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")
def test_onnx_equals_eager_at_any_size(nano: YoloNAS, tmp_path: Path) -> None:
    nano.fuse()
    path = tmp_path / "nano.onnx"
    dynamic = {
        "images": {0: "batch", 2: "height", 3: "width"},
        "boxes": {0: "batch", 1: "anchors"},
        "scores": {0: "batch", 1: "anchors"},
    }
    torch.onnx.export(
        nano,
        (synthetic.batch(96, 128),),
        str(path),
        input_names=["images"],
        output_names=["boxes", "scores"],
        dynamic_axes=dynamic,
        opset_version=17,
        dynamo=False,
    )
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for images in (synthetic.batch(96, 128), synthetic.batch(64, 64, images=3), synthetic.batch(224, 160)):
        found = session.run(None, {"images": images.numpy()})
        for array, expected in zip(found, run(nano, images), strict=True):
            torch.testing.assert_close(torch.from_numpy(array), expected, **ROUNDING)
