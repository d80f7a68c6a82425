"""Files of PyTorch's users that are damaged, lie or mean harm: each is refused in one line that names the file."""

import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convlab.errors import WeightsError
from convlab.files import safetensors
from convlab.files.torch.weights import read_torch_weights
from support.files.bad_torch_files import DENSE, GOOD, Trap, refused, write_zip
from support.files.torch_files import FORMATS, write_header, write_npz, write_pt, write_safetensors
from support.recorded import file, this_test
from support.stand_in import library

torch = library("torch")
EXPECTED = "expected PyTorch weights: .safetensors, .npz, or a state_dict (.pt, .pth)"


# paths, and files that are something else


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "this is empty"),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            "this is a Git LFS pointer: fetch the file itself with 'git lfs pull'",
        ),
        (b"\x93NUMPY\x01\x00", "this is a NumPy array: arrays by name, as numpy.savez saves them, can be weights"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "this is an HDF5 file"),
        (b"PK\x05\x06" + bytes(18), "this is something that begins with b'PK\\x05\\x06"),
    ],
    ids=["empty", "lfs", "npy", "keras", "empty-zip"],
)
@pytest.mark.parametrize("suffix", [".safetensors", ".npz", ".pt"])
def test_something_else(content: bytes, found: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    refused(path, f"{found}", f"; {EXPECTED}")


def test_a_model_of_keras(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("config.json", "{}")
    refused(tmp_path / "w.npz", f"this is a zip archive (a .keras file?); {EXPECTED}")


def test_directory_and_nothing(tmp_path: Path) -> None:
    refused(tmp_path, f"this is a directory; {EXPECTED}")
    refused(tmp_path / "w.safetensors", "cannot be read (No such file or directory)")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_fifo_does_not_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "w.pt")
    refused(tmp_path / "w.pt", "this is not a regular file")


@pytest.mark.parametrize("form", FORMATS)
def test_cut_off_anywhere(form: str, tmp_path: Path) -> None:
    path = FORMATS[form](tmp_path / form, GOOD)
    whole = path.read_bytes()
    for length in {0, 1, 7, 8, 9, 40, len(whole) // 2, len(whole) - 1}:
        path.write_bytes(whole[:length])
        refused(path)
    path.write_bytes(whole)
    assert read_torch_weights(path, [DENSE])[1].values == 9


@pytest.mark.parametrize("form", ["small.safetensors", "small.npz", "compressed.npz"])
def test_every_byte_flipped(form: str, tmp_path: Path) -> None:
    """Whatever is wrong is refused or harmless; the numbers themselves only a zip file's checksums protect."""
    path = FORMATS[form](tmp_path / form, GOOD)
    whole, outcomes = path.read_bytes(), set()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            arrays, _ = read_torch_weights(path, [DENSE])
        except WeightsError as error:
            assert str(error).startswith(f"{path}: ")
            outcomes.add("refused")
        else:
            same = all(
                np.array_equal(arrays["fc"][r], a)
                for r, a in (("kernel", GOOD["fc.weight"].T), ("bias", GOOD["fc.bias"]))
            )
            assert same or form == "small.safetensors"
            outcomes.add("read")
    assert outcomes == {"refused", "read"}


# safetensors


def header(**entries: object) -> bytes:
    return json.dumps(entries).encode()


def entry(shape: object = (3,), begin: object = 0, end: object = 12, dtype: object = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize("length", [2**63, 2**64 - 2**32, 100_000_001, 1_000, 13])
def test_length_of_the_header_lies(length: int, tmp_path: Path) -> None:
    path = write_header(tmp_path / "w", b'{"a": [1]}  ', b"", length)
    refused(path, f"declares a header of {length:,} bytes, expected at most 12")


def test_large_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safetensors, "HEADER_LIMIT", 100)
    refused(write_header(tmp_path / "w", header(a=entry()) + b" " * 200, bytes(12)), "expected at most 100")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"{nonsense}", "the header is no JSON: Expecting property name"),
        (b'{"a": "\xff"}', "the header is no JSON: 'utf-8' codec can't decode"),
        (b'{"a":' + b"[" * 100_000, "the header is no JSON: it is nested too deeply"),
        (b'{"a": {}, "a": {}}', "a name stands there twice"),
        (b'{"a": {"shape": [3], "shape": [3]}}', "a name stands there twice"),
        (b'{"a\\nb": {}}', "'a\\nb' is not a printable name"),
        (b'{"a": ' + b"9" * 5000 + b"}", "the header is no JSON: a whole number of 5,000 digits"),
    ],
    ids=["syntax", "utf-8", "depth", "twice", "twice-inside", "line-break", "digits"],
)
def test_header_that_is_no_json(text: bytes, reason: str, tmp_path: Path) -> None:
    refused(write_header(tmp_path / "w", text, b""), reason)


