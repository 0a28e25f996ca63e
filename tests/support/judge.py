"""Read files, each in a process of its own, and say what came of it: ``python -m tests.support.judge FILES``.

Prints one JSON object per file: its outcome, the seconds of the processor and the megabytes of memory that reading and
building took, and the audited events (commands, imports of pickle's making) that must not happen.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

import torch

from tests.support.audit import FORBIDDEN
from yolonas_plugin.errors import YoloNASPluginError
from yolonas_plugin.weights import read_checkpoint

LIMIT = 20


def judge(path: Path) -> dict[str, Any]:
    """Read ``path`` and build its network; for a process that does nothing else."""
    events: list[str] = []
    sys.addaudithook(lambda event, _: events.append(event) if event.startswith(FORBIDDEN) else None)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    try:
        read_checkpoint(path).build()
        outcome, message = "model", ""
    except YoloNASPluginError as error:
        outcome, message = "refused", str(error)
    except BaseException as error:
        outcome, message = "crash", f"{type(error).__name__}: {error}"
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "outcome": outcome,
        "message": message[:1000],
        "seconds": seconds,
        "megabytes": (peak - before) / 1024,
        "events": events,
    }


def main(paths: list[str]) -> None:
    torch.set_num_threads(1)
    for path in paths:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            signal.alarm(LIMIT)
            os.write(write, json.dumps(judge(Path(path))).encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            answer = pipe.read()
        _, status = os.waitpid(child, 0)
        died = {"outcome": f"died with status {status}", "message": "", "seconds": LIMIT, "megabytes": 0, "events": []}
        print(json.dumps({"path": path, **(json.loads(answer) if answer else died)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
