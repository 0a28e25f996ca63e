"""What loading costs, from each format, and what it takes from the start of a process to the first boxes.

    python -m benchmarks.loading [--rounds 7] [--json FILE]

The files hold a YOLO-NAS S of 80 classes, with synthetic weights, as each writer writes it; the whole module is a
pickle that super-gradients itself wrote. Everything runs in new processes, interleaved so that a busy
machine disturbs all of them alike; a ratio is the median of the rounds' ratios. The files are in the disk cache.

**Loading.** ``NAS(path)`` against ``torch.load`` (or safetensors' ``load_file``) of the same file, ``yolo_nas_s()``
and ``load_state_dict``; both after their imports. ``torch.load`` has ``weights_only=False``, which is faster. Where a
file holds a pickled network (the whole module, which only super-gradients can unpickle, and our .pt), the baseline
loads the same weights as a plain state dict. Memory is the peak above that after the imports, pages of a mapped file
included, over the bytes of the weights.

**First boxes.** A process that does ``NAS(path).predict(image)``, from its start until it has the boxes, against one
that imports torch and ultralytics, from its start until that is done, plus one forward pass of the fused network in the
same process. Making that network, reading the image, preparing it, and selecting boxes are not in the baseline. The
command line is measured until it prints its table.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from safetensors.torch import save_file

from benchmarks.measuring import ROOT, arguments, environment, run, run_timed, save, spread, verdict
from tests import golden
from tests.support import synthetic
from tests.support.checkpoints import PARAMS, libreyolo, lightning, training_checkpoint
from tests.support.hostile_weights import torch_zip
from yolonas_plugin import NAS
from yolonas_plugin.cards import COCO_CLASSES
from yolonas_plugin.weights.unpickle import Unpickler

GOAL_LOADING = 1.3
GOAL_MEMORY = 2.5
GOAL_FIRST_BOXES = 1.2
CONF = 0.9
"""Synthetic weights see objects everywhere; above this score there are as many as in a busy street."""

StateDict = dict[str, torch.Tensor]


class Format(NamedTuple):
    """A kind of file: how it is written, and what the baseline does with it to get ``network``."""

    name: str
    file: str
    write: Callable[[StateDict, Path], None]
    baseline: str


def from_torch(state_dict: str, file: str = "path") -> str:
    return f"content = torch.load({file}, weights_only=False)\n{build(f'content{state_dict}')}"


def build(state_dict: str) -> str:
    return f"network = yolo_nas_s(80)\nnetwork.load_state_dict({state_dict})\nnetwork.eval()"


PLAIN = from_torch("", file="path.with_name('plain.pth')")


def write_training_checkpoint(weights: StateDict, path: Path) -> None:
    """Both sets of weights, the processing, and an optimiser with two moments of each parameter."""
    params = PARAMS | {"class_names": list(COCO_CLASSES)}
    moments = {i: {"exp_avg": t / 10, "exp_avg_sq": t / 100} for i, t in enumerate(weights.values())}
    torch.save(training_checkpoint(weights, processing_params=params, optimizer_state_dict={"state": moments}), path)


def write_module(weights: StateDict, path: Path) -> None:
    """Pack super-gradients' own pickle of a module with ``weights``."""
    skeleton = golden.load_arrays("module")
    program = skeleton["program"].tobytes()
    names = dict(zip(map(str, skeleton["keys"]), sorted(weights), strict=True))
    content = {}
    for reference in Unpickler(program).persistent:
        _, kind, key, _, length = reference.id
        dtype = np.int64 if kind.name == "torch.LongStorage" else np.float32
        values = weights[names[key]].numpy().ravel() if key in names else np.zeros(length)
        content[key] = values.astype(dtype).tobytes()
    torch_zip(path, program, content)


def write_legacy(weights: StateDict, path: Path) -> None:
    torch.save(weights, path, _use_new_zipfile_serialization=False)


def write_own(weights: StateDict, path: Path) -> None:
    save_file(weights, path.with_name("plain.safetensors"))
    NAS(path.with_name("plain.safetensors")).save(path)


FORMATS = (
    Format("super-gradients training", "ckpt_best.pth", write_training_checkpoint, from_torch("['ema_net']")),
    Format(
        "official COCO .pth",
        "yolo_nas_s_coco.pth",
        lambda weights, path: torch.save({"net": weights}, path),
        from_torch("['net']"),
    ),
    Format("whole pickled module", "yolo_nas_s.pt", write_module, PLAIN),
    Format("legacy torch pickle", "legacy.pth", write_legacy, from_torch("")),
    Format("plain state dict", "plain.pth", torch.save, from_torch("")),
    Format("safetensors", "plain.safetensors", save_file, build("load_file(path)")),
    Format(
        "Lightning .ckpt",
        "last.ckpt",
        lambda weights, path: torch.save(lightning(weights, input_size=640), path),
        from_torch("['ema_state_dict']"),
    ),
    Format(
        "LibreYOLO .pt",
        "libreyolo.pt",
        lambda weights, path: torch.save(libreyolo(weights, names=dict(enumerate(COCO_CLASSES)), imgsz=640), path),
        from_torch("['model']"),
    ),
    Format("our .safetensors", "own.safetensors", write_own, build("load_file(path)")),
    Format("our .pt", "own.pt", write_own, PLAIN),
)

