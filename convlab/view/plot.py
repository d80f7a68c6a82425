"""Figures of networks, as `convlab.plot`: each function returns a Matplotlib Figure, and saves it with `path=`."""

from convlab.view.attribution import attribution, attributions
from convlab.view.dense import dense
from convlab.view.explain import explanation
from convlab.view.feature_maps import feature_maps
from convlab.view.filters import filters
from convlab.view.mean_attributions import mean_attributions
from convlab.view.network import network
from convlab.view.overlay import overlay
from convlab.view.preferred import preferred_inputs
from convlab.view.window import window

__all__ = [
    "attribution",
    "attributions",
    "dense",
    "explanation",
    "feature_maps",
    "filters",
    "mean_attributions",
    "network",
    "overlay",
    "preferred_inputs",
    "window",
]
