"""The report of a network on CPU and GPU, as data, as text and as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from textwrap import fill
from typing import Any

from convlab.bench.network_report import BatchResult, LayerTime, ModelReport
from convlab.bench.page_report import PREDICTED, WIDE
from convlab.bench.report import short
from convlab.bench.spread import Spread
from convlab.markup.tables import table
from convlab.wording import printable

Copies = tuple[float, float]
"""Seconds to the GPU, and back."""

SUM, COPIES = "all layers", "copies"
HEADER = ("layer", "output", "cpu, ms", "cuda, ms", "speed-up")
BINDS = "what binds"
NOTE = """\
Medians of each layer called by itself, in order; predict folds layers into others, and takes less
than their sum. Copies: the input to the GPU and the output back; the weights stay there."""


@dataclass(frozen=True)
class ModelPage:
    """A network on several devices; `str()` of it is for reading, `as_dict()` for programs.

    Attributes
    ----------
    reports : mapping of str to ModelReport
        By device, "cpu" and "cuda".
    copies : tuple of (float, float)
        For each batch the seconds of its inputs to the GPU, and of its outputs back.
    """

    reports: Mapping[str, ModelReport]
    copies: tuple[Copies, ...]

    @property
    def model(self) -> str:
        """The network's name."""
        return self.reports["cpu"].model

    @property
    def predicted(self) -> bool:
        """Whether a part of it is not measured."""
        return any(layer.bound for report in self.reports.values() for one in report.batches for layer in one.layers)

    @property
    def timed(self) -> bool:
        """Whether anything has a time."""
        return any(report.timed for report in self.reports.values())

    @property
    def agrees(self) -> bool:
        """Whether the network is right wherever it was computed."""
        return all(report.agrees for device, report in self.reports.items() if device == "cpu" or not self.predicted)

    def __str__(self) -> str:
        cpu = self.reports["cpu"]
        machines = "\n".join(str(report.machine) for report in self.reports.values()).splitlines()
        head = [fill(line, WIDE, subsequent_indent="  ") for line in machines]
        head.append(f"{printable(cpu.model)}, {cpu.parameters:,} parameters")
        notes = [NOTE, *([PREDICTED] if self.predicted else [])]
        return "\n\n".join(["\n".join(head), *map(self._text, range(len(cpu.batches))), *notes])

    def _text(self, number: int) -> str:
        both = {device: report.batches[number] for device, report in self.reports.items()}
        found = {d: f"{'' if one.share <= 1 else 'WRONG, not timed: '}{one.finding}" for d, one in both.items()}
        lines = [fill(f"{device:<4}  {text}", WIDE, subsequent_indent=" " * 6) for device, text in found.items()]
        timed = all(one.layers for one in both.values())
        rows = ["", *table(self._rows(number), "<<>>><")] if timed else []
        return "\n".join([f"batch {both['cpu'].batch}", *lines, *rows])

    def _rows(self, number: int) -> list[tuple[str, ...]]:
        cpu, cuda = (report.batches[number] for report in self.reports.values())
        pairs = zip(cpu.layers, cuda.layers, strict=True)
        rows = [(*HEADER, *([BINDS] if self.predicted else []))]
        rows += [self._row(*_named(one), one.run.median, other.run.median, other.bound) for one, other in pairs]
        there, back = self.copies[number]
        sums = _sum(cpu), _sum(cuda)
        whole: dict[str, tuple[float | None, float | None]] = {SUM: sums, COPIES: (None, there + back)}
        whole[f"{SUM}, {COPIES}"] = sums[0], sums[1] + there + back
        whole |= {name: (run.median, _median(cuda.calls.get(name))) for name, run in cpu.calls.items()}
        return rows + [self._row(name, "", *seconds) for name, seconds in whole.items()]

    def _row(self, name: str, output: str, cpu: float | None, cuda: float | None, bound: str = "") -> tuple[str, ...]:
        more, less = (">", "<") if self.predicted else ("", "")
        gain = f"{less}{short(cpu / cuda)}x" if cpu and cuda else ""
        shown = ["" if cpu is None else short(1e3 * cpu), f"{more}{short(1e3 * cuda)}" if cuda else ""]
        return (name, output, *shown, gain, *([bound] if self.predicted else []))

    def as_dict(self) -> dict[str, Any]:
        """Return plain types, as for JSON: the machines, and a record for each batch, device and layer or call."""
        cpu = self.reports["cpu"]
        machines = {device: asdict(report.machine) for device, report in self.reports.items()}
        records = [
            record
            for number in range(len(cpu.batches))
            for device, report in self.reports.items()
            for record in self._records(device, report.batches[number], number)
        ]
        return {"model": cpu.model, "parameters": cpu.parameters, "machines": machines, "records": records}

    def _records(self, device: str, found: BatchResult, number: int) -> list[dict[str, Any]]:
        """Return the layers and calls of a batch; each record has the same keys, None where there is nothing."""
        predicted = any(layer.bound for layer in found.layers)
        first = {"batch": found.batch, "device": device, "measured": not predicted, "predicted": predicted}
        first |= {"right": None if predicted else found.timed, "finding": found.finding}
        of_layers = {layer.name: layer.run.median for layer in self.reports["cpu"].batches[number].layers}
        records = [_record(first, layer.name, layer.run, of_layers[layer.name], layer) for layer in found.layers]
        calls = self.reports["cpu"].batches[number].calls
        records += [_record(first, name, run, _median(calls.get(name))) for name, run in found.calls.items()]
        if device == "cuda":
            ways = zip(("copy to device", "copy to host"), self.copies[number], strict=True)
            records += [_record(first, name, Spread((seconds,)), None) for name, seconds in ways]
        return records


def _record(
    first: dict[str, Any], name: str, run: Spread, beside: float | None, layer: LayerTime | None = None
) -> dict[str, Any]:
    low, median, high = run.quartiles
    of_layer: dict[str, Any] = {"type": None, "output": None, "flops": None, "bytes": None, "binds": None}
    if layer:
        of_layer = {"type": layer.type, "output": list(layer.output), "flops": layer.flops, "bytes": layer.bytes}
        of_layer["binds"] = layer.bound or None
    return {
        **first,
        **{"name": name, **of_layer, "seconds": median, "lower_quartile": low, "upper_quartile": high},
        **{"calls": len(run.seconds) if first["measured"] else 0},
        **{"speed_up": beside / median if beside and median else None},
    }


def _named(layer: LayerTime) -> tuple[str, str]:
    return layer.name, "x".join(map(str, layer.output))


def _sum(batch: BatchResult) -> float:
    return sum(layer.run.median for layer in batch.layers)


def _median(run: Spread | None) -> float | None:
    return run.median if run else None
