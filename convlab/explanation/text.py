"""The explanation of a number as text for a terminal."""

from math import floor, log10

import numpy as np

from convlab.explanation.explained import Box, Explained
from convlab.runtime.arrays import Array
from convlab.wording import counted, printable

CHANNELS, CONTRIBUTIONS = 3, 8  # how many of the strongest are written out
ZEROS = "all products are 0"
MOST_CELLS, WIDEST = 121, 120  # larger patches are listed by contribution; wider rows of tables are stacked


def explanation_text(e: Explained) -> str:
    """Return what was seen, multiplied and added, the strongest input channels first, the rest summed."""
    place = [printable(headline(e)), *(f"  {printable(line)}" for line in place_lines(e))]
    lines = [*place, "", *_details(e), *_parts(e), sum_line(e), f"  {verdict(e)}"]
    return "\n".join(line.rstrip() for line in lines)


def headline(e: Explained) -> str:
    """Return which number is explained."""
    slice_of_volume = "" if e.z is None else f"slice {e.z}, "
    row = "" if len(e.shape) == 2 else f"row {e.y}, "
    at = f"channel {e.channel} at {slice_of_volume}{row}column {e.x}" if len(e.shape) > 1 else f"unit {e.channel}"
    label = f" ({e.label})" if e.label else ""
    batch = f" of image {e.image}" if e.image else ""
    choice = f", {e.choice}" if e.choice else ""
    by = f"gradient of {e.target} by " if e.target else ""
    return f"{e.model}, {by}{e.layer} ({e.kind}): {at}{label}{batch}{choice}"


def place_lines(e: Explained) -> list[str]:
    """Return what the number was made of, and what its cell sees of the image; of an input's that is known."""
    if not e.target:
        return [f"looks at {window_line(e)}", f"sees {field_line(e)}"]
    reached = window_line(e) if len(e.sources) == 1 else ", ".join(e.sources) or "nothing that leads there"
    through = [f"through {e.link}"] if e.link else []
    return [f"reaches {reached}", *through, *([] if e.layer == e.input else [f"sees {field_line(e)}"])]


def window_line(e: Explained) -> str:
    """Return the window's place in the layer's input; of a gradient in what the cell reaches."""
    channels = e.place.channels if len(e.sources) == 1 else range(e.channel, e.channel + 1)
    if e.patch.shape[:2] == e.place.size == (1, 1) and e.place.slices is None:
        return f"{', '.join(e.sources)}: {_span('unit', channels)}"
    slices = [] if e.place.slices is None else [("slice", e.place.slices)]
    rows = [] if _is_sequence(e) and len(e.place.rows) == 1 else [("row", e.place.rows)]
    sides = [*slices, *rows, ("column", e.place.columns), ("channel", channels)]
    outside, cells = e.place.outside
    note = f" ({outside} of {cells} cells are padding)" if outside else ""
    return f"{', '.join(e.sources)}: {', '.join(_span(*side) for side in sides)}{note}"


def _is_sequence(e: Explained) -> bool:
    """Tell whether the number is of steps in a row, or of what they were made into: nothing of it has rows."""
    return len(e.shape) == 2 or len(e.image_shape) == 2


def _span(name: str, cells: range) -> str:
    if len(cells) == 1:
        return f"{name} {cells[0]}"
    return f"{name}s {cells[0]} to {cells[-1]}{f' by {cells.step}' if cells.step > 1 else ''}"


def side(e: Explained) -> str:
    """Return on which side of layers the patch lies: that of their inputs, or of their outputs for a gradient."""
    return "output" if e.target else "input"


def kernel_name(e: Explained) -> str:
    """Return what the numbers are called that the patch is multiplied with."""
    if not e.target:
        return "kernel"
    return "kernel, turned" if "turned" in e.link else "weights" if e.link else "slopes"


def strongest_line(e: Explained) -> str:
    """Return which input channels add most, of either sign, and how much."""
    named = ", ".join(f"{source_name(e, i)} {e.channel_sums[i]:+.3g}" for i in e.strongest(CHANNELS))
    return named or f"nothing, {ZEROS}"


