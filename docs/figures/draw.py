"""Draws the pictures of docs/pictures.md (the README's are among them) and of docs/tutorial.

python docs/figures/draw.py [PAGE ...]

Runs each page, all of them by default, and writes its pictures into the folder `figures` beside it.  The
tests run the pages in the same manner, by :func:`run`.

A block of Python may be followed by a block of text, which is what it prints, and then by an image, which is
what it draws: `figure`, a figure of matplotlib, or that of `display`.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.text import Text

DOCS = Path(__file__).resolve().parents[1]

#: of docs/pictures.md: matplotlib's own look
PLAIN = {"savefig.dpi": 90}
#: of the tutorial.  The axes have their place whatever size the text has: the same picture with any font.
#: The colours are those of sigmax.plots (Okabe and Ito), which colour-blind readers tell apart, and the
#: ground is white on a dark page, too.
TUTORIAL = {
    "figure.dpi": 120,
    "figure.figsize": (6.4, 4.0),
    "figure.facecolor": "white",
    "figure.subplot.left": 0.11,
    "figure.subplot.right": 0.97,
    "figure.subplot.bottom": 0.14,
    "figure.subplot.top": 0.91,
    "figure.subplot.wspace": 0.28,
    "axes.facecolor": "white",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": "medium",
    "axes.prop_cycle": mpl.cycler(
        color=["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
    ),
    "font.size": 11.0,
    "grid.color": "#E8E8E8",
    "legend.edgecolor": "none",
    "legend.fontsize": "small",
    "legend.framealpha": 0.9,
    "lines.linewidth": 2.0,
}

_BLOCK = re.compile(
    r"^```python\n(?P<code>.*?)^```\n"
    r"(?:\n```text\n(?P<shows>.*?)^```\n)?"
    r"(?:\n!\[[^]]+\]\(figures/(?P<image>[\w.-]+)\))?",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A block that has been run."""

    code: str
    #: the block of text that follows it, if one does
    shows: str | None
    #: what it printed
    printed: str
    #: name of the image that follows it, if one does, and what it drew for it
    image: str | None
    figure: Figure | None


def run(page: str, name: str, style: dict[str, Any]) -> Iterator[Block]:
    """Run the blocks of a page in order, in one namespace.

    A figure is closed, and the look of figures set back, when the next block is asked for.

    Raises
    ------
    ValueError
        A block draws a figure without an image after it, or has an image and draws nothing.
    """
    names: dict[str, Any] = {"__name__": name}
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update({"backend": "Agg", **style})
        for found in _BLOCK.finditer(page):
            code, image = found["code"], found["image"]
            # the lines of a traceback are those of the page
            lines = "\n" * page.count("\n", 0, found.start("code"))
            with contextlib.redirect_stdout(io.StringIO()) as printed, warnings.catch_warnings():
                # those of other libraries are not ours
                warnings.simplefilter("ignore", DeprecationWarning)
                warnings.simplefilter("ignore", PendingDeprecationWarning)
                exec(compile(lines + code, name, "exec"), names)
            display, figure = names.pop("display", None), names.pop("figure", None)
            figure = figure or (display and display.figure_)
            if (figure is None) != (image is None):
                raise ValueError(f"{name}: a block and its image, {image}, and {figure} for it:\n{code}")
            yield Block(code, found["shows"], printed.getvalue(), image, figure)
            plt.close("all")


def written(figure: Figure) -> list[Text]:
    """Draw a figure, and return the texts that are seen on it."""
    seen: list[Text] = []
    plain = Text.draw

    def draw(self: Text, renderer: Any, *more: Any, **named: Any) -> None:
        if self.get_visible() and self.get_text().strip():
            seen.append(self)
        plain(self, renderer, *more, **named)

    with mock.patch.object(Text, "draw", draw):
        figure.canvas.draw()
    return seen


def words(texts: list[Text]) -> str:
    """What texts say, one line for each, sorted."""
    return "\n".join(sorted(text.get_text().replace("\n", " ") for text in texts))


def draw(page: str, folder: Path, name: str = "pictures.md", style: dict[str, Any] = PLAIN) -> list[str]:
    """Run a page and save what it draws; returns the names of the files.

    A file says in its metadata which words are written in it.
    """
    drawn = []
    for block in run(page, name, style):
        if block.figure is not None and block.image is not None:
            about = {"Software": None, "Description": words(written(block.figure))}
            block.figure.savefig(folder / block.image, metadata=about)
            drawn.append(block.image)
    return drawn


def style_of(page: Path) -> dict[str, Any]:
    """The look of the pictures of a page."""
    return TUTORIAL if page.parent.name == "tutorial" else PLAIN


if __name__ == "__main__":
    pages = [Path(one).resolve() for one in sys.argv[1:]]
    for page in pages or [DOCS / "pictures.md", *sorted((DOCS / "tutorial").glob("[0-9]*.md"))]:
        (page.parent / "figures").mkdir(exist_ok=True)
        for name in draw(page.read_text(), page.parent / "figures", page.name, style_of(page)):
            print(f"{page.parent.name}/figures/{name}")
