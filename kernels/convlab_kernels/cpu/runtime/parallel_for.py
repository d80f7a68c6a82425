"""A loop whose parts several threads do, in compiled code from beginning to end.

Between two parts no thread asks for the interpreter: who waits for that sleeps, and wakes later than a small layer
takes. One task slot, an array in memory, is where a caller puts its task and where workers look for one. A caller who
finds the slot taken does its parts alone: then the cores are busy anyway.

    the caller, worker 0                                another worker
    claims the slot, writes its task, opens it          waits for an open task
    does parts until none is left                       steps in; if it is still open, does parts until none is left
    closes it, waits until nobody is in, frees it       steps out

A slot may also be a notebook (`noting.py`): then the task is written down in it, to be done later, and not done.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from convlab_kernels.cpu.runtime.aligned import LINE
from convlab_kernels.cpu.runtime.atomics import INT, add, claim, instruction, look, put
from convlab_kernels.cpu.runtime.jit import address, compiled, inlined

CLAIMED, OPEN, INSIDE, WORKERS, NEXT, FAILED, TASK = (field * LINE for field in range(7))
"""Fields of the task slot: whether it has an owner; whether there is an open task; how many workers are in; how many
took part, the caller first; the next part; whether one failed; and what the task is, six integers."""

SLOT = TASK + LINE
"""Bytes of the task slot."""

NOTEBOOK = 2
"""What stands in a slot for its owner where tasks are not to be done, but to be written down behind `TASK`."""

BYTES = ir.IntType(8).as_pointer()
RUN = ir.FunctionType(INT, [BYTES, INT, INT, INT])


@instruction
def prepared(typing: Any, part: Any, args: Any) -> Any:
    """Return the addresses of code that calls part(worker, first, last, *args) and of the arguments, and their bytes.

    They are there until the function returns that calls this one. A copy of them is good for as long as the memory of
    their arrays, which they do not count as theirs.
    """
    signature = part.get_call_type(typing, (types.int64,) * 3 + tuple(args), {})

    def write(context: Any, builder: Any, own: Any, values: Any) -> Any:
        run = _write_run(context, builder.module, part.dispatcher.overloads[signature.args], args)
        borrowed = _borrowed(context, builder, args, values[1])
        data, size = cgutils.alloca_once_value(builder, borrowed), context.get_abi_sizeof(borrowed.type)
        addresses = [builder.ptrtoint(place, INT) for place in (run, data)]
        return context.make_tuple(builder, own.return_type, [*addresses, INT(size)])

    return types.UniTuple(types.int64, 3)(part, args), write


def _borrowed(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """Return a value whose arrays do not count who uses them: that is the caller's."""
    if isinstance(kind, types.BaseTuple):
        parts = [builder.extract_value(value, i) for i in range(len(kind))]
        return context.make_tuple(
            builder, kind, [_borrowed(context, builder, *part) for part in zip(kind, parts, strict=True)]
        )
    if not isinstance(kind, types.Array):
        return value
    array = context.make_array(kind)(context, builder, value)
    array.meminfo = cgutils.get_null_value(array.meminfo.type)
    array.parent = cgutils.get_null_value(array.parent.type)
    return array._getvalue()


def _write_run(context: Any, module: Any, part: Any, args: Any) -> Any:
    """Write the function (address of the arguments, worker, first, last) -> whether the part failed."""
    context.active_code_library.add_linking_library(part.library)
    run = ir.Function(module, RUN, module.get_unique_name("run_part"))
    run.linkage = "internal"
    builder = ir.IRBuilder(run.append_basic_block())
    data, *numbers = run.args
    values = builder.load(builder.bitcast(data, context.get_value_type(args).as_pointer()))
    given = [*numbers, *(builder.extract_value(values, i) for i in range(len(args)))]
    function = context.declare_function(module, part.fndesc)
    status, _ = context.call_conv.call_function(
        builder, function, part.signature.return_type, part.signature.args, given
    )
    builder.ret(builder.zext(status.is_error, INT))
    return run


