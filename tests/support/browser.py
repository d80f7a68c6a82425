"""A real browser, and a visitor in it who notes whatever a page complains of."""

import re
import shutil
from importlib.util import find_spec

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""


def missing():
    """Return why no page can be opened; "" where one can."""
    if not find_spec("playwright"):
        return "needs Playwright: pip install '.[browser]'"
    return "" if CHROMIUM else "needs Debian's package chromium"


def launch(playwright, *more):
    """Start Chromium as root of a container can: without its sandbox."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *more])


class Visit:
    """A page, and what went wrong on it: errors, what its policy forbade, what it asked of the network."""

    def __init__(self, context, offline=False):
        """Open an empty page; `offline`: nothing but files is let through."""
        self.page = context.new_page()
        self.complaints, self.requests = [], []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        if offline:
            self.page.route(re.compile("^(?!file:)"), lambda route: route.abort())

    def _said(self, message):
        if message.type in ("error", "warning"):  # what a policy forbids is said so, too
            self.complaints.append(f"{message.type}: {message.text}")
