"""What bridges make of what was found: the classes that are wanted, the shape of a schema, a picture with boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from model_zoo_api import Detections, ModelCard, ModelProvider, Setting
from model_zoo_api.bridges.classes import detect, labels_of, only
from model_zoo_api.bridges.drawn import check_place, draw_to
from model_zoo_api.bridges.offers import Offer
from model_zoo_api.bridges.shapes import Shape
from model_zoo_api.detections import failed
from model_zoo_api.errors import SettingError
from model_zoo_api.testing.pictures import write_picture

NAMES = {0: "cat", 1: "traffic_light", 2: "Cat"}
BOXES = [[1, 2, 3, 4.5], [5, 6, 7, 8], [0, 0, 9, 9]]
FOUND = Detections(
    path="street.png", height=20, width=30, boxes=BOXES, scores=[0.9, 0.75, 0.5], labels=[1, 0, 2], names=NAMES
)
NOTHING = Detections(path="empty.png", index=1, height=10, width=10, names=NAMES)
POSES = Detections(
    height=10,
    width=10,
    boxes=BOXES[:2],
    scores=[0.9, 0.8],
    labels=[0, 0],
    names={0: "person"},
    keypoints=[[[1, 2, 0.5]], [[3, 4, 0.75]]],
    keypoint_names=["nose"],
)
UNREADABLE = failed("cut.png", "3 bytes that are no image", index=2)


# -- classes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "labels"), [(["cat"], [0, 2]), (["Traffic Light", "CAT"], [0, 1, 2]), (["traffic-light"], [1]), ([], [])]
)
def test_classes_are_found_however_they_are_written(wanted: list[str], labels: list[int]) -> None:
    assert labels_of(NAMES, wanted) == labels


def test_an_unknown_class_names_the_nearest_and_what_there_is() -> None:
    with pytest.raises(SettingError) as caught:
        labels_of(NAMES, ["cat", "trafic light"])
    hint = "did you mean 'traffic_light'? There are: cat, traffic_light, Cat"
    assert str(caught.value) == f"no class is named 'trafic light'; {hint}"
    with pytest.raises(SettingError, match=r"no class is named 'zebra', 'xylophone'\. There are: cat"):
        labels_of(NAMES, ["zebra", "xylophone"])


def test_only_some_classes_are_kept_with_all_that_belongs_to_them() -> None:
    some = only(FOUND, [0, 2])
    assert (some.boxes.tolist(), some.scores.tolist(), some.labels.tolist()) == (BOXES[1:], [0.75, 0.5], [0, 2])
    assert (some.path, some.height, dict(some.names)) == ("street.png", 20, NAMES)
    assert only(POSES, [0]) is POSES
    nobody = only(POSES, [3])
    assert (len(nobody), nobody.keypoint_names) == (0, ("nose",))
    assert only(NOTHING, [0]) is NOTHING


class Looks:
    """A predictor that knows a setting for classes, or doesn't; what it is asked for is noted."""

    def __init__(self, *settings: Setting, found: Sequence[Detections] = (FOUND, UNREADABLE)) -> None:
        card = ModelCard(name="sees", task="detect", input_size=(32, 32))
        acme = ModelProvider(name="acme", api_version=2, models=(card,), loader="acme:load", settings=settings)
        self.offer = Offer(name="sees", provider=acme, card=card)
        self.found = list(found)
        self.asked: list[Mapping[str, Any]] = []

    def __call__(self, source: Any, **settings: Any) -> list[Detections]:
        self.asked.append(settings)
        labels = settings.get("only_these")
        return [one if labels is None or one.error else only(one, labels) for one in self.found]


OWN = Setting(name="only_these", kind="classes")


def test_a_provider_that_can_is_told_which_classes_are_wanted() -> None:
    looks = Looks(OWN)
    found = detect(looks, "x.png", looks.offer, {"conf": 0.5}, ["Traffic light"], NAMES)
    assert looks.asked == [{"conf": 0.5, "only_these": [1]}]
    assert [one.labels.tolist() for one in found] == [[1], []]


