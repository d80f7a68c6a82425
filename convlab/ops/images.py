"""What the operations on images have in common."""

from convlab.errors import ShapeError


def check_image(shape: tuple[int, ...], op: str) -> None:
    """Raise ShapeError unless the shape is (N, H, W, C) with nothing but N empty."""
    if len(shape) != 4 or 0 in shape[1:]:
        raise ShapeError(f"{op}: input has shape {shape}, expected four dimensions (N, H, W, C), only N may be 0")
