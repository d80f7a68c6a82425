"""What is known of one number of a recording: its sum, the function applied, the part of the image seen."""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal

import numpy as np

from convlab.explanation.contributions import WeightedSum
from convlab.runtime.arrays import Shape
from convlab.wording import counted
from convlab_kernels.window import Pair

Box = tuple[Pair, ...]
Seen = Box | Literal["varies"] | None


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Explained(WeightedSum):
    """How one recorded number came about.

    To what `WeightedSum` holds (place, patch, kernel, products, bias, ...) it adds:

    Attributes
    ----------
    model, layer, kind : str
        The network, the layer (node), and its class.
    weighted : bool
        Whether the layer has weights.
    sources : tuple of str
        What feeds it: one, or all that a merging layer takes; then the patch's channels are theirs.
    shape : tuple of int
        The layer's output shape, without the batch.
    image, y, x, channel : int
        Which number.
    z : int or None
        Its slice, of a volume.
    label : str
        What the channel's class is called, of the output or what it was before its softmax; "" where nobody knows.
    choice : str
        How the number was chosen, where nobody said which: "the largest number of the layer".
    activation, function : str
        The function applied last, and the same with its numbers where it has any.
    after, recorded : float
        The value computed here, in float64, and the recorded one.
    tolerance : float
        How far rounding alone may have taken them apart.
    field : ((first row, last row), (first column, last column)), "varies" or None; of a volume slices come first
        The receptive field in the image, padding included. "varies": there is no one rule for all units; None: all
        of the image, or of several.
    input : str or None
        The network's input behind the number; None where there are several.
    image_shape : tuple of int
        Its shape; () where there are several.
    target, link : str
        Of a number of a gradient, which is explained backwards: what it is the gradient of, and what its weights are,
        where they are a layer's. Then the sources are what the number's cell reaches.
    parts : tuple of explanations
        Of a gradient to which several layers give something back: what each gives.
    """

    model: str
    layer: str
    kind: str
    weighted: bool
    sources: tuple[str, ...]
    shape: Shape
    image: int
    z: int | None
    y: int
    x: int
    channel: int
    label: str
    choice: str
    activation: str
    function: str
    after: float
    recorded: float
    tolerance: float
    field: Seen
    input: str | None
    image_shape: Shape
    target: str = ""
    link: str = ""
    parts: tuple["Explained", ...] = ()

    @property
    def source(self) -> str:
        """The (first) source; "" for a gradient of a cell that reaches nothing."""
        return self.sources[0] if self.sources else ""

    @cached_property
    def field_in_image(self) -> Box | None:
        """The receptive field without its padding; a last row or column before the first: nothing is left."""
        if self.field is None or self.field == "varies":
            return None
        size = (1, *self.image_shape)[-1 - len(self.field) : -1]  # a sequence (W, C) is one row
        return tuple((max(a, 0), min(b, n - 1)) for (a, b), n in zip(self.field, size, strict=True))

    @property
    def agrees(self) -> bool:
        """Whether the recorded value is the one computed here, but for rounding."""
        return bool(
            abs(self.recorded - self.after) <= self.tolerance
            or np.array_equal(self.recorded, self.after, equal_nan=True)
        )

    def strongest(self, count: int) -> list[int]:
        """Return the places in the patch of the input channels that add most, of either sign.

        Where there are weights, channels without a product other than 0 are none of them.
        """
        order = np.argsort(-np.abs(self.channel_sums), kind="stable")
        return [int(i) for i in (order[self.adds[order]] if self.trained else order)[:count]]

    def zeros_beside(self, listed: list[int]) -> int:
        """Return how many input channels that are not listed have no product other than 0."""
        return int((~np.delete(self.adds, listed)).sum())

    def others(self, listed: list[int]) -> str:
        """Return what to call the input channels that are not listed; nothing where there are none."""
        rest, zeros = len(self.channel_sums) - len(listed), self.zeros_beside(listed)
        name = counted(rest, "other")
        told = ", 0" if zeros == rest == 1 else ", all 0" if zeros == rest else f", {zeros:,} of them 0"
        return (f"{name}{told}" if zeros else name) if rest else ""

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "place"}
        sides = ("slices", "rows", "columns", "channels")[self.place.slices is None :]
        place = {side: list(getattr(self.place, side) or ()) for side in sides}
        derived = ("source", "channel_sums", "before", "field_in_image", "agrees")
        values["parts"] = [part.as_dict() for part in self.parts]
        found = place | {"padding": self.place.padding} | values | {name: getattr(self, name) for name in derived}
        return {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in found.items()}

    def __repr__(self) -> str:
        at = (self.image, *(() if self.z is None else (self.z,)), self.y, self.x, self.channel)
        return f"<Explanation of {self.model}'s {self.layer} at {at}: {self.recorded:.6g}>"
