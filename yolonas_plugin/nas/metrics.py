"""What is measured of each task, as the engine keeps and prints it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from ultralytics.utils.metrics import DetMetrics, PoseMetrics, ap_per_class

from yolonas_plugin.nas.oks import average_precisions


class KeypointMetrics(PoseMetrics):
    """The engine's metrics of boxes, and of keypoints, which are COCO's: see :mod:`yolonas_plugin.nas.oks`.

    Attributes:
        stats: The engine's, and for each image ``tp_p`` and ``nothing_p``, hits and what counts for nothing [N, 10],
            and ``target_p``, the class of each label that counts.
    """

    def __init__(self, names: dict[int, str] | None = None) -> None:
        super().__init__(names or {})
        self.stats.update(nothing_p=[], target_p=[])

    def process(self, save_dir: Path = Path(), plot: bool = False, on_plot: Any = None) -> dict[str, np.ndarray]:
        """Compute what was collected; arguments and result are the engine's.

        Precision, recall and curves are those of the detections that count at the lowest threshold.
        """
        stats: dict[str, np.ndarray] = DetMetrics.process(self, save_dir, plot, on_plot=on_plot)
        if not stats:
            return stats
        counted = ~stats["nothing_p"][:, 0]
        hits, scores, labels = (stats[name][counted] for name in ("tp_p", "conf", "pred_cls"))
        how = {"plot": plot, "on_plot": on_plot, "save_dir": save_dir, "names": self.names, "prefix": "Pose"}
        p, r, f1, ap, *rest = ap_per_class(hits, scores, labels, stats["target_p"], **how)[2:]
        if len(ap):
            ap = average_precisions(stats["tp_p"], stats["nothing_p"], stats["conf"], len(stats["target_p"]))[None]
        self.pose.nc = len(self.names)
        self.pose.update((p, r, f1, ap, *rest))
        return stats


class Measured(NamedTuple):
    """What is measured of a task.

    Attributes:
        metrics: The class that computes it.
        columns: What has precision, recall and mAP, in the order of the engine's table.
        candidates: For NMS, as in super-gradients' recipes.
    """

    metrics: type[DetMetrics]
    columns: tuple[str, ...]
    candidates: int


MEASURED: Final = {
    "detect": Measured(DetMetrics, ("Box",), candidates=1000),
    "pose": Measured(KeypointMetrics, ("Box", "Pose"), candidates=300),
}
"""By task."""
