"""How pictures become the inputs of a network whose file does not say it."""

from convlab.images.preprocessing import Preprocessing, assumed
from convlab.layers import Elementwise, Normalization, Rescaling
from convlab.model.graph import Graph

__all__ = ["assumed_for"]


def assumed_for(graph: Graph) -> Preprocessing | None:
    """Return what is assumed of a network on images, and None for one on anything else."""
    shapes = list(graph.inputs.values())
    if len(shapes) != 1 or len(shapes[0]) != 3 or shapes[0][2] not in (1, 3):
        return None
    return assumed(_rescales(graph), channels=shapes[0][2])


def _rescales(graph: Graph) -> bool:
    """Tell whether a network moves and scales its input's numbers, before anything else but crops and the like."""
    untouched = set(graph.inputs)
    for node in graph.nodes:
        if untouched.issuperset(node.inputs):
            constants = isinstance(node.layer, Elementwise) and any(one is not None for one in node.layer.operands)
            if constants or isinstance(node.layer, Rescaling | Normalization):
                return True
            untouched.update([] if node.layer.shapes else [node.name])
    return False
