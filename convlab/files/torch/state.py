"""Read state_dict files of PyTorch, without PyTorch: the pickle in them is read as a description, and not run.

torch.load(weights_only=True) runs less than all, but it runs: before version 2.6 it could be made to run anything
(CVE-2025-32434), and a file of 363 bytes makes it calculate a hash for ever.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from sys import maxsize
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from convlab.files.torch.pickles import Made
from convlab.files.torch.storages import Contents, Storage, open_storages
from convlab.storage.damage import damage
from convlab.storage.tensors import AXES, Format, Start, StateDict, Tensor, from_bfloat16, refuse
from convlab.storage.zips import shown

__all__ = ["STATE_DICT"]

NESTED = ("state_dict", "model_state_dict")  # where training scripts put it, beside epoch, optimizer, ...
DICTIONARIES = ("dict", "collections.OrderedDict")
OWN = ("dict", "list", "set", "global", "storage")  # what a pickle makes without calling for it
TENSORS = ("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor")
PARAMETERS = ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state")
PICKLE = b"\x80"
SAVE = "save model.state_dict(), not a whole module"


@contextmanager
def open_state_dict(path: Path) -> Iterator[StateDict]:
    """Open a file and describe its tensors; they are read while it is open.

    Raises
    ------
    WeightsError
        If the file is damaged, or holds something else than tensors by name.
    """
    with open_storages(path) as contents:
        with damage(path, "PyTorch"):
            entries = _entries(path, contents.value)
            tensors = {name: _describe(path, contents, name, value) for name, value in entries}
        yield StateDict("PyTorch state_dict", tensors, ordered=list(tensors) != sorted(tensors))


def _entries(path: Path, value: Any) -> list[tuple[Any, Any]]:
    """Return the state_dict that a file holds, by itself or in a dictionary of other things, as pairs."""
    pairs = _pairs(value)
    if pairs is None:
        refuse(path, f"holds {_called(value)}, expected a state_dict: tensors by name; {SAVE}")
    inside = [_pairs(value) for key in NESTED for name, value in pairs if isinstance(name, str) and name == key]
    return next((nested for nested in inside if nested is not None), pairs)


def _pairs(value: Any) -> list[tuple[Any, Any]] | None:
    """Return the entries of a dictionary, None for anything else."""
    if not isinstance(value, Made) or value.by not in DICTIONARIES:
        return None
    first = [tuple(pair.items) for pair in value.given[0].items] if value.given else []  # as Python 2 wrote them
    return [*first, *value.items]


def _called(value: Any) -> str:
    """Say what a value is, without saying what is in it."""
    if not isinstance(value, Made):
        return f"a {type(value).__name__}"
    return f"a {value.by}" if value.by in OWN else f"what {shown(value.by)[1:-1]} makes, which is never run"


def _describe(path: Path, contents: Contents, name: Any, value: Any) -> Tensor:
    if not isinstance(name, str) or not name.isprintable():
        refuse(path, f"holds {shown(str(name)) if isinstance(name, str | int) else _called(name)}, no printable name")
    while isinstance(value, Made) and value.by in PARAMETERS:
        value = value.given[0]
    if not isinstance(value, Made) or value.by not in TENSORS:
        refuse(path, f"{name} is {_called(value)}, expected a plain tensor")
    made, offset, sizes, strides, *rest = value.given
    negative = any(("neg", True) in mark.items for mark in rest[2:] if isinstance(mark, Made))  # a view that negates
    storage = contents.find(made)
    if not _fits(storage, offset, sizes, strides):
        refuse(path, f"{name} reaches out of its storage of {storage.count:,} numbers")
    return Tensor(
        name, sizes, storage.dtype, partial(_fetch, storage, offset, sizes, strides, contents.little, negative)
    )


def _fits(storage: Storage, offset: Any, sizes: Any, strides: Any) -> bool:
    """Tell whether an array is described as it should be, and lies within its storage."""
    if not (isinstance(sizes, tuple) and isinstance(strides, tuple) and len(sizes) == len(strides) <= AXES):
        return False
    if not all(type(number) is int and 0 <= number <= maxsize for number in (offset, *sizes, *strides)):
        return False
    last = sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
    return 0 in sizes or bool(offset + last < storage.count)


def _fetch(
    storage: Storage, offset: int, sizes: tuple[int, ...], strides: tuple[int, ...], little: bool, negative: bool
) -> NDArray[Any]:
    dtype = np.dtype("u2" if storage.dtype == "bfloat16" else storage.dtype).newbyteorder("<" if little else ">")
    numbers = np.frombuffer(storage.read(), dtype)[offset:]
    steps = tuple(stride * storage.size for stride in strides)
    values = as_strided(numbers, sizes, steps, writeable=False).astype(dtype.newbyteorder("="))
    values = from_bfloat16(values) if storage.dtype == "bfloat16" else values
    return -values if negative else values


def _begins(start: Start) -> bool:
    """Tell by the first member of an archive, where torch.save puts the pickle; before version 1.6, it is all."""
    return start.member.endswith("data.pkl") or start.head.startswith(PICKLE)


STATE_DICT = Format("a state_dict (.pt, .pth)", (".pt", ".pth"), _begins, open_state_dict)
