"""One transfer of a weight file from one host, with requests: resumed, bounded, hashed while it is written."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from model_zoo_api.types import WeightFile
from yolonas_plugin.version import __version__
from yolonas_plugin.weights.watch import Watch

LARGEST: Final = 2 << 30
"""Bytes at which a transfer is given up, if the catalogue has no size."""

SLOWEST: Final = 100
"""Bytes per second below which a connection counts as stalled."""

_CHUNK: Final = 1 << 20
_RETRY_STATUS: Final = {408, 425, 429, 500, 502, 503, 504}


class HostError(Exception):
    """What went wrong with a host; ``again`` tells whether the same host is worth another try."""

    def __init__(self, text: str, *, again: bool = True) -> None:
        super().__init__(text)
        self.again = again


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        try:
            target = super().get_redirect_target(resp)
            scheme = urlsplit(urljoin(resp.url, target or "")).scheme
        except ValueError as error:
            raise HostError(f"redirects to {resp.headers.get('Location')}, which is no address", again=False) from error
        if resp.url.startswith("https:") and scheme != "https":
            raise HostError(f"redirects from https to {target}, which is not safe", again=False)
        return target


def session() -> requests.Session:
    """Return a session that follows five redirects at most, and none from https to http."""
    http = _Session()
    http.max_redirects = 5
    http.headers["User-Agent"] = f"yolonas-plugin/{__version__}"
    return http


def transfer(
    http: requests.Session, url: str, file: WeightFile, part: Path, *, connect: float, stall: float, watch: Watch
) -> None:
    """Fill ``part`` from ``url``, and check it.

    Args:
        http: From :func:`session`.
        url: Where the file is.
        file: Its SHA-256 and, where known, its size.
        part: Holds what earlier transfers got, from any host; ``part`` + ``.from`` says from which.
        connect: Seconds to wait for a connection.
        stall: Seconds to wait for data.
        watch: Is told how far it is, and asked whether to go on.

    Raises:
        HostError: The host failed, or gave something else.
        CancelledError: It isn't to go on; ``part`` is kept.
        OSError: ``part`` can't be written.
    """
    digest = hashlib.sha256()
    have = _hash(part, digest.update)
    if have and digest.hexdigest() == file.sha256:
        return  # an earlier process died after the last byte
    headers = {"Accept-Encoding": "identity"}  # sizes and ranges are those of the file
    if have:
        headers |= {"Range": f"bytes={have}-", **_if_range(part, url)}
    try:
        response = watch.wait_for(lambda: http.get(url, headers=headers, stream=True, timeout=(connect, stall)))
        try:
            start, total = _answer(response, url, file, part, have)
            if start == 0:
                digest = hashlib.sha256()
            _require_room(part, (file.size or total or start) - start)
            _write(response, file, part, start, total, digest.update, stall, watch)
        finally:
            if not watch.left:  # else closing it would wait for the host
                response.close()
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _network_error(error, part) from error
    if digest.hexdigest() != file.sha256:
        size = part.stat().st_size
        part.unlink()
        origin(part).unlink(missing_ok=True)
        text = f"gave {size:,} bytes with the SHA-256 {digest.hexdigest()}, which is not the file; they were deleted"
        raise HostError(text, again=start > 0)  # what was resumed may have begun with another host's bytes


def _hash(path: Path, update: Callable[[bytes], None]) -> int:
    """Feed a file to ``update`` and return its size, 0 if there is none."""
    try:
        with open(path, "rb") as file:
            while piece := file.read(_CHUNK):
                update(piece)
            return file.tell()
    except FileNotFoundError:
        return 0


# -- the answer's head -----------------------------------------------------------------------------------------------


def _answer(response: requests.Response, url: str, file: WeightFile, part: Path, have: int) -> tuple[int, int | None]:
    """Return where the body begins in the file, and the file's size if the host tells it."""
    status, headers = response.status_code, response.headers
    if status == 416:
        part.unlink(missing_ok=True)
        raise HostError(f"has nothing after byte {have:,} of what was to be resumed")
    if status not in (200, 206):
        raise HostError(f"answered {status} {response.reason}", again=status in _RETRY_STATUS)
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind in {"text/html", "application/xhtml+xml"}:
        raise HostError(f"answered with a web page ({kind}); a proxy or a login page may stand in between", again=False)
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise HostError(f"sent the file compressed ({headers['Content-Encoding']}), unasked", again=False)
    length = re.fullmatch(r"\d{1,18}", headers.get("Content-Length", ""), re.ASCII)
    start, total = 0, int(length[0]) if length else None
    if status == 206:
        claim = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", headers.get("Content-Range", ""), re.ASCII)
        if not have or not claim or int(claim[1]) != have:
            part.unlink(missing_ok=True)
            raise HostError(f"sent the range {headers.get('Content-Range')!r} instead of what follows byte {have:,}")
        start, total = have, None if claim[2] == "*" else int(claim[2])
    if file.size and total not in (None, file.size):
        raise HostError(f"announced {total:,} bytes; the file has {file.size:,}", again=False)
    if (total or 0) > LARGEST:
        raise HostError(f"announced {total:,} bytes, more than any weight file has", again=False)
    if start == 0:
        part.unlink(missing_ok=True)
        validator = headers.get("ETag", "")
        if not validator or validator.startswith("W/"):
            validator = headers.get("Last-Modified", "")
        origin(part).write_text(f"{url}\n{validator}", encoding="utf-8")
    return start, total


