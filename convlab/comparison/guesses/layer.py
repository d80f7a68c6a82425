"""Guesses about one layer of the network: what it would compute, were it built in another way.

Each function takes the suspect, the node and the arrays that go into it, and yields (details, what would come out).
The layer itself is never changed.
"""

from convlab.comparison.guesses.enlarging import another_cut, another_interpolation
from convlab.comparison.guesses.functions import (
    activation_missing,
    activation_twice,
    along_another_axis,
    another_activation,
    another_alpha,
    another_slope,
    function_applied,
    gelu_of_the_other_kind,
    relu_applied,
)
from convlab.comparison.guesses.normalisation import another_epsilon, batch_statistics, other_statistics
from convlab.comparison.guesses.pooling import (
    several_in_pooling,
    the_other_pooling,
    windows_hang_over,
    zeros_compete,
    zeros_count,
    zeros_left_out,
)
from convlab.comparison.guesses.values import flat_orders
from convlab.comparison.guesses.weights import bias_missing, kernel_axes_swapped, kernel_reshaped, kernel_turned
from convlab.comparison.guesses.windows import another_dilation, another_padding, padding_on_the_other_side
from convlab.comparison.suspect import Guess, Outputs, Suspect
from convlab.layers import Dense, Flatten
from convlab.model.model import Node
from convlab.runtime.arrays import Array


def flattened_otherwise(suspect: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Flatten channels first, or undo that; or feed a dense layer so, which is all its kernel can tell."""
    x = inputs[0]
    if isinstance(node.layer, Flatten):
        if x.ndim in (4, 5):
            yield from flat_orders(node.layer(x), x.shape[1:])
    elif isinstance(node.layer, Dense) and (image := suspect.flattened.get(node.name)):
        for details, row in flat_orders(x, image):
            yield details, node.layer(row)


def layer_missing(suspect: Suspect, node: Node, inputs: list[Array]) -> Outputs:
    """Leave out the layer, where it has no weights, changes numbers and is no activation function."""
    known = node.layer.shapes or node.layer.reshapes or node.layer.activates
    if node is suspect.nodes[-1] and len(inputs) == 1 and not known:
        yield f" ({node.layer.kind})", inputs[0]


FEW = 4

LAYER_GUESSES = (
    Guess("kernel turned", "the kernel is turned by 180 degrees (a true convolution)", kernel_turned),
    Guess("kernel reshaped", "the kernel is reshaped instead of transposed", kernel_reshaped),
    Guess("kernel axes swapped", "the kernel's axes are swapped", kernel_axes_swapped),
    Guess("flatten order", "it is flattened in another order", flattened_otherwise),
    Guess(
        "padding on the other side", "the odd cell of the padding is at the top and left", padding_on_the_other_side
    ),
    Guess("ceil mode", "a window that hangs over the end counts (ceil_mode)", windows_hang_over),
    Guess("another padding", "its padding is another", another_padding, FEW),
    Guess("another dilation", "its dilation is another", another_dilation, FEW),
    Guess("activation missing", "its activation function is missing", activation_missing),
    Guess("ReLU applied", "a ReLU is applied to it", relu_applied),
    Guess("activation twice", "its activation function is applied twice", activation_twice),
    Guess("another GELU", "GELU is computed by the other formula", gelu_of_the_other_kind),
    Guess("another slope", "the slope below zero is another", another_slope),
    Guess("another alpha", "its alpha is another", another_alpha),
    Guess("another activation", "its activation function is another", another_activation, FEW),
    Guess("another axis", "it is along another axis", along_another_axis),
    Guess("batch statistics", "it uses the statistics of the batch, as in training", batch_statistics),
    Guess("another epsilon", "its epsilon is another", another_epsilon),
    Guess("other statistics", "it has the statistics", other_statistics, FEW),
    Guess("bias missing", "its bias is missing", bias_missing),
    Guess("zeros in max pooling", "the padding's zeros compete in max pooling", zeros_compete),
    Guess("zeros in average pooling", "the padding's zeros count in average pooling", zeros_count),
    Guess("zeros left out", "the zeros put around the image before it count for nothing", zeros_left_out),
    Guess("the other pooling", "it is the other pooling", the_other_pooling),
    Guess("another interpolation", "it interpolates in another way", another_interpolation, FEW),
    Guess("function applied", "a function is applied to it", function_applied, FEW),
    Guess("layer missing", "the layer is missing", layer_missing, 1),
    Guess("another cut", "other cells are cut off a transposed convolution's sides", another_cut, FEW),
)

LAST_LAYER_GUESSES = (  # several mistakes at once: only where no single one does it
    Guess("several mistakes in pooling", "", several_in_pooling, FEW),
)
