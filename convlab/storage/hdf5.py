"""Read HDF5 files that nobody vouches for.

A file is asked for named things, one path component at a time; it is never walked. Every question is bounded
before it is asked, and every refusal is one line with the file's name. What this cannot do is catch a crash in
libhdf5 itself, which is C: a file built to break the library ends the process, and a damaged string may make it ask
for 4 GiB before it is refused.
"""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from reprlib import Repr
from typing import Any, NoReturn

import h5py
import numpy as np

from convlab.errors import WeightsError
from convlab.storage.damage import damage
from convlab.storage.foreign import describe, read_head
from convlab.storage.hdf5_heaps import check_heaps
from convlab.wording import shortened

__all__ = [
    "MEMBERS_LIMIT",
    "get_dataset",
    "get_group",
    "member_names",
    "open_hdf5",
    "read_document",
    "read_names",
    "read_text",
    "reading",
    "refuse",
    "reopen_hdf5",
]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MEMBERS_LIMIT = 10_000  # links in one group
NAMES_LIMIT = 1 << 20  # bytes in one attribute of names; Keras splits them at 64 kB
REFERENCE = 16  # bytes that stand for a text of variable length
REPEATED_LIMIT = 2 << 30
"""Bytes that a list of such texts may have, were each the longest of the file: names beside a config. NASNetLarge has
1,039 names and a config of 1.0 MB."""
NAME_LIMIT = 1 << 16  # characters of one name, or label
_shown = Repr()
_shown.maxstring = 80


