"""Whole-model files: the network that a file of Keras describes."""

import os
from pathlib import Path

from convlab.files.architecture import Architecture
from convlab.files.keras.config.architecture import read_architecture
from convlab.files.keras.config.builder import Functions
from convlab.files.keras.config.reading import read_config, read_topology
from convlab.files.keras.preprocessing import assumed_for
from convlab.runtime.arrays import Shape

__all__ = ["read_model"]


def read_model(
    path: str | os.PathLike[str],
    *,
    topology: str | os.PathLike[str] | None = None,
    input_shape: Shape | None = None,
    functions: Functions | None = None,
) -> Architecture:
    """Build the network that a Keras file describes, without weights; it is named after the file.

    Parameters
    ----------
    path
        A whole-model .h5, .hdf5 or .keras, or the .json text of a topology; with `topology`, a file of weights that
        is not read yet.
    topology
        The architecture, where the file has none: a text file of what Keras' to_json() returned.
    input_shape
        (H, W, C) of the only input, in place of what the file says.
    functions
        By the name of a Lambda layer, what is computed in its place.

    Raises
    ------
    WeightsError
        If a file is damaged or unsafe, or holds no architecture.
    UnsupportedError
        If a layer, or an option of one, is not known.
    ShapeError
        If the layers do not fit together.
    """
    path = Path(path)
    source = path if topology is None else Path(topology)
    config = read_topology(source) if topology is not None or path.suffix == ".json" else read_config(path)
    architecture = read_architecture(
        config.values,
        str(source),
        config.keras_version,
        config.backend,
        name=path.stem.removesuffix(".weights"),
        input_shape=input_shape,
        functions=functions,
    )
    architecture.model.preprocessing = assumed_for(architecture.model.graph)
    return architecture
