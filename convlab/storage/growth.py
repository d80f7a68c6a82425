"""The growth of a file in memory, and its limit: compression makes a gigabyte of zeros a megabyte."""

from pathlib import Path

from convlab.errors import WeightsError

__all__ = ["RATIO", "check_growth", "most"]

RATIO = 100  # weights shrink to 0.9 of their size, activations with their zeros to a fifth
FLOOR = 16 << 20  # bytes; what is smaller does no harm at any ratio


def most(stored: int) -> int:
    """Return how many bytes may be unpacked from so many."""
    return max(FLOOR, RATIO * stored)


def check_growth(path: Path, count: int, what: str) -> None:
    """Refuse to read `count` bytes, called `what`, out of a file that is far too small for them.

    Raises
    ------
    WeightsError
        If that is more than 100 times the file's size, and more than 16 MiB.
    """
    size = path.stat().st_size
    if count > most(size):
        raise WeightsError(
            f"{path}: {what} would take {count:,} bytes, out of a file of {size:,}; expected at most {most(size):,}"
            f" ({RATIO} times as many): if it is no bomb, save it without compression"
        )
