"""Who is judged: a function here, or one of a file, in a process of its own."""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from convlab.bench.process import Remote
from convlab.errors import FileError, UnsupportedError
from convlab.judging.asking import Asked, ask
from convlab.judging.question import Question
from convlab.wording import unknown

Ask = Callable[[Question, Question], Asked]

SIGNATURE = "conv(x, w, bias=None, *, stride, padding, dilation, groups)"
SECONDS = 60.0
"""How long two calls on a small convolution may take in a process of its own, with all that is compiled there."""


class Candidate:
    """A function that takes what a convolution takes."""

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        if not callable(function):
            raise UnsupportedError(f"{name} is a {type(function).__name__}, expected a function {SIGNATURE}")
        _check_signature(function, name)
        self._function = function

    def ready(self) -> None:
        """Do nothing: who is asked this in a process of its own is there."""

    def ask(self, first: Question, second: Question) -> Asked:
        """Call it twice."""
        return ask(self._function, first, second)


def _check_signature(function: Callable[..., Any], name: str) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of what is compiled, nothing is known
        return
    try:
        signature.bind(None, None, None, stride=None, padding=None, dilation=None, groups=None)
    except TypeError as error:
        raise UnsupportedError(f"{name}{signature} is not to be called as {SIGNATURE}: {error}") from None


def from_file(path: str, name: str) -> Candidate:
    """Return the function of that name in a file, to be asked."""
    return Candidate(function_of(path, name), name)


def function_of(path: str, name: str) -> Callable[..., Any]:
    """Run a file of Python, and return what has that name in it."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(Path(path).parent))  # as Python does for a file that it runs
    sys.modules.setdefault(spec.name, module)
    spec.loader.exec_module(module)
    if not hasattr(module, name):
        there = [known for known, value in vars(module).items() if inspect.isfunction(value)]
        raise UnsupportedError(unknown("function", name, there) if there else f"no function {name!r}")
    function: Callable[..., Any] = getattr(module, name)
    return function


@contextmanager
def asking(source: Callable[..., Any] | str | Path, name: str) -> Iterator[Ask]:
    """Give what asks a function, or that of a file, which ends with the block."""
    if not isinstance(source, str | Path):
        yield Candidate(source, getattr(source, "__name__", type(source).__name__)).ask
        return
    path = Path(source).resolve()
    if not path.is_file():
        raise FileError(f"{source}: there is no such file")
    if path.suffix != ".py":
        raise UnsupportedError(f"{source}: expected a file of Python, *.py")
    with Remote(from_file, str(path), name) as remote:
        remote.limit = SECONDS
        try:
            remote.call("ready")
        except UnsupportedError as error:  # of the file, before any convolution
            raise UnsupportedError(f"{source}: {error}") from None
        yield partial(remote.call, "ask")
