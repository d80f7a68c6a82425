"""The page of frameworks: our times by the fastest one's, in both ways of calling, beside what is aimed at."""

from benchmarks.peers.__main__ import GROUPS, TASKS, contenders
from benchmarks.peers.report import as_markdown
from benchmarks.peers.targets import MEANS, SIX, TARGETS, rows

OPTIONS = {
    **{"threads": 2, "rounds": 3, "turn": 0.4, "pause": 0.4, "wait": 0},
    **{"single": 2, "before_each": 0.3, "too_slow": 1.5},
}


def contender(*milliseconds, paused=2.0):
    """Return what came of a contender: the median of each round, and so many times that after a pause."""

    def round_(seconds):
        return {
            "calls": 5,
            "least": seconds,
            "quartiles": [0.9 * seconds, seconds, 1.1 * seconds],
            "busy before": 0.0,
        }

    each = [round_(ms / 1e3) | {"after a pause": round_(paused * ms / 1e3)} for ms in milliseconds]
    about = {"versions": {"package": "1.0"}, "load": 1.0, "first": 0.5, "error": 1e-7, "allowed": 1e-6, "in": "y"}
    return {**about, "rounds": each}


def task(network, batch, what, **contenders):
    names = {name.replace("_", " "): each for name, each in contenders.items()}
    return {"network": network, "batch": batch, "what": what, "contenders": names}


def test_a_row_has_the_fastest_of_each_way():
    ours, slow_to_wake = contender(10, 11, 12), contender(5, 5, 5, paused=10)
    [row] = rows(
        [task("vgg16", 8, "predict", convlab_predict=ours, PyTorch=slow_to_wake, OpenVINO=contender(20, 20, 20))]
    )
    assert row == (
        *("vgg16, batch 8, `predict`", "PyTorch / OpenVINO"),
        *("11 ms / 5 ms", "2.20 [2.10, 2.30]", "22 ms / 40 ms", "0.55 [0.52, 0.57]"),
        *("0.40", "0.33"),
    )


def test_lenet5_is_held_against_onnx_runtime_and_has_a_row_compiled():
    them = {"ONNX Runtime": contender(2), "OpenVINO": contender(1)}
    ours = {"convlab predict": contender(4), "convlab predict, compiled": contender(1)}
    found = rows([task("lenet5", 1, "predict", **them, **ours)])
    assert [(row[0], row[1], row[3][:4], *row[-2:]) for row in found] == [
        ("lenet5, batch 1, `predict`", "ONNX Runtime", "2.00", "1.50", "0.90"),
        ("lenet5, batch 1, `predict`, compiled", "ONNX Runtime", "0.50", "1.50", "0.90"),
    ]


def test_run_is_held_against_predict_of_its_own():
    [row] = rows([task("unet", 1, "run", convlab_run=contender(6), convlab_predict=contender(5))])
    assert (row[1], row[3][:4], *row[-2:]) == ("convlab predict", "1.20", "1.25", "1.10")


def test_the_geometric_mean_is_of_all_six_or_not_there():
    six = [
        task(name, 1, "predict", convlab_predict=contender(ours, ours), OpenVINO=contender(1, 2, paused=4))
        for name, ours in zip(SIX, (1, 2, 4, 8, 16, 32), strict=True)
    ]
    *_, mean = rows(six)
    assert mean[0].startswith("geometric mean of efficientnetb0, ")
    assert mean[3] == "4.24 [3.54, 4.95]"  # between the root of 32 and half of it
    assert mean[5] == "2.12 [1.77, 2.47]"
    assert mean[-2:] == ("1.00", "0.85")
    assert len(rows(six[1:])) == 5


def test_the_page_names_who_was_wrong_and_shows_loading():
    tasks = [
        task(
            "unet",
            1,
            "predict",
            convlab_predict=contender(3, 3),
            TensorFlow=contender(9),
            PyTorch={"missing": "wrong"},
        )
    ]
    loading = {"GB": {"convlab": [0.5, 0.5], "PyTorch": [1.0, 1.0]}}
    machine = {"processor": "a processor"}
    page = as_markdown({"date": "a day", "machine": machine, "options": OPTIONS, "tasks": tasks, "loading": loading})
    assert "- processor: a processor" in page
    assert "\n- PyTorch: wrong\n" in page
    assert (
        "| TensorFlow | 1 | 9 ms | 8.1 ms to 9.9 ms | 0.33 [0.33, 0.33] | 18 ms | 0.33 [0.33, 0.33] | 500 ms |"
        in page
    )
    assert "| GB | 0.500 [0.500, 0.500] | 1.000 [1.000, 1.000] | 0.50 [0.50, 0.50] |" in page
    assert "loaded from" not in as_markdown({"date": "a day", "machine": machine, "options": OPTIONS, "tasks": tasks})


def test_what_is_aimed_at_is_measured():
    asked = set(TASKS.values())
    assert set(TARGETS) <= asked
    assert {(name, batch, "predict") for name in SIX for batch in MEANS} <= asked
    networks = {network for network, *_ in GROUPS["predict"].values()}
    assert {network for network, *_ in GROUPS["run"].values()} == networks
    for network in networks - {"lenet5"}:
        assert {f"{network}", f"{network}-8", f"{network}-run"} <= TASKS.keys()


def test_only_a_small_network_has_to_be_asked_to_compile():
    assert "convlab predict, compiled" in contenders("lenet5", "predict")
    assert "convlab predict, compiled" not in contenders("vgg16", "predict")
    assert contenders("unet", "run") == ("convlab predict", "convlab run")
