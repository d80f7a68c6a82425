"""How far Winograd's convolution may lie from the exact one: a forward bound, from the transforms themselves.

Each number that goes into an output is rounded at most k times on its way through the algorithm, where k counts the
operations of the longest path; so its term comes out with a factor (1 + d_1) ... (1 + d_k), |d_i| <= u, which is
1 + e with |e| <= gamma_k: Higham, "Accuracy and Stability of Numerical Algorithms" (2nd edition), lemma 3.1. With
B, G, A written for what the steps compute, an output is a sum of terms A (G w) (B x), so that it errs by at most

    gamma_k * (|A.T| [ sum over channels of (|G| |w| |G.T|) * (|B.T| |x| |B|) ] |A|),      k = k_V + k_U + C + k_A

k_V and k_A are counted by running the transforms on a number that counts; to scale by a power of two is exact. C
products are summed with C roundings, a fused multiply-add having one less. U is computed in float64 and rounded once.

The bound holds where the algorithm on magnitudes is the product with |B.T|, |A.T| (no term is cancelled within a
transform), which is asserted, and without underflow.
"""

from math import frexp

import numpy as np

from support.closeness import gamma


class Magnitude:
    """A sum of magnitudes, and how often it was rounded."""

    def __init__(self, value, roundings=0):
        self.value, self.roundings = value, roundings

    def __add__(self, other):
        return Magnitude(self.value + other.value, max(self.roundings, other.roundings) + 1)

    __sub__ = __add__

    def __rmul__(self, factor):
        exact = frexp(factor)[0] in (0.5, -0.5)
        return Magnitude(abs(factor) * self.value, self.roundings + (not exact))


def matrix(transform, size):
    """Return the matrix of a transform, (results, size)."""
    return np.array(transform(list(np.eye(size))))


def magnitudes(transform, size):
    """Return the matrix of magnitudes, and the roundings of the longest path."""
    results = transform([Magnitude(row) for row in np.eye(size)])
    absolute = np.array([result.value for result in results])
    assert np.array_equal(absolute, np.abs(matrix(transform, size))), "terms cancel within the transform"
    return absolute, max(result.roundings for result in results)


def winograd_bound(minimal, x, w, sides, dtype):
    """Return what F(m x m, 3 x 3) may err by in each output (N, OH, OW, O), beside a bias.

    x is (N, H, W, C), w (3, 3, C, O), sides ((top, bottom), (left, right)).
    """
    m, t = minimal.outputs, minimal.outputs + 2
    inputs, into = magnitudes(minimal.input, t)
    outputs, out_of = magnitudes(minimal.output, t)
    kernels = np.einsum("ai,bj,ijco->abco", *[np.abs(minimal.filter)] * 2, np.abs(w.astype(np.float64)))
    (top, bottom), (left, right) = sides
    oh, ow = x.shape[1] + top + bottom - 2, x.shape[2] + left + right - 2
    ends = bottom + -oh % m, right + -ow % m  # the last tiles stand out
    padded = np.pad(np.abs(x.astype(np.float64)), ((0, 0), (top, ends[0]), (left, ends[1]), (0, 0)))
    tiles = np.lib.stride_tricks.sliding_window_view(padded, (t, t), axis=(1, 2))[:, ::m, ::m]  # (N, TH, TW, C, t, t)
    products = np.einsum("ai,bj,nyxcij,abco->nyxoab", inputs, inputs, tiles, kernels, optimize=True)
    spread = np.einsum("ia,jb,nyxoab->nyixjo", outputs, outputs, products, optimize=True)
    n, rows, _, columns, _, o = spread.shape
    magnitude = spread.reshape(n, rows * m, columns * m, o)[:, :oh, :ow]
    k = 2 * into + 1 + x.shape[3] + 2 * out_of
    # G w G.T in float64: on each way the entry of G, the product and two sums
    return (gamma(k, dtype) * (1 + gamma(8, np.float64)) + gamma(8, np.float64)) * magnitude
