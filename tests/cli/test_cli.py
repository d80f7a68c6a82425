"""The command: what it prints, what it writes, and how it fails."""

import json
import logging
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import convlab
from convlab.cli import main, summary
from convlab.view.filters import MOST_FILTERS, MOST_INPUTS


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "digit.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 35), np.uint8)).save(path)
    return path


def test_demo_needs_nothing_and_names_what_it_writes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "convlab-demo").mkdir()
    (tmp_path / "convlab-demo" / "mine.txt").touch()
    assert main(["demo"]) == 0
    out = capsys.readouterr().out
    assert "mine.txt" not in out
    assert "Shirt" in out.splitlines()[1]
    files = {path.name for path in (tmp_path / "convlab-demo").iterdir()} - {"mine.txt"}
    assert files == {"activations.h5", "filters_conv1.png", "network.png", "relu2.png", "why_a_shirt.png"}
    assert all(f"convlab-demo/{name}" in out for name in files)
    assert out.endswith("convlab explore lenet5\n")


def test_summary_prints_the_table(capsys):
    assert main(["summary", "vgg16"]) == 0
    assert capsys.readouterr().out.strip() == str(convlab.load("vgg16", weights=None).summary())


def test_summary_prints_the_plan_for_so_many_images(capsys):
    assert main(["summary", "lenet5", "--plan", "3"]) == 0
    assert capsys.readouterr().out == f"{convlab.load('lenet5', weights=0).plan(3)}\n"
    assert main(["summary", "lenet5", "--plan"]) == 0
    assert capsys.readouterr().out.startswith("lenet5 for 1 image: 8 steps")
    assert main(["summary", "lenet5", "--plan", "3", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["model"], plan["images"], len(plan["steps"])) == ("lenet5", 3, 8)
    assert plan["steps"][-1] == {
        "layer": "fc3 to softmax",
        "kernel": "NumPy",
        "output": [3, 10],
        "memory": "handed out",
        "multiply_adds": 3 * 840,
        "bytes": 4 * (840 + 10 + 3 * 84 + 3 * 10),
        "threads": 1,
    }
    assert main(["summary", "lenet5", "--plan", "0"]) == 1
    assert capsys.readouterr().err.startswith("convlab: error: plan: 0 images, expected a whole number")


def test_summary_as_json_has_the_known_receptive_field(capsys):
    assert main(["summary", "vgg16", "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert table["parameters"] == 138_357_544
    (pool,) = [row for row in table["rows"] if row["name"] == "block5_pool"]
    assert pool["receptive_field"] == [212, 212]
    assert pool["output_shape"] == [7, 7, 512]


@pytest.mark.slow
def test_run_records_draws_and_predicts(picture, tmp_path, capsys):
    assert main(["run", "lenet5", str(picture), "--out", str(tmp_path / "out")]) == 0
    model = convlab.load("lenet5")
    expected = model.run(model.prepare(picture))
    acts = convlab.Activations.open(tmp_path / "out" / "digit" / "activations.h5")
    assert list(acts) == list(expected)
    assert all(np.array_equal(acts[name], expected[name]) for name in acts)
    out = capsys.readouterr().out
    assert out.splitlines()[1] == "  35 x 40 pixels stretched to 28 x 28"
    assert expected.top(1)[0][0] in out.splitlines()[2]
    names = {path.name for path in (tmp_path / "out" / "digit").iterdir()}
    assert {"network.png", "01_conv1.png", "13_softmax.png"} <= names
    assert f"{len(names)} files" in out


def test_run_as_json_names_every_file(picture, tmp_path, capsys):
    arguments = ["run", "lenet5", str(picture), "--out", str(tmp_path / "out"), "--layers", "conv2,softmax", "--json"]
    assert main(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model"] == "lenet5"
    (entry,) = report["images"]
    assert entry["image"] == str(picture)
    assert len(entry["top"]) == 5
    written = {str(path) for path in (tmp_path / "out" / "digit").iterdir()}
    assert set(entry["files"]) == written
    assert len(written) == 4  # recording, network, two layers


def test_pictures_of_one_name_get_folders_of_their_own(picture, tmp_path, capsys):
    other = tmp_path / "b" / "digit.png"
    other.parent.mkdir()
    Image.new("L", (28, 28), 90).save(other)
    arguments = ["run", "lenet5", str(picture), str(other), "--out", str(tmp_path / "out"), "--layers", "fc3"]
    assert main(arguments) == 0
    first, second = (
        convlab.Activations.open(tmp_path / "out" / name / "activations.h5") for name in ("digit", "digit-2")
    )
    assert not np.array_equal(first["fc3"], second["fc3"])


def test_a_bad_picture_stops_before_anything_is_written(picture, tmp_path, capsys):
    assert main(["run", "lenet5", str(picture), str(tmp_path / "none.png"), "--out", str(tmp_path / "out")]) == 1
    assert "none.png" in one_line(capsys)
    assert not (tmp_path / "out").exists()


def test_a_matrix_with_a_span_of_its_own(tmp_path, capsys):
    matrix = np.random.default_rng(2).uniform(-1, 1, (70, 70))
    np.save(tmp_path / "matrix.npy", matrix)
    arguments = ["run", "lenet5", str(tmp_path / "matrix.npy"), "--span", "-1", "1", "--layers", "conv1"]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 0
    acts = convlab.Activations.open(tmp_path / "out" / "matrix" / "activations.h5")
    assert np.array_equal(acts.input, convlab.load("lenet5").prepare(matrix, span=(-1, 1)))
    assert capsys.readouterr().err == ""


def test_a_stack_of_matrices_is_as_many_pictures(tmp_path, capsys):
    stack = np.random.default_rng(2).random((3, 28, 28, 1), np.float32)
    np.save(tmp_path / "stack.npy", stack)
    arguments = ["run", "lenet5", str(tmp_path / "stack.npy"), "--out", str(tmp_path / "o"), "--layers", " fc3, "]
    assert main(arguments) == 0
    assert "stack.npy[2]\n" in capsys.readouterr().out
    acts = [
        convlab.Activations.open(tmp_path / "o" / name / "activations.h5") for name in ("stack", "stack-2", "stack-3")
    ]
    expected = convlab.load("lenet5").run(stack)["fc3"]
    assert np.allclose(np.concatenate([recording["fc3"] for recording in acts]), expected, rtol=1e-5)


@pytest.mark.slow
def test_without_its_top_a_network_predicts_nothing(picture, tmp_path, capsys):
    assert main(["run", "lenet5", str(picture), "--out", str(tmp_path), "--no-top", "--fit", "crop"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        str(picture),
        "  35 x 40 pixels resized until they cover 28 x 28, and cut to their middle",
        "  pool2: 5 x 5 x 16 numbers",
        f"  8 files in {tmp_path / 'digit'}",
        str(tmp_path / "index.html"),
    ]


def test_a_layer_that_only_reshapes_has_no_place_in_the_network_picture(picture, tmp_path):
    assert main(["run", "lenet5", str(picture), "--out", str(tmp_path), "--layers", "flatten"]) == 0
    assert sorted(path.name for path in (tmp_path / "digit").iterdir()) == ["01_flatten.png", "activations.h5"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shell", "status"), [("{} | cat", 0), ("{} | true", 141), ("PYTHONIOENCODING=ascii {}", 0), ("{} >&-", 0)]
)
def test_readers_that_stop_and_terminals_that_cannot_show_everything(picture, tmp_path, shell, status):
    """Who stops reading ends the command as SIGPIPE ends others: of what it had to say, 0 would be a guess."""
    strange = picture.rename(picture.with_name("日.png"))
    command = f"{sys.executable} -m convlab run lenet5 {strange} --out {tmp_path / 'o'} --layers fc3"
    shell = f"set -o pipefail; {shell.format(command)}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (status, b"")


def one_line(capsys) -> str:
    """Return the error, which must be all that was printed, and one line."""
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("convlab: error: ")
    return line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["summary", "vg16"], "no network 'vg16'; did you mean 'vgg16'?"),
        (["summary", "mynet.h5"], "mynet.h5: there is no such file"),
        (["summary", "vgg16", "--weights", "nowhere.h5"], "nowhere.h5: cannot be read"),
        (["filters", "lenet5", "conv9", "--out", "x.png"], "no layer 'conv9'; did you mean 'conv"),
        (["filters", "lenet5", "fc1", "--out", "x.png"], "(Dense) has no convolution kernels"),
        (
            ["filters", "lenet5", "conv1", "--out", "x.xyz"],
            "x.xyz: the picture cannot be written (format 'xyz' is unknown, expected ",
        ),
        (["filters", "lenet5", "conv1", "--out", "none/x.png"], "none/x.png"),
        (["fetch", "vg16"], "did you mean 'vgg16'"),
    ],
)
def test_errors_are_one_line_and_status_1(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    assert message in one_line(capsys)


def test_missing_pretrained_weights_say_how_to_get_them(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("CONVLAB_CACHE", str(tmp_path))
    assert main(["filters", "vgg16", "block1_conv1", "--out", "x.png"]) == 1
    assert "run `convlab fetch vgg16`" in one_line(capsys)


def test_wrong_usage_is_status_2(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["filters", "lenet5", "conv1", "--out", "x.png", "--outputs", "a:b"])
    assert stop.value.code == 2
    assert "'a:b' is no range: 0:16, -8: or 5" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "numbers"), [("0:2", ["0", "1"]), ("-2:", ["4", "5"]), ("3", ["3"]), ("-1", ["5"])])
def test_filters_takes_pythons_ranges(text, numbers, tmp_path, monkeypatch):
    seen = {}
    monkeypatch.setattr("convlab.view.plot.filters", lambda model, layer, **options: seen.update(options))
    assert main(["filters", "lenet5", "conv1", "--out", str(tmp_path / "x.png"), f"--outputs={text}"]) == 0
    assert [str(i) for i in range(6)][seen["outputs"]] == numbers


@pytest.mark.slow
def test_filters_writes_the_picture(tmp_path, capsys):
    path = tmp_path / "filters.png"
    assert main(["filters", "lenet5", "conv2", "--out", str(path), "--weights", "3"]) == 0
    assert capsys.readouterr().out.strip() == str(path)
    with Image.open(path) as saved:
        assert saved.format == "PNG"


def test_an_unwritable_folder_is_one_line(picture, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["run", "lenet5", str(picture), "--out", str(tmp_path / "file")]) == 1
    assert "file" in one_line(capsys)


def test_interrupted_is_status_130(monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("convlab.cli.options.load", interrupt)
    assert main(["summary", "vgg16"]) == 130


def test_import_loads_numpy_alone():
    own = {"convlab", "convlab_kernels", "numpy"}
    code = f"""import sys; before = set(sys.modules); import convlab
new = {{name.split('.')[0] for name in set(sys.modules) - before}}
print(sorted(new - sys.stdlib_module_names - {own}))"""
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"


def test_explain_prints_the_sum_and_draws_it(picture, tmp_path, capsys):
    path = tmp_path / "why.png"
    arguments = ["explain", "lenet5", str(picture), "conv2", "--at", "3,4", "--channel", "7", "--out", str(path)]
    assert main(arguments) == 0
    model = convlab.load("lenet5")
    why = convlab.explain(model, model.run(model.prepare(picture)), "conv2", 3, 4, 7)
    assert capsys.readouterr().out == f"35 x 40 pixels stretched to 28 x 28\n\n{why}\n{path}\n"
    with Image.open(path) as saved:
        assert saved.format == "PNG"


def test_explain_as_json(picture, capsys):
    assert main(["explain", "lenet5", str(picture), "fc1", "--channel", "7", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["layer"], found["channel"], found["agrees"]) == ("fc1", 7, True)
    assert len(found["channel_sums"]) == 400


def test_explain_backwards(picture, tmp_path, capsys):
    path = tmp_path / "why.png"
    arguments = ["explain", "lenet5", str(picture), "input", "--at", "12,13", "--backward"]
    assert main([*arguments, "--class", "Coat", "--out", str(path)]) == 0
    model = convlab.load("lenet5")
    acts = model.run(model.prepare(picture))
    why = convlab.explain(model, convlab.gradients(model, acts, "Coat"), "input", 12, 13, backward=True)
    assert f"\n\n{why}\n{path}\n" in capsys.readouterr().out
    with Image.open(path) as saved:
        assert saved.format == "PNG"
    assert main([*arguments, "--json"]) == 0  # the most probable class
    found = json.loads(capsys.readouterr().out)
    label, _ = acts.top(1)[0]
    assert (found["target"], found["agrees"]) == (f"class {model.labels.index(label)} ({label})", True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["input"], "no layer 'input'"),
        (["conv2", "--class", "Coat"], "--class is for --backward: give both"),
        (["softmax", "--backward"], "has no gradient by what layer 'softmax' makes"),
        (["conv9"], "no layer 'conv9'; did you mean 'conv"),
        (["conv2", "--at", "10,0"], "y is 10, but layer 'conv2' has y 0 to 9"),
        (["conv2", "--channel", "16"], "channel is 16, but layer 'conv2' has channel 0 to 15"),
        (["conv2", "--out", "none/x.png"], "none/x.png"),
    ],
)
def test_what_cannot_be_explained_is_one_line(options, message, picture, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["explain", "lenet5", str(picture), *options]) == 1
    assert message in one_line(capsys)


def test_a_place_that_is_none_is_wrong_usage(picture, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["explain", "lenet5", str(picture), "conv2", "--at", "3"])
    assert stop.value.code == 2
    assert "'3' is no place: give row and column as 10,20" in capsys.readouterr().err


def test_what_the_library_logs_is_printed_as_it_comes(monkeypatch, capsys):
    monkeypatch.setattr(summary, "run", lambda _: logging.getLogger("convlab").info("compiling kernels, once"))
    assert main(["summary", "lenet5"]) == 0
    assert capsys.readouterr().err == "convlab: compiling kernels, once\n"
    logging.getLogger("convlab").info("after the command")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "lenet5", "x.png", "--pre", "unit"], "no option '--pre'; did you mean '--preprocessing'?"),
        (["explain", "lenet5", "x.png", "conv2", "--chanel=7"], "no option '--chanel'; did you mean '--channel'?"),
        (["filters", "lenet5", "--nonsense"], "no option '--nonsense'"),
        (["run", "lenet5", "x.png", "--top", "-1"], "argument --top: '-1': give a whole number of at least 1"),
        (["run", "lenet5", "x.png", "--channels", "a"], "'a' is no range: 0:16, -8: or 5"),
        (["run"], "the following arguments are required: MODEL, IMAGE"),
    ],
)
def test_wrong_usage_is_one_line(arguments, message, capsys):
    """An abbreviation is no option either: `--pre` was taken for `--preprocessing`."""
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"convlab {arguments[0]}: error: ")
    assert message in line


