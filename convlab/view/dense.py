"""The strongest units of a dense layer as bars."""

from typing import Unpack

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convlab.errors import ShapeError
from convlab.markup.maps import image_maps
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array
from convlab.view.drawing import Look, drawing
from convlab.view.figure_style import bare, heading, root
from convlab.view.sheet import FAINT, INK, RIGHT, TOP, Edges, axes_at, page

STRONG, WEAK = "#3b6ea8", "#c3cdd9"
NAMES, BARS = 1.6, 4.6  # inches


@drawing
def dense(
    acts: Activations,
    layer: str,
    k: int = 10,
    *,
    image: int = 0,
    ax: Axes | None = None,
    **look: Unpack[Look],
) -> Figure:
    """Draw the units of a layer (N, features) with the largest values, best first, and return the Figure.

    Where a layer is as wide as the network's output its bars carry the labels, elsewhere their numbers.

    Parameters
    ----------
    acts, layer
        A recording, and the name of a layer in it.
    k : int
        How many units, at most.
    image : int
        Which image of the batch.
    ax : Axes, optional
        Where to draw; by default on a figure of its own.

    Raises
    ------
    ShapeError
        For a layer of another shape, no units, or an image that is not there.
    LayerNameError
        Where the recording has no such layer.
    """
    values = acts[layer]
    if values.ndim != 2:
        raise ShapeError(f"layer {layer!r} has shape {values.shape}, not (N, features): draw it with feature_maps")
    if k < 1:
        raise ShapeError(f"dense: k is {k}, expected at least 1")
    row = image_maps(values, image)[0, 0]
    k = min(k, len(row))
    ax = ax or _axes(k)
    bars(ax, row, strongest(row, k), acts.labels)
    batch = f", image {image} of {len(values)}" if len(values) > 1 else ""
    note = f"the {k} largest of {len(row)} values" if k < len(row) else f"all {k} values, largest first"
    heading(ax, f"{acts.title} · {layer}{batch}", note)
    return root(ax)


def _axes(k: int) -> Axes:
    height = 0.26 * k
    figure = page(NAMES + BARS + RIGHT, TOP + height + 0.15, Edges(left=NAMES, bottom=0.15))
    return axes_at(figure, NAMES, TOP, BARS, height)


def strongest(row: Array, k: int) -> Array:
    """Return the numbers of the k largest values, the largest first."""
    best: Array = np.argsort(-row, kind="stable")[:k]
    return best


def bars(ax: Axes, row: Array, order: Array, labels: tuple[str, ...] | None, size: float = 8) -> None:
    """Draw some of the values (features,) as horizontal bars, in an order; labels are theirs if there are as many."""
    names = labels if labels and len(labels) == len(row) else range(len(row))
    lengths = np.nan_to_num(row[order].astype(np.float64))
    colours = np.where(order == strongest(row, 1), STRONG, WEAK)
    ax.barh(range(len(order)), lengths, color=colours, height=0.72)
    bare(ax)
    ax.set_yticks(range(len(order)), [str(names[i]) for i in order])
    ax.tick_params(length=0, labelsize=size, labelcolor=INK)
    for i, value in enumerate(row[order]):
        offset = (3 if lengths[i] >= 0 else -3, 0)
        ax.annotate(
            f"{value:.3g}", (lengths[i], i), offset, textcoords="offset points",
            va="center", ha="left" if lengths[i] >= 0 else "right", fontsize=size - 1, color=FAINT,
        )  # fmt: skip
    ax.margins(x=0.18)
    ax.set_ylim(len(order) - 0.5, -0.5)
