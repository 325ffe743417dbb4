"""The tutorial runs: what its pages print, the numbers in their prose, their pictures are made by them."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import numpy as np
import pages
import pytest

pytest.importorskip("matplotlib")

from matplotlib import pyplot as plt
from plots import written

DOCS = Path(__file__).parents[1] / "docs"
TUTORIAL = DOCS / "tutorial"
CHAPTERS = sorted(page.name for page in TUTORIAL.glob("[0-9]*.md"))


@functools.cache
def draw():
    """The script docs/figures/draw.py."""
    return pages.script("draw", DOCS / "figures" / "draw.py")


class Drawn:
    """What is compared of a figure; the figure itself is closed."""

    def __init__(self, figure):
        texts = draw().written(figure)
        self.pixels = written.pixels(figure)
        self.words = draw().words(texts)
        self.boxes = written.boxes(figure, texts)


def run(page, name="page.md"):
    """The blocks of a page that was run, each with what it drew."""
    return [
        (block, None if block.figure is None else Drawn(block.figure))
        for block in draw().run(page, name, draw().TUTORIAL)
    ]


@functools.cache
def ran(name):
    """A chapter is run once for all tests of it."""
    return run((TUTORIAL / name).read_text(), name)


def printed(blocks):
    return "".join(block.printed for block, _ in blocks)


def test_there_are_chapters():
    assert CHAPTERS[0] == "1-drawing-the-line.md"
    assert [int(name.split("-")[0]) for name in CHAPTERS] == list(range(1, len(CHAPTERS) + 1))


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_prints_what_it_shows(name):
    blocks = ran(name)
    assert len(blocks) == len(pages.blocks((TUTORIAL / name).read_text(), "python")) > 0
    for block, _ in blocks:
        pages.check_printed(block.code, block.printed, block.shows)
    shown = [block.shows for block, _ in blocks if block.shows is not None]
    assert shown == pages.blocks((TUTORIAL / name).read_text(), "text"), "a block of text that no code prints"


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_numbers_in_the_prose_of_a_chapter_are_shown(name):
    assert pages.unshown((TUTORIAL / name).read_text(), printed(ran(name))) == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_pictures_of_a_chapter_are_those_that_are_committed(name, tmp_path):
    images = re.findall(r"!\[[^]]*\]\(([^)]+)\)", (TUTORIAL / name).read_text())
    drawn = [(block.image, figure) for block, figure in ran(name) if figure is not None]
    assert [f"figures/{image}" for image, _ in drawn] == images
    for image, figure in drawn:
        written.check(figure.pixels, figure.words, figure.boxes, TUTORIAL / "figures" / image, tmp_path)


def test_every_picture_is_some_chapters():
    used = {block.image for name in CHAPTERS for block, figure in ran(name) if figure is not None}
    assert {path.name for path in (TUTORIAL / "figures").iterdir()} == used


def test_the_contents_are_the_chapters():
    contents = (TUTORIAL / "README.md").read_text()
    assert re.findall(r"\]\((\d[^)]*\.md)\)", contents) == CHAPTERS
    assert pages.unshown(contents, "") == []


@pytest.mark.parametrize("name", ["README.md", *CHAPTERS])
def test_formulas_are_as_markdown_leaves_them(name):
    page = (TUTORIAL / name).read_text()
    for formula in pages.maths(page):
        # GitHub reads Markdown first: a backslash before a punctuation mark is gone, an empty line ends all
        assert not re.search(r"\\[^A-Za-z\s]", formula), formula
        assert "\n\n" not in formula, formula
        # one dollar too many, and what lies between formulas is taken for one
        assert formula.startswith("$$") or formula == f"${formula[1:-1].strip()}$", formula
        # a formula in a line stays in a line
        assert formula.startswith("$$") or "\n" not in formula, formula


# The tests themselves can fail.

PAGE = """# A page

It is 0.25, that is 25 %, of $3.75$, and of `4.5`; there are 1,200 rows (Fisher, 1936).

```python
import matplotlib.pyplot as plt
import numpy as np

print(np.array([0.25, 0.5]))  # [0.25 0.5 ]
rows = 1200
```

```python
for k in (1, 2):
    print(k / 2)
```

```text
0.5
1.0
```

```python
figure, ax = plt.subplots()
ax.plot([0, 1], [0, 1], label="one")
ax.plot([0.2, 0.6], [0.5, 0.5])
ax.set(xlabel="time", ylabel="place", title="A line")
ax.legend(loc="upper left")
```

