"""The options of one layer in a Keras config: each is checked as it is read, and what nobody reads is refused."""

from collections.abc import Mapping, Sequence
from math import isfinite
from reprlib import Repr
from typing import Any, NoReturn

from convlab.errors import UnsupportedError, WeightsError
from convlab.files.keras.config.axes import moved_axes
from convlab.files.keras.config.spellings import OLDER_ACTIVATIONS
from convlab.layers import ACTIVATIONS
from convlab_kernels.window import Pair, Sides
from convlab_kernels.window3d import Sides3D, Triple

LARGEST = 2**31 - 1
TRAINING = frozenset(  # options that change nothing once a network is trained, or are read elsewhere
    {
        "W_constraint", "W_regularizer", "activity_regularizer", "autocast", "b_constraint", "b_regularizer",
        "batch_shape", "beta_init", "build_input_shape", "dtype", "dynamic", "fused", "gamma_init", "init",
        "input_dim", "input_dtype", "input_length", "input_shape", "l1", "l2", "momentum", "name",
        "noise_shape", "rate", "renorm_clipping", "renorm_momentum", "seed", "stddev", "synchronized",
        "trainable", "virtual_batch_size", "weights",
    }
)  # fmt: skip
NEUTRAL = {"groups": 1}  # which Keras 2 writes for every class made from its Conv, whether it has groups or not
TRAINING_SUFFIXES = ("_constraint", "_initializer", "_regularizer")
_shown = Repr()
_shown.maxstring = _shown.maxother = 60
REQUIRED: Any = object()


def shown(value: Any) -> str:
    """Return a value from a file as part of one line, however long or deep it is."""
    return _shown.repr(value)


