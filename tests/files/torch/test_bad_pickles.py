"""Files of PyTorch's that are damaged, lie or mean harm: the pickle in them is described, and never run or hashed.

All are written by hand, and PyTorch is not asked: it may not be installed.
"""

import pickle
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from convlab.files.torch import storages
from convlab.files.torch.weights import read_torch_weights
from support.files import pickled
from support.files.bad_torch_files import DENSE, GOOD, Trap, refused
from support.files.pickled import (
    called,
    dictionary,
    several,
    storage,
    tensor,
    text,
    whole,
    write,
    write_old,
    write_state,
)
from support.recorded import live

FLOATS = storage("Float", "0", 6)
BIAS = tensor(storage("Float", "1", 3), (3,), (1,))
NUMBERS = {"0": GOOD["fc.weight"].tobytes(), "1": GOOD["fc.bias"].tobytes()}


def test_what_is_spoilt_below_is_good_and_read_without_pytorch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    for value in (pickled.state(GOOD), dictionary({"epoch": whole(3), "state_dict": pickled.state(GOOD)})):
        path = write(tmp_path / "w.pt", value, {name: array.tobytes() for name, array in GOOD.items()})
        arrays, _ = read_torch_weights(path, [DENSE])
        np.testing.assert_array_equal(arrays["fc"]["kernel"], GOOD["fc.weight"].T)
        np.testing.assert_array_equal(arrays["fc"]["bias"], GOOD["fc.bias"])


def test_pytorch_reads_the_same(tmp_path: Path) -> None:
    torch = live("torch", instead="files/torch/test_bad_files.py")
    numbers = {name: array.tobytes() for name, array in GOOD.items()}
    loaded = torch.load(write(tmp_path / "w.pt", pickled.state(GOOD), numbers), weights_only=True)
    for name, array in GOOD.items():
        np.testing.assert_array_equal(loaded[name].numpy(), array)


def test_a_state_dict_as_python_2_wrote_it(tmp_path: Path) -> None:
    pairs = [b"](" + text(name) + value + b"e" for name, value in (("fc.weight", WEIGHT), ("fc.bias", BIAS))]
    path = write(tmp_path / "w.pt", called("collections.OrderedDict", b"](" + b"".join(pairs) + b"e"), NUMBERS)
    np.testing.assert_array_equal(read_torch_weights(path, [DENSE])[0]["fc"]["kernel"], GOOD["fc.weight"].T)


WEIGHT = tensor(FLOATS, (3, 2), (2, 1))
DEEP = b")q\0" + b"h\0\x86q\0" * 60  # a tuple of twice the tuple before: 2 ** 60 to hash, compare or show


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"}" + DEEP + b"Ns", "holds a tuple, no printable name"),
        (b"}" + text("fc.weight") + DEEP + b"s", "fc.weight is a tuple, expected a plain tensor"),
        (DEEP, "holds a tuple, expected a state_dict: tensors by name"),
        (dictionary({"fc.weight": called("builtins.set", DEEP)}), "fc.weight is what builtins.set makes, which is"),
        (
            dictionary({"fc.weight": called("builtins.bytearray", whole(10**12))}),
            "builtins.bytearray makes, which is",
        ),
        (dictionary({"fc.weight": tensor(DEEP + b"Q", (3, 2), (2, 1))}), "file is damaged (PyTorch: "),
        (
            dictionary({"fc.weight": WEIGHT.replace(whole(3), DEEP)}),
            "reaches out of its storage",
        ),
    ],
    ids=["key", "value", "whole", "set", "bytearray", "storage", "shape"],
)
def test_small_pickles_of_large_things(value: bytes, reason: str, tmp_path: Path) -> None:
    refused(write(tmp_path / "w.pt", value, NUMBERS), reason)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "file is damaged (PyTorch: "),
        (b"(", "file is damaged (PyTorch: "),
        (b"0", "file is damaged (PyTorch: "),
        (b"\x86", "file is damaged (PyTorch: it takes from an empty stack)"),
        (b"]N", "holds a NoneType, expected a state_dict"),
        (b"NNs", "file is damaged (PyTorch: "),
        (b"h\x07", "file is damaged (PyTorch: "),
        (b"\xff", "file is damaged (PyTorch: "),
        (b"X\xff\xff\xff\x7fabc", "file is damaged (PyTorch: "),
        (b"I" + b"9" * 5000 + b"\n", "file is damaged (PyTorch: "),
        (b"N\x98", "file is damaged (PyTorch: it has the opcode READONLY_BUFFER, which no weights need)"),
        (b"NNR", "holds what something that is no function makes, which is never run"),
    ],
)
def test_pickles_that_are_none(value: bytes, reason: str, tmp_path: Path) -> None:
    refused(write(tmp_path / "w.pt", value), reason)


