"""Waiting until a machine is quiet, so that other work does not pass for a slow program."""

import os
import time
from pathlib import Path

STAT = Path("/proc/stat")  # Linux only; elsewhere a machine passes for quiet


def pause(seconds: float, busy: float, patience: float) -> float:
    """Sleep, and go on sleeping while all cores together are busier than `busy`, for `patience` seconds more at most.

    Returns
    -------
    float
        The share of the cores' time that somebody used in the last stretch, 0 to 1.
    """
    end = time.monotonic() + seconds + patience
    while True:
        share = _busy_share(seconds)
        if share <= busy or time.monotonic() >= end:
            return share


def _busy_share(seconds: float) -> float:
    before, start = _busy_seconds(), time.monotonic()
    time.sleep(seconds)
    return (_busy_seconds() - before) / ((time.monotonic() - start) * (os.cpu_count() or 1))


def _busy_seconds() -> float:
    """Return how long cores have not been idle since the start, or been taken away; 0 where that cannot be known."""
    if not STAT.exists():
        return 0.0
    user, nice, system, _idle, _wait, irq, soft, stolen = map(int, STAT.read_text().split("\n")[0].split()[1:9])
    return (user + nice + system + irq + soft + stolen) / os.sysconf("SC_CLK_TCK")
