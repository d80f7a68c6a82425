"""One convolution asked of a candidate: its numbers, and the exact answer, index by index.

Written once more, with no code of the kernels. Which row of the image a cell of the kernel looks at is an array of
indices; a mistake in them is another array, and nothing else changes.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from convlab.bench.exact import Exact, around
from convlab.runtime.arrays import Array
from convlab_kernels.axis import Pair
from convlab_kernels.window import PaddingLike, Sides, Window


@dataclass(frozen=True)
class Question:
    """What is asked: x (N, H, W, C), w (KH, KW, C/groups, O), b (O,) or None, and the attributes.

    `again` says that the call was given the array objects of the one before, with other numbers in them; `earlier` is
    all that was asked before it, where that is known.
    """

    x: Array
    w: Array
    b: Array | None
    stride: Pair
    padding: PaddingLike
    dilation: Pair
    groups: int
    again: bool = False
    earlier: "tuple[Question, ...]" = ()

    @property
    def attributes(self) -> dict[str, Any]:
        """The keyword arguments."""
        names = ("stride", "padding", "dilation", "groups")
        return {name: getattr(self, name) for name in names}

    @cached_property
    def window(self) -> Window:
        """The window that walks over the image."""
        kernel = self.w.shape[0], self.w.shape[1]
        return Window.parse(kernel, self.stride, self.padding, self.dilation)

    @property
    def size(self) -> Pair:
        """(H, W)."""
        return self.x.shape[1], self.x.shape[2]

    @cached_property
    def sides(self) -> Sides:
        """Cells of padding, ((top, bottom), (left, right))."""
        return self.window.pads(self.size)

    @cached_property
    def places(self) -> Pair:
        """(OH, OW); ShapeError if that is not positive."""
        return self.window.output_size(self.size)

    @property
    def terms(self) -> int:
        """Roundings in one output: a product for each cell of the kernel, and the bias."""
        return prod(self.w.shape[:3]) + 1

    def looks_at(self, places: Pair) -> tuple[Array, Array]:
        """Return the rows (OH, KH) and the columns (OW, KW) of the image that are looked at, some of them outside."""
        walks = zip(places, self.stride, self.sides, self.window.kernel, self.dilation, strict=True)
        rows, columns = (
            np.arange(count)[:, None] * step - before + np.arange(kernel) * dilation
            for count, step, (before, _), kernel, dilation in walks
        )
        return rows, columns


def answer(question: Question, places: Pair | None = None, **changes: Any) -> Array:
    """Return the exact answer, in float64; to another question where there are changes.

    `places` are the rows and columns of the result where they are not those of the question with its changes.
    """
    asked = replace(question, **changes)
    places = asked.places if places is None else places
    total = _summed(asked, *asked.looks_at(places))
    return total if asked.b is None else total + asked.b


def exact(question: Question) -> Exact:
    """Return the exact answer, and how far from it rounding may take another."""
    bias = None if question.b is None else np.abs(question.b)
    magnitude = answer(question, x=np.abs(question.x), w=np.abs(question.w), b=bias)
    magnitude += np.finfo(np.float32).tiny  # where all that is seen is padding, 0 is right
    return around(answer(question), magnitude, question.terms, str(question.x.dtype))


def _summed(asked: Question, rows: Array, columns: Array) -> Array:
    x, w, groups = asked.x.astype(np.float64), asked.w.astype(np.float64), asked.groups
    (height, width), (kh, kw, per_group, filters) = asked.size, w.shape
    inside = np.multiply.outer((rows >= 0) & (rows < height), (columns >= 0) & (columns < width))
    # (N, OH, KH, OW, KW, C); what lies outside is 0, also where the nearest cell is no number
    seen = x[:, rows.clip(0, height - 1)][:, :, :, columns.clip(0, width - 1)]
    seen = np.where(inside[..., None], seen, 0.0)
    seen = seen.reshape(*seen.shape[:-1], groups, per_group)
    kernel = w.reshape(kh, kw, per_group, groups, filters // groups)
    # (N, OH, KH, OW, KW, G, C/G), (KH, KW, C/G, G, O/G) -> (N, OH, OW, G, O/G)
    total = np.einsum("nyaxbgc,abcgo->nyxgo", seen, kernel)
    return total.reshape(len(x), len(rows), len(columns), filters)
