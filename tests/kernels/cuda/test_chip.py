"""GPUs with less than an H100: what is asked of CuPy to know them, and what the tensor cores' rungs do there."""

import numpy as np
import pytest

from convlab.ops.convolution import choose_conv2d
from convlab.runtime.policy import using_policy
from convlab_kernels.cuda import METHODS, chip, choice
from convlab_kernels.cuda.compiler.language import Kernel
from convlab_kernels.cuda.tensor_core import TF32, TF32_3X, TensorCore
from convlab_kernels.errors import UnsupportedError
from convlab_kernels.window import Window
from support.cuda import fake_cuda

BOTH = pytest.mark.parametrize("name", ["tensor_core", "tensor_core_3x"])
SHARED = {"8.0": 163, "8.6": 99, "8.9": 99, "9.0": 227, "10.0": 227, "12.0": 99}
"""KB that a block may ask for ("CUDA C++ Programming Guide", "Technical Specifications per Compute Capability")."""

fastest = choice.fastest  # for which the fixture `device` has another


@pytest.fixture
def other(device, monkeypatch):
    """Return a function that makes the device one of another capability, of 82 multiprocessors and shared memory."""
    if device.transfers is None:
        pytest.skip("a GPU is what it is")

    def become(capability, shared=0):
        attributes = {"MultiProcessorCount": 82, "MaxSharedMemoryPerBlockOptin": shared}
        monkeypatch.setattr(fake_cuda.Device, "compute_capability", capability)
        monkeypatch.setattr(fake_cuda.Device, "attributes", {**fake_cuda.Device.attributes, **attributes})
        for name in ("_attributes", "_capability"):
            monkeypatch.setattr(chip, name, getattr(chip, name).__wrapped__)  # which forgets
        return device

    return become


def test_an_array_of_numpys_is_on_an_h100():
    x = np.zeros(3)
    assert (chip.multiprocessors_of(x), chip.shared_of(x), chip.capability_of(x)) == (132, 227 << 10, (9, 0))


def test_cupy_says_what_the_gpu_is(device):
    gpu, x = device.cupy.cuda.Device(), device.take(np.zeros(3))
    assert chip.multiprocessors_of(x) == gpu.attributes["MultiProcessorCount"]
    assert chip.shared_of(x) == gpu.attributes["MaxSharedMemoryPerBlockOptin"]
    assert "".join(map(str, chip.capability_of(x))) == gpu.compute_capability


@pytest.mark.parametrize(("digits", "capability"), [("75", (7, 5)), ("86", (8, 6)), ("120", (12, 0))])
def test_what_another_gpu_is(digits, capability, other):
    x = other(digits, 99 << 10).take(np.zeros(3))
    assert (chip.multiprocessors_of(x), chip.shared_of(x), chip.capability_of(x)) == (82, 99 << 10, capability)


def test_cupy_has_the_attributes_of_the_stand_in():
    names = dir(pytest.importorskip("cupy").cuda.runtime)
    assert {f"cudaDevAttr{name}" for name in fake_cuda.Device.attributes} <= set(names)


@pytest.mark.parametrize("kernels", [TF32, TF32_3X], ids=["tensor_core", "tensor_core_3x"])
def test_every_gpu_has_room_for_a_tile(kernels):
    for capability, shared in SHARED.items():
        assert any(tile.shared <= shared << 10 for tile in kernels), capability


@pytest.mark.parametrize(("shared", "tile"), [(108, "128x128"), (107, "128x64"), (80, "64x64")])
def test_a_tile_is_taken_that_fits_in_shared_memory(shared, tile, other, monkeypatch):
    """One of 128 x 128 takes 108 KB, of 128 x 64 81; of either there is one for each multiprocessor."""
    gpu, launched = other("80", shared << 10), []
    monkeypatch.setattr(Kernel, "__call__", lambda kernel, *args: launched.append(kernel.name))
    rung = TensorCore(gpu.cupy.zeros((1, 1, 4, 256), np.float32), Window((1, 1)))
    rung(gpu.cupy.zeros((1, 96, 96, 4), np.float32), gpu.cupy.empty((1, 96, 96, 256), np.float32))
    assert launched == [f"tensor_core_{tile}x32"]


@BOTH
def test_a_gpu_without_tf32_is_refused(name, other):
    w = other("75", 64 << 10).take(np.zeros((1, 1, 4, 4), np.float32))
    expected = f"^{name}: a GPU of compute capability 7.5, expected 8.0 or more: use implicit_gemm$"
    with pytest.raises(UnsupportedError, match=expected):
        METHODS[name](w, Window((1, 1)))


@pytest.mark.parametrize(
    ("digits", "tf32", "name"),
    [
        ("75", True, "implicit_gemm"),
        ("80", True, "tensor_core"),
        ("120", True, "tensor_core"),
        ("90", False, "implicit_gemm"),
    ],
)
def test_tf32_is_chosen_where_the_gpu_has_it(digits, tf32, name, other, monkeypatch):
    monkeypatch.setattr(choice, "fastest", fastest)
    x = other(digits).take(np.zeros((1, 3, 3, 16), np.float32))
    with using_policy(True, tf32=tf32):
        assert choose_conv2d(x, (1, 1, 16, 5), Window((1, 1)), 1) == name
