"""What each runtime, precision and exported file costs in mAP on BCCD's test split: only bf16 and int8 cost any.

    python -m benchmarks.accuracy [WEIGHTS] [--json FILE]

WEIGHTS is a detector of BCCD's classes, by default super-gradients' in ../shared. Everything is measured by
pycocotools. int8 is calibrated on the train split. TorchScript is run by torch alone, as a program without this package
would do it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.coco import Rows, mean_average_precision
from benchmarks.measuring import environment
from tests.support.bccd import CLASSES
from tests.support.engine import split_output
from tests.support.shared import CHECKPOINT, DATA, bccd_images
from yolonas_plugin import NAS
from yolonas_plugin.boxes.tensors import select_boxes
from yolonas_plugin.data import open_data
from yolonas_plugin.images import read_image
from yolonas_plugin.lean import LeanPredictor
from yolonas_plugin.nn.onednn import cpu_has_bf16
from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.runtimes.openvino import has_bf16

CONF = 0.01
"""Lowest score that is looked at."""

GOAL_INT8 = 0.005
GOAL_BF16 = 0.002
Predict = Callable[[str], Rows]


def contestants(weights: Path, folder: Path) -> dict[str, Callable[[], Predict]]:
    model = NAS(weights)
    int8 = {"precision": "int8", "calibration": [str(path) for path in bccd_images("train")]}
    return {
        "torch": lambda: by_engine(model),
        **({"torch bf16": lambda: by_engine(NAS(weights, precision="bf16"))} if cpu_has_bf16() else {}),
        **(
            {"OpenVINO bf16": lambda: by_engine(NAS(weights, runtime="openvino", precision="bf16"))}
            if has_bf16()
            else {}
        ),
        "OpenVINO": lambda: by_engine(NAS(weights, runtime="openvino")),
        "ONNX Runtime": lambda: by_engine(NAS(weights, runtime="onnxruntime")),
        "OpenVINO int8": lambda: by_engine(NAS(weights, runtime="openvino", **int8)),
        "ONNX Runtime int8": lambda: by_engine(NAS(weights, runtime="onnxruntime", **int8)),
        "ONNX file": lambda: by_engine(NAS(model.export(format="onnx", output=folder), runtime="onnxruntime")),
        "ONNX file, lean": lambda: lean(model.export(format="onnx", output=folder / "lean", **FOR_PROGRAMS)),
        "OpenVINO file": lambda: by_engine(NAS(model.export(format="openvino", output=folder))),
        "OpenVINO file, lean": lambda: lean(model.export(format="openvino", output=folder / "lean", **FOR_PROGRAMS)),
        "TorchScript file": lambda: torchscript(
            model.export(format="torchscript", output=folder, imgsz=list(model.processing.size)), model.processing
        ),
    }


FOR_PROGRAMS = {"takes": "pixels", "gives": "pair"}


def by_engine(model: NAS) -> Predict:
    return lambda path: model.predict(path, conf=CONF, verbose=False)[0].boxes.data.numpy()


def lean(path: str) -> Predict:
    predict = LeanPredictor(path, conf=CONF)

    def rows(image: str) -> Rows:
        (found,) = predict(image)
        return np.column_stack((found.boxes, found.scores, found.labels))

    return rows


def torchscript(path: str, spec: ProcessingSpec) -> Predict:
    network = torch.jit.load(path)

    def rows(image: str) -> Rows:
        pixels, place = spec.letterbox(np.ascontiguousarray(read_image(image)[..., ::-1]))  # RGB
        with torch.no_grad():
            output = network(spec.normalise(torch.from_numpy(pixels).permute(2, 0, 1)[None]))
        boxes, scores = split_output(output)
        found = select_boxes(boxes[0], scores[0], conf=CONF, iou=spec.iou, top_k=spec.top_k)
        found[:, :4] = place.to_image(found[:, :4])
        return found.numpy()

    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("weights", nargs="?", type=Path, default=CHECKPOINT)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    args = parser.parse_args()
    data = open_data(str(DATA / "bccd"), ["test"])
    names = [NAS(args.weights).names[index] for index in range(len(CLASSES))]
    assert set(names) == set(CLASSES), f"{args.weights} detects {names}"
    index = np.array([names.index(name) for name in data.names])
    samples = [replace(sample, classes=index[sample.classes.astype(int)]) for sample in data.splits["test"]]
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, make in contestants(args.weights, Path(folder)).items():
            found = figures[name] = mean_average_precision(samples, names, make())
            overall, lost = found["mAP50-95"], figures["torch"]["mAP50-95"] - found["mAP50-95"]
            print(f"{name:20} mAP50-95 {overall:.4f}  mAP50 {found['mAP50']:.4f}  lost {lost:+.4f}", flush=True)
    print(f"\ngoals: int8 loses at most {GOAL_INT8}, bf16 {GOAL_BF16}; the others nothing\n{environment()}")
    if args.json:
        args.json.write_text(json.dumps({"environment": environment(), "figures": figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
