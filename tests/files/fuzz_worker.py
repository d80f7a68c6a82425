"""Flip one byte of a weights file after another and say on stdout what reading it did: OFFSET OUTCOME.

A process of its own, because damage may crash libhdf5: the last line then lacks its outcome.
usage: fuzz_worker.py FILE SCRATCH MASK START STOP
"""

import faulthandler
import resource
import sys
from pathlib import Path

import numpy as np
from keras_files import KERNEL_ONLY

from convlab.errors import WeightsError
from convlab.files.keras import read_weights

SECONDS = 20  # until a read that does not return ends the process
MEMORY = 3 << 30  # bytes; a string of variable length may claim 4 GiB, which libhdf5 allocates before it looks


def outcome(path: Path, expected: dict[str, np.ndarray]) -> str:
    try:
        arrays = read_weights(path, [KERNEL_ONLY])[0]["conv1"]
    except WeightsError as error:
        one_line = str(error).startswith(f"{path}: ") and str(error).isprintable()
        return "refused" if one_line else f"unclear message {str(error)!r}"
    except Exception as error:
        return f"raised {error!r}"
    same = all(np.array_equal(arrays[role], array) for role, array in expected.items())
    return "same" if same else "changed"


def main(file: str, scratch: str, mask: str, start: str, stop: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    data = Path(file).read_bytes()
    expected = read_weights(file, [KERNEL_ONLY])[0]["conv1"]
    for offset in range(int(start), min(int(stop), len(data))):
        damaged = bytearray(data)
        damaged[offset] ^= int(mask)
        Path(scratch).write_bytes(damaged)
        print(offset, end=" ", flush=True)
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        print(outcome(Path(scratch), expected), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
