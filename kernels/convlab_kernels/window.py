"""The sliding window: what it is, where it may stand, and how many places that makes.

What holds along each axis, the formula for the output size above all, is in `axis`.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from html import escape
from numbers import Integral
from typing import Any, Literal, TypeGuard

from convlab_kernels.axis import FORMULA, LARGEST, Axis, Pair, extent, places, same_pads
from convlab_kernels.errors import ShapeError

__all__ = ["PaddingLike", "Pair", "Sides", "Window", "WindowWalk", "parse_ints", "parse_pair"]

Sides = tuple[Pair, Pair]  # ((top, bottom), (left, right))
PaddingLike = int | Pair | Sides | Literal["valid", "same"]


@dataclass(frozen=True)
class Window:
    """A kernel's footprint and its walk over an image, every pair in (height, width) order.

    Attributes
    ----------
    kernel, stride, dilation
        Cells; all at least 1. A dilated window looks at every `dilation`-th cell.
    padding
        Cells added on the four sides, ((top, bottom), (left, right)), or "same": as many as make
        ceil(size / stride) places, the odd one at the bottom and at the right. A crop is a negative padding, which
        `parse` does not read.
    """

    kernel: Pair
    stride: Pair = (1, 1)
    padding: Sides | Literal["same"] = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)

    def __post_init__(self) -> None:
        _check_pairs("kernel", self.kernel)
        _check_pairs("stride", self.stride)
        _check_pairs("dilation", self.dilation)
        if self.padding != "same":
            _check_pairs("padding", self.padding)
            _check_pairs("padding", *self.padding)

    @classmethod
    def parse(
        cls,
        kernel: int | Pair,
        stride: int | Pair = 1,
        padding: PaddingLike = 0,
        dilation: int | Pair = 1,
    ) -> "Window":
        """Read every spelling a caller may use; raise ShapeError for one that has no meaning."""
        return cls(
            parse_pair("kernel", kernel, least=1),
            parse_pair("stride", stride, least=1),
            _parse_padding(padding),
            parse_pair("dilation", dilation, least=1),
        )

    @property
    def extent(self) -> Pair:
        """Cells from the first to the last the window looks at: dilation * (kernel - 1) + 1."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        return extent(kh, dh), extent(kw, dw)

    def pads(self, size: Pair) -> Sides:
        """Return the padding cells ((top, bottom), (left, right)) around an image of (H, W) = `size`."""
        if self.padding != "same":
            return self.padding
        (sh, sw), (eh, ew) = self.stride, self.extent
        return same_pads(size[0], eh, sh), same_pads(size[1], ew, sw)

    def output_size(self, size: Pair) -> Pair:
        """Return (OH, OW) for an image of (H, W) = `size`; ShapeError, with the arithmetic, if nothing is left."""
        return _output_size(self, size)

    def explain(self, size: int | Pair) -> "WindowWalk":
        """Return how it walks over an image of (H, W) = `size`, which prints itself with the arithmetic.

        ShapeError where it has no place.
        """
        cells = parse_pair("size", size, least=1)
        height, width = map(
            Axis, ("height", "width"), cells, self.pads(cells), self.kernel, self.stride, self.dilation
        )
        return WindowWalk(self, height, width)


@dataclass(frozen=True, repr=False)
class WindowWalk:
    """A window's walk over an image, axis by axis; it shows itself as the arithmetic in words and numbers."""

    window: Window
    height: Axis
    width: Axis

    @property
    def headline(self) -> str:
        """Input, window and output in one line."""
        height, width, window = self.height, self.width, self.window
        told = [f"input {height.size} x {width.size}", f"window {height.kernel} x {width.kernel}"]
        told += [f"stride {_either(*window.stride)}"] if max(window.stride) > 1 else []
        told += [f"dilation {_either(*window.dilation)}"] if max(window.dilation) > 1 else []
        told += [f"padding {_sides(height.pads, width.pads)}"] if any((*height.pads, *width.pads)) else []
        return f"{', '.join(told)}: output {height.places} x {width.places}"

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON."""
        return {axis.side: axis.as_dict() for axis in (self.height, self.width)}

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"

    def __str__(self) -> str:
        head = [self.headline, f"  {FORMULA}"]
        if replace(self.height, side="width") == self.width:
            return "\n".join([*head, *self.height.lines])
        return "\n".join([*head, "height", *self.height.lines, "width", *self.width.lines])


def _check_pairs(name: str, *values: object) -> None:
    for value in values:
        if not (isinstance(value, tuple) and len(value) == 2):
            raise ShapeError(f"Window: {name} holds {value!r}, expected a pair: Window.parse takes an int, too")


@lru_cache(maxsize=4096)  # asked for at every call of a layer
def _output_size(window: Window, size: Pair) -> Pair:
    (h, w), (kh, kw), (sh, sw), (dh, dw) = size, window.kernel, window.stride, window.dilation
    vertical, horizontal = window.pads(size)
    rows, columns = places("height", h, vertical, kh, sh, dh), places("width", w, horizontal, kw, sw, dw)
    return int(rows), int(columns)  # whoever asks next may have had no integers of NumPy


def _either(height: int, width: int) -> str:
    return str(height) if height == width else f"{height} x {width}"


def _sides(vertical: Pair, horizontal: Pair) -> str:
    if len({*vertical, *horizontal}) == 1:
        return str(vertical[0])
    return f"top {vertical[0]}, bottom {vertical[1]}, left {horizontal[0]}, right {horizontal[1]}"


def _parse_padding(padding: PaddingLike) -> Sides | Literal["same"]:
    if isinstance(padding, str):
        if padding == "valid":
            return (0, 0), (0, 0)
        if padding == "same":
            return "same"
        raise ShapeError(f'padding {padding!r} is unknown: use "valid", "same", an int, a pair or four sides')
    if isinstance(padding, tuple | list) and len(padding) == 2 and all(isinstance(p, tuple | list) for p in padding):
        vertical, horizontal = padding
        return parse_pair("padding (top, bottom)", vertical), parse_pair("padding (left, right)", horizontal)
    vertical, horizontal = parse_pair("padding", padding)
    return (vertical, vertical), (horizontal, horizontal)


def parse_pair(name: str, value: object, least: int = 0) -> Pair:
    """Return an int or a pair of ints as a (height, width) pair; ShapeError for anything else or out of range."""
    height, width = parse_ints(name, value, 2, "(height, width) pair", least)
    return height, width


def parse_ints(name: str, value: object, count: int, expected: str, least: int = 0) -> tuple[int, ...]:
    """Return an int, or `count` of them, as a tuple of so many; ShapeError, naming what is expected, for others."""
    ints = (value,) * count if _is_int(value) else tuple(value) if isinstance(value, tuple | list) else ()
    if len(ints) != count or not all(_is_int(cells) for cells in ints):
        raise ShapeError(f"{name} {value!r} is neither an int nor a {expected} of ints")
    if min(ints) < least or max(ints) > LARGEST:
        raise ShapeError(f"{name} {value!r} is out of range: at least {least}, at most {LARGEST}")
    return tuple(map(int, ints))


def _is_int(value: object) -> TypeGuard[int]:
    return isinstance(value, Integral) and not isinstance(value, bool)
