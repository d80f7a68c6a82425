"""The kernels of a convolution layer as pictures."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Unpack

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convlab.errors import ShapeError, UnsupportedError
from convlab.layers import Layer, OneRow, TimeDistributed
from convlab.markup.mosaic import mosaic
from convlab.model.model import Model
from convlab.runtime.arrays import Array
from convlab.view.channels import chosen
from convlab.view.colour_kernels import UNIT, colour_order, draw_colours
from convlab.view.drawing import Look, drawing
from convlab.view.figure_style import HIGH, SCREEN, frame, heading, number_columns, number_rows, root, show
from convlab.view.sheet import FAINT, RIGHT
from convlab.view.tiles import Tiles

MOST_FILTERS, MOST_INPUTS = 24, 32  # how much of a deep layer one page shows unless asked for more
GAP, LARGEST = 6, 160  # pixels between kernels, and most pixels across one


class Kernels(NamedTuple):
    """The kernels (KH, KW, C, O) or (KD, KH, KW, C, O) of a layer.

    Where each sees one channel of many, C is 1, and `each` says how many kernels there are for each of how many.
    """

    values: Array
    each: str = ""


@drawing
def filters(
    model: Model,
    layer: str,
    *,
    outputs: Sequence[int] | slice | None = None,
    inputs: Sequence[int] | slice | None = None,
    scale: Literal["channel", "shared"] = "channel",
    ax: Axes | None = None,
    **look: Unpack[Look],
) -> Figure:
    """Draw the kernels of a convolution layer, and return the Figure.

    Of a layer that sees the image's three colours each kernel is shown in colour, and beside it what it has on red,
    on green and on blue (where nobody said how pictures are prepared: on channels 0, 1 and 2). Kernels that see one
    channel each stand side by side; any other layer is a table with a row for each output channel and a column for
    each input channel. Kernels on volumes are drawn slice by slice. Blue is negative, white zero, red positive.

    Parameters
    ----------
    model, layer
        A network, and the name of a layer in it.
    outputs, inputs : sequence of int or slice, optional
        Which output and input channels: `slice(8)` the first eight, `slice(-8, None)` the last. By default all of a
        layer on an image, and the first few of a deep one, as the figure says.
    scale : "channel" or "shared"
        Whether each output channel's kernel has a scale of its own, or all of them one; it is written above them.
    ax : Axes, optional
        Where to paste the figure.

    Raises
    ------
    UnsupportedError
        For a layer without convolution kernels.
    WeightsError
        For a network without weights.
    ShapeError
        For channels that are not there.
    LayerNameError
        Where the network has no such layer.
    """
    kernels = kernels_of(model, layer)
    *sides, c, o = kernels.values.shape
    order = colour_order(model, layer) if c == 3 and inputs is None and len(sides) == 2 else None
    deep = order is None and not kernels.each and (c > 1 or inputs is not None or len(sides) == 3)
    slices = sides[0] if len(sides) == 3 else 1
    rows = chosen(o, slice(MOST_FILTERS) if deep and outputs is None else outputs)
    columns = chosen(c, slice(max(1, MOST_INPUTS // slices)) if deep and inputs is None else inputs)
    part, note, ends = _scaled(kernels.values[..., columns, :][..., rows], scale)
    title = f"{model.title} · {layer}: {_count(rows, o)} kernels of {' × '.join(map(str, sides))}{kernels.each}"
    if deep:
        return _table(part, rows, columns, f"{title}, {_count(columns, c)} input channels", note)
    if order:
        return draw_colours(part, rows, ends, order, title, note)
    return _row_by_row(part[:, :, 0], rows, ends, title, note)


def kernels_of(model: Model, layer: str) -> Kernels:
    """Return a layer's kernels; of one that is made of two convolutions those of the first."""
    weights, inner = model[layer].weights, _innermost(model[layer])
    kernel = weights.get("kernel", weights.get("depthwise_kernel"))
    if isinstance(inner, OneRow) and kernel is not None:
        kernel = kernel[None]
    if kernel is None or kernel.ndim not in (4, 5):
        raise UnsupportedError(f"layer {layer!r} ({model[layer].kind}) has no convolution kernels")
    if inner.kernel_axes == "CM" or "kernel" not in weights:
        kh, kw, channels, each = kernel.shape
        then = "" if "kernel" in weights else f" (then {weights['pointwise_kernel'].shape[-1]} of 1 × 1)"
        said = f", {each if each > 1 else 'one'} for each of {channels} input channels{then}"
        return Kernels(kernel.reshape(kh, kw, 1, channels * each), said)
    return Kernels(kernel.swapaxes(-1, -2) if inner.kernel_axes == "OI" else kernel)


