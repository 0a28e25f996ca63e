"""``export`` and ``convert``: write the model in another format."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import IO, Any

from yolonas_plugin.cli.arguments import add_imgsz, add_model_command, given, load_model, number
from yolonas_plugin.cli.output import print_json
from yolonas_plugin.cli.progress import working


def register(commands: Any) -> None:
    """Add ``export`` and ``convert``."""
    command = add_model_command(commands, "export", _export, "write the model in another format")
    command.add_argument("--format", default="onnx", help="onnx, openvino, triton, frigate, ... (default: %(default)s)")
    command.add_argument(
        "--output",
        help="folder to write to (default: that of the weights); for triton the model repository, for frigate its "
        "model_cache",
    )
    command.add_argument("--name", help="of the model's folder (default: that of the weight file); triton and frigate")
    add_imgsz(command)
    command.add_argument(
        "--batch", type=number("batch"), metavar="N", help="images at a time (default: 1; for triton at most: 8)"
    )
    command.add_argument("--dynamic", action="store_true", help="leave batch, height and width free")
    command.add_argument("--opset", type=int, help="ONNX operator set")
    command.add_argument("--takes", help="prepared images (default), or pixels as OpenCV reads them; ONNX and OpenVINO")
    command.add_argument(
        "--gives", help="engine (default), pair, flat, batch or frigate, see docs/export.md; ONNX and OpenVINO"
    )
    command.add_argument("--overwrite", action="store_true", help="replace an export that is there")

    command = add_model_command(
        commands, "convert", _convert, "write the weights, and all that is needed to use them, into one file"
    )
    command.add_argument(
        "--output",
        required=True,
        type=_weight_file,
        help="file to write: .safetensors, or .pt, which stock Ultralytics opens too",
    )
    command.add_argument("--licence", help="licence of the weights, if the file doesn't say")
    command.add_argument("--training-data", help="what they were trained on, if the file doesn't say")
    command.add_argument("--half", action="store_true", help="kernels in half precision: a third of the size")
    command.add_argument("--overwrite", action="store_true", help="replace a file that is there")


def _export(args: argparse.Namespace, out: IO[str]) -> int:
    settings = given(args, "name", "imgsz", "batch", "dynamic", "opset", "takes", "gives", "overwrite")
    model = load_model(args)
    with working(f"export to {args.format}"):
        path = model.export(format=args.format, output=args.output, **settings)
    if args.json:
        print_json({"path": path, "format": args.format}, out)
    else:
        print(path, file=out)
        if args.format.lower() == "frigate":  # beside the answer, which is the path
            print((Path(path) / "config.yml").read_text(encoding="utf-8"), end="", file=sys.stderr)
    return 0


def _convert(args: argparse.Namespace, out: IO[str]) -> int:
    model = load_model(args)
    provenance = {"licence": args.licence, "training_data": args.training_data}
    path = model.save(args.output, **provenance, half=args.half, overwrite=args.overwrite)
    if args.json:
        from yolonas_plugin.weights import read_checkpoint

        found = read_checkpoint(path)
        answer = {"size": found.size, "classes": found.class_names, "licence": found.licence}
        if found.skeleton is not None:
            answer["keypoints"] = found.skeleton.names
        print_json({"path": path, **answer, "training_data": found.training_data}, out)
    else:
        print(path, file=out)
    return 0


def _weight_file(text: str) -> str:
    if not text.lower().endswith((".safetensors", ".pt")):
        raise argparse.ArgumentTypeError(f"{text} ends neither with .safetensors nor with .pt")
    return text
