"""Attribution by occlusion: how much a number falls when a part of the input is covered."""

from collections.abc import Iterator, Mapping

import numpy as np

from convlab.attribution.result import Attribution, Progress
from convlab.attribution.saliency import number_of, only_input, unchecked
from convlab.backward.targets import Target, seeds_of
from convlab.errors import ShapeError
from convlab.model.model import Model
from convlab.recording.activations import Activations
from convlab.recording.recorded import check_runs_anew
from convlab.runtime.arrays import Array
from convlab_kernels.window import Pair, parse_pair


def occlusion(
    model: Model,
    acts: Activations,
    target: Target,
    *,
    window: int | Pair | None = None,
    stride: int | Pair | None = None,
    segments: Array | None = None,
    fill: float | Array = 0.0,
    batch: int = 32,
    progress: Progress | None = None,
) -> Attribution:
    """Return, for each pixel, how much the number falls, on the average, when a window over it is covered.

    Zeiler and Fergus, arXiv 1311.2901, section 4.2; with segments, each at a time.

    Parameters
    ----------
    model, acts, target
        As of `convlab.gradients`.
    window, stride : int or (int, int), optional
        The windows' size and their distance, in pixels; by default a quarter of the input's sides, and half the
        size apart. The last end at the edge.
    segments : int array (H, W), optional
        Which segment each pixel belongs to, in place of windows.
    fill : float or array (C,)
        What covers, as the network takes it.
    batch : int
        How many covered copies are run at a time.
    progress : function, optional
        Called after each time with how many copies are done, and of how many.

    Raises
    ------
    ShapeError
        For a network on no image, no batch, other segments or sizes than that; and as of `convlab.gradients`.
    """
    if batch < 1:
        raise ShapeError(f"occlusion: batch is {batch}, expected at least 1")
    check_runs_anew(acts, "occlusion")
    x = acts.inputs[only_input(model)]
    if x.ndim != 4:
        raise ShapeError(f"occlusion: the input has shape {x.shape}, expected (N, H, W, C)")
    covers = list(_windows(x.shape[1:3], window, stride) if segments is None else _segments(x.shape[1:3], segments))
    what = seeds_of(model.graph, target, model.labels, x)[1]
    plain, values = unchecked(model), np.zeros(x.shape[:3], np.float64)
    counts = sum(cover.astype(int) for cover in covers)
    for i, image in enumerate(x):
        whole = number_of(plain, image[None], _of_image(target, i, 1))[0]
        for first in range(0, len(covers), batch):
            part = covers[first : first + batch]
            copies = np.stack([np.where(cover[..., None], np.asarray(fill, x.dtype), image) for cover in part])
            for cover, left in zip(part, number_of(plain, copies, _of_image(target, i, len(part))), strict=True):
                values[i] += cover * (whole - left)
            if progress is not None:
                progress(i * len(covers) + first + len(part), len(x) * len(covers))
    values /= np.maximum(counts, 1)
    note = f"how much it falls when one of {len(covers)} {'windows' if segments is None else 'segments'} is covered"
    return Attribution(values.astype(x.dtype), "occlusion", what, only_input(model), note, acts, model)


def _of_image(target: Target, image: int, copies: int) -> Target:
    """Return what a target is for copies of one image: of given gradients its own."""
    if not isinstance(target, Mapping):
        return target
    return {name: np.asarray(array)[[image] * copies] for name, array in target.items()}


def _windows(size: Pair, window: int | Pair | None, stride: int | Pair | None) -> Iterator[Array]:
    """Yield masks (H, W), of windows side by side; the last of each row and column ends at the edge."""
    sides = tuple(max(1, n // 4) for n in size) if window is None else parse_pair("window", window, least=1)
    steps = tuple(-(-side // 2) for side in sides) if stride is None else parse_pair("stride", stride, least=1)
    starts = [
        sorted({*range(0, max(n - side, 0) + 1, step), max(n - side, 0)})
        for n, side, step in zip(size, sides, steps, strict=True)
    ]
    for top in starts[0]:
        for left in starts[1]:
            mask = np.zeros(size, bool)
            mask[top : top + sides[0], left : left + sides[1]] = True
            yield mask


def _segments(size: Pair, segments: Array) -> Iterator[Array]:
    numbers = np.asarray(segments)
    if numbers.shape != tuple(size) or numbers.dtype.kind not in "iu":
        raise ShapeError(
            f"occlusion: segments of shape {numbers.shape}, expected whole numbers of shape {tuple(size)}"
        )
    for number in np.unique(numbers):
        yield numbers == number
