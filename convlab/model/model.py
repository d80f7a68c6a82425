"""A network: an ordered graph of named layers that runs, with or without a recording."""

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from convlab.deprecation import Renamed
from convlab.errors import ShapeError
from convlab.model.computing import Computing
from convlab.model.edits import silenced
from convlab.model.execution import complete, compute, keep, outputs_of
from convlab.model.fusion import fuse
from convlab.model.graph import INPUT, Graph
from convlab.model.inputs import read_inputs
from convlab.model.nodes import Node
from convlab.model.selection import Record, check_budget, largest, select
from convlab.model.sources import RANDOM
from convlab.model.what_if import Replacement, recompute
from convlab.recording.activations import Activations
from convlab.recording.recorded import check_forwards
from convlab.runtime.arrays import Array
from convlab.runtime.device import device_memory
from convlab.runtime.host_copies import where_computed

__all__ = ["INPUT", "Model", "Node", "Record"]


class Model(Computing):
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
        fused = self._of_layers("fused", fuse) if first.dtype == np.float32 else None
        if self.device == "cpu":
            made = fused or self._whole()
            return outputs_of(made.graph, sources, self._execute(made, made.graph, sources, pool=self._caches.pool))
        with self.computing(len(first)):
            if fused is None or len(first) > 1:
                return compute(self.graph if fused is None else fused.graph, sources)
            kind = (first.device.id, self.propagate_nan, self.tf32)
            return fused.cuda_graphs.predict(kind, partial(compute, fused.graph), sources)

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
        with device_memory(self.device, lambda: largest(graph, images)):
            pool = self._caches.recordings if everything else self._caches.pool
            values = self._execute(self._whole(), graph, sources, wanted, pool)
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
