"""A network: an ordered graph of named layers that runs, with or without a recording."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from copy import copy
from dataclasses import replace
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np

from convlab.deprecation import Renamed
from convlab.errors import ShapeError, UnsupportedError
from convlab.images.preprocessing import Preprocessing
from convlab.model.caches import Caches, OfWeights
from convlab.model.edits import silenced
from convlab.model.execution import Value, complete, compute, execute, keep, outputs_of, telling
from convlab.model.fusion import fuse
from convlab.model.graph import INPUT, Graph
from convlab.model.inputs import read_inputs
from convlab.model.network import Network
from convlab.model.nodes import Node
from convlab.model.plan import Plan
from convlab.model.plans import Call
from convlab.model.selection import Record, check_budget, largest, select
from convlab.model.sources import RANDOM
from convlab.model.what_if import Replacement, recompute
from convlab.recording.activations import Activations
from convlab.recording.recorded import check_forwards
from convlab.runtime.arrays import Array
from convlab.runtime.buffer_pool import BufferPool
from convlab.runtime.device import check_device, device_memory
from convlab.runtime.host_copies import where_computed
from convlab.runtime.once import preparing
from convlab.runtime.policy import using_policy, worth_compiling
from convlab_kernels.cpu.runtime.threads import threads

__all__ = ["INPUT", "Model", "Node", "Record"]


class Model(Network):
    """A network of layers that are executed in order.

    What it consists of is told at `Network`.

    Attributes
    ----------
    propagate_nan : bool
        Whether NaN and infinities must stay where definitions put them. At first False: fast kernels may spread them.
    device : str
        "cpu" or "cuda": where it is computed (see `to`).
    compiled : bool or None
        Whether compiled kernels compute it on a processor. At first None: where there is enough to compute that it
        repays compiling them, or loading what was compiled before. True makes a small network fast that is called
        often (and changes the last digits of its answers); False leaves everything to NumPy.
    tf32 : bool
        Whether a GPU's tensor cores may round factors to 10 bits (TF32). At first False: the accuracy of float32.
    """

    strict = Renamed("propagate_nan")

    def _start(self, graph: Graph, preprocessing: Preprocessing | None, labels: Sequence[str] | None) -> None:
        super()._start(graph, preprocessing, labels)
        self.propagate_nan, self.device, self.tf32 = False, "cpu", False
        self.compiled: bool | None = None
        self._caches = Caches()

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy takes over: not what is made again when it is needed."""
        return {**vars(self), "_caches": Caches()}

    def to(self, device: str) -> "Model":
        """Compute the network on "cpu" or on "cuda", an NVIDIA GPU, from now on; return the network.

        On a GPU what is computed stays there, as arrays of CuPy: `predict` returns them; a recording copies a layer
        to the host when it is asked for. UnsupportedError, with what to do, where there is no GPU to use.
        """
        check_device(device)
        if device != self.device:
            self.drop_prepared()
            self.device = device
        return self

    def part(self, graph: Graph) -> "Model":
        """Return the network of another graph, which is computed where and as this one is."""
        part = Model.of(graph).to(self.device)
        part.propagate_nan, part.tf32, part.compiled = self.propagate_nan, self.tf32, self.compiled
        return part

    def predict(self, x: Any) -> Any:
        """Return the output, keeping nothing else.

        Parameters
        ----------
        x : array (N, *input_shape)
            As `run` takes it.

        Returns
        -------
        array (N, *output_shape)
            Of CuPy for a network on a GPU; for several outputs, such arrays by name.

        Raises
        ------
        ShapeError, WeightsError
            As of `run`.
        """
        outputs = self._predict(read_inputs(self.graph, x, self.preprocessing, self.device))
        return outputs if len(outputs) > 1 else outputs[self.outputs[0]]

    def _predict(self, sources: dict[str, Array]) -> dict[str, Array]:
        """Return the outputs for inputs, both by name."""
        first: Any = next(iter(sources.values()))
        if first.dtype != np.float32:
            with self.computing(len(first), self._caches.pool):
                return compute(self.graph, sources)
        fused = self._of_weights("fused", fuse)
        with self.computing(len(first), self._caches.pool):
            if self.device == "cuda" and len(first) == 1:
                kind = (first.device.id, self.propagate_nan, self.tf32)
                return fused.cuda_graphs.predict(kind, partial(compute, fused.graph), sources)
            return outputs_of(fused.graph, sources, self._execute(fused, fused.graph, sources))

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
        fused, numbers = self._of_weights("fused", fuse), np.random.default_rng(0)
        sources = {name: numbers.random((batch, *shape), np.float32) for name, shape in self.inputs.items()}
        with self.computing(int(batch), self._caches.pool):
            return fused.plans.made(self._planned(fused.graph, sources))

    def _execute(
        self, made: OfWeights, graph: Graph, sources: Mapping[str, Array], wanted: Collection[str] = ()
    ) -> Iterator[Value]:
        """Return what the nodes of a graph make of inputs, by a plan where there is one."""
        first: Any = next(iter(sources.values()))
        planned = self.device == "cpu" and first.dtype == np.float32 and len(first) and self._compiles(len(first))
        if not planned or telling():
            return execute(graph, sources, wanted)
        return made.plans.execute(self._planned(graph, sources, wanted))

    def _planned(self, graph: Graph, sources: Mapping[str, Array], wanted: Collection[str] = ()) -> Call:
        """Return the call for which there is to be a plan."""
        images = len(next(iter(sources.values())))
        how = images, self._compiles(images), self.propagate_nan
        kind = (*how, threads(), graph.outputs, frozenset(wanted))
        return Call(kind, sources, partial(execute, graph, sources, wanted), partial(Plan, graph, *how, wanted))

    def _compiles(self, images: int) -> bool:
        """Return whether compiled kernels compute so many images."""
        return worth_compiling(self.graph.multiply_adds, images) if self.compiled is None else self.compiled

    def _of_weights(self, name: str, make: Callable[[Graph], Graph]) -> OfWeights:
        """Return the graph that is cached under a name, made again of this one where a layer has other weights."""
        weights, caches = [layer._held.weights for layer in self.layers], self._caches
        made: OfWeights | None = getattr(caches, name)
        if made is None or not made.is_of(weights):
            with preparing():
                made = getattr(caches, name)
                if made is None or not made.is_of(weights):
                    made = OfWeights(weights, make(self.graph))
                    setattr(caches, name, made)
        return made

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

    def run(
        self,
        x: Any,
        record: Record = "all",
        *,
        pre: bool = False,
        until: str | None = None,
        max_bytes: int | None = None,
    ) -> Activations:
        """Run the network and keep what its layers compute.

        Parameters
        ----------
        x : array (N, *input_shape)
            For a network with several inputs: arrays by name, or a sequence of them in the order of `inputs`.
        record : "all", names, or a function from a name to bool
            Which nodes to keep.
        pre : bool
            Also keep, as `name/pre`, what a kept layer computed before its activation function.
        until : str, optional
            A node at which to stop: only what leads to it is computed, and its value is the recording's output.
        max_bytes : int, optional
            Refuse (BudgetError), before anything is computed, a recording of more than this.

        Returns
        -------
        Activations
            name -> array, in order of execution.

        Raises
        ------
        ShapeError
            For an input of another shape, or several of different batches.
        LayerNameError
            Where `record` names no layer of what is run, or selects none; or `until` names none.
        BudgetError
            For a recording of more than `max_bytes`.
        WeightsError
            For a network without weights.
        """
        sources = read_inputs(self.graph, x, self.preprocessing, self.device)
        graph = self.graph if until is None else self.graph.until(until)
        wanted, weights = select(graph, record, pre), tuple(layer._held.weights for layer in self.layers)
        if max_bytes is not None:
            check_budget(graph, wanted, next(iter(sources.values())), max_bytes)
        everything = all(node.name in wanted for node in self.nodes)
        images = len(next(iter(sources.values())))
        with self.computing(images, self._caches.recordings if everything else None):
            values = self._execute(self._of_weights("whole", lambda graph: graph), graph, sources, wanted)
            recorded = keep(graph, sources, values, wanted, self.device)
        return Activations(
            **recorded,
            model=self.name,
            note=RANDOM if self.random_layers else "",
            preprocessing=self.preprocessing,
            labels=self.labels if until is None else None,
            network=self,
            weights=weights,
        )

    def rerun(self, acts: Activations, replaced: Mapping[str, Replacement]) -> Activations:
        """Return what the recording would be, had some layers made something else (what if).

        Only what follows is computed again; all else are the recording's own arrays. Its `note` says what is not
        affected, and `replaced` which layers did not make what is recorded of them.

        Parameters
        ----------
        acts : Activations
            A recording of the network; what it lacks is computed from what it has, and kept only if replaced.
        replaced : mapping of str to array or function
            By the name of a layer (node), or of an input, what it made instead: an array (N, ...), or a function that
            makes one of a copy of what it made, as in {"conv2": lambda y: 0 * y}.

        Raises
        ------
        LayerNameError
            For a layer that is not there.
        ShapeError
            For an array of another shape, or a recording of another network.
        WeightsError
            For a recording of the network with other weights.
        UnsupportedError
            For what is no recording, or a value that is no array.
        """
        values = self.values_of(acts)
        with self.computing(acts.images):
            changed = recompute(self.graph, acts, values, replaced, self.device)
        return replace(acts, **changed)

    def values_of(self, acts: Activations) -> dict[str, Array]:
        """Return what went into the network and all that its nodes made, by name, where it computes.

        They are a recording's own arrays; what that lacks is computed from them.

        Raises
        ------
        ShapeError
            For a recording of another network.
        """
        check_forwards(acts)
        values = {**where_computed(acts.inputs), **where_computed(acts.arrays)}
        for name, shape in self.shapes.items():
            if values[name].shape[1:] != shape if name in values else name in self.inputs:
                raise ShapeError(
                    f"model {self.name!r}: the recording is of another network ({acts.model!r}): it has no"
                    f" {name} {shape}"
                )
        self.check_made(acts)
        with self.computing(acts.images):
            complete(self.graph, values)
        return values

    def ablate(self, channels: Mapping[str, Iterable[int]]) -> "Model":
        """Return a copy of the network in which channels are silenced: their outputs are 0 whatever comes in.

        The copy shares the weights and is recorded under the same names, so that its activations and predictions can
        be compared with the original's.

        Parameters
        ----------
        channels : mapping of str to sequence of int
            Layer name -> numbers of channels (the last axis of its output; of a dense layer, units), as in
            {"block4_conv2": [3, 17]}. A layer called twice is silenced in both calls, `name/2` in the second alone.
            The zeros stand after the layer's own activation function, and before whatever follows as another layer.

        Raises
        ------
        LayerNameError
            Where the network has no such layer.
        ShapeError
            Where a list is empty, or a layer has no such channel.
        """
        ablated = copy(self)
        ablated.graph = silenced(self.graph, channels)
        return ablated
