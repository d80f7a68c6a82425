"""What the layers that slide kernels over an image have in common."""

from abc import abstractmethod
from typing import Any

import numpy as np

from convlab.arrays import Array, ArrayLike
from convlab.layers.base import Activated, check_activation
from convlab.layers.naming import options_of


class Convolving(Activated):
    """What convolutions share: kernels prepared once from the weights, and ReLU fused into the last of them."""

    _prepared: dict[np.dtype[np.floating], list[Any]]

    def __post_init__(self) -> None:
        """Refuse an unknown activation function, and parse the window once."""
        check_activation(self)
        with options_of(self.name):
            self.parse()
        self._prepared = {}

    @abstractmethod
    def parse(self) -> None:
        """Parse the options that say where the window goes."""

    @abstractmethod
    def prepare(self, dtype: np.dtype[np.floating]) -> list[Any]:
        """Return the kernels, prepared from the weights in a type."""

    def kernels(self, dtype: np.dtype[np.floating]) -> list[Any]:
        """Return what `prepare` makes of the weights, made once for each type."""
        prepared = self._prepared  # taken before the weights: what another thread replaces meanwhile is not kept
        if dtype not in prepared:
            prepared[dtype] = self.prepare(dtype)
        return prepared[dtype]

    def set_weights(self, **weights: ArrayLike) -> None:
        """Replace the named weights, and forget what was prepared from the old ones."""
        super().set_weights(**weights)
        self._prepared = {}

    @abstractmethod
    def convolve(self, x: Array, relu: bool) -> Array:
        """Compute (N, H, W, C) -> (N, OH, OW, O), with ReLU or without an activation function."""

    def linear(self, x: Array) -> Array:
        """Convolve without the activation function."""
        return self.convolve(x, relu=False)

    def __call__(self, x: Array) -> Array:
        """Convolve (N, H, W, C) to (N, OH, OW, O); ReLU is fused into the kernel."""
        return self.convolve(x, relu=True) if self.activation == "relu" else super().__call__(x)
