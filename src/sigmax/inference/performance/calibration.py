"""Calibration: intercepts and slopes of the observed classes on the logits, and their tests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigmax.data.checks import coverage
from sigmax.inference.performance.outcomes import Outcomes
from sigmax.inference.performance.recalibration import (
    log_likelihood_gain,
    log_likelihoods,
    logits,
    recalibrate,
    varying,
)
from sigmax.inference.performance.sums import exact_sum
from sigmax.inference.performance.table import frame, number, p_value, table
from sigmax.inference.tables import Table, Tabular
from sigmax.inference.tails import chi2_tail
from sigmax.kernels import Float


@dataclass(frozen=True, slots=True)
class CalibrationTest:
    """A likelihood-ratio test.

    Attributes
    ----------
    statistic : float
    df : int
    pvalue : float
        Upper tail of chi^2; nan with df = 0.
    """

    statistic: float
    df: int
    pvalue: float

    def __str__(self) -> str:
        return f"chi2({self.df}) = {number(self.statistic, 3)}, {p_value(self.pvalue)}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Calibration(Tabular):
    """Calibration of probabilities: what their logits have to be moved and stretched by.

    With two classes the numbers are floats, of the log odds of class 1; with K > 2 they have shape (K - 1,),
    one for the log odds of each class against the first.

    Attributes
    ----------
    intercept, slope : float or ndarray of shape (K - 1,)
        Estimates of a and b in ``logit = a + b log(p_k / p_0)``; (0, 1) is perfect.
    intercept_se, slope_se
        Their standard errors; a slope of logits that do not vary is nan.
    in_the_large, in_the_large_se
        a with b = 1, and its standard error.
    overall : CalibrationTest
        Of all a = 0 and b = 1.
    intercepts : CalibrationTest
        Of a = 0 where b = 1: calibration in the large.
    slopes : CalibrationTest
        Of b = 1 where a is free.  Its statistic and that of `intercepts` add up to that of `overall`.
    observed, expected : ndarray of shape (K,)
        Number of observations of each class, and the sum of their probabilities.
    level : float
        Coverage of the intervals that are printed.
    classes : tuple of str, of length K
    """

    intercept: float | Float
    intercept_se: float | Float
    slope: float | Float
    slope_se: float | Float
    in_the_large: float | Float
    in_the_large_se: float | Float
    overall: CalibrationTest
    intercepts: CalibrationTest
    slopes: CalibrationTest
    observed: Float
    expected: Float
    level: float
    classes: tuple[str, ...]

    def _columns(self) -> tuple[list[str], dict[str, list[float]]]:
        """Names of the rows; estimate, standard error and interval."""
        from scipy.special import ndtri

        z = -float(ndtri(0.5 * (1.0 - self.level)))
        names: list[str] = []
        values: list[float] = []
        errors: list[float] = []
        several = len(self.classes) > 2
        for name, value, error in (
            ("slope", self.slope, self.slope_se),
            ("intercept", self.intercept, self.intercept_se),
            ("in the large", self.in_the_large, self.in_the_large_se),
        ):
            names += [f"{name}, {label}" for label in self.classes[1:]] if several else [name]
            values += np.atleast_1d(value).tolist()
            errors += np.atleast_1d(error).tolist()
        lower = [x - z * e for x, e in zip(values, errors, strict=True)]
        upper = [x + z * e for x, e in zip(values, errors, strict=True)]
        return names, {"estimate": values, "se": errors, "lower": lower, "upper": upper}

    def _table(self) -> Table:
        names, columns = self._columns()
        rows = tuple(
            (name, *(f"{x:z.4f}" for x in row))
            for name, row in zip(names, zip(*columns.values(), strict=True), strict=True)
        )
        header = ("", "estimate", "std. error", f"[{100 * self.level:g} % interval", "]")
        notes: tuple[str, ...] = (
            f"slope 1 and intercept 0: {self.overall}",
            f"in the large 0: {self.intercepts}",
            f"slope 1, any intercept: {self.slopes}",
        )
        if len(self.classes) > 2:
            notes = (f"log odds against {self.classes[0]}, each with its own slope", *notes)
        return table("Calibration", header, rows, notes)

    def __repr__(self) -> str:
        def shown(x: float | Float) -> str:
            return ", ".join(f"{v:z.4f}" for v in np.atleast_1d(x).tolist())

        return f"<calibration: slope {shown(self.slope)}, intercept {shown(self.intercept)}>"

    def to_frame(self) -> Any:
        """Estimates, standard errors and intervals as a pandas DataFrame.

        Raises
        ------
        ImportError
            Without pandas.
        """
        names, columns = self._columns()
        return frame(dict(columns), names, "calibration")


def _test(statistic: float, df: int) -> CalibrationTest:
    return CalibrationTest(statistic, df, float(chi2_tail(statistic, df)) if df else math.nan)


def calibration(data: Outcomes, level: float = 0.95) -> Calibration:
    """Intercepts and slopes of recalibration, and the tests of (0, 1).

        log(P(y = k) / P(y = 0)) = a_k + b_k log(p_k / p_0),   k = 1 .. K-1

    Parameters
    ----------
    data : Outcomes
        Every probability positive, every class observed.
    level : float
        Coverage of the intervals, 0 < level < 1.

    Returns
    -------
    Calibration

    Raises
    ------
    ValueError
        `level` is none, a probability is 0, a class was never observed, or the logits separate the classes: a
        slope is then infinite.

    Notes
    -----
    Two classes: Cox (Biometrika 45, 1958); the tests as Miller, Hui & Tierney (Stat. Med. 10, 1991).  More
    classes: the nominal recalibration of Van Hoorde, Vergouwe, Timmerman, Van Huffel, Steyerberg and Van
    Calster (Stat. Med. 33, 2014): one slope for each logit, and no other logit in its equation.  Slopes
    depend on which class is the first.

    For rows that a model with intercept was fitted to by maximum likelihood, slopes are 1 and intercepts 0:
    their use is with other rows.  Standard errors are those of the inverse information, and take the
    probabilities as given.
    """
    level = coverage(level)
    totals = data.class_totals()
    if not totals.all():
        missing = data.labels[int(np.argmin(totals))]
        raise ValueError(f"observed must hold every class for calibration; {missing} was never observed")
    L = logits(data)
    given = log_likelihoods(data, L)
    large = recalibrate(data, L, slopes=False)
    full = recalibrate(data, L, slopes=True) if varying(L).any() else large
    m, extra = L.shape[1], full.n_estimated - large.n_estimated
    first, second = (
        log_likelihood_gain(data, large.loglik, given),
        log_likelihood_gain(data, full.loglik, large.loglik),
    )
    slope = np.where(np.isnan(full.slope_se), np.nan, full.slope)
    expected = np.array([exact_sum(np.ascontiguousarray(column), data.totals) for column in data.p.T])

    def shaped(x: Float) -> float | Float:
        return float(x[0]) if data.binary else x

    return Calibration(
        intercept=shaped(full.intercept),
        intercept_se=shaped(full.intercept_se),
        slope=shaped(slope),
        slope_se=shaped(full.slope_se),
        in_the_large=shaped(large.intercept),
        in_the_large_se=shaped(large.intercept_se),
        overall=_test(log_likelihood_gain(data, full.loglik, given), m + extra),
        intercepts=_test(first, m),
        slopes=_test(second, extra),
        observed=totals,
        expected=expected,
        level=level,
        classes=data.labels,
    )
