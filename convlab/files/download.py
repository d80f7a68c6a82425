"""Download a weight file: resumed where it stopped, checked, and only then given its name.

Bytes go to `NAME.part` beside the final file. The hash is the judge: whatever cut connections and odd servers
did to the part, it gets the final name only with the right size and MD5, and is thrown away otherwise. Where no hash
is published, the SHA-256 of the first download is kept, and compared from then on.
"""

import os
import stat
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO

from convlab.errors import WeightsError
from convlab.files.registry import Entry, bundled_path, cache_folder, difference, kept_hash, lookup, sha256
from convlab.files.transfer_limits import TransferLimitError, TransferLimits, handlers

Progress = Callable[[int, int | None], None]

TIMEOUT = 30.0  # seconds a server may be silent
TRIES = 5  # connections in a row that may bring nothing new
PAUSE = 0.25  # seconds before the next connection, doubled each time nothing came
CHUNK = 1 << 18  # bytes, the most that is read at once
OVERHEAD = 1 << 20  # bytes of headers


class _CutError(Exception):
    """A connection that failed in a way another one may mend."""


class _PatchworkError(WeightsError):
    """A part file, put together from several answers, that is not and will not become the official file."""


def fetch(name: str | Entry, folder: str | Path | None = None, progress: Progress | None = None) -> Path:
    """Return the path of a registered weight file, downloaded if it is not there yet.

    A download that was interrupted goes on where it stopped; a file that lies under the final name is whole.

    Parameters
    ----------
    name : str or Entry
        A registered name ("vgg16"), or an entry of one's own.
    folder : path, optional
        Where the file goes; by default the user's cache folder. A bundled file stays where convlab has it.
    progress : callable, optional
        Called with (bytes so far, bytes in all or None). The first number may fall: a server that cannot
        resume starts anew.

    Raises
    ------
    WeightsError
        Unknown name; a server that refuses, fails, is too slow or sends another file; a folder that cannot be
        written, or has another file of that name; another process that is at the same file.
    """
    entry = name if isinstance(name, Entry) else lookup(name)
    if entry.bundled:
        return bundled_path(entry)
    path = (cache_folder() if folder is None else Path(folder)) / entry.file
    try:
        found = difference(path, entry) if path.is_file() else "nothing"
        if found and path.exists() and folder is not None:  # it may be the user's own; in the cache it is not
            raise WeightsError(f"{path}: not the official {entry.name} file: {found}; move it away first")
        if found:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _alone(path.with_name(entry.file + ".lock")):
                _download(entry, path, progress or (lambda done, total: None))
    except OSError as error:
        raise WeightsError(
            f"{path}: cannot be written: {error.strerror or error}; make room or choose another folder "
            "(CONVLAB_CACHE), then run again: what came is kept"
        ) from error
    return path


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Keep every other process out; the system unlocks for a process that dies, so no lock is ever stale."""
    with _own(lock, os.O_RDWR) as file:
        if not _locked(file, lock):
            file_name = lock.with_suffix("")
            raise WeightsError(f"{file_name}: another process is downloading it; run again when it is done")
        try:
            yield
        finally:
            with suppress(PermissionError):  # Windows keeps a file that is open
                lock.unlink()


def _own(path: Path, flags: int) -> BinaryIO:
    """Open a file beside the final one, or make it: a link that somebody put there could lead to anything.

    Raises
    ------
    WeightsError
        If there is something else than a file.
    """
    wary = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if path.is_symlink():
        raise WeightsError(f"{path}: is a link, which is not followed; remove it, and run again")
    file = os.fdopen(os.open(path, flags | os.O_CREAT | wary, 0o666), "wb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise WeightsError(f"{path}: is no file; remove it, and run again")
    return file


def _locked(file: BinaryIO, lock: Path) -> bool:
    """Try to lock an open file that still lies at its path (the last owner may just have removed it)."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), lock.stat())
    except (BlockingIOError, PermissionError, FileNotFoundError):
        return False


def _download(entry: Entry, path: Path, progress: Progress) -> None:
    part = path.with_name(entry.file + ".part")
    try:
        _complete(entry, part, progress)
    except _PatchworkError:
        part.unlink(missing_ok=True)
        _complete(entry, part, progress)
    kept = kept_hash(path, entry)
    if entry.md5 is None and not kept.is_file():
        kept.write_text(sha256(part), encoding="ascii")  # before the file has its name: no file without its hash
    part.replace(path)


