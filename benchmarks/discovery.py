"""What discovery costs a host: fresh interpreters over a site of 260 distributions, measured in turn.

    python -m benchmarks.discovery [--rounds 15] [--json FILE]

Variants, each in a new process, interleaved so that a busy machine disturbs all of them alike:

- ``bare``: ``python -c pass``
- ``tools``: imports pluggy and importlib.metadata, which any host of plugins needs
- ``without``: discovers and lists, with our distribution hidden behind a namesake that declares no plugin
- ``with``: discovers and lists, with the provider

The provider's own share is the time to import its module and call its hook, in a process that has imported pluggy, the
hook specifications and the types already: what it adds to a host that other plugins have made pay for the rest.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.measuring import arguments, environment, run, save, spread, verdict

DISTRIBUTIONS = 260
GOAL_OVER_BARE_MS = 100.0
GOAL_OWN_SHARE_MS = 5.0

DISCOVER = (
    "from model_zoo_api import ModelZoo\n"
    "models = ModelZoo.discover().list_models()\n"
    "assert {} any(card.name == 'yolo_nas_s' for card in models)"
)
VARIANTS = {
    "bare": "pass",
    "tools": "import pluggy, importlib.metadata",
    "without": DISCOVER.format("not"),
    "with": DISCOVER.format(""),
}
OWN_SHARE = """
import time
import pluggy, importlib.metadata
from model_zoo_api import hookspecs, types
start = time.perf_counter()
from yolonas_plugin import provider
providers = list(provider.model_zoo_providers())
print(time.perf_counter() - start)
assert providers[0].models
"""


def main() -> None:
    args = arguments(__doc__, rounds=15)
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder))
        times = measure(Path(folder), args.rounds)
    figures = summarise(times)
    report(figures, args.rounds)
    save(figures, args.json)


def fill(folder: Path) -> None:
    """Write distributions as pip leaves them: each with a script, none with a plugin; and one that hides ours."""
    for index in range(DISTRIBUTIONS):
        write(folder / "site", f"filler-{index}", f"[console_scripts]\nfiller-{index} = filler_{index}:main\n")
    write(folder / "hidden", "yolonas-plugin", "[console_scripts]\nyolonas-plugin = yolonas_plugin.cli:main\n")


def write(site: Path, name: str, entry_points: str) -> None:
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)
    (info / "RECORD").write_text("")


def measure(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each variant, and of the provider's own share; the first round only warms the disk cache."""
    times: dict[str, list[float]] = {name: [] for name in (*VARIANTS, "own_share")}
    for _ in range(rounds + 1):
        for name, code in VARIANTS.items():
            path = [folder / "hidden"] * (name == "without") + [folder / "site"]
            start = time.perf_counter()
            run(code, path=path)
            times[name].append((time.perf_counter() - start) * 1000)
        times["own_share"].append(float(run(OWN_SHARE, path=[folder / "site"])) * 1000)
    return {name: values[1:] for name, values in times.items()}


def summarise(times: dict[str, list[float]]) -> dict[str, object]:
    medians = {name: median(values) for name, values in times.items()}
    over_bare = [full - bare for full, bare in zip(times["with"], times["bare"], strict=True)]
    return {
        **environment(),
        "distributions": DISTRIBUTIONS,
        "variants": {
            name: {
                "median_ms": round(medians[name], 2),
                "min_ms": round(min(values), 2),
                "over_bare_ms": round(medians[name] - medians["bare"], 2),
                "times_bare": round(medians[name] / medians["bare"], 2),
            }
            for name, values in times.items()
            if name != "own_share"
        },
        "provider_in_discovery_ms": round(medians["with"] - medians["without"], 2),
        "discovery_over_bare_ms": {**spread(over_bare), "goal": GOAL_OVER_BARE_MS},
        "own_share_ms": {**spread(times["own_share"]), "goal": GOAL_OWN_SHARE_MS},
    }


def report(figures: dict, rounds: int) -> None:
    print(f"Python {figures['python']}, {figures['machine']}, {DISTRIBUTIONS} distributions, {rounds} rounds\n")
    print(f"{'variant':<10}{'median ms':>11}{'min ms':>9}{'over bare':>11}{'ratio':>8}")
    for name, row in figures["variants"].items():
        print(
            f"{name:<10}{row['median_ms']:>11.1f}{row['min_ms']:>9.1f}{row['over_bare_ms']:>11.1f}{row['times_bare']:>8.2f}"
        )
    print(f"\nwith the provider instead of without: {figures['provider_in_discovery_ms']:+.1f} ms")
    for what, key in (
        ("discovery over a bare interpreter", "discovery_over_bare_ms"),
        ("the provider's own share", "own_share_ms"),
    ):
        row = figures[key]
        print(
            f"{what}: median {row['median']:.1f}, minimum {row['min']:.1f} ms; goal {row['goal']:.0f} ms at most: "
            f"{verdict(row['median'], row['goal'])}"
        )


if __name__ == "__main__":
    main()
