"""What a prediction answers, described for DEEPaaS's page."""

from __future__ import annotations

from typing import Any

from marshmallow import INCLUDE, Schema, fields


class _Open(Schema):
    class Meta:
        unknown = INCLUDE


def _described(kind: type[fields.Field], help: str, *inner: Any, **more: Any) -> Any:
    return kind(*inner, allow_none=True, metadata={"description": help}, **more)


class Found(_Open):
    """Something found in a picture."""

    name = _described(fields.Str, "Of its class.")
    label = _described(fields.Int, "Index of its class.")
    score = _described(fields.Float, "From 0 to 1.", allow_nan=True)
    box = _described(fields.List, "x1, y1, x2, y2 in pixels of the picture.", fields.Float(allow_nan=True))
    keypoints = _described(
        fields.List, "x, y and a score from 0 to 1 of each, for poses.", fields.List(fields.Float(allow_nan=True))
    )
    track_id = _described(fields.Int, "Of its track, where things are tracked.")


class Picture(_Open):
    """What was found in a picture, see :meth:`~model_zoo_api.Detections.to_dict`."""

    path = _described(fields.Str, "The picture's name.")
    index = _described(fields.Int, "0.")
    height = _described(fields.Int, "In pixels.")
    width = _described(fields.Int, "In pixels.")
    error = _described(fields.Str, "Null.")
    keypoint_names = _described(fields.List, "Of the keypoints, for poses.", fields.Str())
    edges = _described(
        fields.List, "Pairs of keypoints with a line between them, for poses.", fields.List(fields.Int())
    )
    objects = _described(fields.List, "What was found, the best first.", fields.Nested(Found))


def answer_schema() -> dict[str, fields.Field]:
    """Return the fields of an answer in JSON."""
    return {
        "status": fields.Str(metadata={"description": "OK."}),
        "predictions": fields.Nested(Picture, metadata={"description": "What was found."}),
    }
