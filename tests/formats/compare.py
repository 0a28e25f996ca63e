"""Read a file that a project wrote, and compare what is predicted from it here with what the project predicted."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torchvision.ops import box_iou

from tests.formats.source import forward
from yolonas_plugin import NAS
from yolonas_plugin.cli import main as command_line
from yolonas_plugin.errors import ProcessingError, YoloNASPluginError
from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.weights import Checkpoint, read_checkpoint
from yolonas_plugin.weights.write import ENDINGS

MAX_PIXELS, MAX_SCORE = 0.05, 1e-4
"""How far boxes and scores of equal networks may lie apart: a fused one is read as an unfused one."""

PIXELS = ("boxes", "keypoints")
"""Outputs in pixels; the others are scores."""


class Agreement(NamedTuple):
    """How the boxes and keypoints on a picture agree, the project's and ours, clipped to it.

    Attributes:
        expected: Number of the project's.
        found: Number of ours.
        pixels: For each pair (same class, IoU over 0.5, the likest first): largest difference of its numbers in pixels.
        scores: For each pair: largest difference of the scores.
    """

    expected: int
    found: int
    pixels: np.ndarray
    scores: np.ndarray

    def __str__(self) -> str:
        paired = len(self.pixels)
        if paired == self.expected == self.found:
            return f"{paired}: {_worst(self.pixels)} px, {_worst(self.scores)}"
        more = f", and {self.found - paired} more" if self.found > paired else ""
        middle = f" (medians {np.median(self.pixels):.2g} px, {np.median(self.scores):.1g})" if paired else ""
        return f"{paired} of {self.expected}{more}{middle}"


class Row(NamedTuple):
    """A row of the table; see docs/formats.md for what the columns mean.

    ``agrees`` is whether all is as it should be: see ``tests.formats.table``.
    """

    kind: str
    size: str
    megabytes: str
    loads: str
    classes: str = ""
    processing: str = ""
    network: str = ""
    pictures: tuple[str, ...] = ()
    converted: str = ""
    agrees: bool = False


def compare(entry: Mapping[str, Any], size: str, folder: Path) -> Row:
    """Return the row of a file from its entry in a project's index (``tests.formats.source``)."""
    path = Path(entry["path"])
    row = Row(entry["kind"], size, f"{path.stat().st_size / 1e6:.0f}", "yes")
    try:
        checkpoint = read_checkpoint(path)
        model, given = load(path)
    except YoloNASPluginError as error:
        expected = bool(entry["refused"]) and entry["refused"] in str(error)
        message = str(error).replace(str(path), path.name)
        return row._replace(loads=f"{'refused' if expected else 'no'}: {message}", agrees=expected)
    if entry["refused"]:
        return row._replace(loads="yes, and should be refused")
    if (checkpoint.size, len(model.model.names)) != (size, checkpoint.num_classes):
        return row._replace(loads=f"no: it was taken for a {checkpoint.size}")
    with np.load(folder / entry["predictions"]) as expected:
        apart = {
            name: np.abs(ours.numpy() - expected[name]).max() for name, ours in forward(checkpoint.build()).items()
        }
        pixels, scores = (
            max(value for name, value in apart.items() if (name in PIXELS) is kind) for kind in (True, False)
        )
        pictures = tuple(
            str(agreement(model, picture, expected[picture.name])) for picture in sorted(folder.glob("*.png"))
        )
    skeleton = model.skeleton
    named = (list(model.model.names.values()) == entry["names"] or entry["names"] is None) and (
        entry["edges"] is None or (skeleton is not None and list(map(list, skeleton.edges)) == entry["edges"])
    )
    converted = convert(path, checkpoint, model, given)
    return row._replace(
        classes=classes(checkpoint, entry["names"]) if named else "differ",
        processing=processing(checkpoint.processing, given),
        network=f"{_worst(pixels)} px, {_worst(scores)}",
        pictures=pictures,
        converted=", ".join(f"`{ending}`" for ending in converted) or "no",
        agrees=bool(named and converted == list(ENDINGS) and pixels < MAX_PIXELS and scores < MAX_SCORE),
    )


