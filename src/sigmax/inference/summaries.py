"""What a result shows: its summary, data frames, and the tables that other packages make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sigmax.inference.maketables import MakeTables
from sigmax.inference.summary import Summary, summary_table

if TYPE_CHECKING:
    import pandas as pd

#: parameters above which a notebook shows a line instead of the table
_MOST_HTML = 10_000


class Summaries(MakeTables):
    """Tables of a result."""

    def summary(
        self, *, level: float = 0.95, target: str | None = None, odds_ratios: bool = False
    ) -> Summary:
        """The table of coefficients with likelihood, covariance, certificate and backend.

        Parameters
        ----------
        level : float
            Coverage of the intervals.
        target : str, optional
            Name of the response; by default the formula's, or y.
        odds_ratios : bool
            exp(estimate) in place of the estimate: odds ratios for two classes, relative-risk ratios for
            more.  Their standard errors are those of the delta method, exp(b) se(b), their intervals exp of
            those of b; z and p are of b.

        Returns
        -------
        Summary
            A str; a notebook shows it as HTML.  Numbers have the decimals that give their standard error four
            digits.  "aliased" stands for a column that was left out, "inf" and "-inf" for parameters that
            separated classes make infinite, "no limit" for those they leave without a value.

        Raises
        ------
        ValueError
            `level` is not between 0 and 1; the data were changed in place since the fit.

        Notes
        -----
        The likelihood-ratio test against the null model is left out where the covariance is not the inverse
        information, or estimates are penalised; AIC and BIC are with probability weights.  A covariance of
        another kind brings the Wald test of all slopes, unless there are fewer clusters than slopes.
        """
        return Summary(
            summary_table(self, level=level, target=target or self._target, odds_ratios=odds_ratios)
        )

    def to_frame(self, *, level: float = 0.95, odds_ratios: bool = False) -> pd.DataFrame:
        """The coefficients as a pandas DataFrame, a row for each.

        Parameters
        ----------
        level : float
            Coverage of the intervals.
        odds_ratios : bool
            Also columns odds_ratio, odds_ratio_std_error, odds_ratio_lower and odds_ratio_upper: exp of the
            estimate, its standard error by the delta method, exp of the ends.

        Returns
        -------
        DataFrame
            Columns estimate, std_error, z, p, lower and upper, numbers of full precision.  The index has the
            names of the parameters, "term"; where `params` has a row for each class, two levels, "class" and
            "term", in the order of ``params.ravel()``.

        Raises
        ------
        ImportError
            pandas is not installed.
        ValueError
            `level` is not between 0 and 1.
        """
        from sigmax.inference.frames import coefficients

        return coefficients(self, level=level, odds_ratios=odds_ratios)

    def __repr__(self) -> str:
        state = "converged" if self.certificate.converged else "NOT converged"
        return (
            f"<sigmax result: {len(self.classes)} classes, {self.n_estimated} parameters, "
            f"{self.nobs:g} observations, llf {self.llf:.6f}, {state}>"
        )

    def _repr_html_(self) -> str | None:
        return self.summary()._repr_html_() if self.params.size <= _MOST_HTML else None
