"""Damage a file in many ways and read each, in a process that ends where a reader hangs; say on stdout how it went.

One line for each: SEED OUTCOME. What is done to the file, the seed tells.
usage: damage_worker.py READER FILE SEED...
"""

import faulthandler
import random
import resource
import sys
from pathlib import Path

from support.files import readers

SECONDS = 60  # until a read that does not return ends the process
MEMORY = 3 << 30  # bytes


def damaged(data: bytes, seed: int) -> bytes:
    """Return the bytes with a few of them flipped, set, repeated, cut out or exchanged for another part's."""
    choose = random.Random(seed)
    changed = bytearray(data)
    for _ in range(choose.choice((1, 1, 1, 2, 4))):
        place, length = choose.randrange(len(changed)), choose.choice((1, 1, 1, 2, 4, 8, 64))
        part = bytes(changed[place : place + length])
        other = choose.randrange(len(changed))
        changed[place : place + length] = choose.choice(
            [
                bytes(byte ^ 1 << choose.randrange(8) for byte in part),
                bytes(byte ^ 0xFF for byte in part),
                choose.choice((b"\0", b"\xff", b"9", b"-", b"[")) * length,
                part * choose.choice((2, 3, 500)),
                b"",
                bytes(changed[other : other + length]),
            ]
        )
        changed = changed or bytearray(b"\0")
    return bytes(changed)


def main(reader: str, file: str, *seeds: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    data, scratch = Path(file).read_bytes(), Path(file).with_name(f"damaged-{Path(file).name}")
    for seed in seeds:
        scratch.write_bytes(damaged(data, int(seed)))
        print(seed, end=" ", flush=True)
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        print(readers.outcome(reader, scratch)[:300].encode("ascii", "backslashreplace").decode(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
