"""Downloads that cannot be: servers that refuse, a user who stops it, a second process, a full disk."""

import errno
import os
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path

import pytest

from convlab.errors import WeightsError
from convlab.files import download, transfer_limits
from convlab.files.download import fetch
from convlab.files.registry import Entry
from convlab.files.transfer_limits import TransferLimits
from support.files.flaky_server import BODY, MD5, Server, bytes_from, failure, names, whole

pytestmark = pytest.mark.usefixtures("hurry")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_refusal_ends_it_at_once(server: Server, tmp_path: Path, status: int):
    server.statuses = [status] * 9
    message = failure(server.entry, tmp_path)
    assert message.startswith(f"{server.url}/toy.h5: the server answered {status} ")
    assert message.endswith(", expected a file; get it elsewhere and pass its path instead")
    assert server.asked == [None]
    assert names(tmp_path) == []


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_passing_trouble_is_waited_out(server: Server, tmp_path: Path, status: int):
    server.statuses = [status] * 4
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert len(server.asked) == 5


def test_a_lasting_trouble_is_told(server: Server, tmp_path: Path):
    server.statuses = [503] * 5
    assert "the server answered 503 Service Unavailable, 5 times in a row; 0 bytes are kept" in failure(
        server.entry, tmp_path
    )


def test_no_server_at_all(tmp_path: Path):
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        entry = Entry("toy", "toy.h5", f"http://127.0.0.1:{taken.getsockname()[1]}/toy.h5", 9, MD5)
        assert re.search(r"/toy.h5: no connection \(.*refused\), 5 times in a row", failure(entry, tmp_path))


def test_a_server_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.02)
    with socket.socket() as mute:  # accepts, but never answers
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        entry = Entry("toy", "toy.h5", f"http://127.0.0.1:{mute.getsockname()[1]}/toy.h5", 9, MD5)
        began = time.monotonic()
        assert "no connection (timed out), 5 times in a row" in failure(entry, tmp_path)
        assert time.monotonic() - began < 5


def test_a_server_that_speaks_no_tls(server: Server, tmp_path: Path):
    entry = Entry("toy", "toy.h5", server.url.replace("http:", "https:") + "/toy.h5", len(BODY), MD5)
    assert re.search(r"/toy.h5: no connection \(.*SSL.*\), 5 times in a row", failure(entry, tmp_path))


@pytest.mark.parametrize(("number", "kind"), [(0, HTTPConnection), (1, HTTPSConnection)])
def test_what_comes_is_counted_encrypted_or_not(number: int, kind: type, monkeypatch: pytest.MonkeyPatch):
    handler = transfer_limits.handlers(TransferLimits())[number]
    monkeypatch.setattr(handler, "do_open", lambda connect, request: connect(request))
    connection = (handler.https_open if number else handler.http_open)("127.0.0.1")
    assert type(connection) is kind
    assert connection.response_class.func is transfer_limits._Response


def test_a_redirect_keeps_the_range(server: Server, tmp_path: Path):
    (tmp_path / "toy.h5.part").write_bytes(BODY[:1000])
    fetch(Entry("toy", "toy.h5", server.url + "/moved", len(BODY), MD5), tmp_path)
    assert whole(tmp_path)
    assert server.asked == [bytes_from(1000)]


def test_redirects_in_a_circle(server: Server, tmp_path: Path):
    entry = Entry("toy", "toy.h5", server.url + "/loop", len(BODY), MD5)
    assert "/loop: the server answered 302 " in failure(entry, tmp_path)


def test_a_redirect_out_of_http(server: Server, tmp_path: Path):
    entry = Entry("toy", "toy.h5", server.url + "/ftp", len(BODY), MD5)
    assert "no connection (unknown url type: ftp)" in failure(entry, tmp_path)


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/toy.h5", "toy.h5", None])
def test_only_http_addresses(tmp_path: Path, url: str | None):
    message = failure(Entry("toy", "toy.h5", url, 9, MD5), tmp_path)
    assert message == f"toy: cannot download from {url!r}, expected an http(s) address"


def test_ctrl_c_keeps_what_came(server: Server, tmp_path: Path):
    def interrupt(done: int, total: int | None) -> None:
        if done >= 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(server.entry, tmp_path, interrupt)
    assert names(tmp_path) == ["toy.h5.part"]
    part = (tmp_path / "toy.h5.part").read_bytes()
    assert len(part) >= 100_000
    assert part == BODY[: len(part)]
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert server.asked == [None, bytes_from(len(part))]


