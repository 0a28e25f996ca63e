"""Prediction from exported files on NumPy, OpenCV and a runtime alone: neither torch nor Ultralytics is imported.

For hosts that run many workers, start often, or may not take the AGPL engine into their process.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from model_zoo_api import Detections
from model_zoo_api.detections import failed
from yolonas_plugin.boxes.arrays import select_boxes
from yolonas_plugin.boxes.image_boxes import ImageBoxes, as_detections
from yolonas_plugin.errors import RuntimeChoiceError, SettingError
from yolonas_plugin.files.digest import file_sha256
from yolonas_plugin.images import Opened, is_one_image, open_images
from yolonas_plugin.options import LEAN
from yolonas_plugin.prefetch import detect_ahead
from yolonas_plugin.processing import SELECTION_SETTINGS, Placement, ProcessingSpec
from yolonas_plugin.runtimes import choose, is_export, open_runtime, refuse_overrides, settled
from yolonas_plugin.runtimes.base import Answer, Floats, GraphRuntime, images_at_a_time
from yolonas_plugin.runtimes.cache import cache_key, cached
from yolonas_plugin.runtimes.calibration import calibration_digest
from yolonas_plugin.settings import check_settings
from yolonas_plugin.weights.find import find_weights

_ENGINE: Final = {"device": "cpu", "half": False, "compile": False, "vid_stride": 1, "verbose": False}
"""Settings that only the engine can follow, and the value of each that says what is done here anyway."""

_STATED: Final = (("backend", "native"), ("pretrained", True))
"""Options that say what is done anyway."""


class LeanPredictor:
    """Detects objects with an exported file; threads may share it.

    Args:
        model: What ``NAS.export`` wrote as ONNX or OpenVINO, with ``gives="pair"`` or ``"engine"``.
        runtime: ``"openvino"``, ``"onnxruntime"``, or ``"auto"``, the fastest that is installed.
        precision: Of the arithmetic, ``"fp32"``, ``"bf16"``, or ``"auto"``, bf16 where the CPU has it; None is what the
            file is for.
        threads: Of a prediction; None takes all cores.
        **settings: Defaults of every call, see :meth:`stream`.

    Attributes:
        runtime: The engine that runs it, opened.
        names: Class names by index.
        processing: How images are prepared, and the defaults of box selection.
        task: ``"detect"`` or ``"pose"``.
        skeleton: What the keypoints of a model for poses are; None for a detector.

    Example::

        predict = LeanPredictor("best.onnx")
        for found in predict("street.jpg", conf=0.4):
            print(found.boxes, found.scores, found.labels)
    """

    def __init__(
        self,
        model: str | Path | GraphRuntime,
        *,
        runtime: str = "auto",
        precision: str | None = None,
        threads: int | None = None,
        **settings: Any,
    ) -> None:
        if not isinstance(model, GraphRuntime):
            model = open_runtime(model, runtime, precision, threads=threads)
        elif runtime != "auto" or precision is not None or threads is not None:
            raise RuntimeChoiceError("this runtime is open; name its precision and threads where it is opened")
        self.runtime = model
        found = self.runtime.description
        self.names = dict(enumerate(found.names))
        self.processing = found.processing
        self.task, self.skeleton = found.task, found.skeleton
        self._channels = found.channels
        self._settings = settings
        self._spec(check_lean(settings, self.names))  # so that a wrong setting is said at once

    def __call__(self, source: Any, **settings: Any) -> list[Detections]:
        """Return one result for each image, in order; see :meth:`stream`."""
        return list(self.stream(source, **settings))

    def stream(self, source: Any, **settings: Any) -> Iterator[Detections]:
        """Yield one result for each image, in order; the next images are read meanwhile.

        An image that can't be read is :class:`~model_zoo_api.Detections` with ``error``.

        Args:
            source: A path, folder or glob, an array [H, W, C] in BGR, or a list of these; see
                :mod:`model_zoo_api.sources`.
            **settings: ``conf`` and ``iou``, 0 to 1; ``max_det``; ``classes``, indices or names of the wanted ones;
                ``agnostic_nms``, boxes of different classes suppress each other too; ``batch``, most images at a time
                where the runtime can work on several; ``imgsz``, one side of the input or height and width, and
                ``rect``, pad to the next multiples of 32 only, if the file is for any size. Default: the file's.
                Settings of the engine alone are taken where they ask for nothing else than this does:
                ``device="cpu"``, ``half=False``, ``compile=False``, ``vid_stride=1``, ``verbose=False``.

        Raises:
            SourceError: The source names no image.
            SettingError: There is no such setting, or it is out of its range.
        """
        given = check_lean({**self._settings, **settings}, self.names)
        spec, classes, rect = self._spec(given), given.get("classes"), given.get("rect", False)
        images = open_images(source, self._channels)
        ahead, alone = self.runtime.ahead, is_one_image(source)
        most = images_at_a_time(given.get("batch"), rect, ahead)

        def begin(group: list[Opened]) -> Callable[[], Iterator[Detections]]:
            pictures = [one.image for one in group if one.image is not None]
            if not pictures:
                return partial(self._detect, group, spec, classes, [], _no_answer)
            pixels, placements = spec.letterboxes(pictures, spec.tight_size(pictures) if rect else spec.size)
            answer = partial(self.runtime, pixels) if alone else self.runtime.start(pixels)
            return partial(self._detect, group, spec, classes, placements, answer)

        return detect_ahead(images, most, begin, ahead)

    def _detect(
        self,
        group: list[Opened],
        spec: ProcessingSpec,
        classes: Sequence[int] | None,
        placements: Sequence[Placement],
        answer: Answer,
    ) -> Iterator[Detections]:
        answers = zip(placements, *answer(), strict=True)
        for path, image, error in group:
            if image is None:
                yield failed(path, error)
                continue
            placement, *outputs = next(answers)
            rows = select_boxes(*outputs, **spec.selection(), classes=classes)
            found = ImageBoxes.of_rows(placement.rows_to_image(rows), *image.shape[:2])
            yield as_detections(found, self.names, path=path, image=image, skeleton=self.skeleton)

    def _spec(self, given: Mapping[str, Any]) -> ProcessingSpec:
        spec = self.processing.with_settings({name: given[name] for name in SELECTION_SETTINGS if name in given})
        return spec.with_size(given.get("imgsz", spec.size))


def _no_answer() -> tuple[Floats, ...]:
    return ()


def check_lean(
    given: Mapping[str, Any], names: Mapping[int, str] | None = None, near: Collection[str] = ()
) -> dict[str, Any]:
    """Return the settings of lean prediction as they are meant; arguments are those of ``check_settings``.

    Raises:
        SettingError: There is no such setting, it is out of its range, or only the engine can do what it says.
    """
    what = "predict, on the lean path,"
    settings = check_settings(given, {*LEAN, *_ENGINE}, what, names, near)
    for name, value in settings.items():
        if name in _ENGINE and value != _ENGINE[name]:
            raise SettingError(
                f"{what} has no setting {name!r} but {name}={_ENGINE[name]!r}, which it does: it is without the engine"
            )
    return settings


def open_lean(
    source: str | Path,
    *,
    runtime: str | None = None,
    precision: str | None = None,
    calibration: Any = None,
    accept_licence: bool = False,
    threads: int | None = None,
    progress: Callable[[int, int | None], object] | None = None,
    cancelled: Callable[[], object] | None = None,
    **options: Any,
) -> LeanPredictor:
    """Return a predictor for an exported file, or for a weight file, from which one is made on first use and kept.

    Args:
        source: Path of the file, or a model's name.
        runtime: ``"openvino"`` or ``"onnxruntime"``; None or ``"auto"`` takes the fastest that is installed.
        precision: ``"fp32"``, ``"bf16"``, ``"int8"``, or ``"auto"``, bf16 where the CPU has it. Default: ``"fp32"``,
            and for an exported file what that is for.
        calibration: Images that int8 is calibrated on.
        accept_licence: Accept the licence of published weights, if they are downloaded now.
        threads: Of a prediction; None takes all cores.
        progress: Called during a download with the bytes that are there, and the bytes in all or None. By default a
            terminal shows a bar.
        cancelled: Asked during a download; True ends it, and what has come is kept.
        **options: Of :class:`yolonas_plugin.nas.NAS` for a weight file: ``processing``, ``names``, ``backend``; and
            ``pretrained=True``.

    Raises:
        RuntimeChoiceError: There is no such runtime, only torch is installed for a weight file, or something is given
            that this doesn't have, such as ``device``.
        MissingExtraError: The runtime that is named, or that an exported file needs, isn't installed.
        WeightsNotFoundError, CheckpointError, ProcessingError: As for ``NAS``.
    """
    options = {name: value for name, value in options.items() if (name, value) not in _STATED}
    if unknown := sorted(set(options) - {"processing", "names", "backend"}):
        raise RuntimeChoiceError(
            f"lean prediction runs on the CPU, by OpenVINO or ONNX Runtime, and has no {' and no '.join(unknown)}"
        )
    asked, path = runtime or "auto", Path(source)
    if not is_export(path):
        name = choose(asked, precision)
        if name == "torch":
            raise RuntimeChoiceError(
                "lean prediction runs on OpenVINO or ONNX Runtime: pip install 'yolonas-plugin[openvino]' or "
                "'yolonas-plugin[onnx]'"
            )
        path = find_weights(source, accept_licence=accept_licence, progress=progress, cancelled=cancelled)
    if is_export(path):  # or a plugin supplies one
        refuse_overrides(path, calibration=calibration, **options)
        return LeanPredictor(path, runtime=asked, precision=precision, threads=threads)
    precision = settled(name, precision)

    def make(folder: Path) -> None:
        from yolonas_plugin.nas import NAS
        from yolonas_plugin.nas.inference import make_graph

        model = NAS(path, runtime=name, precision=precision, calibration=calibration, **options)
        module: Any = model.model  # the engine says that it is a path or None
        for file in make_graph(module, model.runtime).parent.iterdir():
            _link(file, folder / file.name)

    given = sorted((option, value) for option, value in options.items() if value is not None)
    parts = [file_sha256(path), precision, repr(given)]
    if calibration is not None:
        parts += [name, calibration_digest(calibration)]  # each runtime has its own form of int8
    key = cache_key(parts)

    def graph(checked: bool = True) -> Path:
        (found,) = (f for f in cached(key, make, checked=checked).iterdir() if f.suffix in (".onnx", ".xml"))
        return found

    if name != "openvino":
        return LeanPredictor(open_runtime(graph(), name, precision, threads=threads))
    return LeanPredictor(open_runtime(graph(checked=False), name, precision, threads=threads, cache=graph))


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where that isn't possible."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
