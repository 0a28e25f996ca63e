"""The command line: ``yolonas-plugin list | show | doctor | fetch | predict | val | export | convert``.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some images could not be read, 130 interrupted. Standard output
holds the answer alone (JSON with ``--json``); messages, progress and whatever the engine says go to standard error.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import logging
import platform
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, Final

from importlib_metadata import PackageNotFoundError, version

from yolonas_plugin import __version__
from yolonas_plugin.errors import SourceError, YoloNASPluginError
from yolonas_plugin.types import ModelCard
from yolonas_plugin.zoo import ALLOW_LIST, ModelZoo

FAILED: Final = 1
INCOMPLETE: Final = 3
INTERRUPTED: Final = 130

_PACKAGES: Final = (
    "pluggy",
    "importlib-metadata",
    "torch",
    "torchvision",
    "ultralytics",
    "safetensors",
    "requests",
    "urllib3",
    "filelock",
    "tqdm",
)
_EXTRAS: Final = ("onnx", "onnxruntime", "onnxslim", "openvino", "lap", "super-gradients")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    args = _parser().parse_args(argv)
    out = sys.stdout
    try:
        with contextlib.redirect_stdout(sys.stderr):  # the engine logs to standard output
            return args.run(args, out)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return FAILED
    except Exception as error:
        if args.traceback:
            raise
        kind = "" if isinstance(error, (YoloNASPluginError, FileNotFoundError)) else f"{type(error).__name__}: "
        print(f"yolonas-plugin: error: {kind}{error}", file=sys.stderr)
        return FAILED


# -- commands that import nothing heavy ------------------------------------------------------------------------------


def _list(args: argparse.Namespace, out: IO[str]) -> int:
    zoo = ModelZoo.discover()
    cards = [
        (name, card)
        for name in zoo.providers
        for card in zoo.list_models(task=args.task, licence=args.licence, provider=name)
    ]
    if args.json:
        _print_json([{"provider": name, **dataclasses.asdict(card)} for name, card in cards], out)
    else:
        rows = [
            (
                f"{name}/{card.name}",
                card.task,
                "x".join(map(str, card.input_size)),
                f"{card.parameters / 1e6:.1f} M" if card.parameters else "",
                f"{card.metrics[0].value:g}" if card.metrics else "",
                card.licence.name if card.licence else "",
            )
            for name, card in cards
        ]
        _print_table(("model", "task", "input", "parameters", "mAP50-95", "weights' licence"), rows, out)
    if zoo.problems:
        print(f"{len(zoo.problems)} plugin problem(s); see 'yolonas-plugin doctor'", file=sys.stderr)
    return 0


def _show(args: argparse.Namespace, out: IO[str]) -> int:
    provider, card = ModelZoo.discover().find(args.model)
    if args.json:
        _print_json({"provider": provider.name, **dataclasses.asdict(card)}, out)
        return 0
    for label, value in _describe(provider.name, card):
        print(f"{label + ':' if label else '':<14} {value}", file=out)
    return 0


def _describe(provider: str, card: ModelCard) -> list[tuple[str, str]]:
    lines = [
        ("model", f"{provider}/{card.name}"),
        ("aliases", ", ".join(card.aliases)),
        ("task", card.task),
        ("input", "x".join(map(str, card.input_size))),
        ("parameters", f"{card.parameters:,}" if card.parameters else ""),
        ("GFLOPs", f"{card.gflops:g}" if card.gflops else ""),
        ("classes", f"{len(card.classes)}: {', '.join(card.classes[:5])}, ..." if card.classes else "the weights'"),
        ("trained on", card.training_data or ""),
        ("licence", f"{card.licence.name}, {card.licence.url}" if card.licence else ""),
    ]
    lines += [(metric.name, f"{metric.value:g} on {metric.dataset} ({metric.source})") for metric in card.metrics]
    for file in card.weights:
        lines += [("weights", file.filename), *(("", url) for url in file.urls), ("sha256", file.sha256 or "")]
    if not card.weights:
        lines.append(("weights", "none published; load your own by path"))
    return [(label, value) for label, value in lines if value]


def _doctor(args: argparse.Namespace, out: IO[str]) -> int:
    zoo = ModelZoo.discover()
    packages = {name: _version(name) for name in _PACKAGES}
    extras = {name: _version(name) for name in _EXTRAS}
    problems = [str(problem) for problem in zoo.problems]
    problems += [f"{name} is not installed: pip install {name}" for name, found in packages.items() if not found]
    if args.json:
        plugins = [
            {
                "distribution": plugin.distribution,
                "version": plugin.version,
                "entry_point": plugin.entry_point.name,
                "import_ms": round(plugin.import_seconds * 1000, 1),
            }
            for plugin in zoo.plugins
        ]
        report = {
            "yolonas-plugin": __version__,
            "python": platform.python_version(),
            "packages": packages,
            "extras": extras,
            "plugins": plugins,
            "providers": {name: len(provider.models) for name, provider in zoo.providers.items()},
            "problems": problems,
        }
        _print_json(report, out)
        return FAILED if problems else 0
    print(f"yolonas-plugin {__version__} on Python {platform.python_version()}", file=out)
    for title, found in (("packages", packages), ("extras", extras)):
        print(f"{title}:", ", ".join(f"{name} {v or '(not installed)'}" for name, v in found.items()), file=out)
    rows = [
        (plugin.entry_point.name, f"{plugin.distribution} {plugin.version}", f"{plugin.import_seconds * 1000:.1f} ms")
        for plugin in zoo.plugins
    ]
    _print_table(("plugin", "distribution", "import"), rows, out)
    for name, provider in zoo.providers.items():
        print(f"provider {name}: {len(provider.models)} models", file=out)
    for problem in problems:
        print(f"problem: {problem}", file=out)
    if not problems:
        print("no problems", file=out)
    return FAILED if problems else 0


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _fetch(args: argparse.Namespace, out: IO[str]) -> int:
    zoo = ModelZoo.discover()
    _, card = zoo.find(args.model, provider="yolo_nas")
    path = zoo.locate_weights(card)
    if path is None:
        from yolonas_plugin.weights.find import find_weights

        path = find_weights(card.name, accept_licence=args.accept_licence)
    path = path.absolute()
    if args.json:
        _print_json({"model": card.name, "path": str(path)}, out)
    else:
        print(path, file=out)
    return 0


# -- commands that run a model ---------------------------------------------------------------------------------------


def _load(args: argparse.Namespace) -> Any:
    options = _given(args, "processing", "names", "backend")
    return ModelZoo.discover().load(args.weights, provider="yolo_nas", accept_licence=args.accept_licence, **options)


def _predict(args: argparse.Namespace, out: IO[str]) -> int:
    from yolonas_plugin.nas.engine import quiet

    with quiet(logging.ERROR):
        model = _load(args)
        settings = _given(args, "conf", "iou", "imgsz", "max_det", "classes", "device", "batch")
        if args.save:
            settings |= _output_settings(args.output)
        source = args.source[0] if len(args.source) == 1 else args.source
        start = time.perf_counter()
        results = model.predict(source, stream=True, verbose=False, save=args.save, **settings)
        images = [_image_record(result) for result in results]
        seconds = time.perf_counter() - start
    skipped = model.predictor.skipped
    if skipped and not images:
        raise SourceError(f"none of the {len(skipped)} files could be read as an image, the first is {skipped[0]}")
    folder = str(model.predictor.save_dir) if args.save else None
    if args.json:
        _print_json({"images": images, "skipped": skipped, "saved_to": folder, "seconds": round(seconds, 3)}, out)
    else:
        found = [Counter(row["name"] for row in image["detections"]) for image in images]
        rows = [
            (Path(image["image"]).name, f"{image['width']}x{image['height']}", str(names.total()), _tally(names))
            for image, names in zip(images, found, strict=True)
        ]
        _print_table(("image", "size", "objects", "classes"), rows, out)
        names = sum(found, Counter())
        print(f"{len(images)} images, {names.total()} objects ({_tally(names)}) in {seconds:.1f} s", file=out)
        if folder:
            print(f"pictures: {folder}", file=out)
    for path in skipped:
        print(f"yolonas-plugin: could not be read as an image: {path}", file=sys.stderr)
    return INCOMPLETE if skipped else 0


def _image_record(result: Any) -> dict[str, Any]:
    height, width = result.orig_shape
    rows = zip(result.boxes.xyxy.tolist(), result.boxes.conf.tolist(), result.boxes.cls.tolist(), strict=True)
    return {
        "image": result.path,
        "height": height,
        "width": width,
        "detections": [
            {
                "class": int(label),
                "name": result.names[int(label)],
                "confidence": round(score, 5),
                "box": [round(side, 2) for side in box],
            }
            for box, score, label in rows
        ],
    }


def _output_settings(output: str | None) -> dict[str, Any]:
    """Where the engine saves pictures: a new folder of its own, or the one the user names."""
    if output is None:
        return {"project": str(Path("runs").absolute()), "name": "predict"}
    folder = Path(output).expanduser().absolute()
    return {"project": str(folder.parent), "name": folder.name, "exist_ok": True}


def _val(args: argparse.Namespace, out: IO[str]) -> int:
    from yolonas_plugin.nas.engine import quiet

    with quiet(logging.ERROR):
        settings = _given(args, "conf", "iou", "imgsz", "max_det", "device", "batch", "plots")
        metrics = _load(args).val(data=args.data, split=args.split, verbose=False, **settings)
    names = [metrics.names[int(index)] for index in metrics.ap_class_index]
    per_class = {
        name: dict(zip(("precision", "recall", "mAP50", "mAP50-95"), map(float, metrics.class_result(i)), strict=True))
        for i, name in enumerate(names)
    }
    total = dict(zip(("precision", "recall", "mAP50", "mAP50-95"), map(float, metrics.mean_results()), strict=True))
    if args.json:
        _print_json({"data": args.data, "split": args.split, **total, "classes": per_class}, out)
        return 0
    rows = [(name, *(f"{value:.4f}" for value in row.values())) for name, row in [("all", total), *per_class.items()]]
    _print_table(("class", "precision", "recall", "mAP50", "mAP50-95"), rows, out)
    return 0


def _export(args: argparse.Namespace, out: IO[str]) -> int:
    settings = _given(args, "imgsz", "batch", "dynamic", "opset")
    path = _load(args).export(format=args.format, output=args.output, **settings)
    if args.json:
        _print_json({"path": path, "format": args.format}, out)
    else:
        print(path, file=out)
    return 0


def _convert(args: argparse.Namespace, out: IO[str]) -> int:
    model = _load(args)
    path = model.save(args.output, licence=args.licence, training_data=args.training_data)
    if args.json:
        module = model.model
        answer = {"size": module.config.size, "classes": list(module.names.values()), "licence": module.licence}
        _print_json({"path": path, **answer, "training_data": module.training_data}, out)
    else:
        print(path, file=out)
    return 0


def _given(args: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Return the settings that the user gave; the others stay the checkpoint's."""
    values = {name: getattr(args, name) for name in names}
    given = {name: value for name, value in values.items() if value is not None and value is not False}
    if "imgsz" in given and len(given["imgsz"]) == 1:
        given["imgsz"] = given["imgsz"][0]
    return given


