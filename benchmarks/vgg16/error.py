"""Measure how far float32 takes each layer of VGG16 from float64, on one picture with seeded weights.

    python -m benchmarks.vgg16.error --photo FILE

runs the network in float32 as `run` does, and in float64 by other kernels: each convolution as a plain matrix product
(`method="im2col"`). Prints the relative L2 error of each layer's values, and of those before the softmax, which may
hide them; exits with 1 where one exceeds --most.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

import convlab
from benchmarks.keras.random_weights import picture
from convlab.comparison.distance import distance
from convlab.layers import Conv2D
from convlab.model.model import Model


def exact_layers(model: Model, x: Any) -> dict[str, Any]:
    """Return name -> values in float64 of a network whose layers feed each other, from x (N, H, W, C)."""
    values, y = {}, x.astype(np.float64)
    for layer in model.layers:
        if layer.activation == "softmax":
            values[f"{layer.name}/pre"] = layer.linear(y)
        y = values[layer.name] = _convolve(layer, y) if isinstance(layer, Conv2D) else layer(y)
    return values


def _convolve(layer: Conv2D, x: Any) -> Any:
    """Convolve by a matrix product, and apply ReLU: what every convolution of VGG16 does."""
    kernel, bias = (layer.weights[name].astype(np.float64) for name in ("kernel", "bias"))
    return convlab.relu(convlab.conv2d(x, kernel, bias, padding=layer.padding, method="im2col"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.vgg16.error", description=__doc__.split("\n")[0])
    parser.add_argument("--weights", type=Path, help="a weight file (random ones of seed 0)")
    parser.add_argument("--photo", type=Path, help="a picture (a made-up one)")
    parser.add_argument("--most", type=float, default=1e-5, help="the largest error to accept (%(default)s)")
    options = parser.parse_args()
    model = convlab.load("vgg16", weights=options.weights or 0)
    x = model.prepare(options.photo or picture(224, 224)[0].astype(np.uint8))
    found, exact = model.run(x, pre=True), exact_layers(model, x)
    errors = {name: distance(found[name], exact[name]).relative for name in exact}
    print(f"{'layer':18}{'relative L2 error':>18}")
    for name, error in errors.items():
        print(f"{name:18}{error:>18.1e}")
    worst = max(errors, key=errors.__getitem__)
    print(f"largest: {errors[worst]:.1e} in {worst}, accepted: {options.most:.0e}")
    sys.exit(errors[worst] > options.most)


if __name__ == "__main__":
    main()
