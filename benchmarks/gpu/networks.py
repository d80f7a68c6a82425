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
from benchmarks.gpu.resnet50 import resnet50
from benchmarks.gpu.times import timed
from convlab.bench import gpu_candidates
from convlab.model.initialise import randomise
from convlab.model.model import Model
from convlab.runtime.arrays import on_host
from convlab.runtime.device import placed
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
    exact : array (CHECKED, classes)
        What PyTorch's computes in float64.
    """

    model: Model
    twin: Any
    images: Any
    exact: Any


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
    """Return a network in both forms, and the exact answer for some images."""
    import torch

    from benchmarks.as_torch import as_torch

    model = network(name)
    images = images_for(model, max(BATCHES))
    few = torch.as_tensor(images[:CHECKED]).permute(0, 3, 1, 2)
    torch.backends.cudnn.benchmark = False
    with torch.inference_mode():
        exact = as_torch(model).double().to(chip.PLACE)(few.double().to(chip.PLACE)).cpu().numpy()
    return Contestants(model.to("cuda"), as_torch(model).to(chip.PLACE), images, exact)


def measure(network: str, batch: int, name: str) -> dict[str, Any]:
    """Return times of a contestant and its error; WrongError before anything is timed where that is too large."""
    given = contestants(network)
    words = name.split()
    call, output = ready(words, given, batch)
    found = output()[:CHECKED]
    error = float(np.abs(found - given.exact[: len(found)]).max() / given.exact.std())
    tolerance = TF32_TOLERANCE if "TF32" in words else TOLERANCE
    if not error <= tolerance:
        raise WrongError(f"{name}: off by {error:.2g} standard deviations, expected at most {tolerance}; not timed")
    found = timed(lambda calls: gpu_candidates.event_seconds(call, calls, flush=False))
    return found | {"error": error, "host": host_seconds(call)}


def ready(words: list[str], given: Contestants, batch: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Return what is timed, and what returns the output on the host."""
    return (_ours if words[0] == "convlab" else _torchs)(words, given, batch)


def _ours(words: list[str], given: Contestants, batch: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
    model, tf32 = given.model, "TF32" in words
    if model.tf32 != tf32:
        model.drop_prepared()
        model.tf32 = tf32
    x = placed(given.images[:batch], "cuda")
    if "run" in words:
        return lambda: model.run(x), lambda: model.run(x).output
    return lambda: model.predict(x), lambda: on_host(model.predict(x))


def _torchs(words: list[str], given: Contestants, batch: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
    import torch

    torch.backends.cudnn.benchmark = True
    set_tf32("TF32" in words)
    layout = torch.channels_last if "channels_last" in words else torch.contiguous_format
    twin = given.twin.to(memory_format=layout)
    x = torch.as_tensor(given.images[:batch], device=chip.PLACE).permute(0, 3, 1, 2).contiguous(memory_format=layout)

    @torch.inference_mode()
    def call() -> Any:
        return twin(x)

    if "graph" in words:
        replay, y = _captured(call)
        return replay, lambda: (replay(), y.cpu().numpy())[1]
    return call, lambda: call().cpu().numpy()


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
