"""What a live page is answered: the numbers of the recording, for the image that is shown and no other."""

import io
import json
import threading
from pathlib import Path

import numpy as np
import pytest

import convlab
from convlab.errors import ImageError, ShapeError, UnsupportedError
from convlab.explorer.session import OutOfDateError, Session
from convlab.explorer.values import channel_major, recorded
from support.explored import NETWORKS

PICTURES = Path(__file__).parents[2] / "weights/fashion_mnist"
each = pytest.mark.parametrize("name", sorted(NETWORKS))


@pytest.fixture(scope="module")
def lenet():
    return NETWORKS["lenet"]()


@each
def test_values_are_the_recording(name):
    model, acts = NETWORKS[name]()
    session = Session(model, acts)
    for index, layer in enumerate(model.shapes):
        found = np.frombuffer(session.values(1, index), "<f4")
        assert np.array_equal(found, channel_major(recorded(acts, layer)).reshape(-1), equal_nan=True)


@each
def test_explanations_are_those_of_explain(name):
    """Of the largest number of each layer: all it says, and its numbers to the last digit."""
    model, acts = NETWORKS[name]()
    session, names = Session(model, acts), list(model.shapes)
    for node in model.nodes:
        why = convlab.explain(model, acts, node.name)
        at = [why.z, why.y, why.x, why.channel]
        told = json.loads(session.explanation(1, names.index(node.name), at))
        assert told["at"] == dict(zip(("z", "y", "x", "channel"), at, strict=True))
        assert [names[i] for i in told["sources"]] == list(why.sources)
        assert told["kept"] == list(range(why.patch.shape[2]))
        assert (
            told["order"][:5]
            == np.argsort(-np.abs(np.nan_to_num(why.channel_sums, nan=np.inf)), kind="stable")[:5].tolist()
        )
        for part in ("patch", "kernel", "products", "sums"):
            numbers = why.channel_sums if part == "sums" else getattr(why, part)
            found = np.array(told[part], dtype=object)
            assert found.shape == numbers.shape
            read = np.array([float(one) for one in found.reshape(-1)]).reshape(found.shape)
            with np.errstate(over="ignore"):
                short = numbers.astype(np.float32).astype(np.float64) == numbers
            assert np.array_equal(np.where(short, np.float32(read), read), numbers, equal_nan=True)
        assert float(told["before"]) == pytest.approx(why.before, rel=1e-8, nan_ok=True)
        assert np.float32(float(told["recorded"])) == np.float32(why.recorded) or np.isnan(why.recorded)
        assert told["agrees"] is why.agrees
        if told["slices"] is not None:
            assert len(told["slices"]) * len(told["channels"]) == why.patch.shape[2]


def test_an_explanation_backwards_is_that_of_the_class_s_gradients(lenet):
    model, acts = lenet
    grads, session, names = convlab.gradients(model, acts, 6), Session(model, acts), list(model.shapes)
    for layer, at in (("input", [None, 10, 12, 0]), ("pool1", [None, 3, 4, 5]), ("relu4", [None, 0, 0, 11])):
        why = convlab.explain(model, grads, layer, *at[1:], backward=True)
        told = json.loads(session.explanation(1, names.index(layer), at, 6))
        assert [names[i] for i in told["sources"]] == list(why.sources)
        assert "class 6 (Shirt)" in told["title"]
        assert np.float32(told["recorded"]) == np.float32(why.recorded)
        assert np.allclose(np.array(told["products"], float), why.products, rtol=1e-6)
    session.explanation(1, 0, [None, 0, 0, 0], 3)
    assert session._kept[:2] == (1, 3)


def test_backwards_the_source_before_an_activation_function_is_its_layer():
    model, acts = NETWORKS["inception"]()
    names, session = list(model.shapes), Session(model, acts)
    told = json.loads(session.explanation(1, names.index("stem"), [None, 3, 3, 1], 1))
    assert [names[i] for i in told["sources"]] == ["one", "three_before", "five_before", "pool"]


def test_an_attribution_is_that_of_its_method(lenet):
    model, acts = lenet
    session, names = Session(model, acts), list(model.shapes)
    told = json.loads(session.attribution(1, "grad_cam", 6, names.index("relu1")))
    found = convlab.attribution.grad_cam(model, acts, 6, layer="relu1")
    assert (names[told["layer"]], told["target"], told["note"]) == ("relu1", found.target, found.note)
    assert np.allclose(np.reshape(told["values"], told["shape"]), found.values[0], rtol=1e-3)
    pixels = np.reshape(told["pixels"]["values"], (told["pixels"]["height"], told["pixels"]["width"]))
    assert np.allclose(pixels, found.at_pixels()[0], rtol=1e-3)
    assert json.loads(session.attribution(1, "gradient", 6, None))["layer"] == 0


