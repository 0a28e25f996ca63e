"""``list``, ``show`` and ``fetch``: what the zoo has. Nothing heavy is imported."""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
from typing import IO, Any, Final

from model_zoo_api.foreign import shown
from model_zoo_api.types import KNOWN_TASKS, ModelCard
from model_zoo_api.zoo import ModelZoo
from yolonas_plugin.cli.arguments import OWN, add_command, add_licence, other_plugin
from yolonas_plugin.cli.output import print_json, print_table, shorten
from yolonas_plugin.settings import nearest
from yolonas_plugin.weights.bar import downloading

_LICENCE: Final = "their licence"
"""A heading; what is longer below it would cost names of models their middle."""

_METRICS: Final = {"mAP50-95", "keypoint AP50-95"}
"""What the table of models has room for, under ``mAP``; ``show`` has the others."""


def register(commands: Any) -> None:
    """Add ``list``, ``show`` and ``fetch``."""
    command = add_command(commands, "list", _list, "list the models of all installed plugins")
    command.add_argument("--task", help="only models for this task, such as detect or pose")
    command.add_argument("--licence", help="only models whose weights have this licence, such as Apache-2.0")

    command = add_command(commands, "show", _show, "show all about one model")
    command.add_argument("model", help="name, or provider/name")

    command = add_command(
        commands, "fetch", _fetch, "download a model's weights, if they aren't here; print where they are"
    )
    command.add_argument("model", help="name, or provider/name")
    add_licence(command)


def _list(args: argparse.Namespace, out: IO[str]) -> int:
    zoo = ModelZoo.discover()
    tasks = {*KNOWN_TASKS, *(card.task for card in zoo.list_models())}
    if args.task is not None and args.task not in tasks:
        near = nearest(args.task, tasks)
        args.parser.error(f"argument --task: {args.task!r} is none of {', '.join(sorted(tasks))}; did you mean {near}?")
    cards = [
        (name, card, _where(zoo, name, card))
        for name in zoo.providers
        for card in zoo.list_models(task=args.task, licence=args.licence, provider=name)
    ]
    if args.json:
        print_json([{"provider": name, **dataclasses.asdict(card), "here": where} for name, card, where in cards], out)
    else:
        rows = [
            (
                f"{name}/{card.name}",
                f"{card.task} {_classes(card)}".rstrip(),
                next((f"{metric.value:g}" for metric in card.metrics if metric.name in _METRICS), ""),
                where,
                shorten(card.licence.name.removeprefix("LicenseRef-"), len(_LICENCE)) if card.licence else "",
            )
            for name, card, where in cards
        ]
        print_table(("model", "finds", "mAP", "weights", _LICENCE), rows, out, shrink=(0, 1))
    if zoo.problems:
        print(f"{len(zoo.problems)} plugin problem(s); see 'yolonas-plugin doctor'", file=sys.stderr)
    return 0


def _classes(card: ModelCard) -> str:
    return card.classes[0] if len(card.classes) == 1 else f"{len(card.classes)} classes" if card.classes else ""


def _where(zoo: ModelZoo, provider: str, card: ModelCard) -> str:
    """Say whether a model's weights are on this machine; nothing is said of what only another plugin knows."""
    if zoo.locate_weights(card):
        return "downloaded"
    if provider != OWN:
        return ""
    from yolonas_plugin.weights.folder import EMBEDDED, weights_folder

    for folder, answer in ((EMBEDDED, "embedded"), (weights_folder(), "downloaded")):
        if any((folder / file.filename).is_file() for file in card.weights):
            return answer
    return "to download" if card.weights else "none"


def _show(args: argparse.Namespace, out: IO[str]) -> int:
    provider, card = ModelZoo.discover().find(args.model)
    if args.json:
        print_json({"provider": provider.name, **_as_json(card)}, out)
        return 0
    for label, value in _describe(provider.name, card):
        print(f"{label + ':' if label else '':<14} {value}", file=out)
    return 0


def _as_json(value: Any) -> Any:
    """Return a record, or what is in one, as JSON has it; what only its plugin knows, as it looks."""
    if dataclasses.is_dataclass(value):
        return {field.name: _as_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if type(value) in (list, tuple):
        return [_as_json(item) for item in value]
    if type(value) is dict:
        return {str(name): _as_json(item) for name, item in value.items()}
    plain = type(value) in (str, int, bool, type(None)) or (type(value) is float and math.isfinite(value))
    return value if plain else shown(value)


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
        ("of its code", f"{card.code_licence.name}, {card.code_licence.url}" if card.code_licence else ""),
        ("what it is", card.description or ""),
        ("page", card.homepage or ""),
    ]
    lines += [(metric.name, f"{metric.value:g} on {metric.dataset} ({metric.source})") for metric in card.metrics]
    for file in card.weights:
        lines += [("weights", file.filename), *(("", url) for url in file.urls), ("sha256", file.sha256 or "")]
    if not card.weights:
        lines.append(("weights", "none published; load your own by path"))
    lines += [(name, shown(value)) for name, value in card.extra.items()]
    return [(label, value) for label, value in lines if value]


def _fetch(args: argparse.Namespace, out: IO[str]) -> int:
    zoo = ModelZoo.discover()
    provider, card = other_plugin(zoo, args.model) or zoo.find(args.model, provider=OWN)
    path = zoo.locate_weights(card)
    if path is None and provider.name == OWN:
        from yolonas_plugin.weights.find import find_weights

        path = find_weights(card.name, accept_licence=args.accept_licence)
    if path is None:
        offered = {option.name for option in provider.options or ()}
        with downloading(args.model) as progress:  # its plugin fetches what it needs, and keeps it where it likes
            told = {"progress": progress} if "progress" in offered else {}
            zoo.load(card.name, provider=provider.name, **told)
    found = str(path.absolute()) if path else None
    if args.json:
        print_json({"model": card.name, "path": found}, out)
    else:
        print(found or f"{provider.name}/{card.name} is here; the plugin {provider.name!r} keeps its weights", file=out)
    return 0
