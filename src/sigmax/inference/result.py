"""The result of a fit: estimates, their uncertainty, predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from sigmax import kernels, threads
from sigmax.data.checks import contiguous, finite, numbers
from sigmax.data.design import Design
from sigmax.existence.prediction import limiting_logits, limiting_order, limiting_probabilities
from sigmax.existence.separation import Separation
from sigmax.functions import expit, softmax
from sigmax.identification import parametrisation
from sigmax.identification.rank import Dependence
from sigmax.inference.nested import Hypotheses, LikelihoodTests, TestResult, lr_test, score_test
from sigmax.inference.profile import LikelihoodRatioTest, Profile, likelihood_ratio_test, profile_intervals
from sigmax.inference.summary import summary_text
from sigmax.kernels import Float
from sigmax.objective import Objective, linear_predictor
from sigmax.solvers.certificate import Certificate

#: computes a covariance when it is first read
Deferred: TypeAlias = Callable[[], Float]


def class_index(classes: npt.NDArray[np.generic], label: Any) -> int:
    """Index of a label among the classes.

    Raises
    ------
    ValueError
        It is none of them.
    """
    for index, one in enumerate(classes.tolist()):
        # a time compares as NumPy has it, a number or text as Python has
        if any(
            isinstance(same, bool | np.bool_) and same for same in (one == label, classes[index] == label)
        ):
            return index
    shown = ", ".join(map(repr, classes.tolist()[:8])) + (", ..." if len(classes) > 8 else "")
    raise ValueError(f"reference must be one of the classes, {shown}; got {label!r}")


def facts(objective: Objective) -> dict[str, Any]:
    """What a result says of its data and of where it was computed, whatever was fitted."""
    return {
        "nobs": objective.response.total_weight,
        "classes": objective.response.classes,
        "param_names": objective.design.names,
        "fit_intercept": objective.design.intercept,
        "backend": objective.kernels.BACKEND,
        "isa": objective.kernels.ISA,
        "n_threads": objective.n_threads,
    }


_NO_MAP = (
    "the classes are separated, and which differences of infinite parameters are finite is a question for "
    "the data: call fit with {}"
)


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """Maximum-likelihood estimates of a logistic or multinomial regression.

    With two classes the parameters have shape (k,) and belong to the log odds of the other class against
    `reference`.  With K > 2 classes they have shape (K - 1, k): one row for each other class, in the order of
    `classes`, for its log odds against `reference`.  Without a reference they have shape (K, k), and sum to
    zero over the classes (:meth:`symmetric`).  k counts the intercept, which comes first.

    Attributes
    ----------
    params : ndarray of shape (k,), (K - 1, k) or (K, k)
        Estimates; nan where `aliased`.
    llf : float
        Log-likelihood, summed over the observations, natural logarithm.
    nobs : float
        Number of observations: the sum of the frequency weights.
    classes : ndarray of shape (K,)
        Labels, sorted.
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
    reference : label or None
        The class whose coefficients are zero; None where the classes' coefficients sum to zero.
    dependence : Dependence or None
        Which columns are combinations of columns before them, and of which; None where none is.
    collinear : {"alias", "min_norm"}
        What was done about them.
    separation : Separation or None
        Why the estimate does not exist: `params` are then limits, -inf and inf where they have none that is
        finite and nan where they have none at all; `llf` is the supremum; `covariance` is that of the
        parameters that stay finite, nan for the others.  None where the estimate exists.  With
        ``on_separation="firth"`` the numbers are Firth's, and finite.
    bias_reduction : str or None
        "firth" for Firth's estimates, the maximum of the likelihood with Jeffreys' prior; None for none.
    penalised_llf : float or None
        What Firth's estimates maximise: llf + 1/2 log det of the information; None without them.

    Notes
    -----
    The covariance of a fit of many rows is computed when it is first read, from X as it then is: that takes
    one more read of the data, and raises a ValueError where they have been changed in place since the fit.
    Profiles and likelihood-ratio tests read the data, which the result keeps alive; pickling computes the
    covariance and leaves the data behind.
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
    reference: Any
    dependence: Dependence | None = None
    collinear: str = "alias"
    separation: Separation | None = None
    bias_reduction: str | None = None
    penalised_llf: float | None = None
    _profile: Profile | None = None
    _tests: LikelihoodTests | None = None
    #: of another parametrisation: the result that it comes from, and that predicts
    _origin: Result | None = None

    # -- parametrisation -------------------------------------------------------------------------

    @property
    def aliased(self) -> npt.NDArray[np.bool_]:
        """Parameters of columns that were left out as combinations of columns before them; as `params`."""
        gone = np.zeros(len(self.param_names), bool)
        if self.dependence is not None and self.collinear == "alias":
            gone = self.dependence.aliased
        return np.broadcast_to(gone, self.params.shape).copy()

    @property
    def n_estimated(self) -> int:
        """Number of free parameters that were estimated: K - 1 for each independent column.

        The rank of `covariance`, whose order is larger after :meth:`symmetric` and with columns left out.
        """
        return (len(self.classes) - 1) * self._rank

    @property
    def _limit(self) -> Separation | None:
        """What separates the classes where the parameters are limits: a penalty keeps them finite."""
        return self.separation if self.bias_reduction is None else None

    @property
    def _rank(self) -> int:
        return len(self.param_names) if self.dependence is None else self.dependence.rank

    @property
    def _base(self) -> int | None:
        """Index of the reference class; None without one."""
        return None if self.reference is None else class_index(self.classes, self.reference)

    @property
    def row_labels(self) -> tuple[Any, ...]:
        """The classes that the rows of `params` belong to, in order."""
        return tuple(label for c, label in enumerate(self.classes) if c != self._base)

    def rebase(self, reference: Any) -> Result:
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
        origin, new = self._origin or self, class_index(self.classes, reference)
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

    def symmetric(self) -> Result:
        """The same fit with coefficients for every class, which sum to zero over the classes.

        Returns
        -------
        Result
            Parameters ``B_c - mean B``, (K, k), with two classes, too: -w/2 and w/2.  The covariance has
            order K k and rank ``n_estimated``: it is the Moore-Penrose inverse of the information of all K k
            parameters.  `decision_function` gives K columns, whose softmax are the probabilities;
            `predict_proba` and `predict` have the same bits.  No refit; see :meth:`rebase`.
        """
        origin = self._origin or self
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

    # -- uncertainty ---------------------------------------------------------------------------

    @property
    def covariance(self) -> Float:
        """Inverse of the observed information at `params`, in the order of ``params.ravel()``.

        nan in the rows and columns of parameters that are `aliased`.
        """
        if not isinstance(self._covariance, np.ndarray):
            object.__setattr__(self, "_covariance", self._covariance())
        found = self._covariance
        assert isinstance(found, np.ndarray)
        return found

    def __getstate__(self) -> dict[str, object]:
        # an array travels, the data do not
        return {**self.__dict__, "_covariance": self.covariance, "_profile": None, "_tests": None}

    def cov_params(self) -> Float:
        """Covariance of the estimates: inverse observed information, a copy of `covariance`."""
        return self.covariance.copy()

    @property
    def bse(self) -> Float:
        """Standard errors, shape of `params`."""
        errors: Float = np.sqrt(self.covariance.diagonal()).reshape(self.params.shape)
        return errors

    @property
    def zvalues(self) -> Float:
        """Estimates divided by their standard errors, shape of `params`; nan where both are 0."""
        with np.errstate(invalid="ignore"):
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
            "wald": params -+ Phi^-1((1 + level) / 2) bse.  "profile": the values that the likelihood-ratio
            test does not reject, each other parameter at its constrained maximum (Venzon & Moolgavkar, Appl.
            Stat. 37, 1988), or the test of the penalised likelihood, of Firth's estimates (Heinze &
            Schemper, Stat. Med. 21, 2002) and with `l2`; some five reads of the data for each end.  Ends of
            estimates that are not Firth's have a deviance that is proved to be what is wanted to 1e-9.

        Returns
        -------
        ndarray, shape of `params` plus (2,)
            Lower and upper ends; a profile has -inf or inf where it never falls so far, as on the side to
            which separated classes take a parameter: the deviance is that from the supremum.  nan for
            parameters without an estimate, and, with a warning, for ends that could not be proved.

        Raises
        ------
        ValueError
            `level` or `method` is none of these, or there is no profile: of a fit that has not converged, or
            of a result that was pickled, which leaves the data behind.

        Warns
        -----
        ConvergenceWarning
            The end of a profile could not be proved.
        """
        if not 0.0 < level < 1.0:
            raise ValueError(f"level must be between 0 and 1; got {level!r}")
        if method not in ("wald", "profile"):
            raise ValueError(f"method must be 'wald' or 'profile'; got {method!r}")
        if method == "profile":
            return profile_intervals(self._require_profile("method='profile'"), self.aliased, level)
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
        if self.bias_reduction is None:
            raise ValueError("penalised_lr_test() is for fits with bias_reduction='firth'; this one has none")
        return likelihood_ratio_test(self._require_profile("penalised_lr_test()"), self.aliased)

    def _require_profile(self, what: str) -> Profile:
        profile = self._profile
        if profile is not None and self._origin is not None and self.collinear != "min_norm":
            profile = profile.against(self._base)
        if self.collinear == "min_norm" or (profile is None and self._origin is not None):
            raise ValueError(
                f"{what} is for the parameters that were fitted, against the class {self.classes[0]!r} and "
                "with dependent columns left out; ask the result before rebase() or symmetric()"
            )
        if profile is not None:
            return profile
        if self.certificate.converged or self.certificate.exists is False:
            raise ValueError(f"{what} needs the data, which a pickled result leaves behind: fit again")
        raise ValueError(f"{what} is for fits that have converged: {self.certificate.reason}")

    def lr_test(self, other: Result | Hypotheses) -> TestResult:
        """Likelihood-ratio test against a smaller model.

        Parameters
        ----------
        other : Result, or tuple (R, q)
            A fit of the same rows whose columns are combinations of this one's, or the other way round: to
            1e-9 of a column's length, over the rows of positive weight, one read of both designs.  Or the
            hypothesis R theta = q: R of shape (r, parameters), in the order of ``params.ravel()``, q of
            shape (r,); fits the constrained model.

        Returns
        -------
        TestResult
            Twice the difference of the log-likelihoods, in nats, against chi^2 with as many degrees of
            freedom as parameters are lost: the rank of R.  That of a hypothesis is proved to 1e-9, of
            itself where it is above 1.  Where the classes are separated suprema are compared.

        Raises
        ------
        ValueError
            The results have different rows, classes, weights or offsets, the same number of parameters, or
            are not nested; one is penalised, Firth's, has not converged, or was pickled, which leaves the
            data behind.  R or q is of another shape, not finite, or contradicts itself.
        TypeError
            `other` is neither.
        """
        return lr_test(self, other)

    def score_test(self, hypotheses: Hypotheses) -> TestResult:
        """Rao's score test of R theta = q.

        Parameters
        ----------
        hypotheses : tuple (R, q)
            As for :meth:`lr_test`.

        Returns
        -------
        TestResult
            U'I^-1 U, score and information at the estimate under the hypothesis, against chi^2 with the rank
            of R as its degrees of freedom.  Where the classes are separated, too, as long as they are not
            under the hypothesis.

        Raises
        ------
        ValueError
            As for :meth:`lr_test`; the estimate under the hypothesis does not exist.
        """
        return score_test(self, hypotheses)

    @property
    def df_model(self) -> int:
        """Number of estimated slopes: `n_estimated` without the intercepts."""
        return self.n_estimated - (len(self.classes) - 1) * self.fit_intercept

    @property
    def aic(self) -> float:
        """Akaike's criterion, 2 n_estimated - 2 llf."""
        return 2.0 * self.n_estimated - 2.0 * self.llf

    @property
    def bic(self) -> float:
        """Schwarz's criterion, n_estimated log(nobs) - 2 llf."""
        return self.n_estimated * float(np.log(self.nobs)) - 2.0 * self.llf

    # -- prediction ----------------------------------------------------------------------------

    def decision_function(self, X: npt.ArrayLike, *, offset: npt.ArrayLike | None = None) -> Float:
        """Logits of new rows.

        Parameters
        ----------
        X : array_like of shape (n, p)
            The columns of the fit, in its order.
        offset : array_like, shape of the result, optional
            Added to the logits.

        Returns
        -------
        ndarray of shape (n,) or (n, K - 1), or (n, K) without a reference
            Log odds of the other classes against `reference`, in their order; without a reference, logits
            of all classes that sum to zero.  Columns that were left out of the fit are not read: the bits are
            those of a fit without them.  Where the classes are separated, -inf, inf and nan as in
            :meth:`predict_proba`.
        """
        eta, order = self._logits(X, offset)
        if order is not None:
            eta = limiting_logits(order, eta, class_index(self.classes, self.reference))
        return eta[:, 0] if self.params.ndim == 1 else eta

    def _logits(
        self, X: npt.ArrayLike, offset: npt.ArrayLike | None
    ) -> tuple[Float, npt.NDArray[np.int8] | None]:
        """Logits (n, m), of finite coefficients; and how the classes compare where some are infinite."""
        names = self.param_names[1:] if self.fit_intercept else self.param_names
        array = numbers("X", X)
        if array.ndim != 2 or array.shape[1] != len(names):
            raise ValueError(
                f"X must have shape (n, {len(names)}), the columns of the fit; got {array.shape}"
            )
        design = Design(array, intercept=self.fit_intercept, names=names)
        found = self._limit
        matrix = np.atleast_2d(self.params if found is None else found.finite)
        gone = np.atleast_2d(self.aliased)[0]
        if gone.any():
            design, matrix = design.without(gone), matrix[:, ~gone]
        shift = None if offset is None else self._offset(offset, design.n_rows, len(matrix))
        backend = kernels.get(self.backend)
        eta = linear_predictor(design, matrix, shift, backend, threads.resolve())
        if found is None:
            return eta, None
        return eta, limiting_order(found, design, ~gone, backend)

    @staticmethod
    def _offset(offset: npt.ArrayLike, n: int, m: int) -> Float:
        array = numbers("offset", offset)
        shape = (n,) if m == 1 else (n, m)
        if array.shape != shape:
            raise ValueError(f"offset must have shape {shape}; got {array.shape}")
        finite("offset", array)
        return contiguous(array).reshape(n, m)

    def _offset_of_origin(self, offset: npt.ArrayLike | None) -> Float | None:
        """What the offset of these logits is for those of the result that this one comes from."""
        if offset is None or self._origin is None:
            return None
        m = len(self.row_labels)
        shift = self._offset(offset, len(np.atleast_1d(np.asarray(offset))), m)
        if self.reference is not None:
            shift = parametrisation.padded(shift.T, class_index(self.classes, self.reference)).T
        old = class_index(self.classes, self._origin.reference)
        moved = np.delete(shift - shift[:, [old]], old, axis=1)
        return np.asarray(moved[:, 0] if moved.shape[1] == 1 else moved)

    def predict_proba(self, X: npt.ArrayLike, *, offset: npt.ArrayLike | None = None) -> Float:
        """Probabilities of the classes, shape (n, K); columns in the order of `classes`.

        Parameters
        ----------
        X, offset
            As in :meth:`decision_function`.

        Notes
        -----
        Where the classes are separated these are the limits along ``separation.direction``: exactly 0 for a
        class that another one leaves behind, and the limiting fit's shares for the others, nan where the data
        do not determine them.
        """
        if self._origin is not None:
            return self._origin.predict_proba(X, offset=self._offset_of_origin(offset))
        eta, order = self._logits(X, offset)
        if order is not None:
            base = class_index(self.classes, self.reference)
            return limiting_probabilities(order, eta, base, self.backend)
        p = np.empty((len(eta), len(self.classes)))
        if self.params.ndim == 1:
            expit(-eta[:, 0], p[:, 0], backend=self.backend)
            expit(eta[:, 0], p[:, 1], backend=self.backend)
        else:
            p[:, 0], p[:, 1:] = 0.0, eta
            softmax(p, axis=1, out=p, backend=self.backend)
        return p

    def predict(self, X: npt.ArrayLike, *, offset: npt.ArrayLike | None = None) -> npt.NDArray[np.generic]:
        """The most probable class of each row, shape (n,); the first of equals, and of what is unknown.

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
            f"<sigmax result: {len(self.classes)} classes, {self.n_estimated} parameters, "
            f"{self.nobs:g} observations, llf {self.llf:.6f}, {state}>"
        )
