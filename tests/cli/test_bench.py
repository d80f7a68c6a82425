"""The command `convlab bench`: what it prints and in what order, what it writes, and how it fails."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from convlab.bench.gpu_candidates import Figures
from convlab.bench.machine import Machine
from convlab.bench.report import CaseResult, Report, Result
from convlab.cli import main
from support.candidates import remote

MACHINE = Machine("a machine", "float32", 2e11, 1e10, 2, 2)
CONV = ["bench", "conv", "--shape", "9,8,6,4", "--methods", "im2col,shifted", "--repeats", "1"]
MODEL = ["bench", "model", "lenet5", "--repeats", "1"]


@pytest.fixture(autouse=True)
def _machine(monkeypatch):
    """Save the seconds that measuring the machine takes."""
    for module in ("convolutions", "networks", "page"):
        monkeypatch.setattr(f"convlab.bench.{module}.measure_machine", lambda dtype: MACHINE)


def test_equality_is_printed_before_times_and_the_picture_is_written(tmp_path, capsys):
    path = tmp_path / "roof.png"
    assert main([*CONV, "--out", str(path)]) == 0
    out = capsys.readouterr().out
    parts = ["a machine", "9 x 8 x 6 -> 4, kernel 3 x 3", "im2col         equal to float64", "run, ms", "GFLOP are"]
    places = [out.index(part) for part in parts]
    assert places == sorted(places)
    assert "shifted        skipped: kernel (3, 3, 6, 4)" in out
    with Image.open(path) as saved:
        assert saved.format == "PNG"


def test_every_option_reaches_the_case(capsys):
    options = ["--kernel", "2,3", "--stride", "2,1", "--padding", "1,2", "--dilation", "1,2", "--groups", "2"]
    assert main([*CONV, *options, "--batch", "3", "--dtype", "float64", "--json"]) == 0
    (case,) = json.loads(capsys.readouterr().out)["cases"]
    found = {name: case[name] for name in ("kernel", "stride", "padding", "dilation", "groups", "batch", "dtype")}
    assert found == {
        "kernel": [2, 3], "stride": [2, 1], "padding": [[1, 1], [2, 2]], "dilation": [1, 2], "groups": 2, "batch": 3,
        "dtype": "float64",
    }  # fmt: skip


@pytest.mark.filterwarnings("default")
def test_the_old_name_of_a_method_works_and_says_the_new_one(capsys):
    assert main([*CONV, "--methods", "banded"]) == 0
    captured = capsys.readouterr()
    assert re.search(r"\ntoeplitz +equal to float64", captured.out)
    assert captured.err == (
        "convlab: warning: method 'banded' is now called 'toeplitz'; the old name goes with the next release\n"
    )


def test_the_convolutions_of_a_network(capsys):
    arguments = ["bench", "conv", "--network", "lenet5", "--methods", "im2col", "--repeats", "1"]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "conv1\n28 x 28 x 1 -> 6, kernel 5 x 5" in out
    assert "conv2\n14 x 14 x 6 -> 16, kernel 5 x 5" in out
    assert re.search(r"all 2 convolutions, sums of medians: .*im2col [\d.]+ ms", out)


def test_a_wrong_result_is_status_1(monkeypatch, tmp_path, capsys):
    def bench_conv(cases, methods, repeats, device, started, finished):
        result = CaseResult(cases[0], (Result("im2col", 0.5, 1e5),))
        started(MACHINE)
        finished(result)
        return Report(MACHINE, 2, (result,))

    monkeypatch.setattr("convlab.bench.convolutions.bench_conv", bench_conv)
    assert main([*CONV, "--out", str(tmp_path / "roof.png")]) == 1
    out = capsys.readouterr().out
    assert "im2col         WRONG: relative error 5.0e-01, 100,000 times what rounding may do; not timed" in out
    assert "run, ms" not in out
    assert list(tmp_path.iterdir()) == []


def test_model_prints_each_layer(tmp_path, capsys):
    path = tmp_path / "layers.png"
    assert main([*MODEL, "--batch", "1,2", "--record", "--out", str(path)]) == 0
    out = capsys.readouterr().out
    assert out.index("batch 1: all 13 layers agree with float64") < out.index("run, ms")
    assert len(re.findall(r"^conv2 +Conv2D +10 x 10 x 16 ", out, re.MULTILINE)) == 2
    assert len(re.findall(r"^run +[\d.,]+ ", out, re.MULTILINE)) == 2
    with Image.open(path) as saved:
        assert saved.format == "PNG"


def test_model_as_json(capsys):
    assert main([*MODEL, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["model"] == "lenet5"
    assert found["batches"][0]["calls"].keys() == {"predict"}


@pytest.fixture
def no_gpu(monkeypatch):
    """Have no GPU, wherever the tests run."""
    monkeypatch.setattr("convlab.runtime.device._missing", lambda: "there is none: buy one")


def test_both_devices_in_one_table_with_picture_and_json(no_gpu, tmp_path, capsys):
    picture, found = tmp_path / "both.png", tmp_path / "both.json"
    both = [*CONV[:4], "--methods", "im2col,direct", "--repeats", "1", "--device", "cuda,cpu"]
    assert main([*both, "--out", str(picture), "--json", str(found)]) == 0
    out = capsys.readouterr().out
    parts = [
        "a machine",
        "NVIDIA H100 SXM",
        "cpu   im2col         equal to",
        "cuda  direct         equal to float64 if simulated",
    ]
    places = [out.index(part) for part in [*parts, "speed-up", "TFLOP are", "Predicted, not measured"]]
    assert places == sorted(places)
    records = json.loads(found.read_text())["records"]
    assert [(one["device"], one["method"]) for one in records] == [
        ("cpu", "im2col"), ("cpu", "direct"), ("cuda", "im2col"), ("cuda", "direct"),
    ]  # fmt: skip
    with Image.open(picture) as saved:
        assert saved.format == "PNG"


def test_both_devices_of_a_network(no_gpu, tmp_path, capsys):
    picture = tmp_path / "both.png"
    assert main([*MODEL, "--device", "cpu,cuda", "--out", str(picture), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {one["device"] for one in found["records"]} == {"cpu", "cuda"}
    with Image.open(picture) as saved:
        assert saved.format == "PNG"


def test_json_beside_the_table(tmp_path, capsys):
    path = tmp_path / "times.json"
    assert main([*CONV, "--json", str(path)]) == 0
    assert "GFLOP are" in capsys.readouterr().out
    assert json.loads(path.read_text())["cases"][0]["results"][0]["method"] == "im2col"
    assert main([*CONV, "--json", str(tmp_path / "none" / "times.json")]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""  # nothing is measured for a file that cannot be written
    assert "times.json: cannot be written" in captured.err


LADDER = ["bench", "conv", "--shape", "6,5,4,3", "--device", "cuda", "--ladder", "--repeats", "2"]
SECONDS = {"direct_strided": 4e-3, "direct": 1e-3}


@pytest.fixture
def simulated(monkeypatch):
    """Let the simulator compute what a GPU would, at speeds of our own."""
    pytest.importorskip("greenlet")
    from convlab.simulator.machine import simulate
    from convlab_kernels.cuda.compiler.language import Kernel

    def event_seconds(call, calls, before, after):
        before()
        after(call())
        return [SECONDS[call.func.name]] * calls

    monkeypatch.setattr(Kernel, "__call__", simulate)
    stands = {"placed": lambda array, device: np.array(array), "event_seconds": event_seconds}
    stands["both_seconds"] = lambda call: (1e-3, 1.5e-3)
    stands["figures_of"] = lambda kernel: Figures(kernel.name, 24, 1024, 0)
    for name, stand in stands.items():
        monkeypatch.setattr(f"convlab.bench.gpu_candidates.{name}", stand)
    for module in ("bench.convolutions", "bench.ladder", "cli.bench"):
        monkeypatch.setattr(f"convlab.{module}.check_device", lambda device: None)
    for module in ("convolutions", "ladder"):
        monkeypatch.setattr(f"convlab.bench.{module}.measure_gpu", lambda dtype: MACHINE)
        monkeypatch.setattr(f"convlab.bench.{module}.Remote", remote)


def test_the_ladder_is_printed_rung_by_rung(simulated, tmp_path, capsys):
    path = tmp_path / "ladder.png"
    assert main([*LADDER, "--methods", "direct_strided,depthwise,direct", "--out", str(path)]) == 0
    out = capsys.readouterr().out
    parts = [
        "a machine",
        "6 x 5 x 4 -> 3, kernel 3 x 3, batch 1, float32: 6.48e-06 GFLOP",
        "registers",
        "Registers of",
    ]
    assert [part for part in parts if part not in out] == []
    flops = 2 * 30 * 3 * 9 * 4
    rate = f"{flops / 4e-3 / 1e12:.3f}"
    table = out[out.index("registers") :]
    assert re.search(rf"\ndirect_strided +24 +1,024 +4 +{rate} +0\.0% +\d\.\de-0[78] +The definition, unc", table)
    assert re.search(r"\ndepthwise +skipped: ", table)
    assert re.search(r"\ndirect +24 +1,024 +1 +\S+ +0\.0% +4x +\d\.\de-0[78]  The definition, coalesced\n", table)
    with Image.open(path) as saved:
        assert saved.format == "PNG"


def test_a_rung_that_is_wrong_is_status_1_and_has_no_time(simulated, monkeypatch, capsys):
    from convlab_kernels.cuda.compiler.language import Kernel

    launch = Kernel.__call__

    def forgetful(kernel, grid, x, w, bias, *rest):
        launch(kernel, grid, x, w, np.zeros_like(bias), *rest)

    monkeypatch.setattr(Kernel, "__call__", forgetful)
    assert main([*LADDER, "--methods", "direct"]) == 1
    assert re.search(r"\ndirect +WRONG: \d\.\de-0[12] from float64\n", capsys.readouterr().out)


def test_the_ladder_as_json(simulated, capsys):
    assert main([*LADDER, "--methods", "direct_strided,direct", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)["cases"][0]["results"]
    assert (first["method"], first["gain"], second["gain"]) == ("direct_strided", "nan", 4.0)
    assert second["kernels"] == [{"name": "direct", "registers": 24, "shared": 1024, "local": 0}]
    assert len(second["run"]) > 0
    assert second["right"]


@pytest.mark.parametrize("arguments", [LADDER, LADDER[:6]])
def test_without_a_gpu_one_line_says_so(arguments, monkeypatch, capsys):
    monkeypatch.setattr("convlab.runtime.device._missing", lambda: "there is none: buy one")
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "convlab: error: device 'cuda': there is none: buy one\n")


def test_the_gpus_kernels_side_by_side(simulated, capsys):
    arguments = [*LADDER[:6], "--methods", "direct,direct_strided", "--repeats", "1"]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert re.search(r"\ndirect +equal to float64", out)
    assert re.search(r"\ndirect_strided .* 4 .*\n", out[out.index("run, ms") :])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*CONV, "--groups", "5"], "conv2d: input (1, 9, 8, 6) has 6 channels"),
        ([*CONV, "--padding", "valid", "--kernel", "10"], "output height is not positive"),
        ([*CONV, "--stride", "0"], "stride 0 is out of range: at least 1"),
        ([*CONV, "--batch", "0"], "bench: image (9, 8, 6), 4 filters, 1 groups, batch 0"),
        ([*CONV, "--repeats", "0"], "bench: repeats is 0, expected at least 1"),
        ([*CONV, "--methods", "im2col,winnograd"], "no method 'winnograd'; did you mean 'winograd"),
        (["bench", "conv", "--shape", "90000,90000,64,64"], "bytes to check, more than 4,294,967,296"),
        (["bench", "conv", "--network", "vg16"], "no network 'vg16'; did you mean 'vgg16'?"),
        ([*MODEL, "--batch", "1,0"], "bench: batches (1, 0), repeats 1: expected whole numbers of at least 1"),
        (["bench", "model", "nowhere.h5"], "nowhere.h5: there is no such file"),
        ([*CONV, "--ladder"], "bench: the ladder is the GPU's, on one convolution: --ladder --device cuda --shape"),
    ],
)
def test_errors_are_one_line_and_status_1(arguments, message, capsys):
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("convlab: error: ")
    assert message in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bench"], "the following arguments are required: WHAT"),
        (["bench", "conv"], "one of the arguments --shape --network is required"),
        (["bench", "conv", "--shape", "9,8,6"], "'9,8,6' is no shape: give H,W,C,O as 56,56,128,256"),
        (["bench", "conv", "--shape", "9,8,6,x"], "'9,8,6,x' is no shape"),
        ([*CONV, "--kernel", "1,2,3"], "'1,2,3': give one whole number, or two as 3,5"),
        ([*CONV, "--padding", "full"], "'full': give same, valid, one whole number, or two as 3,5"),
        ([*CONV, "--dtype", "float16"], "invalid choice: 'float16'"),
        ([*CONV, "--network", "vgg16"], "argument --network: not allowed with argument --shape"),
        (["bench", "model", "lenet5", "--batch", "one"], "'one': give whole numbers as 1,8"),
        (["bench", "model", "--json", "lenet5"], "'lenet5': expected a name that ends in .json; a MODEL goes before"),
        ([*CONV, "--device", "cpu,gpu"], "no device 'gpu'; did you mean 'cpu'? available: cpu, cuda"),
    ],
)
def test_wrong_usage_is_status_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
