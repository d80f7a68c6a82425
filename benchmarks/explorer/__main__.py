"""Measure VGG16's exported page in a Chromium: how soon it can be used, how fast it answers, what memory it takes.

    python -m benchmarks.explorer [PICTURE] [--repeat 5] [--out benchmarks/results/explorer]

writes OUT.json and OUT.md: medians over fresh pages, beside what each may be. Needs `pip install '.[browser]'` and
Debian's package chromium.
"""

import argparse
import json
import re
import tempfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import convlab
from benchmarks.explorer.browser import launch, missing
from convlab.bench.host import facts, in_a_line

LAYER, MOVES = "block1_conv2", 100


class Measure(NamedTuple):
    """What is measured, in which unit, and the most that it may be (None: told only)."""

    unit: str
    most: float | None
    how: str


MEASURES = {
    "export": Measure("s", None, "from the recording to the file"),
    "size": Measure("MB", 15, "of the file"),
    "interactive": Measure("s", 2, "from opening the file until the network is drawn and the next task runs"),
    "open": Measure("ms", 150, f"from the address of {LAYER}, never opened before, until its frame is painted"),
    "open, work": Measure("ms", None, "the main thread's processor time meanwhile, whatever else the machine does"),
    "open again": Measure("ms", None, "the same after a look at the network"),
    "hover": Measure(
        "ms", 16, f"the main thread's processor time for a move of the mouse over {LAYER}: median of {MOVES}"
    ),
    "hover, worst": Measure("ms", None, f"the most for one of the {MOVES}"),
    "heap": Measure("MB", None, "JavaScript's heap and the buffers of arrays after all layers were opened"),
    "memory": Measure("MB", 400, "private memory of the page's process at the same time, canvases and all"),
}

WATCH = """
window.shown = (view, layer) => new Promise((done) => {
  const painted = () => requestAnimationFrame(() => setTimeout(() => done(performance.now())));
  const there = () => {
    const {dataset} = document.querySelector("#convlab") ?? {dataset: {}};
    return dataset.view === view && dataset.layer === layer;
  };
  if (there()) return painted();
  new MutationObserver((_, watcher) => there() && (watcher.disconnect(), painted())).observe(
    document, {subtree: true, childList: true, attributes: true, attributeFilter: ["data-view", "data-layer"]});
});
window.interactive = window.shown("network", "");
"""
OPEN = """async ([view, layer]) => {
  const began = performance.now();
  location.hash = "#" + layer;
  return await window.shown(view, layer) - began;
}"""


def export(picture: str, page: Path) -> dict[str, float]:
    """Write VGG16's page of a picture, with seeded weights."""
    model = convlab.load("vgg16", weights=0)
    acts = model.run(model.prepare(picture))
    began = perf_counter()
    convlab.explore(model, acts).save(page)
    return {"export": perf_counter() - began, "size": page.stat().st_size / 1e6}


def visit(browser: Any, page: Path) -> dict[str, float]:
    """Open the page as if for the first time, look at it, and open all of its layers."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    tab = context.new_page()
    tab.add_init_script(WATCH)
    tab.goto(page.as_uri())
    session = context.new_cdp_session(tab)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    interactive = tab.evaluate("() => window.interactive") / 1000
    before = worked(session)
    first = tab.evaluate(OPEN, ["layer", LAYER])
    work = worked(session) - before
    tab.evaluate(OPEN, ["network", ""])
    again = tab.evaluate(OPEN, ["layer", LAYER])
    moves = list(work_of_moves(tab, session))
    for layer in convlab.load("vgg16", weights=None).nodes:
        tab.evaluate(OPEN, ["layer", layer.name])
    session.send("HeapProfiler.collectGarbage")
    heap = session.send("Runtime.getHeapUsage")
    memory = private_memory(browser)
    context.close()
    return {
        "interactive": interactive,
        "open": first,
        "open, work": work,
        "open again": again,
        "hover": median(moves),
        "hover, worst": max(moves),
        "heap": sum(heap[part] for part in ("usedSize", "embedderHeapUsedSize", "backingStorageSize")) / 1e6,
        "memory": memory / 1e6,
    }


def work_of_moves(tab: Any, session: Any) -> Iterator[float]:
    """Yield how long the main thread worked, in ms, for each of some moves over the largest picture of the view."""
    boxes = [canvas.bounding_box() for canvas in tab.locator("main canvas").all()]
    box = max((box for box in boxes if box), key=lambda box: box["width"] * box["height"])
    for i in range(MOVES):
        before = worked(session)
        part = (i + 0.5) / MOVES
        tab.mouse.move(box["x"] + part * box["width"], box["y"] + part * min(box["height"], 600))
        tab.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        yield worked(session) - before


def worked(session: Any) -> float:
    """Return the processor time of the page's main thread so far, in ms."""
    metrics = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    return 1000 * metrics["TaskDuration"]


def private_memory(browser: Any) -> int:
    """Return the bytes that the largest of the browser's pages shares with no other process."""
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    pages = [Path(f"/proc/{process['id']}/smaps_rollup") for process in found if process["type"] == "renderer"]
    return max(1024 * sum(map(int, re.findall(r"Private_\w+: +(\d+) kB", page.read_text()))) for page in pages)


def measure(picture: str, repeat: int) -> dict[str, list[float]]:
    """Return every measure of each visit."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = Path(folder) / "vgg16.html"
        once = export(picture, page)
        browser = launch(playwright)
        visits = [visit(browser, page) for _ in range(repeat)]
        browser.close()
    return {name: [{**once, **each}[name] for each in visits] for name in MEASURES}


def report(found: dict[str, list[float]], machine: str) -> str:
    """Return the page of the results."""
    rows = [
        f"| {name} | {median(runs):.3g} | {min(runs):.3g} to {max(runs):.3g} | {MEASURES[name].most or ''} "
        f"| {MEASURES[name].unit} | {MEASURES[name].how} |"
        for name, runs in found.items()
    ]
    head = ["| | median | spread | at most | | |", "| --- | ---: | --- | ---: | --- | --- |"]
    return "\n".join([f"# VGG16's page in a browser\n\n{machine}\n", *head, *rows, ""])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explorer", description=__doc__.split("\n")[0])
    shirt = str(resources.files("convlab_weights") / "fashion_mnist/shirt.png")
    parser.add_argument("picture", nargs="?", default=shirt, help="what VGG16 sees (default: the bundled shirt)")
    parser.add_argument("--repeat", type=int, default=5, help="fresh pages (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "results" / "explorer")
    options = parser.parse_args()
    if absent := missing():
        parser.error(absent)
    load = facts()["load before"]
    found = measure(options.picture, options.repeat)
    text = report(found, f"{in_a_line()}; load before: {load}")
    options.out.with_suffix(".md").write_text(text, encoding="utf-8")
    options.out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
