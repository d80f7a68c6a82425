"""The steps of a network, found by going through it while its kernels' tasks are noted and not done."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from convlab.layers import Lambda, Layer
from convlab.layers.wrapping import Wrapping
from convlab.model.execution import call
from convlab.model.graph import Graph
from convlab.model.nodes import Node
from convlab.runtime.arrays import Array, Shape
from convlab.runtime.buffer_pool import SMALL
from convlab.runtime.policy import using_policy
from convlab_kernels.cpu.runtime.noting import Notes, Promised, UnplannedError, noting
from convlab_kernels.cpu.runtime.program import arrange, lives

FLOAT = np.dtype(np.float32)


@dataclass(frozen=True)
class Place:
    """Where an array lies: in which buffer, how many bytes from its beginning, and its shape and strides."""

    buffer: int
    offset: int
    shape: Shape
    strides: Shape

    def within(self, memory: Any, start: int = 0) -> Array:
        """Return the array, where its buffer begins at that byte of some memory."""
        return np.ndarray(self.shape, FLOAT, memory, start + self.offset, self.strides)


@dataclass(frozen=True)
class Step:
    """A call of a layer: the tasks first to last; or where it has no compiled form, the layer itself.

    `before` is what it makes before its activation function, where that is wanted.
    """

    node: Node
    inputs: tuple[Place, ...]
    before: Place | None
    after: Place
    first: int
    last: int
    by_layer: bool

    @property
    def made(self) -> dict[str, Place]:
        """Where that lies which it makes, by the names of a recording."""
        before = {} if self.before is None else {f"{self.node.name}/pre": self.before}
        return {**before, self.node.name: self.after}


class Planning:
    """The steps of a network for a number of images, the tasks that they are, and where in memory everything lies.

    Parameters
    ----------
    graph : Graph
    images : int
    compiled, propagate_nan : bool
        As `Policy` has them.
    wanted : collection of str
        Values that are handed out beside the outputs, `name/pre` for what a layer makes before its activation
        function.

    Attributes
    ----------
    notes : Notes
        With the tasks.
    steps : list of Step
    moving : set of int
        The buffers that each call has others of: those of the inputs, and of what is handed out. There are none where
        all is so little that it is sooner copied into the arena and out of it.
    starts : list of int
        Where in the arena each other buffer begins, in bytes.
    arena_bytes : int
        Of the memory that all steps share.
    """

    def __init__(
        self, graph: Graph, images: int, compiled: bool, propagate_nan: bool, wanted: Collection[str] = ()
    ) -> None:
        self.graph, self.images, self.notes, self._wanted = graph, images, Notes(), wanted
        arrays = {name: self._promise(shape) for name, shape in graph.inputs.items()}
        self.inputs = {name: self._place(array) for name, array in arrays.items()}
        self.steps: list[Step] = []
        with noting(self.notes), using_policy(compiled, self.notes, propagate_nan):
            for node in graph.nodes:
                arrays[node.name] = self._add(node, [arrays[source] for source in node.inputs])
        self.notes.release()
        self._given = {place.buffer for place in self.inputs.values()}
        self._handed = {place.buffer for step in self.steps for place in self.shown(step).values()}
        self.moving = set() if sum(self.notes.sizes) < SMALL else self._given | self._handed
        shared = {buffer: life for buffer, life in lives(self._uses()).items() if buffer not in self.moving}
        self.starts, self.arena_bytes = arrange(self.notes.sizes, shared)

    @property
    def handed(self) -> set[int]:
        """The moving buffers of what is handed out."""
        return self.moving - self._given

    def shown(self, step: Step) -> dict[str, Place]:
        """Return where that lies which a step makes and is handed out, by name."""
        shown = {*self._wanted, *self.graph.outputs}
        return {name: place for name, place in step.made.items() if name in shown}

    def _uses(self) -> Iterator[Collection[int]]:
        """Yield, for each task and each layer that is called, the buffers that it uses; at both ends a call's."""
        yield self._given
        for step in self.steps:
            if step.by_layer:
                yield {place.buffer for place in (*step.inputs, *step.made.values())}
            for task in self.notes.tasks[step.first : step.last]:
                yield task.buffers
        yield self._handed

    def _promise(self, shape: Shape) -> Array:
        return self.notes.empty((self.images, *shape), FLOAT)

    def _place(self, array: Array) -> Place:
        if not isinstance(array, Promised) or (found := self.notes.find(array.ctypes.data)) is None:
            raise UnplannedError
        return Place(*found, array.shape, array.strides)

    def _add(self, node: Node, inputs: list[Array]) -> Array:
        """Add the step of a node, and return what it makes."""
        first, keep_before = len(self.notes.tasks), f"{node.name}/pre" in self._wanted
        places = tuple(map(self._place, inputs))
        try:
            if not needs_no_numbers(node.layer):
                raise UnplannedError
            before, after = call(node.layer, inputs, keep_before)
            after = node.silence(after)
            made = None if before is None else self._place(before), self._place(after)
            by_layer = False
        except UnplannedError:
            del self.notes.tasks[first:]
            after = self._promise(node.output_shape)
            made = self._place(self._promise(node.output_shape)) if keep_before else None, self._place(after)
            by_layer = True
        self.steps.append(Step(node, places, *made, first, len(self.notes.tasks), by_layer))
        return after


def needs_no_numbers(layer: Layer) -> bool:
    """Return whether a layer can be called on arrays without numbers.

    Who wrote a layer of their own, or a function, may look at them, and need not know that there are such arrays.
    """
    if isinstance(layer, Wrapping):
        return needs_no_numbers(layer.inner)
    return type(layer).__module__.startswith("convlab.") and not isinstance(layer, Lambda)
