"""A network on a GPU: what it answers, where that lies, and what is copied."""

import logging

import numpy as np
import pytest

import convlab
from convlab.layers import (
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    MaxPooling2D,
    Normalization,
    ReLU,
)
from convlab.model.initialise import randomise
from convlab.model.model import Model, Node


def network():
    """Return a small network with most of what a GPU has kernels of its own for."""
    nodes = [
        Node("scale", Normalization("scale", mean=[0.5, 0.25], variance=[2.0, 3.0]), ("input",)),
        Node("conv", Conv2D("conv", 5, (3, 2), padding="same"), ("scale",)),
        Node("norm", BatchNormalization("norm"), ("conv",)),
        Node("relu", ReLU("relu"), ("norm",)),
        Node("deep", DepthwiseConv2D("deep", 3, padding="same"), ("relu",)),
        Node("sum", Add("sum"), ("relu", "deep")),
        Node("pool", MaxPooling2D("pool", (2, 3)), ("sum",)),
        Node("flat", Flatten("flat"), ("pool",)),
        Node("fc", Dense("fc", 4, activation="softmax"), ("flat",)),
    ]
    model = Model("small", (6, 7, 2), nodes)
    randomise(model, 3)
    return model


@pytest.fixture
def model(device):
    return network().to("cuda")


@pytest.fixture
def captured(device, monkeypatch):
    """Let convolutions be computed without cuBLAS, which CuPy does not capture, and in a moment."""
    if device.transfers is not None:
        choose = "convlab_kernels.cuda.choice.fastest"
        monkeypatch.setattr(choose, lambda x, w, window, groups, *_: "direct" if groups == 1 else "depthwise")


def images(count, seed=0):
    return np.random.default_rng(seed).standard_normal((count, 6, 7, 2)).astype(np.float32)


def close(actual, expected):
    """Assert equality up to the roundings of a few layers, each of a sum of less than a hundred terms."""
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e3 * np.finfo(np.float32).eps * np.abs(expected).max())


def test_predictions_are_those_of_the_processor_and_stay_on_the_gpu(model, device):
    x = images(3)
    y = model.predict(x)
    assert isinstance(y, device.cupy.ndarray) and y.dtype == np.float32
    close(device.give(y), network().predict(x))
    assert isinstance(model.predict(device.take(x)), device.cupy.ndarray)


def test_nothing_is_copied_but_the_input_and_once_the_weights(model, device):
    if device.transfers is None:
        pytest.skip("a GPU keeps no list of transfers")
    x = images(2)
    model.predict(x)
    uploaded = sum(size for _, size in device.transfers) - x.nbytes
    assert uploaded <= 4 * sum(layer.parameters for layer in model.layers) + 64
    device.transfers.clear()
    model.predict(x)
    assert device.transfers == [("to device", x.nbytes)]
    model.run(device.take(x))
    device.transfers.clear()
    acts = model.run(device.take(x))
    assert device.transfers == []
    acts["deep"], acts["deep"]
    assert device.transfers == [("to host", acts["deep"].nbytes)]


def test_a_recording_copies_a_layer_when_it_is_asked_for(model, device):
    x = images(2)
    acts, expected = model.run(x, pre=True), network().run(x, pre=True)
    assert list(acts) == list(expected)
    for name in acts:
        assert isinstance(acts.arrays.on_device[name], device.cupy.ndarray)
        assert type(acts[name]) is np.ndarray
        close(acts[name], expected[name])
    np.testing.assert_array_equal(acts.input, x)
    close(acts.output, expected.output)
    assert acts.top(2) and acts.statistics("conv")


def test_all_of_a_recording_goes_to_the_host_at_once(model, device, tmp_path):
    acts = model.run(images(2))
    host = acts.to("cpu")
    assert all(type(host.arrays[name]) is np.ndarray for name in acts)
    for name in acts:
        np.testing.assert_array_equal(host[name], device.give(acts.arrays.on_device[name]))
    np.testing.assert_array_equal(host.input, acts.input)
    assert host.to("cpu")["fc"] is host["fc"]
    acts.save(tmp_path / "a.h5")
    np.testing.assert_array_equal(convlab.Activations.open(tmp_path / "a.h5")["sum"], host["sum"])
    with pytest.raises(convlab.UnsupportedError, match=r"^device 'cuda': a recording goes to 'cpu'; one on a GPU"):
        host.to("cuda")


