"""What a network does with so many images, decided once: which loops of which kernels, when, and on which memory.

An inference engine does not ask, layer after layer, what is to be done: it has a list. `planning` makes it; here it
is carried out, in one compiled call but for layers that have no compiled form, which are called between its pieces.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from convlab.model.execution import Value, call
from convlab.model.graph import Graph
from convlab.model.plan_table import plan_text
from convlab.model.planning import FLOAT, Place, Planning, Step
from convlab.runtime.arrays import Array
from convlab.runtime.policy import new_array, using_policy
from convlab_kernels.arguments import readable
from convlab_kernels.cpu.runtime.program import Pieces, Program, carry_out


class Plan:
    """The steps of a network for a number of images, and the memory that they take.

    Parameters
    ----------
    graph : Graph
    images : int
    compiled, propagate_nan : bool
        How the network is computed, as `Policy` has it.
    wanted : collection of str
        The values to hand out beside the outputs; `name/pre` for what a layer makes before its activation function.
    """

    def __init__(
        self, graph: Graph, images: int, compiled: bool, propagate_nan: bool = False, wanted: Collection[str] = ()
    ) -> None:
        self.planning = planning = Planning(graph, images, compiled, propagate_nan, wanted)
        self._policy = compiled, None, propagate_nan
        self._shown = [step for step in planning.steps if planning.shown(step)]
        self._program, self._arena = Program(planning.notes, planning.moving), 0
        self._parts = list(self._joined())
        self._idle = [self]

    def __str__(self) -> str:
        return plan_text(self.planning, sum(len(part) for part in self._parts if not isinstance(part, Step)))

    def _joined(self) -> Iterator[Pieces | Step]:
        """Yield the steps, those joined into compiled calls that have no layer to be called between them."""
        first = 0
        for step in self.planning.steps:
            if step.by_layer:
                yield self._program.pieces(first, step.first)
                yield step
                first = step.last
        yield self._program.pieces(first, len(self.planning.notes.tasks))

    def execute(self, sources: Mapping[str, Array]) -> Iterator[Value] | None:
        """Return the values to hand out for inputs by name; None while another thread carries the plan out."""
        try:
            self._idle.pop()
        except IndexError:
            return None
        try:
            return self._execute(sources)
        finally:
            self._idle.append(self)

    def _execute(self, sources: Mapping[str, Array]) -> Iterator[Value]:
        planning, like = self.planning, next(iter(sources.values()))
        arrays = {place.buffer: readable(sources[name]) for name, place in planning.inputs.items()}
        for buffer in planning.handed:
            arrays[buffer] = new_array(like, (planning.notes.sizes[buffer] // FLOAT.itemsize,))
        arena = new_array(like, (planning.arena_bytes // FLOAT.itemsize,))
        memory = _Memory(arena, planning.starts, arrays)
        self._place(memory)
        for part in self._parts:
            if isinstance(part, Step):
                self._call(part, memory)
            else:
                carry_out(part)
        return iter([self._value(step, memory) for step in self._shown])

    def _place(self, memory: "_Memory") -> None:
        """Put the addresses into the tasks; the arena's only where it lies elsewhere than at the last call."""
        addresses = np.zeros(len(memory.starts), np.int64)
        if (arena := _address(memory.arena)) != self._arena:
            self._program.place(addresses + memory.starts + arena)
            self._arena = arena
        for buffer, array in memory.arrays.items():
            addresses[buffer] = _address(array)
        self._program.move(addresses)

    def _call(self, step: Step, memory: "_Memory") -> None:
        with using_policy(*self._policy):
            before, after = call(step.node.layer, [memory[place] for place in step.inputs], step.before is not None)
            memory[step.after][...] = step.node.silence(after)
            if step.before is not None:
                memory[step.before][...] = before

    def _value(self, step: Step, memory: "_Memory") -> Value:
        return step.node, None if step.before is None else memory[step.before], memory[step.after]


@dataclass(frozen=True)
class _Memory:
    """The memory of one call: an arena, where in it buffers begin, and arrays of their own for others."""

    arena: Array
    starts: list[int]
    arrays: dict[int, Array]

    def __getitem__(self, place: Place) -> Array:
        if (array := self.arrays.get(place.buffer)) is not None:
            return place.within(array)
        return place.within(self.arena, self.starts[place.buffer])


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
