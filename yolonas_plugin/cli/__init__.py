"""The command line: ``yolonas-plugin list | show | fetch | doctor | check-data | predict | label | train | val |
export | convert | benchmark``.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some images or labels could not be used, 130 interrupted.
Standard output holds the answer alone (JSON with ``--json``); messages, progress and whatever the engine says go to
standard error.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence

from yolonas_plugin import __version__
from yolonas_plugin.cli import benchmark, data, doctor, label, predict, train, val, write, zoo
from yolonas_plugin.cli.output import FAILED, INTERRUPTED
from yolonas_plugin.errors import YoloNASPluginError
from yolonas_plugin.zoo import ALLOW_LIST


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="yolonas-plugin",
        description="YOLO-NAS object detection, and the model zoo that it plugs into.",
        epilog=f"Exit codes: 0 done, 1 failed, 2 wrong usage, 3 some images or labels could not be used. "
        f"{ALLOW_LIST} limits which plugins load.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument("--traceback", action="store_true", help="show where an error came from")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (zoo, doctor, data, predict, label, train, val, write, benchmark):
        module.register(commands)
    return parser
