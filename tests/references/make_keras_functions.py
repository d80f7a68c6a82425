"""Record how the installed Keras writes functions on tensors, and what it answers, for tests that have no Keras.

    python tests/references/make_keras_functions.py                                # tensorflow.keras: Keras 2
    KERAS_BACKEND=torch python tests/references/make_keras_functions.py keras

writes keras_functions/keras-2.15.0.npz, or however that Keras is called: for each case of keras_functions/cases.py
the configs in the .h5 file and in the .keras file that this Keras writes, and its answer. A new case is a line there,
and then a run under each Keras.
"""

import importlib
import json
import os
import sys
import tempfile
import zipfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import h5py
import numpy as np
from keras_functions import cases
from keras_functions.inputs import given, picture, weights

FOLDER = Path(__file__).with_name("keras_functions")


def main():
    """Record all cases."""
    package = sys.argv[1] if len(sys.argv) > 1 else "tensorflow.keras"
    keras = importlib.import_module(package)
    named = cases.keras(keras) if package == "keras" else cases.tensorflow(importlib.import_module("tensorflow"))
    configs, answers = {}, {}
    for name, function in named.items():
        keras.backend.clear_session()
        sides = [keras.Input(cases.SIDES, name=side) for side in "tu"]
        model = keras.Model(sides, function(*sides))
        try:
            y = model([given(side) for side in "tu"], training=False)
        except Exception as error:  # PyTorch slices nothing backwards
            print(f"this Keras cannot run {name}: {error}")
            continue
        configs[name], answers[name] = written(model), on_host(y)
    for name, model in cases.networks(keras).items():
        old = model.get_weights()
        new = iter(weights([w.shape for w in old if w.dtype.kind == "f"]))
        model.set_weights([next(new) if w.dtype.kind == "f" else w for w in old])  # states of generators stay
        y = model(picture(model.inputs[0].shape[1:]), training=False)
        configs[name], answers[name] = written(model), on_host(y)
    text = np.frombuffer(json.dumps(configs).encode(), "uint8")
    version = importlib.import_module("keras").__version__
    np.savez_compressed(FOLDER / f"keras-{version}.npz", configs=text, **answers)


def on_host(y):
    """Return a tensor of any framework as an array."""
    return np.asarray(y.detach() if hasattr(y, "detach") else y, "float32")


def written(model):
    """Return the configs in the files that this Keras writes, by the end of the file's name."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for end in ("h5", "keras"):
            path = Path(folder) / f"model.{end}"
            try:
                model.save(str(path))
            except TypeError as error:
                print(f"this Keras cannot save {end}: {error}")  # what is sliced with ..., in Keras 2
                continue
            found[end] = json.loads(config_in(path))
    return found


def config_in(path):
    """Return the text of the config in a file."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return archive.read("config.json")
    with h5py.File(path) as file:
        return file.attrs["model_config"]


if __name__ == "__main__":
    main()
