"""The input that a network saw, as a picture."""

from matplotlib.axes import Axes

from convlab.markup.maps import ROW, recorded_maps
from convlab.markup.mosaic import mosaic
from convlab.recording.activations import Activations
from convlab.view.figure_style import bare


def draw_input(ax: Axes, acts: Activations, image: int, name: str | None = None) -> None:
    """Show an image of the batch as it was before preprocessing; of what was no picture, the first channel.

    Of a volume its middle slice. Of several inputs the one of that name, by default the first that has rows and
    columns. A pixel (y, x) lies at those coordinates.
    """
    x = acts.inputs[name or next((n for n, a in acts.inputs.items() if a.ndim > 2), next(iter(acts.inputs)))]
    form = acts.preprocessing
    if form is not None and x.ndim == 4 and x.shape[-1] == len(form.channels):
        pixels = form.restore(x[[image]])[0]
        ax.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    else:
        maps = recorded_maps(x, image)
        pixels = mosaic(maps[:, :, :1] if x.ndim > 2 else maps.reshape(-1, 1, 1), colors="auto")
        ax.imshow(pixels, interpolation="nearest")
    if len(pixels) == 1:
        ax.set_aspect("auto")
        ax.set_box_aspect(ROW)
    bare(ax)
    ax.set_anchor("NW")
