"""Functions of numbers, one by one, as the layers that do the same."""

from collections.abc import Callable
from typing import Any

import numpy as np

from convlab import layers
from convlab.files.keras.config.function_options import FunctionOptions
from convlab.files.keras.config.options import is_numbers
from convlab.layers import Layer

MERGES: dict[str, Callable[[str], Layer]] = {
    "add": layers.Add,
    "maximum": layers.Maximum,
    "minimum": layers.Minimum,
    "multiply": layers.Multiply,
    "subtract": layers.Subtract,
}


def elementwise(name: str, options: FunctionOptions) -> Layer:
    """Make the layer of Keras that does the same, or an Elementwise."""
    function = options.take("function")
    operands = [None if value is None else _constant(value, options) for value in options.take("operands")]
    numbers = [value for value in operands if value is not None]
    if not numbers and function in MERGES:
        return MERGES[function](name)
    if all(np.ndim(value) == 0 for value in numbers):
        made = _with_numbers(name, function, operands)
        if made is not None:
            return made
    return layers.Elementwise(name, function, operands)


def _constant(value: Any, options: FunctionOptions) -> Any:
    """Return a number, or an array of them without the batch."""
    try:
        array = np.array(value, np.float64) if is_numbers(value, depth=8) else np.array([None])
    except ValueError:  # lists of several lengths
        array = np.array([None])
    if array.dtype == object:
        options.damaged("constant", value, "a number, or lists of numbers")
    if array.ndim == options.rank and array.shape[0] == 1:
        array = array[0]
    if array.ndim >= options.rank:
        options.unsupported("constant", value, "one for all pictures of a batch")
    return array.tolist() if array.ndim == 0 else array


def _with_numbers(name: str, function: str, operands: list[Any]) -> Layer | None:
    """Return the layer that a function of one input and single numbers is, None for an Elementwise."""
    match function, *operands:
        case ("add", None, float(number)) | ("add", float(number), None):
            return layers.Rescaling(name, 1.0, number)
        case ("subtract", None, float(number)):
            return layers.Rescaling(name, 1.0, -number)
        case ("subtract", float(number), None):
            return layers.Rescaling(name, -1.0, number)
        case ("multiply", None, float(number)) | ("multiply", float(number), None):
            return layers.Rescaling(name, number)
    return _rectified(name, function, operands)


def _rectified(name: str, function: str, operands: list[Any]) -> Layer | None:
    match function, *operands:
        case ("maximum", None, 0.0) | ("maximum", 0.0, None):
            return layers.ReLU(name)
        case ("clip", None, 0.0, float(highest)) if highest >= 0:
            return layers.ReLU(name, highest)
    return None
