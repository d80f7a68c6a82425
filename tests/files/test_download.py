"""Downloads from a real HTTP server on this machine that does what servers and networks do on bad days."""

import hashlib
import re
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from convlab.errors import WeightsError
from convlab.files import download
from convlab.files.download import fetch
from convlab.files.registry import Entry

BODY = hashlib.shake_128(b"convlab").digest(300_007)
MD5 = hashlib.md5(BODY).hexdigest()
OTHER = BODY[:-1] + bytes([BODY[-1] ^ 1])


@dataclass
class Server:
    """What the next answers will be, and what was asked. The lists are used up from the left."""

    url: str
    body: bytes = BODY
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)  # bytes of body after which a connection is cut
    reset: bool = False  # cut by RST, not by an orderly end
    statuses: list[int] = field(default_factory=list)  # errors to answer with before anything else
    length: int | None = -1  # Content-Length to announce; -1 the true one, None none
    shift: int = 0  # how far from the range asked for the answer begins
    asked: list[str | None] = field(default_factory=list)  # the Range header of each request

    @property
    def entry(self) -> Entry:
        return Entry("toy", "toy.h5", self.url + "/toy.h5", len(BODY), MD5)


class Handler(BaseHTTPRequestHandler):
    """Answers as the `Server` says."""

    def do_GET(self):
        server = self.server.script
        if self.path == "/moved":
            return self.redirect(server.url + "/toy.h5")
        if self.path == "/loop":
            return self.redirect(server.url + "/loop")
        if self.path == "/ftp":
            return self.redirect("ftp://127.0.0.1:9/toy.h5")
        asked = self.headers["Range"]
        server.asked.append(asked)
        if len(server.asked) > 60:  # a fetch that would go on for ever
            return self.send_error(404)
        if server.statuses:
            return self.send_error(server.statuses.pop(0))
        return self.answer(server, int(re.findall(r"\d+", asked)[0]) if asked and server.ranges else None)

    def redirect(self, where):
        self.send_response(302)
        self.send_header("Location", where)
        self.end_headers()

    def answer(self, server, start):
        if start is not None and start >= len(server.body):
            return self.send_error(416)
        self.send_response(200 if start is None else 206)
        rest = server.body[(start or 0) + (server.shift if start else 0) :]
        if server.length is not None:
            self.send_header("Content-Length", str(len(rest) if server.length < 0 else server.length))
        self.end_headers()
        cut = server.cuts.pop(0) if server.cuts else None
        self.wfile.write(rest[:cut])
        if cut is not None and server.reset:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
        return None

    def log_message(self, *_):
        pass


class QuietServer(ThreadingHTTPServer):
    """Keeps to itself that a client went away, or that the handler reset the connection."""

    def handle_error(self, *_):
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with QuietServer(("127.0.0.1", 0), Handler) as http:
        http.script = Server(f"http://127.0.0.1:{http.server_port}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield http.script
        http.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSE", 0.001)
    monkeypatch.setattr(download, "CHUNK", 1 << 14)
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)