def origin(part: Path) -> Path:
    """Return the note beside ``part`` that says which host's file it began as."""
    return part.with_name(f"{part.name}.from")


def _if_range(part: Path, url: str) -> dict[str, str]:
    """Ask for a range only of what is still the same file; between hosts, the SHA-256 decides."""
    try:
        begun, validator = origin(part).read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError):
        return {}
    return {"If-Range": validator} if validator and begun == url else {}


def _require_room(part: Path, need: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if need > free:
        raise OSError(errno.ENOSPC, f"it needs {need:,} bytes and {free:,} are free")


# -- the answer's body -----------------------------------------------------------------------------------------------


def _write(
    response: requests.Response,
    file: WeightFile,
    part: Path,
    start: int,
    total: int | None,
    update: Callable[[bytes], None],
    stall: float,
    watch: Watch,
) -> None:
    size, most, since, then = start, file.size or total or LARGEST, time.monotonic(), start
    in_all = file.size or total
    watch.tell(size, in_all)
    with open(part, "ab") as out:
        while piece := watch.wait_for(lambda: response.raw.read1(_CHUNK, decode_content=False)):
            size += len(piece)
            if size > most:
                raise HostError(f"sent more than {most:,} bytes", again=False)
            out.write(piece)
            update(piece)
            watch.tell(size, in_all, always=False)
            if (now := time.monotonic()) - since > stall:
                if size - then < SLOWEST * stall:
                    raise HostError(f"stalled: {size - then:,} bytes in {now - since:.0f} s")
                since, then = now, size
        watch.tell(size, in_all)
        out.flush()
        os.fsync(out.fileno())
    total = file.size if total is None else total
    if total is not None and size < total:
        raise HostError(f"closed the connection after {size:,} of {total:,} bytes")


def _network_error(error: Exception, part: Path) -> HostError:
    """Say in a few words what requests and urllib3 say in many."""
    cause = _cause(error)
    match error:
        case requests.exceptions.ProxyError():
            return HostError(f"the proxy of the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY) failed: {cause}")
        case requests.exceptions.SSLError():
            return HostError(f"its certificate or encryption was refused: {cause}", again=False)
        case requests.exceptions.ConnectTimeout():
            return HostError("no connection in time", again=False)
        case requests.exceptions.Timeout() | urllib3.exceptions.ReadTimeoutError():
            return HostError("stalled: nothing arrived in time")
        case requests.exceptions.TooManyRedirects():
            return HostError("redirects in circles", again=False)
        case requests.exceptions.ConnectionError():
            return HostError(f"no connection: {cause}")
        case urllib3.exceptions.ProtocolError():
            size = part.stat().st_size if part.exists() else 0
            return HostError(f"the connection broke after {size:,} bytes")
    return HostError(f"{type(error).__name__}: {cause}", again=False)


def _cause(error: BaseException) -> str:
    """Return the words of the system, at the bottom of what the libraries wrapped around them."""
    while inner := next(
        (e for e in (error.__cause__, getattr(error, "reason", None), *error.args) if isinstance(e, BaseException)),
        None,
    ):
        error = inner
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
