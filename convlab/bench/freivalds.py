"""A convolution checked at the price of one output channel: what must be a sum of its channels, for random factors r.

    sum_o out[..., o] r[o] = conv(x, sum_o w[..., o] r[o]) + sum_o b[o] r[o]

A result that is wrong anywhere fails for nearly every r. Freivalds, "Probabilistic machines can use less running
time" (IFIP Congress 1977), checks products of matrices like that. It holds without an activation function, as
convolutions are timed here; with one it would hold for r with a single number alone.

The rounding errors of the channels have random signs, as their weights have; so their sum is held to the root of the
sum of squares. The magnitudes in it are bounded by sum_k |w_k x_k| <= |w| |x| (Cauchy and Schwarz), where the squares
of x under a window are one channel again.
"""

import numpy as np

from convlab.bench.case import Case
from convlab.bench.exact import LIKELY, Exact, gamma, unit, windows
from convlab.runtime.arrays import Array, module_of


def factors(random: np.random.Generator, filters: int) -> Array:
    """Return r: whole numbers (O,), none of them 0."""
    return random.integers(1, 9, filters) * random.choice([-1.0, 1.0], filters)


def projected(output: Array, r: Array) -> Array:
    """Return sum_o out[..., o] r[o] in float64 (N, OH, OW); no BLAS, whose threads would disturb who is timed."""
    if (xp := module_of(output)) is not np:
        return output.astype(np.float64) @ xp.asarray(r)
    found: Array = np.einsum("nyxo,o->nyx", output, r, dtype=np.float64)
    return found


def expected(case: Case, x: Array, w: Array, b: Array, r: Array) -> Exact:
    """Return what `projected` must give, and how far from it rounding may take it."""
    w, g, root = w.astype(np.float64), case.groups, case.filters**0.5
    # (KH, KW, C/G, G, O/G) . (G, O/G) -> (KH, KW, C/G, G), whose channels are turned into the order of x: (G, C/G)
    taps = np.einsum("yxcgo,go->yxgc", w.reshape(*w.shape[:3], g, -1), r.reshape(g, -1))
    value = _one_channel(case, x.astype(np.float64), taps.reshape(*w.shape[:2], -1)) + b.astype(np.float64) @ r
    squares = (np.square(w).sum((0, 1, 2)) * np.square(r)).reshape(g, -1).sum(1)  # (O,) -> (G,)
    spread = _spread(case, x, squares) + float(np.linalg.norm(b * r))
    # the last are the check's own roundings, of K O products
    bound = root * (gamma(case.terms, case.dtype) + gamma(case.terms * case.filters, "float64")) * spread
    norm = float(np.linalg.norm(spread))
    together = LIKELY * (unit(case.dtype) + root * unit("float64")) * norm
    return Exact(value, bound, together, norm / case.terms**0.5)


def _one_channel(case: Case, x: Array, taps: Array) -> Array:
    """Convolve x (N, H, W, C) with taps (KH, KW, C): all products first, then they are moved and added."""
    kh, kw, c = taps.shape
    # (N, H, W, C) @ (C, KH*KW) -> (N, H, W, KH*KW)
    products = x @ taps.reshape(kh * kw, c).T
    moved = [seen[..., ky * kw + kx] for (ky, kx), seen in windows(case, products)]
    return np.add.reduce(moved)


def _spread(case: Case, x: Array, squares: Array) -> Array:
    """Return the root of sum_o r_o^2 |w_o|^2 |x|^2 for each window; squares (G,) are those of r and w."""
    each = np.square(x, dtype=np.float64).reshape(*x.shape[:3], case.groups, -1).sum(4) @ squares
    return np.sqrt(np.add.reduce([seen[..., 0] for _, seen in windows(case, each[..., None])]))
