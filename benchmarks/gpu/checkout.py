"""A process that imports convlab, its kernels and its weights from this checkout, installed or not."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]


def run(module: str) -> int:
    """Call the `main` of a module in such a process with this one's arguments; return its status."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        code = f"import sys, {module}; sys.exit({module}.main())"
        command = [sys.executable, "-P", "-c", code, *sys.argv[1:]]
        return subprocess.run(command, env=environment(Path(folder)), check=False).returncode


def environment(folder: Path) -> dict[str, str]:
    """Return its environment; an empty folder for what helps it."""
    (folder / "convlab_weights").symlink_to(ROOT / "weights")
    places = [str(place) for place in (ROOT, ROOT / "kernels", folder)]
    path = os.pathsep.join([*places, *filter(None, [os.environ.get("PYTHONPATH")])])
    cache = str(folder / "cache")  # compiled kernels, for the tests and the timing
    return {"CONVLAB_CACHE": cache, **os.environ, "PYTHONPATH": path}
