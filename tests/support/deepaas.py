"""DEEPaaS's own programs, with the models of the plugins that lie in a folder, and what they answer."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

EXAMPLES = Path(__file__).parents[2] / "examples"
BOUNDARY = "boundary-of-a-test"


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    body: bytes

    @property
    def value(self) -> Any:
        return json.loads(self.body)

    @property
    def objects(self) -> list[dict[str, Any]]:
        assert self.status == 200, self.body
        return self.value["predictions"]["objects"]

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True)
class Server:
    address: str
    process: subprocess.Popen[bytes]
    log: Path
    temporary: Path

    def ask(self, path: str, data: Any = None, method: str | None = None, **headers: str) -> Answer:
        request = urllib.request.Request(self.address + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return _answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            return _answer(error.code, error.headers, error.read())

    def predict(
        self, image: bytes | Path, query: str = "", *, name: str = "page.png", accept: str | None = None
    ) -> Answer:
        data = image.read_bytes() if isinstance(image, Path) else image
        headers = {"accept": accept} if accept else {}
        return self.upload([data], len(data), query, name, **headers)

    def upload(self, parts: Iterable[bytes], size: int, query: str, name: str = "page.png", **headers: str) -> Answer:
        """Send a picture of ``size`` bytes, part by part."""
        head = f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="image"; filename="{name}"\r\n'
        head += "content-type: image/png\r\n\r\n"
        tail = f"\r\n--{BOUNDARY}--\r\n"
        body: Any = (part for part in chain([head.encode()], parts, [tail.encode()]))
        headers |= {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
        headers |= {"content-length": str(len(head) + size + len(tail))}
        return self.ask(f"/v2/models/model_zoo/predict/?{query}", body, "POST", **headers)

    def train(self, **settings: Any) -> Answer:
        return self.ask(f"/v2/models/model_zoo/train/?{urlencode(settings)}", b"", "POST")

    def training(self, started: Answer, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the record of a training once it is so, or when it has ended; on a busy machine that takes minutes."""
        end = time.monotonic() + 300
        while True:
            record = self.ask(f"/v2/models/model_zoo/train/{started.value['uuid']}").value
            if until(record) or record["status"] != "running" or time.monotonic() > end:
                return record
            time.sleep(0.2)

    def peak(self) -> int:
        """Return the most memory that the server's process has had so far, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024


def _answer(status: int, headers: Message, body: bytes) -> Answer:
    return Answer(status, headers.get_content_type(), body)


def install(folder: Path, example: str, scratch: Path) -> None:
    """Install one of the examples into a folder, by pip, from its sources alone."""
    source = scratch / example
    shutil.copytree(EXAMPLES / example, source)
    command = ["install", "--quiet", "--no-index", "--no-build-isolation", "--no-deps", "--target", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", *command, str(source)], check=True, timeout=60)


def environment(site: Path, temporary: Path, **more: str) -> dict[str, str]:
    """Return what a program of DEEPaaS is given: one thread, no network, folders of its own."""
    paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    given = {"PYTHONPATH": os.pathsep.join(paths), "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1"}
    weights = {"YOLONAS_OFFLINE": "1", "YOLONAS_WEIGHTS": str(temporary.with_name("weights"))}
    return {**os.environ, **given, **weights, "DEEPAAS_V2_MODEL": "model_zoo", **more}


def command_line(folder: Path, site: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run ``deepaas-cli``. What it says of its own is in ``stderr``."""
    temporary = folder / "temporary"
    temporary.mkdir(parents=True, exist_ok=True)
    program = Path(sys.executable).with_name("deepaas-cli")
    given = environment(site, temporary)
    return subprocess.run(
        [program, *arguments], cwd=folder, env=given, capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def serving(folder: Path, site: Path, *options: str, **variables: str) -> Iterator[Server]:
    """Run ``deepaas-run`` until the end of the ``with``."""
    temporary, log = folder / "temporary", folder / "server.log"
    temporary.mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("deepaas-run")
    command = [str(program), "--listen-ip", "127.0.0.1", "--listen-port", str(port), *options]
    with log.open("wb") as out:
        given = environment(site, temporary, **variables)
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder, env=given)
    server = Server(f"http://127.0.0.1:{port}", process, log, temporary)
    try:
        _wait(server)
        yield server
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):  # it may wait for a worker process that is gone
            process.wait(10)
        process.kill()
        process.wait()


def _wait(server: Server) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and server.process.poll() is None:
        try:
            server.ask("/v2/models/")
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(server.log.read_text())
