"""Whole pictures, with what is written in them, against committed ones.

The drawing is compared as :mod:`plots.pictures` compares, with its blur and its bounds, outside the boxes of
texts and legends, whose letters another version of matplotlib draws in another manner.  What is written is
compared as words: a committed picture has its own in its metadata, where docs/figures/draw.py puts them.

Only for figures whose axes do not move with the size of their text (no constrained or tight layout).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import matplotlib.image
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.legend import Legend
from matplotlib.text import Text
from PIL import Image
from plots import pictures

#: dots of a committed picture for one of those that are compared
_FINER = 2
DPI = _FINER * pictures.DPI
#: around a box, in inches: letters are wider elsewhere
_MARGIN = 0.06
#: share of a picture that boxes may cover, for what is below them is not compared
COVERED = 0.35


def boxes(figure, texts: Iterable[Text]) -> list[tuple[float, float, float, float]]:
    """Left, bottom, right and top of what is written in a figure that was drawn, in dots."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    legends = figure.findobj(lambda one: isinstance(one, Legend) and one.get_visible())
    margin = _MARGIN * figure.dpi
    return [
        (box.x0 - margin, box.y0 - margin, box.x1 + margin, box.y1 + margin)
        for box in (one.get_window_extent(renderer) for one in (*texts, *legends))
    ]


def pixels(figure) -> np.ndarray:
    """A figure as it was drawn, (height, width, 3), 0 to 1."""
    return np.asarray(figure.canvas.buffer_rgba(), dtype=np.float64)[:, :, :3] / 255.0


def committed(path: Path) -> tuple[np.ndarray, str]:
    """The picture in a file, and the words that its metadata has."""
    with Image.open(path) as image:
        return matplotlib.image.pil_to_array(image)[:, :, :3] / 255.0, image.text["Description"]


def covered(shape: tuple[int, ...], covers: Iterable[tuple[float, float, float, float]]) -> np.ndarray:
    """Which pixels of a picture of a shape are in one of the boxes."""
    height, width = shape[:2]
    mask = np.zeros((height, width), dtype=bool)
    for left, bottom, right, top in covers:
        rows = slice(max(0, int(height - top)), max(0, int(np.ceil(height - bottom))))
        mask[rows, max(0, int(left)) : max(0, int(np.ceil(right)))] = True
    return mask


def difference(a: np.ndarray, b: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    """`plots.pictures.difference` of two pictures outside a mask, at the resolution it is meant for."""
    if a.shape != b.shape:
        return np.inf, np.inf

    def coarse(picture: np.ndarray) -> np.ndarray:
        height, width = (side - side % _FINER for side in picture.shape[:2])
        shown = np.where(mask[:, :, None], 1.0, picture)[:height, :width]
        return shown.reshape(height // _FINER, _FINER, width // _FINER, _FINER, 3).mean(axis=(1, 3))

    return pictures.difference(coarse(a), coarse(b))


def check(
    found: np.ndarray,
    said: str,
    covers: Iterable[tuple[float, float, float, float]],
    path: Path,
    folder: Path,
) -> None:
    """Compare a picture and its words with a committed one; what differs is left in `folder`."""
    assert path.exists(), f"no picture {path.name}: make it with docs/figures/draw.py, and look at it"
    wanted, words = committed(path)
    assert said == words, f"in {path.name} is written {words!r}, and now {said!r}"
    mask = covered(found.shape, covers)
    assert mask.mean() <= COVERED, f"{mask.mean():.2f} of {path.name} is below text, and not compared"
    largest, rms = difference(found, wanted, mask)
    if not (largest <= pictures.LARGEST and rms <= pictures.ROOT_MEAN_SQUARE):
        left = folder / path.name
        matplotlib.image.imsave(left, found)
        raise AssertionError(
            f"{left} is not {path}: they differ by {largest:.3f} (at most {pictures.LARGEST}), root mean "
            f"square {rms:.4f} (at most {pictures.ROOT_MEAN_SQUARE}); docs/figures/draw.py makes the latter"
        )
