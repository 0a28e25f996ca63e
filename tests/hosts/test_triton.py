"""Triton's own server serves an exported repository, and a client finds what ``predict`` finds.

The server is the one that nvidia-pytriton brings. It has no ONNX Runtime backend; ``triton_backend.py`` is its place.
``make hosts`` has its environment.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
import requests

from tests.support.pose import HAND, pose_model
from yolonas_plugin import NAS
from yolonas_plugin.errors import CheckpointError, ServerError
from yolonas_plugin.hosts.kserve import ServedPredictor

BUNDLED = Path(find_spec("pytriton").origin).parent / "tritonserver"  # found, for importing it takes other packages
MODEL = "yolo_nas_n_layout"
NAMES = [f"""part "{number}" of a 'page' \\ ünïcode""" for number in range(12)]


@pytest.fixture(scope="module")
def poses() -> NAS:
    return pose_model(HAND)


@pytest.fixture(scope="module")
def repository(poses: NAS, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("triton") / "models"
    NAS(MODEL, names=NAMES).export(format="triton", output=folder, name="layout")
    poses.export(format="triton", output=folder, name="hands", conf=0.3)
    return folder


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Triton at work on the repository; its address."""
    folder = tmp_path_factory.mktemp("backends")
    shutil.copytree(BUNDLED / "backends" / "python", folder / "python")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    shutil.copy(BUNDLED / "python_backend_stubs" / version / "triton_python_backend_stub", folder / "python")
    (folder / "onnxruntime").mkdir()
    shutil.copy(Path(__file__).with_name("triton_backend.py"), folder / "onnxruntime" / "model.py")
    libraries = [str(BUNDLED.parents[1] / "nvidia_pytriton.libs"), str(sysconfig.get_config_var("LIBDIR"))]
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": os.pathsep.join(libraries),
        "TRITON_BACKEND_PATH": os.pathsep.join(path for path in sys.path if path.endswith("-packages")),
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [BUNDLED / "bin" / "tritonserver", "--model-repository", repository, "--backend-directory", folder]
    command += ["--http-address", "127.0.0.1", "--http-port", str(port), "--allow-grpc=false", "--allow-metrics=false"]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(60)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        try:
            if requests.get(f"{url}/v2/health/ready", timeout=5).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.3)
    pytest.fail(f"Triton didn't start:\n{log.read_text(errors='replace')[-4000:]}")


def test_triton_takes_the_configuration_as_it_is(server: str) -> None:
    config = requests.get(f"{server}/v2/models/layout/config", timeout=10).json()
    assert (config["backend"], config["max_batch_size"]) == ("onnxruntime", 8)
    assert config["dynamic_batching"]
    model = requests.get(f"{server}/v2/models/layout", timeout=10).json()
    said = {each["name"]: (each["datatype"], each["shape"]) for each in model["inputs"] + model["outputs"]}
    assert said == {
        "pixels": ("UINT8", [-1, 640, 640, 3]),
        "num_detections": ("INT64", [-1, 1]),
        "boxes": ("FP32", [-1, 300, 4]),
        "scores": ("FP32", [-1, 300]),
        "classes": ("INT64", [-1, 300]),
    }


def test_a_client_finds_what_predict_finds(server: str, repository: Path, page: np.ndarray, tmp_path: Path) -> None:
    images = [page, page[:300], np.full_like(page, 255)]
    for number, image in enumerate(images):
        cv2.imwrite(str(tmp_path / f"{number}.png"), image)
    for metadata in (None, repository / "layout" / "metadata.json"):
        predict = ServedPredictor(server, "layout", metadata=metadata)
        found = predict(tmp_path)
        expected = NAS(MODEL).predict(tmp_path, verbose=False)
        assert [each.path for each in found] == [each.path for each in expected]
        assert len(found[0]) > 5
        assert not len(found[2])
        for mine, theirs in zip(found, expected, strict=True):
            rows = np.column_stack((mine.boxes, mine.scores, mine.labels))
            np.testing.assert_allclose(rows, theirs.boxes.data.numpy(), atol=0.05)
            assert mine.names == dict(enumerate(NAMES))


