"""Folders of pictures to scan, and what lies in the folder of a scan."""

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

SHARD, BATCH = 8, 4  # pictures, of tests that want several
OPTIONS = {"layers": ["conv2", "relu4"], "batch": BATCH}


def fill(folder, count, seed=0, size=(28, 28)):
    """Write pictures of noise, later ones darker; return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    names = [f"p{i:05}.png" for i in range(count)]
    for i, name in enumerate(names):
        Image.fromarray(rng.integers(0, 256 - 90 * i // count, size).astype(np.uint8)).save(folder / name)
    return names


def contents(out):
    """Return a hash of each file of a scan by its path, but for the lock, and where the pictures were."""
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def inodes(out, names):
    return {name: (out / name).stat().st_ino for name in names}


def in_workers(folder: Path, code: str, monkeypatch) -> None:
    """Let each process of a scan run code when it starts."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(code)
    monkeypatch.syspath_prepend(str(folder))
