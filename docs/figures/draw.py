"""Draws the pictures of docs/pictures.md and of the README.

python docs/figures/draw.py [FOLDER]

Each block of the page draws one picture, `display`, under the name of the image that follows it.
"""

from __future__ import annotations

import re
import sys
import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "pictures.md"


def draw(page: str, folder: Path) -> list[str]:
    """Run the page's blocks in order and save what they draw; returns the names of the files."""
    names: dict[str, Any] = {}
    drawn = []
    for block, image in re.findall(
        r"^```python\n(.*?)^```\n\n!\[[^]]*\]\(figures/([\w.-]+)\)", page, re.M | re.S
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(block, names)
        figure = names["display"].figure_
        figure.savefig(folder / image, dpi=90, metadata={"Software": None})
        plt.close(figure)
        drawn.append(image)
    return drawn


if __name__ == "__main__":
    for name in draw(PAGE.read_text(), Path(sys.argv[1]) if len(sys.argv) > 1 else HERE):
        print(name)
