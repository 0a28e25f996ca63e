"""Our own files of YOLO-NAS-POSE: the source is the model that was saved or trained; and stock Ultralytics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

from safetensors.torch import save_file

from tests.formats.by_us import PROCESSING, saved_and_trained
from tests.formats.pictures import EDGES, FLIP, INPUT, KEYPOINTS, write_pose_data_set
from tests.formats.source import Project, Written, weights
from tests.support import synthetic
from yolonas_plugin import NAS, __version__
from yolonas_plugin.nas.module import attach
from yolonas_plugin.nn import Size
from yolonas_plugin.skeleton import Skeleton


def write(size: str, folder: Path) -> Iterator[Written]:
    template = synthetic.pose_network(cast(Size, size), len(KEYPOINTS)).state_dict()
    save_file(weights(template, INPUT), folder / "bare.safetensors")
    model = NAS(folder / "bare.safetensors", processing=PROCESSING, names=["disc"])
    attach(model.model, replace(model.model.about, skeleton=Skeleton(KEYPOINTS, EDGES, flip_index=FLIP)))
    yield from saved_and_trained(model, folder, write_pose_data_set)


PROJECT = Project(f"yolonas-plugin {__version__}, poses", write)
