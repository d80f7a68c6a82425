"""The page on which a kernel walks over a picture of one's own, without any network."""

from typing import Any

from convlab.errors import UnsupportedError
from convlab.explorer.dropped import dropped_file
from convlab.explorer.export import assembled
from convlab.explorer.strict import as_json
from convlab.images.preprocessing import UNIT_GREY
from convlab.images.reading import prepare, size_of

LONGEST = 28  # cells of the longer side of a picture: as many as can be looked at one by one


class ConvPage:
    """What answers that page: its document, with a picture in grey or none.

    Parameters
    ----------
    picture
        A path, or what else `prepare` takes for one picture.
    command : str
        What shows the same from a terminal.
    """

    def __init__(self, picture: Any = None, *, command: str = "", live: bool = True) -> None:
        self._told: dict[str, Any] = {
            "title": "a convolution",
            "live": live,
            "generation": 0,
            "command": command,
            "told": [],
            "layers": [],
            "labels": {},
            "top": [],
            "conv": True,
            "picture": None,
            "cells": None if picture is None else _cells(picture),
        }

    def document(self) -> str:
        """Return the document as JSON."""
        return as_json(self._told)

    def html(self) -> str:
        """Return the page as one file."""
        return assembled(self._told, {})

    def values(self, *_: Any) -> bytes:
        """Refuse: there is no network."""
        raise _without_network()

    def explanation(self, *_: Any) -> str:
        """Refuse: there is no network."""
        raise _without_network()

    def attribution(self, *_: Any) -> str:
        """Refuse: there is no network."""
        raise _without_network()

    def open(self, data: bytes) -> str:
        """Show another picture; return the document."""
        with dropped_file(data) as path:
            self._told |= {"cells": _cells(path), "generation": self._told["generation"] + 1}
        return self.document()


def _without_network() -> UnsupportedError:
    return UnsupportedError("this page shows a convolution, no network: give a MODEL")


def _cells(picture: Any) -> dict[str, Any]:
    """Return a picture in grey, from 0 to 1, its longer side so many cells."""
    height, width = size_of(picture)
    share = min(1.0, LONGEST / max(height, width))
    rows, columns = (max(1, round(side * share)) for side in (height, width))
    grey = prepare(picture, (rows, columns, 1), UNIT_GREY)[0, :, :, 0]
    return {"width": columns, "height": rows, "values": [round(float(value), 3) for value in grey.reshape(-1)]}
