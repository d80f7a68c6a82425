"""Tables of HTML, for a notebook: they need nothing from outside, and say a name as it is, whatever is in it."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from io import BytesIO

import numpy as np

from convlab.markup.mosaic import Pixels
from convlab.runtime.arrays import Array
from convlab.wording import printable_lines

CELL = "padding:2px 8px;text-align:"
POSITIVE, NEGATIVE = "178,24,43", "33,102,172"  # the ends of the colours of signed maps
NUMBER = "padding:1px 5px;text-align:right;font-size:85%;background:"


class Html(str):
    """A text that is HTML already; any other is escaped."""

    __slots__ = ()


def html_table(rows: Sequence[Sequence[str]], sides: str, *, title: str = "", notes: Iterable[str] = ()) -> Html:
    """Return rows of cells as a table, with lines of text above and below.

    Parameters
    ----------
    rows
        Of as many cells each as there are columns; the first has the headings.
    sides
        For each column "<", to the left, or ">", to the right; the last one counts for the rest.
    title, notes
        What stands above the table, and below it.
    """
    places = [f"{CELL}{'left' if side == '<' else 'right'}" for side in sides.ljust(len(rows[0]), sides[-1])]
    head = _row(rows[0], places, "th")
    body = "".join(_row(row, places, "td") for row in rows[1:])
    return Html(
        f"{html_lines([title] if title else [])}<table><thead>{head}</thead><tbody>{body}</tbody></table>"
        f"{html_lines(notes)}"
    )


def html_lines(lines: Iterable[str]) -> Html:
    """Return a paragraph for each line of text."""
    return Html("".join(f"<p style='margin:4px 0'>{_said(line)}</p>" for line in lines))


def html_picture(pixels: Pixels, height: int) -> Html:
    """Return pixels as a picture so many pixels high on the page."""
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return Html(f"<img height={height} src='data:image/png;base64,{b64encode(buffer.getvalue()).decode()}'>")


def html_numbers(numbers: Sequence[Sequence[str]], values: Array) -> Html:
    """Return a small table of numbers, each on a ground as strong as its value (H, W) beside the largest."""
    shares = np.nan_to_num(values / (np.abs(values[np.isfinite(values)]).max(initial=0) or 1), posinf=1, neginf=-1)
    cells = [
        "".join(
            f"<td style='{NUMBER}{_ground(share)}'>{_said(number)}</td>" for number, share in zip(*row, strict=True)
        )
        for row in zip(numbers, shares, strict=True)
    ]
    return Html(f"<table style='margin:2px'>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>")


def _ground(share: float) -> str:
    return f"rgba({POSITIVE if share > 0 else NEGATIVE},{0.6 * abs(share):.2f})"


def _row(cells: Sequence[str], places: Sequence[str], tag: str) -> str:
    said = (f"<{tag} style='{place}'>{_said(cell)}</{tag}>" for cell, place in zip(cells, places, strict=True))
    return f"<tr>{''.join(said)}</tr>"


def _said(text: str) -> str:
    return text if isinstance(text, Html) else escape(printable_lines(text)).replace("\n", "<br>")
