"""What a chain of windows adds up to: the box of the image that one unit of a layer sees.

Recurrences: Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks" (Distill 2019),
section "Computing the receptive field region". A box is kept as the cells (start, end) seen by unit (0, 0), from
which every other unit's box is `jump` cells further; start is negative where the unit looks into the padding.
"""

from dataclasses import dataclass

from convlab_kernels.window import Pair, Window


@dataclass(frozen=True)
class Field:
    """Receptive field of a layer, in cells of the image, (height, width) pairs.

    Attributes
    ----------
    start, end
        First and last row and column that the layer's unit (0, 0) sees (last one included).
    jump
        Distance in the image between the boxes of two neighbouring units.
    """

    start: Pair = (0, 0)
    end: Pair = (0, 0)
    jump: Pair = (1, 1)

    @property
    def size(self) -> Pair:
        """Rows and columns of the box: end - start + 1."""
        return self.end[0] - self.start[0] + 1, self.end[1] - self.start[1] + 1

    def box(self, y: int, x: int) -> tuple[Pair, Pair]:
        """Return ((first row, last row), (first column, last column)) seen by unit (y, x), padding included."""
        rows = (self.start[0] + y * self.jump[0], self.end[0] + y * self.jump[0])
        columns = (self.start[1] + x * self.jump[1], self.end[1] + x * self.jump[1])
        return rows, columns

    def through(self, window: Window, size: Pair) -> "Field":
        """Return the field behind `window`, walking over a layer of `size` (H, W) that has this field."""
        (top, _), (left, _) = window.pads(size)
        start = (self.start[0] - top * self.jump[0], self.start[1] - left * self.jump[1])
        reach = ((window.extent[0] - 1 - top) * self.jump[0], (window.extent[1] - 1 - left) * self.jump[1])
        return Field(
            start,
            (self.end[0] + reach[0], self.end[1] + reach[1]),
            (self.jump[0] * window.stride[0], self.jump[1] * window.stride[1]),
        )
