"""A Ray cluster of this machine: images of a folder, a bucket and Parquet, and a worker that is killed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray
from pyarrow import fs

from tests.hosts.conftest import DETECTORS, LAYOUT, Known
from yolonas_plugin import NAS
from yolonas_plugin.errors import SourceError, YoloNASPluginError
from yolonas_plugin.hosts.ray import POSES, RESULTS, predict


@pytest.fixture(scope="module")
def started() -> Iterator[None]:
    os.environ |= {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}  # the workers inherit it
    ray.init(address="local", num_cpus=3, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture
def images(known: Known, tmp_path: Path) -> Path:
    """A folder of five images and a file that is none."""
    folder = tmp_path / "images"
    folder.mkdir()
    for image in known.images[:5]:
        shutil.copy(image, folder)
    (folder / "damaged.jpg").write_bytes(b"\xff\xd8\xff and no more")
    return folder


def rows_of(folder: Path) -> dict[str, dict[str, Any]]:
    rows = pq.read_table(folder).to_pylist()
    by_name = {Path(row["path"]).name: row for row in rows}
    assert len(by_name) == len(rows)
    return by_name


@DETECTORS
@pytest.mark.usefixtures("started")
def test_a_folder_gives_what_predict_finds(known: Known, images: Path, tmp_path: Path) -> None:
    summary = predict(images, tmp_path / "found", weights=known.weights, address="local", workers=1, conf=0.4)
    rows = rows_of(tmp_path / "found")
    ((damaged, error),) = summary.errors
    assert Path(damaged).name == "damaged.jpg"
    assert "no image" in error
    assert rows.pop("damaged.jpg")["boxes"] is None
    results = NAS(known.weights).predict(images, conf=0.4, verbose=False)
    assert summary.images == len(results) + 1
    assert summary.detections == sum(len(result.boxes) for result in results) > 50
    for result in results:
        row = rows[Path(result.path).name]
        assert (row["height"], row["width"]) == result.orig_shape
        assert row["names"] == [result.names[int(label)] for label in result.boxes.cls]
        np.testing.assert_allclose(row["boxes"], result.boxes.xyxy, atol=0.02)
        np.testing.assert_allclose(row["scores"], result.boxes.conf, atol=1e-4)


@pytest.mark.usefixtures("started")
def test_parquet_keeps_its_other_columns(images: Path, tmp_path: Path) -> None:
    files = sorted(images.iterdir())
    column = [{"bytes": file.read_bytes(), "path": file.name} for file in files] + [{"bytes": None, "path": "gone"}]
    table = pa.table({"image": column, "number": list(range(len(column))), "width": ["old"] * len(column)})
    (tmp_path / "set").mkdir()
    pq.write_table(table, tmp_path / "set" / "part.parquet")
    summary = predict(tmp_path / "set", tmp_path / "found", weights=LAYOUT, address="local", load={"lean": True})
    written = pq.read_table(tmp_path / "found")
    assert written.column_names == ["number", *RESULTS.names]
    assert sorted(written.column("number").to_pylist()) == list(range(7))
    assert written.schema.field("width").type == pa.int32()
    assert summary.images == 7
    assert len(summary.errors) == 2


@pytest.mark.usefixtures("started")
def test_poses_have_a_column_of_keypoints(images: Path, pose_weights: Path, tmp_path: Path) -> None:
    summary = predict(images, tmp_path / "found", weights=str(pose_weights), address="local", workers=1, conf=0.6)
    assert (summary.images, len(summary.errors)) == (6, 1)
    rows = rows_of(tmp_path / "found")
    assert rows.pop("damaged.jpg")["keypoints"] is None
    for result in NAS(pose_weights).predict(images, conf=0.6, verbose=False):
        row = rows[Path(result.path).name]
        assert len(row["boxes"]) == len(row["keypoints"]) > 0
        np.testing.assert_allclose(row["keypoints"], result.keypoints.data, atol=0.02)
    assert pq.read_table(tmp_path / "found").schema.field("keypoints").type == POSES.field("keypoints").type


@pytest.mark.usefixtures("started")
def test_a_bucket_is_read_and_written(images: Path, tmp_path: Path) -> None:
    with bucket(tmp_path / "server.log") as uri:
        place, root = fs.FileSystem.from_uri(uri("shelf/pages"))
        fs.copy_files(str(images), root, destination_filesystem=place)
        summary = predict(uri("shelf/pages"), uri("shelf/found"), weights=LAYOUT, address="local", workers=1)
        table = pq.read_table("shelf/found", filesystem=place)
    assert summary.images == 6
    assert all(path.startswith("s3://shelf/pages/") for path in table.column("path").to_pylist())
    ((damaged, _),) = summary.errors
    assert damaged == "s3://shelf/pages/damaged.jpg"


@contextmanager
def bucket(log: Path) -> Iterator[Callable[[str], str]]:
    """Run a server with the protocol of S3 that has the bucket ``shelf``, and give what makes URIs of its paths."""

    def uri(path: str) -> str:
        where = f"scheme=http&endpoint_override=127.0.0.1:{port}&region=us-east-1&allow_bucket_creation=true"
        return f"s3://{path}?{where}"

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as server:
        try:
            wait_for(port)
            store, _ = fs.FileSystem.from_uri(uri("shelf"))
            store.create_dir("shelf")
            yield uri
        finally:
            server.kill()


def wait_for(port: int) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    pytest.fail("the server of the bucket doesn't answer")


@pytest.mark.usefixtures("started")
def test_a_killed_worker_loses_nothing(known: Known, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(24):
        for image in known.images:
            shutil.copy(image, folder / f"{number}_{image.name}")
    killed: list[int] = []

    def kill_one_at_work() -> None:
        while not killed:
            for process in psutil.process_iter(["cmdline"]):
                title = (process.info["cmdline"] or [""])[0]  # of a worker while it works, ray::CLASS.METHOD
                if title.startswith("ray::MapWorker(MapBatches(Detector)).submit"):
                    process.kill()
                    killed.append(process.pid)
                    return
            time.sleep(0.05)

    killer = threading.Thread(target=kill_one_at_work, daemon=True)  # while the call below works
    killer.start()
    summary = predict(folder, tmp_path / "found", weights=LAYOUT, address="local", workers=2)
    killer.join(timeout=10)
    assert killed
    assert summary.images == 120
    assert summary.errors == []
    rows = rows_of(tmp_path / "found")
    assert len(rows) == 120
    for name, row in rows.items():
        assert row["scores"] == rows[f"0_{name.partition('_')[2]}"]["scores"]


@pytest.mark.usefixtures("started")
def test_what_is_wrong_is_said_before_anything_is_done(images: Path, tmp_path: Path) -> None:
    output = tmp_path / "found"
    with pytest.raises(FileNotFoundError, match="nowhere"):
        predict(tmp_path / "nowhere", output, address="local")
    with pytest.raises(YoloNASPluginError, match=r"nothing\.pt"):
        predict(images, output, weights="nothing.pt", address="local")
    pq.write_table(pa.table({"picture": [b""]}), tmp_path / "other.parquet")
    with pytest.raises(SourceError, match="no column 'image' with images, only picture"):
        predict(tmp_path / "other.parquet", output, weights=LAYOUT, address="local")
    assert not output.exists()
    with pytest.raises(SourceError, match="3 cores and 0 GPUs, room for 2 workers"):
        predict(images, output, weights=LAYOUT, address="local", workers=3)
    output.mkdir()
    (output / "theirs.txt").touch()
    with pytest.raises(SourceError, match="isn't empty"):
        predict(images, output, weights=LAYOUT, address="local")


def test_the_command_line_starts_a_cluster_and_tells_what_it_found(images: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "yolonas_plugin.cli", "predict", "--weights", LAYOUT, "--source", str(images)]
    options = ["--ray", "local", "--workers", "1", "--output", str(tmp_path / "found"), "--json"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 3, done.stderr
    answer = json.loads(done.stdout)
    assert answer["images"] == 6
    assert answer["saved_to"] == str(tmp_path / "found")
    assert [Path(row["path"]).name for row in answer["errors"]] == ["damaged.jpg"]
    assert len(rows_of(tmp_path / "found")) == 6
