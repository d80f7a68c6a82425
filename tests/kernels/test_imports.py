"""Ctrl-C while a large library is being imported: it comes, and afterwards everything works."""

import subprocess
import sys

import pytest

PROGRAM = """
import os, signal, sys
import numpy as np
import convlab

signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
came = []

def interrupt(event, arguments):
    if event == "import" and arguments[0] == {inside!r} and not came:
        came.append(True)
        os.kill(os.getpid(), signal.SIGINT)

sys.addaudithook(interrupt)
x = np.ones((1, 90, 90, 16), np.float32)

def compute():
    return convlab.conv2d(x, np.ones((3, 3, 16, 32), np.float32))[0, 1, 1, 1] == 144

def draw():
    acts = convlab.load("lenet5").run(np.ones((1, 28, 28, 1), np.float32))
    return convlab.plot.feature_maps(acts, "conv1") is not None

try:
    {use}()
    print("no interrupt")
except KeyboardInterrupt:
    print("interrupted", len(came), {use}())
"""


@pytest.mark.parametrize(
    ("use", "inside"),
    [
        ("compute", "numba.core.types"),
        ("compute", "numba.np.ufunc"),
        ("compute", "convlab_kernels.cpu.runtime.micro_kernel"),
        ("draw", "matplotlib.transforms"),
        ("draw", "matplotlib.colors"),
    ],
)
def test_an_interrupt_waits_for_the_import(use, inside):
    program = PROGRAM.format(use=use, inside=inside)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("interrupted 1 True\n", "")