def _complete(entry: Entry, part: Path, progress: Progress) -> None:
    """Bring the part file to its end and check it; a wrong one is deleted."""
    patchwork = _receive_all(entry, part, progress)
    if found := difference(part, entry):
        part.unlink()
        raise (_PatchworkError if patchwork else WeightsError)(
            f"{entry.url}: what came is not the official {entry.name} file: {found}; "
            "it was deleted; try again later or over another network"
        )


def _receive_all(entry: Entry, part: Path, progress: Progress) -> bool:
    """Receive over as many connections as it takes, giving up when `TRIES` in a row bring nothing new.

    Returns whether the part file is patchwork: put together from several answers, perhaps days apart.
    """
    most, idle = _length(part), 0
    limits = TransferLimits(None if entry.size is None else OVERHEAD + TRIES * entry.size)
    while entry.size is None or _length(part) < entry.size:
        try:
            return _receive(entry, part, progress, limits) > 0
        except _CutError as error:
            idle = 0 if _length(part) > most else idle + 1
            most = max(most, _length(part))
            if idle == TRIES:
                raise WeightsError(
                    f"{entry.url}: {error}, {TRIES} times in a row; "
                    f"{_length(part):,} bytes are kept, run again to go on"
                ) from error
        except TransferLimitError as error:
            raise WeightsError(
                f"{entry.url}: too slow: {error}; {_length(part):,} bytes are kept, run again to go on"
            ) from error
        time.sleep(PAUSE * 2**idle)
    return True


def _receive(entry: Entry, part: Path, progress: Progress, limits: TransferLimits) -> int:
    """Append to the part file what it lacks, over one connection; return the offset the answer began at.

    A server that cannot resume sends everything anew: the offset is 0.
    """
    start = _length(part)
    with _open(entry, start, limits) as response:
        if response.status != 206:
            start = 0
        done, total = start, _total(entry, response, start)
        with _own(part, os.O_WRONLY | (os.O_APPEND if start else os.O_TRUNC)) as file:
            progress(done, total)
            for chunk in _chunks(response):
                file.write(chunk)
                done += len(chunk)
                progress(done, total)
                if total is not None and done >= total:
                    break
            file.flush()
            os.fsync(file.fileno())  # a power cut after the renaming must find the bytes there
    if total is not None and done < total:
        raise _CutError(f"the connection ended after {done:,} of {total:,} bytes")
    return start


def _open(entry: Entry, start: int, limits: TransferLimits) -> HTTPResponse:
    """Ask for the file from byte `start` on."""
    if urllib.parse.urlsplit(entry.url or "").scheme not in ("http", "https"):
        raise WeightsError(f"{entry.name}: cannot download from {entry.url!r}, expected an http(s) address")
    request = urllib.request.Request(str(entry.url), headers={"Range": f"bytes={start}-"} if start else {})
    try:
        response: HTTPResponse = _opener(limits).open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        raise _refusal(entry, error, start) from error
    except (OSError, HTTPException) as error:
        raise _CutError(f"no connection ({getattr(error, 'reason', None) or error})") from error
    return response


def _opener(limits: TransferLimits) -> urllib.request.OpenerDirector:
    """Return an opener of http and https alone: the usual one would follow a redirect to ftp."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        *handlers(limits),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _refusal(entry: Entry, error: urllib.error.HTTPError, start: int) -> Exception:
    """Return what a status means: worth another try, a part file that leads nowhere, or the end."""
    answer = " ".join(f"the server answered {error.code} {error.reason}".split())  # a reason may have lines
    if error.code in (408, 429) or error.code >= 500:
        return _CutError(answer)
    if error.code == 416 and start:
        return _PatchworkError(f"{entry.url}: {answer}, expected what follows byte {start:,}; run again later")
    return WeightsError(f"{entry.url}: {answer}, expected a file; get it elsewhere and pass its path instead")


def _total(entry: Entry, response: HTTPResponse, start: int) -> int | None:
    """Return the size of the whole file; refuse at once a server that announces another than the official."""
    if response.length is None:
        return entry.size
    total = start + response.length
    if entry.size not in (None, total):
        raise (_PatchworkError if start else WeightsError)(
            f"{entry.url}: the server announces {total:,} bytes, expected {entry.size:,}; "
            "this may be a login page or a changed file: open the address in a browser"
        )
    return total


def _chunks(response: HTTPResponse) -> Iterator[bytes]:
    """Yield the body as it arrives."""
    try:
        while chunk := response.read1(CHUNK):
            yield chunk
    except (OSError, HTTPException) as error:
        raise _CutError(f"the connection broke ({error})") from error


def _length(part: Path) -> int:
    return part.lstat().st_size if os.path.lexists(part) else 0