def field_line(e: Explained) -> str:
    """Return the receptive field and its size."""
    if e.input is None:
        return "several inputs of the network"
    if e.field == "varies":
        return "a part of the image that no one rule gives for all units"
    if e.field is None or e.field_in_image is None:
        return f"all of the {'sequence' if len(e.image_shape) == 2 else 'image'}"
    if any(first > last for first, last in e.field_in_image):
        return "nothing of the image but its padding"
    sides = slice(1, None) if len(e.image_shape) == 2 else slice(None)
    field, inside = e.field[sides], e.field_in_image[sides]
    size = " x ".join(str(last - first + 1) for first, last in field)
    cut = "" if field == inside else f", in it {_box(inside)}"
    return f"{_box(field)} of the {('sequence', 'image', 'volume')[len(field) - 1]} ({size}{cut})"


def _box(box: Box) -> str:
    names = ("slice", "row", "column")[-len(box) :]
    return ", ".join(_span(name, range(first, last + 1)) for name, (first, last) in zip(names, box, strict=True))


def sum_line(e: Explained) -> str:
    """Return the arithmetic from the products to the value."""
    function = "" if e.function == "linear" else f"; {e.function} -> {e.after:.6g}"
    return f"{e.formula} = {e.before:.6g}{function}"


def verdict(e: Explained) -> str:
    """Return how the recorded value compares."""
    difference = abs(e.recorded - e.after)
    if e.agrees:
        return f"recorded {e.recorded:.6g}" + (f", {difference:.1g} off by rounding" if difference > 0 else "")
    asked = "with these weights" if e.weighted else "by this network"
    return (
        f"recorded {e.recorded:.6g}: OFF BY {difference:.3g}, rounding explains {e.tolerance:.1g};"
        f" was it recorded {asked}?"
    )


def peak(values: Array) -> float:
    """Return the largest magnitude among the finite values."""
    return float(np.abs(values[np.isfinite(values)]).max(initial=0))


def decimals(values: Array) -> int:
    """Return how many decimals give the largest of the values three digits."""
    largest = peak(values)
    return max(0, 2 - floor(log10(largest))) if largest > 0 else 0


def number(value: float, places: int) -> str:
    """Return a number for a table: what is exactly 0 is a bare 0, and nothing is -0."""
    if places > 6 or abs(value) >= 1e7:
        return f"{value:.2g}"
    return f"{value:z.{places}f}" if value else "0"


def _details(e: Explained) -> list[str]:
    if not e.patch.size or not (e.trained or e.patch.size > 1) or e.parts:
        return []
    if e.patch[:, :, 0].size == 1 or e.patch[:, :, 0].size > MOST_CELLS:
        return [*_contributions(e), ""]
    strongest = e.strongest(CHANNELS)
    if not strongest:
        return [ZEROS, ""]
    lines = [line for channel in strongest for line in (*_channel(e, channel), "")]
    rest = len(e.channel_sums) - len(strongest)
    if rest:
        total = e.channel_sums.sum() - e.channel_sums[strongest].sum()
        channel = f"{side(e)} channel"
        slices = f"slice of {channel}s", f"slices of {channel}s"
        parts = counted(rest, channel) if e.place.slices is None else counted(rest, *slices)
        lines += [_rest(rest, parts, e.zeros_beside(strongest), total), ""]
    return lines


def _parts(e: Explained) -> list[str]:
    """Return what each of several layers gives back to a gradient."""
    lines = []
    for part in e.parts:
        place = [printable(line) for line in place_lines(part)[: 2 if part.link else 1]]
        lines += [", ".join(place), "", *_details(part), f"  {sum_line(part)}", ""]
    return lines


def _rest(count: int, parts: str, zeros: int, total: float) -> str:
    """Return what those add that were not listed, and how many of them are zero."""
    if zeros == count:
        return f"the other {parts} {'adds' if count == 1 else 'add'} 0"
    return f"the other {parts}{f' ({zeros:,} of them 0)' if zeros else ''}: {total:+.6g}"


