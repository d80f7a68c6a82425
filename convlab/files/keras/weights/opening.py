"""The HDF5 file of a network's weights: the file itself, or what a .keras archive holds."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path

from convlab.errors import WeightsError
from convlab.files.keras.archive import is_archive, unpack_member
from convlab.files.weight_specs import LayerWeights
from convlab.storage.growth import check_growth

__all__ = ["weights_file"]

WEIGHTS = "model.weights.h5"
COPIES = 6  # the weights, and what an optimizer keeps of each: AMSGrad three, a moving average, a sum of gradients
OVERHEAD = 16 << 10  # bytes of HDF5 for a layer: groups of about 2 kB, arrays of about 0.5 kB, each in COPIES
BASE = 16 << 20


@contextmanager
def weights_file(path: Path, layers: Sequence[LayerWeights]) -> Iterator[Path]:
    """Give the HDF5 file for as long as it is needed.

    How large that of an archive may be, the network says: all that Keras keeps of a weight is of its size, at most
    float64.

    Raises
    ------
    WeightsError
        If the file cannot be read, or the archive is damaged or unsafe; its own errors name the archive, too.
    """
    if not path.is_file() or not is_archive(path):  # what is no file, who opens it says
        yield path
        return
    parameters = sum(prod(shape) for layer in layers for shape in layer.shapes.values())
    limit = BASE + COPIES * (8 * parameters + OVERHEAD * len(layers))
    check_growth(path, 4 * parameters, "the weights of its architecture")
    with unpack_member(path, WEIGHTS, limit, expected="an HDF5 file") as copy:
        try:
            yield copy
        except WeightsError as error:
            raise WeightsError(str(error).replace(str(copy), f"{path}: {WEIGHTS}", 1)) from error
