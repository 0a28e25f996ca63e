"""Charts as reports and papers have them, drawn with matplotlib in many styles."""

from __future__ import annotations

import io
import random
import warnings
from collections.abc import Callable
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from .listings import NAMES

_PALETTES: Final = (
    "tab10",
    "Set1",
    "Set2",
    "Dark2",
    "Pastel1",
    "viridis",
    "plasma",
    "Blues",
    "Greys",
    "coolwarm",
    "tab20c",
)
_FAMILIES: Final = (["DejaVu Sans"], ["DejaVu Sans"], ["DejaVu Serif"], ["STIXGeneral"])


def chart(seed: int, width: float, height: float) -> bytes:
    """An SVG of about `width` by `height` inches, cut to its ink; letters are outlines, so it needs no font."""
    rng = random.Random(seed)
    numbers = np.random.default_rng(seed)
    settings: dict[str, Any] = {
        "font.family": rng.choice(_FAMILIES),
        "font.size": rng.uniform(6, 10),
        "axes.spines.top": rng.random() < 0.55,
        "axes.spines.right": rng.random() < 0.55,
        "axes.grid": rng.random() < 0.45,
        "grid.alpha": rng.uniform(0.3, 0.9),
        "grid.linestyle": rng.choice(("-", "--", ":")),
        "axes.facecolor": rng.choice(("white", "white", "white", "#eaeaf2", "#f5f5f5")),
        "lines.linewidth": rng.uniform(0.7, 2.2),
        "axes.linewidth": rng.uniform(0.5, 1.1),
        "xtick.direction": rng.choice(("in", "out")),
        "axes.unicode_minus": False,
        "axes.formatter.use_mathtext": True,
        "svg.hashsalt": str(seed),
        "legend.frameon": rng.random() < 0.6,
    }
    with mpl.rc_context(settings):
        panels = 1 if rng.random() < 0.7 or width < 4 else rng.randint(2, 3)
        figure = Figure(figsize=(width, height))
        palette = mpl.colormaps[rng.choice(_PALETTES)]
        draw = rng.choice(_KINDS)
        for axes in np.atleast_1d(figure.subplots(1, panels)):
            axes.set_prop_cycle(color=[palette(x) for x in np.linspace(0.05, 0.85, 6)])
            draw(axes, rng, numbers, palette)
        with warnings.catch_warnings():  # of labels that leave their axes no room: papers have those too
            warnings.simplefilter("ignore")
            figure.tight_layout(pad=0.3)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", bbox_inches=_ink(figure), pad_inches=0.01, metadata={"Date": None})
    return buffer.getvalue()


