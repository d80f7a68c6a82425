"""Which pictures a scan goes over, and in which order: of a folder and all in it, of a list, a table, or an array."""

import csv
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from convlab.errors import ImageError
from convlab.scanning.array_files import ARRAYS, open_images
from convlab.scanning.pictures import ENDINGS
from convlab.wording import listed

TABLE = ".csv"
LABELS = ("label", "labels", "class", "category")  # what a column of them is called
Folder = tuple[int, int]
"""A folder as the system knows it, by whatever name: device and number."""


@dataclass(frozen=True)
class Listing:
    """The pictures of a scan, in its order.

    Attributes
    ----------
    title : str
        What they are called together: the folder, as it was given.
    root : str
        The folder in which the names are looked up; of an array the file that holds it.
    names : list of str
        Paths of the files; of the images of an array "file.npy[17]".
    sizes : list of int
        Bytes of each; -1 where there is no such file.
    labels : list of str or None
        What class each is of, where that is known.
    array : bool
        Whether they are the images of one array.
    """

    title: str
    root: str
    names: list[str]
    sizes: list[int]
    labels: list[str] | None = None
    array: bool = False

    def __len__(self) -> int:
        return len(self.names)

    def digest(self) -> str:
        """Return a hash of the names, sizes and classes: another for other pictures, the same in another place."""
        found = hashlib.sha256()
        for row in zip(self.names, self.sizes, self.labels or [""] * len(self), strict=True):
            found.update(json.dumps(row).encode())
        return found.hexdigest()


def list_pictures(source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], out: Path | None) -> Listing:
    """Return the pictures of a folder (but for those in `out`), a list of files, a CSV, or a file with an array.

    Raises
    ------
    ImageError
        Where there is none, or no such file or folder.
    """
    if not isinstance(source, str | os.PathLike):
        return _of_list(source)
    path = Path(source)
    if path.is_dir():
        return _of_folder(path, out)
    if not path.exists():
        raise ImageError(f"{path}: no such folder")
    if path.suffix.lower() == TABLE:
        return _of_table(path)
    if path.name.lower().endswith(ARRAYS):
        return _of_array(path)
    raise ImageError(f"{path}: not a folder; expected one, a list of files ({TABLE}), or an array ({listed(ARRAYS)})")


def _of_folder(folder: Path, out: Path | None) -> Listing:
    try:
        state = folder.stat()
        found = list(_walk(folder, (), frozenset([(state.st_dev, state.st_ino)]), out and out.resolve()))
    except OSError as error:
        raise ImageError(f"{error.filename}: the folder cannot be listed ({error.strerror})") from None
    if not found:
        raise ImageError(f"{folder}: no picture in it or below ({', '.join(ENDINGS)})")
    inside = all(len(parts) > 1 for parts, _ in found)
    return Listing(
        str(folder),
        str(folder.resolve()),
        ["/".join(parts) for parts, _ in found],
        [size for _, size in found],
        [parts[0] for parts, _ in found] if inside else None,
    )


def _walk(
    folder: Path, parts: tuple[str, ...], above: frozenset[Folder], out: Path | None
) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield each picture, by the parts of its path in order, with its size.

    Links to folders are followed, but not into one that they lie in. Hidden folders are left out.
    """
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        state = _state(entry)
        if state is not None and os.path.isdir(entry.path):  # noqa: PTH112 - a Path for each file takes longest here
            inner = (state.st_dev, state.st_ino)
            if (
                not entry.name.startswith(".")
                and inner not in above
                and (not out or Path(entry.path).resolve() != out)
            ):
                yield from _walk(Path(entry.path), (*parts, entry.name), above | {inner}, out)
        elif entry.name.lower().endswith(ENDINGS):
            yield (*parts, entry.name), -1 if state is None else state.st_size


def _state(entry: "os.DirEntry[str]") -> os.stat_result | None:
    try:
        return entry.stat()
    except OSError:  # a link that leads nowhere, or around
        return None


def _of_list(paths: Sequence[str | os.PathLike[str]]) -> Listing:
    names = [os.fspath(path) for path in paths]
    if not names:
        raise ImageError("an empty list; expected at least one picture")
    root = Path.cwd()
    return Listing("a list", str(root), names, [_size(root / name) for name in names])


def _of_table(path: Path) -> Listing:
    """Return the files that a column of a table names: the first column whose first entry is a file."""
    with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        rows = list(csv.reader(file))
    root = path.parent.resolve()
    for head, *body in ([[], *rows], rows) if rows else ():  # without a line of headings, or with
        if body and (column := _column_of_files(root, body[0])) is not None:
            names = [row[column] for row in body if len(row) > column]
            told = next((i for i, name in enumerate(head) if name.strip().lower() in LABELS), None)
            labels = None if told is None else [row[told] for row in body if len(row) > column]
            return Listing(str(path), str(root), names, [_size(root / name) for name in names], labels)
    raise ImageError(f"{path}: no column of files: in its first lines there is nothing that is one, seen from {root}")


def _column_of_files(root: Path, row: Sequence[str]) -> int | None:
    return next((i for i, cell in enumerate(row) if cell and _size(root / cell) >= 0), None)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else -1
    except (OSError, ValueError):
        return -1


def _of_array(path: Path) -> Listing:
    count = len(open_images(path))
    return Listing(
        str(path),
        str(path.resolve()),
        [f"{path.name}[{i}]" for i in range(count)],
        [path.stat().st_size] * count,
        array=True,
    )
