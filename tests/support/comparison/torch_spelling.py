"""A convlab model computed by PyTorch, layer by layer, with room for real bugs: any layer can be replaced.

Without PyTorch the arrays are the recorded ones: whole from the first bug on, before it in samples.
"""

import warnings
from functools import cache

import numpy as np

import convlab
from convlab.layers import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling2D,
)
from support.recorded import answer, installed, this_test
from support.stand_in import library

torch, functional = library("torch"), library("torch.nn.functional")


def spelled(model, x, bugs=None, dtype=torch.float32):
    """Return name -> array, channels last, of every layer; `bugs` holds layer name -> function of its tensors."""
    question, bugs = this_test(), bugs or {}
    theirs = computed(model, x, bugs, dtype) if installed("torch") else {}
    ours, wrong, arrays = cache(lambda: quiet_run(model, x)), set(), {}
    for node in model.nodes:
        if node.name in bugs or wrong.intersection(node.inputs):
            wrong.add(node.name)
        sampled = None if node.name in wrong else lambda name=node.name: ours()[name]
        arrays[node.name] = answer("torch", (question, node.name), lambda name=node.name: theirs[name], sampled)
    return arrays


def quiet_run(model, x):
    """Run a model on pixels that may be prepared wrongly, which it says."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.run(x)


def computed(model, x, bugs, dtype):
    values = {name: first(x, dtype) for name in model.inputs}
    with torch.no_grad():
        for node in model.nodes:
            layer = bugs.get(node.name) or (lambda *inputs, node=node: compute(model, node, *inputs))
            values[node.name] = layer(*(values[source] for source in node.inputs))
    return {node.name: last(values[node.name]) for node in model.nodes}


def compute(model, node, *inputs):
    layer, x = node.layer, inputs[0]
    weights = {name: torch.tensor(np.array(w), dtype=x.dtype) for name, w in layer.weights.items()}
    match layer:
        case Conv2D():
            y = convolve(x, weights["kernel"], weights.get("bias"), pads(layer, x), layer.window.stride)
            return activate(y, layer.activation)
        case Dense():
            return activate(x @ weights["kernel"] + weights["bias"], layer.activation)
        case BatchNormalization():
            return normalise(x, weights, layer.epsilon)
        case MaxPooling2D():
            padded = functional.pad(x, pads(layer, x), value=-torch.inf)
            return functional.max_pool2d(padded, layer.window.kernel, layer.window.stride)
        case AveragePooling2D():
            return functional.avg_pool2d(x, layer.window.kernel, layer.window.stride)
        case GlobalAveragePooling2D():
            return x.mean(dim=(2, 3))
        case Flatten():
            return x.permute(0, 2, 3, 1).flatten(1)
        case Add():
            return inputs[0] + inputs[1]
        case Activation():
            return activate(x, layer.activation)
    raise AssertionError(layer)


def convolve(x, kernel, bias, sides, stride=1):
    """Convolve with a kernel in convlab's order (KH, KW, C, O)."""
    return functional.conv2d(functional.pad(x, sides), kernel.permute(3, 2, 0, 1), bias, stride)


def normalise(x, weights, epsilon):
    names = ("moving_mean", "moving_variance", "gamma", "beta")
    return functional.batch_norm(x, *(weights[name] for name in names), eps=epsilon)


def activate(x, name):
    functions = {
        "linear": lambda x: x,
        "relu": functional.relu,
        "tanh": torch.tanh,
        "gelu": functional.gelu,
        "leaky_relu": functional.leaky_relu,
        "softmax": lambda x: functional.softmax(x, 1),
    }
    return functions[name](x)


def pads(layer, x):
    """Return (left, right, top, bottom), as PyTorch wants them."""
    vertical, horizontal = layer.window.pads(tuple(x.shape[2:]))
    return *horizontal, *vertical


def first(x, dtype=torch.float32):
    return torch.tensor(np.moveaxis(x, -1, 1) if x.ndim == 4 else x, dtype=dtype)


def last(x):
    return np.ascontiguousarray(x.permute(0, 2, 3, 1).numpy() if x.ndim == 4 else x.numpy())


def tensors(model, name):
    return {role: torch.tensor(np.array(w)) for role, w in model[name].weights.items()}


def network(shape, *layers, seed=1, **options):
    """Return a chain of layers with random weights."""
    from convlab.model.initialise import randomise

    model = convlab.Model.sequential("net", shape, list(layers), **options)
    randomise(model, seed)
    return model


def images(model, n=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n, *model.input_shape)).astype(np.float32)
