"""The page as a whole: addresses, keys, motion, other images, and names that look like something else."""

import base64
from importlib import resources

import numpy as np
import pytest

import convlab
from convlab.explorer.session import Session
from support.browser import address
from support.explored import SCRIPT
from support.serving import serving

DROP = """async (data) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], "dropped"));
  const root = document.querySelector("#convlab");
  root.dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true}));
}"""

EMPTY = """() => [...document.querySelectorAll("button.strip")].filter((strip) => {
  const {left, right} = strip.getBoundingClientRect();
  return left < innerWidth && right > 0 && !strip.querySelector("canvas");
}).map((strip) => strip.textContent)"""

PLACES = "(strips) => strips.map(({offsetLeft, offsetTop, offsetHeight}) => [offsetLeft, offsetTop, offsetHeight])"


@pytest.mark.parametrize(
    ("delivery", "network"),
    [("file", "oddly_named"), ("server", "oddly_named"), ("file", "nested"), ("file", "volume")],
)
def test_every_address_opens_its_view_again(visit, urls, explored, delivery, network):
    model, _ = explored(network)
    visitor = visit(urls(delivery, network))
    page, base = visitor.page, visitor.page.url.partition("#")[0]
    for name, shape in model.shapes.items():
        at = [0] * max(2, len(shape) - 1)
        for where in [(name, 0) if name in model.inputs else (name,), (name, shape[-1] - 1, at)]:
            visitor.go(*where)
            seen = page.locator("main :is(.heading, .headline)").inner_text()
            links = [link.get_attribute("href") for link in page.locator("nav.trail a[href]").all()]
            assert links[0] == "#" and page.evaluate("() => location.hash") == address(*where)
            page.goto("about:blank")
            page.goto(base + address(*where))
            visitor.await_state("number" if len(where) > 2 else "layer", *where)
            assert page.locator("main :is(.heading, .headline)").inner_text() == seen and name in seen
            assert name in page.title() and name in page.locator("nav.trail").inner_text()


@pytest.mark.parametrize(
    ("false", "nearest", "named"),
    [
        ("#nosuch", (), "the whole network"),
        ("#conv2/99/3,4", ("conv2",), "conv2"),
        ("#conv2/7/3,400", ("conv2", 7), "conv2/7"),
    ],
)
def test_an_address_that_leads_nowhere_is_said_to_and_corrected(visit, urls, false, nearest, named):
    visitor = visit(urls("file", "lenet"))
    visitor.page.goto("about:blank")
    visitor.page.goto(visitor.url + false)
    visitor.await_state("layer" if nearest else "network", *nearest)
    assert visitor.line == f"nothing here has that address: this is {named}"
    assert visitor.page.evaluate("() => location.hash") == address(*nearest).rstrip("#")


def test_escape_is_one_level_back_and_help_lists_the_keys(visit, urls):
    visitor = visit(urls("file", "lenet"))
    page = visitor.page
    for where, view in [((), "network"), (("conv2",), "layer"), (("conv2", 7, [3, 4]), "number")]:
        visitor.go(*where)
        page.keyboard.press("?")
        dialog = page.get_by_role("dialog")
        told = dialog.inner_text()
        keys = page.evaluate(
            "() => { const {view, shell} = document.querySelector('#convlab').app;"
            " return [...view.keys, ...shell.keys].map((key) => key.does); }"
        )
        assert len(keys) > 5 and [does for does in keys if does not in told] == []
        assert all(key.strip() for key in dialog.locator("kbd").all_inner_texts())
        page.keyboard.press("Escape")
        assert not dialog.is_visible()
        visitor.await_state(view, *where)
    levels = [page.evaluate("() => location.hash")]
    while levels[-1] not in ("", "#"):
        page.keyboard.press("Escape")
        page.wait_for_function(
            "(before) => location.hash !== before && document.querySelector('#convlab').dataset.view", arg=levels[-1]
        )
        levels.append(page.evaluate("() => location.hash"))
    assert levels in (["#conv2/7/3,4", "#conv2/7", "#conv2", ""], ["#conv2/7/3,4", "#conv2/7", ""])
    visitor.await_state("network")


@pytest.mark.parametrize(("key", "after"), [("Escape", "#conv2/7"), ("Enter", "#pool1/0/3,4")])
def test_the_key_after_the_help_is_the_views_however_soon_it_comes(visit, urls, key, after):
    page = (visitor := visit(urls("file", "lenet"))).page
    for _ in range(10):
        visitor.go("conv2", 7, [3, 4])
        for pressed in ("?", "Escape", key):
            page.keyboard.press(pressed)
        assert page.evaluate("() => location.hash") == after


@pytest.mark.parametrize("network", ["inception", "volume"])
@pytest.mark.parametrize("width", [967, 1280])
def test_strips_stay_where_they_are_while_they_are_pointed_at(visit, urls, network, width):
    visitor = visit(urls("file", network), viewport={"width": width, "height": 800})
    strips = visitor.page.locator("button.strip")
    places = strips.evaluate_all(PLACES)
    for strip in strips.all():
        strip.hover()
        assert strip.get_attribute("aria-label") in visitor.line
        assert strips.evaluate_all(PLACES) == places