def test_filters_prints_the_numbers(capsys):
    assert main(["filters", "lenet5", "conv2", "--values", "--outputs", "3", "--inputs", "1:3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    weights = convlab.load("lenet5")["conv2"].weights
    assert lines[0] == f"conv2, output 3, bias {weights['bias'][3]:.6g}"
    assert [line for line in lines if "channel" in line] == ["  input channel 1", "  input channel 2"]
    numbers = [list(map(float, line.split())) for line in lines if line.startswith("    ")]
    assert np.allclose(numbers, np.concatenate([weights["kernel"][:, :, c, 3] for c in (1, 2)]), rtol=1e-5)


def test_filters_prints_a_dense_layer_too_and_must_do_something(tmp_path, capsys):
    assert main(["filters", "lenet5", "fc3", "--values", "--outputs=-1"]) == 0
    title, *lines = capsys.readouterr().out.splitlines()
    assert title.startswith("fc3, output 9, bias ")
    kernel = convlab.load("lenet5")["fc3"].weights["kernel"]
    assert np.allclose([float(x) for line in lines for x in line.split()], kernel[:, 9], rtol=1e-5)
    assert main(["filters", "lenet5", "conv1"]) == 1
    assert "give --out FILE to draw the kernels, --values to print them, or both" in one_line(capsys)
    assert main(["filters", "lenet5", "conv1", "--values", "--outputs", "99"]) == 1
    assert "output channels 99:100 selects none of the 6" in one_line(capsys)


@pytest.fixture
def modules(tmp_path):
    """LeNet-5's weights as modules of PyTorch, one too many."""
    state = {"extra.weight": np.zeros((2, 3))}
    for layer in convlab.load("lenet5").layers:
        if layer.shapes:
            kernel, state[f"m_{layer.name}.bias"] = layer.get_weights()
            state[f"m_{layer.name}.weight"] = kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T
    np.savez(tmp_path / "w.npz", **state)
    return str(tmp_path / "w.npz")


def test_weights_that_do_not_fit_by_themselves(modules, tmp_path, capsys):
    arguments = ["filters", "lenet5", "conv1", "--values", "--weights", modules]
    assert main(arguments) == 1
    assert "(--no-strict reads the rest)" in one_line(capsys)
    assert main([*arguments, "--no-strict"]) == 0
    names = {name: f"m_{name}" for name in ("conv1", "conv2", "fc1", "fc2", "fc3")}
    (tmp_path / "names.json").write_text(json.dumps(names))
    assert main([*arguments, "--no-strict", "--names", str(tmp_path / "names.json")]) == 0
    (tmp_path / "names.json").write_text(json.dumps({**names, "conv1": "m_conv9"}))
    capsys.readouterr()
    assert main([*arguments, "--no-strict", "--names", str(tmp_path / "names.json")]) == 1
    assert "--names gives conv1 the module m_conv9, but the file has" in one_line(capsys)
    target = tmp_path / "out.h5"
    arguments = ["convert", modules, str(target), "--architecture", "lenet5"]
    assert main(arguments) == 1
    assert "(--no-strict reads the rest)" in one_line(capsys)
    assert main([*arguments, "--no-strict"]) == 0
    kernel = convlab.load("lenet5", target)["conv1"].weights["kernel"]
    assert np.array_equal(kernel, convlab.load("lenet5")["conv1"].weights["kernel"])


@pytest.mark.parametrize(
    ("layer", "channel", "told"),
    [("-1", "shirt-1", "softmax (Activation): unit 6 (shirt-1)"), ("fc3", "6", "fc3 (Dense): unit 6 (shirt-1)"),
     ("1", "2", "conv1 (Conv2D): channel 2"), ("*tte?", "3", "flatten (Flatten): unit 3\n")],
)  # fmt: skip
def test_explain_takes_a_layer_as_run_does_and_a_label(layer, channel, told, picture, tmp_path, capsys):
    (tmp_path / "names.txt").write_text("\n".join("shirt-1" if i == 6 else f"class {i}" for i in range(10)))
    labels = ["--labels", str(tmp_path / "names.txt")]
    assert main(["explain", "lenet5", str(picture), layer, "--channel", channel, *labels]) == 0
    assert told in capsys.readouterr().out


@pytest.mark.parametrize("command", [["explain", "lenet5", "shirt.png"], ["filters", "lenet5"]])
@pytest.mark.parametrize(
    ("layer", "message"),
    [("fc*", "'fc*' is 3 layers, fc1, fc2, fc3: give one of them"), ("1-2", "'1-2' is 2 layers, conv1, relu1:"),
     ("99", "no layers 99: there are 1 to 13"), ("conv9", "no layer 'conv9'; did you mean 'conv")],
)  # fmt: skip
def test_a_command_of_one_layer_refuses_none_and_several(command, layer, message, capsys):
    assert main([*command, layer, *(["--values"] if command[0] == "filters" else [])]) == 1
    assert message in one_line(capsys)


def test_filters_takes_a_number_of_a_layer(capsys):
    assert main(["filters", "lenet5", "4", "--values", "--outputs", "3", "--inputs", "1"]) == 0
    assert capsys.readouterr().out.startswith("conv2, output 3")


def test_the_help_of_filters_says_how_much_it_draws(capsys):
    with pytest.raises(SystemExit):
        main(["filters", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert f"the first {MOST_FILTERS} of a deeper one" in text
    assert f"drawn by default: the first {MOST_INPUTS}" in text


@pytest.mark.parametrize("command", [["summary"], ["filters"], ["stats"], ["bench", "model"], ["compare"]])
def test_what_shows_no_class_takes_no_labels(command, capsys):
    with pytest.raises(SystemExit):
        main([*command, "--help"])
    assert "--labels" not in capsys.readouterr().out


def test_run_says_how_to_give_a_folder(tmp_path, capsys):
    assert main(["run", "lenet5", str(tmp_path)]) == 1
    assert f"{tmp_path}: a directory; expected a picture: give those in it, {tmp_path}/*, or use" in one_line(capsys)