def test_an_attribution_is_refused_by_name(lenet):
    with pytest.raises(UnsupportedError, match="no method '__class__'"):
        Session(*lenet).attribution(1, "__class__", 6, None)


def test_another_image_is_shown_and_the_old_one_is_out_of_date(lenet):
    model, acts = lenet
    session = Session(model, acts, command="convlab explore lenet5 shirt.png", others="convlab explore lenet5 IMAGE")
    told = json.loads(session.open((PICTURES / "bag.png").read_bytes()))
    assert told["generation"] == 2
    assert told["top"][0]["label"] == "Bag"
    assert told["command"] == "convlab explore lenet5 IMAGE"
    assert json.loads(session.document()) == told
    other = model.run(model.prepare(str(PICTURES / "bag.png")))
    assert session.values(2, 1) == channel_major(other["conv1"][0]).tobytes()
    for ask in (lambda: session.values(1, 1), lambda: session.explanation(1, 1, [None, 0, 0, 0])):
        with pytest.raises(OutOfDateError):
            ask()


def test_an_image_is_shown_where_there_was_none():
    session = Session(convlab.load("lenet5"))
    assert json.loads(session.document())["generation"] == 0
    with pytest.raises(UnsupportedError, match="no image is shown yet"):
        session.values(0, 1)
    session.open((PICTURES / "coat.png").read_bytes())
    assert len(session.values(1, 1)) == 28 * 28 * 6 * 4


@pytest.mark.parametrize("index", [-1, 14])
def test_a_layer_that_is_not_there_is_refused(lenet, index):
    with pytest.raises(ShapeError, match="there are 0 to 13"):
        Session(*lenet).values(1, index)


@pytest.mark.parametrize("data", [b"", b"<html>", b"\x89PNG\r\n\x1a\n", b"\x93NUMPY\x01\x00", b"PK\x03\x04rubbish"])
def test_a_bad_file_is_refused_in_a_line_that_names_no_folder_and_the_image_stays(lenet, data):
    session = Session(*lenet)
    with pytest.raises(ImageError) as refused:
        session.open(data)
    assert "convlab-" not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert json.loads(session.document())["generation"] == 1


def test_what_is_odd_about_a_picture_is_told_on_the_page(lenet):
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.eye(28, dtype=np.uint8)).save(file, "PNG")
    told = json.loads(Session(*lenet).open(file.getvalue()))["told"]
    assert told[0].startswith("the file: values span 0..1, but 0..255 is read as black..white")


def test_a_matrix_may_be_dropped_too_and_of_several_the_page_says_that_it_shows_the_first(lenet, tmp_path):
    values = np.linspace(0, 1, 28 * 28, dtype=np.float32).reshape(28, 28)
    np.save(tmp_path / "x.npy", values)
    session = Session(*lenet)
    session.open((tmp_path / "x.npy").read_bytes())
    assert np.allclose(np.frombuffer(session.values(2, 0), "<f4"), values.reshape(-1), atol=1e-6)
    np.save(tmp_path / "two.npy", np.stack([values, 1 - values])[..., None])
    told = json.loads(session.open((tmp_path / "two.npy").read_bytes()))["told"]
    assert told[0] == "the first of 2 images is shown"
    assert session._shown.acts.images == 1


@pytest.mark.concurrency
def test_what_became_out_of_date_while_it_waited_is_not_computed(lenet, monkeypatch):
    """A question waits for the lock while another image is opened: when its turn comes it is old."""
    session = Session(*lenet)
    monkeypatch.setattr("convlab.explorer.session.explanation_at", lambda *_: pytest.fail("it was computed"))
    found, entered = [], threading.Event()

    class Waiting:
        """A lock that says when somebody comes to it."""

        def __init__(self):
            self.lock = threading.Lock()

        def __enter__(self):
            if threading.current_thread() is not threading.main_thread():
                entered.set()
            self.lock.acquire()

        def __exit__(self, *_):
            self.lock.release()

    def ask():
        try:
            session.explanation(1, 1, [None, 0, 0, 0])
        except OutOfDateError as error:
            found.append(error)

    session._computing = Waiting()
    asking = threading.Thread(target=ask)
    with session._computing:
        asking.start()
        assert entered.wait(60)
        shown = session._shown
        session._shown = type(shown)(shown.model, shown.acts, shown.command, generation=2)
    asking.join(60)
    assert [str(error) for error in found] == ["image 1 is no longer shown"]
