"""The other end of ``contestants``: weights and images for all of them, and a process for each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import torch
from safetensors.torch import save_file

from benchmarks import contestants
from benchmarks.contestants import ALL
from benchmarks.loading import write_module
from benchmarks.measuring import ROOT, SET_BY_THE_ENGINE
from tests.formats.source import weights as moderate_weights
from tests.support import synthetic
from tests.support.checkpoints import libreyolo
from tests.support.shared import DATA
from yolonas_plugin import NAS
from yolonas_plugin.cards import COCO_CLASSES
from yolonas_plugin.lean import open_lean
from yolonas_plugin.nas.inference import write_graph
from yolonas_plugin.nn import YoloNAS


class NotRunError(Exception):
    """A contestant can't be run; the message says why."""


class Worker:
    """A contestant in a process of its own, which works only while it is asked.

    Args:
        name: Of the contestant.
        python: Interpreter of its environment.
        folder: What :func:`prepare` filled.

    Raises:
        NotRunError: There is no such interpreter, or the contestant can't be opened or fails on an image.
    """

    def __init__(self, name: str, python: Path, folder: Path) -> None:
        if not python.exists():
            raise NotRunError(f"there is no {python}; CONTRIBUTING.md says how its environment is made")
        self._log = folder / f"{name}.log"
        left_out = {"PYTHONPATH", "VIRTUAL_ENV", "MODEL_ZOO_PLUGINS", *SET_BY_THE_ENGINE}
        inherited = {name: value for name, value in os.environ.items() if name not in left_out}
        given = {"PYTHONPATH": str(ROOT), "YOLONAS_WEIGHTS": str(folder / "cache"), "NO_ALBUMENTATIONS_UPDATE": "1"}
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [python, "-m", "benchmarks.contestants", name, folder],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                bufsize=1,
                cwd=folder,
                env={**inherited, **given},
            )

    def ask(self, source: Path, **settings: Any) -> dict[str, Any]:
        """Let it predict an image or a folder; see ``contestants`` for the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps([str(source), settings]) + "\n")
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self.close()
            last = self._log.read_text(errors="replace").strip().splitlines()[-1:]
            raise NotRunError(f"it ended with {self._process.returncode}: {''.join(last)}")
        found: dict[str, Any] = json.loads(answer)
        return found

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def interpreters(reference: Path, peers: Path) -> dict[str, Path]:
    """Return the interpreter of each environment that contestants name."""
    return {"main": Path(sys.executable), "reference": reference.absolute(), "peers": peers.absolute()}


def start(
    names: list[str], pythons: dict[str, Path], folder: Path, image: Path, **settings: Any
) -> tuple[dict[str, Worker], dict[str, str]]:
    """Start contestants one after the other, each with a first prediction.

    Returns:
        Those that work, and for the others the reason why they don't.
    """
    workers: dict[str, Worker] = {}
    not_run: dict[str, str] = {}
    for name in names:
        print(f"starting {name} ...", file=sys.stderr)
        try:
            worker = Worker(name, pythons[ALL[name].environment], folder)
            worker.ask(image, **settings)
        except NotRunError as error:
            not_run[name] = str(error)
        else:
            workers[name] = worker
    return workers, not_run


def prepare(folder: Path, count: int) -> tuple[YoloNAS, list[Path]]:
    """Write what the contestants need: the same weights for each, our runtimes' caches, and images.

    Returns:
        The network, and ``count`` images in ``folder / "images"``, of BCCD where it is there.
    """
    os.environ["YOLONAS_WEIGHTS"] = str(folder / "cache")
    network = synthetic.network("s")
    weights = moderate_weights(network.state_dict(), contestants.SIDE)
    network.load_state_dict(weights)
    torch.save(weights, folder / contestants.PLAIN)
    torch.save({"net": weights}, folder / contestants.COCO)
    coco = {"nc": len(COCO_CLASSES), "names": dict(enumerate(COCO_CLASSES)), "imgsz": contestants.SIDE}
    torch.save(libreyolo(weights, **coco), folder / contestants.LIBREYOLO)
    write_module(weights, folder / contestants.MODULE)
    save_file(weights, folder / "plain.safetensors")
    NAS(folder / "plain.safetensors").save(folder / contestants.OWN)
    write_graph(NAS(folder / contestants.OWN).model, folder / contestants.GRAPH)
    images = write_images(folder / "images", count)
    write_images(folder / contestants.CALIBRATION, 128)
    open_lean(folder / contestants.OWN, runtime="openvino")(images[0])  # makes and compiles what it finds later
    return network, images


def write_images(folder: Path, count: int) -> list[Path]:
    """Fill a folder with images of BCCD, or with made-up ones of its 640x480."""
    folder.mkdir()
    photographs = sorted((DATA / "bccd" / "JPEGImages").glob("*.jpg"))[:count]
    for index in range(count):
        path = folder / f"{index:03}.jpg"
        if photographs:
            path.symlink_to(photographs[index % len(photographs)])
        else:
            pixels = synthetic.batch(480, 640 + index)[0, :, :, :640]
            cv2.imwrite(str(path), pixels.permute(1, 2, 0).mul(255).byte().numpy())
    return sorted(folder.iterdir())
