"""Pre-processing of images and box selection as a checkpoint needs them; torch isn't imported.

Every adapter, runtime and export works from the same :class:`ProcessingSpec`. The steps and their defaults are
super-gradients' (``training/processing``, ``PPYoloEPostPredictionCallback``, 3.7.1), equal to the bit for letterboxed
pixels.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from yolonas_plugin.errors import ProcessingError
from yolonas_plugin.names import without_repeats
from yolonas_plugin.options import MAX_SIDE, STRIDE

if TYPE_CHECKING:
    from torch import Tensor

Image: TypeAlias = NDArray[np.uint8]
_Boxes = TypeVar("_Boxes", bound="NDArray[Any] | Tensor")
_Pixels = TypeVar("_Pixels", bound="NDArray[Any] | Tensor")

SELECTION_SETTINGS: Final = {
    "conf": "conf",
    "iou": "iou",
    "max_det": "max_detections",
    "agnostic_nms": "class_agnostic",
}
"""Settings of predicting, measuring and exporting that select boxes, and the fields of a spec that they are."""

_SMALLEST: Final = 1e-6
_LARGEST: Final = 1e6
"""Between these a divisor, a deviation and the amount of a mean lie; pixels are 0 to 255, or 65,535 at most."""

_MOST_BOXES: Final = 100_000  # the time of NMS is quadratic in them
_MAX_CHANNELS: Final = 1_000  # hyperspectral images have some hundreds
_MAX_TEXT: Final = 1 << 20  # letters of JSON, which takes up to sixty times its length when it is taken apart


class Placement(NamedTuple):
    """Where an image lies on the network's input: pixels of the image times ``scale`` plus the offset.

    Attributes:
        scale_y: Pixels of the input per pixel of the image, vertically.
        scale_x: The same, horizontally.
        top: Rows of padding above the image.
        left: Columns of padding left of the image.
    """

    scale_y: float
    scale_x: float
    top: int
    left: int

    def to_image(self, boxes: _Boxes) -> _Boxes:
        """Map boxes x1, y1, x2, y2 [N, 4] from pixels of the input to pixels of the image; not clipped to it."""
        points: Any = boxes.reshape(-1, 2, 2)
        moved: Any = self.points_to_image(points)
        return moved.reshape(-1, 4)

    def points_to_image(self, points: _Boxes) -> _Boxes:
        """Map points that begin with x, y [..., 2 or more] likewise; what follows stays as it is."""
        moved: Any = points * 1
        for side, (offset, scale) in enumerate(((self.left, self.scale_x), (self.top, self.scale_y))):
            moved[..., side] -= offset
            moved[..., side] *= 1 / scale
        return moved

    def rows_to_image(self, rows: _Boxes) -> _Boxes:
        """Map what ``select_boxes`` returns, rows [N, 6 + 3K], likewise, both the boxes and the keypoints of each."""
        moved: Any = rows * 1
        moved[:, :4] = self.to_image(moved[:, :4])
        keypoints = moved[:, 6:].reshape(len(moved), (moved.shape[1] - 6) // 3, 3)
        moved[:, 6:] = self.points_to_image(keypoints).reshape(len(moved), moved.shape[1] - 6)
        return moved

    def to_input(self, boxes: NDArray[Any]) -> NDArray[Any]:
        """Map boxes x1, y1, x2, y2 [N, 4] from pixels of the image to pixels of the input."""
        return self.points_to_input(boxes.reshape(-1, 2, 2)).reshape(-1, 4)

    def points_to_input(self, points: NDArray[Any]) -> NDArray[Any]:
        """Map points that begin with x, y [..., 2 or more] likewise; what follows stays as it is."""
        moved = points * 1
        moved[..., 0] = points[..., 0] * self.scale_x + self.left
        moved[..., 1] = points[..., 1] * self.scale_y + self.top
        return moved


@dataclass(frozen=True, kw_only=True)
class ProcessingSpec:
    """How images are prepared for a checkpoint and boxes are selected from its predictions.

    Args:
        size: Height and width of the network's input in pixels, multiples of 32, at most 4096.
        resize: Height and width that the image is scaled into, at most ``size``; the rest is padding.
        keep_ratio: Scale both sides alike (True), or stretch the image to ``resize``.
        padding: Where the image lies: in the centre, or in the top left corner with padding at the bottom right.
        pad_value: Grey value of the padding, 0 to 255.
        channels: Order of the colours that the network expects.
        divisor: Pixels 0 to 255 are divided by it: 255 for an input from 0 to 1, 1 for none; 1e-6 to 1e6.
        mean: Subtracted after the division, one value per channel, at most 1e6; None for nothing.
        std: Divided by after that, one value per channel, 1e-6 to 1e6; None for nothing.
        conf: Lowest score of a detection, 0 to 1.
        iou: Two boxes of a class that overlap more than this are one object, 0 to 1.
        top_k: Highest-scoring candidates that enter NMS, 1 to 100,000.
        max_detections: Most boxes for an image, 1 to 100,000.
        multi_label: One box may be an object of several classes.
        class_agnostic: NMS among boxes of all classes, not within each class.

    Raises:
        ProcessingError: A value is of the wrong type, or out of its range.
    """

    size: tuple[int, int]
    resize: tuple[int, int]
    keep_ratio: bool = True
    padding: Literal["center", "bottom_right"] = "center"
    pad_value: int = 114
    channels: Literal["RGB", "BGR"] = "RGB"
    divisor: float = 255.0
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    conf: float = 0.25
    iou: float = 0.7
    top_k: int = 1024
    max_detections: int = 300
    multi_label: bool = True
    class_agnostic: bool = False

    def __post_init__(self) -> None:
        problems = [
            f"{name}={_show(getattr(self, name))} is of the wrong type"
            for name, field in _FIELDS.items()
            if not field.fits(getattr(self, name))
        ]
        if problems:
            raise ProcessingError("; ".join(problems))
        if any(not STRIDE <= side <= MAX_SIDE or side % STRIDE for side in self.size):
            raise ProcessingError(
                f"network input {_show(self.size)} must have sides that are multiples of {STRIDE}, at most {MAX_SIDE}"
            )
        if any(not 1 <= inner <= outer for inner, outer in zip(self.resize, self.size, strict=True)):
            raise ProcessingError(
                f"images resized to {_show(self.resize)} don't fit into the network input {self.size}"
            )
        for name, field in _FIELDS.items():
            if field.range is not None and not field.range[0] <= getattr(self, name) <= field.range[1]:
                lowest, highest = field.range
                positive = "be positive, and " if lowest > 0 else ""
                raise ProcessingError(
                    f"{name}={_show(getattr(self, name))} must {positive}lie between {lowest:,} and {highest:,}"
                )
        if any(not abs(value) <= _LARGEST for value in self.mean or ()):
            raise ProcessingError(f"mean={_show(self.mean)} must be numbers of at most {_LARGEST:g}, one per channel")
        if any(not _SMALLEST <= abs(value) <= _LARGEST for value in self.std or ()):
            raise ProcessingError(
                f"std={_show(self.std)} divides: it must be numbers from {_SMALLEST:g} to {_LARGEST:g}, one per channel"
            )

    def check_channels(self, channels: int) -> None:
        """Make sure that this goes with a network for images of so many channels.

        Raises:
            ProcessingError: ``mean`` or ``std`` has another number of values.
        """
        for name, values in (("mean", self.mean), ("std", self.std)):
            if values is not None and len(values) != channels:
                raise ProcessingError(
                    f"{name}={_show(values)} has {len(values)} values, but the network takes images of {channels} "
                    "channels"
                )

    def selection(self, **settings: Any) -> dict[str, Any]:
        """Return the settings of ``select_boxes``, as its keyword arguments.

        Args:
            **settings: Those that win over the spec's own, by the names of :data:`SELECTION_SETTINGS`.
        """
        fields = ("conf", "iou", "top_k", "max_detections", "multi_label", "class_agnostic")
        return {name: getattr(self, name) for name in fields} | _as_fields(settings)

    def settings(self) -> dict[str, Any]:
        """Return the settings of predicting and exporting that a checkpoint decides unless the caller does.

        They are ``imgsz``, height and width, and :data:`SELECTION_SETTINGS`.
        """
        return {"imgsz": self.size} | {name: getattr(self, field) for name, field in SELECTION_SETTINGS.items()}

    def with_settings(self, settings: Mapping[str, Any]) -> ProcessingSpec:
        """Return the same processing with other box selection, by the names of :data:`SELECTION_SETTINGS`.

        Raises:
            ProcessingError: A value is out of its range.
        """
        return replace(self, **_as_fields(settings))

    def to_json(self) -> str:
        """Return every field as one JSON object; :meth:`from_json` gives an equal spec back, to the bit."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ProcessingSpec:
        """Read what :meth:`to_json` wrote. No field has a default here: a guess would give wrong scores in silence.

        Raises:
            ProcessingError: It isn't a JSON object, a field is missing, unknown or of the wrong type, or a value is out
                of its range.
        """
        if len(text) > _MAX_TEXT:
            raise ProcessingError(f"the processing is a text of {len(text)} letters")
        try:
            fields = json.loads(text, object_pairs_hook=without_repeats)
        except (ValueError, RecursionError) as error:
            raise ProcessingError(f"the processing is not JSON: {error!s:.200}") from error
        if not isinstance(fields, dict):
            raise ProcessingError(f"the processing is a {type(fields).__name__}, not an object of its fields")
        problems = [f"{name} is missing" for name in _FIELDS if name not in fields]
        problems += [f"{name!r:.80} is unknown" for name in fields if name not in _FIELDS]
        if problems:
            raise ProcessingError(f"the processing can't be read: {'; '.join(problems[:20])}")
        try:
            values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in fields.items()}
            return cls(**values)
        except ProcessingError as error:
            raise ProcessingError(f"the processing can't be read: {error}") from error

    def with_size(self, size: tuple[int, int]) -> ProcessingSpec:
        """Return the same processing for another input size; the margin between ``resize`` and ``size`` stays."""
        height, width = (new - old + inner for new, old, inner in zip(size, self.size, self.resize, strict=True))
        return replace(self, size=size, resize=(height, width))

    def tight_size(self, images: Sequence[Image]) -> tuple[int, int]:
        """Return height and width, multiples of 32, of the smallest canvas that all of the images fit on when scaled.

        Args:
            images: [H, W, C] each, one or more.
        """
        heights, widths = zip(*(self._scaled(image.shape)[1] for image in images), strict=True)
        height, width = (-(-max(sides) // 32) * 32 for sides in (heights, widths))
        return min(height, self.size[0]), min(width, self.size[1])

    def letterbox(
        self, image: Image, truncate: bool = False, size: tuple[int, int] | None = None
    ) -> tuple[Image, Placement]:
        """Scale and pad an image to the input size; colours stay in their order.

        Args:
            image: [H, W, C], any size from 1x1.
            truncate: Cut fractions of the scaled sides off, as super-gradients does in evaluation, instead of rounding
                them, as it does in prediction.
            size: Height and width of the canvas, at least those of the scaled image; None for ``self.size``.

        Returns:
            The canvas [H, W, C], of that size, and the image's place on it.
        """
        size = size or self.size
        (height, width), placement = self.place(image.shape, truncate, size)
        if (height, width) != image.shape[:2]:
            scaled: Any = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
            image = scaled.reshape(height, width, -1)  # cv2 drops a single channel's axis

        canvas = np.full((*size, image.shape[2]), self.pad_value, dtype=np.uint8)
        canvas[placement.top : placement.top + height, placement.left : placement.left + width] = image
        return canvas, placement

    def place(
        self, shape: tuple[int, ...], truncate: bool = False, size: tuple[int, int] | None = None
    ) -> tuple[tuple[int, int], Placement]:
        """Return the scaled height and width of an image, and its place; arguments are those of :meth:`letterbox`."""
        (scale_y, scale_x), (height, width) = self._scaled(shape, int if truncate else round)
        top = left = 0
        if self.padding == "center":
            outer = size or self.size
            top, left = (outer[0] - height) // 2, (outer[1] - width) // 2
        return (height, width), Placement(scale_y, scale_x, top, left)

    def letterboxes(
        self, images: Sequence[Image], size: tuple[int, int] | None = None
    ) -> tuple[NDArray[np.uint8], list[Placement]]:
        """Scale and pad images as :meth:`letterbox` does, and return them as one array [B, H, W, C]."""
        canvases, placements = zip(*(self.letterbox(image, size=size) for image in images), strict=True)
        return canvases[0][None] if len(canvases) == 1 else np.stack(canvases), list(placements)

    def _scaled(
        self, shape: tuple[int, ...], whole: Callable[[float], int] = round
    ) -> tuple[tuple[float, float], tuple[int, int]]:
        """Return the scales of height and width, and the scaled height and width."""
        height, width = shape[:2]
        scale_y, scale_x = self.resize[0] / height, self.resize[1] / width
        if self.keep_ratio:
            scale_y = scale_x = min(scale_y, scale_x)
        # super-gradients fails where a side would vanish; one pixel is the nearest thing to it
        return (scale_y, scale_x), (max(whole(height * scale_y), 1), max(whole(width * scale_x), 1))

    def normalise(self, pixels: _Pixels, order: Literal["RGB", "BGR"] = "RGB") -> _Pixels:
        """Turn letterboxed pixels into the network's input.

        Args:
            pixels: [B, C, H, W], a tensor or an array, from 0 to 255 (uint8 or float).
            order: Of their colours.

        Returns:
            Floats [B, C, H, W] in the colour order, range and normalisation of the checkpoint.
        """
        values: Any = pixels
        turned = self.channels != order and pixels.shape[1] == 3
        if isinstance(values, np.ndarray):
            values, constant = (values[:, ::-1] if turned else values).astype(np.float32), _float32
        else:
            values = values.flip(1) if turned else values
            values = values if values.is_floating_point() else values.float()
            constant = values.new_tensor
        mean, std = (None if given is None else constant(given)[:, None, None] for given in (self.mean, self.std))
        return scale_pixels(values, float(self.divisor), mean, std)


def scale_pixels(values: Any, divisor: float, mean: Any, std: Any) -> Any:
    """Return pixels as ``(values / divisor - mean) / std``, without the steps that there is nothing to do for.

    Args:
        values: [B, C, H, W], a tensor or an array.
        divisor: 1 for none.
        mean: [C, 1, 1], or None.
        std: [C, 1, 1], or None.
    """
    if divisor != 1:
        values = values / divisor
    if mean is not None:
        values = values - mean
    return values if std is None else values / std


def _float32(values: Sequence[float]) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def _as_fields(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {SELECTION_SETTINGS[name]: value for name, value in settings.items()}


def _show(value: Any) -> str:
    """Return a short text for messages; Python refuses to write numbers of thousands of digits."""
    try:
        return f"{value!r:.80}"
    except ValueError:
        return "a huge number"


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_pair(value: Any) -> bool:
    return isinstance(value, Sequence) and len(value) == 2 and all(map(_is_whole, value))


def _is_bool(value: Any) -> bool:
    return isinstance(value, (bool, np.bool_))


def _is_per_channel(value: Any) -> bool:
    return value is None or (
        isinstance(value, Sequence) and 1 <= len(value) <= _MAX_CHANNELS and all(map(_is_number, value))
    )


def _is_one_of(*names: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in names


class _Field(NamedTuple):
    """What a field of a spec may be: of a type, and if it is a single number within a range, its ends included."""

    fits: Callable[[Any], bool]
    range: tuple[float, float] | None = None


_FIELDS: Final[dict[str, _Field]] = {
    "size": _Field(_is_pair),
    "resize": _Field(_is_pair),
    "keep_ratio": _Field(_is_bool),
    "padding": _Field(_is_one_of("center", "bottom_right")),
    "pad_value": _Field(_is_whole, (0, 255)),
    "channels": _Field(_is_one_of("RGB", "BGR")),
    "divisor": _Field(_is_number, (_SMALLEST, _LARGEST)),
    "mean": _Field(_is_per_channel),
    "std": _Field(_is_per_channel),
    "conf": _Field(_is_number, (0, 1)),
    "iou": _Field(_is_number, (0, 1)),
    "top_k": _Field(_is_whole, (1, _MOST_BOXES)),
    "max_detections": _Field(_is_whole, (1, _MOST_BOXES)),
    "multi_label": _Field(_is_bool),
    "class_agnostic": _Field(_is_bool),
}


COCO: Final = ProcessingSpec(size=(640, 640), resize=(636, 636))
"""The processing of the published COCO weights, RGB from 0 to 1, 636 centred in 640."""

SUPER_GRADIENTS: Final = ProcessingSpec(
    size=(640, 640), resize=(640, 640), padding="bottom_right", channels="BGR", divisor=1.0
)
"""The processing of checkpoints from super-gradients' YOLO-format recipe, BGR from 0 to 255, padded bottom right."""

POSE: Final = ProcessingSpec(
    size=(640, 640),
    resize=(640, 640),
    padding="bottom_right",
    pad_value=127,
    channels="BGR",
    conf=0.5,
    top_k=300,
    max_detections=100,
    multi_label=False,
)
"""The processing of the published weights for poses, BGR from 0 to 1, padded bottom right."""
