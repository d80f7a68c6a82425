"""A real HTTP server on this machine that does what servers and networks do on bad days; fixtures for its users."""

import hashlib
import re
import socket
import struct
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
    end: str = "close"  # how they are cut: "close", "reset", or "silence" until the client goes away
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
        if cut is not None and server.end == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif cut is not None and server.end == "silence":
            self.connection.recv(1)
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


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses, small reads, no proxy."""
    monkeypatch.setattr(download, "PAUSE", 0.001)
    monkeypatch.setattr(download, "CHUNK", 1 << 14)
    for variable in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
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
