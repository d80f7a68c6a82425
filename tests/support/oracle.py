"""What convolution and pooling mean, in float64 and by loops: the answers the fast code is held against.

Nothing here is shared with convlab: padding, the walk of the window and the sums are written out again. Pairs are
(height, width); padding is an int, a pair, ((top, bottom), (left, right)), "valid" or "same".
"""

from itertools import product

import numpy as np


def four_sides(padding, size, kernel, stride=(1, 1), dilation=(1, 1)):
    """Return ((top, bottom), (left, right)); "same" by TensorFlow's rule, which looks at size modulo stride."""
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding == "same":
        return tuple(_same(*axis) for axis in zip(size, kernel, stride, dilation, strict=True))
    if isinstance(padding, int):
        return (padding, padding), (padding, padding)
    return tuple((side, side) if isinstance(side, int) else side for side in padding)


def _same(size, kernel, stride, dilation):
    reach = dilation * (kernel - 1) + 1
    total = max(reach - (size % stride or stride), 0)
    return total // 2, total - total // 2


def starts(size, before, after, kernel, stride=1, dilation=1):
    """Return where, in the padded axis, the window stands: walk until its last cell leaves."""
    found, start = [], 0
    while start + dilation * (kernel - 1) < before + size + after:
        found.append(start)
        start += stride
    return found


def surround(x, sides, value):
    """Return a float64 copy of x (N, H, W, C) with cells of `value` around it."""
    (top, bottom), (left, right) = sides
    n, h, w, c = x.shape
    padded = np.full((n, top + h + bottom, left + w + right, c), value, np.float64)
    padded[:, top : top + h, left : left + w] = x
    return padded


def conv2d(x, w, stride=(1, 1), padding="valid", dilation=(1, 1), groups=1):
    """Return the sum of products of every window, and the sum of their magnitudes, both (N, OH, OW, O)."""
    (kh, kw, per_group, filters), size = w.shape, x.shape[1:3]
    sides = four_sides(padding, size, (kh, kw), stride, dilation)
    padded, kernel = surround(x, sides, 0.0), w.astype(np.float64)
    tops = starts(size[0], *sides[0], kh, stride[0], dilation[0])
    lefts = starts(size[1], *sides[1], kw, stride[1], dilation[1])
    total = np.full((len(x), len(tops), len(lefts), filters), np.nan)
    magnitude = total.copy()
    for (i, top), (j, left), o in product(enumerate(tops), enumerate(lefts), range(filters)):
        rows = slice(top, top + dilation[0] * (kh - 1) + 1, dilation[0])
        columns = slice(left, left + dilation[1] * (kw - 1) + 1, dilation[1])
        group = o // (filters // groups)
        seen = padded[:, rows, columns, group * per_group : (group + 1) * per_group]
        products = (seen * kernel[..., o]).reshape(len(x), kh * kw * per_group)
        total[:, i, j, o] = products.sum(axis=1)
        magnitude[:, i, j, o] = np.abs(products).sum(axis=1)
    return total, magnitude


def pool2d(reduce, x, kernel, stride, padding):
    """Return `reduce` (a list of numbers -> a number) over the cells of each window that lie in the image."""
    (n, h, w, c), (kh, kw) = x.shape, kernel
    sides = four_sides(padding, (h, w), kernel, stride)
    tops = starts(h, *sides[0], kh, stride[0])
    lefts = starts(w, *sides[1], kw, stride[1])
    out = np.full((n, len(tops), len(lefts), c), np.nan)
    for b, (i, top), (j, left), k in product(range(n), enumerate(tops), enumerate(lefts), range(c)):
        y, x_ = top - sides[0][0], left - sides[1][0]
        inside = x[b, max(y, 0) : y + kh, max(x_, 0) : x_ + kw, k]
        out[b, i, j, k] = reduce([float(cell) for cell in inside.flat])
    return out


def mean(cells):
    """Return the mean of a list of numbers."""
    return sum(cells) / len(cells)


def largest(cells):
    """Return the largest of a list of numbers, or NaN if there is one."""
    return float("nan") if any(cell != cell for cell in cells) else max(cells)
