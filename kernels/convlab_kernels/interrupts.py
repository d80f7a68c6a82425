"""Ctrl-C where it must wait: Python raises KeyboardInterrupt anywhere, and not every library can be left halfway."""

import signal
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from inspect import unwrap
from threading import current_thread, main_thread
from types import CodeType, FrameType
from typing import Any

__all__ = ["PIECE", "interrupts_wait"]

PIECE = 1 << 24
"""Bytes that what does not hear Ctrl-C unpacks between two looks for it: some 0.1 s."""


@contextmanager
def interrupts_wait(*within: Callable[..., Any]) -> Iterator[list[int]]:
    """Let interrupts that come in a block wait until its end, and give the list of their numbers.

    Where functions are given, only those wait that come within one of them; the others are raised at once.
    """
    handler = signal.getsignal(signal.SIGINT)
    came: list[int] = []
    if current_thread() is not main_thread() or not callable(handler):  # nothing is raised here
        yield came
        return
    codes = {unwrap(function).__code__ for function in (*within, interrupts_wait)}

    def hear(number: int, frame: FrameType | None) -> None:
        if not within or _runs(codes, frame):
            came.append(number)  # the frame would keep alive what it works with
        else:
            handler(number, frame)

    signal.signal(signal.SIGINT, hear)
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            handler(came[0], None)


def _runs(codes: Collection[CodeType], frame: FrameType | None) -> bool:
    """Tell whether one of some functions is being executed."""
    while frame is not None and frame.f_code not in codes:
        frame = frame.f_back
    return frame is not None
