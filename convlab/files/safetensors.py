"""Read .safetensors files: eight bytes of length, a header in JSON, then the numbers, one tensor after the other.

The format's specification (github.com/huggingface/safetensors, README, "Format") fits on a page, and so does its
reader; the package of that name would add a dependency and give NumPy no bfloat16.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from convlab.errors import WeightsError
from convlab.storage.json_text import parse_json
from convlab.storage.tensors import AXES, Format, Start, StateDict, Tensor, from_bfloat16, refuse

__all__ = ["SAFETENSORS"]

HEADER_LIMIT = 1 << 24  # bytes, some 100,000 tensors; the format allows 100 MB, which take Python a gigabyte
FLOATS = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
SIZES = {
    **{"F64": 8, "I64": 8, "U64": 8, "C64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2},
    **{"I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1},
}


def _begins(start: Start) -> bool:
    """Tell by the first bytes: a length, which no text could be, then the brace that opens the header."""
    return b"\0" in start.head[:8] and start.head[8:9] == b"{"


@contextmanager
def open_safetensors(path: Path) -> Iterator[StateDict]:
    """Open a file and describe its tensors; they are read while it is open.

    Raises
    ------
    WeightsError
        If the header is not what the specification says, or does not fit the file to the byte.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        header, start = _read_header(path, file, size)
        spans = {name: _check_entry(path, name, entry) for name, entry in header.items()}
        _check_cover(path, spans, size - start)
        tensors = {
            name: Tensor(
                name,
                tuple(entry["shape"]),
                FLOATS.get(entry["dtype"], entry["dtype"]),
                partial(_fetch, path, file, start + spans[name][0], entry),
            )
            for name, entry in header.items()
        }
        yield StateDict("safetensors", tensors, ordered=False)  # the format sorts by name


def _read_header(path: Path, file: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    """Return the header's entries and where the data begins."""
    if size < 8:
        refuse(path, f"file is damaged (safetensors: {size} bytes, expected at least 8)")
    (length,) = struct.unpack("<Q", file.read(8))
    if length > min(HEADER_LIMIT, size - 8):
        refuse(
            path,
            f"file is damaged (safetensors: declares a header of {length:,} bytes,"
            f" expected at most {min(HEADER_LIMIT, size - 8):,})",
        )
    try:
        header = parse_json(file.read(length).decode(), _unique)
    except ValueError as error:
        refuse(path, f"file is damaged (safetensors: the header is no JSON: {error})")
    if not isinstance(header, dict):
        refuse(path, "file is damaged (safetensors: the header is no JSON object)")
    header.pop("__metadata__", None)
    return header, 8 + length


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        raise ValueError("a name stands there twice")
    return entries


def _check_entry(path: Path, name: str, entry: Any) -> tuple[int, int]:
    """Return where a tensor begins and ends in the data; refuse an entry that contradicts itself."""
    if not name.isprintable():
        refuse(path, f"file is damaged (safetensors: {name!r} is not a printable name)")
    match entry:
        case {"dtype": str(dtype), "shape": [*sides], "data_offsets": [begin, end]} if dtype in SIZES:
            if len(sides) > AXES:
                refuse(path, f"{name} has {len(sides):,} axes, expected at most {AXES}")
            if all(type(n) is int and n >= 0 for n in (*sides, begin, end)):  # a bool is no number here
                if end - begin == prod(sides) * SIZES[dtype]:
                    return begin, end
                refuse(
                    path,
                    f"{name} has shape {tuple(sides)} of {dtype}, {prod(sides) * SIZES[dtype]:,} bytes,"
                    f" but its offsets {begin:,} to {end:,} span {end - begin:,}",
                )
    raise WeightsError(f"{path}: {name} is described by {_shortened(entry)}, expected dtype, shape and data_offsets")


def _shortened(entry: Any) -> str:
    text = ascii(entry)
    return text if len(text) < 120 else f"{text[:120]}..."


def _check_cover(path: Path, spans: dict[str, tuple[int, int]], size: int) -> None:
    """Refuse tensors that overlap, leave gaps or end elsewhere than the file."""
    at = 0
    for begin, end, name in sorted((begin, end, name) for name, (begin, end) in spans.items()):
        if begin != at:
            refuse(path, f"{name} begins at byte {begin:,} of the data, expected {at:,}")
        at = end
    if at != size:
        refuse(path, f"file is damaged (safetensors: holds {size:,} bytes of data, its header describes {at:,})")


def _fetch(path: Path, file: BinaryIO, start: int, entry: dict[str, Any]) -> NDArray[Any]:
    shape, kind = entry["shape"], entry["dtype"]
    values = np.empty(shape, np.dtype("<u2" if kind == "BF16" else FLOATS[kind]).newbyteorder("<"))
    file.seek(start)
    if file.readinto(values.reshape(-1).view(np.uint8)) != values.nbytes:  # type: ignore[attr-defined]
        refuse(path, "file is damaged (safetensors: it was cut while it was read)")
    return from_bfloat16(values) if kind == "BF16" else values


SAFETENSORS = Format(".safetensors", (".safetensors",), _begins, open_safetensors)
