"""The engine's ``Results``, of boxes that may reach out of their image and of classes that may be called anything."""

from __future__ import annotations

from copy import copy
from inspect import signature
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from ultralytics.engine.results import Results
from ultralytics.utils.plotting import colors, save_one_box

from model_zoo_api.texts import printable
from yolonas_plugin.boxes.clipping import clip_boxes, have_area
from yolonas_plugin.drawing import draw_skeletons
from yolonas_plugin.engine import local_fonts
from yolonas_plugin.files.paths import suffix_of
from yolonas_plugin.images import SUFFIXES, write_picture
from yolonas_plugin.names import as_file_name
from yolonas_plugin.processing import Image
from yolonas_plugin.skeleton import Skeleton

_CROP_QUALITY: Final = 95


class NASResults(Results):
    """Detections of an image; boxes are the network's own, and may reach out of it.

    What is drawn, cropped or written as labels is cut at the image's edges, and a box that lies outside is left out.
    Keypoints are the network's own as well, all of them, with their scores. Class names and paths are as they are; on
    the terminal, in pictures and in names of files they are escaped.

    Attributes:
        skeleton: What the keypoints are; None where there are none.
    """

    skeleton: Skeleton | None = None

    def new(self) -> NASResults:
        """Return one of the same image without detections."""
        result = type(self)(orig_img=self.orig_img, path=self.path, names=self.names, speed=self.speed)
        result.save_dir = getattr(self, "save_dir", None)
        result.skeleton = self.skeleton
        return result

    def within_image(self) -> NASResults:
        """Return those that are in the image, cut at its edges."""
        if self.boxes is None:
            return self
        data = clip_boxes(self.boxes.data, *self.orig_shape)
        inside = have_area(data)
        result = copy(self)
        result.boxes = type(self.boxes)(data[inside], self.orig_shape)
        if self.keypoints is not None:
            result.keypoints = type(self.keypoints)(self.keypoints.data[inside], self.orig_shape)
        return result

    def plot(
        self, *args: Any, show: bool = False, save: bool = False, filename: str | None = None, **kwargs: Any
    ) -> NDArray[np.uint8] | Any:
        """Draw the detections; arguments and result are those of the engine.

        Skeletons are the model's own, of any number of keypoints; those that score less than
        :data:`yolonas_plugin.drawing.SHOWN` are left out.

        Raises:
            ExportError: The picture can't be written.
        """
        shown = self.within_image()._shown()
        if shown.keypoints is not None and shown.skeleton is not None:
            args, kwargs = (), shown._with_skeletons(args, kwargs)
            shown.keypoints = None
        with local_fonts():
            picture = super(NASResults, shown).plot(*args, show=show, **kwargs)
            if save:  # colours of a PIL image are in an order that depends on the engine's version
                pixels = (
                    super(NASResults, shown).plot(*args, **{**kwargs, "pil": False}) if kwargs.get("pil") else picture
                )
                write_picture(self._picture(filename), pixels)
        return picture

    def save(self, filename: str | Path | None = None, *args: Any, **kwargs: Any) -> str:
        """Draw the detections into a file, and return its name; a JPEG unless the name says something else.

        Raises:
            ExportError: The picture can't be written.
        """
        target = self._picture(filename)
        self.plot(*args, save=True, filename=target, **kwargs)
        return target

    def save_txt(self, txt_file: str | Path, save_conf: bool = False) -> str:
        """Append the detections to a label file, in YOLO format.

        With keypoints, as x, y in parts of the image and their score; one that lies outside of it is 0 0 0.
        """
        result = self.within_image()
        if result.keypoints is not None:
            data = torch.as_tensor(result.keypoints.data)
            height, width = self.orig_shape
            inside = (data[..., :2] >= 0).all(-1) & (data[..., 0] <= width) & (data[..., 1] <= height)
            result.keypoints = type(result.keypoints)(data * inside[..., None], self.orig_shape)
        return super(NASResults, result).save_txt(txt_file, save_conf=save_conf)

    def save_crop(self, save_dir: str | Path, file_name: str | Path = "im.jpg") -> None:
        """Write what is in each box as ``save_dir/CLASS/file_name.jpg``, with a number where that is taken.

        Args:
            save_dir: A folder. A class whose name could lead out of it, or no system takes, is escaped by
                :func:`yolonas_plugin.names.as_file_name`.
            file_name: Of the pictures; folders in it are left out.

        Raises:
            ExportError: A picture can't be written.
        """
        stem = Path(file_name).with_suffix("").name
        inside = self.within_image()
        numbers: dict[int, int] = {}
        for box in inside.boxes.cpu() if inside.boxes is not None else ():
            index = int(box.cls.item())
            folder = Path(save_dir) / as_file_name(self.names[index])
            crop = save_one_box(box.xyxy, self.orig_img, save=False, BGR=True)
            target, numbers[index] = _free(folder, stem, numbers.get(index, 0))
            write_picture(target, crop, quality=_CROP_QUALITY)

    def verbose(self) -> str:
        """Say how many there are of each class."""
        shown = self._shown()
        if self.boxes is not None:
            shown.boxes = type(self.boxes)(torch.as_tensor(self.boxes.data), self.orig_shape)  # older engines count so
        return super(NASResults, shown).verbose()

    def _with_skeletons(self, args: tuple[Any, ...], given: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of the engine's ``plot`` with an image that has the skeletons, on which it draws boxes.

        The engine knows the bones of COCO's persons only.
        """
        call = signature(Results.plot).bind(self, *args, **given)
        call.apply_defaults()
        asked = {name: call.arguments[name] for name in call.arguments.keys() - {"self", "show", "save", "filename"}}
        assert self.keypoints is not None
        assert self.skeleton is not None
        image = _as_picture(self.orig_img if asked["img"] is None else asked["img"])
        colours = None
        if asked["color_mode"] == "instance":
            ids = self.boxes.id if self.boxes is not None and self.boxes.is_track else range(len(self.keypoints))
            colours = [colors(int(index)) for index in ids]
        keypoints = self.keypoints.cpu().numpy().data
        asked["img"] = image
        draw_skeletons(
            image, keypoints, self.skeleton, radius=asked["kpt_radius"], bones=asked["kpt_line"], colours=colours
        )
        return asked

    def _shown(self) -> NASResults:
        result = copy(self)
        result.names = {index: printable(name) for index, name in self.names.items()}
        result.path = printable(str(self.path))
        return result

    def _picture(self, filename: str | Path | None) -> str:
        """Return a name whose ending is a kind of picture that can be written."""
        target = str(filename or f"results_{Path(self.path).name}")
        return (
            target if suffix_of(target) in SUFFIXES - {"heic", "heif", "mpo"} else f"{Path(target).with_suffix('')}.jpg"
        )


def _as_picture(image: Any) -> Image:
    """Return an image as one that can be drawn on in colour, in BGR and its own memory."""
    if isinstance(image, torch.Tensor):
        image = (image[0].detach().permute(1, 2, 0) * 255).round().clamp(0, 255).byte().cpu().numpy()[..., ::-1]
    pixels = image[..., None] if image.ndim == 2 else image
    channels = 3 if pixels.shape[2] >= 3 else 1
    return np.broadcast_to(pixels[..., :channels], (*pixels.shape[:2], 3)).copy()


def _free(folder: Path, stem: str, taken: int) -> tuple[Path, int]:
    """Return a path at which there is nothing, and its number; ``taken`` is the last number that is known to be."""
    number = taken + 1
    while (path := folder / f"{stem}{number if number > 1 else ''}.jpg").exists():
        number += 1
    return path, number
