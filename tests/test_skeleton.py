"""Keypoints as data: COCO's, others', and what can't be a skeleton."""

from __future__ import annotations

import json
from typing import Any

import pytest

from yolonas_plugin.errors import SkeletonError
from yolonas_plugin.info import ModelInfo
from yolonas_plugin.processing import POSE
from yolonas_plugin.skeleton import COCO_PERSON, MAX_KEYPOINTS, Skeleton


def test_a_person_of_coco() -> None:
    assert len(COCO_PERSON) == 17
    assert COCO_PERSON.names[:3] == ("nose", "left_eye", "right_eye")
    assert COCO_PERSON.names[-1] == "right_ankle"
    names = [COCO_PERSON.names[index] for index in COCO_PERSON.flip_index]
    swapped = {"left": "right", "right": "left", "nose": "nose"}
    assert names == [name.replace(side := name.split("_")[0], swapped[side]) for name in COCO_PERSON.names]
    assert len(COCO_PERSON.edges) == 19
    assert COCO_PERSON.sigmas[5:7] == (0.079, 0.079)
    mirrored = {frozenset(COCO_PERSON.flip_index[end] for end in edge) for edge in COCO_PERSON.edges}
    assert mirrored == {frozenset(edge) for edge in COCO_PERSON.edges}


def test_colours_are_there_for_every_edge_and_keypoint() -> None:
    skeleton = Skeleton(names=("a", "b", "c"), edges=((0, 1), (1, 2)))
    assert len(skeleton.edge_colors) == 2
    assert len(skeleton.keypoint_colors) == 3
    assert Skeleton.unnamed(12).keypoint_colors[10] == Skeleton.unnamed(12).keypoint_colors[0]
    assert Skeleton(names=("a",), keypoint_colors=((1, 2, 3),)).keypoint_colors == ((1, 2, 3),)


def test_keypoints_without_names_are_numbered_but_for_cocos() -> None:
    assert Skeleton.unnamed(2).names == ("keypoint_0", "keypoint_1")
    assert Skeleton.unnamed(2).flip_index is None
    assert Skeleton.unnamed(17) is COCO_PERSON


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": ()}, "0 keypoints; there may be 1 to"),
        ({"names": tuple(map(str, range(MAX_KEYPOINTS + 1)))}, "there may be 1 to"),
        ({"names": ("a", "b", "a")}, "two keypoints are called 'a'"),
        ({"names": ("a", "", "c")}, "the name of keypoint 1 is ''"),
        ({"names": ("a", 1, "c")}, "the name of keypoint 1 is 1"),
        ({"names": ("a", "\x1b[31m", "c")}, "the name of keypoint 1"),
        ({"edges": ((0, 3),)}, r"\(0, 3\); it must join two of the keypoints 0 to 2"),
        ({"edges": ((-1, 0),)}, "it must join two"),
        ({"edges": ((1, 1),)}, "it must join two"),
        ({"edges": ((0, 1, 2),)}, "it must join two"),
        ({"edges": (5,)}, "it must join two"),
        ({"edges": ((0, True),)}, "it must join two"),
        ({"edges": ((0, 1),), "edge_colors": ((0, 0, 0), (1, 1, 1))}, "edge_colors has 2 colours for 1"),
        ({"keypoint_colors": ((0, 0, 0),)}, "keypoint_colors has 1 colours for 3"),
        ({"keypoint_colors": ((0, 0, 0), (0, 0, 256), (0, 0, 0))}, "from 0 to 255"),
        ({"keypoint_colors": ((0, 0, 0), (0, 0), (0, 0, 0))}, "from 0 to 255"),
        ({"flip_index": (0, 2)}, "flip_index has 2 entries for 3 keypoints"),
        ({"flip_index": (0, 2, 2)}, "not every index from 0 to 2"),
        ({"flip_index": (0, 2, 3)}, "not every index from 0 to 2"),
        ({"flip_index": (1, 2, 0)}, "mirroring twice"),
        ({"sigmas": (0.1, 0.1)}, "a positive number for each of 3"),
        ({"sigmas": (0.1, 0.0, 0.1)}, "a positive number"),
        ({"sigmas": (0.1, float("nan"), 0.1)}, "a positive number"),
    ],
)
def test_what_contradicts_itself_is_no_skeleton(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SkeletonError, match=message):
        Skeleton(**{"names": ("a", "b", "c"), **changes})


@pytest.mark.parametrize(
    "skeleton",
    [COCO_PERSON, Skeleton.unnamed(1), Skeleton(("a", '\u00fc "'), ((0, 1),), flip_index=(1, 0), sigmas=(0.5, 2))],
)
def test_a_skeleton_comes_back_from_json(skeleton: Skeleton) -> None:
    assert Skeleton.from_json(skeleton.to_json()) == skeleton
    newer = {**json.loads(skeleton.to_json()), "unknown": 1}
    assert Skeleton.from_json(json.dumps(newer)) == skeleton


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ('{"names": ["a"], "names": ["b"]}', "no JSON: a name is there twice"),
        ("[]", "no names of keypoints"),
        ('{"edges": []}', "no names of keypoints"),
        ('{"names": "ab"}', "names of the skeleton is no list"),
        ('{"names": ["a", "b"], "edges": 3}', "edges of the skeleton is no list"),
        ('{"names": ["a", ["b"]]}', "the name of keypoint 1"),
        ('{"names": ["a", "b"], "edges": [[0, 2]]}', "it must join two"),
        ('{"names": ["a", "b"], "edges": [{"0": 1}]}', "it must join two"),
        ('{"names": ["a", "b"], "flip_index": [[0], 1]}', "not every index"),
        ('{"names": ["a", "b"], "sigmas": [NaN, 1]}', "a positive number"),
    ],
)
def test_json_that_is_no_skeleton(text: str, message: str) -> None:
    with pytest.raises(SkeletonError, match=message):
        Skeleton.from_json(text)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"task": "pose"}, "needs a skeleton"),
        ({"skeleton": COCO_PERSON}, "has no keypoints, but a skeleton was given"),
        ({"task": "pose", "skeleton": COCO_PERSON, "names": ("person", "dog")}, "of one class, not of 2"),
        ({"task": "segment"}, "task='segment' is unknown; there are detect, pose"),
    ],
)
def test_a_model_has_a_skeleton_exactly_where_its_task_has_keypoints(said: dict[str, Any], message: str) -> None:
    with pytest.raises(SkeletonError, match=message):
        ModelInfo(**{"names": ("person",), "processing": POSE, **said})
    assert ModelInfo(names=("person",), processing=POSE, task="pose", skeleton=COCO_PERSON).num_keypoints == 17
    assert ModelInfo(names=("a", "b"), processing=POSE).num_keypoints == 0
