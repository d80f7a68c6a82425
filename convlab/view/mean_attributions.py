"""The mean attributions of classes: of each the mean picture, the mean map, and the map over the picture."""

from collections.abc import Mapping
from itertools import islice
from math import sqrt
from typing import Unpack

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convlab.attribution.mean import MeanAttribution
from convlab.errors import ShapeError
from convlab.view.attribution import OWN, at_pixels, check_alpha, coloured, lay_over, write_below
from convlab.view.drawing import Look, drawing
from convlab.view.figure_style import NARROW, heading, root, show
from convlab.view.picture import draw_input
from convlab.view.sheet import FAINT, LEFT, TOP, Edges, axes_at, page, write
from convlab.wording import counted

SIDE, GAP, APART = 1.4, 0.08, 0.4  # inches across a picture, between two of a class, and between two classes
NAME, SPAN = 0.18, 0.2  # inches for what stands over a class, and below it
EACH = 3  # pictures of a class
MOST = 100  # classes
LETTERS = 90  # that have room over a class


@drawing
def mean_attributions(
    means: Mapping[str, MeanAttribution],
    *,
    alpha: float = 0.8,
    cmap: str = "auto",
    ax: Axes | None = None,
    **look: Unpack[Look],
) -> Figure:
    """Draw mean attributions, such as those of the classes of a folder, and return the Figure.

    Of each the mean picture, the mean map, and the map over the picture, as `plot.attribution` draws them: each on a
    scale of its own, whose ends are written below. Of more than a hundred the first are drawn.

    Parameters
    ----------
    means : mapping of str to MeanAttribution
        `classes` of what `convlab.folder_attributions` returned.
    alpha, cmap, ax
        As of `plot.attribution`.

    Raises
    ------
    ShapeError
        For no means, or a colormap that is not there.
    UnsupportedError
        For an attribution to what has no places in an image.
    """
    if not means:
        raise ShapeError("mean_attributions: found none, expected at least one")
    check_alpha(alpha)
    shown = dict(islice(means.items(), MOST))
    drawn = [at_pixels(mean, 0) for mean in shown.values()]
    size = drawn[0].values.shape
    names = [f"{name} · {counted(mean.count, 'picture')} · {mean.target}" for name, mean in shown.items()]
    for mean, each, frames in zip(shown.values(), drawn, _frames(names, size), strict=True):
        under, plain, over = frames
        draw_input(under, mean.acts, 0)
        show(plain, coloured(each, cmap))
        lay_over(over, mean, each, 0, alpha, cmap)
        write_below(plain, each.span)
    part = f", the first {len(shown)} of {len(means)} classes" if len(shown) < len(means) else ""
    heading(
        under,
        f"{mean.network.title} · {mean.method}, the mean of each class{part}",
        f"by {mean.layer}: {mean.note}; {OWN}",
    )
    return root(under)


def _frames(names: list[str], size: tuple[int, ...]) -> list[list[Axes]]:
    """Return axes for the pictures of each class, on a new page that is about as high as wide."""
    high = SIDE * size[0] / size[1]
    wide, down = EACH * (SIDE + GAP) - GAP + APART, NAME + high + SPAN + GAP
    columns = min(len(names), max(1, round(sqrt(len(names) * down / wide))))
    rows = -(-len(names) // columns)
    figure = page(max(LEFT + columns * wide, NARROW), TOP + rows * down, Edges(right=0.1, bottom=0), shrinks=True)
    frames = []
    for i, name in enumerate(names):
        row, column = divmod(i, columns)
        left, top = LEFT + column * wide, TOP + row * down
        words = name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"
        write(figure, left, top + NAME / 2, words, fontsize=7.5, color=FAINT)
        lefts = [left + k * (SIDE + GAP) for k in range(EACH)]
        frames.append([axes_at(figure, at, top + NAME, SIDE, high) for at in lefts])
    return frames
