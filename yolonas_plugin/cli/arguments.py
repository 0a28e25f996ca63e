"""Arguments that several commands share, and the model that they name."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from yolonas_plugin.zoo import ModelZoo


def add_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace, IO[str]], int], text: str
) -> argparse.ArgumentParser:
    """Add a command that is run as ``run(arguments, output) -> exit code``, with ``--json``."""
    command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)
    return command


def add_model_command(
    commands: Any,
    name: str,
    run: Callable[[argparse.Namespace, IO[str]], int],
    text: str,
    weights: str | None = "yolo_nas_s",
) -> argparse.ArgumentParser:
    """Add a command that works on a model, with the arguments that say which; ``weights`` is the default."""
    command = add_command(commands, name, run, text)
    default = "" if weights is None else " (default: %(default)s)"
    command.add_argument("--weights", default=weights, help=f"weight file or model name{default}")
    command.add_argument(
        "--processing", help="how images are prepared, if the file doesn't say: coco or super-gradients"
    )
    command.add_argument("--names", nargs="+", help="class names, if the file has none")
    command.add_argument("--backend", help="whose network runs: native or super-gradients (default: native)")
    add_licence(command)
    return command


def add_licence(command: argparse.ArgumentParser) -> None:
    """Add ``--accept-licence``."""
    text = "accept the licence of published weights, if they are downloaded now"
    command.add_argument("--accept-licence", action="store_true", help=text)


def add_selection(command: argparse.ArgumentParser) -> None:
    """Add the settings of detection."""
    command.add_argument("--conf", type=_fraction, help="lowest score, 0 to 1")
    command.add_argument("--iou", type=_fraction, help="highest overlap of two boxes of a class, 0 to 1")
    command.add_argument("--imgsz", type=int, nargs="+", help="input size in pixels: one side, or height and width")
    command.add_argument("--max-det", type=int, help="most boxes for an image")
    command.add_argument("--batch", type=int, help="images at a time")
    command.add_argument("--device", help="cpu, 0, cuda:1, mps, ...")


def add_runtime(command: argparse.ArgumentParser) -> None:
    """Add by what the network is run."""
    command.add_argument(
        "--runtime",
        choices=("torch", "openvino", "onnxruntime", "auto"),
        help="what runs the network; auto is the fastest that is installed (default: torch, or what opens the file)",
    )
    command.add_argument("--precision", choices=("fp32", "bf16", "int8"), help="of the arithmetic (default: fp32)")
    command.add_argument("--calibration", help="for int8: images like those to come, a folder or glob, 100 or more")


def output_settings(output: str | None, name: str) -> dict[str, Any]:
    """Where the engine saves its files: a new folder ``runs/name*``, or what the user names."""
    if output is None:
        return {"project": str(Path("runs").absolute()), "name": name}
    folder = Path(output).expanduser().absolute()
    return {"project": str(folder.parent), "name": folder.name}


def load_model(args: argparse.Namespace, **options: Any) -> Any:
    """Load the model that the arguments name, through the zoo."""
    options |= given(args, "processing", "names", "backend")
    return ModelZoo.discover().load(args.weights, provider="yolo_nas", accept_licence=args.accept_licence, **options)


def load_on_runtime(args: argparse.Namespace, **options: Any) -> tuple[Any, str]:
    """Load the model that the arguments name for the runtime that they name, and tell which runtime that is."""
    model = load_model(args, **given(args, "runtime", "precision", "calibration"), **options)
    name: str = (model.model if hasattr(model, "model") else model).runtime.name
    if args.runtime == "auto":
        print(f"yolonas-plugin: runtime: {name}", file=sys.stderr)
    return model, name


def given(args: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Return the settings that the user gave; the others stay the checkpoint's."""
    values = {name: getattr(args, name) for name in names}
    settings = {name: value for name, value in values.items() if value is not None and value is not False}
    match settings.get("imgsz"):
        case [side]:
            settings["imgsz"] = side
    return settings


def _fraction(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value