@pytest.mark.parametrize(("wish", "moves"), [("reduce", False), ("no-preference", True)])
def test_nothing_moves_for_who_asks_for_it(visit, urls, wish, moves):
    visitor = visit(urls("file", "sequence"), reduced_motion=wish)
    page = visitor.page
    started = "() => document.getAnimations().length"
    page.evaluate(
        "() => { window.started = 0; for (const kind of ['animationstart', 'transitionrun'])"
        " document.addEventListener(kind, () => window.started++, true); }"
    )
    visitor.go("conv")
    visitor.go("conv", 1, [0, 3])
    visitor.go()
    assert (page.evaluate("() => window.started") > 0) is moves
    assert moves or page.evaluate(started) == 0


def test_another_image_is_dropped(visit):
    model = convlab.load("lenet5")
    images = resources.files("convlab_weights") / "fashion_mnist"
    shirt, bag = (model.run(model.prepare(str(images / name))) for name in ("shirt.png", "bag.png"))
    with serving(Session(model, shirt)) as server:
        visitor = visit(server.address)
        visitor.go("conv2", 7, [3, 4])
        visitor.page.evaluate(DROP, base64.b64encode((images / "bag.png").read_bytes()).decode())
        visitor.page.wait_for_function("() => document.querySelector('#convlab').app.document.generation === 2")
        visitor.await_state("number", "conv2", 7, [3, 4])
        shown = visitor.page.locator(".worth").inner_text().replace("−", "-")
        assert np.float32(shown) == bag["conv2"][0, 3, 4, 7] != shirt["conv2"][0, 3, 4, 7]
        best, score = bag.top(1)[0]
        assert visitor.line == f"it sees {best}: {score:.4g}"
        classes = visitor.page.locator(".classes .name").all_inner_texts()
        assert classes == [label for label, _ in bag.top(5)]
        visitor.page.evaluate(DROP, base64.b64encode(b"no picture at all").decode())
        visitor.page.wait_for_function("() => document.querySelector('[aria-live]').textContent.includes('the file')")
        assert visitor.page.locator(".classes .name").all_inner_texts() == classes
        assert [text for text in visitor.complaints if "400 (Bad Request)" not in text] == []
        visitor.complaints.clear()


def test_a_number_without_an_image_is_said_to_be_missing(visit):
    with serving(Session(convlab.load("lenet5"))) as server:
        visitor = visit(server.address)
        visitor.go("conv2", 7, [3, 4])
        assert visitor.page.get_by_text("No image is shown yet, so there are no numbers.").count() == 1


def test_what_is_not_finite_is_said_in_words(visit, urls, explored):
    model, acts = explored("oddly_named")
    page = visit(urls("file", "oddly_named")).page
    for name in model.shapes:
        values = acts[name] if name in acts else acts.inputs[name]
        missing = f"{(~np.isfinite(values)).sum()} NaN/inf"
        strip = page.locator("button.strip").nth(list(model.shapes).index(name))
        assert missing in strip.inner_text() and missing in strip.get_attribute("aria-label")
    assert page.get_by_text("2 of its numbers are NaN or inf").is_visible()


def test_strips_fade_where_a_wide_network_goes_on(visit, urls):
    visitor = visit(urls("file", "vgg_like"))
    page = visitor.page
    page.set_viewport_size({"width": 1000, "height": 700})
    sides = "() => ['went-on', 'goes-on'].map((side) => document.querySelector('.scroller').classList.contains(side))"
    page.wait_for_function(f"() => String(({sides})()) === 'false,true'")
    page.evaluate("() => { document.querySelector('.scroller').scrollLeft = 1e6; }")
    page.wait_for_function(f"() => String(({sides})()) === 'true,false'")


@pytest.mark.parametrize("network", ["lenet", "vgg_like", "inception"])
def test_a_network_is_said_to_be_drawn_when_no_strip_in_view_is_empty(visit, urls, network):
    visitor = visit(urls("server", network))
    assert visitor.page.evaluate(EMPTY) == []
    visitor.page.set_viewport_size({"width": 1100, "height": 640})
    visitor.go("conv2" if network == "lenet" else "block1_conv1" if network == "vgg_like" else "stem")
    visitor.go()
    assert visitor.page.evaluate(EMPTY) == []


@pytest.mark.parametrize("delivery", ["file", "server"])
def test_names_are_text(visit, urls, explored, delivery):
    model, _ = explored("oddly_named")
    visitor = visit(urls(delivery, "oddly_named"))
    page = visitor.page
    assert page.title() == f"{model.title} · convlab"
    for name in (SCRIPT, "\"quoted\" 'twice' & <b>", "🦊 fox 50% #1"):
        visitor.go(name)
        assert page.locator("h1, h2").filter(has_text=name).count() >= 1
        assert page.locator("main b, main script, main img, nav script, aside img").count() == 0
    assert page.locator(".classes .name").all_inner_texts()[0] == model.labels[0]
