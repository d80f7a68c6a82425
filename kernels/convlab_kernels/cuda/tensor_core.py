"""Rungs 8 and 9: matrices multiplied by the tensor cores, with factors of 11 bits, and with float32's of 24.

A tensor core multiplies matrices (16, 8) and (8, 8) in one instruction of a warp, 1024 products where an FFMA has 32.
Its factors are TF32: float32's range, but 11 significant bits for 24 (NVIDIA, "NVIDIA A100 Tensor Core GPU
Architecture", 2020). It cuts off the rest. Cut factors are all too small, and so are the sums; rounded ones err by
half as much, either way. Weights are rounded once, here; activations when they are in registers, in two instructions.

    TensorCore    a * b with both rounded: (1 + d) (1 + e), |d|, |e| <= 2^-11, so that a product errs by 2^-10.
    TensorCore3x  a = p + r, b = q + s, p and q cut to TF32: r * q + p * s + p * q, what is small first. Lost are
                  r * s, below 2^-20 |a b|, and of r and s, which have 13 bits, the last two: 3 2^-23 |a b| each.
                  Ootomo and Yokota, "Recovering single precision accuracy from Tensor Cores" (arXiv 2203.03341).

Products are exact, and sums of them are not rounded but cut: the addends of one instruction, nine for each output, to
24 bits of the largest, then the sum (Fasi, Higham, Mikaitis and Pranesh, "Numerical behavior of NVIDIA tensor cores",
PeerJ Computer Science 7:e330, 2021; newer ones keep more bits). To the 2^-10 of TF32 that adds little. For
TensorCore3x it would be the largest error, as Ootomo and Yokota found, section 4.2. So it does as they do: tensor
cores add 8 products, and FADD, which rounds, adds those sums. With K products it errs by at most (50 + K / 8) 2^-24
times the sum of their magnitudes, where a float32 sum may by K 2^-24.

Weights too are split in registers, 16 instructions beside 48 of the tensor cores: split before, they would take half
as much shared memory again, and as many more reads of it, and of these there are fewer to spare.

NaN stays NaN in both. An infinite factor gives TensorCore what IEEE 754 says, but TensorCore3x NaN: of infinity, p is
infinity and r infinity - infinity. A test for it would cost as much as the split.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from convlab_kernels.arrays import module_of
from convlab_kernels.cuda.chip import AMPERE, capability_of, multiprocessors_of, shared_of
from convlab_kernels.cuda.compiler.intrinsics import multiply_tf32, power_of_two, split_tf32
from convlab_kernels.cuda.compiler.language import Kernel, device_function, float32
from convlab_kernels.cuda.convolution import GpuConvolution, in_fours, round_up
from convlab_kernels.cuda.tensor_core_kernel import Tile, tensor_core_kernel
from convlab_kernels.errors import UnsupportedError
from convlab_kernels.window import Window

HALF = np.float32(2**-11)
"""Half of what TF32's last bit is worth, beside its first."""


@device_function
def rounded(number):
    """Return a number that, cut to TF32, is the given one rounded to the nearest; NaN stays NaN."""
    return number + HALF * power_of_two(number)


@device_function
def multiply_rounded(c0, c1, c2, c3, a0, a1, a2, a3, b0, b1):
    """Return this lane's numbers of c + a @ b; b is rounded already."""
    return multiply_tf32(c0, c1, c2, c3, rounded(a0), rounded(a1), rounded(a2), rounded(a3), b0, b1)


@device_function
def rest(number):
    """Return what a tensor core cuts off from a number, exactly."""
    return split_tf32(number)[1]


@device_function
def multiply_split(c0, c1, c2, c3, a0, a1, a2, a3, b0, b1):
    """Return this lane's numbers of c + a @ b as if the factors were float32: given whole, they are cut."""
    r0, r1, r2, r3 = rest(a0), rest(a1), rest(a2), rest(a3)
    zero = float32(0)
    d0, d1, d2, d3 = multiply_tf32(zero, zero, zero, zero, r0, r1, r2, r3, b0, b1)
    d0, d1, d2, d3 = multiply_tf32(d0, d1, d2, d3, a0, a1, a2, a3, rest(b0), rest(b1))
    d0, d1, d2, d3 = multiply_tf32(d0, d1, d2, d3, a0, a1, a2, a3, b0, b1)
    return c0 + d0, c1 + d1, c2 + d2, c3 + d3


