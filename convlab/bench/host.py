"""The machine that a measurement is made on: its facts, and the same in a line."""

import os
import platform
from contextlib import suppress
from pathlib import Path

from convlab_kernels.cpu.runtime.threads import CORES

CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def in_a_line() -> str:
    """Return the processor, its cores, the system and Python."""
    return f"{processor()}, {CORES} cores, {platform.system()}, Python {platform.python_version()}"


def facts() -> dict[str, str]:
    """Return the processor, its cores and caches, the system, Python, and how busy the machine is now."""
    return {
        "processor": _numbered(),
        "cores": str(CORES),
        "caches": ", ".join(_caches()) or "unknown",
        "vectors": _vectors(),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "load before": f"{os.getloadavg()[0]:.2f}",
    }


def processor() -> str:
    """Return the processor's name."""
    return _cpuinfo().get("model name") or platform.processor() or platform.machine()


def _numbered() -> str:
    """Return the processor's name and numbers: a virtual machine may not know the name."""
    info = _cpuinfo()
    numbers = [f"{key} {info[key]}" for key in ("cpu family", "model", "stepping") if key in info]
    return ", ".join([processor(), *numbers])


def _cpuinfo() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _caches() -> list[str]:
    """Return the caches that the first core sees, as in "L1 data 48K", as far as the system says it."""
    found = []
    for folder in sorted(CACHES.glob("index*")):
        with suppress(OSError):  # a virtual machine may not know the size
            level, kind, size = ((folder / name).read_text().strip() for name in ("level", "type", "size"))
            found.append(f"L{level} {kind.lower()} {size}" if kind != "Unified" else f"L{level} {size}")
    return found


def _vectors() -> str:
    flags = _cpuinfo().get("flags", "").split()
    return next((name for name in ("avx512f", "avx2", "avx") if name in flags), platform.machine())


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"
    except (ValueError, OSError):
        return "unknown"
