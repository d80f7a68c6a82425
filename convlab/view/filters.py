"""The kernels of a convolution layer as pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convlab.errors import ShapeError, UnsupportedError
from convlab.layers import Layer, OneRow, TimeDistributed
from convlab.markup.mosaic import Pixels, arrange, default_columns, mosaic
from convlab.markup.scale import Scale
from convlab.model.model import Model
from convlab.runtime.arrays import Array
from convlab.view.channels import chosen
from convlab.view.figure_style import (
    BOTTOM,
    FAINT,
    HIGH,
    LEFT,
    SCREEN,
    TITLE,
    TOP,
    axes_at,
    finish,
    frame,
    heading,
    inches,
    number_rows,
    page,
    root,
    show,
    title_width,
)

MOST_FILTERS, MOST_INPUTS = 24, 32  # how much of a deep layer one page shows unless asked for more
GAP, LARGEST = 6, 160  # pixels between kernels, and most pixels across one
PANEL = 760  # pixels across a panel
UNIT = Scale("shared", np.array([-1.0]), np.array([1.0]), signed=True)


def filters(
    model: Model,
    layer: str,
    *,
    outputs: Sequence[int] | slice | None = None,
    inputs: Sequence[int] | slice | None = None,
    scale: Literal["channel", "shared"] = "channel",
    ax: Axes | None = None,
    path: str | Path | None = None,
) -> Figure:
    """Draw the kernels of a convolution layer, and return the Figure.

    A layer that sees three colours gets a panel in colour and one for each of them; a layer with one input channel
    one panel; any other a table with a row for each output channel and a column for each input channel. Kernels on
    volumes are drawn slice by slice. Blue is negative, white zero, red positive.

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
    path : optional
        Where to save it.

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
    kernel = _kernel(model, layer)
    *sides, c, o = kernel.shape
    slices = sides[0] if len(sides) == 3 else 1
    deep = c not in (1, 3) or inputs is not None or len(sides) == 3
    rows = chosen(o, slice(MOST_FILTERS) if deep and outputs is None else outputs)
    columns = chosen(c, slice(max(1, MOST_INPUTS // slices)) if deep and inputs is None else inputs)
    part, note = _scaled(kernel[..., columns, :][..., rows], scale)
    size = " × ".join(map(str, sides))
    title = f"{model.title} · {layer}: {_count(rows, o)} kernels of {size}"
    if deep:
        figure = _table(part, rows, columns, f"{title}, {_count(columns, c)} input channels", note)
    else:
        if model.preprocessing is not None and model.preprocessing.channels == "BGR":
            part = part[:, :, ::-1]
        figure = _panels(part, rows, title, note)
    return finish(figure, path, ax)


def _kernel(model: Model, layer: str) -> Array:
    """Return a layer's kernels (KH, KW, C, O) or (KD, KH, KW, C, O)."""
    kernel, inner = model[layer].weights.get("kernel"), _innermost(model[layer])
    if isinstance(inner, OneRow) and kernel is not None:
        kernel = kernel[None]
    if kernel is None or kernel.ndim not in (4, 5):
        raise UnsupportedError(f"layer {layer!r} ({model[layer].kind}) has no convolution kernels")
    return kernel.swapaxes(-1, -2) if inner.kernel_axes == "OI" else kernel


def _innermost(layer: Layer) -> Layer:
    while isinstance(layer, TimeDistributed):
        layer = layer.inner
    return layer


def _count(numbers: list[int], whole: int) -> str:
    return str(whole) if len(numbers) == whole else f"{len(numbers)} of {whole}"


def _scaled(kernel: Array, scale: str) -> tuple[Array, str]:
    """Return kernels (..., C, O) divided by their largest weight, so that they lie in -1..1, and what to say."""
    if scale not in ("channel", "shared"):
        raise ShapeError(f"scale {scale!r} is unknown for filters: use channel, shared")
    peaks = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1)) if scale == "channel" else None)
    which = "each kernel on its own scale" if scale == "channel" else f"one scale for all kernels, ±{peaks:.3g}"
    return kernel / np.where(peaks > 0, peaks, 1), f"{which}: blue negative, white 0, red positive"


