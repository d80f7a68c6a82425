"""Lines that are too long for their place are broken: at blanks, then in names, behind the signs that join parts."""

import re
from collections.abc import Callable
from functools import lru_cache

from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.textpath import text_to_path

HINTED = 1.07  # how much wider letters may become when they are fitted to pixels
LEADING = 1.25  # from one line to the next, in heights of its letters


def broken(line: str, width: float, font: FontProperties) -> list[str]:
    """Return a line as lines of at most so many inches; what fits is left whole."""

    def fits(text: str) -> bool:
        return width_of(text, font) <= width

    lines = [""]
    for word in re.findall(r"\s*\S+", line):
        if fits(lines[-1] + word):
            lines[-1] += word
            continue
        lines += [""] if lines[-1] else []
        for part in re.findall(r"[^_/.\-]+[_/.\-]*|[_/.\-]+", word.strip()):
            _add(lines, part, fits)
    return lines


def _add(lines: list[str], part: str, fits: Callable[[str], bool]) -> None:
    """Add a part of a name to the last line, or to new ones; one that is too long by itself is cut anywhere."""
    if lines[-1] and not fits(lines[-1] + part):
        lines.append("")
    for letter in [part] if fits(lines[-1] + part) else part:
        if lines[-1] and not fits(lines[-1] + letter):
            lines.append("")
        lines[-1] += letter


def width_of(line: str, font: FontProperties) -> float:
    """Return the inches across a line, whatever the dots of the page."""
    width, _, _ = text_to_path.get_text_width_height_descent(line, font, ismath=False)
    return float(width) / 72 * HINTED


def break_text(text: Text, content: str, width: float, sizes: tuple[float, ...]) -> float:
    """Write content into a text as lines of at most so many inches, and return how many inches they take down.

    The first of the sizes (points) is taken at which there is at most one line more than the content has, else the
    last one.
    """
    lines, size = _fitted(content, width, sizes, str(text.get_fontweight()))
    text.set_text("\n".join(lines))
    text.set(fontsize=size, linespacing=LEADING)
    return LEADING * size / 72 * len(lines) if content else 0.0


@lru_cache(maxsize=64)
def _fitted(content: str, width: float, sizes: tuple[float, ...], weight: str) -> tuple[list[str], float]:
    """Return the lines and their size; a page asks for the same ones at each of its drawings."""
    paragraphs = content.split("\n")
    for size in sizes:
        font = FontProperties(weight=weight, size=size)
        lines = [line for each in paragraphs for line in broken(each, width, font)]
        if len(lines) <= len(paragraphs) + 1:
            break
    return lines, size
