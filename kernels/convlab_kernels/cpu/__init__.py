"""Kernels for a CPU.

A convolution kernel is a class made once per layer from the weights (the preparation: packing, transforms) and
called any number of times: `kernel(x, out, bias, relu, ceiling)` writes into `out` and returns nothing.

Those in `METHODS` that are compiled import Numba, so each is imported when it is first asked for.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.cpu.im2col import Im2col
from convlab_kernels.cpu.shifted import Shifted
from convlab_kernels.cpu.threads import set_threads, threads
from convlab_kernels.cpu.transposed import Transposed
from convlab_kernels.window import Window


class Convolution(Protocol):
    """A convolution with its weights prepared.

    One whose class has `adds = True` also takes `addend`, an array like out, and adds it before ReLU.
    """

    def __init__(self, w: NDArray[Any], window: Window, groups: int) -> None: ...

    def __call__(
        self,
        x: NDArray[Any],
        out: NDArray[Any],
        bias: NDArray[Any] | None = None,
        relu: bool = False,
        ceiling: float = np.inf,
    ) -> None:
        """Convolve x (N, H, W, C) into out (N, OH, OW, O), contiguous, and add bias (O,).

        With `relu` the results are clipped at zero from below, and at the ceiling from above (ReLU6 has 6).
        """


class _Methods(Mapping[str, type[Convolution]]):
    """Name -> class, imported from its module when it is asked for."""

    def __init__(self, **places: str) -> None:
        self._places = places

    def __getitem__(self, name: str) -> type[Convolution]:
        module, kernel = self._places[name].split(".")
        found: type[Convolution] = getattr(import_module(f"{__name__}.{module}"), kernel)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


METHODS: Mapping[str, type[Convolution]] = _Methods(
    direct="direct.Direct",
    im2col="im2col.Im2col",
    banded="banded.Banded",
    shifted="shifted.Shifted",
    pointwise="pointwise.Pointwise",
    indirect="indirect.Indirect",
    widened="widened.Widened",
    depthwise="depthwise.Depthwise",
    winograd="winograd.Winograd",
    winograd2x2="winograd.Winograd2x2",
)

__all__ = ["METHODS", "Convolution", "Im2col", "Shifted", "Transposed", "set_threads", "threads"]
