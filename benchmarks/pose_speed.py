"""How fast YOLO-NAS-POSE is in the ways to run it, from an image's file to its persons, on this machine's CPU.

    python -m benchmarks.pose_speed [--sizes n s] [--rounds 30] [--json FILE] [--only NAME ...]

This package on each runtime, super-gradients' own ``predict`` in the environment of ``make reference``, and LibreYOLO
in that of ``make formats``; the same synthetic weights and images for all, 640x640, one at a time, in turns, as in
:mod:`benchmarks.speed`.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import torch

from benchmarks.contestants import CALIBRATION, GRAPH, OWN, POSE_CONTESTANTS
from benchmarks.measuring import environment, noise, parser, save, spread
from benchmarks.speed import one_round
from benchmarks.workers import interpreters, start, write_images
from tests.support import synthetic
from yolonas_plugin.info import ModelInfo
from yolonas_plugin.nas.inference import write_graph
from yolonas_plugin.nas.module import NASModule
from yolonas_plugin.nn import Size
from yolonas_plugin.processing import POSE
from yolonas_plugin.skeleton import COCO_PERSON
from yolonas_plugin.weights.write import write_safetensors


def main() -> None:
    command = parser(__doc__, rounds=30)
    command.add_argument("--sizes", nargs="+", choices=("n", "s", "m", "l"), default=["n", "s"])
    names = list(POSE_CONTESTANTS)
    command.add_argument("--only", nargs="+", choices=names, default=names, help="(default: all)")
    for name in ("reference", "peers"):
        path = Path(f".venv-{name}/bin/python")
        command.add_argument(f"--{name}", type=Path, default=path, help="its interpreter (default %(default)s)")
    args = command.parse_args()
    figures = {**environment(), "rounds": args.rounds, "sizes": {}}
    for size in args.sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            images = prepare(folder, size)
            workers, not_run = start(args.only, interpreters(args.reference, args.peers), folder, images[0])
            try:
                rounds = [one_round(workers, images[number % len(images)]) for number in range(args.rounds)]
            finally:
                for worker in workers.values():
                    worker.close()
        times = {name: [answers[name]["seconds"] * 1000 for answers in rounds] for name in workers}
        rows = {name: {**spread(found), "noise": round(noise(found), 3)} for name, found in times.items()}
        figures["sizes"][size] = {"milliseconds": rows, "not_run": not_run}
        print(f"\n{figures['cpu']}\nyolo_nas_pose_{size:<8}{'median ms':>11}{'min ms':>9}{'noise':>8}")
        for name, row in sorted(rows.items(), key=lambda item: item[1]["median"]):
            print(f"{name:<22}{row['median']:>11.1f}{row['min']:>9.1f}{row['noise']:>8.1%}")
        for name, reason in not_run.items():
            print(f"{name:<22}not run: {reason}")
    save(figures, args.json)


def prepare(folder: Path, size: Size) -> list[Path]:
    """Write the same weights for all, and images, which are returned."""
    os.environ["YOLONAS_WEIGHTS"] = str(folder / "cache")
    network = synthetic.pose_network(size)
    torch.save({"net": network.state_dict()}, folder / f"yolo_nas_pose_{size}.pth")
    info = ModelInfo(names=("person",), processing=POSE, size=size, task="pose", skeleton=COCO_PERSON)
    module = NASModule(info, network.parts).eval()
    write_safetensors(folder / OWN, module.state_dict(), module.current_info())
    write_graph(module, folder / GRAPH)
    write_images(folder / CALIBRATION, 16)
    return write_images(folder / "images", 20)


if __name__ == "__main__":
    main()
