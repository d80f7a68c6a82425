"""What the checks of `convlab bench conv` do to its times: less than the spread of those.

    python -m benchmarks.rechecking [--repeats 9]

A method takes turns with and without; the difference of the medians stands beside the distance of the quartiles, both
as shares of the time without. About a microsecond a call is left, which shows in calls of a few.
"""

import argparse
from functools import partial

from convlab.bench.candidates import Kernel
from convlab.bench.convolutions import Case
from convlab.bench.spread import quartiles
from convlab.bench.trial import secret
from convlab.bench.turns import in_turns, warm_seconds
from convlab.markup.tables import table
from convlab_kernels.window import Window

CASES = (
    Case((28, 28, 1), 6, Window.parse(5)),
    Case((14, 14, 256), 256),
    Case((56, 56, 128), 128, Window.parse(1)),
    Case((112, 112, 64), 64),
)
METHODS = ("im2col", "indirect_gemm")
HEADER = ("convolution", "method", "plain, ms", "checked, ms", "difference", "spread")


def row(case: Case, method: str, repeats: int) -> tuple[str, ...]:
    """Measure a method on a case, and return a line of the table."""
    kernel = Kernel(method)
    kernel.open(case)
    plain = partial(warm_seconds, kernel._call)
    times = in_turns({"plain": plain, "checked": lambda calls: kernel.time(calls, secret()).seconds}, repeats)
    (low, alone, high), (_, again, _) = quartiles(times["plain"]), quartiles(times["checked"])
    shares = (again - alone) / alone, (high - low) / alone
    cells = f"{1e3 * alone:.3g}", f"{1e3 * again:.3g}", *(f"{share:+.0%}" for share in shares)
    return str(case), method, *cells


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rechecking", description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=9, help="turns of each (%(default)s)")
    repeats = parser.parse_args().repeats
    rows = [row(case, method, repeats) for case in CASES for method in METHODS]
    print("\n".join(table([HEADER, *rows], "<<>")))


if __name__ == "__main__":
    main()
