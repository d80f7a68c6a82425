"""The two-dimensional transforms of Winograd's convolution, written as vector code: a vector holds channels."""

from typing import Any

from numba.core import types
from numba.extending import intrinsic

from convlab_kernels.cpu.runtime.simd import Vector, Writer
from convlab_kernels.minimal_filters import F2, F4


def _both_ways(transform: Any, square: list[list[Vector]]) -> list[list[Vector]]:
    """Transform the columns of a square, then its rows."""
    columns = [transform(list(column)) for column in zip(*square, strict=True)]
    return [transform(list(row)) for row in zip(*columns, strict=True)]


def _input_tile(minimal: Any) -> Any:
    size = minimal.outputs + 2

    @intrinsic
    def transform(
        typing: Any, image: Any, row: Any, column: Any, tile: Any, cell: Any, channels: Any, one: Any
    ) -> Any:
        """Image, tile: addresses; row, column, cell: numbers from one to the next; channels: in whole vectors."""
        return types.void(image, row, column, tile, cell, channels, one), write

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        image, row, column, tile, cell, channels, _ = args
        writer = Writer(builder, signature.args[-1])
        with writer.loop(channels, writer.vector.count) as c:
            here, there = writer.address(image, c), writer.address(tile, c)
            rows = [writer.address(here, builder.mul(row, writer.integer(i))) for i in range(size)]
            columns = [builder.mul(column, writer.integer(j)) for j in range(size)]
            square = [[writer.load(writer.address(start, j)) for j in columns] for start in rows]
            for i, vectors in enumerate(_both_ways(minimal.input, square)):
                for j, vector in enumerate(vectors):
                    writer.store(vector, writer.address(there, builder.mul(cell, writer.integer(i * size + j))))
        return context.get_dummy_value()

    return transform


def _output_tile(minimal: Any) -> Any:
    size = minimal.outputs + 2

    @intrinsic
    def transform(
        typing: Any,
        tile: Any,
        cell: Any,
        bias: Any,
        image: Any,
        row: Any,
        column: Any,
        channels: Any,
        clip: Any,
        ceiling: Any,
    ) -> Any:
        """Tile, bias, image: addresses; cell, row, column: numbers from one to the next; clip: at 0 and ceiling."""
        return types.void(tile, cell, bias, image, row, column, channels, clip, ceiling), write

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        tile, cell, bias, image, row, column, channels, clip, ceiling = args
        writer = Writer(builder, signature.args[-1])
        low = writer.zero()
        high = writer.to_all(ceiling)
        with writer.loop(channels, writer.vector.count) as c:
            here, there = writer.address(tile, c), writer.address(image, c)
            square = [
                [
                    writer.load(writer.address(here, builder.mul(cell, writer.integer(i * size + j))))
                    for j in range(size)
                ]
                for i in range(size)
            ]
            added = writer.load(writer.address(bias, c))
            for i, vectors in enumerate(_both_ways(minimal.output, square)):
                start = writer.address(there, builder.mul(row, writer.integer(i)))
                for j, vector in enumerate(vectors):
                    total = vector + added
                    clipped = total.at_least(low).at_most(high)
                    chosen = Vector(builder, builder.select(clip, clipped.value, total.value))
                    writer.store(chosen, writer.address(start, builder.mul(column, writer.integer(j))))
        return context.get_dummy_value()

    return transform


input_tile2, input_tile4 = _input_tile(F2), _input_tile(F4)
output_tile2, output_tile4 = _output_tile(F2), _output_tile(F4)
