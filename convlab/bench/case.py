"""One convolution to be measured: its shape, its numbers, what it costs, and the exact answer."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from convlab.errors import BudgetError, ShapeError
from convlab.layers.convolving import Convolving
from convlab.model.model import Model
from convlab.ops import check_conv2d
from convlab.runtime.arrays import Array, Shape
from convlab_kernels.window import Pair, Window

MOST_BYTES = 4 << 30
"""Most bytes that the arrays of a case may take in float64, in which they are checked."""


@dataclass(frozen=True)
class Case:
    """A convolution of random numbers.

    Attributes
    ----------
    image : (H, W, C)
    filters : int
        Output channels O.
    window : Window
    groups, batch : int
    dtype : str
        "float32" or "float64".
    layers : tuple of str
        Which layers of a network have this shape.
    """

    image: tuple[int, int, int]
    filters: int
    window: Window = Window((3, 3), padding="same")  # noqa: RUF009 - frozen
    groups: int = 1
    batch: int = 1
    dtype: str = "float32"
    layers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse sizes that make no convolution, and more numbers than are likely to be meant."""
        if min(*self.image, self.filters, self.groups, self.batch) < 1:
            raise ShapeError(
                f"bench: image {self.image}, {self.filters} filters, {self.groups} groups, batch {self.batch}:"
                " expected whole numbers of at least 1"
            )
        check_conv2d((self.batch, *self.image), self.shapes[1], (self.filters,), self.groups)
        if (cells := sum(map(prod, (*self.shapes, self.output)))) * 8 > MOST_BYTES:
            raise BudgetError(
                f"bench: {self} takes {8 * cells:,} bytes to check, more than {MOST_BYTES:,}: give a smaller shape"
            )

    @property
    def shapes(self) -> tuple[Shape, Shape, Shape]:
        """Shapes of x (N, H, W, C), w (KH, KW, C/groups, O) and b (O,)."""
        per_group = self.image[2] // self.groups
        return (self.batch, *self.image), (*self.window.kernel, per_group, self.filters), (self.filters,)

    @property
    def output(self) -> tuple[int, int, int, int]:
        """(N, OH, OW, O)."""
        return self.batch, *self.window.output_size(self.image[:2]), self.filters

    @property
    def terms(self) -> int:
        """Roundings in one output: a product for each cell of the kernel, and the bias."""
        return prod(self.shapes[1][:3]) + 1

    @property
    def flops(self) -> int:
        """Operations of the definition: a multiplication and an addition for each cell the window looks at."""
        return 2 * prod(self.output) * prod(self.shapes[1][:3])

    @property
    def bytes(self) -> int:
        """Bytes that any method must move: the input and the weights read once, the output written once."""
        return sum(map(prod, (*self.shapes, self.output))) * np.dtype(self.dtype).itemsize

    @property
    def intensity(self) -> float:
        """Operations for each byte that must be moved."""
        return self.flops / self.bytes

    def arrays(self, seed: int = 0) -> tuple[Array, Array, Array]:
        """Return x, w and b: of one seed the same in every process, and w the same of every seed."""
        x, w, b = self._drawn(0)
        if seed:
            x, _, b = self._drawn(seed)
        return x, w, b

    def _drawn(self, seed: int) -> tuple[Array, Array, Array]:
        random = np.random.default_rng(seed)
        x, w, b = (random.standard_normal(shape, np.float32).astype(self.dtype) for shape in self.shapes)
        return x, w, b

    @property
    def smaller(self) -> "Case":
        """A case like it of another shape, that takes little to compute."""
        h, w = (min(extent + 2, side) for extent, side in zip(self.window.extent, self.image[:2], strict=True))
        return replace(self, image=(h, w, self.image[2]), batch=1 if self.batch == 2 else 2, layers=())

    def __str__(self) -> str:
        (h, w, c), window = self.image, self.window
        parts = [f"{h} x {w} x {c} -> {self.filters}", f"kernel {_pair(window.kernel)}"]
        parts += [f"{name} {_pair(pair)}" for name, pair in _unusual(window)]
        parts += [f"{self.groups} groups"] if self.groups > 1 else []
        return ", ".join([*parts, f"batch {self.batch}", self.dtype])

    @property
    def text(self) -> str:
        """A line with what it costs."""
        cost = f"{self.flops / 1e9:.3g} GFLOP, {self.bytes / 1e6:.3g} MB, {self.intensity:.0f} FLOP a byte"
        return f"{self}: {cost}"

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON."""
        padding = self.window.padding
        return {
            **{"image": list(self.image), "filters": self.filters, "kernel": list(self.window.kernel)},
            **{"stride": list(self.window.stride), "dilation": list(self.window.dilation)},
            **{"padding": padding if isinstance(padding, str) else list(map(list, padding))},
            **{"groups": self.groups, "batch": self.batch, "dtype": self.dtype, "layers": list(self.layers)},
            **{"flops": self.flops, "bytes": self.bytes, "intensity": self.intensity},
        }


def _pair(pair: Pair) -> str:
    return f"{pair[0]} x {pair[1]}"


def _unusual(window: Window) -> Iterator[tuple[str, Pair]]:
    yield from ((name, pair) for name in ("stride", "dilation") if (pair := getattr(window, name)) != (1, 1))


def cases_of(model: Model, batch: int = 1, dtype: str = "float32") -> list[Case]:
    """Return the distinct convolutions of a network, each with the names of the layers that are like it."""
    layers: dict[Case, tuple[str, ...]] = {}
    for node in model.nodes:
        shape = model.shapes[node.inputs[0]]
        convolutions = node.layer.convolutions(shape) if isinstance(node.layer, Convolving) else ()
        for case in (Case(*one, batch, dtype) for one in convolutions):
            layers[case] = (*layers.get(case, ()), node.name)
    return [replace(case, layers=names) for case, names in layers.items()]
