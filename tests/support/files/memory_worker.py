"""Read files, each in a process of its own, and say on stdout what came of it and how much memory it took.

One line a file: BYTES OUTCOME. Bytes are those by which the process grew at its largest.
usage: memory_worker.py [READER FILE]...
"""

import os
import resource
import sys
from pathlib import Path

from support.files import readers

MEMORY = 8 << 30  # bytes; what takes more has failed, and must not take the machine with it


def read(reader: str, path: Path) -> tuple[str, int]:
    """Read in a child, and return how that ended and how large it grew."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        os.write(theirs, readers.outcome(reader, path)[:4000].encode())
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        outcome = pipe.read()
    _, status, usage = os.wait4(child, 0)
    return outcome or f"ended with status {status}", usage.ru_maxrss * 1024


def main(*jobs: str) -> None:
    for reader in set(jobs[::2]):
        readers.outcome(reader, Path(__file__))  # imports what reading needs
    start = read("nothing", Path())[1]
    for reader, path in zip(jobs[::2], jobs[1::2], strict=True):
        outcome, largest = read(reader, Path(path))
        print(largest - start, outcome, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
