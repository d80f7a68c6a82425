"""Functions on tensors as layers: how the arguments of each, under our names, make a layer of convlab's.

`convlab.files.keras.config.functions` says which function is which of these.
"""

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import numpy as np

from convlab import layers
from convlab.files.keras.config.elementwise import elementwise
from convlab.files.keras.config.function_options import FunctionOptions as Options
from convlab.files.keras.config.options import LARGEST, is_list, is_whole
from convlab.layers import Layer
from convlab.layers.base import Layout
from convlab.ops.resizing import INTERPOLATIONS

Maker = Callable[[str, Options], Layer]
FLOATS = ("bfloat16", "float16", "float32", "float64")


def _fixed(name: str, options: Options) -> Layer:
    """Make an activation whose other options have one value only."""
    for key, value in options.take("fixed").items():
        options.only_number(key, value)
    return layers.Activation(name, options.activation())


def _along_last(name: str, options: Options) -> Layer:
    """Make an activation along the last axis."""
    if options.take("axis", -1) not in (-1, options.rank - 1):
        options.unsupported("axis", options.take("axis"), "the last axis alone")
    return layers.Activation(name, options.activation())


def _gelu(name: str, options: Options) -> Layer:
    return layers.Activation(name, "gelu_tanh" if options.flag("approximate", True) else "gelu")


def _silu(name: str, options: Options) -> Layer:
    options.only_number("beta", 1.0)
    return layers.Activation(name, "silu")


def _round(name: str, options: Options) -> Layer:
    options.only_number("decimals", 0)
    return layers.Elementwise(name, "round")


def _cast(name: str, options: Options) -> Layer:
    """Make nothing of a cast to another precision: the receipt tells of it."""
    if options.take("dtype") not in FLOATS:
        options.unsupported("dtype", options.take("dtype"), " and ".join(FLOATS))
    return layers.Identity(name)


def _normalize(name: str, options: Options) -> Layer:
    options.only_number("order", 2)
    return layers.UnitNormalization(name, options.axes("axis"), options.number("epsilon", 1e-12))


def _normalize_tf(name: str, options: Options) -> Layer:
    """Make TensorFlow's, whose epsilon is the square of Keras': the least sum of squares."""
    return layers.UnitNormalization(name, options.axes("axis"), max(options.number("epsilon", 1e-12), 0.0) ** 0.5)


# reductions


def _reduce(name: str, options: Options) -> Layer:
    """Make a reduction; that of an image, or a sequence, to its channels is a global pooling."""
    function, keepdims = options.take("function"), options.flag("keepdims", False)
    axes = options.axes("axis")
    if function == "norm" and len(axes) == 1:
        options.only_number("ord", 2)  # of a vector its length; of a matrix, something else
    places = sorted(axis % options.rank for axis in axes) == list(range(1, options.rank - 1))
    if function in ("mean", "max") and places and options.rank in (3, 4):
        pooling = f"Global{'Average' if function == 'mean' else 'Max'}Pooling{options.rank - 2}D"
        return getattr(layers, pooling)(name, keepdims)
    return layers.Reduce(name, function, axes, keepdims)


# shapes


def _reshape(name: str, options: Options) -> Layer:
    shape = options.take("shape")
    if not is_list(shape) or not shape or not all(size is None or is_whole(size, -1) for size in shape):
        options.damaged("shape", shape, "a list of whole numbers")
    if shape[0] not in (None, -1):
        options.unsupported("shape", shape, "shapes whose first axis is the batch, -1")
    return layers.Reshape(name, [-1 if size is None else int(size) for size in shape[1:]])


def _ordered(name: str, options: Options, order: tuple[int, ...]) -> Layer:
    """Make a Permute of all axes in an order, which is to leave the batch in front."""
    if order[0] != 0:
        options.unsupported("axes", order, "orders that leave the batch, 0, in front")
    return layers.Permute(name, list(order[1:]))


def _transpose(name: str, options: Options) -> Layer:
    order = options.take("axes")
    if not is_list(order) or sorted(a for a in order if is_whole(a, 0)) != list(range(options.rank)):
        options.damaged("axes", order, f"the axes 0 to {options.rank - 1}, each once")
    return _ordered(name, options, tuple(order))


def _move_axis(name: str, options: Options) -> Layer:
    source, destination = options.all_axes("source"), options.all_axes("destination")
    if len(source) != len(destination):
        options.damaged("destination", options.take("destination"), f"{len(source)} axes")
    return _ordered(name, options, np.moveaxis(_axes_as_sizes(options.rank), source, destination).shape)


