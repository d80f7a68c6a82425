"""Tensors of a weight file that is no HDF5: described first, read only when what they say of themselves fits."""

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from convlab.errors import WeightsError
from convlab.runtime.arrays import Shape
from convlab.wording import shortened

__all__ = [
    "AXES",
    "FLOATS",
    "Array",
    "Format",
    "Start",
    "StateDict",
    "Tensor",
    "from_bfloat16",
    "read_finite",
    "refuse",
]

FLOATS = ("bfloat16", "float16", "float32", "float64")
AXES = 64  # as many as an array of NumPy may have: products of what a file says stay numbers that can be shown
Array: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True)
class Tensor:
    """One tensor of a file.

    Attributes
    ----------
    name
        Its name in the file, "features.0.weight".
    shape, dtype
        What the file says it is; the dtype as NumPy and PyTorch call it, "float32".
    fetch
        Reads it; for the dtypes in FLOATS, as an array of floats.
    """

    name: str
    shape: Shape
    dtype: str
    fetch: Callable[[], NDArray[Any]]


@dataclass(frozen=True)
class StateDict:
    """The tensors of a file, in its order, which is the order of registration or means nothing."""

    layout: str
    tensors: Mapping[str, Tensor]
    ordered: bool


@dataclass(frozen=True)
class Start:
    """How a file begins: its first bytes, and of a zip archive the name of its first member."""

    head: bytes
    member: str = ""


@dataclass(frozen=True)
class Format:
    """A kind of file that holds tensors by name.

    Attributes
    ----------
    words
        What it is called where such files are expected: "a state_dict (.pt, .pth)".
    endings
        How such files are named: (".pt", ".pth").
    begins
        Tells by how a file begins whether it is one.
    open
        Checks a file and describes its tensors, which are read while it is open.
    """

    words: str
    endings: tuple[str, ...]
    begins: Callable[[Start], bool]
    open: Callable[[Path], AbstractContextManager[StateDict]]


def refuse(path: Path, reason: str) -> NoReturn:
    """Raise a WeightsError about a file."""
    raise WeightsError(f"{path}: {shortened(reason)}")


def read_finite(path: Path, tensor: Tensor) -> Array:
    """Read a tensor as float32: float16 and bfloat16 are widened, float64 rounded.

    Raises
    ------
    WeightsError
        If it holds values that are not finite in float32.
    """
    with np.errstate(over="ignore"):  # the infinity it leaves is found below
        values = np.asarray(tensor.fetch()).astype(np.float32, copy=False)
    finite = np.isfinite(values)
    if not finite.all():
        first = ",".join(map(str, np.unravel_index(int(finite.argmin()), finite.shape)))
        cause = " (stored as float64, read as float32)" if tensor.dtype == "float64" else ""
        bad = math.prod(values.shape) - np.count_nonzero(finite)
        refuse(path, f"{tensor.name} holds {bad:,} non-finite values, first at [{first}]{cause}")
    return values


def from_bfloat16(bits: NDArray[np.uint16]) -> Array:
    """Return numbers whose bits are the upper half of a float32's."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)
