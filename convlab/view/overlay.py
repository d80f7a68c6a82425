"""A map of a layer laid over the image, every cell where its unit looks."""

from typing import Unpack

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convlab.errors import LayerNameError, ShapeError, UnsupportedError
from convlab.markup.maps import ROW, recorded_maps
from convlab.markup.mosaic import Pixels, mosaic
from convlab.markup.scale import Scale
from convlab.model.model import Model
from convlab.model.receptive_field import Field
from convlab.recording.activations import Activations
from convlab.runtime.arrays import Array
from convlab.view.channels import BAR, colour_bar
from convlab.view.drawing import Look, drawing
from convlab.view.figure_style import heading, root
from convlab.view.picture import draw_input, steps_down, table_share
from convlab.view.sheet import BOTTOM, LEFT, TOP, Edges, axes_at, page
from convlab.wording import say, unknown
from convlab_kernels.window import Pair

SIDE = 5.0  # inches across the image


@drawing
def overlay(
    acts: Activations,
    layer: str,
    channel: int | None = None,
    *,
    values: Array | None = None,
    image: int = 0,
    model: Model | None = None,
    alpha: float = 0.6,
    cmap: str = "auto",
    colorbar: bool = True,
    ax: Axes | None = None,
    **look: Unpack[Look],
) -> Figure:
    """Draw a map of a layer over the image that it was computed from, and return the Figure.

    Each cell is a rectangle of `jump` pixels, the distance between what two neighbouring units see, around the centre
    of what its own unit sees (its receptive field), cut off at the image's edge. Usually a map is stretched over the
    whole picture instead; that is right only where the rectangles happen to end with the picture. Where windows stand
    inside the image (padding "valid"), or a stride leaves a rest at the right and the bottom, the rectangles do not
    reach the edges, and a stretched map shows its values beside what caused them. Pixels that belong to no unit stay
    bare here. A unit sees more than its rectangle: how much is written above the picture.

    The colours are those of `feature_maps` with one scale; NaN and infinity are magenta, a map of zeros is hatched.

    Parameters
    ----------
    acts, layer
        A recording of a network with one input, and the name of a layer.
    channel : int
        Which channel of the layer.
    values : array (H', W')
        Instead of a channel: other numbers for the layer's cells, such as a map of `ablation_cam`.
    image : int
        Which image of the batch.
    model : Model, optional
        The network, for a recording that was opened from a file and does not know it.
    alpha : float
        How much of the image the map hides, 0 to 1.
    cmap : str
        A Matplotlib colormap's name; "auto" for one that suits the sign of the values.
    colorbar : bool
        Whether to draw what the colours mean beside the image.
    ax : Axes, optional
        Where to draw; by default on a figure of its own.

    Raises
    ------
    UnsupportedError
        For a layer whose units have no place in the image (dense and global layers), or none at an even distance
        (behind upsampling, reshaping, transposed convolution), or where nobody knows the network.
    ShapeError
        For a channel, an image or a colormap that is not there, or values of another size.
    LayerNameError
        Where the network has no such layer, or the recording lacks it.
    """
    if not 0 <= alpha <= 1:
        raise ShapeError(f"overlay: alpha is {alpha}, expected 0 to 1")
    field, size = _geometry(model or acts.network, layer)
    height, width, channels = recorded_maps(acts.input, image).shape
    share = ROW if height == 1 else height / width
    cells = _cells(acts, layer, channel, values, image, size)
    measure = Scale.of(cells[:, :, None], "shared")
    pixels = _veil(cells, measure, alpha, cmap)
    top, left = ((field.start[i] + field.end[i] - field.jump[i]) / 2 for i in (0, 1))
    bottom, right = top + size[0] * field.jump[0], left + size[1] * field.jump[1]
    if steps_down(acts.input.shape[1:]):
        height, width, pixels = width, channels, pixels.swapaxes(0, 1)
        top, bottom, left, right = left, right, -0.5, channels - 0.5
        share = table_share((height, width))
    ax = ax or _frame(share)
    draw_input(ax, acts, image)
    aspect = ax.get_aspect()
    ax.imshow(pixels, extent=(left, right, bottom, top), interpolation="nearest", aspect=aspect)
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    if cells.any() and colorbar:
        colour_bar(ax, measure, cmap)
    heading(ax, _title(acts, layer, channel, cells, image), _note(field, cells))
    return root(ax)


