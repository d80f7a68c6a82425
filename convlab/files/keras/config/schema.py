"""The parts of a Keras config, checked: names, classes, and the calls of a layer, its inbound_nodes.

Keras 1     [[["conv1", 0, 0], ["conv2", 0, 0]], ...]       one list a call: layer, its call, its output
Keras 2     [[["conv1", 0, 0, {"training": null}], ...]]    the same with keyword arguments
Keras 3     [{"args": [[{"class_name": "__keras_tensor__", "config": {"keras_history": ["conv1", 0, 0]}}, ...]],
              "kwargs": {}}, ...]
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from convlab.errors import UnsupportedError, WeightsError
from convlab.files.keras.config.options import is_list, is_whole, shown

DEPTH_LIMIT = 32  # models in models, and lists in lists
NAME_LIMIT = 500
UNNAMED = "Custom>"  # Keras puts it before a class that is registered without a package, also one of its own
MODULE = re.compile(
    r"(tensorflow\.(python\.)?|tf_)?keras(\.src)?(\._?legacy)?"
    r"(\.(applications|engine|layers|models|activations|ops)(\.\w+)*)?"
)


@dataclass(frozen=True)
class Reference:
    """One output of one call of a layer, in the same model."""

    layer: str
    call: int
    output: int

    def less(self, extra: Mapping[str, int]) -> "Reference":
        """Return the reference with the calls of some layers counted from another number."""
        return replace(self, call=self.call - extra.get(self.layer, 0))


@dataclass(frozen=True)
class Call:
    """What a layer is called on."""

    inputs: tuple[Reference, ...]
    keras3: bool = False

    def less(self, extra: Mapping[str, int]) -> "Call":
        """Return the call with the calls of some layers counted from another number."""
        return replace(self, inputs=tuple(reference.less(extra) for reference in self.inputs))


class Entries:
    """Reads the parts; knows the file's name for messages."""

    def __init__(self, where: str) -> None:
        self.where = where

    def damaged(self, what: str) -> NoReturn:
        """Raise WeightsError."""
        raise WeightsError(f"{self.where}: the model's config is damaged: {what}")

    def entry(self, value: Any, what: str) -> Mapping[str, Any]:
        """Return a JSON object."""
        if not isinstance(value, Mapping):
            self.damaged(f"{what} is {shown(value)}, expected an object")
        return value

    def items(self, value: Any, what: str) -> list[Any]:
        """Return a JSON array."""
        if not is_list(value):
            self.damaged(f"{what} is {shown(value)}, expected a list")
        return list(value)

    def text(self, value: Any, what: str) -> str:
        """Return a name."""
        if not isinstance(value, str) or not 0 < len(value) <= NAME_LIMIT:
            self.damaged(f"{what} is {shown(value)}, expected a name")
        return value

    def kind(self, entry: Mapping[str, Any], name: object) -> str:
        """Return a layer's class, in the spelling of the file; refuse one that is not Keras' own."""
        kind = self.text(entry.get("class_name"), f"the class of layer {shown(name)}")
        module, registered = entry.get("module"), entry.get("registered_name")
        own = module is None or (isinstance(module, str) and MODULE.fullmatch(module) is not None)
        named = registered in (None, kind) or (module is not None and registered == f"{UNNAMED}{kind}")
        if not own or not named:
            full = registered if own or not named else f"{module}>{kind}"
            raise UnsupportedError(
                f"{self.where}: layer {shown(name)} is {shown(full)}, a class of its author's own;"
                " convlab loads Keras' own layers and runs no code from a file"
            )
        return kind

    def calls(self, value: Any, name: str) -> tuple[Call, ...]:
        """Return the calls of a layer."""
        if value is None:
            return ()
        return tuple(self.call(item, name) for item in self.items(value, f"inbound_nodes of {shown(name)}"))

    def call(self, value: Any, name: str) -> Call:
        """Read one call, in any of the three ways."""
        if isinstance(value, Mapping):
            by_name = {**self.entry(value.get("kwargs", {}), f"the arguments of {shown(name)}")}
            args = value.get("args") or by_name.pop("inputs", None)  # layer(inputs=x)
            # predict() tells every call of Keras 3 that it is no training, whatever stands here
            self.check_arguments(by_name, name, ignored=("training",))
            return Call(tuple(self.leaves(args, name)), keras3=True)
        items = self.items(value, f"a call of {shown(name)}")
        if items and isinstance(items[0], str):
            items = [items]
        return Call(tuple(self.legacy_input(item, name) for item in items))

    def legacy_input(self, value: Any, name: str) -> Reference:
        """Read [layer, call, output] or [layer, call, output, keyword arguments]."""
        layer, *rest = self.items(value, f"an input of {shown(name)}") or [None]
        if len(rest) == 3:
            self.check_arguments(rest.pop(), name)
        return self.reference([layer, *rest], name)

    def leaves(self, value: Any, name: str, depth: int = 0) -> Iterator[Reference]:
        """Yield the tensors in the arguments of a call as Keras 3 writes them."""
        if depth > DEPTH_LIMIT:
            self.damaged(f"the arguments of {shown(name)} are nested more than {DEPTH_LIMIT} deep")
        if is_list(value):
            for item in value:
                yield from self.leaves(item, name, depth + 1)
        elif isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__":
            tensor = self.entry(value.get("config"), f"an input of {shown(name)}")
            yield self.reference(tensor.get("keras_history"), name)
        elif value is not None:
            raise UnsupportedError(
                f"{self.where}: layer {shown(name)} is called on {shown(value)}; convlab calls layers on tensors"
            )

    def check_arguments(self, value: Any, name: str, ignored: Collection[str] = ()) -> None:
        """Refuse a call with arguments that change what is computed."""
        for key, argument in self.entry(value, f"the arguments of {shown(name)}").items():
            nothing = argument is None or (is_list(argument) and all(item is None for item in argument))
            if not nothing and key not in ignored and not (key == "training" and argument is False):
                raise UnsupportedError(
                    f"{self.where}: layer {shown(name)} is called with {shown(key)[1:-1]}={shown(argument)};"
                    " convlab calls layers on tensors alone"
                )

    def references(self, value: Any, what: str) -> tuple[Reference, ...]:
        """Return a model's inputs or outputs: one, a list, or a dictionary of them."""
        if isinstance(value, Mapping):
            value = [value[key] for key in sorted(value, key=str)]
        items = self.items(value, what)
        if items and isinstance(items[0], str):
            items = [items]
        if not items:
            self.damaged(f"{what} is empty")
        return tuple(self.reference(item, what) for item in items)

    def reference(self, value: Any, what: str) -> Reference:
        """Return [layer, call, output]."""
        parts = self.items(value, f"an input of {shown(what)}")
        if len(parts) != 3 or not isinstance(parts[0], str) or not all(is_whole(n, 0) for n in parts[1:]):
            self.damaged(f"{shown(what)} refers to {shown(value)}, expected [layer, call, output]")
        return Reference(*parts)
