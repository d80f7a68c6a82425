"""The boundary between files that nobody vouches for and the libraries that read them.

What a library raises on damage is anyone's guess: NumPy parses a header as Python does a program, h5py speaks through
nine exceptions. Whatever it is, here it becomes one line that names the file.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from convlab.errors import ConvlabError, WeightsError
from convlab.wording import printable

__all__ = ["damage", "reason"]

LONGEST = 200  # characters of what a library said


@contextmanager
def damage(path: str | os.PathLike[str], library: str) -> Iterator[None]:
    """Turn every exception but convlab's own into a WeightsError that says what `library` found wrong with a file."""
    try:
        yield
    except ConvlabError:
        raise
    except MemoryError as error:
        raise WeightsError(f"{os.fspath(path)}: what it holds does not fit into memory") from error
    except Exception as error:
        raise WeightsError(f"{os.fspath(path)}: file is damaged ({library}: {reason(error)})") from error


def reason(error: Exception) -> str:
    """Return what an exception says as a part of one line: its words, or its name where it has none."""
    said = error.args[0] if isinstance(error, KeyError) and error.args else error  # KeyError shows it quoted
    words = printable(" ".join(str(said).split()))
    return words[:LONGEST] or type(error).__name__
