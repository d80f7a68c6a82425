"""Checks of the numbers a layer is made with: they may come from a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from numbers import Integral, Real
from reprlib import repr as shortened

import numpy as np

from convlab.errors import ShapeError, UnsupportedError
from convlab.layers.base import Layer
from convlab.runtime.arrays import Array


@contextmanager
def options_of(name: str) -> Iterator[None]:
    """Put the layer's name before the message of what is wrong with its options."""
    try:
        yield
    except (ShapeError, UnsupportedError) as error:
        raise type(error)(f"layer {name!r}: {error}") from None


def check_numbers(layer: Layer, **options: object) -> None:
    """Raise UnsupportedError unless each of the options is a finite number of at least 0."""
    for name, value in options.items():
        if isinstance(value, bool) or not isinstance(value, Real) or not isfinite(value) or value < 0:
            raise refused(layer, name, value, "a number of at least 0")


def check_count(option: str, count: object) -> None:
    """Raise ShapeError unless an option is a whole number of at least 1; `options_of` puts the layer's name first."""
    if isinstance(count, bool) or not isinstance(count, Integral) or count < 1:
        raise ShapeError(f"{option} is {shortened(count)}, expected a whole number of at least 1")


def numbers(layer: Layer, name: str, value: object) -> Array:
    """Return an option that is a number or nested lists of numbers; UnsupportedError for anything else."""
    try:
        array = np.array(value, np.float64)
    except (TypeError, ValueError):
        array = np.array(np.nan)
    if not np.isfinite(array).all():
        raise refused(layer, name, value, "a number or a list of numbers")
    return array


def refused(layer: Layer, name: str, value: object, expected: str) -> UnsupportedError:
    """Return what to say about an option that has no meaning."""
    return UnsupportedError(f"layer {layer.name!r}: {name} is {shortened(value)}, expected {expected}")
