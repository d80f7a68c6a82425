"""Draw who loads what on each rung of the GPU ladder: kernels/ladder/RUNG.png.

    python -m benchmarks.ladder.pictures [RUNG ...] [--out kernels/ladder]

No square is coloured by hand: the kernels run in the simulator, where every number that a thread reads
or writes is noted. It takes a minute, and no GPU.
"""

import argparse
from itertools import chain
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmarks.ladder.drawing import (
    BLOCK,
    EDGE,
    EMPTY,
    GAP,
    HEAD,
    LANE,
    THREAD,
    WARP,
    WASTED,
    coloured,
    save,
    show,
    words,
)
from benchmarks.ladder.products import RUNGS, draw, recording
from convlab.view.figure_style import INK, page
from convlab_kernels import Window
from convlab_kernels.cuda import METHODS
from convlab_kernels.cuda.compiler.intrinsics import split_tf32

PICTURES = Path(__file__).parents[2] / "kernels" / "ladder"


def im2col() -> Figure:
    """Draw where the numbers of an image go that im2col copies."""
    side, channels = 8, 8
    image = np.arange(side * side, dtype=np.float32).reshape(1, side, side, 1)
    method = METHODS["im2col"](np.zeros((3, 3, 1, channels), np.float32), Window((3, 3)), 1)
    size = side - 2
    columns = method._windows(image, (size, size)).reshape(size * size, 9).astype(int)
    number, window = side * 3 + 4, 2 * size + 3  # one inside the image, and a window that sees it

    def states(indices: np.ndarray) -> np.ndarray:
        found = np.where(np.isin(indices, columns[window]), WARP, EMPTY)
        return np.where(indices == number, THREAD, found)

    copied = np.full(columns.shape, EMPTY)
    copied[window] = WARP
    copied[columns == number] = THREAD
    out, weights = np.full((size * size, channels), EMPTY), np.full((9, channels), EMPTY)
    out[window] = WARP
    cell, left, below = 0.105, 2.45, HEAD + 9 * 0.105 + GAP
    figure = page(6.0, below + size * size * cell + 0.45)
    show(figure, states(image[0, :, :, 0].astype(int)), EDGE, below, 0.2, "x  (rows, columns)")
    show(figure, copied, left + 0.6, below, cell, "windows  (pixels, 9)")
    show(figure, weights, left + 0.6 + 9 * cell + GAP, HEAD, cell, "w  (9, channels)")
    show(figure, out, left + 0.6 + 9 * cell + GAP, below, cell, "out  (pixels, channels)")
    lines = ["nine windows see it, so nine rows have a copy", "the rest is a product of matrices: cuBLAS"]
    words(figure, "im2col: every window, copied into a row", lines, {THREAD: "one number", WARP: "one window"})
    return figure


def winograd() -> Figure:
    """Draw what a thread of the two transforms reads and writes."""
    side, channels, tiles = 16, 32, 16
    w = np.ones((3, 3, channels, channels), np.float32)
    x, out = np.ones((1, side, side, channels), np.float32), np.empty((1, side, side, channels), np.float32)
    with recording() as launches:
        METHODS["winograd"](w, Window((3, 3), padding="same"), 1)(x, out)
    tile = 5  # inside the image; a thread's number is its tile's and its channel's

    def touched(launch: int, array: int, writes: bool, number: int) -> list[int]:
        block, thread = divmod(number, launches[launch].kernel.threads)
        return [one.index for one in launches[launch].thread(thread, array, writes, (block, 0, 0))]

    def plane(launch: int, array: int, writes: bool) -> np.ndarray:
        """Return one channel of an image: the tile of a thread, and the next."""
        ours, theirs = (set(touched(launch, array, writes, (tile + i) * channels + LANE)) for i in (0, 1))
        states = {BLOCK: theirs, THREAD: ours, WASTED: theirs & ours}
        return coloured((side, side), lambda i: divmod(i // channels, side), states)

    def cells(launch: int, array: int, writes: bool) -> np.ndarray:
        """Return four tiles of V or M, the matrices one under the other."""
        first = (tile - 1) * channels
        done = [touched(launch, array, writes, first + i) for i in range(4 * channels)]
        states = {BLOCK: chain(*done), WARP: chain(*done[channels : 2 * channels]), THREAD: done[channels + LANE]}
        return coloured((36, 128), lambda i: (i // (tiles * channels), i % (tiles * channels) - first), states)

    cell, left, first, second = 0.03, 2.6, 1.75, 3.75
    figure = page(left + 128 * cell + EDGE, second + 1.6 + 0.45)
    show(figure, plane(0, 0, False), EDGE, first, 0.1, "x  (one channel)")
    show(figure, cells(0, 1, True), left, first, cell, "V  (36, tiles and channels) →")
    show(figure, cells(1, 0, False), left, second, cell, "M = V U, 36 products  (36, tiles and channels) →")
    show(figure, plane(1, 2, True), EDGE, second, 0.1, "out  (one channel)")
    meaning = {THREAD: "one thread", WARP: "its warp, together", BLOCK: "its block; the next tile"}
    words(figure, "winograd: a thread, a tile", [], meaning | {WASTED: "read for both tiles"})
    return figure


def tensor_core_3x() -> Figure:
    """Draw a product of two numbers in TF32 as an area, bits along the sides."""
    a, b = np.float32(np.pi), np.float32(np.e)
    (p, r), (q, s) = map(split_tf32.emulation, (a, b))
    exact, sums = float(a) * float(b), {"p q": float(p) * float(q)}
    sums["p q + p s + r q"] = sums["p q"] + float(p) * float(s) + float(r) * float(q)
    areas = np.full((24, 24), WASTED)
    areas[:11, :11], areas[:11, 11:], areas[11:, :11] = THREAD, WARP, WARP
    cell, left, top = 0.11, 3.4, 1.1
    figure = page(left + 24 * cell + EDGE, top + 24 * cell + 0.35)
    show(figure, areas, left, top, cell, "q: 11 bits        s: the other 13 of b")
    figure.text((left - 0.1) / figure.get_figwidth(), 1 - (top + 5.5 * cell) / figure.get_figheight(), "p: 11 bits",
                ha="right", va="center", fontsize=8.5, color=INK)  # fmt: skip
    figure.text((left - 0.1) / figure.get_figwidth(), 1 - (top + 17.5 * cell) / figure.get_figheight(),
                "r: the other\n13 of a", ha="right", va="center", fontsize=8.5, color=INK)  # fmt: skip
    meaning = {THREAD: "p q: one product of TF32", WARP: "p s and r q: two products more"}
    lines = [f"{np.pi:.5f} times {np.e:.5f}, error:"]
    lines += [f"    {terms}: {abs(found / exact - 1):.0e}" for terms, found in sums.items()]
    words(figure, "tensor_core_3x: a b = (p + r) (q + s)", lines, meaning | {WASTED: "r s: left out"})
    return figure


OTHERS = {"im2col": im2col, "winograd": winograd, "tensor_core_3x": tensor_core_3x}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ladder.pictures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("rungs", nargs="*", metavar="RUNG")
    parser.add_argument("--out", type=Path, default=PICTURES)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.rungs or (*RUNGS, *OTHERS):
        save(OTHERS[name]() if name in OTHERS else draw(name, RUNGS[name]), options.out / f"{name}.png")


if __name__ == "__main__":
    main()
