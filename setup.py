"""The packages that are installed: every folder of code there is, so that no new one is forgotten."""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["convlab", "convlab.*"]),
        *find_packages("kernels"),
        "convlab_weights",
        "convlab_weights.fashion_mnist",
    ],
    package_dir={"convlab_kernels": "kernels/convlab_kernels", "convlab_weights": "weights"},
)