@pytest.mark.parametrize(
    ("weight", "reason"),
    [
        (tensor(FLOATS, (3, 2), (2, 1), 1), "fc.weight reaches out of its storage of 6 numbers"),
        (tensor(FLOATS, (3, 2), (2, 2)), "fc.weight reaches out of its storage of 6 numbers"),
        (tensor(FLOATS, (3, 2), (-2, 1), 4), "fc.weight reaches out of its storage of 6 numbers"),
        (tensor(FLOATS, (3, 2), (2, 1), -1), "fc.weight reaches out of its storage of 6 numbers"),
        (tensor(FLOATS, (3, 2), (2,)), "fc.weight reaches out of its storage of 6 numbers"),
        (tensor(FLOATS, (1,) * 65, (0,) * 65), "fc.weight reaches out of its storage of 6 numbers"),
        (tensor(FLOATS, (10**4000,) * 2, (0, 0)), "fc.weight reaches out of its storage of 6 numbers"),
        (tensor(storage("Float", "0", 7), (3, 2), (2, 1)), "its storage '0' is missing, or has not the 7 numbers"),
        (tensor(storage("Float", "2", 6), (3, 2), (2, 1)), "its storage '2' is missing, or has not the 6 numbers"),
        (
            tensor(storage("Float", "0", -6), (3, 2), (2, 1)),
            "file is damaged (PyTorch: a storage is not",
        ),
        (tensor(storage("Quantised", "0", 6), (3, 2), (2, 1)), "file is damaged (PyTorch: Quantised)"),
        (tensor(storage("Long", "0", 3), (3, 1), (1, 1)), "fc needs weight (3, 2)"),
        (whole(3), "fc.weight is a int, expected a plain tensor"),
        (called("torch._utils._rebuild_sparse_tensor", whole(1)), "fc.weight is what torch._utils._rebuild_sparse_t"),
    ],
)
def test_tensors_that_lie(weight: bytes, reason: str, tmp_path: Path) -> None:
    refused(write(tmp_path / "w.pt", dictionary({"fc.weight": weight, "fc.bias": BIAS}), NUMBERS), reason)


@pytest.mark.parametrize("name", [whole(3), text("a\nb"), b"N", several(text("a"))])
def test_names_that_are_none(name: bytes, tmp_path: Path) -> None:
    refused(write(tmp_path / "w.pt", b"}" + name + WEIGHT + b"s", NUMBERS), ", no printable name")


def test_an_old_file(tmp_path: Path) -> None:
    value = dictionary({"fc.weight": WEIGHT, "fc.bias": BIAS})
    path = write_old(tmp_path / "w.pt", value, NUMBERS)
    np.testing.assert_array_equal(read_torch_weights(path, [DENSE])[0]["fc"]["kernel"], GOOD["fc.weight"].T)
    whole_file = path.read_bytes()
    path.write_bytes(whole_file[:-1])
    refused(path, "file is damaged (PyTorch: storage '1' has not the 3 numbers it should have)")
    refused(write_old(path, value, {"0": NUMBERS["0"]}), "file is damaged (PyTorch: 1)")
    refused(write_old(path, value, NUMBERS | {"2": b""}), "file is damaged (PyTorch: 2)")
    refused(write_old(path, value, NUMBERS, size=2), "file is damaged (PyTorch: storage '0' has not the 6 numbers")
    for stop in range(len(whole_file) - 1):
        path.write_bytes(whole_file[:stop])
        refused(path)


def test_a_view_that_repeats_one_number(tmp_path: Path) -> None:
    huge = tensor(storage("Float", "1", 3), (1 << 40,), (0,))
    path = write(tmp_path / "w.pt", dictionary({"fc.weight": WEIGHT, "fc.bias": huge}), NUMBERS)
    refused(path, "needs weight (3, 2), bias (3,)", f"bias ({1 << 40},)")


def test_what_is_called_for_is_not_run(tmp_path: Path) -> None:
    sprung, path = tmp_path / "sprung", tmp_path / "w.pth"
    path.write_bytes(pickle.dumps(Trap(sprung)))
    refused(path, "this is a pickle, but none of torch.save's, and is not run")
    write(path, pickle.dumps({"fc.weight": Trap(sprung)}, protocol=2)[2:-1])
    refused(path, "fc.weight is what ", " makes, which is never run, expected a plain tensor")
    assert not sprung.exists()


def test_a_pickle_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storages, "PICKLE_LIMIT", 100)
    refused(write_state(tmp_path / "w.pt", GOOD), "w/data.pkl has ", " bytes, expected at most 100")


def test_compressed_members(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w/data.pkl", b"\x80\x02" + pickled.state(GOOD) + b".")
    refused(tmp_path / "w.pt", "its member 'w/data.pkl' is compressed, which torch.save never does")
