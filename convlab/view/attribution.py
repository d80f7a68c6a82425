"""Attributions as pictures: the image, the map, and the map over the image; several methods side by side."""

from collections.abc import Sequence
from typing import NamedTuple, Unpack

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convlab.attribution.mean import MeanAttribution
from convlab.attribution.result import Attribution
from convlab.errors import ShapeError, UnsupportedError
from convlab.markup.mosaic import Pixels, mosaic
from convlab.markup.scale import Scale
from convlab.runtime.arrays import Array, Shape
from convlab.view.channels import BAR, colour_bar
from convlab.view.drawing import Look, drawing
from convlab.view.figure_style import NARROW, heading, root, show
from convlab.view.picture import draw_input, picture_share, steps_down
from convlab.view.sheet import FAINT, LEFT, TOP, Edges, axes_at, page, write
from convlab.wording import counted

SIDE, APART = 2.3, 0.25  # inches across a picture, and between two
NAME, SPAN = 0.18, 0.2  # inches for what stands over a picture, and below it
COLUMNS = 5
PALE = 160  # of 255
OWN = "each on its own scale: 0 is dark or white, blue is against, red for"
MOST = 99  # percent of the values lie within the colours: one pixel of many would leave all others pale


class Drawn(NamedTuple):
    """A map (H, W) at the pixels of the image, and the scale of its colours."""

    values: Array
    measure: Scale

    @property
    def span(self) -> str:
        """What to write of the scale, and of what lies beyond it."""
        reach, most = self.measure.high[0], np.abs(self.values).max()
        ends = f"−{reach:.3g} to {reach:.3g}" if self.measure.signed else f"0 to {reach:.3g}"
        return ends if most <= reach else f"{ends}, at most {most:.3g}"


@drawing
def attribution(
    result: Attribution,
    *,
    image: int = 0,
    alpha: float = 0.8,
    cmap: str = "auto",
    colorbar: bool = True,
    ax: Axes | None = None,
    **look: Unpack[Look],
) -> Figure:
    """Draw an attribution beside its image and over it, and return the Figure.

    The map is drawn at the image's pixels (`Attribution.at_pixels`). Zero keeps its place: white between red, which
    speaks for the number, and blue, or the dark end where nothing is negative. The colours end where 99 % of the
    values do, and both this and the largest value are written below. Over the image a value hides the more, the
    larger it is.

    Parameters
    ----------
    result : Attribution
    image : int
        Which image of the batch.
    alpha : float
        How much of the image the largest value hides, 0 to 1.
    cmap : str
        A Matplotlib colormap's name; "auto" for one that suits the sign of the values.
    colorbar : bool
        Whether to draw what the colours mean beside the map.
    ax : Axes, optional
        Where to paste the figure.

    Raises
    ------
    ShapeError
        For an image or a colormap that is not there.
    UnsupportedError
        For an attribution to what has no places in an image.
    """
    _check(result, image, alpha)
    drawn = at_pixels(result, image)
    under, plain, over = _frames(["the input", result.method, "over it"], _shape(result), 3, BAR)
    draw_input(under, result.acts, image, result.source)
    show(plain, coloured(drawn, cmap))
    plain.set_aspect(under.get_aspect())
    lay_over(over, result, drawn, image, alpha, cmap)
    if colorbar:
        colour_bar(over, drawn.measure, cmap)
    write_below(plain, drawn.span)
    heading(under, _title(result, image), f"by {result.layer}: {result.told}")
    return root(under)


@drawing
def attributions(
    results: Sequence[Attribution],
    *,
    image: int = 0,
    alpha: float = 0.8,
    cmap: str = "auto",
    ax: Axes | None = None,
    **look: Unpack[Look],
) -> Figure:
    """Draw several attributions of one image over it, side by side, each with colours of its own.

    As `plot.attribution` draws each; they may be of several methods, classes, layers or networks.

    Parameters
    ----------
    results : sequence of Attribution
    image, alpha, cmap, ax
        As of `plot.attribution`.

    Raises
    ------
    ShapeError
        For no attributions, or an image or a colormap that is not there.
    UnsupportedError
        For an attribution to what has no places in an image.
    """
    if not results:
        raise ShapeError("attributions: found none, expected at least one")
    for result in results:
        _check(result, image, alpha)
    drawn = [at_pixels(result, image) for result in results]
    targets = {result.target for result in results}
    names = ["the input", *(one.method if len(targets) == 1 else f"{one.method}: {one.target}" for one in results)]
    under, *frames = _frames(names, _shape(results[0]), COLUMNS)
    draw_input(under, results[0].acts, image, results[0].source)
    for ax_of, result, each in zip(frames, results, drawn, strict=True):
        lay_over(ax_of, result, each, image, alpha, cmap)
        write_below(ax_of, each.span)
    heading(under, _title(results[0], image, " and others" if len(targets) > 1 else ""), OWN)
    return root(under)


