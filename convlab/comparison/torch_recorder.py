"""Record what the modules of a PyTorch network compute, as convlab records its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from convlab.comparison.calls import Calls
from convlab.errors import LayerNameError, UnsupportedError
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array, ArrayLike
from convlab.wording import unknown

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


def record_torch(
    module: Module, x: ArrayLike, *, names: Mapping[str, str] | None = None, channels_last_input: bool = True
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
        (N, H, W, C), (N, L, C) or (N, features); it is computed with in the type of the module's parameters.
    names
        Name of a module ("features.0") -> name to record it under ("block1_conv1"); any other keeps its own. A
        module named here is recorded even where it is made of others.
    channels_last_input
        False: x is already as the module takes it, channels first.

    Returns
    -------
    Activations
        Name -> array; a module that is called again is recorded as `name/2`, `name/3`, ...

    Raises
    ------
    LayerNameError
        A name in `names` that no module has.
    UnsupportedError
        The network returns something else than a tensor.
    """
    import torch

    calls = Calls()
    source = np.asarray(x) if channels_last_input else _channels_last(np.asarray(x))
    with ExitStack() as undo, torch.no_grad():
        for part in module.modules():
            undo.callback(setattr, part, "training", part.training)
        module.eval()
        for name, part in _recorded(module, names or {}):
            undo.callback(part.register_forward_hook(_keeper(calls, name)).remove)
        output = module(_as_input(source, module))
    if not isinstance(output, torch.Tensor):
        raise UnsupportedError(
            f"record_torch: {type(module).__name__} returns a {type(output).__name__}, expected a tensor: give a"
            " module that returns one"
        )
    return Activations(
        calls.arrays,
        calls.kinds,
        inputs={"input": source.copy()},
        outputs={calls.made(output) or "output": _as_array(output)},
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


def _as_input(source: Array, module: Module) -> Tensor:
    """Return an array (N, ..., C) as the tensor (N, C, ...) in the type and on the device of the parameters."""
    import torch

    first = np.moveaxis(source, -1, 1) if source.ndim > 2 else source
    parameter = next(module.parameters(), torch.empty(0))
    return torch.tensor(first, dtype=parameter.dtype, device=parameter.device)


def _as_array(tensor: Tensor) -> Array:
    return _channels_last(tensor.detach().cpu().clone().numpy())


def _channels_last(array: Array) -> Array:
    """Return (N, C, ...) as (N, ..., C); rows (N, features) as they are."""
    return np.moveaxis(array, 1, -1) if array.ndim > 2 else array
