"""What the documentation shows is what happens."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    *("README.md", "CONTRIBUTING.md", "kernels/README.md", "weights/README.md"),
    *(
        "docs/architecture.md",
        "docs/attribution.md",
        "docs/benchmark.md",
        "docs/explorer.md",
        "docs/functions.md",
        "docs/glossary.md",
        "docs/judge.md",
        "docs/keras_files.md",
        "docs/networks.md",
        "docs/scale.md",
    ),
    *("benchmarks/results/README.md", "tests/references/README.md"),
]


def text(page):
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_examples_print_what_the_page_says(page, tmp_path, monkeypatch):
    (tmp_path / "weights").symlink_to(ROOT / "weights")  # examples run beside a checkout, and may write files
    monkeypatch.chdir(tmp_path)
    example = doctest.DocTestParser().get_doctest(text(page), {}, page, page, 0)
    report: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False).run(example, out=report.append)
    assert not report, "".join(report)
    assert bool(example.examples) == (">>>" in text(page))


@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_are_there(page):
    path = ROOT / page
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", text(page))
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_files_that_a_page_names_are_there(page):
    named = re.findall(r"\b(?:convlab|kernels|tests|benchmarks|docs)/[\w/]+\.(?:py|md)\b", text(page))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_glossary_has_words_of_the_code():
    words = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", text("docs/glossary.md"), re.MULTILINE)[1:]
    files = (path for folder in ("convlab", "kernels") for path in (ROOT / folder).rglob("*.py"))
    code = " ".join(path.read_text(encoding="utf-8") for path in files) + text("docs/architecture.md")
    assert 25 <= len(words) <= 40
    assert words == sorted(words)
    assert [word for word in words if word not in code] == []
