"""Checks that the operations on images, and on volumes, have in common."""

from convlab.errors import ShapeError


def check_image(shape: tuple[int, ...], op: str) -> None:
    """Raise ShapeError unless the shape is (N, H, W, C) with nothing but N empty."""
    if len(shape) != 4 or 0 in shape[1:]:
        raise ShapeError(f"{op}: input has shape {shape}, expected four dimensions (N, H, W, C), only N may be 0")


def check_volume(shape: tuple[int, ...], op: str) -> None:
    """Raise ShapeError unless the shape is (N, D, H, W, C) with nothing but N empty."""
    if len(shape) != 5 or 0 in shape[1:]:
        raise ShapeError(f"{op}: input has shape {shape}, expected five dimensions (N, D, H, W, C), only N may be 0")
