"""PyTorch's names and layouts of weights: channels first, outputs before inputs.

Conv2d           weight (O, I, KH, KW)            kernel (KH, KW, I, O); Conv1d and Conv3d likewise
depthwise        weight (C*M, 1, KH, KW)          depthwise kernel (KH, KW, C, M)
ConvTranspose2d  weight (I, O, KH, KW)            kernel (KH, KW, O, I)
Linear           weight (out, in)                 kernel (in, out)
Linear           weight (out, C*H*W)              kernel (H*W*C, out), behind a Flatten
Embedding        weight (V, D)                    embeddings (V, D)
BatchNorm2d      weight, bias, running_mean, running_var: gamma, beta, moving_mean, moving_variance
PReLU            weight (C,) or (1,)              alpha (H, W, C) or (1, 1, C)
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from convlab.files.weight_specs import LayerWeights, change_of_order, rows_in_order
from convlab.layers.base import class_of
from convlab.runtime.arrays import Shape

__all__ = ["IGNORED", "Counterpart", "counterparts"]

Array: TypeAlias = NDArray[np.float32]

IGNORED = ("num_batches_tracked",)  # counts training steps
NORM = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}


@dataclass(frozen=True)
class Counterpart:
    """PyTorch's tensor for one weight: its name in the module, the shapes it may have, and what is done to it."""

    leaf: str
    shapes: tuple[Shape, ...]
    transform: str
    convert: Callable[[Array], Array]


def counterparts(layer: LayerWeights) -> dict[str, Counterpart] | None:
    """Return PyTorch's tensor for each weight of a layer; None where no module of PyTorch holds them all."""
    found = {role: _counterpart(layer, role, shape) for role, shape in layer.shapes.items()}
    known = {role: one for role, one in found.items() if one is not None}
    return known if len(known) == len(found) else None


def _counterpart(layer: LayerWeights, role: str, shape: Shape) -> Counterpart | None:
    if role in NORM:
        return _vector(NORM[role], shape, layer.image)
    if role == "bias":
        return _vector("bias", shape, None)
    if role == "embeddings":
        return Counterpart("weight", (shape,), "as stored", lambda table: table)
    if role == "alpha":
        return _alpha(shape, layer.image)
    if role in ("kernel", "depthwise_kernel") and "pointwise_kernel" not in layer.shapes:
        return _kernel(layer, role, shape)
    return None


def _vector(leaf: str, shape: Shape, flattened: Shape | None) -> Counterpart | None:
    """(F,) as stored; behind a Flatten, what it flattened is put in order."""
    if len(shape) != 1:
        return None
    if flattened is None or prod(flattened) != prod(shape):
        return Counterpart(leaf, (shape,), "as stored", lambda vector: vector)
    return Counterpart(leaf, (shape,), change_of_order(flattened), lambda vector: rows_in_order(vector, flattened))


def _alpha(shape: Shape, flattened: Shape | None) -> Counterpart | None:
    """One slope for all, or one for each channel: (C,) -> (H, W, C)."""
    one = _vector("weight", shape[-1:], flattened if len(shape) == 1 else None)
    return one and Counterpart(
        "weight",
        ((1,), *one.shapes),
        f"{one.transform}, repeated" if len(shape) > 1 else one.transform,
        lambda alpha: np.broadcast_to(alpha if alpha.shape == (1,) else one.convert(alpha), shape).copy(),
    )


def _kernel(layer: LayerWeights, role: str, shape: Shape) -> Counterpart | None:
    if len(shape) == 2:
        return _dense(shape, layer.image)
    if len(shape) not in (3, 4, 5):
        return None
    *window, C, M = shape
    places = tuple(range(2, len(shape)))
    HW, axes = "DHW"[-len(window) :], class_of(layer.kind).kernel_axes
    if role == "depthwise_kernel" or axes == "CM":
        return Counterpart(
            "weight",
            ((C * M, 1, *window),),
            f"(C*M)1{HW} -> {HW}CM",
            lambda kernel: kernel.reshape(C, M, *window).transpose(*places, 0, 1),
        )
    transform = f"IO{HW} -> {HW}OI" if axes == "OI" else f"OI{HW} -> {HW}IO"
    return Counterpart("weight", ((M, C, *window),), transform, lambda kernel: kernel.transpose(*places, 1, 0))


def _dense(shape: Shape, flattened: Shape | None) -> Counterpart:
    rows, out = shape
    if flattened is None:
        return Counterpart("weight", ((out, rows),), "transposed", lambda kernel: kernel.T)
    return Counterpart(
        "weight",
        ((out, rows),),
        f"transposed, rows {change_of_order(flattened)}",
        lambda kernel: rows_in_order(kernel.T, flattened),  # (out, C*H*W) -> (C*H*W, out) -> (H*W*C, out)
    )
