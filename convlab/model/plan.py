"""What a network does with so many images, decided once: which loops of which kernels, when, and on which memory.

An inference engine does not ask, layer after layer, what is to be done: it has a list. `planning` makes it; here it
is carried out, in one compiled call but for layers that have no compiled form, which are called between its pieces.
"""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias
from weakref import WeakSet

import numpy as np

from convlab.model.execution import Value, call
from convlab.model.graph import Graph
from convlab.model.plan_table import plan_rows, plan_text
from convlab.model.planning import FLOAT, Place, Planning, Step
from convlab.runtime.arrays import Array
from convlab.runtime.buffer_pool import BufferPool
from convlab.runtime.policy import using_policy
from convlab_kernels.arguments import contiguous
from convlab_kernels.cpu.runtime.aligned import aligned
from convlab_kernels.cpu.runtime.program import Pieces, Program, carry_out

Empty: TypeAlias = Callable[[tuple[int, ...], np.dtype[Any]], Array]
"""What makes an array, its numbers not yet set."""


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
        self._handed = {buffer: planning.notes.sizes[buffer] // FLOAT.itemsize for buffer in planning.handed}
        self._program, self._arena = Program(planning.notes, planning.moving), 0
        self._starts = np.array(planning.starts, np.int64)
        self._addresses = self._starts.copy()
        self._parts = list(self._joined())
        self._own = None if planning.moving else self._own_memory()
        self._idle = ["idle"]  # not itself: a circle is not freed before somebody looks for such
        _plans.add(self)

    def __str__(self) -> str:
        return plan_text(self.planning, self._calls)

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON."""
        planning = self.planning
        whole = {"tasks": len(planning.notes.tasks), "calls": self._calls, "arena_bytes": planning.arena_bytes}
        return {"model": planning.graph.name, "images": planning.images, "steps": plan_rows(planning), **whole}

    @property
    def _calls(self) -> int:
        return sum(len(part) for part in self._parts if not isinstance(part, Step))

    def _joined(self) -> Iterator[Pieces | Step]:
        """Yield the steps, those joined into compiled calls that have no layer to be called between them."""
        first = 0
        for step in self.planning.steps:
            if step.by_layer:
                yield self._program.pieces(first, step.first)
                yield step
                first = step.last
        yield self._program.pieces(first, len(self.planning.notes.tasks))

    def execute(self, sources: Mapping[str, Array], pool: BufferPool | None = None) -> list[Value] | None:
        """Return the values to hand out for inputs by name, in memory of a pool or in fresh memory.

        None while another thread carries the plan out.
        """
        try:
            self._idle.pop()
        except IndexError:
            return None
        try:
            if self._own is not None:
                return self._execute_within(self._own, sources)
            if pool is None:
                return self._execute(sources, np.empty)
            with pool.scope() as scope:
                return self._execute(sources, scope.empty)
        finally:
            self._idle.append("idle")

    def _execute(self, sources: Mapping[str, Array], empty: Empty) -> list[Value]:
        planning = self.planning
        arrays = {place.buffer: contiguous(sources[name]) for name, place in planning.inputs.items()}
        for buffer, size in self._handed.items():
            arrays[buffer] = empty((size,), FLOAT)
        memory = _Memory(empty((planning.arena_bytes // FLOAT.itemsize,), FLOAT), planning.starts, arrays)
        self._place(memory)
        self._carry_out(memory)
        return self._values(memory)

    def _own_memory(self) -> "_Own":
        memory = _Memory(aligned(self.planning.arena_bytes), self.planning.starts, {})
        self._program.place(self._starts + _address(memory.arena))
        inputs = [(name, memory.of(place)) for name, place in self.planning.inputs.items()]
        return _Own(memory, inputs, self._values(memory))

    def _execute_within(self, own: "_Own", sources: Mapping[str, Array]) -> list[Value]:
        for name, array in own.inputs:
            array[...] = sources[name]
        self._carry_out(own.memory)
        return [(node, None if before is None else before.copy(), after.copy()) for node, before, after in own.values]

    def _carry_out(self, memory: "_Memory") -> None:
        for part in self._parts:
            if isinstance(part, Step):
                self._call(part, memory)
            else:
                carry_out(part)

    def _place(self, memory: "_Memory") -> None:
        """Put the addresses into the tasks; the arena's only where it lies elsewhere than at the last call."""
        if (arena := _address(memory.arena)) != self._arena:
            self._program.place(self._starts + arena)
            self._arena = arena
        for buffer, array in memory.arrays.items():
            self._addresses[buffer] = _address(array)
        self._program.move(self._addresses)

    def _call(self, step: Step, memory: "_Memory") -> None:
        with using_policy(*self._policy):
            before, after = call(
                step.node.layer, [memory.of(place) for place in step.inputs], step.before is not None
            )
            memory.of(step.after)[...] = step.node.silence(after)
            if step.before is not None:
                memory.of(step.before)[...] = before

    def _values(self, memory: "_Memory") -> list[Value]:
        return [
            (step.node, None if step.before is None else memory.of(step.before), memory.of(step.after))
            for step in self._shown
        ]


_plans: WeakSet[Plan] = WeakSet()


def _release_plans() -> None:
    """Start afresh in a forked child: threads that were carrying plans out are not there to go on."""
    for plan in _plans:
        plan._idle[:], plan._arena = ["idle"], 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_release_plans)


class _Memory(NamedTuple):
    """The memory of one call: an arena, where in it buffers begin, and arrays of their own for others."""

    arena: Array
    starts: list[int]
    arrays: dict[int, Array]

    def of(self, place: Place) -> Array:
        if (array := self.arrays.get(place.buffer)) is not None:
            return place.within(array)
        return place.within(self.arena, self.starts[place.buffer])


class _Own(NamedTuple):
    """The memory of a plan that has its own, and where in it the inputs and what is handed out lie."""

    memory: _Memory
    inputs: list[tuple[str, Array]]
    values: list[Value]


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
