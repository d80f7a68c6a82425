"""Read state_dict files of PyTorch, through PyTorch itself and without running what is pickled in them."""

import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from convlab.errors import UnsupportedError
from convlab.files.tensors import StateDict, Tensor, refuse
from convlab.files.zips import opened

__all__ = ["open_state_dict"]

NESTED = ("state_dict", "model_state_dict")  # where training scripts put it, beside epoch, optimizer, ...


@contextmanager
def open_state_dict(path: Path, zipped: bool) -> Iterator[StateDict]:
    """Load a file with `torch.load(weights_only=True)` and describe its tensors.

    Raises
    ------
    UnsupportedError
        Where PyTorch is not installed.
    WeightsError
        If PyTorch refuses the file, or it holds something else than tensors by name.
    """
    if zipped:
        _check_stored(path)
    entries = _load(path)
    entries = next((entries[key] for key in NESTED if isinstance(entries.get(key), Mapping)), entries)
    tensors = {name: _describe(path, name, value) for name, value in entries.items()}
    yield StateDict("PyTorch state_dict", tensors, ordered=list(tensors) != sorted(tensors))


def _check_stored(path: Path) -> None:
    """Refuse compressed members: torch.save writes none, and torch.load would unpack a bomb."""
    with opened(path) as archive:
        for member in archive.infolist():
            if member.compress_type != zipfile.ZIP_STORED:
                refuse(path, f"its member {member.filename!r} is compressed, which torch.save never does")


def _load(path: Path) -> Mapping[Any, Any]:
    try:
        import torch
    except ImportError:
        raise UnsupportedError(
            f"{path}: reading a PyTorch file needs PyTorch, which is not installed;"
            " save the weights as .safetensors, or as .npz with numpy.savez"
        ) from None
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle may make it raise anything
        refuse(path, f"PyTorch refuses it ({_reason(error)}); save model.state_dict(), not a whole module")
    if not isinstance(loaded, Mapping):
        refuse(path, f"holds a {type(loaded).__name__}, expected a state_dict: tensors by name")
    return loaded


def _reason(error: Exception) -> str:
    """Return what PyTorch says in one line, without its advice to load the file unsafely."""
    if name := re.search(r"GLOBAL (\S+)", str(error)):
        return f"it calls for {name[1]}, which is never run"
    first = " ".join(str(error).split()).partition(". ")[0]
    return "".join(filter(str.isprintable, first))[:200] or type(error).__name__


def _describe(path: Path, name: Any, value: Any) -> Tensor:
    import torch

    if not isinstance(name, str) or not name.isprintable():
        refuse(path, f"holds {name!r}, which is not a printable name")
    if isinstance(value, torch.Tensor) and (value.is_meta or value.is_nested):
        refuse(path, f"{name} is a {'meta' if value.is_meta else 'nested'} tensor, expected a plain one")
    if not isinstance(value, torch.Tensor) or value.layout != torch.strided or value.is_quantized:
        refuse(path, f"{name} is a {type(value).__name__}, expected a plain tensor")
    return Tensor(name, tuple(value.shape), str(value.dtype).removeprefix("torch."), partial(_fetch, value))


def _fetch(tensor: Any) -> Any:
    return tensor.detach().resolve_conj().resolve_neg().float().numpy()
