"""Model cards as Markdown, for the page ``docs/models.md``."""

from collections.abc import Iterable

from model_zoo_api.types import Licence, Metric, ModelCard, WeightFile


def as_markdown(cards: Iterable[ModelCard]) -> str:
    """Return a section with a table for each card; what a card doesn't say has no row."""
    return "\n\n".join(map(_section, cards))


def _section(card: ModelCard) -> str:
    height, width = card.input_size
    rows = {
        "also called": ", ".join(f"`{alias}`" for alias in card.aliases),
        "task": card.task,
        "input": f"{height} x {width} pixels",
        "parameters": f"{card.parameters:,}" if card.parameters else "",
        "GFLOPs": f"{card.gflops}" if card.gflops else "",
        "classes": f"{len(card.classes)}: {', '.join(card.classes)}" if card.classes else "those of the weights",
        "published results": "<br>".join(map(_metric, card.metrics)),
        "weights": "<br>".join(map(_file, card.weights)) or "none published: train it from random weights",
        "licence of the weights": _licence(card.licence) if card.licence else "",
        "trained on": card.training_data or "",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items() if value)
    return f"## {card.name}\n\n| | |\n|---|---|\n{table}"


def _metric(metric: Metric) -> str:
    return f"{metric.name} {metric.value}, {metric.dataset} ([source]({metric.source}))"


def _file(file: WeightFile) -> str:
    parts = [f"`{file.filename}`"]
    parts += [f"{file.size:,} bytes"] if file.size else []
    parts += [f"<{url}>" for url in file.urls] or ["in the package"]
    parts += [f"SHA-256 `{file.sha256}`"] if file.sha256 else []
    return "<br>".join(parts)


def _licence(licence: Licence) -> str:
    trade = {True: "commercial use allowed", False: "no commercial use", None: "commercial use not stated"}
    return f"[{licence.name}]({licence.url}), {trade[licence.commercial_use]}"
