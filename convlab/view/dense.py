"""The strongest units of a dense layer as bars."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convlab.errors import ShapeError
from convlab.markup.maps import image_maps
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array
from convlab.view.figure_style import FAINT, INK, TOP, axes_at, bare, finish, heading, page, root

STRONG, WEAK = "#3b6ea8", "#c3cdd9"


def dense(
    acts: Activations,
    layer: str,
    k: int = 10,
    *,
    image: int = 0,
    ax: Axes | None = None,
    path: str | Path | None = None,
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
    path : optional
        Where to save the figure.

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
    ax = ax or axes_at(page(6.4, TOP + 0.15 + 0.26 * k), 1.6, TOP, 4.6, 0.26 * k)
    bars(ax, row, k, acts.labels)
    batch = f", image {image} of {len(values)}" if len(values) > 1 else ""
    note = f"the {k} largest of {len(row)} values" if k < len(row) else f"all {k} values, largest first"
    heading(ax, f"{acts.title} · {layer}{batch}", note)
    return finish(root(ax), path)


def bars(ax: Axes, row: Array, k: int, labels: tuple[str, ...] | None, size: float = 8) -> None:
    """Draw the k largest of the values (features,) as horizontal bars; labels are theirs if there are as many."""
    names = labels if labels and len(labels) == len(row) else range(len(row))
    best = np.argsort(-row, kind="stable")[:k]
    lengths = np.nan_to_num(row[best].astype(np.float64))
    colours = [STRONG, *[WEAK] * (k - 1)]
    ax.barh(range(k), lengths, color=colours, height=0.72)
    bare(ax)
    ax.invert_yaxis()
    ax.set_yticks(range(k), [str(names[i]) for i in best])
    ax.tick_params(length=0, labelsize=size, labelcolor=INK)
    for i, value in enumerate(row[best]):
        offset = (3 if lengths[i] >= 0 else -3, 0)
        ax.annotate(
            f"{value:.3g}", (lengths[i], i), offset, textcoords="offset points",
            va="center", ha="left" if lengths[i] >= 0 else "right", fontsize=size - 1, color=FAINT,
        )  # fmt: skip
    ax.margins(x=0.18)
