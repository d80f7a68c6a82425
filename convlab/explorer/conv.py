"""The page on which a kernel walks over a picture of one's own, without any network."""

from typing import Any

from convlab.errors import UnsupportedError
from convlab.explorer.dropped import dropped_file
from convlab.explorer.export import assembled
from convlab.explorer.presets import KERNELS, PICTURES, Table
from convlab.explorer.strict import as_json
from convlab.images.preprocessing import UNIT_GREY
from convlab.images.reading import prepare, size_of

YOURS = "your image"
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
            "methods": [],
            "top": [],
            "conv": True,
            "picture": None,
            "pictures": PICTURES if picture is None else {YOURS: _cells(picture), **PICTURES},
            "kernels": {
                name: {"weights": [row.split() for row in rows.split("|")], "does": does}
                for name, (rows, does) in KERNELS.items()
            },
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
            pictures = {YOURS: _cells(path), **PICTURES}
            self._told |= {"pictures": pictures, "generation": self._told["generation"] + 1}
        return self.document()


def _without_network() -> UnsupportedError:
    return UnsupportedError("this page shows a convolution, no network: give a MODEL")


def _cells(picture: Any) -> Table:
    """Return a picture in grey, row by row, from 0 to 1, its longer side so many cells."""
    height, width = size_of(picture)
    share = min(1.0, LONGEST / max(height, width))
    rows, columns = (max(1, round(side * share)) for side in (height, width))
    grey = prepare(picture, (rows, columns, 1), UNIT_GREY)[0, :, :, 0]
    return [[round(value, 3) for value in row] for row in grey.tolist()]
