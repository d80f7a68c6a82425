"""PyTorch's convolution on a GPU, which is cuDNN's, as a candidate: on CuPy's arrays.

Both work in CUDA's default stream unless told otherwise, so the clock that CuPy reads sees PyTorch's kernels.
"""

from importlib import import_module
from importlib.util import find_spec
from time import perf_counter
from typing import Any

from convlab.bench.candidates import First
from convlab.bench.case import Case
from convlab.bench.gpu_candidates import DeviceCandidate
from convlab.bench.recheck import Given
from convlab.bench.report import TORCH
from convlab.errors import UnsupportedError
from convlab.runtime.arrays import on_host
from convlab.runtime.device import placed, synchronize

TORCH_TF32 = f"{TORCH}_tf32"
PEERS = TORCH, TORCH_TF32
"""PyTorch with float32's products, and with factors that are rounded to TF32."""


class DeviceTorch(DeviceCandidate):
    """PyTorch, eager, in its channels-last layout; cuDNN tries its algorithms in the first call."""

    def __init__(self, name: str) -> None:
        if find_spec("torch") is None:
            raise UnsupportedError("PyTorch is not installed")
        import torch

        if not torch.cuda.is_available():
            raise UnsupportedError("the PyTorch that is installed computes on no GPU")
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = name == TORCH_TF32

    def open(self, case: Case) -> First:
        """Prepare and call once. Sides that differ are padded by a step of its own, as PyTorch needs it."""
        import cupy

        torch: Any = import_module("torch")  # which has types for a part of this
        x, w, b = (placed(array, "cuda") for array in case.arrays())
        image, bias = torch.from_dlpack(x).permute(0, 3, 1, 2), torch.from_dlpack(b)
        start = perf_counter()
        # (KH, KW, C/G, O) -> (O, C/G, KH, KW)
        kernel = torch.from_dlpack(w).permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
        torch.cuda.synchronize()
        prepare = perf_counter() - start
        (top, bottom), (left, right) = case.window.pads(case.image[:2])
        even = (top, left) == (bottom, right)
        window = case.window.stride, (top, left) if even else (0, 0), case.window.dilation, case.groups

        def convolve() -> Any:
            given = image if even else torch.nn.functional.pad(image, (left, right, top, bottom))
            return torch.nn.functional.conv2d(given, kernel, bias, *window)

        self._call = torch.inference_mode()(convolve)
        # (N, O, OH, OW) -> (N, OH, OW, O)
        result = lambda y: cupy.from_dlpack(y.permute(0, 2, 3, 1).contiguous())  # noqa: E731
        self._case, self._given = case, Given(x, w, b, result=result)
        start = perf_counter()
        output = self._given.result(self._call())
        synchronize(output)
        return First(on_host(output), prepare, perf_counter() - start, None)
