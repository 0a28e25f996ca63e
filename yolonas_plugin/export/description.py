"""What an exported file says of its model and of its graph, as strings that it holds. Without torch."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, TypeAlias, cast, get_args

from yolonas_plugin.errors import CheckpointError, ProcessingError
from yolonas_plugin.info import ModelInfo
from yolonas_plugin.names import checked_names
from yolonas_plugin.processing import ProcessingSpec

PROCESSING_KEY: Final = "yolonas_processing"
"""Under this key a file's metadata holds the fields of its ``ProcessingSpec`` as JSON."""

OPENVINO_SECTION: Final = "yolonas"
"""Under this name OpenVINO's own files hold the strings."""

Takes: TypeAlias = Literal["prepared", "pixels"]
"""What a graph takes, letterboxed as its processing says.

``prepared``: float [B, C, H, W], in the colour order and range of the processing; ``pixels``: uint8 [B, H, W, C] as
OpenCV reads images, BGR.
"""

Gives: TypeAlias = Literal["engine", "pair", "flat", "batch", "frigate"]
"""What a graph gives; boxes are x1, y1, x2, y2 in pixels of the input, unless said otherwise.

``engine``: [B, 4 + C, A], centre x, centre y, width, height, scores; ``pair``: boxes [B, A, 4] and scores [B, A, C].
After box selection, best first: ``flat``: rows of image, box, score, class [N, 7]; ``batch``: numbers [B, 1], boxes
[B, M, 4], scores [B, M] and classes [B, M], which are -1 where there are no more; ``frigate``: the 20 best rows of one
image [20, 7], class -1 where there are no more.
"""


@dataclass(frozen=True, kw_only=True)
class Description(ModelInfo):
    """A model as an exported file: its record, and what its graph takes and gives.

    Attributes:
        takes: See :data:`Takes`.
        gives: See :data:`Gives`.
    """

    takes: Takes = "prepared"
    gives: Gives = "engine"

    @classmethod
    def of(cls, info: ModelInfo, takes: Takes, gives: Gives) -> Description:
        """Return the record of a model with what its graph takes and gives."""
        return cls(**{field.name: getattr(info, field.name) for field in fields(info)}, takes=takes, gives=gives)

    def to_metadata(self, *, batch: int, dynamic: bool) -> dict[str, str]:
        """Return the strings: those that the Ultralytics engine looks for, and our own, which it ignores."""
        return {
            "description": f"YOLO-NAS {self.size.upper()}" if self.size else "YOLO-NAS",
            "task": self.task,
            "stride": "32",
            "batch": str(batch),
            "imgsz": str(list(self.processing.size)),
            "names": str(dict(enumerate(self.names))),
            "channels": str(self.channels),
            "args": str({"batch": batch, "dynamic": dynamic, "nms": self.gives not in ("engine", "pair")}),
            PROCESSING_KEY: self.processing.to_json(),
            "yolonas_takes": self.takes,
            "yolonas_gives": self.gives,
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any], file: str) -> Description:
        """Read the strings back.

        Args:
            metadata: All strings of a file.
            file: Its name, for messages.

        Raises:
            CheckpointError: The file isn't an export of this package, or its strings are damaged.
            ProcessingError: Its processing is damaged.
        """
        if PROCESSING_KEY not in metadata:
            raise CheckpointError(
                f"{file}: the file doesn't say how its images are prepared, so it isn't an export of this package; "
                "open the weights that it was made from, or export them again"
            )
        texts = {key: metadata.get(key) for key in (*_NEEDED, *_AGREEING)}
        for key, text in texts.items():
            if (text is None and key in _NEEDED) or not isinstance(text, str | None):
                raise CheckpointError(f"{file}: its metadata is damaged: {key} is missing or no text{_AGAIN}")
            if text is not None and len(text) > _MAX_TEXT:
                raise CheckpointError(f"{file}: its metadata is damaged: {key} has {len(text):,} letters{_AGAIN}")
        processing_text, takes, gives, names, channels = (texts[key] or "" for key in _NEEDED)
        if takes not in get_args(Takes) or gives not in get_args(Gives):
            raise CheckpointError(f"{file}: its metadata is damaged: it takes {takes[:40]!a} and gives {gives[:40]!a}")
        if not re.fullmatch(r"[1-9][0-9]{0,2}|1000", channels):
            raise CheckpointError(f"{file}: its metadata is damaged: {channels[:40]!a} channels{_AGAIN}")
        try:
            processing = ProcessingSpec.from_json(processing_text)
            processing.check_channels(int(channels))
        except ProcessingError as error:
            raise ProcessingError(f"{file}: its metadata is damaged: {error}") from error
        found = cls(
            names=checked_names(_read_names(names, file), file, _AGAIN),
            processing=processing,
            takes=cast(Takes, takes),
            gives=cast(Gives, gives),
            channels=int(channels),
        )
        said = {"imgsz": str(list(processing.size)), "task": "detect", "stride": "32"}
        for key, expected in said.items():
            if texts[key] not in (None, expected):
                raise CheckpointError(
                    f"{file}: its metadata contradicts itself: {key} is {(texts[key] or '')[:80]!a}, and by the rest "
                    f"{expected}{_AGAIN}"
                )
        return found


_NEEDED: Final = (PROCESSING_KEY, "yolonas_takes", "yolonas_gives", "names", "channels")
_AGREEING: Final = ("imgsz", "task", "stride")
_MAX_TEXT: Final = 1 << 20
_AGAIN: Final = "; export the weights again"
_NAME: Final = re.compile(r"""\s*(\d{1,6})\s*:\s*('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")\s*([,}])""", re.ASCII)


def _read_names(text: str, file: str) -> list[str]:
    """Read ``{0: 'a', 1: "b"}``, which is how the engine writes a dictionary; no more of Python than that."""
    names: list[str] = []
    place, end = text.find("{") + 1, ","
    while end == "," and (entry := _NAME.match(text, place)):
        index, literal, end = entry.groups()
        if int(index) != len(names):
            break
        try:
            names.append(ast.literal_eval(literal) if "\\" in literal else literal[1:-1])
        except (ValueError, SyntaxError):
            break
        place = entry.end()
    if end != "}" or text[place:].strip() or text[: text.find("{")].strip():
        raise CheckpointError(f"{file}: its metadata is damaged: class names can't be read{_AGAIN}")
    return names
