"""The explorer in a notebook: a frame that holds the page, a file, and with anywidget what asks the kernel."""

import html
import importlib.util
import json
import re

import numpy as np
import pytest

import convlab
from convlab.errors import FileError, ShapeError, UnsupportedError
from support.explored import NETWORKS, SCRIPT

has_anywidget = importlib.util.find_spec("anywidget") is not None


@pytest.fixture(scope="module")
def page():
    return convlab.explore(*NETWORKS["oddly_named"]())


def test_it_shows_itself_as_the_page_in_a_frame_that_may_run_its_script_alone(page):
    shown = page._repr_html_()
    (frame,) = re.findall(r"<iframe ([^>]*)>", shown)
    assert 'sandbox="allow-scripts"' in frame
    assert shown.count("<") == 2
    assert html.unescape(re.search(r'srcdoc="([^"]*)"', frame)[1]) == page._page
    assert SCRIPT not in page._page


def test_it_is_written_as_one_file(page, tmp_path):
    page.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page._page
    with pytest.raises(FileError):
        page.save(tmp_path / "nowhere" / "page.html")


def test_without_anywidget_a_notebook_gets_the_page(page, monkeypatch):
    monkeypatch.setattr("convlab.explorer.notebook.find_spec", lambda _: None)
    bundle = page._repr_mimebundle_()
    assert bundle == {"text/plain": repr(page), "text/html": page._repr_html_()}
    assert page._display_()._repr_html_() == page._repr_html_()
    assert repr(page) == f"<Explorer of net {SCRIPT}: save(path) writes the page, a notebook shows it>"
    with pytest.raises(UnsupportedError, match="pip install anywidget"):
        page.widget  # noqa: B018


def test_a_recording_of_another_network_is_refused():
    model, _ = NETWORKS["sequence"]()
    _, acts = NETWORKS["volume"]()
    with pytest.raises(ShapeError, match="the recording is of another network"):
        convlab.explore(model, acts)
    with pytest.raises(UnsupportedError, match="expected a recording, found an array"):
        convlab.explore(model, np.zeros(3))


@pytest.mark.skipif(not has_anywidget, reason="anywidget is not installed")
def test_the_widget_answers_as_the_server_does():
    model, acts = NETWORKS["sequence"]()
    page, sent = convlab.explore(model, acts), []
    widget = page._display_()
    assert widget is page.widget
    widget.send = lambda content, buffers=None: sent.append((content, buffers))
    assert json.loads(widget.document)["generation"] == 1
    assert "export default { render: $widget.render };" in str(widget._esm)
    session = widget._session
    widget._answer({"id": 1, "ask": "values", "generation": 1, "layer": 1}, [])
    widget._answer({"id": 2, "ask": "explanation", "generation": 1, "layer": 1, "at": [None, 0, 3, 2]}, [])
    widget._answer({"id": 3, "ask": "values", "generation": 0, "layer": 1}, [])
    widget._answer({"id": 4, "ask": "image", "generation": 1}, [memoryview(b"rubbish")])
    widget._answer(
        {"id": 5, "ask": "attribution", "generation": 1, "method": "gradient", "class": 1, "layer": None}, []
    )
    assert sent[0] == ({"id": 1, "answer": None}, [session.values(1, 1)])
    assert sent[1][0] == {"id": 2, "answer": json.loads(session.explanation(1, 1, [None, 0, 3, 2]))}
    assert sent[2][0] == {"id": 3, "error": "image 0 is no longer shown"}
    assert sent[3][0]["error"].count("\n") == 0
    assert sent[4][0]["answer"]["method"] == "gradient"
