"""Every reader of files by a name, for processes that are told what to read."""

from collections.abc import Callable
from pathlib import Path

from convlab.comparison.npz_arrays import NpzArrays
from convlab.errors import ConvlabError
from convlab.files.keras.model import read_model
from convlab.files.keras.weights.reading import read_keras_weights
from convlab.files.torch.weights import read_torch_weights
from convlab.files.weights import give_weights
from convlab.images.preprocessing import UNIT
from convlab.images.reading import prepare
from convlab.recording.activations import Activations
from support.files.bad_torch_files import DENSE
from support.files.keras_files import KERNEL_ONLY


def read_recording(path: Path) -> None:
    acts = Activations.open(path)
    for name in acts:
        acts[name]


def read_whole_model(path: Path) -> None:
    give_weights(read_model(path), path)


def read_arrays(path: Path) -> None:
    arrays = NpzArrays(path)
    for name in arrays:
        arrays[name]


READERS: dict[str, Callable[[Path], object]] = {
    "nothing": lambda path: None,
    "recording": read_recording,
    "model": read_whole_model,
    "topology": read_model,
    "weights": lambda path: read_keras_weights(path, [KERNEL_ONLY]),
    "torch": lambda path: read_torch_weights(path, [DENSE]),
    "arrays": read_arrays,
    "picture": lambda path: prepare(path, (7, 5, 3), UNIT),
}


def outcome(reader: str, path: Path) -> str:
    """Return "read", "refused: MESSAGE", or what is wrong with how it was refused."""
    try:
        READERS[reader](path)
    except ConvlabError as error:
        one_line = str(error).startswith(str(path)) and str(error).isprintable() and len(str(error)) < 1000
        return f"{'refused' if one_line else 'unclear message'}: {error}"
    except Exception as error:
        return f"raised {error!r}"
    return "read"
