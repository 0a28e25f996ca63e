"""``list``, ``show`` and ``fetch``: what the zoo has. Nothing heavy is imported."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from typing import IO, Any, Final

from yolonas_plugin.cli.arguments import add_command, add_licence
from yolonas_plugin.cli.output import print_json, print_table
from yolonas_plugin.types import ModelCard
from yolonas_plugin.zoo import ModelZoo

_METRIC: Final = "mAP50-95"
"""What the table of models has room for; ``show`` has the others."""


def register(commands: Any) -> None:
    """Add ``list``, ``show`` and ``fetch``."""
    command = add_command(commands, "list", _list, "list the models of all installed plugins")
    command.add_argument("--task", help="only models for this task, such as detect")
    command.add_argument("--licence", help="only models whose weights have this licence, such as Apache-2.0")

    command = add_command(commands, "show", _show, "show all about one model")
    command.add_argument("model", help="name, or provider/name")

    command = add_command(commands, "fetch", _fetch, "download a model's published weights; print where they are")
    command.add_argument("model", help="name, or provider/name")
    add_licence(command)


def _list(args: argparse.Namespace, out: IO[str]) -> int:
    zoo = ModelZoo.discover()
    cards = [
        (name, card)
        for name in zoo.providers
        for card in zoo.list_models(task=args.task, licence=args.licence, provider=name)
    ]
    if args.json:
        print_json([{"provider": name, **dataclasses.asdict(card)} for name, card in cards], out)
    else:
        rows = [
            (
                f"{name}/{card.name}",
                card.task,
                "x".join(map(str, card.input_size)),
                f"{card.parameters / 1e6:.1f} M" if card.parameters else "",
                next((f"{metric.value:g}" for metric in card.metrics if metric.name == _METRIC), ""),
                card.licence.name if card.licence else "",
            )
            for name, card in cards
        ]
        print_table(("model", "task", "input", "parameters", _METRIC, "weights' licence"), rows, out)
    if zoo.problems:
        print(f"{len(zoo.problems)} plugin problem(s); see 'yolonas-plugin doctor'", file=sys.stderr)
    return 0


def _show(args: argparse.Namespace, out: IO[str]) -> int:
    provider, card = ModelZoo.discover().find(args.model)
    if args.json:
        print_json({"provider": provider.name, **dataclasses.asdict(card)}, out)
        return 0
    for label, value in _describe(provider.name, card):
        print(f"{label + ':' if label else '':<14} {value}", file=out)
    return 0


def _describe(provider: str, card: ModelCard) -> list[tuple[str, str]]:
    more = ", ..." if len(card.classes) > 5 else ""
    lines = [
        ("model", f"{provider}/{card.name}"),
        ("aliases", ", ".join(card.aliases)),
        ("task", card.task),
        ("input", "x".join(map(str, card.input_size))),
        ("parameters", f"{card.parameters:,}" if card.parameters else ""),
        ("GFLOPs", f"{card.gflops:g}" if card.gflops else ""),
        ("classes", f"{len(card.classes)}: {', '.join(card.classes[:5])}{more}" if card.classes else "the weights'"),
        ("trained on", card.training_data or ""),
        ("licence", f"{card.licence.name}, {card.licence.url}" if card.licence else ""),
    ]
    lines += [(metric.name, f"{metric.value:g} on {metric.dataset} ({metric.source})") for metric in card.metrics]
    for file in card.weights:
        lines += [("weights", file.filename), *(("", url) for url in file.urls), ("sha256", file.sha256 or "")]
    if not card.weights:
        lines.append(("weights", "none published; load your own by path"))
    return [(label, value) for label, value in lines if value]


def _fetch(args: argparse.Namespace, out: IO[str]) -> int:
    zoo = ModelZoo.discover()
    _, card = zoo.find(args.model, provider="yolo_nas")
    path = zoo.locate_weights(card)
    if path is None:
        from yolonas_plugin.weights.find import find_weights

        path = find_weights(card.name, accept_licence=args.accept_licence)
    path = path.absolute()
    if args.json:
        print_json({"model": card.name, "path": str(path)}, out)
    else:
        print(path, file=out)
    return 0
