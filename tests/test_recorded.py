"""What is asked of a framework and recorded: no answer is made up, and no record rots unseen."""

import re

import numpy as np
import pytest

from support import recorded
from support.recorded import Book, answer
from support.stand_in import StandIn

X = np.random.default_rng(0).uniform(-1, 1, (3, 5, 7)).astype(np.float32)


@pytest.fixture
def record(monkeypatch, tmp_path):
    """Return a function that asks as if in a run of its own, with the framework or without it."""
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)

    def run(question, ask=None, ours=None, recording=False):
        monkeypatch.setattr(recorded, "_BOOKS", {})
        monkeypatch.setattr(Book, "recording", recording)
        monkeypatch.setattr(recorded, "installed", lambda library: ask is not None)
        found = answer("framework", question, ask, ours)
        if recording:
            recorded.write_records()
        return found

    return run


@pytest.mark.parametrize("array", [X, X.astype(np.float64) / 3, np.float32(np.inf), np.array(["a", "b"]), X > 0])
def test_a_short_answer_comes_back_as_it_was(record, array):
    record(["it"], lambda: array, recording=True)
    again = record(["it"])
    assert again.dtype == np.asarray(array).dtype and np.array_equal(again, array)


def test_a_long_answer_comes_back_in_samples(record):
    theirs, ours = X, np.zeros_like(X)
    record([X], lambda: theirs, lambda: ours, recording=True)
    found = record([X], ours=lambda: ours)
    assert found.shape == X.shape and not ours.any()
    assert np.count_nonzero(found) == recorded.SAMPLES
    assert np.array_equal(found[found != 0], X[found != 0]) and found[0, 0, 0] == X[0, 0, 0] and found[-1, -1, -1]
    with pytest.raises(AssertionError, match=r"ours is \(5, 7\), recorded is \[3, 5, 7\]"):
        record([X], ours=lambda: ours[0])


@pytest.mark.parametrize("live", [None, lambda: X])
def test_what_was_not_recorded_fails_with_the_framework_and_without(record, live):
    record(["one", X], lambda: X, recording=True)
    for question in (["two", X], ["one", X + 1], ["one", X[:2]], ["one"]):
        with pytest.raises(AssertionError, match=f"no answer to '{re.escape(str(question[0]))}"):
            record(question, live)


@pytest.mark.parametrize("now", [X * 1.001, X[:2], X.astype(np.float64), np.where(X > 0.9, np.nan, X)])
def test_an_answer_that_changed_fails(record, now):
    record(["one"], lambda: X, recording=True)
    with pytest.raises(AssertionError, match=r"^one"):
        record(["one"], lambda: now)
    assert np.array_equal(record(["one"], lambda: X * (1 + 1e-6)), X * (1 + 1e-6)), "rounding is no change"


def test_a_record_is_written_anew(record):
    record(["one"], lambda: X, recording=True)
    record(["two"], lambda: X, recording=True)
    assert np.array_equal(record(["two"]), X)
    with pytest.raises(AssertionError, match="no answer to 'one"):
        record(["one"])


def test_files_come_back_byte_by_byte(record, monkeypatch, tmp_path):
    path = tmp_path / "w.h5"
    record(["other"], lambda: X, recording=True)
    for there in (True, False):
        monkeypatch.setattr(recorded, "_BOOKS", {})
        monkeypatch.setattr(recorded, "installed", lambda library, there=there: there)
        assert recorded.file("framework", ["w"], lambda path: path.write_bytes(b"\x89HDF"), path) == path
        assert path.read_bytes() == b"\x89HDF"
        path.unlink()
        recorded.write_records()


NETWORK = StandIn().layers.Dense(5)(1 - StandIn()[0] * 2)


@pytest.mark.parametrize(
    "use",
    [
        bool,
        len,
        list,
        float,
        np.asarray,
        lambda x: x == 1,
        lambda x: x < 1,
        lambda x: {1: x}[x],
        "{:d}".format,
    ],
)
def test_what_stands_for_a_framework_has_no_value(use):
    with pytest.raises((AssertionError, KeyError, TypeError)):
        use(NETWORK)
