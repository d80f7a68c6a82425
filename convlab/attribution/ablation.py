"""Attribution by ablation: which places of an image a class hangs on, found by silencing channels one by one."""

from collections.abc import Iterator, Mapping
from math import prod

import numpy as np

from convlab.errors import LayerNameError, ShapeError
from convlab.model.graph import build_graph
from convlab.model.logits import logits
from convlab.model.model import Model
from convlab.model.nodes import own_layers
from convlab.runtime.arrays import Array
from convlab.wording import unknown


def ablation_cam(
    model: Model, x: Array | Mapping[str, Array], layer: str, class_index: int | None = None, *, batch: int = 32
) -> Array:
    """Return where in the image a layer's channels hold evidence for a class, found without gradients.

    Ablation-CAM, Desai and Ramaswamy (WACV 2020), section 3: with A_k the layer's channel k, y the class's score and
    y_k its score when channel k is silenced, the map is ReLU(sum_k w_k A_k), w_k = (y - y_k) / y. The score is the
    value before the final softmax or sigmoid. The network is run once up to the layer, then only what lies behind
    it, `batch` silenced channels at a time.

    Parameters
    ----------
    model : Model
        A network with one output (classes,).
    x : array (N, *input_shape), or arrays by name
        As `model.run` takes it.
    layer : str
        A layer (node) of maps before the output: usually the last convolution.
    class_index : int, optional
        The class; by default, for each image, the one with the highest score.
    batch : int
        How many channels are silenced side by side: more is faster and takes more memory.

    Returns
    -------
    array (N, H', W')
        In the layer's own cells; `plot.overlay(..., values=cams[i])` lays it over the image.

    Raises
    ------
    LayerNameError
        Where the network has no such layer.
    ShapeError
        Where the layer has no maps, does not lead to the output, there is no such class, or a batch is empty.

    Notes
    -----
    The division by y scales a map as a whole. So where y is 0 it is left out, and where y is tiny the map is large.
    Where y is negative the formula turns every sign: the map shows what speaks against the class.
    """
    if batch < 1:
        raise ShapeError(f"ablation_cam: batch is {batch}, expected at least 1")
    score = _score(model)
    behind = _behind(model, layer, score.removesuffix("/pre"))
    acts = model.run(x, record=[*(name for name in behind.inputs if name not in model.inputs), score])
    values = {name: acts.inputs[name] if name in acts.inputs else acts[name] for name in behind.inputs}
    scores, maps = _rows(acts[score]), values[layer]  # (N, classes), (N, H', W', C)
    classes = scores.argmax(axis=1) if class_index is None else [_class(class_index, scores.shape[1])] * len(scores)
    cams = np.empty(maps.shape[:-1], maps.dtype)
    for i, number in enumerate(classes):
        alone = {name: value[[i]] for name, value in values.items()}
        y = float(scores[i, number])
        weights = np.zeros(maps.shape[-1])
        for channels, copies in _silenced(layer, alone, batch):
            silenced = _rows(behind.run(copies, record=score)[score])[:, number]
            weights[channels] = (y - silenced.astype(np.float64)) / (y or 1)
        cams[i] = np.maximum(maps[i] @ weights, 0)
    return cams


def _class(index: int, count: int) -> int:
    if isinstance(index, bool) or not isinstance(index, int | np.integer) or not 0 <= index < count:
        raise ShapeError(f"ablation_cam: class_index is {index!r}, but the network has classes 0 to {count - 1}")
    return int(index)


def _score(model: Model) -> str:
    """Return the name under which the class scores are recorded: the output before its softmax or sigmoid."""
    if len(model.output_shape) != 1:
        raise ShapeError(f"ablation_cam: the output of {model.name!r} has shape {model.output_shape}, not (classes,)")
    return logits(model.graph)


def _rows(scores: Array) -> Array:
    """Return scores as (N, classes), which may have been (N, 1, 1, classes) before they were flattened."""
    return scores.reshape(len(scores), prod(scores.shape[1:]))


def _behind(model: Model, layer: str, target: str) -> Model:
    """Return the part of a network from the values of `layer` to those of `target`, as a network of its own.

    Its inputs are that layer and whatever else, computed before or beside it, the part takes.
    """
    names = [node.name for node in model.nodes]
    if layer not in names:
        raise LayerNameError(unknown("layer", layer, names))
    if len(model.shapes[layer]) < 2:
        raise ShapeError(
            f"ablation_cam: layer {layer!r} has shape {model.shapes[layer]}, not (H, W, C): take one before the"
            " dense layers"
        )
    reached, needed = {layer}, {target}
    for node in model.nodes:
        if reached & set(node.inputs):
            reached.add(node.name)
    for node in reversed(model.nodes):
        if node.name in needed & reached - {layer}:
            needed |= set(node.inputs)
    nodes = [node for node in model.nodes if node.name in needed & reached - {layer}]
    if layer not in needed or not nodes:
        raise ShapeError(f"ablation_cam: layer {layer!r} does not lead to the output {target!r}")
    computed = {node.name for node in nodes}
    inputs = dict.fromkeys([layer, *(name for node in nodes for name in node.inputs if name not in computed)])
    shapes = {name: model.shapes[name] for name in inputs}
    return model.part(build_graph(model.name, shapes, own_layers(nodes), [target]))


def _silenced(layer: str, values: Mapping[str, Array], batch: int) -> Iterator[tuple[Array, dict[str, Array]]]:
    """Yield channels of the layer, and as many copies of one image's values, in each of which one is silenced.

    Left out are the channels that are 0 everywhere: silence changes nothing.
    """
    maps = values[layer]  # (1, H', W', C)
    loud = np.flatnonzero(maps.reshape(-1, maps.shape[-1]).any(axis=0))
    for start in range(0, len(loud), batch):
        channels = loud[start : start + batch]
        copies = {name: value.repeat(len(channels), axis=0) for name, value in values.items()}
        copies[layer][np.arange(len(channels)), ..., channels] = 0
        yield channels, copies
