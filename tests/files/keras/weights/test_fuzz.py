"""Damage to a byte of a file: the same weights, or one line of refusal; never a crash, never other weights."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from support.files.keras_files import KERNEL_ONLY, random_weights, write_keras3, write_legacy
from support.files.whole_models import TEXT, write_h5, write_keras

TESTS, WORKER = Path(__file__).parents[3], "support.files.fuzz_worker"
STOP = 4096


def outcomes(path: Path, mask: int, offsets: Iterable[int]) -> dict[int, str]:
    """Read the file once for each of these bytes, that byte flipped; a crash is the outcome of its byte."""
    pytest.importorskip("resource")  # the worker limits its memory
    left = list(offsets)
    found: dict[int, str] = {}
    while left:
        command = [sys.executable, "-m", WORKER, path, path.with_name(f"flipped {path.name}"), mask, *left]
        worker = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, cwd=TESTS)
        for line in worker.stdout.splitlines():
            offset, _, outcome = line.partition(" ")
            found[int(offset)] = outcome or f"crashed ({worker.returncode}): {worker.stderr[-300:]}"
        assert worker.stdout, worker.stderr
        left = [offset for offset in left if offset not in found]
    return found


def check(found: dict[int, str], *, refused: int, harmless: tuple[str, ...] = ("same", "refused")) -> None:
    """Expect nothing but harmless outcomes, and so many refusals that the damage must have been seen."""
    wrong = {offset: outcome for offset, outcome in found.items() if outcome not in harmless}
    assert not wrong
    assert list(found.values()).count("refused") > refused


@pytest.mark.slow
@pytest.mark.parametrize(("layout", "mask"), [("legacy", 0xFF), ("keras3", 0x08)])
def test_flipped_bytes_of_weights(tmp_path: Path, layout: str, mask: int) -> None:
    """Every third of the first 4096 bytes: of numbers of 2, 4 and 8 bytes it meets each byte in turn."""
    path, weights = tmp_path / "w.h5", random_weights(KERNEL_ONLY)
    if layout == "legacy":
        write_legacy(path, weights, keras_version="2.2.4", backend="tensorflow")
    else:
        write_keras3(path, weights, {"conv1": "conv2d"})
    found = outcomes(path, mask, range(0, STOP, 3))
    assert len(found) == -(-STOP // 3)
    check(found, refused=30)


@pytest.mark.slow
@pytest.mark.parametrize("mask", [0xFF, 0x01])
def test_flipped_bytes_of_an_archive(tmp_path: Path, mask: int) -> None:
    """Every eighth of the first 4096 bytes, and all of the table of members at the end."""
    path = write_keras(tmp_path / "model.keras")
    data = path.read_bytes()
    table = range(data.index(b"PK\x01\x02"), len(data))
    assert len(table) == 3 * 46 + len("metadata.jsonconfig.jsonmodel.weights.h5") + 22
    found = outcomes(path, mask, [*range(0, STOP, 8), *table])
    check(found, refused=500)


@pytest.mark.parametrize("mask", [0x01, 0x10])
def test_flipped_bytes_of_an_architecture(tmp_path: Path, mask: int) -> None:
    """Every second byte of model_config; nothing but sense protects it, and "valid" or 7 may turn into sense."""
    path = write_h5(tmp_path / "model.h5")
    start = path.read_bytes().index(TEXT.encode())
    found = outcomes(path, mask, range(start, start + len(TEXT), 2))
    check(found, refused=150, harmless=("same", "refused", "another network"))
    assert list(found.values()).count("another network") < 15
