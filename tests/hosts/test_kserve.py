"""A client of a model server takes no answer for more than it is: slow, endless, packed, malformed or untrue ones."""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from yolonas_plugin.errors import CheckpointError, ServerError, SettingError, YoloNASPluginError
from yolonas_plugin.export.description import Description
from yolonas_plugin.hosts import kserve
from yolonas_plugin.hosts.kserve import ServedPredictor
from yolonas_plugin.processing import ProcessingSpec
from yolonas_plugin.skeleton import Skeleton

IMAGE = np.full((40, 60, 3), 90, np.uint8)
SPEC = ProcessingSpec(size=(64, 64), resize=(64, 64))
STRINGS = Description(names=("a", "b"), processing=SPEC, takes="pixels", gives="batch").to_metadata(
    batch=8, dynamic=False
)
Answer = Callable[[BaseHTTPRequestHandler], None]


def answer(content: Any, status: int = 200, **headers: str) -> Answer:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()

    def write(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return write


def detections(**changes: Any) -> dict[str, Any]:
    """One detection of three at most, as KServe's protocol has it, with some outputs changed."""
    outputs = {
        "num_detections": {"shape": [1, 1], "data": [1]},
        "boxes": {"shape": [1, 3, 4], "data": [8, 8, 24, 40] + [0] * 8},
        "scores": {"shape": [1, 3], "data": [0.5, 0, 0]},
        "classes": {"shape": [1, 3], "data": [1, -1, -1]},
    }
    for name, change in changes.items():
        outputs[name] = {**outputs[name], **change} if isinstance(change, dict) else change
    return {"outputs": [{"name": name, **output} for name, output in outputs.items() if isinstance(output, dict)]}


class Server(ThreadingHTTPServer):
    daemon_threads = True
    say: Answer = staticmethod(answer(detections()))
    asked: list[str]


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.asked.append(self.path)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.close_connection = True
            with contextlib.suppress(OSError):  # the client has heard enough
                server.say(self)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *args: object) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def server(running: Server) -> Server:
    running.say, running.asked = answer(detections()), []
    return running


