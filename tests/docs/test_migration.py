"""What ``docs/migration.md`` says one writes now runs, line by line, with weights as the other package writes them."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
import torch
import yaml

from benchmarks.loading import write_module
from tests.support import synthetic
from tests.support.bccd import CLASSES, write_yolo
from tests.support.checkpoints import libreyolo, lightning
from tests.support.shared import bccd_images
from yolonas_plugin.cards import COCO_CLASSES
from yolonas_plugin.cli import main
from yolonas_plugin.weights import read_checkpoint

PAGE = (Path(__file__).parents[2] / "docs" / "migration.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## From (\S+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def column(section: str, number: int) -> list[str]:
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
    return [snippet for row in rows for snippet in re.findall(r"`([^`]+)`", row[number - 1])]


def write_weights(section: str, checkpoint: Path) -> None:
    """Write a file as the package of the section does: BCCD's weights, but COCO's classes for Ultralytics' assets."""
    if section == "ultralytics.NAS":
        write_module(synthetic.network("s").state_dict(), Path("yolo_nas_s.pt"))
        return
    weights = dict(read_checkpoint(checkpoint).state_dict)
    for name in weights:  # trained on BGR from 0 to 255; these packages give RGB from 0 to 1
        if name.startswith("backbone.stem.") and weights[name].ndim == 4:
            weights[name] = weights[name].flip(1) * 255
    write: dict[str, Callable[[], object]] = {
        "super-gradients": lambda: Path("ckpt_best.pth").symlink_to(checkpoint),
        "modern-yolonas": lambda: torch.save(lightning(weights, input_size=320), "last.ckpt"),
        "LibreYOLO": lambda: torch.save(libreyolo(weights), "best.pt"),
    }
    write[section]()


def write_images(bccd: Path, names: tuple[str, ...], splits: Path) -> None:
    paths = bccd_images()[:2]
    for name, path in zip(("street.jpg", "other.jpg"), paths, strict=True):
        Path(name).symlink_to(path)
    video = cv2.VideoWriter("video.mp4", cv2.VideoWriter.fourcc(*"mp4v"), 10, (640, 480))
    for path in paths:
        video.write(cv2.imread(str(path)))
    video.release()
    splits.mkdir(parents=True)
    (splits / "few.txt").write_text("\n".join(path.stem for path in paths))
    for folder in ("Annotations", "JPEGImages"):
        (splits.parents[1] / folder).symlink_to(bccd / folder)
    data = yaml.safe_load(write_yolo(Path("set").absolute(), splits.parents[1], "few").read_text())
    Path("data.yaml").write_text(yaml.safe_dump({**data, "names": list(names)}))
    Path("images").symlink_to("set/images")


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.usefixtures("one_thread")
def test_the_right_hand_side_runs(
    section: str, bccd_checkpoint: Path, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ultralytics.cfg.ROOT", tmp_path / "engine")  # under pytest the engine puts runs beside it
    write_weights(section, bccd_checkpoint)
    names = COCO_CLASSES if section == "ultralytics.NAS" else CLASSES
    write_images(shared_data / "bccd", names, tmp_path / "bccd" / "ImageSets" / "Main")
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
