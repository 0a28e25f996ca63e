"""Downloading weights from a host on loopback that fails in every way: each failure is survived, or explained."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from model_zoo_api.types import WeightFile
from tests.support import weight_host as answers
from tests.support.weight_host import BODY, ETAG, HALF, Host, serving, weight_file
from yolonas_plugin.errors import DownloadError, WeightsNotFoundError, YoloNASPluginError
from yolonas_plugin.weights.fetch import Patience, fetch

QUICK = Patience(connect=2, stall=0.4, tries=3, pause=0.02)

PROGRAM = """
import sys
from pathlib import Path
from model_zoo_api.types import WeightFile
from yolonas_plugin.weights.fetch import fetch
url, sha256, folder = sys.argv[1:4]
print(fetch(WeightFile(filename="weights.pth", urls=(url,), sha256=sha256), Path(folder)))
"""


pytestmark = pytest.mark.usefixtures("_no_proxy")


@pytest.fixture
def other() -> Iterator[Host]:
    with serving() as host:
        yield host


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "not" / "made" / "yet"


def get(file: WeightFile, folder: Path, patience: Patience = QUICK) -> Path:
    """Fetch, and check that nothing but the whole file and the lock is left."""
    path = fetch(file, folder, patience=patience)
    assert path == folder / "weights.pth"
    assert path.read_bytes() == BODY
    assert {p.name for p in folder.iterdir()} <= {"weights.pth", ".weights.pth.lock"}
    return path


def complaint(file: WeightFile, folder: Path, patience: Patience = QUICK) -> str:
    """Fail to fetch, and check that no file is in place and that the message says how to put it there."""
    with pytest.raises(DownloadError) as caught:
        fetch(file, folder, patience=patience)
    assert isinstance(caught.value, (YoloNASPluginError, WeightsNotFoundError))
    assert not (folder / "weights.pth").exists()
    message = str(caught.value)
    for fact in (*file.urls, str(file.sha256), str(folder / "weights.pth")):
        assert fact in message
    return message


# -- what works --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["good", "no_ranges", "no_length", "absurd_length", "chunked"])
@pytest.mark.parametrize("size", [len(BODY), None])
def test_a_file_is_downloaded_once(host: Host, folder: Path, answer: str, size: int | None) -> None:
    host.script = [getattr(answers, answer)]
    file = weight_file(host, size=size)
    get(file, folder)
    get(file, folder)
    assert len(host.asked) == 1
    assert host.asked[0][1]["User-Agent"].startswith("yolonas-plugin/")


def test_a_redirect_is_followed(host: Host, other: Host, folder: Path) -> None:
    host.script = [answers.redirect(other.url("/elsewhere"))]
    get(weight_file(host), folder)
    assert [path for path, _ in other.asked] == ["/elsewhere"]


# -- what fails and is tried again ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["drops", "truncates", "stalls"])
def test_what_breaks_off_is_resumed(host: Host, folder: Path, fault: str) -> None:
    host.script = [getattr(answers, fault)]
    get(weight_file(host), folder)
    assert host.ranges() == [None, f"bytes={HALF}-"]
    assert host.asked[1][1]["If-Range"] == ETAG


@pytest.mark.parametrize("fault", ["hangs_up", "nonsense", "stalls_before_answering", "trickles"])
def test_what_gives_next_to_nothing_is_asked_again(host: Host, folder: Path, fault: str) -> None:
    host.script = [getattr(answers, fault)] * 2
    get(weight_file(host), folder)
    assert len(host.asked) == 3


def test_what_hesitates_at_first_is_not_given_up(host: Host, folder: Path) -> None:
    host.script = [answers.hesitates]
    get(weight_file(host), folder, Patience(stall=5))
    assert len(host.asked) == 1


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_a_passing_failure_is_waited_out(host: Host, folder: Path, code: int) -> None:
    host.script = [answers.status(code)] * 2
    get(weight_file(host), folder, Patience(tries=3, pause=0.1))
    assert len(host.asked) == 3


def test_pauses_grow(host: Host, folder: Path) -> None:
    host.script = [answers.status(503)] * 3
    start = time.monotonic()
    get(weight_file(host), folder, Patience(tries=4, pause=0.1))
    assert 0.7 <= time.monotonic() - start < 3  # 0.1 + 0.2 + 0.4


def test_a_host_without_ranges_starts_again(host: Host, folder: Path) -> None:
    host.script = [answers.drops, answers.no_ranges]
    get(weight_file(host), folder)


def test_a_file_that_changed_at_the_host_starts_again(host: Host, folder: Path) -> None:
    """If-Range names the old version, so the host sends the whole new one."""
    folder.mkdir(parents=True)
    (folder / ".weights.pth.part").write_bytes(b"old version" * 100)
    (folder / ".weights.pth.part.from").write_text(f'{host.url()}\n"v0"')
    get(weight_file(host), folder)
    assert host.asked[0][1]["If-Range"] == '"v0"'
    assert len(host.asked) == 1


def test_a_partial_file_of_other_bytes_is_found_out(host: Host, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / ".weights.pth.part").write_bytes(b"something else")
    get(weight_file(host), folder)
    assert host.ranges() == ["bytes=14-", None]


def test_a_partial_file_that_is_too_long_is_dropped(host: Host, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / ".weights.pth.part").write_bytes(BODY + b"more")
    get(weight_file(host), folder)


def test_a_partial_file_that_is_whole_needs_no_host(folder: Path) -> None:
    """A process died between the last byte and the renaming."""
    folder.mkdir(parents=True)
    (folder / ".weights.pth.part").write_bytes(BODY)
    get(weight_file(urls=("http://127.0.0.1:1/weights.pth",)), folder)


def test_a_wrong_range_is_not_appended(host: Host, folder: Path) -> None:
    host.script = [answers.drops, answers.wrong_range]
    get(weight_file(host), folder)
    assert host.ranges() == [None, f"bytes={HALF}-", None]


def test_the_next_host_goes_on_where_the_first_broke_off(host: Host, other: Host, folder: Path) -> None:
    host.script = [answers.drops, *[answers.status(500)] * 2]
    get(weight_file(host, other), folder)
    assert len(host.asked) == 3
    assert other.ranges() == [f"bytes={HALF}-"]
    assert "If-Range" not in other.asked[0][1]


# -- what fails for good: the next host is asked, and each host's failure is told ----------------------------------

FINAL = [
    (answers.status(404), "answered 404 Not Found"),
    (answers.status(403), "answered 403 Forbidden"),
    (answers.wrong_bytes, "which is not the file"),
    (answers.announces(HALF), f"announced {HALF:,} bytes; the file has {len(BODY):,}"),
    (answers.announces(10**12), "announced 1,000,000,000,000 bytes"),
    (answers.too_many_bytes, f"sent more than {len(BODY):,} bytes"),
    (answers.web_page, "a web page (text/html)"),
    (answers.compresses, "compressed (gzip)"),
    (answers.redirect("ftp://127.0.0.1/weights.pth"), "InvalidSchema"),
    (answers.redirect("http://\xff/"), "which is no address"),
    (answers.redirect("http://[broken/"), "redirects to http://[broken/, which is no address"),
]


@pytest.mark.parametrize(("fault", "words"), FINAL, ids=[words for _, words in FINAL])
def test_a_hopeless_host_is_asked_once(
    host: Host, other: Host, folder: Path, fault: answers.Answer, words: str
) -> None:
    host.script = [fault, fault]
    assert words in complaint(weight_file(host), folder)
    assert len(host.asked) == 1
    get(weight_file(host, other), folder)


REPEATED = [
    (answers.status(500), "answered 500 Internal Server Error (3 tries)"),
    (answers.drops, "connection broke after 150,000 bytes"),
    (answers.truncates, "150,000"),
    (answers.stalls, "stalled: nothing arrived in time"),
    (answers.trickles, "stalled: "),
    (answers.hangs_up, "no connection"),
    (answers.truncates_without_length, "closed the connection after 150,000 of 300,000 bytes"),
]


@pytest.mark.parametrize(("fault", "words"), REPEATED, ids=[words for _, words in REPEATED])
def test_a_host_that_fails_each_time(host: Host, folder: Path, fault: answers.Answer, words: str) -> None:
    host.script = [fault] * 9
    message = complaint(weight_file(host), folder)
    assert words in message
    assert "3 tries" in message
    assert len(host.asked) == 3


@pytest.mark.parametrize("fault", [answers.truncates_without_length, answers.announces(HALF)])
def test_without_a_known_size_the_checksum_finds_a_short_file(host: Host, folder: Path, fault: answers.Answer) -> None:
    host.script = [fault]
    assert "which is not the file; they were deleted" in complaint(weight_file(host, size=None), folder)
    assert [path.name for path in folder.iterdir()] == [".weights.pth.lock"]


def test_every_host_is_named_with_its_failure(host: Host, other: Host, folder: Path) -> None:
    host.script, other.script = [answers.status(404)], [answers.web_page]
    message = complaint(weight_file(host, other), folder)
    assert f"{host.url()}: answered 404" in message
    assert f"{other.url()}: answered with a web page" in message


def test_redirects_in_circles_end(host: Host, folder: Path) -> None:
    host.script = [answers.redirect("/weights.pth")] * 50
    assert "redirects in circles" in complaint(weight_file(host), folder)
    assert len(host.asked) == 6


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed, so there is no certificate for a host on https")
    path = tmp_path / "host.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", path, "-out"]
    subprocess.run([*command, tmp_path / "cert.pem", *subject], check=True, capture_output=True)
    path.write_text(path.read_text() + (tmp_path / "cert.pem").read_text())
    return path


def test_https_never_leads_to_http(
    certificate: Path, host: Host, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with serving(certificate) as safe:
        safe.script = [answers.redirect(host.url())]
        assert f"redirects from https to {host.url()}, which is not safe" in complaint(weight_file(safe), folder)
        assert host.asked == []
        host.script = [answers.redirect(safe.url())]
        get(weight_file(host), folder)


def test_an_untrusted_certificate_is_refused(certificate: Path, folder: Path) -> None:
    with serving(certificate) as stranger:
        assert "its certificate or encryption was refused" in complaint(weight_file(stranger), folder)
        assert stranger.asked == []


def test_a_certificate_bundle_that_is_not_there(
    certificate: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    with serving(certificate) as stranger:
        assert "/nowhere/bundle.pem" in complaint(weight_file(stranger), folder)


# -- the network's surroundings --------------------------------------------------------------------------------------


def test_the_proxy_of_the_environment_is_used(host: Host, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", host.url(""))
    url = "http://weights.invalid/weights.pth"
    get(weight_file(urls=(url,)), folder)
    assert [path for path, _ in host.asked] == [url]


def test_a_proxy_that_is_not_there_is_named(host: Host, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    message = complaint(weight_file(host), folder)
    assert "the proxy of the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY) failed" in message
    assert host.asked == []


def test_nobody_listens(folder: Path) -> None:
    assert "no connection" in complaint(weight_file(urls=("http://127.0.0.1:1/weights.pth",)), folder)


def test_a_name_that_nobody_knows(folder: Path) -> None:
    """As it is without a network."""
    assert "no connection" in complaint(weight_file(urls=("http://weights.invalid/weights.pth",)), folder)


def test_a_catalogue_without_a_checksum_or_a_host_is_refused(host: Host, folder: Path) -> None:
    assert "nothing is used unchecked" in complaint(weight_file(host, sha256=None), folder)
    assert host.asked == []
    assert "no host" in complaint(weight_file(), folder)


# -- the disk --------------------------------------------------------------------------------------------------------


def test_a_folder_that_can_not_be_made(host: Host, tmp_path: Path) -> None:
    """Under a file, since to root nothing is read-only."""
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "folder"):
        with pytest.raises(DownloadError, match=r"(?s)can't be written to.*YOLONAS_WEIGHTS.*sha256:.*put it:"):
            fetch(weight_file(host), folder, patience=QUICK)
    assert host.asked == []


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="needs the permissions of POSIX")
def test_a_read_only_folder(host: Host) -> None:
    """Where root runs this, the process becomes nobody, since to root nothing is read-only."""
    become_nobody = (
        "import os, filelock, yolonas_plugin.weights.transfer\n"  # imported while they can be read
        "if os.geteuid() == 0: os.seteuid(65534)\n"
    )
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o555)
        for folder in (Path(name), Path(name) / "new"):
            errors = python(become_nobody + PROGRAM, host, folder).communicate(timeout=30)[1]
            assert f"DownloadError: weights.pth was not downloaded: {folder} can't be written to (Permission" in errors
            assert "choose another folder with YOLONAS_WEIGHTS" in errors
        os.chmod(name, 0o755)
    assert host.asked == []


def test_too_little_room_is_noticed_before_the_transfer(host: Host, folder: Path) -> None:
    host.script = [answers.no_length]
    message = complaint(weight_file(host, size=10**18), folder)
    assert "there is no room for it" in message
    assert "it needs 1,000,000,000,000,000,000 bytes" in message


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of the file's size")
def test_a_disk_that_fills_up_is_left_as_it_was(host: Host, folder: Path) -> None:
    """A limit on the file's size stands in for a full disk: the write fails midway, in the system."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({HALF}, {HALF}))\n"
    done = python(limit + PROGRAM, host, folder).communicate(timeout=30)
    assert "DownloadError" in done[1]
    assert f"there is no room for it in {folder}" in done[1]
    assert "put it:" in done[1]
    assert [path.name for path in folder.iterdir() if path.stat().st_size] in ([], [".weights.pth.part.from"])
    get(weight_file(host), folder)


