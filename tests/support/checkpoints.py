"""Weight files as super-gradients, modern-yolonas and LibreYOLO write them, and what the reader says of bad ones."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.support import synthetic
from tests.support.nano import processing_params
from yolonas_plugin.errors import CheckpointError, YoloNASPluginError
from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.weights import read_checkpoint

StateDict = dict[str, Tensor]

PARAMS = processing_params(320, ("RBC", "WBC", "Platelets"), conf=0.5, iou=0.65)

PROCESSING = ProcessingSpec(
    size=(320, 320),
    resize=(320, 320),
    padding="bottom_right",
    channels="BGR",
    divisor=1.0,
    conf=0.5,
    iou=0.65,
)


def training_checkpoint(weights: StateDict, **entries: Any) -> dict[str, Any]:
    """What super-gradients' Trainer saves."""
    net = {name: tensor + 1 for name, tensor in weights.items()}
    return {
        "net": net,
        "acc": torch.tensor(0.48),
        "epoch": 35,
        "metrics": {"mAP": 0.48},
        "packages": {"torch": "2.3.1"},
        "ema_net": weights,
        "processing_params": PARAMS,
    } | entries


def save_legacy(content: Any, path: Path) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=False)


def as_module(weights: StateDict) -> nn.Module:
    """Return the weights in a module of which the reader knows nothing, with a buffer that isn't saved."""
    network = synthetic.network("n", num_classes=3)
    network.load_state_dict(weights)
    network.heads.head1.register_buffer("identity", torch.ones(3), persistent=False)
    return network


def prefixed(weights: StateDict, prefix: str) -> StateDict:
    return {f"{prefix}{name}": tensor for name, tensor in weights.items()}


def lightning(weights: StateDict, **settings: Any) -> dict[str, Any]:
    """What Lightning's Trainer saves of modern-yolonas 0.5."""
    return {
        "epoch": 3,
        "global_step": 30,
        "pytorch-lightning_version": "2.6.6",
        "state_dict": prefixed(weights, "model."),
        "loops": {},
        "callbacks": {},
        "optimizer_states": [],
        "lr_schedulers": [],
        "hparams_name": "kwargs",
        "hyper_parameters": {"num_classes": 3, "lr": 2e-4, **settings},
        "ema_state_dict": weights,
        "ema_updates": 30,
    }


def libreyolo(weights: StateDict, **entries: Any) -> dict[str, Any]:
    """What LibreYOLO 1.6 saves."""
    return {
        "model": weights,
        "schema_version": "1.0",
        "libreyolo_version": "1.6.0",
        "model_family": "yolonas",
        "size": "s",
        "task": "detect",
        "nc": 3,
        "names": {0: "RBC", 1: "WBC", 2: "Platelets"},
        "imgsz": 320,
    } | entries


SMALL: dict[str, bytes] = {}


def small_files(folder: Path) -> dict[str, bytes]:
    """Real files of everything at once, small enough to be cut and spliced."""
    content = training_checkpoint(
        {"a.b": torch.zeros(2)}, optimizer=torch.nn.Linear(1, 1), path=Path("x"), size=torch.Size((1,))
    )
    writers = {
        "zip": lambda path: torch.save(content, path),
        "protocol 5": lambda path: torch.save(content, path, pickle_protocol=5),
        "legacy": lambda path: save_legacy(content, path),
        "safetensors": lambda path: save_file({"a.b": torch.zeros(2)}, path),
        "bare": lambda path: path.write_bytes(pickle.dumps({"a": [1.5, "b", (None, True)]}, 4)),
    }
    for name, write in writers.items():
        write(folder / "small")
        SMALL[name] = (folder / "small").read_bytes()
    return SMALL


def refused(path: Path, *words: str, error: type[Exception] = CheckpointError) -> str:
    with pytest.raises(error) as caught:
        read_checkpoint(path)
    assert str(path) in str(caught.value)
    for word in words:
        assert word in str(caught.value)
    assert isinstance(caught.value, (YoloNASPluginError, FileNotFoundError))
    return str(caught.value)