class Options:
    """The options of one layer, in today's spelling.

    Attributes
    ----------
    kind : str
        Its class.
    rank : int
        Axes of its (first) input, the batch included.
    moved : bool
        Whether that input is the moved form of Keras' (see `convlab.files.keras.config.channels_first`).
    keras : int
        The major version of Keras that wrote it.
    """

    def __init__(
        self, where: str, name: str, kind: str, values: Mapping[str, Any], rank: int, moved: bool, keras: int
    ) -> None:
        self.where, self.name, self.kind = where, name, kind
        self.rank, self.moved, self.keras = rank, moved, keras
        self._values = values
        self._asked: set[str] = set()
        self.channels_first = self.layout() == "channels_first"

    def layout(self) -> str:
        """Return what the layer says about the layout of its images."""
        if self.take("data_format", None) is None:
            return "channels_last"
        return self.choice("data_format", "channels_last", "channels_first")

    def take(self, key: str, default: Any = REQUIRED) -> Any:
        """Return an option as it stands in the file."""
        self._asked.add(key)
        value = self._values.get(key, default)
        if value is REQUIRED:
            raise WeightsError(f"{self.where}: layer {shown(self.name)} ({self.kind}) does not say its {key}")
        return value

    def damaged(self, key: str, value: Any, expected: str) -> NoReturn:
        """Raise WeightsError for a value that has no meaning."""
        raise WeightsError(
            f"{self.where}: layer {shown(self.name)} ({self.kind}): {key} is {shown(value)}, expected {expected}"
        )

    def unsupported(self, key: str, value: Any, expected: str) -> NoReturn:
        """Raise UnsupportedError for a value that convlab has no arithmetic for."""
        raise UnsupportedError(
            f"{self.where}: layer {shown(self.name)} ({self.kind}) has {shown(key)[1:-1]}={shown(value)};"
            f" convlab loads {expected}"
        )

    def whole(self, key: str, default: Any = REQUIRED, least: int = 1) -> int:
        """Return a whole number of at least `least`."""
        value = self.take(key, default)
        if not is_whole(value, least):
            self.damaged(key, value, f"a whole number of at least {least}")
        return int(value)

    def list_of_wholes(self, key: str, least: int) -> tuple[int, ...]:
        """Return a list of whole numbers."""
        value = self.take(key)
        if not is_list(value) or not all(is_whole(n, least) for n in value):
            self.damaged(key, value, f"a list of whole numbers of at least {least}")
        return tuple(value)

    def _wholes(self, key: str, count: int, default: Any, least: int) -> tuple[int, ...]:
        """Return `count` whole numbers; one alone stands for all of them."""
        value = self.take(key, default)
        values = value if is_list(value) else [value] * count
        if len(values) != count or not all(is_whole(n, least) for n in values):
            self.damaged(key, value, f"{count} whole numbers of at least {least}")
        return tuple(values)

    def single(self, key: str, default: Any = REQUIRED, least: int = 1) -> int:
        """Return a whole number, which may stand in a list of one."""
        return self._wholes(key, 1, default, least)[0]

    def pair(self, key: str, default: Any = REQUIRED, least: int = 1) -> Pair:
        """Return two whole numbers (height, width)."""
        height, width = self._wholes(key, 2, default, least)
        return height, width

    def triple(self, key: str, default: Any = REQUIRED, least: int = 1) -> Triple:
        """Return three whole numbers (depth, height, width)."""
        depth, height, width = self._wholes(key, 3, default, least)
        return depth, height, width

    def ends(self, key: str, default: Any = REQUIRED) -> Pair:
        """Return cells before and after a sequence."""
        return self.pair(key, default, least=0)

    def sides(self, key: str, default: Any = REQUIRED) -> Sides:
        """Return cells on four sides ((top, bottom), (left, right)); Keras 1 wrote a list of four."""
        top_bottom, left_right = self._sides(key, default, 2, "((top, bottom), (left, right))")
        return top_bottom, left_right

    def six_sides(self, key: str, default: Any = REQUIRED) -> Sides3D:
        """Return cells on six sides ((front, back), (top, bottom), (left, right))."""
        depth, height, width = self._sides(key, default, 3, "((front, back), (top, bottom), (left, right))")
        return depth, height, width

    def _sides(self, key: str, default: Any, axes: int, expected: str) -> list[Pair]:
        value = self.take(key, default)
        values = value if is_list(value) else [value] * axes
        if len(values) == 2 * axes:
            values = [values[2 * axis : 2 * axis + 2] for axis in range(axes)]
        pairs = [side if is_list(side) else [side, side] for side in values]
        if len(pairs) != axes or not all(len(pair) == 2 and all(is_whole(n, 0) for n in pair) for pair in pairs):
            self.damaged(key, value, f"cells {expected}")
        return [(before, after) for before, after in pairs]

    def number(self, key: str, default: Any = REQUIRED) -> float:
        """Return a finite number."""
        value = self.take(key, default)
        if not is_number(value):
            self.damaged(key, value, "a finite number")
        return float(value)

    def numbers(self, key: str, default: Any = REQUIRED) -> Any:
        """Return a number, or lists of numbers, or None where that is the default."""
        value = self.take(key, default)
        if not (is_numbers(value) or (value is None and default is None)):
            self.damaged(key, value, "a number or a list of numbers")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false, which Keras also takes as 1 and 0."""
        value = self.take(key, default)
        if not is_flag(value):
            self.damaged(key, value, "true or false")
        return bool(value)

    def choice(self, key: str, default: str, *others: str) -> str:
        """Return one of the words that convlab knows here."""
        value, known = self.take(key, default), (default, *others)
        if not isinstance(value, str) or value not in known:
            self.unsupported(key, value, " or ".join(map(repr, known)))
        return value

    def only(self, key: str, accepted: Any) -> None:
        """Refuse any value but one, which is also what it means to leave it out."""
        value = self.take(key, accepted)
        if not isinstance(value, type(accepted) | int) or value != accepted:
            self.unsupported(key, value, f"{accepted!r} alone")

    def axes(self, key: str) -> tuple[int, ...]:
        """Return axes of the input as it lies here, from the batch, 0, or back from the last, -1: the default."""
        value = self.take(key, -1)
        axes = value if is_list(value) else [value]
        inner = [*range(1, self.rank), *range(1 - self.rank, 0)]
        if not axes or not all(is_whole(axis, -self.rank) and axis in inner for axis in axes):
            self.damaged(key, value, f"axes 1 to {self.rank - 1}, or from -1 back")
        return moved_axes(axes, self.rank) if self.moved else tuple(axes)

    def axis(self) -> int:
        """Return the only axis, as `axes` counts."""
        axis, *others = self.axes("axis")
        if others:
            self.unsupported("axis", self._values.get("axis"), "one axis")
        return axis

    def activation(self) -> str:
        """Return the name of the activation function, some of which changed their meaning with Keras 3."""
        value = self.take("activation", None)
        if value is None:
            return "linear"
        if not isinstance(value, str):
            self.damaged("activation", value, "the name of a function")
        name = OLDER_ACTIVATIONS.get(value, value) if self.keras < 3 else value
        if name not in ACTIVATIONS:
            self.unsupported("activation", value, ", ".join(ACTIVATIONS))
        return name

    def ignore_rest(self) -> None:
        """Take all options for ones that change nothing."""
        self._asked.update(self._values)

    def refuse_rest(self) -> list[str]:
        """Refuse what is set and was never asked for, for it may change the result; return what of it does not."""
        neutral = []
        for key, value in self._values.items():
            if key in self._asked or key in TRAINING or key.endswith(TRAINING_SUFFIXES):
                continue
            if not _changes_nothing(key, value):
                self.unsupported(key, value, f"{self.kind} without it")
            neutral.append(f"{shown(key)[1:-1]}={shown(value)}")
        return neutral

    def precision(self) -> str | None:
        """Return the floating-point type, or mixture of two, that the file computes this layer in, if it says so."""
        policy = self._values.get("dtype")
        if isinstance(policy, Mapping):
            if "Quantized" in str(policy.get("class_name")):
                self.unsupported("dtype", policy.get("class_name"), "floating-point weights")
            policy = policy.get("config")
            policy = policy.get("name") if isinstance(policy, Mapping) else None
        return policy if isinstance(policy, str) and "float" in policy else None


def _changes_nothing(key: str, value: Any) -> bool:
    """Tell whether an option that nobody reads stands at a value that says so: off, or the one in the table."""
    return value is None or value is False or (key in NEUTRAL and is_whole(value, 0) and value == NEUTRAL[key])


def is_flag(value: Any) -> bool:
    """Tell whether a value is true or false, or the number that stands for it."""
    return isinstance(value, int) and value in (0, 1)


def is_whole(value: Any, least: int) -> bool:
    """Tell whether a value is an integer (no bool) from `least` up, of a size that is no mistake."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= LARGEST


def is_number(value: Any) -> bool:
    """Tell whether a value is a finite number (no bool)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) <= LARGEST
    return isinstance(value, float) and isfinite(value)


def is_numbers(value: Any, depth: int = 4) -> bool:
    """Tell whether a value is a finite number, or lists of them."""
    if is_list(value):
        return depth > 0 and all(is_numbers(item, depth - 1) for item in value)
    return is_number(value)


def is_list(value: Any) -> bool:
    """Tell whether a value is a JSON array."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
