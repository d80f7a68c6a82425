"""What a process computes with, as far as numbers depend on it: the processor, the libraries, the threads."""

import hashlib
import os
import platform
from functools import cache
from importlib.metadata import version

import numpy as np

from convlab import __version__

BLAS_THREADS = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
CHOICES = ("OPENBLAS_CORETYPE", "MKL_CBWR", "NPY_DISABLE_CPU_FEATURES", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")
"""Variables by which another kernel is taken on the same processor."""


def with_threads(environment: dict[str, str], threads: int) -> dict[str, str]:
    """Return the environment of a process of so many threads; libraries read it when they are loaded."""
    return environment | dict.fromkeys(("CONVLAB_THREADS", *BLAS_THREADS), str(threads))


@cache
def facts(device: str) -> dict[str, str]:
    """Return what this process computes with."""
    from llvmlite import binding  # Numba's compiler, without Numba

    features = sorted(name for name, there in binding.get_host_cpu_features().items() if there)
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    found = {
        "processor": f"{platform.machine()} {binding.get_host_cpu_name()}",
        "vector instructions": _told(features),
        "BLAS": f"{blas.get('name')} {blas.get('version')}",
        "convlab": __version__,
        "NumPy": np.__version__,
        "Numba": version("numba"),
        "Pillow": version("pillow"),
    }
    found |= {name: os.environ[name] for name in CHOICES if name in os.environ}
    if device == "cuda":
        import cupy

        found["GPU"] = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
        found["CuPy"] = cupy.__version__
    return found


def _told(features: list[str]) -> str:
    widest = next((name for name in ("avx512f", "avx2", "avx", "sve", "neon") if name in features), "none wide")
    return f"{widest}, {len(features)} in all ({hashlib.sha256(' '.join(features).encode()).hexdigest()[:8]})"
