"""The sliding window over a volume: `Window` with one axis more, by the same formulas."""

from dataclasses import dataclass
from typing import Literal

from convlab_kernels.axis import Pair, extent, places, same_pads
from convlab_kernels.errors import ShapeError
from convlab_kernels.window import parse_ints, parse_pair

Triple = tuple[int, int, int]
Sides3D = tuple[Pair, Pair, Pair]  # ((front, back), (top, bottom), (left, right))
PaddingLike3D = int | Triple | Sides3D | Literal["valid", "same"]

AXES = ("depth", "height", "width")


@dataclass(frozen=True)
class Window3D:
    """A kernel's footprint and its walk over a volume, every triple in (depth, height, width) order.

    Attributes
    ----------
    kernel, stride, dilation
        Cells; all at least 1.
    padding
        Cells added on the six sides, ((front, back), (top, bottom), (left, right)), or "same"; a crop is a negative
        padding. See `Window`.
    """

    kernel: Triple
    stride: Triple = (1, 1, 1)
    padding: Sides3D | Literal["same"] = ((0, 0), (0, 0), (0, 0))
    dilation: Triple = (1, 1, 1)

    @classmethod
    def parse(
        cls,
        kernel: int | Triple,
        stride: int | Triple = 1,
        padding: PaddingLike3D = 0,
        dilation: int | Triple = 1,
    ) -> "Window3D":
        """Read every spelling a caller may use; raise ShapeError for one that has no meaning."""
        return cls(
            parse_triple("kernel", kernel, least=1),
            parse_triple("stride", stride, least=1),
            _parse_padding(padding),
            parse_triple("dilation", dilation, least=1),
        )

    @property
    def extent(self) -> Triple:
        """Cells from the first to the last the window looks at: dilation * (kernel - 1) + 1."""
        depth, height, width = map(extent, self.kernel, self.dilation)
        return depth, height, width

    def pads(self, size: Triple) -> Sides3D:
        """Return the padding cells ((front, back), (top, bottom), (left, right)) around (D, H, W) = `size`."""
        if self.padding != "same":
            return self.padding
        depth, height, width = map(same_pads, size, self.extent, self.stride)
        return depth, height, width

    def output_size(self, size: Triple) -> Triple:
        """Return (OD, OH, OW) for a volume of (D, H, W); ShapeError, with the arithmetic, if nothing is left."""
        pads = self.pads(size)
        depth, height, width = map(places, AXES, size, pads, self.kernel, self.stride, self.dilation)
        return depth, height, width


def _parse_padding(padding: PaddingLike3D) -> Sides3D | Literal["same"]:
    if padding == "same":
        return "same"
    if isinstance(padding, str) and padding != "valid":
        raise ShapeError(f'padding {padding!r} is unknown: use "valid", "same", an int, a triple or six sides')
    sides = 0 if isinstance(padding, str) else padding
    if isinstance(sides, tuple | list) and len(sides) == 3 and all(isinstance(p, tuple | list) for p in sides):
        depth, height, width = (parse_pair(f"padding of {axis}", p) for axis, p in zip(AXES, sides, strict=True))
        return depth, height, width
    front, top, left = parse_triple("padding", sides)
    return (front, front), (top, top), (left, left)


def parse_triple(name: str, value: object, least: int = 0) -> Triple:
    """Return an int or a triple of ints as (depth, height, width); ShapeError for anything else or out of range."""
    depth, height, width = parse_ints(name, value, 3, "(depth, height, width) triple", least)
    return depth, height, width
