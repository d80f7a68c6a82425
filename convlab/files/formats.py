"""The formats in which others than Keras keep weights: tensors by name. Each is described in a file of its own."""

from contextlib import AbstractContextManager
from pathlib import Path

from convlab.errors import WeightsError
from convlab.files.safetensors import SAFETENSORS
from convlab.files.torch.state import STATE_DICT
from convlab.storage.foreign import describe, read_head
from convlab.storage.npz import NPZ
from convlab.storage.tensors import Format, Start, StateDict, refuse
from convlab.storage.zips import SIGNATURE, opened

__all__ = ["FORMATS", "endings", "expected", "holds_tensors", "open_tensors"]

FORMATS = (SAFETENSORS, NPZ, STATE_DICT)
HEAD = 32  # bytes that tell a format


def endings() -> list[str]:
    """Return how files of these formats are named: ".safetensors", ..."""
    return [ending for one in FORMATS for ending in one.endings]


def expected() -> str:
    """Return what messages say was expected."""
    *others, last = (one.words for one in FORMATS)
    return f"PyTorch weights: {', '.join(others)}, or {last}"


def holds_tensors(path: Path) -> bool:
    """Tell by its ending, else by how it begins, whether a file is of one of these formats, and not of Keras."""
    if path.suffix.lower() in endings():
        return True
    try:
        return _find(_start(path)) is not None
    except WeightsError:
        return False


def open_tensors(path: Path) -> AbstractContextManager[StateDict]:
    """Open a file in the format that its beginning tells, whatever it is called.

    Raises
    ------
    WeightsError
        If it is of none of these formats, or not as its format wants it.
    """
    start = _start(path)
    found = _find(start)
    if found is None:
        refuse(path, f"this is {describe(path, start.head)}; expected {expected()}")
    return found.open(path)


def _find(start: Start) -> Format | None:
    return next((one for one in FORMATS if one.begins(start)), None)


def _start(path: Path) -> Start:
    head = read_head(path, HEAD, expected())
    if not head.startswith(SIGNATURE):
        return Start(head)
    with opened(path) as archive:
        return Start(head, next(iter(archive.namelist()), ""))
