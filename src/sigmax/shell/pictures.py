"""``--plots DIR``: the displays that make sense for a fit, each in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sigmax import extras
from sigmax.inference.result import Result
from sigmax.replacing import replacing
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


def draw(result: Result, directory: str, format: str, level: float) -> Iterator[tuple[str, str]]:
    """Draw into files; yields the path of each, and why it is not there, empty where it is."""
    import matplotlib as mpl

    # no window, whatever the terminal has
    with mpl.rc_context({"backend": "agg"}):
        from matplotlib import pyplot

        for name, make in displays(result, level).items():
            path = Path(directory) / f"{name}.{format}"
            try:
                figure = make().figure_
            except ValueError as error:
                # a picture that a fit does not have, a ROC of probability weights say, is no failure of it
                yield str(path), str(error)
                continue
            finally:
                pyplot.close("all")
            with replacing(path) as file:
                figure.savefig(file, format=format, dpi=_DPI)
            yield str(path), ""


def displays(result: Result, level: float) -> dict[str, Callable[[], Any]]:
    """File name -> what makes the display, of those that a result may have."""
    from sigmax import plots

    found: dict[str, Callable[[], Any]] = {}
    if result.param_names[1:] if result.fit_intercept else result.param_names:
        found["coefficients"] = lambda: plots.CoefficientDisplay.from_result(result, level=level)
    found["roc"] = lambda: plots.RocDisplay.from_result(result, level=level)
    found["calibration"] = lambda: plots.CalibrationDisplay.from_result(result, level=level)
    found["influence"] = lambda: plots.InfluenceDisplay.from_result(result)
    variables = _numbers(result)
    if len(variables) == 1:
        found["sigmoid"] = lambda: plots.SigmoidDisplay.from_result(result, level=level)
    if len(variables) == 2:
        found["boundary"] = lambda: plots.DecisionBoundaryDisplay.from_result(result)
    return found


def _numbers(result: Result) -> tuple[str, ...]:
    """What the fit explains with: variables of a table, or columns."""
    if result.terms is not None:
        return tuple(one.name for one in result.terms.variables)
    return result.param_names[1:] if result.fit_intercept else result.param_names
