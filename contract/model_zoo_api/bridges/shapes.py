"""Answers in the shape that a host's JSON schema asks for: objects with the fields that it names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from model_zoo_api.detections import Detections
from model_zoo_api.errors import SettingError
from model_zoo_api.foreign import shown
from model_zoo_api.texts import suggest

OF_PICTURE: Final = {
    "path": "string",
    "index": "integer",
    "height": "integer",
    "width": "integer",
    "error": "string",
    "count": "integer",  # of the objects
    "keypoint_names": "array",
    "edges": "array",
}
"""Fields of a picture, and what JSON calls their types."""

OF_OBJECT: Final = {
    "name": "string",
    "label": "integer",
    "score": "number",
    "box": "array",  # x1, y1, x2, y2
    **dict.fromkeys(("x1", "y1", "x2", "y2"), "number"),
    "keypoints": "array",
}
"""Fields of what is found in it."""

_OF_POSE: Final = ("keypoints", "keypoint_names", "edges")
_BECOMES: Final = {
    "string": ("string",),
    "integer": ("integer", "number", "string"),
    "number": ("number", "integer", "string"),
    "array": ("array", "string"),
}
"""What each type can be turned into."""


class Shape:
    """A JSON schema, understood: which fields it asks for, and where lists go.

    An object of the schema has fields of a picture (:data:`OF_PICTURE`), or of something found in it
    (:data:`OF_OBJECT`) and of its picture. A list of objects has one for each thing found; one for each picture, where
    only fields of pictures are asked for. A single object with a thing's fields is the best one's.

    Args:
        schema: As ``llm --schema`` makes it, or as pydantic writes one.
        task: Of the model; only one for poses has keypoints.

    Raises:
        SettingError: It asks for a field that isn't known, or for one in a type that it can't have.
    """

    def __init__(self, schema: Mapping[str, Any], task: str) -> None:
        self._known = {
            name: kind for name, kind in {**OF_OBJECT, **OF_PICTURE}.items() if task == "pose" or name not in _OF_POSE
        }
        self._definitions = schema.get("$defs") or schema.get("definitions") or {}
        self._top = self._understood(schema)

    @property
    def answers_once(self) -> bool:
        """Whether there is one answer for all pictures, as of ``--schema-multi``; else there is one for each."""
        return self._top.is_list or (bool(self._top.lists) and not self._top.fields and not self._top.parts)

    @property
    def says_errors(self) -> bool:
        """Whether it has a field for the error of a picture that can't be read."""
        return self._top.mentions("error")

    def answer(self, pictures: Sequence[Detections]) -> Any:
        """Return what was found in pictures as the schema wants it: in all, or in one of them, see ``answers_once``.

        Raises:
            SettingError: The schema wants a single object, and nothing was found.
        """
        rows = [_Picture(found) for found in pictures]
        if self._top.is_list:
            return list(self._top.items(rows))
        if not self._top.of_object:
            return self._top.filled(rows[0].fields if rows else {}, rows)
        best = next((row for picture in rows for row in picture.objects), None)
        if best is None:
            raise SettingError(
                "nothing was found, and the schema asks for one object; a schema of a list can say that: --schema-multi"
            )
        return self._top.filled(best, rows)

    # -- understanding a schema ------------------------------------------------------------------------------------

    def _understood(self, schema: Any) -> _Node:
        found = self._resolved(schema)
        if found.get("type") == "array" or "items" in found:
            node = self._understood(found.get("items") or {})
            if node.is_list:
                raise SettingError("the schema asks for lists in a list, which there are none of")
            return _Node(node.fields, node.lists, node.parts, is_list=True)
        properties = found.get("properties")
        if not isinstance(properties, Mapping) or not properties:
            raise SettingError(f"the schema names no fields. {self._what_there_is}")
        node = _Node()
        for name, given in properties.items():
            wanted = self._resolved(given)
            if self._is_object(wanted):
                node.parts[name] = self._understood(wanted)
            elif wanted.get("type") == "array" and self._is_object(self._resolved(wanted.get("items") or {})):
                node.lists[name] = self._understood(wanted)
            else:
                node.fields[name] = self._type_of(name, wanted, given)
        return node

    def _resolved(self, schema: Any) -> Mapping[str, Any]:
        """Return a schema without references, and of several the first that isn't null."""
        for _ in range(20):  # a reference may refer to itself
            if not isinstance(schema, Mapping):
                break
            several = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
            if "$ref" in schema:
                schema = self._definitions.get(str(schema["$ref"]).rpartition("/")[2])
            elif isinstance(several, list) and several:
                schema = next((one for one in several if one != {"type": "null"}), several[0])
            else:
                return schema
        raise SettingError(f"the schema has {shown(schema)}, which is none that can be followed")

    def _is_object(self, schema: Mapping[str, Any]) -> bool:
        return schema.get("type") == "object" or "properties" in schema

    def _type_of(self, name: str, wanted: Mapping[str, Any], given: Any) -> _Type:
        if name not in self._known:
            near = suggest(name, self._known)
            hint = near if near.startswith("; did") else "."
            raise SettingError(f"the schema asks for {shown(name)}, which there isn't{hint} {self._what_there_is}")
        types = wanted.get("type")
        types = [types] if isinstance(types, str) else list(types or ())
        optional = "null" in types or (isinstance(given, Mapping) and {"type": "null"} in (given.get("anyOf") or ()))
        asked = next((one for one in types if one != "null"), None)
        if asked is not None and asked not in _BECOMES[self._known[name]]:
            kinds = " or ".join(_BECOMES[self._known[name]])
            raise SettingError(f"the schema asks for {shown(name)} as {shown(asked)}; it can be {kinds}")
        return _Type(asked, optional, name in OF_OBJECT)

    @property
    def _what_there_is(self) -> str:
        of_object = [name for name in self._known if name in OF_OBJECT]
        of_picture = [name for name in self._known if name in OF_PICTURE]
        return f"An object has {', '.join(of_object)}, and its picture {', '.join(of_picture)}"


