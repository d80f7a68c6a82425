"""What a file is called after something that somebody else named: always one name, in the folder it is for."""

import os
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from convlab.storage.file_names import file_names

ANY = st.text(st.characters() | st.characters(categories=["Cs"]) | st.sampled_from("./\\:-_ \0\n\x1b"))
DEVICES = ("con", "prn", "aux", "nul", "com1", "lpt9")


@given(st.lists(ANY, min_size=1, max_size=6), st.sampled_from(["", ".png"]))
@example([".."], "")
@example(
    ["", ".", "..", "...", "/", "//", "a/../../b", "~", "con", "con.png", "Nul.tar.gz", "x" * 300, "日" * 300], ""
)
@example(["ab" * 200, "ab" * 201, "a" * 199 + "é", "é", "e\u0301", "É", "ß", "SS", "a-2", "a", "A"], ".png")
def test_any_text_becomes_one_safe_name_of_its_own(texts, ending):
    names = file_names(texts, ending)
    assert len(names) == len(texts)
    for name in names:
        stem = name.removesuffix(ending)
        assert os.path.normpath(os.path.join("out", name)) == os.path.join("out", name)  # noqa: PTH118
        assert 0 < len(os.fsencode(name)) <= 255 and name.endswith(ending)
        assert not set(name) & set('/\\:*?"<>|') and stem[0] != "." and name[-1] not in ". "
        assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs") for character in name)
        assert name.split(".")[0].lower() not in DEVICES
    assert len({unicodedata.normalize("NFD", name).casefold() for name in names}) == len(names)


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (["digit", "digit", "Digit", "digit"], ["digit", "digit-2", "Digit-3", "digit-4"]),
        (["photo-2", "photo", "photo"], ["photo-2", "photo", "photo-3"]),
        (["01_block/conv", "IMG 5.jpeg"], ["01_block_conv", "IMG 5.jpeg"]),
        (["..", ".hidden", "end."], ["__", "_hidden", "end_"]),
        (["日本", "žluťoučký"], ["日本", "žluťoučký"]),
        (["a\x1b[31m\n\u202e", "\udcff"], ["a_[31m__", "_"]),
    ],
)
def test_names_stay_as_like_as_they_can(texts, names):
    assert file_names(texts) == names
