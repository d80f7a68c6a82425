"""A convolution that adds a shortcut to what it makes, for fused networks: one pass over memory less.

He et al., "Deep residual learning for image recognition" (arXiv 1512.03385), section 3.2.
"""

from typing import ClassVar

from convlab import ops
from convlab.layers.convolution import Conv2D
from convlab.runtime.arrays import Array


class Residual(Conv2D):
    """Convolution of the first input plus the second, which is of the output's shape; then ReLU, or nothing."""

    arity: ClassVar[int | None] = 2
    main_weight: ClassVar[str | None] = None  # the shortcut is added behind it

    @classmethod
    def of(cls, convolution: Conv2D, activation: str) -> "Residual":
        """Return a convolution as one that adds, and then has this activation function."""
        layer = cls.__new__(cls)
        vars(layer).update(vars(convolution), activation=activation)
        return layer

    def __call__(self, *inputs: Array) -> Array:
        """Compute (N, H, W, C) and (N, OH, OW, O) -> (N, OH, OW, O)."""
        x, shortcut = inputs
        kernel = self.kernel_for(x, "kernel", self.shapes["kernel"], self.window, self.groups)
        return ops.run_conv2d_onto(kernel, x, shortcut, self.weight_as("bias", x), self.activation == "relu")
