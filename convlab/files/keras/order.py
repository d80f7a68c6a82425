"""The order in which Keras lists the layers of a network, which is that of the weights in its .h5 files."""

from convlab.model.graph import Graph


def keras_order(graph: Graph) -> list[str]:
    """Return the names of the layers: those furthest from the outputs first, as `Functional` in Keras sorts them.

    Layers as far from them are in the order in which a walk back from the outputs meets them.
    """
    nodes = {node.name: node for node in graph.nodes}
    depths = dict.fromkeys(nodes, 0)  # calls between a node and the furthest output
    for node in reversed(graph.nodes):
        for source in nodes.keys() & set(node.inputs):
            depths[source] = max(depths[source], depths[node.name] + 1)
    met: dict[str, int] = {}
    ahead = list(reversed(graph.outputs))
    while ahead:
        name = ahead.pop()
        if name in nodes and name not in met:
            met[name] = len(met)
            ahead.extend(reversed(nodes[name].inputs))
    names = sorted(met, key=lambda name: (-depths[name], met[name]))
    return list(dict.fromkeys(nodes[name].layer.name for name in names))
