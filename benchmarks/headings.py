"""How the pictures of the benchmarks write their titles."""

from typing import Any

from convlab.view.sheet import INK
from convlab.view.sheet import TITLE as SIZES

TITLE: dict[str, Any] = {"fontsize": SIZES[0], "color": INK, "fontweight": "bold"}
