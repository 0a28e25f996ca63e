"""Detection on many machines: Ray Data distributes images, and the detections are written to Parquet.

Each worker finds the model through the zoo, so that a machine of the cluster needs this package and no more. What can't
be read becomes a row with an error; a worker that dies is replaced, and its images are done again.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model_zoo_api.zoo import ModelZoo
from yolonas_plugin.boxes.image_boxes import as_arrays
from yolonas_plugin.errors import SourceError
from yolonas_plugin.hosts import unusable
from yolonas_plugin.images import SUFFIXES, decode_image, list_images

try:
    import pyarrow as pa
    import pyarrow.compute as pc
    import ray
    from pyarrow import dataset, fs
except ImportError as error:
    raise unusable("ray", "ray", error) from error

PATH: Final = "path"

IMAGE: Final = "image"
"""Column of Parquet with images: their files' bytes, or Hugging Face's structs, which have them as ``bytes``."""

RESULTS: Final = pa.schema(
    [
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("boxes", pa.list_(pa.list_(pa.float32()))),
        ("scores", pa.list_(pa.float32())),
        ("labels", pa.list_(pa.int32())),
        ("names", pa.list_(pa.string())),
        ("error", pa.string()),
    ]
)
"""Columns of detections: boxes x1, y1, x2, y2 in pixels of the image, scores from 0 to 1, class indices and names.

An image that can't be read has its ``error`` only; the other columns are null.
"""

POSES: Final = RESULTS.append(pa.field("keypoints", pa.list_(pa.list_(pa.list_(pa.float32())))))
"""Columns of a model for poses: ``keypoints`` too, of each box x, y in pixels of the image, and score from 0 to 1."""

BATCH: Final = 16
"""Images that a worker has at a time, and reads side by side."""


class Summary(NamedTuple):
    """What was written.

    Attributes:
        images: Rows, those with errors included.
        detections: Boxes in all of them.
        errors: Path, where there is one, and error of what could not be read.
        seconds: It took, from starting the workers on.
    """

    images: int
    detections: int
    errors: list[tuple[str, str]]
    seconds: float


class Place(NamedTuple):
    """Where files are: a file system, and what its paths begin with when they are written as URIs."""

    files: fs.FileSystem
    scheme: str

    def open(self, path: str) -> bytes:
        """Return the content of a file."""
        with self.files.open_input_stream(path.removeprefix(self.scheme)) as stream:
            content: bytes = stream.read()
        return content


class Detector:
    """What a worker does. Ray makes one in each of the processes.

    Args:
        weights: As for :meth:`yolonas_plugin.ModelZoo.load`.
        place: Where the images are.
        load: Options of the loader.
        settings: Of the predictor: ``conf``, ``iou``, ``imgsz``, ...
    """

    def __init__(self, weights: str, place: Place, load: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        self._place = place
        self._predict = ModelZoo.discover().predictor(weights, provider="yolo_nas", load=dict(load), **settings)
        self._columns = POSES if self._predict.model.skeleton else RESULTS

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Return the table with :data:`RESULTS` or :data:`POSES` in the place of the images."""
        values = batch.column(IMAGE if IMAGE in batch.column_names else PATH).to_pylist()
        with ThreadPoolExecutor(BATCH) as pool:
            opened = list(pool.map(self._open, values))
        images = [image for image in opened if not isinstance(image, str)]
        results = iter(self._predict(images) if images else ())
        rows = [{"error": found} if isinstance(found, str) else as_row(next(results)) for found in opened]
        names = self._columns.names
        found = pa.Table.from_pylist(rows, self._columns)
        kept = [name for name in batch.column_names if name not in {IMAGE, *names}]
        return pa.table({name: batch.column(name) for name in kept} | dict(zip(names, found, strict=True)))

    def _open(self, value: Any) -> NDArray[np.uint8] | str:
        """Return the image of a cell, or why it can't be read."""
        try:
            content = self._place.open(value) if isinstance(value, str) else value
            content = content["bytes"] if isinstance(content, dict) else content
            return decode_image(np.frombuffer(content, np.uint8))
        except (OSError, SourceError) as error:
            return str(error)
        except (KeyError, TypeError):
            return f"a {type(value).__name__} instead of an image's bytes"


