"""What says of a shard that it is done: a small file that is written last."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from convlab.errors import FileError
from convlab.storage.json_text import parse_json
from convlab.storage.writing import new_path

FOLDER = "done"


@dataclass(frozen=True)
class Mark:
    """What a shard has come to.

    Attributes
    ----------
    rows : int
        How many pictures it has.
    errors : tuple of (int, str)
        The rows of those that could not be read, and why.
    files : dict of str to (int, str)
        Size and SHA-256 of what was written, by the path in the folder.
    """

    rows: int
    errors: tuple[tuple[int, str], ...]
    files: dict[str, tuple[int, str]]


def mark_path(out: Path, index: int) -> Path:
    """Return where the mark of a shard is."""
    return out / FOLDER / f"{shard_name(index)}.json"


def shard_name(index: int) -> str:
    """Return what the files of a shard are called: 00042."""
    return f"{index:05}"


def described(out: Path, names: list[str]) -> dict[str, tuple[int, str]]:
    """Return size and hash of files in the folder."""
    found = {}
    for name in names:
        with (out / name).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            found[name] = file.tell(), digest
    return found


def write_mark(out: Path, index: int, mark: Mark) -> None:
    """Say that a shard is done."""
    with new_path(mark_path(out, index), "the mark of a shard", lasting=True) as part:
        part.write_text(json.dumps(asdict(mark)), encoding="ascii")


def read_mark(out: Path, index: int, rows: int) -> Mark | None:
    """Return the mark of a shard of so many rows if it is done, and all its files are there and whole."""
    path = mark_path(out, index)
    try:
        told = parse_json(path.read_bytes())
        mark = Mark(
            int(told["rows"]),
            tuple((int(row), str(reason)) for row, reason in told["errors"]),
            {str(name): (int(size), str(digest)) for name, (size, digest) in told["files"].items()},
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror})") from None
    return mark if mark.rows == rows and _whole(out, mark.files) else None


def _whole(out: Path, files: Mapping[str, tuple[int, str]]) -> bool:
    try:
        return all((out / name).stat().st_size == size for name, (size, _) in files.items())
    except OSError:
        return False
