"""Whole networks on the GPU by one of their contestants: right first, then timed; and VGG16 on the processor."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.gpu import chip
from benchmarks.gpu.chip import host_seconds, set_tf32
from benchmarks.gpu.layers import WrongError
from benchmarks.gpu.plan import BATCHES
from benchmarks.gpu.recheck import Contender, NetworkRecheck, Row
from benchmarks.gpu.resnet50 import resnet50
from benchmarks.gpu.times import timed
from convlab.bench import gpu_candidates
from convlab.model.initialise import randomise
from convlab.model.model import Model
from convlab.runtime.arrays import on_host
from convlab.runtime.device import placed
from convlab.runtime.host_copies import where_computed
from convlab.zoo import build

CHECKED = 2
"""Images of which the outputs are compared."""
TOLERANCE, TF32_TOLERANCE = 1e-2, 0.5
"""The largest error that is no mistake, in standard deviations of the output; that of another network is over 1."""


@dataclass(frozen=True)
class Contestants:
    """A network as convlab's model on the GPU and as PyTorch's of the same weights there, each channels first.

    Attributes
    ----------
    images : array (N, H, W, C)
        For the largest batch, on the host.
    exact : function
        What PyTorch's computes of images (N, H, W, C) on the host in float64, on the host: (N, classes).
    """

    model: Model
    twin: Any
    images: Any
    exact: Callable[[Any], Any]


def network(name: str) -> Model:
    """Return a network with random weights, on the host."""
    model = resnet50() if name == "resnet50" else build(name)
    randomise(model, 0)
    model.preprocessing = None  # what it takes here is no picture
    return model


def images_for(model: Model, batch: int) -> Any:
    """Return inputs (N, H, W, C): small, or a softmax would hide errors."""
    return np.random.default_rng(0).standard_normal((batch, *model.input_shape), np.float32)


@lru_cache(maxsize=1)
def contestants(name: str) -> Contestants:
    """Return a network in both forms, and what gives the exact answers."""
    import torch

    from benchmarks.as_torch import as_torch

    model = network(name)
    images = images_for(model, max(BATCHES))
    double = as_torch(model).double().to(chip.PLACE)

    @torch.inference_mode()
    def exact(images: Any) -> Any:
        torch.backends.cudnn.benchmark = False
        return double(torch.as_tensor(images).permute(0, 3, 1, 2).double().to(chip.PLACE)).cpu().numpy()

    return Contestants(model.to("cuda"), as_torch(model).to(chip.PLACE), images, exact)


def measure(network: str, batch: int, name: str) -> dict[str, Any]:
    """Return times of a contestant and its error; WrongError before anything is timed where that is too large."""
    given = contestants(network)
    words = name.split()
    row = Row(given.images[:batch].size)
    one = ready(words, given, batch, row)
    found = one.on_host(one.answer(one.call()))[:CHECKED]
    expected = given.exact(given.images[:CHECKED])
    error = float(np.abs(found - expected[: len(found)]).max() / expected.std())
    tolerance = TF32_TOLERANCE if "TF32" in words else TOLERANCE
    if not error <= tolerance:
        raise WrongError(f"{name}: off by {error:.2g} standard deviations, expected at most {tolerance}; not timed")
    check = NetworkRecheck(one, row, batch)
    found = timed(
        lambda calls: gpu_candidates.event_seconds(
            one.call, calls, flush=False, before=check.before, after=check.after
        )
    )
    later = check.error(given.exact)
    if not later <= tolerance:
        raise WrongError(f"{name}: off by {later:.2g} standard deviations in a call that was timed, right before")
    return found | {"error": max(error, later), "host": host_seconds(one.call)}


def ready(words: list[str], given: Contestants, batch: int, row: Row) -> Contender:
    """Return what is timed, on the first images of a batch, and later on those of a row of numbers."""
    return (_ours if words[0] == "convlab" else _torchs)(words, given, batch, row)


def _ours(words: list[str], given: Contestants, batch: int, row: Row) -> Contender:
    model, tf32 = given.model, "TF32" in words
    if model.tf32 != tf32:
        model.drop_prepared()
        model.tf32 = tf32
    x = placed(given.images[:batch], "cuda")
    numbers = row.like(x)

    def renew(start: int) -> None:
        x.reshape(-1)[...] = numbers[start : start + x.size]

    def output(acts: Any) -> Any:
        return where_computed(acts.outputs)[model.outputs[0]]

    call, answer = (model.run, output) if "run" in words else (model.predict, lambda y: y)
    return Contender(lambda: call(x), renew, lambda n: x[n : n + 1].copy(), answer, on_host)


def _torchs(words: list[str], given: Contestants, batch: int, row: Row) -> Contender:
    import torch

    torch.backends.cudnn.benchmark = True
    set_tf32("TF32" in words)
    layout = torch.channels_last if "channels_last" in words else torch.contiguous_format
    twin = given.twin.to(memory_format=layout)
    x = torch.as_tensor(given.images[:batch], device=chip.PLACE).permute(0, 3, 1, 2).contiguous(memory_format=layout)

    @torch.inference_mode()
    def call() -> Any:
        return twin(x)

    numbers = torch.as_tensor(row.like(given.images), device=chip.PLACE)

    def renew(start: int) -> None:
        x.copy_(numbers[start : start + x.numel()].view(x.shape))

    def image(n: int) -> Any:
        return x[n : n + 1].permute(0, 2, 3, 1).clone()

    def host(tensor: Any) -> Any:
        return tensor.cpu().numpy()

    if "graph" not in words:
        return Contender(call, renew, image, lambda y: y, host)
    replay, y = _captured(call)

    @torch.inference_mode()
    def poison(start: int) -> None:
        renew(start)
        y.fill_(np.nan)

    return Contender(replay, poison, image, lambda _: y, host)


def _captured(call: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
    """Return what replays a call as a CUDA graph, and the tensor that holds its output."""
    import torch

    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):  # libraries make themselves ready, which cannot be captured
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y = call()
    return graph.replay, y


def on_cpu(batch: int, seconds: float) -> dict[str, Any]:
    """Return the seconds of VGG16 on the processor for a batch, or what four times a quarter of it took.

    A quarter is measured where the whole would take more than so many seconds, as a single image shows.
    """
    model = network("vgg16")
    images = images_for(model, batch)
    model.predict(images[:1])  # compiles
    start = perf_counter()
    model.predict(images[:1])
    single = perf_counter() - start
    measured = batch if 2 * batch * single < seconds else batch // 4
    model.predict(images[:measured])  # its memory is there from now on
    start = perf_counter()
    model.predict(images[:measured])
    return {"measured": measured, "median": (perf_counter() - start) * batch / measured}
