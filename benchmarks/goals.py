"""The goals of speed and memory, and whether a run meets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from benchmarks.measuring import verdict


class Goal(NamedTuple):
    """One contestant takes at most ``ratio`` of the other's time, or of its memory."""

    name: str
    other: str
    ratio: float
    figure: str = "time"

    def judge(self, figures: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, Any]:
        """Return the goal and, where both ran, the median of the rounds' ratios and a verdict.

        Args:
            figures: For ``time`` and ``peak memory``, of each contestant the figure of each round.
        """
        judged: dict[str, Any] = {"what": f"{self.figure} of {self.name} vs {self.other}", "goal": self.ratio}
        ours, theirs = (figures[self.figure].get(name) for name in (self.name, self.other))
        if ours and theirs:
            ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
            judged |= {"ratio": round(ratio, 3), "verdict": verdict(ratio, self.ratio)}
        return judged


GOALS = (
    Goal("torch", "ultralytics.NAS", 0.52),
    Goal("torch", "modern-yolonas", 0.57),
    Goal("torch", "LibreYOLO", 0.57),
    Goal("openvino", "raw openvino", 1.06),
    Goal("openvino bf16", "ultralytics.NAS", 0.26),
    Goal("openvino int8", "ultralytics.NAS", 0.18),
    Goal("torch", "ultralytics.NAS", 0.8, "peak memory"),
    # the second round's
    Goal("torch", "raw openvino", 1.15),
    Goal("torch bf16", "openvino bf16", 1.15),
    Goal("torch", "ultralytics.NAS", 0.75, "peak memory"),
)

FASTEST_FOLDER = 1.15
"""Times the images per second one by one, of the contestant that is fastest in a folder; of the first round."""

FOLDER = {"fp32": 1.1, "bf16": 1.25, "int8": 1.25}
"""The same of each contestant, by its precision."""
