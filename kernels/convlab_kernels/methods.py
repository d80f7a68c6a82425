"""The protocol of convolution kernels, and those of a package by name."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.caller import warn_renamed
from convlab_kernels.imports import load_module
from convlab_kernels.window import Window

RENAMED = {"banded": "toeplitz", "indirect": "indirect_gemm"}
"""Old name -> new one, for a release."""


class Convolution(Protocol):
    """A convolution with its weights prepared.

    One whose class has `adds = True` also takes `addend`, an array like out, and adds it before ReLU. One with
    `activates = True` takes an `activation` of `cpu/activation.py`, and applies it to what it has written. One whose
    rounding errors are larger than the definition's says in `amplification` how many times.
    """

    def __init__(self, w: NDArray[Any], window: Window, groups: int) -> None:
        """Prepare w (KH, KW, C/groups, O), whose shape has been checked.

        What a kernel does not take it refuses here, by an UnsupportedError that begins with its name and ends with
        the one to use. On a CPU it takes float32 and float64; on a GPU it may refuse all but float32.
        """

    def __call__(
        self,
        x: NDArray[Any],
        out: NDArray[Any],
        bias: NDArray[Any] | None = None,
        relu: bool = False,
        ceiling: float = np.inf,
    ) -> None:
        """Convolve x (N, H, W, C) into out (N, OH, OW, O), contiguous, and add bias (O,).

        With `relu` the results are clipped at zero from below, and at the ceiling from above (ReLU6 has 6). All
        arrays are of w's dtype. The shapes have been checked, and `out` has been made, by who calls; a kernel that
        needs it contiguous calls `check_out`, as its result would else go into a copy.
        """


class Methods(Mapping[str, type[Convolution]]):
    """Name -> class, imported from its module when it is asked for."""

    def __init__(self, package: str, **places: str) -> None:
        self._package, self._places = package, places

    def current(self, name: str) -> str:
        """Return the name that a kernel has now, with a warning if that is another."""
        new = self._now(name)
        if new != name:
            warn_renamed(f"method {name!r}", repr(new))
        return new

    def __getitem__(self, name: str) -> type[Convolution]:
        module, kernel = self._places[self.current(name)].split(".")
        found: type[Convolution] = getattr(load_module(f"{self._package}.{module}"), kernel)
        return found

    def __contains__(self, name: object) -> bool:
        return self._now(name) in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def _now(self, name: Any) -> Any:
        new = RENAMED.get(name, name)
        return new if new in self._places else name
