"""One request of a browser: who may ask at all, what is asked, and how it is answered."""

import hmac
import logging
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

from convlab.errors import ConvlabError
from convlab.explorer.page_files import INDEX, page_files
from convlab.explorer.session import OutOfDateError

TEXT, JSON, BYTES = "text/plain; charset=utf-8", "application/json; charset=utf-8", "application/octet-stream"
LARGEST = 64 * 2**20  # bytes of a file that is dropped on the page
PATIENCE = 10.0  # seconds that a silent client is waited for
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
LOG = logging.getLogger(__name__)


class RefusedError(Exception):
    """A request that is not answered: its status, and why."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class Handler(BaseHTTPRequestHandler):
    """Answers one request and closes the connection, as HTTP/1.0 does: nothing of one request is left to the next."""

    server: Any  # a `Server`
    timeout = PATIENCE
    server_version, sys_version = "convlab", ""

    def do_GET(self) -> None:
        """Answer what is asked."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Take a file."""
        self._answer(self._post)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Say in a line what is wrong with the request."""
        self._send(HTTPStatus(code), TEXT, (message or HTTPStatus(code).phrase).encode("utf-8", "replace"))

    def _answer(self, route: Any) -> None:
        try:
            self._check_who_asks()
            route()
        except RefusedError as refused:
            self._send(refused.status, TEXT, str(refused).encode())
        except OutOfDateError as old:
            self._send(HTTPStatus.CONFLICT, TEXT, str(old).encode())
        except ConvlabError as error:
            self._send(HTTPStatus.BAD_REQUEST, TEXT, str(error).encode())
        except OSError:  # the client went away, or kept silent for too long
            self.close_connection = True
        except Exception as error:
            LOG.warning("%s: %s", self.path[:200], error, exc_info=LOG.isEnabledFor(logging.DEBUG))
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR, TEXT, f"{type(error).__name__}: {error}".encode())

    def _check_who_asks(self) -> None:
        """Refuse names of other machines, and pages of others, before anything else; then who has no token.

        A page of somebody else's whose name is bound to this machine (DNS rebinding) has that name in `Host`.
        """
        if self.headers.get_all("Host", []) not in [[host] for host in self.server.hosts]:
            raise RefusedError(HTTPStatus.FORBIDDEN, "this server answers to the address that convlab printed")
        origins = [[], *([f"http://{host}"] for host in self.server.hosts)]
        if self.headers.get_all("Origin", []) not in origins:
            raise RefusedError(HTTPStatus.FORBIDDEN, "this server answers to its own page")
        opening = self.command == "GET" and self.path.partition("?")[0] == "/"
        if not opening and self.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise RefusedError(HTTPStatus.FORBIDDEN, "this server answers to its own page")
        if not (self._is_token(self._cookie()) or (opening and self._is_token(self._query().get("token", "")))):
            raise RefusedError(HTTPStatus.FORBIDDEN, "open the address that convlab printed: it has a token")

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self.server.token.encode())

    def _cookie(self) -> str:
        parts = (part.strip().partition("=") for part in self.headers.get("Cookie", "").split(";"))
        return next((value for name, _, value in parts if name == self.server.cookie), "")

    def _query(self) -> dict[str, str]:
        try:
            found = parse_qs(self.path.partition("?")[2], keep_blank_values=True, max_num_fields=10)
        except ValueError:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "too many questions at once") from None
        return {name: values[0] for name, values in found.items()}

    def _get(self) -> None:
        """Answer by the whole path: what is not here is nowhere, and no part of a path names a file."""
        path, files = self.path.partition("?")[0], page_files()
        folder, _, name = path.rpartition("/")
        answers = {"document": self._document, "explanation": self._explanation, "attribution": self._attribution}
        if path == "/":
            self._open_page()
        elif folder == "/page" and name in files:
            self._send(HTTPStatus.OK, *files[name])
        elif folder == "/api/values":
            values = self.server.session.values(self._number("generation"), self._as_number("the layer", name))
            self._send(HTTPStatus.OK, BYTES, values)
        elif folder == "/api" and name in answers:
            self._send(HTTPStatus.OK, JSON, answers[name]().encode())
        else:
            raise RefusedError(HTTPStatus.NOT_FOUND, "there is no such page")

    def _document(self) -> str:
        told: str = self.server.session.document()
        return told

    def _explanation(self) -> str:
        at = [self._place(side) for side in self._asked("at").split(",")]
        if len(at) != 4 or at[3] is None:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "at: expected z,y,x,channel")
        backward = self._place(self._query().get("backward", ""))
        told: str = self.server.session.explanation(self._number("generation"), self._number("layer"), at, backward)
        return told

    def _attribution(self) -> str:
        layer = self._place(self._query().get("layer", ""))
        method, number = self._asked("method"), self._number("class")
        told: str = self.server.session.attribution(self._number("generation"), method, number, layer)
        return told

    def _open_page(self) -> None:
        """Give the page; of the address with the token make a cookie first, so that no link and no history has it."""
        if "token" not in self._query():
            self._send(HTTPStatus.OK, *page_files()[INDEX])
            return
        cookie = f"{self.server.cookie}={self.server.token}; HttpOnly; SameSite=Strict; Path=/"
        self._send(HTTPStatus.SEE_OTHER, TEXT, b"", {"Location": "/", "Set-Cookie": cookie})

    def _post(self) -> None:
        if self.path != "/api/image":
            raise RefusedError(HTTPStatus.NOT_FOUND, "there is no such page")
        if self.headers.get("Content-Type") != BYTES:  # which no form of another page can send
            raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"expected a file as {BYTES}")
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdecimal()):
            raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "expected a file with its Content-Length")
        if len(length) > 12 or int(length) > LARGEST:
            raise RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"the file has more than {LARGEST // 2**20} MB, which is the most",
            )
        if not self.server.upload.acquire(blocking=False):
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "another file is being read")
        try:
            data = self.rfile.read(int(length))
            if len(data) < int(length):
                raise RefusedError(HTTPStatus.BAD_REQUEST, "the file ended early")
            told = self.server.session.open(data)
        finally:
            self.server.upload.release()  # before the answer, upon which the next file may come
        self._send(HTTPStatus.OK, JSON, told.encode())

    def _asked(self, name: str) -> str:
        query = self._query()
        if name not in query:
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"{name} is missing")
        return query[name]

    def _number(self, name: str) -> int:
        return self._as_number(name, self._asked(name))

    def _as_number(self, name: str, text: str) -> int:
        number = self._place(text)
        if number is None:
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"{name}: expected a number")
        return number

    def _place(self, text: str) -> int | None:
        if text and not (text.isascii() and text.isdecimal() and len(text) < 10):
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"{text[:20]!r} is no number")
        return int(text) if text else None

    def _send(self, status: HTTPStatus, kind: str, data: bytes, more: dict[str, str] | None = None) -> None:
        self.close_connection = True
        try:
            self.send_response(status)
            for name, value in {
                **HEADERS,
                "Content-Type": kind,
                "Content-Length": str(len(data)),
                **(more or {}),
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            LOG.debug("the client went away", exc_info=True)
