"""Compiled code, kept on disk from one process to the next.

A file is named after a hash of everything that its content depends on, and begins with a hash of the rest: whatever
is wrong with it, it is not there.
"""

import hashlib
import os
import tempfile
from pathlib import Path

_DIGEST = 32  # bytes of a SHA-256


def cache_folder() -> Path:
    """Return where compiled kernels lie: in CONVLAB_CACHE, or in the user's cache (RuntimeError: no home)."""
    if not (folder := os.environ.get("CONVLAB_CACHE")):
        from platformdirs import user_cache_path

        folder = str(user_cache_path("convlab"))
    return Path(folder).expanduser() / "kernels"


def file_for(name: str, key: str) -> Path:
    """Return the file of what is called so and depends on what the key says."""
    return cache_folder() / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def read(path: Path) -> bytes:
    """Return what was kept in a file; OSError where it cannot be read or is not what was written."""
    found = path.read_bytes()
    if hashlib.sha256(found[_DIGEST:]).digest() != found[:_DIGEST]:
        raise OSError(f"{path.name} is damaged")
    return found[_DIGEST:]


def write(path: Path, content: bytes) -> None:
    """Keep content in a file that is there whole or not at all, whoever else writes it at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            file.write(hashlib.sha256(content).digest() + content)
            file.close()
            Path(file.name).replace(path)
        except OSError:
            Path(file.name).unlink()
            raise
