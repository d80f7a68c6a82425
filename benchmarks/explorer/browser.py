"""A Chromium that a script drives: Debian's, for Playwright's own is not everywhere to be had."""

import shutil
from importlib.util import find_spec
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""


def missing() -> str:
    """Return why no page can be opened; "" where one can."""
    if not find_spec("playwright"):
        return "needs Playwright: pip install '.[browser]'"
    return "" if CHROMIUM else "needs Debian's package chromium"


def launch(playwright: Any, *flags: str) -> Any:
    """Start Chromium without its sandbox, which root of a container has not."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *flags])


def await_view(page: Any, view: str, layer: str = "") -> None:
    """Wait until everything of a view is drawn: the page says so at its root."""
    page.wait_for_function(
        "([view, layer]) => { const {dataset} = document.querySelector('#convlab');"
        " return dataset.view === view && dataset.layer === layer; }",
        arg=[view, layer],
    )
