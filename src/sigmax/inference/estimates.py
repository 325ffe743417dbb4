"""What a fit found: the estimates, what they are of, and how they were parametrised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from sigmax.data.missing import Dropped
from sigmax.data.tabular.tables import Origin, TableTerms
from sigmax.existence.separation import Separation
from sigmax.identification.rank import Dependence
from sigmax.inference.baseline import Baseline
from sigmax.inference.covariances import Spread
from sigmax.inference.observations import Observations
from sigmax.inference.profile import LikelihoodTests, Profile
from sigmax.inference.roots import Root
from sigmax.kernels import Float
from sigmax.objective import Objective
from sigmax.solvers.certificate import Certificate

#: what a result says that has no data
LEFT_BEHIND = "needs the data, which a pickled result leaves behind, and a saved one: fit again"

#: fields that lead to the data, and stay behind with them
OF_THE_DATA = ("_profile", "_tests", "_observations", "_report", "_spread", "_origin_of_rows")

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


def facts(objective: Objective, nobs: float | None = None, weight_type: str = "frequency") -> dict[str, Any]:
    """What a result says of its data and of where it was computed, whatever was fitted.

    `nobs` is the sum of the weights by default.
    """
    return {
        "nobs": objective.response.total_weight if nobs is None else nobs,
        "weight_type": weight_type,
        "classes": objective.response.classes,
        "param_names": objective.design.names,
        "fit_intercept": objective.design.intercept,
        "backend": objective.kernels.BACKEND,
        "isa": objective.kernels.ISA,
        "n_threads": objective.n_threads,
        "terms": objective.design.terms,
    }


@dataclass(frozen=True, eq=False, repr=False)
class Estimates:
    """Maximum-likelihood estimates of a logistic or multinomial regression, and their origin.

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
        Number of observations: the sum of the frequency weights, or the rows of positive weight where weights
        are no frequencies.
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
    terms : TableTerms or None
        What makes columns of tables of new rows: the formula of the fit, or how the columns of its table were
        coded.  None of a fit of arrays.
    has_offset : bool
        Whether the fit had ``offset=``, without which nothing is predicted; ``offset()`` of a formula is
        computed for new rows and does not count.
    dropped : Dropped or None
        Rows left out because values were missing in them: how many, which, and the columns; None where none
        was.
    weight_type : {"frequency", "importance", "probability"}
        What sample weights mean; "frequency" without any.
    covariance_kind : {"mle", "HC0", "HC1", "cluster"}
        What `covariance`, and all that rests on it, is (:mod:`sigmax.inference.covariances`).
    n_clusters : int or None
        Of a covariance of clusters.
    bias_reduction : str or None
        "firth" for Firth's estimates, the maximum of the likelihood with Jeffreys' prior; None for none.
    penalised_llf : float or None
        What Firth's estimates maximise: llf + 1/2 log det of the information; None without them.

    Notes
    -----
    The result keeps X, y and weights, by reference: what needs the rows reads them when it is asked for, as
    they then are, and raises a ValueError where they have been changed in place since the fit.  The
    covariance of a fit of many rows is such a thing.  A pickled result, and a saved one, has its covariance
    with the root of it, and its null log-likelihood, and leaves the data behind.
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
    terms: TableTerms | None = None
    dropped: Dropped | None = None
    has_offset: bool = False
    weight_type: str = "frequency"
    covariance_kind: str = "mle"
    n_clusters: int | None = None
    _profile: Profile | None = None
    _tests: LikelihoodTests | None = None
    #: of another parametrisation: the result that it comes from, and that predicts
    _origin: Estimates | None = None
    #: None after pickling
    _observations: Observations | None = None
    #: from a covariance in the coordinates that were fitted to that of `params`; None for the same
    _report: Callable[[Float], Float] | None = None
    #: of another kind than "mle", in the coordinates that were fitted
    _spread: Spread | None = None
    #: null and saturated model, once they have been asked for
    _baseline: Baseline | None = None
    #: what `_root` gives, of a result that left its data behind
    _kept_root: Root | None = None
    #: of a fit of a table: its library, and the index of its rows
    _origin_of_rows: Origin | None = None

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
    def _target(self) -> str:
        """Name of the response."""
        return "y" if self.terms is None else self.terms.response

    @property
    def _source(self) -> Self:
        """The result that was fitted, which this one is another parametrisation of; or itself."""
        return self if self._origin is None else cast(Self, self._origin)

    def _rows(self, what: str) -> Observations:
        """The rows behind this result; ValueError where they were left behind."""
        found = self._source._observations
        if found is None:
            raise ValueError(f"{what} {LEFT_BEHIND}")
        return found

    @property
    def _limit(self) -> Separation | None:
        """What separates the classes where the parameters are limits: a penalty keeps them finite."""
        return self.separation if self.bias_reduction is None else None

    @property
    def _rank(self) -> int:
        return len(self.param_names) if self.dependence is None else self.dependence.rank

    @property
    def row_labels(self) -> tuple[Any, ...]:
        """The classes that the rows of `params` belong to, in order."""
        return tuple(label for c, label in enumerate(self.classes) if c != self._base)

    @property
    def _base(self) -> int | None:
        """Index of the reference class; None without one."""
        return None if self.reference is None else class_index(self.classes, self.reference)

    def __copy__(self) -> Self:
        return replace(self)

    def __getstate__(self) -> dict[str, object]:
        # numbers travel, the data do not
        self._compute()
        return {**self.__dict__, **dict.fromkeys(OF_THE_DATA), "_kept_root": self._root_to_keep()}

    def _root_to_keep(self) -> Root | None:
        """The root of the covariance that goes with a result that leaves its data behind."""
        return self._kept_root

    def _compute(self) -> None:
        """Whatever the rows say that stays with a result without them."""
