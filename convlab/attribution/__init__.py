"""The parts of an image, or of a network, that an answer hangs on; each method is a function of this package."""

from convlab.attribution.cam import ablation_cam, grad_cam, grad_cam_plus_plus, hires_cam, layer_cam
from convlab.attribution.mean import MeanAttribution
from convlab.attribution.occluding import occlusion
from convlab.attribution.preferred import PreferredInputs, preferred_input
from convlab.attribution.result import Attribution
from convlab.attribution.saliency import (
    deconvnet,
    gradient,
    guided_backprop,
    input_times_gradient,
    integrated_gradients,
    smoothgrad,
)

__all__ = [
    "Attribution",
    "MeanAttribution",
    "PreferredInputs",
    "ablation_cam",
    "deconvnet",
    "grad_cam",
    "grad_cam_plus_plus",
    "gradient",
    "guided_backprop",
    "hires_cam",
    "input_times_gradient",
    "integrated_gradients",
    "layer_cam",
    "occlusion",
    "preferred_input",
    "smoothgrad",
]
