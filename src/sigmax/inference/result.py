"""The result of a fit: estimates, their uncertainty, predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from sigmax import kernels, threads
from sigmax.data.checks import contiguous, finite, numbers
from sigmax.data.design import Design
from sigmax.functions import expit, softmax
from sigmax.inference.profile import LikelihoodRatioTest, Profile, likelihood_ratio_test, profile_intervals
from sigmax.inference.summary import summary_text
from sigmax.kernels import Float
from sigmax.objective import linear_predictor
from sigmax.solvers.certificate import Certificate

#: computes a covariance when it is first read
Deferred: TypeAlias = Callable[[], Float]


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """Maximum-likelihood estimates of a logistic or multinomial regression.

    With two classes the parameters have shape (k,) and belong to the log odds of ``classes[1]`` against
    ``classes[0]``.  With K > 2 classes they have shape (K - 1, k): row c belongs to the log odds of
    ``classes[c + 1]`` against ``classes[0]``.  k counts the intercept, which comes first.

    Attributes
    ----------
    params : ndarray of shape (k,) or (K - 1, k)
        Estimates.
    llf : float
        Log-likelihood, summed over the observations, natural logarithm.
    nobs : float
        Number of observations: the sum of the frequency weights.
    classes : ndarray of shape (K,)
        Labels, sorted; the first is the reference.
    param_names : tuple of str, of length k
    certificate : Certificate
        How far `params` can be from the exact optimum.
    fit_intercept : bool
    l2 : float
        Strength of the penalty.  Where it is not 0, `covariance` is the inverse of the penalised information.
    backend, isa : str
        Where the numbers were computed.
    n_threads : int
        Threads that were allowed; has no influence on any number.
    bias_reduction : str or None
        "firth" for Firth's estimates, the maximum of the likelihood with Jeffreys' prior; None for none.
    penalised_llf : float or None
        What Firth's estimates maximise: llf + 1/2 log det of the information; None without them.

    Notes
    -----
    The covariance of a fit of many rows is computed when it is first read, from X as it then is: that takes
    one more read of the data, and raises a ValueError where they have been changed in place since the fit.
    Until then the result keeps X alive; pickling computes it.
    """

    params: Float
    _covariance: Float | Deferred
    llf: float
    nobs: float
    classes: npt.NDArray[np.generic]
    param_names: tuple[str, ...]
    certificate: Certificate
    fit_intercept: bool
    l2: float
    backend: str
    isa: str
    n_threads: int
    bias_reduction: str | None = None
    penalised_llf: float | None = None
    _profile: Profile | None = None

    # -- uncertainty ---------------------------------------------------------------------------

    @property
    def covariance(self) -> Float:
        """Inverse of the observed information at `params`, (m k, m k), in the order of ``params.ravel()``."""
        if not isinstance(self._covariance, np.ndarray):
            object.__setattr__(self, "_covariance", self._covariance())
        found = self._covariance
        assert isinstance(found, np.ndarray)
        return found

    def __getstate__(self) -> dict[str, object]:
        # an array travels, the data do not
        return {**self.__dict__, "_covariance": self.covariance, "_profile": None}

    def cov_params(self) -> Float:
        """Covariance of the estimates: inverse observed information, (m k, m k), a copy."""
        return self.covariance.copy()

    @property
    def bse(self) -> Float:
        """Standard errors, shape of `params`."""
        errors: Float = np.sqrt(self.covariance.diagonal()).reshape(self.params.shape)
        return errors

    @property
    def zvalues(self) -> Float:
        """Estimates divided by their standard errors, shape of `params`."""
        return self.params / self.bse

    @property
    def pvalues(self) -> Float:
        """Two-sided normal tail 2 Phi(-|z|), shape of `params`; relatively accurate down to 1e-300."""
        from scipy.special import ndtr

        p: Float = 2.0 * ndtr(-np.abs(self.zvalues))
        return p

    def conf_int(self, level: float = 0.95, method: str = "wald") -> Float:
        """Confidence intervals of each parameter.

        Parameters
        ----------
        level : float
            Coverage, 0 < level < 1.
        method : {"wald", "profile"}
            "wald": params -+ Phi^-1((1 + level) / 2) bse.  "profile", of Firth's estimates: the values that
            the penalised likelihood-ratio test does not reject, each other parameter at its constrained
            maximum (Heinze & Schemper, Stat. Med. 21, 2002); reads the data many times.

        Returns
        -------
        ndarray, shape of `params` plus (2,)
            Lower and upper ends; a profile has -inf or inf where it never falls so far.

        Raises
        ------
        ValueError
            `level` or `method` is none of these, or there is no profile: of estimates without bias
            reduction, or of a result that was pickled, which leaves the data behind.
        """
        if not 0.0 < level < 1.0:
            raise ValueError(f"level must be between 0 and 1; got {level!r}")
        if method not in ("wald", "profile"):
            raise ValueError(f"method must be 'wald' or 'profile'; got {method!r}")
        if method == "profile":
            return profile_intervals(self._require_profile("method='profile'"), self.params.shape, level)
        from scipy.special import ndtri

        half = -float(ndtri((1.0 - level) / 2.0)) * self.bse
        return np.stack([self.params - half, self.params + half], axis=-1)

    def penalised_lr_test(self) -> LikelihoodRatioTest:
        """Penalised likelihood-ratio test of each parameter of Firth's estimates against 0.

        2 (penalised_llf - its maximum with the parameter at 0), with the determinant of the whole information
        in both (Heinze & Schemper, Stat. Med. 21, 2002), against chi^2 with one degree of freedom.  Reads the
        data for a constrained fit of each parameter.

        Returns
        -------
        LikelihoodRatioTest
            ``statistic`` and ``pvalue``, shape of `params`.

        Raises
        ------
        ValueError
            As for ``conf_int(method="profile")``.
        """
        return likelihood_ratio_test(self._require_profile("penalised_lr_test()"), self.params.shape)

    def _require_profile(self, what: str) -> Profile:
        if self._profile is not None:
            return self._profile
        if self.bias_reduction is None:
            raise ValueError(f"{what} is for fits with bias_reduction='firth'; this one has none")
        raise ValueError(f"{what} needs the data, which a pickled result leaves behind: fit again")

    @property
    def df_model(self) -> int:
        """Number of estimated slopes: parameters without the intercepts."""
        logits = len(self.classes) - 1
        return self.params.size - logits * self.fit_intercept

    @property
    def aic(self) -> float:
        """Akaike's criterion, 2 m k - 2 llf."""
        return 2.0 * self.params.size - 2.0 * self.llf

    @property
    def bic(self) -> float:
        """Schwarz's criterion, m k log(nobs) - 2 llf."""
        return self.params.size * float(np.log(self.nobs)) - 2.0 * self.llf

    # -- prediction ----------------------------------------------------------------------------

    def decision_function(self, X: npt.ArrayLike, *, offset: npt.ArrayLike | None = None) -> Float:
        """Logits of new rows.

        Parameters
        ----------
        X : array_like of shape (n, p)
            The columns of the fit, in its order.
        offset : array_like of shape (n,) or (n, K - 1), optional
            Added to the logits.

        Returns
        -------
        ndarray of shape (n,) or (n, K - 1)
            Log odds of the classes 1 .. K-1 against class 0.
        """
        names = self.param_names[1:] if self.fit_intercept else self.param_names
        array = numbers("X", X)
        if array.ndim != 2 or array.shape[1] != len(names):
            raise ValueError(
                f"X must have shape (n, {len(names)}), the columns of the fit; got {array.shape}"
            )
        design = Design(array, intercept=self.fit_intercept, names=names)
        matrix = np.atleast_2d(self.params)
        shift = None if offset is None else self._offset(offset, design.n_rows, len(matrix))
        backend = kernels.get(self.backend)
        eta = linear_predictor(design, matrix, shift, backend, threads.resolve())
        return eta[:, 0] if self.params.ndim == 1 else eta

    @staticmethod
    def _offset(offset: npt.ArrayLike, n: int, m: int) -> Float:
        array = numbers("offset", offset)
        shape = (n,) if m == 1 else (n, m)
        if array.shape != shape:
            raise ValueError(f"offset must have shape {shape}; got {array.shape}")
        finite("offset", array)
        return contiguous(array).reshape(n, m)

    def predict_proba(self, X: npt.ArrayLike, *, offset: npt.ArrayLike | None = None) -> Float:
        """Probabilities of the classes, shape (n, K); columns in the order of `classes`.

        Parameters
        ----------
        X, offset
            As in :meth:`decision_function`.
        """
        eta = self.decision_function(X, offset=offset)
        p = np.empty((len(eta), len(self.classes)))
        if eta.ndim == 1:
            expit(-eta, p[:, 0], backend=self.backend)
            expit(eta, p[:, 1], backend=self.backend)
        else:
            p[:, 0], p[:, 1:] = 0.0, eta
            softmax(p, axis=1, out=p, backend=self.backend)
        return p

    def predict(self, X: npt.ArrayLike, *, offset: npt.ArrayLike | None = None) -> npt.NDArray[np.generic]:
        """The most probable class of each row, shape (n,); the first of equals.

        Parameters
        ----------
        X, offset
            As in :meth:`decision_function`.
        """
        best = np.argmax(self.predict_proba(X, offset=offset), axis=1)
        labels: npt.NDArray[np.generic] = self.classes[best]
        return labels

    # -- printing ------------------------------------------------------------------------------

    def summary(self, *, level: float = 0.95, target: str = "y") -> str:
        """The table of coefficients with log-likelihood, certificate and backend, as text.

        Parameters
        ----------
        level : float
            Coverage of the intervals.
        target : str
            Name of the response.
        """
        return summary_text(self, level=level, target=target)

    def __repr__(self) -> str:
        state = "converged" if self.certificate.converged else "NOT converged"
        return (
            f"<sigmax result: {len(self.classes)} classes, {self.params.size} parameters, "
            f"{self.nobs:g} observations, llf {self.llf:.6f}, {state}>"
        )
