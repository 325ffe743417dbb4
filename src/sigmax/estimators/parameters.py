"""Parameters of the estimators: the constructors of scikit-learn's versions, what they mean, and checks."""

from __future__ import annotations

import math
import warnings
from numbers import Integral, Real
from typing import Any

import numpy as np

from sigmax.estimators.versions import PENALTY_IS_DEPRECATED

SOLVERS = ("auto", "lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga")
_PENALTIES = ("l1", "l2", "elasticnet", None)
_TOL = 1e-12
#: from this on a limit of steps is meant to be enough
_ENOUGH = 100
#: steps over all rows that a fit takes at most, where each reads a gradient alone
_MOST_STEPS = 1000


class Since18:
    """Parameters of scikit-learn 1.8 and later."""

    def __init__(
        self,
        penalty: Any = "deprecated",
        *,
        C: float = 1.0,
        l1_ratio: float | None = 0.0,
        dual: bool = False,
        tol: float = 1e-4,
        fit_intercept: bool = True,
        intercept_scaling: float = 1,
        class_weight: Any = None,
        random_state: Any = None,
        solver: str = "lbfgs",
        max_iter: int = 100,
        verbose: int = 0,
        warm_start: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        self.penalty = penalty
        self.C = C
        self.l1_ratio = l1_ratio
        self.dual = dual
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs


class Before18:
    """Parameters of scikit-learn 1.6 and 1.7."""

    def __init__(
        self,
        penalty: Any = "l2",
        *,
        dual: bool = False,
        tol: float = 1e-4,
        C: float = 1.0,
        fit_intercept: bool = True,
        intercept_scaling: float = 1,
        class_weight: Any = None,
        random_state: Any = None,
        solver: str = "lbfgs",
        max_iter: int = 100,
        multi_class: str = "deprecated",
        verbose: int = 0,
        warm_start: bool = False,
        n_jobs: int | None = None,
        l1_ratio: float | None = None,
    ) -> None:
        self.penalty = penalty
        self.dual = dual
        self.tol = tol
        self.C = C
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.multi_class = multi_class
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.l1_ratio = l1_ratio


def check_shared(of: Any) -> None:
    """Check what every estimator has: all but C, and what the penalty is.

    Raises
    ------
    ValueError
        The message names the parameter, what it has to be, and what it is.
    """
    _check(of, "dual", _is_flag(of.dual), "a bool")
    _check(of, "tol", _is_number(of.tol) and of.tol >= 0.0, "a float in the range [0.0, inf)")
    _check(of, "fit_intercept", _is_flag(of.fit_intercept), "a bool")
    positive = _is_number(of.intercept_scaling) and of.intercept_scaling > 0.0
    _check(of, "intercept_scaling", positive, "a float in the range (0.0, inf)")
    weight = of.class_weight
    fits = weight is None or isinstance(weight, dict) or (isinstance(weight, str) and weight == "balanced")
    _check(of, "class_weight", fits, "a dict, 'balanced' or None")
    state = of.random_state
    fits = state is None or isinstance(state, np.random.RandomState)
    fits = fits or (isinstance(state, Integral) and 0 <= state < 2**32)
    _check(of, "random_state", fits, "a whole number from 0 to 2**32 - 1, a numpy RandomState or None")
    fits = isinstance(of.solver, str) and of.solver in SOLVERS
    _check(of, "solver", fits, f"one of {', '.join(map(repr, SOLVERS))}")
    fits = isinstance(of.max_iter, Integral) and not isinstance(of.max_iter, bool) and of.max_iter >= 0
    _check(of, "max_iter", fits, "a whole number of at least 0")
    fits = isinstance(of.verbose, Integral | bool | np.bool_) and of.verbose >= 0
    _check(of, "verbose", fits, "a bool, or a whole number of at least 0")
    _check(of, "n_jobs", of.n_jobs is None or isinstance(of.n_jobs, Integral), "a whole number or None")
    if of.dual and of.solver not in ("auto", "liblinear"):
        raise ValueError(f"Solver {of.solver} supports only dual=False, got dual={of.dual}")
    if of.n_jobs is not None and PENALTY_IS_DEPRECATED:
        _warn(
            FutureWarning,
            "'n_jobs' has no effect since 1.8 and will be removed in 1.10. "
            f"You provided 'n_jobs={of.n_jobs}', please leave it unspecified.",
        )


def check_flag(of: Any, name: str) -> None:
    """Check that a parameter is true or false.

    Raises
    ------
    ValueError
        It is neither.
    """
    _check(of, name, _is_flag(getattr(of, name)), "a bool")


def l2_of(of: Any) -> float:
    """The strength of the penalty on the summed negative log-likelihood, 1 / C, or 0.

    Warns of `penalty`, `l1_ratio` and `C` as the scikit-learn that is installed does.

    Raises
    ------
    ValueError
        Not a penalty, or one that does not exist here: L1 and elastic net.
    """
    number = isinstance(of.C, Real) and not isinstance(of.C, bool | np.bool_)
    _check(of, "C", number and of.C > 0.0, "a float in the range (0.0, inf]")
    ratio = of.l1_ratio
    fits = ratio is None or (_is_number(ratio) and 0.0 <= ratio <= 1.0)
    _check(of, "l1_ratio", fits, "a float in the range [0.0, 1.0] or None")
    allowed = (*_PENALTIES, "deprecated") if PENALTY_IS_DEPRECATED else _PENALTIES
    fits = (of.penalty is None or isinstance(of.penalty, str)) and of.penalty in allowed
    _check(of, "penalty", fits, "one of 'l1', 'l2', 'elasticnet', or None")
    if PENALTY_IS_DEPRECATED:
        penalty = _since_18(of)
    else:
        penalty = of.penalty
        if penalty != "elasticnet" and ratio is not None:
            _warn(
                UserWarning,
                f"l1_ratio parameter is only used when penalty is 'elasticnet'. Got (penalty={penalty})",
            )
    if penalty == "elasticnet" and ratio is None:
        raise ValueError("l1_ratio must be specified when penalty is elasticnet.")
    if penalty == "l1" or (penalty == "elasticnet" and ratio > 0.0):
        what = f"penalty={of.penalty!r}" if of.penalty in ("l1", "elasticnet") else f"l1_ratio={ratio!r}"
        raise ValueError(
            f"{type(of).__name__} has no L1 and no elastic-net penalty yet, got {what}; "
            "the L2 penalty of strength 1/C and C=np.inf, which is none, are there"
        )
    if of.penalty is None and of.C != 1.0:
        _warn(UserWarning, "Setting penalty=None will ignore the C and l1_ratio parameters")
    if penalty is None or of.C == math.inf:
        return 0.0
    l2 = 1.0 / float(of.C)
    if not math.isfinite(l2):
        raise ValueError(f"C={of.C!r} is so small that 1/C is beyond the range of float64")
    return l2


def _since_18(of: Any) -> Any:
    """The penalty meant by `penalty`, `l1_ratio` and `C`, where the first is deprecated."""
    ratio, penalty = of.l1_ratio, of.penalty
    if penalty == "deprecated":
        if ratio is None:
            _warn(
                FutureWarning,
                "'l1_ratio=None' was deprecated in version 1.8 and will trigger an error in 1.10. "
                "Use 0<=l1_ratio<=1 instead.",
            )
        if of.C == math.inf:
            return None
        return "l2" if not ratio else "l1" if ratio == 1 else "elasticnet"
    _warn(
        FutureWarning,
        "'penalty' was deprecated in version 1.8 and will be removed in 1.10. To avoid this warning, leave "
        "'penalty' set to its default value and use 'l1_ratio' or 'C' instead. Use l1_ratio=0 instead of "
        "penalty='l2', l1_ratio=1 instead of penalty='l1', l1_ratio set to a float between 0 and 1 instead of "
        "penalty='elasticnet', and C=np.inf instead of penalty=None.",
    )
    if penalty != "elasticnet" and ratio is not None and 0 < ratio < 1:
        _warn(
            UserWarning,
            f"l1_ratio parameter is only used when penalty is 'elasticnet'. Got (penalty={penalty})",
        )
    if penalty == "l2" and ratio != 0:
        _warn(
            UserWarning,
            f"Inconsistent values: penalty={penalty} with l1_ratio={ratio}. penalty is deprecated. "
            "Please use l1_ratio only.",
        )
    return penalty


def check_multi_class(of: Any, n_classes: int) -> None:
    """Refuse what scikit-learn 1.6 and 1.7 did with `multi_class` and no other version does.

    Raises
    ------
    ValueError
        Several logistic regressions, one for each class; or the softmax of two classes.
    """
    asked = getattr(of, "multi_class", "deprecated")
    if asked == "deprecated":
        return
    allowed = ("auto", "ovr", "multinomial")
    _check(of, "multi_class", isinstance(asked, str) and asked in allowed, "'auto', 'ovr' or 'multinomial'")
    _warn(
        FutureWarning,
        "'multi_class' was deprecated in version 1.5. Leave it to its default value to avoid this warning.",
    )
    if asked == "ovr" and n_classes > 2:
        raise ValueError(
            "multi_class='ovr' is another model than multinomial regression; use "
            f"OneVsRestClassifier({type(of).__name__}(..))"
        )
    if asked == "multinomial" and n_classes == 2:
        raise ValueError(
            "multi_class='multinomial' with two classes is logistic regression with half the penalty; leave it "
            "to its default value, and pass 2 * C"
        )


def tolerance(tol: float) -> float:
    """Newton decrement to reach: scikit-learn's default is far from what costs nothing here."""
    return min(float(tol), _TOL)


def steps(max_iter: int) -> int | None:
    """Steps at most; None for as many as a fit takes at most, which is what a limit that is no limit means."""
    return int(max_iter) if max_iter < _ENOUGH or max_iter > _MOST_STEPS else None


def _is_flag(value: object) -> bool:
    return isinstance(value, bool | np.bool_)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_) and math.isfinite(value)


def _check(of: object, name: str, fits: bool, must: str) -> None:
    if not fits:
        raise ValueError(
            f"The {name!r} parameter of {type(of).__name__} must be {must}. Got {getattr(of, name)!r} instead."
        )


def _warn(category: type[Warning], message: str) -> None:
    # the fifth frame up is the caller of fit: this, who asks, fit, and what is around fit
    warnings.warn(message, category, stacklevel=5)
