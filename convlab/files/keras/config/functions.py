"""The table of functions that networks are made with instead of layers: data, from their names to operations of ours.

Keras 2.4 to 2.15 write a function of TensorFlow, with its arguments, as a layer TFOpLambda or SlicingOpLambda; Keras
3 writes an operation of keras.ops. A function is looked up here and nowhere else: nothing is imported or called by a
name from a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Function:
    """What a function is here.

    Attributes
    ----------
    kind : str
        The layer of Keras that does the same ("ReLU"), or an operation of `operations` beside it ("pad").
    parameters : tuple of (str, str)
        What its arguments are called, in order: here, and there.
    required : set of str
        Those (as they are called there) that have to be given: without them a function is over all pictures together.
    options : mapping
        Options of the layer or operation that are fixed.
    """

    kind: str
    parameters: tuple[tuple[str, str], ...]
    required: frozenset[str] = frozenset()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tensors(self) -> int:
        """How many of the arguments, from the first, may be tensors."""
        return len(self.parameters) if self.kind == "elementwise" else 1


def _row(kind: str, parameters: str, **options: Any) -> Function:
    """Return a row of the table.

    A parameter that is called differently here is written here=there, one that is required with a ! behind it.
    """
    pairs = [parameter.rstrip("!").partition("=") for parameter in parameters.split()]
    names = tuple((here, there or here) for here, _, there in pairs)
    required = {names[i][1] for i, parameter in enumerate(parameters.split()) if parameter.endswith("!")}
    return Function(kind, names, frozenset(required), options)


def _number(function: str, parameters: str = "x") -> Function:
    return _row("elementwise", parameters, function=function)


def _activation(name: str) -> Function:
    return _row("Activation", "x", activation=name)


def _reduction(function: str, parameters: str) -> Function:
    return _row("reduce", parameters, function=function)


_TF_POOL = "x pool_size=ksize strides padding data_format"
TENSORFLOW: dict[str, Function] = {
    "__operators__.add": _number("add", "x y"),
    "__operators__.getitem": _row("slice", "x key=slice_spec"),
    "cast": _row("cast", "x dtype"),
    "clip_by_value": _number("clip", "x lowest=clip_value_min highest=clip_value_max"),
    "compat.v1.floor_div": _number("floor_divide", "x y"),
    "compat.v1.gather": _row("take", "x indices axis! batch_dims"),
    "compat.v1.nn.avg_pool": _row("average_pool", _TF_POOL),
    "compat.v1.nn.max_pool": _row("max_pool", _TF_POOL),
    "compat.v1.pad": _row("pad", "x cells=paddings mode value=constant_values"),
    "compat.v1.squeeze": _row("squeeze", "x axis"),
    "compat.v1.transpose": _row("transpose", "x axes=perm! conjugate"),
    "concat": _row("Concatenate", "x axis"),
    "expand_dims": _row("expand_dims", "x axis"),
    "identity": _row("Identity", "x"),
    "image.crop_to_bounding_box": _row(
        "crop", "x top=offset_height left=offset_width height=target_height width=target_width"
    ),
    "image.flip_left_right": _row("flip", "x", axis=2),
    "image.flip_up_down": _row("flip", "x", axis=1),
    "image.resize": _row("resize", "x size interpolation=method antialias preserve_aspect_ratio"),
    "keras.backend.batch_flatten": _row("Flatten", "x"),
    "math.abs": _number("absolute"),
    "math.add": _number("add", "x y"),
    "math.add_n": _row("Add", "x"),
    "math.ceil": _number("ceil"),
    "math.cos": _number("cos"),
    "math.divide_no_nan": _number("divide_no_nan", "x y"),
    "math.equal": _number("equal", "x y"),
    "math.erf": _number("erf"),
    "math.exp": _number("exp"),
    "math.expm1": _number("expm1"),
    "math.floor": _number("floor"),
    "math.floormod": _number("mod", "x y"),
    "math.greater": _number("greater", "x y"),
    "math.greater_equal": _number("greater_equal", "x y"),
    "math.l2_normalize": _row("normalize_tf", "x axis! epsilon"),
    "math.less": _number("less", "x y"),
    "math.less_equal": _number("less_equal", "x y"),
    "math.log": _number("log"),
    "math.log1p": _number("log1p"),
    "math.maximum": _number("maximum", "x y"),
    "math.minimum": _number("minimum", "x y"),
    "math.multiply": _number("multiply", "x y"),
    "math.multiply_no_nan": _number("multiply_no_nan", "x y"),
    "math.negative": _number("negative"),
    "math.not_equal": _number("not_equal", "x y"),
    "math.pow": _number("power", "x y"),
    "math.reciprocal": _number("reciprocal"),
    "math.reduce_logsumexp": _reduction("log_sum_exp", "x axis! keepdims"),
    "math.reduce_max": _reduction("max", "x axis! keepdims"),
    "math.reduce_mean": _reduction("mean", "x axis! keepdims"),
    "math.reduce_min": _reduction("min", "x axis! keepdims"),
    "math.reduce_prod": _reduction("prod", "x axis! keepdims"),
    "math.reduce_std": _reduction("standard_deviation", "x axis! keepdims"),
    "math.reduce_sum": _reduction("sum", "x axis! keepdims"),
    "math.reduce_variance": _reduction("variance", "x axis! keepdims"),
    "math.round": _number("round"),
    "math.rsqrt": _number("rsqrt"),
    "math.sigmoid": _activation("sigmoid"),
    "math.sign": _number("sign"),
    "math.sin": _number("sin"),
    "math.softplus": _activation("softplus"),
    "math.sqrt": _number("sqrt"),
    "math.square": _number("square"),
    "math.squared_difference": _number("squared_difference", "x y"),
    "math.subtract": _number("subtract", "x y"),
    "math.tanh": _activation("tanh"),
    "math.truediv": _number("divide", "x y"),
    "nn.avg_pool2d": _row("average_pool", _TF_POOL),
    "nn.bias_add": _number("add", "x bias"),
    "nn.depth_to_space": _row("depth_to_space", "x size=block_size data_format"),
    "nn.elu": _activation("elu"),
    "nn.gelu": _row("gelu", "x approximate", approximate=False),
    "nn.leaky_relu": _row("LeakyReLU", "x negative_slope=alpha", negative_slope=0.2),
    "nn.log_softmax": _row("along_last", "x axis", activation="log_softmax"),
    "nn.max_pool2d": _row("max_pool", _TF_POOL),
    "nn.relu": _row("ReLU", "x"),
    "nn.relu6": _row("ReLU", "x", max_value=6.0),
    "nn.selu": _activation("selu"),
    "nn.silu": _row("silu", "x beta"),
    "nn.softmax": _row("Softmax", "x axis"),
    "nn.softsign": _activation("softsign"),
    "nn.space_to_depth": _row("space_to_depth", "x size=block_size data_format"),
    "reshape": _row("reshape", "x shape"),
    "reverse": _row("flip", "x axis!"),
    "slice": _row("part", "x begin size"),
    "split": _row("split", "x sizes=num_or_size_splits axis", axis=0),
    "stack": _row("stack", "x axis", axis=0),
    "stop_gradient": _row("Identity", "x"),
    "unstack": _row("unstack", "x num axis", axis=0),
    "where": _number("where", "condition x y"),
}
"""By the names that Keras 2 writes, those of TensorFlow without "tf."."""
KERAS: dict[str, Function] = {
    "Absolute": _number("absolute"),
    "Add": _number("add", "x1 x2"),
    "Amax": _reduction("max", "x axis! keepdims"),
    "Amin": _reduction("min", "x axis! keepdims"),
    "Average": _reduction("mean", "x weighting=weights axis!"),
    "AveragePool": _row("average_pool", "inputs pool_size strides padding data_format"),
    "Cast": _row("cast", "x dtype"),
    "Ceil": _number("ceil"),
    "Celu": _row("fixed", "x alpha", activation="celu", fixed={"alpha": 1.0}),
    "Clip": _number("clip", "x x_min x_max"),
    "Concatenate": _row("Concatenate", "xs axis"),
    "Copy": _row("Identity", "x"),
    "Cos": _number("cos"),
    "CropImages": _row(
        "crop",
        "images top=top_cropping left=left_cropping bottom=bottom_cropping right=right_cropping height=target_height"
        " width=target_width data_format",
    ),
    "DepthToSpace": _row("depth_to_space", "x size=block_size data_format"),
    "Divide": _number("divide", "x1 x2"),
    "DivideNoNan": _number("divide_no_nan", "x1 x2"),
    "Elu": _row("ELU", "x alpha"),
    "Equal": _number("equal", "x1 x2"),
    "Erf": _number("erf"),
    "Exp": _number("exp"),
    "ExpandDims": _row("expand_dims", "x axis"),
    "Expm1": _number("expm1"),
    "Flip": _row("flip", "x axis!"),
    "Floor": _number("floor"),
    "FloorDivide": _number("floor_divide", "x1 x2"),
    "Gelu": _row("gelu", "x approximate"),
    "GetItem": _row("slice", "x key"),
    "Greater": _number("greater", "x1 x2"),
    "GreaterEqual": _number("greater_equal", "x1 x2"),
    "HardShrink": _row("fixed", "x threshold", activation="hard_shrink", fixed={"threshold": 0.5}),
    "HardSigmoid": _activation("hard_sigmoid"),
    "HardSilu": _activation("hard_silu"),
    "HardTanh": _activation("hard_tanh"),
    "LeakyRelu": _row("LeakyReLU", "x negative_slope"),
    "Less": _number("less", "x1 x2"),
    "LessEqual": _number("less_equal", "x1 x2"),
    "Log": _number("log"),
    "Log10": _number("log10"),
    "Log1p": _number("log1p"),
    "Log2": _number("log2"),
    "LogSigmoid": _activation("log_sigmoid"),
    "LogSoftmax": _row("along_last", "x axis!", activation="log_softmax"),
    "Logsumexp": _reduction("log_sum_exp", "x axis! keepdims"),
    "Max": _reduction("max", "x axis! keepdims initial"),
    "MaxPool": _row("max_pool", "inputs pool_size strides padding data_format"),
    "Maximum": _number("maximum", "x1 x2"),
    "Mean": _reduction("mean", "x axis! keepdims"),
    "Min": _reduction("min", "x axis! keepdims initial"),
    "Minimum": _number("minimum", "x1 x2"),
    "Mod": _number("mod", "x1 x2"),
    "Moveaxis": _row("move_axis", "x source destination"),
    "Multiply": _number("multiply", "x1 x2"),
    "Negative": _number("negative"),
    "Norm": _reduction("norm", "x ord axis! keepdims"),
    "Normalize": _row("normalize", "x order axis! epsilon"),
    "NotEqual": _number("not_equal", "x1 x2"),
    "Pad": _row("pad", "x value=constant_values cells=pad_width mode"),
    "Power": _number("power", "x1 x2"),
    "Prod": _reduction("prod", "x axis! keepdims"),
    "Reciprocal": _number("reciprocal"),
    "Relu": _row("ReLU", "x"),
    "Relu6": _row("ReLU", "x", max_value=6.0),
    "Reshape": _row("reshape", "x shape=newshape"),
    "Resize": _row(
        "resize",
        "images size interpolation antialias crop_to_aspect_ratio pad_to_aspect_ratio fill_mode fill_value"
        " data_format",
    ),
    "Round": _row("round", "x decimals"),
    "Rsqrt": _number("rsqrt"),
    "Selu": _activation("selu"),
    "Sigmoid": _activation("sigmoid"),
    "Sign": _number("sign"),
    "Silu": _activation("silu"),
    "Sin": _number("sin"),
    "SoftShrink": _row("fixed", "x threshold", activation="soft_shrink", fixed={"threshold": 0.5}),
    "Softmax": _row("Softmax", "x axis!"),
    "Softplus": _activation("softplus"),
    "Softsign": _activation("softsign"),
    "SpaceToDepth": _row("space_to_depth", "x size=block_size data_format"),
    "SparsePlus": _activation("sparse_plus"),
    "SparseSigmoid": _activation("sparse_sigmoid"),
    "Sparsemax": _row("along_last", "x axis", activation="sparsemax"),
    "Split": _row("split", "x places=indices_or_sections axis"),
    "Sqrt": _number("sqrt"),
    "Square": _number("square"),
    "Squareplus": _row("fixed", "x b", activation="squareplus", fixed={"b": 4}),
    "Squeeze": _row("squeeze", "x axis"),
    "Stack": _row("stack", "x axis"),
    "Std": _reduction("standard_deviation", "x axis! keepdims"),
    "StopGradient": _row("Identity", "variable"),
    "Subtract": _number("subtract", "x1 x2"),
    "Sum": _reduction("sum", "x axis! keepdims"),
    "Swapaxes": _row("swap_axes", "x first=axis1 second=axis2"),
    "Take": _row("take", "x indices axis!"),
    "Tanh": _activation("tanh"),
    "TanhShrink": _activation("tanh_shrink"),
    "Transpose": _row("transpose", "x axes!"),
    "TrueDivide": _number("divide", "x1 x2"),
    "Unstack": _row("unstack", "x num axis"),
    "Var": _reduction("variance", "x axis! keepdims"),
    "Where": _number("where", "condition x1 x2"),
}
"""By the classes of keras.ops that Keras 3 writes."""
