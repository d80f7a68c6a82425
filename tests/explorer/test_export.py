"""The page as one file: nothing from outside, its policy, and that it holds what it shows."""

import gzip
import json
import re
import tomllib
from base64 import b64decode, b64encode
from functools import cache
from hashlib import sha256
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import convlab
from convlab.errors import ImageError, UnsupportedError
from convlab.explorer import packing
from convlab.explorer.conv import ConvPage
from convlab.explorer.page_files import bundle, page_files
from convlab.explorer.values import STEPS, channel_major, recorded
from support.explored import NETWORKS, SCRIPT

ROOT = Path(__file__).parents[2]
each = pytest.mark.parametrize("name", sorted(set(NETWORKS) - {"lenet"}))


class Parts(HTMLParser):
    """The page as a browser takes it apart: tags with their attributes, and the texts of scripts and styles."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts = [], {}
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] in ("script", "style"):
            tag, attributes = self.tags[-1]
            key = attributes.get("id", f"{tag} {attributes.get('type', '')}".strip())
            self.texts[key] = self.texts.get(key, "") + data

    def handle_endtag(self, tag):
        self.tags.append((f"/{tag}", {}))

    @property
    def document(self):
        return json.loads(self.texts["document"])

    def chunk(self, name):
        return gzip.decompress(b64decode(self.texts[name]))


@cache
def explored(name):
    """Return a network, a recording, and their page."""
    model, acts = NETWORKS[name]()
    return model, acts, Parts(convlab.explore(model, acts)._page)


@each
def test_the_page_has_one_script_one_style_and_nothing_from_outside(name):
    *_, page = explored(name)
    code = [a for tag, a in page.tags if tag == "script" and a.get("type") not in DATA]
    assert code == [{"type": "module"}]
    assert sum(tag == "style" for tag, _ in page.tags) == 1
    links = [a[key] for _, a in page.tags for key in ("src", "href", "action", "data", "srcset") if key in a]
    assert [link for link in links if link != "data:,"] == []
    assert not any(key.startswith("on") or key == "style" for _, a in page.tags for key in a)
    assert [tag for tag, _ in page.tags if tag in ("img", "iframe", "object", "embed", "form", "base")] == []


DATA = ("application/json", "application/octet-stream")


def test_the_policy_lets_its_script_and_style_run_and_nothing_else():
    *_, page = explored("sequence")
    (policy,) = (a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))

    def hashed(text):
        return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"

    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == hashed(page.texts["script module"])
    assert rules["style-src"] == hashed(page.texts["style"])
    assert set(rules) == {"default-src", "script-src", "style-src", "img-src", "base-uri", "form-action"}


def test_names_and_labels_stay_text():
    model, acts = NETWORKS["oddly_named"]()
    html = convlab.explore(model, acts)._page
    assert SCRIPT not in html
    assert "onerror=alert(1)>" not in html.replace("\\u003c", "<").split('id="document"')[0]
    document = Parts(html).document
    assert [layer["name"] for layer in document["layers"]] == list(model.shapes)
    assert list(document["labels"].values())[-1] == list(model.labels)
    assert document["layers"][1]["group"] == ["a"]


@each
def test_the_page_holds_the_numbers_and_every_layer_that_explain_knows(name):
    model, acts, page = explored(name)
    large = sum(recorded(acts, layer).size for layer in model.shapes) > 1_000_000
    assert large is (name == "vgg_like")
    for index, layer in enumerate(page.document["layers"]):
        values, data = recorded(acts, layer["name"]), page.chunk(f"values-{index}")
        rows = channel_major(values).reshape(values.shape[-1], -1)
        if layer["encoding"] == "float32":
            assert data == channel_major(values).tobytes()
        else:
            scales = np.frombuffer(data[: 4 * len(rows)], "<f4")[:, None]
            steps = np.frombuffer(data[4 * len(rows) :], layer["encoding"]).reshape(rows.shape)
            assert np.allclose(steps / np.float32(STEPS[layer["encoding"]]) * scales, rows, atol=scales.max() / 200)
        assert (layer["encoding"] != "float32") is large
        if layer["explains"]:
            held = json.loads(page.chunk(f"explanations-{index}"))
            assert len(held) - 1 == (strongest(values) if large else values.size)


def strongest(values):
    return min(16, values.size) if values.ndim == 1 else values.shape[-1]


@each
def test_what_is_held_of_an_explanation_is_enough_to_restore_it(name):
    """By the rules of data.js: patches from the values, kernels by channel, products by multiplying."""
    model, acts, page = explored(name)
    names = list(model.shapes)
    for index, layer in enumerate(page.document["layers"]):
        if not layer["explains"]:
            continue
        held = json.loads(page.chunk(f"explanations-{index}"))
        kernels = held.pop("kernels")
        for key in list(held)[:: max(1, len(held) // 7)]:
            one, at = held[key], [int(side) if side else None for side in key.split(",")]
            why = convlab.explain(model, acts, layer["name"], *at[1:], z=at[0])
            kept = one.get("kept", list(range(why.patch.shape[2])))
            patch = one.get("patch") or cells(one, channel_major(recorded(acts, names[one["sources"][0]])))
            kernel = one.get("kernel") or kernels[str(at[3])]
            patch, kernel = (np.array(numbers, dtype=float).astype("f4").astype(float) for numbers in (patch, kernel))
            with np.errstate(invalid="ignore"):
                products = np.array(one["products"], float) if "products" in one else patch * kernel
            assert patch.shape[2] == len(kept)
            assert np.allclose(patch, why.patch[:, :, kept], rtol=1e-7, atol=0, equal_nan=True)
            assert np.allclose(products, why.products[:, :, kept], rtol=2e-7, atol=1e-45, equal_nan=True)


def cells(one, channels):
    """Return what a window sees of (C, H, W) or (C,); padding is 0."""
    maps = channels.reshape(len(channels), *(1,) * (3 - channels.ndim), *channels.shape[1:])
    span = one["channels"]
    numbers = span if isinstance(span, list) else range(span["first"], span["first"] + span["count"])
    padding = one.get("padding", [[False] * len(one["columns"])] * len(one["rows"]))
    return [
        [
            [0.0 if padding[y][x] else float(maps[channel, row, column]) for channel in numbers]
            for x, column in enumerate(one["columns"])
        ]
        for y, row in enumerate(one["rows"])
    ]


def test_the_largest_number_of_each_channel_is_explained_where_not_all_are():
    values = np.array([[[1, np.nan], [3, 5]], [[2, 4], [0, -1]]], np.float32)
    assert packing._strongest(values) == [(None, 0, 1, 0), (None, 0, 1, 1)]
    assert packing._strongest(np.stack([values, values + 1])) == [(1, 0, 1, 0), (1, 0, 1, 1)]
    assert packing._strongest(values[0, 0])[0] == (None, 0, 0, 0)


def test_attributions_are_of_the_first_class():
    model, acts, page = explored("inception")
    found = json.loads(page.chunk("attributions"))
    assert [one["method"] for one in found] == ["grad_cam", "gradient"]
    first = page.document["top"][0]["channel"]
    expected = convlab.attribution.grad_cam(model, acts, first)
    assert np.allclose(np.reshape(found[0]["values"], found[0]["shape"]), expected.values[0], rtol=1e-3)
    assert (found[0]["pixels"]["height"], found[0]["pixels"]["width"]) == acts.input.shape[1:3]
    assert (found[1]["pixels"], tuple(found[1]["shape"])) == (None, acts.input.shape[1:3])  # which are its cells


def test_a_page_without_an_image_has_layers_and_nothing_more():
    from convlab.explorer.document import Shown
    from convlab.explorer.export import page_of

    page = Parts(page_of(Shown(convlab.load("lenet5"), None, "convlab explore lenet5")))
    assert len(page.document["layers"]) == 14
    assert [key for key in page.texts if key.startswith(("values", "explanations"))] == []


def test_the_page_of_a_convolution_has_the_picture_in_grey(tmp_path):
    Image.fromarray(np.full((40, 80, 3), 51, np.uint8)).save(tmp_path / "wide.png")
    page = Parts(ConvPage(tmp_path / "wide.png", live=False).html())
    assert page.document["conv"] is True
    assert page.document["pictures"]["your image"] == [[0.2] * 28] * 14
    assert "your image" not in Parts(ConvPage(live=False).html()).document["pictures"]


def test_another_picture_may_be_dropped_on_the_page_of_a_convolution(tmp_path):
    Image.fromarray(np.full((3, 2), 255, np.uint8)).save(tmp_path / "white.png")
    told = json.loads(ConvPage().open((tmp_path / "white.png").read_bytes()))
    assert told["pictures"]["your image"] == [[1.0] * 2] * 3
    with pytest.raises(ImageError, match=r"^the file: not an image"):
        ConvPage().open(b"rubbish")
    with pytest.raises(UnsupportedError, match="no network"):
        ConvPage().values(0, 0)


# ---- the modules as one script


@pytest.mark.parametrize("entry", ["entry", "widget"])
def test_modules_are_joined_after_what_they_need(entry):
    script = bundle(entry)
    assert re.findall(r"^(?:import|export)\b.*", script, re.MULTILINE) == []
    given = re.findall(r"^const \$(\w+) = \(\(\) => \{$", script, re.MULTILINE)
    assert given[-1] == entry
    assert len(given) == len(set(given)) > 5
    for position, body in enumerate(re.split(r"^const \$\w+ = \(\(\) => \{$", script, flags=re.MULTILINE)[1:]):
        taken = re.findall(r"^const \{[^}]*\} = \$(\w+);$", body, re.MULTILINE)
        assert set(taken) <= set(given[:position])


def test_nothing_in_the_page_ends_a_script_or_a_style_early():
    for name, (_, data) in page_files().items():
        if not name.endswith(".html"):
            assert not re.search(rb"</(script|style)|<!--", data, re.IGNORECASE), name


def test_the_page_is_installed():
    with (ROOT / "pyproject.toml").open("rb") as file:
        data = tomllib.load(file)["tool"]["setuptools"]["package-data"]
    assert data["convlab.explorer"] == ["page/*"]
    folder = resources.files("convlab.explorer") / "page"
    assert {"index.html", "style.css", "entry.js", "widget.js"} <= {file.name for file in folder.iterdir()}
    assert set(page_files()) == {file.name for file in folder.iterdir()}


def test_it_tells_how_many_layers_are_packed():
    from convlab.explorer.document import Shown
    from convlab.explorer.export import page_of

    model, acts = NETWORKS["sequence"]()
    heard = []
    page_of(Shown(model, acts, "convlab explore", generation=1), lambda done, whole: heard.append((done, whole)))
    assert heard == [(done, len(model.shapes)) for done in range(len(model.shapes))]
