"""The report of a benchmark of a network, as data, as text and as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from convlab.bench.machine import Machine
from convlab.bench.report import digits
from convlab.bench.spread import Spread
from convlab.markup.tables import table
from convlab.runtime.arrays import Shape
from convlab.wording import printable

CALLS = ("", "run, ms", "quartiles", "an image, ms", "GFLOP/s", "of product")
LAYERS = ("layer", "type", "output", "run, ms", "share", "GFLOP/s", "of product", "of copy")
NOTE = """\
GFLOP are 2 for each multiply-add of the definition, whatever a method does. Layers are timed one by one, called in
order; shares are of their sum. Copies count input, weights and output, each moved once. Every call that is timed has
new images, and its answer to one of them is checked."""


@dataclass(frozen=True)
class LayerTime:
    """One layer of a network: what it costs in operations and bytes for a batch, and the seconds it takes.

    `bound` says what binds, where the seconds are a prediction, of the least that it takes.
    """

    name: str
    type: str
    output: Shape
    flops: int
    bytes: int
    run: Spread
    bound: str = ""


@dataclass(frozen=True)
class BatchResult:
    """A network on a batch of one size.

    Attributes
    ----------
    batch : int
    finding : str
        What the comparison with float64 said.
    share : float
        The largest error as a share of the one allowed; above 1 the network is wrong, and was not timed.
    prepare, compile : float
        Seconds of the first call, beyond what a later one takes.
    calls : mapping of str to Spread
        Seconds of "predict", and of "run" where it was asked for.
    layers : tuple of LayerTime
    """

    batch: int
    finding: str
    share: float
    prepare: float = 0.0
    compile: float = 0.0
    calls: Mapping[str, Spread] = field(default_factory=dict)
    layers: tuple[LayerTime, ...] = ()

    @property
    def timed(self) -> bool:
        """Whether the network was right, and so was timed."""
        return bool(self.calls)

    @property
    def flops(self) -> int:
        """Operations of all layers."""
        return sum(layer.flops for layer in self.layers)

    def shares(self) -> dict[str, float]:
        """Return the share of each layer in the sum of their medians."""
        total = sum(layer.run.median for layer in self.layers)
        return {layer.name: layer.run.median / total for layer in self.layers}

    def text(self, machine: Machine) -> str:
        """Return the equality check, then the times of the whole and of the layers."""
        head = f"batch {self.batch}: {'WRONG, not timed: ' if not self.timed else ''}{self.finding}"
        if not self.timed:
            return head
        once = f"first call: prepare {digits(1e3 * self.prepare)} ms, compile {digits(1e3 * self.compile)} ms"
        calls = [CALLS, *(self._call(machine, name, run) for name, run in self.calls.items())]
        layers = [LAYERS, *(self._layer(machine, layer, share) for layer, share in self._shared())]
        return "\n\n".join(
            [
                head,
                "\n".join([once, *table(calls, "<>")]),
                "\n".join(table(layers, "<<<>")),
            ]
        )

    def _shared(self) -> list[tuple[LayerTime, float]]:
        return list(zip(self.layers, self.shares().values(), strict=True))

    def _call(self, machine: Machine, name: str, run: Spread) -> tuple[str, ...]:
        low, median, high = run.quartiles
        rate = self.flops / median
        return (
            name,
            digits(1e3 * median),
            f"{digits(1e3 * low)} - {digits(1e3 * high)}",
            digits(1e3 * median / self.batch),
            digits(rate / 1e9),
            f"{rate / machine.product:.0%}",
        )

    def _layer(self, machine: Machine, layer: LayerTime, share: float) -> tuple[str, ...]:
        median = layer.run.median
        rate, moved = layer.flops / median, layer.bytes / median
        counted = (digits(rate / 1e9), f"{rate / machine.product:.0%}") if layer.flops else ("", "")
        shape = " x ".join(map(str, layer.output))
        copied = f"{moved / machine.copy:.0%}"
        return (layer.name, layer.type, shape, digits(1e3 * median), f"{share:.1%}", *counted, copied)

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON."""
        found = {"batch": self.batch, "right": self.timed, "finding": self.finding, "share_of_allowed": self.share}
        if not self.timed:
            return found
        layers = [
            {"name": layer.name, "type": layer.type, "output": list(layer.output), "flops": layer.flops}
            | {"bytes": layer.bytes, "run": layer.run.as_dict(), "share": share}
            for layer, share in self._shared()
        ]
        calls = {name: run.as_dict() for name, run in self.calls.items()}
        return found | {"prepare": self.prepare, "compile": self.compile, "calls": calls, "layers": layers}


@dataclass(frozen=True)
class ModelReport:
    """A network on one machine, batch by batch; `str()` of it is for reading, `as_dict()` for programs."""

    model: str
    machine: Machine
    parameters: int
    batches: tuple[BatchResult, ...]

    @property
    def timed(self) -> bool:
        """Whether anything has a time."""
        return any(batch.timed for batch in self.batches)

    @property
    def agrees(self) -> bool:
        """Whether the network is right at each batch size."""
        return all(batch.timed for batch in self.batches)

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON."""
        batches = [batch.as_dict() for batch in self.batches]
        return {
            **{"model": self.model, "parameters": self.parameters},
            **{"machine": asdict(self.machine), "batches": batches},
        }

    def __str__(self) -> str:
        head = f"{self.machine}\n{printable(self.model)}, {self.parameters:,} parameters"
        return "\n\n".join([head, *(batch.text(self.machine) for batch in self.batches), NOTE])
