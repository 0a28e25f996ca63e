"""How fast YOLO-NAS-S is on an NVIDIA GPU in every way to run it, and training; for a machine that is lent for minutes.

    python -m benchmarks.gpu [--json FILE] [--seconds 200] [--reference .venv-reference/bin/python]

**Prediction**, at 640x640, by random weights that find about a hundred things on made-up images of 640x480 in memory:

- *network*: the bare network in torch, pixels on the GPU already, to its raw output: fp32 (torch's own TF32), bf16,
  fp16, and fp16 by CUDA graphs; milliseconds at batch 1, images per second at batch 32.
- *predict*: ``NAS(...).predict`` from arrays to boxes, with torch, and with ONNX Runtime's CUDA and TensorRT where they
  are installed, in fp32 and fp16; and super-gradients' own ``predict``, in the environment of ``make reference``, where
  there is one that sees the GPU.

**Parity**: how many of the boxes that torch finds on the CPU in fp32 (score 0.3 and above) have their like, of the same
class, IoU 0.9 and above and a score that differs by 0.05 at most, among those that each way finds.

**Training**, mixed precision, 640x640, batches of 16 of made-up pictures, from random weights, no validation: images
per second of the second epoch, YOLO-NAS-N and -S beside Ultralytics' own nano on the same engine (``yolo11n.yaml``),
for which nothing is fetched.

Each part is left out, with the reason, when ``--seconds`` are over, or when it fails; TensorRT, which makes its engine
first, comes last. Times are medians, on the clock
of the CPU with the GPU waited for. Exits with 2 where torch sees no GPU, and with 1 where boxes differ. ``--rehearse``
goes through it on the CPU, as small as can be, to see that the program works: its figures mean nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.measuring import ROOT, environment, save
from tests.formats.source import weights as moderate_weights
from tests.support import synthetic

NO_GPU: Final = 2
WAYS: Final = (
    ("torch", "fp32", {}),
    ("torch", "fp16", {}),
    ("torch", "bf16", {}),
    ("torch", "fp16", {"compile": True}),
    ("cuda", "fp32", {}),
    ("cuda", "fp16", {}),
)
"""What ``predict`` runs on: runtime, precision, settings."""

LAST: Final = (("tensorrt", "fp16", {}),)
"""The same, of what may take minutes to begin."""

AGREE: Final = {"fp32": 0.95, "fp16": 0.95, "bf16": 0.7}
"""Of the CPU's boxes, so many have their like where a way computes as it should: fp32 with convolutions that round to
TF32, whose 10 bits are float16's too. bf16 has 7; on a CPU it was 0.84."""

Images = list[NDArray[np.uint8]]


class Work(NamedTuple):
    """How much there is to do, and where."""

    device: torch.device = torch.device("cuda", 0)
    side: int = 640
    batch: int = 32
    training_batch: int = 16
    pictures: int = 160
    rounds: int = 50
    warm_ups: int = 8  # a graph is made by the fourth

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


REHEARSAL: Final = Work(torch.device("cpu"), side=96, batch=4, training_batch=2, pictures=4, rounds=2, warm_ups=1)


def main() -> int:
    command = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    command.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    command.add_argument("--seconds", type=float, default=200, help="what begins after them is left out (default 200)")
    command.add_argument("--rehearse", action="store_true", help="see on the CPU that the program works")
    command.add_argument("--reference", type=Path, default=Path(".venv-reference/bin/python"), help="super-gradients'")
    args = command.parse_args()
    work = REHEARSAL if args.rehearse else Work()
    if not torch.cuda.is_available() and not args.rehearse:
        print(f"not run: torch {torch.__version__} sees no NVIDIA GPU here")
        return NO_GPU
    with tempfile.TemporaryDirectory() as name:
        os.environ["YOLONAS_WEIGHTS"] = str(Path(name) / "cache")
        bench = Bench(Path(name), args.seconds, work)
        for precision, graph in (("fp32", False), ("bf16", False), ("fp16", False), ("fp16", True)):
            way = f"{precision}, CUDA graph" if graph else precision
            bench.part("network", way, lambda p=precision, g=graph: bench.network(p, g))
        bench.ways(WAYS)
        for model in ("yolo_nas_n", "yolo_nas_s", "yolo11n.yaml"):
            bench.part("training", model, lambda m=model: training(m, Path(name), work))
        bench.part("predict", "super-gradients fp32", lambda: reference(args.reference, Path(name), work))
        bench.ways(LAST)
    figures = {**environment(), **about(work), **bench.figures, "not_run": bench.not_run}
    report(figures)
    print(json.dumps(figures))
    save(figures, args.json)
    return int(any(row["agree"] < AGREE[way.split()[1]] for way, row in figures["predict"].items() if "agree" in row))


