"""Arrays for networks whose input is no image: volumes (D, H, W, C), sequences (W, C), features."""

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from convlab.errors import ImageError, UnsupportedError
from convlab.images.reading import check_file, load_npy
from convlab.runtime.arrays import Array, as_floats
from convlab.runtime.tensors import channels_last, is_tensor
from convlab.wording import say

KINDS = {4: "volumes (D, H, W, C)", 2: "sequences (W, C)"}


def prepare_arrays(source: Any, shape: tuple[int, ...], span: object = None, **_: object) -> tuple[Array, list[str]]:
    """Return `source` as a network's input: float32 (N, *shape), its numbers as they are.

    And, in words, what was not done to those that look like pixels.

    Parameters
    ----------
    source
        An array, nested list or `.npy` file of such a shape, with or without the batch in front (and without the
        channels where there is one); or a list of these, which makes a batch.
    shape
        Of the network's input, without the batch.
    span
        Has a meaning for pictures alone.

    Raises
    ------
    ImageError
        For a picture, or an array of another shape: what was found, what was expected.
    UnsupportedError
        For a span, or an array that holds no numbers.
    """
    if span is not None:
        raise UnsupportedError(
            f"{say(f'span={span!r}', '--span')} is for pictures; the network takes {_kind(shape)}: scale the array"
        )
    several = isinstance(source, list | tuple) and any(
        isinstance(item, str | PathLike | np.ndarray) for item in source
    )
    found = [_values(item, shape) for item in (source if several else [source])]
    told = [line for _, values in found for line in _unscaled(values, shape)]
    return np.concatenate([_batch(*one, shape) for one in found]), told


def _unscaled(values: Any, shape: tuple[int, ...]) -> list[str]:
    """Say of what looks like pixels that its numbers are taken as they are: of a picture they would not be."""
    if getattr(values, "dtype", None) != np.uint8 or not values.size or values.max() <= 1:
        return []
    return [f"numbers of 0 to {values.max()}, not scaled: the network takes {_kind(shape)}, not pictures"]


def _kind(shape: tuple[int, ...]) -> str:
    return f"{KINDS.get(len(shape), 'arrays')} of {shape}"


def _batch(name: str, values: Any, shape: tuple[int, ...]) -> Array:
    """Return one array, with the batch in front."""
    (values,) = as_floats(values)
    if (
        shape[-1] == 1
        and values.shape[-len(shape) + 1 :] == shape[:-1]
        and values.ndim in (len(shape) - 1, len(shape))
    ):
        values = values[..., None]
    if values.shape == shape:
        values = values[None]
    if values.shape[1:] != shape:
        hint = " (channels last)" if values.shape[-len(shape) :] == (shape[-1], *shape[:-1]) else ""
        raise ImageError(
            f"{name} has shape {values.shape}, the network takes {_kind(shape)}{hint}, or a batch of them"
        )
    return values.astype(np.float32, copy=False)


def _values(source: Any, shape: tuple[int, ...]) -> tuple[str, Any]:
    """Return what to call an array in messages, and the array."""
    if isinstance(source, str | PathLike):
        path = Path(source)
        check_file(path)
        if path.suffix.lower() != ".npy":
            raise ImageError(
                f"{path}: a picture is no input here: the network takes {_kind(shape)}, as an array (.npy)"
            )
        return str(path), load_npy(path)
    if type(source).__module__.startswith("PIL."):
        raise ImageError(f"a picture is no input here: the network takes {_kind(shape)}, as an array")
    tensor = is_tensor(source)
    return "the array", channels_last(source, source.ndim - len(shape)) if tensor else source
