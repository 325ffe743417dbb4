"""The methods of a result that say how well its probabilities fit, discriminate and predict."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sigmax.data.declared import recode
from sigmax.data.labels import encode
from sigmax.inference.performance import (
    calibration,
    calibration_curve,
    classification,
    hosmer_lemeshow,
    pseudo_rsquared,
    roc,
    scores,
)
from sigmax.inference.performance.outcomes import Outcomes, outcomes
from sigmax.kernels import Float


class Fitted(Protocol):
    """What the methods ask of a result."""

    @property
    def classes(self) -> npt.NDArray[np.generic]:
        """Labels, (K,)."""

    @property
    def llf(self) -> float:
        """Log-likelihood."""

    @property
    def nobs(self) -> float:
        """Number of observations."""

    @property
    def llnull(self) -> float:
        """Log-likelihood of the intercepts alone."""

    @property
    def n_estimated(self) -> int:
        """Number of estimated parameters."""

    def predict_proba(self, X: npt.ArrayLike, *, offset: npt.ArrayLike | None = None) -> Float:
        """Probabilities of new rows."""

    def _observed_and_fitted(self) -> tuple[Float, npt.NDArray[np.generic], Float | None]:
        """``p (n, K)``, codes (n,) or counts (n, K), frequency (n,) or None, of the rows of the fit."""


class Performance:
    """Goodness of fit, discrimination and calibration; a mixin of :class:`sigmax.inference.result.Result`.

    The class it is mixed into fulfils :class:`Fitted`.  All measures of the rows of the fit are optimistic
    about other rows, and all standard errors take the probabilities as given.
    """

    __slots__ = ()

    def outcomes(
        self: Fitted,
        X: npt.ArrayLike | None = None,
        y: npt.ArrayLike | None = None,
        *,
        sample_weight: npt.ArrayLike | None = None,
        offset: npt.ArrayLike | None = None,
    ) -> Outcomes:
        """Probabilities and what was observed, checked: what every measure of performance is a function of.

        Parameters
        ----------
        X, y, sample_weight, offset
            New rows, as for :meth:`calibration`; without them the rows of the fit.

        Returns
        -------
        Outcomes
            Of the rows that count: ``p`` of shape (n, K), and the cells that were observed.

        Raises
        ------
        ValueError
            X without y or y without X, labels of other classes; data that were changed since the fit, or left
            behind by pickling; weights that count no observations.

        See Also
        --------
        sigmax.inference.performance.roc.roc_auc : and the others in that package, which take it.
        """
        return _of_rows(self, X, y, sample_weight, offset)

    def hosmer_lemeshow(self: Fitted, groups: int = 10) -> hosmer_lemeshow.HosmerLemeshow:
        """Hosmer and Lemeshow's test of goodness of fit, for two classes or more.

        Parameters
        ----------
        groups : int
            Quantile groups by risk, at least 3; equal probabilities stay together.

        Returns
        -------
        HosmerLemeshow
            ``statistic``, ``df``, ``pvalue``, and the table of the groups.

        Raises
        ------
        ValueError, TypeError
            `groups` is no such number, or fewer than 3 groups of different probabilities are left.

        See Also
        --------
        sigmax.inference.performance.hosmer_lemeshow.hosmer_lemeshow : the rule of the groups; sources.
        """
        return hosmer_lemeshow.hosmer_lemeshow(_of(self), groups)

    def classification_table(self: Fitted, threshold: float = 0.5) -> classification.ClassificationTable:
        """Observed against predicted classes, with sensitivity, specificity and what follows.

        Parameters
        ----------
        threshold : float
            The other class than the first is predicted where its probability is at least that; with more than
            two classes the most probable is, and `threshold` must stay 0.5.

        Raises
        ------
        ValueError
            `threshold` is none.
        """
        return classification.classification_table(_of(self), threshold)

    def roc_auc(
        self: Fitted, level: float = 0.95, *, method: str = "delong", scale: str = "logit"
    ) -> roc.RocAuc:
        """Area under the ROC curve, with standard error and interval.

        Parameters
        ----------
        level : float
            Coverage of the interval.
        method : {"delong", "hanley"}
            DeLong, DeLong & Clarke-Pearson (1988), or Hanley & McNeil (1982).
        scale : {"logit", "plain"}
            Of the interval.

        Returns
        -------
        RocAuc
            With more than two classes, of each against all others, and Hand and Till's M.

        Raises
        ------
        ValueError
            An argument is none of these, or one of two classes was never observed.

        See Also
        --------
        sigmax.inference.performance.roc.roc_auc : formulas, and what an area of 1 is given.
        """
        return roc.roc_auc(_of(self), level, method=method, scale=scale)

    def roc_curve(self: Fitted, positive: int = 1) -> roc.RocCurve:
        """Points of the ROC curve of one class, by its index in `classes`, against all others."""
        return roc.roc_curve(_of(self), positive)

    def brier_score(self: Fitted) -> scores.Score:
        """Brier's score: mean (y - p)^2 of two classes, mean sum_k (y_k - p_k)^2 of more.

        Returns
        -------
        Score
            ``score``, ``se``, and ``scaled``: 1 - score / that of the shares of the classes.
        """
        return scores.brier_score(_of(self))

    def log_score(self: Fitted) -> scores.Score:
        """Logarithmic score: mean of -log p of the class that was observed, in nats."""
        return scores.log_score(_of(self))

    def calibration(
        self: Fitted,
        X: npt.ArrayLike | None = None,
        y: npt.ArrayLike | None = None,
        *,
        sample_weight: npt.ArrayLike | None = None,
        offset: npt.ArrayLike | None = None,
        level: float = 0.95,
    ) -> calibration.Calibration:
        """Calibration intercepts and slopes, and the tests that they are 0 and 1.

        Parameters
        ----------
        X : array_like of shape (n, p), optional
            New rows; without them the rows of the fit, whose slopes are 1 and intercepts 0 where the model
            has an intercept and was fitted by maximum likelihood.
        y : array_like of shape (n,) or (n, K), optional
            Their labels, or counts of the classes in the order of `classes`.
        sample_weight : array_like of shape (n,), optional
            Frequency weights of the new rows.
        offset : array_like, optional
            As for :meth:`predict_proba`.
        level : float
            Coverage of the intervals.

        Raises
        ------
        ValueError
            X without y or y without X, labels of other classes, probabilities of 0, a class that was never
            observed, or classes that the logits separate.
        """
        return calibration.calibration(_of_rows(self, X, y, sample_weight, offset), level)

    def calibration_curve(
        self: Fitted,
        X: npt.ArrayLike | None = None,
        y: npt.ArrayLike | None = None,
        *,
        groups: int = 10,
        sample_weight: npt.ArrayLike | None = None,
        offset: npt.ArrayLike | None = None,
        level: float = 0.95,
    ) -> calibration_curve.CalibrationCurve:
        """Mean probability and observed share, with Wilson's intervals, in quantile groups.

        Parameters
        ----------
        X, y, sample_weight, offset, level
            As for :meth:`calibration`.
        groups : int
            Quantile groups of the probability of a class.
        """
        return calibration_curve.calibration_curve(_of_rows(self, X, y, sample_weight, offset), groups, level)

    def pseudo_rsquared(self: Fitted, kind: str = "mcfadden") -> float:
        """A pseudo R^2.

        Parameters
        ----------
        kind : {"mcfadden", "mcfadden_adjusted", "cox_snell", "nagelkerke", "tjur"}
            Tjur's D is for two classes.

        Raises
        ------
        ValueError
            No such kind, or Tjur's D of more than two classes.

        See Also
        --------
        sigmax.inference.performance.pseudo_rsquared.likelihood_rsquared : formulas.
        """
        if kind == "tjur":
            return scores.tjur(_of(self))
        if kind not in pseudo_rsquared.KINDS:
            raise ValueError(
                f"kind must be one of {', '.join(map(repr, pseudo_rsquared.KINDS))}; got {kind!r}"
            )
        return pseudo_rsquared.likelihood_rsquared(kind, self.llf, self.llnull, self.nobs, self.n_estimated)


def _of(result: Fitted) -> Outcomes:
    p, observed, frequency = result._observed_and_fitted()
    return outcomes(p, observed, frequency, result.classes)


def _of_rows(
    result: Fitted,
    X: npt.ArrayLike | None,
    y: npt.ArrayLike | None,
    sample_weight: npt.ArrayLike | None,
    offset: npt.ArrayLike | None,
) -> Outcomes:
    """Outcomes of new rows, or of those of the fit."""
    if X is None and y is None:
        for name, value in (("sample_weight", sample_weight), ("offset", offset)):
            if value is not None:
                raise ValueError(f"{name} is for new rows: give X and y, too")
        return _of(result)
    if X is None or y is None:
        raise ValueError(f"X and y must come together; {'X' if X is None else 'y'} is missing")
    p = np.asarray(result.predict_proba(X, offset=offset))
    return outcomes(p, _observed(y, len(p), result.classes), sample_weight, result.classes)


def _observed(y: npt.ArrayLike, n: int, classes: npt.NDArray[np.generic]) -> npt.NDArray[Any]:
    """Counts as they are, labels as codes among `classes`."""
    given = np.asarray(y)
    if given.shape == (n, len(classes)):
        return given
    if given.shape != (n,):
        raise ValueError(
            f"y must have shape ({n},), a label for each row of X, or ({n}, {len(classes)}), counts; "
            f"got {given.shape}"
        )
    codes, _ = recode(classes, *encode(given, least=1), None)
    return codes