def _innermost(layer: Layer) -> Layer:
    while isinstance(layer, TimeDistributed):
        layer = layer.inner
    return layer


def _count(numbers: list[int], whole: int) -> str:
    return str(whole) if len(numbers) == whole else f"{len(numbers)} of {whole}"


def _scaled(kernel: Array, scale: str) -> tuple[Array, str, list[str]]:
    """Return kernels (..., C, O) divided by their largest weight, so that they lie in -1..1, and what to say.

    What to say of all, and of each.
    """
    if scale not in ("channel", "shared"):
        raise ShapeError(f"scale {scale!r} is unknown for filters: use channel, shared")
    peaks = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1)))
    ends = [f"±{peak:.2g}" for peak in peaks]
    which = "each kernel on its own scale"
    if scale == "shared":
        peaks = peaks.max()
        which, ends = f"one scale for all kernels, ±{peaks:.3g}", [""] * len(ends)
    return kernel / np.where(peaks > 0, peaks, 1), f"{which}: blue negative, white 0, red positive", ends


def _row_by_row(kernels: Array, numbers: list[int], ends: list[str], title: str, note: str) -> Figure:
    """Draw kernels (KH, KW, O) side by side."""
    tiles = Tiles(kernels.shape, None, numbers, ends, largest=LARGEST)
    pixels = mosaic(kernels, tiles.columns, zoom=tiles.zoom, gap=tiles.gap, scale=UNIT, colors="auto")
    ax = frame(pixels, shrinks=True)
    show(ax, pixels)
    tiles.label(ax)
    heading(ax, title, note)
    return root(ax)


def _table(kernel: Array, rows: list[int], columns: list[int], title: str, note: str) -> Figure:
    """Draw (KH, KW, C, O) with a row for each output channel and a column for each input channel.

    Of (KD, KH, KW, C, O) each slice has a column.
    """
    *depth, kh, kw, c, o = kernel.shape
    slices = depth[0] if depth else 1
    # (KD, KH, KW, C, O) -> (KH, KW, O, C, KD), a tile for each of the last three
    tiles = np.moveaxis(kernel.reshape(slices, kh, kw, c, o), 0, 4).transpose(0, 1, 3, 2, 4).reshape(kh, kw, -1)
    tile = min(LARGEST, SCREEN // (c * slices), HIGH // o) - GAP
    pixels = mosaic(tiles, c * slices, zoom=max(2, tile // max(kh, kw)), gap=GAP, scale=UNIT, colors="auto")
    ax = frame(pixels, right=RIGHT)
    show(ax, pixels)
    across = (pixels.shape[1] + GAP) / (c * slices)
    number_rows(ax, rows, (pixels.shape[0] + GAP) / o)
    if depth:
        _number_slices(ax, columns, slices, across)
        note += ", slice by slice"
    else:
        number_columns(ax, columns, across)
        ax.set_xlabel("input channel", fontsize=8, color=FAINT)
    ax.set_ylabel("output channel", fontsize=8, color=FAINT)
    heading(ax, title, note)
    return root(ax)


def _number_slices(ax: Axes, columns: list[int], slices: int, across: float) -> None:
    """Write the number of each slice, and under the middle one that of the channel; draw lines between channels."""
    names = [f"{k}\nchannel {column}" if k == slices // 2 else str(k) for column in columns for k in range(slices)]
    ax.set_xticks([(i + 0.5) * across for i in range(len(names))], names)
    for i in range(1, len(columns)):
        ax.axvline(i * slices * across - GAP / 2 - 0.5, color=FAINT, linewidth=0.8)
