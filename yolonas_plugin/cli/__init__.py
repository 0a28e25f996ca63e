"""The command line: ``yolonas-plugin list | show | fetch | doctor | check-data | predict | label | train | val |
export | convert | benchmark``.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some images or labels could not be used, 130 interrupted.
Standard output holds the answer alone (JSON with ``--json``); messages, progress and whatever the engine says go to
standard error, progress to a terminal only.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import IO, Final

from model_zoo_api.dependencies import required_packages
from model_zoo_api.errors import ModelZooError
from model_zoo_api.texts import printable
from model_zoo_api.zoo import ALLOW_LIST
from yolonas_plugin.cli.output import FAILED, INCOMPLETE, INTERRUPTED, USAGE, hold_standard_streams, lenient, warn
from yolonas_plugin.settings import nearest
from yolonas_plugin.version import __version__

_COMMANDS: Final = {
    "list": "zoo",
    "show": "zoo",
    "fetch": "zoo",
    "doctor": "doctor",
    "check-data": "check_data",
    "predict": "predict",
    "label": "label",
    "train": "train",
    "val": "val",
    "export": "convert",
    "convert": "convert",
    "benchmark": "benchmark",
}
"""In which module each command is; what a call doesn't name isn't imported."""

_TRACEBACK: Final = "--traceback"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    hold_standard_streams()
    out, sys.stderr = lenient(sys.stdout), lenient(sys.stderr)
    args = _parse(argv)
    try:
        with (
            contextlib.redirect_stdout(sys.stderr),  # the engine logs to standard output
            required_packages(f"yolonas-plugin {args.command}", "yolonas_plugin"),
        ):
            code = args.run(args, out)
        out.flush()
        return INCOMPLETE if code == 0 and args.incomplete else code
    except KeyboardInterrupt:
        warn("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        _hang_up(out)
        return FAILED
    except Exception as error:
        if args.traceback:
            raise
        kind = "" if isinstance(error, (ModelZooError, FileNotFoundError)) else f"{type(error).__name__}: "
        lines = "\n".join(map(printable, f"{kind}{error}".split("\n")))
        print(f"yolonas-plugin: error: {lines}", file=sys.stderr)
        try:
            out.flush()
        except (OSError, ValueError):  # the disk that it is redirected to is full, or it is closed
            _hang_up(out)
        return FAILED


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the arguments, or say what is wrong with them and exit; where there are none, show the commands."""
    argv = sys.argv[1:] if argv is None else argv
    named = next((word for word in argv if word != _TRACEBACK), "")
    parser = _parser([_COMMANDS[named]] if named in _COMMANDS else _COMMANDS.values())
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        command: argparse.ArgumentParser = getattr(args, "parser", parser)
        flags = [flag for action in command._actions for flag in action.option_strings if flag.startswith("--")]
        hints = [f"did you mean {nearest(text, flags)}?" for text in unknown[:1] if text.startswith("--")]
        command.error(" ".join([f"unrecognized arguments: {' '.join(unknown)}", *hints]))
    if args.command is None:
        parser.print_help(sys.stderr)
        parser.exit(USAGE)
    return args


def _hang_up(out: IO[str]) -> None:
    """Let nothing more be written to a pipe that nobody reads or a disk that is full, at the interpreter's end too."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def _parser(modules: Iterable[str]) -> argparse.ArgumentParser:
    """Return the parser of the commands that are in some modules."""
    parser = argparse.ArgumentParser(
        prog="yolonas-plugin",
        description="YOLO-NAS object detection, and the model zoo that it plugs into.",
        epilog=f"Exit codes: 0 done, 1 failed, 2 wrong usage, 3 some images or labels could not be used, "
        f"130 interrupted. {ALLOW_LIST} limits which plugins load.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument(_TRACEBACK, action="store_true", help="show where an error came from")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for module in dict.fromkeys(modules):
        import_module(f"yolonas_plugin.cli.{module}").register(commands)
    return parser
