"""The Keras that is installed: what it is called, and its classes."""

import importlib
import platform

import numpy as np

from .cases import Case

PLACES = (  # where classes are that no layer of the public list is
    "layers",
    "layers.experimental",
    "layers.experimental.preprocessing",
    "src.applications.convnext",
    "src.applications.inception_resnet_v2",
    "applications.convnext",
    "applications.inception_resnet_v2",
)


class Writer:
    """One package of Keras.

    Attributes
    ----------
    name : str
        What the record is called: "keras-2.15.0".
    versions : dict
        Everything that had a hand in its answers.
    """

    def __init__(self, package):
        self.keras = _module(package)
        self.name = "{}-{}".format(package.replace("tensorflow.", "tf."), self.keras.__version__)
        self.versions = {"numpy": np.__version__, "python": platform.python_version()}
        try:
            self.versions["tensorflow"] = importlib.import_module("tensorflow").__version__
        except ImportError:
            self.versions["backend"] = self.keras.backend.backend()

    def run(self, model, inputs):
        """Return the arrays that a model answers."""
        x = inputs if len(inputs) > 1 else inputs[0]
        found = model(x, training=False) if self._has_tensors_of_values() else model.predict(x)
        return [np.asarray(y) for y in (found if isinstance(found, (list, tuple)) else [found])]

    def is_2(self):
        """Tell whether it is a Keras 2 inside TensorFlow, whose functions take more than the first ones did."""
        return "-2." in self.name and self._has_tensors_of_values()

    def _has_tensors_of_values(self):
        """Tell whether a model can be called outside predict(), which compiles anew for each."""
        return importlib.import_module("tensorflow").__version__ >= "2"

    def find(self, kind):
        """Return the class of that name, or None."""
        for place in PLACES:
            found = getattr(submodule(self.keras, place), kind, None)
            if found is not None:
                return found
        return None

    def make(self, case, name=None):
        """Return the layer of a case; a case among its options is a layer, too."""
        options = {key: self.make(value) if isinstance(value, Case) else value for key, value in case.options.items()}
        return self.find(case.kind)(**options, **({} if name is None else {"name": name}))


def _module(package):
    parent, _, child = package.rpartition(".")
    return getattr(importlib.import_module(parent), child) if parent else importlib.import_module(package)


def submodule(keras, place):
    """Return a module below Keras; where Keras is part of TensorFlow, it has attributes and no path."""
    found = keras
    for part in place.split("."):
        below = getattr(found, part, None)
        if below is None:
            try:
                below = importlib.import_module(f"{found.__name__}.{part}")
            except ImportError:
                return None
        found = below
    return found
