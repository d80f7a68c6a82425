"""The engine around the kernels: what is loaded when, threads, forks, interrupts, the same bits, no more memory."""

import gc
import subprocess
import sys
import threading
import tracemalloc
import weakref
from copy import deepcopy
from itertools import product
from textwrap import dedent

import numpy as np
import pytest

import convlab
from convlab.layers import (
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GlobalAveragePooling2D,
    MaxPooling2D,
    ReLU,
    ZeroPadding2D,
)
from convlab.model.initialise import randomise
from convlab.model.model import Model, Node
from convlab.runtime.arrays import owner
from convlab.runtime.policy import BATCH_WORK, WORK, current, kernels, using_policy, worth_compiling
from convlab_kernels.cpu.pooling import max_pool

SHAPE = (61, 43, 3)


def residual(name="net", filters=48):
    """Return a network with every folding and a sum, of more work than NumPy is left with."""
    calls = [
        (ZeroPadding2D("zeros", 1), "input"),
        (Conv2D("conv", filters, 3, use_bias=False), "zeros"),
        (BatchNormalization("norm"), "conv"),
        (ReLU("act", max_value=6), "norm"),
        (DepthwiseConv2D("depth", 3, padding="same"), "act"),
        (BatchNormalization("norm2"), "depth"),
        (Conv2D("conv2", filters, 3, padding="same", activation="relu"), "norm2"),
        (Add("sum"), "act", "conv2"),
        (MaxPooling2D("pool", 2), "sum"),
        (GlobalAveragePooling2D("mean"), "pool"),
        (Dense("fc", 11, "softmax"), "mean"),
    ]
    model = Model(name, SHAPE, [Node(layer.name, layer, tuple(inputs)) for layer, *inputs in calls])
    randomise(model, seed=2)
    return model


def images(n, shape=SHAPE, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n, *shape)).astype(np.float32)


def python(code, timeout=240, **environment):
    """Run code in a process of its own, its last line of output returned; it fails the test if it fails."""
    import os

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", dedent(code)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=os.environ | environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[-2]


# ---- compiled or not