def test_keypoints_come_as_predict_finds_them(server: str, poses: NAS, page: np.ndarray) -> None:
    model = requests.get(f"{server}/v2/models/hands", timeout=10).json()
    (keypoints,) = (each for each in model["outputs"] if each["name"] == "keypoints")
    assert (keypoints["datatype"], keypoints["shape"]) == ("FP32", [-1, 100, len(HAND), 3])
    predict = ServedPredictor(server, "hands")
    for image in (page, page[:300]):
        (mine,) = predict(image)
        (theirs,) = poses.predict(image, conf=0.3, verbose=False)
        assert len(mine) > 5
        boxes = theirs.boxes.xyxy.numpy()
        same = np.abs(mine.boxes[:, None] - boxes).max(axis=2).argmin(axis=1)  # scores alike may come in another order
        assert sorted(same) == list(range(len(boxes)))
        points = theirs.keypoints.data.numpy()[same]
        np.testing.assert_allclose(mine.boxes, boxes[same], atol=0.2)
        np.testing.assert_allclose(mine.scores, theirs.boxes.conf.numpy()[same], atol=1e-4)
        np.testing.assert_allclose(mine.keypoints[..., :2], points[..., :2], atol=0.5)
        np.testing.assert_allclose(mine.keypoints[..., 2], points[..., 2], atol=1e-4)


def test_triton_puts_the_images_of_several_clients_together(server: str, page: np.ndarray) -> None:
    def counts() -> tuple[int, int]:
        (stats,) = requests.get(f"{server}/v2/models/layout/stats", timeout=10).json()["model_stats"]
        return stats["inference_count"], stats["execution_count"]

    before = counts()
    parts = [page[: 200 + 25 * number] for number in range(24)]
    predictors = [ServedPredictor(server, "layout") for _ in parts]
    with ThreadPoolExecutor(len(parts)) as pool:
        found = list(pool.map(lambda predict, part: predict(part), predictors, parts))
    images, runs = (after - first for after, first in zip(counts(), before, strict=True))
    assert images == 24
    assert runs < 24
    assert all(len(mine) for (mine,) in found)
    for part, (mine,) in zip(parts, found, strict=True):
        (alone,) = predictors[0](part)
        np.testing.assert_allclose(mine.boxes, alone.boxes, atol=0.05)


def test_errors_say_what_the_server_says(server: str, repository: Path, page: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(ServerError, match=r"models/other/config: the server says: .*unknown model.*give metadata="):
        ServedPredictor(server, "other")
    with pytest.raises(ServerError, match="no model server answers"):
        ServedPredictor("http://127.0.0.1:9", "layout")
    with pytest.raises(CheckpointError, match=r"config.pbtxt: this isn't the metadata.json"):
        ServedPredictor(server, "layout", metadata=repository / "layout" / "config.pbtxt")
    predict = ServedPredictor(server, "layout")
    (tmp_path / "none.png").write_text("no image")
    (outcome,) = predict(tmp_path / "none.png")
    assert (outcome.path, len(outcome)) == (str(tmp_path / "none.png"), 0)
    assert outcome.error == "8 bytes that are no image"
    cv2.imwrite(str(tmp_path / "one.png"), np.full((60, 80, 3), 255, np.uint8))
    assert [(Path(found.path).name, bool(found.error)) for found in predict(tmp_path)] == [
        ("none.png", True),
        ("one.png", False),
    ]
    predict.processing = predict.processing.with_size((320, 320))
    with pytest.raises(ServerError, match=r"infer: the server says: .*unexpected shape.*\[-1,640,640,3\]"):
        predict(page)


def test_a_client_needs_neither_torch_nor_the_engine(server: str, page: np.ndarray, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "page.png"), page)
    code = f"""
import sys
from yolonas_plugin.hosts.kserve import ServedPredictor
(found,) = ServedPredictor({server!r}, "layout")({str(tmp_path / "page.png")!r})
print(len(found) > 5, sorted(set(sys.modules) & {{"torch", "ultralytics", "onnxruntime", "openvino", "onnx"}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True []"