def _panels(kernel: Array, rows: list[int], title: str, note: str) -> Figure:
    """Draw (KH, KW, 3 in the order RGB or 1, O) as one mosaic of O kernels for each input channel."""
    columns = default_columns(len(rows))
    zoom = _zoom(kernel, columns, -(-len(rows) // columns), PANEL)
    panels = [("", _signed(kernel[:, :, c], columns, zoom)) for c in range(kernel.shape[2])]
    if len(panels) == 3:
        names = ("on red", "on green", "on blue")
        panels = [(name, pixels) for name, (_, pixels) in zip(names, panels, strict=True)]
        panels.insert(0, ("in colour (grey is 0)", _rgb(kernel, columns, zoom)))
    across, down = inches(panels[0][1])
    wide = min(2, len(panels))
    deep = -(-len(panels) // wide)
    figure = page(max(LEFT + wide * (across + LEFT), title_width(title)), TOP + deep * (down + BOTTOM))
    figure.text(LEFT / figure.get_figwidth(), 1 - 0.3 / figure.get_figheight(), title, **TITLE)
    figure.text(LEFT / figure.get_figwidth(), 1 - 0.48 / figure.get_figheight(), note, fontsize=8, color=FAINT)
    for number, (name, pixels) in enumerate(panels):
        row, column = divmod(number, wide)
        ax = axes_at(figure, LEFT + column * (across + LEFT), TOP + row * (down + BOTTOM) + 0.2, across, down)
        show(ax, pixels)
        ax.set_title(name, fontsize=8, color=FAINT, loc="left", pad=3)
        number_rows(ax, rows[::columns], (pixels.shape[0] + GAP) / -(-len(rows) // columns))
    return figure


def _table(kernel: Array, rows: list[int], columns: list[int], title: str, note: str) -> Figure:
    """Draw (KH, KW, C, O) with a row for each output channel and a column for each input channel.

    Of (KD, KH, KW, C, O) each slice has a column.
    """
    *depth, kh, kw, c, o = kernel.shape
    slices = depth[0] if depth else 1
    # (KD, KH, KW, C, O) -> (KH, KW, O, C, KD), a tile for each of the last three
    tiles = np.moveaxis(kernel.reshape(slices, kh, kw, c, o), 0, 4).transpose(0, 1, 3, 2, 4).reshape(kh, kw, -1)
    pixels = _signed(tiles, c * slices, _zoom(tiles, c * slices, o, SCREEN))
    ax = frame(pixels, title)
    show(ax, pixels)
    across = (pixels.shape[1] + GAP) / (c * slices)
    number_rows(ax, rows, (pixels.shape[0] + GAP) / o)
    if depth:
        _number_slices(ax, columns, slices, across)
        note += ", slice by slice"
    else:
        ax.set_xticks([(i + 0.5) * across for i in range(c)], map(str, columns))
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


def _zoom(kernel: Array, columns: int, rows: int, width: int) -> int:
    """Return the pixels along a weight that make a mosaic about `width` pixels wide, or as high as fits."""
    kh, kw = kernel.shape[:2]
    tile = min(LARGEST, width // columns, HIGH // rows) - GAP
    return max(2, tile // max(int(kh), int(kw)))


def _signed(kernels: Array, columns: int, zoom: int) -> Pixels:
    """Return kernels (KH, KW, n), which lie in -1..1, as a mosaic."""
    return mosaic(kernels, columns, zoom=zoom, gap=GAP, scale=UNIT, colors="auto")


def _rgb(kernel: Array, columns: int, zoom: int) -> Pixels:
    """Return (KH, KW, 3, O), which lies in -1..1, as O tiles in colour, zero in the middle."""
    tiles = UNIT.levels(kernel).transpose(3, 0, 1, 2).repeat(zoom, axis=1).repeat(zoom, axis=2)
    return arrange(tiles, columns, GAP)
