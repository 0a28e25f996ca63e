"""The engine's other formats: is each written, and does its own runtime give the network's boxes and scores?

    pip install MNN ncnn pnnx coremltools
    python -m benchmarks.exports [torchscript ncnn mnn coreml]

The weights are super-gradients' in ../shared, the input is an image of BCCD. CoreML is run by macOS alone; elsewhere it
is only written.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tests.support.shared import CHECKPOINT, bccd_images
from yolonas_plugin import NAS
from yolonas_plugin.images import read_image

Run = Callable[[str, NDArray[np.float32]], NDArray[np.float32]]
"""From the path of an export and prepared images [1, 3, H, W] to its output [1, 4 + C, A]."""


def torchscript(path: str, images: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.no_grad():
        return torch.jit.load(path)(torch.from_numpy(images)).numpy()


def ncnn(path: str, images: NDArray[np.float32]) -> NDArray[np.float32]:
    import ncnn

    network = ncnn.Net()
    network.load_param(f"{path}/model.ncnn.param")
    network.load_model(f"{path}/model.ncnn.bin")
    with network.create_extractor() as extractor:
        extractor.input(network.input_names()[0], ncnn.Mat(images[0]))
        return np.array(extractor.extract(network.output_names()[0])[1])[None]


def mnn(path: str, images: NDArray[np.float32]) -> NDArray[np.float32]:
    import MNN

    manager = MNN.nn.create_runtime_manager(({"precision": "high", "backend": "CPU"},))
    network = MNN.nn.load_module_from_file(path, [], [], runtime_manager=manager, rearrange=True)
    (output,) = network.onForward([MNN.expr.const(images.ctypes.data, images.shape)])
    return output.read().copy()


FORMATS: dict[str, tuple[str, Run | None]] = {
    "torchscript": ("torch", torchscript),
    "ncnn": ("ncnn", ncnn),
    "mnn": ("MNN", mnn),
    "coreml": ("coremltools", None),
}
"""The package that runs, or for CoreML writes, the format."""


def main() -> None:
    model = NAS(CHECKPOINT)
    spec = model.processing
    image = read_image(str(bccd_images()[0]))
    canvas, _ = spec.letterbox(np.ascontiguousarray(image[..., ::-1]))  # RGB
    images = spec.normalise(torch.from_numpy(canvas).permute(2, 0, 1)[None]).contiguous()
    with torch.no_grad():
        expected = model.model(images).numpy()
    for name in sys.argv[1:] or FORMATS:
        package, run = FORMATS[name]
        with tempfile.TemporaryDirectory() as folder:
            path = model.export(format=name, output=folder, imgsz=list(spec.size))
            print(f"\n{name}, {package} {version(package)}: {Path(path).name} is written", flush=True)
            if run is not None:
                difference = np.abs(run(path, images.numpy()) - expected)[0]
                print(f"{name}: boxes within {difference[:4].max():.5f} px, scores within {difference[4:].max():.1e}")


if __name__ == "__main__":
    main()
