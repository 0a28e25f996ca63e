"""Prediction by a model server that speaks KServe's protocol, version 2, over HTTP: Triton, OpenVINO Model Server.

The server's model is one that ``NAS.export(format="triton")`` wrote. Neither torch nor the engine is imported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import requests
from numpy.typing import NDArray

from yolonas_plugin.errors import CheckpointError, ServerError
from yolonas_plugin.export.description import Description
from yolonas_plugin.images import open_images, unreadable
from yolonas_plugin.lean import Detections
from yolonas_plugin.processing import Image


class ServedPredictor:
    """Detects objects by a server, an image at a time; each thread needs one of its own.

    Args:
        url: Of the server, such as ``http://localhost:8000``.
        name: Of the model.
        metadata: The file ``metadata.json`` of the model in the repository. None asks the server, which Triton answers
            and OpenVINO Model Server doesn't.
        timeout: Seconds that the server may be silent.

    Attributes:
        names: Class names by index.
        processing: How images are prepared, and what the server selects boxes by.

    Raises:
        ServerError: The server can't be reached, has no such model, or doesn't say how images are prepared.
        CheckpointError, ProcessingError: What is said about the model isn't of this package's exports, or is damaged.

    Example::

        predict = ServedPredictor("http://localhost:8000", "best")
        for found in predict("street.jpg"):
            print(found.boxes, found.scores, found.labels)
    """

    def __init__(self, url: str, name: str, *, metadata: str | Path | None = None, timeout: float = 60) -> None:
        self._url = f"{url.rstrip('/')}/v2/models/{quote(name, safe='')}"
        self._session = requests.Session()
        self._timeout = timeout
        strings = self._ask_metadata() if metadata is None else _read_metadata(Path(metadata))
        found = Description.from_metadata(strings, str(metadata or self._url))
        if (found.takes, found.gives) != ("pixels", "batch"):
            raise ServerError(
                f"{self._url}: the model takes {found.takes!r}, gives {found.gives!r}; export it with format='triton'"
            )
        self.names = dict(enumerate(found.names))
        self.processing = found.processing
        self._channels = found.channels

    def __call__(self, source: Any) -> list[Detections]:
        """Return the detections of each image that could be read.

        Args:
            source: A path, folder or glob, an array [H, W, C] in BGR, or a list of these.

        Raises:
            FileNotFoundError: There is no such file, or no image in a folder.
            SourceError: Not one could be read, or something that is no image was given.
            ServerError: The server can't be reached, or refuses.
        """
        found, skipped = [], []
        for path, image in open_images(source, self._channels):
            if image is None:
                skipped.append(path)
            else:
                found.append(self._detect(path, image))
        if skipped and not found:
            raise unreadable(skipped)
        return found

    def _detect(self, path: str, image: Image) -> Detections:
        canvas, placement = self.processing.letterbox(image)
        found = self._infer(canvas)
        count = int(found["num_detections"][0, 0])
        boxes, scores, labels = (found[name][0, :count] for name in ("boxes", "scores", "classes"))
        return Detections(
            path,
            image,
            placement.to_image(boxes.astype(np.float32)),
            scores.astype(np.float32),
            labels.astype(np.intp),
            self.names,
        )

    def _infer(self, canvas: Image) -> dict[str, NDArray[Any]]:
        """Return the outputs; pixels go as bytes behind the JSON, the few numbers that come back are JSON."""
        size = {"binary_data_size": canvas.nbytes}
        tensor = {"name": "pixels", "datatype": "UINT8", "shape": [1, *canvas.shape], "parameters": size}
        head = json.dumps({"inputs": [tensor]}).encode()
        headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
        answer = self._ask("/infer", data=head + canvas.tobytes(), headers=headers)
        return {output["name"]: np.reshape(output["data"], output["shape"]) for output in answer["outputs"]}

    def _ask_metadata(self) -> Mapping[str, str]:
        try:
            parameters = self._ask("/config")["parameters"]
        except (ServerError, KeyError) as error:
            raise ServerError(
                f"{error}; a server that isn't Triton doesn't say how images are prepared: give metadata=, the path of "
                "metadata.json from the model repository"
            ) from error
        return {name: value["string_value"] for name, value in parameters.items()}

    def _ask(self, path: str, **body: Any) -> Any:
        url = self._url + path
        try:
            answer = self._session.request("POST" if body else "GET", url, timeout=self._timeout, **body)
            content = answer.json()
        except requests.RequestException as error:
            raise ServerError(f"{url}: no model server answers: {error}") from error
        if not answer.ok:
            raise ServerError(f"{url}: the server says: {content.get('error', content)}")
        return content


def _read_metadata(path: Path) -> Mapping[str, str]:
    try:
        strings = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        strings = None
    if not isinstance(strings, dict):
        raise CheckpointError(f"{path}: this isn't the metadata.json of a model in a repository")
    return strings
