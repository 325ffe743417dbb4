"""Pictures against their baselines, whatever fonts and whichever matplotlib (3.8 or later) drew them.

What is compared is the drawing without any writing: text, ticks with their grid, and legends are left out,
and the axes stay where a figure puts them before a layout has measured text.  Tests assert what is written
from the artists.

Both pictures are blurred, so that edges may be smoothed in another manner.  At 60 dots an inch a strong line
that lies one pixel to a side changes a point of the blurred picture by 0.07 (of 1, black against white), two
pixels 0.14; a thin grey one that is elsewhere altogether 0.074.  ``LARGEST`` is below these, and ten times
what versions of matplotlib differ by; ``ROOT_MEAN_SQUARE`` refuses what is pale and large.
tests/plots/test_pictures.py holds both to their word.

Baselines are made anew by

    SIGMAX_NEW_BASELINES=1 python -m pytest tests/plots

which writes tests/plots/baseline/NAME.png instead of comparing: look at each with your own eyes, with its
text, before it is committed (``figure.savefig``).
"""

from __future__ import annotations

import os
from pathlib import Path

import matplotlib.image
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.ticker import NullLocator
from scipy.ndimage import gaussian_filter

FOLDER = Path(__file__).parent / "baseline"
DPI = 60
#: pixels
_BLUR = 2.0
LARGEST, ROOT_MEAN_SQUARE = 0.065, 0.006


def drawn(figure) -> np.ndarray:
    """The picture of a figure without text and ticks, (height, width, 3), 0 to 1; it spoils the figure."""
    figure.set_layout_engine("none")
    for axes in figure.axes:
        # limits first: where ticks choose them, they are those of the picture
        axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(NullLocator())
            axis.set_minor_locator(NullLocator())
    for artist in figure.findobj(lambda one: isinstance(one, Text | Legend)):
        artist.set_visible(False)
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba(), dtype=np.float64)[:, :, :3] / 255.0


def difference(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Largest difference and root mean square of two pictures, blurred; (inf, inf) of two sizes."""
    if a.shape != b.shape:
        return np.inf, np.inf
    change = gaussian_filter(a - b, (_BLUR, _BLUR, 0.0))
    return float(np.abs(change).max()), float(np.sqrt((change**2).mean()))


def is_same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two pictures show the same."""
    largest, rms = difference(a, b)
    return largest <= LARGEST and rms <= ROOT_MEAN_SQUARE


def check(figure, name: str, folder: Path) -> None:
    """Compare a figure with the baseline of a name; what differs is left in `folder`.

    The figure is spoilt by it: assert what is written in it before.
    """
    found, path = drawn(figure), FOLDER / f"{name}.png"
    if os.environ.get("SIGMAX_NEW_BASELINES") == "1":
        FOLDER.mkdir(exist_ok=True)
        matplotlib.image.imsave(path, found)
        return
    assert path.exists(), f"no baseline {path.name}: make it with SIGMAX_NEW_BASELINES=1, and look at it"
    wanted = matplotlib.image.imread(path)[:, :, :3].astype(np.float64)
    if not is_same(found, wanted):
        left = folder / f"{name}.png"
        matplotlib.image.imsave(left, found)
        largest, rms = difference(found, wanted)
        raise AssertionError(
            f"{left} is not {path.name}: they differ by {largest:.3f} (at most {LARGEST}), root mean square "
            f"{rms:.4f} (at most {ROOT_MEAN_SQUARE})"
        )
