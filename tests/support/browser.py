"""A visitor of the explorer in a browser, who notes whatever a page complains of."""

import re
from urllib.parse import quote

PATIENCE = 1000  # frames
STATE = """() => {
  const {app, dataset} = document.querySelector("#convlab");
  return app ? [dataset.view, dataset.layer, app.state.channel, app.state.at] : [];
}"""
READ = """([x, y]) => {
  const line = document.querySelector("[aria-live]");
  const said = line.textContent.replaceAll("−", "-");
  line.textContent = "";
  const canvas = document.elementsFromPoint(x, y).find((one) => one instanceof HTMLCanvasElement);
  if (!canvas) return [said, []];
  const {left, top, width, height} = canvas.getBoundingClientRect();
  const column = Math.floor((x - left) / width * canvas.width), row = Math.floor((y - top) / height * canvas.height);
  return [said, [...canvas.getContext("2d").getImageData(column, row, 1, 1).data]];
}"""


def address(layer="", channel=None, at=None):
    """Return the address of a view, as pages write it."""
    parts = [quote(layer, safe="!'()*")]
    parts += [] if channel is None else [str(channel)]
    parts += [] if at is None else [",".join(map(str, at))]
    return "#" + "/".join(parts)


class Visitor:
    """A page, and what went wrong on it: errors, what its policy forbade, what it asked of the network."""

    def __init__(self, context, url):
        """Open a page; from a page that is a file nothing but files is let through."""
        self.page, self.url = context.new_page(), url
        self.complaints, self.requests = [], []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        if url.startswith("file:"):
            self.page.route(re.compile("^(?!file:)"), lambda route: route.abort())

    def open(self):
        """Open the page; of a server, by the address with the token."""
        self.page.goto(self.url)
        self.page.wait_for_function("() => document.querySelector('#convlab').dataset.view")

    def _said(self, message):
        of_the_test = "willReadFrequently" in message.text
        if message.type in ("error", "warning") and not of_the_test:  # what a policy forbids is said so, too
            self.complaints.append(f"{message.type}: {message.text}")

    @property
    def line(self):
        """What is said to screen readers, with hyphens for minus signs."""
        return self.page.locator("[aria-live]").inner_text().replace("−", "-")

    def go(self, layer="", channel=None, at=None):
        """Go to an address, as if it had been typed."""
        self.page.evaluate("(hash) => { location.hash = hash; }", address(layer, channel, at))
        self.await_state("number" if at is not None else "layer" if layer else "network", layer, channel, at)

    def await_state(self, view, layer="", channel=None, at=None):
        """Wait until a view is drawn."""
        wanted = [view, layer, channel, None if at is None else list(at)]
        for _ in range(PATIENCE):
            if self.page.evaluate(STATE) == wanted:
                return
            self.page.evaluate("() => new Promise(requestAnimationFrame)")
        raise AssertionError(f"expected {wanted}, found {self.page.evaluate(STATE)}, {self.complaints}")

    def read(self, x, y):
        """Move the mouse to a point of a layer's mosaic; return what is then said, and its pixel there."""
        self.page.mouse.move(x, y)
        said, pixel = self.page.evaluate(READ, [x, y])
        return said, tuple(pixel)
