"""Draw the pictures of README.md and docs/explorer.md from the real page.

    python -m benchmarks.explorer.pictures [--out docs/explorer]

writes network.png, layer.png, number.png and window.png: what a Chromium shows of `convlab explore lenet5` and of
`convlab explore --conv`.
"""

import argparse
import io
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.explorer.browser import await_view, launch, missing
from convlab.cli import main as convlab_command

VIEWS = {  # the picture: address, view, layer
    "network": ("#", "network", ""),
    "layer": ("#conv1", "layer", "conv1"),
    "number": ("#conv2/7/3,4", "number", "conv2"),
}
SIDES = {"width": 1280, "height": 800}
MOST_BYTES = 300_000


def draw(out: Path) -> None:
    """Draw all of them."""
    from playwright.sync_api import sync_playwright

    shirt = str(resources.files("convlab_weights") / "fashion_mnist/shirt.png")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        network, window = Path(folder) / "network.html", Path(folder) / "window.html"
        convlab_command(["explore", "lenet5", shirt, "--out", str(network)])
        convlab_command(["explore", "--conv", "--out", str(window)])
        browser = launch(playwright)
        tab = browser.new_page(viewport=SIDES, device_scale_factor=1.4, color_scheme="light")
        for name, (address, view, layer) in VIEWS.items():
            tab.goto(f"{network.as_uri()}{address}")
            shoot(tab, view, layer, out / f"{name}.png")
        tab.goto(window.as_uri())
        shoot(tab, "conv", "", out / "window.png")
        browser.close()


def shoot(tab: Any, view: str, layer: str, path: Path) -> None:
    """Save what is seen once it is drawn, and nothing moves any more."""
    await_view(tab, view, layer)
    tab.mouse.move(0, 0)  # nothing is pointed at
    tab.wait_for_load_state("networkidle")
    tab.evaluate("() => Promise.all(document.getAnimations().map((one) => one.finished))")
    Image.open(io.BytesIO(tab.screenshot())).convert("RGB").save(path, optimize=True)
    if (size := path.stat().st_size) > MOST_BYTES:
        raise SystemExit(f"{path}: {size:,} bytes, expected at most {MOST_BYTES:,}: it is loaded with README.md")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.explorer.pictures", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[2] / "docs" / "explorer")
    options = parser.parse_args()
    if absent := missing():
        parser.error(absent)
    options.out.mkdir(exist_ok=True)
    draw(options.out)


if __name__ == "__main__":
    main()
