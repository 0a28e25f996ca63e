"""What all tests share: where the data outside the repository lies, and which tests need super-gradients."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from sites import Site

ELSEWHERE = {
    "reference": "super_gradients",
    "oracles": "inference_models",
    "docs/test_site.py": "furo",
    "hosts/test_cvat.py": "cvat_cli",
    "hosts/test_docling.py": "docling",
    "hosts/test_fiftyone.py": "fiftyone",
    "hosts/test_mlflow.py": "mlflow",
    "hosts/test_ray.py": "ray",
    "hosts/test_sahi.py": "sahi",
    "hosts/test_solutions.py": "shapely",
    "hosts/test_trackers.py": "trackers",
    "hosts/test_triton.py": "pytriton",
}
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what it runs beside itself with it ignored
collect_ignore = [place for place, package in ELSEWHERE.items() if find_spec(package) is None]
"""Tests with other programs run in environments of their own: ``make reference``, ``make oracles``, ``make hosts``,
``make docs``. Those of ``make gpu`` look for a GPU themselves."""

DATA = Path(os.environ.get("YOLONAS_SHARED") or Path(__file__).parents[2] / "shared") / "data"
"""The folder with BCCD and the checkpoint that super-gradients trained on it."""

CHECKPOINT = DATA / "checkpoints" / "sg_yolo_nas_s_bccd_ckpt_best.pth"


def bccd_images(split: str = "test") -> list[Path]:
    names = (DATA / "bccd" / "ImageSets" / "Main" / f"{split}.txt").read_text().split()
    return [DATA / "bccd" / "JPEGImages" / f"{name}.jpg" for name in names]


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