# -- processes -------------------------------------------------------------------------------------------------------


def python(program: str, host: Host, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, host.url(), weight_file().sha256, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(what: Path, size: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 20
    while not what.exists() or what.stat().st_size < size:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_two_processes_at_once_download_once(host: Host, folder: Path) -> None:
    host.script = [answers.slow]
    processes = [python(PROGRAM, host, folder) for _ in range(2)]
    output = [process.communicate(timeout=30) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert {out.strip() for out, _ in output} == {str(folder / "weights.pth")}
    assert sum("is being downloaded by another process; waiting for it" in err for _, err in output) == 1
    assert len(host.asked) == 1
    get(weight_file(host), folder)


def test_two_threads_at_once_download_once(host: Host, folder: Path) -> None:
    host.script = [answers.slow]
    threads = [threading.Thread(target=fetch, args=(weight_file(host), folder)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(host.asked) == 1
    get(weight_file(host), folder)


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_download_is_resumed_by_the_next_process(host: Host, folder: Path) -> None:
    host.script = [answers.slow]
    process = python(PROGRAM, host, folder)
    part = folder / ".weights.pth.part"
    wait_for(part, 30_000, process)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert not (folder / "weights.pth").exists()
    have = part.stat().st_size
    assert 30_000 <= have < len(BODY)
    get(weight_file(host), folder)
    assert host.ranges() == [None, f"bytes={have}-"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_an_interrupted_download_is_resumed_too(host: Host, folder: Path) -> None:
    host.script = [answers.slow]
    process = python(PROGRAM, host, folder)
    wait_for(folder / ".weights.pth.part", 30_000, process)
    process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in process.communicate(timeout=10)[1]
    get(weight_file(host), folder)
    assert host.ranges()[1] is not None


def test_who_waits_for_another_download_may_be_interrupted(host: Host, folder: Path) -> None:
    folder.mkdir(parents=True)
    host.script = [answers.slow]
    with FileLock(folder / ".weights.pth.lock"):
        process = python(PROGRAM, host, folder)
        assert process.stderr is not None
        assert "waiting for it" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert "KeyboardInterrupt" in process.communicate(timeout=20)[1]
    get(weight_file(host), folder)


def test_without_a_terminal_nothing_is_printed(host: Host, folder: Path) -> None:
    process = python(PROGRAM, host, folder)
    assert process.communicate(timeout=30) == (f"{folder / 'weights.pth'}\n", "")
