"""What frameworks answer: asked where they are installed, looked up in a record where they are not.

A record is a file in references/recorded for each file of tests. Where the framework is there, its answer is also
compared with the record, so that the record cannot rot; `pytest --record FILE` writes it. See references/README.md.
"""

import base64
import gzip
import hashlib
import json
import os
import re
import warnings
from collections import Counter
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "references" / "recorded"
SAMPLES = 64
DRIFT = 2.0**-15
"""How far a framework may round otherwise on another machine, relative to the largest number.

Two orders of a sum of K terms differ by about 2 sqrt(K) u, u = 2^-24 (Higham and Mary, SIAM J. Sci. Comput. 41, 2019,
theorem 2.4): 2^-15.7 for the longest one that is recorded, the 25,088 terms of VGG16's fc1, and what the 13
convolutions before it bring along is as much again. What a framework changed is larger.
"""
FRAMEWORKS = ("torch", "keras", "onnx", "onnxruntime", "tensorflow", "numba_cuda", "cupy")


@cache
def installed(library):
    """Return whether a library can be imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a framework warns of at import is not ours
        try:
            import_module(library)
        except ModuleNotFoundError:
            return False
    return True


def live(library, instead):
    """Return a library; without it, skip what calls this: `instead` is the file of tests that has records of it."""
    if not installed(library.partition(".")[0]):
        pytest.skip(f"needs {library} itself; from records: {instead}", allow_module_level=True)
    return import_module(library)


def answer(library, question, ask, ours=None):
    """Return the array that `ask()` gets from a library, or what is recorded of it without the library.

    `question` is a tuple of words, numbers, tuples, dictionaries and arrays that says all that the answer depends on.
    With `ours`, a function that computes the same with convlab, a long answer is recorded at SAMPLES places only, and
    from a record the other places are ours.
    """
    key = _key(question)
    if not installed(library):
        return _restored(_book().entry(key), ours)
    found = np.asarray(ask())
    _book().enter(key, _entry(found, sampled=ours is not None))
    return found


def answers(library, question, ask, ours=None):
    """Return the arrays by name that `ask()` gets from a library; `ours` are convlab's by the same names."""
    asked = ask() if installed(library) else None
    names = answer(library, (*question, "names"), lambda: np.array(list(asked))).tolist()

    def one(name):
        sampled = None if ours is None else lambda: ours[name]
        return answer(library, (*question, name), lambda: asked[name], sampled)

    return {name: one(name) for name in names}


def text(library, question, ask):
    """Return the text that `ask()` gets from a library. The numbers that Keras gives to names are no change of it."""
    return str(answer(library, question, ask))


def file(library, question, write, path):
    """Let a library write a file, or write the recorded one; return the path."""
    key = _key((*question, path.name))
    if installed(library):
        write(path)
        _book().enter(key, {"file": base64.b64encode(path.read_bytes()).decode()})
    else:
        path.write_bytes(base64.b64decode(_book().entry(key)["file"]))
    return path


def this_test():
    """Return words for a question that no arrays tell from others: the running test's name, and a running number."""
    name = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]
    _ASKED[name] += 1
    return f"{name.partition('::')[2]} {_ASKED[name]}"


def write_records():
    """Write the record of each file of tests that asked anything in this run: with all that it asked, and no more."""
    for book in _BOOKS.values():
        book.write()


_BOOKS, _ASKED = {}, Counter()


def _book():
    """Return the record of the file of tests that runs."""
    tests = Path(os.environ["PYTEST_CURRENT_TEST"].split("::")[0]).relative_to("tests")
    path = FOLDER / tests.with_suffix(".json.gz")
    if path not in _BOOKS:
        _BOOKS[path] = Book(path)
    return _BOOKS[path]


def _key(question):
    """Return a line that can be read, and a sum over the arrays."""
    arrays, words = hashlib.sha256(), []
    for part in question:
        if isinstance(part, np.ndarray):
            arrays.update(np.ascontiguousarray(part).tobytes())
        words.append(f"{part.dtype}{list(part.shape)}" if isinstance(part, np.ndarray) else str(part))
    return f"{' '.join(words)} {arrays.hexdigest()[:12]}"


def _places(size):
    return np.linspace(0, size - 1, min(SAMPLES, size)).astype(int)


def _entry(array, sampled):
    """Return an array as JSON can hold it. Python writes the digits that bring each number back."""
    flat = array.reshape(-1)
    flat = flat[_places(array.size)] if sampled else flat
    shortest = flat.astype(str).astype(float) if flat.dtype == np.float32 else flat  # 0.1, not 0.10000000149011612
    return {"shape": list(array.shape), "dtype": str(array.dtype), "numbers": shortest.tolist()}


def _restored(entry, ours):
    numbers = np.array(entry["numbers"], entry["dtype"])
    if ours is None:
        return numbers.reshape(entry["shape"])
    whole = np.array(ours(), entry["dtype"])
    assert list(whole.shape) == entry["shape"], f"ours is {whole.shape}, recorded is {entry['shape']}"
    whole.reshape(-1)[_places(whole.size)] = numbers
    return whole


class Book:
    """The record of one file of tests: what was recorded, and what this run has asked."""

    recording = False

    def __init__(self, path):
        self.path, self.asked = path, {}
        self.entries = json.loads(gzip.decompress(path.read_bytes())) if path.is_file() else {}

    def entry(self, key):
        """Return what is recorded."""
        assert key in self.entries, f"{self.path.name} has no answer to '{key}': pytest --record with the frameworks"
        return self.entries[key]

    def enter(self, key, entry):
        """Record an answer, or compare it with the record."""
        assert self.asked.get(key, entry) == entry, f"{key}: two answers to one question"
        self.asked[key] = entry
        if not self.recording:
            assert_same(self.entry(key), entry, key)

    def write(self):
        """Write what was asked; the same answers make the same bytes."""
        if self.asked:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            content = json.dumps(self.asked, sort_keys=True, separators=(",", ":"))
            self.path.write_bytes(gzip.compress(content.encode(), mtime=0))


def assert_same(recorded, now, key):
    """Assert that a framework still answers as it did, up to its rounding; but files have dates in them."""
    if "file" in recorded:
        return
    if recorded["dtype"].startswith("<U"):
        same = _unnumbered(recorded["numbers"]) == _unnumbered(now["numbers"])
    else:
        before, after = ((entry["shape"], entry["dtype"]) for entry in (recorded, now))
        assert before == after, f"{key}: recorded is {before}, the answer now is {after}"
        same = _same_numbers(*(np.array(entry["numbers"]) for entry in (recorded, now)))
    assert same, f"{key}: the answer is no longer the one recorded; pytest --record if the new one is right"


def _unnumbered(texts):
    return [re.sub(r"_\d+\b", "", line) for line in texts]


def _same_numbers(before, after):
    if before.dtype.kind != "f":
        return np.array_equal(before, after)
    size = np.abs(before, where=np.isfinite(before), out=np.zeros(before.shape)).max(initial=0)
    return np.allclose(after, before, rtol=0, atol=DRIFT * size, equal_nan=True)
