"""For tests of networks: an assertion whose failure says which layer differs first, and why."""

from collections.abc import Mapping
from typing import Any

from convlab.comparison.comparison import compare
from convlab.comparison.keras_recorder import record_keras
from convlab.comparison.torch_recorder import record_torch
from convlab.files.keras.live import is_model
from convlab.loading import load
from convlab.model.model import Model

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
        What it should be. A module or a model is run on x; a recording, the path of one or of an .npz file, and
        arrays by name are what it was known to compute for x.
    x : array or tensor
        The input: an array (N, H, W, C), or a tensor of PyTorch, (N, C, H, W); as `Model.run` takes it.
    names, tolerance
        As `convlab.compare` takes them: by default layers are matched by names, as weights were loaded, or in order,
        and may differ by 8 times what rounding leads one to expect. What comes out is always compared.

    Raises
    ------
    AssertionError
        Where a layer differs: its text is the report of the comparison.
    ConvlabError
        Where the two cannot be compared, as of `convlab.compare`.
    """
    __tracebackhide__ = True  # pytest shows the line of the test
    network = model if isinstance(model, Model) else load(model)
    report = compare(network.run(x), _recorded(reference, x), names=names, tolerance=tolerance)
    if not report.agrees:
        raise AssertionError(str(report))


def _recorded(reference: Any, x: Any) -> Any:
    """Return what a reference makes of x; what was recorded as it is."""
    if isinstance(reference, Model):
        return reference.run(x)
    if is_model(reference):  # where Keras runs on PyTorch, it is a module, too
        return record_keras(reference, x)
    if _is_module(reference):
        return record_torch(reference, x)
    return reference


def _is_module(reference: Any) -> bool:
    """Return whether something is a module of PyTorch, which need not be installed for that."""
    classes = {f"{base.__module__}.{base.__name__}" for base in type(reference).__mro__}
    return "torch.nn.modules.module.Module" in classes
