"""The wording of messages and tables: who asks, unknown names, too many, what a terminal would obey."""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice

MESSAGE = 500  # characters of a message
ALL = 200  # characters up to which the names there are are listed, not those that are near
MOST = 10  # of them
NEAREST = 5  # of more
NEAR = 0.4  # how like what was asked for a name must be
COMPARED = 1000  # names among which the nearest are looked for: each takes a comparison letter by letter

_by_command: ContextVar[bool] = ContextVar("by_command", default=False)


@contextmanager
def asked_by_command() -> Iterator[None]:
    """Let messages that are made in the block speak to somebody who typed a command."""
    token = _by_command.set(True)
    try:
        yield
    finally:
        _by_command.reset(token)


def say(python: str, command: str) -> str:
    """Return how to ask for something, in the words of the one who asks: "span=(0, 1)" or "--span 0 1"."""
    return command if _by_command.get() else python


def listed(names: Collection[object], at_most: int = 6) -> str:
    """Return the first few of some names for a message, and how many more there are."""
    more = f" and {len(names) - at_most:,} more" if len(names) > at_most else ""
    return ", ".join(map(str, islice(names, at_most))) + more


def counted(count: int, one: str, several: str = "") -> str:
    """Return how many there are of a thing: "1 picture", "1,000 pictures"."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def unknown(kind: str, name: object, names: Collection[str]) -> str:
    """Return one line for an unknown name: the nearest one, then all there are, or those of many that are near."""
    near = nearest(str(name), names)
    guess = f"did you mean {near[0]!r}? " if near else ""
    if len(", ".join(islice(names, ALL))) <= ALL:
        there = f"available: {listed(names, MOST)}"
    else:
        there = f"the nearest of {len(names):,}: {', '.join(near)}" if near else f"available: {listed(names)}"
    return f"no {kind} {shortened(repr(name), ALL)}; {guess}{there}"


def nearest(name: str, names: Collection[str]) -> list[str]:
    """Return the few names that are most like one, the likest first: in their parts, then in their letters.

    Parts are words and numbers: "conv1_conv" has those of "conv1" and no others, while "conv1_bn" has one more.
    """
    from difflib import SequenceMatcher

    wanted = name.lower()[:ALL]
    parts, letters = _parts(wanted), SequenceMatcher(b=wanted, autojunk=False)
    likeness = {}
    for known in islice(names, COMPARED):
        letters.set_seq1(known.lower()[:ALL])
        others = _parts(known.lower())
        shared = len(parts & others) / max(1, len(parts | others))
        begins = 0.5 * known.lower().startswith(wanted)
        likeness[known] = (max(shared, begins, ratio := letters.ratio()), shared + begins + ratio)
    near = [known for known, (most, _) in likeness.items() if most >= NEAR]
    return sorted(near, key=lambda known: (likeness[known][1], known), reverse=True)[:NEAREST]


def _parts(name: str) -> set[str]:
    return set(re.findall(r"\d+|[^\W\d_]+", name))


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
