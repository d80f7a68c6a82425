"""Pictures of the rungs that multiply matrices: who loads what, as the simulator has noted it.

The convolution is of 1 x 1, so that its matrices are plain: x (pixels, depth) times w (depth, channels).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any
from unittest.mock import patch

import numpy as np
from matplotlib.figure import Figure

from benchmarks.ladder.drawing import (
    BLOCK,
    EDGE,
    FOOT,
    GAP,
    HEAD,
    LANE,
    MEANING,
    THREAD,
    WARP,
    WASTED,
    WORDS,
    Cell,
    coloured,
    show,
    words,
)
from convlab.simulator.recorder import SECTOR, SHARED, Access, Launch, recording
from convlab.view.figure_style import page
from convlab_kernels import Window
from convlab_kernels.cuda import METHODS, implicit_gemm, tensor_core
from convlab_kernels.cuda.tiles import TILES, Tiling


@dataclass(frozen=True)
class Order:
    """How a matrix lies in memory: its rows, or as it is drawn its columns, side by side."""

    pitch: int
    begin: int = 0
    down: bool = False

    def __call__(self, index: int) -> Cell:
        """Return the row and the column of a number."""
        row, column = divmod(index - self.begin, self.pitch)
        return (column, row) if self.down else (row, column)

    def __str__(self) -> str:
        return "↓" if self.down else "→"


@dataclass(frozen=True)
class Tile:
    """A tile in shared memory: its array, its shape, and with how many instructions a warp reads of it at a time."""

    array: int
    shape: Cell
    order: Order
    reads: int


@dataclass(frozen=True)
class Rung:
    """What is drawn of a rung: x (size, depth) @ w (depth, size); a block takes `step` of the depth at once."""

    title: str
    size: int
    depth: int
    step: int
    tiles: tuple[Tile, ...] = ()
    down: bool = False  # how w lies


PITCH, ROW = 132, 36  # numbers from a row to the next, in the tiles of `implicit_gemm` and of `tensor_core`

RUNGS = {
    "direct_strided": Rung("neighbouring threads, neighbouring pixels", 32, 16, 1),
    "direct": Rung("neighbouring threads, neighbouring channels", 32, 16, 1),
    "tiled": Rung(
        "a block shares what it loads",
        32,
        32,
        16,
        (Tile(SHARED, (16, 16), Order(16), 1), Tile(SHARED + 1, (16, 16), Order(16), 1)),
    ),
    "blocked": Rung(
        "a thread uses eight times what it reads",
        128,
        32,
        8,
        (Tile(SHARED, (128, 8), Order(8), 8), Tile(SHARED + 1, (8, 128), Order(128), 8)),
    ),
    "implicit_gemm": Rung(
        "four numbers with one instruction",
        128,
        32,
        16,
        (
            Tile(SHARED, (PITCH, 16), Order(PITCH, down=True), 2),
            Tile(SHARED, (16, 128), Order(128, 16 * PITCH), 2),
        ),
    ),
    "tensor_core": Rung(
        "a warp multiplies matrices",
        128,
        32,
        32,
        (
            Tile(SHARED, (128, ROW), Order(ROW), 4),
            Tile(SHARED, (ROW, 128), Order(ROW, 128 * ROW, down=True), 4),
        ),
        down=True,
    ),
}


def run(name: str, rung: Rung) -> Launch:
    """Return what the threads of a rung do, with its largest tile."""
    random = np.random.default_rng(0)
    x = random.standard_normal((1, 1, rung.size, rung.depth), np.float32)
    w = random.standard_normal((1, 1, rung.depth, rung.size), np.float32)
    out = np.empty((1, 1, rung.size, rung.size), np.float32)
    largest = patch.object(implicit_gemm, "choose_tiling", lambda p, o, steps, chip: Tiling(TILES[0], steps, 1))
    first = patch.object(tensor_core, "tile_for", lambda tiles, *sizes: tiles[0])
    with recording() as launches, largest, first:
        METHODS[name](w, Window((1, 1)), 1)(x, out)
    return launches[0]


def first_of(done: Sequence[Access], count: int) -> list[int]:
    """Return what a thread touches with its first so many instructions."""
    instructions = sorted({access.instruction for access in done})[:count]
    return [access.index for access in done if access.instruction in instructions]


def of_memory(launch: Launch, array: int, shape: Cell, order: Order, inside: Callable[[Cell], bool]) -> Any:
    """Return the states of an input: what a block loads in its first step, and a warp with one instruction."""
    threads = range(launch.kernel.threads)
    done = [[one for one in launch.thread(n, array) if inside(order(one.index))] for n in threads]
    warp = [first_of(one, 1) for one in done[:32]]
    moved = {index // SECTOR * SECTOR + i for index in chain(*warp) for i in range(SECTOR)}
    block = [one.index for one in chain(*done)]
    return coloured(shape, order, {WASTED: moved, BLOCK: block, WARP: chain(*warp), THREAD: warp[LANE]})


def of_tile(launch: Launch, tile: Tile) -> Any:
    """Return the states of a tile in shared memory: what the block puts there, what a warp reads to multiply."""
    first, size = tile.order.begin, tile.shape[0] * tile.shape[1]

    def done(thread: int, writes: bool) -> list[Access]:
        return [one for one in launch.thread(thread, tile.array, writes) if first <= one.index < first + size]

    block = [one.index for n in range(launch.kernel.threads) for one in done(n, True)]
    warp = [first_of(done(n, False), tile.reads) for n in range(32)]
    return coloured(tile.shape, tile.order, {BLOCK: block, WARP: chain(*warp), THREAD: warp[LANE]})


def of_results(launch: Launch, size: int) -> Any:
    """Return the states of the output: whose each number is."""
    done = [[one.index for one in launch.thread(n, 3, writes=True)] for n in range(launch.kernel.threads)]
    states = {BLOCK: chain(*done), WARP: chain(*done[:32]), THREAD: done[LANE]}
    return coloured((size, size), Order(size), states)


def matrices(name: str, rung: Rung) -> dict[str, Any]:
    """Return the states of all matrices."""
    launch, n, depth = run(name, rung), rung.size, rung.depth
    weights = Order(depth, down=True) if rung.down else Order(n)
    found = {
        "x": of_memory(launch, 0, (n, depth), Order(depth), lambda cell: cell[1] < rung.step),
        "w": of_memory(launch, 1, (depth, n), weights, lambda cell: cell[0] < rung.step),
        "out": of_results(launch, n),
    }
    return found | {f"tile of {array}": of_tile(launch, tile) for array, tile in zip("xw", rung.tiles, strict=False)}


def facts(found: dict[str, Any], rung: Rung) -> Iterator[str]:
    """Yield what a warp loads, and what for."""
    for array in "xw":
        used, along = (int(count) for count in ((found[array] >= WARP).sum(), (found[array] == WASTED).sum()))
        yield f"a warp's load of {array}: {4 * used} bytes, {4 * (used + along)} moved"
    if rung.tiles:
        (rows, depths), (_, columns) = (np.nonzero(found[f"tile of {array}"] >= WARP) for array in "xw")
        count = np.prod([len(set(axis)) for axis in (rows, columns, depths)])
        yield f"a warp multiplies: {sum(tile.reads for tile in rung.tiles)} loads, {count:,} products"


def draw(name: str, rung: Rung) -> Figure:
    """Draw who touches what in one step: inputs left of and above the output, shared memory between."""
    found = matrices(name, rung)
    cell = 3.7 / 128 if rung.size == 128 else 2.6 / 32
    wide = GAP + found["tile of x"].shape[1] * cell if rung.tiles else 0
    high = GAP + found["tile of w"].shape[0] * cell if rung.tiles else 0
    left, top = max(EDGE + rung.depth * cell + GAP + wide, WORDS), HEAD + rung.depth * cell + GAP + high
    figure = page(left + rung.size * cell + EDGE, top + PITCH / 128 * rung.size * cell + FOOT)
    show(figure, found["out"], left, top, cell, "out  (pixels, channels) →")
    show(figure, found["w"], left, HEAD, cell, f"w  (depth, channels) {'↓' if rung.down else '→'}")
    show(figure, found["x"], left - wide - GAP - rung.depth * cell, top, cell, "x →")
    if rung.tiles:
        of_x, of_w = rung.tiles
        show(figure, found["tile of x"], left - wide, top, cell, f"tile {of_x.order}")
        show(figure, found["tile of w"], left, top - high, cell, f"its tile, in shared memory {of_w.order}")
    states = {state for matrix in found.values() for state in np.unique(matrix)}
    meaning = {state: text for state, text in MEANING.items() if state in states}
    note = "→ or ↓: how numbers lie side by side in memory"
    words(figure, f"{name}: {rung.title}", facts(found, rung), meaning, note)
    return figure
