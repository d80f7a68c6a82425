"""Fixtures that every folder of tests shares."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


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
