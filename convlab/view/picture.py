"""Pictures of a recording: the input that a network saw, and the maps of a layer."""

from math import prod

from matplotlib.axes import Axes

from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array
from convlab.view.figure_style import bare
from convlab.view.mosaic import image_maps, mosaic

VOLUMES = 5  # axes of volumes (N, D, H, W, C)
ROW = 1 / 8  # height of a picture of a single row, as a share of its width: drawn to scale it would be a line


def recorded_maps(array: Array, image: int) -> Array:
    """Return the maps (H, W, C) of one image of a recorded array (N, ...).

    One row for (N, W, C), one cell for (N, features), of a volume its middle slice; further axes are laid out under
    one another.
    """
    if array.ndim == VOLUMES:
        array = array[:, middle(array)]
    elif array.ndim > 2:
        array = array.reshape(len(array), prod(array.shape[1:-2]), *array.shape[-2:])
    return image_maps(array, image)


def middle(array: Array) -> int:
    """Return the number of the middle slice of volumes (N, D, H, W, C)."""
    return array.shape[1] // 2


def slice_note(array: Array) -> str:
    """Return what to say of the one slice that `recorded_maps` takes of a volume; nothing of what is none."""
    return f"slice {middle(array)}" if array.ndim == VOLUMES else ""


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
