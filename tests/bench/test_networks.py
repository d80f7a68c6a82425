"""The benchmark of networks. Nothing here depends on a time."""

import json

import numpy as np
import pytest

import convlab
from convlab.bench.machine import Machine
from convlab.bench.network_report import BatchResult, LayerTime, ModelReport
from convlab.bench.networks import bench_model
from convlab.bench.spread import Spread
from convlab.cli.options import print_json
from convlab.errors import ShapeError, WeightsError
from convlab.layers import Add, Conv2D, Dense, Flatten
from convlab.model.model import Model, Node

MACHINE = Machine("a machine", "float32", 2e11, 1e10, 2, 2)


@pytest.fixture(autouse=True)
def _machine(monkeypatch):
    """Save the seconds that measuring the machine takes."""
    monkeypatch.setattr("convlab.bench.networks.measure_machine", lambda dtype: MACHINE)


def test_each_layer_is_timed(capsys):
    model = convlab.load("lenet5")
    report = bench_model(model, (1, 3), 2, record=True)
    assert report.agrees
    assert [batch.batch for batch in report.batches] == [1, 3]
    for batch in report.batches:
        assert [layer.name for layer in batch.layers] == [node.name for node in model.nodes]
        assert {len(layer.run.seconds) for layer in batch.layers} == {2}
        assert list(batch.calls) == ["predict", "run"]
        assert sum(batch.shares().values()) == pytest.approx(1)
        assert batch.flops == 2 * batch.batch * model.summary().multiply_adds
        conv2 = batch.layers[3]
        assert conv2.bytes == 4 * (batch.batch * (14 * 14 * 6 + 10 * 10 * 16) + 5 * 5 * 6 * 16 + 16)
    print_json(report.as_dict())
    found = json.loads(capsys.readouterr().out)
    assert found["parameters"] == 61_706
    assert found["batches"][1]["layers"][3]["output"] == [10, 10, 16]
    assert found["batches"][0]["calls"].keys() == {"predict", "run"}


def test_without_record_only_predict_is_timed():
    (batch,) = bench_model(convlab.load("lenet5"), repeats=1).batches
    assert list(batch.calls) == ["predict"]


def test_a_network_that_branches_with_several_outputs():
    conv, dense = Conv2D("conv", 4, 3, padding="same"), Dense("dense", 5)
    nodes = [
        Node("conv", conv, ("input",)), Node("add", Add("add"), ("conv", "input")),
        Node("flat", Flatten("flat"), ("add",)), Node("dense", dense, ("flat",)),
    ]  # fmt: skip
    model = Model("fork", (6, 7, 4), nodes, outputs=("dense", "add"))
    random = np.random.default_rng(0)
    conv.set_weights(kernel=random.standard_normal((3, 3, 4, 4)), bias=np.ones(4))
    dense.set_weights(kernel=random.standard_normal((168, 5)), bias=np.ones(5))
    (batch,) = bench_model(model, (2,), 1).batches
    assert batch.finding.startswith("all 4 layers agree with float64; the largest relative error is ")
    assert {layer.name: layer.bytes for layer in batch.layers}["add"] == 4 * 2 * 3 * 168


def _spoil(model, monkeypatch, error):
    """Make a layer add an error to what it computes in float32."""
    layer = model["conv2"]
    convolve = layer.convolve
    monkeypatch.setattr(layer, "convolve", lambda x, finish: convolve(x, finish) + (x.dtype == np.float32) * error)


def test_what_is_wrong_gets_no_time(monkeypatch):
    model = convlab.load("lenet5")
    _spoil(model, monkeypatch, np.float32(0.01))
    report = bench_model(model, repeats=1)
    assert not report.agrees
    assert report.batches[0].layers == ()
    assert "batch 1: WRONG, not timed: first layer that differs: conv2" in str(report)
    assert "run, ms" not in str(report)
    assert report.as_dict()["batches"][0].keys() == {"batch", "right", "finding", "share_of_allowed"}


def test_a_prediction_that_is_not_finite_is_wrong(monkeypatch):
    model = convlab.load("lenet5")
    predict = model.predict
    monkeypatch.setattr(model, "predict", lambda x: predict(x) * (np.nan if x["input"].dtype == np.float32 else 1))
    report = bench_model(model, repeats=1)
    assert not report.agrees


def test_an_image_of_the_batch_that_is_wrong_is_found(monkeypatch):
    model = convlab.load("lenet5")
    predict = model.predict

    def mixed_up(x):
        return predict(x)[::-1] if x["input"].dtype == np.float32 else predict(x)

    monkeypatch.setattr(model, "predict", mixed_up)
    assert bench_model(model, (1,), 1).agrees
    report = bench_model(model, (2,), 1)
    assert not report.agrees
    assert "what predict returns differs: relative error" in str(report)