def _swap_axes(name: str, options: Options) -> Layer:
    first, second = options.one_axis("first"), options.one_axis("second")
    return _ordered(name, options, np.swapaxes(_axes_as_sizes(options.rank), first, second).shape)


def _axes_as_sizes(rank: int) -> Any:
    """Return an array whose sizes are the numbers of its axes: its shape, when they are moved, is their order."""
    return np.empty(range(rank))


def _expand_dims(name: str, options: Options) -> Layer:
    return layers.ExpandDims(name, options.new_axis())


def _squeeze(name: str, options: Options) -> Layer:
    axis = options.take("axis", None)
    return layers.Squeeze(name, None if axis in (None, []) else options.axes("axis"))


def _stack(name: str, options: Options) -> Layer:
    return layers.Stack(name, options.new_axis())


# parts


def _slice(name: str, options: Options) -> Layer:
    key = options.take("key")
    items = list(key) if is_list(key) else [key]
    if items.count(...) > 1 or not all(_is_index(item) for item in items):
        options.damaged("key", key, "slices, whole numbers and one ...")
    if items[0] is not ... and items[0] != slice(None):
        options.unsupported("key", key, "slices of each picture: the first is to be a bare :")
    return layers.Slice(name, items if items[0] is ... else items[1:])


def _is_index(item: Any) -> bool:
    if isinstance(item, slice):
        ends = (item.start, item.stop, item.step)
        return item.step != 0 and all(end is None or is_whole(end, -LARGEST) for end in ends)
    return item is None or item is ... or is_whole(item, -LARGEST)


def _sliced(name: str, options: Options, axis: int, item: Any) -> Layer:
    """Make a slice along one axis, which counts from the batch."""
    return layers.Slice(name, [slice(None)] * (axis % options.rank - 1) + [item])


def _part(name: str, options: Options) -> Layer:
    """Make a slice that is given by where it begins and its size, -1 for all that is left."""
    begin, size = options.whole_numbers("begin", 0), options.whole_numbers("size", -1)
    if not len(begin) == len(size) == options.rank:
        options.damaged("size", options.take("size"), f"{options.rank} whole numbers, as for begin")
    if (begin[0], size[0]) != (0, -1):
        options.unsupported("size", options.take("size"), "slices of all pictures: begin 0, size -1")
    ends = zip(begin[1:], size[1:], strict=True)
    return layers.Slice(name, [slice(first, None if count < 0 else first + count) for first, count in ends])


def _crop(name: str, options: Options) -> Layer:
    rows, columns = _span(options, "top", "height", "bottom"), _span(options, "left", "width", "right")
    return layers.Slice(name, [rows, columns])


def _span(options: Options, before: str, size: str, after: str) -> slice:
    """Return the cells between two sides, of which one may be given by the size."""
    first, cells, last = (
        None if options.take(key, None) is None else options.whole(key, least=0) for key in (before, size, after)
    )
    if first is not None and cells is not None:
        return slice(first, first + cells)
    if first is not None and last is not None:
        return slice(first, -last or None)
    if last is None or cells is None:
        options.damaged(before, first, f"two of {before}, {size} and {after}")
    return slice(-(last + cells), -last or None)


def _flip(name: str, options: Options) -> Layer:
    items: list[Any] = [slice(None)] * (options.rank - 1)
    for axis in options.axes("axis"):
        items[axis % options.rank - 1] = slice(None, None, -1)
    return layers.Slice(name, items)


def _take(name: str, options: Options) -> Layer:
    options.only_number("batch_dims", 0)
    indices, axis = options.take("indices"), options.axis()
    if is_whole(indices, -LARGEST):
        return _sliced(name, options, axis, int(indices))
    return layers.Take(name, options.whole_numbers("indices", -LARGEST), axis)


def _split(name: str, options: Options) -> Layer:
    """Make one output of a split: into equal parts, into parts of such sizes, or before such places."""
    axis, number = options.axis(), options.whole("number", least=0)
    key = "sizes" if options.take("places", None) is None else "places"
    if not is_list(options.take(key)):
        return layers.Split(name, options.whole(key), axis, number)
    given = options.whole_numbers(key, -1 if key == "sizes" else 0)
    ends = _ends(given) if key == "sizes" else [0, *given, None]
    if number >= len(ends) - 1:
        options.damaged(key, options.take(key), f"at least {number + 1} parts")
    return _sliced(name, options, axis, slice(ends[number], ends[number + 1]))


