"""What an exported file says of its model and of its graph, as strings that it holds. Without torch."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, NamedTuple, TypeAlias, cast, get_args

from yolonas_plugin.errors import CheckpointError, ProcessingError, SkeletonError
from yolonas_plugin.info import ModelInfo
from yolonas_plugin.names import checked_names
from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.skeleton import Skeleton
from yolonas_plugin.tasks import TASKS

PROCESSING_KEY: Final = "yolonas_processing"
"""Under this key a file's metadata holds the fields of its ``ProcessingSpec`` as JSON."""

SKELETON_KEY: Final = "yolonas_skeleton"
"""Under this key the metadata of a file with keypoints holds their ``Skeleton`` as JSON."""

OPENVINO_SECTION: Final = "yolonas"
"""Under this name OpenVINO's own files hold the strings."""

Takes: TypeAlias = Literal["prepared", "pixels", "frigate", "super-gradients"]
"""What a graph takes, letterboxed as its processing says.

``prepared``: float [B, C, H, W], in the colour order and range of the processing; ``pixels``: uint8 [B, H, W, C] as
OpenCV reads images, BGR; ``frigate``: uint8 [B, C, H, W] in BGR, as Frigate's configuration for YOLO-NAS has it;
``super-gradients``: uint8 [B, C, H, W] in RGB, as its own exports take them.
"""


class Input(NamedTuple):
    """What a graph takes.

    Attributes:
        name: Of its input.
        kind: ``"float32"`` or ``"uint8"``.
        planes: Whether channels come before height and width, or after them.
        order: Of three channels, ``"BGR"`` or ``"RGB"``; None where it is the processing's.
    """

    name: str
    kind: Literal["float32", "uint8"]
    planes: bool
    order: Literal["BGR", "RGB"] | None


INPUTS: Final[Mapping[Takes, Input]] = {
    "prepared": Input("images", "float32", planes=True, order=None),
    "pixels": Input("pixels", "uint8", planes=False, order="BGR"),
    "frigate": Input("pixels", "uint8", planes=True, order="BGR"),
    "super-gradients": Input("input", "uint8", planes=True, order="RGB"),
}
"""The inputs by name."""

Gives: TypeAlias = Literal[
    "engine", "pair", "flat", "batch", "frigate", "super-gradients-flat", "super-gradients-batch"
]
"""What a graph gives; boxes are x1, y1, x2, y2 in pixels of the input, unless said otherwise; K keypoints of each
object, where the task has them, are x, y in pixels of the input, not clipped to it.

``engine``: [B, 4 + C + 3K, A], centre x, centre y, width, height, scores, then x, y, score of each keypoint;
``pair``: boxes [B, A, 4] and scores [B, A, C], with keypoints also keypoints [B, A, K, 2] and keypoint_scores
[B, A, K].

After box selection, best first. ``flat``: rows of image, box, score, class [N, 7]; with keypoints rows of image, box,
score, then x, y, score of each keypoint [N, 6 + 3K]. ``batch``: numbers [B, 1], boxes [B, M, 4], scores [B, M] and
classes [B, M], which are -1 where there are no more, with keypoints also keypoints [B, M, K, 3]; whatever else there is
behind the number is 0. ``frigate``: the 20 best rows of one image [20, 7], class -1 where there are no more.

``super-gradients-flat`` and ``super-gradients-batch`` are these under the names that super-gradients' own exports give
them; its ``batch`` with keypoints has no classes.
"""

RAW: Final = ("engine", "pair")
"""Those without box selection."""


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
        family = TASKS[self.task].family.replace("_", "-").upper()
        return {
            "description": f"{family} {self.size.upper()}" if self.size else family,
            "task": self.task,
            "stride": "32",
            "batch": str(batch),
            "imgsz": str(list(self.processing.size)),
            "names": str(dict(enumerate(self.names))),
            "channels": str(self.channels),
            "args": str({"batch": batch, "dynamic": dynamic, "nms": self.gives not in RAW}),
            PROCESSING_KEY: self.processing.to_json(),
            "yolonas_takes": self.takes,
            "yolonas_gives": self.gives,
            **_of_keypoints(self.skeleton),
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
        task = texts["task"] or "detect"
        try:
            found = cls(
                names=checked_names(_read_names(names, file), file, _AGAIN),
                processing=processing,
                takes=cast(Takes, takes),
                gives=cast(Gives, gives),
                channels=int(channels),
                task=task if task in TASKS else "detect",
                skeleton=Skeleton.from_json(texts[SKELETON_KEY] or "") if texts[SKELETON_KEY] is not None else None,
            )
        except SkeletonError as error:
            raise CheckpointError(
                f"{file}: its metadata is damaged, or contradicts itself: {SKELETON_KEY} and task: {error}{_AGAIN}"
            ) from error
        said = {"imgsz": str(list(processing.size)), "task": found.task, "stride": "32"}
        of_keypoints = {"kpt_shape": None, "kpt_names": None, **_of_keypoints(found.skeleton)}
        for key, expected in {**said, **of_keypoints}.items():
            if texts[key] != expected and (texts[key] is not None or key in of_keypoints):
                raise CheckpointError(
                    f"{file}: its metadata contradicts itself: {key} is {_shown(texts[key])}, and by the rest "
                    f"{_shown(expected)}{_AGAIN}"
                )
        return found


def _of_keypoints(skeleton: Skeleton | None) -> dict[str, str]:
    """Return the strings about keypoints, the engine's and our own; none where there are none."""
    if skeleton is None:
        return {}
    return {
        "kpt_shape": str([len(skeleton), 3]),
        "kpt_names": str({0: list(skeleton.names)}),
        SKELETON_KEY: skeleton.to_json(),
    }


def _shown(text: str | None) -> str:
    return "missing" if text is None else ascii(text[:80])


_NEEDED: Final = (PROCESSING_KEY, "yolonas_takes", "yolonas_gives", "names", "channels")
_AGREEING: Final = ("imgsz", "task", "stride", "kpt_shape", "kpt_names", SKELETON_KEY)
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
