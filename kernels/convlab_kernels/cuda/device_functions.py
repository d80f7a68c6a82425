"""Arithmetic that kernels share: each function becomes a part of the kernels that call it."""

from convlab_kernels.cuda.compiler.language import device_function, int32, uint32


@device_function
def clipped(number, low, high):
    """Return a number, but what is below `low` as `low`, and then what is above `high` as `high`; NaN stays NaN."""
    number = low if number < low else number
    return high if number > high else number


@device_function
def divmod_uint32(number, by):
    """Return how often a number of at least 0 contains another of at least 1, and what is left of it.

    The division is of uint32: of an int64 it takes five times as many instructions.
    """
    times = int32(uint32(number) // uint32(by))
    return times, int32(number - times * by)
