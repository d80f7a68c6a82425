"""The kernel of rung 5, for a tile of any size.

The convolution is a product of matrices: out (P, O) = windows (P, depth) @ w (depth, O), where the depth counts the
numbers of a window, (ky * KW + kx) * C + c. The windows are never written down (the product is "implicit"): who loads
the tile of them that a step needs finds each number in x. A block computes a tile of out in steps of DEPTH, each
thread 8 x 8 numbers of it in registers: it reads 16 from shared memory for 64 multiplications.

What is new since rung 4:

- Four numbers in one instruction. Along the depth four of x lie side by side, as C is a multiple of 4, and along O
  four weights. In shared memory both tiles lie depth first: a thread's pixels are two fours, and its channels.
- Two tiles in turn. While a step multiplies one, the next is on its way from memory to registers; it is stored where
  the one before was, and one barrier a step suffices.
- Little in the loop but multiplications, 87 of 100 instructions. What does not change with the step is worked out
  before, and indices take 32 bits.

S. Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning" (2014), section 3, for the product; NVIDIA's
CUTLASS, "Efficient GEMM in CUDA", for the tiles.
"""

from functools import cache

from convlab_kernels.cuda.compiler.intrinsics import load4, load4_constant, store1, store4
from convlab_kernels.cuda.compiler.language import INT, Kernel, cuda, device_function, float32, int32, kernel, uint32
from convlab_kernels.cuda.convolution import SIGNATURE
from convlab_kernels.cuda.device_functions import clipped, divmod_uint32
from convlab_kernels.cuda.tiles import DEPTH, Tile

WARP_PIXELS, WARP_CHANNELS = 32, 64
"""Outputs of a warp: 4 x 8 threads have each two fours of pixels and two of channels, half of this apart."""

FAR = 1 << 30
"""A row that no image has."""


@device_function
def place_of(lane):
    """Return which of 4 x 8 threads a lane is: four by four, (0, 0), (1, 0), (0, 1), (1, 1), (0, 2), ...

    Fours reach a warp from shared memory in four reads, or in two where lanes n and n ^ 1 ask for the same, for all
    n, or else lanes n and n ^ 2 (NVIDIA's developer forum, topic 77228). Here the first holds for channels and the
    second for pixels; with lanes counted row by row, channels would take four. CUTLASS calls it interleaved by 2.
    """
    return int32((lane >> 4) * 2 + (lane & 1)), int32((lane >> 1) & 7)


@device_function
def start_tap(tap, depth, geometry):
    """Set tap, the (c, column, row) within the window, to a number of the depth; its row is FAR past the last."""
    _, _, _, C, _, _, _, KH, KW, _, _, DY, DX, _, _ = geometry
    pair, tap[0] = divmod_uint32(depth, C)
    ky, kx = divmod_uint32(pair, KW)
    tap[1] = int32(kx * DX)
    tap[2] = int32(ky * DY) if ky < KH else int32(FAR)


@device_function
def advance(tap, geometry):
    """Move tap by DEPTH. Where C is a multiple of it, the loop runs once in C // DEPTH steps."""
    _, _, _, C, _, _, _, KH, KW, _, _, DY, DX, _, _ = geometry
    tap[0] = int32(tap[0] + DEPTH)
    while tap[0] >= C:
        tap[0] = int32(tap[0] - C)
        tap[1] = int32(tap[1] + DX)
        if tap[1] == int32(KW * DX):
            tap[1] = int32(0)
            tap[2] = int32(tap[2] + DY)
            if tap[2] == int32(KH * DY):
                tap[2] = int32(FAR)


@device_function
def store_row(out, place, o, O, v0, v1, v2, v3):
    """Write the channels from o on, up to four, that there are."""
    if (O & 3) == 0:
        if o < O:
            store4(out, place, 0, (v0, v1, v2, v3))
    else:
        if o < O:
            store1(out, place, 0, v0)
        if o + 1 < O:
            store1(out, place, 1, v1)
        if o + 2 < O:
            store1(out, place, 2, v2)
        if o + 3 < O:
            store1(out, place, 3, v3)


