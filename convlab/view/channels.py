"""Channels on a page: which are asked for, how they are listed, what their colours mean."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from convlab.errors import ShapeError
from convlab.markup.mosaic import colormap
from convlab.markup.scale import Scale
from convlab.view.sheet import FAINT

BAR = 0.9  # inches for a colour bar


def chosen(count: int, which: Sequence[int] | slice | None, what: str = "channels") -> list[int]:
    """Return the numbers that a choice means out of `count`."""
    numbers = list(range(count))
    if which is None:
        return numbers
    try:
        picked = numbers[which] if isinstance(which, slice) else [numbers[i] for i in which]
    except (TypeError, ValueError):
        raise ShapeError(f"{what} {which!r}: expected a slice or a list of numbers from 0 to {count - 1}") from None
    except IndexError:
        raise ShapeError(f"{what} {which}: there are only 0 to {count - 1}") from None
    if not picked:
        raise ShapeError(f"{what} {_spelt(which)} selects none of the {count}")
    return picked


def _spelt(which: Sequence[int] | slice) -> str:
    """Return a choice as it is written, 8:16."""
    if not isinstance(which, slice):
        return str(which)
    return ":".join("" if end is None else str(end) for end in (which.start, which.stop))


def listed(numbers: list[int]) -> str:
    """Return the first few of some numbers as text."""
    return ", ".join(map(str, numbers[:8])) + (", …" if len(numbers) > 8 else "")


def colour_bar(ax: Axes, measure: Scale, cmap: str) -> None:
    """Draw, to the right of the axes, what the colours of a scale mean: in numbers if all channels have the same."""
    shared = measure.rule == "shared"
    norm = Normalize(measure.low[0], measure.high[0]) if shared else Normalize(-1 if measure.signed else 0, 1)
    strip = ax.inset_axes((1.012, 0, 0.012, 1))
    bar = ax.figure.colorbar(ScalarMappable(norm, colormap(cmap, measure.signed)), cax=strip)
    if not shared:
        words = measure.words()
        bar.set_ticks(np.linspace(norm.vmin or 0, 1, len(words)).tolist(), labels=words)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7, labelcolor=FAINT, length=2)
