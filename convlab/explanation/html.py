"""The explanation of a number for a notebook: the arithmetic in tables, the strongest input channels first."""

from convlab.explanation.explained import Explained
from convlab.explanation.text import (
    CHANNELS,
    MOST_CELLS,
    decimals,
    headline,
    number,
    place_lines,
    side,
    source_name,
    sum_line,
    verdict,
)
from convlab.markup.html import Html, html_lines, html_numbers, html_table
from convlab.runtime.arrays import Array

LISTED = 12  # input channels, at most


def explanation_table(e: Explained) -> Html:
    """Return where the number is, what each of the strongest input channels adds, and the sum."""
    above = html_lines([headline(e), *place_lines(e)])
    return Html(above + (_table(e) if e.patch.size else "") + html_lines([sum_line(e), verdict(e)]))


def _table(e: Explained) -> Html:
    drawn = 1 < e.patch[:, :, 0].size <= MOST_CELLS
    strongest = e.strongest(LISTED)
    header = [side(e), *(["patch", *(["× kernel", "= products"] if e.trained else [])] if drawn else []), "adds"]
    rows = []
    for place, i in enumerate(strongest):
        arrays = _arrays(e, i, drawn and place < CHANNELS, len(header) - 2)
        rows.append([source_name(e, i), *arrays, f"{e.channel_sums[i]:+.6g}"])
    if name := e.others(strongest):
        left = e.channel_sums.sum() - e.channel_sums[strongest].sum()
        rows.append([name, *[""] * (len(header) - 2), f"{left:+.6g}"])
    return html_table([header, *rows], "<" * (len(header) - 1) + ">")


def _arrays(e: Explained, channel: int, drawn: bool, count: int) -> list[str]:
    """Return patch, kernel and products of an input channel as small tables, if they are drawn."""
    if not drawn:
        return [""] * count
    patch = _numbers(e.patch, channel)
    patch = [["pad" if e.place.padding[y, x] else text for x, text in enumerate(row)] for y, row in enumerate(patch)]
    numbers = patch, _numbers(e.kernel, channel), _numbers(e.products, channel)
    values = e.patch, e.kernel, e.products
    return [html_numbers(texts, array[:, :, channel]) for texts, array in zip(numbers[:count], values, strict=False)]


def _numbers(array: Array, channel: int) -> list[list[str]]:
    places = decimals(array)
    return [[number(float(value), places) for value in row] for row in array[:, :, channel]]
