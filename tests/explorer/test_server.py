"""The server under attack: who may ask, what is refused, and that nothing is left behind."""

import http.client
import io
import json
import socket
import struct
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convlab.explorer import handler
from convlab.explorer.handler import LARGEST
from convlab.explorer.page_files import page_files
from convlab.explorer.server import AT_ONCE
from convlab.explorer.session import Session
from support.explored import NETWORKS
from support.serving import serving

PICTURES = Path(__file__).parents[2] / "weights/fashion_mnist"
BYTES = "application/octet-stream"
pytestmark = pytest.mark.concurrency


@pytest.fixture(scope="module")
def server():
    with serving(Session(*NETWORKS["sequence"]())) as running:
        yield running


class Client:
    """Asks a server as its own page does, or in another way."""

    def __init__(self, server, cookie=True):
        self.server = server
        self.headers = {"Cookie": f"{server.cookie}={server.token}"} if cookie else {}

    def __call__(self, path, method="GET", body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {**self.headers, **named})
        answer = connection.getresponse()
        answer.text = answer.read()
        connection.close()
        return answer


def raw(server, request, read=True):
    """Send bytes as they are; return what comes back, all of it, or the open socket."""
    connection = socket.create_connection(("127.0.0.1", server.server_port), timeout=60)
    connection.sendall(request.encode("latin-1"))
    if not read:
        return connection
    with connection:
        return b"".join(iter(lambda: connection.recv(65536), b""))


def token_line(server):
    return f"Host: 127.0.0.1:{server.server_port}\r\nCookie: {server.cookie}={server.token}\r\n"


PATHS = ["/", "/page/entry.js", "/api/document", "/api/values/1?generation=1", "/nowhere"]
each = pytest.mark.parametrize("path", PATHS)


# ---- who may ask


def test_it_listens_on_this_machine_alone(server):
    assert server.socket.getsockname()[0] == "127.0.0.1"


def test_the_token_of_the_address_becomes_a_cookie(server):
    answer = Client(server, cookie=False)(server.address.partition(str(server.server_port))[2])
    assert answer.status == 303
    assert answer.headers["Location"] == "/"
    cookie, *flags = answer.headers["Set-Cookie"].split("; ")
    assert cookie == f"{server.cookie}={server.token}"
    assert set(flags) == {"HttpOnly", "SameSite=Strict", "Path=/"}
    assert len(server.token) == 32


@each
def test_nothing_is_given_without_the_token(server, path):
    assert Client(server, cookie=False)(path).status == 403


@each
@pytest.mark.parametrize("token", ["", "0" * 32, "é" * 16, "x" * 5000])
def test_nothing_is_given_for_a_wrong_token(server, path, token):
    cookie = f"{server.cookie}={token}".encode("utf-8", "replace").decode("latin-1")
    assert Client(server, cookie=False)(path, Cookie=cookie).status == 403


def test_a_wrong_token_in_the_address_opens_nothing(server):
    answer = Client(server, cookie=False)(f"/?token={'0' * 32}")
    assert (answer.status, answer.headers["Set-Cookie"]) == (403, None)
    assert Client(server, cookie=False)(f"/api/document?token={server.token}").status == 403


def test_a_cookie_of_another_port_is_none(server):
    assert Client(server, cookie=False)("/", Cookie=f"convlab-1={server.token}").status == 403


@each
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.:{port}", ""]
)
def test_another_name_of_this_machine_is_refused(server, path, host):
    """DNS rebinding: a page of evil.example, whose name now means 127.0.0.1, even with the cookie."""
    assert Client(server)(path, Host=host.format(port=server.server_port)).status == 403


@each
def test_both_names_of_this_machine_are_answered(server, path):
    expected = 404 if path == "/nowhere" else 200
    for name in ("127.0.0.1", "localhost"):
        assert Client(server)(path, Host=f"{name}:{server.server_port}").status == expected


@pytest.mark.parametrize("hosts", ["", "Host: 127.0.0.1:{port}\r\nHost: evil.example\r\n"])
def test_no_host_and_two_of_them_are_refused(server, hosts):
    cookie = f"Cookie: {server.cookie}={server.token}\r\n"
    hosts = hosts.format(port=server.server_port)
    assert raw(server, f"GET / HTTP/1.0\r\n{hosts}{cookie}\r\n").startswith(b"HTTP/1.0 403")


