"""The border that Keras' networks put around an image before a stride of two."""

from convlab.runtime.arrays import Shape
from convlab_kernels.window import Pair


def even_border(shape: Shape, kernel: int) -> tuple[Pair, Pair]:
    """Return ((top, bottom), (left, right)): half a kernel, one less at the top and left of an even side.

    So that a window of stride 2 sees the same pixels of an even and of an odd side; `correct_pad` in Keras.
    """
    half = kernel // 2
    top, left = (half - (1 - side % 2) for side in shape[:2])
    return (top, half), (left, half)
