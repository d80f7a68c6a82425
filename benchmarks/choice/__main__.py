"""Measure whether `method="auto"` chooses the fastest method, over the shapes of real networks.

    python -m benchmarks.choice              measure all, write results/choice.json and results/choice.md
    python -m benchmarks.choice --fit        measure nothing: let the rule of now choose again among the times of then

Each method has a process of its own, which stands still unless it is its turn. For each shape the methods are first
checked against float64. Then they take turns, every other round from the last to the first, so that whatever else the
machine does hits all alike; the medians are compared. What is ten times slower than the fastest has one turn, of two
calls. `--only` and `--limit` measure some shapes, and write nothing unless --out names a folder.
"""

import argparse
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.choice.report import as_markdown, fit, label, summary
from benchmarks.choice.shapes import read_cases, row_of
from benchmarks.choice.sweep import Plan, judged, sweep
from convlab.bench.case import Case

RESULTS = Path(__file__).parents[1] / "results"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.choice", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds for each shape (%(default)s)")
    parser.add_argument("--seconds", type=float, default=0.6, help="of calls for each shape (%(default)s)")
    parser.add_argument("--only", metavar="REGEX", help="the shapes whose text or layers it is found in")
    parser.add_argument("--limit", type=int, help="so many shapes at most, evenly through the list")
    parser.add_argument("--fit", action="store_true", help="choose again among the times measured, and compare")
    parser.add_argument("--out", type=Path, help="folder of choice.json and choice.md (benchmarks/results)")
    options = parser.parse_args()
    if options.rounds < 1 or options.seconds <= 0:
        parser.error("--rounds is at least 1, --seconds more than 0")
    folder = options.out or RESULTS
    if options.fit:
        results = json.loads((folder / "choice.json").read_text(encoding="utf-8"))
        results["rows"] = [judged(row) for row in results["rows"]]
        print(fit(results["rows"]))
    else:
        cases = _some(read_cases(), options.only, options.limit)
        results = sweep(cases, Plan(options.rounds, options.seconds))
    print(summary(results["rows"]))
    if options.out or not (options.only or options.limit):
        write(results, folder)


def _some(cases: list[Case], only: str | None, limit: int | None) -> list[Case]:
    """Return the cases asked for."""
    if only:
        cases = [case for case in cases if re.search(only, f"{label(row_of(case))} {' '.join(case.layers)}")]
    return cases[:: -(-len(cases) // limit)] if limit and cases else cases


def write(results: Mapping[str, Any], folder: Path) -> None:
    """Write choice.json, a row on each line, and choice.md."""
    rows = ",\n".join(json.dumps(row) for row in results["rows"])
    head = json.dumps({key: value for key, value in results.items() if key != "rows"}, indent=1)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "choice.json").write_text(f'{head[:-2]},\n "rows": [\n{rows}\n]}}\n', encoding="utf-8")
    (folder / "choice.md").write_text(as_markdown(results), encoding="utf-8")


if __name__ == "__main__":
    main()
