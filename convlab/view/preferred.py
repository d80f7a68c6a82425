"""The inputs that the units of a layer prefer, on a sheet."""

from typing import Unpack

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convlab.attribution.preferred import PreferredInputs
from convlab.markup.mosaic import DEAD, arrange, hatching
from convlab.model.nodes import has_activation
from convlab.view.drawing import Look, drawing
from convlab.view.figure_style import frame, heading, root, show
from convlab.view.tiles import Tiles
from convlab.wording import counted


@drawing
def preferred_inputs(
    found: PreferredInputs, *, columns: int | None = None, ax: Axes | None = None, **look: Unpack[Look]
) -> Figure:
    """Draw the inputs that some channels of a layer prefer, side by side, and return the Figure.

    Below each stand the channel's number and what it gave to begin with and at the end, where there is room. One that
    did not fire is hatched: its input would say nothing.

    Parameters
    ----------
    found : PreferredInputs
        What `convlab.attribution.preferred_input` returned.
    columns : int, optional
        Pictures in a row; by default a number that makes full rows, if there is one.
    ax : Axes, optional
        Where to paste the figure.
    """
    pictures = np.broadcast_to(found.pictures, (*found.images.shape[:3], 3))
    count, height, width, _ = pictures.shape
    ends = [f"{start:.3g} → {end:.3g}" for start, end in zip(found.start, found.end, strict=True)]
    tiles = Tiles((height, width, count), columns, list(found.channels), ends, names=found.names)
    shown = pictures.repeat(tiles.zoom, axis=1).repeat(tiles.zoom, axis=2)
    shown[~found.fired] = np.array(DEAD, np.uint8)[hatching(shown.shape[1:3])]
    pixels = arrange(shown, tiles.columns, tiles.gap)
    ax = frame(pixels, shrinks=True)
    show(ax, pixels)
    tiles.label(ax)
    quiet = int((~found.fired).sum())
    more = ": more steps may help" if found.rose.any() else ""
    remark = f"  ·  {quiet} did not fire (hatched){more}" if quiet else ""
    note = f"{counted(found.steps, 'step')} by {found.way}; below each {_measured(found)}{remark}"
    heading(ax, f"{found.network.title} · {found.layer}: the inputs that its channels prefer", note)
    return root(ax)


def _measured(found: PreferredInputs) -> str:
    """Return what of a channel the numbers are."""
    node = found.network.graph.until(found.layer).nodes[-1]
    number = "its mean" if len(node.output_shape) > 1 else "what it made"
    return f"{number} before the activation function" if has_activation(node.layer) else number
