"""The registry of weight files, and the check that a file is the official one."""

import ast
import hashlib
import os
import sys
import warnings
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import platformdirs
import pytest

from convlab.errors import ConvlabError, WeightsError
from convlab.files import registry
from convlab.files.registry import Entry, bundled_path, cache_folder, check, difference, entries, lookup
from convlab.zoo import ZOO

BODY = bytes(range(256)) * 3
MD5 = hashlib.md5(BODY).hexdigest()
TOY = Entry("toy", "toy.h5", "http://example.invalid/toy.h5", len(BODY), MD5)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Entry:
    """Register one small file, so that a right one can be written here."""
    monkeypatch.setattr(registry, "entries", lambda: {"toy": TOY})
    return TOY


def silent(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(path)


def test_the_registry_is_what_keras_states():
    vgg16 = lookup("vgg16")
    assert vgg16.file == "vgg16_weights_tf_dim_ordering_tf_kernels.h5"
    assert vgg16.size == 553_467_096
    assert vgg16.md5 == "64373286793e3c8b2b4e3219cbf3544b"
    assert list(entries()) == ["lenet5", *(name + end for name in ZOO if name != "lenet5" for end in ("", "_notop"))]


def test_the_sizes_hold_the_parameters():
    """The files are float32 and a little HDF5 around it: a wrong digit in a size shows here."""
    convolutions = {"vgg16": 14_714_688, "vgg19": 20_024_384}
    dense = 25_088 * 4_096 + 4_096 + 4_096 * 4_096 + 4_096 + 4_096 * 1_000 + 1_000
    for name, count in convolutions.items():
        for entry, parameters in ((lookup(name), count + dense), (lookup(f"{name}_notop"), count)):
            assert entry.size is not None
            assert 0 < entry.size - 4 * parameters < 50_000


def test_every_entry_is_bundled_or_can_be_fetched_and_verified():
    for name, entry in entries().items():
        assert entry.name == name
        assert entry.file.endswith(".h5")
        assert Path(entry.file).name == entry.file
        if entry.bundled:
            assert entry.url is None
            assert bundled_path(entry).parent == bundled_path(Entry("", "registry.toml")).parent
        else:
            assert entry.url is not None
            assert entry.url.startswith("https://")
            assert entry.url.endswith("/" + entry.file)
            assert (entry.md5 is None) == name.startswith("mobilenet")  # Keras states none for these
            assert len(bytes.fromhex(entry.md5 or "00" * 16)) == 16
    files = [entry.file for entry in entries().values()]
    assert len(set(files)) == len(files)


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_the_registry_is_the_one_of_the_keras_installed_here(name: str):
    """Keras is read, not imported: that would take seconds. The others: zoo/test_applications.py."""
    try:
        keras = distribution("keras").locate_file("keras")
    except PackageNotFoundError:
        pytest.skip("Keras is not installed")
    source = (Path(keras) / f"src/applications/{name}.py").read_text(encoding="utf-8")
    stated = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    for entry in (lookup(name), lookup(f"{name}_notop")):
        for value in (entry.url, entry.file, entry.md5):
            assert value in stated


def test_bundled_files_lie_beside_the_registry():
    assert bundled_path(Entry("", "registry.toml")).is_file()
    assert bundled_path(lookup("lenet5")).name == "lenet5_fashion_mnist.h5"


def test_a_wrong_name_gets_the_nearest_and_all():
    with pytest.raises(WeightsError) as caught:
        lookup("vgg6")
    assert str(caught.value).startswith(
        "no registered weight file 'vgg6'; did you mean 'vgg16'? the nearest of 19: vgg16, vgg19, vgg16_notop"
    )
    assert isinstance(caught.value, ConvlabError)


def test_a_name_like_no_other_gets_no_guess():
    with pytest.raises(WeightsError, match="no registered weight file 'qqq'; available: lenet5, vgg16"):
        lookup("qqq")


def test_the_cache_folder_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("CONVLAB_CACHE", raising=False)
    assert cache_folder() == Path(platformdirs.user_cache_dir("convlab"))
    monkeypatch.setenv("CONVLAB_CACHE", str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere"
    monkeypatch.setenv("CONVLAB_CACHE", "")
    assert cache_folder() == Path(platformdirs.user_cache_dir("convlab"))


def test_the_official_file_is_silent(toy: Entry, tmp_path: Path):
    (tmp_path / "toy.h5").write_bytes(BODY)
    silent(tmp_path / "toy.h5")


def test_a_file_of_ones_own_is_silent(toy: Entry, tmp_path: Path):
    (tmp_path / "mine.h5").write_bytes(b"anything")
    silent(tmp_path / "mine.h5")


def test_a_short_file_warns_without_being_read(toy: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "toy.h5"
    path.write_bytes(BODY[:500])
    monkeypatch.setattr(registry.hashlib, "file_digest", lambda *_: pytest.fail("hashed a file of the wrong size"))
    with pytest.warns(UserWarning) as caught:
        check(path)
    assert [str(warning.message) for warning in caught] == [
        f"{path}: not the official toy file: 500 bytes, expected 768; cut off, damaged or trained further? "
        "Rename it if it is your own, else re-fetch with `convlab fetch toy`"
    ]


def test_a_changed_byte_warns_with_both_hashes(toy: Entry, tmp_path: Path):
    changed = BODY[:99] + b"!" + BODY[100:]
    (tmp_path / "toy.h5").write_bytes(changed)
    found = hashlib.md5(changed).hexdigest()
    with pytest.warns(UserWarning, match=f"not the official toy file: md5 {found}, expected {MD5};"):
        check(tmp_path / "toy.h5")


def test_in_the_cache_only_the_size_is_compared_again(toy: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CONVLAB_CACHE", str(tmp_path))
    (tmp_path / "toy.h5").write_bytes(bytes(len(BODY)))
    silent(tmp_path / "toy.h5")
    (tmp_path / "toy.h5").write_bytes(BODY[:500])
    with pytest.warns(UserWarning, match="500 bytes, expected 768"):
        check(tmp_path / "toy.h5")


def test_a_file_named_like_the_real_vgg16_warns(tmp_path: Path):
    path = tmp_path / lookup("vgg16").file
    path.write_bytes(BODY)
    with pytest.warns(UserWarning, match="official vgg16 file: 768 bytes, expected 553,467,096;.*fetch vgg16`"):
        check(path)


@pytest.mark.skipif(sys.platform == "win32", reason="makes a sparse file as POSIX does")
def test_a_file_of_the_size_of_the_real_one_is_hashed(tmp_path: Path):
    entry = lookup("vgg16_notop")
    path = tmp_path / entry.file
    path.touch()
    os.truncate(path, entry.size or 0)
    with pytest.warns(UserWarning, match="expected 6d6bbae143d832006294945121d1f1fc;.*fetch vgg16_notop`"):
        check(path)


def test_a_changed_bundled_file_is_not_fetched_but_reinstalled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    inside = Entry("inside", "inside.h5", size=5, bundled=True)
    monkeypatch.setattr(registry, "entries", lambda: {"inside": inside})
    (tmp_path / "inside.h5").write_bytes(b"four")
    with pytest.warns(UserWarning, match="4 bytes, expected 5;.*else reinstall convlab$"):
        check(tmp_path / "inside.h5")


def test_what_is_unknown_is_not_compared(tmp_path: Path):
    path = tmp_path / "any.h5"
    path.write_bytes(BODY)
    assert difference(path, Entry("any", "any.h5")) is None
    assert difference(path, Entry("any", "any.h5", md5=MD5)) is None
    assert difference(path, Entry("any", "any.h5", size=768)) is None
    assert difference(path, Entry("any", "any.h5", size=769)) == "768 bytes, expected 769"
