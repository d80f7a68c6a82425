"""A plan in words: what is done step by step, by which kernel, on which memory, and how much it is."""

from math import prod
from typing import Any

from convlab.markup.tables import table
from convlab.model.planning import FLOAT, Place, Planning, Step
from convlab.wording import counted

SIDES = "<<<<>>>"
LEGEND = """\
memory: from which byte to which of what steps share; "handed out": in an array of its own, "given": in the input's
bytes: of inputs, weights and output; kernel: "none" where the output is its input in another shape"""
BY_LAYERS = """\
NumPy: too little to compute to wait for a compiler, once; model.compiled = True has compiled kernels do it"""


def plan_text(plan: Planning, calls: int) -> str:
    """Return the table of a plan's steps, and what they are together, carried out in so many compiled calls."""
    rows = plan_rows(plan)
    cells = [[_written(value) for value in row.values()] for row in rows]
    headings = [name.replace("_", "-") for name in rows[0]]
    notes = [LEGEND, *([] if plan.notes.tasks else [BY_LAYERS])]
    return "\n".join([_heading(plan), "", *table([headings, *cells], SIDES), "", *notes, _total(plan, calls)])


def plan_rows(plan: Planning) -> list[dict[str, Any]]:
    """Return the steps in plain types, as for JSON: a layer that two were made of is named after both."""
    return [
        {
            "layer": " to ".join(dict.fromkeys((step.node.layer.name, step.node.name))),
            "kernel": _kernel(plan, step),
            "output": step.after.shape,
            "memory": _memory(plan, step),
            "multiply_adds": step.node.multiply_adds * plan.images,
            "bytes": _bytes(step),
            "threads": max((task.sharing[-1] for task in plan.notes.tasks[step.first : step.last]), default=1),
        }
        for step in plan.steps
    ]


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        return " x ".join(map(str, value))
    if isinstance(value, list):
        return " to ".join(f"{byte:,}" for byte in value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _kernel(plan: Planning, step: Step) -> str:
    if step.by_layer:
        return "NumPy"
    return " and ".join(dict.fromkeys(task.kernel for task in plan.notes.tasks[step.first : step.last])) or "none"


def _memory(plan: Planning, step: Step) -> list[int] | str:
    """Return where in the arena a step's output lies: its first byte, and the one behind its last."""
    buffer = step.after.buffer
    if buffer in plan.moving:
        return "handed out" if step.last > step.first or step.by_layer else "given"
    first = plan.starts[buffer] + step.after.offset
    return [first, first + _size(step.after)]


def _size(place: Place) -> int:
    return prod(place.shape) * FLOAT.itemsize


def _bytes(step: Step) -> int:
    weights = sum(weight.nbytes for weight in step.node.layer._held.weights.values())
    return weights + sum(map(_size, (*step.inputs, step.after)))


def _heading(plan: Planning) -> str:
    return f"{plan.graph.name} for {counted(plan.images, 'image')}: {counted(len(plan.steps), 'step')}"


def _total(plan: Planning, calls: int) -> str:
    values = sum(_size(step.after) for step in plan.steps)
    tasks = counted(len(plan.notes.tasks), "task")
    return (
        f"{tasks} in {counted(calls, 'compiled call')}; memory that all steps share: {plan.arena_bytes:,} bytes,"
        f" where each output by itself would take {values:,}"
    )