@instruction
def call(typing: Any, run: Any, data: Any, worker: Any, first: Any, last: Any) -> Any:
    """Call the code with the arguments at their addresses."""

    def write(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        run, data, *numbers = args
        return builder.call(builder.inttoptr(run, RUN.as_pointer()), [builder.inttoptr(data, BYTES), *numbers])

    return types.int64(*[types.int64] * 5), write


@inlined
def _do(run, data, part, parts, size, grain, worker):
    """Do one of the parts of range(size), which begin at multiples of the grain; return whether it failed."""
    grains = -(-size // grain)
    first = min(size, -(-grains * part // parts) * grain)
    last = min(size, -(-grains * (part + 1) // parts) * grain)
    return call(run, data, worker, first, last)


@inlined
def _take_part(slot, worker):
    """Do parts of the open task until none is left, unless there are enough who do."""
    run, data, parts = look(slot + TASK), look(slot + TASK + 8), look(slot + TASK + 16)
    size, grain, workers = look(slot + TASK + 24), look(slot + TASK + 32), look(slot + TASK + 40)
    while worker < workers:
        part = add(slot + NEXT, 1)
        if part >= parts:
            break
        if _do(run, data, part, parts, size, grain, worker):
            put(slot + FAILED, 1)


@inlined
def _share(slot, run, data, parts, size, grain, workers):
    """Do the parts of range(size), the caller and other workers together; return whether one failed."""
    place = address(slot, 0)
    if workers < 2 or not claim(place + CLAIMED):
        failed = 0
        for part in range(parts):
            failed |= _do(run, data, part, parts, size, grain, 0)
        return failed
    for field, number in enumerate((run, data, parts, size, grain, workers)):
        put(place + TASK + 8 * field, number)
    for field in (NEXT, FAILED):
        put(place + field, 0)
    put(place + WORKERS, 1)
    put(place + OPEN, 1)
    _take_part(place, 0)
    put(place + OPEN, 0)
    while look(place + INSIDE):
        pass
    failed = look(place + FAILED)
    put(place + CLAIMED, 0)
    return failed


@inlined
def _note(slot, run, data, size):
    """Write the code's address and the arguments into a notebook; return how many bytes there are of these."""
    place = address(slot, 0) + TASK
    put(place, run)
    for byte in range(0, size, 8):
        put(place + 8 + byte, look(data + byte))
    return size


@compiled
def carry_out(slot: Any, tasks: Any) -> int:
    """Do tasks (n, 6), one after the other, that were noted; return whether one failed.

    A task is the addresses of its code and its arguments, and the parts, the size, the grain and the most workers.
    """
    failed = 0
    for i in range(len(tasks)):
        failed |= _share(slot, tasks[i, 0], tasks[i, 1], tasks[i, 2], tasks[i, 3], tasks[i, 4], tasks[i, 5])
    return failed


@compiled
def serve(slot: Any, looks: int) -> None:
    """Work on the tasks in the slot, until there was none for so many looks."""
    place = address(slot, 0)
    left = looks
    while left:
        left -= 1
        if look(place + OPEN):
            add(place + INSIDE, 1)
            if look(place + OPEN):
                _take_part(place, add(place + WORKERS, 1))
                left = looks
            add(place + INSIDE, -1)


def shared(part: Callable[..., None]) -> Any:
    """Compile part(worker, first, last, *args) into what `parallel_for` calls to do all parts of a range.

    `worker` counts who takes part at the same time, from 0: rooms to work in may be numbered by it. The result is not
    to depend on it.
    """
    inner = inlined(part)

    def in_parts(slot: Any, parts: int, size: int, grain: int, workers: int, *args: Any) -> int:
        run, data, size_of_data = prepared(inner, args)
        if look(address(slot, 0) + CLAIMED) == NOTEBOOK:
            return _note(slot, run, data, size_of_data)
        return _share(slot, run, data, parts, size, grain, workers)

    in_parts.__module__, in_parts.__qualname__ = part.__module__, part.__qualname__
    return compiled(in_parts)
