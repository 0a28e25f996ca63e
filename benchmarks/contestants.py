"""Ways to run YOLO-NAS that are compared, and the process that each of them runs in.

    python -m benchmarks.contestants NAME FOLDER

opens the contestant with the weights in ``FOLDER``, and then answers each line on standard input with one on standard
output, in JSON. A line is ``[PATH, SETTINGS]``, of an image or of a folder of images; an answer has ``seconds``, how
many ``images`` and ``boxes``, and the memory that the process has and had at most, in bytes. Whatever else is printed
goes to standard error.

Each runs in an environment of its own, so nothing but the standard library is imported before it is opened.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.limit import open_works

Boxes = Iterator[int]
"""The number of boxes on each image."""

SIDE = 640
OWN, MODULE, COCO, PLAIN, LIBREYOLO = (
    "own.safetensors",
    "yolo_nas_s.pt",
    "yolo_nas_s_coco.pth",
    "plain.pth",
    "libreyolo.pt",
)
"""The same weights as each contestant reads them."""

GRAPH = "graph.onnx"
"""What our runtimes open."""

CALIBRATION = "calibration"
"""Images that int8 is calibrated on."""


class Contestant(NamedTuple):
    """A way to run YOLO-NAS.

    Attributes:
        environment: Where it is installed: ``main``, ``reference`` or ``peers``.
        open: From the folder of weights to what takes an image's path, or a folder's, and settings.
        precision: In which it computes: ``fp32``, ``bf16`` or ``int8``.
    """

    environment: str
    open: Callable[[Path], Callable[..., Iterable[int]]]
    precision: str = "fp32"


def ours(runtime: str, precision: str = "fp32") -> Callable[[Path], Callable[..., Boxes]]:
    def open_it(folder: Path) -> Callable[..., Boxes]:
        from yolonas_plugin import NAS

        calibration = {"calibration": str(folder / CALIBRATION)} if precision == "int8" else {}
        model = NAS(folder / OWN, runtime=runtime, precision=precision, **calibration)

        def predict(source: str, **settings: Any) -> Boxes:
            for result in model.predict(source, stream=True, verbose=False, **settings):
                yield len(result.boxes)

        return predict

    return open_it


def lean(folder: Path) -> Callable[..., Boxes]:
    from model_zoo_api import ModelZoo

    predictor = ModelZoo.discover().load(folder / OWN, provider="yolo_nas", runtime="openvino", lean=True)
    return lambda source, **settings: (len(found) for found in predictor.stream(source, **settings))


def raw_openvino(folder: Path, hint: str = "f32") -> Callable[..., Iterable[int]]:
    """Only the network, on pixels that are there already: the file that we make, with the hints that we give."""
    import openvino

    core = openvino.Core()
    network = core.read_model(folder / GRAPH)
    pixels = _pixels()
    network.reshape(list(pixels.shape))
    hints = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
    request = core.compile_model(network, "CPU", hints).create_infer_request()

    def predict(source: str) -> list[int]:
        request.infer([pixels], share_inputs=True)
        return [0]

    return predict


def raw_torch(folder: Path, precision: str = "fp32", compile: bool = False) -> Callable[..., Iterable[int]]:
    """Only the network, on pixels that are there already, as the predictor runs it."""
    import torch

    from yolonas_plugin import NAS
    from yolonas_plugin.nas.inference import inference_module

    model = NAS(folder / OWN, precision=precision)
    network: Any = inference_module(model.model, model.runtime, compile)  # type: ignore[arg-type]
    pixels = torch.from_numpy(_pixels()).permute(0, 3, 1, 2)

    @torch.inference_mode()
    def predict(source: str) -> list[int]:
        network(pixels)
        return [0]

    return predict


def _pixels() -> Any:
    import numpy as np

    return np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 3), dtype=np.uint8)


def ultralytics_nas(folder: Path) -> Callable[..., Iterable[int]]:
    from ultralytics import NAS

    model = NAS(str(folder / MODULE))
    return lambda source: [len(result.boxes) for result in model.predict(source, verbose=False)]


def super_gradients(folder: Path) -> Callable[..., Iterable[int]]:
    os.environ.update(CRASH_HANDLER="FALSE", CONSOLE_LOG_LEVEL="ERROR")  # read when super-gradients is imported
    from super_gradients.training import models
    from super_gradients.training.processing.processing import get_pretrained_processing_params

    model = models.get("yolo_nas_s", num_classes=80, checkpoint_path=str(folder / COCO)).eval()
    model.set_dataset_processing_params(**get_pretrained_processing_params("yolo_nas_s", "coco"))
    return lambda source: [len(model.predict(source).prediction.bboxes_xyxy)]


def modern_yolonas(folder: Path) -> Callable[..., Iterable[int]]:
    from modern_yolonas import YoloNASDetector

    detector = YoloNASDetector("yolo_nas_s", weights=folder / PLAIN)
    return lambda source: [len(detector(source))]


def libreyolo(folder: Path) -> Callable[..., Iterable[int]]:
    from libreyolo import LibreYOLO

    model = LibreYOLO(str(folder / LIBREYOLO))
    return lambda source: [len(model(source).boxes)]


CONTESTANTS: dict[str, Contestant] = {
    "raw openvino": Contestant("main", raw_openvino),
    "torch": Contestant("main", ours("torch")),
    "torch bf16": Contestant("main", ours("torch", "bf16"), "bf16"),
    "onnxruntime": Contestant("main", ours("onnxruntime")),
    "onnxruntime int8": Contestant("main", ours("onnxruntime", "int8"), "int8"),
    "openvino": Contestant("main", ours("openvino")),
    "openvino bf16": Contestant("main", ours("openvino", "bf16"), "bf16"),
    "openvino int8": Contestant("main", ours("openvino", "int8"), "int8"),
    "lean openvino": Contestant("main", lean),
    "ultralytics.NAS": Contestant("reference", ultralytics_nas),
    "super-gradients": Contestant("reference", super_gradients),
    "modern-yolonas": Contestant("peers", modern_yolonas),
    "LibreYOLO": Contestant("peers", libreyolo),
}


def super_gradients_pose(folder: Path) -> Callable[..., Iterable[int]]:
    os.environ.update(CRASH_HANDLER="FALSE", CONSOLE_LOG_LEVEL="ERROR")  # read when super-gradients is imported
    from super_gradients.training import models
    from super_gradients.training.processing.processing import default_yolo_nas_pose_coco_processing_params

    (weights,) = folder.glob("yolo_nas_pose_?.pth")
    model = models.get(weights.stem, num_classes=17, checkpoint_path=str(weights)).eval()
    model.set_dataset_processing_params(**default_yolo_nas_pose_coco_processing_params())
    return lambda source: [len(model.predict(source).prediction.bboxes_xyxy)]


def libreyolo_pose(folder: Path) -> Callable[..., Iterable[int]]:
    from libreyolo import LibreYOLO

    (weights,) = folder.glob("yolo_nas_pose_?.pth")
    model = LibreYOLO(str(weights), task="pose")
    return lambda source: [len(model(source).boxes)]


POSE_CONTESTANTS: dict[str, Contestant] = {
    **{name: found for name, found in CONTESTANTS.items() if found.environment == "main"},
    "super-gradients pose": Contestant("reference", super_gradients_pose),
    "LibreYOLO pose": Contestant("peers", libreyolo_pose),
}
"""Those that run networks for poses, whose weights lie where the others' do."""

