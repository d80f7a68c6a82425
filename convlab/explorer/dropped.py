"""A file that was dropped on the page: bytes, which the readers that there are take from a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from convlab.errors import ConvlabError, ImageError

ENDINGS = {b"\x93NUMPY": ".npy", b"PK\x03\x04": ".npz"}  # what else than a picture a file may begin as


@contextmanager
def dropped_file(data: bytes) -> Iterator[Path]:
    """Give the bytes as a file of our own name, in a folder of our own, while the block runs.

    Raises
    ------
    ImageError
        What the block refuses, without the name, which means nothing to whoever dropped the file.
    """
    ending = next((ending for start, ending in ENDINGS.items() if data.startswith(start)), "")
    with TemporaryDirectory(prefix="convlab-") as folder:
        path = Path(folder) / f"image{ending}"
        path.write_bytes(data)
        try:
            yield path
        except ConvlabError as error:
            raise ImageError(nameless(str(error), path)) from None


def nameless(text: str, path: Path) -> str:
    """Return a message about such a file without its name."""
    return text.replace(str(path), "the file")
