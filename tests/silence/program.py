"""What people do with the package, one thing after the other. Arguments: a folder, and ``all``."""

import os
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

FOLDER = Path(sys.argv[1])
ALL = sys.argv[2:] == ["all"]


def step(name):
    with open(os.environ["CALLS"], "a") as calls:
        calls.write(f"-- {name}\n")


def modules():
    import yolonas_plugin

    for module in pkgutil.walk_packages(yolonas_plugin.__path__, "yolonas_plugin."):
        if not module.name.startswith(("yolonas_plugin.hosts.", "model_zoo_api.testing")):  # other programs, pytest
            yield module.name


step("import of every module")
for name in modules():
    if not name.endswith("__main__"):
        import_module(name)

import numpy as np  # noqa: E402

from tests.support.shapes import write_shapes  # noqa: E402
from yolonas_plugin import NAS, ModelZoo  # noqa: E402
from yolonas_plugin.cli import main  # noqa: E402

image = np.zeros((64, 64, 3), np.uint8)
small = {"imgsz": 64, "verbose": False}
data = write_shapes(FOLDER / "shapes", train=2, val=2)
pictures = FOLDER / "shapes" / "images" / "val"
common = {"data": str(data), "imgsz": 64, "batch": 2, "workers": 0, "project": str(FOLDER), "plots": True}
best = "yolo_nas_n_layout"
data.write_text(data.read_text().replace("disc", "title").replace("ring", "text").replace("cross", "table"))

if ALL:
    step("train")
    NAS("yolo_nas_n", pretrained=False).train(**common, epochs=1, nbs=2, device="cpu", verbose=False, name="train")
    best = str(FOLDER / "train" / "weights" / "best.pt")

step("val")
NAS(best).val(**common, name="val", verbose=False)

step("predict, save and plot")
model = NAS(best, names=["größe", "猫", *map(str, range(len(NAS(best).names) - 2))])
saved = {"save": True, "project": str(FOLDER), "name": "predict"}
(result, *_) = model.predict(str(pictures), **small, conf=0.0, max_det=2, **saved)
result.plot(pil=True)
result.save(str(FOLDER / "result.png"))

for runtime in ("onnxruntime", "openvino"):
    step(runtime)
    NAS(best, runtime=runtime).predict(image, **small)
    ModelZoo.discover().predictor(best, provider="yolo_nas", lean=True, load={"runtime": runtime})(image)

step("the command line")
commands = [["list"], ["show", "yolo_nas_s"], ["doctor"], ["check-data", str(data)]]
commands += [
    ["predict", "--weights", best, "--source", str(pictures), "--imgsz", "64", "--output", str(FOLDER / "cli")]
]
for arguments in commands:
    main(arguments)

if ALL:
    step("track")
    model.track(str(pictures), **small, conf=0.1)
    step("int8")
    NAS(best, runtime="openvino", precision="int8", calibration=[image]).predict(image, **small)
    for form in ("onnx", "openvino", "torchscript"):
        step(f"export to {form}")
        NAS(best).export(format=form, imgsz=64, output=str(FOLDER / form))
    step("the command line, in processes of its own")
    for arguments in commands:
        subprocess.run([sys.executable, "-m", "yolonas_plugin.cli", *arguments], check=True, capture_output=True)
    step("a worker process")
    subprocess.run([sys.executable, "-c", "from yolonas_plugin.runtimes import openvino, onnxruntime"], check=True)
step("end")