![A line](figures/line.png)
"""


def edited(old, new):
    assert PAGE.count(old) == 1
    return PAGE.replace(old, new)


def check(page):
    blocks = run(page)
    for block, _ in blocks:
        pages.check_printed(block.code, block.printed, block.shows)
    assert pages.unshown(page, printed(blocks)) == []


def test_a_right_page_passes():
    check(PAGE)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# [0.25 0.5 ]", "# [0.25 0.6 ]", r"shows '\[0.25 0.6 \]', printed was '\[0.25 0.5 \]'"),
        ("  # [0.25 0.5 ]", "", "1 lines are printed, 0 shown"),
        ("0.5\n1.0\n", "0.5\n1.1\n", "printed was"),
        ("1.0\n", "", "printed was"),
        ("It is 0.25", "It is 0.26", "0.26"),
        ("It is 0.25", "It is -0.25", "-0.25"),
        ("25 %", "26 %", "26"),
        ("1,200 rows", "1,201 rows", "1,201"),
        ("`4.5`", "4.5", "4.5"),
        ("$3.75$", "3.75", "3.75"),
        ("rows = 1200", "rows = 1200  # twice 600", "600"),
        ("# [0.25 0.5 ]", "# [0.25 0.5 ]; a third is 0.33", "0.33"),
        ("(Fisher, 1936)", "1936", "1936"),
        ("0.25, that", "2.5e-1 and 1e-12, that", "1e-12"),
    ],
)
def test_a_wrong_page_fails(old, new, message):
    with pytest.raises(AssertionError, match=message):
        check(edited(old, new))


@pytest.mark.parametrize(
    ("old", "new"), [("\n![A line](figures/line.png)", ""), ("figure, ax", "picture, ax")]
)
def test_a_picture_without_a_place_and_a_place_without_a_picture_are_errors(old, new):
    with pytest.raises(ValueError, match="a block and its image"):
        run(edited(old, new))


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """The picture of PAGE, drawn by the script."""
    folder = tmp_path_factory.mktemp("figures")
    assert draw().draw(PAGE, folder, "page.md", draw().TUTORIAL) == ["line.png"]
    return folder / "line.png"


def compare(page, path, folder):
    ((_, figure),) = [one for one in run(page) if one[1] is not None]
    written.check(figure.pixels, figure.words, figure.boxes, path, folder)


def test_a_picture_is_its_own_and_no_figure_is_left_open(line, tmp_path):
    compare(PAGE, line, tmp_path)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    "font", ["plt.rcParams['font.family'] = 'serif'", "plt.rcParams['font.size'] = 10.5"]
)
def test_another_font_is_the_same_picture(line, tmp_path, font):
    compare(edited("figure, ax", f"{font}\nfigure, ax"), line, tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[0.5, 0.5]", "[0.53, 0.53]"),
        ("[0.2, 0.6]", "[0.2, 0.63]"),
        ('label="one")', 'label="one", linewidth=4)'),
        ('label="one")', 'label="one", linestyle="--")'),
        ('label="one")', 'label="one", color="#009E73")'),
        ("plt.subplots()", "plt.subplots(figsize=(6.4, 4.1))"),
    ],
)
def test_a_changed_picture_fails_and_is_left_behind(line, tmp_path, old, new):
    with pytest.raises(AssertionError, match="they differ by"):
        compare(edited(old, new), line, tmp_path)
    assert (tmp_path / "line.png").exists()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('label="one")', 'label="two")'),
        ('title="A line"', 'title="A lime"'),
        ('title="A line"', 'title="A line", xlim=(-1, 2)'),
        ('ax.legend(loc="upper left")', ""),
    ],
)
def test_changed_words_fail(line, tmp_path, old, new):
    with pytest.raises(AssertionError, match="is written"):
        compare(edited(old, new), line, tmp_path)


def test_boxes_may_not_cover_a_picture(line, tmp_path):
    pixels, words = written.committed(line)
    with pytest.raises(AssertionError, match="below text"):
        written.check(pixels, words, [(0.0, 0.0, pixels.shape[1], 0.5 * pixels.shape[0])], line, tmp_path)
    assert np.array_equal(
        written.covered((3, 4), [(1.0, 0.0, 3.0, 1.0)]),
        [[False] * 4, [False] * 4, [False, True, True, False]],
    )


def test_a_missing_picture_fails(tmp_path):
    with pytest.raises(AssertionError, match="no picture line"):
        written.check(np.ones((4, 4, 3)), "", [], tmp_path / "line.png", tmp_path)
