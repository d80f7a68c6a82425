"""The numbers of a layer as bytes, channel after channel: exact, or rounded to steps of a channel's largest."""

from typing import Literal, NamedTuple

import numpy as np

from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array

Encoding = Literal["float32", "uint8", "int8"]
STEPS: dict[Encoding, int] = {"uint8": 255, "int8": 127}
EXACT = 1_000_000  # numbers of a network up to which a page has them all exactly
LARGE = 1_000_000  # numbers of a layer from which they take the fewer steps, for a page of VGG16 to stay below 15 MB


class Encoded(NamedTuple):
    """Numbers as bytes, and how to read them."""

    encoding: Encoding
    data: bytes


def recorded(acts: Activations, name: str) -> Array | None:
    """Return what an input or layer was or made for the first image; None where the recording lacks it."""
    if name in acts.inputs:
        return np.asarray(acts.inputs[name][0])
    return np.asarray(acts[name][0]) if name in acts else None


def channel_major(values: Array) -> Array:
    """Return (C,), (C, 1, W), (C, H, W) or (C, D, H, W), of what has its channels last; deeper axes laid out as D."""
    if values.ndim > 4:
        values = values.reshape(-1, *values.shape[-3:])
    if values.ndim == 2:
        values = values[None]
    return np.ascontiguousarray(np.moveaxis(values, -1, 0))


def exact(values: Array) -> Encoded:
    """Return all numbers as float32, little-endian."""
    with np.errstate(over="ignore"):
        return Encoded("float32", channel_major(values).astype("<f4").tobytes())


def rounded(values: Array) -> Encoded:
    """Return each channel's scale as float32, then its numbers as so many steps of it; 0 stays 0 exactly.

    What holds NaN or an infinity stays exact, for no step stands for them.
    """
    if not np.isfinite(values).all():
        return exact(values)
    channels = channel_major(values)
    rows = channels.reshape(len(channels), -1)
    encoding: Encoding = "int8" if rows.size > LARGE or (rows < 0).any() else "uint8"
    scales = np.abs(rows).max(axis=1, initial=0).astype(np.float32)
    steps = np.divide(rows, scales[:, None], out=np.zeros(rows.shape, np.float64), where=scales[:, None] > 0)
    numbers = (steps * STEPS[encoding]).round().clip(-STEPS[encoding], STEPS[encoding]).astype(encoding)
    return Encoded(encoding, scales.astype("<f4").tobytes() + numbers.tobytes())
