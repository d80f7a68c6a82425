"""A Keras model that is at hand as an object: the one of a notebook.

What it is, is read from the text that Keras makes of it, and its weights from a file of them that is gone when they
are read: so an object is read by the readers of files, which know what each Keras writes. Keras can write weights to
a file alone, of its own, in a folder for temporary ones; nothing of an optimizer is in it.
"""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from convlab.errors import UnsupportedError, WeightsError
from convlab.files.architecture import Architecture
from convlab.files.keras.config.architecture import read_architecture
from convlab.files.keras.config.builder import Functions
from convlab.files.keras.config.reading import parse_topology
from convlab.files.keras.preprocessing import assumed_for
from convlab.files.weights import give_weights
from convlab.runtime.arrays import Shape
from convlab.storage.scratch import scratch_folder

__all__ = ["give_own_weights", "is_model", "read_live"]


def is_model(source: Any) -> bool:
    """Return whether something is a model of Keras, which need not be installed for that."""
    return all(callable(getattr(source, name, None)) for name in ("to_json", "save_weights", "get_config"))


def described(model: Any) -> str:
    """Return what messages call it."""
    return f"Keras model {model.name!r}"


def read_live(model: Any, *, input_shape: Shape | None = None, functions: Functions | None = None) -> Architecture:
    """Build the network that a Keras model is, without weights; it is named as that is.

    Options and errors are those of `read_model`; UnsupportedError, too, for a model that has no graph of layers.
    """
    where = described(model)
    try:
        text = model.to_json()
    except (NotImplementedError, TypeError, ValueError) as error:
        why = str(error).strip().partition("\n")[0]
        raise UnsupportedError(
            f"{where} is a {type(model).__name__}, which Keras cannot describe ({why}): give a Sequential or"
            " Functional model"
        ) from error
    config = parse_topology(text, where)
    architecture = read_architecture(
        config.values,
        where,
        config.keras_version,
        config.backend,
        name=model.name,
        input_shape=input_shape,
        functions=functions,
    )
    architecture.model.preprocessing = assumed_for(architecture.model.graph)
    return architecture


def give_own_weights(architecture: Architecture, model: Any) -> None:
    """Give a network the weights of the Keras model that it was read from."""
    with scratch_folder(Path(tempfile.gettempdir())) as folder:
        path = folder / "model.weights.h5"
        try:
            model.save_weights(str(path))
        except ValueError as error:
            why = str(error).strip().partition("\n")[0]
            raise WeightsError(f"{described(model)} has no weights yet ({why}): build it, or run it once") from error
        try:
            give_weights(architecture, path)
        except WeightsError as error:
            raise WeightsError(str(error).replace(str(path), described(model))) from error
    own = architecture.model
    own.receipt = replace(own.receipt, file=described(model)) if own.receipt else None
