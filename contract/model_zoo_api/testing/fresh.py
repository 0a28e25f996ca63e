"""Discovery in a fresh interpreter, which tells what it found, imported and called."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final, TypedDict

from model_zoo_api.allow_list import ALLOW_LIST

HEAVY: Final = frozenset(
    re.findall(
        r"\w+",
        """PIL av cv2 jax keras matplotlib numba numpy onnx onnxruntime openvino pandas pyarrow requests safetensors
        scipy skimage sklearn super_gradients supervision tensorflow timm torch torchvision tqdm transformers triton
        ultralytics""",
    )
)
"""Modules that no plugin may import before one of its factories is used."""


class Asked(TypedDict):
    """What ``ModelZoo`` says: the cards (as ``repr``) by provider, and the problems."""

    providers: dict[str, str]
    problems: list[str]


class Discovery(TypedDict):
    """What happened when a process discovered one plugin.

    ``zoo`` and ``again`` are two discoveries by ``ModelZoo``; ``pluggy`` has the cards by provider that pluggy alone
    found, or its error; ``network`` the calls that were stopped; ``imported`` the modules that were not there before.
    """

    zoo: Asked
    again: Asked
    pluggy: dict[str, str] | str
    network: list[str]
    imported: list[str]


_PROGRAM: Final = """
import json, sys
import pluggy
from model_zoo_api import hookspecs
from model_zoo_api.zoo import ModelZoo

entry_point, answer = sys.argv[1:]
network = []

def watch(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        target = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):  # no path of a local socket
        target = arguments[1]
    else:
        return
    network.append(f"{event} {target!r}")
    raise OSError("discovery may not use the network")

def describe(providers):
    return {provider.name: repr(provider.models) for provider in providers}

def ask_zoo():
    zoo = ModelZoo.discover()
    return {"providers": describe(zoo.providers.values()), "problems": [str(problem) for problem in zoo.problems]}

def ask_pluggy():
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.load_setuptools_entrypoints(hookspecs.GROUP, entry_point)
    return describe(provider for found in manager.hook.model_zoo_providers() for provider in found)

before = set(sys.modules)
sys.addaudithook(watch)
said = {"zoo": ask_zoo(), "again": ask_zoo()}
try:
    said["pluggy"] = ask_pluggy()
except BaseException as error:
    said["pluggy"] = f"{type(error).__name__}: {error}"
said |= {"network": network, "imported": sorted(set(sys.modules) - before)}
with open(answer, "w", encoding="utf-8") as file:
    json.dump(said, file)
"""


def discover_afresh(entry_point: str, folder: Path, timeout: float) -> Discovery:
    """Discover the plugins of one entry point's name in a fresh interpreter that may not use the network.

    Args:
        entry_point: Its name in the group ``model_zoo``.
        folder: An empty folder to work in.
        timeout: Seconds it may take.

    Raises:
        AssertionError: The interpreter ended before it could answer.
        subprocess.TimeoutExpired: It took too long.
    """
    answer = folder / "discovery.json"
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, entry_point, str(answer)],
        env={**os.environ, ALLOW_LIST: entry_point},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert answer.exists(), f"discovery ended the process with exit status {done.returncode}:\n{done.stderr}"
    said: Discovery = json.loads(answer.read_text(encoding="utf-8"))
    return said
