"""Names of files made from what others called something: a picture, a layer. Whatever that is, it stays one name."""

import unicodedata
from collections.abc import Iterable

__all__ = ["file_names"]

LONGEST = 200  # bytes of a name with its ending; file systems take 255, and a part of that is for others
FORBIDDEN = frozenset('/\\:*?"<>|')  # on one system or another
RESERVED = frozenset(["con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))])


def file_names(texts: Iterable[str], ending: str = "") -> list[str]:
    """Return a name of a file for each text, as like it as can be; a name that comes again gets a number.

    Each is one part of a path, leads nowhere, is allowed on Linux, macOS and Windows, printable, and not the same as
    another where capitals do not count.

    Parameters
    ----------
    texts
        What the files are to be called after: any text at all.
    ending
        What each name ends in, ".png".
    """
    taken: set[str] = set()
    names = []
    for text in texts:
        stem, number = _safe(text), 1
        name = _cut(stem, ending)
        while _compared(name) in taken:
            number += 1
            name = _cut(stem, f"-{number}{ending}")
        taken.add(_compared(name))
        names.append(name)
    return names


def _safe(text: str) -> str:
    """Return a text without what means something in a path: separators, dots at either end, names of devices."""
    stem = "".join("_" if _is_special(character) else character for character in text)
    inner = stem.strip(". ")
    start = len(stem) - len(stem.lstrip(". "))
    end = len(stem) - start - len(inner)
    stem = "_" * start + inner + "_" * end
    reserved = stem.split(".")[0].strip().lower() in RESERVED
    return f"_{stem}" if reserved or not stem else stem


def _is_special(character: str) -> bool:
    return character in FORBIDDEN or not character.isprintable()


def _cut(stem: str, ending: str) -> str:
    """Return the name, its stem cut between two characters to the bytes that are left for it."""
    room = LONGEST - len(ending.encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(". ") + ending


def _compared(name: str) -> str:
    """Return what a file system that ignores capitals and the spelling of accents goes by."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())
