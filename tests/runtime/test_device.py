"""What is said where there is no GPU to use."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

import convlab
from convlab.cli import main
from convlab.runtime import device

INSTALL = r"pip install 'convlab-engine\[cuda\]', or 'convlab-engine\[cuda12\]' with a driver for CUDA 12$"


@pytest.fixture
def machine(monkeypatch):
    """Return a function that says what the machine has: a GPU, and which packages."""

    def has(gpu, packages, usable=True):
        monkeypatch.setattr(device, "_driver_finds_gpu", lambda: gpu)
        monkeypatch.setattr(device, "_installed", packages.__contains__)
        cupy = ModuleType("cupy")
        cupy.ndarray = type("ndarray", (), {})
        cupy.cuda = SimpleNamespace(is_available=lambda: usable)
        monkeypatch.setitem(sys.modules, "cupy", cupy)

    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    return has


@pytest.mark.parametrize("packages", [(), ("cupy", "numba_cuda")])
def test_no_gpu(machine, packages):
    machine(False, packages, usable=False)
    with pytest.raises(convlab.UnsupportedError, match=f"^device 'cuda': no NVIDIA GPU is found .*: {INSTALL}"):
        convlab.load("lenet5").to("cuda")


@pytest.mark.parametrize(
    ("packages", "missing"),
    [((), "cupy and numba_cuda are"), (("cupy",), "numba_cuda is"), (("numba_cuda",), "cupy is")],
)
def test_a_gpu_without_the_extra(machine, packages, missing):
    machine(True, packages)
    with pytest.raises(convlab.UnsupportedError, match=f"there is a GPU, but {missing} not installed: {INSTALL}"):
        device.check_device("cuda")


def test_a_gpu_that_cupy_cannot_use(machine):
    machine(True, ("cupy", "numba_cuda"), usable=False)
    with pytest.raises(convlab.UnsupportedError, match=f"there is a GPU, but CuPy cannot use it, .*: {INSTALL}"):
        device.check_device("cuda")


def test_a_gpu_with_all_it_takes(machine):
    machine(True, ("cupy", "numba_cuda"))
    device.check_device("cuda")


def test_a_simulated_gpu_is_none(machine, monkeypatch):
    machine(True, ("cupy", "numba_cuda"))
    monkeypatch.setenv("NUMBA_ENABLE_CUDASIM", "1")
    with pytest.raises(convlab.UnsupportedError, match="NUMBA_ENABLE_CUDASIM is set"):
        device.check_device("cuda")


def test_an_unknown_device():
    with pytest.raises(convlab.UnsupportedError, match="no device 'gpu'"):
        convlab.load("lenet5").to("gpu")


@pytest.mark.parametrize("command", [["summary", "lenet5"], ["run", "lenet5", "x.png", "--out", "x"]])
def test_the_command_says_it_in_one_line(machine, capsys, command):
    machine(False, ())
    assert main([*command, "--device", "cuda"]) == 1
    out, err = capsys.readouterr()
    assert not out and err.count("\n") == 1 and err.startswith("convlab: error: device 'cuda': no NVIDIA GPU")


class Driver:
    """NVIDIA's, which answers with an error or not, and finds so many GPUs."""

    def __init__(self, begun, counted, count):
        self.begun, self.counted, self.count = begun, counted, count

    def cuInit(self, flags):  # noqa: N802
        return self.begun

    def cuDeviceGetCount(self, place):  # noqa: N802
        place._obj.value = self.count
        return self.counted


@pytest.mark.parametrize(
    ("driver", "found"),
    [(Driver(0, 0, 2), True), (Driver(0, 0, 0), False), (Driver(100, 0, 1), False), (Driver(0, 3, 1), False)],
)
def test_the_driver_is_asked_for_a_gpu(driver, found, monkeypatch):
    monkeypatch.setattr(device.ctypes, "CDLL", lambda name: driver)
    assert device._driver_finds_gpu() is found


def test_without_a_driver_there_is_no_gpu(monkeypatch):
    def missing(name):
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(device.ctypes, "CDLL", missing)
    assert not device._driver_finds_gpu()