@pytest.mark.parametrize(
    "bad",
    [
        [],
        None,
        {},
        {"dtype": "F32", "shape": [3]},
        entry(dtype="F128"),
        entry(dtype=4),
        entry(shape=3),
        entry(shape=[3.0]),
        entry(shape=[True, 3]),
        entry(shape=[-1, -3]),
        entry(shape=["3"]),
        entry(begin=-12, end=0),
        entry(begin=0.0),
        {"dtype": "F32", "shape": [3], "data_offsets": [0, 12, 24]},
        {"dtype": "F32", "shape": [3], "data_offsets": 12},
        {"dtype": "F32", "shape": [[3] * 10_000], "data_offsets": [0, 12]},
    ],
)
def test_entry_that_is_none(bad: object, tmp_path: Path) -> None:
    refused(write_header(tmp_path / "w", header(a=bad), bytes(12)), "a is described by ", "expected dtype, shape and")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (entry(end=11), "a has shape (3,) of F32, 12 bytes, but its offsets 0 to 11 span 11"),
        (entry(begin=12, end=0), "but its offsets 12 to 0 span -12"),
        (entry(shape=[2**32, 2**32]), f"{2**66:,} bytes, but its offsets 0 to 12 span 12"),
        (entry(shape=[2**61], end=2**63), f"holds 12 bytes of data, its header describes {2**63:,}"),
        (entry(shape=[10**39] * 64, end=10**40 - 1), "bytes, but its offsets 0 to 9,999,999"),
        (entry(shape=[1] * 64 + [3]), "a has 65 axes, expected at most 64"),
        (entry(begin=4, end=16), "a begins at byte 4 of the data, expected 0"),
        (entry(shape=[2], end=8), "holds 12 bytes of data, its header describes 8"),
        (entry(shape=[4], end=16), "holds 12 bytes of data, its header describes 16"),
    ],
)
def test_span_that_does_not_fit(bad: object, reason: str, tmp_path: Path) -> None:
    refused(write_header(tmp_path / "w", header(a=bad), bytes(12)), reason)


def test_overlap_and_gap(tmp_path: Path) -> None:
    entries = {"a": entry(), "b": entry(begin=8, end=20)}
    refused(write_header(tmp_path / "w", header(**entries), bytes(20)), "b begins at byte 8 of the data, expected 12")
    entries = {"a": entry(), "b": entry(begin=16, end=28)}
    refused(
        write_header(tmp_path / "w", header(**entries), bytes(28)), "b begins at byte 16 of the data, expected 12"
    )


# state_dict


def save(path: Path, value: object) -> Path:
    return file("torch", (this_test(),), lambda path: torch.save(value, path), path)


@pytest.mark.parametrize("zipped", [True, False])
def test_pickle_in_a_state_dict(zipped: bool, tmp_path: Path) -> None:
    sprung, path = tmp_path / "sprung", tmp_path / "w.pt"
    trap = {"fc.weight": Trap(sprung)}
    file("torch", (this_test(),), lambda path: torch.save(trap, path, _use_new_zipfile_serialization=zipped), path)
    refused(path, "fc.weight is what ", " makes, which is never run, expected a plain tensor")
    assert not sprung.exists()


def test_bare_pickle(tmp_path: Path) -> None:
    path, sprung = tmp_path / "w.pth", tmp_path / "sprung"
    path.write_bytes(pickle.dumps(Trap(sprung)))
    refused(path, "this is a pickle, but none of torch.save's, and is not run; save model.state_dict() with it")
    assert not sprung.exists()


