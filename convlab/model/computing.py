"""How a network is computed: where, by which kernels, by which plan, and what of that is kept for the next call."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from numbers import Integral
from typing import Any, Self

import numpy as np

from convlab.errors import ShapeError, UnsupportedError
from convlab.images.preprocessing import Preprocessing
from convlab.model.caches import Caches, OfLayers
from convlab.model.execution import Value, execute, telling
from convlab.model.fusion import fuse
from convlab.model.graph import Graph
from convlab.model.network import Network
from convlab.model.plan import Plan
from convlab.model.plans import Call
from convlab.model.selection import largest
from convlab.runtime.arrays import Array
from convlab.runtime.buffer_pool import BufferPool
from convlab.runtime.device import check_device, device_memory
from convlab.runtime.once import preparing
from convlab.runtime.policy import using_policy, worth_compiling
from convlab_kernels.arguments import contiguous
from convlab_kernels.cpu.runtime.threads import threads


class Computing(Network):
    """A network, and how it is computed; its attributes are told at `Model`."""

    def _start(self, graph: Graph, preprocessing: Preprocessing | None, labels: Sequence[str] | None) -> None:
        super()._start(graph, preprocessing, labels)
        self.propagate_nan, self.device, self.tf32 = False, "cpu", False
        self.compiled: bool | None = None
        self._caches = Caches()

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy takes over: not what is made again when it is needed."""
        return {**vars(self), "_caches": Caches()}

    def to(self, device: str) -> Self:
        """Compute the network on "cpu" or on "cuda", an NVIDIA GPU, from now on; return the network.

        On a GPU what is computed stays there, as arrays of CuPy: `predict` returns them; a recording copies a layer
        to the host when it is asked for. UnsupportedError, with what to do, where there is no GPU to use.
        """
        check_device(device)
        if device != self.device:
            self.drop_prepared()
            self.device = device
        return self

    def plan(self, batch: int = 1) -> Plan:
        """Return what `predict` does with so many images: its text is a table of the steps.

        It is made and kept, with all that has to be compiled for it, so that no call waits for that afterwards.

        Parameters
        ----------
        batch : int
            How many images.

        Raises
        ------
        ShapeError
            For less than 1.
        UnsupportedError
            For a network on a GPU.
        WeightsError
            For a network without weights.
        """
        if isinstance(batch, bool) or not isinstance(batch, Integral) or batch < 1:
            raise ShapeError(f"plan: {batch!r} images, expected a whole number of at least 1")
        if self.device != "cpu":
            raise UnsupportedError(f"model {self.name!r} is on {self.device!r}; a plan is for a processor: to('cpu')")
        fused, numbers = self._of_layers("fused", fuse), np.random.default_rng(0)
        sources = {  # zeros and ones: what looks rows up in a table knows no other numbers
            name: numbers.integers(2, size=(batch, *shape)).astype(np.float32) for name, shape in self.inputs.items()
        }
        return fused.plans.made(self._call(fused.graph, sources, (), self._caches.pool))

    def _execute(
        self,
        made: OfLayers,
        graph: Graph,
        sources: Mapping[str, Array],
        wanted: Collection[str] = (),
        pool: BufferPool | None = None,
    ) -> Iterable[Value]:
        """Return what the nodes of a graph make of inputs, by a plan where there is one."""
        first = next(iter(sources.values()))
        planned = self.device == "cpu" and first.dtype == np.float32 and len(first) and self._compiles(len(first))
        if planned:  # by a plan or not: in another order NumPy adds up otherwise
            sources = {name: contiguous(source) for name, source in sources.items()}
        call = self._call(graph, sources, wanted, pool)
        return made.plans.execute(call) if planned and not telling() else call.compute()

    def _call(
        self, graph: Graph, sources: Mapping[str, Array], wanted: Collection[str], pool: BufferPool | None
    ) -> Call:
        images = len(next(iter(sources.values())))
        how = images, self._compiles(images), self.propagate_nan
        return Call(
            kind=(*how, threads(), graph.outputs, frozenset(wanted)),
            sources=sources,
            pool=pool,
            compute=partial(self._layer_by_layer, graph, sources, wanted, pool),
            plan=partial(Plan, graph, *how, wanted),
        )

    def _layer_by_layer(
        self, graph: Graph, sources: Mapping[str, Array], wanted: Collection[str], pool: BufferPool | None
    ) -> Iterator[Value]:
        with self.computing(len(next(iter(sources.values()))), pool):
            yield from execute(graph, sources, wanted)

    def _compiles(self, images: int) -> bool:
        """Return whether compiled kernels compute so many images."""
        return worth_compiling(self.graph.multiply_adds, images) if self.compiled is None else self.compiled

    def _of_layers(self, name: str, make: Callable[[Graph], Graph]) -> OfLayers:
        """Return the graph that is cached under a name, made again of this one where a layer has changed."""
        layers, caches = self.layers, self._caches
        made: OfLayers | None = getattr(caches, name)
        if made is None or not made.is_of(layers):
            with preparing():
                made = getattr(caches, name)
                if made is None or not made.is_of(layers):
                    made = OfLayers.made(lambda: make(self.graph), layers)
                    setattr(caches, name, made)
        return made

    def _whole(self) -> OfLayers:
        return self._of_layers("whole", lambda graph: graph)

    @contextmanager
    def computing(self, images: int, pool: BufferPool | None = None) -> Iterator[None]:
        """Compute what is computed in the block as the network decides for a batch, into a pool or fresh arrays."""
        scoped = nullcontext() if pool is None or self.device != "cpu" else pool.scope()
        with (
            device_memory(self.device, lambda: largest(self.graph, images)),
            scoped as scope,
            using_policy(self._compiles(images), scope, self.propagate_nan, self.tf32),
        ):
            yield

    def drop_prepared(self) -> None:
        """Give back the memory of what was prepared from the weights, and of buffers; they are made again."""
        self._caches = Caches()
        for layer in self.layers:
            layer.drop_prepared()
