"""Linear combinations of estimates with their standard errors, tests and intervals: a table, line by line.

    b = r'theta - q,     se^2 = || L'r ||^2,     z = b / se,     b -+ Phi^-1((1 + level) / 2) se

with V = L L' the covariance; exponentiated, exp(b) has the standard error exp(b) se of the delta method and
the interval of the ends' exponentials, while z and p stay those of b = 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sigmax.data.checks import coverage
from sigmax.inference.hypotheses import Hypotheses
from sigmax.inference.tables import Table, Tabular, decimals, in_line, require_pandas
from sigmax.inference.tails import log_normal_tail, normal_tail, p_text
from sigmax.inference.wald import ROUNDING, scaled
from sigmax.kernels import Float

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LinearCombinations(Tabular):
    """Estimates of linear combinations, one line each.

    Attributes
    ----------
    expressions : tuple of str, of length n
    estimate, bse : ndarray of shape (n,)
        Estimates and their standard errors; a standard error that is rounding is 0.
    zvalues, pvalues, log_pvalues : ndarray of shape (n,)
        Tests against 0 (against a ratio of 1 where exponentiated); nan where the standard error is 0.
    lower, upper : ndarray of shape (n,)
        Ends of the intervals.
    level : float
        Their coverage.
    exponentiated : bool
        Estimates, standard errors and intervals are those of exp(combination): odds ratios.
    """

    expressions: tuple[str, ...]
    estimate: Float
    bse: Float
    zvalues: Float
    pvalues: Float
    log_pvalues: Float
    lower: Float
    upper: Float
    level: float
    exponentiated: bool = False

    def exp(self) -> LinearCombinations:
        """The same of exp(combination): odds ratios; itself where it is that already."""
        if self.exponentiated:
            return self
        with np.errstate(over="ignore", under="ignore"):
            ratio = np.exp(self.estimate)
            return replace(
                self,
                estimate=ratio,
                bse=ratio * self.bse,
                lower=np.exp(self.lower),
                upper=np.exp(self.upper),
                exponentiated=True,
            )

    def to_frame(self) -> pd.DataFrame:
        """A pandas DataFrame, one row for each expression.

        Raises
        ------
        ImportError
            pandas is not installed.
        """
        pandas = require_pandas("to_frame()")
        columns = {
            "estimate": self.estimate,
            "std_error": self.bse,
            "z": self.zvalues,
            "p": self.pvalues,
            "lower": self.lower,
            "upper": self.upper,
        }
        frame: pd.DataFrame = pandas.DataFrame(
            columns, index=pandas.Index(self.expressions, name="combination")
        )
        return frame

    def _table(self) -> Table:
        digits = [decimals(float(error)) for error in self.bse]
        columns = [
            [f"exp({text})" if self.exponentiated else text for text in self.expressions],
            in_line(self.estimate.tolist(), digits),
            in_line(self.bse.tolist(), digits),
            [f"{z:z.3f}" for z in self.zvalues.tolist()],
            [p_text(p) for p in self.log_pvalues.tolist()],
            in_line(self.lower.tolist(), digits),
            in_line(self.upper.tolist(), digits),
        ]
        header = ("", "estimate", "std. error", "z", "p", f"[{100 * self.level:g} % interval", "]")
        return Table(header, list(zip(*columns, strict=True)))

    def __repr__(self) -> str:
        count = len(self.expressions)
        return f"<linear combinations: {', '.join(self.expressions[:3])}{', ...' if count > 3 else ''}>"


def linear_combinations(
    combinations: Hypotheses, theta: Float, root: Float, level: float = 0.95
) -> LinearCombinations:
    """R theta - q, row by row.

    Parameters
    ----------
    combinations : Hypotheses
        R (n, P) and q (n,).
    theta : ndarray of shape (P,)
        Estimates.
    root : ndarray of shape (P, r)
        L of their covariance V = L L'; rows of parameters that R does not concern may be nan.
    level : float
        Coverage of the intervals, 0 < level < 1.

    Raises
    ------
    ValueError
        `level` is none, or a standard error is missing.
    """
    from scipy.special import ndtri

    level = coverage(level)
    A, d, _, s = scaled(combinations, theta, root)
    error = np.linalg.norm(A, axis=1)
    error = np.where(error > ROUNDING, error, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(error > 0.0, d / error, np.nan)
    estimate, bse = s * d, s * error
    half = -float(ndtri((1.0 - level) / 2.0)) * bse
    return LinearCombinations(
        expressions=combinations.texts,
        estimate=estimate,
        bse=bse,
        zvalues=z,
        pvalues=normal_tail(z),
        log_pvalues=log_normal_tail(z),
        lower=estimate - half,
        upper=estimate + half,
        level=level,
    )
