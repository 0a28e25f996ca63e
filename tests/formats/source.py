"""Write the files of one project, and what the project itself predicts from them; it runs in the project's environment.

    python -m tests.formats.source PROJECT SIZE FOLDER [--golden]

``PROJECT`` is one of the modules ``by_*`` beside this one. ``FOLDER`` has the pictures; it gets the files, for each of
them its predictions as ``NUMBER.npz``, and ``index.json``.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from tests.formats import skeleton
from tests.support import synthetic
from yolonas_plugin.tasks import TASKS
from yolonas_plugin.weights import Checkpoint


class Opened(NamedTuple):
    """A file as its project opened it.

    Attributes:
        network: From images [B, 3, H, W] to boxes [B, A, 4] and scores [B, A, C], for poses also keypoints
            [B, A, K, 2] and their scores [B, A, K]; maybe in a pair with more.
        predict: From an image file to rows x1, y1, x2, y2 (pixels of the image), score, class, for poses also x, y and
            score of each keypoint [N, 6 + 3K]; the project's own defaults apply.
        weights: Where the network's tensors are.
    """

    network: Callable[[Tensor], Any]
    predict: Callable[[Path], np.ndarray]
    weights: nn.Module


class Written(NamedTuple):
    """A file that a project wrote.

    Attributes:
        kind: What it is, for the table.
        path: Where.
        open: The project's own way to read it.
        names: The classes' names as the project knows them from the file; None where it has none.
        edges: The same of the bones between keypoints.
        refused: Words with which we refuse the file, where we do.
        golden: Name of its skeleton in ``tests/golden``, if it has one.
    """

    kind: str
    path: Path
    open: Callable[[Path], Opened]
    names: Sequence[str] | None = None
    golden: str | None = None
    edges: Sequence[tuple[int, int]] | None = None
    refused: str | None = None


class Project(NamedTuple):
    """A project that writes weight files: its name and version, and what writes them for a size, one after another."""

    name: str
    write: Callable[[str, Path], Iterator[Written]]


def weights(template: Mapping[str, Tensor], side: int, maximum: float = 1.0, score: float = 0.3) -> dict[str, Tensor]:
    """Return synthetic weights of a network that finds about a hundred things.

    As ``tests/support/synthetic.py`` makes them, they find thousands, all certain; which of these are left after NMS
    and the cut at 300 hangs on the last bit of a score.

    Args:
        template: A network's state dict, for names and shapes.
        side: Of its input, in pixels.
        maximum: Highest value of the images' pixels, 1 or 255.
        score: Of the hundredth thing; a little above what the file's reader leaves out.
    """
    pose = any("pose_pred" in name for name in template)
    state = synthetic.state_dict(template, synthetic.SMALL if pose else 1.0)
    for branch in ("branch_3x3.conv", "branch_1x1"):
        state[f"backbone.stem.conv.{branch}.weight"] /= maximum
    network = Checkpoint.from_state_dict(state, Path("synthetic")).build()
    with torch.no_grad():
        scores = network(synthetic.batch(side, side) * maximum)[1]
    hundredth = torch.logit(scores).flatten().topk(100).values[-1]
    for head in (1, 2, 3):  # of poses the first is the object's, the others are its keypoints'
        state[f"heads.head{head}.cls_pred.bias"][: 1 if pose else None] += math.log(score / (1 - score)) - hundredth
    return state


def forward(network: Callable[[Tensor], Any]) -> dict[str, Tensor]:
    """Return what a network gives for the prepared image that all are compared on, by the names of its outputs."""
    with torch.no_grad():
        output = network(synthetic.batch(320, 320))
    return dict(zip(TASKS["pose"].outputs, output[0] if isinstance(output[0], tuple) else output, strict=False))


def record(written: Written, number: int, folder: Path) -> dict[str, Any]:
    """Let the project predict from the file, and return the file's entry in the index."""
    names = None if written.names is None else list(map(str, written.names))
    entry = {"kind": written.kind, "path": str(written.path), "refused": written.refused}
    if written.refused:
        return entry
    opened = written.open(written.path)
    outputs = {name: output.numpy() for name, output in forward(opened.network).items()}
    pictures = sorted(folder.glob("*.png"))
    rows = {picture.name: opened.predict(picture).astype(np.float32) for picture in pictures}
    np.savez(folder / f"{number}.npz", **outputs, **rows)
    return {**entry, "predictions": f"{number}.npz", "names": names, "edges": written.edges}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("project")
    parser.add_argument("size")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--golden", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    project: Project = import_module(f"tests.formats.by_{args.project}").PROJECT
    os.chdir(args.folder)  # some leave logs and caches where they run
    entries = []
    for number, written in enumerate(project.write(args.size, args.folder)):
        entries.append(record(written, number, args.folder))
        if args.golden and written.golden:
            skeleton.take(written.path, written.golden, written.open)
    versions = f"Python {platform.python_version()}, torch {torch.__version__.partition('+')[0]}"
    index = {"project": project.name, "versions": versions, "files": entries}
    (args.folder / "index.json").write_text(json.dumps(index, indent=1))


if __name__ == "__main__":
    main()
