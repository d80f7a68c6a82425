"""A network on CPU and GPU on one page, layer by layer: equal first, then fast.

>>> import convlab
>>> from convlab.bench.network_page import bench_model_page
>>> print(bench_model_page(convlab.load("lenet5"), batches=(1, 1000)))        # doctest: +SKIP

Without a GPU its half is predicted for an H100 (`h100`): a convolution by the rung that is chosen for it, another
layer as what its numbers take through the second-level cache, or where they find no room there through memory, each
once. A layer that multiplies nothing and leaves as many numbers as it finds may be computed by the one before, and is
given no time.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from convlab.bench import h100
from convlab.bench.case import Case
from convlab.bench.gpu_candidates import copy_seconds
from convlab.bench.network_page_report import Copies, ModelPage
from convlab.bench.network_report import BatchResult, LayerTime
from convlab.bench.networks import bench_model
from convlab.bench.page import gpu_here
from convlab.bench.page_report import MARK
from convlab.bench.spread import Spread
from convlab.layers.convolving import Convolving
from convlab.model.model import Model, Node
from convlab_kernels.cuda.choice import fastest


def bench_model_page(
    model: Model, batches: Sequence[int] = (1,), repeats: int = 5, *, record: bool = False
) -> ModelPage:
    """Check and time a network that is on the CPU there, and on the GPU; without one, predict for an H100.

    The parameters are those of `bench_model`.
    """
    cpu = bench_model(model, batches, repeats, record=record)
    if not gpu_here():
        cuda = replace(cpu, machine=h100.h100(), batches=tuple(_predicted(model, one) for one in cpu.batches))
        return ModelPage({"cpu": cpu, "cuda": cuda}, tuple(_copies_at_best(model, batch) for batch in batches))
    try:
        cuda = bench_model(model.to("cuda"), batches, repeats, record=record)
    finally:
        model.to("cpu")
    return ModelPage({"cpu": cpu, "cuda": cuda}, tuple(_copies(model, batch) for batch in batches))


def _shapes(model: Model) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    return list(model.inputs.values()), [model.shapes[name] for name in model.outputs]


def _copies(model: Model, batch: int) -> Copies:
    """Return the seconds of the inputs to the GPU, and of the outputs back."""
    inputs, outputs = _shapes(model)
    there = sum(copy_seconds((batch, *shape))[0] for shape in inputs)
    return there, sum(copy_seconds((batch, *shape))[1] for shape in outputs)


def _copies_at_best(model: Model, batch: int) -> Copies:
    there, back = (4 * batch * sum(map(prod, sizes)) / h100.BUS for sizes in _shapes(model))
    return there, back


def _predicted(model: Model, measured: BatchResult) -> BatchResult:
    """Return what a batch that was measured on the CPU takes at best on an H100."""
    layers = zip(model.nodes, measured.layers, strict=False)  # none, where the network was wrong
    times = tuple(_layer(model, node, measured.batch, layer) for node, layer in layers)
    return BatchResult(measured.batch, f"{MARK}: nothing was compared", 0.0, layers=times)


def _layer(model: Model, node: Node, batch: int, layer: LayerTime) -> LayerTime:
    shape = model.shapes[node.inputs[0]]
    convolutions = node.layer.convolutions(shape) if isinstance(node.layer, Convolving) else ()
    if convolutions:
        chosen = [_chosen(Case(*one, batch)) for one in convolutions]
        return replace(layer, run=Spread((sum(s for s, _ in chosen),)), bound=" + ".join(what for _, what in chosen))
    if not layer.flops and sum(prod(model.shapes[name]) for name in node.inputs) == prod(layer.output):
        return replace(layer, run=Spread((0.0,)), bound="nothing")
    seconds, binds = h100.at_best(layer.flops / 2, layer.bytes)
    return replace(layer, run=Spread((seconds,)), bound=binds)


def _chosen(case: Case) -> tuple[float, str]:
    """Return the seconds of the rung that is chosen for a convolution, and what binds it."""
    x, w, _ = case.shapes
    found = h100.predict(case, fastest(x, w, case.window, case.groups, np.float32))
    assert found.run is not None, f"{found.method}: {found.skipped}"
    return found.run.median, f"{found.method}: {found.bound}"
