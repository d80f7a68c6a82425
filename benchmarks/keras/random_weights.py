"""A picture, and random weights that keep a Keras model's signals in range, so that a mix-up anywhere shows."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np


def picture(height: int, width: int, seed: int = 0) -> Any:
    """Return a made-up picture, smooth shades with noise, (1, H, W, 3) from 0 to 255."""
    y, x = np.mgrid[:height, :width]
    shades = np.stack([np.sin(y / 9 + x / 13), np.cos(y / 7), np.sin(x / 5)], axis=-1) * 90 + 127
    noise = np.random.default_rng(seed).integers(-30, 31, (1, height, width, 3))
    return np.clip(shades + noise, 0, 255).astype(np.float32)


def randomise(network: Any, x: Any, seed: int = 0) -> None:
    """Give a Keras model random weights with which its signals neither vanish nor grow on an input like x.

    Kernels keep the variance (He et al., "Delving Deep into Rectifiers", 2015, section 2.2). Batch normalisation gets
    variances near the mean square of all it is fed in one run, and means that are a small part of that: what is small
    in one channel, and imprecise, is not made large, and nothing loses its digits to a mean that it nearly equals.
    """
    rng = np.random.default_rng(seed)
    hooked = []
    for layer in network.layers:
        for weight in layer.weights:
            if weight.name in ROLES:
                weight.assign(ROLES[weight.name](rng, tuple(weight.shape)))
        if type(layer).__name__ == "Normalization":
            layer.finalize_state()
        if type(layer).__name__ == "BatchNormalization" or _is_classifier(layer):
            vars(layer)["call"] = partial(_settle, rng, layer, layer.call)
            hooked.append(layer)
    network(x, training=False)
    for layer in hooked:
        del vars(layer)["call"]


def _kernel(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.standard_normal(shape, np.float32) * np.sqrt(2 / np.prod(shape[:-1]))


def _depthwise_kernel(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.standard_normal(shape, np.float32) * np.sqrt(2 / np.prod(shape[:2]))


def _offset(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.uniform(-0.3, 0.3, shape)


def _factor(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.uniform(0.7, 1.4, shape)


ROLES: dict[str, Callable[[np.random.Generator, tuple[int, ...]], Any]] = {
    **{"kernel": _kernel, "pointwise_kernel": _kernel, "depthwise_kernel": _depthwise_kernel},
    **{"bias": _offset, "beta": _offset, "mean": _offset, "gamma": _factor, "variance": _factor},
}


def _is_classifier(layer: Any) -> bool:
    return hasattr(layer, "kernel") and layer.activation.__name__ == "softmax"


def _settle(rng: np.random.Generator, layer: Any, call: Callable[..., Any], x: Any, **options: Any) -> Any:
    """Fit a layer to what it is fed, then call it."""
    fed = x.detach().numpy()
    if _is_classifier(layer):  # so that no class gets it all
        layer.kernel.assign(layer.kernel.numpy() / np.sqrt(np.mean(fed**2)))
    else:
        square, shape = np.mean(fed**2), tuple(layer.moving_mean.shape)
        layer.moving_mean.assign(np.sqrt(square) * _offset(rng, shape))
        layer.moving_variance.assign(square * _factor(rng, shape))
    return call(x, **options)
