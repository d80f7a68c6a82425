"""ONNX's own test cases of operators that convlab has: read out of ONNX where it is installed, else from a record.

    cd tests && python -m support.onnx_cases

writes the record, references/onnx_cases.npz: all cases by name and operator, and the arrays of those that run or are
refused, a case of a million numbers left out.
"""

import importlib
import json
import pkgutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

RECORD = Path(__file__).parents[1] / "references" / "onnx_cases.npz"
LARGE = 100_000  # numbers
NODE_FILES = (
    "averagepool",
    "batchnorm",
    "conv",
    "flatten",
    "gemm",
    "globalaveragepool",
    "globalmaxpool",
    "maxpool",
    "relu",
    "sigmoid",
    "softmax",
    "tanh",
)


@dataclass
class Case:
    """One operator of ONNX with its attributes; for each set of data its inputs, and the output expected."""

    name: str
    operator: str
    pytorch: bool  # whether PyTorch computed the output
    attributes: dict
    data: list = field(default_factory=list, repr=False)

    @property
    def size(self):
        """How many numbers its arrays hold."""
        return sum(array.size for inputs, expected in self.data for array in (*inputs, expected))


def from_onnx(operators):
    """Return the cases of one node, of these operators, that ONNX has."""
    models = [(*case, False) for case in _node_models()]
    models += [(*case, True) for kind in ("pytorch-converted", "pytorch-operator") for case in _file_models(kind)]
    known = [model for model in models if len(model[1].graph.node) == 1]
    return [_case(*model) for model in known if model[1].graph.node[0].op_type in operators]


def _case(name, model, data_sets, pytorch):
    from onnx.helper import get_attribute_value
    from onnx.numpy_helper import to_array

    (node,) = model.graph.node
    attributes = {a.name: get_attribute_value(a) for a in node.attribute}
    attributes = {key: value.decode() if isinstance(value, bytes) else value for key, value in attributes.items()}
    stored = {array.name: to_array(array) for array in model.graph.initializer}
    free = [value.name for value in model.graph.input if value.name not in stored]
    case = Case(name, node.op_type, pytorch, attributes)
    for inputs, expected in data_sets:
        values = stored | dict(zip(free, inputs, strict=True))
        case.data.append(([values[key] for key in node.input], expected[0]))
    return case


def _node_models():
    """Yield (name, model, data sets) of ONNX's single-node cases.

    Their files are imported one by one: the loader would compute the cases of all operators, which takes long.
    """
    package = importlib.import_module("onnx.backend.test.case.node")
    for file in pkgutil.iter_modules(package.__path__):
        if file.name.replace("_", "").startswith(NODE_FILES):  # some were renamed between versions
            importlib.import_module(f"{package.__name__}.{file.name}")
    for case in package._NodeTestCases:
        yield case.name, case.model, case.data_sets


def _file_models(kind):
    """Yield (name, model, data sets) of the models whose outputs PyTorch computed."""
    import onnx
    from onnx.backend.test.loader import load_model_tests

    for case in load_model_tests(kind=kind):
        folder = Path(case.model_dir)
        sets = [
            tuple([_read(path) for path in sorted(data.glob(f"{side}_*.pb"))] for side in ("input", "output"))
            for data in sorted(folder.glob("test_data_set_*"))
        ]
        yield case.name, onnx.load(folder / "model.onnx"), sets


def _read(path):
    """Return the array in a file of one tensor."""
    import onnx

    tensor = onnx.TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return onnx.numpy_helper.to_array(tensor)


def record(cases, with_arrays):
    """Write the record; `with_arrays(case)` says whose arrays are kept."""
    about, arrays = [], {}
    for case in cases:
        kept = case.data if with_arrays(case) and case.size < LARGE else []
        about.append(asdict(case) | {"data": [len(inputs) for inputs, _ in kept]})
        for i, (inputs, expected) in enumerate(kept):
            arrays |= {f"{case.name}/{i}/{j}": array for j, array in enumerate((*inputs, expected))}
    np.savez_compressed(RECORD, cases=json.dumps(about), **arrays)


def recorded():
    """Return the cases in the record."""
    with np.load(RECORD) as file:
        cases = [Case(**about) for about in json.loads(str(file["cases"]))]
        for case in cases:
            sets = [[file[f"{case.name}/{i}/{j}"] for j in range(n + 1)] for i, n in enumerate(case.data)]
            case.data = [(arrays[:-1], arrays[-1]) for arrays in sets]
    return cases


if __name__ == "__main__":
    from test_conformance import OPERATORS, REFUSED, reason

    record(from_onnx(OPERATORS), lambda case: reason(case.name) in (None, *REFUSED))
