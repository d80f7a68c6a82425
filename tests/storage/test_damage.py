"""Files damaged in many ways, a good one for each reader: read, or refused in one line that names the file."""

import io
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from support.files import pickled, readers
from support.files.bad_torch_files import GOOD, write_zip
from support.files.damage_targets import TARGETS
from support.files.damage_worker import damaged

pytest.importorskip("resource")  # the worker limits its memory
TESTS = Path(__file__).parents[1]
SEEDS = range(60)  # of 20,000 that were tried for each change of a reader
FOUND: dict[str, tuple[int, ...]] = {}  # seeds at which a reader once failed
stream = io.BytesIO()
np.save(stream, GOOD["fc.weight"])
NPY = stream.getvalue()  # a header of 128 bytes, and numbers


def in_a_process(reader: str, path: Path, seeds: Sequence[int]) -> dict[int, str]:
    """Read the file once for each damage, where libhdf5 may crash: that is the outcome of its seed."""
    left, found = list(seeds), {}
    while left:
        command = list(map(str, [sys.executable, "-m", "support.files.damage_worker", reader, path, *left]))
        worker = subprocess.run(command, capture_output=True, text=True, check=False, cwd=TESTS)
        assert worker.stdout, worker.stderr
        for line in worker.stdout.splitlines():
            seed, _, outcome = line.partition(" ")
            found[int(seed)] = outcome or f"crashed ({worker.returncode}): {worker.stderr[-300:]}"
        left = [seed for seed in left if seed not in found]
    return found


def in_this_process(reader: str, path: Path, seeds: Sequence[int]) -> dict[int, str]:
    data, found = path.read_bytes(), {}
    for seed in seeds:
        path.write_bytes(damaged(data, seed))
        found[seed] = readers.outcome(reader, path)
    return found


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Pillow warns of what it repairs, and convlab of values that are unlikely
@pytest.mark.parametrize("name", TARGETS)
def test_damage(name: str, tmp_path: Path) -> None:
    reader, write = TARGETS[name]
    path = write(tmp_path / name)
    read = in_a_process if path.suffix in (".h5", ".keras") else in_this_process
    found = read(reader, path, [*SEEDS, *FOUND.get(name, ())])
    assert {seed: outcome for seed, outcome in found.items() if not outcome.startswith(("refused: ", "read"))} == {}
    kinds = Counter(outcome.partition(":")[0] for outcome in found.values())
    assert kinds["refused"] > len(SEEDS) / 6


@pytest.mark.parametrize(
    ("name", "member", "data"),
    [("w.npz", "fc.weight.npy", NPY[:128]), ("w.pt", "w/data.pkl", b"\x80\x02" + pickled.state(GOOD) + b".")],
)
def test_damage_inside_an_archive(name: str, member: str, data: bytes, tmp_path: Path) -> None:
    """The checksums of the archive are right: only the reader of the member can see what is wrong with it."""
    for seed in range(300):
        inside = damaged(data, seed) + (NPY[128:] if name == "w.npz" else b"")
        outcome = readers.outcome("torch", write_zip(tmp_path / name, [(member, inside)]))
        assert outcome.startswith("refused: "), (seed, outcome)
