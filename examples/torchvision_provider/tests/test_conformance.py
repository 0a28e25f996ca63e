"""The provider does what hosts rely on; with random weights, so nothing is downloaded."""

import pytest
import torch
from torchvision.models import get_model, get_model_weights
from torchvision_provider.detectors import load
from torchvision_provider.plugin import CARDS, model_zoo_providers

from model_zoo_api.testing import ProviderConformance

NAME = CARDS[0].name  # the smallest


class TestTorchvision(ProviderConformance):
    options = {"architecture": NAME}
    settings = {"conf": 0.4}
    threads = 2
    without_weights = {card.name for card in CARDS}  # torchvision's own would be downloaded

    @pytest.fixture
    def provider(self):
        (provider,) = model_zoo_providers()
        return provider

    @pytest.fixture
    def source(self, weights):
        return weights


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random weights; noise gives the normalisation layers their statistics, so that scores differ."""
    torch.manual_seed(0)
    network = get_model(NAME, weights=None, weights_backbone=None)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # one batch is enough
    with torch.no_grad():
        network.head(list(network.backbone(torch.rand(2, 3, 320, 320)).values()))
    path = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save(network.state_dict(), path)
    return path


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_cards_say_what_torchvision_says(card):
    published = get_model_weights(card.name).DEFAULT
    assert card.weights[0].urls == (published.url,)
    assert card.parameters == published.meta["num_params"]
    assert card.gflops == 2 * published.meta["_ops"]
    assert card.metrics[0].value == published.meta["_metrics"]["COCO-val2017"]["box_map"]


def test_a_file_needs_the_name_of_its_network(weights):
    with pytest.raises(ValueError, match="say which network it is for"):
        load(str(weights))