def load(path: Path) -> tuple[NAS, str | None]:
    """Return the model, and the processing that had to be said for it."""
    try:
        return NAS(path), None
    except ProcessingError:
        preset = {"detect": "coco", "pose": "pose"}[read_checkpoint(path, own_processing=False).task]
        return NAS(path, processing=preset), preset


def agreement(model: NAS, picture: Path, expected: np.ndarray) -> Agreement:
    (result,) = model.predict(str(picture), verbose=False)
    height, width = cv2.imread(str(picture)).shape[:2]
    found = result.boxes.data.numpy()
    if result.keypoints is not None:
        found = np.hstack((found, result.keypoints.data.flatten(1).numpy()))
    ours, theirs = (on_picture(rows, height, width) for rows in (found, expected))
    likeness = box_iou(torch.from_numpy(theirs[:, :4]), torch.from_numpy(ours[:, :4])).numpy()
    candidates = np.argwhere((likeness > 0.5) & (theirs[:, None, 5] == ours[None, :, 5]))
    likeness -= np.abs(theirs[:, None, 4] - ours[None, :, 4])  # clipped boxes may be equal
    pairs: dict[int, int] = {}
    for i, j in sorted(candidates.tolist(), key=lambda pair: -likeness[tuple(pair)]):
        if i not in pairs and j not in pairs.values():
            pairs[i] = j
    difference = np.abs(theirs[[*pairs.keys()]] - ours[[*pairs.values()]])
    scores = [4, *range(8, difference.shape[1], 3)]
    pixels = [column for column in range(difference.shape[1]) if column not in (5, *scores)]
    return Agreement(len(theirs), len(ours), difference[:, pixels].max(axis=1), difference[:, scores].max(axis=1))


def on_picture(rows: np.ndarray, height: int, width: int) -> np.ndarray:
    """Clip boxes and keypoints to the picture; boxes beside it, which some keep and some don't, are left out."""
    rows = rows.copy()
    rows[:, :4] = np.clip(rows[:, :4], 0, (width, height, width, height))
    for first, side in ((6, width), (7, height)):
        rows[:, first::3] = np.clip(rows[:, first::3], 0, side)
    return rows[(rows[:, 2] > rows[:, 0]) & (rows[:, 3] > rows[:, 1])]


def classes(checkpoint: Checkpoint, names: list[str] | None) -> str:
    if checkpoint.num_keypoints:
        where = "from the file" if checkpoint.skeleton is not None else "not in it"
        return f"{checkpoint.num_keypoints} keypoints, {where}"
    where = "from the file" if checkpoint.class_names is not None else "not in it" if names is None else "COCO's"
    return f"{checkpoint.num_classes}, {where}"


def processing(found: ProcessingSpec | None, given: str | None) -> str:
    if found is None:
        return "must be said" if given else "COCO's"
    values = "0-1" if found.divisor == 255 else "0-255"
    place = "centre" if found.padding == "center" else "top left"
    return f"{found.channels} {values}, {found.resize[0]} in {found.size[0]}, {place}"


def convert(path: Path, checkpoint: Checkpoint, model: NAS, given: str | None) -> list[str]:
    """Return the endings of our own kinds of file to which ``yolonas-plugin convert`` takes everything, to the bit."""
    same = []
    for ending in ENDINGS:
        output = path.with_name(f"converted{ending}")
        arguments = ["convert", "--weights", str(path), "--output", str(output)]
        with contextlib.redirect_stdout(io.StringIO()):
            assert command_line([*arguments, *(["--processing", given] if given else [])]) == 0
        found = read_checkpoint(output)
        if (
            found.state_dict.keys() == checkpoint.state_dict.keys()
            and all(torch.equal(tensor, checkpoint.state_dict[name]) for name, tensor in found.state_dict.items())
            and found.processing == model.processing
            and found.class_names == tuple(model.model.names.values())
            and found.skeleton == model.skeleton
        ):
            same.append(ending)
        output.unlink()
    return same


def _worst(values: Any) -> str:
    worst = np.max(values, initial=0)
    return f"{worst:.0e}".replace("e-0", "e-") if worst else "0"
