"""``--plots DIR``: the displays that make sense for a fit, each in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sigmax import extras
from sigmax.data.writing import replacing
from sigmax.inference.result import Result
from sigmax.shell.usage import UsageError

#: dots per inch of a PNG
_DPI = 150


def check(directory: str) -> None:
    """Make the directory, and look for matplotlib, before the work begins."""
    extras.load("matplotlib", extra="plot", what="--plots")
    place = Path(directory)
    if place.exists() and not place.is_dir():
        raise UsageError(f"--plots needs the name of a directory; {directory} is a file")
    place.mkdir(parents=True, exist_ok=True)


def draw(result: Result, directory: str, format: str, level: float) -> Iterator[Path]:
    """Draw into files; yields the path of each that is there."""
    import matplotlib as mpl
    from matplotlib import pyplot

    # no window, whatever the terminal has
    with mpl.rc_context({"backend": "agg"}):
        for name, make in displays(result, level):
            path = Path(directory) / f"{name}.{format}"
            display = make()
            figure = display.figure_
            with replacing(path) as file:
                figure.savefig(file, format=format, dpi=_DPI)
            pyplot.close(figure)
            yield path


def displays(result: Result, level: float) -> Iterator[tuple[str, Callable[[], Any]]]:
    """File name and maker of each display that a result has."""
    from sigmax import plots

    yield "coefficients", lambda: plots.CoefficientDisplay.from_result(result, level=level)
