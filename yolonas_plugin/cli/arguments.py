"""Arguments that several commands share, and the model that they name."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

from model_zoo_api.errors import UnknownModelError
from model_zoo_api.types import ModelCard, ModelProvider
from model_zoo_api.zoo import ModelZoo
from yolonas_plugin.cli.output import report_unreadable, warn
from yolonas_plugin.errors import SettingError
from yolonas_plugin.options import CHOICES, HELP
from yolonas_plugin.settings import CHECKS, check_count

OWN: Final = "yolo_nas"
"""The provider whose models every command works with."""


def add_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace, IO[str]], int], text: str
) -> argparse.ArgumentParser:
    """Add a command that is run as ``run(arguments, output) -> exit code``, with ``--json``."""
    command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run, parser=command, incomplete=False)
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
        "--processing", help="how images are prepared, if the file doesn't say: coco, super-gradients or pose"
    )
    command.add_argument("--names", nargs="+", help="class names, if the file has none; else they replace its own")
    command.add_argument(
        "--backend", help=f"{HELP['backend']}: {' or '.join(map(str, CHOICES['backend']))} (default: native)"
    )
    add_licence(command)
    return command


def add_licence(command: argparse.ArgumentParser) -> None:
    """Add ``--accept-licence``."""
    text = "accept the licence of published weights, if they are downloaded now"
    command.add_argument("--accept-licence", action="store_true", help=text)


def add_imgsz(command: argparse.ArgumentParser) -> None:
    """Add ``--imgsz``."""
    text = "input size in pixels, multiples of 32: one side, or height and width"
    command.add_argument("--imgsz", type=number("imgsz"), nargs="+", metavar="SIDE", help=text)


def add_selection(command: argparse.ArgumentParser) -> None:
    """Add the settings of detection."""
    command.add_argument("--conf", type=number("conf", float), metavar="SCORE", help="lowest score, 0 to 1")
    command.add_argument(
        "--iou", type=number("iou", float), metavar="OVERLAP", help="highest overlap of two boxes of a class, 0 to 1"
    )
    add_imgsz(command)
    command.add_argument("--max-det", type=number("max_det"), metavar="N", help=HELP["max_det"])
    command.add_argument("--batch", type=number("batch"), metavar="N", help=HELP["batch"])
    command.add_argument("--device", help=HELP["device"])


def add_classes(command: argparse.ArgumentParser) -> None:
    """Add ``--classes``."""
    command.add_argument("--classes", nargs="+", metavar="CLASS", help="only these classes, by name or index")


def add_runtime(command: argparse.ArgumentParser) -> None:
    """Add by what the network is run."""
    command.add_argument(
        "--runtime",
        choices=CHOICES["runtime"],
        help=HELP["runtime"],
    )
    command.add_argument("--precision", choices=CHOICES["precision"], help=HELP["precision"])
    command.add_argument("--calibration", help="for int8: images like those to come, a folder or glob, 100 or more")


def output_settings(output: str | None, name: str) -> dict[str, Any]:
    """Where the engine saves its files: a new folder ``runs/name*``, or what the user names."""
    if output is None:
        return {"project": str(Path("runs").absolute()), "name": name}
    folder = Path(output).expanduser().absolute()
    return {"project": str(folder.parent), "name": folder.name}


def other_plugin(zoo: ModelZoo, name: str) -> tuple[ModelProvider, ModelCard] | None:
    """Return the provider and the card of a model that another plugin has; None for YOLO-NAS's, and for files."""
    if os.path.exists(os.path.expanduser(name)):
        return None
    try:
        zoo.find(name, provider=OWN)
    except UnknownModelError:
        try:
            return zoo.find(name)
        except UnknownModelError as error:
            if "several providers" in str(error):
                raise
    return None


def load_model(args: argparse.Namespace, **options: Any) -> Any:
    """Load the model that the arguments name, through the zoo.

    Raises:
        UnknownModelError: It is one of another plugin.
    """
    zoo = ModelZoo.discover()
    if other := other_plugin(zoo, args.weights):
        raise UnknownModelError(
            f"{args.weights} comes from the plugin {other[0].name!r}; {args.command} works with YOLO-NAS's own models, "
            "predict and fetch with those of every plugin"
        )
    options |= given(args, "processing", "names", "backend")
    model = zoo.load(args.weights, provider=OWN, accept_licence=args.accept_licence, **options)
    if args.names:
        _tell_replaced_names(args.weights, args.names)
    if options.get("calibration"):
        _tell_unreadable(args, options["calibration"], getattr(model, "model", model))
    return model


def _tell_unreadable(args: argparse.Namespace, calibration: str, network: Any) -> None:
    """Name the images of a calibration that can't be read, which are left out of it; the command then isn't whole."""
    from yolonas_plugin.images import list_images, read_image
    from yolonas_plugin.runtimes.calibration import MOST_IMAGES

    channels = getattr(network, "in_channels", 3)
    paths = [path for path in islice(list_images(calibration), MOST_IMAGES) if isinstance(path, str)]
    unreadable = [path for path in paths if read_image(path, channels) is None]
    report_unreadable(unreadable)
    args.incomplete = args.incomplete or bool(unreadable)


def _tell_replaced_names(weights: str, names: list[str]) -> None:
    """Say so where names were given for a file that has its own."""
    from yolonas_plugin.weights import find_weights, read_checkpoint

    own = read_checkpoint(find_weights(weights), own_processing=False).class_names
    if own is not None and list(own) != names:
        warn(f"--names replaces the names that the weights have themselves: {', '.join(own)}")


def load_on_runtime(args: argparse.Namespace, **options: Any) -> tuple[Any, str]:
    """Load the model that the arguments name for the runtime that they name, and tell which runtime that is."""
    model = load_model(args, **given(args, "runtime", "precision", "calibration"), **options)
    name: str = model.runtime.name
    if args.runtime == "auto":
        warn(f"runtime: {name}")
    return model, name


def given(args: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Return the settings that the user gave; the others stay the checkpoint's."""
    values = {name: getattr(args, name) for name in names}
    settings = {name: value for name, value in values.items() if value is not None and value is not False}
    if "imgsz" in settings:
        height, width = CHECKS["imgsz"]("imgsz", settings["imgsz"])
        settings["imgsz"] = height if height == width else [height, width]
    return settings


def number(name: str, kind: Callable[[str], Any] = int) -> Callable[[str], Any]:
    """Return what reads the setting ``name`` from the command line, and checks it as Python's settings are."""

    def read(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a {'whole ' if kind is int else ''}number") from None
        try:
            check: Callable[[str, Any], object] = CHECKS.get(name, check_count)
            check(name, value)
        except SettingError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
        return value

    return read