RAW_CONTESTANTS: dict[str, Contestant] = {
    "raw torch": Contestant("main", raw_torch),
    "raw torch compiled": Contestant("main", partial(raw_torch, compile=True)),
    "raw torch bf16": Contestant("main", partial(raw_torch, precision="bf16"), "bf16"),
    "raw openvino bf16": Contestant("main", partial(raw_openvino, hint="bf16"), "bf16"),
}
"""The network alone, beside the ``raw openvino`` of the others."""

LIMIT = "limit"
ALL = {**CONTESTANTS, **POSE_CONTESTANTS, **RAW_CONTESTANTS, LIMIT: Contestant("main", open_works)}


def memory() -> dict[str, int]:
    """Return the bytes of memory that this process has, and had at most; nothing where the system doesn't say."""
    if sys.platform != "linux":
        return {}
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {name: int(status[key].split()[0]) * 1024 for name, key in (("memory", "VmRSS"), ("peak", "VmHWM"))}


def main() -> None:
    name, folder = sys.argv[1:]
    with os.fdopen(os.dup(1), "w", buffering=1) as answers:
        os.dup2(2, 1)
        predict = ALL[name].open(Path(folder))
        for line in sys.stdin:
            source, settings = json.loads(line)
            start = time.perf_counter()
            boxes = list(predict(source, **settings))
            seconds = time.perf_counter() - start
            answer = {"seconds": seconds, "images": len(boxes), "boxes": sum(boxes), **memory()}
            answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
