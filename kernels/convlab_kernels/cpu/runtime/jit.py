"""Compiled functions, kept on disk from one process to the next.

The only file that knows how Numba keeps what it has compiled. Its own cache asks for the modification time of one
source file, while a kernel is made from several; and a damaged file of it is loaded as machine code. Here whatever is
wrong with a file (see `disk_cache`), the function is compiled again.
"""

import hashlib
import logging
import pickle
import platform
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.core.compiler import CompileResult
from numba.core.runtime import rtsys
from numba.core.serialize import dumps

from convlab_kernels import disk_cache

logger = logging.getLogger("convlab")

F = TypeVar("F", bound=Callable[..., Any])

_seconds = 0.0
_announced = False


def compiled(function: F) -> F:
    """Compile a function at its first call for each type of arguments; it runs without the interpreter's lock."""
    dispatcher: Any = numba.njit(nogil=True, boundscheck=False)(function)
    dispatcher._cache = _Cache(function)
    dispatcher._compiler.compile = dispatcher._cache.ending(dispatcher._compiler.compile)
    return cast(F, dispatcher)


def inlined(function: F) -> F:
    """Compile a function into those that call it."""
    return cast(F, numba.njit(inline="never", boundscheck=False)(function))


@inlined
def address(array: Any, index: int) -> int:
    """Return where in memory an array's number of that index lies, its dimensions taken as one."""
    return np.int64(array.ctypes.data) + index * array.itemsize


def seconds_compiling() -> float:
    """Return for how many seconds this process has compiled kernels so far."""
    return _seconds


@cache
def _sources() -> str:
    """Return a hash of all the code from which kernels are compiled, and of the compiler."""
    sha = hashlib.sha256(f"{numba.__version__} {platform.python_version()}".encode())
    package = Path(__file__).parents[2]
    for source in sorted([*package.glob("*.py"), *package.glob("cpu/**/*.py")]):
        sha.update(source.read_bytes())
    return sha.hexdigest()


@cache
def _source(module: str) -> str:
    """Return a hash of a file with compiled functions, of the project or not (FileNotFoundError: `python -c`)."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        raise FileNotFoundError(f"the module {module} has no file")
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


class _Cache:
    """What Numba asks before it compiles and tells afterwards, for one function."""

    cache_path = None

    def __init__(self, function: Callable[..., Any]) -> None:
        self.module = function.__module__
        self.name = f"{self.module}.{function.__qualname__}"
        self.began: dict[Any, tuple[float, float, ExitStack]] = {}

    def _file(self, signature: Any, codegen: Any) -> Path:
        key = f"{self.name} {signature} {codegen.magic_tuple()} {_sources()} {_source(self.module)}"
        return disk_cache.file_for(self.name.rsplit(".", 1)[1], key)

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """Return the compiled function, or None where there is none to be trusted."""
        rtsys.initialize(target_context)  # all that loaded code needs; who compiles loads all that Numba can do
        turn = ExitStack()
        found, problem = self._read(signature, target_context)
        if found is None:
            with suppress(OSError, RuntimeError):  # there is no place to keep anything
                turn = disk_cache.turn(self._file(signature, target_context.codegen()))
            found, problem = self._read(signature, target_context)  # which another process may have made meanwhile
        if found is not None:
            turn.close()
            return found
        if not isinstance(problem, FileNotFoundError):
            logger.debug("compiled %s cannot be read again: %s", self.name, problem)
        self._announce(problem)
        self.began[signature] = (time.perf_counter(), _seconds, turn)
        return None

    def _read(self, signature: Any, target_context: Any) -> tuple[Any, Exception | None]:
        """Return the compiled function from disk, or why there is none."""
        try:
            found = disk_cache.read(self._file(signature, target_context.codegen()))
            return CompileResult._rebuild(target_context, *pickle.loads(found)), None
        except Exception as error:  # whatever it is, compiling is the answer
            return None, error

    def _announce(self, problem: Exception | None) -> None:
        global _announced  # noqa: PLW0603
        if _announced:
            return
        _announced = True
        if isinstance(problem, PermissionError):
            logger.info("compiling kernels for this processor, and not keeping them: %s", problem)
            return
        try:
            place: object = disk_cache.cache_folder()
        except RuntimeError as error:
            place = f"no folder: {error}"
        logger.info("compiling kernels for this processor, once: they are kept in %s", place)

    def ending(self, compile_it: Callable[..., Any]) -> Callable[..., Any]:
        """Return Numba's `compile` so that nobody waits for one that fails, or that Ctrl-C ends: not this process."""

        def compile_or_end(*types: Any) -> Any:
            try:
                return compile_it(*types)
            except BaseException:
                for *_, turn in self.began.values():
                    turn.close()
                self.began.clear()
                raise

        return compile_or_end

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep a compiled function, if there is a place to."""
        global _seconds  # noqa: PLW0603
        began, before, turn = self.began.pop(signature)
        _seconds = before + time.perf_counter() - began  # with the functions it calls, which were compiled meanwhile
        with turn:
            try:
                disk_cache.write(self._file(signature, result.library.codegen), dumps(result._reduce()))
            except (OSError, RuntimeError) as error:
                logger.debug("compiled %s is not kept: %s", self.name, error)
