"""LeNet-5 and VGG16 spelled in PyTorch and Keras, and how far two correct float32 computations of them may be apart.

Only the weights come from convlab; names of layers are convlab's, `name/pre` is the value before an activation.
"""

from types import SimpleNamespace

import numpy as np

from convlab.images.preprocessing import VGG
from support.recorded import answers, installed, this_test
from support.stand_in import StandIn, library

SAMPLES = 64
EPS = float(np.finfo(np.float32).eps)
CONVOLUTIONS = (2, 2, 3, 3, 3)  # of VGG16, by block


def samples(array):
    """Return up to SAMPLES numbers spread evenly over an array."""
    places = np.linspace(0, array.size - 1, min(SAMPLES, array.size)).astype(int)
    return np.ascontiguousarray(array).reshape(-1)[places]


def picture(height, width, n=1):
    """Return a made-up picture as VGG's input: smooth shades with noise, (N, H, W, 3)."""
    y, x = np.mgrid[:height, :width]
    shades = np.stack([np.sin(y / 9 + x / 13), np.cos(y / 7), np.sin(x / 5)], axis=-1) * 90 + 127
    noise = np.random.default_rng(0).integers(-30, 31, (n, height, width, 3))
    return VGG.apply(np.clip(shades + noise, 0, 255).astype(np.uint8))


def torch_vgg16(model, flatten=None):
    """Return name -> function of an (N, C, H, W) tensor; with dense layers if the model has them."""
    functional = library("torch.nn.functional")
    layers = {}
    for block, convolutions in enumerate(CONVOLUTIONS, 1):
        for c in range(1, convolutions + 1):
            layers |= _torch_convolution(model, f"block{block}_conv{c}", padding=1)
        layers[f"block{block}_pool"] = lambda x: functional.max_pool2d(x, 2)
    if "flatten" in model.shapes:
        layers["flatten"] = flatten or height_width_channel
        for name in ("fc1", "fc2"):
            layers |= {f"{name}/pre": _torch_dense(model, name), name: functional.relu}
        layers |= {
            "predictions/pre": _torch_dense(model, "predictions"),
            "predictions": lambda x: functional.softmax(x, 1),
        }
    return layers


def torch_lenet5(model, flatten=None):
    """Return name -> function of an (N, C, H, W) tensor."""
    functional = library("torch.nn.functional")
    first = {"conv1": _torch_convolution(model, "conv1", padding=2)["conv1/pre"], "relu1": functional.relu}
    second = {"conv2": _torch_convolution(model, "conv2", padding=0)["conv2/pre"], "relu2": functional.relu}
    dense = {name: _torch_dense(model, name) for name in ("fc1", "fc2", "fc3")}
    return {
        **first,
        "pool1": lambda x: functional.avg_pool2d(x, 2),
        **second,
        "pool2": lambda x: functional.avg_pool2d(x, 2),
        "flatten": flatten or height_width_channel,
        "fc1": dense["fc1"],
        "relu3": functional.relu,
        "fc2": dense["fc2"],
        "relu4": functional.relu,
        "fc3": dense["fc3"],
        "softmax": lambda x: functional.softmax(x, 1),
    }


def height_width_channel(x):
    """Flatten as convlab and Keras do: (N, C, H, W) -> (N, H*W*C)."""
    return x.permute(0, 2, 3, 1).flatten(1)


def channel_height_width(x):
    """Flatten as PyTorch does by itself: (N, C, H, W) -> (N, C*H*W)."""
    return x.flatten(1)


class Absolute:
    """A model whose weights are the absolute values of another's: it sums |x * w| + |b| where that sums x * w + b."""

    def __init__(self, model):
        self.model, self.shapes = model, model.shapes

    def __getitem__(self, name):
        weights = {role: np.abs(array) for role, array in self.model[name].weights.items()}
        return SimpleNamespace(weights=weights)


def _torch_convolution(model, name, padding):
    torch, functional = library("torch"), library("torch.nn.functional")
    weights = model[name].weights
    kernel = torch.tensor(weights["kernel"]).permute(3, 2, 0, 1)  # (KH, KW, C, O) -> (O, C, KH, KW)
    bias = torch.tensor(weights["bias"])
    return {f"{name}/pre": lambda x: functional.conv2d(x, kernel, bias, padding=padding), name: functional.relu}


