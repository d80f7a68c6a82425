"""Compiled functions on disk: read by the next process; whatever is wrong there, the answer is right."""

import hashlib
import logging
import os
import pickle
import threading
from pathlib import Path

import numpy as np
import pytest

from convlab_kernels.cpu.runtime import jit as module
from convlab_kernels.cpu.runtime.jit import compiled, seconds_compiling
from convlab_kernels.disk_cache import cache_folder
from support.kernels.rendezvous import PATIENCE


def _twice_plus(x, y):
    return 2 * x + y


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CONVLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "_announced", False)


def run(x=3.0):
    """Call the function as a new process would, and return whether it was compiled."""
    before = seconds_compiling()
    result = compiled(_twice_plus)(x, x)
    assert result == 3 * x and type(result) is (int if isinstance(x, int) else float)
    return seconds_compiling() > before


def files():
    return sorted(cache_folder().iterdir())


def test_it_is_compiled_once_for_each_type_of_arguments():
    assert run() and not run() and len(files()) == 1
    assert run(3) and not run(3) and not run() and len(files()) == 2
    function = compiled(_twice_plus)
    before = seconds_compiling()
    for x in (1.0, 2, np.float32(3), np.float32(4)):
        assert function(x, x) == 3 * x
    assert seconds_compiling() > before and len(files()) == 3


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError()])
def test_nobody_waits_for_a_compilation_that_was_ended(error, monkeypatch):
    function = compiled(_twice_plus)

    def end(*_):
        raise error

    with monkeypatch.context() as context:
        context.setattr(function._compiler, "_compile_core", end)
        with pytest.raises(type(error)):
            function(1.0, 1.0)
    assert files() == []
    monkeypatch.setattr(module.disk_cache.time, "sleep", lambda _: pytest.fail("it waits"))
    assert function(1.0, 1.0) == 3 and run(2.0) is False


def test_the_folder_is_where_the_environment_says(tmp_path, monkeypatch):
    assert cache_folder() == tmp_path / "cache" / "kernels"
    monkeypatch.delenv("CONVLAB_CACHE")
    assert cache_folder().parts[-2:] == ("convlab", "kernels") and cache_folder().is_absolute()
    monkeypatch.setenv("CONVLAB_CACHE", "")
    assert cache_folder().parts[-2:] == ("convlab", "kernels")


def flipped(content, at):
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def signed(content):
    return hashlib.sha256(content).digest() + content