@each
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1"])
def test_pages_of_others_are_refused(server, path, origin):
    assert Client(server)(path, Origin=origin.format(port=server.server_port)).status == 403


def test_its_own_page_is_answered(server):
    origin = f"http://127.0.0.1:{server.server_port}"
    assert Client(server)("/api/document", Origin=origin, Sec_Fetch_Site="same-origin").status == 200


@pytest.mark.parametrize("path", PATHS[1:4])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_a_browser_asks_for_another_page_is_refused(server, path, site):
    assert Client(server)(path, Sec_Fetch_Site=site).status == 403


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "HEAD", "TRACE", "CONNECT"])
def test_there_are_no_other_methods(server, method):
    assert Client(server)("/api/document", method).status == 501


# ---- what is answered


@each
def test_every_answer_has_the_headers_of_a_page_that_trusts_nobody(server, path):
    for client in (Client(server), Client(server, cookie=False)):
        headers = client(path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "Python" not in headers["Server"]
        assert headers["Access-Control-Allow-Origin"] is None


def test_the_files_of_the_page_have_types_of_a_fixed_table(server):
    types = {"css": "text/css", "js": "text/javascript", "html": "text/html"}
    for name, (_, data) in page_files().items():
        answer = Client(server)(f"/page/{name}")
        assert (answer.status, answer.text) == (200, data)
        assert answer.headers["Content-Type"] == f"{types[name.rpartition('.')[2]]}; charset=utf-8"


def test_questions_are_answered_by_the_session(server):
    session, ask = server.session, Client(server)
    assert ask("/api/document").text.decode() == session.document()
    assert ask("/api/values/1?generation=1").text == session.values(1, 1)
    found = ask("/api/explanation?generation=1&layer=1&at=,0,3,2")
    assert found.text.decode() == session.explanation(1, 1, [None, 0, 3, 2])
    found = ask("/api/explanation?generation=1&layer=1&at=,0,3,2&backward=1")
    assert found.text.decode() == session.explanation(1, 1, [None, 0, 3, 2], 1)
    assert ask("/api/explanation?generation=1&layer=1&at=,0,3,2&backward=99").status == 400
    found = ask("/api/attribution?generation=1&method=gradient&class=1&layer=")
    assert found.text.decode() == session.attribution(1, "gradient", 1, None)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/values/1", 400),
        ("/api/values/1?generation=", 400),
        ("/api/values/1?generation=0", 409),
        ("/api/values/1?generation=2", 409),
        ("/api/values/?generation=1", 400),
        ("/api/values/99?generation=1", 400),
        ("/api/values/-1?generation=1", 400),
        ("/api/values/conv?generation=1", 400),
        (f"/api/values/{'9' * 5000}?generation=1", 400),
        ("/api/explanation?generation=1&layer=1", 400),
        ("/api/explanation?generation=1&layer=1&at=0,0,0", 400),
        ("/api/explanation?generation=1&layer=1&at=,,,", 400),
        ("/api/explanation?generation=1&layer=1&at=,0,99,0", 400),
        ("/api/explanation?generation=1&layer=1&at=,0,%D9%A3,0", 400),
        ("/api/explanation?generation=7&layer=1&at=,0,0,0", 409),
        ("/api/attribution?generation=1&method=__import__&class=1&layer=", 400),
        ("/api/attribution?generation=1&method=gradient&class=99&layer=", 400),
        ("/api/attribution?generation=1&method=grad_cam&class=1&layer=0", 400),
        ("/api/document?" + "&".join(f"a{i}=1" for i in range(200)), 200),
        ("/api/explanation?" + "&".join(f"a{i}=1" for i in range(200)), 400),
        ("/" + "x" * 70000, 414),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(server, path, status):
    answer = Client(server)(path)
    assert answer.status == status
    assert status == 200 or (answer.text and b"\n" not in answer.text.strip() and b"Traceback" not in answer.text)


@pytest.mark.parametrize(
    "path",
    [
        "/page/../server.py",
        "/page/..%2fserver.py",
        "/page/%2e%2e/server.py",
        "/page/..\\server.py",
        "/page//etc/passwd",
        "/page/",
        "/page/entry.js/",
        "/page/entry.js%00.css",
        "/../../../../etc/passwd",
        "/etc/passwd",
        "/page/index.html%20",
        "/api/../page/entry.js",
    ],
)
def test_no_path_leads_to_a_file(server, path):
    assert raw(server, f"GET {path} HTTP/1.0\r\n{token_line(server)}\r\n").startswith(b"HTTP/1.0 404")


def test_the_address_of_another_machine_is_no_path(server):
    assert raw(server, f"GET http://evil.example/ HTTP/1.0\r\n{token_line(server)}\r\n").startswith(b"HTTP/1.0 404")


@pytest.mark.parametrize(
    "request_",
    ["rubbish\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.0\r\n" + "a: b\r\n" * 200 + "\r\n"],
)
def test_what_is_no_request_gets_an_error_or_nothing(server, request_):
    answer = raw(server, request_)
    assert b"200 OK" not in answer
    assert Client(server)("/").status == 200


def test_a_fault_of_ours_is_told_in_a_line(server, monkeypatch):
    monkeypatch.setattr(server.session, "values", lambda *_: 1 / 0)
    answer = Client(server)("/api/values/1?generation=1")
    assert (answer.status, answer.text) == (500, b"ZeroDivisionError: division by zero")


# ---- files that are dropped on it


@pytest.fixture(scope="module")
def lenet():
    with serving(Session(*NETWORKS["lenet"]())) as running:
        yield running


def post(server, data=b"", **headers):
    return Client(server)("/api/image", "POST", data, **{"Content_Type": BYTES, **headers})


def test_a_picture_is_shown(lenet):
    before = json.loads(lenet.session.document())["generation"]
    answer = post(lenet, (PICTURES / "trouser.png").read_bytes())
    assert answer.status == 200
    told = json.loads(answer.text)
    assert (told["generation"], told["top"][0]["label"]) == (before + 1, "Trouser")
    assert Client(lenet)(f"/api/values/1?generation={before}").status == 409


@pytest.mark.parametrize("length", [str(2**30), str(LARGEST + 1), "9" * 30])
def test_a_gigabyte_is_refused_without_being_read(lenet, length):
    """The answer comes although not a byte of it was sent."""
    head = f"POST /api/image HTTP/1.1\r\n{token_line(lenet)}Content-Type: {BYTES}\r\nContent-Length: {length}\r\n\r\n"
    answer = raw(lenet, head)
    assert answer.startswith(b"HTTP/1.0 413")
    assert b"64 MB" in answer


@pytest.mark.parametrize(
    "lines", ["Transfer-Encoding: chunked\r\n", "", "Content-Length: -1\r\n", "Content-Length: 1e3\r\n",
              "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"],
)  # fmt: skip
def test_a_file_of_no_told_length_is_refused(lenet, lines):
    head = f"POST /api/image HTTP/1.1\r\n{token_line(lenet)}Content-Type: {BYTES}\r\n{lines}\r\n"
    assert raw(lenet, head).startswith(b"HTTP/1.0 411")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_a_form_of_another_page_cannot_send_a_file(lenet, kind):
    assert post(lenet, b"x", Content_Type=kind).status == 415


def test_a_file_is_taken_from_its_own_page_alone(lenet):
    assert post(lenet, b"x", Origin="http://evil.example").status == 403
    assert post(lenet, b"x", Sec_Fetch_Site="cross-site").status == 403
    assert Client(lenet, cookie=False)("/api/image", "POST", b"x", Content_Type=BYTES).status == 403
    assert Client(lenet)("/api/other", "POST", b"x", Content_Type=BYTES).status == 404


def test_a_pixel_bomb_is_refused_before_it_is_unpacked(lenet):
    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, "PNG")
    header = b"IHDR" + struct.pack(">II", 30_000, 30_000) + bytes([8, 0, 0, 0, 0])
    data = file.getvalue()
    bomb = data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]
    answer = post(lenet, bomb)
    assert (answer.status, b"too large" in answer.text) == (400, True)


