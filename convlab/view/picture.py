"""The picture that a network saw."""

from matplotlib.axes import Axes

from convlab.activations import Activations
from convlab.view.mosaic import mosaic
from convlab.view.paper import bare


def draw_input(ax: Axes, acts: Activations, image: int) -> None:
    """Show an image of the batch as it was before preprocessing; of what was no picture, the first channel."""
    if acts.preprocessing is not None:
        pixels = acts.preprocessing.restore(acts.input[[image]])[0]
        ax.imshow(pixels.squeeze(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    else:
        ax.imshow(mosaic(acts.input[..., :1], image=image, colors="auto"), interpolation="nearest")
    bare(ax)
    ax.set_anchor("NW")
