"""Checked labels under the Ultralytics engine: its data set, fed from memory, and its description of the data."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import yaml
from ultralytics.data import YOLODataset
from ultralytics.data.augment import Compose, Format

from yolonas_plugin.data import DataSet, Sample
from yolonas_plugin.engine import read_image_file, set_canvas
from yolonas_plugin.errors import SourceError
from yolonas_plugin.files.temporary import TemporaryFolder
from yolonas_plugin.processing import Image, ProcessingSpec

_UNLABELLED: Final = 0.5
"""Is added to the class of an object without a labelled keypoint while it is augmented, which no transform looks at."""

_NOWHERE: Final = Path(os.devnull, "nothing.npy")


class SampleDataset(YOLODataset):
    """The engine's data set with labels from memory; all of its augmentation and caching of images works as ever.

    Nothing is read but images, and nothing is written beside them, unless the setting ``cache="disk"`` asks for it. The
    data set can be pickled, for workers that don't fork.

    Args:
        samples: Images and their labels.
        indices: The class that each class of the samples becomes; None leaves them.
        canvas: Height and width of what augmentation gives; None for a square of the engine's ``imgsz``, which is the
            longer side.
        processing: For measuring: images are letterboxed so, and not augmented.
        **kwargs: What the engine's ``YOLODataset`` takes; ``img_path`` is not used.
    """

    def __init__(
        self,
        *args: Any,
        samples: Sequence[Sample],
        indices: Sequence[int] | None = None,
        canvas: tuple[int, int] | None = None,
        processing: ProcessingSpec | None = None,
        **kwargs: Any,
    ) -> None:
        self._processing = processing
        self._canvas = None if canvas is None or canvas[0] == canvas[1] else canvas
        self._samples = samples
        self._indices = None if indices is None else np.asarray(indices, dtype=np.float32)
        super().__init__(*args, **{"img_path": "", **kwargs})
        self._samples = ()  # the engine's labels hold it all

    @property
    def npy_files(self) -> list[Path]:
        """Where pixels are kept with ``cache="disk"``, or nowhere.

        The engine by itself takes an ``a.npy`` beside ``a.png`` for its pixels, whoever wrote it and whether or not it
        keeps any there, removes it when it isn't, and has one for both ``a.png`` and ``a.jpg``.
        """
        return self._beside if self.cache == "disk" else self._nowhere

    @npy_files.setter
    def npy_files(self, files: Sequence[Path]) -> None:
        self._beside = [Path(f"{image}.npy") for image in self.im_files]
        self._nowhere = [_NOWHERE] * len(self.im_files)

    def get_img_files(self, img_path: Any) -> list[str]:
        """Return the images of the samples, or the fraction of them that the engine's setting asks for."""
        total = len(self._samples)
        count = self.fraction if isinstance(self.fraction, int) else max(1, round(total * self.fraction))
        self._samples = self._samples[:count]
        return [sample.image for sample in self._samples]

    def load_image(self, i: int, *args: Any, **kwargs: Any) -> tuple[Any, tuple[int, int], tuple[int, int]]:
        """Read image ``i``, BGR: scaled to the canvas by its longer side, or by whichever side fits it less.

        With ``processing`` it comes in its own size.
        """
        if self._processing is not None:
            found = read_image_file(self.im_files[i], self.cv2_flag)
            if found is None:
                raise SourceError(f"{self.im_files[i]}: could not be read as an image")
            return found, found.shape[:2], found.shape[:2]
        image, original, (height, width) = super().load_image(i, *args, **kwargs)
        if self._canvas is not None and (height > self._canvas[0] or width > self._canvas[1]):
            scale = min(self._canvas[0] / height, self._canvas[1] / width)
            height, width = max(round(height * scale), 1), max(round(width * scale), 1)
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, -1)
        return image, original, (height, width)

    def build_transforms(self, hyp: Any = None) -> Compose:
        """Return the engine's augmentation, onto the canvas; or the letterbox of ``processing``."""
        if self._processing is not None:
            form = Format(bbox_format="xywh", normalize=True, batch_idx=True, return_keypoint=self.use_keypoints)
            return Compose([_Letterbox(self._processing), form])
        transforms = super().build_transforms(hyp)
        if self.use_keypoints:
            transforms.transforms.insert(-1, _DropHidden())
        if self._canvas is not None:
            set_canvas(transforms, self.imgsz, *self._canvas)
        return transforms

    def update_labels_info(self, label: dict[str, Any]) -> dict[str, Any]:
        """Mark the objects without a labelled keypoint before augmentation takes the keypoints of others away."""
        if self.use_keypoints and self._processing is None:
            label["cls"] = label["cls"] + _UNLABELLED * ~(label["keypoints"][..., 2] > 0).any(axis=1)[:, None]
        return super().update_labels_info(label)

    def get_labels(self) -> list[dict[str, Any]]:
        """Return the labels in the engine's form. Outlines are kept only if every label has one, as the engine does."""
        outlined = all(len(sample.polygons) == len(sample.classes) for sample in self._samples)
        return [
            {
                "im_file": sample.image,
                "shape": sample.shape,
                "cls": self._classes(sample)[:, None],
                "bboxes": sample.boxes.copy(),
                "segments": list(sample.polygons) if outlined else [],
                "keypoints": None if sample.keypoints is None or not self.use_keypoints else sample.keypoints.copy(),
                "normalized": True,
                "bbox_format": "xywh",
            }
            for sample in self._samples
        ]

    def _classes(self, sample: Sample) -> np.ndarray:
        return sample.classes.copy() if self._indices is None else self._indices[sample.classes.astype(int)]


