"""``doctor``: is everything installed, and does every plugin work? Nothing heavy is imported."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Sequence
from typing import IO, Any, Final

from model_zoo_api.distributions import canonical, distributions, folder_of, identity
from model_zoo_api.texts import printable
from model_zoo_api.zoo import ModelZoo
from yolonas_plugin.cli.arguments import add_command
from yolonas_plugin.cli.output import FAILED, print_json, print_table
from yolonas_plugin.version import __version__

_PACKAGES: Final = (
    "pluggy",
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
    problems = [str(problem) for problem in zoo.problems]
    versions, wrong = _versions([*_PACKAGES, *_EXTRAS])
    packages, extras = ({name: versions[name] for name in names} for names in (_PACKAGES, _EXTRAS))
    problems += wrong
    problems += [f"{name} is not installed: pip install {name}" for name, found in packages.items() if found is None]
    if args.json:
        plugins = [
            {
                "distribution": plugin.distribution,
                "version": plugin.version,
                "entry_point": printable(plugin.entry_point.name),
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
        print(f"{title}:", ", ".join(_with_version(name, v) for name, v in found.items()), file=out)
    rows = [
        (printable(plugin.entry_point.name), str(plugin), f"{plugin.import_seconds * 1000:.1f} ms")
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


def _versions(names: Sequence[str]) -> tuple[dict[str, str | None], list[str]]:
    """Return what is installed of some distributions, None for what isn't, and what is wrong with their metadata."""
    versions: dict[str, str | None] = {}
    wrong: list[str] = []
    found = distributions(lambda finder, error: None)  # discovery has told of a finder that fails
    for name in names:
        dist, *_ = found.get(canonical(name), [None])
        versions[name] = None if dist is None else identity(dist)[1]
        if versions[name] == "":
            where = printable(str(folder_of(dist) or "its metadata"))
            wrong.append(
                f"{name} is installed, but {where} can't be read or doesn't say its name and version: delete that "
                f"folder if it is left over, else pip install --force-reinstall {name}"
            )
    return versions, wrong


def _with_version(name: str, version: str | None) -> str:
    return f"{name} {'(not installed)' if version is None else version or '(unknown version)'}"
