"""Record what the modules of a PyTorch network compute, as convlab records its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from convlab.comparison.calls import Calls
from convlab.errors import LayerNameError, ShapeError, UnsupportedError
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array, ArrayLike, as_floats
from convlab.runtime.tensors import channels_last, is_tensor
from convlab.wording import unknown

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


def record_torch(
    module: Module, x: ArrayLike, *, names: Mapping[str, str] | None = None, channels_last_input: bool | None = None
) -> Activations:
    """Run a PyTorch module and keep what each of its innermost modules returns.

    PyTorch keeps channels first. What it returns with a batch, channels and one or two sides, (N, C, L) or
    (N, C, H, W), is recorded channels last; (N, features) stays as it is, so that what a Flatten inside the network
    returns is in the order (C, H, W).

    Calls of functions (`torch.relu(x)`, `x + y`) are no modules and are not seen; where the module around them
    returns what they compute, name that one in `names`. A module that does not return one tensor is left out. The
    network runs in eval mode without gradients, and is left as it was found.

    Parameters
    ----------
    module
        One that takes one tensor and returns one tensor.
    x
        A tensor as the module takes it, channels first: (N, C, H, W), (N, C, L) or (N, features); or an array of
        NumPy, which is convlab's, channels last: (N, H, W, C), (N, L, C). It is computed with in the type of the
        module's parameters; a tensor of int64, which are indices, in its own.
    names
        Name of a module ("features.0") -> name to record it under ("block1_conv1"); any other keeps its own. A
        module named here is recorded even where it is made of others.
    channels_last_input
        Whether x is channels last, whatever it is; False is for arrays of NumPy as the module takes them.

    Returns
    -------
    Activations
        Name -> array; a module that is called again is recorded as `name/2`, `name/3`, ...

    Raises
    ------
    LayerNameError
        A name in `names` that no module has.
    ShapeError
        The network does not take such an input.
    UnsupportedError
        It is no PyTorch module, or returns something else than a tensor.
    """
    import torch

    if not isinstance(module, torch.nn.Module):
        raise UnsupportedError(f"record_torch: a {type(module).__name__}, expected a PyTorch module")
    calls = Calls()
    given = _given(x, channels_last_input, module)
    with ExitStack() as undo, torch.no_grad():
        for part in module.modules():
            undo.callback(setattr, part, "training", part.training)
        module.eval()
        for name, part in _recorded(module, names or {}):
            undo.callback(part.register_forward_hook(_keeper(calls, name)).remove)
        try:
            output = module(given.clone())  # an in-place module may write to it
        except RuntimeError as error:
            raise ShapeError(_refused(module, x, given, channels_last_input, error)) from error
    if not isinstance(output, torch.Tensor):
        raise UnsupportedError(
            f"record_torch: {type(module).__name__} returns a {type(output).__name__}, expected a tensor: give a"
            " module that returns one"
        )
    array = _as_array(output)
    return Activations(
        calls.arrays,
        calls.kinds,
        inputs={"input": _as_array(given)},
        outputs={_name_of(calls, output, array): array},
        model=type(module).__name__,
    )


def _recorded(module: Module, names: Mapping[str, str]) -> Iterator[tuple[str, Module]]:
    """Yield (name to record under, module) for each innermost module and each that is asked for."""
    parts = {name or type(module).__name__: part for name, part in module.named_modules()}
    for name in names:
        if name not in parts:
            raise LayerNameError(unknown("module", name, parts))
    for name, part in parts.items():
        if name in names or not any(True for _ in part.children()):
            yield names.get(name, name), part


def _keeper(calls: Calls, name: str) -> Callable[[Module, Any, Any], None]:
    from torch import Tensor

    def keep(part: Module, _: Any, output: Any) -> None:
        if isinstance(output, Tensor):  # the array is a copy, as an in-place module that follows changes the tensor
            calls.keep(name, type(part).__name__, output, _as_array(output))

    return keep


def _name_of(calls: Calls, output: Tensor, array: Array) -> str:
    """Return which module made the output; where a function did, perhaps in place, a name that no module has."""
    made = calls.made(output)
    if made is not None and np.array_equal(calls.arrays[made], array, equal_nan=True):
        return made
    return next(name for name in ("output", "the output") if name not in calls.arrays)


def _given(x: ArrayLike, last: bool | None, module: Module) -> Tensor:
    """Return what the module is given: (N, C, ...) in the type and on the device of its parameters."""
    import torch

    tensor = x.detach() if is_tensor(x) else torch.tensor(np.array(*as_floats(x)))
    if tensor.ndim > 2 and (not is_tensor(x) if last is None else last):
        tensor = tensor.movedim(-1, 1)
    parameter = next(module.parameters(), torch.empty(0))
    indices = is_tensor(x) and x.dtype == torch.int64
    return tensor.to(parameter.device, tensor.dtype if indices else parameter.dtype)


def _refused(module: Module, x: ArrayLike, given: Tensor, last: bool | None, error: RuntimeError) -> str:
    """Say what PyTorch did not take, and, where nobody has said the order of the axes, how x was read."""
    why = str(error).strip().partition("\n")[0]
    told = f"record_torch: {type(module).__name__} does not take {tuple(given.shape)}: {why}"
    if last is not None or given.ndim < 3:
        return told
    if is_tensor(x):
        return f"{told}; a tensor is channels first: if its channels are last, give channels_last_input=True"
    return (
        f"{told}; an array of NumPy is channels last, found {np.shape(x)}: if its channels are first, give a tensor,"
        " or channels_last_input=False"
    )


def _as_array(tensor: Tensor) -> Array:
    """Return a copy, channels last; rows (N, features) as they are; NumPy has no bfloat16."""
    import torch

    array: Array = channels_last(tensor.float() if tensor.dtype == torch.bfloat16 else tensor.clone(), batches=1)
    return array