class _DropHidden:
    """Drops the objects whose keypoints augmentation has moved out of the image, all that were labelled.

    Of what is left of them nobody would label a keypoint; those that never had one stay for their box.
    """

    def __call__(self, labels: dict[str, Any]) -> dict[str, Any]:
        classes, instances = labels["cls"], labels["instances"]
        unlabelled = (classes % 1 > 0).reshape(-1)
        kept = unlabelled | (instances.keypoints[..., 2] > 0).any(axis=1)
        labels["cls"] = np.floor(classes)[kept]
        labels["instances"] = instances[kept]
        return labels


class _Letterbox:
    """Letterboxes the image of a sample and moves its boxes and keypoints along."""

    def __init__(self, processing: ProcessingSpec) -> None:
        self.processing = processing

    def __call__(self, labels: dict[str, Any]) -> dict[str, Any]:
        image: Image = labels["img"]
        height, width = image.shape[:2]
        canvas, placement = self.processing.letterbox(image, truncate=True)
        instances = labels["instances"]
        instances.convert_bbox(format="xyxy")
        instances.denormalize(width, height)
        points = instances.keypoints
        instances.update(
            placement.to_input(instances.bboxes),
            keypoints=None if points is None else placement.points_to_input(points),
        )
        labels.update(
            img=canvas,
            resized_shape=canvas.shape[:2],
            ratio_pad=((placement.scale_y, placement.scale_x), (placement.left, placement.top)),
        )
        return labels


def measured_dataset(
    args: Any,
    samples: Sequence[Sample],
    data: dict[str, Any],
    processing: ProcessingSpec,
    indices: Sequence[int] | None = None,
    mode: str = "val",
    batch: int | None = None,
) -> SampleDataset:
    """Return samples for measuring a network with this ``processing``; ``indices`` as for ``SampleDataset``."""
    return SampleDataset(
        samples=samples,
        indices=indices,
        imgsz=args.imgsz,
        batch_size=batch,
        augment=False,
        hyp=args,
        rect=False,
        cache=None,
        single_cls=args.single_cls or False,
        stride=32,
        pad=0.0,
        prefix=f"{mode}: ",
        task=args.task,
        classes=args.classes,
        data=data,
        processing=processing,
    )


@contextlib.contextmanager
def description(data: DataSet) -> Iterator[str]:
    """Describe the data in a YAML file, for those parts of the engine that read it from nothing else.

    Yields:
        The path of the file, which is gone afterwards.
    """
    with TemporaryFolder() as folder:
        path = Path(folder, "data.yaml")
        path.write_text(yaml.safe_dump(data.settings, allow_unicode=True), encoding="utf-8")
        yield str(path)


def match_classes(data: DataSet, names: Mapping[int, str]) -> list[int]:
    """Tell which of a model's classes each class of the data is.

    They are matched by name. Where the model or the data has no names (``class_0``, ...) they are matched by index.

    Args:
        data: The data.
        names: The model's class names by index.

    Returns:
        The model's index for each class of the data.

    Raises:
        SourceError: The data has a class that the model can't predict, or that two of its classes could be.
    """
    own, theirs = list(data.names), [names[i] for i in sorted(names)]
    title = data.report.source
    if len(own) > len(theirs):
        raise SourceError(
            f"{title}: the data has {len(own)} classes, the model predicts {len(theirs)}; "
            "validate with the data it was trained on, or list fewer classes"
        )
    if own == theirs[: len(own)] or _unnamed(own) or _unnamed(theirs):
        return list(range(len(own)))
    if unknown := [name for name in own if theirs.count(name) != 1 or own.count(name) != 1]:
        raise SourceError(
            f"{title}: the model has no class, or more than one, named {describe_names(unknown)}; it predicts "
            f"{describe_names(theirs)}. Give both the same names: in the data, or with NAS(path, names=[...])"
        )
    return [theirs.index(name) for name in own]


def _unnamed(names: Sequence[str]) -> bool:
    return list(names) == [f"class_{i}" for i in range(len(names))]


def describe_names(names: Sequence[str]) -> str:
    """Return the first ten of these names, quoted."""
    return ", ".join(map(repr, names[:10])) + (", ..." if len(names) > 10 else "")
