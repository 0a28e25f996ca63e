"""``NAS``, the successor of ``ultralytics.NAS``: the same class on the same engine; super-gradients is optional."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

from ultralytics.engine.model import Model
from ultralytics.engine.results import Results
from ultralytics.utils import DEFAULT_CFG_DICT, RANK
from ultralytics.utils.torch_utils import get_flops, get_num_gradients, get_num_params, model_info

from yolonas_plugin.errors import ConfigRefusedError, TrainingError, WeightsNotFoundError, YoloNASPluginError
from yolonas_plugin.extras import require
from yolonas_plugin.nas.backends import Backend, network_builder
from yolonas_plugin.nas.execution import changed_at_setup
from yolonas_plugin.nas.export import export
from yolonas_plugin.nas.inference import ExportedModule
from yolonas_plugin.nas.module import NASModule, attach
from yolonas_plugin.nas.opening import OpenSettings, open_untrained, open_weights
from yolonas_plugin.nas.predict import NASPredictor
from yolonas_plugin.nas.save import save
from yolonas_plugin.nas.settings import as_imgsz, check_engine_settings, prediction_settings
from yolonas_plugin.nas.sources import check_engine_source
from yolonas_plugin.nas.trackers import check_tracker
from yolonas_plugin.nas.train import NASTrainer
from yolonas_plugin.nas.val import NASValidator, refuse_rect
from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.settings import check_imgsz
from yolonas_plugin.skeleton import Skeleton
from yolonas_plugin.system.interrupts import heard
from yolonas_plugin.tasks import TASKS

TASK_MAP: Final[dict[str, dict[str, Any]]] = {
    task: {"predictor": NASPredictor, "validator": NASValidator, "trainer": NASTrainer} for task in TASKS
}
"""Engine classes by task, in the shape that Ultralytics uses; each goes by the task of its model."""


def _unavailable(what: str) -> Callable[..., NoReturn]:
    def refuse(self: NAS, *args: Any, **kwargs: Any) -> NoReturn:
        """Not available in this version."""
        raise YoloNASPluginError(f"NAS.{what}() is not available in this version of yolonas-plugin")

    return refuse


class NAS(Model):
    """A YOLO-NAS model on the Ultralytics engine.

    Args:
        model: The path of a weight file, or a model's name such as ``"yolo_nas_s"``, whose published weights are
            downloaded if they aren't on this machine and no plugin supplies them.
            Or a file that :meth:`export` wrote as ONNX or OpenVINO, which can be used for predicting and measuring.
        processing: How images are prepared: a ``ProcessingSpec``, ``"coco"``, ``"super-gradients"`` or, for poses,
            ``"pose"``. For files that don't say it themselves; what is given here wins over the file.
        names: Class names, a list or ``{index: name}``. For files without them; they win over the file too.
        accept_licence: Accept the licence of published weights, which is asked for once, before the first download.
        backend: ``"native"``, this package's own network, or ``"super-gradients"``, the original, which has to be
            installed. Weights, processing and results are the same.
        pretrained: False makes a network with random weights, to be trained; ``model`` is then ``"yolo_nas_n"``, s, m
            or l, or ``"yolo_nas_pose_n"``, s, m or l.
        runtime: What ``predict``, ``track`` and ``val`` run on: ``"torch"``, ``"openvino"``, ``"onnxruntime"``,
            ``"cuda"`` or ``"tensorrt"`` (ONNX Runtime's, on a GPU), or ``"auto"``, torch on a GPU, else the fastest
            that is installed. What a runtime needs is made on first use, and kept.
        precision: ``"fp32"``; ``"fp16"`` on a GPU; ``"bf16"`` where the machine has it; ``"int8"`` on OpenVINO or ONNX
            Runtime; ``"auto"``, bf16 on a CPU that has it, else fp32. Default: ``"fp32"``, and for an exported file
            what that is for.
        calibration: Images that int8 is calibrated on: whatever ``predict`` takes as files, a hundred or more.
        threads: Of a prediction on OpenVINO or ONNX Runtime. Default: as many as there are cores.
        progress: Called during a download with the bytes that are there, and the bytes in all or None. By default a
            terminal shows a bar.
        cancelled: Asked during a download; True ends it, and what has come is kept.

    Attributes:
        model: The network, unfused; ``predict``, ``val`` and ``export`` work on fused copies. For an exported file, an
            :class:`~yolonas_plugin.nas.inference.ExportedModule`.
        runtime: By what ``predict``, ``track`` and ``val`` run it, and how exactly.
        task: ``"detect"`` or ``"pose"``, as the file's content says.

    Raises:
        BackendError: The backend is unknown, can't be imported, or has no network of this size.
        MissingExtraError: super-gradients isn't installed.
        ConfigRefusedError: ``model`` is a YAML file.
        WeightsNotFoundError: No such file, or the named weights aren't on this machine and ``YOLONAS_OFFLINE`` is set.
        LicenceError: The named weights would have to be downloaded, and nobody has accepted their licence.
        DownloadError: They could not be downloaded, or that was cancelled.
        CheckpointError: The file isn't a YOLO-NAS checkpoint.
        SettingError: ``pretrained=False``, and something is said that random weights don't have.
        ProcessingError: The file doesn't say how its images are prepared.

    Example::

        model = NAS("yolo_nas_s")
        for result in model.predict("street.jpg", conf=0.4):
            print(result.boxes.xyxy, result.boxes.conf, result.boxes.cls)
    """

    model: NASModule | ExportedModule

    def __init__(
        self,
        model: str | Path = "yolo_nas_s",
        *,
        processing: ProcessingSpec | str | None = None,
        names: Sequence[str] | Mapping[int, str] | None = None,
        accept_licence: bool = False,
        backend: Backend = "native",
        pretrained: bool = True,
        runtime: str | None = None,
        precision: str | None = None,
        calibration: Any = None,
        threads: int | None = None,
        progress: Callable[[int, int | None], object] | None = None,
        cancelled: Callable[[], object] | None = None,
    ) -> None:
        network_builder(backend)  # which says what is wrong with it before anything is looked for
        if isinstance(model, (str, Path)) and Path(model).suffix.lower() in {".yaml", ".yml"}:
            raise ConfigRefusedError("YOLO-NAS models only support pre-trained models.")
        if "://" in str(model):  # the engine would ask a model server, or its makers' hub
            raise WeightsNotFoundError(f"{model}: this is an address, not a file: download it, and give its path")
        self._settings = OpenSettings(
            processing=processing,
            names=names,
            accept_licence=accept_licence,
            backend=backend,
            runtime=runtime,
            precision=precision,
            calibration=calibration,
            threads=threads,
        )
        self._pretrained = pretrained
        self._streaming = False
        self._download: dict[str, Any] = {"progress": progress, "cancelled": cancelled}
        super().__init__(model)
        self._download = {}  # they are of this call, and may be what can't be pickled

    def _load(self, weights: str | Path, task: str | None = None) -> None:
        if self._pretrained:
            opened = open_weights(weights, self._settings, **self._download)
        else:
            opened = open_untrained(str(weights), self._settings)
        self.model, self.runtime, path = opened
        self.task = self.model.task
        self.overrides = {"model": path, "task": self.task, "imgsz": as_imgsz(self.processing.size)}
        held: Any = self.model
        held.args = {**DEFAULT_CFG_DICT, **self.overrides}
        self.ckpt_path = path
        self.model_name = str(weights)
        self.predictor = None

    def _smart_load(self, key: str) -> Any:
        """Return the class of a role. Private: with what this gives the engine makes one, whenever it wants another."""
        return self._told(super()._smart_load(key))

    def _told(self, kind: Any) -> Any:
        """Return what makes a predictor or a validator; ours are told by what the network runs."""
        ours = isinstance(kind, type) and issubclass(kind, (NASPredictor, NASValidator))
        return partial(kind, runtime=self.runtime) if ours else kind

    @property
    def task_map(self) -> dict[str, dict[str, Any]]:
        """Predictor, validator and trainer by task."""
        return TASK_MAP

    @property
    def names(self) -> dict[int, str]:
        """The classes' names by index; the engine's own property would rename those that begin as ImageNet's ids do."""
        return dict(self.model.names)

    @property
    def processing(self) -> ProcessingSpec:
        """How images are prepared, and the defaults of box selection."""
        return self.model.processing

    @property
    def skeleton(self) -> Skeleton | None:
        """What the keypoints of a model for poses are; None for a detector."""
        return self.model.about.skeleton

    def load(
        self,
        weights: str | Path,
        *,
        processing: ProcessingSpec | str | None = None,
        names: Sequence[str] | Mapping[int, str] | None = None,
    ) -> NAS:
        """Replace the weights, and with them the classes and the processing, by those of another file.

        Arguments are those of :class:`NAS`. What was given there was said of the first file, and isn't carried over.
        """
        self._settings = replace(self._settings, processing=processing, names=names)
        self._pretrained = True
        self._load(weights)
        return self

    def _weights(self, what: str) -> NASModule:
        """Return the network, for what needs one.

        Raises:
            YoloNASPluginError: The model is an exported file.
        """
        if isinstance(self.model, ExportedModule):
            raise YoloNASPluginError(
                f"{self.model.pt_path}: an exported file can predict, track and be measured; {what} needs the weights "
                "that it was made from"
            )
        return self.model

    def info(
        self, detailed: bool = False, verbose: bool = True, imgsz: int | list[int] = 640
    ) -> tuple[int, int, int, float]:
        """Return the numbers of layers, parameters and gradients, and GFLOPs at ``imgsz``; print them if ``verbose``.

        Args:
            detailed: Print every layer too.
            verbose: Print a summary.
            imgsz: Side of the input in pixels, or height and width; multiples of 32.

        Raises:
            SettingError: ``imgsz`` is something else.
        """
        self._weights("info")
        imgsz = as_imgsz(check_imgsz(imgsz))
        if verbose:
            model_info(self.model, detailed=detailed, verbose=True, imgsz=imgsz)
        layers = sum(1 for module in self.model.modules() if not list(module.children()))
        return layers, get_num_params(self.model), get_num_gradients(self.model), get_flops(self.model, imgsz)

    def predict(
        self, source: Any = None, stream: bool = False, predictor: Any = None, **kwargs: Any
    ) -> list[Results] | Iterator[Results]:
        """Detect objects.

        Args:
            source: File, folder, glob or video, or a list of them; URL, camera number, PIL image, array [H, W, 3] in
                BGR or a list of them, tensor [B, 3, H, W] in RGB from 0 to 1.
            stream: Return a generator that works as it is read, instead of a list.
            predictor: Another predictor class.
            **kwargs: The engine's settings; ``conf``, ``iou``, ``max_det``, ``agnostic_nms`` and ``imgsz`` default to
                the checkpoint's. With ``rect=True`` images are padded to the next multiples of 32 only, instead of the
                whole input: faster, with boxes that are nearly the same. ``batch`` is 1; on OpenVINO, which works on
                them side by side, 4 without ``rect``.

        Returns:
            One ``Results`` for each image that could be read. Boxes and keypoints are the network's own and may reach
            out of the image, as super-gradients' do. Of a pose model there are ``keypoints`` [N, K, 3], x, y and the
            score of each. Files that could not be read are in ``self.predictor.skipped``.

        Raises:
            DataNotFoundError: The source doesn't exist, or has no images.
            SourceError: The source is None, empty text or of another kind; not one of its images could be read; or an
                array or a tensor isn't an image for this network.
            SettingError: There is no such setting, or its value is none that it may have.
            RuntimeChoiceError: A setting asks for what the runtime doesn't do.
        """
        mode = "track" if kwargs.get("mode") == "track" else "predict"  # which the engine's own track says
        kwargs = check_engine_settings(kwargs, mode, self.model.names, task=self.task)
        check_engine_source(source, self.model.in_channels)
        if isinstance(self.predictor, NASPredictor) and changed_at_setup(self.predictor.args, kwargs):
            self.predictor = None
        settings = prediction_settings(self.processing, self.runtime, source, kwargs)
        with self.__dict__.setdefault("_predicting", threading.RLock()):
            if self._streaming and isinstance(self.predictor, NASPredictor):
                self.predictor = self.predictor.fork()  # a stream may be read later, with the settings it was given
            self._streaming = stream
            try:
                other = None if predictor is type(self.predictor) else self._told(predictor)
                results = super().predict(source, stream, other, **settings)
            finally:
                if self.predictor is not None and self.predictor.model is None:
                    self.predictor = None  # it failed while it was set up
        return results

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can't be copied or pickled; it is made again on demand."""
        state = {**self.__dict__, "predictor": None, "trainer": None}
        state.pop("_predicting", None)
        return state

    def track(
        self, source: Any = None, stream: bool = False, persist: bool = False, **kwargs: Any
    ) -> list[Results] | Iterator[Results]:
        """Detect objects and follow them from frame to frame.

        Arguments are those of :meth:`predict`, and ``tracker`` and ``persist`` of the engine; ``conf`` defaults to the
        engine's 0.1, because trackers make use of weak detections.

        Raises:
            MissingExtraError: ``lap`` isn't installed.
            SourceError, SettingError: As for :meth:`predict`.
        """
        require("lap", "tracking", "track")
        kwargs = check_engine_settings(kwargs, "track", self.model.names, task=self.task)
        check_engine_source(source, self.model.in_channels)
        kwargs["tracker"] = check_tracker(kwargs.get("tracker") or DEFAULT_CFG_DICT["tracker"])
        return super().track(source, stream, persist, **kwargs)

    def val(self, validator: Any = None, **kwargs: Any) -> Any:
        """Measure the model on a data set in YOLO, COCO or Pascal VOC format.

        Faults in the data are logged before the work starts, and what can't be used is left out.

        Args:
            validator: Another validator class.
            **kwargs: The engine's settings; ``data`` names the data set, see :func:`yolonas_plugin.data.open_data`.
                Defaults are those of super-gradients' evaluation: ``conf=0.01``, ``iou=0.7``, at most 300 boxes; and
                ``plots=False``.

        Returns:
            The engine's ``DetMetrics``, with ``.box.map``, ``.box.map50``, ``.results_dict``, ...

        Raises:
            DataNotFoundError: The data, or the split, isn't there.
            SourceError: The data isn't named, can't be used, or has a class that the model doesn't have.
            SettingError: There is no such setting, or its value is none that it may have.
            RuntimeChoiceError: A setting asks for what the runtime doesn't do.
        """
        kwargs = check_engine_settings(kwargs, "val", self.model.names, task=self.task)
        refuse_rect(kwargs)
        data = kwargs.get("data") or self.overrides.get("data") or ""  # for None the engine downloads a set of its own
        return super().val(self._told(validator), **{"plots": False, **kwargs, "rect": False, "data": data})

    def export(
        self, format: str = "onnx", output: str | Path | None = None, *, overwrite: bool = False, **kwargs: Any
    ) -> str:
        """Export a fused copy; see :func:`yolonas_plugin.nas.export.export`."""
        network = self._weights("export")
        with heard():
            return export(network, self.callbacks, format=format, output=output, overwrite=overwrite, **kwargs)

    def save(
        self,
        filename: str | Path = "saved_model.pt",
        *,
        licence: str | None = None,
        training_data: str | None = None,
        half: bool = False,
        overwrite: bool = True,
    ) -> str:
        """Write the weights and all that is needed to use them into one file.

        The default name is the engine's, in the working directory; see :func:`yolonas_plugin.nas.save.save`.
        """
        network = self._weights("save")
        return save(network, filename, licence=licence, training_data=training_data, half=half, overwrite=overwrite)

    def train(self, trainer: Any = None, *, licence: str | None = None, **kwargs: Any) -> Any:
        """Train the network, and take over the best weights.

        Args:
            trainer: Another trainer class.
            licence: Of the trained weights, written into their files. Default: that of the weights it began from.
            **kwargs: The engine's settings: ``data``, ``epochs``, ``batch``, ``imgsz``, ... ``pretrained=False`` begins
                with random weights. ``resume=True`` goes on with the training whose ``last.pt`` was opened, and
                ``resume="runs/.../last.pt"`` with that one. ``freeze`` is the number of parts of the network that stay
                as they are, or a list of parts; see :func:`yolonas_plugin.nas.finetune.freeze_parts`. ``task`` makes
                a network for another task, which begins with what fits of these weights:
                ``NAS("yolo_nas_s").train(data="coco-pose.yaml", task="pose")``.

        Returns:
            The engine's ``DetMetrics`` of the best epoch.

        Raises:
            TrainingError: A setting can't be followed, or there is nothing to resume.
            SettingError: There is no such setting, or its value is none that it may have.
        """
        self._weights("train")
        kwargs = check_engine_settings(kwargs, "train")
        if kwargs.get("resume") and licence is not None:
            raise TrainingError(
                f"licence={licence!r} would change nothing: a training that goes on has the licence it began with; "
                "save(licence=...) writes another one"
            )
        if kwargs.get("resume") and kwargs.get("task") is not None:
            raise TrainingError(
                f"task={kwargs['task']!r} would change nothing: a training that goes on has the task it began with; "
                "leave it out"
            )
        task = kwargs.get("task") or self.task
        settings = {**self.overrides, **kwargs, "mode": "train", "task": task}
        if settings.get("resume") is True:
            settings["resume"] = self.ckpt_path
        with heard():  # as the trainer does from its first step on
            self.trainer = (trainer or TASK_MAP[task]["trainer"])(overrides=settings, _callbacks=self.callbacks)
            if not settings.get("resume"):
                begin = self.model if settings.get("pretrained") is not False and self._pretrained else None
                with self.trainer.folder.unless_refused():
                    self.trainer.model = self.trainer.get_model(cfg=self.model.config.size, weights=begin)
                if licence:
                    attach(self.trainer.model, replace(self.trainer.model.about, licence=licence))
        self.trainer.train()
        if RANK in {-1, 0}:
            self.load(self.trainer.best if self.trainer.best.exists() else self.trainer.last)
            self.metrics = getattr(self.trainer.validator, "metrics", None)
        return self.metrics

    tune = _unavailable("tune")
    embed = _unavailable("embed")
    benchmark = _unavailable("benchmark")
