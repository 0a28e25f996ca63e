"""``doctor``: is everything installed, and does every plugin work? Nothing heavy is imported."""

from __future__ import annotations

import argparse
import platform
from typing import IO, Any, Final

from importlib_metadata import PackageNotFoundError, version

from yolonas_plugin import __version__
from yolonas_plugin.cli.arguments import add_command
from yolonas_plugin.cli.output import FAILED, print_json, print_table
from yolonas_plugin.zoo import ModelZoo

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


def register(commands: Any) -> None:
    """Add ``doctor``."""
    add_command(commands, "doctor", _doctor, "check the installation and every plugin")


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
        print_json(report, out)
        return FAILED if problems else 0
    print(f"yolonas-plugin {__version__} on Python {platform.python_version()}", file=out)
    for title, found in (("packages", packages), ("extras", extras)):
        print(f"{title}:", ", ".join(f"{name} {v or '(not installed)'}" for name, v in found.items()), file=out)
    rows = [
        (plugin.entry_point.name, f"{plugin.distribution} {plugin.version}", f"{plugin.import_seconds * 1000:.1f} ms")
        for plugin in zoo.plugins
    ]
    print_table(("plugin", "distribution", "import"), rows, out)
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
