"""What precisions cost a model for poses in mAP, of keypoints and of boxes: bf16, and int8 of which parts.

    python examples/figures.py figures --train 200 --val 60
    yolonas-plugin train --weights yolo_nas_n_layout --task pose --data figures --epochs 12 --imgsz 128 --batch 8 \\
        --set nbs=8 mosaic=0 warmup_epochs=1 plots=false workers=0
    python -m benchmarks.pose_accuracy runs/train/weights/best.safetensors figures figures/images/train

The first argument is a file of weights, the second a data set whose val split is measured by ``NAS.val``, the third
the images that int8 is calibrated on. The last column is how far keypoints lie from where torch finds them, on the same
objects of the data: the median, and what 95 of 100 stay below, in pixels of the image.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torchvision.ops import box_iou
from ultralytics.engine.results import Results

from benchmarks.measuring import environment
from model_zoo_api.detections import SHOWN
from yolonas_plugin import NAS
from yolonas_plugin.data import open_data
from yolonas_plugin.errors import RuntimeChoiceError
from yolonas_plugin.export.description import Description
from yolonas_plugin.export.kept import BOXES, KEYPOINTS
from yolonas_plugin.export.quantise import quantise
from yolonas_plugin.nas.inference import write_graph
from yolonas_plugin.runtimes.calibration import CalibrationImages

OPENVINO = {
    "int8, boxes' and keypoints' convolutions in fp32": (*BOXES, *KEYPOINTS),
    "int8, boxes' in fp32": BOXES,
    "int8, keypoints' in fp32": KEYPOINTS,
    "int8, all": (),
}
"""Which convolutions stay in fp32 in OpenVINO's int8."""


def contestants(weights: Path, images: str, folder: Path) -> Iterator[tuple[str, NAS]]:
    model = NAS(weights)
    yield "torch, fp32", model
    yield "OpenVINO, fp32", NAS(weights, runtime="openvino")
    try:
        yield "OpenVINO, bf16", NAS(weights, runtime="openvino", precision="bf16")
    except RuntimeChoiceError as error:  # the CPU has none
        print(error)
    write_graph(model.model, folder / "graph.onnx")
    about = Description.of(model.model.current_info(), takes="pixels", gives="pair")
    calibration = CalibrationImages(images)
    for number, (name, kept) in enumerate(OPENVINO.items()):
        path = folder / f"{number}.xml"
        quantise(folder / "graph.onnx", about, calibration, calibration.most, path, kept)
        yield f"OpenVINO, {name}", NAS(path, runtime="openvino")
    yield "ONNX Runtime, int8", NAS(weights, runtime="onnxruntime", precision="int8", calibration=images)


def moved(found: Sequence[Results], wanted: Sequence[Results]) -> NDArray[np.floating]:
    """Return by how many pixels keypoints of the same objects differ, those that score 0.25 at least."""
    distances = []
    for mine, theirs in zip(found, wanted, strict=True):
        likeness = box_iou(theirs.boxes.xyxy, mine.boxes.xyxy)
        for index, row in enumerate(likeness if len(mine) else ()):
            if row.max() > 0.8:
                one, other = theirs.keypoints.data[index], mine.keypoints.data[row.argmax()]
                distances.append((one - other)[one[:, 2] >= SHOWN, :2].norm(dim=1))
    return np.concatenate(distances)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("data")
    parser.add_argument("images")
    args = parser.parse_args()
    images = [sample.image for sample in open_data(args.data, ["val"], task="pose").splits["val"]]
    print("| | keypoints mAP50-95 | mAP50 | boxes mAP50-95 | mAP50 | keypoints moved |\n|---|---|---|---|---|---|")
    wanted: list[Results] | None = None
    with tempfile.TemporaryDirectory() as folder:
        for name, model in contestants(args.weights, args.images, Path(folder)):
            found = model.val(data=args.data, plots=False, verbose=False, workers=0, project=folder)
            values = (found.pose.map, found.pose.map50, found.box.map, found.box.map50)
            persons = model.predict(images, verbose=False)
            wanted = wanted or persons
            middle, most = np.quantile(moved(persons, wanted), (0.5, 0.95))
            numbers = " | ".join(f"{value:.4f}" for value in values)
            print(f"| {name} | {numbers} | {middle:.2f}, {most:.2f} px |", flush=True)
    print(environment())


if __name__ == "__main__":
    main()