KEYS = {
    "the array": lambda x: (id(x), x.dtype),
    "the shape": lambda x: (x.shape, x.dtype),
    "the shape alone": lambda x: x.shape,
    "a few numbers": lambda x: (*np.sign(x.ravel()[:1]), x.dtype),
}


def _replaying(compute, key, kept):
    def replay(x, *how):
        name = key(x["input"] if isinstance(x, dict) else x), *how
        if name not in kept:
            kept[name] = compute(x, *how)
        return kept[name].copy()

    return replay


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("key", KEYS)
def test_an_answer_is_not_replayed(key, batch, monkeypatch):
    model = convlab.load("lenet5")
    monkeypatch.setattr(model, "predict", _replaying(model.predict, KEYS[key], {}))
    (result,) = bench_model(model, (batch,), 2).batches
    assert result.finding == "right at the first call, wrong in calls that were timed"
    assert (result.timed, result.layers) == (False, ())


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("key", ["the shape", "the shape alone"])
def test_what_a_layer_kept_is_old(key, batch, monkeypatch):
    model = convlab.load("lenet5")
    layer = model["conv2"]
    monkeypatch.setattr(layer, "convolve", _replaying(layer.convolve, KEYS[key], {}))
    (result,) = bench_model(model, (batch,), 2).batches
    assert not result.timed and "wrong in calls that were timed" in result.finding


def test_an_answer_that_is_left_in_its_memory_is_none(monkeypatch):
    model = convlab.load("lenet5")
    first = {}

    def stale(x, predict=model.predict):
        if "y" not in first:
            first["y"] = predict(x)
        return first["y"]

    monkeypatch.setattr(model, "predict", stale)
    (result,) = bench_model(model, repeats=3).batches
    assert result.share == np.inf  # of what is no number


@pytest.mark.parametrize("batch", [1, 3])
def test_the_inputs_are_not_written(batch, monkeypatch):
    model = convlab.load("lenet5")
    calls = []

    def write(x, predict=model.predict):
        y = predict(x)
        calls.append(1)
        if len(calls) > 1:
            x["input"][...] *= 0.5
        return y

    monkeypatch.setattr(model, "predict", write)
    (result,) = bench_model(model, (batch,), 1).batches
    assert result.finding == "it wrote into its inputs, which are not its own"


def test_no_call_has_the_images_of_another(monkeypatch):
    model = convlab.load("lenet5")
    seen, predict = [], model.predict

    def note(x):
        seen.append(x["input"].tobytes())
        return predict(x)

    monkeypatch.setattr(model, "predict", note)
    (result,) = bench_model(model, repeats=2).batches
    timed = len(result.calls["predict"].seconds)
    assert timed >= 2 and len(set(seen)) == timed + 1  # and those of the first call


@pytest.mark.parametrize(("batches", "repeats"), [((), 1), ((1, 0), 1), ((1,), 0)])
def test_impossible_requests(batches, repeats):
    with pytest.raises(ShapeError, match=f"repeats {repeats}: expected whole numbers of at least 1"):
        bench_model(convlab.load("lenet5"), batches, repeats)


def test_a_network_without_weights():
    with pytest.raises(WeightsError, match="has no weights"):
        bench_model(convlab.load("lenet5", weights=None))


def test_the_numbers_of_the_table():
    conv = LayerTime("conv", "Conv2D", (10, 9, 8), 2_000_000, 50_000, Spread((0.001, 0.002, 0.003)))
    pool = LayerTime("pool", "MaxPooling2D", (5, 4, 8), 0, 20_000, Spread((0.006,) * 3))
    batch = BatchResult(2, "fine", 0.5, 0.25, 1.5, {"predict": Spread((0.008, 0.01, 0.012))}, (conv, pool))
    lines = str(ModelReport("net", MACHINE, 1234, (batch,))).splitlines()
    assert "net, 1,234 parameters" in lines
    assert "first call: prepare 250 ms, compile 1,500 ms" in lines
    rows = [line.split() for line in lines]
    assert ["predict", "10", "9", "-", "11", "5", "0.200", "0%"] in rows
    assert ["conv", "Conv2D", "10", "x", "9", "x", "8", "2", "25.0%", "1", "0%", "0%"] in rows
    assert ["pool", "MaxPooling2D", "5", "x", "4", "x", "8", "6", "75.0%", "0%"] in rows
