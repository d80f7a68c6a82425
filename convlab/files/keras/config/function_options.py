"""The arguments of a function on tensors, under our names: each is checked as it is read."""

from typing import Any

from convlab.files.keras.config.options import LARGEST, Options, is_list, is_number, is_whole
from convlab_kernels.window import Pair


class FunctionOptions(Options):
    """The arguments of one function; its axes may include the batch."""

    def only_number(self, key: str, accepted: float) -> None:
        """Refuse any number but one, which is also what it means to leave it out."""
        value = self.take(key, accepted)
        if not is_number(value) or value != accepted:
            self.unsupported(key, value, f"{accepted:g} alone")

    def whole_numbers(self, key: str, least: int) -> tuple[int, ...]:
        """Return a list of whole numbers; one alone stands for a list of one."""
        value = self.take(key)
        values = value if is_list(value) else [value]
        if not all(is_whole(n, least) for n in values):
            self.damaged(key, value, f"whole numbers of at least {least}")
        return tuple(values)

    def all_axes(self, key: str) -> tuple[int, ...]:
        """Return axes from 0, the batch, up."""
        axes = self.whole_numbers(key, -LARGEST)
        if not all(-self.rank <= axis < self.rank for axis in axes) or len({a % self.rank for a in axes}) < len(axes):
            self.damaged(key, self.take(key), f"axes 0 to {self.rank - 1}, each once")
        return tuple(axis % self.rank for axis in axes)

    def one_axis(self, key: str) -> int:
        """Return one axis, as `all_axes` counts."""
        axes = self.all_axes(key)
        if len(axes) != 1:
            self.damaged(key, self.take(key), "one axis")
        return axes[0]

    def new_axis(self) -> int:
        """Return the place of a new axis in what comes out, from 1 up: the batch stays in front."""
        axis, rank = self.take("axis"), self.rank + 1
        if not is_whole(axis, -rank) or axis >= rank:
            self.damaged("axis", axis, f"1 to {rank - 1}, or from -1 back")
        if axis % rank == 0:
            self.unsupported("axis", axis, f"1 to {rank - 1}: the batch, 0, stays in front")
        return int(axis % rank)

    def cells(self, key: str) -> tuple[Pair, ...]:
        """Return cells before and after each axis; one number, or pair, alone stands for all of them."""
        value = self.take(key)
        one = value if is_list(value) else [value, value]
        pairs = [one] * self.rank if not any(is_list(item) for item in one) else one
        pairs = pairs * self.rank if len(pairs) == 1 else pairs
        if len(pairs) != self.rank or not all(_is_pair(pair) for pair in pairs):
            self.damaged(key, value, f"cells before and after each of {self.rank} axes")
        return tuple((int(before), int(after)) for before, after in pairs)

    def places(self, key: str, sides: int) -> tuple[int, ...]:
        """Return a number for each side of an image or sequence; TensorFlow writes 1 for batch and channels too."""
        value = self.take(key)
        if is_list(value) and len(value) == sides + 2:
            inner = value[2:] if self.channels_first else value[1:-1]
            value = inner if [*value].count(1) >= 2 and list(value) in ([1, *inner, 1], [1, 1, *inner]) else value
        values = value if is_list(value) else [value]
        values = list(values) * sides if len(values) == 1 else values
        if len(values) != sides or not all(is_whole(n, 1) for n in values):
            self.damaged(key, value, f"{sides} whole numbers of at least 1")
        return tuple(values)


def _is_pair(value: Any) -> bool:
    return is_list(value) and len(value) == 2 and all(is_whole(n, 0) for n in value)