CHILD = """
import os, signal, sys
from convlab.files.download import fetch
from convlab.files.registry import Entry
url, folder, size, md5, deadly = sys.argv[1:]
die = lambda done, total: done > 100_000 and os.kill(os.getpid(), signal.SIGKILL)
try:
    fetch(Entry("toy", "toy.h5", url, int(size), md5), folder, die if deadly == "True" else None)
except ValueError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


def child(entry: Entry, folder: Path, deadly: bool) -> subprocess.CompletedProcess[str]:
    arguments = [str(entry.url), str(folder), str(entry.size), str(entry.md5), str(deadly)]
    return subprocess.run(
        [sys.executable, "-c", CHILD, *arguments], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.skipif(sys.platform == "win32", reason="kills a process as POSIX does")
def test_a_killed_process_leaves_nothing_in_the_way(server: Server, tmp_path: Path):
    assert child(server.entry, tmp_path, deadly=True).returncode == -9
    kept = (tmp_path / "toy.h5.part").stat().st_size
    assert kept > 50_000  # what lay in a buffer is lost, no more
    assert names(tmp_path) == ["toy.h5.lock", "toy.h5.part"]
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert server.asked == [None, bytes_from(kept)]


def test_a_second_process_keeps_its_hands_off(server: Server, tmp_path: Path):
    second = []

    def start_another(done: int, total: int | None) -> None:
        if done > 100_000 and not second:
            second.append(child(server.entry, tmp_path, deadly=False))

    fetch(server.entry, tmp_path, start_another)
    assert second[0].stderr.strip() == (
        f"WeightsError: {tmp_path / 'toy.h5'}: another process is downloading it; run again when it is done"
    )
    assert whole(tmp_path)
    assert server.asked == [None]


@pytest.mark.skipif(sys.platform == "win32", reason="a file that is open can be removed")
def test_a_lock_that_its_owner_just_removed_is_no_lock(tmp_path: Path):
    """Between opening the lock file and locking it the owner may have gone, and a third process have come."""
    lock = tmp_path / "toy.h5.lock"
    with lock.open("wb") as file:
        lock.unlink()
        assert not download._locked(file, lock)
        lock.touch()
        assert not download._locked(file, lock)


def full(_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(download.os, "fsync", full)
    message = failure(server.entry, tmp_path)
    assert message == (
        f"{tmp_path / 'toy.h5'}: cannot be written: No space left on device; make room or choose another "
        "folder (CONVLAB_CACHE), then run again: what came is kept"
    )


def test_a_folder_that_is_a_file(server: Server, tmp_path: Path):
    (tmp_path / "folder").write_bytes(b"")
    with pytest.raises(WeightsError, match=r"folder.toy\.h5: cannot be written: File exists"):
        fetch(server.entry, tmp_path / "folder")
    assert server.asked == []


# links, and what is no file


@pytest.mark.parametrize("suffix", [".lock", ".part"])
def test_a_link_is_not_followed(server: Server, tmp_path: Path, suffix: str):
    """Others may be able to write to the folder: what their link leads to is the user's."""
    precious, folder = tmp_path / "precious", tmp_path / "folder"
    precious.write_text("mine")
    folder.mkdir()
    (folder / f"toy.h5{suffix}").symlink_to(precious)
    with pytest.raises(WeightsError, match=rf"toy\.h5\{suffix}: is a link, which is not followed; remove it"):
        fetch(server.entry, folder)
    assert precious.read_text() == "mine"
    (folder / f"toy.h5{suffix}").unlink()
    fetch(server.entry, folder)
    assert whole(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
@pytest.mark.parametrize("suffix", [".lock", ".part"])
def test_a_fifo_is_not_waited_for(server: Server, tmp_path: Path, suffix: str):
    os.mkfifo(tmp_path / f"toy.h5{suffix}")
    with pytest.raises(WeightsError, match=r"(is no file; remove it|No such device)"):
        fetch(server.entry, tmp_path)


# servers that would hold a fetch for ever; the clock is the test's


class Clock:
    """Goes by so many seconds each time it is looked at."""

    def __init__(self, step: float) -> None:
        self.step, self.now = step, 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_a_slow_server(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(download, "TransferLimits", partial(TransferLimits, clock=Clock(60)))
    message = failure(server.entry, tmp_path)
    assert re.search(
        r"/toy\.h5: too slow: [\d,]+ bytes in 360 s, expected at least 1,048,576; [\d,]+ bytes are kept", message
    )
    assert len(server.asked) == 1
    kept = (tmp_path / "toy.h5.part").read_bytes()
    assert 0 < len(kept) < len(BODY)
    assert kept == BODY[: len(kept)]
    monkeypatch.setattr(transfer_limits, "LEAST", 1)  # a byte each time: slow enough for this clock
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)


def test_a_server_that_never_ends_its_headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Of itself, http.client waits for a hundred lines of 65,536 bytes, 30 s for each."""
    monkeypatch.setattr(download, "TransferLimits", partial(TransferLimits, clock=Clock(60)))
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/toy.h5"
        message = failure(Entry("toy", "toy.h5", url, 9, MD5), tmp_path)
        thread.join()
    assert re.search(r": too slow: [\d,]+ bytes in 360 s, expected at least 1,048,576; 0 bytes are kept", message)


def drip(server: socket.socket) -> None:
    """Send a header byte after byte, to one client, until it goes away."""
    client, _ = server.accept()
    with client, suppress(OSError):
        client.recv(1 << 16)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            client.sendall(b"a")


def test_a_server_that_starts_anew_each_time(server: Server, tmp_path: Path):
    """Each time a byte more comes than before; 300,007 times would be 45 GB."""
    server.ranges, server.cuts = False, list(range(290_000, 290_060))
    message = failure(server.entry, tmp_path)
    assert re.search(r"/toy\.h5: too slow: 2,[\d,]+ bytes came, and the file is still not whole; ", message)
    assert len(server.asked) < 12
