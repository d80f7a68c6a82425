"""Which pictures a scan goes over: order, links, labels, tables, arrays."""

import gzip
import os

import h5py
import numpy as np
import pytest

from convlab.errors import ImageError, WeightsError
from convlab.scanning.array_files import open_images
from convlab.scanning.listing import list_pictures


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * len(name))


def test_folders_are_followed_in_the_order_of_names(tmp_path):
    touch(
        tmp_path, "b.png", "a/2.JPG", "a/10.png", "a/z/1.webp", "a.png", "c/readme.txt", ".cache/t.png", "a/.h/u.png"
    )
    found = list_pictures(tmp_path, None)
    assert found.names == ["a/10.png", "a/2.JPG", "a/z/1.webp", "a.png", "b.png"]
    assert found.sizes == [len(name) for name in found.names]
    assert found.labels is None  # some lie in no folder of a class
    assert (found.root, found.title) == (str(tmp_path.resolve()), str(tmp_path))


def test_folders_of_the_first_level_are_labels(tmp_path):
    touch(tmp_path, "dog/1.png", "cat/old/2.png", "cat/1.png", "empty/x.txt")
    assert list_pictures(tmp_path, None).labels == ["cat", "cat", "dog"]


def test_the_folder_of_the_scan_itself_is_left_out(tmp_path):
    touch(tmp_path, "a.png", "out/report.png")
    assert list_pictures(tmp_path, tmp_path / "out").names == ["a.png"]
    assert list_pictures(tmp_path, tmp_path / "elsewhere").names == ["a.png", "out/report.png"]


def test_links_are_followed_but_not_around(tmp_path):
    touch(tmp_path / "elsewhere", "1.png")
    touch(tmp_path / "pictures", "a/2.png")
    (tmp_path / "pictures/b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "pictures/a/around").symlink_to(tmp_path / "pictures")
    (tmp_path / "pictures/self.png").symlink_to("self.png")
    (tmp_path / "pictures/gone.png").symlink_to("nowhere")
    found = list_pictures(tmp_path / "pictures", None)
    assert found.names == ["a/2.png", "b/1.png", "gone.png", "self.png"]
    assert found.sizes == [7, 5, -1, -1]


def test_a_pipe_and_a_name_that_is_no_text_are_rows(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "n\udcff.png").write_bytes(b"1")
    (tmp_path / "line\nbreak.png").write_bytes(b"1")
    assert list_pictures(tmp_path, None).names == ["line\nbreak.png", "n\udcff.png", "pipe.png"]


def test_the_digest_is_of_names_sizes_and_labels_and_not_of_the_place(tmp_path):
    for place in ("one", "two"):
        touch(tmp_path / place, "a/1.png", "b/2.png")
    one, two = (list_pictures(tmp_path / place, None).digest() for place in ("one", "two"))
    assert one == two
    (tmp_path / "two/a/1.png").write_bytes(b"another size")
    assert list_pictures(tmp_path / "two", None).digest() != one
    (tmp_path / "one/b").rename(tmp_path / "one/c")
    assert list_pictures(tmp_path / "one", None).digest() != one


def test_a_list_is_taken_as_it_is(tmp_path, monkeypatch):
    touch(tmp_path, "b.png", "a.png")
    monkeypatch.chdir(tmp_path)
    found = list_pictures(["b.png", tmp_path / "a.png", "none.png"], None)
    assert found.names == ["b.png", str(tmp_path / "a.png"), "none.png"]
    assert (found.root, found.sizes) == (str(tmp_path), [5, 5, -1])
    with pytest.raises(ImageError, match="an empty list; expected at least one picture"):
        list_pictures([], None)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("file,label\nx/1.png,cat\nx/2.png,dog\n", ["cat", "dog"]),
        ("id,Class,path\n7,a,x/1.png\n8,b,x/2.png\n", ["a", "b"]),
        ("x/1.png\nx/2.png\n", None),
        ("\ufeffname\r\nx/1.png\r\nx/2.png\r\n", None),
    ],
)
def test_a_table_has_a_column_of_files(text, labels, tmp_path):
    touch(tmp_path, "x/1.png", "x/2.png")
    (tmp_path / "list.csv").write_text(text, encoding="utf-8")
    found = list_pictures(tmp_path / "list.csv", None)
    assert (found.names, found.labels, found.root) == (["x/1.png", "x/2.png"], labels, str(tmp_path))


def test_what_is_no_list_is_refused(tmp_path):
    touch(tmp_path, "x.txt", "empty/x.txt", "no.csv", "none.npy")
    for name, told in [
        ("x.txt", r"x\.txt: not a folder; expected one, a list of files \(\.csv\), or an array"),
        ("gone", "gone: no such folder"),
        ("empty", r"empty: no picture in it or below"),
        ("no.csv", r"no\.csv: no column of files"),
        ("none.npy", r"none\.npy: not a readable \.npy"),
    ]:
        with pytest.raises(ImageError, match=told):
            list_pictures(tmp_path / name, None)


# ---- arrays of many images


def idx(array):
    kind = {"uint8": 8, "int8": 9, "int16": 11, "int32": 12, "float32": 13, "float64": 14}[array.dtype.name]
    sizes = b"".join(side.to_bytes(4, "big") for side in array.shape)
    return bytes([0, 0, kind, array.ndim]) + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_arrays_are_read_from_each_kind_of_file(dtype, tmp_path):
    array = np.random.default_rng(0).integers(0, 100, (5, 3, 4)).astype(dtype)
    np.save(tmp_path / "a.npy", array)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"], file["labels"] = array, np.arange(5)
        file.create_group("more")
    (tmp_path / "a-idx3-ubyte").write_bytes(idx(array))
    with gzip.open(tmp_path / "a-idx3-ubyte.gz", "wb") as file:
        file.write(idx(array))
    for name in ("a.npy", "a.h5", "a-idx3-ubyte", "a-idx3-ubyte.gz"):
        assert np.array_equal(open_images(tmp_path / name)[1:4], array[1:4]), name
        found = list_pictures(tmp_path / name, None)
        assert found.array and found.names[4] == f"{name}[4]" and len(found) == 5


def test_damaged_arrays_are_refused(tmp_path):
    array = np.zeros((5, 3, 4), np.uint8)
    (tmp_path / "cut.idx").write_bytes(idx(array)[:-1])
    (tmp_path / "text.idx").write_text("no array at all")
    (tmp_path / "bomb.idx").write_bytes(bytes([0, 0, 8, 3]) + b"\xff" * 12)
    (tmp_path / "no.idx.gz").write_bytes(b"no archive")
    np.save(tmp_path / "flat.npy", np.arange(5))
    (tmp_path / "no.h5").write_bytes(b"no HDF5")
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["a"], file["b"] = array, array
    for name, told in [
        ("cut.idx", r"cut\.idx: declares \(5, 3, 4\), 60 bytes, but holds 59"),
        ("text.idx", r"text\.idx: not an IDX file"),
        ("bomb.idx", r"bomb\.idx: its array .* would take"),
        ("no.idx.gz", r"no\.idx\.gz: not a readable IDX file"),
        ("flat.npy", r"flat\.npy: holds an array \(5,\), expected images"),
        ("no.h5", r"no\.h5: not an HDF5 file"),
        ("two.h5", r"two\.h5: expected one array of images, found a, b"),
    ]:
        with pytest.raises((ImageError, WeightsError), match=told):
            open_images(tmp_path / name)
