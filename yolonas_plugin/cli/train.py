"""``train``: train a model on a data set."""

from __future__ import annotations

import argparse
import ast
from pathlib import Path
from typing import IO, Any

from yolonas_plugin.cli.arguments import add_imgsz, add_model_command, given, load_model, number, output_settings
from yolonas_plugin.cli.output import print_json
from yolonas_plugin.errors import TrainingError
from yolonas_plugin.tasks import TASKS


def register(commands: Any) -> None:
    """Add ``train``."""
    command = add_model_command(commands, "train", _train, "train a model on a data set")
    command.add_argument("--scratch", action="store_true", help="begin with random weights of the model that is named")
    command.add_argument("--data", help="the data set (needed, to resume too)")
    command.add_argument(
        "--task", choices=sorted(TASKS), help="make a network for another task than that of the weights it begins with"
    )
    command.add_argument(
        "--epochs", type=number("epochs"), metavar="N", help="times that every image is seen (default: 100)"
    )
    command.add_argument("--batch", type=int, help="images at a time (default: 16)")
    add_imgsz(command)
    command.add_argument("--device", help="cpu, 0, 0,1,2,3, mps, ...")
    command.add_argument("--freeze", type=int, help="parts of the network that stay as they are, from the image on")
    command.add_argument("--resume", action="store_true", help="go on with the training whose last.pt --weights names")
    command.add_argument("--licence", help="licence of the trained weights, which their files then say")
    command.add_argument("--output", help="folder for the results (default: a new one, runs/train*)")
    command.add_argument(
        "--set", nargs="+", default=[], metavar="NAME=VALUE", help="any other setting of the engine, as for yolo train"
    )


def _train(args: argparse.Namespace, out: IO[str]) -> int:
    if args.resume and (refused := [f"--{name}" for name in given(args, "scratch", "output", "licence", "task")]):
        raise TrainingError(
            f"{' and '.join(refused)} would change nothing: --resume goes on in the training's own folder"
        )
    if not args.data and not args.resume:  # what is resumed is told what its file names
        raise TrainingError("there is nothing to train on: --data names the data set")
    settings = given(args, "data", "task", "epochs", "batch", "imgsz", "device", "freeze", "resume", "licence")
    settings |= dict(map(_setting, args.set))
    if not args.resume:
        settings |= output_settings(args.output, "train")
    model = load_model(args, **({"pretrained": False} if args.scratch else {}))
    metrics = model.train(**settings)
    folder = Path(model.ckpt_path).parent
    results = {name: float(value) for name, value in metrics.results_dict.items()}
    if args.json:
        print_json({"weights": model.ckpt_path, "results": str(folder.parent), "metrics": results}, out)
        return 0
    print(f"mAP50 {metrics.box.map50:.4f}, mAP50-95 {metrics.box.map:.4f} on the validation images", file=out)
    if TASKS[model.task].has_keypoints:
        print(f"of keypoints: mAP50 {metrics.pose.map50:.4f}, mAP50-95 {metrics.pose.map:.4f}", file=out)
    print(f"weights: {model.ckpt_path}, and best.safetensors beside it", file=out)
    print(f"results: {folder.parent}", file=out)
    return 0


def _setting(text: str) -> tuple[str, Any]:
    """Split ``name=value``; the value is a number, a list, true, false or none, or else text, as for ``yolo train``."""
    name, equals, value = text.partition("=")
    if not equals:
        raise TrainingError(f"--set {text}: a setting is NAME=VALUE, such as lr0=0.001")
    words = {"true": True, "false": False, "none": None}
    if value.lower() in words:
        return name, words[value.lower()]
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value
