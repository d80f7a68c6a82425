"""A tree of models flattened into one list of calls, in order of execution, each under the name of its node."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NoReturn

from convlab.errors import UnsupportedError, WeightsError
from convlab.files.keras.config.graph import LayerConfig, ModelConfig
from convlab.files.keras.config.options import shown
from convlab.files.keras.config.schema import Reference

SEVERAL = ("split", "unstack")  # the operations with several outputs
CALLS_LIMIT = 20_000  # models in models called twice each would make billions out of a small file
INPUTS_LIMIT = 200_000  # of all calls, and outputs of models

Path = tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """One call of one layer: the node it becomes and the nodes, or inputs, that it takes.

    `steps` counts the axes of steps, in front of all others, along each of which it is called.
    """

    node: str
    layer: str
    config: LayerConfig
    inputs: tuple[str, ...]
    steps: int = 0


class Inliner:
    """Writes out every call of every layer of a model, at any depth.

    Attributes
    ----------
    names : dict
        What the layer at each path of Keras' names is called: as in Keras where no other layer is, else the path.
    steps : list of Step
        In order of execution.
    """

    def __init__(self, model: ModelConfig, where: str) -> None:
        self.where = where
        paths = list(_paths(model, ()))
        count = Counter(path[-1] for path in paths)
        self.names = {path: path[-1] if count[path[-1]] == 1 else "/".join(path) for path in paths}
        self.steps: list[Step] = []
        self._taken = set(self.names.values())
        self._calls: Counter[str] = Counter()
        self._total_calls = self._total_inputs = 0
        self._orders: dict[Path, list[tuple[str, int]]] = {}
        self.inputs = [reference.layer for reference in model.inputs]
        self.outputs = self._expand(model, (), self.inputs)

    def _damaged(self, what: str) -> NoReturn:
        raise WeightsError(f"{self.where}: the model's config is damaged: {what}")

    def _expand(self, model: ModelConfig, path: Path, sources: Sequence[str], steps: int = 0) -> list[str]:
        """Write out the calls of a model on `sources`; return the nodes of its outputs."""
        if len(sources) != len(model.inputs):
            self._damaged(f"model {shown(model.name)} takes {len(model.inputs)} inputs, found {len(sources)}")
        values = {(i.layer, i.call): [source] for i, source in zip(model.inputs, sources, strict=True)}
        graph = _Graph(model, self.where)
        if path not in self._orders:
            self._orders[path] = graph.order(values)
        for name, call in self._orders[path]:
            layer = model.layers[name]
            outputs = graph.outputs.get((name, call), 1) if layer.kind in SEVERAL else 1
            self._count(len(layer.calls[call].inputs) * outputs + (len(layer.model.outputs) if layer.model else 0))
            inputs = [graph.value(values, reference) for reference in layer.calls[call].inputs]
            if layer.model is not None:
                values[name, call] = self._expand(layer.model, (*path, name), inputs, steps + layer.steps)
            else:
                called = Step("", self.names[*path, name], layer, tuple(inputs), steps + layer.steps)
                values[name, call] = self._calls_of(called, outputs)
        return [graph.value(values, reference) for reference in model.outputs]

    def _count(self, inputs: int) -> None:
        self._total_calls += 1
        self._total_inputs += inputs
        if self._total_calls > CALLS_LIMIT:
            raise UnsupportedError(f"{self.where}: the model makes more than {CALLS_LIMIT:,} calls of layers")
        if self._total_inputs > INPUTS_LIMIT:
            raise UnsupportedError(
                f"{self.where}: the calls of the model's layers take more than {INPUTS_LIMIT:,} inputs"
            )

    def _calls_of(self, step: Step, outputs: int) -> list[str]:
        """Write out a call; one whose outputs are several, once for each: "split:0", "split:1"."""
        if step.config.kind not in SEVERAL:
            return [self._add(step)]
        configs = [replace(step.config, options={**step.config.options, "number": i}) for i in range(outputs)]
        return [
            self._add(replace(step, layer=f"{step.layer}:{i}", config=config)) for i, config in enumerate(configs)
        ]

    def _add(self, step: Step) -> str:
        self.steps.append(replace(step, node=self._node(step.layer)))
        return self.steps[-1].node

    def _node(self, name: str) -> str:
        """Return the name of a layer's next call: its own, then name/2, name/3, ... where those are free."""
        self._calls[name] += 1
        if self._calls[name] == 1:
            return name
        while (node := f"{name}/{self._calls[name]}") in self._taken:
            self._calls[name] += 1
        self._taken.add(node)
        return node


def _paths(model: ModelConfig, path: Path) -> Iterator[Path]:
    """Yield the path of Keras' names of every layer, and of the outermost inputs."""
    for name, layer in model.layers.items():
        if layer.model is not None:
            yield from _paths(layer.model, (*path, name))
        elif layer.kind != "InputLayer" or not path:
            yield (*path, name)


class _Graph:
    """The calls inside one model, and what each takes."""

    def __init__(self, model: ModelConfig, where: str) -> None:
        self.model, self.where = model, where

    @cached_property
    def outputs(self) -> dict[tuple[str, int], int]:
        """How many outputs of each call are taken, from the first to the last that is."""
        taken = [i for layer in self.model.layers.values() for call in layer.calls for i in call.inputs]
        most: dict[tuple[str, int], int] = {}
        for i in (*self.model.outputs, *taken):
            most[i.layer, i.call] = max(most.get((i.layer, i.call), 1), i.output + 1)
        return most

    def damaged(self, what: str) -> NoReturn:
        raise WeightsError(f"{self.where}: the config of model {shown(self.model.name)} is damaged: {what}")

    def value(self, values: Mapping[tuple[str, int], list[str]], reference: Reference) -> str:
        """Return the node that a reference means."""
        found = values.get((reference.layer, reference.call))
        if found is None or reference.output >= len(found):
            self.damaged(f"it takes output {reference.output} of call {reference.call} of {shown(reference.layer)}")
        return found[reference.output]

    def order(self, given: Mapping[tuple[str, int], list[str]]) -> list[tuple[str, int]]:
        """Return the calls in the order of the config, but each after those it takes."""
        done = dict.fromkeys(given, True)  # False: waits for what it takes
        order: list[tuple[str, int]] = []
        calls = [(name, i) for name, layer in self.model.layers.items() for i in range(len(layer.calls))]
        for first in calls:
            waiting = [first]
            while waiting:
                key = waiting[-1]
                needs = [need for need in self.needs(key) if not done.get(need)] if not done.get(key) else []
                if any(need in done for need in needs):
                    self.damaged(f"layer {shown(key[0])} takes what is made from its own output")
                if not needs:
                    waiting.pop()
                    order += [key] if not done.get(key) else []
                done[key] = not needs
                waiting += reversed(needs)
        return order

    def needs(self, key: tuple[str, int]) -> list[tuple[str, int]]:
        name, call = key
        layer = self.model.layers.get(name)
        if layer is None or call not in range(len(layer.calls)):
            self.damaged(f"it takes call {call} of {shown(name)}, which has none")
        return list(dict.fromkeys((reference.layer, reference.call) for reference in layer.calls[call].inputs))
