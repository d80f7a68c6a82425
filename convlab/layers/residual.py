"""A convolution that adds a shortcut to what it makes, for fused networks: one pass over memory less.

He et al., "Deep residual learning for image recognition" (arXiv 1512.03385), section 3.2.
"""

from dataclasses import dataclass

from convlab import ops
from convlab.layers.base import SeveralInputs, Walk
from convlab.layers.convolution import Conv2D
from convlab.runtime.arrays import Array, Shape


@dataclass(eq=False)
class Residual(SeveralInputs):
    """Convolution of the first input plus the second, which is of the output's shape; then ReLU, or nothing.

    The name and the weights are the convolution's.

    Parameters
    ----------
    convolution : Conv2D
        Without an activation function.
    activation : str
        "relu" or "linear".
    """

    convolution: Conv2D
    activation: str = "linear"
    arity = 2

    def __post_init__(self) -> None:
        """Take the convolution's name and weights."""
        self.name, self.shapes, self._held = self.convolution.name, self.convolution.shapes, self.convolution._held

    def weight_shapes(self, *shapes: Shape) -> dict[str, Shape]:
        """Return those of the convolution."""
        return self.convolution.weight_shapes(shapes[0])

    def infer_shape(self, *shapes: Shape) -> Shape:
        """Return that of the convolution."""
        return self.convolution.infer_shape(shapes[0])

    def window_on(self, *shapes: Shape) -> Walk:
        """Return that of the convolution."""
        return self.convolution.window

    def multiply_adds(self, *shapes: Shape) -> int:
        """Return those of the convolution."""
        return self.convolution.multiply_adds(shapes[0])

    def __call__(self, *inputs: Array) -> Array:
        """Compute (N, H, W, C) and (N, OH, OW, O) -> (N, OH, OW, O)."""
        (x, shortcut), layer = inputs, self.convolution
        kernel = layer.kernel_for(x, "kernel", layer.shapes["kernel"], layer.window, layer.groups)
        return ops.run_conv2d_onto(kernel, x, shortcut, layer.weight_as("bias", x), self.activation == "relu")
