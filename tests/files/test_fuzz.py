"""Damage to any of the first 4096 bytes of a weights file: the same weights, or one line of refusal."""

import subprocess
import sys
from pathlib import Path

import pytest
from keras_files import KERNEL_ONLY, random_weights, write_keras3, write_legacy

WORKER = Path(__file__).with_name("fuzz_worker.py")
STOP = 4096


def outcomes(path: Path, mask: int) -> dict[int, str]:
    """Read the file once for each of its first bytes, that byte flipped; a crash is the outcome of its byte."""
    found: dict[int, str] = {}
    while len(found) < STOP:
        command = [sys.executable, WORKER, path, path.with_suffix(".flipped"), mask, len(found), STOP]
        worker = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        for line in worker.stdout.splitlines():
            offset, _, outcome = line.partition(" ")
            found[int(offset)] = outcome or f"crashed ({worker.returncode}): {worker.stderr[-300:]}"
        assert worker.stdout, worker.stderr
    return found


@pytest.mark.parametrize(("layout", "mask"), [("legacy", 0xFF), ("keras3", 0x08)])
def test_flipped_bytes(tmp_path: Path, layout: str, mask: int) -> None:
    pytest.importorskip("resource")  # the worker limits its memory
    path, weights = tmp_path / "w.h5", random_weights(KERNEL_ONLY)
    if layout == "legacy":
        write_legacy(path, weights, keras_version="2.2.4", backend="tensorflow")
    else:
        write_keras3(path, weights, {"conv1": "conv2d"})
    found = outcomes(path, mask)
    wrong = {offset: outcome for offset, outcome in found.items() if outcome not in ("same", "refused")}
    assert not wrong
    assert len(found) == STOP
    assert list(found.values()).count("refused") > 100  # the damage was seen
