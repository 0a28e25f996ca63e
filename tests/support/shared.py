"""The data outside the repository: BCCD and the checkpoint that super-gradients trained on it."""

from __future__ import annotations

import os
from pathlib import Path

DATA = Path(os.environ.get("YOLONAS_SHARED") or Path(__file__).parents[3] / "shared") / "data"
"""The folder with BCCD and the checkpoint that super-gradients trained on it."""

CHECKPOINT = DATA / "checkpoints" / "sg_yolo_nas_s_bccd_ckpt_best.pth"


def bccd_images(split: str = "test") -> list[Path]:
    names = (DATA / "bccd" / "ImageSets" / "Main" / f"{split}.txt").read_text().split()
    return [DATA / "bccd" / "JPEGImages" / f"{name}.jpg" for name in names]
