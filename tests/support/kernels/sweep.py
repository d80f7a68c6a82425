"""The convolutions that every kernel has to get right, and the check that it does.

The attributes are those of PyTorch's OpInfo samples for conv2d and of JAX's lax tests, crossed with each other.
Height and width are never alike, in anything: a kernel that swaps them cannot pass.
"""

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from support import oracle
from support.closeness import assert_close, sum_bound

KERNELS = [(2, 3), (4, 5), (1, 1), (3, 4)]
STRIDES = [(1, 1), (1, 2), (2, 1), (3, 2)]
PADDINGS = ["valid", 1, (2, 1), ((1, 2), (3, 0)), "same"]
DILATIONS = [(1, 1), (1, 2), (2, 3), (4, 4)]
CHANNELS = {  # batch, input channels, filters, groups
    "plain": (3, 9, 6, 1),
    "2 groups": (2, 18, 14, 2),
    "depthwise": (2, 9, 9, 9),
    "depthwise with multiplier": (1, 3, 6, 3),
}


@dataclass(frozen=True)
class Case:
    """One convolution; its numbers follow from its fields."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: object = "valid"
    dilation: tuple[int, int] = (1, 1)
    channels: str = "plain"
    batch: int | None = None
    size: tuple[int, int] | None = None

    @property
    def image(self):
        """(H, W): what the window needs, and some cells more, so that it takes several steps."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        return self.size or (dh * (kh - 1) + 4, dw * (kw - 1) + 8)

    @property
    def attributes(self):
        """The keyword arguments of conv2d."""
        window = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}
        return window | {"groups": CHANNELS[self.channels][3]}

    @property
    def terms(self):
        """Roundings in one output: a product for each cell of the kernel, and the bias."""
        _, c, _, groups = CHANNELS[self.channels]
        return self.kernel[0] * self.kernel[1] * c // groups + 1

    @property
    def arrays(self):
        """Return x (N, H, W, C), w (KH, KW, C/groups, O) and b (O,), float32."""
        batch, c, o, groups = CHANNELS[self.channels]
        random = np.random.default_rng([*self.kernel, *self.stride, *self.dilation, c, o])
        n = batch if self.batch is None else self.batch
        shapes = (n, *self.image, c), (*self.kernel, c // groups, o), (o,)
        return tuple(random.standard_normal(shape).astype(np.float32) for shape in shapes)


@cache
def exact(case):
    """Return the float64 sums of products and the sums of their magnitudes, without the bias."""
    x, w, _ = case.arrays
    return oracle.conv2d(x, w, **case.attributes)


# every third of all 1280: three divides none of the lists' lengths, so each value still meets each other list's
CROSSED = [Case(*fields) for fields in product(KERNELS, STRIDES, PADDINGS, DILATIONS, CHANNELS)][::3]
CORNERS = [
    Case((2, 3), batch=0),
    Case((4, 5), (3, 2), "same", batch=0),
    Case((2, 3), channels="2 groups", batch=0),
    Case((2, 3), (3, 2), (2, 1), batch=1),
    Case((4, 5), size=(4, 5)),  # one place
    Case((4, 5), padding=((1, 2), (3, 0)), size=(2, 3)),  # fits with its padding only
    Case((2, 3), (9, 8), size=(5, 7)),  # steps over the end
    Case((1, 1), (3, 2), "same"),  # steps over cells: no padding
    Case((3, 4), padding=((5, 7), (6, 9))),  # windows in the padding alone
    Case((1, 4), (2, 1), "same", (3, 2)),
    Case((5, 1), (1, 3), (4, 0), (2, 7)),
]


def check(conv2d, case, dtype=np.float32, bias=True):
    """Assert that conv2d's answer to the case has the exact one's shape, dtype and, up to rounding, values."""
    x, w, b = (array.astype(dtype) for array in case.arrays)
    actual = conv2d(x, w, b if bias else None, **case.attributes)
    expected, magnitude = exact(case)
    if bias:
        expected, magnitude = expected + b, magnitude + np.abs(b)
    label = f"{case}, {np.dtype(dtype)}, bias {bias}"
    assert actual.dtype == dtype, f"{label}: dtype {actual.dtype}"
    assert_close(actual, expected, sum_bound(case.terms, magnitude, dtype), label)


def sweep(conv2d, cases=(*CROSSED, *CORNERS)):
    """Check conv2d on all cases, in both precisions, with and without bias."""
    for case, dtype, bias in product(cases, (np.float32, np.float64), (True, False)):
        check(conv2d, case, dtype, bias)