def _geometry(model: Model | None, layer: str) -> tuple[Field, Pair]:
    """Return what the units of a layer see, and how many there are in rows and columns."""
    if model is None:
        raise UnsupportedError(
            "overlay: a recording opened from a file does not know its network: give " + say("model=", "the network")
        )
    node = layer.removesuffix("/pre")
    if node not in model.shapes:
        raise LayerNameError(unknown("layer", layer, model.shapes))
    field = model.receptive_fields()[node]
    if field is None:
        raise UnsupportedError(f"overlay: the units of {layer!r} see all of the image: they have no place in it")
    if field == "varies":
        raise UnsupportedError(
            f"overlay: the units of {layer!r} see boxes at no even distance; take the layer before {layer!r} that"
            " resizes or reshapes"
        )
    if len(field.jump) != 2:
        raise UnsupportedError(
            f"overlay: layer {layer!r} is a volume of {model.shapes[node]}, and maps are laid over images:"
            " draw it with feature_maps"
        )
    height, width = (1, *model.shapes[node])[-3:-1]
    return field, (height, width)


def _cells(acts: Activations, layer: str, channel: int | None, values: Array | None, image: int, size: Pair) -> Array:
    """Return the map (H', W') to draw."""
    if (channel is None) == (values is None):
        either = say("channel= or values=", "a channel or values")
        raise ShapeError(f"overlay: expected either {either}, found both or neither")
    if values is not None:
        cells = np.asarray(values)
        if size not in (cells.shape, (1, *cells.shape)):
            raise ShapeError(f"overlay: values have shape {cells.shape}, but layer {layer!r} has {size} cells")
        return cells.reshape(size)
    maps = recorded_maps(acts[layer], image)
    if maps.shape[:2] != size:
        raise ShapeError(f"overlay: {layer!r} has {maps.shape[:2]} cells in the recording, {size} in the network")
    if channel not in range(maps.shape[2]):
        raise ShapeError(f"overlay: channel is {channel!r}, but layer {layer!r} has 0 to {maps.shape[2] - 1}")
    return maps[:, :, channel]


def _veil(cells: Array, measure: Scale, alpha: float, cmap: str) -> Pixels:
    """Return the cells as colours (H', W', 4); what is not finite hides all that is under it."""
    colours = mosaic(cells[:, :, None], gap=0, scale=measure, colors=cmap)
    opaque = np.where(np.isfinite(cells), round(255 * alpha), 255).astype(np.uint8)
    return np.concatenate([colours, opaque[:, :, None]], axis=2)


def _frame(share: float) -> Axes:
    """Return axes on a new page for an image, `share` times as high as wide."""
    high = SIDE * share
    figure = page(LEFT + SIDE + BAR, TOP + high + BOTTOM, Edges(right=BAR))
    return axes_at(figure, LEFT, TOP, SIDE, high)


def _title(acts: Activations, layer: str, channel: int | None, cells: Array, image: int) -> str:
    finite = cells[np.isfinite(cells)]
    span = f"{finite.min():.3g} to {finite.max():.3g}" if finite.size else "no finite value"
    which = "" if channel is None else f", channel {channel}"
    batch = f", image {image} of {acts.images}" if acts.images > 1 else ""
    return f"{acts.title} · {layer}{which}: {span}{batch}"


def _note(field: Field, cells: Array) -> str:
    jump, seen = (" × ".join(map(str, pair)) for pair in (field.jump, field.size))
    odd = int((~np.isfinite(cells)).sum())
    remark = f"  ·  {odd} values are NaN or infinite (magenta)" if odd else ""
    if not cells.any():
        remark = "  ·  zero everywhere (hatched)"
    return f"each cell {jump} pixels, in the middle of the {seen} that its unit sees{remark}"