@pytest.mark.parametrize("data", [b"", b"rubbish", b"\x89PNG\r\n\x1a\n" + bytes(99), b"PK\x03\x04" + bytes(99)])
def test_a_bad_file_is_told_in_a_line_and_the_image_stays(lenet, data):
    before = lenet.session.document()
    answer = post(lenet, data)
    assert (answer.status, answer.text.count(b"\n")) == (400, 0)
    assert lenet.session.document() == before


def test_a_file_that_ends_early_is_refused(lenet):
    head = f"POST /api/image HTTP/1.1\r\n{token_line(lenet)}Content-Type: {BYTES}\r\nContent-Length: 100\r\n\r\nabc"
    connection = raw(lenet, head, read=False)
    connection.shutdown(socket.SHUT_WR)
    assert connection.recv(65536).startswith(b"HTTP/1.0 400")
    connection.close()


def test_files_are_read_one_by_one(lenet):
    head = f"POST /api/image HTTP/1.1\r\n{token_line(lenet)}Content-Type: {BYTES}\r\nContent-Length: 100\r\n\r\nabc"
    first = raw(lenet, head, read=False)
    for _ in range(600):  # until the first is being read
        if not lenet.upload._value:
            break
        threading.Event().wait(0.05)
    assert post(lenet, b"another").status == 503
    first.close()


