"""Compare convlab with Keras on whole networks, layer by layer, through files that Keras saved.

    python -m benchmarks.keras [NAME ...] [--small] --out docs/networks.md

gives each network of keras.applications, and Inception-v4, seeded random weights, saves it with Keras, loads the file
with convlab, and runs it with both on one picture: at a small size without its classifier, and at its standard size
with it. Every layer is compared. Exits with 1 where one differs.
"""

import argparse
import gc
import sys
from pathlib import Path

from benchmarks.keras.networks import NAMES, SMALL, STANDARD, SUFFIXES, compare_network, page


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.keras", description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NAME", help=f"of {', '.join(NAMES)} (all)")
    parser.add_argument("--small", action="store_true", help="the small size only")
    parser.add_argument("--out", type=Path, help="write the page here")
    options = parser.parse_args()
    outcomes = []
    for name in options.names:
        side = STANDARD.get(name, 224)
        for size, top in [(SMALL, False), ((side, side), True)][: 1 if options.small else 2]:
            suffix = SUFFIXES[(NAMES.index(name) + top) % 2]
            outcomes.append(compare_network(name, size, top, suffix))
            print(" | ".join(outcomes[-1].cells), "" if outcomes[-1].agrees else outcomes[-1].report, flush=True)
            gc.collect()
            if options.out:
                options.out.write_text(page(outcomes), encoding="utf-8")
    sys.exit(any(not outcome.agrees for outcome in outcomes))


if __name__ == "__main__":
    main()
