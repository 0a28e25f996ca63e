"""Files and exports for poses, each run by its own runtime: how far are they from the network on torch?

    pip install MNN ncnn pnnx
    python -m benchmarks.pose_exports

What the first line installs belongs into an environment of its own, and is left out where it isn't there. Size s with
synthetic weights, which find persons anywhere, and two pictures at 320x320; the table is of docs/export.md. Forms
before box selection are compared in all places, the others in the persons that ``predict`` finds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from ultralytics import YOLO

from benchmarks.exports import FORMATS
from tests.support import synthetic
from tests.support.pictures import picture
from yolonas_plugin import NAS
from yolonas_plugin.boxes.arrays import select_boxes
from yolonas_plugin.export.graph import join_output
from yolonas_plugin.info import ModelInfo
from yolonas_plugin.nas.module import NASModule
from yolonas_plugin.processing import POSE
from yolonas_plugin.runtimes import open_runtime
from yolonas_plugin.skeleton import COCO_PERSON
from yolonas_plugin.weights.write import write_safetensors

SPEC = replace(POSE, size=(320, 320), resize=(320, 320))
PIXELS = np.stack([SPEC.letterbox(picture(seed))[0] for seed in range(2)])
"""BGR [2, 320, 320, 3]."""

Arrays = list[NDArray[Any]]


def expected(model: NAS) -> tuple[Arrays, Arrays]:
    """What torch gives: the outputs, and the rows of the persons in each picture without their class."""
    with torch.no_grad():
        outputs = [output.numpy() for output in model.model.detect(prepared())]
    rows = [select_boxes(*(output[index] for output in outputs), **SPEC.selection()) for index in range(2)]
    return outputs, [np.delete(found, 5, axis=1) for found in rows]


def prepared() -> torch.Tensor:
    return torch.from_numpy(SPEC.normalise(PIXELS.transpose(0, 3, 1, 2), order="BGR"))


def raw(model: NAS, outputs: Arrays, folder: Path) -> Iterator[tuple[str, str, Arrays, Arrays]]:
    """What a file and its runtime are called, and what it gives before box selection, beside what it should."""
    joined = [join_output(*map(torch.from_numpy, outputs)).numpy()]
    for gives, takes in (("engine", "prepared"), ("pair", "pixels"), ("pair", "super-gradients")):
        path = model.export(format="onnx", output=folder, takes=takes, gives=gives, batch=2)
        for runtime in ("onnxruntime", "openvino"):
            label = f'ONNX, `takes="{takes}"`, `gives="{gives}"`', f"{runtime} {version(runtime)}"
            yield *label, list(open_runtime(path, runtime)(PIXELS)), outputs
    path = model.export(format="openvino", output=folder, batch=2)
    yield "OpenVINO", f"openvino {version('openvino')}", list(open_runtime(path)(PIXELS)), outputs
    path = model.export(format="torchscript", output=folder, batch=2, imgsz=[320, 320])
    with torch.no_grad():
        yield "TorchScript", f"torch {torch.__version__}", [torch.jit.load(path)(prepared()).numpy()], joined
        model.save(folder / "stock.pt")
        rgb = torch.from_numpy(np.ascontiguousarray(PIXELS[..., ::-1].transpose(0, 3, 1, 2))) / 255
        found = YOLO(folder / "stock.pt").model(rgb).numpy()
        yield "`.pt`, `YOLO(path)`", f"ultralytics {version('ultralytics')}", [found], joined
    images = prepared().contiguous().numpy()
    for format in ("ncnn", "mnn"):
        package, run = FORMATS[format]
        if run is not None and find_spec(package):
            path = model.export(format=format, output=folder, imgsz=[320, 320])
            found = np.concatenate([run(path, images[index : index + 1]) for index in range(len(images))])
            yield f'`format="{format}"`', f"{package} {version(package)}", [found], joined


def selected(model: NAS, folder: Path) -> Iterator[tuple[str, Arrays]]:
    """What a form with box selection is called, and the rows that it gives of each picture."""
    forms: dict[str, tuple[str, Callable[[Arrays], Arrays]]] = {
        "flat": ("pixels", of_flat),
        "batch": ("pixels", of_batch),
        "super-gradients-flat": ("super-gradients", of_flat),
        "super-gradients-batch": ("super-gradients", of_batch),
    }
    for gives, (takes, rows) in forms.items():
        session = onnxruntime.InferenceSession(
            model.export(format="onnx", output=folder, takes=takes, gives=gives, batch=2),
            providers=["CPUExecutionProvider"],
        )
        images = PIXELS if takes == "pixels" else np.ascontiguousarray(PIXELS[..., ::-1].transpose(0, 3, 1, 2))
        yield (
            f'ONNX, `takes="{takes}"`, `gives="{gives}"`',
            rows(session.run(None, {session.get_inputs()[0].name: images})),
        )


def of_flat(outputs: Arrays) -> Arrays:
    (rows,) = outputs
    return [rows[rows[:, 0] == index, 1:] for index in range(2)]


def of_batch(outputs: Arrays) -> Arrays:
    counts, boxes, scores, *_, keypoints = outputs
    found = np.concatenate((boxes, scores[..., None], keypoints.reshape(*scores.shape, -1)), axis=-1)
    return [rows[:count] for rows, count in zip(found, counts[:, 0], strict=True)]


def same_persons(found: NDArray[Any], wanted: NDArray[Any]) -> NDArray[Any]:
    """Return which of the rows ``found`` has each box that is wanted: two with the same score may change places."""
    return np.abs(found[:, None, :4] - wanted[:, :4]).max(axis=-1).argmin(axis=0)


def line(file: str, runtime: str, count: str, found: Arrays, wanted: Arrays) -> None:
    """Print how far boxes, scores, keypoints and their scores are from those that are wanted."""
    boxes, scores, points, sure = (np.abs(mine - theirs).max() for mine, theirs in zip(found, wanted, strict=True))
    print(f"| {file} | {runtime} | {count} | {max(boxes, points):.5f} px | {max(scores, sure):.1e} |", flush=True)


def columns(rows: NDArray[Any]) -> Arrays:
    """Boxes, score, keypoints, their scores, of rows [N, 5 + 3K]."""
    points = rows[:, 5:].reshape(len(rows), -1, 3)
    return [rows[:, :4], rows[:, 4], points[..., :2], points[..., 2]]


def main() -> None:
    info = ModelInfo(names=("person",), processing=SPEC, size="s", task="pose", skeleton=COCO_PERSON)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        module = NASModule(info, synthetic.pose_network("s").parts).eval()
        write_safetensors(folder / "pose.safetensors", module.state_dict(), info)
        model = NAS(folder / "pose.safetensors")
        outputs, persons = expected(model)
        print("| file | runtime | compared | boxes and keypoints | scores |\n|---|---|---|---|---|")
        for file, runtime, found, wanted in raw(model, outputs, folder):
            if len(found) == 1:  # the engine's layout: as rows
                found, wanted = (columns(np.concatenate(x[0].transpose(0, 2, 1))) for x in (found, wanted))
            line(file, runtime, f"{outputs[0].shape[1]:,} places", found, wanted)
        for file, rows in selected(model, folder):
            if [len(one) for one in rows] != [len(one) for one in persons]:
                raise SystemExit(f"{file}: {[len(one) for one in rows]} persons, not {[len(one) for one in persons]}")
            rows = [mine[same_persons(mine, theirs)] for mine, theirs in zip(rows, persons, strict=True)]
            found, wanted = (columns(np.concatenate(one)) for one in (rows, persons))
            count = f"{sum(map(len, persons))} persons"
            line(file, f"onnxruntime {version('onnxruntime')}", count, found, wanted)


if __name__ == "__main__":
    main()
