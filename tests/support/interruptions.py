"""Stop saving, exporting and caching at random moments, and see that nothing good is lost and nothing half is left.

``python -m tests.support.interruptions FOLDER ROUNDS [JOB ...]`` works in ``FOLDER``: ``ROUNDS`` processes are killed,
as many get Ctrl-C, and as many run into a limit on the size of files, each at a random moment of the jobs in turn. It
prints what happened, in JSON; ``YOLONAS_SEED`` chooses other moments. Processes are forked, after the imports and
before anything has threads.
"""

from __future__ import annotations

import collections
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import onnx
import openvino
import torch

from tests.support import synthetic
from yolonas_plugin.errors import YoloNASPluginError
from yolonas_plugin.info import ModelInfo
from yolonas_plugin.nas import NAS
from yolonas_plugin.nas.inference import make_graph
from yolonas_plugin.processing import COCO
from yolonas_plugin.runtimes.cache import is_whole
from yolonas_plugin.weights import read_checkpoint
from yolonas_plugin.weights.write import write_safetensors

SEED = "YOLONAS_SEED"
"""Environment variable: a number that chooses the moments."""

SMALL = {"imgsz": 64, "overwrite": True}


class Job:
    """Something that writes ``target``, and how to see that it is good."""

    def __init__(self, target: str, work: Callable[[NAS, Path], object], opens: Callable[[Path], object]) -> None:
        self.target, self.work, self.opens = target, work, opens


def kept(folder: Path) -> None:
    entries = [path for path in folder.iterdir() if path.is_dir()]
    if not all(is_whole(entry) for entry in entries if (folder / f"{entry.name}.json").exists()):
        raise ValueError("damaged")


JOBS = {
    "pt": Job("x.pt", lambda model, folder: model.save(folder / "x.pt"), read_checkpoint),
    "safetensors": Job("x.safetensors", lambda model, folder: model.save(folder / "x.safetensors"), read_checkpoint),
    "onnx": Job(
        "w.onnx",
        lambda model, folder: model.export("onnx", output=folder, simplify=False, **SMALL),
        lambda path: onnx.checker.check_model(onnx.load(path)),
    ),
    "openvino": Job(
        "w_openvino_model",
        lambda model, folder: model.export("openvino", output=folder, **SMALL),
        lambda path: openvino.Core().read_model(path / "w.xml"),
    ),
    "torchscript": Job(
        "w.torchscript", lambda model, folder: model.export("torchscript", output=folder, **SMALL), torch.jit.load
    ),
    "triton": Job(
        "w",
        lambda model, folder: model.export("triton", output=folder, simplify=False, **SMALL),
        lambda path: onnx.checker.check_model(onnx.load(path / "1" / "model.onnx")),
    ),
    "cache": Job("runtimes", lambda model, folder: make_graph(model.model, model.runtime), kept),
}


def forked(work: Callable[[], object], during: Callable[[int], object] = lambda child: None) -> int:
    """Do something in a process of its own; its exit status: 0, 3 for Ctrl-C, 4 for an error of ours, 5 for another."""
    begun, tell = os.pipe()
    child = os.fork()
    if not child:
        status = 5
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.write(tell, b"!")  # before, Python would drop a Ctrl-C in what it does after a fork
            work()
            status = 0
        except KeyboardInterrupt:
            status = 3
        except YoloNASPluginError as error:
            print(error, file=sys.stderr)
            status = 4
        except BaseException as error:
            print(type(error).__name__, error, file=sys.stderr)
        finally:
            os._exit(status)
    os.read(begun, 1)
    os.close(begun)
    os.close(tell)
    during(child)
    deadline = time.monotonic() + 120
    while not (found := os.waitpid(child, os.WNOHANG))[0]:
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.002)
    return os.waitstatus_to_exitcode(found[1])


def digest(path: Path) -> str:
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return hashlib.sha256(b"".join(str(file).encode() + file.read_bytes() for file in files)).hexdigest()


