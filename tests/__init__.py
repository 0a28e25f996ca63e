"""Tests, and what they share with the programs of ``benchmarks/``."""

import sys
from pathlib import Path

# where the contract's tests are, whose helpers these take: pytest knows of it, the programs of benchmarks/ don't
sys.path.append(str(Path(__file__).parents[1] / "contract" / "tests"))
