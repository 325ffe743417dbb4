"""Parameters of the estimators: the constructors of scikit-learn's versions, what they mean, and checks."""

from __future__ import annotations

import math
import warnings
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from sigmax.estimators.callbacks import FRAMES
from sigmax.estimators.versions import PENALTY_IS_DEPRECATED

SOLVERS = ("auto", "lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga")
_PENALTIES = ("l1", "l2", "elasticnet", None)
_TOL = 1e-12
#: of a warning that a function which a method that fits calls issues: the caller of that method
_CALLER = 3 + FRAMES
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


class _Penalty(NamedTuple):
    """What a penalty is, in scikit-learn's words, and what is to be warned of."""

    name: str | None
    warnings: list[tuple[type[Warning], str]]


def check_shared(of: Any) -> None:
    """Check what every estimator has: all but the penalty and its strength.

    To be called by the method that fits.

    Raises
    ------
    ValueError
        The message names the parameter, what it has to be, and what it is.
    """
    check_flag(of, "dual")
    check_flag(of, "fit_intercept")
    _check(of, "tol", _is_number(of.tol) and of.tol >= 0.0, "a float in the range [0.0, inf)")
    positive = _is_number(of.intercept_scaling) and of.intercept_scaling > 0.0
    _check(of, "intercept_scaling", positive, "a float in the range (0.0, inf)")
    weight = of.class_weight
    fits = weight is None or isinstance(weight, dict) or (isinstance(weight, str) and weight == "balanced")
    _check(of, "class_weight", fits, "a dict, 'balanced' or None")
    state = of.random_state
    fits = state is None or isinstance(state, np.random.RandomState) or _is_whole(state, 2**32 - 1)
    _check(of, "random_state", fits, "a whole number from 0 to 2**32 - 1, a numpy RandomState or None")
    fits = isinstance(of.solver, str) and of.solver in SOLVERS
    _check(of, "solver", fits, f"one of {', '.join(map(repr, SOLVERS))}")
    _check(of, "max_iter", _is_whole(of.max_iter), "a whole number of at least 0")
    fits = _is_flag(of.verbose) or _is_whole(of.verbose)
    _check(of, "verbose", fits, "a bool, or a whole number of at least 0")
    fits = of.n_jobs is None or (isinstance(of.n_jobs, int | np.integer) and not _is_flag(of.n_jobs))
    _check(of, "n_jobs", fits, "a whole number or None")
    if of.dual and of.solver not in ("auto", "liblinear"):
        raise ValueError(f"Solver {of.solver} supports only dual=False, got dual={of.dual}")
    if of.n_jobs is not None and PENALTY_IS_DEPRECATED:
        message = (
            "'n_jobs' has no effect since 1.8 and will be removed in 1.10. "
            f"You provided 'n_jobs={of.n_jobs}', please leave it unspecified."
        )
        warnings.warn(message, FutureWarning, stacklevel=_CALLER)


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

    Warns of `penalty`, `l1_ratio` and `C` as the scikit-learn that is installed does.  To be called by the
    method that fits.

    Raises
    ------
    ValueError
        Not a penalty, or one that does not exist here: L1 and elastic net.
    """
    number = isinstance(of.C, Real) and not _is_flag(of.C)
    _check(of, "C", number and of.C > 0.0, "a float in the range (0.0, inf]")
    ratio = of.l1_ratio
    fits = ratio is None or (_is_number(ratio) and 0.0 <= ratio <= 1.0)
    _check(of, "l1_ratio", fits, "a float in the range [0.0, 1.0] or None")
    allowed = (*_PENALTIES, "deprecated") if PENALTY_IS_DEPRECATED else _PENALTIES
    fits = (of.penalty is None or isinstance(of.penalty, str)) and of.penalty in allowed
    _check(of, "penalty", fits, "one of 'l1', 'l2', 'elasticnet', or None")
    penalty = _since_18(of) if PENALTY_IS_DEPRECATED else _before_18(of)
    for category, message in penalty.warnings:
        warnings.warn(message, category, stacklevel=_CALLER)
    if penalty.name == "elasticnet" and ratio is None:
        raise ValueError("l1_ratio must be specified when penalty is elasticnet.")
    if penalty.name == "l1" or (penalty.name == "elasticnet" and ratio > 0.0):
        what = f"penalty={of.penalty!r}" if of.penalty in ("l1", "elasticnet") else f"l1_ratio={ratio!r}"
        raise ValueError(
            f"{type(of).__name__} has no L1 and no elastic-net penalty yet, got {what}; "
            "the L2 penalty of strength 1/C is there, and C=np.inf for none"
        )
    if penalty.name is None or math.isinf(of.C):
        return 0.0
    l2 = 1.0 / float(of.C)
    if not math.isfinite(l2):
        raise ValueError(f"C={of.C!r} is so small that 1/C is beyond the range of float64")
    return l2


def _unused_ratio(penalty: object) -> tuple[type[Warning], str]:
    return (
        UserWarning,
        f"l1_ratio parameter is only used when penalty is 'elasticnet'. Got (penalty={penalty})",
    )


#: of penalty=None together with C
_IGNORED = (UserWarning, "Setting penalty=None will ignore the C and l1_ratio parameters")


def _before_18(of: Any) -> _Penalty:
    found: list[tuple[type[Warning], str]] = []
    if of.penalty != "elasticnet" and of.l1_ratio is not None:
        found.append(_unused_ratio(of.penalty))
    if of.penalty is None and of.C != 1.0:
        found.append(_IGNORED)
    return _Penalty(of.penalty, found)


def _since_18(of: Any) -> _Penalty:
    ratio, penalty = of.l1_ratio, of.penalty
    if penalty == "deprecated":
        penalty = "l2" if not ratio else "l1" if ratio == 1 else "elasticnet"
        penalty = None if math.isinf(of.C) else penalty
        if ratio is not None:
            return _Penalty(penalty, [])
        message = (
            "'l1_ratio=None' was deprecated in version 1.8 and will trigger an error in 1.10. "
            "Use 0<=l1_ratio<=1 instead."
        )
        return _Penalty(penalty, [(FutureWarning, message)])
    message = (
        "'penalty' was deprecated in version 1.8 and will be removed in 1.10. To avoid this warning, leave "
        "'penalty' set to its default value and use 'l1_ratio' or 'C' instead. Use l1_ratio=0 instead of "
        "penalty='l2', l1_ratio=1 instead of penalty='l1', l1_ratio set to a float between 0 and 1 instead "
        "of penalty='elasticnet', and C=np.inf instead of penalty=None."
    )
    found: list[tuple[type[Warning], str]] = [(FutureWarning, message)]
    if penalty != "elasticnet" and ratio is not None and 0 < ratio < 1:
        found.append(_unused_ratio(penalty))
    if penalty == "l2" and ratio != 0:
        message = (
            f"Inconsistent values: penalty={penalty} with l1_ratio={ratio}. penalty is deprecated. "
            "Please use l1_ratio only."
        )
        found.append((UserWarning, message))
    if penalty is None and of.C != 1.0:
        found.append(_IGNORED)
    return _Penalty(penalty, found)


def check_multi_class(of: Any, n_classes: int) -> None:
    """Refuse what scikit-learn 1.6 and 1.7 did with `multi_class` and no other version does.

    To be called by the method that fits.

    Raises
    ------
    ValueError
        Several logistic regressions, one for each class; or the softmax of two classes.
    """
    asked = getattr(of, "multi_class", "deprecated")
    if isinstance(asked, str) and asked == "deprecated":
        return
    fits = isinstance(asked, str) and asked in ("auto", "ovr", "multinomial")
    _check(of, "multi_class", fits, "'auto', 'ovr' or 'multinomial'")
    message = (
        "'multi_class' was deprecated in version 1.5. Leave it to its default value to avoid this warning."
    )
    warnings.warn(message, FutureWarning, stacklevel=_CALLER)
    name = type(of).__name__
    if asked == "ovr" and n_classes > 2:
        raise ValueError(
            "multi_class='ovr' is another model than multinomial regression; "
            f"use OneVsRestClassifier({name}(..))"
        )
    if asked == "multinomial" and n_classes == 2:
        raise ValueError(
            "multi_class='multinomial' with two classes is logistic regression with half the penalty; "
            "leave it to its default value, and pass 2 * C"
        )


def tolerance(tol: float) -> float:
    """Newton decrement to reach: scikit-learn's default is far from what costs nothing here."""
    return min(float(tol), _TOL)


def steps(max_iter: int) -> int | None:
    """Steps at most; None, for as many as a fit may take, where the limit is not meant to be one."""
    return int(max_iter) if max_iter < _ENOUGH or max_iter > _MOST_STEPS else None


def _is_flag(value: object) -> bool:
    return isinstance(value, bool | np.bool_)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not _is_flag(value) and math.isfinite(value)


def _is_whole(value: object, most: float = math.inf) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and 0 <= int(value) <= most


def _check(of: object, name: str, fits: bool, must: str) -> None:
    if not fits:
        got = getattr(of, name)
        raise ValueError(
            f"The {name!r} parameter of {type(of).__name__} must be {must}. Got {got!r} instead."
        )