def _contributions(e: Explained) -> list[str]:
    """List the products that add most, and the sum of the rest. What is 0 is listed of what a merge takes alone."""
    order = np.argsort(-np.abs(e.products), axis=None, kind="stable")
    adds = e.products.flat[order] != 0
    order = (order if len(e.sources) > 1 else order[adds])[:CONTRIBUTIONS]
    if not order.size:
        return [f"  {ZEROS}"]
    names = [_where(e, int(i)) for i in order]
    numbers = [
        _aligned([number(value, decimals(array)) for value in array.flat[order]])
        for array in (e.patch, e.kernel, e.products)
    ]
    lines = [f"  {name}  {a} x {b} = {c}" for name, a, b, c in zip(_aligned(names), *numbers, strict=True)]
    if rest := e.products.size - len(order):
        total = e.products.sum() - e.products.flat[order].sum()
        zeros = int((np.delete(e.products, order) == 0).sum())
        lines.append(f"  {_rest(rest, counted(rest, 'product'), zeros, total)}")
    return lines


def _aligned(cells: list[str]) -> list[str]:
    return [cell.rjust(max(map(len, cells))) for cell in cells]


def _where(e: Explained, i: int) -> str:
    row, column, channel = np.unravel_index(i, e.products.shape)
    if e.place.padding.size > 1:
        return f"row {e.place.rows[row]}, column {e.place.columns[column]}"
    return source_name(e, int(channel))


def source_name(e: Explained, i: int) -> str:
    """Return the name of the i-th channel of the patch: a merge has its inputs there."""
    if len(e.sources) > 1:
        return printable(e.sources[i])
    if e.place.size == (1, 1) and e.place.slices is None:
        return f"unit {e.place.channels[i]}"
    return e.place.label(i)


def _channel(e: Explained, channel: int) -> list[str]:
    """Return what one input channel adds: input x kernel = products, or for a pooling what it chooses from."""
    patch, kernel, products = (_cells(array, channel) for array in (e.patch, e.kernel, e.products))
    patch = [
        ["pad" if out else cell for cell, out in zip(*row, strict=True)]
        for row in zip(patch, e.place.padding, strict=True)
    ]
    title = f"{side(e)} {e.place.label(channel)}"
    if e.trained:
        above = [[""] * len(e.place.columns)]
        tables = [_inputs(e, patch), _grid(above + kernel), _grid(above + products)]
        return [f"{title}: sum {e.channel_sums[channel]:+.6g}", *_beside(tables, side(e))]
    if e.winner:
        row, column = e.winner
        patch = [[f"{cell} " for cell in cells] for cells in patch]
        patch[row][column] = f"{patch[row][column][:-1]}*"
        title += ", the winner with a star"
    return [title, *_inputs(e, patch)]


def _cells(array: Array, channel: int) -> list[list[str]]:
    """Return one channel of (KH, KW, C) as text, with as many decimals as suit the largest of all."""
    places = decimals(array)
    return [[number(value, places) for value in row] for row in array[:, :, channel]]


def _inputs(e: Explained, patch: list[list[str]]) -> list[str]:
    """Return the patch with the numbers of its rows and columns."""
    numbered = [[str(row), *cells] for row, cells in zip(e.place.rows, patch, strict=True)]
    return _grid([["row", *map(str, e.place.columns)], *numbered])


def _grid(cells: list[list[str]]) -> list[str]:
    width = max(len(cell) for row in cells for cell in row)
    return [" ".join(cell.rjust(width) for cell in row) for row in cells]


def _beside(tables: list[list[str]], side: str) -> list[str]:
    """Set patch x kernel = products side by side, or one below the other where that is too wide."""
    if sum(len(table[0]) + 5 for table in tables) > WIDEST:
        titles = [side, "x kernel", "= products"]
        return [line for title, table in zip(titles, tables, strict=True) for line in (title, *table) if line.strip()]
    middle = (len(tables[0]) + 1) // 2
    lines = []
    for i, (patch, kernel, products) in enumerate(zip(*tables, strict=True)):
        times, equals = "x=" if i == middle else "  "
        lines.append(f"{patch}  {times}  {kernel}  {equals}  {products}".rstrip())
    return lines
