"""The model finds what it should."""

from acme_zoo.model import load, make_predictor
from acme_zoo.plugin import model_zoo_providers

from model_zoo_api.testing import write_picture


def test_it_finds_the_red_and_the_blue_rectangle(tmp_path):
    (provider,) = model_zoo_providers()
    (card,) = provider.models
    (result,) = make_predictor(load("acme_tiny", card=card))(write_picture(tmp_path / "picture.png", 160, 128))
    order = result.labels.argsort()  # it gives the best first
    assert [result.names[int(label)] for label in result.labels[order]] == ["red", "blue"]
    assert abs(result.boxes[order] - [[20, 32, 64, 96], [96, 32, 140, 96]]).max() <= 2.5  # a cell is 2.5 pixels wide
    assert result.scores.min() > 0.9