def test_the_names_are_the_first_result_s_where_nobody_knows_them_before() -> None:
    looks = Looks(OWN, found=(UNREADABLE, FOUND))
    assert [len(one) for one in detect(looks, "x.png", looks.offer, {}, ["cat"])] == [0, 2]
    assert looks.asked == [{}, {"only_these": [0, 2]}]
    nothing = Looks(OWN, found=(UNREADABLE,))
    assert detect(nothing, "x.png", nothing.offer, {}, ["cat"]) == [UNREADABLE]


def test_of_another_provider_what_comes_back_is_filtered() -> None:
    looks = Looks()
    found = detect(looks, "x.png", looks.offer, {}, ["cat"])
    assert looks.asked == [{}]
    assert (found[0].labels.tolist(), found[1].error) == ([0, 2], UNREADABLE.error)
    with pytest.raises(SettingError, match="no class is named 'dog'"):
        detect(looks, "x.png", looks.offer, {}, ["dog"])


def test_what_the_setting_says_and_what_is_wanted_both_count() -> None:
    looks = Looks(OWN)
    found = detect(looks, "x.png", looks.offer, {"only_these": [0, 1]}, ["cat"], NAMES)
    assert [one.labels.tolist() for one in found] == [[0], []]


# -- shapes ------------------------------------------------------------------------------------------------------------


def of(*fields: str, **more: Any) -> dict[str, Any]:
    """Return a schema of an object, each field as ``"name type"``."""
    properties = {name: {"type": kind} for name, _, kind in (field.partition(" ") for field in fields)}
    return {"type": "object", "properties": {**properties, **more}}


def several(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"items": {"type": "array", "items": item}}, "required": ["items"]}


def test_a_list_has_each_thing_found_in_all_pictures() -> None:
    shape = Shape(several(of("name string", "score number", "y2 integer", "path string", "width integer")), "detect")
    assert shape.answers_once
    items = shape.answer([FOUND, NOTHING])["items"]
    assert items[0] == {"name": "traffic_light", "score": 0.9, "y2": 4, "path": "street.png", "width": 30}
    assert [item["name"] for item in items] == ["traffic_light", "cat", "Cat"]
    assert shape.answer([NOTHING]) == {"items": []}


def test_a_list_of_what_only_pictures_have_is_of_pictures() -> None:
    shape = Shape(several(of("path string", "count integer")), "detect")
    assert shape.answer([FOUND, NOTHING])["items"] == [
        {"path": "street.png", "count": 3},
        {"path": "empty.png", "count": 0},
    ]


def test_one_object_is_the_best_one() -> None:
    shape = Shape(of("name string", "box array", "count integer"), "detect")
    assert not shape.answers_once
    assert shape.answer([FOUND]) == {"name": "traffic_light", "box": BOXES[0], "count": 3}
    with pytest.raises(SettingError, match="nothing was found, and the schema asks for one object"):
        shape.answer([NOTHING])


def test_a_picture_may_have_lists_and_things_may_have_parts() -> None:
    corner = of("x1 number", "y1 number")
    schema = of("path string", "width integer", found={"type": "array", "items": of("name string", corner=corner)})
    shape = Shape(schema, "detect")
    assert not shape.answers_once
    answer = shape.answer([FOUND])
    assert (answer["path"], answer["width"], len(answer["found"])) == ("street.png", 30, 3)
    assert answer["found"][0] == {"name": "traffic_light", "corner": {"x1": 1, "y1": 2}}
    assert shape.answer([NOTHING])["found"] == []


def test_pydantic_s_references_and_optional_fields_are_followed() -> None:
    thing = of("name string", error={"anyOf": [{"type": "string"}, {"type": "null"}], "default": None})
    schema = {"$defs": {"Thing": thing}, "type": "array", "items": {"$ref": "#/$defs/Thing"}}
    shape = Shape(schema, "detect")
    assert shape.answers_once
    assert shape.says_errors
    answer = shape.answer([FOUND, UNREADABLE])
    assert answer[0] == {"name": "traffic_light", "error": None}
    assert answer[-1] == {"name": "", "error": "3 bytes that are no image"}


