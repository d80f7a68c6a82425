"""What the operations on volumes mean, in float64 and by loops over every output; see `oracle`."""

from itertools import product

import numpy as np

from support.oracle import starts


def six_sides(padding, size, kernel, stride=(1, 1, 1), dilation=(1, 1, 1)):
    """Return the cells before and after each axis; "same" by TensorFlow's rule, which looks at size modulo stride."""
    if padding == "valid":
        return ((0, 0),) * 3
    if padding != "same":
        return padding
    sides = []
    for n, k, s, d in zip(size, kernel, stride, dilation, strict=True):
        total = max(d * (k - 1) + 1 - (n % s or s), 0)
        sides.append((total // 2, total - total // 2))
    return tuple(sides)


def walks(size, sides, kernel, stride, dilation=(1, 1, 1)):
    """Return, for each axis, where the window starts in the padded volume."""
    return [starts(n, *both, k, s, d) for n, both, k, s, d in zip(size, sides, kernel, stride, dilation, strict=True)]


def surround(x, sides):
    """Return a float64 copy of x (N, D, H, W, C) with zeros around it."""
    n, *size, c = x.shape
    padded = np.zeros((n, *(before + cells + after for (before, after), cells in zip(sides, size, strict=True)), c))
    (f, _), (t, _), (s, _) = sides
    padded[:, f : f + size[0], t : t + size[1], s : s + size[2]] = x
    return padded


def conv3d(x, w, stride=(1, 1, 1), padding="valid", dilation=(1, 1, 1), groups=1):
    """Return the sum of products of every window, and the sum of their magnitudes, both (N, OD, OH, OW, O)."""
    *kernel, per_group, filters = w.shape
    sides = six_sides(padding, x.shape[1:4], kernel, stride, dilation)
    padded, per_output = surround(x, sides), filters // groups
    places = walks(x.shape[1:4], sides, kernel, stride, dilation)
    total = np.full((len(x), *map(len, places), filters), np.nan)
    magnitude = total.copy()
    for (i, z), (j, y), (k, x_), o in product(*map(enumerate, places), range(filters)):
        starting = zip((z, y, x_), kernel, dilation, strict=True)
        cells = tuple(slice(at, at + d * (n - 1) + 1, d) for at, n, d in starting)
        first = o // per_output * per_group
        terms = padded[(slice(None), *cells, slice(first, first + per_group))] * w[..., o].astype(np.float64)
        total[:, i, j, k, o] = terms.reshape(len(x), -1).sum(axis=1)
        magnitude[:, i, j, k, o] = np.abs(terms).reshape(len(x), -1).sum(axis=1)
    return total, magnitude


def conv3d_transpose(x, w, stride, dilation=(1, 1, 1)):
    """Return what every input adds to a grid large enough for all, and the magnitudes, both (N, GD, GH, GW, O)."""
    *kernel, filters, channels = w.shape
    grid = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(x.shape[1:4], stride, dilation, kernel, strict=True)]
    total = np.zeros((len(x), *grid, filters))
    magnitude = total.copy()
    for i, j, k, a, b, c, o, channel in product(*map(range, (*x.shape[1:4], *kernel, filters, channels))):
        under = tuple(n * s + m * d for n, s, m, d in zip((i, j, k), stride, (a, b, c), dilation, strict=True))
        term = x[:, i, j, k, channel].astype(np.float64) * float(w[a, b, c, o, channel])
        total[(slice(None), *under, o)] += term
        magnitude[(slice(None), *under, o)] += abs(term)
    return total, magnitude


def pool3d(reduce, x, kernel, stride, padding):
    """Return `reduce` (a list of numbers -> a number) over the cells of each window that lie in the volume."""
    n, *size, channels = x.shape
    sides = six_sides(padding, size, kernel, stride)
    places = walks(size, sides, kernel, stride)
    out = np.full((n, *map(len, places), channels), np.nan)
    for b, (i, z), (j, y), (k, x_), c in product(range(n), *map(enumerate, places), range(channels)):
        firsts = [at - before for at, (before, _) in zip((z, y, x_), sides, strict=True)]
        inside = tuple(slice(max(first, 0), first + cells) for first, cells in zip(firsts, kernel, strict=True))
        out[b, i, j, k, c] = reduce([float(cell) for cell in x[(b, *inside, c)].flat])
    return out