@contextmanager
def open_hdf5(path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading, after its first bytes said that it is one and its text that it ends.

    Raises
    ------
    WeightsError
        If the path is missing, unreadable or no regular file, or what it holds is not (whole) HDF5.
    """
    with reopen_hdf5(path) as file:
        with reading(path):
            check_heaps(path)
        yield file


@contextmanager
def reopen_hdf5(path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    """Open a file like `open_hdf5`, but to read no text from it: that spares a search through all of it."""
    check_signature(Path(path))
    with reading(path):
        file = h5py.File(path, mode="r")
    try:
        yield file
    finally:
        with reading(path):
            file.close()


def check_signature(path: Path) -> None:
    """Refuse a path that is no HDF5 file, saying what it is instead."""
    head = read_head(path, 32, "an HDF5 file")
    if not head.startswith(SIGNATURE):
        raise WeightsError(f"{path}: not an HDF5 file but {describe(path, head)}")


@contextmanager
def reading(source: Any) -> Iterator[None]:
    """Turn whatever h5py raises into one line that names the file.

    `source` is the file's path or anything inside the open file.
    """
    with damage(_file_of(source), "HDF5"):
        yield


def _file_of(source: Any) -> str:
    return os.fspath(source) if isinstance(source, str | os.PathLike) else str(source.file.filename)


def refuse(source: Any, reason: str) -> NoReturn:
    """Raise a WeightsError about a file, given as `reading` takes it."""
    raise WeightsError(f"{_file_of(source)}: {shortened(reason)}")


def get_group(parent: h5py.Group, path: str) -> h5py.Group | None:
    """Return the group at `path` below `parent`, or None where there is nothing of that name."""
    return _find(parent, path, h5py.Group)


def get_dataset(parent: h5py.Group, path: str) -> h5py.Dataset | None:
    """Return the dataset at `path` below `parent`, or None where there is nothing of that name."""
    return _find(parent, path, h5py.Dataset)


def _find(parent: h5py.Group, path: str, kind: type) -> Any:
    *groups, leaf = path.split("/")
    node = parent
    for part, expected in [*((part, h5py.Group) for part in groups), (leaf, kind)]:
        node = _step(node, part, expected)
        if node is None:
            return None
    return node


def _step(group: h5py.Group, part: str, kind: type) -> Any:
    """Open one member of a group: a hard link to an object of the given kind, or nothing."""
    if part in ("", ".", "..") or not part.isprintable():
        refuse(group, f"the name {part!r} inside {group.name!r} is not allowed")
    path = f"{group.name}/{part}".lstrip("/")
    with reading(group):
        if not group.id.links.exists(part.encode()):
            return None
        link = group.get(part, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        refuse(group, f"{path} is an external link to {link.filename!r}; links are not followed")
    if not isinstance(link, h5py.HardLink):
        refuse(group, f"{path} is a soft link to {link.path!r}; links are not followed")
    with reading(group):
        node = group[part]
    if not isinstance(node, kind):
        refuse(group, f"{path}: expected {kind.__name__.lower()}, found {type(node).__name__.lower()}")
    return node


def member_names(group: h5py.Group) -> list[str]:
    """Return the names of a group's members, without opening any of them."""
    with reading(group):
        count = len(group)
        if count <= MEMBERS_LIMIT:  # h5py gives names that are not UTF-8 as bytes
            return [name if isinstance(name, str) else name.decode(errors="surrogateescape") for name in group]
    refuse(group, f"{group.name} holds {count:,} members, expected at most {MEMBERS_LIMIT:,}")


def read_names(node: Any, attribute: str) -> list[str] | None:
    """Return an attribute that holds a list of names, or None where there is no such attribute.

    Names are read whether they were stored as fixed-length bytes, variable-length strings or one scalar.
    """
    names = _read_strings(node, attribute, NAMES_LIMIT, "names")
    if sum(map(len, names or ())) > NAMES_LIMIT:
        refuse(node, f"attribute {attribute} of {node.name} holds more than {NAMES_LIMIT:,} characters of names")
    for name in names or ():
        if len(name) > NAME_LIMIT or not name.isprintable():  # no NUL, no line break, nothing that was not UTF-8
            fault = "a printable name" if len(name) <= NAME_LIMIT else f"a name of at most {NAME_LIMIT:,} characters"
            refuse(node, f"attribute {attribute} of {node.name} holds {_shown.repr(name)}, which is not {fault}")
    return names


def _read_strings(node: Any, attribute: str, limit: int, what: str, single: bool = False) -> list[str] | None:
    where = f"attribute {attribute} of {node.name}"
    with reading(node):
        if not h5py.h5a.exists(node.id, attribute.encode()):
            return None
        stored = node.attrs.get_id(attribute)
        shape, dtype = stored.shape, stored.dtype
    if shape is None or len(shape) > 1:
        refuse(node, f"{where} has shape {shape}, expected a list of {what}")
    count = math.prod(shape)
    if single and count != 1:
        refuse(node, f"{where} holds {count:,} texts, expected 1")
    if count == 0:  # Keras writes an empty list as float64
        return []
    string = h5py.check_string_dtype(dtype)
    if string is None:
        refuse(node, f"{where} has dtype {dtype}, expected {what}")
    size = count * (string.length or REFERENCE)
    if size > limit:
        refuse(node, f"{where} declares {size:,} bytes of {what}, expected at most {limit:,}")
    if string.length is None and count > 1 and count * check_heaps(_file_of(node)) > REPEATED_LIMIT:
        refuse(node, f"{where} may repeat one long text {count:,} times, to more than {REPEATED_LIMIT:,} bytes")
    with reading(node):
        values = np.ravel(node.attrs[attribute]).tolist()
        return [value.decode() if isinstance(value, bytes) else str(value) for value in values]


def read_document(node: Any, attribute: str, limit: int) -> str | None:
    """Return an attribute that holds one text of at most `limit` bytes, or None where there is no such attribute."""
    texts = _read_strings(node, attribute, limit, "text", single=True)
    if texts is None:
        return None
    where = f"attribute {attribute} of {node.name}"
    if len(texts[0]) > limit:
        refuse(node, f"{where} holds {len(texts[0]):,} bytes of text, expected at most {limit:,}")
    if any("\ud800" <= character <= "\udfff" for character in texts[0]):  # how h5py gives what it cannot decode
        refuse(node, f"{where} is not UTF-8 text")
    return texts[0]


def read_text(node: Any, attribute: str) -> str | None:
    """Return an attribute that holds one string, or None where there is no such attribute."""
    names = read_names(node, attribute)
    if names is None:
        return None
    if len(names) != 1:
        refuse(node, f"attribute {attribute} of {node.name} holds {len(names)} strings, expected 1")
    return names[0]
