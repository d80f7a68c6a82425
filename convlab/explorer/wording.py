"""Numbers, times and shapes as a page writes them: with a minus sign for a hyphen, and NaN as it is called."""

import re
from collections.abc import Sequence

MINUS = re.compile(r"(?<![\w)\]-])-(?=\d|inf)|(?<=\de)-(?=\d)")  # before a number or in it, and not in a name
NAN = re.compile(r"(?<=\s)nan\b")


def typeset(text: str) -> str:
    """Return a line for a terminal as a page has it."""
    return NAN.sub("NaN", MINUS.sub("\N{MINUS SIGN}", text))


def written(value: float | str, digits: int = 4) -> str:
    """Return a number with up to so many digits."""
    return typeset(f" {float(value):.{digits}g}").strip()


def written_count(count: int) -> str:
    """Return a count that may be large: "3.2 million", "61,706"."""
    if count >= 1e9:
        return f"{count / 1e9:.1f} billion"
    return f"{count / 1e6:.1f} million" if count >= 1e6 else f"{count:,}"


def written_time(seconds: float | None) -> str:
    """Return a time: "1.3 ms"; "" for none."""
    if not seconds:
        return ""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1e3:.{1 if seconds < 0.01 else 0}f} ms"


def written_shape(shape: Sequence[int]) -> str:
    """Return a shape: "28 × 28 × 6"."""
    return " × ".join(map(str, shape)) or "one number"


def short_shape(shape: Sequence[int]) -> str:
    """Return a shape in few letters: "112²×64"."""
    square = len(shape) == 3 and shape[0] == shape[1]
    return "×".join([f"{shape[0]}²", str(shape[2])] if square else map(str, shape))
