"""Read members of a .keras archive that nobody vouches for.

It is a zip file of config.json, metadata.json and model.weights.h5. The table of its members is judged as a whole
before any is unpacked; only members asked for by name are, each within a bound, and none under a name of its own.
"""

import io
import os
import stat
import struct
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from convlab.errors import WeightsError
from convlab.files.hdf5 import read_head

__all__ = ["is_archive", "read_member", "unpack_member"]

SIGNATURE = b"PK\x03\x04"
MEMBERS_LIMIT = 1000  # Keras writes three, and one for each vocabulary
TABLE_LIMIT = 1 << 20  # bytes of the table of members
CHUNK = 1 << 20
KINDS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
RATIO_LIMIT = 100  # weights shrink to 0.9 of their size; zeros, as in fresh optimizers, are a part of them
RATIO_FLOOR = 16 << 20  # bytes; what is smaller does no harm at any ratio
ENCRYPTED = 0x1  # among the flag bits
HEADER = 30  # bytes before the data of a member, and its name
LONGEST = 80  # characters of a name in a message
# zipfile speaks through many exceptions, damage to a table through those of whatever it is taken for
ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    RuntimeError,
    ValueError,
    LookupError,
    OverflowError,
    MemoryError,
)


class BoundedFile(io.FileIO):
    """A file that cannot be read in large pieces: zipfile reads the table of members in one, however long it is."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read at most as much as the table may be."""
        wanted = TABLE_LIMIT + 1 if size is None or size < 0 else size
        data = super().read(min(wanted, TABLE_LIMIT + 1)) or b""
        if len(data) > TABLE_LIMIT:
            raise zipfile.BadZipFile(f"its table of members has more than {TABLE_LIMIT:,} bytes")
        return data


def is_archive(path: Path) -> bool:
    """Tell whether a file begins like a zip file.

    Raises
    ------
    WeightsError
        If the path is missing, unreadable or no regular file.
    """
    return read_head(path, len(SIGNATURE), "a file of Keras") == SIGNATURE


def read_member(path: Path, name: str, limit: int) -> bytes:
    """Return a member's bytes, at most `limit` of them.

    Raises
    ------
    WeightsError
        If the archive is damaged or unsafe, or has no such member, or a larger one.
    """
    with opened(path) as archive:
        return b"".join(unpacked(archive, path, name, limit))


@contextmanager
def unpack_member(path: Path, name: str, limit: int) -> Iterator[Path]:
    """Unpack a member into a folder that only this user can read and that is removed afterwards.

    Raises
    ------
    WeightsError
        As `read_member` does, and if there is no room for it.
    """
    with tempfile.TemporaryDirectory(prefix="convlab-") as folder:
        copy = Path(folder, "member")
        with opened(path) as archive, copy.open("wb") as file:
            for piece in unpacked(archive, path, name, limit):
                file.write(piece)
        yield copy


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive after everything that its table of members says was found to be in order."""
    with reading(path), BoundedFile(path) as file, zipfile.ZipFile(file) as archive:
        check_members(path, archive.infolist(), os.fstat(file.fileno()).st_size)
        yield archive


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever zipfile raises into one line that names the archive."""
    try:
        yield
    except WeightsError:
        raise
    except OSError as error:
        raise WeightsError(f"{path}: cannot be unpacked ({error.strerror or error})") from error
    except ZIP_ERRORS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise WeightsError(f"{path}: archive is damaged or cut off (zip: {reason[:LONGEST]})") from error


def check_members(path: Path, members: list[zipfile.ZipInfo], size: int) -> None:
    """Refuse an archive of `size` bytes for anything its table of members says that Keras would not have written."""
    if len(members) > MEMBERS_LIMIT:
        raise WeightsError(f"{path}: holds {len(members):,} members, expected at most {MEMBERS_LIMIT:,}")
    for member in members:
        fault = _fault(member)
        if fault is not None:
            raise WeightsError(f"{path}: its member {shown(member.orig_filename)} {fault}")
    name, count = Counter(member.filename for member in members).most_common(1)[0] if members else ("", 0)
    if count > 1:
        raise WeightsError(f"{path}: holds {count} members named {shown(name)}, expected 1")
    places = sorted((member.header_offset, member.compress_size) for member in members)
    ends = [start + HEADER + stored for start, stored in places]
    starts = [start for start, _ in places[1:]] + [size]
    if any(end > start for end, start in zip(ends, starts, strict=False)):
        raise WeightsError(f"{path}: its members lie over each other, or reach beyond its end")


def _fault(member: zipfile.ZipInfo) -> str | None:
    name = member.orig_filename  # ZipInfo.filename has been tidied up
    if not name.isprintable() or name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
        return "has a name that could lead out of the archive"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a symbolic link"
    if member.flag_bits & ENCRYPTED:
        return "is encrypted"
    if member.compress_type not in KINDS:
        return f"is compressed by method {member.compress_type}, expected 0 (stored) or 8 (deflate)"
    return None


def unpacked(archive: zipfile.ZipFile, path: Path, name: str, limit: int) -> Iterator[bytes]:
    """Yield a member in pieces, after its sizes were found to be in bounds and while they turn out to be true."""
    members = {member.filename: member for member in archive.infolist()}
    if name not in members:
        found = ", ".join(shown(other) for other in list(members)[:3]) or "nothing"
        raise WeightsError(f"{path}: a zip archive without {name}, so not one of Keras'; it holds {found}")
    member = members[name]
    if member.file_size > limit:
        raise WeightsError(f"{path}: {name} declares {member.file_size:,} bytes, expected at most {limit:,}")
    if member.file_size > max(RATIO_FLOOR, RATIO_LIMIT * member.compress_size):
        raise WeightsError(
            f"{path}: {name} would unpack {member.compress_size:,} bytes to {member.file_size:,},"
            f" expected at most {RATIO_LIMIT} times as many"
        )
    count = 0
    with archive.open(member) as file:
        while piece := file.read(CHUNK):
            count += len(piece)
            if count > member.file_size:
                break
            yield piece
    if count != member.file_size:
        raise WeightsError(f"{path}: {name} declares {member.file_size:,} bytes but holds {count:,}")


def shown(text: str) -> str:
    """Return a text from the file as it may stand in a message: one line, and not a long one."""
    return repr(text if len(text) <= LONGEST else f"{text[:LONGEST]}...")
