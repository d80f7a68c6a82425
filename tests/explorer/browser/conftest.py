"""A browser for the whole session, and pages of every network: from a server, and from a file."""

from contextlib import ExitStack
from functools import cache

import pytest

from benchmarks.explorer.browser import launch, missing
from convlab.explorer.document import Shown
from convlab.explorer.export import page_of
from convlab.explorer.session import Session
from support.browser import Visitor
from support.explored import NETWORKS
from support.serving import serving

SIDES = {"width": 1280, "height": 800}


@pytest.fixture(scope="session")
def chromium():
    """Return a running Chromium; skip where there is none, which .ci/run does not allow."""
    if absent := missing():
        pytest.skip(absent)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def explored():
    """Return a network and its recording, by name."""
    return cache(lambda name: NETWORKS[name]())


@pytest.fixture(scope="session")
def urls(explored, tmp_path_factory):
    """Return where the page of a network is, by its delivery and name: made at the first question."""
    folder = tmp_path_factory.mktemp("pages")
    with ExitStack() as servers:

        @cache
        def url(delivery, name):
            model, acts = explored(name)
            if delivery == "server":
                return servers.enter_context(serving(Session(model, acts))).address
            page = folder / f"{name}.html"
            page.write_text(page_of(Shown(model, acts, "convlab explore", generation=1)), encoding="utf-8")
            return page.as_uri()

        yield url


@pytest.fixture
def visit(chromium):
    """Return what opens a page; at the end nothing may have gone wrong on any, nor a file have asked for anything."""
    contexts, visitors = [], []

    def open_page(url, **options):
        contexts.append(chromium.new_context(**{"viewport": SIDES, "reduced_motion": "reduce", **options}))
        visitors.append(Visitor(contexts[-1], url))
        visitors[-1].open()
        return visitors[-1]

    yield open_page
    for context in contexts:
        context.close()
    assert [visitor.complaints for visitor in visitors] == [[] for _ in visitors]
    for visitor in visitors:
        if visitor.url.startswith("file:"):
            assert {url.partition("#")[0] for url in visitor.requests} == {visitor.url}
        else:
            origin = visitor.url.partition("?")[0]
            assert [url for url in visitor.requests if not url.startswith(origin)] == []
