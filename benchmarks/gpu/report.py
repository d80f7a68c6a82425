"""What was measured on a GPU, as a page of Markdown."""

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.gpu.layers import case_of
from benchmarks.gpu.plan import BATCHES, GRAPHS, LAYERS, NETWORKS, OURS, PRODUCTS, RUNGS, TORCH, title
from benchmarks.gpu.ratios import all_ratios, fastest, found_by_layer, found_of_network

PAGE = """\
# convlab on {name}

`python -m benchmarks.gpu` made this page on {date}, on a machine as it was found (no clock was set). Everything is
checked against float64 before it is timed; an error is the largest of all numbers, in standard deviations of the
output. Times are medians by the GPU's own clock (CUDA events), and quartiles; before each call of a convolution the
second-level cache is written over, before one of a network it is not. TFLOP are the definition's, 2 operations for
each cell of a window: what multiplies less (Winograd) may pass the peak; what multiplies all of it may not, and has a
"?" where it does. Convolutions are with bias; PyTorch adds it in a kernel of its own. "Host" is what the processor
takes to get a call under way: where it is as long as the call, the GPU waits for launches. {torch}

{blocks}
"""
COUNT = sum(len(names) for *_, names in LAYERS)


def as_markdown(results: dict[str, Any]) -> str:
    """Return the page."""
    outcomes = results["outcomes"]
    facts = found(outcomes, "facts")
    blocks = [*_machine(outcomes), *_goals(outcomes), *_layers(outcomes), *_networks(outcomes), *_problems(outcomes)]
    versions = facts.get("versions", {})
    torch = f"PyTorch {versions.get('torch', '?')}, its cuDNN with `benchmark` on."
    name = facts.get("name", "a GPU that did not say its name")
    return PAGE.format(name=name, date=results["date"], torch=torch, blocks="\n\n".join(blocks))


def found(outcomes: Sequence[dict[str, Any]], task: str, **arguments: Any) -> dict[str, Any]:
    """Return what the first such task found; nothing where it failed."""
    fit = (o for o in outcomes if o["task"] == task and o["arguments"].items() >= arguments.items())
    return next((outcome.get("found", {}) for outcome in fit), {})


def _machine(outcomes: Sequence[dict[str, Any]]) -> Iterator[str]:
    facts = found(outcomes, "facts")
    yield "## The machine\n\n" + "\n".join(f"- {key}: {_plain(value)}" for key, value in facts.items())
    peaks = {of: found(outcomes, "peak", of=of) for of in ("copy", "CuPy", "torch", "CuPy TF32", "torch TF32")}
    rows = [
        (f"cuBLAS, 8192 x 8192, through {', '.join(of.split())}" if of != "copy" else of, _rate(of, peak))
        for of, peak in peaks.items()
    ]
    launch = found(outcomes, "launch")
    rows += [(f"launch of an empty kernel, {of}", f"{1e6 * launch[of]:.2f} µs") for of in launch]
    brought = found(outcomes, "transfer")
    rows += [(f"transfer, {way}", f"{brought[way]['a_second'] / 1e9:.1f} GB/s") for way in brought]
    yield _table(("most that was measured", ""), rows)
    tests = found(outcomes, "tests")
    yield f"Tests on the GPU: {tests.get('last', 'not run')} (pytest's status {tests.get('status', 'none')})."


def _rate(of: str, peak: dict[str, Any]) -> str:
    if not peak:
        return "failed"
    return (
        f"{peak['a_second'] / 1e12:.2f} TB/s read and written"
        if of == "copy"
        else f"{peak['a_second'] / 1e12:.1f} TFLOP/s"
    )


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)


def _goals(outcomes: Sequence[dict[str, Any]]) -> Iterator[str]:
    rows = [
        (
            goal["what"],
            str(goal["batch"]),
            _number(goal["ratio"]),
            f"{goal['floor']:g}; {goal['ambition']:g}",
            goal["verdict"],
        )
        for goal in all_ratios(outcomes)
    ]
    header = ("their time / ours", "batch", "ratio", "floor; ambition", "")
    yield f"## What was aimed at\n\nSums over VGG16's {COUNT} convolutions.\n\n" + _table(header, rows)
    rows = [
        (goal["what"], *map(_number, goal["layers"]))
        for goal in all_ratios(outcomes)
        if goal["batch"] == BATCHES[0] and "layers" in goal
    ]
    yield _table((f"layer by layer, batch {BATCHES[0]}", *_heads()), rows)


def _heads() -> list[str]:
    return [
        names[0].removeprefix("block").replace("_conv", "-") + f" ({len(names)})" * (len(names) > 1)
        for *_, names in LAYERS
    ]


