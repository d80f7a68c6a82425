"""Archives that are not what Keras writes: each is refused in one line, before anything of it is unpacked."""

import os
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from convlab.errors import WeightsError
from convlab.files.keras import archive
from convlab.files.keras.archive import is_archive, read_member, unpack_member
from convlab.storage import zips

CONFIG = b'{"class_name": "Sequential"}'
WEIGHTS = bytes(range(256)) * 400
LIMIT = 1 << 20


def write(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write(tmp_path / "m.keras", ("config.json", CONFIG), ("model.weights.h5", WEIGHTS))


def refused(path: Path, *parts: str, member: str = "config.json", limit: int = LIMIT) -> None:
    """Read a member, expect one line of refusal that opens with the path and holds the parts."""
    with pytest.raises(WeightsError, match="^" + re.escape(f"{path}: ")) as caught:
        read_member(path, member, limit)
    assert str(caught.value).isprintable()
    for part in parts:
        assert part in str(caught.value)


def patched(path: Path, edit: Callable[[bytearray], None]) -> Path:
    data = bytearray(path.read_bytes())
    edit(data)
    path.write_bytes(data)
    return path


# good ones


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_read_as_they_were_written(tmp_path: Path, compression: int) -> None:
    members = ("config.json", CONFIG), ("model.weights.h5", WEIGHTS), ("assets/words.txt", b"a\nb")
    path = write(tmp_path / "m.keras", *members, compression=compression)
    assert is_archive(path)
    assert read_member(path, "config.json", len(CONFIG)) == CONFIG
    assert read_member(path, "model.weights.h5", len(WEIGHTS)) == WEIGHTS


def test_member_of_several_pieces(tmp_path: Path) -> None:
    data = os.urandom(2 * archive.CHUNK + 5)
    path = write(tmp_path / "m.keras", ("config.json", data))
    assert read_member(path, "config.json", len(data)) == data


def test_zip64(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The form for over 2 GiB, made to be used for less."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    path = write(tmp_path / "m.keras", ("config.json", CONFIG), ("model.weights.h5", WEIGHTS))
    monkeypatch.undo()
    assert b"PK\x06\x06" in path.read_bytes()
    assert read_member(path, "model.weights.h5", LIMIT) == WEIGHTS


def test_unpacked_member_is_private_and_removed(good: Path) -> None:
    with unpack_member(good, "model.weights.h5", LIMIT) as copy:
        assert copy.read_bytes() == WEIGHTS
        assert copy.parent.stat().st_mode & 0o777 == 0o700
        assert list(copy.parent.iterdir()) == [copy]
    assert not copy.parent.exists()


def test_unpacked_member_is_removed_after_an_error(good: Path) -> None:
    with pytest.raises(KeyError), unpack_member(good, "model.weights.h5", LIMIT) as copy:
        raise KeyError
    assert not copy.parent.exists()


# names


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../config.json", "assets/../../x", "a\\b", "C:x", "assets/..", "a\nb", "a\0b"]
)
def test_name_that_leads_out(tmp_path: Path, name: str) -> None:
    info = zipfile.ZipInfo("x")
    info.filename = name  # past the tidying up of names
    path = write(tmp_path / "m.keras", ("config.json", CONFIG), (info, b""))
    refused(path, f"its member {name!r} has a name that could lead out of the archive")


def test_long_name_is_cut(tmp_path: Path) -> None:
    path = write(tmp_path / "m.keras", ("/" + "a" * 5000, b""))
    refused(path, "its member '/" + "a" * 79 + "...' has a name")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_two_members_of_one_name(tmp_path: Path, name: str) -> None:
    members = [("config.json", CONFIG), ("model.weights.h5", WEIGHTS), (name, b"another")]
    refused(write(tmp_path / "m.keras", *members), f"holds 2 members named {name!r}, expected 1")


def test_symbolic_link(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("config.json")
    link.external_attr = 0o120777 << 16
    refused(write(tmp_path / "m.keras", (link, b"/etc/passwd")), "its member 'config.json' is a symbolic link")


def test_member_that_is_not_there(tmp_path: Path) -> None:
    path = write(tmp_path / "m.keras", *((f"arr_{index}.bin", b"") for index in range(5)))
    refused(path, "a zip archive without config.json, so not one of Keras'; it holds 'arr_0.bin', 'arr_1.bin',")


def test_folder_in_place_of_a_member(tmp_path: Path) -> None:
    refused(write(tmp_path / "m.keras", ("config.json/", b"")), "a zip archive without config.json")


# kinds


def table(data: bytearray) -> int:
    """Return where the table of members begins."""
    return data.index(b"PK\x01\x02")


def test_encrypted(good: Path) -> None:
    refused(patched(good, lambda data: data.__setitem__(table(data) + 8, 1)), "its member 'config.json' is encrypted")


def test_a_name_is_shown_as_it_is_stored(good: Path) -> None:
    """zipfile cuts a name at a NUL."""

    def rename(data: bytearray) -> None:
        data[table(data) + 8] = 1
        data[:] = data.replace(b"config.json", b"config\0json")

    refused(patched(good, rename), r"its member 'config\x00json' is encrypted")


@pytest.mark.parametrize("method", [9, 12, 14, 93, 99])
def test_unknown_compression(good: Path, method: int) -> None:
    path = patched(good, lambda data: data.__setitem__(table(data) + 10, method))
    refused(path, f"its member 'config.json' is compressed by method {method}, expected 0 (stored) or 8 (deflate)")


# sizes


def test_too_many_members(tmp_path: Path) -> None:
    path = write(tmp_path / "m.keras", *((f"m{index}", b"") for index in range(1001)))
    refused(path, "holds 1,001 members, expected at most 1,000")
    whole = write(path, ("config.json", CONFIG), *((f"m{index}", b"") for index in range(999)))
    assert read_member(whole, "config.json", LIMIT) == CONFIG


def test_table_too_long_is_not_even_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zips, "TABLE_LIMIT", 90_000)
    path = write(tmp_path / "m.keras", *((f"{index:050}", b"") for index in range(1000)))
    refused(path, "its table of members has more than 90,000 bytes")
    with zips.BoundedFile(path) as file:
        with pytest.raises(zipfile.BadZipFile, match="its table of members has more than 90,000 bytes"):
            file.read(100_000)
        assert file.tell() == 90_001


def test_declared_size(good: Path) -> None:
    refused(
        good, "model.weights.h5 declares 102,400 bytes, expected at most 1,000", member="model.weights.h5", limit=1000
    )


def test_compression_bomb(tmp_path: Path) -> None:
    size = 20 << 20
    path = write(tmp_path / "m.keras", ("config.json", bytes(size)), compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < size / 900
    refused(path, " to 20,971,520, expected at most 100 times as many", limit=2 * size)


@pytest.mark.parametrize(("declared", "reason"), [(1, "Bad CRC-32"), (2 * len(WEIGHTS), "but holds 102,400")])
def test_size_that_is_a_lie(tmp_path: Path, declared: int, reason: str) -> None:
    """The table says another size than the stream has: never more comes out of it than the table says."""
    path = write(tmp_path / "m.keras", ("config.json", WEIGHTS), compression=zipfile.ZIP_DEFLATED)
    patched(path, lambda data: struct.pack_into("<I", data, table(data) + 24, declared))
    refused(path, reason)


@pytest.mark.parametrize("start", [0, len(CONFIG)], ids=["all of it", "its last bytes"])
def test_members_over_each_other(start: int, good: Path) -> None:
    def overlap(data: bytearray) -> None:
        second = data.index(b"PK\x01\x02", table(data) + 4)
        struct.pack_into("<I", data, second + 42, start)

    refused(patched(good, overlap), "its members lie over each other")


def test_member_beyond_the_end(good: Path) -> None:
    def stretch(data: bytearray) -> None:
        second = data.index(b"PK\x01\x02", table(data) + 4)
        struct.pack_into("<II", data, second + 20, 1 << 19, 1 << 19)

    refused(patched(good, stretch))


# damage


@pytest.mark.parametrize("keep", [4, 40, 1000, -1, -30])
def test_cut_off(good: Path, keep: int) -> None:
    good.write_bytes(good.read_bytes()[:keep])
    refused(good, "file is damaged (zip: File is not a zip file)")


def test_wrong_checksum(good: Path) -> None:
    patched(good, lambda data: data.__setitem__(data.index(CONFIG) + 3, 0))
    refused(good, "file is damaged (zip: Bad CRC-32 for file 'config.json')")


def test_something_before_the_archive(good: Path) -> None:
    """A file that is two things at once: only its first bytes say what it is."""
    good.write_bytes(b"\x89HDF\r\n\x1a\n" + good.read_bytes())
    assert not is_archive(good)


def test_no_room(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive, "unpacked", full)
    with pytest.raises(WeightsError, match=r"cannot be unpacked \(No space left on device\)"):
        unpack_member(good, "model.weights.h5", LIMIT).__enter__()


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"m\.keras: cannot be read \(No such file or directory\)"):
        is_archive(tmp_path / "m.keras")
    with pytest.raises(WeightsError, match="this is a directory; expected a file of Keras"):
        is_archive(tmp_path)