def whole(folder: Path) -> bool:
    """Whether the file is there, right, and alone: no part, no lock."""
    return (folder / "toy.h5").read_bytes() == BODY and names(folder) == ["toy.h5"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def bytes_from(start: int) -> str:
    return f"bytes={start}-"


def failure(entry: Entry, folder: Path, **options) -> str:
    """Return the message of a fetch that must fail: one line, and no file under the final name."""
    with pytest.raises(WeightsError) as caught:
        fetch(entry, folder, **options)
    assert "\n" not in str(caught.value)
    assert not (folder / entry.file).exists()
    assert not (folder / (entry.file + ".lock")).exists()
    return str(caught.value)


def test_a_whole_file(server: Server, tmp_path: Path):
    folder = tmp_path / "not" / "yet" / "there"
    path = fetch(server.entry, folder)
    assert path == folder / "toy.h5"
    assert whole(folder)
    assert server.asked == [None]


def test_a_file_that_is_there_is_not_asked_for(server: Server, tmp_path: Path):
    (tmp_path / "toy.h5").write_bytes(BODY)
    assert fetch(server.entry, tmp_path, lambda *_: pytest.fail("nothing to report")) == tmp_path / "toy.h5"
    assert server.asked == []
    assert whole(tmp_path)


def test_the_cache_folder_is_where_it_goes(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CONVLAB_CACHE", str(tmp_path))
    assert fetch(server.entry) == tmp_path / "toy.h5"


def test_a_wrong_file_stays_until_the_right_one_takes_its_place(server: Server, tmp_path: Path):
    path = tmp_path / "toy.h5"
    path.write_bytes(OTHER)

    def old(done: int, total: int | None) -> None:
        assert path.read_bytes() == OTHER

    fetch(server.entry, tmp_path, old)
    assert whole(tmp_path)


def test_a_bundled_file_needs_no_network(tmp_path: Path):
    path = fetch("lenet5", tmp_path)
    assert path.name == "lenet5_fashion_mnist.h5"
    assert path.parent != tmp_path


def test_an_unknown_name(tmp_path: Path):
    with pytest.raises(WeightsError, match="registered as 'vgg-16'; did you mean 'vgg16'"):
        fetch("vgg-16", tmp_path)


def test_a_registered_name_is_looked_up(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(download, "lookup", {"toy": server.entry}.__getitem__)
    assert fetch("toy", tmp_path) == tmp_path / "toy.h5"
    assert whole(tmp_path)


def test_progress_counts_up_to_the_whole_and_no_half_file_is_seen(server: Server, tmp_path: Path):
    seen, files = [], []

    def look(done: int, total: int | None) -> None:
        assert not (tmp_path / "toy.h5").exists()
        seen.append((done, total))
        files.append((tmp_path / "toy.h5.part").stat().st_ino)

    server.cuts = [100_000, 50_000]
    fetch(server.entry, tmp_path, look)
    counts = [done for done, _ in seen]
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert {100_000, 150_000} < set(counts)  # where each new connection went on
    assert seen[-1] == (len(BODY), len(BODY))
    assert {total for _, total in seen} == {len(BODY)}
    assert set(files) == {(tmp_path / "toy.h5").stat().st_ino}  # renamed, not copied


def test_a_connection_cut_several_times_goes_on_where_it_was(server: Server, tmp_path: Path):
    server.cuts = [100_000, 0, 50_000, 1, 0, 99_999]
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert server.asked == [None, *map(bytes_from, (100_000, 100_000, 150_000, 150_001, 150_001, 250_000))]


def test_more_cuts_than_tries_do_no_harm_while_bytes_come(server: Server, tmp_path: Path):
    server.cuts = [30_000] * 9
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert len(server.asked) == 10


def test_a_connection_that_is_reset(server: Server, tmp_path: Path):
    server.cuts, server.reset = [100_000, 50_000], True
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert len(server.asked) == 3


def test_a_cut_connection_without_ranges_begins_anew(server: Server, tmp_path: Path):
    server.ranges, server.cuts = False, [200_000, 100_000]
    counts = []
    fetch(server.entry, tmp_path, lambda done, _: counts.append(done))
    assert whole(tmp_path)
    assert server.asked == [None, bytes_from(200_000), bytes_from(100_000)]
    assert counts.count(0) == 3


def test_a_body_without_a_length(server: Server, tmp_path: Path):
    server.length, server.cuts = None, [100_000]
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert server.asked == [None, bytes_from(100_000)]


def test_an_entry_without_size_or_hash(server: Server, tmp_path: Path):
    server.cuts = [100_000]
    totals = set()
    entry = Entry("toy", "toy.h5", server.url + "/toy.h5")
    fetch(entry, tmp_path, lambda _, total: totals.add(total))
    assert whole(tmp_path)
    assert totals == {len(BODY)}


def test_a_connection_that_never_brings_anything_is_given_up(server: Server, tmp_path: Path):
    server.cuts = [100_000] + [0] * 50
    message = failure(server.entry, tmp_path)
    assert message == (
        f"{server.url}/toy.h5: the connection ended after 100,000 of 300,007 bytes, 5 times in a row; "
        "100,000 bytes are kept, run again to go on"
    )
    assert len(server.asked) == 6
    assert (tmp_path / "toy.h5.part").read_bytes() == BODY[:100_000]


def test_the_pause_grows_while_nothing_comes(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pauses = []
    monkeypatch.setattr(download, "PAUSE", 1.0)
    monkeypatch.setattr(download.time, "sleep", pauses.append)
    server.cuts = [0, 0, 9, 0, 0, 0, 0, 0]
    failure(server.entry, tmp_path)
    assert pauses == [2, 4, 1, 2, 4, 8, 16]


def test_a_part_file_is_finished(server: Server, tmp_path: Path):
    (tmp_path / "toy.h5.part").write_bytes(BODY[:123_456])
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert server.asked == [bytes_from(123_456)]


def test_a_part_file_that_is_complete_needs_no_request(server: Server, tmp_path: Path):
    (tmp_path / "toy.h5.part").write_bytes(BODY)
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert server.asked == []


@pytest.mark.parametrize(
    ("part", "asked"),
    [
        (OTHER[::-1][:123_456], [bytes_from(123_456), None]),
        (OTHER, [None]),
        (BODY + b"more", [None]),
        (b"", [None]),
    ],
    ids=["wrong", "wrong and complete", "too long", "empty"],
)
def test_a_bad_part_file_is_thrown_away(server: Server, tmp_path: Path, part: bytes, asked: list[str | None]):
    (tmp_path / "toy.h5.part").write_bytes(part)
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert server.asked == asked


def test_a_part_file_and_a_server_that_ignores_ranges(server: Server, tmp_path: Path):
    server.ranges = False
    (tmp_path / "toy.h5.part").write_bytes(b"x" * 1000)
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert server.asked == [bytes_from(1000)]


def test_a_server_that_refuses_ranges(server: Server, tmp_path: Path):
    server.statuses = [416]
    (tmp_path / "toy.h5.part").write_bytes(BODY[:1000])
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert server.asked == [bytes_from(1000), None]


def test_a_server_that_answers_another_range(server: Server, tmp_path: Path):
    server.shift = -500
    (tmp_path / "toy.h5.part").write_bytes(BODY[:1000])
    fetch(server.entry, tmp_path)
    assert whole(tmp_path)
    assert server.asked == [bytes_from(1000), None]


def test_a_file_that_changed_between_two_connections(server: Server, tmp_path: Path):
    """The first part is from the old file, the rest from the new: the mixture is fetched once anew."""
    server.body, server.cuts = bytes(300_007), [100_000]

    def change(done: int, total: int | None) -> None:
        if done == 100_000:
            server.body = BODY

    fetch(server.entry, tmp_path, change)
    assert whole(tmp_path)
    assert server.asked == [None, bytes_from(100_000), None]


def test_another_body_leaves_nothing(server: Server, tmp_path: Path):
    server.body = OTHER
    found = hashlib.md5(OTHER).hexdigest()
    assert failure(server.entry, tmp_path) == (
        f"{server.url}/toy.h5: what came is not the official toy file: md5 {found}, expected {MD5}; "
        "it was deleted; try again later or over another network"
    )
    assert names(tmp_path) == []
    assert server.asked == [None]


def test_another_body_after_a_part_file_is_tried_once_anew(server: Server, tmp_path: Path):
    server.body = OTHER
    (tmp_path / "toy.h5.part").write_bytes(OTHER[:1000])
    assert "not the official toy file" in failure(server.entry, tmp_path)
    assert names(tmp_path) == []
    assert server.asked == [bytes_from(1000), None]


@pytest.mark.parametrize("announced", [4_321, 300_008])
def test_another_length_is_refused_before_it_is_read(server: Server, tmp_path: Path, announced: int):
    """A login page in the place of the file must not cost the part that is there already."""
    server.ranges, server.length = False, announced
    (tmp_path / "toy.h5.part").write_bytes(BODY[:1000])
    message = failure(server.entry, tmp_path)
    assert (
        f"/toy.h5: the server announces {announced:,} bytes, expected 300,007; this may be a login" in message
    )
    assert (tmp_path / "toy.h5.part").read_bytes() == BODY[:1000]


def test_less_than_announced(server: Server, tmp_path: Path):
    """Without a size in the registry the announced one is all there is to go by."""
    server.ranges, server.length = False, 300_008
    entry = Entry("toy", "toy.h5", server.url + "/toy.h5", md5=MD5)
    assert "the connection ended after 300,007 of 300,008 bytes, 5 times in a row" in failure(entry, tmp_path)


def test_a_body_without_end_is_not_read_to_the_end(server: Server, tmp_path: Path):
    server.body, server.length = BODY * 20, None
    counts = []
    message = failure(server.entry, tmp_path, progress=lambda done, _: counts.append(done))
    assert re.search(r"official toy file: 3\d\d,\d\d\d bytes, expected 300,007", message)
    assert max(counts) < len(BODY) + download.CHUNK
    assert names(tmp_path) == []


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


def test_a_server_that_falls_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.02)
    with socket.socket() as mute:  # accepts, but never answers
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        entry = Entry("toy", "toy.h5", f"http://127.0.0.1:{mute.getsockname()[1]}/toy.h5", 9, MD5)
        assert "no connection (timed out), 5 times in a row" in failure(entry, tmp_path)


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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk(server: Server, tmp_path: Path):
    (tmp_path / "toy.h5.part").symlink_to("/dev/full")
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
