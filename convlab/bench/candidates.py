"""The candidates of a benchmark: each method of the kernels, and PyTorch, made ready once, then called and timed."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from math import prod
from time import perf_counter
from typing import Any

import numpy as np

from convlab.bench.case import Case
from convlab.bench.recheck import Given, Recheck, Turn
from convlab.bench.report import TORCH, digits
from convlab.bench.turns import seconds, warm_seconds
from convlab.errors import UnsupportedError
from convlab.runtime.arrays import Array, like, on_host
from convlab_kernels.cpu import METHODS, set_threads

UNHURRIED, PATIENCE = "direct", 0.5
"""The method that is there to be read, and the seconds that a call may take unless somebody asked for it."""


@dataclass(frozen=True)
class First:
    """The first call: what came out, and what came before it.

    Attributes
    ----------
    output : array (N, OH, OW, O)
    prepare, compile : float
        Seconds for packing and transforming the weights, and for compiling; 0 where compiled code was found on disk.
    amplification : float or None
        Factor of the error that was derived for one of convlab's own algorithms; None for anybody else's, who is held
        to what is found.
    fault : str
        Why there is no output that could be compared.
    """

    output: Array
    prepare: float
    compile: float
    amplification: float | None
    fault: str = ""


class Candidate(ABC):
    """A way to compute a case: `open` makes it ready and calls it once, `time` and `finish` call it again."""

    _case: Case
    _given: Given
    _call: Callable[[], Any]

    @abstractmethod
    def open(self, case: Case) -> First:
        """Prepare and call once; UnsupportedError, saying why, for a case that the method does not take."""

    def time(self, calls: int, seed: int) -> Turn:
        """Time so many calls, after one that is not counted, on new numbers each, and check what they computed."""
        check = Recheck(self._case, self._given, seed)

        def renew() -> None:
            self._call()  # the check of the call before has cooled what a call warms: caches, predictions, threads
            check.renew()

        return check.turn(warm_seconds(self._call, calls, renew, check.keep))

    def elsewhere(self, _: Case) -> Array | None:
        """Return what is computed of another case, by who might know nothing but the one that is timed."""
        return None

    def finish(self, seed: int) -> Array:
        """Call once more, on the numbers of a seed, and return the output."""
        x, w, b = (like(array.reshape(-1), self._given.x) for array in self._case.arrays(seed))
        self._given.renew({"x": x, "w": w, "b": b})
        output: Array = on_host(self._given.result(self._call()))
        return output


class Kernel(Candidate):
    """A method of `convlab_kernels`; its output is written into the same array each time."""

    def __init__(self, method: str, patient: bool = True) -> None:
        self.kernel: Any = METHODS[method]
        self.patient = patient or method != UNHURRIED

    def open(self, case: Case) -> First:
        """Prepare and call once."""
        x, w, b = case.arrays()
        compiled = seconds_compiling()
        if not self.patient and (expected := self._expected(case, w)) > PATIENCE:
            raise UnsupportedError(f"would take about {digits(expected)} s; name it in --methods to wait for it")
        out = np.full(case.output, np.nan, case.dtype)
        self.kernel(w, case.window, case.groups)  # loads compiled code, or compiles: no part of preparing
        start = perf_counter()
        kernel = self.kernel(w, case.window, case.groups)
        prepare = perf_counter() - start
        self._case, self._given = case, Given(x, w, b, out, result=lambda _: out)
        self._call = partial(kernel, x, out, b)
        self._call()
        return First(out, prepare, seconds_compiling() - compiled, getattr(self.kernel, "amplification", 1.0))

    def _expected(self, case: Case, w: Array) -> float:
        """Return about how long a call takes, from one on the fewest windows that there may be."""
        few = [min(sides) for sides in zip(case.window.extent, case.image[:2], strict=True)]
        x = np.ones((1, *few, case.image[2]), case.dtype)
        out = np.empty((1, *case.window.output_size((few[0], few[1])), case.filters), case.dtype)
        call = partial(self.kernel(w, case.window, case.groups), x, out)
        call()
        return seconds(call) * prod(case.output) / out.size


class Torch(Candidate):
    """PyTorch's own convolution, eager, on the same numbers in its channels-last layout."""

    def __init__(self, threads: int) -> None:
        if find_spec("torch") is None:
            raise UnsupportedError("PyTorch is not installed")
        self.threads = threads

    def open(self, case: Case) -> First:
        """Prepare and call once. Sides that differ are padded by a step of its own, as PyTorch needs it."""
        import torch

        torch.set_num_threads(self.threads)
        x, w, b = case.arrays()
        image, bias = torch.from_numpy(x).permute(0, 3, 1, 2), torch.from_numpy(b)
        start = perf_counter()
        # (KH, KW, C/G, O) -> (O, C/G, KH, KW)
        kernel = torch.from_numpy(w).permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
        prepare = perf_counter() - start
        (top, bottom), (left, right) = case.window.pads(case.image[:2])
        window = case.window.stride, (top, left), case.window.dilation, case.groups
        if (top, left) != (bottom, right):
            window = case.window.stride, (0, 0), case.window.dilation, case.groups

        def convolve() -> Any:
            given = image if window[1] == (top, left) else torch.nn.functional.pad(image, (left, right, top, bottom))
            return torch.nn.functional.conv2d(given, kernel, bias, *window)

        self._call = torch.inference_mode()(convolve)
        # (N, O, OH, OW) -> (N, OH, OW, O)
        self._case, self._given = case, Given(x, w, b, result=lambda y: y.permute(0, 2, 3, 1).numpy())
        return First(self._given.result(self._call()), prepare, 0.0, None)


def candidate(name: str, threads: int, patient: bool) -> Candidate:
    """Return the candidate of that name, in the process that is its own."""
    set_threads(threads)
    return Torch(threads) if name == TORCH else Kernel(name, patient)


def seconds_compiling() -> float:
    """Return for how long this process has compiled kernels; 0 where it never needed a compiler."""
    module = sys.modules.get("convlab_kernels.cpu.runtime.jit")
    return float(module.seconds_compiling()) if module else 0.0
