"""What was found in one image: the result of every predictor of the tasks ``detect`` and ``pose``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from model_zoo_api.arrays import as_array
from model_zoo_api.errors import DependencyMissingError
from model_zoo_api.texts import printable

if TYPE_CHECKING:
    from types import ModuleType

    import PIL.Image
    import supervision

SHOWN: Final = 0.25
"""Least score of a keypoint that is drawn; the Ultralytics engine has the same."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Detections:
    """N objects in one image, best first; or the reason why the image couldn't be read.

    Arrays are NumPy's, where that is installed; lists become arrays.

    Args:
        path: Of the image's file, as it was given; None for an array.
        index: Of the image among all that the predictor was given, or of a video's frame; the first is 0.
        height: Of the image, in pixels; 0 where it couldn't be read.
        width: Of the image, in pixels.
        boxes: x1, y1, x2, y2 in pixels of the image [N, 4]; they may reach a little out of it.
        scores: 0 to 1 [N].
        labels: Class indices [N], each a key of ``names``.
        names: Class names by index.
        keypoints: x, y in pixels of the image, which they may lie outside of, and a score from 0 to 1 [N, K, 3]; None
            for a model that finds none.
        keypoint_names: What each of the K keypoints is called; none where that isn't known.
        edges: Pairs of keypoints, by their indices, between which a line is drawn; none where they aren't known.
        track_ids: Of the objects, the same in each frame [N]; None where nothing is tracked.
        error: Why the image couldn't be read; then there are no boxes.
        image: The pixels [height, width, channels], 8 bits, in the order blue, green, red; None where they aren't kept.
        native: The provider's own result, in whatever form that has.

    Raises:
        ValueError: The arrays don't fit together.
    """

    path: str | None = None
    index: int = 0
    height: int = 0
    width: int = 0
    boxes: Any = ()
    scores: Any = ()
    labels: Any = ()
    names: Mapping[int, str] = field(default_factory=dict, repr=False)
    keypoints: Any = None
    keypoint_names: Sequence[str] = field(default=(), repr=False)
    edges: Sequence[tuple[int, int]] = field(default=(), repr=False)
    track_ids: Any = None
    error: str | None = None
    image: Any = field(default=None, repr=False)
    native: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        forms: dict[str, tuple[tuple[int, ...], str]] = {
            "boxes": ((-1, 4), "float"),
            "scores": ((-1,), "float"),
            "labels": ((-1,), "integer"),
            "keypoints": ((-1, -1, 3), "float"),
            "track_ids": ((-1,), "integer"),
        }
        for name, (shape, kind) in forms.items():
            values = getattr(self, name)
            if values is None and name in ("keypoints", "track_ids"):
                continue
            try:
                array = as_array(values, shape, kind)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{name}: {error}") from error
            object.__setattr__(self, name, array)
            if len(array) != len(self.boxes):
                raise ValueError(f"{name} has {len(array)} rows, boxes {len(self.boxes)}")
        object.__setattr__(self, "keypoint_names", tuple(self.keypoint_names))
        object.__setattr__(self, "edges", tuple(map(tuple, self.edges)))
        self._check_skeleton()

    def _check_skeleton(self) -> None:
        """See that names and edges are of as many keypoints as there are.

        Raises:
            ValueError: They aren't.
        """
        if self.keypoints is None and (self.keypoint_names or self.edges):
            raise ValueError(f"{'keypoint_names' if self.keypoint_names else 'edges'}: there are no keypoints")
        count = self.keypoints.shape[1] if len(self) and self.keypoints is not None else len(self.keypoint_names)
        if self.keypoint_names and len(self.keypoint_names) != count:
            raise ValueError(f"keypoint_names has {len(self.keypoint_names)}, and there are {count} keypoints")
        for edge in self.edges:
            if len(edge) != 2 or any(type(end) is not int or end < 0 or (count and end >= count) for end in edge):
                raise ValueError(f"edges has {edge!r}, which are no two indices of {count or 'the'} keypoints")

    def __len__(self) -> int:
        return len(self.boxes)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON: path, index, height, width, error, and a list of objects.

        Each object has ``name``, ``label``, ``score`` and ``box``, and ``keypoints`` and ``track_id`` where there are;
        with keypoints there are ``keypoint_names`` and ``edges`` too.
        """
        boxes, scores, labels = self.boxes.tolist(), self.scores.tolist(), self.labels.tolist()
        objects: list[dict[str, Any]] = [
            {"name": self.names[int(label)], "label": int(label), "score": score, "box": box}
            for box, score, label in zip(boxes, scores, labels, strict=True)
        ]
        more = {"keypoints": self.keypoints, "track_id": self.track_ids}
        for name, values in more.items():
            for one, value in zip(objects, [] if values is None else values.tolist(), strict=values is not None):
                one[name] = value
        skeleton = {"keypoint_names": list(self.keypoint_names), "edges": [list(edge) for edge in self.edges]}
        return {
            "path": self.path,
            "index": self.index,
            "height": self.height,
            "width": self.width,
            "error": self.error,
            **(skeleton if self.keypoints is not None else {}),
            "objects": objects,
        }

    def to_coco(self, image_id: int, category_ids: Mapping[int, int] | None = None) -> list[dict[str, Any]]:
        """Return the rows of a COCO results file.

        Args:
            image_id: The image's in the data set.
            category_ids: The data set's category of each label; by default labels are categories.
        """
        rows = []
        for one in self.to_dict()["objects"]:
            x1, y1, x2, y2 = one["box"]
            category = one["label"] if category_ids is None else category_ids[one["label"]]
            row = {"image_id": image_id, "category_id": category, "bbox": [x1, y1, x2 - x1, y2 - y1]}
            row["score"] = one["score"]
            if "keypoints" in one:
                row["keypoints"] = [value for point in one["keypoints"] for value in point]
            rows.append(row)
        return rows

    def to_labels(self, *, scores: bool = False) -> list[str]:
        """Return the lines of a YOLO label file: label, centre, width and height in parts of the image, 0 to 1.

        Boxes are cut at the image's border; what is outside of it is left out. Keypoints follow as x, y and 2, or as
        three zeros where they score less than 0.25 (``SHOWN``) or lie out of the image.

        Args:
            scores: Put each score at the end of its line, as in files of predictions.

        Raises:
            ValueError: The image's size isn't known, of which these are parts.
        """
        if len(self) and not (self.width > 0 and self.height > 0):
            raise ValueError(f"{self.path}: the image's height and width aren't known, and labels are parts of them")
        lines = []
        for one in self.to_dict()["objects"]:
            left, right = (min(max(x / self.width, 0.0), 1.0) for x in one["box"][::2])
            top, bottom = (min(max(y / self.height, 0.0), 1.0) for y in one["box"][1::2])
            if left >= right or top >= bottom:
                continue
            numbers = [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
            for x, y, score in one.get("keypoints", ()):
                seen = score >= SHOWN and 0 <= x <= self.width and 0 <= y <= self.height
                numbers += [x / self.width, y / self.height, 2] if seen else [0, 0, 0]
            numbers += [one["score"]] if scores else []
            lines.append(" ".join([str(one["label"]), *(f"{number:.6g}" for number in numbers)]))
        return lines

    def to_supervision(self) -> supervision.Detections:
        """Return it as supervision's ``Detections``: the boxes; see :meth:`to_supervision_keypoints` too.

        Raises:
            DependencyMissingError: supervision isn't installed, or in a version that is too old.
        """
        try:
            import numpy as np
            import supervision
        except ModuleNotFoundError as error:
            raise _missing("to_supervision", "supervision", error) from error
        _check_version(supervision, "Detections", "data")
        return supervision.Detections(
            xyxy=np.asarray(self.boxes, dtype=np.float32),
            confidence=np.asarray(self.scores, dtype=np.float32),
            class_id=np.asarray(self.labels, dtype=int),
            tracker_id=None if self.track_ids is None else np.asarray(self.track_ids, dtype=int),
            data={"class_name": np.array([self.names[int(label)] for label in self.labels], dtype=str)},
        )

    def to_supervision_keypoints(self) -> supervision.KeyPoints:
        """Return its keypoints as supervision's ``KeyPoints``, of version 0.29 or newer.

        Those that score less than 0.25 (``SHOWN``) are there, and not ``visible``.

        Raises:
            DependencyMissingError: supervision isn't installed, or in a version that is too old.
            ValueError: The model finds no keypoints.
        """
        try:
            import numpy as np
            import supervision
        except ModuleNotFoundError as error:
            raise _missing("to_supervision_keypoints", "supervision", error) from error
        _check_version(supervision, "KeyPoints", "visible")
        if self.error is not None:
            return supervision.KeyPoints.empty()
        if self.keypoints is None:
            raise ValueError(f"{self.path}: the model finds boxes alone, no keypoints; to_supervision() gives those")
        points = np.asarray(self.keypoints, dtype=np.float32)
        return supervision.KeyPoints(
            xy=points[..., :2],
            class_id=np.asarray(self.labels, dtype=int),
            keypoint_confidence=points[..., 2],
            detection_confidence=np.asarray(self.scores, dtype=np.float32),
            visible=points[..., 2] >= SHOWN,
            data={"class_name": np.array([self.names[int(label)] for label in self.labels], dtype=str)},
        )

    def draw(self, image: Any = None) -> PIL.Image.Image:
        """Return a picture of the image with its boxes, their names and scores, keypoints, and lines between these.

        Keypoints that score less than 0.25 (``SHOWN``) are left out, with their lines.

        Args:
            image: What is drawn on: an array [height, width, 3] in the order blue, green, red, or Pillow's image; by
                default the result's own, else the file at ``path`` is read again.

        Raises:
            DependencyMissingError: Pillow isn't installed.
            ValueError: There is no image: it couldn't be read, or was an array and isn't given.
        """
        try:
            from model_zoo_api.drawing import draw
        except ModuleNotFoundError as error:
            raise _missing("draw", "pillow", error) from error
        if self.error is not None:
            raise ValueError(f"nothing to draw on: {self.error}")
        objects = self.to_dict()["objects"]
        return draw(objects, self.image if image is None else image, self.path, self.edges, SHOWN)


def failed(path: str | None, error: str | BaseException, *, index: int = 0) -> Detections:
    """Return the outcome of an image that couldn't be read."""
    reason = error if isinstance(error, str) else str(error) or type(error).__name__
    return Detections(path=path, index=index, error=printable(" ".join(reason.split())))


def _missing(what: str, package: str, error: ModuleNotFoundError) -> DependencyMissingError:
    return DependencyMissingError(
        f"Detections.{what}() needs {error.name}, which is not installed: pip install {package}"
    )


def _check_version(package: ModuleType, name: str, argument: str) -> None:
    """See that a class of a package takes an argument, which older versions of it don't."""
    from inspect import signature

    found = getattr(package, name, None)
    if found is None or argument not in signature(found).parameters:
        raise DependencyMissingError(
            f"{package.__name__} {getattr(package, '__version__', '')} is installed, and has no {name}({argument}=); "
            f"install a newer one: pip install -U {package.__name__}"
        )