def _ink(figure: Figure) -> Bbox:
    """What is drawn, in inches. matplotlib's own tight box counts the invisible frame of a pie."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    boxes = []
    for axes in figure.axes:
        parts = [axes] if axes.get_frame_on() else [*axes.patches, *axes.texts, axes.get_legend()]
        boxes += [part.get_tightbbox(renderer) for part in parts if part is not None]
    boxes = [box for box in boxes if box is not None and box.width > 0]
    return Bbox.union(boxes).transformed(figure.dpi_scale_trans.inverted())


def _label(rng: random.Random) -> str:
    return " ".join(rng.choice(NAMES) for _ in range(rng.randint(1, 2))).capitalize()


def _dress(axes: Any, rng: random.Random) -> None:
    if rng.random() < 0.8:
        axes.set_xlabel(_label(rng))
    if rng.random() < 0.8:
        axes.set_ylabel(_label(rng))
    if rng.random() < 0.35:
        axes.set_title(_label(rng))
    if axes.get_legend_handles_labels()[0] and rng.random() < 0.8:
        axes.legend(loc=rng.choice(("best", "upper left", "upper right", "lower right")))


def _lines(axes: Any, rng: random.Random, numbers: np.random.Generator, palette: Any) -> None:
    x = np.linspace(0, rng.choice((1, 10, 100, 24)), rng.choice((6, 12, 40, 120)))
    for _ in range(rng.randint(1, 5)):
        y = (
            np.cumsum(numbers.normal(0.1, 1, len(x)))
            if rng.random() < 0.5
            else rng.uniform(1, 9) * (1 - np.exp(-x / x[-1] * rng.uniform(1, 6))) + numbers.normal(0, 0.1, len(x))
        )
        axes.plot(
            x,
            y,
            rng.choice(("-", "-", "--", "-.", ":")),
            marker=rng.choice((None, "o", "s", "^", "x")) if len(x) < 20 else None,
            ms=3,
            label=_label(rng),
        )
        if rng.random() < 0.25:
            axes.fill_between(x, y - 0.5, y + 0.5, alpha=0.25)
    _dress(axes, rng)


def _bars(axes: Any, rng: random.Random, numbers: np.random.Generator, palette: Any) -> None:
    count, groups = rng.randint(3, 9), rng.choice((1, 1, 2, 3))
    x = np.arange(count)
    flat = rng.random() < 0.25
    for group in range(groups):
        values = numbers.uniform(5, 100, count)
        place = x + (group - (groups - 1) / 2) * 0.8 / groups
        if flat:
            axes.barh(place, values, 0.75 / groups, label=_label(rng))
        else:
            axes.bar(
                place,
                values,
                0.75 / groups,
                label=_label(rng),
                yerr=numbers.uniform(1, 6, count) if rng.random() < 0.2 else None,
                edgecolor=rng.choice((None, "black")),
            )
            if rng.random() < 0.25 and groups == 1:
                for at, value in zip(place, values, strict=True):
                    axes.text(at, value, f"{value:.0f}", ha="center", va="bottom")
    names = (
        [rng.choice(NAMES).capitalize()[:7] for _ in range(count)]
        if rng.random() < 0.6
        else [str(2010 + i) for i in range(count)]
    )
    (axes.set_yticks if flat else axes.set_xticks)(
        x, names, **({} if flat else {"rotation": rng.choice((0, 30, 90)) if count > 4 else 0})
    )
    _dress(axes, rng)


def _scatter(axes: Any, rng: random.Random, numbers: np.random.Generator, palette: Any) -> None:
    for _ in range(rng.randint(1, 4)):
        points = numbers.normal(numbers.uniform(-3, 3, 2), rng.uniform(0.3, 2), (rng.randint(15, 150), 2))
        axes.scatter(
            points[:, 0],
            points[:, 1],
            s=rng.uniform(3, 22),
            marker=rng.choice(("o", "x", "^", "s", "+")),
            alpha=rng.uniform(0.4, 1),
            label=_label(rng),
        )
    if rng.random() < 0.3:
        axes.axline((0, 0), slope=rng.uniform(-1, 1), color="black", lw=0.8)
    _dress(axes, rng)


def _pie(axes: Any, rng: random.Random, numbers: np.random.Generator, palette: Any) -> None:
    count = rng.randint(3, 7)
    ring = {"width": rng.uniform(0.25, 0.5)} if rng.random() < 0.4 else {}
    wedges, *_ = axes.pie(
        numbers.uniform(1, 9, count),
        labels=[rng.choice(NAMES) for _ in range(count)] if rng.random() < 0.6 else None,
        autopct="%.0f%%" if rng.random() < 0.6 else None,
        wedgeprops={**ring, "edgecolor": "white"},
        colors=[palette(x) for x in np.linspace(0.05, 0.9, count)],
    )
    if rng.random() < 0.4:
        axes.legend(wedges, [rng.choice(NAMES) for _ in range(count)], loc="center left", bbox_to_anchor=(1, 0.5))


def _histogram(axes: Any, rng: random.Random, numbers: np.random.Generator, palette: Any) -> None:
    for _ in range(rng.randint(1, 2)):
        axes.hist(
            numbers.normal(rng.uniform(-2, 2), rng.uniform(0.5, 2), 500),
            bins=rng.randint(10, 40),
            alpha=0.7,
            label=_label(rng),
            edgecolor=rng.choice((None, "white", "black")),
        )
    _dress(axes, rng)


def _heatmap(axes: Any, rng: random.Random, numbers: np.random.Generator, palette: Any) -> None:
    rows, columns = rng.randint(3, 12), rng.randint(3, 12)
    values = numbers.random((rows, columns))
    mesh = axes.pcolormesh(values, cmap=palette)
    if rng.random() < 0.5 and rows < 8 and columns < 8:
        for row in range(rows):
            for column in range(columns):
                axes.text(column + 0.5, row + 0.5, f"{values[row, column]:.2f}", ha="center", va="center", size=5)
    if rng.random() < 0.6:
        axes.figure.colorbar(mesh, ax=axes)
    _dress(axes, rng)


def _boxes(axes: Any, rng: random.Random, numbers: np.random.Generator, palette: Any) -> None:
    data = [numbers.normal(rng.uniform(-2, 2), rng.uniform(0.5, 2), 60) for _ in range(rng.randint(3, 7))]
    axes.boxplot(data) if rng.random() < 0.6 else axes.violinplot(data)
    _dress(axes, rng)


def _area(axes: Any, rng: random.Random, numbers: np.random.Generator, palette: Any) -> None:
    x = np.arange(rng.randint(6, 30))
    layers = [np.abs(np.cumsum(numbers.normal(0, 1, len(x)))) + 1 for _ in range(rng.randint(2, 5))]
    axes.stackplot(x, *layers, labels=[_label(rng) for _ in layers], alpha=0.85)
    _dress(axes, rng)


def _contours(axes: Any, rng: random.Random, numbers: np.random.Generator, palette: Any) -> None:
    x, y = np.meshgrid(np.linspace(-3, 3, 40), np.linspace(-3, 3, 40))
    z = sum(
        rng.uniform(-1, 1)
        * np.exp(-((x - rng.uniform(-2, 2)) ** 2 + (y - rng.uniform(-2, 2)) ** 2) / rng.uniform(0.5, 3))
        for _ in range(4)
    )
    (axes.contourf if rng.random() < 0.5 else axes.contour)(x, y, z, rng.randint(5, 12), cmap=palette)
    _dress(axes, rng)


_KINDS: Final[tuple[Callable[[Any, random.Random, np.random.Generator, Any], None], ...]] = (
    _lines,
    _lines,
    _lines,
    _bars,
    _bars,
    _bars,
    _scatter,
    _scatter,
    _pie,
    _histogram,
    _heatmap,
    _boxes,
    _area,
    _contours,
)
