"""JPEGs to scan: seeded crops of photographs, as a camera's or a data set's pictures are."""

from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (500, 375)


def write_crops(photographs: Path, folder: Path, count: int) -> None:
    """Write so many JPEGs of 500 x 375, each a part of a photograph, scaled from 0.8 to 1.6 times its pixels."""
    sources = [Image.open(path).convert("RGB") for path in sorted(photographs.iterdir()) if _is_picture(path)]
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        source = sources[number % len(sources)]
        scale = min(rng.uniform(0.6, 1.2), *(side / want for side, want in zip(source.size, SIZE, strict=True)))
        width, height = (int(side * scale) for side in SIZE)
        left, top = (
            int(rng.integers(0, side - want + 1)) for side, want in zip(source.size, (width, height), strict=True)
        )
        source.crop((left, top, left + width, top + height)).resize(SIZE).save(
            folder / f"{number:05}.jpg", quality=90
        )


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in (".jpg", ".jpeg", ".png")
