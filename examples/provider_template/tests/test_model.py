"""The model finds what it should."""

from acme_zoo.model import load, make_predictor
from acme_zoo.plugin import model_zoo_providers

from model_zoo_api.testing import write_picture


def test_it_finds_the_red_and_the_blue_rectangle(tmp_path):
    (provider,) = model_zoo_providers()
    (card,) = provider.models
    (found,) = make_predictor(load("acme_tiny", card=card))(write_picture(tmp_path / "picture.png", 160, 128))
    boxes = {found.names[label]: box for label, box in zip(found.labels.tolist(), found.boxes, strict=True)}
    assert boxes.keys() == {"red", "blue"}
    assert abs(boxes["red"] - [20, 32, 64, 96]).max() <= 2.5  # a cell is 2.5 pixels wide
    assert abs(boxes["blue"] - [96, 32, 140, 96]).max() <= 2.5
    assert found.scores.min() > 0.9