def predict(
    source: str | Path,
    output: str | Path,
    *,
    weights: str = "yolo_nas_s",
    address: str = "auto",
    workers: int | None = None,
    load: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Summary:
    """Detect objects in many images, on a Ray cluster.

    Args:
        source: Image, folder or glob; a URI of a bucket, such as ``s3://bucket/folder``; or Parquet with a column
            ``image``, whose other columns are kept. Every machine must see it.
        output: Folder or URI that the Parquet is written to; there must be nothing yet.
        weights: Model or weight file, which every machine must see under the same path.
        address: Of the cluster; ``"auto"`` finds the one that this machine is part of, ``"local"`` starts one here.
        workers: Processes, which compute in one thread each. One core of the cluster has to be left for reading and
            writing. Default: one for each of the others; with a GPU as ``device``, one for each GPU.
        load: Options of the loader: ``runtime``, ``precision``, ``lean``, ...
        **settings: Of the predictor: ``conf``, ``iou``, ``imgsz``, ``device``, ...

    Raises:
        FileNotFoundError: There is no such source, or no image in it.
        SourceError: Parquet has no column ``image``, the output is there already, or the cluster has no cores for so
            many workers.
        ConnectionError: There is no cluster at the address.
        YoloNASPluginError: The model can't be loaded.
    """
    place, paths = find_images(str(source))
    target, folder = open_place(str(output))
    refuse_existing(target, folder)
    ModelZoo.discover().load(weights, provider="yolo_nas", **(load or {}))  # what is wrong with it shows here
    with cluster(address):
        on_gpu = str(settings.get("device", "cpu")) != "cpu"
        workers = count_workers(workers, on_gpu)
        start = time.perf_counter()
        open_images(place, paths).map_batches(
            Detector,
            fn_constructor_args=(weights, place, load or {}, settings),
            batch_size=BATCH,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=workers),
            num_cpus=1,
            num_gpus=1 if on_gpu else 0,
        ).write_parquet(folder, filesystem=target.files)
        seconds = time.perf_counter() - start
    return summarise(target, folder, seconds)


@contextmanager
def cluster(address: str) -> Iterator[None]:
    """Be connected to a cluster; one that the process is connected to already stays so."""
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster started here reports to nobody
    ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING)
    try:
        yield
    finally:
        ray.shutdown()


def count_workers(wanted: int | None, on_gpu: bool) -> int:
    """Return how many workers there are to be.

    Raises:
        SourceError: The cluster is too small for them: reading and writing would wait for ever.
    """
    resources = ray.cluster_resources()
    room = int(min(resources["CPU"] - 1, resources.get("GPU", 0) if on_gpu else resources["CPU"]))
    if room < max(1, wanted or 0):
        raise SourceError(
            f"the cluster has {resources['CPU']:g} cores and {resources.get('GPU', 0):g} GPUs, room for {max(room, 0)} "
            "workers: each takes a core, on GPUs one of these too, and reading and writing need one core more"
        )
    return wanted or room


def find_images(source: str) -> tuple[Place, list[str]]:
    """Return where images or Parquet files are, and their paths.

    Raises:
        FileNotFoundError: There are none.
    """
    place, path = open_place(source)
    if place.scheme:
        found = place.files.get_file_info(path)
        if found.type == fs.FileType.Directory:
            files = [file.path for file in place.files.get_file_info(fs.FileSelector(path)) if file.is_file]
            paths = [file for file in sorted(files) if file.rpartition(".")[-1].lower() in {*SUFFIXES, "parquet"}]
        else:
            paths = [path] if found.is_file else []
        if not paths:
            raise FileNotFoundError(f"{source}: there is no image and no Parquet to be read")
        return place, paths
    if parquet := sorted(str(file) for file in Path(path).glob("*.parquet")):
        return place, parquet
    return place, [str(file) for file in list_images(source)]


def open_place(source: str) -> tuple[Place, str]:
    """Return the file system of a path or URI, and the path there."""
    if "://" not in source:
        return Place(fs.LocalFileSystem(), ""), str(Path(source).expanduser().absolute())
    files, path = fs.FileSystem.from_uri(source)
    return Place(files, f"{source.partition('://')[0]}://"), path


def refuse_existing(place: Place, folder: str) -> None:
    """Check that a folder isn't there, or is empty.

    Raises:
        SourceError: Something is in it.
    """
    if place.files.get_file_info(fs.FileSelector(folder, allow_not_found=True)):
        raise SourceError(f"{place.scheme}{folder} isn't empty; name a new folder for the detections")


def open_images(place: Place, paths: list[str]) -> ray.data.Dataset:
    """Return the images for the workers: their paths, or the rows of Parquet files.

    Raises:
        SourceError: Parquet has no column ``image``.
    """
    if not paths[0].endswith(".parquet"):
        rows = [{PATH: place.scheme + path} for path in paths]
        return ray.data.from_items(rows, override_num_blocks=-(-len(rows) // BATCH))
    found = ray.data.read_parquet(paths, filesystem=place.files)
    names = found.schema().names
    if IMAGE not in names:
        raise SourceError(f"{paths[0]}: there is no column {IMAGE!r} with images, only {', '.join(names)}")
    return found


def as_row(result: Any) -> dict[str, Any]:
    """Return the columns of an image, from a predictor's result."""
    found = as_arrays(result)
    return {
        "width": found.width,
        "height": found.height,
        "boxes": found.boxes.tolist(),
        "scores": found.scores.tolist(),
        "labels": found.labels.tolist(),
        "names": [result.names[label] for label in found.labels.tolist()],
        "keypoints": None if found.keypoints is None else found.keypoints.tolist(),
    }


def summarise(place: Place, folder: str, seconds: float) -> Summary:
    """Read what was written."""
    written = dataset.dataset(folder, filesystem=place.files, format="parquet")
    columns = [name for name in (PATH, "error", "scores") if name in written.schema.names]
    table = written.to_table(columns)
    failed = table.filter(pc.is_valid(table.column("error"))).to_pylist()
    detections = pc.sum(pc.list_value_length(table.column("scores"))).as_py() or 0
    return Summary(len(table), detections, [(row.get(PATH) or "", row["error"]) for row in failed], seconds)
