"""Archives of NumPy's that are damaged, lie or mean harm: each is refused in one line that names the file."""

import io
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from convlab.files.formats import holds_tensors
from support.files.bad_torch_files import GOOD, Trap, refused, write_zip
from support.files.torch_files import write_npz


def npy(array: np.ndarray, **options: object) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, **options)
    return stream.getvalue()


def npy_header(shape: object, descr: str = "<f4", version: tuple[int, int] = (1, 0)) -> bytes:
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text


def test_pickle_in_npz(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    path = write_npz(tmp_path / "w.npz", {"fc.weight": np.array([Trap(sprung)], object), "fc.bias": GOOD["fc.bias"]})
    refused(path, "fc.weight holds Python objects (pickle), which are never loaded")
    write_zip(path, [("fc.weight.npy", pickle.dumps(Trap(sprung)))])
    refused(path, "file is damaged (fc.weight.npy: the magic string is not correct")
    assert not sprung.exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            npy_header((10**9, 10**9)),
            "declares shape (1000000000, 1000000000) of float32, 4,000,000,000,000,000,000 bytes",
        ),
        (npy_header((3,)) + bytes(11), "declares shape (3,) of float32, 12 bytes, but holds 11"),
        (npy_header((3,)) + bytes(13), "declares shape (3,) of float32, 12 bytes, but holds 13"),
        (npy_header((3,), version=(2, 0)) + bytes(12), "is in version (2, 0) of the .npy format, expected (1, 0)"),
        (npy_header("(3,), 'x': __import__('os')"), "file is damaged (fc.bias.npy: "),
        (npy_header("(3,"), "file is damaged (fc.bias.npy: "),
        (npy_header("(3, '"), "file is damaged (fc.bias.npy: "),
        (npy_header("\0"), "file is damaged (fc.bias.npy: "),
        (npy_header("9" * 5000), "file is damaged (fc.bias.npy: "),
        (npy_header("(" * 5000), "file is damaged (fc.bias.npy: "),
        (npy_header((10**4000, 10**4000)), "fc.bias declares shape (1000"),
        (npy_header((9**9,) * 65), "9), which no array has"),
        (npy_header((-3,)), "declares shape (-3,) of float32"),
        (npy_header("[3]"), "file is damaged (fc.bias.npy: shape is not valid"),
        (b"\x93NUMPY\x01\x00\xff\xff{'descr'", "file is damaged (fc.bias.npy: EOF"),
    ],
    ids=[
        *("huge", "short", "long", "version", "expression", "bracket", "text", "nul", "digits", "depth", "sides"),
        *("axes", "negative", "list", "cut"),
    ],
)
def test_npy_header_that_lies(content: bytes, reason: str, tmp_path: Path) -> None:
    refused(write_zip(tmp_path / "w.npz", [("fc.bias.npy", content)]), reason)


def test_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """64 MB of zeros in 64 kB are another shape than is asked for: nothing is unpacked."""
    content = npy_header((1 << 24,)) + bytes(4 << 24)
    path = write_zip(
        tmp_path / "w.npz",
        [("fc.bias.npy", content), ("fc.weight.npy", npy(GOOD["fc.weight"]))],
        zipfile.ZIP_DEFLATED,
    )
    assert path.stat().st_size < 1 << 17
    monkeypatch.setattr("convlab.storage.npz._fetch", lambda *_: pytest.fail("a bomb was read"))
    refused(path, "fc needs weight (3, 2), bias (3,), found fc (bias (16777216,), weight (3, 2))")


def test_bomb_whose_size_the_archive_hides(tmp_path: Path) -> None:
    """The directory of the archive says 12 bytes, the stream holds 64 MB: no more than declared is unpacked."""
    content = npy(GOOD["fc.bias"]) + bytes(1 << 26)
    path = write_zip(
        tmp_path / "w.npz",
        [("fc.bias.npy", content), ("fc.weight.npy", npy(GOOD["fc.weight"]))],
        zipfile.ZIP_DEFLATED,
    )
    declared = len(npy(GOOD["fc.bias"]))
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", len(content)), struct.pack("<I", declared)))
    refused(path, "file is damaged (fc.bias.npy: Bad CRC-32 for file 'fc.bias.npy')")


def test_members(tmp_path: Path) -> None:
    path, good = tmp_path / "w.npz", ("fc.bias.npy", npy(GOOD["fc.bias"]))
    with pytest.warns(UserWarning, match="Duplicate name"):
        write_zip(path, [good, good])
    refused(path, "holds 2 members named 'fc.bias.npy', expected 1")
    refused(write_zip(path, [good, ("notes.txt", b"")]), "holds 'notes.txt', expected nothing but .npy members")
    refused(write_zip(path, [good, ("a\nb.npy", good[1])]), "holds 'a\\nb.npy', expected nothing but .npy members")
    refused(
        write_zip(path, [(f"{i}.npy", b"") for i in range(10_001)]), "holds 10,001 members, expected at most 10,000"
    )


@pytest.mark.parametrize("suffix", ["npz", "keras"])
def test_a_table_of_members_too_long_to_read(suffix: str, tmp_path: Path) -> None:
    path = write_zip(tmp_path / f"w.{suffix}", [(f"{i:0>1000}.npy", b"") for i in range(2200)])
    refused(path, "file is damaged (zip: its table of members has more than 2,097,152 bytes)")
    assert holds_tensors(path) is (suffix == "npz")


def test_members_that_are_encrypted_or_lie_over_each_other(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "w.npz", GOOD)
    whole = path.read_bytes()
    table = whole.index(b"PK\x01\x02")
    path.write_bytes(whole[: table + 8] + b"\1" + whole[table + 9 :])
    refused(path, "its member 'fc.weight.npy' is encrypted")
    second = whole.index(b"PK\x01\x02", table + 4)
    path.write_bytes(whole[: second + 42] + bytes(4) + whole[second + 46 :])
    refused(path, "its members lie over each other, or reach beyond its end")