# -- printing --------------------------------------------------------------------------------------------------------


def _print_json(value: Any, out: IO[str]) -> None:
    json.dump(value, out, indent=2)
    out.write("\n")


def _print_table(head: Sequence[str], rows: Sequence[Sequence[str]], out: IO[str]) -> None:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip(), file=out)


def _tally(classes: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in classes.most_common()) or "none"


# -- arguments -------------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="yolonas-plugin",
        description="YOLO-NAS object detection, and the model zoo that it plugs into.",
        epilog=f"Exit codes: 0 done, 1 failed, 2 wrong usage, 3 some images could not be read. {ALLOW_LIST} limits "
        "which plugins load.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument("--traceback", action="store_true", help="show where an error came from")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    command = _command(commands, "list", _list, "list the models of all installed plugins")
    command.add_argument("--task", help="only models for this task, such as detect")
    command.add_argument("--licence", help="only models whose weights have this licence, such as Apache-2.0")

    command = _command(commands, "show", _show, "show all about one model")
    command.add_argument("model", help="name, or provider/name")

    _command(commands, "doctor", _doctor, "check the installation and every plugin")

    command = _command(commands, "fetch", _fetch, "download a model's published weights; print where they are")
    command.add_argument("model", help="name, or provider/name")
    _licence(command)

    command = _model_command(commands, "predict", _predict, "detect objects; draw and save pictures")
    command.add_argument(
        "--source", required=True, nargs="+", help="images, folders, globs, videos, URLs or a camera's number"
    )
    _selection(command)
    command.add_argument("--classes", type=int, nargs="+", help="only these class indices")
    command.add_argument("--output", help="folder for the pictures (default: a new one, runs/predict*)")
    command.add_argument("--no-save", dest="save", action="store_false", help="draw no pictures")

    command = _model_command(commands, "val", _val, "measure mAP on a data set")
    command.add_argument("--data", required=True, help="the data set's YAML file, in Ultralytics' format")
    command.add_argument("--split", default="val", choices=("train", "val", "test"), help="(default: %(default)s)")
    _selection(command)
    command.add_argument("--plots", action="store_true", help="save plots to runs/")

    command = _model_command(commands, "export", _export, "write the model in another format")
    command.add_argument("--format", default="onnx", help="onnx, torchscript, openvino, ... (default: %(default)s)")
    command.add_argument("--output", help="folder to write to (default: that of the weights)")
    command.add_argument("--imgsz", type=int, nargs="+", help="input size in pixels: one side, or height and width")
    command.add_argument("--batch", type=int, help="images at a time (default: 1)")
    command.add_argument("--dynamic", action="store_true", help="leave batch, height and width free")
    command.add_argument("--opset", type=int, help="ONNX operator set")

    command = _model_command(
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
    return parser


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace, IO[str]], int], text: str
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)
    return command