class Bench:
    """What is measured, until the time is over.

    Args:
        folder: For weights, data and what runtimes keep.
        seconds: That it may take, before the last part begins.
        work: How much there is to do.
    """

    def __init__(self, folder: Path, seconds: float, work: Work) -> None:
        from yolonas_plugin import NAS

        self.folder, self.work = folder, work
        self.end = time.monotonic() + seconds
        self.figures: dict[str, dict[str, Any]] = {"network": {}, "predict": {}, "training": {}}
        self.not_run: dict[str, str] = {}
        network = synthetic.network("s")
        network.load_state_dict(moderate_weights(network.state_dict(), work.side))
        torch.save({"net": network.state_dict()}, folder / "yolo_nas_s_coco.pth")
        self.weights = folder / "own.safetensors"
        NAS(folder / "yolo_nas_s_coco.pth").save(self.weights)
        self.images = made_up(work.batch)
        self.settings = {"imgsz": work.side, "conf": 0.3, "verbose": False}
        self.expected = self.boxes(NAS(self.weights).predict(self.images[:4], device="cpu", **self.settings))

    def part(self, section: str, name: str, run: Callable[[], dict[str, Any]]) -> None:
        """Run a part, and keep its figures, or why there are none."""
        title = f"{section} {name}"
        if time.monotonic() > self.end:
            self.not_run[title] = "the time was over"
            return
        print(f"{title} ...", file=sys.stderr)
        try:
            found = run()
        except Exception as error:  # whatever a way fails with, the others are measured
            self.not_run[title] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        else:
            self.figures[section][name] = found

    def ways(self, ways: Sequence[tuple[str, str, dict[str, Any]]]) -> None:
        """Run ``predict`` in several ways."""
        for runtime, precision, settings in ways:
            way = " ".join([runtime, precision, *settings])
            self.part("predict", way, lambda r=runtime, p=precision, s=settings: self.predictions(r, p, s))

    def network(self, precision: str, graph: bool) -> dict[str, float]:
        """Return figures of the bare network in torch."""
        from yolonas_plugin import NAS
        from yolonas_plugin.export.graph import PixelNetwork
        from yolonas_plugin.nas.gpu import move
        from yolonas_plugin.nas.module import fused_copy
        from yolonas_plugin.nn.cuda_graphs import CudaRecorder, RecordedNetwork

        source: Any = NAS(self.weights).model
        work, device = self.work, self.work.device
        run: Any = move(PixelNetwork(fused_copy(source), source.processing), device, precision)
        if graph:  # of the large batch too, to see what it would gain there
            run = RecordedNetwork(run, CudaRecorder(device), most_pixels=work.batch * work.side**2)
        found: dict[str, float] = {}
        for batch in (1, work.batch):
            pixels = torch.randint(0, 256, (batch, work.side, work.side, 3), dtype=torch.uint8, device=device)
            pixels = pixels.permute(0, 3, 1, 2)
            with torch.inference_mode():
                found |= timed(lambda x=pixels: run(x), batch, work)
        return found

    def predictions(self, runtime: str, precision: str, settings: dict[str, Any]) -> dict[str, Any]:
        """Return figures of ``predict``, and how many boxes agree with the CPU's."""
        from yolonas_plugin import NAS

        model = NAS(self.weights, runtime=runtime, precision=precision)
        settings = {**self.settings, **({"device": self.work.device} if runtime == "torch" else {}), **settings}
        start = time.perf_counter()
        found = self.boxes(model.predict(self.images[:4], batch=1, **settings))
        row = {"first_s": round(time.perf_counter() - start, 2), "agree": agreement(found, self.expected)}
        for batch in (1, self.work.batch):
            images = self.images[:batch]
            row |= timed(lambda i=images, b=batch: model.predict(i, batch=b, **settings), batch, self.work)
        return row

    @staticmethod
    def boxes(results: list[Any]) -> list[NDArray[np.float32]]:
        return [result.boxes.data.float().cpu().numpy() for result in results]