def test_whole_module(tmp_path: Path) -> None:
    message = refused(save(tmp_path / "w.pt", torch.nn.Sequential(torch.nn.Linear(2, 3))))
    assert message.endswith(
        "holds what torch.nn.modules.container.Sequential makes, which is never run, expected a state_dict: tensors"
        " by name; save model.state_dict(), not a whole module"
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([torch.ones(3)], "holds a list, expected a state_dict: tensors by name"),
        (
            torch.ones(3),
            "holds what torch._utils._rebuild_tensor_v2 makes, which is never run, expected",
        ),
        ({"fc.weight": 3}, "fc.weight is a int, expected a plain tensor"),
        ({"fc.weight": torch.ones(3, 2).to_sparse()}, "fc.weight is what torch._utils._rebuild_sparse_tensor makes"),
        ({"fc.weight": torch.ones(3, 2, device="meta")}, "fc.weight is what torch._utils._rebuild_meta_tensor_no_"),
        ({3: torch.ones(3)}, "holds '3', no printable name"),
        ({"a\nb": torch.ones(3)}, "holds 'a\\nb', no printable name"),
        ({}, "holds no weights"),
    ],
    ids=["list", "tensor", "number", "sparse", "meta", "number-name", "line-break", "empty"],
)
def test_no_state_dict(value: object, reason: str, tmp_path: Path) -> None:
    refused(save(tmp_path / "w.pt", value), reason)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_nested_tensor(tmp_path: Path) -> None:
    path = save(tmp_path / "w.pt", {"fc.weight": torch.nested.nested_tensor([torch.ones(3), torch.ones(2)])})
    refused(path, "fc.weight is what torch._utils._rebuild_nested_tensor makes, which is never run")


def test_a_program_of_torchscript(tmp_path: Path) -> None:
    """torch.jit.save compresses the code of the program, which is no reason to refuse it by that."""
    members = [("net/data.pkl", b""), ("net/code/__torch__/net.py", bytes(100))]
    path = write_zip(tmp_path / "w.pt", members, zipfile.ZIP_DEFLATED)
    refused(path, "is a program of TorchScript, which is never run; save model.state_dict() with torch.save")


def test_compressed_state_dict(tmp_path: Path) -> None:
    """torch.load would unpack it, however large it is."""
    with zipfile.ZipFile(write_pt(tmp_path / "good.pt", GOOD)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    path = write_zip(tmp_path / "w.pt", members, zipfile.ZIP_DEFLATED)
    refused(path, "its member 'good/data.pkl' is compressed, which torch.save never does")


def test_a_view_that_repeats_one_number(tmp_path: Path) -> None:
    path = save(tmp_path / "w.pt", {"fc.bias": torch.ones(1).expand(1 << 40), "fc.weight": torch.ones(3, 2)})
    refused(path, "needs weight (3, 2), bias (3,)", f"bias ({1 << 40},)")


# numbers


@pytest.mark.parametrize("write", [write_safetensors, write_npz, write_pt])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite(write: Callable, bad: float, tmp_path: Path) -> None:
    weight = GOOD["fc.weight"].copy()
    weight[1, 1] = weight[2, 0] = bad
    refused(
        write(tmp_path / "w.npz", GOOD | {"fc.weight": weight}), "fc.weight holds 2 non-finite values, first at [1,1]"
    )


@pytest.mark.parametrize("write", [write_safetensors, write_npz, write_pt])
def test_float64_that_overflows(write: Callable, tmp_path: Path) -> None:
    path = write(tmp_path / "w.npz", GOOD | {"fc.bias": np.array([1, 1e300, 1])})
    refused(path, "fc.bias holds 1 non-finite values, first at [1] (stored as float64, read as float32)")


@pytest.mark.parametrize("write", [write_safetensors, write_npz, write_pt])
def test_wrong_dtype_is_found_before_anything_is_read(
    write: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "w.npz", GOOD | {"fc.bias": np.ones(3, np.int64)})
    monkeypatch.setattr("convlab.files.torch.weights.read_finite", lambda *_: pytest.fail("read too early"))
    refused(path, "fc bias (fc.bias) has dtype ", ", expected float")
