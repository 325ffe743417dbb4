"""The result of a fit: estimates, their uncertainty, predictions, and what the rows say about them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sigmax.identification import parametrisation
from sigmax.inference.diagnostics import Diagnosed
from sigmax.inference.estimates import Estimates, class_index, facts
from sigmax.inference.exports.mixin import Exported
from sigmax.inference.margins import Marginal
from sigmax.inference.performance.mixin import Performance
from sigmax.inference.summaries import Summaries
from sigmax.kernels import Float

__all__ = ["Result", "class_index", "facts"]

_NO_MAP = (
    "the classes are separated, and which differences of infinite parameters are finite is a question for "
    "the data: call fit with {}"
)


# its docstring is that of the fields, which stand in Estimates
class Result(Summaries, Exported, Marginal, Performance, Diagnosed):  # noqa: D101
    __doc__ = Estimates.__doc__

    # -- parametrisation -------------------------------------------------------------------------

    def rebase(self, reference: Any) -> Self:
        """The same fit with another class as the reference: no refit, and no read of the data.

        Parameters
        ----------
        reference : label
            One of `classes`.

        Returns
        -------
        Result
            ``B_c - B_r`` for the parameters, and their covariance, which stays uncomputed as long as this
            one's is.  `predict_proba` and `predict` have the same bits; `decision_function` has those of
            its own parameters.  An `error_bound` is the sum of those of the two terms.

        Raises
        ------
        ValueError
            No such class.

        Notes
        -----
        Differences of parameters are exact to their rounding.  A covariance loses the digits that cancel:
        about log10(n_r / n_0) of them where the old reference has n_0 observations and the new one n_r.
        """
        origin, new = self._source, class_index(self.classes, reference)
        if origin._limit is not None and new != class_index(self.classes, origin.reference):
            raise ValueError(_NO_MAP.format(f"reference={reference!r}"))
        old = class_index(origin.classes, origin.reference)
        if new == old:
            return origin
        matrix, m = np.atleast_2d(origin.params), len(origin.classes) - 1
        params = parametrisation.rebased(matrix, old, new).reshape(origin.params.shape)
        bound = np.atleast_2d(origin.certificate.error_bound)
        bound = parametrisation.rebased_bound(bound, matrix, old, new).reshape(params.shape)
        return replace(
            origin,
            params=params,
            _covariance=lambda: parametrisation.rebased_covariance(origin.covariance, m, old, new),
            certificate=origin.certificate.of(params, bound),
            reference=self.classes[new],
            _origin=origin,
        )

    def symmetric(self) -> Self:
        """The same fit with coefficients for every class, which sum to zero over the classes.

        Returns
        -------
        Result
            Parameters ``B_c - mean B``, (K, k), with two classes, too: -w/2 and w/2.  The covariance has
            order K k and rank ``n_estimated``: it is the Moore-Penrose inverse of the information of all K k
            parameters.  `decision_function` gives K columns, whose softmax are the probabilities;
            `predict_proba` and `predict` have the same bits.  No refit; see :meth:`rebase`.
        """
        origin = self._source
        if origin._limit is not None:
            raise ValueError(_NO_MAP.format("another reference="))
        old, m = class_index(origin.classes, origin.reference), len(origin.classes) - 1
        matrix = np.atleast_2d(origin.params)
        params = parametrisation.symmetric(matrix, old)
        bound = parametrisation.symmetric_bound(np.atleast_2d(origin.certificate.error_bound), matrix, old)
        return replace(
            origin,
            params=params,
            _covariance=lambda: parametrisation.symmetric_covariance(origin.covariance, m, old),
            certificate=origin.certificate.of(params, bound),
            reference=None,
            _origin=origin,
        )

    def _compute(self) -> None:
        # reading them keeps them
        _ = self.covariance
        if self._origin is None and self._observations is not None:
            _ = self.llnull

    def _observed_and_fitted(self) -> tuple[Float, npt.NDArray[np.generic], Float | None]:
        """Probabilities (n, K), codes (n,) or counts (n, K), and frequencies, of the rows of the fit."""
        observations = self._rows("a measure of the rows of the fit")
        units = observations.units
        if units.importance is not None:
            raise ValueError(
                f"measures of fit count observations, and weights of type {self.weight_type!r} are no "
                "counts: their errors and tests are not known here; take frequencies"
            )
        observed = units.codes if units.counts is None else units.counts
        assert observed is not None
        return observations.fitted(), observed, units.frequency

    def _parametrised_as(self, other: Estimates) -> Self:
        if other._origin is None:
            return self
        return self.symmetric() if other.reference is None else self.rebase(other.reference)
