"""The kernel of the tensor cores: one product of matrices, whose left factor is never stored.

A convolution is out (P, O) = windows (P, K) @ w (K, O), P pixels, K = KH * KW * C numbers under a window: "implicit
GEMM", Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning" (arXiv 1410.0759), section 3. A block computes
a tile of out. It walks along K, DEPTH numbers at a time:

    global memory --copy4_async--> shared memory, STAGES tiles deep --load_matrices--> registers --> tensor cores

While warps multiply the tile t, copies of the tiles t + 1 .. t + STAGES - 1 are under way, and no register holds
them. A copy of what lies in the padding is one of zeros, and so is one behind the last weight. Rows in shared memory
are 4 numbers longer than the tile is deep: so the 8 rows of a matrix, 16 bytes of each, lie in different banks, and
`load_matrices` reads them at once.

One compiled kernel serves every layer. Each thread copies the same 4 columns of the tile in all its rows, so that it
has to know one place (ky, kx, c) in the window; c moves on by DEPTH, and what exceeds C carries into kx, and into ky.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from convlab_kernels.cuda.compiler.intrinsics import (
    commit_group,
    copy4_async,
    load_matrices,
    store1,
    store2,
    wait_group,
)
from convlab_kernels.cuda.compiler.language import Kernel, cuda, device_function, float32, int32, kernel, uint32
from convlab_kernels.cuda.convolution import SIGNATURE
from convlab_kernels.cuda.device_functions import clipped

WARP = 32
PAD = 4
"""Numbers by which a row in shared memory is longer than the tile is deep."""

NOWHERE = -(2**30)
"""The top of a window that no row of an image lies in."""


@dataclass(frozen=True)
class Tile:
    """The part of out (P, O) that a block computes, and how.

    Attributes
    ----------
    pixels, channels : int
        Of the block.
    warp_pixels, warp_channels : int
        Of each of its warps: 16, 32 or 64 pixels, a multiple of 16 channels.
    depth : int
        Numbers along K of a tile in shared memory: 16 or 32.
    stages : int
        Tiles in shared memory at a time.
    blocks : int
        That a multiprocessor has room for.
    """

    pixels: int
    channels: int
    warp_pixels: int
    warp_channels: int
    depth: int
    stages: int
    blocks: int

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return WARP * (self.pixels // self.warp_pixels) * (self.channels // self.warp_channels)

    @property
    def shared(self) -> int:
        """Bytes of shared memory of a block."""
        return 4 * self.stages * (self.pixels + self.channels) * (self.depth + PAD)

    def count(self, pixels: int, channels: int) -> int:
        """Return how many tiles cover out (P, O)."""
        return -(-pixels // self.pixels) * -(-channels // self.channels)


@device_function
def window_at(pixel, geometry):
    """Return the row and column, and the index into x, where a pixel's window begins; NOWHERE for no pixel's."""
    P, H, W, C, _, OH, OW, _, _, SY, SX, _, _, TOP, LEFT = geometry
    real = pixel if pixel < P else int32(0)
    row = int32(uint32(real) // uint32(OW))
    n = int32(uint32(row) // uint32(OH))
    top, left = int32((row - n * OH) * SY - TOP), int32((real - row * OW) * SX - LEFT)
    start = int32(((n * H + top) * W + left) * C)
    return top if pixel < P else int32(NOWHERE), left, start


@device_function
def carried(down, right, c, geometry):
    """Return a place in a window, its row, its column and its channel, with a channel that exists."""
    C, KW, DY, DX = geometry[3], geometry[8], geometry[11], geometry[12]
    while c >= C:
        c, right = int32(c - C), int32(right + DX)
        if right == int32(KW * DX):
            right, down = int32(0), int32(down + DY)
    return down, right, c


def tensor_core_kernel(tile: Tile, multiply: Callable[..., Any], name: str) -> Kernel:
    """Return the kernel that computes a tile of out for each block; `multiply` is called as `multiply_tf32` is.

    It takes SIGNATURE, in a grid of as many blocks as there are tiles, those of the same pixels side by side: they
    read the same numbers of x. C is a multiple of 4. w is (Op, Kp), the K weights of an output channel side by side;
    what O and K lack to multiples of the tile's channels and depth is zeros.
    """
    PIXELS, CHANNELS, DEPTH, STAGES = tile.pixels, tile.channels, tile.depth, tile.stages
    WARP_PIXELS, WARP_CHANNELS, ROW = tile.warp_pixels, tile.warp_channels, tile.depth + PAD
    QUADS = DEPTH // 4  # of a row
    ROWS = tile.threads // QUADS  # that all threads copy at once
    LEFT, RIGHT = PIXELS // ROWS, CHANNELS // ROWS  # rows of either factor that a thread copies its four of
    HIGH, WIDE = WARP_PIXELS // 16, WARP_CHANNELS // 8  # products of matrices in a warp's part
    ACROSS = CHANNELS // WARP_CHANNELS
    SECOND, STAGE = PIXELS * ROW, (PIXELS + CHANNELS) * ROW  # where the right factor begins, and the next stage
    LAST = (STAGES - 1) * STAGE
    wait = wait_group(STAGES - 2)

    @device_function
    def copy_tile(memory, to, x, windows, place, w, weight, apart, inside, geometry):
        _, H, W, C, _, _, _, KH, _, _, _, DY, _, _, _ = geometry
        down, right, c = place
        rows = H if down < int32(KH * DY) else int32(0)  # behind the last weight there is nothing
        tap = int32((down * W + right) * C + c)
        for i in range(LEFT):
            seen = uint32(windows[i, 0] + down) < uint32(rows) and uint32(windows[i, 1] + right) < uint32(W)
            copy4_async(memory, to, i * ROWS * ROW, x, int32(windows[i, 2] + tap), seen)
        for i in range(RIGHT):
            copy4_async(memory, to, SECOND + i * ROWS * ROW, w, int32(weight + i * apart), inside)

    @device_function
    def multiply_eight(memory, left, right, k, totals):
        b = cuda.local.array((WIDE, 2), float32)
        for j in range(0, WIDE, 2):
            b[j, 0], b[j, 1], b[j + 1, 0], b[j + 1, 1] = load_matrices(memory, right, j * 8 * ROW + k)
        for i in range(HIGH):
            a0, a1, a2, a3 = load_matrices(memory, left, i * 16 * ROW + k)
            for j in range(WIDE):
                totals[i, j, 0], totals[i, j, 1], totals[i, j, 2], totals[i, j, 3] = multiply(
                    totals[i, j, 0], totals[i, j, 1], totals[i, j, 2], totals[i, j, 3],
                    a0, a1, a2, a3, b[j, 0], b[j, 1],
                )  # fmt: skip

    @device_function
    def finish(totals, bias, channel, low, high, O):
        for j in range(WIDE):
            for k in range(2):
                o = int32(channel + j * 8 + k)
                offset = bias[o] if o < O else float32(0)
                for i in range(HIGH):
                    totals[i, j, k] = clipped(totals[i, j, k] + offset, low, high)
                    totals[i, j, k + 2] = clipped(totals[i, j, k + 2] + offset, low, high)

    @device_function
    def store_sixteen(totals, i, out, pixel, channel, P, O):
        for k in range(2):
            place = int32((pixel + 8 * k) * O + channel)
            room = int32(O - channel) if pixel + 8 * k < P else int32(0)
            for j in range(WIDE):
                if O % 2 == 0:
                    if j * 8 < room:
                        store2(out, place, j * 8, totals[i, j, 2 * k], totals[i, j, 2 * k + 1])
                else:
                    if j * 8 < room:
                        store1(out, place, j * 8, totals[i, j, 2 * k])
                    if j * 8 + 1 < room:
                        store1(out, place, j * 8 + 1, totals[i, j, 2 * k + 1])

    @kernel(*SIGNATURE, block=(tile.threads,), blocks=tile.blocks, shared=tile.shared, name=name)
    def tensor_core(x, w, bias, out, low, high, geometry):
        P, C, O, KH, KW = geometry[0], geometry[3], geometry[4], geometry[7], geometry[8]
        memory = cuda.shared.array(0, float32)
        totals = cuda.local.array((HIGH, WIDE, 4), float32)
        windows = cuda.local.array((LEFT, 3), int32)
        for i in range(HIGH):
            for j in range(WIDE):
                for k in range(4):
                    totals[i, j, k] = float32(0)

        blocks_across = int32(uint32(O + CHANNELS - 1) // uint32(CHANNELS))
        block_down = int32(uint32(cuda.blockIdx.x) // uint32(blocks_across))
        pixel, channel = int32(block_down * PIXELS), int32((cuda.blockIdx.x - block_down * blocks_across) * CHANNELS)
        thread = int32(cuda.threadIdx.x)
        lane, warp = int32(thread & 31), int32(thread >> 5)

        # What this thread copies: four columns of every ROWS-th row.
        row, column = int32(thread // QUADS), int32(thread % QUADS * 4)
        steps = int32(uint32(KH * KW * C + DEPTH - 1) // uint32(DEPTH))
        for i in range(LEFT):
            windows[i, 0], windows[i, 1], windows[i, 2] = window_at(int32(pixel + row + i * ROWS), geometry)
        place = carried(int32(0), int32(0), column, geometry)
        weight, apart = int32((channel + row) * steps * DEPTH + column), int32(ROWS * steps * DEPTH)
        to = int32(row * ROW + column)

        # What its warp multiplies: where the rows begin that this lane names, and its first output.
        warp_pixel, warp_channel = int32(warp // ACROSS * WARP_PIXELS), int32(warp % ACROSS * WARP_CHANNELS)
        left = int32((warp_pixel + (lane & 15)) * ROW + (lane >> 4) * 4)
        right = int32(SECOND + (warp_channel + (lane & 7) + (lane >> 4) * 8) * ROW + (lane >> 3 & 1) * 4)
        pixel, channel = int32(pixel + warp_pixel + (lane >> 2)), int32(channel + warp_channel + (lane & 3) * 2)

        for step in range(STAGES - 1):
            copy_tile(memory, to, x, windows, place, w, weight, apart, step < steps, geometry)
            commit_group()
            place = carried(place[0], place[1], int32(place[2] + DEPTH), geometry)
            weight, to = int32(weight + DEPTH), int32(to + STAGE)
        to, read, remaining = int32(row * ROW + column), int32(0), steps
        while remaining > 0:
            wait()
            cuda.syncthreads()  # all of the tile has come, and nobody reads the one before: its stage is free
            free = int32(to + (read - STAGE if read > 0 else LAST))
            copy_tile(memory, free, x, windows, place, w, weight, apart, remaining >= STAGES, geometry)
            commit_group()
            place = carried(place[0], place[1], int32(place[2] + DEPTH), geometry)
            weight = int32(weight + DEPTH)
            cuda.syncwarp()  # lanes may have come apart in `carried`; matrices are the whole warp's
            # Calls in place of a loop, which the compiler would leave one: none waits for another's matrices.
            multiply_eight(memory, int32(left + read), int32(right + read), 0, totals)
            multiply_eight(memory, int32(left + read), int32(right + read), 8, totals)
            if DEPTH == 32:
                multiply_eight(memory, int32(left + read), int32(right + read), 16, totals)
                multiply_eight(memory, int32(left + read), int32(right + read), 24, totals)
            read, remaining = int32(read + STAGE) if read < LAST else int32(0), int32(remaining - 1)

        finish(totals, bias, channel, low, high, O)
        # Once more: a loop would need an index into totals, which then lies in memory.
        store_sixteen(totals, 0, out, pixel, channel, P, O)
        if HIGH > 1:
            store_sixteen(totals, 1, out, int32(pixel + 16), channel, P, O)
        if HIGH > 2:
            store_sixteen(totals, 2, out, int32(pixel + 32), channel, P, O)
            store_sixteen(totals, 3, out, int32(pixel + 48), channel, P, O)

    return tensor_core