def timed(run: Callable[[], object], batch: int, work: Work) -> dict[str, float]:
    """Return the median milliseconds of batch 1, or the images per second of a larger one."""
    times = []
    for _ in range(work.warm_ups):
        run()
    for _ in range(work.rounds if batch == 1 else -(-work.rounds // 5)):
        work.wait()
        start = time.perf_counter()
        run()
        work.wait()
        times.append(time.perf_counter() - start)
    return {"ms": round(median(times) * 1000, 3)} if batch == 1 else {"images_per_s": round(batch / median(times), 1)}


def made_up(count: int) -> Images:
    """Return images of a camera's 640x480, as smooth as photographs."""
    import cv2

    coarse = np.random.default_rng(0).integers(0, 256, (count, 60, 80, 3), dtype=np.uint8)
    return [cv2.resize(image, (640, 480), interpolation=cv2.INTER_CUBIC) for image in coarse]


def agreement(found: list[NDArray[np.float32]], expected: list[NDArray[np.float32]]) -> float:
    """Return what part of the expected rows, box, score and class, has its like among those found."""
    alike = total = 0
    for mine, theirs in zip(found, expected, strict=True):
        total += len(theirs)
        for row in theirs:
            low, high = np.maximum(mine[:, :2], row[:2]), np.minimum(mine[:, 2:4], row[2:4])
            common = np.clip(high - low, 0, None).prod(axis=1)
            areas = (mine[:, 2:4] - mine[:, :2]).prod(axis=1) + (row[2:4] - row[:2]).prod()
            near = (common / (areas - common) >= 0.9) & (abs(mine[:, 4] - row[4]) <= 0.05) & (mine[:, 5] == row[5])
            alike += bool(near.any())
    return round(alike / max(total, 1), 4)


def training(name: str, folder: Path, work: Work) -> dict[str, float]:
    """Return the images per second, and the GPU's memory, of the second epoch of a training."""
    from yolonas_plugin import NAS  # before the engine, which it silences
    from yolonas_plugin.engine import quiet as silent
    from yolonas_plugin.engine import session

    # isort: split
    from ultralytics import YOLO

    model: Any = YOLO(name) if name.endswith(".yaml") else NAS(name, pretrained=False)
    times: list[float] = []
    model.add_callback("on_train_epoch_start", lambda trainer: times.append(-time.perf_counter()))
    model.add_callback("on_train_epoch_end", lambda trainer: times.append(times.pop() + time.perf_counter()))
    on_gpu = work.device.type == "cuda"
    if on_gpu:
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    size = {"imgsz": work.side, "batch": work.training_batch, "nbs": work.training_batch, "epochs": 2}
    where = {"data": str(pictures(folder, work)), "project": str(folder), "name": Path(name).stem, "close_mosaic": 0}
    where |= {"device": 0, "workers": 8} if on_gpu else {"device": "cpu", "workers": 0}
    quiet = {"val": False, "plots": False, "verbose": False, "cache": "ram", "save": False}
    with session(), silent(), contextlib.redirect_stdout(sys.stderr), trial_of_mixed_precision_left_out():
        model.train(**size, **where, **quiet, amp=on_gpu)
    return {
        "images_per_s": round(work.pictures / times[1], 1),
        "peak_mb": round(torch.cuda.max_memory_allocated() / 1e6) if on_gpu else 0,
    }


@contextlib.contextmanager
def trial_of_mixed_precision_left_out() -> Iterator[None]:
    """Let the engine compute in mixed precision without the network that it would fetch to try it on."""
    from ultralytics.engine import trainer

    before = trainer.check_amp
    trainer.check_amp = lambda model: True
    try:
        yield
    finally:
        trainer.check_amp = before


def pictures(folder: Path, work: Work) -> Path:
    """Draw the data set of the trainings, once; return its data.yaml."""
    import cv2

    from tests.support.shapes import draw, write_shapes

    data = folder / "shapes" / "shapes.yaml"
    if not data.exists():
        write_shapes(folder / "shapes", train=work.pictures, val=2)
        for path in (folder / "shapes" / "images" / "train").iterdir():
            image, _ = draw(int(path.stem))
            cv2.imwrite(str(path), cv2.resize(image, (work.side, work.side)))
    return data


def reference(python: Path, folder: Path, work: Work) -> dict[str, Any]:
    """Return figures of super-gradients' own ``predict``, of the same weights, in its own environment."""
    if not python.exists():
        raise FileNotFoundError(f"there is no {python}: make reference makes it")
    np.save(folder / "images.npy", np.stack(made_up(work.batch)))
    done = subprocess.run(
        [python, "-c", _REFERENCE, str(folder), str(work.batch)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no reason given"])[-1])
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


_REFERENCE: Final = """
import json, os, sys, time
os.environ.update(CRASH_HANDLER="FALSE", CONSOLE_LOG_LEVEL="ERROR")
from statistics import median
import numpy as np, torch
from super_gradients.training import models
from super_gradients.training.processing.processing import get_pretrained_processing_params
assert torch.cuda.is_available(), f"torch {torch.__version__} of this environment sees no GPU"
folder, batch = sys.argv[1], int(sys.argv[2])
model = models.get("yolo_nas_s", num_classes=80, checkpoint_path=f"{folder}/yolo_nas_s_coco.pth").eval().cuda()
model.set_dataset_processing_params(**get_pretrained_processing_params("yolo_nas_s", "coco"))
images = [image[..., ::-1].copy() for image in np.load(f"{folder}/images.npy")]
row = {}
for count, rounds in ((1, 20), (batch, 5)):
    times = []
    for turn in range(rounds + 3):
        torch.cuda.synchronize(); start = time.perf_counter()
        model.predict(images[0] if count == 1 else images, batch_size=count)
        torch.cuda.synchronize(); times.append(time.perf_counter() - start)
    middle = median(times[3:])
    row |= {"ms": round(middle * 1000, 3)} if count == 1 else {"images_per_s": round(count / middle, 1)}
print(json.dumps(row))
"""


def about(work: Work) -> dict[str, Any]:
    """Say what the figures are from."""
    return {
        "gpu": torch.cuda.get_device_name(0) if work.device.type == "cuda" else "no GPU, a rehearsal",
        "batch": work.batch,
        "training_batch": work.training_batch,
        "torch": torch.__version__,
        "cuda": str(torch.version.cuda),
        "cudnn": str(torch.backends.cudnn.version()),
        "date": time.strftime("%Y-%m-%d"),
    }


def report(figures: dict[str, Any]) -> None:
    said = ", ".join(f"{name} {figures[name]}" for name in ("gpu", "torch", "cuda", "cudnn", "date"))
    print(f"{said}\n\n| | batch 1, ms | images/s | agree | first, s | peak MB |\n|---|---|---|---|---|---|")
    for section in ("network", "predict", "training"):
        for name, row in figures[section].items():
            cells = [str(row.get(key, "")) for key in ("ms", "images_per_s", "agree", "first_s", "peak_mb")]
            print(f"| {section}, {name} | {' | '.join(cells)} |")
    print(f"\nimages/s at batch {figures['batch']}, of training at {figures['training_batch']}")
    for name, reason in figures["not_run"].items():
        print(f"not run: {name}: {reason}")


if __name__ == "__main__":
    sys.exit(main())
