"""What an H100 takes at best for a convolution by each rung of the ladder: predicted, not measured.

The source is the machine code that the compiler makes of the kernels for an H100, counted in
`convlab_kernels/cuda/machine_code.json`: the instructions of a kernel's hottest loop, by kind. A rung's grid and its
tiles say how often a warp goes round that loop, and how many warps the busiest multiprocessor has. Each launch then
takes as long as what it keeps busiest, of

    issue slots     instructions of warps, 4 a clock of a multiprocessor
    shared memory   and the first-level cache, one path: 128 bytes a clock of a multiprocessor
    tensor cores    1024 products of TF32 a clock of a multiprocessor
    FP32 units      128 products a clock of a multiprocessor: of cuBLAS' products, whose code is not counted here
    L2 cache        5120 bytes a clock, of what passes the first-level cache by, and what kernels leave for the next
    memory          3.35e12 bytes a second, each number moved once

and a rung as long as its launches, one after the other, with a microsecond for each. All of these are the most that
there is, at the highest clock: "NVIDIA H100 Tensor Core GPU Architecture" (2022) and its data sheet (SXM5, PCIe 5);
5120 bytes is what "NVIDIA A100 Tensor Core GPU Architecture" (2020) says of the A100's L2, and of the H100's nothing
is said; a microsecond is an estimate.

So it is a bound from below, and an estimate only of what it leaves out: waits (for memory, at barriers, for a warp's
own last result), what stands before and after the loop, banks of shared memory that collide, clocks that fall under
load. Nothing here has been held against an H100 yet; published products of cuBLAS reach three quarters of the peak.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from math import ceil, prod
from typing import Any

import numpy as np

from convlab.bench.case import Case
from convlab.bench.machine import Machine
from convlab.bench.report import Result
from convlab.bench.spread import Spread
from convlab.errors import UnsupportedError
from convlab_kernels.cuda import METHODS
from convlab_kernels.cuda.chip import MULTIPROCESSORS
from convlab_kernels.cuda.convolution import round_up

CLOCK = 1.98e9
ISSUED, MOVED, TF32, FLOAT32 = (
    4,
    128,
    1024,
    128,
)  # a clock of a multiprocessor: instructions of warps; bytes; products
L2, CACHE = 5120, 50 << 20  # bytes a clock; bytes
MEMORY, LAUNCH, BUS = 3.35e12, 1e-6, 64e9  # bytes a second; seconds; bytes a second from the host, and to it
WARP, SECTOR = 32, 32  # threads; bytes
MATRICES = 16 * 8 * 8  # products of a warp in one instruction of the tensor cores
BYTES = {
    **{f"{kind}.{bits}": bits * 4 for kind in ("LDG", "STG", "STS", "LDGSTS") for bits in (32, 64, 128)},
    **{"LDS.32": 128, "LDS.64": 256, "LDS.128": 256, "LDSM": 512},
}
"""Of a warp's instruction; fours from shared memory are read by two lanes at a time (`place_of` in
`implicit_gemm_kernel`)."""
THREE_TIMES = "tensor_core_3x"
"""The rung that multiplies three times for a product."""

Launch = Mapping[str, float]
"""What a launch may be bound by, and the seconds of each."""


@dataclass(frozen=True)
class H100(Machine):
    """The GPU that is predicted for: its limits are those of its data sheet."""

    limits = "peak", "memory"

    def __str__(self) -> str:
        peak, memory = f"{self.product / 1e12:.1f} TFLOP/s ({self.dtype})", f"{self.copy / 1e12:.2f} TB/s"
        return f"{self.description}\npeak {peak}, memory {memory}"


def h100(dtype: str = "float32") -> H100:
    """Return its limits; float64 has as many operations a second, in tensor cores of its own."""
    sold = f"NVIDIA H100 SXM, {MULTIPROCESSORS} multiprocessors at {CLOCK / 1e9:.2f} GHz"
    peak = 2 * MULTIPROCESSORS * FLOAT32 * CLOCK
    return H100(f"{sold}: predicted, not measured, as there is no GPU here", dtype, peak, MEMORY, 0, 0)


def predict(case: Case, method: str) -> Result:
    """Return the least seconds that a rung takes, and what binds it; skipped where it does not take the case."""
    if method not in RUNGS:
        return Result(method, skipped="not predicted: its machine code is not ours")
    try:
        w = np.zeros(case.shapes[1], case.dtype)
        launches = list(RUNGS[method](case, METHODS[method](w, case.window, case.groups)))
    except UnsupportedError as error:
        return Result(method, skipped=str(error).removeprefix(f"{method}: "))
    seconds, binds = _together(launches)
    return Result(method, run=Spread((seconds,)), bound=binds)


def at_best(products: float, moved: float) -> tuple[float, str]:
    """Return the least seconds of one launch that makes so many products and moves so many bytes, and what binds."""
    return _together([_most(_cublas(products), _between(moved))])


def _together(launches: Sequence[Launch]) -> tuple[float, str]:
    """Return the seconds of launches one after the other, and what binds most of them."""
    taken: defaultdict[str, float] = defaultdict(float, launches=LAUNCH * len(launches))
    for launch in launches:
        binds = max(launch, key=lambda what: launch[what])
        taken[binds] += launch[binds]
    return sum(taken.values()), max(taken, key=lambda what: taken[what])


def copies(case: Case) -> tuple[float, float]:
    """Return the least seconds that the input takes to the GPU, and the output back."""
    size = np.dtype(case.dtype).itemsize
    return prod(case.shapes[0]) * size / BUS, prod(case.output) * size / BUS


@cache
def _codes() -> Any:
    return json.loads(files("convlab_kernels.cuda").joinpath("machine_code.json").read_text("utf-8"))["9.0"]


def _launch(name: str, blocks: int, products: float = 0.0, scattered: float = 0.0, memory: float = 0.0) -> Launch:
    """Return the bounds of a kernel in so many blocks, whose threads each make so many products.

    scattered : bytes that the loop moves besides, of instructions whose lanes read far apart
    memory : bytes read and written
    """
    code = _codes()[name]
    loop = code["loop"] if products else code["code"]
    rounds = products / _products(name, loop) if products else 1.0
    warps = code["threads"] / WARP
    clocks = ceil(blocks / MULTIPROCESSORS) * warps * rounds / CLOCK
    moved = sum(loop.get(kind, 0) * size for kind, size in BYTES.items()) + scattered
    return {
        "issue slots": clocks * loop["all"] / ISSUED,
        "shared memory": clocks * moved / MOVED,
        "tensor cores": clocks * loop.get("HMMA.TF32", 0) * MATRICES / TF32,
        "L2 cache": blocks * warps * rounds * loop.get("LDGSTS.128", 0) * BYTES["LDGSTS.128"] / (L2 * CLOCK),
        "memory": memory / MEMORY,
    }


def _products(name: str, loop: Mapping[str, int]) -> float:
    """Return the products that a thread makes in a round of the loop."""
    matrices = loop.get("HMMA.TF32", 0) * MATRICES / WARP
    return matrices / (3 if name.startswith(THREE_TIMES) else 1) or loop["FFMA"]


def _between(moved: float) -> Launch:
    """Return the bounds of bytes that are left for the next kernel: in the L2 cache, where there is room."""
    return {"L2 cache": moved / (L2 * CLOCK)} if moved <= CACHE else {"memory": moved / MEMORY}


def _most(*launches: Launch) -> Launch:
    """Return the larger of each bound."""
    return {what: max(one.get(what, 0.0) for one in launches) for one in launches for what in one}


def _cublas(products: float) -> Launch:
    return {"FP32 units": products / (MULTIPROCESSORS * FLOAT32 * CLOCK)}


def _pixels(case: Case) -> int:
    return prod(case.output[:3])


def _cells(case: Case) -> float:
    """Return how many cells of its window a pixel has inside the image, in the mean."""
    (kh, kw), (dh, dw), (sh, sw) = case.window.kernel, case.window.dilation, case.window.stride
    (top, _), (left, _) = case.window.pads(case.image[:2])
    _, oh, ow, _ = case.output

    def inside(outputs: int, kernel: int, stride: int, dilation: int, pad: int, size: int) -> float:
        places = np.arange(outputs)[:, None] * stride + np.arange(kernel) * dilation - pad
        return float(((places >= 0) & (places < size)).sum()) / outputs

    return inside(oh, kh, sh, dh, top, case.image[0]) * inside(ow, kw, sw, dw, left, case.image[1])


def _direct_strided(case: Case, _: Any) -> Iterator[Launch]:
    blocks, c = -(-_pixels(case) // 128) * case.filters, case.image[2]
    sectors = min(WARP, -(-WARP * c * case.window.stride[1] * 4 // SECTOR))  # that a warp's load of x touches
    scattered = _codes()["direct_strided"]["loop"]["LDG.32"] / 2 * (sectors * SECTOR - BYTES["LDG.32"])
    yield _launch("direct_strided", blocks, _cells(case) * c, max(0.0, scattered), case.bytes)


def _direct(case: Case, _: Any) -> Iterator[Launch]:
    blocks = -(-_pixels(case) // 4) * -(-case.filters // 32)
    yield _launch("direct", blocks, _cells(case) * case.image[2], memory=case.bytes)


def _depthwise(case: Case, _: Any) -> Iterator[Launch]:
    n, oh, ow, o = case.output
    yield _launch("depthwise", -(-n * oh * -(-ow // 4) * o // 256), 4 * _cells(case), memory=case.bytes)


def _in_tiles(name: str, side: int, depth: int, each: int, case: Case, _: Any) -> Iterator[Launch]:
    """Yield the launch of square tiles, `each` outputs a thread."""
    blocks = -(-_pixels(case) // side) * -(-case.filters // side)
    yield _launch(name, blocks, each * round_up(case.terms - 1, depth), memory=case.bytes)


def _implicit_gemm(case: Case, kernel: Any) -> Iterator[Launch]:
    from convlab_kernels.cuda.implicit_gemm_kernel import implicit_gemm
    from convlab_kernels.cuda.tiles import DEPTH, choose_tiling

    pixels, o = _pixels(case), case.filters
    tiling = choose_tiling(pixels, o, len(kernel.w) // DEPTH)
    name, blocks = implicit_gemm(tiling.tile).name, tiling.tile.count(pixels, o) * tiling.parts
    yield _launch(name, blocks, 64 * DEPTH * tiling.steps, memory=case.bytes)
    if tiling.parts > 1:
        yield _most(_launch("sum_of_parts", -(-pixels * o // 256)), _between(4 * tiling.parts * pixels * o))


def _tensor_core(case: Case, kernel: Any) -> Iterator[Launch]:
    from convlab_kernels.cuda.tensor_core import tile_for

    pixels, o = _pixels(case), case.filters
    tile = tile_for(tuple(kernel.kernels), pixels, o, MULTIPROCESSORS)
    outputs = tile.pixels * tile.channels / tile.threads
    depth = round_up(prod(case.window.kernel) * round_up(case.image[2], 4), tile.depth)
    yield _launch(kernel.kernels[tile].name, tile.count(pixels, o), outputs * depth, memory=case.bytes)


def _winograd(case: Case, kernel: Any) -> Iterator[Launch]:
    (cells, c, o), (n, oh, ow, _) = kernel.w.shape, case.output
    tiles = n * prod(-(-side // kernel.minimal.outputs) for side in (oh, ow))
    together = min(tiles, kernel.at_once())
    for first in range(0, tiles, together):
        count = min(together, tiles - first)
        for transform, shape in zip(kernel.kernels, (case.shapes[0], case.output), strict=True):
            launch = _launch(transform.name, -(-count * shape[3] // 256), memory=4 * prod(shape) * count / tiles)
            yield _most(launch, _between(4 * cells * count * shape[3]))
        yield _most(_cublas(cells * count * c * o), _between(kernel.w.nbytes))


def _im2col(case: Case, kernel: Any) -> Iterator[Launch]:
    from convlab_kernels.cuda.im2col import COLUMN_BYTES

    size = np.dtype(case.dtype).itemsize
    columns = _pixels(case) * (case.terms - 1) * case.groups * size
    parts = -(-columns // COLUMN_BYTES)
    for _ in range(parts):
        if (kernel.window.kernel, kernel.window.stride) != ((1, 1), (1, 1)):  # else x itself is the columns
            yield _between(columns / parts)
        product = {"memory": case.bytes / parts / MEMORY}
        yield _most(product, _cublas(case.flops / 2 / parts), _between(columns / parts))


RUNGS: Mapping[str, Callable[[Case, Any], Iterator[Launch]]] = {
    "direct_strided": _direct_strided,
    "direct": _direct,
    "tiled": partial(_in_tiles, "tiled", 16, 16, 1),
    "blocked": partial(_in_tiles, "blocked", 128, 8, 64),
    "implicit_gemm": _implicit_gemm,
    "im2col": _im2col,
    "depthwise": _depthwise,
    "winograd": _winograd,
    "winograd2x2": _winograd,
    "tensor_core": _tensor_core,
    "tensor_core_3x": _tensor_core,
}
