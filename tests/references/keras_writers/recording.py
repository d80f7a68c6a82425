"""Networks of one kind of layer, saved by a Keras in its own files, beside its answers.

Of each kind a folder gets KIND.json (the index: which layer is which case, and what this Keras lacks), KIND.npz (its
answers), KIND.h5 and, where this Keras writes archives, KIND.keras.
"""

import json
import zipfile

import numpy as np

from .numbers import given, samples, weight


def record_kind(writer, kind, cases, folder):
    """Record the cases of one kind of layer."""
    index = {"inputs": {}, "layers": {}, "lacking": {}}
    if writer.find(kind) is not None:
        network = _Network(writer)
        for number, case in enumerate(cases):
            network.add(case, f"{kind.lower()}_{number}")
        answers = network.answers()
        index = {"inputs": network.shapes, "layers": network.layers, "lacking": network.lacking}
        if answers:
            np.savez(str(folder / (kind + ".npz")), **answers)
            network.save(folder, kind)
    (folder / (kind + ".json")).write_text(json.dumps(index, indent=1))


def save(model, folder, name):
    """Save a model as .h5, and as .keras where that is an archive."""
    model.save(str(folder / (name + ".h5")))
    archive = folder / (name + ".keras")
    model.save(str(archive))
    if not zipfile.is_zipfile(str(archive)):  # which before Keras 2.12 was HDF5 under another name
        archive.unlink()


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
        except Exception as error:
            self.lacking[str(case)] = _reason(error)
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
        """Return layer -> numbers, and layer:shape -> the shape of all; what cannot be run is dropped."""
        try:
            found = self._predict(list(self.outputs))
        except Exception:  # some layer, alone: which?
            found = {}
            for name in list(self.outputs):
                try:
                    found.update(self._predict([name]))
                except Exception as error:
                    self.lacking[self.layers.pop(name)] = _reason(error)
                    del self.outputs[name]
        return _compact(found)

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

    def save(self, folder, kind):
        """Save the network of all that can be run."""
        save(self.model(list(self.outputs)), folder, kind)


def _compact(found):
    for name, y in found.items():
        if not np.isfinite(y.astype(float)).all():
            raise ValueError(f"{name} answers what is no number")
    answers = {name: samples(y) for name, y in found.items()}
    answers.update({name + ":shape": np.array(y.shape) for name, y in found.items()})
    return answers


def _reason(error):
    """Return the first line of an error, without the places that differ from run to run."""
    return "{}: {}".format(type(error).__name__, (str(error).strip().splitlines() or [""])[0][:150])
