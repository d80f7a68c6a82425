"""What files of PyTorch's users may do wrong, and how that is refused."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convlab.errors import WeightsError
from convlab.files.torch.weights import LayerWeights, read_torch_weights

DENSE = LayerWeights("fc", "Dense", {"kernel": (2, 3), "bias": (3,)})
GOOD = {"fc.weight": np.arange(6, dtype="f4").reshape(3, 2), "fc.bias": np.ones(3, "f4")}


def refused(path: Path, *parts: str) -> str:
    with pytest.raises(WeightsError, match="^" + re.escape(f"{path}: ")) as caught:
        read_torch_weights(path, [DENSE])
    message = str(caught.value)
    assert message.isprintable()  # one line
    assert len(message) < 600
    for part in parts:
        assert part in message
    return message


def write_zip(path: Path, members: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.path,)
