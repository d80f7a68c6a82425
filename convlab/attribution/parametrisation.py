"""What of an image is changed to make a unit prefer it: its pixels, or its frequencies and uncorrelated colours."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from convlab.images.preprocessing import Preprocessing
from convlab.model.model import Model
from convlab.runtime.arrays import Array, Shape

NOISE = 0.125  # of a level of 0 to 255, each way: what Chollet begins with
SHIFT = 8  # pixels, at most, that an image is moved at a step
SPREAD = 4.0  # what frequencies are divided by, so that the first picture is nearly grey
DECORRELATED = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
"""The root of the covariance of the colours of ImageNet's pictures, as lucid has it (github.com/tensorflow/lucid)."""

Back = Callable[[Array], Array]


class Way(Protocol):
    """How an image is held and changed, in a state of its own kind."""

    def begin(self, shape: Shape, randoms: Sequence[np.random.Generator]) -> Any:
        """Return the state to begin with, for an image (H, W, C) of each of the generators."""

    def image(self, state: Any) -> Array:
        """Return the images, as the network takes them."""

    def moved(self, state: Any) -> tuple[Array, Back]:
        """Return the images that the network is given at a step, and what takes their gradient back to the state."""

    def step(self, state: Any, gradient: Array) -> Any:
        """Return the state after a step up the gradient by it."""


class Pixels:
    """The values of the pixels: steps of one length up the gradient."""

    def __init__(self, model: Model, rate: float) -> None:
        self.level = _level(model.preprocessing)
        self.rate = rate * self.level

    def begin(self, shape: Shape, randoms: Sequence[np.random.Generator]) -> Array:
        """Return zeros with a little noise."""
        noise = np.stack([random.uniform(-NOISE, NOISE, shape) for random in randoms])
        return (noise * self.level).astype(np.float32)

    def image(self, state: Array) -> Array:
        """Return the image."""
        return state

    def moved(self, state: Array) -> tuple[Array, Back]:
        """Return the image that the network is given, and what takes its gradient back to the state."""
        return state, lambda gradient: gradient

    def step(self, state: Array, gradient: Array) -> Array:
        """Return the state after a step."""
        axes = tuple(range(1, gradient.ndim))
        length = np.sqrt((gradient.astype(np.float64) ** 2).sum(axis=axes, keepdims=True))
        direction = gradient / np.where(length > 0, length, 1)
        return (state + self.rate * direction).astype(np.float32)


class Spectrum(NamedTuple):
    """Frequencies (N, H, W // 2 + 1, C), the width they are of, Adam's moments and steps, and what shifts are of."""

    values: Array
    width: int
    mean: Array
    square: Array
    steps: int
    randoms: Sequence[np.random.Generator]


class Fourier:
    """The frequencies of uncorrelated colours, each as likely as in a photograph: Olah et al., Distill 2017.

    The image is what a sigmoid makes of them, so it stays between black and white; Adam (Kingma and Ba, arXiv
    1412.6980, algorithm 1) goes up the gradient.
    """

    def __init__(self, model: Model, rate: float) -> None:
        self.form, self.rate = model.preprocessing, rate

    def begin(self, shape: Shape, randoms: Sequence[np.random.Generator]) -> Spectrum:
        """Return frequencies of which all are nearly nothing."""
        height, width, channels = shape
        half = (height, width // 2 + 1, channels)
        noise = [random.standard_normal(half) + 1j * random.standard_normal(half) for random in randoms]
        values = 0.01 * np.stack(noise)
        return Spectrum(values, width, np.zeros_like(values), np.zeros_like(values), 0, randoms)

    def image(self, state: Spectrum) -> Array:
        """Return the image, as the network takes it."""
        return self._taken(self._colours(state))

    def moved(self, state: Spectrum) -> tuple[Array, Back]:
        """Return the image, shifted a little, and what takes its gradient back to the frequencies."""
        colours = self._colours(state)
        by = np.stack([random.integers(-SHIFT, SHIFT + 1, 2) for random in state.randoms])

        def back(gradient: Array) -> Array:
            light = self._given(_shifted(gradient.astype(np.float64), -by)) * colours * (1 - colours)
            return self._frequencies(light @ self._mixing(light.shape[-1]), state)

        return _shifted(self._taken(colours), by), back

    def step(self, state: Spectrum, gradient: Array) -> Spectrum:
        """Return the state after a step of Adam, real and imaginary parts by themselves."""
        steps = state.steps + 1
        mean = 0.9 * state.mean + 0.1 * gradient
        square = 0.999 * state.square + 0.001 * (gradient.real**2 + 1j * gradient.imag**2)
        first, second = mean / (1 - 0.9**steps), square / (1 - 0.999**steps)
        real = first.real / (np.sqrt(second.real) + 1e-8)
        imaginary = first.imag / (np.sqrt(second.imag) + 1e-8)
        values = state.values + self.rate * (real + 1j * imaginary)
        return Spectrum(values, state.width, mean, square, steps, state.randoms)

    def _colours(self, state: Spectrum) -> Array:
        """Return the image as light from 0 to 1, (N, H, W, C), RGB."""
        size = (state.values.shape[1], state.width)
        raw = np.fft.irfft2(state.values * _scale(*size)[..., None], size, (1, 2)) / SPREAD
        light: Array = 1 / (1 + np.exp(-raw @ self._mixing(raw.shape[-1]).T))
        return light

    def _frequencies(self, gradient: Array, state: Spectrum) -> Array:
        """Return the gradient by the frequencies from that by what they make: the inverse transform's adjoint."""
        height, width = gradient.shape[1:3]
        twice = np.full(width // 2 + 1, 2.0)  # but for the first and, of an even width, the last, each stands for two
        twice[0] = 1
        if width % 2 == 0:
            twice[-1] = 1
        share = _scale(height, width) * twice / (height * width * SPREAD)
        found: Array = np.fft.rfft2(gradient, axes=(1, 2)) * share[..., None]
        return found

    @staticmethod
    def _mixing(channels: int) -> Array:
        """Return the matrix from uncorrelated colours to RGB; of other numbers of channels none is known."""
        if channels != 3:
            return np.eye(channels)
        return DECORRELATED / np.linalg.norm(DECORRELATED, axis=0).max()

    def _taken(self, light: Array) -> Array:
        """Return light from 0 to 1 as the network takes it."""
        form = self.form
        if form is None:
            return light.astype(np.float32)
        pixels = 255 * (light[..., ::-1] if form.channels == "BGR" else light)
        return ((pixels - np.array(form.mean or 0.0)) * form.scale).astype(np.float32)

    def _given(self, gradient: Array) -> Array:
        """Return the gradient by the light from that by what the network takes."""
        form = self.form
        if form is None:
            return gradient
        scaled = gradient * 255 * np.asarray(form.scale)
        return scaled[..., ::-1] if form.channels == "BGR" else scaled


def _shifted(images: Array, by: Array) -> Array:
    """Return images, each shifted by rows and columns of its own."""
    return np.stack([np.roll(image, tuple(own), (0, 1)) for image, own in zip(images, by, strict=True)])


def _level(form: Preprocessing | None) -> float:
    """Return what a level of 0 to 255 is to the network, on the average of its channels."""
    return 1 / 255 if form is None else float(np.mean(np.abs(form.scale)))


def _scale(height: int, width: int) -> Array:
    """Return how much of each frequency a photograph has, (H, W // 2 + 1): one over the frequency."""
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    scale: Array = np.sqrt(height * width) / np.maximum(np.hypot(down, across), 1 / max(height, width))
    return scale
