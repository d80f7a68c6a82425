"""Read a pickle as a description: what it would call is named, and never called.

A pickle is a program for a machine with a stack. This is that machine without its powers: where Python's would
import a function and call it, this one notes its name and what it would be given. Nothing is hashed or compared
either: a key that is a tuple of two equal tuples, sixty deep, is small, and to hash it takes for ever.
"""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

__all__ = ["Made", "read_pickle"]


@dataclass(slots=True, eq=False, repr=False)
class Made:
    """An object: what makes it, what that is given, and what is put into it afterwards.

    Attributes
    ----------
    by
        The class or function, "collections.OrderedDict"; "dict", "list", "set" for what a pickle makes itself,
        "global" for the class or function itself, "storage" for what lies outside the pickle.
    given
        The arguments.
    items
        Of a list or set its elements, of a dictionary pairs.
    """

    by: str
    given: Any = ()
    items: list[Any] = field(default_factory=list)


def read_pickle(stream: BinaryIO) -> tuple[Any, list[Any]]:
    """Read the next pickle of a stream: numbers, texts and bytes as they are, tuples, and `Made` for all else.

    Takes up to a hundred times the pickle's bytes, and a few microseconds for each.

    Returns
    -------
    value
        What was pickled.
    stored
        What it says of each thing that lies outside the pickle, every time it does: what `Made` "storage" is given.

    Raises
    ------
    Exception
        Of almost any kind, where the pickle is damaged.
    """
    machine = _Machine()
    for opcode, argument, _ in pickletools.genops(stream):
        step = STEPS.get(opcode.name)
        if step is not None:
            step(machine, argument)
        elif opcode.stack_before or len(opcode.stack_after) != 1:
            raise ValueError(f"it has the opcode {opcode.name}, which no weights need")
        else:
            machine.stack.append(argument)  # a number, a text, bytes
    return machine.stack.pop(), machine.stored


class _Machine:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # the stack as it was at each mark
        self.memo: dict[int, Any] = {}
        self.stored: list[Any] = []

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def take(self, count: int) -> list[Any]:
        if count > len(self.stack):
            raise ValueError("it takes from an empty stack")
        taken = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return taken

    def mark(self) -> None:
        self.below.append(self.stack)
        self.stack = []

    def unmark(self) -> list[Any]:
        """Return what lies above the last mark, and take it away."""
        above, self.stack = self.stack, self.below.pop()
        return above

    def top(self) -> Made:
        if not isinstance(self.stack[-1], Made):
            raise ValueError(f"it puts something into a {type(self.stack[-1]).__name__}")
        return self.stack[-1]

    def put(self, values: list[Any]) -> None:
        self.top().items.extend(values)

    def put_pairs(self, values: list[Any]) -> None:
        self.put(list(zip(values[::2], values[1::2], strict=True)))

    def call(self, function: Any, given: Any) -> None:
        known = isinstance(function, Made) and function.by == "global"
        self.push(Made(function.given if known else "something that is no function", given))

    def name(self, module: Any, name: Any) -> None:
        if not (isinstance(module, str) and isinstance(name, str)):
            raise ValueError("it calls for something whose name is no text")
        self.push(Made("global", f"{module}.{name}"))

    def refer(self, identity: Any) -> None:
        self.stored.append(identity)
        self.push(Made("storage", identity))

    def dictionary(self, values: list[Any]) -> None:
        self.push(Made("dict"))
        self.put_pairs(values)

    def call_first(self, parts: list[Any]) -> None:
        self.call(parts[0], tuple(parts[1:]))

    def instantiate(self, names: str, given: list[Any]) -> None:
        self.name(*names.split(" ", 1))
        self.call(self.take(1)[0], tuple(given))


def _constant(value: Any) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: machine.push(value)


def _memoize(machine: _Machine, index: int | None) -> None:
    machine.memo[len(machine.memo) if index is None else index] = machine.stack[-1]


def _recall(machine: _Machine, index: int) -> None:
    machine.push(machine.memo[index])


STEPS: dict[str, Callable[[_Machine, Any], Any]] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda machine, _: None),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _memoize),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _recall),
    "NONE": _constant(None),
    "NEWTRUE": _constant(True),
    "NEWFALSE": _constant(False),
    "EMPTY_TUPLE": _constant(()),
    "EMPTY_LIST": lambda machine, _: machine.push(Made("list")),
    "EMPTY_DICT": lambda machine, _: machine.push(Made("dict")),
    "EMPTY_SET": lambda machine, _: machine.push(Made("set")),
    "MARK": lambda machine, _: machine.mark(),
    "POP": lambda machine, _: machine.take(1) if machine.stack else machine.unmark(),
    "POP_MARK": lambda machine, _: machine.unmark(),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.unmark())),
    "TUPLE1": lambda machine, _: machine.push(tuple(machine.take(1))),
    "TUPLE2": lambda machine, _: machine.push(tuple(machine.take(2))),
    "TUPLE3": lambda machine, _: machine.push(tuple(machine.take(3))),
    "LIST": lambda machine, _: machine.push(Made("list", (), machine.unmark())),
    "FROZENSET": lambda machine, _: machine.push(Made("set", (), machine.unmark())),
    "DICT": lambda machine, _: machine.dictionary(machine.unmark()),
    "APPEND": lambda machine, _: machine.put(machine.take(1)),
    "APPENDS": lambda machine, _: machine.put(machine.unmark()),
    "ADDITEMS": lambda machine, _: machine.put(machine.unmark()),
    "SETITEM": lambda machine, _: machine.put_pairs(machine.take(2)),
    "SETITEMS": lambda machine, _: machine.put_pairs(machine.unmark()),
    "GLOBAL": lambda machine, names: machine.name(*names.split(" ", 1)),
    "STACK_GLOBAL": lambda machine, _: machine.name(*machine.take(2)),
    "REDUCE": lambda machine, _: machine.call(*machine.take(2)),
    "NEWOBJ": lambda machine, _: machine.call(*machine.take(2)),
    "NEWOBJ_EX": lambda machine, _: machine.call(*machine.take(3)[:2]),
    "OBJ": lambda machine, _: machine.call_first(machine.unmark()),
    "INST": lambda machine, names: machine.instantiate(names, machine.unmark()),
    "BUILD": lambda machine, _: machine.take(1),  # what an object is told of itself: no weights need it
    "BINPERSID": lambda machine, _: machine.refer(*machine.take(1)),
}
