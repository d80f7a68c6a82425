"""The least speed of a server, and the most bytes: urllib waits for ever, in headers too, for a byte now and then."""

import io
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.request import HTTPHandler, HTTPSHandler, Request

from convlab.errors import ConvlabError

__all__ = ["TransferLimitError", "TransferLimits", "handlers"]

LEAST = 1 << 20  # bytes that must come
WINDOW = 300.0  # seconds, from when as many had come last: 3.5 kB/s, through silences and new connections


class TransferLimitError(ConvlabError):
    """A server that will not be waited for any longer; says why."""


@dataclass
class TransferLimits:
    """Counts what comes from a server, over all connections: a mebibyte in five minutes, or it is given up.

    Attributes
    ----------
    limit
        Bytes in all after which a server that starts anew each time is given up; None for no limit.
    clock
        Seconds since some moment.
    """

    limit: int | None = None
    clock: Callable[[], float] = time.monotonic
    _all: int = 0
    _lately: int = 0
    _since: float = field(init=False)

    def __post_init__(self) -> None:
        """Begin to wait."""
        self._since = self.clock()

    def count(self, received: int) -> None:
        """Note that so many bytes came.

        Raises
        ------
        TransferLimitError
            If too few came lately, or too many in all.
        """
        now = self.clock()
        self._all += received
        self._lately += received
        if self.limit is not None and self._all > self.limit:
            raise TransferLimitError(f"{self._all:,} bytes came, and the file is still not whole")
        if self._lately >= LEAST:
            self._lately, self._since = 0, now
        elif now - self._since > WINDOW:
            raise TransferLimitError(
                f"{self._lately:,} bytes in {now - self._since:.0f} s, expected at least {LEAST:,}"
            )


class _Counted(io.RawIOBase):
    """The reading side of a connection: all that is read passes through here, headers too."""

    def __init__(self, raw: io.RawIOBase, limits: TransferLimits) -> None:
        self._raw, self._limits = raw, limits

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        count: int | None = self._raw.readinto(buffer)
        self._limits.count(count or 0)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, limits: TransferLimits, connection: socket.socket, **options: Any) -> None:
        super().__init__(connection, **options)
        self.fp = io.BufferedReader(_Counted(self.fp.detach(), limits))


def handlers(limits: TransferLimits) -> tuple[HTTPHandler, HTTPSHandler]:
    """Return what makes connections for urllib, each of which is counted."""

    def patient(kind: type[HTTPConnection]) -> Callable[..., HTTPConnection]:
        def connect(*address: Any, **options: Any) -> HTTPConnection:
            connection = kind(*address, **options)
            connection.response_class = partial(_Response, limits)  # type: ignore[assignment]
            return connection

        return connect

    class Plain(HTTPHandler):
        def http_open(self, request: Request) -> HTTPResponse:
            return self.do_open(patient(HTTPConnection), request)

    class Secure(HTTPSHandler):
        def https_open(self, request: Request) -> HTTPResponse:
            return self.do_open(patient(HTTPSConnection), request)

    return Plain(), Secure()
