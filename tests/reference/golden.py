"""Write what super-gradients computes to ``tests/golden``, for the suites that run without it.

Run it in super-gradients' environment, from the root of the repository; BCCD must be there, see ``tests/conftest.py``::

    tests/reference/make_env.sh .reference && .reference/bin/python -m tests.reference.golden
"""

from __future__ import annotations

import hashlib
import json
from functools import partial

import numpy as np

from tests import golden
from tests.reference import oracle, pose_oracle
from tests.support import losses, pose_losses, synthetic
from tests.support import processing_cases as cases
from tests.support.shared import CHECKPOINT, bccd_images
from yolonas_plugin.tasks import TASKS


def network() -> dict[str, np.ndarray]:
    """Boxes and scores of a sample of anchor points."""
    arrays = {}
    for size, shape in golden.NETWORK_CASES:
        boxes, scores = oracle.forward(oracle.network(size), synthetic.batch(*shape))
        kept = golden.sample(boxes.shape[1])
        case = golden.network_case(size, shape)
        arrays |= {f"{case} boxes": boxes[0].numpy()[kept], f"{case} scores": scores[0].numpy()[kept]}
    return arrays


def pose_network() -> dict[str, np.ndarray]:
    """Boxes, scores, keypoints and their scores of a sample of anchor points."""
    arrays = {}
    for size, shape in golden.POSE_CASES:
        found = pose_oracle.forward(pose_oracle.network(size), synthetic.batch(*shape))
        kept = golden.sample(found[0].shape[1])
        for name, tensor in zip(TASKS["pose"].outputs, found, strict=True):
            arrays[f"{golden.network_case(size, shape)} {name}"] = tensor[0].numpy()[kept]
    return arrays


def loss() -> dict[str, np.ndarray]:
    """The loss and its gradients, for every kind of boxes and predictions, and both assigners."""
    arrays = {}
    for kind, (_, shape, _) in losses.KINDS.items():
        for predictions in losses.PREDICTIONS:
            case = losses.case(kind, predictions)
            for assigner in losses.ASSIGNERS:
                arguments = {"shape": shape, "targets": case.targets, "static": assigner == "by place"}
                arrays[f"{kind}, {predictions}, {assigner}"] = losses.compute(case, partial(oracle.loss, **arguments))
    return arrays


def pose_loss() -> dict[str, np.ndarray]:
    """The parts of the loss of poses and the lengths of its gradients, for every kind of persons and predictions."""
    arrays = {}
    for kind in (*pose_losses.KINDS, *pose_losses.UNLABELLED):
        for predictions in losses.PREDICTIONS:
            case = pose_losses.case(kind, predictions)
            for name, settings in pose_losses.SETTINGS.items():
                found, _ = pose_losses.compute(case, partial(oracle.pose_loss, case=case, settings=settings))
                arrays[f"{kind}, {predictions}, {name}"] = found
    return arrays


def letterbox() -> dict[str, str]:
    """SHA-256 of the network's inputs, float32."""
    return {
        f"{kind} {cases.name(shape)}": digest(processing.preprocess_image(cases.image(shape))[0])
        for kind, processing in oracle.PROCESSING.items()
        for shape in cases.SHAPES
    }


def selection() -> dict[str, np.ndarray]:
    return {case: oracle.select(*cases.selection(case)).numpy() for case in cases.SELECTIONS}


def bccd() -> dict[str, np.ndarray]:
    """Boxes on the test images, those of an image together, images in order."""
    rows = oracle.predict(oracle.load(CHECKPOINT), bccd_images(), golden.CONF)
    return {"counts": np.array(list(map(len, rows.values()))), "rows": np.concatenate(list(rows.values()))}


def digest(pixels: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels, dtype=np.float32).tobytes()).hexdigest()


if __name__ == "__main__":
    np.savez_compressed(golden.FOLDER / "network.npz", **network())
    np.savez_compressed(golden.FOLDER / "pose_network.npz", **pose_network())
    np.savez_compressed(golden.FOLDER / "loss.npz", **loss())
    np.savez_compressed(golden.FOLDER / "pose_loss.npz", **pose_loss())
    np.savez_compressed(golden.FOLDER / "selection.npz", **selection())
    np.savez_compressed(golden.FOLDER / "bccd.npz", **bccd())
    (golden.FOLDER / "letterbox.json").write_text(json.dumps(letterbox(), indent=1) + "\n")
