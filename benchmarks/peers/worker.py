"""One framework with one network in a process of its own, which does what it is asked on stdin and else sleeps.

    python -m benchmarks.peers.worker CONTENDER FOLDER NETWORK BATCH predict|run|gradient THREADS

{"check": FILE} computes once and writes the answer; {"time": COUNT, "pause": SECONDS} answers with so many durations
in seconds, of calls each after a pause, or back to back where that is 0.
Requests and replies are pickled, as `convlab.bench.process` has them; convlab need not be there.
"""

import os
import pickle
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import numpy as np

from benchmarks.peers.files import CLASS, Task

Contender = tuple[Callable[[], Any], Callable[[Any], list[Any]]]
"""What is timed, and what makes NumPy arrays of its result, one for each output of the task."""


def convlab(task: Task, threads: int, method: str) -> Contender:
    """`compiled`: `predict` by kernels that are compiled and a plan made beforehand, however small the network."""
    import convlab

    if hasattr(convlab, "set_threads"):
        convlab.set_threads(threads)
    model, x, names = convlab.load(task.network_file), task.x, list(task.allowed)
    if method == "run":
        return partial(model.run, x), lambda recording: [recording[name] for name in names]
    if method == "gradient":
        [source] = model.inputs
        return lambda: convlab.gradients(model, model.run(x), CLASS, to=source)[source], lambda y: [y]
    if method == "compiled":
        model.compiled = True
        model.plan(task.batch)
    return partial(model.predict, x), lambda y: [y]


def torch(task: Task, threads: int, kind: str) -> Contender:
    import torch

    import convlab
    from benchmarks.as_torch import as_torch

    torch.set_num_threads(threads)
    model, x = convlab.load(task.network_file), torch.from_numpy(task.channels_first)
    network = as_torch(_to_logits(model) if task.what == "gradient" else model, task.record)
    if "channels last" in kind:
        network, x = network.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    if "frozen" in kind or "optimized" in kind:
        network = torch.jit.freeze(torch.jit.trace(network, x))
    if "optimized" in kind:
        network = torch.jit.optimize_for_inference(network)

    def call() -> Any:
        with torch.inference_mode():
            return network(x)

    def gradient() -> Any:
        return torch.autograd.grad(network(x)[0, CLASS], x)[0]

    if task.what == "gradient":
        x.requires_grad_()
        return gradient, lambda y: _channels_last([y.numpy()])
    return call, lambda y: _channels_last([tensor.numpy() for tensor in (y if task.record else [y])])


def _to_logits(model: Any) -> Any:
    """Return a convlab network without the softmax at its end."""
    from convlab.model.logits import logits

    name = logits(model.graph)
    layer = name.removesuffix("/pre")
    if layer != name:
        model[layer].activation = "linear"
    return type(model).of(model.graph.until(layer))


def onnxruntime(task: Task, threads: int, kind: str) -> Contender:
    """`bound`: the outputs are written to the same arrays each time."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(task.onnx_file, settings, providers=["CPUExecutionProvider"])
    x, names = task.channels_first, [output.name for output in session.get_outputs()]
    if kind != "bound":
        return partial(session.run, names, {"x": x}), _channels_last
    binding, owned = session.io_binding(), onnxruntime.OrtValue.ortvalue_from_numpy
    binding.bind_ortvalue_input("x", owned(x))
    for output in session.get_outputs():
        binding.bind_ortvalue_output(output.name, owned(np.empty(output.shape, np.float32)))
    run = partial(session.run_with_iobinding, binding)
    return run, lambda _: _channels_last(binding.copy_outputs_to_cpu())


def openvino(task: Task, threads: int, kind: str) -> Contender:
    """`bound`: the outputs are views of memory that the next call overwrites."""
    import openvino

    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    network = openvino.Core().compile_model(str(task.onnx_file), "CPU", options)
    call = partial(network, [task.channels_first], share_inputs=True, share_outputs=kind == "bound")
    return call, lambda result: _channels_last([result[output] for output in network.outputs])


def tensorflow(task: Task, threads: int, kind: str) -> Contender:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    network = keras.models.load_model(task.network_file, compile=False)
    if task.record:
        outputs = [network.get_layer(name).output for name in task.allowed]
        network = keras.Model(network.inputs, outputs)
    call = tensorflow.function(partial(network, training=False), jit_compile=kind == "XLA")
    x = tensorflow.constant(task.x)
    return partial(call, x), lambda y: [tensor.numpy() for tensor in (y if task.record else [y])]


def _channels_last(arrays: Any) -> list[Any]:
    return [array.transpose(0, 2, 3, 1) if array.ndim == 4 else array for array in arrays]


CONTENDERS: dict[str, tuple[Callable[[Task, int, str], Contender], str]] = {
    "convlab predict": (convlab, "predict"),
    "convlab predict, compiled": (convlab, "compiled"),
    "convlab run": (convlab, "run"),
    "convlab gradient": (convlab, "gradient"),
    "PyTorch": (torch, "eager"),
    "PyTorch, channels last": (torch, "channels last"),
    "PyTorch, frozen": (torch, "frozen"),
    "PyTorch, frozen, channels last": (torch, "frozen, channels last"),
    "PyTorch, optimized": (torch, "optimized"),
    "ONNX Runtime": (onnxruntime, ""),
    "ONNX Runtime, bound": (onnxruntime, "bound"),
    "OpenVINO": (openvino, ""),
    "OpenVINO, bound": (openvino, "bound"),
    "TensorFlow": (tensorflow, ""),
    "TensorFlow, XLA": (tensorflow, "XLA"),
}


def framework(contender: str) -> str:
    """Return the name under which a contender's environment is given: "convlab", "torch", ..."""
    return CONTENDERS[contender][0].__name__


def versions(contender: str) -> dict[str, str]:
    """Return the versions of the packages that do the work."""
    own = framework(contender)
    packages = {"convlab": ["numpy", "numba"], "tensorflow": ["tensorflow-cpu", "keras"]}.get(own, [own])
    found = {package: version(package) for package in packages}
    if own == "convlab":  # whose distribution has another name
        import convlab

        found = {"convlab": convlab.__version__, **found}
    return found


def times(call: Callable[[], Any], count: int, pause: float) -> list[float]:
    """Return how long each call took, the release of what it returned included.

    Without a pause before each, they come after one that does not count.
    """
    if not pause:
        call()
    seconds = []
    for _ in range(count):
        if pause:  # to sleep for no time at all is to sleep for 80 microseconds
            sleep(pause)
        start = perf_counter()
        call()
        seconds.append(perf_counter() - start)
    return seconds


def main() -> None:
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a framework prints must not come between the replies
    contender, folder, network, batch, what, threads = sys.argv[1:]
    task = Task(Path(folder), network, int(batch), what)
    build, kind = CONTENDERS[contender]
    start = perf_counter()
    call, arrays = build(task, int(threads), kind)
    loaded = perf_counter() - start

    def reply(**values: Any) -> None:
        pickle.dump(values, replies)
        replies.flush()

    reply(versions=versions(contender), load=loaded)
    while True:
        try:
            request = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        if "check" in request:
            start = perf_counter()
            result = call()
            first = perf_counter() - start
            made = arrays(result)
            names = list(task.allowed)[-len(made) :]  # of one that only predicts, the last
            np.savez(request["check"], **dict(zip(names, made, strict=True)))
            del result, made
            reply(first=first)
        else:
            reply(seconds=times(call, request["time"], request["pause"]))


if __name__ == "__main__":
    main()
