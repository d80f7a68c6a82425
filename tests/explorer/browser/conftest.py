"""A browser for the whole session, and pages of every network: from a server, and from a file."""

import pytest

from benchmarks.explorer.browser import launch, missing


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
