"""Prediction on the Ultralytics engine with YOLO-NAS's own letterbox and box selection."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from ultralytics.engine.results import Results
from ultralytics.models.yolo.detect import DetectionPredictor
from ultralytics.utils import DEFAULT_CFG
from ultralytics.utils.callbacks.base import default_callbacks

from model_zoo_api.texts import printable
from yolonas_plugin.boxes.tensors import select_boxes
from yolonas_plugin.engine import fork, ready, session, tell, told
from yolonas_plugin.errors import DataNotFoundError, SourceError
from yolonas_plugin.files.whole import whole
from yolonas_plugin.images import as_pixels, unreadable
from yolonas_plugin.nas.canvases import letterbox_batch
from yolonas_plugin.nas.execution import check_runtime, device_of, nothing_halved, with_half
from yolonas_plugin.nas.inference import inference_module
from yolonas_plugin.nas.loaders import FileLoader, ImageLoader, Loader
from yolonas_plugin.nas.opening import open_model
from yolonas_plugin.nas.output_folder import OutputFolder
from yolonas_plugin.nas.results import NASResults
from yolonas_plugin.nas.settings import check_overrides, check_task, engine_defaults
from yolonas_plugin.nas.sources import list_files
from yolonas_plugin.processing import Image, Placement, ProcessingSpec
from yolonas_plugin.runtimes import RuntimeChoice
from yolonas_plugin.runtimes.base import Answer, GraphRuntime
from yolonas_plugin.settings import check_settings
from yolonas_plugin.skeleton import Skeleton


class _Begun(NamedTuple):
    """A batch that is prepared, and may have been started.

    Attributes:
        images: As they are [H, W, C], BGR.
        pixels: Letterboxed [B, C, H, W], uint8.
        placements: Of each in its canvas.
        answer: Waits for the outputs, if they were started.
    """

    images: list[Image]
    pixels: Tensor
    placements: list[Placement]
    answer: Answer | None = None


class NASPredictor(DetectionPredictor):
    """Turns images into the engine's ``Results``, for a model of any task of this package.

    Boxes and keypoints are the network's own: they may reach out of the image.

    Args:
        cfg: The engine's settings, or a file of them.
        overrides: Settings that win over them.
        _callbacks: The engine's.
        runtime: By what a network runs; a ``NAS`` and an exported file have their own.

    Raises:
        SettingError: One of ``overrides`` is no setting, has a value that it can't have, or would change nothing.
    """

    processing: ProcessingSpec
    in_channels: int
    skeleton: Skeleton | None
    choice: RuntimeChoice
    graph: GraphRuntime | None

    def __init__(
        self,
        cfg: Any = DEFAULT_CFG,
        overrides: dict[str, Any] | None = None,
        _callbacks: Any = None,
        *,
        runtime: RuntimeChoice | None = None,
    ) -> None:
        given = dict(overrides or {})
        settings = check_overrides(given, "track" if given.get("mode") == "track" else "predict")
        super().__init__(cfg, settings, _callbacks)
        self._chosen = frozenset(given)
        self._runtime = runtime or RuntimeChoice()
        self._begun = _Begun([], torch.empty(0), [])
        self._outputs: OutputFolder | None = None
        self._wrote = False

    @property
    def skipped(self) -> list[str]:
        """Files of the last source that could not be read, among those that were reached so far."""
        return list(getattr(self.dataset, "unreadable", ()))

    def fork(self) -> NASPredictor:
        """Return a predictor with the same network and a state of its own, for another source at the same time."""
        return fork(self)

    def setup_model(self, model: nn.Module | str | None, verbose: bool = True) -> None:
        """Prepare ``model`` for its runtime, or read the file that it (or the setting ``model``) names.

        Settings that the caller left open become the checkpoint's.

        Raises:
            RuntimeChoiceError: A setting asks for what the runtime doesn't do.
        """
        asked = self.args.model if model in (None, "") else model
        model, self.choice = open_model(asked, self._runtime, "NASPredictor runs")
        self.processing = self._spec = model.processing
        self.in_channels = model.in_channels
        self.skeleton = model.about.skeleton
        check_task(self.args.task if "task" in self._chosen else None, model.task, self.args.mode)
        defaults = engine_defaults(model.processing)
        tell(
            self.args, task=model.task, **{name: value for name, value in defaults.items() if name not in self._chosen}
        )
        check_runtime(self.choice, self.args)
        device = device_of(self.choice, self.args)
        network = inference_module(model, with_half(self.choice, self.args), self.args.compile, device)
        self.graph = network.graph
        with session(), told(self.args, device=device, compile=False, **nothing_halved(self.args)):
            super().setup_model(network, verbose)
        ready(self, model.names)

    def setup_source(self, source: Any, *args: Any, **kwargs: Any) -> None:
        """Open the source. Files that can't be read are left out as they are reached, see :attr:`skipped`.

        Raises:
            SourceError: A class index is out of range, ``batch`` isn't a number of images, or pictures would be saved
                over the images they show.
        """
        self._check_settings()
        files = list_files(source)
        if files == []:
            raise DataNotFoundError(f"No images or videos found in {printable(str(source))}")
        if files is None and isinstance(source, (list, tuple, np.ndarray, PIL.Image.Image)):
            images = source if isinstance(source, (list, tuple)) else [source]
            source = self._ahead(ImageLoader(images, self.args.batch, self.in_channels))
        if files is None:
            super().setup_source(source, *args, **kwargs)
            files = getattr(self.dataset, "files", None)  # of an address whose file was fetched
        if files:
            loader = FileLoader(files, self.args.batch, self.args.vid_stride, self.in_channels)
            super().setup_source(self._ahead(loader), *args, **kwargs)
        size = (int(self.imgsz[0]), int(self.imgsz[1]))
        if size != self._spec.size:
            self._spec = self.processing.with_size(size)
        self._outputs = OutputFolder(Path(self.save_dir))
        if self.args.save:
            self._check_output(getattr(self.dataset, "files", ()))
        if self.args.save or self.args.save_txt or self.args.save_crop:
            self._outputs.make_folder()

    def stream_inference(self, *args: Any, **kwargs: Any) -> Iterator[Results]:
        """Yield the results of each image as soon as they are there.

        Raises:
            SourceError: Not one image could be read, besides what :meth:`setup_source` raises.
            ExportError: What should be saved can't be written.
            RuntimeChoiceError: A setting asks for what the runtime doesn't do.
        """
        if self.model is not None:
            check_runtime(self.choice, self.args)
        results, found = super().stream_inference(*args, **kwargs), 0
        try:
            while True:
                with session():
                    try:
                        result = next(results)
                    except StopIteration:
                        break
                found += 1
                yield result
        finally:
            results.close()
            if isinstance(self.dataset, Loader):
                self.dataset.close()  # which older engines leave open
            if self._outputs is not None:
                self._outputs.close()
        if self.skipped and not found:
            raise unreadable(self.skipped, self.in_channels)

    def run_callbacks(self, event: str) -> None:
        """Run the callbacks of an event; older engines leave crops out when nothing else is saved or shown."""
        if event == "on_predict_batch_start":
            self._wrote = False
        if event == "on_predict_batch_end" and self.args.save_crop and not self._wrote:
            paths, images, info = self.batch
            for index, path in enumerate(paths):
                self.write_results(index, Path(path), torch.empty((1, 1, *images[index].shape[:2])), info)
        super().run_callbacks(event)

    def write_results(self, i: int, p: Path, im: Tensor, s: list[str]) -> str:
        """Save what is asked for of image ``i`` of a batch, and return what the log says of it.

        Args:
            i: Index of the image.
            p: Its path, or the video's.
            im: The network's input [B, C, H, W].
            s: What the log says of each image so far.

        Raises:
            ExportError: Something can't be written.
        """
        args, result, mode, outputs = self.args, self.results[i], self.dataset.mode, self._outputs
        assert outputs is not None  # made as the run begins
        self._wrote = True
        live = self.source_type.stream or self.source_type.from_img or self.source_type.tensor
        match = re.search(r"\(frame (\d+)/", s[i])
        frame = self.dataset.count if self.source_type.stream else int(match[1]) if match else 0
        name = outputs.name(str(p), None if mode == "image" else p if mode == "video" else i)
        self.txt_path = outputs.folder / "labels" / (name if mode == "image" else f"{name}_{frame}")
        result.save_dir = str(outputs.folder)
        if args.save or args.show:
            self.plotted_img = result.plot(
                line_width=args.line_width, boxes=args.show_boxes, conf=args.show_conf, labels=args.show_labels
            )
        if args.save_txt:
            self._write_labels(result)
        if args.save_crop:
            result.save_crop(outputs.folder / "crops", f"{self.txt_path.name}.jpg")
        if args.show:
            self.show(printable(str(p)))
        if args.save and mode == "image":
            outputs.picture(name, self.plotted_img)
        elif args.save:
            fps = self.dataset.fps / args.vid_stride if mode == "video" else 30
            outputs.frame(name, self.plotted_img, fps)
            if args.save_frames:
                outputs.picture(f"{name}_frames/{name}_{frame}", self.plotted_img)
        height, width = im.shape[2:]
        return f"{f'{i}: ' if live else ''}{height}x{width} {result.verbose()}{result.speed['inference']:.1f}ms"

    def _write_labels(self, result: NASResults) -> None:
        """Write labels in the place of those of an earlier run; none are no file."""
        target = Path(f"{self.txt_path}.txt")
        if not len(result.within_image()):
            target.unlink(missing_ok=True)
            return
        with whole(target, durable=False) as temporary:
            result.save_txt(temporary, save_conf=self.args.save_conf)

    def preprocess(self, im: Tensor | list[NDArray[Any]]) -> Tensor:
        """Letterbox a batch; what the checkpoint wants besides happens where the network runs.

        Args:
            im: Images [H, W, C] in BGR, or a tensor [B, C, H, W] in RGB from 0 to 1 whose sides are multiples of 32,
                which is not letterboxed.

        Returns:
            Pixels [B, C, H, W], BGR from 0 to 255.
        """
        if isinstance(im, Tensor):
            self._begun = _Begun([], im, [Placement(1.0, 1.0, 0, 0)] * len(im))
            pixels = im.to(self.device).float() * 255
            return pixels.flip(1) if pixels.shape[1] == 3 else pixels
        begun = getattr(self.dataset, "begun", None)
        if begun is None or [*map(id, begun.images)] != [*map(id, im)]:  # or a subclass gives other images
            begun = self._letterboxed(im)
        self._begun = begun
        return begun.pixels

    def _ahead(self, loader: Loader) -> Loader:
        """Let a loader begin with images before their turn, unless somebody may change them when it has come."""
        event = "on_predict_batch_start"
        if self.device.type == "cpu" and set(self.callbacks[event]) <= set(default_callbacks[event]):
            loader.begin_ahead(self._begin, 0 if self.graph is None else self.graph.ahead)
        return loader

    def _begin(self, images: list[Image]) -> _Begun:
        begun = self._letterboxed(images)
        if self.graph is None or not self.graph.ahead:
            return begun
        return begun._replace(answer=self.graph.start(begun.pixels.permute(0, 2, 3, 1).numpy()))

    def _letterboxed(self, images: list[Image]) -> _Begun:
        spec = self._spec
        images[:] = [as_pixels(image, self.in_channels) for image in images]  # in place: the engine draws on that list
        size = spec.tight_size(images) if self.args.rect else spec.size
        return _Begun(images, *letterbox_batch(images, spec, size, self.device))

    def inference(self, im: Tensor, *args: Any, **kwargs: Any) -> Any:
        """Return the outputs of the task; for trackers, which keep one tensor, joined [B, A, 4 + C + 3K]."""
        if self._begun.answer is not None and im is self._begun.pixels:
            found: Any = tuple(map(torch.from_numpy, self._begun.answer()))
        else:
            found = super().inference(im, *args, **kwargs)
        if self.args.mode != "track":
            return found
        return torch.cat([output.flatten(2) for output in found], dim=-1)

    def postprocess(self, preds: Any, img: Tensor, orig_imgs: Any, **kwargs: Any) -> list[Results]:
        """Select boxes, map them and their keypoints back to the original images, and wrap them as ``Results``."""
        if isinstance(orig_imgs, Tensor):
            orig_imgs = _as_images(orig_imgs)
        found = self._apart(preds) if isinstance(preds, Tensor) else preds
        return [
            self._result(outputs, placement, image, path, iou=kwargs.get("iou", self.args.iou))
            for *outputs, placement, image, path in zip(
                *found, self._begun.placements, orig_imgs, self.batch[0], strict=True
            )
        ]

    def _apart(self, joined: Tensor) -> Sequence[Tensor]:
        """Undo what :meth:`inference` does for trackers."""
        if self.skeleton is None:
            return joined.tensor_split([4], dim=-1)
        count = len(self.skeleton)
        boxes, scores, keypoints, keypoint_scores = joined.split([4, len(self.model.names), 2 * count, count], dim=-1)
        return boxes, scores, keypoints.unflatten(-1, (count, 2)), keypoint_scores

    def _result(
        self, outputs: Sequence[Tensor], placement: Placement, image: Image, path: str, iou: float
    ) -> NASResults:
        args = self.args
        chosen = {"conf": args.conf, "iou": iou, "max_det": args.max_det, "agnostic_nms": args.agnostic_nms}
        rows = select_boxes(*outputs, **self.processing.selection(**chosen), classes=args.classes)
        rows = placement.rows_to_image(rows)
        points = None if self.skeleton is None else rows[:, 6:].unflatten(1, (len(self.skeleton), 3))
        result = NASResults(image, path=path, names=self.model.names, boxes=rows[:, :6], keypoints=points)
        result.skeleton = self.skeleton
        return result

    def _check_settings(self) -> None:
        given = {name: getattr(self.args, name) for name in ("conf", "iou", "max_det", "batch", "classes")}
        tell(self.args, **check_settings(given, given, self.args.mode, self.model.names))

    def _check_output(self, files: Sequence[str]) -> None:
        folder = Path(self.save_dir).resolve()
        for path in files:
            if Path(path).resolve().parent == folder:
                raise SourceError(
                    f"{printable(str(folder))}: the images are there too and would be overwritten; name another folder"
                )


def _as_images(batch: Tensor) -> list[Image]:
    """Turn a tensor [B, 3, H, W], RGB from 0 to 1, into BGR images to draw on."""
    pixels = (batch * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
    return list(np.ascontiguousarray(pixels[..., ::-1]))
