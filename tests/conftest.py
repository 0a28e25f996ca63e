"""What all tests share: a small model and small images, and which tests need programs of environments of their own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sites import Site
from tests.support.shared import CHECKPOINT, DATA, bccd_images

if TYPE_CHECKING:
    from yolonas_plugin import NAS

for module in ("bccd", "checkpoints", "data_sets", "engine", "environments", "outputs", "pictures", "writing"):
    pytest.register_assert_rewrite(f"tests.support.{module}")  # so that `assert` in them says as much as in a test

ELSEWHERE = {
    "reference": "super_gradients",
    "oracles": "inference_models",
    "docs/test_site.py": "furo",
    "hosts/test_cvat.py": "cvat_cli",
    "hosts/test_deepaas.py": "deepaas",
    "hosts/test_docling.py": "docling",
    "hosts/test_fiftyone.py": "fiftyone",
    "hosts/test_llm.py": "llm",
    "hosts/test_mlflow.py": "mlflow",
    "hosts/test_ray.py": "ray",
    "hosts/test_sahi.py": "sahi",
    "hosts/test_solutions.py": "shapely",
    "hosts/test_trackers.py": "trackers",
    "hosts/test_triton.py": "pytriton",
    "hosts/test_viame.py": "viame",
}
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what it runs beside itself with it ignored
collect_ignore = [place for place, package in ELSEWHERE.items() if find_spec(package) is None]
"""Tests with other programs run in environments of their own: ``make reference``, ``make oracles``, ``make hosts``,
``make docs``. Those of ``make gpu`` look for a GPU themselves."""

os.environ["YOLONAS_OFFLINE"] = "1"
"""No test downloads from a real host; those of downloading take it back, and serve the files themselves."""


@pytest.fixture(scope="session")
def shared_data() -> Path:
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is not there: set YOLONAS_SHARED to the folder that has data/bccd and data/checkpoints")
    return DATA


@pytest.fixture(scope="session")
def bccd_checkpoint(shared_data: Path) -> Path:
    return CHECKPOINT


@pytest.fixture(scope="session")
def bccd_test_images(shared_data: Path) -> list[Path]:
    return bccd_images()


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Compute in one thread: on busy cores the threads of a small network mostly wait for each other."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An empty site directory; what a test installs into it is seen beside what is installed for real."""
    return Site(tmp_path / "site")


@pytest.fixture(scope="session")
def nano(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training checkpoint of size n with three classes, laid out as super-gradients lays it out."""
    from tests.support.nano import write_nano

    path = tmp_path_factory.mktemp("weights") / "nano.pth"
    write_nano(path)
    return path


@pytest.fixture(scope="session")
def pose_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of size n for poses that find persons everywhere, with inputs of 96x96."""
    from tests.support.pose import pose_model

    return Path(pose_model().save(tmp_path_factory.mktemp("weights") / "pose.safetensors"))


@pytest.fixture
def model(nano: Path) -> NAS:
    from yolonas_plugin import NAS

    return NAS(nano)


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture in a file that keeps every pixel."""
    import cv2

    from tests.support.pictures import picture

    path = tmp_path_factory.mktemp("images") / "picture.png"
    cv2.imwrite(str(path), picture())
    return path


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Six frames of a picture that moves to the right."""
    from tests.support.pictures import write_video

    path = tmp_path / "moving.avi"
    write_video(path)
    return path
