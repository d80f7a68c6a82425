"""For tests of networks: an assertion whose failure says which layer differs first, and why."""

import warnings
from collections.abc import Mapping
from typing import Any

from convlab.comparison.comparison import compare
from convlab.comparison.keras_recorder import record_keras
from convlab.comparison.torch_recorder import record_torch
from convlab.errors import UnsupportedError
from convlab.files.keras.live import is_model
from convlab.loading import load
from convlab.model.model import Model
from convlab.recording.activations import Activations
from convlab.wording import listed

__all__ = ["assert_layers_agree"]


def assert_layers_agree(
    model: Model | Any,
    reference: Any,
    x: Any,
    *,
    names: Mapping[str, str] | None = None,
    tolerance: float | None = None,
) -> None:
    """Run a network and its reference on x, and compare them layer by layer.

    Parameters
    ----------
    model : Model
        The network to be tested; or a Keras model, which is loaded.
    reference : PyTorch module, Keras model, Model, Activations, path, or mapping of str to array
        What it should be. A module (in eval mode) or a model is run on x; a recording, the path of one or of an .npz
        file, and arrays by name are what it was known to compute for x.
    x : array or tensor
        The input: an array (N, H, W, C), or a tensor of PyTorch, (N, C, H, W); as `Model.run` takes it.
    names, tolerance
        As `convlab.compare` takes them: by default layers are matched by names, as weights were loaded, or in order,
        and may differ by 8 times what rounding leads one to expect. What comes out is always compared.

    Raises
    ------
    AssertionError
        Where a layer differs, or what comes out of two networks cannot be compared: its text is the report.
    ConvlabError
        Where the two cannot be compared, as of `convlab.compare`.
    """
    __tracebackhide__ = True  # pytest shows the line of the test
    if _is_module(model):
        raise UnsupportedError(
            f"assert_layers_agree: the first is a PyTorch module, {type(model).__name__}, expected the network to be"
            " tested: give that first, and the module second"
        )
    network = model if isinstance(model, Model) else load(model)
    recorded = _recorded(reference, x)
    report = compare(network.run(x), recorded, names=names, tolerance=tolerance)
    if not report.agrees or (report.outputs_left_out and isinstance(recorded, Activations)):
        raise AssertionError(str(report))


def _recorded(reference: Any, x: Any) -> Any:
    """Return what a reference makes of x; what was recorded as it is."""
    if isinstance(reference, Model):
        return reference.run(x)
    if is_model(reference):
        return record_keras(reference, x)
    if _is_module(reference):
        _warn_of_training(reference)
        return record_torch(reference, x)
    return reference


def _warn_of_training(module: Any) -> None:
    """Say that a module, as it is given, would compute something else than what is compared."""
    parts = [name for name, part in module.named_modules() if part.training and _is_of_training(type(part).__name__)]
    if parts:
        warnings.warn(
            f"assert_layers_agree: {type(module).__name__} is in train mode, where {listed(parts)} would compute"
            " something else: it was compared in eval mode; call its eval()",
            stacklevel=4,  # the line of the test
        )


def _is_of_training(kind: str) -> bool:
    return "Dropout" in kind or "BatchNorm" in kind


def _is_module(thing: Any) -> bool:
    """Return whether something is a module of PyTorch, which need not be installed; a Keras model may be one, too."""
    classes = {f"{base.__module__}.{base.__name__}" for base in type(thing).__mro__}
    return "torch.nn.modules.module.Module" in classes and not is_model(thing)