@dataclass(frozen=True, slots=True)
class _Type:
    """What a field becomes, by JSON's word or as it is; whether it may be null; whether it is of an object."""

    name: str | None
    optional: bool
    of_object: bool

    def __call__(self, value: Any) -> Any:
        if value is None:
            return "" if self.name == "string" and not self.optional else None
        if self.name == "string" and not isinstance(value, str):
            return json.dumps(value)
        return round(value) if self.name == "integer" else value


@dataclass(frozen=True, slots=True)
class _Node:
    """An object of the schema, or a list of such: its fields, lists of further objects, and objects in it."""

    fields: dict[str, _Type] = field(default_factory=dict)
    lists: dict[str, _Node] = field(default_factory=dict)
    parts: dict[str, _Node] = field(default_factory=dict)
    is_list: bool = False

    @property
    def of_object(self) -> bool:
        """Whether it has a field of something found, so that it stands for that."""
        return any(one.of_object for one in self.fields.values()) or any(one.of_object for one in self.parts.values())

    def mentions(self, name: str) -> bool:
        return name in self.fields or any(one.mentions(name) for one in (*self.lists.values(), *self.parts.values()))

    def items(self, pictures: Sequence[_Picture]) -> Iterator[dict[str, Any]]:
        for picture in pictures:
            for row in picture.objects if self.of_object else [picture.fields]:
                yield self.filled(row, [picture])
            if self.of_object and "error" in self.fields and picture.fields["error"] is not None:
                yield self.filled(dict.fromkeys(OF_OBJECT) | picture.fields, [picture])

    def filled(self, row: Mapping[str, Any], pictures: Sequence[_Picture]) -> dict[str, Any]:
        return {
            **{name: kind(row[name]) for name, kind in self.fields.items()},
            **{name: node.filled(row, pictures) for name, node in self.parts.items()},
            **{name: list(node.items(pictures)) for name, node in self.lists.items()},
        }


class _Picture:
    """What was found in a picture, as rows of fields."""

    def __init__(self, found: Detections) -> None:
        said = found.to_dict()
        objects = said.pop("objects")
        self.fields: dict[str, Any] = {"keypoint_names": [], "edges": [], **said, "count": len(objects)}
        self.objects = [
            {**self.fields, **one, **dict(zip(("x1", "y1", "x2", "y2"), one["box"], strict=True))} for one in objects
        ]