DAMAGE = {
    "empty": lambda content: b"",
    "shorter than a hash": lambda content: content[:20],
    "truncated": lambda content: content[:-1],
    "half": lambda content: content[: len(content) // 2],
    "longer": lambda content: content + b"\0",
    "a byte of the hash": lambda content: flipped(content, 5),
    "the first byte": lambda content: flipped(content, 32),
    "a byte of the code": lambda content: flipped(content, len(content) // 2),
    "the last byte": lambda content: flipped(content, len(content) - 1),
    "garbage": lambda content: bytes(range(256)) * 40,
    "no pickle": lambda content: signed(b"garbage"),
    "another pickle": lambda content: signed(pickle.dumps((1, 2, 3))),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_written_again(damage):
    assert run()
    (path,) = files()
    whole = path.read_bytes()
    path.write_bytes(DAMAGE[damage](whole))
    assert path.read_bytes() != whole
    assert run(), "the damaged file was used"
    assert files() == [path] and not run()


def test_a_folder_in_place_of_the_file():
    assert run()
    (path,) = files()
    path.unlink()
    (path / "full").mkdir(parents=True)
    assert run() and run()
    assert files() == [path], "something is left over"


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "cache").write_text("a file")
    assert run() and run()
    assert (tmp_path / "cache").read_text() == "a file"


def test_a_read_only_folder(tmp_path):
    folder = tmp_path / "cache" / "kernels"
    folder.mkdir(parents=True)
    folder.chmod(0o500)
    try:
        if os.access(folder, os.W_OK):
            pytest.skip("this user may write everywhere")
        assert run() and run()
        assert not files()
    finally:
        folder.chmod(0o700)


@pytest.mark.parametrize("step", ["mkdir", "replace"])
def test_a_disk_that_cannot_be_written_to(step, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(Path, step, refuse)
    assert run() and run()
    assert not cache_folder().exists() or not files()


def test_a_user_without_a_home(tmp_path, monkeypatch):
    pwd = pytest.importorskip("pwd", reason="homes are found otherwise on this system")

    def unknown(number):
        raise KeyError(number)

    for name in ("CONVLAB_CACHE", "HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.chdir(tmp_path)
    assert run()
    assert not list(tmp_path.iterdir()), "a folder in the current folder"


def records(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]


def test_the_first_compilation_is_told_once(caplog, monkeypatch):
    caplog.set_level(logging.INFO, "convlab")
    assert run() and run(3)
    assert records(caplog) == [f"compiling kernels for this processor, once: they are kept in {cache_folder()}"]
    monkeypatch.setattr(module, "_announced", False)
    assert not run() and not run(3)
    assert len(records(caplog)) == 1


def test_failures_are_told_to_those_who_debug_only(caplog, tmp_path):
    caplog.set_level(logging.DEBUG, "convlab")
    (tmp_path / "cache").write_text("a file")
    assert run()
    assert len(records(caplog)) == 1
    told = [
        record.getMessage()
        for record in caplog.records
        if record.levelno == logging.DEBUG and record.name == "convlab"
    ]
    assert [message.split(":")[0] for message in told] == [
        f"compiled {__name__}._twice_plus cannot be read again",
        f"compiled {__name__}._twice_plus is not kept",
    ]


SOURCES = "a.py", "cpu/b.py", "cpu/runtime/jit.py", "cpu/notes.txt"


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A folder of sources in place of the real one; called, it returns the hash of them."""
    folder = tmp_path / "sources"
    (folder / "cpu" / "runtime").mkdir(parents=True)
    for name in SOURCES:
        (folder / name).write_text(f"# {name}\n")
    monkeypatch.setattr(module, "__file__", str(folder / "cpu" / "runtime" / "jit.py"))

    def hashed():
        module._sources.cache_clear()
        return module._sources()

    yield folder, hashed
    module._sources.cache_clear()


@pytest.mark.parametrize("name", SOURCES[:3])
def test_a_change_of_any_source_changes_the_key(name, sources):
    folder, hashed = sources
    before = hashed()
    assert run() and not run()
    (folder / name).write_text(f"# {name}!\n")
    assert hashed() != before
    assert run() and not run() and len(files()) == 2
    (folder / name).write_text(f"# {name}\n")
    assert hashed() == before and not run()


def test_a_new_source_changes_the_key_and_another_file_does_not(sources):
    folder, hashed = sources
    before = hashed()
    (folder / "cpu" / "notes.txt").write_text("changed")
    assert hashed() == before
    (folder / "cpu" / "c.py").write_text("# new\n")
    assert hashed() != before


@pytest.mark.parametrize(("library", "attribute"), [("numba", "__version__"), ("platform", "python_version")])
def test_another_compiler_changes_the_key(library, attribute, sources, monkeypatch):
    _, hashed = sources
    before = hashed()
    monkeypatch.setattr(getattr(module, library), attribute, "0.1" if library == "numba" else lambda: "3.99.0")
    assert hashed() != before


def test_kernels_are_made_from_the_sources_that_are_hashed():
    package = Path(module.__file__).parents[2]
    names = ["window", "minimal_filters", "cpu/winograd", "cpu/winograd_transforms", "cpu/indirect_gemm"]
    names += ["cpu/runtime/micro_kernel", "cpu/runtime/simd"]
    assert all((package / f"{name}.py").is_file() for name in names)


def test_the_key_holds_the_processor(monkeypatch):
    function = compiled(_twice_plus)
    before = function._cache._file("signature", _Processor("+avx2"))
    assert before == function._cache._file("signature", _Processor("+avx2"))
    assert before != function._cache._file("signature", _Processor("+avx512f"))
    assert before != function._cache._file("another", _Processor("+avx2"))


class _Processor:
    def __init__(self, features):
        self.features = features

    def magic_tuple(self):
        return "x86_64-unknown-linux-gnu", "generic", self.features


def test_seconds_are_counted_once_where_one_function_calls_another(monkeypatch):
    ticks = iter(range(100))
    monkeypatch.setattr(module.time, "perf_counter", lambda: float(next(ticks)))
    outer, inner = compiled(_twice_plus)._cache, compiled(_twice_plus)._cache
    before = seconds_compiling()
    context, result = _Context(), _Result()
    outer.load_overload("outer", context)  # 0
    inner.load_overload("inner", context)  # 1
    inner.save_overload("inner", result)  # 2
    outer.save_overload("outer", result)  # 3
    assert seconds_compiling() - before == 3


class _Context:
    def refresh(self):
        pass

    def codegen(self):
        return _Processor("+avx2")


class _Result:
    class library:  # noqa: N801
        codegen = _Processor("+avx2")

    def _reduce(self):
        return ()


def test_many_threads_call_at_once():
    function, begin, results = compiled(_twice_plus), threading.Barrier(6), []

    def call(x):
        begin.wait(PATIENCE)
        results.append(function(x, x) == 3 * x)

    callers = [threading.Thread(target=call, args=(float(x),)) for x in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(PATIENCE)
    assert results == [True] * 6
    assert len(files()) == 1