def _torch_dense(model, name):
    torch = library("torch")
    kernel, bias = (torch.tensor(model[name].weights[role]) for role in ("kernel", "bias"))
    return lambda x: x @ kernel + bias


def run_torch(layers, x):
    """Return name -> array, channels last, of layers fed one by the other from x (N, H, W, C)."""
    import torch

    outputs = {}
    with torch.no_grad():
        value = to_torch(x)
        for name, layer in layers.items():
            value = layer(value)
            outputs[name] = from_torch(value)
    return outputs


def recorded_torch(layers, x, ours=None, only=None):
    """Return what `run_torch` does, of `only` some layers, or its record: samples among `ours`, convlab's arrays."""

    def ask():
        theirs = run_torch(layers, x)
        return {name: theirs[name] for name in only or theirs}

    return answers("torch", (this_test(),), ask, ours)


def to_torch(x):
    """Turn (N, H, W, C) into (N, C, H, W); rows stay rows."""
    import torch

    return torch.tensor(np.moveaxis(x, -1, 1) if x.ndim == 4 else x)


def from_torch(x):
    """Turn (N, C, H, W) into (N, H, W, C)."""
    return np.moveaxis(x.numpy(), 1, -1) if x.ndim == 4 else x.numpy()


def run_keras(network, x):
    """Return name -> array of every layer of a Keras model but its input."""
    import keras

    layers = [layer for layer in network.layers if not isinstance(layer, keras.layers.InputLayer)]
    outputs = keras.Model(network.inputs, [layer.output for layer in layers])([x])
    return {layer.name: out.detach().numpy() for layer, out in zip(layers, outputs, strict=True)}


def recorded_keras(network, x, ours):
    """Return what `run_keras` does, or samples of it from its record, among our arrays."""
    return answers("keras", (this_test(),), lambda: run_keras(network, x), ours)


def keras_lenet5(model):
    """Return LeNet-5 in Keras, with the weights of a convlab model."""
    if not installed("keras"):
        return StandIn()
    from convlab_weights.train_lenet5 import keras_lenet5

    return give_weights(keras_lenet5(), model)


def keras_vgg16(model):
    """Return Keras' own VGG16 with the weights of a convlab model."""
    import keras

    top = "flatten" in model.shapes
    network = keras.applications.VGG16(weights=None, include_top=top, input_shape=model.input_shape)
    return give_weights(network, model)


def give_weights(network, model):
    """Copy the weights of a convlab model into a Keras model of the same layers."""
    for layer in network.layers:
        if layer.weights:
            layer.set_weights(list(model[layer.name].weights.values()))
    return network


def tolerances(model):
    """Return name -> relative L2 distance that rounding can put between two float32 runs.

    Summing K terms of mixed signs one by one leaves a relative rounding error of about EPS/2 * sqrt(K/2) (Higham,
    "Accuracy and Stability of Numerical Algorithms", section 2.8); EPS * sqrt(K) covers two such sums in any order.
    ReLU and pooling add nothing, later layers carry an error along without making it larger against the signal, and
    errors of different layers are independent, so their squares add up.
    """
    terms, bounds = 1.0, {}
    for layer in model.layers:
        if layer.shapes:
            terms += np.prod(layer.shapes["kernel"][:-1])
        bounds[f"{layer.name}/pre"] = bounds[layer.name] = EPS * float(np.sqrt(terms))
    return bounds


def assert_close(model, ours, theirs):
    """Compare every layer of two recordings in relative L2 distance."""
    bounds, before = tolerances(model), None
    for name, b in theirs.items():
        a, bound = ours[name], bounds[name]
        if name in ("softmax", "predictions"):  # turns absolute differences into relative ones
            bound *= 2 * np.abs(ours.get(f"{name}/pre", before)).max() + 1
        assert (a.shape, a.dtype, b.dtype) == (b.shape, np.float32, np.float32), name
        distance = relative_distance(a, b)
        assert distance <= bound, f"{name}: relative L2 distance {distance:.2e}, expected at most {bound:.2e}"
        before = a


def relative_distance(a, b):
    """Return |a - b| / |b|, in L2."""
    return np.linalg.norm((a - b).ravel()) / np.linalg.norm(b.ravel())