def test_the_choice_is_made_from_the_work_of_the_call():
    assert not worth_compiling(WORK - 1, 1)
    assert worth_compiling(WORK, 1)
    assert not worth_compiling(WORK // 10 - 1, 100)
    assert worth_compiling(BATCH_WORK // 100, 100)
    assert not worth_compiling(0, 10**9)


def test_a_network_decides_for_its_layers_and_outside_each_operation_does():
    x = np.zeros((2, 3), np.float32)
    assert kernels("pooling", x, WORK - 1) is None
    assert kernels("pooling", x, WORK).max_pool is max_pool
    for compiled in (False, True):
        with using_policy(compiled):
            assert (kernels("pooling", x, 0) is not None) == (kernels("pooling", x, WORK) is not None) == compiled
        assert current() is None


def test_a_network_adds_up_the_work_of_its_layers():
    model = convlab.load("vgg16", weights=None)
    assert (
        model.graph.multiply_adds == 15_470_264_320
    )  # Simonyan and Zisserman's network, as the summary's table has it
    assert convlab.load("lenet5", weights=None).graph.multiply_adds == 416_520


def test_a_small_network_never_loads_a_compiler():
    code = """
        import sys
        import numpy as np
        import convlab
        convlab.set_threads(2)
        model = convlab.load("lenet5")
        x = np.full((1, 28, 28, 1), 0.5, np.float32)
        y, acts = model.predict(x), model.run(x, pre=True)
        model.predict(np.repeat(x, 100, axis=0))
        assert np.allclose(y, acts.output, atol=1e-6)
        print(sorted({"numba", "llvmlite"} & set(sys.modules)))
    """
    assert python(code) == "[]"


@pytest.mark.parametrize(("asked", "found"), [("3", "3"), ("0", None), ("many", None), ("", None)])
def test_threads_from_the_environment(asked, found):
    code = """
        import os
        from convlab_kernels.cpu import threads
        print(threads(), len(os.sched_getaffinity(0)))
    """
    threads, cores = python(code, CONVLAB_THREADS=asked).split()
    assert threads == (found or cores)


def test_set_threads_refuses_what_is_no_number_of_threads():
    for n in (0, -1, True, 1.5, "2"):
        with pytest.raises(ValueError, match=r"threads, expected a whole number of at least 1$"):
            convlab.set_threads(n)


# ---- strictness


def test_asked_to_propagate_nan_infinities_stay_where_the_definition_puts_them():
    model = Model.sequential("net", (44, 41, 32), [Conv2D("conv", 48, 3, padding="same", use_bias=False)])
    kernel = np.ones((3, 3, 32, 48), np.float32)
    model["conv"].set_weights(kernel=kernel)
    x = images(1, model.input_shape)
    x[0, 17, 20, 5] = np.inf

    def not_finite(y):
        return {(int(row), int(column)) for row, column in np.argwhere(~np.isfinite(y[0]).all(axis=-1))}

    defined = set(product((16, 17, 18), (19, 20, 21)))
    assert not_finite(model.predict(x)) > defined, "the fastest kernel spreads nothing: the test says nothing"
    model.propagate_nan = True
    assert model.ablate({"conv": [0]}).propagate_nan
    for y in (model.predict(x), model.run(x).output, convlab.conv2d(x, kernel, None, 1, 1, method="strict")):
        assert not_finite(y) == defined
        assert np.isposinf(y[0, 16:19, 19:22]).all()


def test_the_old_name_of_propagate_nan_works_and_says_the_new_one():
    model = Model.sequential("net", (4, 4, 1), [Conv2D("conv", 1, 3)])
    with pytest.warns(DeprecationWarning, match=r"^Model\.strict is now called propagate_nan; the old name goes"):
        model.strict = True
    assert model.propagate_nan
    with pytest.warns(DeprecationWarning, match=r"^Model\.strict is now called propagate_nan") as told:
        assert model.strict
    assert told[0].filename == __file__, "the line that uses the old name is told"


# ---- the same bits


@pytest.mark.slow
def test_from_run_to_run_and_whatever_was_computed_before():
    model, x = residual(), images(2)
    expected = model.predict(x)
    model.predict(images(5, seed=3))
    model.run(x)
    for _ in range(3):
        np.testing.assert_array_equal(model.predict(x), expected)
    model.drop_prepared()
    np.testing.assert_array_equal(model.predict(x), expected)
    np.testing.assert_array_equal(residual().predict(x), expected)


@pytest.mark.parametrize("make", [residual, lambda: convlab.load("lenet5", weights=3)], ids=["compiled", "NumPy"])
def test_eight_threads_give_what_one_after_the_other_gives(make):
    model = make()
    model.preprocessing = None
    batches = [images(1 + i % 3, model.input_shape, seed=i) for i in range(8)]
    alone = make()
    alone.preprocessing = None
    expected = [alone.predict(x) for x in batches]
    found = [[] for _ in batches]
    start = threading.Barrier(len(batches))  # all of them find nothing prepared

    def work(i):
        start.wait()
        found[i] += [model.predict(batches[i]) for _ in range(4)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for several, y in zip(found, expected, strict=True):
        assert len(several) == 4
        for one in several:
            np.testing.assert_array_equal(one, y)


def test_kernels_are_prepared_once_by_threads_that_all_find_none(monkeypatch):
    from convlab import ops

    model, prepare, prepared = residual(), ops.prepare_conv2d, []

    def counted(w, *options):
        prepared.append(w.shape)
        return prepare(w, *options)

    monkeypatch.setattr(ops, "prepare_conv2d", counted)
    start = threading.Barrier(8)
    threads = [threading.Thread(target=lambda: (start.wait(), model.predict(images(1)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(prepared) == 3
    model.drop_prepared()
    model.predict(images(1))
    assert len(prepared) == 6


# ---- processes


def test_what_is_loaded_later_is_listed_from_the_first():
    assert dir(convlab) == sorted(convlab.__all__)
    assert all(hasattr(convlab, name) for name in dir(convlab))


FORK = """
    import multiprocessing
    import numpy as np
    import convlab
    {load}
    x = np.random.default_rng(0).random((2, *model.input_shape), np.float32)
    before = model.predict(x)

    def child(queue):
        queue.put(model.predict(x))

    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    after = queue.get(timeout=300)
    process.join(300)
    assert process.exitcode == 0, process.exitcode
    np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(before, model.predict(x))
    print("same")
"""
LENET = 'model = convlab.load("lenet5")'
NET = """
    from convlab.model.initialise import randomise
    from convlab.layers import Conv2D, GlobalAveragePooling2D
    from convlab.model.model import Model
    layers = [Conv2D("a", 32, 3, activation="relu"), Conv2D("b", 40, 3), GlobalAveragePooling2D("mean")]
    model = Model.sequential("net", (61, 43, 3), layers)
    randomise(model, 0)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="there is no fork here")
@pytest.mark.parametrize("load", [LENET, NET], ids=["NumPy", "compiled"])
def test_a_forked_child_predicts(load):
    assert python(FORK.format(load=dedent(load).strip().replace("\n", "\n    "))) == "same"


FORK_WHILE_PREPARING = """
    import os
    import signal
    import threading
    import warnings
    from convlab.runtime.once import once, preparing
    warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12's, of forks beside threads
    held, forked = threading.Event(), threading.Event()

    def prepare():
        with preparing():
            held.set()
            forked.wait()

    thread = threading.Thread(target=prepare)
    thread.start()
    held.wait()
    child = os.fork()
    if not child:
        signal.alarm(60)  # ends it, should it wait for ever
        os._exit(once({}, "key", lambda: 7))
    forked.set()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="there is no fork here")
def test_a_child_that_was_forked_while_a_thread_prepared_does_not_wait_for_it():
    assert python(FORK_WHILE_PREPARING) == "7"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interrupt_ends_a_long_prediction_within_a_second_and_leaves_a_model_that_works(interruptible):
    code = f"""
        import os, signal, threading, time
        import numpy as np
        import convlab, convlab_kernels.cpu
        {dedent(NET).strip().replace(chr(10), chr(10) + " " * 8)}
        x = np.random.default_rng(0).random((2, *model.input_shape), np.float32)
        expected, asked = model.predict(x), []

        def interrupt():
            asked.append(time.process_time())  # of all threads, which another process does not make longer
            os.kill(os.getpid(), signal.SIGINT)

        for delay in (0.21, 0.37):
            timer = threading.Timer(delay, interrupt)
            timer.start()
            try:
                while True:
                    model.predict(x)
            except KeyboardInterrupt:
                assert time.process_time() - asked[-1] < convlab_kernels.cpu.threads()
            timer.join()
            np.testing.assert_array_equal(model.predict(x), expected)
        print("works")
    """
    assert python(code) == "works"


# ---- memory


@pytest.mark.slow
def test_memory_does_not_grow_over_200_predictions():
    model, x = residual(filters=16), images(2)
    for _ in range(3):  # the third is the first that follows a plan
        model.predict(x)
    blocks = sorted(len(block) for block in model._caches.pool.free)
    assert blocks
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(200):
            model.predict(x)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert grown < 64 << 10  # fewer bytes than any of its values has
    assert sorted(len(block) for block in model._caches.pool.free) == blocks


def test_buffers_follow_the_size_of_the_batch():
    model = residual()
    for n in (1, 1, 1, 7, 7, 7):  # the second of its kind makes a plan, the third follows it
        model.predict(images(n))
    many = sum(len(block) for block in model._caches.pool.free)
    for n in (1, 1):
        model.predict(images(n))
    few = sum(len(block) for block in model._caches.pool.free)
    assert (few, many) == tuple(model.plan(n).planning.arena_bytes for n in (1, 7))


def test_a_prediction_holds_no_more_memory_than_it_needs_and_stays_as_it_is():
    model = Model.sequential("net", SHAPE, [Conv2D("a", 32, 3, activation="relu"), Conv2D("b", 32, 3)])
    randomise(model, 0)
    first = model.predict(images(3))
    expected = first.copy()
    assert owner(first).nbytes == first.nbytes
    model.predict(images(3, seed=1))
    np.testing.assert_array_equal(first, expected)
    for block in model._caches.pool.free:
        assert not np.shares_memory(first, block)
    recorded = list(model.run(images(2)).values())
    model.run(images(2, seed=1))
    assert not any(np.shares_memory(array, block) for array in recorded for block in model._caches.recordings.free)
    assert all(owner(array).nbytes == array.nbytes for array in model.run(images(2), record=["b"]).values())


@pytest.mark.parametrize("compute", [Model.predict, lambda model, x: list(model.run(x).values())])
def test_what_is_kept_keeps_nothing_else_of_a_model_that_is_gone(compute):
    model = Model.sequential("net", SHAPE, [Conv2D("a", 32, 3), Conv2D("b", 32, 3)])
    randomise(model, 0)
    kept = compute(model, images(3))
    memories = [weakref.ref(memory) for memory in (model._caches.pool, model._caches.recordings)]
    del model
    gc.collect()
    assert [memory() for memory in memories] == [None, None]
    assert kept is not None


def test_the_memory_of_a_prediction_that_is_gone_is_used_again():
    model = Model.sequential("net", SHAPE, [Conv2D("a", 32, 3)])
    randomise(model, 0)
    first = model.predict(images(3))
    place = first.ctypes.data
    second = model.predict(images(3))
    del first
    third = model.predict(images(3))
    assert third.ctypes.data == place != second.ctypes.data


def test_what_was_prepared_can_be_dropped():
    model, x = residual(), images(1)
    expected = model.predict(x)
    model.run(x)
    assert model["conv2"]._held.prepared and model._caches.pool.free and model._caches.fused
    model.drop_prepared()
    assert not any(layer._held.prepared for layer in model.layers if layer.shapes)
    assert not model._caches.pool.free and model._caches.fused is None
    np.testing.assert_array_equal(model.predict(x), expected)


def test_a_copy_of_a_model_has_memory_of_its_own():
    model, x = residual(), images(1)
    expected = model.predict(x)
    other = deepcopy(model)
    assert other._caches.pool is not model._caches.pool and not other._caches.pool.free
    np.testing.assert_array_equal(other.predict(x), expected)
