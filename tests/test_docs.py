"""The pages run: every block of Python, in order, and every printed line is the one that the page shows."""

import re
import warnings
from pathlib import Path

import pages
import pytest

DOCS = Path(__file__).parents[1] / "docs"
#: pages whose code other tests run: tests/files/test_files_page.py, and the pictures below
ELSEWHERE = {"files.md", "pictures.md"}
#: pages whose code is run here
RUN = sorted(
    page.name
    for page in DOCS.glob("*.md")
    if pages.blocks(page.read_text(), "python") and page.name not in ELSEWHERE
)


def test_some_pages_have_code():
    assert {"coming-from-r.md", "coming-from-scikit-learn.md", "coming-from-statsmodels.md"} <= set(RUN)


@pytest.mark.parametrize("name", RUN)
def test_page(name, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in pages.blocks((DOCS / name).read_text(), "python"):
        with warnings.catch_warnings():
            # those of other libraries' imports are not ours
            warnings.simplefilter("ignore", DeprecationWarning)
            exec(compile(pages.uncommented(block), name, "exec"), names)
        printed = capsys.readouterr().out.splitlines()
        for line, comment in zip(printed, pages.prints(block), strict=True):
            assert pages.says(comment, line), f"the page shows {comment!r}, printed was {line!r}"


def test_the_pictures_of_the_page_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    module = pages.script("draw", DOCS / "figures" / "draw.py")
    page = (DOCS / "pictures.md").read_text()
    drawn = module.draw(page, tmp_path)
    assert [f"figures/{name}" for name in drawn] == re.findall(r"!\[[^]]*\]\(([^)]+)\)", page)
    assert len(drawn) == len(pages.blocks(page, "python")) == 9
    for name in drawn:
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "path", ["README.md", *(f"docs/{page.relative_to(DOCS)}" for page in sorted(DOCS.rglob("*.md")))]
)
def test_what_a_page_links_to_is_there(path):
    page = DOCS.parent / path
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)|(?:src|srcset)=\"([^\"]+)\"", text)
    for one in (first or second for first, second in links):
        if not one.startswith(("http:", "https:")):
            assert (page.parent / one).exists(), one
