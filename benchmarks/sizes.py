"""What installing the contract, and the plugin with it, brings: packages and MB.

    python -m benchmarks.sizes             # the contract: seconds
    python -m benchmarks.sizes --plugin    # both: 6 GB for a while, and minutes

pip installs the checkout into new environments that have nothing else, pip included, and what lies in their folders of
packages is added up, byte code included.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]


def size(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(Path(place, name).stat().st_size for place, _, names in os.walk(folder) for name in names)


def measure(checkout: Path) -> tuple[int, int]:
    """Install a checkout into an environment of its own; return how many packages came, and their bytes."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, symlinks=os.name != "nt")
        pip = [sys.executable, "-m", "pip", "--python", folder, "install", "--quiet", "--no-cache-dir"]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        subprocess.run([*pip, str(checkout)], cwd=folder, env=environment, check=True)
        (site,) = Path(folder, "lib").glob("python*/site-packages")
        return len(list(distributions(path=[str(site)]))), size(site)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plugin", action="store_true", help="measure the plugin as well")
    wanted = {"model-zoo-api": ROOT / "contract"}
    if parser.parse_args().plugin:
        wanted["yolonas-plugin"] = ROOT
    for name, checkout in wanted.items():
        packages, total = measure(checkout)
        print(f"{name}: {packages} packages, {total / 1e6:,.2f} MB")


if __name__ == "__main__":
    main()