@pytest.fixture
def url(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def predict(url: str, tmp_path: Path) -> ServedPredictor:
    (tmp_path / "metadata.json").write_text(json.dumps(STRINGS))
    return ServedPredictor(url, "m", metadata=tmp_path / "metadata.json", timeout=5)


def test_a_true_answer_is_taken(predict: ServedPredictor, server: Server, url: str) -> None:
    (found,) = predict(IMAGE)
    np.testing.assert_allclose(found.boxes, [[7.5, -2.5, 22.5, 27.5]], atol=8)
    assert (found.scores.tolist(), found.labels.tolist(), found.names) == ([0.5], [1], {0: "a", 1: "b"})
    assert (found.boxes.dtype, found.labels.dtype.kind) == (np.float32, "i")
    server.say = answer({"parameters": {name: {"string_value": value} for name, value in STRINGS.items()}})
    assert ServedPredictor(url, "a/b").processing == SPEC
    assert server.asked == ["/v2/models/m/infer", "/v2/models/a%2Fb/config"]


DEEP = b"[" * 100_000 + b"]" * 100_000
LIES: dict[str, Any] = {
    "no JSON": b"<html>",
    "no UTF-8": b'{"outputs": "\xff"}',
    "nothing": b"",
    "a list": [],
    "a number": 3,
    "deep": DEEP,
    "no outputs": {},
    "outputs of text": {"outputs": "abc"},
    "outputs of lists": {"outputs": [[1]]},
    "names that are lists": {"outputs": [{"name": []}]},
    "a tensor less": detections(scores=None),
    "a shape of text": detections(boxes={"shape": ["1", "3", "4"]}),
    "a shape of True": detections(num_detections={"shape": [True, True]}),
    "a shape too many": detections(boxes={"shape": [1, 3, 2, 2]}),
    "a shape that is guessed": detections(boxes={"shape": [1, -1, 4]}),
    "an enormous shape": detections(boxes={"shape": [1, 2**62, 4]}),
    "a shape that its data don't have": detections(boxes={"shape": [1, 4, 4]}),
    "shapes that differ": detections(scores={"shape": [1, 2], "data": [0.5, 0]}),
    "two images": detections(num_detections={"shape": [2, 1], "data": [1, 1]}),
    "no data": detections(boxes={"data": None}),
    "data of text": detections(scores={"data": ["0.5", "0", "0"]}),
    "data of True": detections(scores={"data": [True, False, False]}),
    "data of lists": detections(scores={"data": [[0.5], [0, 0]]}),
    "data of objects": detections(scores={"data": [{}, {}, {}]}),
    "data of nothing": detections(scores={"data": [None, 0, 0]}),
    "numbers of any length": detections(num_detections={"data": [10**400]}),
    "more than there are": detections(num_detections={"data": [4]}),
    "fewer than none": detections(num_detections={"data": [-1]}),
    "half a detection": detections(num_detections={"data": [0.5]}),
    "a box that is nan": detections(boxes={"data": [float("nan")] * 12}),
    "a box without end": detections(boxes={"data": [float("inf")] * 12}),
    "a box beyond float32": detections(boxes={"data": [1e300] * 12}),
    "a score of 2": detections(scores={"data": [2, 0, 0]}),
    "a score that is nan": detections(scores={"data": [float("nan"), 0, 0]}),
    "a class that isn't there": detections(classes={"data": [2, -1, -1]}),
    "a class below 0": detections(classes={"data": [-1, -1, -1]}),
    "half a class": detections(classes={"data": [0.5, -1, -1]}),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_an_answer_that_can_t_be_one_is_an_error(lie: Any, predict: ServedPredictor, server: Server) -> None:
    server.say = answer(lie)
    with pytest.raises(ServerError, match=r"/v2/models/m/infer: the server's answer"):
        predict(IMAGE)
    server.say = answer(detections())
    assert len(predict(IMAGE)) == 1


POSE = Description(
    names=("person",), processing=SPEC, takes="pixels", gives="batch", task="pose", skeleton=Skeleton.unnamed(2)
).to_metadata(batch=8, dynamic=False)


def poses(**changes: Any) -> dict[str, Any]:
    """One person of two keypoints, the second of which lies outside the image."""
    data = [8, 12, 0.75, -40, 80, 0.25] + [0] * 12
    said = detections(classes={"data": [0, -1, -1]})["outputs"]
    return {"outputs": [*said, {"name": "keypoints", "shape": [1, 3, 2, 3], "data": data, **changes}]}


@pytest.fixture
def predict_poses(url: str, tmp_path: Path) -> ServedPredictor:
    (tmp_path / "metadata.json").write_text(json.dumps(POSE))
    return ServedPredictor(url, "m", metadata=tmp_path / "metadata.json", timeout=5)


def test_keypoints_come_with_their_boxes(predict_poses: ServedPredictor, server: Server) -> None:
    server.say = answer(poses())
    (found,) = predict_poses(IMAGE)
    placement = SPEC.letterbox(IMAGE)[1]
    assert found.keypoints.shape == (1, 2, 3)
    expected = placement.points_to_image(np.array([[8, 12, 0.75], [-40, 80, 0.25]]))
    np.testing.assert_allclose(found.keypoints[0], expected, rtol=1e-6)
    assert found.keypoints[0, 1, 0] < -30  # as it is: nothing is clipped
    nobody = poses()
    nobody["outputs"][0]["data"] = [0]
    server.say = answer(nobody)
    assert predict_poses(IMAGE)[0].keypoints.shape == (0, 2, 3)


FALSE_KEYPOINTS: dict[str, Any] = {
    "none": detections(classes={"data": [0, -1, -1]}),
    "of three": poses(shape=[1, 3, 3, 2]),
    "of one": poses(shape=[1, 3, 1, 3], data=[0] * 9),
    "in a row": poses(shape=[1, 3, 6]),
    "fewer": poses(shape=[1, 2, 2, 3], data=[0] * 12),
    "without end": poses(data=[float("inf")] + [0] * 17),
    "that are nan": poses(data=[0, float("nan")] + [0] * 16),
    "with a score of 2": poses(data=[0, 0, 2] + [0] * 15),
    "with a score that is nan": poses(data=[0, 0, float("nan")] + [0] * 15),
    "of text": poses(data=["0"] * 18),
}


@pytest.mark.parametrize("lie", FALSE_KEYPOINTS.values(), ids=FALSE_KEYPOINTS)
def test_keypoints_that_can_t_be_are_an_error(lie: Any, predict_poses: ServedPredictor, server: Server) -> None:
    server.say = answer(lie)
    with pytest.raises(ServerError, match=r"/v2/models/m/infer: the server's answer can't be one"):
        predict_poses(IMAGE)


@pytest.mark.parametrize(
    "said",
    [
        *(b"", b"\0", [], {}, {"parameters": 3}, {"parameters": []}, {"parameters": {"names": "x"}}, DEEP),
        {"parameters": {name: {"string_value": 3} for name in STRINGS}},
        *({"parameters": {**{n: {"string_value": v} for n, v in STRINGS.items()}, key: {"string_value": bad}}}
          for key in STRINGS if key in ("names", "channels", "yolonas_processing", "yolonas_takes")
          for bad in ("", "[" * 9999, "\x1b[2J", "-1", "{}", "nan")),
    ],
)  # fmt: skip
def test_a_model_that_says_nonsense_of_itself_is_an_error(said: Any, url: str, server: Server) -> None:
    server.say = answer(said)
    with pytest.raises(YoloNASPluginError, match="/v2/models/m") as caught:
        ServedPredictor(url, "m")
    assert "\x1b" not in str(caught.value)


def endless(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    while True:
        request.wfile.write(b"8000\r\n" + b" " * 0x8000 + b"\r\n")


def slow(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "100000")
    request.end_headers()
    for _ in range(100):
        request.wfile.write(b" ")
        time.sleep(0.05)


def slow_head(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for _ in range(100):
        request.wfile.write(b"X")
        time.sleep(0.05)


def silent(request: BaseHTTPRequestHandler) -> None:
    time.sleep(4)


def cut(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b"{")


def no_http(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"SSH-2.0\r\n" * 10)


def many_headers(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000)


@pytest.mark.parametrize(
    ("say", "message"),
    [
        (endless, "more than"),
        (answer(b" " * (17 << 20)), "more than"),
        (slow, "wasn't complete after 0.5 s|no model server answers"),
        (slow_head, "wasn't complete after 0.5 s|no model server answers"),
        (silent, "no model server answers|wasn't complete"),
        (cut, "no model server answers"),
        (no_http, "no model server answers"),
        (many_headers, "no model server answers"),
        (answer(gzip.compress(bytes(1 << 20)), Content_Encoding="gzip"), "is packed"),
        (answer(b"", 302, Location="http://127.0.0.1:1/\x1b[2J"), "sends elsewhere"),
        (answer(b"", 307, Location="file:///etc/passwd"), "sends elsewhere"),
        (answer({"error": "\x1b]0;x\x07" + "y" * 9999}, 400), r"the server says: \\x1b\]0;x\\x07y+ \.\.\.$"),
        (answer(["no"], 500), "the server says"),
        (answer(b"no", 500), "no JSON: no"),
    ],
)
def test_no_answer_is_waited_for_without_end(
    say: Answer, message: str, url: str, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "metadata.json").write_text(json.dumps(STRINGS))
    quick = say in (slow, slow_head, silent)
    predict = ServedPredictor(url, "m", metadata=tmp_path / "metadata.json", timeout=0.5 if quick else 20)
    server.say = say
    start = time.monotonic()
    with pytest.raises(ServerError, match=message) as caught:
        predict(IMAGE)
    assert time.monotonic() - start < 10
    assert str(caught.value).isprintable()


def test_files_that_are_no_metadata_are_named(url: str, tmp_path: Path) -> None:
    for number, content in enumerate((b"", b"[]", DEEP, b"\xff", b"{}")):
        path = tmp_path / f"{number}.json"
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=f"{number}.json"):
            ServedPredictor(url, "m", metadata=path)
    for timeout in (0, -1, float("nan"), float("inf"), "5"):
        with pytest.raises(SettingError, match="timeout="):
            ServedPredictor(url, "m", metadata=tmp_path / "0.json", timeout=timeout)


def test_images_that_can_t_be_read_are_reported(predict: ServedPredictor, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", IMAGE)[1].tobytes())
    (tmp_path / "b.png").write_text("no image")
    one, other = predict(tmp_path)
    assert (one.path, one.error, one.index) == (str(tmp_path / "a.png"), None, 0)
    assert (other.path, other.error, other.index) == (str(tmp_path / "b.png"), "8 bytes that are no image", 1)
    assert kserve.MOST_BYTES < 1 << 30


def test_a_connection_that_the_server_closes_when_it_is_used_again_is_opened_anew(tmp_path: Path) -> None:
    connections: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if connections[-1]:  # it was idle for too long
                self.close_connection = True
                return
            connections[-1] += 1
            answer(detections())(self)

        def setup(self) -> None:
            super().setup()
            connections.append(0)

        def log_message(self, *args: object) -> None:
            pass

    (tmp_path / "metadata.json").write_text(json.dumps(STRINGS))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        predict = ServedPredictor(
            f"http://127.0.0.1:{server.server_port}", "m", metadata=tmp_path / "metadata.json", timeout=5
        )
        assert [len(predict(IMAGE)) for _ in range(3)] == [1, 1, 1]
        server.shutdown()
    assert connections == [1, 1, 1]
