"""Read the weights of a known architecture from a file that PyTorch's users wrote, without running a pickle.

Names, shapes and dtypes decide which tensor is which weight; only what has its place is read.
"""

import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from math import prod
from pathlib import Path

import numpy as np

from convlab.errors import WeightsError
from convlab.files.safetensors import looks_like_safetensors, open_safetensors
from convlab.files.torch.layouts import Counterpart, counterparts
from convlab.files.torch.modules import Matching, find_modules, match_modules
from convlab.files.torch.order import MatchingError, Order
from convlab.files.torch.state import open_state_dict
from convlab.files.weight_specs import LayerWeights, check_rows
from convlab.model.receipt import Receipt, ReceiptRow
from convlab.storage.foreign import describe
from convlab.storage.growth import check_growth
from convlab.storage.npz import open_npz
from convlab.storage.tensors import FLOATS, Array, StateDict, Tensor, read_finite, refuse
from convlab.storage.zips import opened

__all__ = ["LayerWeights", "is_torch_weights", "read_torch_weights"]

SUFFIXES = (".safetensors", ".npz", ".pt", ".pth")
ZIP, PICKLE = b"PK\x03\x04", b"\x80"
EXPECTED = "expected PyTorch weights: .safetensors, .npz, or a state_dict (.pt, .pth)"


def is_torch_weights(path: str | os.PathLike[str]) -> bool:
    """Tell by its suffix, else by its first bytes, whether a file is for `read_torch_weights`."""
    path = Path(path)
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        head = _head(path)
        return looks_like_safetensors(head) or head.startswith(PICKLE) or _holds(path, head, "data.pkl", ".npy")
    except WeightsError:
        return False


def read_torch_weights(
    path: str | os.PathLike[str],
    layers: Sequence[LayerWeights],
    *,
    names: Mapping[str, str] | None = None,
    chain: bool = True,
    partial: bool = False,
    strict: bool = True,
) -> tuple[dict[str, dict[str, Array]], Receipt]:
    """Read the weights of an architecture from .safetensors, .npz or a PyTorch state_dict file.

    Every tensor is checked before the first is read, and all are read before any is returned.

    Parameters
    ----------
    path
        The file; what it is, its content tells. A state_dict may lie in it under "state_dict".
    layers
        What is asked for, in order of execution.
    names
        Which module is which layer, {"block1_conv1": "features.0"}, where order and shapes do not tell.
    chain
        Whether the layers follow one another. Where they branch, no order of modules is believed: what names and
        shapes do not tell, `names` must.
    partial
        Whether the model leaves out layers of the architecture: modules that fit none of its layers are then not
        unexpected.
    strict
        Whether missing and unexpected modules are an error, or only noted in the receipt.

    Returns
    -------
    weights
        float32 arrays by layer and name; convolution kernels (KH, KW, I, O), dense kernels (in, out).
    receipt
        What was read from where, what was done to it, and what was not read.

    Raises
    ------
    WeightsError
        If the file is not what it should be, or there is more than one way to read it.
    """
    path = Path(path)
    asked = [layer for layer in layers if layer.shapes]
    check_rows(path, asked)
    with _open(path) as state:
        matching = _match(path, state, asked, names or {}, chain, partial, strict)
        plan = [
            (layer.name, role, one, matching.modules[layer.name].tensors[one.leaf])
            for layer in asked
            if layer.name in matching.modules
            for role, one in (counterparts(layer) or {}).items()
        ]
        check_growth(path, sum(4 * prod(tensor.shape) for *_, tensor in plan), "the weights asked for")
        for layer, role, _, tensor in plan:
            if tensor.dtype not in FLOATS:
                refuse(path, f"{layer} {role} ({tensor.name}) has dtype {tensor.dtype}, expected float")
        arrays: dict[str, dict[str, Array]] = {}
        for layer, role, one, tensor in plan:
            values = np.ascontiguousarray(one.convert(read_finite(path, tensor)))
            arrays.setdefault(layer, {})[role] = values
    rows = tuple(_receipt_row(*entry, arrays[entry[0]][entry[1]].shape) for entry in plan)
    layout = f"{state.layout}, matched by {matching.told}"
    return arrays, Receipt(os.fspath(path), layout, rows, matching.missing, matching.unexpected, matching.left_out)


def _receipt_row(layer: str, role: str, one: Counterpart, tensor: Tensor, shape: tuple[int, ...]) -> ReceiptRow:
    return ReceiptRow(layer, role, shape, tensor.name, one.transform)


def _match(
    path: Path,
    state: StateDict,
    layers: Sequence[LayerWeights],
    names: Mapping[str, str],
    chain: bool,
    partial: bool,
    strict: bool,
) -> Matching:
    modules = find_modules(state)
    if not modules:
        refuse(path, "holds no weights")
    order = (Order.FILE if state.ordered else Order.NUMBERS) if chain else Order.NOTHING
    try:
        return match_modules(layers, modules, names, order=order, partial=partial, strict=strict)
    except MatchingError as error:
        refuse(path, str(error))


def _open(path: Path) -> AbstractContextManager[StateDict]:
    """Open a file as what its first bytes say it is."""
    head = _head(path)
    if looks_like_safetensors(head):
        return open_safetensors(path)
    if _holds(path, head, "data.pkl"):
        return open_state_dict(path, zipped=True)
    if _holds(path, head, ".npy"):
        return open_npz(path)
    if head.startswith(PICKLE):
        return open_state_dict(path, zipped=False)
    raise WeightsError(f"{path}: this is {describe(path, head)}; {EXPECTED}")


def _head(path: Path) -> bytes:
    """Return a file's first bytes."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a FIFO would wait for ever
            refuse(path, f"this is {describe(path) if path.is_dir() else 'not a regular file'}; {EXPECTED}")
        with path.open("rb") as file:
            return file.read(32)
    except OSError as error:
        refuse(path, f"cannot be read ({error.strerror})")


def _holds(path: Path, head: bytes, *endings: str) -> bool:
    """Tell whether a file is a zip archive whose first member's name has one of these endings.

    torch.save puts data.pkl first, numpy.savez nothing but .npy members.
    """
    if not head.startswith(ZIP):
        return False
    with opened(path) as archive:
        return any(name.endswith(endings) for name in archive.namelist()[:1])
