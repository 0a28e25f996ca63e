"""Training moves the network as it moves super-gradients': the same start, the same step, the same dropping."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from tests.reference import oracle
from tests.support import losses, synthetic
from yolonas_plugin.nn import CONFIGS, StageConfig, YoloNAS, YoloNASLoss

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPE = (128, 160)


@pytest.mark.parametrize("size", ["s", "m", "l"])
def test_the_same_seed_gives_the_same_new_network(size: str) -> None:
    torch.manual_seed(7)
    ours = YoloNAS(CONFIGS[size], num_classes=3)
    torch.manual_seed(7)
    theirs = oracle.new_network(size, num_classes=3)
    expected = theirs.state_dict()
    assert [name for name, tensor in ours.state_dict().items() if not torch.equal(tensor, expected[name])] == []
    assert settings(ours) == settings(theirs)


@pytest.mark.parametrize("start", ["new", "synthetic"])
def test_the_same_step_of_gradient_descent(start: str) -> None:
    """In float64: a new network predicts much the same everywhere, so in float32 rounding decides which cells learn."""
    if start == "new":
        torch.manual_seed(7)
        theirs = oracle.new_network("s", num_classes=3)
        ours = YoloNAS(CONFIGS["s"], num_classes=3)
        ours.load_state_dict(theirs.state_dict())
    else:
        ours, theirs = synthetic.network("s", num_classes=3), oracle.network("s", num_classes=3)
    before = {name: tensor.double() for name, tensor in ours.state_dict().items()}
    case = losses.make("a few boxes", "new", 3, SHAPE, num_classes=3)
    images = synthetic.batch(*SHAPE, images=3).double()

    raw = ours.double().train()(images)
    step(ours, YoloNASLoss()(raw._replace(logits=raw.logits.float(), distances=raw.distances.float()), *case.ours)[0])
    logits, distances = predict(theirs.double().train(), images)
    step(theirs, oracle.loss(logits.float(), distances.float(), SHAPE, case.targets)[0])

    after, expected = ours.state_dict(), theirs.state_dict()
    for name, tensor in before.items():
        moved, expected_move = after[name] - tensor, expected[name] - tensor
        assert (moved - expected_move).norm() <= 1e-4 * expected_move.norm() + 1e-10, name


def test_the_same_channels_and_images_are_dropped() -> None:
    """Every bottleneck has another rate; the network's random numbers come in the same order."""
    config = CONFIGS["s"].with_dropout(dropout=0.3)
    config = replace(config, backbone=dropping(config.backbone), neck=dropping(config.neck), reg_dropout_rate=0.2)
    ours = YoloNAS(config, num_classes=3)
    ours.load_state_dict(synthetic.state_dict(ours.state_dict()))
    theirs = oracle.network_with_dropout(config, num_classes=3)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    images = synthetic.batch(*SHAPE, images=3).double()
    torch.manual_seed(7)
    found = ours.double().train()(images)
    torch.manual_seed(7)
    expected = predict(theirs.double(), images)
    torch.testing.assert_close(found[:2], expected)
    assert not torch.allclose(synthetic.network("s", 3).double().train()(images).logits, expected[0])


def test_nothing_is_dropped_by_default() -> None:
    images = synthetic.batch(*SHAPE, images=3).double()
    found = synthetic.network("s", num_classes=3).double().train()(images)
    torch.testing.assert_close(found[:2], predict(oracle.network("s", num_classes=3).double().train(), images))


def predict(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits and distances of super-gradients' network."""
    _, (logits, distances, *_) = model(images)
    return logits, distances


def step(model: nn.Module, loss: Tensor) -> None:
    loss.backward()
    torch.optim.SGD(model.parameters(), lr=0.01).step()


def dropping(stages: tuple[StageConfig, ...]) -> tuple[StageConfig, ...]:
    rates = (0.1, 0.5, 0.3, 0.6, 0.4)
    return tuple(replace(stage, drop_path_rates=rates[: stage.blocks]) for stage in stages)


def settings(model: nn.Module) -> dict[str, tuple[float, float | None]]:
    """Epsilon and momentum of each BatchNorm."""
    return {name: (m.eps, m.momentum) for name, m in model.named_modules() if isinstance(m, nn.BatchNorm2d)}