def _ends(sizes: tuple[int, ...]) -> list[int | None]:
    """Return where parts of such sizes begin and the last ends; one may be -1, which is what is left."""
    rest = sizes.index(-1) if -1 in sizes else len(sizes)
    before = list(accumulate(sizes[:rest], initial=0))
    after = [-n or None for n in accumulate(sizes[:rest:-1], initial=0)][::-1]
    return [*before, *after] if rest < len(sizes) else [*before]


def _unstack(name: str, options: Options) -> Layer:
    options.take("num", None)  # how many there are
    return _sliced(name, options, options.axis(), options.whole("number", least=0))


# borders, sizes, windows


def _pad(name: str, options: Options) -> Layer:
    """Make a border; one of zeros around an image, or a sequence, is a layer of its own."""
    cells, mode = options.cells("cells"), options.choice("mode", "constant", "reflect", "symmetric")
    value = options.number("value", 0.0)
    if cells[0] != (0, 0):
        options.unsupported("cells", options.take("cells"), "borders around each picture: none along the batch")
    zeros = mode == "constant" and value == 0 and cells[-1] == (0, 0)
    if zeros and options.rank in (3, 4):
        places = cells[1:-1]
        return layers.ZeroPadding2D(name, places) if len(places) == 2 else layers.ZeroPadding1D(name, places[0])
    return layers.Pad(name, cells[1:], mode, value)


def _resize(name: str, options: Options) -> Layer:
    options.only("preserve_aspect_ratio", False)
    options.only("fill_mode", "constant")  # the only one that Keras has; of the border that pad_to_aspect_ratio makes
    crop = options.flag("crop_to_aspect_ratio", False)
    return layers.Resizing(
        name,
        *options.pair("size"),
        options.choice("interpolation", "bilinear", *INTERPOLATIONS),
        options.flag("antialias", False),
        crop,
        options.flag("pad_to_aspect_ratio", False) and not crop,
        options.number("fill_value", 0.0),
    )


def _pool(kind: str) -> Maker:
    def pooling(name: str, options: Options) -> Layer:
        sides = options.rank - 2
        if sides not in (1, 2):
            options.unsupported("pool_size", options.take("pool_size"), "pools over images and sequences")
        make = getattr(layers, f"{kind}Pooling{sides}D")
        pool = options.places("pool_size", sides)
        stride = pool if options.take("strides", None) is None else options.places("strides", sides)
        padding = options.choice("padding", "valid", "same")
        return make(name, *((pool, stride) if sides == 2 else (pool[0], stride[0])), padding)

    return pooling


_ANY_LAYOUT: dict[str, Maker] = {
    "cast": _cast,
    "elementwise": elementwise,
    "fixed": _fixed,
    "gelu": _gelu,
    "round": _round,
    "silu": _silu,
}
_CHANNELS_LAST: dict[str, Maker] = {
    "average_pool": _pool("Average"),
    "crop": _crop,
    "depth_to_space": lambda name, options: layers.DepthToSpace(name, options.whole("size")),
    "max_pool": _pool("Max"),
    "resize": _resize,
    "space_to_depth": lambda name, options: layers.SpaceToDepth(name, options.whole("size")),
}
_AS_KERAS_HAS_IT: dict[str, Maker] = {
    "along_last": _along_last,
    "expand_dims": _expand_dims,
    "flip": _flip,
    "move_axis": _move_axis,
    "normalize": _normalize,
    "normalize_tf": _normalize_tf,
    "pad": _pad,
    "part": _part,
    "reduce": _reduce,
    "reshape": _reshape,
    "slice": _slice,
    "split": _split,
    "squeeze": _squeeze,
    "stack": _stack,
    "swap_axes": _swap_axes,
    "take": _take,
    "transpose": _transpose,
    "unstack": _unstack,
}
OPERATIONS = {**_ANY_LAYOUT, **_CHANNELS_LAST, **_AS_KERAS_HAS_IT}
LAYOUTS: dict[str, Layout] = {
    **dict.fromkeys(_ANY_LAYOUT, "any"),
    **dict.fromkeys(_CHANNELS_LAST, "channels_last"),
    **dict.fromkeys(_AS_KERAS_HAS_IT),
}
"""What the order of axes is to each, as `Layer.layout` tells of a layer."""
