"""The server behind `convlab explore`: on this machine alone, for who has the address that it was started with.

The standard library's server does: a page asks five kinds of questions, one after the other, of one network, and what
takes time is computed by one thread at a time (`Session`), so that a framework would have nothing to speed up.
"""

import logging
import secrets
from http.server import ThreadingHTTPServer
from socket import socket
from threading import BoundedSemaphore
from typing import Any, Protocol

from convlab.explorer.explanations import At
from convlab.explorer.handler import Handler

HOST = "127.0.0.1"
AT_ONCE = 64  # connections: more are told to come again
LOG = logging.getLogger(__name__)


class Answers(Protocol):
    """What the server asks for the page, as `Session` answers it."""

    def document(self) -> str:
        """Return the document as JSON."""

    def values(self, generation: int, index: int, /) -> bytes:
        """Return the numbers of a layer."""

    def explanation(self, generation: int, index: int, at: At, backward: int | None, /) -> str:
        """Return the explanation of a number as JSON."""

    def attribution(self, generation: int, method: str, number: int, index: int | None, /) -> str:
        """Return an attribution as JSON."""

    def open(self, data: bytes, /) -> str:
        """Show another image; return the new document as JSON."""


class Server(ThreadingHTTPServer):
    """The server of one session.

    Parameters
    ----------
    session : Session, or what answers as it does
    port : int
        0 for one that is free.
    """

    daemon_threads, block_on_close = True, False  # it ends at once, whoever is still waiting
    request_queue_size = 256

    def __init__(self, session: Answers, port: int = 0) -> None:
        super().__init__((HOST, port), Handler)
        self.session, self.token = session, secrets.token_hex(16)
        self.upload = BoundedSemaphore(1)  # files are read into memory one by one
        self._places = BoundedSemaphore(AT_ONCE)

    @property
    def hosts(self) -> tuple[str, ...]:
        """What a browser that was given the address calls this machine: no name that is bound to it by others."""
        return f"{HOST}:{self.server_port}", f"localhost:{self.server_port}"

    @property
    def cookie(self) -> str:
        """The name of the cookie: browsers share them among the ports of a machine."""
        return f"convlab-{self.server_port}"

    @property
    def address(self) -> str:
        """The address to open, token and all."""
        return f"http://{HOST}:{self.server_port}/?token={self.token}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, or say that there are too many."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            _refuse(request)
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and give the place to the next."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log in a line what went wrong with a connection: that a browser closed it is its own business."""
        LOG.debug("a connection ended early", exc_info=True)


def _refuse(request: socket) -> None:
    try:
        request.settimeout(0.1)
        request.sendall(b"HTTP/1.0 503 Service Unavailable\r\nRetry-After: 1\r\n\r\ntoo many requests at once\n")
    except OSError:
        LOG.debug("a connection ended early", exc_info=True)
