"""The transforms of Winograd's convolution on a GPU: a thread has one channel of one tile, all in registers.

V (cells, tiles, C) and M (cells, tiles, O) are arranged for the product between them, and that suits the transforms:
a thread's number is its place in each cell's matrix, and a warp writes, or reads, 32 numbers side by side 36 times.
What it reads of x is side by side too. There is nothing to share but the two columns that a tile sees of its
neighbour, and these the caches have.

Memory sets the pace: some ten instructions go with each number moved, and an H100 has time for about twenty while
one comes from its L2 cache, for thirty-five from its memory (estimates from its data sheet). So to move four channels
at a time would save instructions that cost nothing, for four times the registers.
"""

from convlab_kernels.cuda.compiler.language import (
    FLOAT,
    FLOATS,
    Kernel,
    cuda,
    device_function,
    float32,
    int32,
    ints,
    kernel,
    uint32,
)
from convlab_kernels.cuda.device_functions import clipped, divmod_uint32
from convlab_kernels.cuda.flat import THREADS
from convlab_kernels.minimal_filters import F2, F4, Minimal

GEOMETRY = ("FIRST", "TILES", "TH", "TW", "H", "W", "C", "TOP", "LEFT")
"""What a kernel's last argument says: the tiles that V and M have are TILES from FIRST on, of all N * TH * TW tiles.

H, W, C and the padding are x's; or the output's, without padding.
"""


@device_function
def put2(array, place, step, numbers):
    """Write two numbers to an array, a step apart."""
    array[place] = numbers[0]
    array[int32(place + step)] = numbers[1]


@device_function
def put4(array, place, step, numbers):
    """Write four numbers."""
    put2(array, place, step, numbers[:2])
    put2(array, int32(place + 2 * step), step, numbers[2:])


@device_function
def put6(array, place, step, numbers):
    """Write six numbers."""
    put4(array, place, step, numbers[:4])
    put2(array, int32(place + 4 * step), step, numbers[4:])


PUT = {2: put2, 4: put4, 6: put6}


@device_function
def tile_of(place, geometry):
    """Return image, tile's row, tile's column and channel of a thread's number in V or M."""
    FIRST, _, TH, TW, _, _, C, _, _ = geometry
    tile, c = divmod_uint32(place, C)
    line, column = divmod_uint32(int32(FIRST + tile), TW)
    n, row = divmod_uint32(line, TH)
    return n, row, column, c


def input_kernel(minimal: type[Minimal]) -> Kernel:
    """Return the kernel that makes V (cells, tiles, C) of x (N, H, W, C): V[:, tile, c] = B.T d B."""
    M = minimal.outputs
    T = M + 2
    CELLS = T * T
    transform, put = device_function(minimal.input), PUT[T]

    @kernel(FLOATS, FLOATS, ints(len(GEOMETRY)), block=(THREADS,), name=f"winograd{M}_input")
    def transform_input(x, v, geometry):
        _, TILES, _, _, H, W, C, TOP, LEFT = geometry
        cells = cuda.local.array(CELLS, float32)
        line = cuda.local.array(T, float32)
        step = int32(TILES * C)
        place = int32(cuda.blockIdx.x * THREADS + cuda.threadIdx.x)
        if place < step:
            n, row, column, c = tile_of(place, geometry)
            top, left = int32(row * M - TOP), int32(column * M - LEFT)
            for j in range(T):
                for i in range(T):
                    inside = uint32(top + i) < uint32(H) and uint32(left + j) < uint32(W)
                    cell = int32(((n * H + top + i) * W + left + j) * C + c)
                    line[i] = x[cell] if inside else float32(0)
                put(cells, j, T, transform(line, float32))
            for i in range(T):
                for j in range(T):
                    line[j] = cells[i * T + j]
                put(v, int32(place + i * T * step), step, transform(line, float32))

    return transform_input


def output_kernel(minimal: type[Minimal]) -> Kernel:
    """Return the kernel that makes out (N, OH, OW, O) of M (cells, tiles, O): A.T M[:, tile, o] A, bias, clipped."""
    M = minimal.outputs
    T = M + 2
    HALF = M * T
    transform, put = device_function(minimal.output), PUT[M]
    signature = FLOATS, FLOATS, FLOATS, FLOAT, FLOAT, ints(len(GEOMETRY))

    @kernel(*signature, block=(THREADS,), name=f"winograd{M}_output")
    def transform_output(m, bias, out, low, high, geometry):
        _, TILES, _, _, OH, OW, O, _, _ = geometry
        half = cuda.local.array(HALF, float32)
        line = cuda.local.array(T, float32)
        step = int32(TILES * O)
        place = int32(cuda.blockIdx.x * THREADS + cuda.threadIdx.x)
        if place < step:
            n, row, column, o = tile_of(place, geometry)
            top, left, offset = int32(row * M), int32(column * M), bias[o]
            for j in range(T):
                for i in range(T):
                    line[i] = m[int32(place + (i * T + j) * step)]
                put(half, j, T, transform(line, float32))
            for i in range(M):
                for j in range(T):
                    line[j] = half[i * T + j]
                put(line, 0, 1, transform(line, float32))
                for j in range(M):
                    if top + i < OH and left + j < OW:
                        pixel = int32((n * OH + top + i) * OW + left + j)
                        out[int32(pixel * O + o)] = clipped(line[j] + offset, low, high)

    return transform_output


input2, input4 = input_kernel(F2), input_kernel(F4)
output2, output4 = output_kernel(F2), output_kernel(F4)
