"""Which layers stand behind a Flatten, and what was flattened: the order of their rows is not in their shapes."""

from convlab.layers import Dense, Flatten, Permute, Shape
from convlab.model import Model


def flattened(model: Model) -> dict[str, tuple[int, int, int]]:
    """Return, for each layer that is fed what a Flatten layer made, the (H, W, C) that was flattened.

    Dropout, an activation or a normalisation between them keep the order. Where a network flattens channels first,
    its weights are in that order already; behind a Permute, what is flattened is not (H, W, C).
    """
    makers = {node.name: node.layer for node in model.nodes}
    images: dict[str, tuple[int, int, int]] = {}
    fed: dict[str, tuple[int, int, int]] = {}
    for node in model.nodes:
        source = node.inputs[0]
        if isinstance(node.layer, Flatten):
            shape = model.shapes[source]
            if len(shape) in (2, 3) and not node.layer.channels_first and not isinstance(makers.get(source), Permute):
                images[node.name] = _image(shape)
        elif source in images:
            fed[node.layer.name] = images[source]
            if not isinstance(node.layer, Dense):
                images[node.name] = images[source]
    return fed


def _image(shape: Shape) -> tuple[int, int, int]:
    """Return (H, W, C), a sequence (W, C) as an image of one row."""
    height, width, channels = (1, *shape)[-3:]
    return height, width, channels
