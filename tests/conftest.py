"""Fixtures that every folder of tests shares."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of outsiders' files that lies beside a developer's checkout; skip without it."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the folder of real files at {SHARED}, which is not part of the repository")
    return SHARED
