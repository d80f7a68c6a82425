"""The tiling of a product of matrices, chosen so that no part of the GPU idles: a rule, and its reasons.

A multiprocessor works on whole blocks, so the busiest has ceil(blocks / multiprocessors) of them and the others wait
for it ("wave quantization" in NVIDIA's "Matrix Multiplication Background User's Guide"). The last layers of VGG16
make 8 tiles of 128 x 128 of one image, for 132 multiprocessors. Smaller tiles make more blocks, but load more numbers
for each multiplication. To split the depth makes more still: blocks that each sum a part of it, at the price of
writing the parts and adding them up. `choose_tiling` takes what costs the fewest cycles; the costs are estimates.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from convlab_kernels.cuda.chip import MULTIPROCESSORS

DEPTH = 16
"""Products a step adds to each output."""


@dataclass(frozen=True)
class Tile:
    """What a block computes: 64 outputs for each thread.

    Attributes
    ----------
    pixels, channels : int
        Its sizes.
    blocks : int
        How many a multiprocessor has registers for, at once.
    """

    pixels: int
    channels: int
    blocks: int

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return self.pixels * self.channels // 64

    def count(self, pixels: int, channels: int) -> int:
        """Return how many tiles cover so many pixels and channels."""
        return -(-pixels // self.pixels) * -(-channels // self.channels)

    def cycles(self, steps: int, blocks: int) -> float:
        """Return the cycles a multiprocessor takes for so many blocks of so many steps.

        A step multiplies, 128 products a cycle, and loads, 64 bytes a cycle; to begin and to end takes as long as one
        more. While a warp waits others work: of w warps there is one that works w / (w + 3) of the time.
        """
        step = self.pixels * self.channels * DEPTH / 128 + (self.pixels + self.channels) * DEPTH * 4 / 64
        warps = self.threads / 32 * min(blocks, self.blocks)
        return blocks * (steps + 1) * step * (warps + 3) / warps


TILES = (Tile(128, 128, 2), Tile(128, 64, 3), Tile(64, 64, 6))


@dataclass(frozen=True)
class Tiling:
    """A product cut for the blocks of a grid: into tiles, and the depth into parts of so many steps."""

    tile: Tile
    steps: int
    parts: int


@cache
def choose_tiling(pixels: int, channels: int, steps: int, multiprocessors: int = MULTIPROCESSORS) -> Tiling:
    """Return how to cut the product (pixels, steps * DEPTH) @ (steps * DEPTH, channels)."""

    def cycles(tiling: Tiling) -> float:
        """Return those of the busiest multiprocessor; for parts, of a launch too, and of 16 bytes in each."""
        blocks = tiling.tile.count(pixels, channels) * tiling.parts
        adding = 3000 + tiling.parts * pixels * channels * 8 / (16 * multiprocessors)
        return tiling.tile.cycles(tiling.steps, -(-blocks // multiprocessors)) + (adding if tiling.parts > 1 else 0)

    return min(_tilings(pixels, channels, steps, multiprocessors), key=cycles)


def _tilings(pixels: int, channels: int, steps: int, multiprocessors: int) -> Iterator[Tiling]:
    """Yield what there is to choose from: parts while all blocks are at work at once, each of two steps or more."""
    for tile in TILES:
        room = tile.blocks * multiprocessors // tile.count(pixels, channels)
        for parts in range(1, max(1, min(room, steps // 2)) + 1):
            each = -(-steps // parts)
            yield Tiling(tile, each, -(-steps // each))
