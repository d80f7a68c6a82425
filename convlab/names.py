"""What to say about a name that does not exist."""

from collections.abc import Collection


def listed(names: Collection[object], at_most: int = 6) -> str:
    """Return the first few of some names for a message, and how many more there are."""
    from itertools import islice

    more = f" and {len(names) - at_most:,} more" if len(names) > at_most else ""
    return ", ".join(map(str, islice(names, at_most))) + more


def unknown(kind: str, name: object, names: Collection[str]) -> str:
    """Return one line for an unknown name: the nearest one, then all there are."""
    from difflib import get_close_matches

    lower = {known.lower(): known for known in names}
    near = get_close_matches(str(name).lower(), lower, n=1, cutoff=0.4)
    guess = f"did you mean {lower[near[0]]!r}? " if near else ""
    return f"no {kind} {name!r}; {guess}available: {', '.join(names)}"