def _number(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"


def _layers(outcomes: Sequence[dict[str, Any]]) -> Iterator[str]:
    for batch in BATCHES:
        by_layer = found_by_layer(outcomes, batch)
        rows = [
            _contestant(outcomes, name, batch)
            for name in (*RUNGS, *TORCH, *PRODUCTS)
            if any(name in times for times in by_layer)
        ]
        header = (
            "TFLOP/s",
            *_heads(),
            "all, ms",
            "host, ms",
            "all, TFLOP/s",
            "of cuBLAS",
            "largest error",
            "widest spread",
        )
        yield f"## VGG16's convolutions, batch {batch}\n\n" + _table(header, rows)


def _contestant(outcomes: Sequence[dict[str, Any]], name: str, batch: int) -> tuple[str, ...]:
    """Return a row: operations a second on each layer, then of all if it has all, errors and quartiles' distance."""
    by_layer = [times.get(name) for times in found_by_layer(outcomes, batch)]
    known = [each for each in by_layer if each]
    cells = ["" if each is None else _tera(each) for each in by_layer]
    peak = found(outcomes, "peak", of="torch TF32" if "TF32" in name or "tensor" in name else "CuPy")
    total = _total(known, batch, peak.get("a_second")) if len(known) == len(LAYERS) else ("",) * 4
    error = f"{max(each['error'] for each in known):.1e}"
    wide = f"{max((each['high'] - each['low']) / each['median'] for each in known):.1%}"
    return name, *cells, *total, error, wide


def _tera(each: dict[str, Any]) -> str:
    return f"{each['flops_a_second'] / 1e12:.3g}" + "?" * ("doubt" in each)


def _total(layers: Sequence[dict[str, Any]], batch: int, peak: float | None) -> tuple[str, ...]:
    """Return milliseconds of all convolutions, the host's, their operations a second, and those of a peak."""
    counts = [len(names) for *_, names in LAYERS]
    seconds, host = (sum(each[key] * n for each, n in zip(layers, counts, strict=True)) for key in ("median", "host"))
    rate = sum(case_of(i, batch).flops * n for i, n in enumerate(counts)) / seconds
    return f"{1e3 * seconds:.3g}", f"{1e3 * host:.3g}", f"{rate / 1e12:.3g}", f"{rate / peak:.0%}" if peak else ""


def _networks(outcomes: Sequence[dict[str, Any]]) -> Iterator[str]:
    for network in NETWORKS:
        by_batch = {batch: found_of_network(outcomes, network, batch) for batch in reversed(BATCHES)}
        names = [name for name in (*OURS, *TORCH, *GRAPHS) if any(name in times for times in by_batch.values())]
        rows = [(name, *(_time(times, name) for times in by_batch.values())) for name in names]
        rows += [
            (f"fastest of PyTorch's / convlab predict{tf}", *(_against(times, tf) for times in by_batch.values()))
            for tf in ("", " TF32")
        ]
        yield f"## {network}\n\n" + _table(("ms", *(f"batch {batch}" for batch in by_batch)), rows)
    cpu = found(outcomes, "cpu")
    if cpu:
        scaled = f" (from a batch of {cpu['measured']})"
        yield f"VGG16 on the processor, batch {BATCHES[0]}: {cpu['median']:.2f} s{scaled}."


def _time(times: dict[str, Any], name: str) -> str:
    if name not in times:
        return ""
    low, median, high = (1e3 * times[name][key] for key in ("low", "median", "high"))
    found = times[name]
    return f"{median:.3g} ({low:.3g} to {high:.3g}; host {1e3 * found['host']:.3g}; error {found['error']:.0e})"


def _against(times: dict[str, Any], tf32: str) -> str:
    """Return the ratio to PyTorch's fastest of the same accuracy."""
    theirs = fastest(times, [name for name in (*TORCH, *GRAPHS) if ("TF32" in name) == bool(tf32)])
    ours = fastest(times, [f"convlab predict{tf32}"])
    return _number(theirs / ours if theirs and ours else None)


def _problems(outcomes: Sequence[dict[str, Any]]) -> Iterator[str]:
    doubts = [outcome | outcome.get("found", {}) for outcome in outcomes if "doubt" in outcome.get("found", {})]
    yield "## What is in doubt\n\n" + _grouped(doubts, "doubt")
    yield "## What failed\n\n" + _grouped(outcomes, "error")
    yield "## What was left out for want of time\n\n" + _grouped(outcomes, "skipped")


def _grouped(outcomes: Sequence[dict[str, Any]], why: str) -> str:
    """Return a list of what did not come about: each reason, and all that it befell."""
    groups: dict[str, list[str]] = {}
    for outcome in outcomes:
        if why in outcome:
            groups.setdefault(outcome[why], []).append(title(outcome))
    return "\n".join(f"- {reason}: {', '.join(titles)}" for reason, titles in groups.items()) or "Nothing."


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = (header, ("---",) * len(header), *rows)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
