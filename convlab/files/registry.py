"""The weight files known by name: where each comes from and how to tell it is the right one."""

import functools
import hashlib
import os
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import platformdirs

from convlab.errors import WeightsError
from convlab.wording import say, unknown
from convlab_kernels.caller import warn_caller

DATA = resources.files("convlab_weights")


@dataclass(frozen=True)
class Entry:
    """One weight file, as `weights/registry.toml` describes it.

    Attributes
    ----------
    name : str
        What a user calls it: ``convlab fetch NAME``.
    file : str
        Its file name.
    url : str, optional
        Where to download it; a bundled file has none.
    size : int, optional
        Bytes.
    md5 : str, optional
        Hexadecimal digest, if its publisher states one; else the SHA-256 of the first download is kept.
    bundled : bool
        Whether it ships with convlab.
    """

    name: str
    file: str
    url: str | None = None
    size: int | None = None
    md5: str | None = None
    bundled: bool = False


@functools.cache
def entries() -> dict[str, Entry]:
    """Return every registered weight file by its name."""
    tables = tomllib.loads((DATA / "registry.toml").read_text(encoding="utf-8"))
    return {name: Entry(name, **table) for name, table in tables.items()}


def lookup(name: str) -> Entry:
    """Return the entry of that name.

    Raises
    ------
    WeightsError
        No file is registered under it; the message has the nearest name and all of them.
    """
    known = entries()
    if name in known:
        return known[name]
    raise WeightsError(unknown("registered weight file", name, known))


def bundled_path(entry: Entry) -> Path:
    """Return where a bundled file lies."""
    return Path(str(DATA / entry.file))


def cache_folder() -> Path:
    """Return the folder downloads go to: the variable CONVLAB_CACHE, else the user's cache on this system."""
    return Path(os.environ.get("CONVLAB_CACHE") or platformdirs.user_cache_dir("convlab"))


def pretrained(name: str, include_top: bool) -> Path:
    """Return the registered weight file of a network: the bundled one, or one that has been fetched."""
    known = entries()
    candidates = [known[key] for key in (name, *([] if include_top else [f"{name}_notop"])) if key in known]
    for entry in candidates:
        path = bundled_path(entry) if entry.bundled else cache_folder() / entry.file
        if path.is_file():
            return path
    raise WeightsError(
        f"the trained weights of {name} are not here: run `convlab fetch {candidates[-1].name}`, or give "
        + say(
            "weights=FILE (a Keras weight file), weights=0 (random) or weights=None (shapes only)",
            "--weights FILE (a Keras weight file) or --weights 0 (random)",
        )
    )


def difference(path: Path, entry: Entry, *, hashed: bool = True) -> str | None:
    """Say how a file differs from the official one, None where it does not.

    The size is compared first: it costs nothing, a hash reads the whole file (`hashed=False` leaves it out).
    """
    size = path.stat().st_size
    if entry.size not in (None, size):
        return f"{size:,} bytes, expected {entry.size:,}"
    kept = kept_hash(path, entry)
    if not hashed or (entry.md5 is None and not kept.is_file()):
        return None
    if entry.md5 is None:
        found, first = sha256(path), kept.read_text(encoding="ascii").strip()
        return None if found == first else f"sha256 {found}, expected that of the first download, {first}"
    with path.open("rb") as file:
        # A computer under FIPS rules refuses MD5 unless told that nothing secret hangs on it.
        md5 = hashlib.file_digest(file, functools.partial(hashlib.md5, usedforsecurity=False)).hexdigest()
    return None if md5 == entry.md5 else f"md5 {md5}, expected {entry.md5}"


def kept_hash(path: Path, entry: Entry) -> Path:
    """Return where the SHA-256 of the first download is kept: beside the file."""
    return path.with_name(f"{entry.file}.sha256")


def sha256(path: Path) -> str:
    """Return the hexadecimal digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(path: Path) -> None:
    """Warn when a file bears the name of a registered one without being it.

    Parameters
    ----------
    path : Path
        An existing file. Under any other name it is the user's own and is not looked at. In the cache folder a
        file gets its name from `fetch`, once its hash was right: there, a second or more is saved and only its
        size is compared.

    Warns
    -----
    UserWarning
        One line: the file, what was found, what was expected, what to do.
    """
    entry = next((known for known in entries().values() if known.file == path.name), None)
    if entry is None or (found := difference(path, entry, hashed=path.parent != cache_folder())) is None:
        return
    remedy = "reinstall convlab" if entry.bundled else f"re-fetch with `convlab fetch {entry.name}`"
    warn_caller(
        f"{path}: not the official {entry.name} file: {found}; cut off, damaged or trained further? "
        f"Rename it if it is your own, else {remedy}"
    )
