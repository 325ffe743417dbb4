"""The pages run: every block of Python, in order, and every printed line is the one that the page shows."""

import warnings
from pathlib import Path

import pages
import pytest

DOCS = Path(__file__).parents[1] / "docs"
#: pages whose code is run, in one process each
RUN = sorted(page.name for page in DOCS.glob("*.md") if pages.blocks(page.read_text(), "python"))


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
