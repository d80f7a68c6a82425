"""The page in a notebook: its module is handed an element that is shown later, and a kernel that answers messages."""

import pytest

from convlab.explorer.page_files import bundle
from convlab.explorer.session import Session

RENDER = """async ([module, document_]) => {
  const {default: render} = await import(URL.createObjectURL(new Blob([module], {type: "text/javascript"})));
  const el = document.createElement("div"), heard = {};
  window.asked = [];
  const model = {
    get: () => document_,
    on: (type, hear) => { heard[type] = hear; },
    send: (content, callbacks, buffers) => {
      callbacks?.(); // as marimo calls it
      window.asked.push(content);
      heard["msg:custom"]({id: content.id, error: "none of that"}, []);
    },
  };
  window.end = render({model, el});
  await new Promise((done) => setTimeout(done, 100));
  document.body.append(el); // notebooks show what has been rendered
}"""


@pytest.fixture
def page(chromium):
    context = chromium.new_context()
    yield context.new_page()
    context.close()


def test_a_notebook_shows_it_after_it_was_rendered(page, explored):
    complaints = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    model, acts = explored("inception")
    page.evaluate(RENDER, [bundle("widget") + "\nexport default $widget.render;", Session(model, acts).document()])
    page.wait_for_function("() => window.asked.length")
    strips = page.locator(".in-notebook .strip")
    assert strips.count() == len(model.shapes)
    assert all(box and box["width"] > 0 for box in (strip.bounding_box() for strip in strips.all()))
    assert page.locator(".in-notebook [aria-live]").inner_text() == "none of that"
    assert complaints == []
    page.evaluate("async () => (await window.end)()")
    assert strips.count() == 0
