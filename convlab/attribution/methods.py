"""The methods by their names: those by a layer's maps, which may be told the layer, and those by the input."""

BY_LAYER = ("grad_cam", "grad_cam_plus_plus", "hires_cam", "layer_cam", "ablation_cam")
BY_INPUT = (
    "gradient",
    "input_times_gradient",
    "smoothgrad",
    "integrated_gradients",
    "occlusion",
    "guided_backprop",
    "deconvnet",
)
