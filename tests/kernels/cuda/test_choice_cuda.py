"""The rule behind method="auto" on a GPU: what it chooses, where it changes its mind, and that it can be had."""

from itertools import product

import numpy as np
import pytest

from convlab_kernels.cuda import METHODS
from convlab_kernels.cuda.choice import fastest
from convlab_kernels.errors import ShapeError
from convlab_kernels.window import Window

SAME3 = Window((3, 3), padding="same")


def chosen(image, filters, window=SAME3, groups=1, dtype=np.float32, **allowed):
    return fastest(image, (*window.kernel, image[3] // groups, filters), window, groups, np.dtype(dtype), **allowed)


CHOICES = [
    (((8, 224, 224, 3), 64), {}, "implicit_gemm"),
    (((2, 224, 224, 64), 64), {}, "winograd"),
    (((1, 224, 224, 64), 64), {}, "implicit_gemm"),  # one image: a graph
    (((32, 28, 28, 256), 512), {}, "winograd"),
    (((32, 28, 28, 512), 256), {}, "winograd2x2"),  # F(4x4) is not accurate enough
    (((2, 28, 28, 256), 512), {}, "winograd2x2"),  # few tiles of 4 x 4
    (((2, 14, 14, 512), 512), {}, "implicit_gemm"),  # few tiles
    (((2, 28, 28, 64), 96), {}, "implicit_gemm"),  # few tiles of 4 x 4, and few channels for 2 x 2
    (((8, 56, 56, 64), 63), {}, "implicit_gemm"),
    (((8, 56, 56, 63), 64), {}, "implicit_gemm"),
    (((0, 56, 56, 64), 64), {}, "implicit_gemm"),
    (((8, 56, 56, 64), 64), {"propagate_nan": True}, "implicit_gemm"),
    (((8, 56, 56, 64), 64), {"window": Window((3, 3), padding=((2, 0), (1, 3)))}, "winograd"),
    (((8, 56, 56, 64), 64), {"window": Window((3, 3), (2, 1))}, "implicit_gemm"),
    (((8, 56, 56, 64), 64), {"window": Window((3, 3), dilation=(1, 2))}, "implicit_gemm"),
    (((8, 56, 56, 64), 64), {"window": Window((1, 1))}, "implicit_gemm"),
    (((8, 56, 56, 64), 64), {"window": Window((5, 3))}, "implicit_gemm"),
    (((8, 56, 56, 64), 64), {"tf32": True}, "tensor_core"),
    (((8, 56, 56, 3), 64), {"tf32": True}, "implicit_gemm"),
    (((8, 56, 56, 64), 64), {"dtype": np.float64}, "im2col"),
    (((8, 56, 56, 64), 64), {"dtype": np.float64, "tf32": True}, "im2col"),
    (((8, 56, 56, 64), 64), {"groups": 64, "dtype": np.float64}, "im2col"),
    (((8, 56, 56, 64), 64), {"groups": 64}, "depthwise"),
    (((8, 56, 56, 64), 128), {"groups": 64, "tf32": True}, "depthwise"),
    (((8, 56, 56, 64), 64), {"groups": 32}, "im2col"),
    (((8, 56, 56, 1), 64), {}, "implicit_gemm"),  # one channel is one group
    (((1, 1 << 16, 1 << 14, 2), 1), {"window": Window((3, 3), (1 << 8, 1 << 8))}, "im2col"),  # 2^31 numbers in x
    (((1, 1 << 15, 1 << 15, 1), 2), {}, "im2col"),  # in out
    (((2, 1 << 15, 1 << 15, 1), 1), {}, "implicit_gemm"),  # an image at a time
]


@pytest.mark.parametrize(("shapes", "options", "expected"), CHOICES, ids=str)
def test_what_is_chosen(shapes, options, expected):
    assert chosen(*shapes, **options) == expected


def test_it_says_where_nothing_is_left_of_an_image():
    with pytest.raises(ShapeError, match="output width is not positive"):
        chosen((1, 5, 2, 4), 6, Window((3, 3)))


def test_what_is_chosen_takes_the_convolution():
    kernels = [Window(kernel, stride) for kernel, stride in product([(3, 3), (1, 1), (2, 3)], [(1, 1), (1, 2)])]
    images = product((1, 8), (5, 33), (35,), (6, 72, 288))
    taken = set()
    for image, window, filters in product(images, kernels, (12, 144)):
        for groups, dtype, propagate_nan, tf32 in product(
            (1, 2, image[3]), (np.float32, np.float64), *[(False, True)] * 2
        ):
            o = filters * groups
            name = chosen(image, o, window, groups, dtype, propagate_nan=propagate_nan, tf32=tf32)
            if (name, image[3], window, filters, groups, dtype) not in taken:
                taken.add((name, image[3], window, filters, groups, dtype))
                w = np.broadcast_to(dtype(1), (*window.kernel, image[3] // groups, o))
                METHODS[name](w, window, groups)
    assert {name for name, *_ in taken} >= {"winograd", "winograd2x2", "implicit_gemm", "depthwise", "im2col"}
