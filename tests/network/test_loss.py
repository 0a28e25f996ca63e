"""What training relies on in the loss, whatever its figures; that they are super-gradients' see ``test_golden``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.support import losses, synthetic
from yolonas_plugin.nn import RawPredictions, YoloNASLoss
from yolonas_plugin.nn.assign import Assignment, assign_by_alignment, assign_by_place
from yolonas_plugin.nn.head import boxes_about
from yolonas_plugin.nn.iou import generalised_iou, iou

pytestmark = pytest.mark.usefixtures("one_thread")

STATIC = pytest.mark.parametrize("static", [False, True], ids=losses.ASSIGNERS)
NONE = (torch.zeros(0, 4), torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long))


@STATIC
def test_following_the_gradient_finds_the_boxes(static: bool) -> None:
    case = losses.case("some images without boxes", "new")
    criterion, (boxes, labels, images) = YoloNASLoss(static), case.ours
    logits, distances = (tensor.clone().requires_grad_() for tensor in case.raw[:2])
    raw = case.raw._replace(logits=logits, distances=distances)
    optimizer = torch.optim.Adam((logits, distances), lr=0.2)
    course = []
    for _ in range(100):
        optimizer.zero_grad()
        loss, _ = criterion(raw, boxes, labels, images)
        loss.backward()
        optimizer.step()
        course.append(loss.item())
    assert course[-1] < course[0] / 3
    cells, owners, _ = assign(raw, boxes, labels, images, static)
    predicted = (boxes_about(raw.points, distances) * raw.strides).flatten(0, 1)[cells]
    scores = logits.sigmoid().flatten(0, 1)[cells, labels[owners]]
    found = (iou(predicted, boxes[owners]) > 0.8) & (scores > 0.7)
    assert len(owners.unique()) > 0.5 * len(boxes)  # those without a cell of their own can't be learnt
    assert len(owners[found].unique()) > 0.9 * len(owners.unique())


@STATIC
def test_the_order_of_boxes_and_of_images_changes_nothing(static: bool) -> None:
    case = losses.case("300 boxes", "trained")
    boxes, labels, images = case.ours
    expected = YoloNASLoss(static)(case.raw, boxes, labels, images)
    order = torch.randperm(len(boxes), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(YoloNASLoss(static)(case.raw, boxes[order], labels[order], images[order]), expected)
    turned = case.raw._replace(logits=case.raw.logits.flip(0), distances=case.raw.distances.flip(0))
    last = len(case.raw.logits) - 1
    torch.testing.assert_close(YoloNASLoss(static)(turned, boxes, labels, last - images), expected)


@STATIC
def test_a_batch_is_the_sum_of_its_images_over_the_sum_of_their_scores(static: bool) -> None:
    case = losses.case("some images without boxes", "trained")
    boxes, labels, images = case.ours
    _, parts = YoloNASLoss(static)(case.raw, boxes, labels, images)
    sums, total_score = dict.fromkeys(parts, torch.tensor(0.0)), torch.tensor(0.0)
    for image in range(len(case.raw.logits)):
        chosen = images == image
        raw = case.raw._replace(logits=case.raw.logits[image, None], distances=case.raw.distances[image, None])
        alone = (boxes[chosen], labels[chosen], images[chosen] * 0)
        score = assign(raw, *alone, static).scores.sum() if chosen.any() else torch.tensor(0.0)
        _, parts_alone = YoloNASLoss(static)(raw, *alone)
        sums = {name: sums[name] + part * score.clamp(min=1) for name, part in parts_alone.items()}
        total_score += score
    torch.testing.assert_close(parts, {name: part / total_score for name, part in sums.items()})


@STATIC
def test_without_boxes_all_parameters_have_gradients_all_the_same(static: bool) -> None:
    """Else processes that train together would wait for each other for ever."""
    network = synthetic.network("n", num_classes=3).train()
    total, parts = YoloNASLoss(static)(network(synthetic.batch(64, 64, images=2)), *NONE)
    total.backward()
    assert parts["cls_loss"] == total > 0
    assert (parts["box_loss"], parts["dfl_loss"]) == (0, 0)
    without = {name for name, parameter in network.named_parameters() if parameter.grad is None}
    assert without == {name for name, _ in network.named_parameters() if ".rbr_reparam." in name}
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters() if parameter.grad is not None)


@STATIC
def test_the_smallest_image(static: bool) -> None:
    """Its stride of 32 has one cell, fewer than any assigner would like to choose from."""
    raw = losses.make("a few boxes", "new", 2, (32, 32), 3).raw
    targets = (torch.tensor([[2.0, 3, 30, 28]]), torch.tensor([2]), torch.tensor([1]))
    total, _ = YoloNASLoss(static)(raw, *targets)
    assert total.isfinite()
    assert len(assign(raw, *targets, static).cells) > 0


@STATIC
def test_perfect_predictions_cost_next_to_nothing(static: bool) -> None:
    case = losses.make("one box", "new", 1, (128, 128), 3)
    boxes, labels, images = torch.tensor([[20.0, 20, 100, 100]]), torch.tensor([2]), torch.tensor([0])
    points, strides = case.raw[2:]
    sides = torch.cat((points - boxes[:, :2] / strides, boxes[:, 2:] / strides - points), dim=1)  # [A, 4]
    shares = (1 - (sides[..., None] - torch.arange(17)).abs()).clamp(min=1e-9)  # of the two bins beside each distance
    distances = shares.log().flatten(1)[None]
    logits = torch.full_like(case.raw.logits, -12)
    raw = case.raw._replace(logits=logits, distances=distances)
    assigned = assign(raw, boxes, labels, images, static).cells
    logits[0, assigned, 2] = 12
    _, parts = YoloNASLoss(static)(raw, boxes, labels, images)
    assert parts["box_loss"] < 1e-3
    assert parts["cls_loss"] < 1e-3


@STATIC
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_predictions_are_compared_in_float32(static: bool, dtype: torch.dtype) -> None:
    case = losses.case("a few boxes", "trained")
    half = case.raw._replace(logits=case.raw.logits.to(dtype), distances=case.raw.distances.to(dtype))
    full = half._replace(logits=half.logits.float(), distances=half.distances.float())
    with torch.autocast("cpu", torch.bfloat16):
        found = YoloNASLoss(static)(half, *case.ours)
    torch.testing.assert_close(found, YoloNASLoss(static)(full, *case.ours), rtol=0, atol=0)


def test_a_network_in_mixed_precision_has_exact_anchor_points() -> None:
    network = synthetic.network("n", num_classes=3).train()
    with torch.autocast("cpu", torch.bfloat16):
        raw = network(synthetic.batch(32, 2080))
    assert raw.logits.dtype == torch.bfloat16
    assert raw.points[259].tolist() == [259.5, 0.5]


def test_boxes_choose_their_cells_by_alignment_unless_told_otherwise() -> None:
    case = losses.case("a few boxes", "trained")
    default, by_alignment, by_place = (
        criterion(case.raw, *case.ours)[0] for criterion in (YoloNASLoss(), YoloNASLoss(False), YoloNASLoss(True))
    )
    assert default == by_alignment != by_place


def test_the_parts_add_up_and_take_their_weights() -> None:
    case = losses.case("a few boxes", "trained")
    total, parts = YoloNASLoss()(case.raw, *case.ours)
    assert list(parts) == ["box_loss", "cls_loss", "dfl_loss"]
    torch.testing.assert_close(total, sum(parts.values()))
    _, other = YoloNASLoss(box_weight=5, cls_weight=3, dfl_weight=0)(case.raw, *case.ours)
    expected = {"box_loss": parts["box_loss"] * 2, "cls_loss": parts["cls_loss"] * 3, "dfl_loss": parts["dfl_loss"] * 0}
    torch.testing.assert_close(other, expected)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (
            (torch.ones(2, 4), torch.tensor([0, 3]), torch.tensor([0, 0])),
            r"labels of the boxes go .* 3; they must be in 0 \.\.\. 2",
        ),
        ((torch.ones(1, 4), torch.tensor([-1]), torch.tensor([0])), "labels of the boxes go from -1 to -1"),
        ((torch.ones(1, 4), torch.tensor([0]), torch.tensor([4])), "images of the boxes go from 4 to 4"),
        (
            (torch.ones(2, 5), torch.tensor([0, 0]), torch.tensor([0, 0])),
            r"shapes \[2, 5\], \[2\], \[2\]",
        ),
        ((torch.ones(2, 4), torch.tensor([[0], [0]]), torch.tensor([0, 0])), r"shapes \[2, 4\], \[2, 1\], \[2\]"),
    ],
)
def test_targets_that_do_not_fit_are_refused(targets: tuple[Tensor, Tensor, Tensor], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        YoloNASLoss()(losses.case("no boxes", "new").raw, *targets)


@STATIC
@pytest.mark.parametrize("kind", losses.KINDS)
def test_each_cell_answers_for_one_box_of_its_image(kind: str, static: bool) -> None:
    case = losses.case(kind, "trained")
    boxes, labels, images = case.ours
    if not len(boxes):
        return
    cells, owners, scores = assign(case.raw, boxes, labels, images, static)
    assert (cells.diff() > 0).all()
    assert torch.equal(cells // len(case.raw.points), images[owners])
    assert ((scores >= 0) & (scores <= 1)).all()
    assert not torch.isin(owners, (boxes[:, 2:] <= boxes[:, :2]).any(dim=1).nonzero()).any()  # no area, no cell


def test_the_best_cell_of_a_box_should_score_as_much_as_it_overlaps() -> None:
    case = losses.case("one box", "trained")
    boxes, labels, images = case.ours
    cells, owners, scores = assign(case.raw, boxes, labels, images, static=False)
    predicted = (boxes_about(case.raw.points, case.raw.distances) * case.raw.strides).flatten(0, 1)[cells]
    assert len(cells) == 13
    torch.testing.assert_close(scores.max(), iou(predicted, boxes[owners]).max())


def test_overlaps() -> None:
    first = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], [5, 5, 5, 5]])
    second = torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 0, 30, 10], [0, 0, 10, 10]])
    torch.testing.assert_close(iou(first, second), torch.tensor([1, 1 / 3, 0, 0]))
    torch.testing.assert_close(generalised_iou(first, second), torch.tensor([1, 1 / 3, -1 / 3, 0]))
    assert iou(first[:, None], second).shape == (4, 4)


def test_processes_that_train_together_have_the_gradient_of_one_large_batch(tmp_path: Path) -> None:
    """Two processes, with two images and with one; as in ``DistributedDataParallel`` their gradients are averaged."""
    case = losses.case("some images without boxes", "trained")
    start = (
        "spawn" if torch.cuda.is_available() or torch.backends.mps.is_available() else "fork"
    )  # which saves an import
    torch.multiprocessing.start_processes(train_apart, (tmp_path,), nprocs=2, start_method=start)
    average = sum(torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)) / 2
    logits = case.raw.logits.clone().requires_grad_()
    YoloNASLoss()(case.raw._replace(logits=logits), *case.ours)[0].backward()
    torch.testing.assert_close(average, logits.grad)


def train_apart(rank: int, folder: Path) -> None:
    """Process ``rank`` of two: the first has the images 0 and 1, the second image 2."""
    torch.set_num_threads(1)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.distributed.init_process_group("gloo", f"file://{folder}/meet", rank=rank, world_size=2)
    case = losses.case("some images without boxes", "trained")
    boxes, labels, images = case.ours
    own = slice(0, 2) if rank == 0 else slice(2, 3)
    logits = case.raw.logits.clone().requires_grad_()
    raw = RawPredictions(logits[own], case.raw.distances[own], *case.raw[2:])
    chosen = (images >= own.start) & (images < own.stop)
    YoloNASLoss()(raw, boxes[chosen], labels[chosen], images[chosen] - own.start)[0].backward()
    torch.save(logits.grad, folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()


def assign(raw: RawPredictions, boxes: Tensor, labels: Tensor, images: Tensor, static: bool) -> Assignment:
    predicted, points = boxes_about(raw.points, raw.distances) * raw.strides, raw.points * raw.strides
    if static:
        return assign_by_place(predicted, points, raw.strides, boxes, images)
    return assign_by_alignment(raw.logits, predicted, points, boxes, labels, images)
