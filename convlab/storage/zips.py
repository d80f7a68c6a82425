"""Zip archives that nobody vouches for: the table of members is judged as a whole before any of them is unpacked."""

import io
import os
import stat
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from convlab.errors import WeightsError
from convlab.storage.damage import damage
from convlab.storage.tensors import refuse

__all__ = ["SIGNATURE", "opened", "shown", "zip_errors"]

SIGNATURE = b"PK\x03\x04"  # what an archive with members begins with
MEMBERS_LIMIT = 10_000
TABLE_LIMIT = 2 << 20  # bytes of the table of members, some 200 for each
KINDS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1  # among the flag bits
HEADER = 30  # bytes before the data of a member, and its name
LONGEST = 80  # characters of a name in a message


class BoundedFile(io.FileIO):
    """A file that cannot be read in large pieces: zipfile reads the table of members in one, however long it is."""

    bounded = True

    def read(self, size: int | None = -1, /) -> bytes:
        """Read at most as much as the table may be, until that has been read."""
        if not self.bounded:
            return super().read(-1 if size is None else size) or b""
        wanted = TABLE_LIMIT + 1 if size is None or size < 0 else size
        data = super().read(min(wanted, TABLE_LIMIT + 1)) or b""
        if len(data) > TABLE_LIMIT:
            raise zipfile.BadZipFile(f"its table of members has more than {TABLE_LIMIT:,} bytes")
        return data


@contextmanager
def opened(path: Path, at_most: int = MEMBERS_LIMIT) -> Iterator[zipfile.ZipFile]:
    """Open an archive after everything that its table of members says was found to be in order.

    Whatever goes wrong with it until it is closed is one line that names the file.

    Raises
    ------
    WeightsError
        If the archive is damaged or unsafe, or holds a name twice or more than `at_most` members.
    """
    with zip_errors(path), BoundedFile(path) as file, zipfile.ZipFile(file) as archive:
        file.bounded = False
        check_members(path, archive.infolist(), os.fstat(file.fileno()).st_size, at_most)
        yield archive


@contextmanager
def zip_errors(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong with an archive into one line (WeightsError) that names the file."""
    with damage(path, "zip"):
        try:
            yield
        except OSError as error:
            raise WeightsError(f"{path}: cannot be unpacked ({error.strerror or error})") from error


def check_members(path: Path, members: list[zipfile.ZipInfo], size: int, at_most: int) -> None:
    """Refuse an archive of `size` bytes for anything in its table of members that no honest writer puts there."""
    if len(members) > at_most:
        refuse(path, f"holds {len(members):,} members, expected at most {at_most:,}")
    for member in members:
        fault = _fault(member)
        if fault is not None:
            refuse(path, f"its member {shown(member.orig_filename)} {fault}")
    name, count = Counter(member.filename for member in members).most_common(1)[0] if members else ("", 0)
    if count > 1:
        refuse(path, f"holds {count} members named {shown(name)}, expected 1")
    places = sorted((member.header_offset, member.compress_size) for member in members)
    ends = [start + HEADER + stored for start, stored in places]
    starts = [start for start, _ in places[1:]] + [size]
    if any(end > start for end, start in zip(ends, starts, strict=False)):
        refuse(path, "its members lie over each other, or reach beyond its end")


def _fault(member: zipfile.ZipInfo) -> str | None:
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a symbolic link"
    if member.flag_bits & ENCRYPTED:
        return "is encrypted"
    if member.compress_type not in KINDS:
        return f"is compressed by method {member.compress_type}, expected 0 (stored) or 8 (deflate)"
    return None


def shown(text: str) -> str:
    """Return a text from the file as it may stand in a message: one line, and not a long one."""
    return repr(text if len(text) <= LONGEST else f"{text[:LONGEST]}...")
