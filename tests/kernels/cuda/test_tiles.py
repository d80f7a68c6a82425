"""The rule that cuts products into tiles: it keeps all multiprocessors busy, and splits no more than that takes."""

from itertools import product
from math import ceil

import pytest

from convlab_kernels.cuda.tiles import DEPTH, TILES, choose_tiling

VGG16 = [(224, 3, 64), (224, 64, 64), (112, 64, 128), (112, 128, 128), (56, 128, 256)]
VGG16 += [(56, 256, 256), (28, 256, 512), (28, 512, 512), (14, 512, 512)]  # side, C, O
BATCHES = [1, 8, 32]
PRODUCTS = [(n * side * side, o, ceil(9 * ceil(c / 4) * 4 / DEPTH)) for n, (side, c, o) in product(BATCHES, VGG16)]
GPUS = [46, 82, 108, 132, 148]  # multiprocessors of an RTX 4070, RTX 3090, A100, H100 and B200


def share(pixels, channels, steps, multiprocessors):
    """Return what part of the time of all multiprocessors is spent on products that were asked for."""
    found = choose_tiling(pixels, channels, steps, multiprocessors)
    tile, blocks = found.tile, found.tile.count(pixels, channels) * found.parts
    spent = ceil(blocks / multiprocessors) * multiprocessors * tile.pixels * tile.channels * found.steps
    return pixels * channels * steps / spent


@pytest.mark.parametrize("asked", PRODUCTS, ids=str)
@pytest.mark.parametrize("multiprocessors", GPUS)
def test_few_multiprocessors_wait(asked, multiprocessors):
    assert share(*asked, multiprocessors) > 0.7


@pytest.mark.parametrize("asked", PRODUCTS, ids=str)
def test_blocks_for_all_multiprocessors_of_an_h100(asked):
    found = choose_tiling(*asked)
    assert found.tile.count(*asked[:2]) * found.parts >= 0.95 * 132


@pytest.mark.parametrize("asked", [*PRODUCTS, (1, 1, 1), (1, 10, 2), (49, 5, 1000), (196, 512, 7)], ids=str)
@pytest.mark.parametrize("multiprocessors", GPUS)
def test_parts_make_up_the_depth(asked, multiprocessors):
    found = choose_tiling(*asked, multiprocessors)
    assert found.steps * (found.parts - 1) < asked[2] <= found.steps * found.parts
    assert found.tile in TILES


@pytest.mark.parametrize("asked", PRODUCTS, ids=str)
def test_parts_are_at_work_at_once_and_their_memory_is_small(asked):
    found = choose_tiling(*asked)
    if found.parts > 1:
        assert found.tile.count(*asked[:2]) * found.parts <= 132 * found.tile.blocks
        assert found.parts * asked[0] * asked[1] * 4 < 32e6


def test_where_tiles_are_plenty_the_largest_is_taken_and_the_depth_left_whole():
    for pixels, channels, steps in PRODUCTS:
        if TILES[0].count(pixels, channels) > 600:
            found = choose_tiling(pixels, channels, steps)
            assert (found.tile.pixels, found.tile.channels, found.parts) == (128, min(128, channels), 1)


def test_a_small_layer_takes_a_small_tile():
    assert choose_tiling(16, 10, 1).tile == TILES[-1]  # most of a larger one would be beside it