# ---- many, and slow ones


def test_two_hundred_at_once_are_served_or_told_to_come_again(server):
    def ask(i):
        try:
            return Client(server)("/api/values/1?generation=1" if i % 2 else "/api/document").status
        except OSError:  # the queue of the system was full
            return None

    with ThreadPoolExecutor(200) as pool:
        found = list(pool.map(ask, range(200)))
    assert set(found) <= {200, 503, None}
    assert found.count(200) >= AT_ONCE // 2
    assert Client(server)("/").status == 200


def test_who_keeps_silent_is_let_go_and_others_are_served_meanwhile(monkeypatch):
    with serving(Session(*NETWORKS["sequence"]())) as quiet:
        monkeypatch.setattr(handler.Handler, "timeout", 0.3)
        silent = [
            raw(quiet, start, read=False) for start in ("", "GET / HT", f"GET / HTTP/1.0\r\n{token_line(quiet)}")
        ]
        assert Client(quiet)("/").status == 200
        for connection in silent:
            assert connection.recv(65536) == b""
            connection.close()


def test_it_ends_at_once_whoever_is_still_being_waited_for(monkeypatch):
    monkeypatch.setattr(handler.Handler, "timeout", None)
    before = set(threading.enumerate())
    with serving(Session(*NETWORKS["sequence"]())) as left:
        silent = raw(left, "GET / HT", read=False)
        for _ in range(600):
            if left._places._value < AT_ONCE:
                break
            threading.Event().wait(0.05)
        threads = set(threading.enumerate()) - before
        hung_up = threading.Timer(20, silent.close)
        hung_up.start()
    hung_up.cancel()
    waiting = [thread for thread in threads if thread.is_alive()]
    assert len(waiting) == 1  # although its client has said nothing yet
    assert waiting[0].daemon  # so that it keeps no process alive
    silent.close()
    waiting[0].join()


def test_who_keeps_silent_is_not_waited_for_long():
    assert handler.Handler.timeout == handler.PATIENCE <= 10


def test_more_connections_than_it_takes_are_told_so():
    with serving(Session(*NETWORKS["sequence"]())) as full:
        held = [raw(full, "GET / HT", read=False) for _ in range(AT_ONCE)]
        for _ in range(600):  # until all of them have their places
            if not full._places._value:
                break
            threading.Event().wait(0.05)
        assert Client(full)("/").status == 503
        for connection in held:
            connection.close()
        for _ in range(600):
            if full._places._value == AT_ONCE:
                break
            threading.Event().wait(0.05)
        assert Client(full)("/").status == 200


def test_a_hundred_reloads_leave_nothing_behind():
    before = threading.active_count()
    with serving(Session(*NETWORKS["sequence"]())) as reloaded:
        ask = Client(reloaded)
        files = page_files.cache_info().currsize
        held = set(vars(reloaded.session))
        for _ in range(100):
            for path in ("/", "/page/entry.js", "/api/document", "/api/values/1?generation=1"):
                assert ask(path).status == 200
        for _ in range(600):
            if reloaded._places._value == AT_ONCE:
                break
            threading.Event().wait(0.05)
        assert reloaded._places._value == AT_ONCE
        assert page_files.cache_info().currsize == max(files, 1)
        assert set(vars(reloaded.session)) == held
    assert threading.active_count() <= before


def test_of_twenty_images_the_last_one_stays(lenet):
    pixels = np.zeros((28, 28), np.uint8)
    for i in range(20):
        pixels[0, 0] = 100 + i
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        assert post(lenet, file.getvalue()).status == 200
    shown = lenet.session._shown
    assert shown.acts.input[0, 0, 0, 0] == np.float32(119 / 255)
    assert [key for key, value in vars(lenet.session).items() if isinstance(value, list | dict)] == []
