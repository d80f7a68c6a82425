"""Files that are no picture, a damaged one or a bomb: each is one line that names the file and the cause."""

import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from convlab.images.reading import prepare
from support.files.pictures import GREY, fails, photo


def test_missing_directory_and_empty_file(tmp_path):
    fails(tmp_path / "no.jpg", r"no\.jpg: no such file$")
    fails(str(tmp_path / "no.npy"), r"no\.npy: no such file$")
    fails(tmp_path, r": a directory; expected an image file$")
    (tmp_path / "empty.png").touch()
    fails(tmp_path / "empty.png", r"empty\.png: the file is empty$")
    fails("x" * 5000, r"^x+: cannot be read \(File name too long\)$")


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"%PDF-1.7", "a PDF"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file: a network is named before its pictures"),
        (b"<!DOCTYPE html>", "HTML, XML or SVG"),
        (b"\x93NUMPY\x01\x00", r"a NumPy array: name it \.npy"),
        (b"PK\x03\x04", "a ZIP archive: a network is named before its pictures"),
        (b"\0\0\0\x18ftypheic", "a HEIC or AVIF photograph, or a film: save it as JPEG or PNG"),
        (b"\x89PNG\r\n\x1a\n", "a PNG with a damaged or cut-off header"),
        (b"hello", "begins with b'hell'"),
    ],
)
def test_not_an_image(tmp_path, start, what):
    (tmp_path / "robin.jpg").write_bytes(start + bytes(40))
    fails(
        tmp_path / "robin.jpg",
        rf"robin\.jpg: not an image \({what}\); expected PNG, JPEG, GIF, BMP, TIFF, WEBP, PPM$",
    )


def test_formats_that_are_not_in_the_list_stay_closed(tmp_path):
    Image.fromarray(photo()).save(tmp_path / "a.ico")
    fails(tmp_path / "a.ico", r"a\.ico: not an image \(begins with ")


@pytest.mark.parametrize("name", ["cut.png", "cut.jpg", "cut.gif", "cut.bmp", "cut.tiff", "cut.ppm"])
def test_truncated_image(tmp_path, name):
    Image.fromarray(photo(41, 43)).save(tmp_path / name)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) * 9 // 10])
    fails(tmp_path / name, rf"{name}: (its pixels cannot be read|cannot be opened) \(.+\)$")


def test_a_truncated_pil_image(tmp_path):
    Image.fromarray(photo(41, 43)).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:2000])
    with Image.open(tmp_path / "a.png") as image:
        fails(
            [photo(), image],
            r"^image 1 of the list, PIL image: its pixels cannot be read \(image file is trunc",
        )


def test_bad_npy(tmp_path):
    np.save(tmp_path / "pickled.npy", np.array([[{}]], object), allow_pickle=True)
    fails(tmp_path / "pickled.npy", r"pickled\.npy: not a readable \.npy array of numbers \(.*Python objects")
    (tmp_path / "text.npy").write_bytes(b"hello, world")
    fails(tmp_path / "text.npy", r"text\.npy: not a readable \.npy array of numbers \(.*magic string")
    np.save(tmp_path / "cut.npy", photo())
    data = (tmp_path / "cut.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(data[:-9])
    fails(tmp_path / "cut.npy", r"cut\.npy: not a readable \.npy array of numbers \(mmap length")
    claim = b"(50000000, 50000000), }"
    (tmp_path / "huge.npy").write_bytes(data.replace(b"(11, 13, 3), }".ljust(len(claim)), claim))
    fails(tmp_path / "huge.npy", r"huge\.npy: not a readable \.npy array of numbers \(mmap length")
    np.save(tmp_path / "c.npy", np.zeros((3, 4), complex))
    fails(tmp_path / "c.npy", r"c\.npy: values of type complex128; expected real numbers$")


# bombs


@pytest.mark.parametrize("filters", ["ignore", "error"])
@pytest.mark.parametrize("size", [(17, 18), (40, 50)])  # above the limit; above twice the limit
def test_decompression_bomb(tmp_path, monkeypatch, size, filters):
    Image.new("L", size).save(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
    with warnings.catch_warnings():
        warnings.simplefilter(filters)
        fails(tmp_path / "bomb.png", r"bomb\.png: too large \(.*decompression bomb")


def test_the_bomb_limit_is_pillows_own(tmp_path, monkeypatch):
    Image.new("L", (17, 18)).save(tmp_path / "a.png")
    for limit in (306, None):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        assert prepare(tmp_path / "a.png", (7, 5, 1), GREY).shape == (1, 7, 5, 1)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_a_tiny_file_that_claims_to_be_huge_is_not_decoded(tmp_path):
    header = struct.pack(">IIBBBBB", 100_000, 90_000, 8, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99)))
    (tmp_path / "bomb.png").write_bytes(data + chunk(b"IEND", b""))
    fails(tmp_path / "bomb.png", r"bomb\.png: too large \(Image size \(9000000000 pixels\) exceeds limit")