def test_one_image_is_predicted_by_a_graph(model, device, captured):
    for seed in range(4):  # the first prepares, the second captures, the others launch the graph
        x = images(1, seed)
        close(device.give(model.predict(x)), network().predict(x))
    (graph,) = model._caches.fused.cuda_graphs._captured.values()
    assert graph is not None
    kept = model.predict(images(1, 5))
    before = device.give(kept)
    model.predict(images(1, 6))
    np.testing.assert_array_equal(device.give(kept), before)  # an answer is not where the next one is computed


def test_a_graph_is_of_the_weights_that_the_network_has(model, device, captured):
    x = images(1)
    for _ in range(3):
        model.predict(x)
    other = network()
    for network_ in (model, other):
        network_["fc"].set_weights(kernel=network_["fc"].weights["kernel"][::-1])
    close(device.give(model.predict(x)), other.predict(x))


def test_weights_may_come_from_the_gpu(model, device):
    kernel = model["fc"].weights["kernel"][::-1]
    model["fc"].set_weights(kernel=device.take(kernel))
    np.testing.assert_array_equal(model["fc"].weights["kernel"], kernel)
    assert type(model["fc"].weights["kernel"]) is np.ndarray


def test_what_cannot_be_captured_is_computed_as_before(model, device, captured, monkeypatch, caplog):
    if device.transfers is None:
        pytest.skip("needs a stand-in for streams")
    caplog.set_level(logging.DEBUG, "convlab")
    broken = RuntimeError("operation not permitted when stream is capturing")
    monkeypatch.setattr(device.cupy.cuda.Stream, "begin_capture", lambda self: (_ for _ in ()).throw(broken))
    for seed in range(3):
        x = images(1, seed)
        close(device.give(model.predict(x)), network().predict(x))
    assert [r.message for r in caplog.records if r.name == "convlab"] == [f"no CUDA graph: {broken}"]


def test_a_graph_that_answers_otherwise_is_not_used(model, device, captured, monkeypatch, caplog):
    if device.transfers is None:
        pytest.skip("needs a stand-in for graphs")
    caplog.set_level(logging.DEBUG, "convlab")
    monkeypatch.setattr(device.cupy.cuda.Graph, "launch", lambda self, stream=None: None)
    for seed in range(3):
        x = images(1, seed)
        close(device.give(model.predict(x)), network().predict(x))
    assert "answers otherwise" in caplog.text


def test_float64_is_kept_all_through(model, device):
    x = images(2).astype(np.float64)
    y = device.give(model.predict(x))
    assert y.dtype == np.float64
    np.testing.assert_allclose(y, network().predict(x), rtol=1e-13)


def test_back_on_the_processor(model, device):
    x = images(2)
    model.predict(x)
    assert model.to("cpu") is model and model.device == "cpu"
    np.testing.assert_array_equal(model.predict(x), network().predict(x))
    with pytest.raises(convlab.UnsupportedError, match=r"lies on a GPU, the network does not: model.to\('cuda'\)"):
        model.predict(device.take(x))


def test_arrays_of_both_worlds_do_not_mix(device):
    x, w = images(1), np.ones((1, 1, 2, 3), np.float32)
    with pytest.raises(convlab.UnsupportedError, match=r"^some of these arrays lie on a GPU, others do not"):
        convlab.conv2d(device.take(x), w)
    y = convlab.conv2d(device.take(x), device.take(w), method="direct")
    close(device.give(y), convlab.conv2d(x, w))
    with pytest.raises(
        convlab.UnsupportedError, match="'toeplitz' is unknown: use auto, strict, direct_strided, direct"
    ):
        convlab.conv2d(device.take(x), device.take(w), method="toeplitz")


