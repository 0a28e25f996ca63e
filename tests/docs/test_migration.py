"""What ``docs/migration.md`` says one writes now runs, line by line, with weights as the other package writes them."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml

from benchmarks.loading import write_module
from tests.support import synthetic
from tests.support.bccd import CLASSES
from tests.support.checkpoints import libreyolo, lightning
from tests.support.shapes import NAMES, draw, write_shapes
from yolonas_plugin.cards import COCO_CLASSES
from yolonas_plugin.cli import main
from yolonas_plugin.weights import read_checkpoint

PAGE = (Path(__file__).parents[2] / "docs" / "migration.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## From (\S+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def column(section: str, number: int) -> list[str]:
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
    return [snippet for row in rows for snippet in re.findall(r"`([^`]+)`", row[number - 1])]


def write_weights(section: str, checkpoint: Path) -> None:
    """Write a file as the package of the section does: of three classes, but COCO's for Ultralytics' assets."""
    if section == "ultralytics.NAS":
        write_module(synthetic.network("s").state_dict(), Path("yolo_nas_s.pt"))
        return
    weights = dict(read_checkpoint(checkpoint).state_dict)
    for name in weights:  # for pixels from 0 to 255; these packages give 0 to 1
        if name.startswith("backbone.stem.") and weights[name].ndim == 4:
            weights[name] = weights[name] * 255
    write: dict[str, Callable[[], object]] = {
        "super-gradients": lambda: Path("ckpt_best.pth").symlink_to(checkpoint),
        "modern-yolonas": lambda: torch.save(lightning(weights, input_size=320), "last.ckpt"),
        "LibreYOLO": lambda: torch.save(libreyolo(weights), "best.pt"),
    }
    write[section]()


def write_images(names: tuple[str, ...]) -> None:
    """Write what the snippets name: two pictures, a video, a data set in YOLO's layout with its images."""
    pictures = [np.tile(draw(seed)[0], (3, 4, 1)) for seed in range(2)]
    for name, image in zip(("street.jpg", "other.jpg"), pictures, strict=True):
        cv2.imwrite(name, image)
    height, width = pictures[0].shape[:2]
    video = cv2.VideoWriter("video.mp4", cv2.VideoWriter.fourcc(*"mp4v"), 10, (width, height))
    for image in pictures:
        video.write(image)
    video.release()
    data = yaml.safe_load(write_shapes(Path("set").absolute(), train=2, val=2).read_text())
    Path("data.yaml").write_text(yaml.safe_dump({**data, "names": list(names)}))
    Path("images").symlink_to("set/images/val")


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.usefixtures("one_thread")
def test_the_right_hand_side_runs(section: str, nano: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ultralytics.cfg.ROOT", tmp_path / "engine")  # under pytest the engine puts runs beside it
    write_weights(section, nano)
    names = {"ultralytics.NAS": COCO_CLASSES, "super-gradients": NAMES}.get(
        section, CLASSES
    )  # the page's, or the file's
    write_images(names)
    snippets = column(SECTIONS[section], 2)
    assert len(snippets) >= 8
    namespace: dict[str, object] = {}
    for snippet in snippets:
        if snippet.startswith("yolonas-plugin "):
            assert main(shlex.split(snippet)[1:]) == 0
        else:
            exec(compile(snippet, snippet, "exec"), namespace)
    found = namespace.get("result") or namespace.get("found") or namespace["results"][0]
    assert len(found.boxes) > 0


@pytest.mark.parametrize("section", SECTIONS)
def test_the_left_hand_side_is_python_or_a_command(section: str) -> None:
    for snippet in column(SECTIONS[section], 1):
        if not snippet.startswith("yolonas "):
            ast.parse(snippet)
