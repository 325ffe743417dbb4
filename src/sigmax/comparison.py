"""The same problem on both backends: every difference, and the time on each side.

Agreement is judged in each quantity's natural unit against a bound that follows from the rounding of
both sides (:mod:`sigmax.objective`, :mod:`sigmax.solvers.certificate`), so that it is as tight as the
problem is well conditioned:

===============  =======================================  ==========================================
quantity         measure                                  bound, of both sides added
===============  =======================================  ==========================================
NLL              relative                                 rounding of the NLL
gradient         in the norm of H^-1: how many standard   rounding of the gradient, in that norm
                 errors the optimum would move
Hessian          |H_jl - H'_jl| / sqrt(H_jj H_ll)         rounding of the Hessian, in that unit
parameters       |b_j - b'_j| / se_j                      proved distances to the exact optimum
standard errors  relative                                 condition number^2 times the rounding of H
log-likelihood   relative                                 rounding of the NLL, distances squared
===============  =======================================  ==========================================

NLL, gradient and Hessian are evaluated at half the fitted coefficients, where the gradient is not zero.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from sigmax import kernels, threads
from sigmax.data.design import Design
from sigmax.data.given_rows import of_rows
from sigmax.data.response import response
from sigmax.exceptions import SeparationWarning
from sigmax.fitting import fit
from sigmax.inference.result import Result
from sigmax.kernels import Float
from sigmax.objective import Evaluation, Objective
from sigmax.solvers.factor import Factor

T = TypeVar("T")

#: time spent on repetitions of one quantity on one backend, seconds
_SECONDS = 0.2
_MOST_REPETITIONS = 50


@dataclass(frozen=True, slots=True)
class Difference:
    """One quantity on both backends.

    Attributes
    ----------
    quantity : str
    absolute, relative : float
        Largest |a - b| and largest |a - b| / |b|, b the reference.
    ulps : float
        Largest distance in units in the last place of the reference.
    measure, bound : float
        The difference in the quantity's natural unit, and what is allowed.
    seconds_compiled, seconds_reference : float
        Median time of the evaluation or fit that gives the quantity.
    """

    quantity: str
    absolute: float
    relative: float
    ulps: float
    measure: float
    bound: float
    seconds_compiled: float
    seconds_reference: float

    @property
    def agrees(self) -> bool:
        """Whether the measure is within the bound (nan never is)."""
        return self.measure <= self.bound

    @property
    def speed_up(self) -> float:
        """Reference time divided by compiled time."""
        return self.seconds_reference / self.seconds_compiled


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both backends on one problem.

    Attributes
    ----------
    title : str
    differences : tuple of Difference
        Empty where the compiled backend is missing.
    missing : str
        Why the compiled backend is missing; empty where it is not.
    """

    title: str
    differences: tuple[Difference, ...]
    missing: str = ""

    @property
    def agrees(self) -> bool:
        """Whether all quantities are within their bounds."""
        return all(one.agrees for one in self.differences)

    def __str__(self) -> str:
        if self.missing:
            return f"{self.title}: only the Python twin runs here, nothing to compare ({self.missing})"
        header = (
            *("", "largest abs", "largest rel", "ulps", "measure", "bound"),
            *("compiled", "reference", "speed-up"),
        )
        rows = [header]
        for d in self.differences:
            rows.append(
                (
                    d.quantity,
                    f"{d.absolute:.1e}",
                    f"{d.relative:.1e}",
                    f"{d.ulps:.3g}" if d.ulps < 1e5 else f"{d.ulps:.1e}",
                    f"{d.measure:.1e}",
                    f"{d.bound:.0e}",
                    _time(d.seconds_compiled),
                    _time(d.seconds_reference),
                    f"{d.speed_up:.1f}x" + ("" if d.agrees else "  DISAGREES"),
                )
            )
        widths = [max(len(row[j]) for row in rows) for j in range(len(header))]
        widths[-1] = len(header[-1])
        lines = [
            "  ".join(
                cell.ljust(width) if j == 0 else cell.rjust(width)
                for j, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]
        verdict = "the backends agree" if self.agrees else "THE BACKENDS DISAGREE"
        return "\n".join([f"{self.title}: {verdict}", *lines])


def _time(seconds: float) -> str:
    for factor, unit in ((1.0, "s"), (1e3, "ms")):
        if seconds * factor >= 1.0:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def _ulps(a: Float, b: Float) -> float:
    size = np.spacing(np.maximum(np.abs(b), np.finfo(np.float64).tiny))
    return float(np.max(np.abs(a - b) / size, initial=0.0))


def _interleaved(first: Callable[[], T], second: Callable[[], T]) -> tuple[T, float, T, float]:
    """Both results and their median times, runs alternating, the first pair dropped."""
    a, b = first(), second()
    times: tuple[list[float], list[float]] = ([], [])
    while not times[0] or (sum(times[0]) < _SECONDS and len(times[0]) < _MOST_REPETITIONS):
        for call, kept in zip((first, second), times, strict=True):
            start = time.perf_counter()
            call()
            kept.append(time.perf_counter() - start)
    return a, float(np.median(times[0])), b, float(np.median(times[1]))


def _difference(
    quantity: str,
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    measure: float,
    bound: float,
    seconds: tuple[float, float],
) -> Difference:
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    gap = np.abs(x - y)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(gap == 0.0, 0.0, gap / np.abs(y))
    return Difference(
        quantity=quantity,
        absolute=float(np.max(gap, initial=0.0)),
        relative=float(np.max(relative, initial=0.0)),
        ulps=_ulps(x, y),
        measure=measure,
        bound=bound,
        seconds_compiled=seconds[0],
        seconds_reference=seconds[1],
    )


def _of_passes(
    objectives: tuple[Objective, Objective],
    e: Evaluation,
    f: Evaluation,
    seconds: tuple[float, float],
) -> tuple[Difference, ...]:
    """NLL, gradient and Hessian of one evaluation on each side."""
    inverse = Factor(f.hessian).inverse()
    moved = e.gradient - f.gradient
    root = np.sqrt(f.hessian.diagonal())
    nll = abs(e.nll - f.nll) / abs(f.nll)
    gradient = math.sqrt(max(float(moved @ inverse @ moved), 0.0))
    hessian = float(np.max(np.abs(e.hessian - f.hessian) / np.outer(root, root)))
    bounds = (
        sum(o.nll_rounding(at) for o, at in zip(objectives, (e, f), strict=True)),
        sum(o.gradient_rounding(at, inverse) for o, at in zip(objectives, (e, f), strict=True)),
        sum(o.hessian_rounding(at) for o, at in zip(objectives, (e, f), strict=True)),
    )
    return (
        _difference("NLL", [e.nll], [f.nll], nll, bounds[0], seconds),
        _difference("gradient", e.gradient, f.gradient, gradient, bounds[1], seconds),
        _difference("Hessian", e.hessian, f.hessian, hessian, bounds[2], seconds),
    )


def _of_fits(
    objectives: tuple[Objective, Objective],
    e: Evaluation,
    r: Result,
    s: Result,
    seconds: tuple[float, float],
) -> tuple[Difference, ...]:
    """Parameters, standard errors and log-likelihood of a fit on each side."""
    nll = sum(o.nll_rounding(e) for o in objectives)
    hessian = sum(o.hessian_rounding(e) for o in objectives)
    distance = r.certificate.standard_errors_off + s.certificate.standard_errors_off
    m = r.params.size
    spread = r.certificate.condition_number**2 * m * (hessian + 4.0 * m * 2.0**-53)
    kept = np.isfinite(s.params)
    spread = spread if kept.any() else 0.0
    # the same parameters are infinite, or without a limit, or the backends disagree
    same = 0.0 if np.array_equal(r.params[~kept], s.params[~kept], equal_nan=True) else math.inf
    a, b, errors_a, errors_b = r.params[kept], s.params[kept], r.bse[kept], s.bse[kept]
    parameters = float(np.max(np.abs(a - b) / errors_b, initial=same))
    errors = float(np.max(np.abs(errors_a - errors_b) / errors_b, initial=0.0))
    llf = abs(r.llf - s.llf) / abs(s.llf) if s.llf else abs(r.llf)
    return (
        _difference("parameters", a, b, parameters, distance, seconds),
        _difference("standard errors", errors_a, errors_b, errors, spread, seconds),
        _difference("log-likelihood", [r.llf], [s.llf], llf, nll + distance**2, seconds),
    )


def compare(
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    sample_weight: npt.ArrayLike | None = None,
    offset: npt.ArrayLike | None = None,
    fit_intercept: bool = True,
    n_threads: int | None = None,
    names: Sequence[str] | None = None,
    title: str = "comparison",
) -> Comparison:
    """Evaluate and fit one problem on both backends.

    Parameters
    ----------
    X, y, sample_weight, offset, fit_intercept, n_threads, names
        As for :func:`sigmax.fit`; X may be a table.
    title : str
        Heads the printed table.

    Returns
    -------
    Comparison
        ``agrees`` and, printed, a table of the largest differences, their bounds and the times.
    """
    missing = kernels.why_not_compiled()
    found = of_rows(X, y, names=names, sample_weight=sample_weight, offset=offset, intercept=fit_intercept)
    design = Design(found.X, intercept=fit_intercept, names=found.names)
    observed = response(
        found.y, design.n_rows, sample_weight=found.sample_weight, offset=found.offset, classes=found.classes
    )
    title = f"{title}, {design.n_rows:,} x {design.n_features}, {len(observed.classes)} classes"
    if missing:
        return Comparison(title, (), missing)

    def fitted(backend: str) -> Callable[[], Result]:
        def run() -> Result:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SeparationWarning)  # the title says so, once
                return fit(
                    X,
                    y,
                    sample_weight=sample_weight,
                    offset=offset,
                    fit_intercept=fit_intercept,
                    n_threads=n_threads,
                    backend=backend,
                    names=names,
                    collinear="raise",  # parameters without a number compare with nothing
                )

        return run

    r, seconds_r, s, seconds_s = _interleaved(fitted("compiled"), fitted("reference"))
    params = s.params
    if s.separation is not None:
        params = s.separation.finite
        title += f"; {s.separation.text(s.param_names)}"
    count = threads.resolve(n_threads)
    objectives = (
        Objective(design, observed, kernels.get("compiled"), count),
        Objective(design, observed, kernels.get("reference"), count),
    )
    halfway = 0.5 * params.ravel()
    e, seconds_e, f, seconds_f = _interleaved(
        lambda: objectives[0].evaluate(halfway), lambda: objectives[1].evaluate(halfway)
    )
    at_optimum = replace(e, coef=params.ravel())
    return Comparison(
        title,
        _of_passes(objectives, e, f, (seconds_e, seconds_f))
        + _of_fits(objectives, at_optimum, r, s, (seconds_r, seconds_s)),
    )
