"""How fast a convolution is beside convlab's own: each timed call on new numbers, and its result checked."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import sleep
from typing import Any

from convlab.bench import turns
from convlab.bench.callables import CallableConv
from convlab.bench.candidates import First, candidate
from convlab.bench.case import Case
from convlab.bench.convolutions import measure
from convlab.bench.machine import Machine
from convlab.bench.process import Remote, failure
from convlab.bench.report import CaseResult, digits
from convlab.bench.trial import CandidateHandle
from convlab.bench.turns import seconds
from convlab.errors import UnsupportedError
from convlab.judging.candidate import function_of
from convlab.judging.speed_table import YOURS
from convlab.ops import conv2d
from convlab_kernels.cpu import threads
from convlab_kernels.window import Window

LAYERS = (
    Case((14, 14, 6), 16, Window.parse(5), layers=("conv2 of LeNet-5",)),
    Case((56, 56, 128), 256, layers=("block3_conv1 of VGG16",)),
)
METHODS = ("im2col", "indirect_gemm")
"""Of convlab's kernels, which may prepare the weights beforehand; `conv2d` is called as any function is."""
TURNS = 3
PATIENCE, GLANCE, LIMIT = 1.0, 0.1, 60.0
"""Seconds that a call may take to be timed, that one takes to tell how long a larger one does, that end any."""
HERE = Machine("this machine", "float32", 0.0, 0.0, 0, 0)
"""Of which nothing is measured: no time is believed that none like it has."""


class Timed(CallableConv):
    """A function that convolves, and is not waited for where it takes long."""

    def open(self, case: Case) -> First:
        """Call once; UnsupportedError for what would take long, which calls on parts of the image tell."""
        if (expected := self._expected(case)) > PATIENCE:
            raise UnsupportedError(
                f"a call would take about {digits(expected)} s; what takes up to {PATIENCE:g} s is timed"
            )
        return super().open(case)

    def _expected(self, case: Case) -> float:
        sleep(turns.PAUSE)  # the threads that computed the exact answer spin for as long
        expected = 0.0
        for part in parts(case):
            call = self._on(part, *part.arrays())
            call()  # compiles
            took = min(seconds(call) for _ in range(2))
            expected = took * case.flops / part.flops
            if took > GLANCE and expected > PATIENCE:  # less may be the time of what else the machine does
                break
        return expected


def parts(case: Case) -> Iterator[Case]:
    """Yield the case with as little of its image as may be, then twice as many rows or columns, and so on."""
    height, width, channels = case.image
    rows, columns = (min(sides) for sides in zip(case.window.extent, (height, width), strict=True))
    while (rows, columns) != (height, width):
        yield replace(case, image=(rows, columns, channels), layers=())
        if rows * width <= columns * height:
            rows = min(2 * rows, height)
        else:
            columns = min(2 * columns, width)


class Here:
    """A function in this process, which fails as one in another does."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._timed = Timed(function)

    def call(self, method: str, *arguments: Any) -> Any:
        """Return what a method returns; UnsupportedError for whatever goes wrong."""
        try:
            return getattr(self._timed, method)(*arguments)
        except Exception as error:
            raise failure(error) from None


def of_file(path: str, name: str) -> Timed:
    """Return the function of that name in a file, in the process that is its own."""
    return Timed(function_of(path, name))


def speed(source: Callable[..., Any] | str | Path, name: str) -> Sequence[CaseResult]:
    """Time a function, or that of a file, on layers of networks, beside convlab's own."""
    with ExitStack() as processes:
        remote = partial(_remote, processes)
        yours: CandidateHandle = (
            remote(of_file, str(Path(source).resolve()), name) if isinstance(source, str | Path) else Here(source)
        )
        ours = {"conv2d": remote(CallableConv, conv2d)}
        ours |= {method: remote(candidate, method, threads(), True) for method in METHODS}
        return [measure(case, {YOURS: yours} | ours, TURNS, machine=HERE) for case in LAYERS]


def _remote(processes: ExitStack, make: Callable[..., Any], *arguments: Any) -> Remote:
    remote = processes.enter_context(Remote(make, *arguments))
    remote.limit = LIMIT
    return remote
