"""Read members of a .keras archive that nobody vouches for.

It is a zip file of config.json, metadata.json and model.weights.h5. The table of its members is judged as a whole
before any is unpacked; only members asked for by name are, each within a bound, and none under a name of its own.
"""

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from convlab.errors import WeightsError
from convlab.storage import zips
from convlab.storage.foreign import UNPACK, describe_members, read_head
from convlab.storage.growth import RATIO, most
from convlab.storage.scratch import scratch_folder
from convlab.storage.tensors import refuse
from convlab.storage.zips import SIGNATURE, shown

__all__ = ["is_archive", "read_member", "unpack_member"]

KERAS = "a file of Keras"  # in messages, where nothing else is expected
MEMBERS_LIMIT = 1000  # Keras writes three, and one for each vocabulary
CHUNK = 1 << 20


def is_archive(path: Path) -> bool:
    """Tell whether a file begins like a zip file.

    Raises
    ------
    WeightsError
        If the path is missing, unreadable or no regular file.
    """
    return read_head(path, len(SIGNATURE), KERAS) == SIGNATURE


def read_member(path: Path, name: str, limit: int) -> bytes:
    """Return a member's bytes, at most `limit` of them.

    Raises
    ------
    WeightsError
        If the archive is damaged or unsafe, or has no such member, or a larger one.
    """
    with opened(path) as archive:
        return b"".join(unpacked(archive, path, name, limit, KERAS))


@contextmanager
def unpack_member(path: Path, name: str, limit: int, expected: str = KERAS) -> Iterator[Path]:
    """Unpack a member into a folder that only this user can read and that is removed afterwards.

    `expected` says in messages what the archive should be.

    Raises
    ------
    WeightsError
        As `read_member` does, and if there is no room for it.
    """
    with scratch_folder(Path(tempfile.gettempdir())) as folder:
        copy = folder / "member"
        with opened(path) as archive, copy.open("wb") as file:
            for piece in unpacked(archive, path, name, limit, expected):
                file.write(piece)
        yield copy


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive after everything that its table of members says was found to be in order."""
    with zips.opened(path, MEMBERS_LIMIT) as archive:
        for member in archive.infolist():
            name = member.orig_filename  # ZipInfo.filename has been tidied up
            if not name.isprintable() or name.startswith("/") or {"\\", ":"} & set(name) or ".." in name.split("/"):
                refuse(path, f"its member {shown(name)} has a name that could lead out of the archive")
        yield archive


def unpacked(archive: zipfile.ZipFile, path: Path, name: str, limit: int, expected: str) -> Iterator[bytes]:
    """Yield a member in pieces, after its sizes were found to be in bounds and while they turn out to be true."""
    members = {member.filename: member for member in archive.infolist()}
    if name not in members:
        if known := describe_members(members, "zip archive", UNPACK):
            raise WeightsError(f"{path}: not {expected} but {known}")
        found = ", ".join(shown(other) for other in list(members)[:3]) or "nothing"
        raise WeightsError(f"{path}: a zip archive without {name}, so not one of Keras'; it holds {found}")
    member = members[name]
    if member.file_size > limit:
        raise WeightsError(f"{path}: {name} declares {member.file_size:,} bytes, expected at most {limit:,}")
    if member.file_size > most(member.compress_size):
        raise WeightsError(
            f"{path}: {name} would unpack {member.compress_size:,} bytes to {member.file_size:,},"
            f" expected at most {RATIO} times as many"
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
