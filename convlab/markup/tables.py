"""Tables of text, for a terminal."""

from collections.abc import Sequence

from convlab.wording import printable

__all__ = ["table"]


def table(rows: Sequence[Sequence[str]], sides: str, *, rules: Sequence[int] = (1,)) -> list[str]:
    """Return rows of cells as lines, their columns as wide as the widest cell.

    Parameters
    ----------
    rows
        Of as many cells each as there are columns; the first has the headings.
    sides
        For each column "<", to the left, or ">", to the right; the last one counts for the rest.
    rules
        Before which rows there is a line of dashes.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = sides.ljust(len(widths), sides[-1])
    dashes = tuple("-" * width for width in widths)
    ruled = [line for i, row in enumerate(rows) for line in ([dashes, row] if i in rules else [row])]
    return [printable("  ".join(map(_placed, row, sides, widths)).rstrip()) for row in ruled]


def _placed(cell: str, side: str, width: int) -> str:
    return cell.ljust(width) if side == "<" else cell.rjust(width)
