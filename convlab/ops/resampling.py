"""The weights of the smooth interpolations: the share of each old cell in each cell of a resized row.

Output cell i of m lies over the point (i + 1/2) * n / m of an input of n cells. It takes of the cells whose centres
are near that point; a kernel says how much, by their distance. Cells beyond the border are left out, and the shares
of the others add up to 1. As in TensorFlow: `scale_and_translate_op.cc`, `resize_bicubic_op.cc`, `resize_area_op.cc`;
and as in PyTorch, whose bicubic interpolation is another, and repeats the cells at the border.
"""

from collections.abc import Callable, Mapping
from math import ceil, pi
from types import MappingProxyType
from typing import Any, NamedTuple

from convlab.runtime.arrays import Array


class Kernel(NamedTuple):
    """How much of a cell is taken at each distance, in cells, up to the radius."""

    radius: float
    share: Callable[[Any, Array], Array]  # of the array module and distances of at least 0


def _triangle(xp: Any, distance: Array) -> Array:
    return 1 - distance


def _cubic(b: float, c: float) -> Callable[[Any, Array], Array]:
    """Return the cubic kernel with two parameters: Mitchell and Netravali, SIGGRAPH 1988, equation 8."""

    def share(xp: Any, distance: Array) -> Array:
        d = distance
        near = ((12 - 9 * b - 6 * c) * d + (-18 + 12 * b + 6 * c)) * d * d + (6 - 2 * b)
        far = (((-b - 6 * c) * d + (6 * b + 30 * c)) * d + (-12 * b - 48 * c)) * d + (8 * b + 24 * c)
        return xp.where(d < 1, near, far) / 6

    return share


def _lanczos(lobes: int) -> Callable[[Any, Array], Array]:
    def share(xp: Any, distance: Array) -> Array:
        angle = pi * xp.maximum(distance, 1e-3)  # nearer than that it is 1 but for the type's rounding
        return lobes * xp.sin(angle) * xp.sin(angle / lobes) / (angle * angle)

    return share


def _gaussian(xp: Any, distance: Array) -> Array:
    return xp.exp(-2 * distance * distance)  # a deviation of 1/2


KERNELS: Mapping[str, Kernel] = MappingProxyType(
    {
        "bilinear": Kernel(1, _triangle),
        "bicubic": Kernel(2, _cubic(0, 0.5)),
        "bicubic_torch": Kernel(2, _cubic(0, 0.75)),  # Keras' bicubic where it runs on PyTorch
        "gaussian": Kernel(1.5, _gaussian),
        "lanczos3": Kernel(3, _lanczos(3)),
        "lanczos5": Kernel(5, _lanczos(5)),
        "mitchellcubic": Kernel(2, _cubic(1 / 3, 1 / 3)),
    }
)
STEPS = 1024
"""Places between two cells that TensorFlow has in its table of bicubic shares, and rounds to."""


def taps(xp: Any, n: int, cells: int, interpolation: str, antialias: bool) -> tuple[Array, Array]:
    """Return which of `n` cells each of `cells` takes of, and their shares, float64: (cells, most taken) both.

    With `antialias` the kernel is widened where the row gets shorter, so that no cell is left out.
    """
    if interpolation == "area":
        return _overlaps(xp, n, cells)
    repeats = interpolation == "bicubic_torch" and not antialias
    if interpolation == "bicubic_torch" and antialias:
        interpolation = "bicubic"  # PyTorch, too, smooths with this one
    kernel = KERNELS[interpolation]
    stretch = max(n / cells, 1.0) if antialias else 1.0
    point = (xp.arange(cells) + 0.5) * (n / cells)
    if interpolation == "bicubic" and not antialias:
        point = xp.rint((point - 0.5) * STEPS) / STEPS + 0.5
    reach = kernel.radius * stretch
    index = xp.ceil(point - reach - 0.5)[:, None] + xp.arange(2 * ceil(reach) + 1)
    distance = abs(index + 0.5 - point[:, None]) / stretch
    inside = (distance < kernel.radius) & (repeats | ((index >= 0) & (index < n)))
    shares = xp.where(inside, kernel.share(xp, distance), 0.0)
    return index.clip(0, n - 1).astype(int), shares / shares.sum(axis=1, keepdims=True)


def _overlaps(xp: Any, n: int, cells: int) -> tuple[Array, Array]:
    """Return shares as large as the part of the output cell that lies over each cell: its mean."""
    start = xp.arange(cells)[:, None] * n  # in units of 1 / cells of a cell
    index = start // cells + xp.arange(-(-n // cells) + 1)
    overlap = xp.minimum(start + n, (index + 1) * cells) - xp.maximum(start, index * cells)
    return index.clip(0, n - 1), overlap.clip(0, None) / n