def kernels_for(multiply: Any, name: str, *tiles: Tile) -> dict[Tile, Kernel]:
    """Return a kernel for each tile."""
    return {
        tile: tensor_core_kernel(tile, multiply, f"{name}_{tile.pixels}x{tile.channels}x{tile.depth}")
        for tile in tiles
    }


TF32 = kernels_for(
    multiply_rounded,
    "tensor_core",
    Tile(128, 128, 64, 64, depth=32, stages=3, blocks=2),
    Tile(128, 64, 64, 32, depth=32, stages=3, blocks=2),
    Tile(64, 64, 32, 32, depth=32, stages=3, blocks=4),
)
"""Kernels by tile, the one with the fewest instructions for a product first."""

TF32_3X = kernels_for(
    multiply_split,
    "tensor_core_3x",
    Tile(128, 64, 64, 32, depth=16, stages=4, blocks=2),
    Tile(64, 64, 32, 32, depth=16, stages=4, blocks=4),
)
"""The same: wider tiles need more registers than there are."""


class TensorCore(GpuConvolution):
    """Factors rounded to TF32, 11 bits."""

    name = "tensor_core"
    amplification = 2.0**11  # of rounding errors: float32 has 24 bits
    kernels: Mapping[Tile, Kernel] = TF32

    def __init__(self, w: Any, window: Window, groups: int = 1) -> None:
        if (found := capability_of(w)) < AMPERE:
            major, minor = found
            raise UnsupportedError(
                f"{self.name}: a GPU of compute capability {major}.{minor}, expected 8.0 or more: use implicit_gemm"
            )
        super().__init__(w, window, groups)

    def arranged(self, w: Any) -> Any:
        """Return the weights of each output channel side by side, rounded to TF32: see `tensor_core_kernel`."""
        xp, matrix = module_of(w), rows_of(w, self.kernels)
        bits = matrix.view(xp.uint32)
        return matrix + HALF * (bits & xp.uint32(0xFF800000)).view(xp.float32)

    def __call__(self, x: Any, out: Any, bias: Any = None, relu: bool = False, ceiling: float = np.inf) -> None:
        """Convolve x (N, H, W, C) into out (N, OH, OW, O), C in fours."""
        super().__call__(in_fours(x), out, bias, relu, ceiling)

    def launch(self, x: Any, bias: Any, out: Any, low: np.float32, high: np.float32) -> None:
        """Launch a block for each tile, of those for which the GPU has shared memory."""
        geometry = self.geometry(x, out)
        pixels, channels = int(geometry[0]), out.shape[3]
        tiles = tuple(tile for tile in self.kernels if tile.shared <= shared_of(x))
        tile = tile_for(tiles, pixels, channels, multiprocessors_of(x))
        self.kernels[tile]((tile.count(pixels, channels),), x, self.w, bias, out, low, high, geometry)


class TensorCore3x(TensorCore):
    """Factors of float32, each as a sum of two of TF32."""

    name = "tensor_core_3x"
    amplification = 1.0
    kernels: Mapping[Tile, Kernel] = TF32_3X

    def arranged(self, w: Any) -> Any:
        """Return the weights of each output channel side by side: see `tensor_core_kernel`."""
        return rows_of(w, self.kernels)


def rows_of(w: Any, tiles: Mapping[Tile, Any]) -> Any:
    """Return weights (KH, KW, C, O) as (Op, Kp), an output channel a row, with zeros: see `tensor_core_kernel`."""
    *kernel, c, o = w.shape
    depth, channels = max(tile.depth for tile in tiles), max(tile.channels for tile in tiles)
    taps = module_of(w).zeros((round_up(o, channels), *kernel, round_up(c, 4)), w.dtype)
    taps[:o, ..., :c] = w.transpose(3, 0, 1, 2)
    rows = taps.reshape(len(taps), -1)
    matrix = module_of(w).zeros((len(taps), round_up(rows.shape[1], depth)), w.dtype)
    matrix[:, : rows.shape[1]] = rows
    return matrix


def tile_for(tiles: tuple[Tile, ...], pixels: int, channels: int, multiprocessors: int) -> Tile:
    """Return the first tile of which there is one for each multiprocessor, none of them half empty; else the last."""
    for tile in tiles[:-1]:
        if tile.count(pixels, channels) >= multiprocessors and 2 * channels > tile.channels:
            return tile
    return tiles[-1]
