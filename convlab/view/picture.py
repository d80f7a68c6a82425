"""The input that a network saw, as a picture."""

import numpy as np
from matplotlib.axes import Axes

from convlab.markup.maps import ROW, recorded_maps
from convlab.markup.mosaic import mosaic
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array, Shape
from convlab.view.figure_style import bare

LONGEST = 2  # of a table: how many times as high as wide, or as wide as high


def steps_down(shape: Shape) -> bool:
    """Whether an input of that shape, without the batch, is a sequence drawn as a table: its steps are rows."""
    return len(shape) == 2 and shape[-1] > 1


def table_share(shape: Shape) -> float:
    """Return the height of such a table as a share of its width: no squares where it would be a line."""
    return float(np.clip(shape[0] / shape[1], 1 / LONGEST, LONGEST))


def picture_share(shape: Shape) -> float:
    """Return the height of an input's picture as a share of its width, as `draw_input` draws one of that shape."""
    if steps_down(shape):
        return table_share(shape)
    return ROW if len(shape) == 2 or shape[0] == 1 else shape[0] / shape[1]


def draw_input(ax: Axes, acts: Activations, image: int, name: str | None = None) -> None:
    """Show an image of the batch as it was before preprocessing; of what was no picture, the first channel.

    Of a volume its middle slice; a sequence (W, C) of several channels is a table, each step a row (`steps_down`). Of
    several inputs the one of that name, by default the first that has rows and columns. A pixel (y, x) lies at those
    coordinates.
    """
    x = acts.inputs[name or next((n for n, a in acts.inputs.items() if a.ndim > 2), next(iter(acts.inputs)))]
    form = acts.preprocessing
    if form is not None and x.ndim == 4 and x.shape[-1] == len(form.channels):
        pixels = form.restore(x[[image]])[0]
        ax.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    else:
        pixels = mosaic(_one_map(x, image), colors="auto")
        ax.imshow(pixels, interpolation="nearest")
    if steps_down(x.shape[1:]):
        ax.set_aspect("auto")
        ax.set_box_aspect(table_share(x.shape[1:]))
    elif len(pixels) == 1:
        ax.set_aspect("auto")
        ax.set_box_aspect(ROW)
    bare(ax)
    ax.set_anchor("NW")


def _one_map(x: Array, image: int) -> Array:
    """Return what to draw of one image of an input (N, ...) that is no picture, as (H, W, 1)."""
    maps = recorded_maps(x, image)
    if x.ndim == 2:
        return maps.reshape(-1, 1, 1)
    return maps[0, :, :, None] if steps_down(x.shape[1:]) else maps[:, :, :1]
