"""What cases have in common, in words: those that are refused, and those alone that are wrong."""

from collections.abc import Callable, Iterable

from convlab.judging.sweep import Case

TRAITS: dict[str, Callable[[Case], bool]] = {
    "a stride": lambda case: case.stride != (1, 1),
    "strides that are not alike": lambda case: case.stride[0] != case.stride[1],
    "a dilation": lambda case: case.dilation != (1, 1),
    "dilations that are not alike": lambda case: case.dilation[0] != case.dilation[1],
    "several groups": lambda case: case.groups > 1,
    "padding": lambda case: case.padding != (0, 0),
    "no padding": lambda case: case.padding == (0, 0),
    "padding on four sides": lambda case: isinstance(case.padding, tuple) and isinstance(case.padding[0], tuple),
    "padding 'same'": lambda case: case.padding == "same",
    "several images": lambda case: case.batch > 1,
    "a bias": lambda case: case.bias,
    "no bias": lambda case: not case.bias,
    "an image that is not square": lambda case: case.size[0] != case.size[1],
    "a kernel that is not square": lambda case: case.kernel[0] != case.kernel[1],
    "a kernel of an even side": lambda case: case.kernel[0] % 2 == 0 or case.kernel[1] % 2 == 0,
    "a kernel of more than one cell": lambda case: case.kernel != (1, 1),
    "a kernel that is not 3x3": lambda case: case.kernel != (3, 3),
    **{
        f"input channels that are no multiple of {block}": lambda case, block=block: case.channels % block > 0  # type: ignore[misc]
        for block in (2, 4, 8, 16, 32)
    },
    **{
        f"filters that are no multiple of {block}": lambda case, block=block: case.filters * case.groups % block > 0  # type: ignore[misc]
        for block in (2, 4, 8, 16, 32)
    },
    "float64": lambda case: case.dtype == "float64",
}


def common(some: Iterable[Case], others: Iterable[Case]) -> list[str]:
    """Return the traits that all of some cases have, and none of the others."""
    some, others = list(some), list(others)
    return [name for name, has in TRAITS.items() if all(map(has, some)) and not any(map(has, others))]


def shared(some: Iterable[Case]) -> list[str]:
    """Return the traits that all of some cases have."""
    return common(some, ())
