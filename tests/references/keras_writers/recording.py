"""Networks of one kind of layer, saved by a Keras in its own files, beside its answers.

Of each kind a folder gets KIND.json (the index: which layer is which case, and what this Keras lacks), KIND.npy (its
answers), KIND.h5 and, where this Keras writes archives, KIND.keras.
"""

import json
import zipfile

from .answers import write_answers
from .numbers import given, weight


def record_kind(writer, kind, cases, folder):
    """Record the cases of one kind of layer."""
    index = {"inputs": {}, "layers": {}, "lacking": {}, "unwritten": {}}
    if writer.find(kind) is not None:
        writer.keras.backend.clear_session()
        network = _Network(writer)
        for number, case in enumerate(cases):
            network.add(case, f"{kind.lower()}_{number}")
        answers = network.answers()
        index = {"inputs": network.shapes, "layers": network.layers, "lacking": network.lacking}
        if answers:
            index["answers"] = write_answers(folder, kind, answers)
            index["unwritten"] = save(network.model(list(network.outputs)), folder, kind)
    (folder / (kind + ".json")).write_text(json.dumps(index, indent=1))


def save(model, folder, name):
    """Save a model as .h5 and .keras; return suffix -> reason of those that this Keras does not write."""
    unwritten = {}
    for suffix in (".h5", ".keras"):
        path = folder / (name + suffix)
        try:
            model.save(str(path))
        except Exception as error:
            unwritten[suffix] = reason(error)
        if suffix == ".keras" and path.exists() and not zipfile.is_zipfile(str(path)):
            unwritten[suffix] = "writes HDF5 under this name"
        if suffix in unwritten and path.exists():  # maybe half of it
            path.unlink()
    return unwritten


def set_weights(layer):
    """Give a layer weights by rule; counts and states of generators stay."""
    old = layer.get_weights()
    new = [weight(layer.name, i, w.shape) if w.ndim and w.dtype.kind == "f" else w for i, w in enumerate(old)]
    layer.set_weights(new)
    if hasattr(layer, "finalize_state"):
        layer.finalize_state()


class _Network:
    """Inputs, and behind them one layer a case, each of which is an output."""

    def __init__(self, writer):
        self.writer, self.keras = writer, writer.keras
        self.inputs, self.outputs = {}, {}
        self.shapes, self.layers, self.lacking = {}, {}, {}

    def add(self, case, name):
        """Add a case, or note why this Keras has none."""
        try:
            layer = self.writer.make(case, name)
            tensors = [self._input(i, shape) for i, shape in enumerate(case.shapes)]
            self.outputs[name] = layer(tensors if len(tensors) > 1 else tensors[0])
            set_weights(layer)
            layer.get_config()  # without which nothing at all can be saved
        except Exception as error:
            self.lacking[str(case)] = reason(error)
            self.outputs.pop(name, None)
        else:
            self.layers[name] = str(case)

    def _input(self, place, shape):
        name = "_".join(map(str, ("input", place, *shape)))
        if name not in self.inputs:
            self.inputs[name] = self.keras.layers.Input(shape=shape, name=name)
            self.shapes[name] = list(shape)
        return self.inputs[name]

    def answers(self):
        """Return the array that each layer answers; what cannot be run is dropped."""
        try:
            found = self._predict(list(self.outputs))
        except Exception:  # some layer, alone: which?
            found = {}
            for name in list(self.outputs):
                try:
                    found.update(self._predict([name]))
                except Exception as error:
                    self.lacking[self.layers.pop(name)] = reason(error)
                    del self.outputs[name]
        return found

    def _predict(self, names):
        if not names:
            return {}
        x = [given(name, self.shapes[name]) for name in self.inputs]
        found = self.writer.run(self.model(names), x)
        return {name: found[i] for i, name in enumerate(names)}

    def model(self, names):
        """Return the network of some of the outputs."""
        inputs, outputs = list(self.inputs.values()), [self.outputs[name] for name in names]
        return self.keras.models.Model(inputs, outputs if len(outputs) > 1 else outputs[0])


def reason(error):
    """Return the first line of an error, without the places that differ from run to run."""
    return "{}: {}".format(type(error).__name__, (str(error).strip().splitlines() or [""])[0][:150])
