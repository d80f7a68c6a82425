"""A plan in words: what is done step by step, by which kernel, on which memory, and how much it is."""

from math import prod

from convlab.markup.tables import table
from convlab.model.planning import FLOAT, Place, Planning, Step
from convlab.wording import counted

SIDES = "<<<<>>>"
HEADINGS = ("layer", "kernel", "output", "memory", "multiply-adds", "bytes", "threads")


def plan_text(plan: Planning, calls: int) -> str:
    """Return the table of a plan's steps, and what they are together, carried out in so many compiled calls.

    A layer that two were made of is named after both. `memory` is where in the memory that all steps share the output
    lies, in bytes; `bytes` are those of inputs, weights and output.
    """
    rows = [HEADINGS, *(_row(plan, step) for step in plan.steps)]
    return "\n".join([_heading(plan), "", *table(rows, SIDES), "", _total(plan, calls)])


def _row(plan: Planning, step: Step) -> tuple[str, ...]:
    layer, node = step.node.layer.name, step.node.name
    return (
        node if node == layer else f"{layer} to {node}",
        _kernel(plan, step),
        " x ".join(map(str, step.after.shape)),
        _memory(plan, step),
        f"{step.node.multiply_adds * plan.images:,}",
        f"{_bytes(step):,}",
        str(max((task.sharing[-1] for task in plan.notes.tasks[step.first : step.last]), default=1)),
    )


def _kernel(plan: Planning, step: Step) -> str:
    if step.by_layer:
        return "NumPy"
    return " and ".join(dict.fromkeys(task.kernel for task in plan.notes.tasks[step.first : step.last])) or "none"


def _memory(plan: Planning, step: Step) -> str:
    """Return where in the arena a step's output lies."""
    buffer = step.after.buffer
    if buffer in plan.moving:
        return "handed out" if step.last > step.first or step.by_layer else "given"
    first = plan.starts[buffer] + step.after.offset
    return f"{first:,} to {first + _size(step.after):,}"


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
