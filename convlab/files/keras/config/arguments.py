"""The calls of functions in a Keras config: which arguments are tensors, and what the others are.

Keras 2     [["conv1", 0, 0, {"y": ["conv2", 0, 0]}], ...]                first argument, the others by name
            [["_CONSTANT_VALUE", -1, 1.0, {"y": ["conv1", 0, 0]}], ...]   the same where the first is a number
            [[["conv1", 0, 0, {"axis": 3}], ["conv2", 0, 0, {"axis": 3}]], ...]     where it is a list
Keras 3     [{"args": [..., 1.0], "kwargs": {}}, ...]                      tensors as in the calls of layers
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from convlab.errors import UnsupportedError
from convlab.files.keras.config.functions import Function
from convlab.files.keras.config.options import is_list, is_whole, shown
from convlab.files.keras.config.schema import DEPTH_LIMIT, Call, Entries, Reference

CONSTANT = "_CONSTANT_VALUE"
SLICE = {"start", "stop", "step"}
SAID_OTHERWISE = {"nhwc": "channels_last", "nchw": "channels_first"}  # TensorFlow's words, in small letters
Options = dict[str, Any]


class Arguments(Entries):
    """Reads the calls of functions."""

    def function_calls(
        self, value: Any, name: str, written: str, function: Function, config: Mapping[str, Any]
    ) -> tuple[tuple[Call, ...], Options]:
        """Return the calls of a function, and its options: what it is given beside tensors, alike in all calls."""
        calls: list[Call] = []
        options: Options = {}
        for item in self.items(value, f"inbound_nodes of {shown(name)}"):
            args, kwargs, keras3 = self.arguments(item, name)
            inputs, given = self.bound(args, self.decoded_by_name(config, name) | kwargs, name, written, function)
            if calls and given != options:
                raise UnsupportedError(
                    f"{self.where}: layer {shown(name)} ({written}) is called twice, with {shown(options)} and with"
                    f" {shown(given)}: make a layer of its own for each"
                )
            calls, options = [*calls, Call(inputs, keras3)], given
        return tuple(calls), {**function.options, **options}

    def arguments(self, value: Any, name: str) -> tuple[list[Any], Options, bool]:
        """Return the arguments of a call in order, those by name, and whether Keras 3 wrote it."""
        if isinstance(value, Mapping):
            args = self.items(value.get("args", []), f"the arguments of {shown(name)}")
            kwargs = self.entry(value.get("kwargs", {}), f"the arguments of {shown(name)}")
            return [self.decoded(arg, name) for arg in args], self.decoded_by_name(kwargs, name), True
        items = self.items(value, f"a call of {shown(name)}")
        first = [items] if items and isinstance(items[0], str) else items
        found = [self.first_argument(item, name) for item in first]
        tensors = [tensor for tensor, _ in found]
        kwargs = self.decoded_by_name(found[0][1], name) if found else {}
        return [tensors if first is items else tensors[0]], kwargs, False

    def first_argument(self, value: Any, name: str) -> tuple[Any, Mapping[str, Any]]:
        """Return a tensor or number as Keras 2 writes it, and the arguments by name that stand beside it."""
        while is_list(value) and len(value) == 1:  # numbers in a list of tensors are wrapped once more
            (value,) = value
        layer, *rest = self.items(value, f"an input of {shown(name)}") or [None]
        given = self.entry(rest.pop(), f"the arguments of {shown(name)}") if len(rest) == 3 else {}
        if layer == CONSTANT and len(rest) == 2:
            return self.decoded(rest[1], name), given
        return self.reference([layer, *rest], name), given

    def decoded_by_name(self, values: Mapping[str, Any], name: str) -> Options:
        """Return arguments by name; one that is None is as good as left out, and a name is of no use."""
        found = {key: self.decoded(value, name) for key, value in values.items() if key != "name"}
        return {key: value for key, value in found.items() if value is not None}

    def decoded(self, value: Any, name: str, depth: int = 0) -> Any:
        """Return an argument with its tensors as references, slices as Python's, and arrays as lists."""
        if depth > DEPTH_LIMIT:
            self.damaged(f"the arguments of {shown(name)} are nested more than {DEPTH_LIMIT} deep")
        if isinstance(value, Mapping):
            return self.decoded_object(value, name, depth)
        if is_list(value):
            if len(value) == 3 and isinstance(value[0], str) and is_whole(value[1], 0) and is_whole(value[2], 0):
                return self.reference(value, name)
            return [self.decoded(item, name, depth + 1) for item in value]
        return value

    def decoded_object(self, value: Mapping[str, Any], name: str, depth: int) -> Any:
        """Return what Keras writes as an object."""
        kind, config = value.get("class_name"), value.get("config")
        if kind == "__keras_tensor__":
            tensor = self.entry(config, f"an input of {shown(name)}")
            return self.reference(tensor.get("keras_history"), name)
        if kind == "__ellipsis__":
            return ...
        if kind == "__slice__":
            value = self.entry(config, f"a slice of {shown(name)}")
        if SLICE.issuperset(value) and value:
            ends = [value.get(key) for key in ("start", "stop", "step")]
            return slice(*(self.decoded(end, name, depth + 1) for end in ends))
        inner = config.get("value") if isinstance(config, Mapping) else None
        if kind in ("__tensor__", "__numpy__", "__tuple__") or value.get("type") == "ndarray":
            return self.decoded(value.get("items", value.get("value", inner)), name, depth + 1)
        raise UnsupportedError(
            f"{self.where}: layer {shown(name)} is called on {shown(value)}; convlab knows numbers"
        )

    def bound(
        self, args: Sequence[Any], given: Options, name: str, written: str, function: Function
    ) -> tuple[tuple[Reference, ...], Options]:
        """Return the tensors of a call in order, and its other arguments under our names."""
        theirs = [there for _, there in function.parameters]
        if len(args) > len(theirs):
            self.damaged(f"{shown(name)} ({written}) is given {len(args)} arguments, expected {', '.join(theirs)}")
        values = given | {there: arg for there, arg in zip(theirs, args, strict=False) if arg is not None}
        if missing := [there for there in theirs[: function.tensors] if there not in values]:
            self.damaged(f"{shown(name)} ({written}) is not given its {missing[0]}")
        if left := function.required.difference(values):
            raise UnsupportedError(
                f"{self.where}: layer {shown(name)} ({written}) says no {min(left)}: that is over all pictures"
                " together; convlab computes each by itself"
            )
        operands = [values.pop(there) for there in theirs[: function.tensors]]
        here = {there: ours for ours, there in function.parameters}
        options = {here.get(key, key): _in_our_words(value) for key, value in values.items()}
        if function.kind == "elementwise":
            options["operands"] = [None if isinstance(value, Reference) else value for value in operands]
            inputs = tuple(value for value in operands if isinstance(value, Reference))
        else:
            inputs = self.tensors(operands[0], name, written)
        self.check_numbers(options, name, written)
        return inputs, options

    def check_numbers(self, options: Options, name: str, written: str) -> None:
        """Refuse an option that is a tensor, or holds one."""
        for key, value in options.items():
            if any(isinstance(leaf, Reference) for leaf in _leaves(value)):
                raise UnsupportedError(
                    f"{self.where}: layer {shown(name)} ({written}) takes its {shown(key)[1:-1]} from another layer;"
                    " convlab needs it as a number"
                )

    def tensors(self, value: Any, name: str, written: str) -> tuple[Reference, ...]:
        """Return a tensor, or lists of them."""
        leaves = list(_leaves(value))
        if not leaves or not all(isinstance(leaf, Reference) for leaf in leaves):
            raise UnsupportedError(
                f"{self.where}: layer {shown(name)} ({written}) is called on {shown(value)}; convlab calls it on what"
                " layers make"
            )
        return tuple(leaves)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, slice):
        yield from (value.start, value.stop, value.step)
    else:
        yield value


def _in_our_words(value: Any) -> Any:
    """Return a word ("SAME", "NCHW") as Keras' layers have it."""
    return SAID_OTHERWISE.get(value.lower(), value.lower()) if isinstance(value, str) else value
