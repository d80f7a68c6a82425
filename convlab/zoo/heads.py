"""The classifier that most networks share: the mean of each map, and one dense layer."""

from convlab.layers import Dense, GlobalAveragePooling2D
from convlab.zoo.sketch import Sketch


def averaged_top(net: Sketch, x: str) -> str:
    """Lin, Chen and Yan, arXiv 1312.4400, section 3.2, with a dense layer behind it."""
    return net.chain((GlobalAveragePooling2D("avg_pool"), Dense("predictions", 1000, "softmax")), x)
