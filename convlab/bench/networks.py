"""Time a network and each of its layers: equal first, then fast.

>>> import convlab
>>> from convlab.bench.networks import bench_model
>>> print(bench_model(convlab.load("lenet5"), batches=(1, 1000)))             # doctest: +SKIP
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import inf, prod
from time import perf_counter, sleep
from typing import Any

import numpy as np

from convlab.bench.candidates import seconds_compiling
from convlab.bench.convolutions import measure_gpu, measure_machine
from convlab.bench.network_check import NetworkCheck, by_name, exact, noise
from convlab.bench.network_report import BatchResult, LayerTime, ModelReport
from convlab.bench.spread import Spread
from convlab.bench.turns import PAUSE, in_turns, warm_seconds
from convlab.comparison.comparison import compare
from convlab.comparison.distance import distance
from convlab.comparison.execution import run_nodes
from convlab.errors import ShapeError
from convlab.model.model import Model, Node
from convlab.runtime.arrays import Array, on_host
from convlab.runtime.device import placed, synchronize
from convlab.runtime.policy import using_policy, worth_compiling

PREDICT, RUN = "predict", "run"


def bench_model(
    model: Model, batches: Sequence[int] = (1,), repeats: int = 5, *, record: bool = False
) -> ModelReport:
    """Check a network against itself in float64, then time `predict`, `run` and each layer, in turns.

    Every layer is compared on the first image, and what `predict` returns on all. The layers are timed one by one as
    `run` calls them, each `repeats` times; where `predict` folds layers into others or reuses memory it takes less
    than their sum. Each call that is timed has images of its own, and is checked (`network_check`).

    Parameters
    ----------
    model : Model
    batches : sequence of int
        Images at a time.
    repeats : int
        Turns of each.
    record : bool
        Also time `run`, which records every activation.

    Raises
    ------
    ShapeError
        For no batches, or an empty one, or fewer than one turn.
    WeightsError
        For a network without weights.
    """
    if not batches or min(batches) < 1 or repeats < 1:
        raise ShapeError(f"bench: batches {tuple(batches)}, repeats {repeats}: expected whole numbers of at least 1")
    machine = measure_machine("float32") if model.device == "cpu" else measure_gpu("float32")
    results = tuple(_measure(model, batch, repeats, record) for batch in batches)
    return ModelReport(model.name, machine, sum(layer.parameters for layer in model.layers), results)


def _measure(model: Model, batch: int, repeats: int, record: bool) -> BatchResult:
    x = {name: placed(array, model.device) for name, array in noise(model, batch, 0).items()}
    compiled, start = seconds_compiling(), perf_counter()
    y = _finished(model.predict, x)
    first, compiling = perf_counter() - start, seconds_compiling() - compiled
    finding, share, allowed = _verdict(model, x, y)
    if not share <= 1:
        return BatchResult(batch, finding, share)
    check = NetworkCheck(model, x, allowed)
    calls = {PREDICT: partial(_finished, model.predict, x)}
    if record:
        calls[RUN] = partial(_finished, model.run, x)
    times = in_turns({name: _checked(call, check) for name, call in calls.items()}, repeats)
    layers = _layers(model, x, repeats, check)
    fault, later = check.verdict()
    if not later <= 1:
        return BatchResult(batch, fault, later)
    spreads = {name: Spread(tuple(seconds)) for name, seconds in times.items()}
    preparing = max(0.0, first - compiling - spreads[PREDICT].median)
    return BatchResult(batch, finding, share, preparing, compiling, spreads, layers)


def _checked(call: Callable[[], Any], check: NetworkCheck) -> Callable[[int], list[float]]:
    """Return what times so many calls, each of which is checked."""

    def renew() -> None:
        call()  # new images have cooled what a call warms
        check.renew()

    return partial(warm_seconds, call, before=renew, after=check.keep)


def _finished(compute: Callable[[Mapping[str, Array]], Any], x: Mapping[str, Array]) -> Any:
    """Return what is computed of x when it is there: a GPU goes on after the call."""
    y = compute(x)
    synchronize(*x.values())
    return y


def _verdict(model: Model, x: Mapping[str, Array], y: Any) -> tuple[str, float, dict[str, float]]:
    """Return what a comparison with float64 says, the largest error as a share of the one allowed, and that."""
    one = {name: array[:1] for name, array in x.items()}
    one_double = {name: array.astype(np.float64) for name, array in one.items()}
    report = compare(model.run(one), model.run(one_double), model=model)
    if not report.agrees:
        return str(report).splitlines()[0], inf, {}
    outputs = {name: on_host(array) for name, array in by_name(model, y).items()}
    expected, allowed = exact(model, x), {row.name: row.tolerance for row in report.rows}
    errors = {name: distance(outputs[name], expected[name]).relative for name in outputs}
    share = max(errors[name] / allowed[name] for name in outputs)
    if not share <= 1:
        return f"what predict returns differs: relative error {max(errors.values()):.1e}", share, allowed
    worst = max(report.rows, key=lambda row: row.relative_error)
    headline = f"{str(report).splitlines()[0]} with float64"
    return f"{headline}; the largest relative error is {worst.relative_error:.1e} ({worst.name})", share, allowed


def _layers(model: Model, x: Mapping[str, Array], repeats: int, check: NetworkCheck) -> tuple[LayerTime, ...]:
    """Call the layers in order, several times, and return what each took; all that they compute is checked."""
    times: dict[str, list[float]] = {node.name: [] for node in model.nodes}

    def timed(node: Node, inputs: list[Array]) -> Array:
        synchronize(*inputs)
        start = perf_counter()
        y = node.silence(node.layer(*inputs))
        synchronize(y)
        times[node.name].append(perf_counter() - start)
        return y

    batch = len(next(iter(x.values())))
    compiled = worth_compiling(model.summary().multiply_adds, batch)
    with using_policy(compiled, propagate_nan=model.propagate_nan, tf32=model.tf32):  # as `run` decides
        for _ in range(repeats + 1):
            sleep(PAUSE)
            check.renew()
            check.keep(run_nodes(model.nodes, x, timed))
    return tuple(_layer(model, node, batch, Spread(tuple(times[node.name][1:]))) for node in model.nodes)


def _layer(model: Model, node: Node, batch: int, run: Spread) -> LayerTime:
    output = model.shapes[node.name]
    moved = batch * sum(prod(model.shapes[name]) for name in (*node.inputs, node.name)) + node.layer.parameters
    flops = 2 * batch * node.multiply_adds
    return LayerTime(node.name, node.layer.kind, output, flops, 4 * moved, run)