def left(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*.tmp")]


class Trial:
    """A job in a folder, with what was seen."""

    def __init__(self, name: str, root: Path, models: list[NAS], rng: random.Random) -> None:
        self.name, self.job, self.models, self.rng = name, JOBS[name], models, rng
        self.folder = root / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.target = self.folder / self.job.target
        self.seen: collections.Counter[str] = collections.Counter()
        self.turn = 0
        self.write()
        begun = time.monotonic()
        self.write()
        self.duration = time.monotonic() - begun

    def run(self, model: NAS) -> None:
        torch.set_num_threads(1)
        os.environ["YOLONAS_WEIGHTS"] = str(self.folder)
        self.job.work(model, self.folder)

    def prepare(self) -> None:
        """Empty the cache, so that something is written; here, since what is killed while it removes leaves half."""
        if self.name == "cache":
            shutil.rmtree(self.target, ignore_errors=True)

    def write(self) -> None:
        self.turn += 1
        self.prepare()
        if forked(lambda: self.run(self.models[self.turn % 2])):
            self.seen["BAD: a whole run failed"] += 1

    def check(self, before: str, what: str) -> None:
        if self.target.exists() and digest(self.target) == before:
            self.seen[f"{what}: the old one is there"] += 1
        elif self.name == "cache" and not self.target.exists():
            self.seen[f"{what}: nothing is there"] += 1
        elif self.target.exists() and forked(lambda: self.job.opens(self.target)) == 0:
            self.seen[f"{what}: the new one is there"] += 1
        else:
            self.seen[f"BAD: {what}: destroyed"] += 1

    def moment(self) -> float:
        return self.rng.uniform(0, 1.05) * self.duration

    def kill(self) -> None:
        self.prepare()
        before = digest(self.target)

        def stop(child: int) -> None:
            time.sleep(self.moment())
            os.kill(child, signal.SIGKILL)

        forked(lambda: self.run(self.models[self.turn % 2]), stop)
        self.check(before, "killed")
        if left(self.folder):
            self.seen["killed: something half was left"] += 1
            self.write()
            self.seen["BAD: killed: and stayed"] += bool(left(self.folder))

    def interrupt(self) -> None:
        self.prepare()
        before = digest(self.target)

        def work() -> None:
            self.run(self.models[self.turn % 2])
            time.sleep(100)

        def stop(child: int) -> None:
            time.sleep(0.05 + self.moment())
            os.kill(child, signal.SIGINT)

        status = forked(work, stop)
        if status != 3:
            self.seen[f"BAD: Ctrl-C: ended with {status}"] += 1
        self.check(before, "Ctrl-C")
        self.seen["BAD: Ctrl-C: something half was left"] += bool(left(self.folder))

    def fill(self) -> None:
        before = digest(self.target)
        if self.name == "cache":
            return
        largest = max(file.stat().st_size for file in (self.target, *self.target.rglob("*")) if file.is_file())

        def work() -> None:
            limit = int(self.rng.uniform(0.001, 0.95) * largest)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            self.run(self.models[self.turn % 2])

        status = forked(work)
        if status != 4:
            self.seen[f"BAD: full: ended with {status}"] += 1
        self.check(before, "full")
        self.seen["BAD: full: something half was left"] += bool(left(self.folder))


def weights(folder: Path) -> list[NAS]:
    """Return two models of the same form with other weights, of files of the same name."""
    models = []
    for name, factor in (("a", 1.0), ("b", 0.5)):
        state = {key: value * factor if key.endswith("bias") else value for key, value in _state().items()}
        path = folder / name / "w.safetensors"
        write_safetensors(path, state, ModelInfo(size="n", names=("x", "y"), processing=COCO.with_size((64, 64))))
        models.append(NAS(path))
    return models


def _state() -> dict[str, torch.Tensor]:
    return dict(synthetic.network("n", num_classes=2).state_dict())


def main(folder: Path, rounds: int, names: list[str]) -> dict[str, dict[str, int]]:
    torch.set_num_threads(1)
    rng = random.Random(int(os.environ.get(SEED, "0")))
    models = weights(folder / "weights")
    trials = [Trial(name, folder, models, rng) for name in names]
    for number in range(rounds):
        trial = trials[number % len(trials)]
        trial.kill()
        trial.interrupt()
        trial.fill()
        rng.random()  # each forked process begins with another state
    return {trial.name: {key: n for key, n in sorted(trial.seen.items()) if n} for trial in trials}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] or list(JOBS)), indent=1))
