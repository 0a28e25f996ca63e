"""Prediction by a model server that speaks KServe's protocol, version 2, over HTTP: Triton, OpenVINO Model Server.

The server's model is one that ``NAS.export(format="triton")`` wrote. Neither torch nor the engine is imported.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import wait
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

import numpy as np
import requests
from numpy.typing import NDArray
from urllib3.exceptions import HTTPError, ProtocolError

from model_zoo_api import Detections
from model_zoo_api.detections import failed
from model_zoo_api.texts import printable
from yolonas_plugin.boxes.image_boxes import ImageBoxes, as_detections
from yolonas_plugin.errors import CheckpointError, ServerError, SettingError, SourceError
from yolonas_plugin.export.description import Description
from yolonas_plugin.images import open_images, read_file
from yolonas_plugin.processing import Image
from yolonas_plugin.system.threads import in_thread

MOST_BYTES: Final = 16 << 20
"""Of an answer, and of a file with metadata: those of 300 boxes have some 30,000."""

_LONGEST: Final = 86_400

_Answer = TypeVar("_Answer")


class ServedPredictor:
    """Detects objects by a server, an image at a time; each thread needs one of its own.

    Args:
        url: Of the server, such as ``http://localhost:8000``.
        name: Of the model.
        metadata: The file ``metadata.json`` of the model in the repository. None asks the server, which Triton answers
            and OpenVINO Model Server doesn't.
        timeout: Seconds that an answer may take, whole.

    Attributes:
        names: Class names by index.
        processing: How images are prepared, and what the server selects boxes by.
        skeleton: What the keypoints of a model for poses are; None for a detector.

    Raises:
        SettingError: ``timeout`` is no number of seconds.
        ServerError: The server can't be reached, has no such model, doesn't say how images are prepared, or gives an
            answer that can't be one.
        CheckpointError, ProcessingError: What is said about the model isn't of this package's exports, or is damaged.

    Example::

        predict = ServedPredictor("http://localhost:8000", "best")
        for found in predict("street.jpg"):
            print(found.boxes, found.scores, found.labels)
    """

    def __init__(self, url: str, name: str, *, metadata: str | Path | None = None, timeout: float = 60) -> None:
        self._url = f"{url.rstrip('/')}/v2/models/{quote(name, safe='')}"
        self._session = requests.Session()
        if not isinstance(timeout, (int, float)) or not 0 < timeout <= _LONGEST:
            raise SettingError(f"timeout={timeout!r} must be a number of seconds, above 0 and at most {_LONGEST}")
        self._timeout = timeout
        strings = self._ask_metadata() if metadata is None else _read_metadata(Path(metadata))
        found = Description.from_metadata(strings, str(metadata or self._url))
        if (found.takes, found.gives) != ("pixels", "batch"):
            raise ServerError(
                f"{self._url}: the model takes {found.takes!r}, gives {found.gives!r}; export it with format='triton'"
            )
        self.names = dict(enumerate(found.names))
        self.skeleton = found.skeleton
        self.processing = found.processing
        self._channels = found.channels

    def __call__(self, source: Any) -> list[Detections]:
        """Return one outcome for each image, in order; one that can't be read is ``Detections`` with ``error``.

        Args:
            source: A path, folder or glob, an array [H, W, C] in BGR, or a list of these; see
                :mod:`model_zoo_api.sources`.

        Raises:
            SourceError: The source names no image.
            ServerError: The server can't be reached, refuses, or gives an answer that can't be one.
        """
        return list(self.stream(source))

    def stream(self, source: Any) -> Iterator[Detections]:
        """Yield them one by one; else as a call."""
        for index, (path, image, error) in enumerate(open_images(source, self._channels)):
            if image is None:
                yield failed(path, error, index=index)
            else:
                yield replace(self._detect(path, image), index=index)

    def _detect(self, path: str | None, image: Image) -> Detections:
        canvas, placement = self.processing.letterbox(image)
        rows = self._infer(canvas)
        found = ImageBoxes.of_rows(placement.rows_to_image(rows), *image.shape[:2])
        return as_detections(found, self.names, path=path, image=image, skeleton=self.skeleton)

    def _infer(self, canvas: Image) -> NDArray[np.float32]:
        """Return rows of box, score, class, and x, y, score of each keypoint [N, 6 + 3K].

        Pixels go as bytes behind the JSON, the few numbers that come back are JSON.
        """
        size = {"binary_data_size": canvas.nbytes}
        tensor = {"name": "pixels", "datatype": "UINT8", "shape": [1, *canvas.shape], "parameters": size}
        head = json.dumps({"inputs": [tensor]}).encode()
        headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
        answer = self._ask("/infer", data=head + canvas.tobytes(), headers=headers)
        try:
            return _read_detections(answer, len(self.names), 0 if self.skeleton is None else len(self.skeleton))
        except ValueError as error:
            raise ServerError(f"{self._url}/infer: the server's answer can't be one: {error}") from error

    def _ask_metadata(self) -> Mapping[str, str]:
        try:
            answer = self._ask("/config")
            parameters = answer.get("parameters") if isinstance(answer, dict) else None
            if not isinstance(parameters, dict):
                raise ServerError(f"{self._url}/config: the server's answer has no parameters")
        except ServerError as error:
            raise ServerError(
                f"{error}; a server that isn't Triton doesn't say how images are prepared: give metadata=, the path of "
                "metadata.json from the model repository"
            ) from error
        values = {name: each.get("string_value") for name, each in parameters.items() if isinstance(each, dict)}
        return {name: value for name, value in values.items() if isinstance(value, str)}

    def _ask(self, path: str, **body: Any) -> Any:
        """Return the JSON that the server answers.

        Raises:
            ServerError: It can't be reached, refuses, is too slow, or answers with too much, elsewhere or nonsense.
        """
        url = self._url + path
        ok, content = _within(self._timeout, url, lambda: self._exchange(url, **body))
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ServerError(f"{url}: the server's answer is no JSON: {_short(content)}") from error
        if not ok:
            said = answer.get("error", answer) if isinstance(answer, dict) else answer
            raise ServerError(f"{url}: the server says: {_short(said)}")
        return answer

    def _exchange(self, url: str, headers: Mapping[str, str] | None = None, **body: Any) -> tuple[bool, bytes]:
        """Ask, and return whether that was well, and the bytes of the answer."""
        headers = {**(headers or {}), "Accept-Encoding": "identity"}  # a few packed bytes may be any number
        how = {"headers": headers, "timeout": self._timeout, "stream": True, "allow_redirects": False}
        try:
            with self._request("POST" if body else "GET", url, **how, **body) as answer:
                if answer.is_redirect:
                    raise ServerError(f"{url}: the server sends elsewhere, to {_short(answer.headers['location'])}")
                if (packed := answer.headers.get("content-encoding", "identity").lower()) != "identity":
                    raise ServerError(f"{url}: the server's answer is packed ({_short(packed)}), unasked")
                content = bytearray()
                for part in answer.raw.stream(1 << 16, decode_content=False):
                    content += part
                    if len(content) > MOST_BYTES:
                        raise ServerError(f"{url}: the server's answer has more than {MOST_BYTES} bytes")
                return answer.ok, bytes(content)
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            if isinstance(error, ServerError):
                raise
            raise ServerError(f"{url}: no model server answers: {_short(error)}") from error

    def _request(self, method: str, url: str, **how: Any) -> requests.Response:
        """Ask once more if a connection that was kept turns out to be closed: servers close those that are idle."""
        try:
            return self._session.request(method, url, **how)
        except requests.ConnectionError as error:
            if not isinstance(error.__cause__ or error.__context__, ProtocolError):
                raise
            return self._session.request(method, url, **how)


def _within(seconds: float, url: str, work: Callable[[], _Answer]) -> _Answer:
    """Return the result of ``work``, with a limit on the whole of it: an answer may arrive a byte at a time."""
    answer = in_thread(work, "yolonas-ask")
    if not wait([answer], timeout=seconds + 1).done:  # one more: for the connection's own limit, which says more
        raise ServerError(f"{url}: the server's answer wasn't complete after {seconds:g} s")
    return answer.result()


def _read_detections(answer: Any, classes: int, keypoints: int) -> NDArray[np.float32]:
    """Return what an answer in KServe's protocol says of one image: rows as ``select_boxes`` gives them, [N, 6 + 3K].

    Raises:
        ValueError: It is none, or what it says of detections can't be.
    """
    outputs = answer.get("outputs") if isinstance(answer, dict) else None
    if not isinstance(outputs, list) or not all(isinstance(output, dict) for output in outputs):
        raise ValueError("it has no outputs")
    found = {output.get("name"): output for output in outputs if isinstance(output.get("name"), str)}
    number = _tensor(found, "num_detections", 2)
    boxes, scores, labels = _tensor(found, "boxes", 3), _tensor(found, "scores", 2), _tensor(found, "classes", 2)
    points = _tensor(found, "keypoints", 4) if keypoints else np.zeros((1, scores.shape[1], 0, 3))
    most = scores.shape[1]
    shapes = [tensor.shape for tensor in (number, boxes, scores, labels, points)]
    if shapes != [(1, 1), (1, most, 4), (1, most), (1, most), (1, most, keypoints, 3)]:
        raise ValueError(f"its shapes {shapes} aren't those of the detections of one image")
    count = int(number[0, 0])
    if not 0 <= count <= most or count != number[0, 0]:
        raise ValueError(f"{number[0, 0]} detections of at most {most}")
    boxes, scores, labels, points = boxes[0, :count], scores[0, :count], labels[0, :count], points[0, :count]
    if not _are_places(boxes) or not _are_scores(scores):
        raise ValueError("boxes that aren't finite, or scores that aren't from 0 to 1")
    if not _are_places(points[..., :2]) or not _are_scores(points[..., 2]):
        raise ValueError("keypoints that aren't finite, or scores of them that aren't from 0 to 1")
    if not ((labels >= 0) & (labels < classes) & (labels == np.floor(labels))).all():
        raise ValueError(f"classes that the model doesn't have, which has {classes}")
    return np.column_stack((boxes, scores, labels, points.reshape(count, 3 * keypoints))).astype(np.float32)


def _are_places(values: NDArray[np.float64]) -> bool:
    return bool((abs(values) <= np.finfo(np.float32).max).all())


def _are_scores(values: NDArray[np.float64]) -> bool:
    return bool(((values >= 0) & (values <= 1)).all())


def _tensor(outputs: Mapping[str, Any], name: str, dimensions: int) -> NDArray[np.float64]:
    """Return a tensor of numbers that an answer holds."""
    output = outputs.get(name, {})
    shape, data = output.get("shape"), output.get("data")
    whole = isinstance(shape, list) and all(type(side) is int and 0 <= side <= MOST_BYTES for side in shape)
    if not whole or len(shape) != dimensions or not isinstance(data, list):
        raise ValueError(f"it has no tensor {name} of {dimensions} dimensions")
    try:
        values = np.array(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} has no numbers alone") from error
    if values.size and values.dtype.kind not in "iuf":
        raise ValueError(f"{name} has no numbers alone")
    return values.astype(np.float64).reshape(shape)


def _short(said: Any) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return printable(text if len(text) <= 300 else f"{text[:300]} ...")


def _read_metadata(path: Path) -> Mapping[str, str]:
    try:
        strings = json.loads(read_file(path).tobytes())
    except OSError as error:
        raise CheckpointError(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError, SourceError):
        strings = None
    if not isinstance(strings, dict):
        raise CheckpointError(f"{path}: this isn't the metadata.json of a model in a repository")
    return strings
