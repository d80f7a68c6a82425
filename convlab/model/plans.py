"""The plans of a network, each made at the second call of its kind: who calls once need not wait for one."""

import logging
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from convlab.model.execution import Value
from convlab.model.plan import Plan
from convlab.runtime.arrays import Array
from convlab.runtime.buffer_pool import BufferPool

V = TypeVar("V")

logger = logging.getLogger(__name__)

MOST = 8
"""Kinds of calls that are remembered; what came first is forgotten."""


class Call(NamedTuple):
    """A call of a network: its kind, for which there is one plan, the inputs, into which memory, and how otherwise.

    `compute` is what computes it without a plan, `plan` what makes one.
    """

    kind: Hashable
    sources: Mapping[str, Array]
    pool: BufferPool | None
    compute: Callable[[], Iterable[Value]]
    plan: Callable[[], Plan]


class Plans:
    """The plans by the kind of calls that they are for."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, None] = {}
        self._plans: dict[Hashable, Plan | None] = {}  # None: there is none that answers as the network does

    def execute(self, call: Call) -> Iterable[Value]:
        """Return what a network makes of inputs, by the plan for calls of this kind where there is one."""
        if (plan := self._plans.get(call.kind)) is not None:
            values = plan.execute(call.sources, call.pool)
            return call.compute() if values is None else values
        if call.kind in self._seen and call.kind not in self._plans:
            return self._second(call)
        _remember(self._seen, call.kind, None)
        return call.compute()

    def made(self, call: Call) -> Plan:
        """Return the plan for a call, made now where there is none."""
        if (plan := self._plans.get(call.kind)) is None:
            plan = call.plan()
            self._prove(plan, call)
        return plan

    def _second(self, call: Call) -> Iterable[Value]:
        """Return what a network makes of inputs, by a plan if one can be made: no call fails for want of it."""
        try:
            return self._prove(call.plan(), call)
        except Exception:  # whatever stands in its way, from memory to addresses
            logger.debug("no plan was made", exc_info=True)
            return self._without(call)

    def _without(self, call: Call) -> Iterator[Value]:
        yield from call.compute()
        _remember(self._plans, call.kind, None)  # not before: it may be the inputs that are at fault

    def _prove(self, plan: Plan, call: Call) -> Iterable[Value]:
        """Keep a plan if it makes of inputs what the network does without one, to the bit; return what that is."""
        values = plan.execute(call.sources, call.pool) or []
        same = _equal(values, call.compute())
        if not same:
            logger.debug("a plan of %s answers otherwise than the network", plan.planning.graph.name)
        _remember(self._plans, call.kind, plan if same else None)
        return values if same else call.compute()


def _equal(planned: list[Value], values: Iterable[Value]) -> bool:
    """Return whether the values that a plan handed out are among those of a network."""
    left = {node.name: (before, after) for node, before, after in planned}
    same = True
    for node, *made in values:
        for one, other in zip(left.pop(node.name, ()), made, strict=False):
            same &= one is None or (other is not None and one.tobytes() == other.tobytes())
    return same and not left


def _remember(made: dict[Hashable, V], kind: Hashable, value: V) -> None:
    made[kind] = value
    for oldest in list(made)[:-MOST]:  # another thread may forget them too
        made.pop(oldest, None)