@cache
def implicit_gemm(tile: Tile) -> Kernel:
    """Return the kernel whose blocks compute such a tile each.

    Its arguments are those of the others, and the steps of a block. Weights (depth, columns) end in zeros: depth is a
    multiple of DEPTH, columns is O rounded up to fours. C is a multiple of 4. blockIdx.x counts tiles, first those of
    the same pixels, so that what is read of x is read again soon; blockIdx.y counts parts of the depth. Each part
    writes its sums to an `out` of its own, behind the last's.
    """
    pixels, channels, threads = tile.pixels, tile.channels, tile.threads
    across = channels // WARP_CHANNELS  # warps side by side
    quads = channels // 4
    x_loads, w_loads = 256 // channels, 256 // pixels  # of each thread in a step
    x_apart, w_apart = pixels // x_loads, DEPTH // w_loads
    # Four threads store the 16 numbers of a pixel. In rows of `pixels` all four would meet in one bank; now two do.
    pitch = pixels + 4
    w_begin, size = DEPTH * pitch, DEPTH * (pitch + channels)
    both = 2 * size

    @device_function
    def start_windows(top, left, first, pixel, geometry):
        """Work out where in x the windows of a thread's pixels begin: row, column and index."""
        P, H, W, C, _, OH, OW, _, _, SY, SX, _, _, TOP, LEFT = geometry
        for e in range(x_loads):
            p = int32(min(int32(pixel + e * x_apart), int32(P - 1)))  # beyond the last: the last, to no avail
            rows, ox = divmod_uint32(p, OW)
            n, oy = divmod_uint32(rows, OH)
            top[e] = int32(oy * SY - TOP)
            left[e] = int32(ox * SX - LEFT)
            first[e] = int32(((n * H + top[e]) * W + left[e]) * C)

    @device_function
    def fetch_x(got, x, top, left, first, tap, geometry):
        """Read four numbers of each window from tap on: zeros beside the image."""
        _, H, W, C, _, _, _, _, _, _, _, _, _, _, _ = geometry
        for e in range(x_loads):
            for i in range(4):
                got[e, i] = float32(0)
            if uint32(int32(top[e] + tap[2])) < uint32(H) and uint32(int32(left[e] + tap[1])) < uint32(W):
                place = int32(first[e] + (tap[2] * W + tap[1]) * C + tap[0])
                got[e, 0], got[e, 1], got[e, 2], got[e, 3] = load4_constant(x, place, 0)

    @device_function
    def fetch_w(got, w, place, columns):
        """Read four weights of each w_apart-th row."""
        for e in range(w_loads):
            row = int32(place + e * w_apart * columns)
            got[e, 0], got[e, 1], got[e, 2], got[e, 3] = load4_constant(w, row, 0)

    @device_function
    def put(tiles, x_to, w_to, of_x, of_w):
        """Store what was read, depth first."""
        for e in range(x_loads):
            for i in range(4):
                store1(tiles, x_to, e * x_apart + i * pitch, of_x[e, i])
        for e in range(w_loads):
            store4(tiles, w_to, e * w_apart * channels, (of_w[e, 0], of_w[e, 1], of_w[e, 2], of_w[e, 3]))

    @device_function
    def multiply(total, tiles, x_from, w_from, k):
        """Add to a thread's outputs what number k of a step's depth gives."""
        a = cuda.local.array(8, float32)
        b = cuda.local.array(8, float32)
        a[0], a[1], a[2], a[3] = load4(tiles, x_from, k * pitch)
        a[4], a[5], a[6], a[7] = load4(tiles, x_from, k * pitch + WARP_PIXELS // 2)
        b[0], b[1], b[2], b[3] = load4(tiles, w_from, k * channels)
        b[4], b[5], b[6], b[7] = load4(tiles, w_from, k * channels + WARP_CHANNELS // 2)
        for i in range(8):
            for j in range(8):
                total[i, j] += a[i] * b[j]

    @device_function
    def multiply4(total, tiles, x_from, w_from, k):
        """Do so for four numbers; the compiler unrolls the two loops, but would not a third."""
        multiply(total, tiles, x_from, w_from, k)
        multiply(total, tiles, x_from, w_from, k + 1)
        multiply(total, tiles, x_from, w_from, k + 2)
        multiply(total, tiles, x_from, w_from, k + 3)

    @device_function
    def start_sums(total, bias, o, O, alone):
        """Set a thread's outputs to the bias, in one part of the depth alone, and to zeros in the others."""
        for j in range(8):
            channel = int32(o + (j & 3) + (j >> 2) * (WARP_CHANNELS // 2))
            start = float32(0)
            if alone and channel < O:
                start = bias[channel]
            for i in range(8):
                total[i, j] = start

    @device_function
    def finish(total, out, before, pixel, o, P, O, low, high):
        """Clip a thread's outputs and write them, behind `before` others' pixels."""
        for i in range(8):
            p = int32(pixel + (i & 3) + (i >> 2) * (WARP_PIXELS // 2))
            if p < P:
                for half in range(2):
                    channel = int32(o + half * (WARP_CHANNELS // 2))
                    v0 = clipped(total[i, half * 4], low, high)
                    v1 = clipped(total[i, half * 4 + 1], low, high)
                    v2 = clipped(total[i, half * 4 + 2], low, high)
                    v3 = clipped(total[i, half * 4 + 3], low, high)
                    store_row(out, int32((before + p) * O + channel), channel, O, v0, v1, v2, v3)

    @kernel(*SIGNATURE, INT, block=(threads,), blocks=tile.blocks, name=f"implicit_gemm_{pixels}x{channels}")
    def run(x, w, bias, out, low, high, geometry, steps):
        """Compute a tile, in steps of DEPTH: fetch the next while this one is multiplied."""
        P, _, _, C, O, _, _, KH, KW, _, _, _, _, _, _ = geometry
        tiles = cuda.shared.array(both, float32, alignment=16)
        total = cuda.local.array((8, 8), float32)
        of_x = cuda.local.array((x_loads, 4), float32)
        of_w = cuda.local.array((w_loads, 4), float32)
        top = cuda.local.array(x_loads, int32)
        left = cuda.local.array(x_loads, int32)
        first = cuda.local.array(x_loads, int32)
        tap = cuda.local.array(3, int32)
        thread, part = int32(cuda.threadIdx.x), int32(cuda.blockIdx.y)
        band, o0 = divmod_uint32(cuda.blockIdx.x, (O + channels - 1) // channels)
        pixel0, o0 = int32(band * pixels), int32(o0 * channels)
        begin, columns = int32(part * steps), int32((O + 3) & -4)
        left_over = min(steps, int32((KH * KW * C + DEPTH - 1) // DEPTH - begin))

        # What the thread fetches: of some pixels four numbers of the depth, of some of the depth four channels.
        x_depth, x_pixel = int32((thread & 3) * 4), int32(thread >> 2)
        w_depth, w_channel = int32(thread // quads), int32((thread % quads) * 4)
        start_windows(top, left, first, int32(pixel0 + x_pixel), geometry)
        start_tap(tap, int32(begin * DEPTH + x_depth), geometry)
        w_at = int32((begin * DEPTH + w_depth) * columns + min(int32(o0 + w_channel), int32(columns - 4)))
        x_to, w_to = int32(x_depth * pitch + x_pixel), int32(w_begin + w_depth * channels + w_channel)

        # What it computes.
        warp = int32(thread >> 5)
        row, column = place_of(int32(thread & 31))
        row = int32((warp // across) * WARP_PIXELS + row * 4)
        column = int32((warp % across) * WARP_CHANNELS + column * 4)
        x_from, w_from, turn = row, int32(w_begin + column), int32(size)
        start_sums(total, bias, int32(o0 + column), O, part == 0)

        fetch_x(of_x, x, top, left, first, tap, geometry)
        fetch_w(of_w, w, w_at, columns)
        put(tiles, x_to, w_to, of_x, of_w)
        cuda.syncthreads()
        while True:
            left_over = int32(left_over - 1)
            if left_over != 0:
                advance(tap, geometry)
                fetch_x(of_x, x, top, left, first, tap, geometry)
                w_at = int32(w_at + DEPTH * columns)
                fetch_w(of_w, w, w_at, columns)
            multiply4(total, tiles, x_from, w_from, 0)
            multiply4(total, tiles, x_from, w_from, 4)
            multiply4(total, tiles, x_from, w_from, 8)
            multiply4(total, tiles, x_from, w_from, 12)
            if left_over == 0:
                break
            x_to, w_to = int32(x_to + turn), int32(w_to + turn)
            x_from, w_from = int32(x_from + turn), int32(w_from + turn)
            turn = int32(-turn)
            put(tiles, x_to, w_to, of_x, of_w)
            cuda.syncthreads()
        finish(total, out, int32(part * P), int32(pixel0 + row), int32(o0 + column), P, O, low, high)

    return run
