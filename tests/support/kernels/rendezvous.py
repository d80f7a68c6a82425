"""Compiled parts of a task, for tests of threads: they write down who did what, and wait for each other."""

from importlib import import_module

import numpy as np

from convlab_kernels.cpu.runtime.atomics import add, look
from convlab_kernels.cpu.runtime.jit import address, inlined
from convlab_kernels.cpu.runtime.parallel_for import shared

threads = import_module("convlab_kernels.cpu.runtime.threads")  # `cpu.threads` is the function

ENOUGH = 10**10
"""Looks after which nobody will come any more: several seconds of a core that does nothing else."""

PATIENCE = 300
"""Seconds after which a thread has failed to do what it does in milliseconds, however busy the machine is."""

WHILE = 10**7
"""Looks that take longer than all that other parts have to do: some milliseconds."""

EACH = -2
"""In place of where a part begins: all of them."""

BEGUN, ENDED, ALONE = range(3)
"""What a book's first row counts: parts that have begun; that have ended; that waited for others in vain."""


@inlined
def reaches(place, number, looks):
    """Return whether the number at an address reaches another, before so many looks at it."""
    for _ in range(looks):  # noqa: SIM110 (any() is not for compiled code)
        if look(place) >= number:
            return True
    return False


def _part(worker, first, last, book, together, slow, ended, patience, failing):
    row = 1 + add(address(book, BEGUN), 1)
    book[row, 0], book[row, 1], book[row, 2] = worker, first, last
    if not reaches(address(book, BEGUN), together, ENOUGH):
        add(address(book, ALONE), 1)
    if slow in (first, EACH):
        reaches(address(book, ENDED), ended, patience)
    if first == failing:
        raise MemoryError
    add(address(book, ENDED), 1)


kernel = shared(_part)


def arguments(book, together=0, slow=-1, ended=10**9, patience=WHILE, failing=-1):
    """Return what the kernel takes: a part begins and waits until so many have begun, which is a meeting.

    The part that begins at `slow` (or EACH) then waits until so many have ended, but not for more looks than
    `patience`; the one that begins at `failing` fails.
    """
    return book, together, slow, ended, patience, failing


def new_book(rows=300):
    """Return an empty book: a row that counts, and one (worker, first, last) for each part that will begin."""
    return np.zeros((1 + rows, 3), np.int64)


def entries(book):
    """Return worker, first and last of each part, as they began; all have ended, and none waited in vain."""
    begun, ended, alone = book[0].tolist()
    assert begun == ended and not alone, f"{begun} parts began, {ended} ended, {alone} waited in vain"
    return book[1 : 1 + begun].tolist()


def parallel_for(size, grain=1, book=None, *, cost=np.inf, pieces=1, most=None, **how):
    """Spread the kernel, and return the book's entries."""
    book = new_book() if book is None else book
    threads.parallel_for(kernel, arguments(book, **how), size, grain, cost, pieces, most)
    return entries(book)
