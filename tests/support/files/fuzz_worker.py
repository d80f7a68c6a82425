"""Flip one byte of a file after another and say on stdout what reading it did: OFFSET OUTCOME.

A process of its own, because damage may crash libhdf5: the last line then lacks its outcome. A file of weights is
read for a known layer, a whole model (.keras, or any name with "model" in it) with its architecture.
usage: fuzz_worker.py FILE SCRATCH MASK OFFSET...
"""

import faulthandler
import resource
import sys
from pathlib import Path

import numpy as np

from convlab.errors import ConvlabError
from convlab.files.keras.model import read_model
from convlab.files.keras.weights.reading import read_keras_weights
from convlab.files.weights import give_weights
from support.files.keras_files import KERNEL_ONLY

SECONDS = 20  # until a read that does not return ends the process
MEMORY = 3 << 30  # bytes; a string of variable length may claim 4 GiB, which libhdf5 allocates before it looks


def load(path: Path) -> tuple[str, dict[str, np.ndarray]]:
    """Return what the network is, as text, and its weights."""
    if "model" not in path.name:
        return "", read_keras_weights(path, [KERNEL_ONLY])[0]["conv1"]
    architecture = read_model(path)
    give_weights(architecture, path)
    model = architecture.model
    weights = {f"{layer.name} {role}": array for layer in model for role, array in layer.weights.items()}
    nodes = [(node.name, vars(node.layer) | {"_weights": None}, node.inputs) for node in model.nodes]
    return repr((nodes, model.shapes, model.outputs)), weights


def outcome(path: Path, expected: tuple[str, dict[str, np.ndarray]]) -> str:
    try:
        text, arrays = load(path)
    except ConvlabError as error:
        one_line = str(error).startswith(f"{path}: ") and str(error).isprintable()
        return "refused" if one_line else f"unclear message {str(error)!r}"
    except Exception as error:
        return f"raised {error!r}"
    same = arrays.keys() == expected[1].keys() and all(
        np.array_equal(arrays[name], array) for name, array in expected[1].items()
    )
    if not same:
        return "changed"
    return "same" if text == expected[0] else "another network"


def main(file: str, scratch: str, mask: str, *offsets: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    data = Path(file).read_bytes()
    expected = load(Path(file))
    for offset in map(int, offsets):
        damaged = bytearray(data)
        damaged[offset] ^= int(mask)
        Path(scratch).write_bytes(damaged)
        print(offset, end=" ", flush=True)
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        print(outcome(Path(scratch), expected), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
