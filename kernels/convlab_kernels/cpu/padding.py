"""Images with zeros around them, one at a time: a batch of padded copies would be as large as the batch."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convlab_kernels.window import Sides


def padded_images(x: NDArray[Any], pads: Sides) -> Iterator[NDArray[Any]]:
    """Yield each image of x (N, H, W, C) with its padding; the next one takes the place of the last in memory."""
    if pads == ((0, 0), (0, 0)):
        yield from x
        return
    _, h, w, c = x.shape
    (top, bottom), (left, right) = pads
    padded = np.zeros((top + h + bottom, left + w + right, c), x.dtype)
    for image in x:
        padded[top : top + h, left : left + w] = image
        yield padded
