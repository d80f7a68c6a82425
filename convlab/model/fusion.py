"""A graph that computes the same with fewer passes over memory, for when nothing between is asked for.

Two calls become one where the second does no more than change, number by number, what the first writes, or than put
zeros around what it reads:

    batch normalisation after a convolution     w * s and (b - mean) * s + beta, with s = gamma / sqrt(variance + eps)
    an activation function after a convolution  the convolution's own
    ReLU after a sum                            the sum's own
    ReLU after batch normalisation              its own
    a sum of a convolution and one more         the convolution's own, ReLU too
    zeros around the input of a convolution     its padding
    zeros around the input of a max pooling     its padding (-inf), where no number in it is negative

so long as nobody else reads what the first writes. Jacob et al., arXiv 1712.05877, section 3.2, on the first of them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import inf

import numpy as np

from convlab.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Layer,
    MaxPooling2D,
    ReLU,
    ZeroPadding2D,
)
from convlab.layers.convolving import Convolving
from convlab.layers.functions import ACTIVATIONS
from convlab.layers.identity import Identity
from convlab.layers.residual import Residual
from convlab.model.graph import Graph, build_graph
from convlab.model.nodes import Node, own_layers
from convlab.ops.axes import is_last
from convlab.runtime.arrays import Shape
from convlab_kernels.window import Pair, Window


def fuse(graph: Graph) -> Graph:
    """Return a graph of new layers that computes the same outputs, under their names, in float32.

    Weights that need no change are shared, and so is what was prepared from them.
    """
    nodes = list(_skipping_identities(graph))
    readers = Counter([source for node in nodes for source in node.inputs] + list(graph.outputs))
    calls = Counter(node.layer.name for node in nodes)
    fused: dict[str, Node] = {}
    for node in own_layers(nodes):
        fused[node.name] = node
        for name in reversed(node.inputs):
            first = fused.get(name)
            if first is None or readers[name] > 1 or first.silenced:
                continue
            layer = _merged(first, node, fused)
            if layer is not None and calls[layer.name] == 1:
                others = (other for other in node.inputs if other != name)
                del fused[name]
                fused[node.name] = Node(node.name, layer, (*first.inputs, *others), node.silenced)
                break
    return build_graph(graph.name, graph.inputs, fused.values(), graph.outputs)


def _skipping_identities(graph: Graph) -> Iterator[Node]:
    """Yield the nodes but for those that hand on what they take."""
    origin: dict[str, str] = {}
    for node in graph.nodes:
        inputs = tuple(origin.get(source, source) for source in node.inputs)
        same = isinstance(node.layer, Identity) or _function(node.layer) == "linear"
        if same and not node.silenced and node.name not in graph.outputs:
            origin[node.name] = inputs[0]
        else:
            yield replace(node, inputs=inputs)


def _merged(first: Node, second: Node, fused: Mapping[str, Node]) -> Layer | None:
    """Return the layer that does what two do one after the other, None where there is none."""
    if len(second.inputs) > 1:
        return _residual(first.layer, second)
    main_weight = vars(type(first.layer)).get("main_weight")  # what a class inherits need not be true of it
    if main_weight is not None and first.layer.activation == "linear":
        if isinstance(second.layer, BatchNormalization):
            return _normalised(first.layer, main_weight, second.layer, second.input_shapes[0])
        function = _function(second.layer)
        return None if function is None else first.layer.altered(activation=function)
    adds = isinstance(first.layer, Residual) or (isinstance(first.layer, Add) and len(first.inputs) > 1)
    rectifies = adds or isinstance(first.layer, BatchNormalization)
    if rectifies and first.layer.activation == "linear" and _function(second.layer) == "relu":
        return first.layer.altered(activation="relu")
    if isinstance(first.layer, ZeroPadding2D):
        before = fused.get(first.inputs[0])
        positive = before is not None and ACTIVATIONS[before.layer.activation].ceiling is not None
        return _padded(first.layer.window, second.layer, positive)
    return None


def _residual(convolution: Layer, total: Node) -> Layer | None:
    """Return a convolution that adds the other of two equal shapes itself, None where that is not what follows it."""
    adds = isinstance(total.layer, Add) and len(total.input_shapes) == 2 and len(set(total.input_shapes)) == 1
    if adds and type(convolution) is Conv2D and convolution.activation == "linear":
        return Residual(convolution, total.layer.activation)
    return None


def _function(layer: Layer) -> str | None:
    """Return the name of the activation function that a layer is, None where it is another layer."""
    if isinstance(layer, Activation):
        return layer.activation
    if isinstance(layer, ReLU) and not layer.negative_slope and not layer.threshold:
        ceiling = inf if layer.max_value is None else layer.max_value
        return next((name for name, function in ACTIVATIONS.items() if function.ceiling == ceiling), None)
    return None


def _normalised(layer: Layer, name: str, norm: BatchNormalization, inputs: Shape) -> Layer | None:
    """Return a layer with that main weight that normalises too, None where it is not its channels that are."""
    if not is_last(norm.axis, len(inputs) + 1):
        return None
    w, bias = layer.weights[name].astype(np.float64), layer.weights.get("bias", 0)
    mean, variance = norm.weights["moving_mean"], norm.weights["moving_variance"]
    with np.errstate(all="ignore"):
        scale = norm.weights.get("gamma", 1) / np.sqrt(variance + np.float64(norm.epsilon))
        offset = (bias - mean) * scale + norm.weights.get("beta", 0)
        # the last axes are the outputs: (KH, KW, C/groups, O), (in, out), and (KH, KW, C, M) with C*M = O
        shape = w.shape[2:] if isinstance(layer, DepthwiseConv2D) else w.shape[-1:]
        weights = {name: (w * scale.reshape(shape)).astype(np.float32), "bias": offset.astype(np.float32)}
    if not all(np.isfinite(weight).all() for weight in weights.values()):
        return None
    return layer.altered(weights, {**layer.shapes, "bias": offset.shape}, use_bias=True)


def _padded(border: Window, layer: Layer, positive: bool) -> Layer | None:
    """Return a layer that puts a border of zeros around its input itself, None where it cannot."""
    convolves = isinstance(layer, Convolving)
    if not convolves and not (positive and isinstance(layer, MaxPooling2D)):
        return None
    window = layer.window
    if not isinstance(window, Window) or window.padding == "same":
        return None
    outer, inner = border.pads((0, 0)), window.padding
    sides = _added(outer[0], inner[0]), _added(outer[1], inner[1])
    if not convolves and any(max(pads) > cells // 2 for pads, cells in zip(sides, window.kernel, strict=True)):
        return None  # a place in the border alone would have no number to choose
    return layer.altered(padding=sides)


def _added(outer: Pair, inner: Pair) -> Pair:
    return outer[0] + inner[0], outer[1] + inner[1]