def _check(result: Attribution, image: int, alpha: float) -> None:
    if not isinstance(result, Attribution):
        raise UnsupportedError(
            f"attribution: expected an Attribution, found {type(result).__name__}: convlab.attribution.grad_cam(...)"
            " makes one"
        )
    if not -result.acts.images <= image < result.acts.images:
        raise ShapeError(f"attribution: image {image} of a batch of {result.acts.images} does not exist")
    check_alpha(alpha)


def check_alpha(alpha: float) -> None:
    """Refuse what is no share."""
    if not 0 <= alpha <= 1:
        raise ShapeError(f"attribution: alpha is {alpha}, expected 0 to 1")


def at_pixels(result: Attribution, image: int) -> Drawn:
    """Return the map of one image at its pixels, and colours that end where most of its values do."""
    values = result.at_pixels()[image]
    if len(_shape(result)) == 2 and not steps_down(_shape(result)):
        values = values.T  # a sequence of one channel is drawn as a row
    measure = Scale.of(values[..., None], "shared")
    reach = np.percentile(np.abs(values[np.isfinite(values)]), MOST) if np.isfinite(values).any() else 0
    if reach > 0:
        high = np.array([reach])
        measure = Scale("shared", -high if measure.signed else 0 * high, high, measure.signed)
    return Drawn(values, measure)


def _shape(result: Attribution) -> Shape:
    """Return the shape of the input that the map lies over."""
    return result.acts.inputs[result.source or ""].shape[1:]


def _frames(names: list[str], shape: Shape, columns: int, right: float = 0.1) -> list[Axes]:
    """Return axes on a new page for pictures of inputs of one shape, row by row, with a name over each."""
    high = SIDE * picture_share(shape)
    rows = -(-len(names) // columns)
    down = NAME + high + SPAN + APART
    across = LEFT + min(columns, len(names)) * (SIDE + APART) + right
    figure = page(max(across, NARROW), TOP + rows * down, Edges(right=right, bottom=0), shrinks=True)
    frames = []
    for i, name in enumerate(names):
        row, column = divmod(i, columns)
        left, top = LEFT + column * (SIDE + APART), TOP + row * down
        write(figure, left, top + NAME / 2, name, fontsize=7.5, color=FAINT)
        frames.append(axes_at(figure, left, top + NAME, SIDE, high))
    return frames


def coloured(drawn: Drawn, cmap: str) -> Pixels:
    """Return a map as a picture."""
    return mosaic(drawn.values[..., None], gap=0, scale=drawn.measure, colors=cmap)


def lay_over(ax: Axes, result: Attribution, drawn: Drawn, image: int, alpha: float, cmap: str) -> None:
    """Draw an image, and the map over it."""
    draw_input(ax, result.acts, image, result.source)
    strength = (np.abs(drawn.values) / max(drawn.measure.high[0], np.finfo(np.float64).tiny)).clip(0, 1)
    opaque = np.where(np.isfinite(drawn.values), alpha * strength, 1)
    veil = np.dstack([coloured(drawn, cmap), (255 * opaque).round().astype(np.uint8)])
    if drawn.measure.signed:  # both ends of the colours are dark: they are seen on a pale picture
        ax.imshow(np.full_like(veil, (255, 255, 255, PALE)), aspect=ax.get_aspect())
    ax.imshow(veil, interpolation="nearest", aspect=ax.get_aspect())


def write_below(ax: Axes, text: str) -> None:
    """Write below a picture."""
    ax.annotate(
        text, (0, 0), (0, -3), xycoords="axes fraction", textcoords="offset points", va="top", fontsize=7
    ).set_color(FAINT)


def _title(result: Attribution, image: int, more: str = "") -> str:
    batch = f", image {image} of {result.acts.images}" if result.acts.images > 1 else ""
    if isinstance(result, MeanAttribution):
        batch = f", the mean over {counted(result.count, 'picture')}"
    return f"{result.network.title} · {result.target}{more}{batch}"
