"""Ways to spoil a weights file that was good, and to see it refused."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import pytest

from convlab.errors import WeightsError
from convlab.files.keras.weights.reading import LayerWeights, read_keras_weights
from support.files.keras_files import CONV, random_weights, write_legacy

SHAPE = CONV.shapes["kernel"]
KERNEL = "conv1/conv1/kernel:0"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """Return a file of the weights of CONV with nothing wrong yet."""
    return write_legacy(tmp_path / "w.h5", random_weights(CONV))


def refused(path: Path, *parts: str, layers: tuple[LayerWeights, ...] = (CONV,)) -> str:
    """Read, expect one line of refusal that opens with the path and holds the parts; return it."""
    with pytest.raises(WeightsError, match="^" + re.escape(f"{path}: ")) as caught:
        read_keras_weights(path, layers)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message
    return message


@contextmanager
def edited(path: Path) -> Iterator[h5py.File]:
    with h5py.File(path, "r+") as file:
        yield file


def replace_kernel(path: Path, make: Callable[[h5py.File], object]) -> None:
    """Put something else where the kernel of conv1 was."""
    with edited(path) as file:
        del file[KERNEL]
        make(file)


def store(path: Path, data: object, **options: object) -> None:
    replace_kernel(path, lambda file: file.create_dataset(KERNEL, data=data, **options))