def _model_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace, IO[str]], int], text: str
) -> argparse.ArgumentParser:
    command = _command(commands, name, run, text)
    command.add_argument("--weights", default="yolo_nas_s", help="weight file or model name (default: %(default)s)")
    command.add_argument(
        "--processing", help="how images are prepared, if the file doesn't say: coco or super-gradients"
    )
    command.add_argument("--names", nargs="+", help="class names, if the file has none")
    command.add_argument("--backend", help="whose network runs: native or super-gradients (default: native)")
    _licence(command)
    return command


def _licence(command: argparse.ArgumentParser) -> None:
    text = "accept the licence of published weights, if they are downloaded now"
    command.add_argument("--accept-licence", action="store_true", help=text)


def _selection(command: argparse.ArgumentParser) -> None:
    command.add_argument("--conf", type=_fraction, help="lowest score, 0 to 1")
    command.add_argument("--iou", type=_fraction, help="highest overlap of two boxes of a class, 0 to 1")
    command.add_argument("--imgsz", type=int, nargs="+", help="input size in pixels: one side, or height and width")
    command.add_argument("--max-det", type=int, help="most boxes for an image")
    command.add_argument("--batch", type=int, help="images at a time")
    command.add_argument("--device", help="cpu, 0, cuda:1, mps, ...")


def _fraction(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def _weight_file(text: str) -> str:
    if not text.lower().endswith((".safetensors", ".pt")):
        raise argparse.ArgumentTypeError(f"{text} ends neither with .safetensors nor with .pt")
    return text


if __name__ == "__main__":
    sys.exit(main())
