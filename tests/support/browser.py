"""A visitor in a browser who notes whatever a page complains of."""

import re


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
