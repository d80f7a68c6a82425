"""Predictions for one image as a CUDA graph: all of a network's kernels in one launch.

For a single image a GPU is done with most kernels sooner than the host has launched the next. A graph is what a
stream was asked to do, captured instead of done, and launched as a whole as often as it is wanted. NVIDIA's "CUDA C++
Programming Guide", section 3.2.8.7.
"""

import logging
from collections.abc import Callable, Hashable
from threading import Lock

from convlab.runtime.arrays import Array

logger = logging.getLogger("convlab")

Named = dict[str, Array]
Compute = Callable[[Named], Named]


class CudaGraphs:
    """The graphs of one network, each captured at the second prediction of its kind: by then all is prepared."""

    def __init__(self) -> None:
        self._seen: set[Hashable] = set()
        self._captured: dict[Hashable, CapturedGraph | None] = {}  # None: it could not be captured

    def predict(self, kind: Hashable, compute: Compute, sources: Named) -> Named:
        """Return what compute makes of the inputs, by a graph for calls of this kind where that works."""
        if kind not in self._seen:
            self._seen.add(kind)
            return compute(sources)
        if kind not in self._captured:
            self._captured[kind] = capture(compute, sources)
        graph = self._captured[kind]
        return compute(sources) if graph is None else graph.predict(sources)


def capture(compute: Compute, sources: Named) -> "CapturedGraph | None":
    """Return the graph of a computation, None where it cannot be captured or answers otherwise."""
    try:
        graph = CapturedGraph(compute, sources)
        answers, expected = graph.predict(sources), compute(sources)
        if all(answers[name].tobytes() == expected[name].tobytes() for name in expected):
            return graph
        logger.debug("a CUDA graph answers otherwise than the network that it was captured from")
    except Exception as error:  # a library that cannot be captured, or no memory: there is another way
        logger.debug("no CUDA graph: %s", error)
    return None


class CapturedGraph:
    """What a network does with inputs of one kind, in memory that nobody else is given."""

    def __init__(self, compute: Compute, sources: Named) -> None:
        import cupy

        stream, pool = cupy.cuda.Stream(non_blocking=True), cupy.cuda.MemoryPool()
        stream.wait_event(cupy.cuda.get_current_stream().record())
        with stream, cupy.cuda.using_allocator(pool.malloc):
            self._inputs = {name: source.copy() for name, source in sources.items()}
            compute(self._inputs)  # so that the pool holds all the memory it takes
            stream.begin_capture()
            try:
                self._outputs = compute(self._inputs)
            finally:
                self._graph = stream.end_capture()
            self._done = stream.record()
        self._pool = pool  # what was given back to it during the capture is written to by every launch
        self._lock = Lock()

    def predict(self, sources: Named) -> Named:
        """Return the outputs for inputs, both by name, on the current stream."""
        import cupy

        with self._lock:
            stream = cupy.cuda.get_current_stream()
            stream.wait_event(self._done)  # the launch before, maybe on another stream, uses the same memory
            for name, source in sources.items():
                self._inputs[name][...] = source
            self._graph.launch(stream)
            outputs = {name: output.copy() for name, output in self._outputs.items()}
            self._done = stream.record()
        return outputs