IMPORTS = {
    "ours": "from yolonas_plugin import NAS",
    "baseline": "import torch\nfrom safetensors.torch import load_file\nfrom yolonas_plugin.nn import yolo_nas_s",
}
LOAD = """
import sys
from pathlib import Path
from benchmarks.measuring import Watch
{imports}
path = Path(sys.argv[1])
with Watch() as watch:
{load}
print(watch.seconds, watch.peak)
"""
FIRST_BOXES = """
import sys
from yolonas_plugin import NAS
(result,) = NAS(sys.argv[1]).predict(sys.argv[2], conf=float(sys.argv[3]), verbose=False)
assert len(result.boxes), "no boxes"
print(flush=True)
"""
COMMAND_LINE = """
import sys
from yolonas_plugin.cli import main
code = main(["predict", "--weights", sys.argv[1], "--source", sys.argv[2], "--conf", sys.argv[3], "--no-save"])
sys.stdout.flush()
sys.exit(code)
"""
ENGINE_ALONE = """
import time
import torch, ultralytics
print(flush=True)
from yolonas_plugin.nn import yolo_nas_s
network = yolo_nas_s().eval().fuse().to(memory_format=torch.channels_last)
images = torch.rand(1, 3, 640, 640)
start = time.perf_counter()
with torch.inference_mode():
    network(images)
print(time.perf_counter() - start)
"""


def main() -> None:
    args = arguments(__doc__, rounds=7)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = dict(synthetic.network("s").state_dict())
        for kind in FORMATS:
            kind.write(weights, folder / kind.file)
        pixels = synthetic.batch(480, 640)[0].permute(1, 2, 0).mul(255).byte().numpy()
        cv2.imwrite(str(folder / "image.png"), pixels)
        rounds = [one_round(folder) for _ in range(args.rounds + 1)][1:]  # the first only warms the disk cache
    figures = summarise(rounds, sum(tensor.nbytes for tensor in weights.values()))
    report(figures, args.rounds)
    save(figures, args.json)


def one_round(folder: Path) -> dict[str, Any]:
    """Measure everything once: seconds and peak bytes of loading, seconds to the first boxes."""
    figures: dict[str, Any] = {kind.name: load_both(kind, folder) for kind in FORMATS}
    args = (folder / "own.safetensors", folder / "image.png", str(CONF))
    for name, code in (("baseline", ENGINE_ALONE), ("NAS", FIRST_BOXES), ("command line", COMMAND_LINE)):
        printed, seconds = run_timed(code, *args, path=[ROOT])
        figures[name] = seconds + float(printed) if name == "baseline" else seconds
    return figures


def load_both(kind: Format, folder: Path) -> dict[str, tuple[float, float]]:
    """Seconds and peak bytes of loading a file in our way and in the baseline's."""
    measured = {}
    for name, code in (("ours", "model = NAS(path)"), ("baseline", kind.baseline)):
        load = "\n".join(f"    {line}" for line in code.splitlines())
        answer = run(LOAD.format(imports=IMPORTS[name], load=load), folder / kind.file, path=[ROOT])
        seconds, peak = map(float, answer.split())
        measured[name] = seconds, peak
    return measured


def summarise(rounds: list[dict[str, Any]], weights: int) -> dict[str, Any]:
    def loading(name: str) -> dict[str, Any]:
        ours, baseline = ([figures[name][who] for figures in rounds] for who in ("ours", "baseline"))
        return {
            "ours_ms": spread([seconds * 1000 for seconds, _ in ours], 1),
            "baseline_ms": spread([seconds * 1000 for seconds, _ in baseline], 1),
            "ratio": round(median(a / b for (a, _), (b, _) in zip(ours, baseline, strict=True)), 3),
            "memory": round(median(peak for _, peak in ours) / weights, 2),
            "baseline_memory": round(median(peak for _, peak in baseline) / weights, 2),
        }

    def first_boxes(name: str) -> dict[str, Any]:
        return {
            **spread([figures[name] for figures in rounds]),
            "ratio": round(median(figures[name] / figures["baseline"] for figures in rounds), 3),
        }

    return {
        **environment(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "weights_mb": round(weights / 1e6, 1),
        "loading": {kind.name: loading(kind.name) for kind in FORMATS},
        "first_boxes_s": {name: first_boxes(name) for name in ("baseline", "NAS", "command line")},
        "goals": {"loading": GOAL_LOADING, "memory": GOAL_MEMORY, "first_boxes": GOAL_FIRST_BOXES},
    }


def report(figures: dict[str, Any], rounds: int) -> None:
    print(f"Python {figures['python']}, torch {figures['torch']}, {figures['machine']}, {rounds} rounds\n")
    print(f"loading a YOLO-NAS S, {figures['weights_mb']} MB of weights; milliseconds, median (minimum)")
    print(f"{'format':<26}{'ours':>14}{'torch + build':>16}{'ratio':>8}{'':8}{'memory':>8}{'':8}{'theirs':>8}")
    for name, row in figures["loading"].items():
        ours, baseline = (f"{row[who]['median']:.0f} ({row[who]['min']:.0f})" for who in ("ours_ms", "baseline_ms"))
        print(
            f"{name:<26}{ours:>14}{baseline:>16}{row['ratio']:>8.2f}{verdict(row['ratio'], GOAL_LOADING):>8}"
            f"{row['memory']:>8.2f}{verdict(row['memory'], GOAL_MEMORY):>8}{row['baseline_memory']:>8.2f}"
        )
    print(f"goals: at most {GOAL_LOADING} times the baseline, {GOAL_MEMORY} times the weights\n")
    print("from the start of a process to its first boxes; seconds, median (minimum)")
    for name, row in figures["first_boxes_s"].items():
        met = "" if name == "baseline" else f"  {verdict(row['ratio'], GOAL_FIRST_BOXES)}"
        print(f"{name:<26}{row['median']:.2f} ({row['min']:.2f}){row['ratio']:>8.2f}{met}")
    print(f"goal: at most {GOAL_FIRST_BOXES} times the baseline")


if __name__ == "__main__":
    main()
