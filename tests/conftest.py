"""Fixtures that every folder of tests shares."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.register_assert_rewrite("support")  # so that its assertions say what they saw

import convlab  # noqa: E402
from convlab_kernels.cpu.runtime.threads import CORES  # noqa: E402
from support.recorded import FOLDER, FRAMEWORKS, Book, live, write_records  # noqa: E402
from support.selections import COMPILER, LIVE, SMOKE  # noqa: E402

sys.path.append(str(Path(__file__).parents[1]))  # for benchmarks; last, so that convlab is the one that is installed

os.environ.setdefault("KERAS_BACKEND", "torch")

CONCURRENT = {"support.kernels.rendezvous", "multiprocessing", "signal", "socket", "subprocess", "threading", "time"}
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


class Absent:
    """Importing a framework fails as if it were not installed."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] in FRAMEWORKS:
            raise ModuleNotFoundError(f"No module named {name!r} (pytest --light)", name=name)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the two options that references/README.md describes."""
    parser.addoption("--record", action="store_true", help="record what the frameworks answer (give whole files)")
    parser.addoption("--light", action="store_true", help=f"as if there were no {', '.join(FRAMEWORKS)}")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Share a run of all folders among a few cores; what is chosen, or recorded, is run by one process, at once."""
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.getoption("record")
    return min(CORES, 8) if whole else 0  # each has all of convlab's threads


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Iterator[Any]:
    """Let a report reach another process whatever a test has logged: pytest-xdist ends at what is no UTF-8."""
    return _encodable((yield))


def _encodable(part: Any) -> Any:
    if isinstance(part, str):
        return part.encode("utf-8", "replace").decode()
    if isinstance(part, list | tuple):
        return type(part)(map(_encodable, part))
    return {key: _encodable(value) for key, value in part.items()} if isinstance(part, dict) else part


def pytest_configure(config: pytest.Config) -> None:
    """Record, or hide the frameworks."""
    Book.recording = config.getoption("record")
    if Book.recording and (config.option.keyword or config.option.markexpr or "::" in " ".join(config.args)):
        raise pytest.UsageError("--record takes whole files of tests: the rest of a record would be lost")
    if config.getoption("light"):
        sys.meta_path.insert(0, Absent())


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write the records of a run in which all went well."""
    if Book.recording and exitstatus == 0:
        write_records()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of modules that use threads, processes, signals or a clock, and those of the selections."""
    for item in items:
        name = item.path.relative_to(Path(__file__).parent)
        for marker, names in {"smoke": SMOKE, "compiler": COMPILER, "frameworks": LIVE}.items():
            if name.as_posix() in names:
                item.add_marker(marker)
        if (FOLDER / name).with_suffix(".json.gz").is_file() or vars(item.module).get("live") is live:
            item.add_marker("frameworks")
        if "chromium" in item.fixturenames:
            item.add_marker("browser")
        used = {value.__name__ for value in vars(item.module).values() if isinstance(value, ModuleType)}
        if used & CONCURRENT:
            item.add_marker("concurrency")


@pytest.fixture(scope="module")
def lenet() -> convlab.Model:
    """Return LeNet-5 with random weights, the same in every run."""
    return convlab.load("lenet5", weights=5)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let interrupts through: what a shell starts in the background ignores them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of outsiders' files that lies beside a developer's checkout; skip without it."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the folder of real files at {SHARED}, which is not part of the repository")
    return SHARED