def test_a_text_is_made_of_what_is_none_where_the_schema_wants_that() -> None:
    shape = Shape(of("score string", "box string", "path string"), "detect")
    assert shape.answer([FOUND])["score"] == "0.9"
    assert shape.answer([FOUND])["box"] == "[1.0, 2.0, 3.0, 4.5]"
    assert shape.answer([only(POSES, [0])])["path"] == ""


def test_poses_have_keypoints() -> None:
    schema = several(of("score number", "keypoints array", "keypoint_names array"))
    items = Shape(schema, "pose").answer([POSES])["items"]
    assert items[1] == {"score": 0.8, "keypoints": [[3, 4, 0.75]], "keypoint_names": ["nose"]}
    with pytest.raises(SettingError, match="asks for 'keypoints', which there isn't"):
        Shape(schema, "detect")


LOOP = {"$defs": {"A": {"$ref": "#/$defs/A"}}, "$ref": "#/$defs/A"}
WRONG = [
    (of("colour string"), "the schema asks for 'colour', which there isn't. An object has name, label, score, box, x1"),
    (of("scor number"), "the schema asks for 'scor', which there isn't; did you mean 'score'? An object has name"),
    (of("name boolean"), "the schema asks for 'name' as 'boolean'; it can be string"),
    (of("box number"), "the schema asks for 'box' as 'number'; it can be array or string"),
    (of(), "the schema names no fields. An object has name"),
    ({"type": "string"}, "the schema names no fields"),
    ({"type": "array", "items": {"type": "array", "items": of("name string")}}, "the schema asks for lists in a list"),
    (LOOP, "which is none that can be followed"),
    (of(name={"$ref": "#/$defs/Nowhere"}), "the schema has None, which is none that can be followed"),
]


@pytest.mark.parametrize(("schema", "message"), WRONG)
def test_a_schema_that_can_t_be_answered_is_refused_before_any_work(schema: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError) as caught:
        Shape(schema, "detect")
    assert message in str(caught.value)


# -- pictures ----------------------------------------------------------------------------------------------------------

NEEDS_PILLOW = pytest.mark.skipif(find_spec("PIL") is None, reason="Pillow isn't installed")


@NEEDS_PILLOW
def test_a_picture_is_written_where_nothing_is_yet(tmp_path: Path) -> None:
    from PIL import Image

    source = write_picture(tmp_path / "source.png", 30, 20)
    found = Detections(path=str(source), height=20, width=30, boxes=BOXES[:1], scores=[1], labels=[0], names=NAMES)
    place = draw_to(found, tmp_path / "found.png")
    with Image.open(place) as picture:
        assert picture.size == (30, 20)
    before = place.read_bytes()
    with pytest.raises(SettingError, match="is there already, and isn't written over"):
        draw_to(found, place)
    assert place.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["found.png", "source.png"]


@NEEDS_PILLOW
def test_one_that_another_program_makes_meanwhile_is_left_alone(tmp_path: Path) -> None:
    source = write_picture(tmp_path / "source.png", 30, 20)
    place = tmp_path / "found.png"

    class Slow(Detections):
        def draw(self, image: Any = None) -> Any:
            drawn = super().draw(image)
            place.write_text("another's")
            return drawn

    found = Slow(path=str(source), height=20, width=30, boxes=BOXES[:1], scores=[1], labels=[0], names=NAMES)
    with pytest.raises(SettingError, match="is there already"):
        draw_to(found, place)
    assert place.read_text() == "another's"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["found.png", "source.png"]


@NEEDS_PILLOW
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("there/found.png", "there is no folder"),
        ("found.text", "its ending is of no picture's format"),
        ("found", "its ending is of no picture's format"),
        ("link.png", "is there already"),
    ],
)
def test_where_no_picture_can_be_written_is_known_before(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "link.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(SettingError, match=message):
        check_place(tmp_path / name)