def test_too_much_for_the_memory(model, device):
    pool, x = device.cupy.get_default_memory_pool(), images(2)
    expected = device.give(model.predict(x))
    pool.free_all_blocks()
    pool.set_limit(size=pool.used_bytes() + 200_000)
    try:
        message = (
            r"^Out of memory allocating [\d,]+ bytes .*; give model 'small' fewer than 400 image\(s\) at a time, or"
            r" record fewer layers. Bytes of the largest: conv 336,000, norm 336,000, relu 336,000$"
        )
        for call in (model.predict, model.run):
            with pytest.raises(convlab.ConvlabError, match=message) as caught:
                call(images(400))
            assert isinstance(caught.value, MemoryError)
            np.testing.assert_array_equal(device.give(model.predict(x)), expected)
    finally:
        pool.set_limit(size=0)


def test_silenced_channels(model, device):
    x = images(2)
    close(device.give(model.ablate({"conv": [0, 3]}).predict(x)), network().ablate({"conv": [0, 3]}).predict(x))


def test_an_explanation_of_a_recording_on_a_gpu(model):
    acts = model.run(images(1))
    explained = convlab.explain(model, acts, "conv", y=2, x=3, channel=1)
    assert explained.recorded == acts["conv"][0, 2, 3, 1]
    assert abs(explained.after - explained.recorded) <= explained.tolerance


def test_the_network_may_be_copied(model, device):
    from copy import deepcopy

    x = images(2)
    expected = device.give(model.predict(x))
    np.testing.assert_array_equal(device.give(deepcopy(network().to("cuda")).predict(x)), expected)


def test_an_input_that_does_not_fit(model, device):
    pool = device.cupy.get_default_memory_pool()
    pool.set_limit(size=pool.used_bytes() + 10_000)
    try:
        with pytest.raises(convlab.ConvlabError, match="give model 'small' fewer than 200 image"):
            model.predict(images(200))
    finally:
        pool.set_limit(size=0)


def test_an_input_on_the_gpu_is_not_waited_for(device):
    model = convlab.load("lenet5").to("cuda")
    x = device.take(np.zeros((1, 28, 28, 1), np.float32))
    model.run(x, record=["conv1"])
    if device.transfers is not None:
        device.transfers.clear()
        model.run(x, record=["conv1"])
        assert device.transfers == []


def test_a_network_on_a_gpu_is_timed_when_it_is_done(model, device, monkeypatch):
    from convlab.bench import networks

    waited = []
    monkeypatch.setattr(networks, "synchronize", lambda *arrays: waited.extend(map(type, arrays)))
    monkeypatch.setattr(networks, "measure_gpu", lambda dtype: None)
    monkeypatch.setattr(networks, "in_turns", lambda timers, repeats: {n: timer(1) for n, timer in timers.items()})
    report = networks.bench_model(model, (2,), repeats=1, record=True)
    (result,) = report.batches
    assert "agree" in result.finding and [layer.name for layer in result.layers] == [n.name for n in model.nodes]
    assert set(waited) == {device.cupy.ndarray} and len(waited) >= 4 + 2 * len(model.nodes)


def test_gradients_are_those_of_the_cpu(model):
    x = np.random.default_rng(0).normal(size=(2, 6, 7, 2)).astype(np.float32)
    there, here = (convlab.gradients(net, net.run(x), 1) for net in (model, network()))
    for name in here:
        np.testing.assert_allclose(there[name], here[name], rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("name", ["input", "scale", "conv", "norm", "relu", "deep", "sum", "pool", "flat"])
def test_gradients_on_a_gpu_are_explained(name, model):
    x = np.random.default_rng(0).normal(size=(2, 6, 7, 2)).astype(np.float32)
    grads = convlab.gradients(model, model.run(x), 1)
    why = convlab.explain(model, grads, name, image=1, backward=True)
    assert why.recorded == grads[name][1].max() and why.agrees
    assert all(part.agrees for part in why.parts)
