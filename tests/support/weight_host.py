"""A real HTTP host on loopback that misbehaves as it is told."""

from __future__ import annotations

import contextlib
import hashlib
import random
import re
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET

from model_zoo_api.types import WeightFile

BODY = random.Random(0).randbytes(300_000)
HALF = len(BODY) // 2
ETAG = '"v1"'

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers each request by the next item of the host's script, then, when that is used up, as a good host does."""

    def do_GET(self) -> None:
        with self.server.mutex:
            self.server.asked.append((self.path, dict(self.headers)))
            answer = self.server.script.pop(0) if self.server.script else good
        with contextlib.suppress(ConnectionError):
            answer(self)

    def head(self, status: int = 200, **headers: object) -> None:
        self.send_response(status)
        for name, value in {"Content_Type": "application/octet-stream", **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.close_connection = True

    def send(self, body: bytes) -> None:
        self.wfile.write(body)
        self.wfile.flush()

    def reset(self) -> None:
        """Break the connection as a dying peer does."""
        time.sleep(0.05)  # let what was sent arrive
        self.connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        pass


class Host(ThreadingHTTPServer):
    daemon_threads = True
    scheme = "http"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.script, self.asked, self.mutex = BODY, [], [], threading.Lock()

    def url(self, path: str = "/weights.pth") -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}{path}"

    def ranges(self) -> list[str | None]:
        """The ranges asked for, in order."""
        return [headers.get("Range") for _, headers in self.asked]

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that hangs up, or refuses a certificate, is part of the tests


@contextlib.contextmanager
def serving(certificate: Path | None = None) -> Iterator[Host]:
    host = Host()
    if certificate:
        host.scheme = "https"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        host.socket = context.wrap_socket(host.socket, server_side=True)
    threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield host
    finally:
        host.shutdown()
        host.server_close()


def weight_file(*hosts: Host, **changes: object) -> WeightFile:
    fields = {"urls": tuple(host.url() for host in hosts), "sha256": hashlib.sha256(BODY).hexdigest()}
    return WeightFile(**{"filename": "weights.pth", "size": len(BODY), **fields, **changes})


# -- answers ---------------------------------------------------------------------------------------------------------


def good(handler: Handler) -> None:
    """The file, or the range asked for if it is still the same file."""
    body = handler.server.body
    asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    if not asked or handler.headers.get("If-Range", ETAG) != ETAG:
        handler.head(Content_Length=len(body), ETag=ETAG, Accept_Ranges="bytes")
        handler.send(body)
    elif int(asked[1]) >= len(body):
        handler.head(416, Content_Range=f"bytes */{len(body)}", Content_Length=0)
    else:
        start = int(asked[1])
        claim = f"bytes {start}-{len(body) - 1}/{len(body)}"
        handler.head(206, Content_Length=len(body) - start, Content_Range=claim, ETag=ETAG)
        handler.send(body[start:])


def no_ranges(handler: Handler) -> None:
    handler.head(Content_Length=len(BODY))
    handler.send(BODY)


def no_length(handler: Handler) -> None:
    handler.head()
    handler.send(BODY)


def absurd_length(handler: Handler) -> None:
    handler.head(Content_Length="9" * 5000)
    handler.send(BODY)


def chunked(handler: Handler) -> None:
    handler.protocol_version = "HTTP/1.1"
    handler.head(Transfer_Encoding="chunked")
    for i in range(0, len(BODY), 70_000):
        piece = BODY[i : i + 70_000]
        handler.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    handler.send(b"0\r\n\r\n")


def drops(handler: Handler) -> None:
    handler.head(Content_Length=len(BODY), ETag=ETAG)
    handler.send(BODY[:HALF])
    handler.reset()


def truncates(handler: Handler) -> None:
    handler.head(Content_Length=len(BODY), ETag=ETAG)
    handler.send(BODY[:HALF])


def truncates_without_length(handler: Handler) -> None:
    handler.head()
    handler.send(BODY[:HALF])


def stalls(handler: Handler) -> None:
    handler.head(Content_Length=len(BODY), ETag=ETAG)
    handler.send(BODY[:HALF])
    time.sleep(1.5)


def stalls_before_answering(handler: Handler) -> None:
    time.sleep(1.5)


def trickles(handler: Handler) -> None:
    handler.head(Content_Length=len(BODY))
    for i in range(60):
        handler.send(BODY[i : i + 1])
        time.sleep(0.05)


def slow(handler: Handler) -> None:
    """About 2 s for the file; it never stalls."""
    handler.head(Content_Length=len(BODY), ETag=ETAG)
    for i in range(0, len(BODY), 7_500):
        handler.send(BODY[i : i + 7_500])
        time.sleep(0.05)


def hesitates(handler: Handler) -> None:
    """A few bytes at first, and the others soon after."""
    handler.head(Content_Length=len(BODY), ETag=ETAG)
    handler.send(BODY[:10])
    time.sleep(0.05)
    handler.send(BODY[10:])


def wrong_bytes(handler: Handler) -> None:
    handler.head(Content_Length=len(BODY))
    handler.send(BODY[::-1])


def too_many_bytes(handler: Handler) -> None:
    handler.head()
    handler.send(BODY + b"more")


def wrong_range(handler: Handler) -> None:
    handler.head(206, Content_Length=10, Content_Range=f"bytes 0-9/{len(BODY)}")
    handler.send(BODY[:10])


def web_page(handler: Handler) -> None:
    page = b"<html>Please log in</html>"
    handler.head(Content_Length=len(page), Content_Type="text/html; charset=utf-8")
    handler.send(page)


def compresses(handler: Handler) -> None:
    handler.head(Content_Length=len(BODY), Content_Encoding="gzip")
    handler.send(BODY)


def hangs_up(handler: Handler) -> None:
    handler.reset()


def nonsense(handler: Handler) -> None:
    handler.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    handler.close_connection = True


def announces(length: int) -> Answer:
    def answer(handler: Handler) -> None:
        handler.head(Content_Length=length)
        handler.send(BODY[:length])

    return answer


def status(code: int) -> Answer:
    return lambda handler: handler.head(code, Content_Length=0)


def redirect(url: str) -> Answer:
    return lambda handler: handler.head(302, Location=url, Content_Length=0)
