"""The wording of names in messages and tables: unknown ones, too many, what a terminal would obey."""

from collections.abc import Collection
from itertools import islice

MESSAGE = 500  # characters of a message
ALL = 200  # characters up to which every name there is is listed
NEAREST = 5  # of more than that
COMPARED = 1000  # names among which the nearest are looked for: each takes a comparison letter by letter


def listed(names: Collection[object], at_most: int = 6) -> str:
    """Return the first few of some names for a message, and how many more there are."""
    more = f" and {len(names) - at_most:,} more" if len(names) > at_most else ""
    return ", ".join(map(str, islice(names, at_most))) + more


def unknown(kind: str, name: object, names: Collection[str]) -> str:
    """Return one line for an unknown name: the nearest one, then all there are, or those of many that are near."""
    from difflib import get_close_matches

    lower = {known.lower(): known for known in islice(names, COMPARED)}
    wanted = str(name).lower()[:ALL]
    near = [lower[key] for key in get_close_matches(wanted, lower, n=NEAREST, cutoff=0.4)]
    guess = f"did you mean {near[0]!r}? " if near else ""
    every = ", ".join(islice(names, ALL))
    if len(every) <= ALL:
        there = f"available: {every}"
    else:
        there = f"the nearest of {len(names):,}: {', '.join(near)}" if near else f"available: {listed(names)}"
    return f"no {kind} {shortened(repr(name), ALL)}; {guess}{there}"


def shortened(text: str, at_most: int = MESSAGE) -> str:
    """Return a text with its middle cut out where it is too long: what is wrong stands first, what to do last."""
    if len(text) <= at_most:
        return text
    mark = f" ... ({len(text):,} characters) ... "
    end = (at_most - len(mark)) // 3
    return text[: at_most - len(mark) - end] + mark + text[-end:]


def printable(text: str) -> str:
    r"""Return a text with all that is no sign on paper as Python writes it: "\x1b", "\n", "\u202e", "\udcff".

    A terminal obeys such characters, as escapes, ends of lines and text from right to left, or cannot encode them, as
    the halves of pairs that stand for bytes of a name that is not UTF-8.
    """
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def printable_lines(text: str) -> str:
    """Return a text of several lines with all else that is no sign on paper as Python writes it."""
    return "\n".join(map(printable, text.split("\n")))
