"""Read the weights of a known architecture from a file that PyTorch's users wrote, without running a pickle.

Names, shapes and dtypes decide which tensor is which weight; only what has its place is read.
"""

import os
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

import numpy as np

from convlab.files.formats import open_tensors
from convlab.files.torch.layouts import Counterpart, counterparts
from convlab.files.torch.modules import Matching, find_modules, match_modules
from convlab.files.torch.order import MatchingError, Order
from convlab.files.weight_specs import LayerWeights, check_rows
from convlab.model.receipt import Receipt, ReceiptRow
from convlab.storage.growth import check_growth
from convlab.storage.tensors import FLOATS, Array, StateDict, Tensor, read_finite, refuse

__all__ = ["LayerWeights", "read_torch_weights"]


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
    with open_tensors(path) as state:
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
