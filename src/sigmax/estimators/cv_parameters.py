"""Parameters of `LogisticRegressionCV`: the constructors of scikit-learn's versions, and their checks."""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from sigmax.estimators.callbacks import FRAMES
from sigmax.estimators.parameters import check_flag, check_shared
from sigmax.estimators.versions import PENALTY_IS_DEPRECATED, SKLEARN
from sigmax.kernels import Float

#: scoring=None is deprecated, and the default is a warning
SCORING_WARNS = SKLEARN >= (1, 9)
_DEFAULT_SCORING = "warn" if SCORING_WARNS else None
#: of a warning that `checked` issues: the caller of the method that fits
_CALLER = 3 + FRAMES


class Since18:
    """Parameters of scikit-learn 1.8 and later."""

    def __init__(
        self,
        *,
        Cs: Any = 10,
        l1_ratios: Any = "warn",
        fit_intercept: bool = True,
        cv: Any = None,
        dual: bool = False,
        penalty: Any = "deprecated",
        scoring: Any = _DEFAULT_SCORING,
        solver: str = "lbfgs",
        tol: float = 1e-4,
        max_iter: int = 100,
        class_weight: Any = None,
        n_jobs: int | None = None,
        verbose: int = 0,
        refit: bool = True,
        intercept_scaling: float = 1.0,
        random_state: Any = None,
        use_legacy_attributes: Any = "warn",
    ) -> None:
        self.Cs = Cs
        self.l1_ratios = l1_ratios
        self.fit_intercept = fit_intercept
        self.cv = cv
        self.dual = dual
        self.penalty = penalty
        self.scoring = scoring
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.refit = refit
        self.intercept_scaling = intercept_scaling
        self.random_state = random_state
        self.use_legacy_attributes = use_legacy_attributes


class Before18:
    """Parameters of scikit-learn 1.6 and 1.7."""

    def __init__(
        self,
        *,
        Cs: Any = 10,
        fit_intercept: bool = True,
        cv: Any = None,
        dual: bool = False,
        penalty: Any = "l2",
        scoring: Any = None,
        solver: str = "lbfgs",
        tol: float = 1e-4,
        max_iter: int = 100,
        class_weight: Any = None,
        n_jobs: int | None = None,
        verbose: int = 0,
        refit: bool = True,
        intercept_scaling: float = 1.0,
        multi_class: str = "deprecated",
        random_state: Any = None,
        l1_ratios: Any = None,
    ) -> None:
        self.Cs = Cs
        self.fit_intercept = fit_intercept
        self.cv = cv
        self.dual = dual
        self.penalty = penalty
        self.scoring = scoring
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.refit = refit
        self.intercept_scaling = intercept_scaling
        self.multi_class = multi_class
        self.random_state = random_state
        self.l1_ratios = l1_ratios


class Grid(NamedTuple):
    """What is to be tried.

    Attributes
    ----------
    Cs : ndarray of shape (L,)
    ratios : list of float, or None
        The l1_ratios, all 0, where they have a dimension of their own in the attributes.
    scoring : str, callable or None
    legacy : bool
        Whether attributes have the form that they had before scikit-learn 1.10.
    """

    Cs: Float
    ratios: list[float] | None
    scoring: Any
    legacy: bool


def checked(of: Any) -> Grid:
    """Check all parameters, and warn as the scikit-learn that is installed does.

    To be called by the method that fits.

    Raises
    ------
    ValueError
        The message names the parameter, what it has to be, and what it is.
    """
    with warnings.catch_warnings():
        # n_jobs is deprecated in LogisticRegression alone
        warnings.filterwarnings("ignore", "'n_jobs' has no effect", FutureWarning)
        check_shared(of)
    check_flag(of, "refit")
    Cs = _grid(of)
    ratios = _ratios(of)
    scoring = of.scoring
    if SCORING_WARNS and isinstance(scoring, str) and scoring == "warn":
        _warn(
            "The default value of the parameter 'scoring' will change from None, i.e. accuracy, to "
            "'neg_log_loss' in version 1.11. To silence this warning, explicitly set the scoring parameter: "
            "scoring='neg_log_loss' for the new, scoring='accuracy' or scoring=None for the old default."
        )
        scoring = None
    if not (scoring is None or isinstance(scoring, str) or callable(scoring)):
        raise _refusal(of, "scoring", "a str, a callable or None")
    return Grid(Cs, ratios, scoring, _legacy(of))


def _grid(of: Any) -> Float:
    Cs = of.Cs
    if isinstance(Cs, Integral) and not isinstance(Cs, bool | np.bool_):
        if Cs < 1:
            raise _refusal(of, "Cs", "a whole number of at least 1, or an array-like of them")
        return np.logspace(-4, 4, int(Cs))
    try:
        grid = np.asarray(Cs, np.float64)
    except (TypeError, ValueError):
        grid = np.empty(0)
    if isinstance(Cs, str | bytes) or grid.ndim != 1 or grid.size == 0:
        raise _refusal(of, "Cs", "a whole number of at least 1, or an array-like of floats in (0.0, inf]")
    bad = np.flatnonzero(~(grid > 0.0))
    if len(bad):
        raise ValueError(
            f"The 'Cs' parameter of {type(of).__name__} must hold floats in the range (0.0, inf]; "
            f"{len(bad)} of {len(grid)} are not, the first is Cs[{bad[0]}] = {grid[bad[0]]!r}"
        )
    with np.errstate(over="ignore"):
        tiny = np.flatnonzero(~np.isfinite(1.0 / grid))
    if len(tiny):
        raise ValueError(
            f"Cs[{tiny[0]}] = {grid[tiny[0]]!r} is so small that 1/C is beyond the range of float64"
        )
    return grid


def _ratios(of: Any) -> list[float] | None:
    """l1_ratios, which all have to be 0."""
    given, penalty = of.l1_ratios, of.penalty
    allowed = ("l1", "l2", "elasticnet", *(("deprecated",) if PENALTY_IS_DEPRECATED else ()))
    if not (isinstance(penalty, str) and penalty in allowed):
        raise _refusal(of, "penalty", "one of 'l1', 'l2', 'elasticnet'")
    if isinstance(given, str) and given == "warn" and PENALTY_IS_DEPRECATED:
        given = None
        _warn(
            "The default value for l1_ratios will change from None to (0.0,) in version 1.10. From version "
            "1.10 onwards, only array-like with values in [0, 1] will be allowed, None will be forbidden. To "
            "avoid this warning, explicitly set a value, e.g. l1_ratios=(0,)."
        )
    ratios: list[float] | None = None
    if given is not None:
        try:
            array = np.asarray(given, np.float64)
        except (TypeError, ValueError):
            array = np.empty(0)
        if array.ndim != 1 or array.size == 0 or not ((array >= 0.0) & (array <= 1.0)).all():
            raise ValueError(f"l1_ratios must be an array-like of numbers between 0 and 1; got {given!r}")
        ratios = array.tolist()
    if penalty == "deprecated" and of.l1_ratios is None:
        _warn(
            "'l1_ratios=None' was deprecated in version 1.8 and will trigger an error in 1.10. Use an "
            "array-like with values in [0, 1] instead."
        )
    if PENALTY_IS_DEPRECATED and penalty != "deprecated":
        _warn(
            "'penalty' was deprecated in version 1.8 and will be removed in 1.10. To avoid this warning, "
            "leave 'penalty' set to its default value and use 'l1_ratios' and 'Cs' instead. Use "
            "l1_ratios=(0,) instead of penalty='l2', l1_ratios=(1,) instead of penalty='l1', l1_ratios set "
            "to floats between 0 and 1 instead of penalty='elasticnet', and Cs=(np.inf,) instead of "
            "penalty=None."
        )
    if penalty == "elasticnet" and ratios is None:
        raise ValueError(f"l1_ratios must be an array-like of numbers between 0 and 1; got {of.l1_ratios!r}")
    mixed = ratios is not None and any(ratios) and penalty in ("elasticnet", "deprecated")
    if penalty == "l1" or mixed:
        what = f"penalty={penalty!r}" if penalty == "l1" else f"l1_ratios={of.l1_ratios!r}"
        raise ValueError(
            f"{type(of).__name__} has no L1 and no elastic-net penalty yet, got {what}; the L2 penalty of "
            "strength 1/C is there, and C=np.inf for none"
        )
    if penalty == "l2" and ratios is not None:
        message = "l1_ratios parameter is only used when penalty is 'elasticnet'. Got (penalty=l2)"
        warnings.warn(message, UserWarning, stacklevel=_CALLER + 1)
        if not PENALTY_IS_DEPRECATED:
            return None
        ratios = [0.0] * len(ratios)
    return ratios


def _legacy(of: Any) -> bool:
    given = getattr(of, "use_legacy_attributes", True)
    if isinstance(given, str) and given == "warn":
        _warn(
            f"The fitted attributes of {type(of).__name__} will be simplified in scikit-learn 1.10 to remove "
            "redundancy. Set `use_legacy_attributes=False` to enable the new behavior now, or set it to "
            "`True` to silence this warning during the transition period while keeping the deprecated "
            "behavior for the time being. The default value of use_legacy_attributes will change from True "
            "to False in scikit-learn 1.10."
        )
        return True
    if not isinstance(given, bool | np.bool_):
        raise _refusal(of, "use_legacy_attributes", "a bool")
    return bool(given)


def _warn(message: str) -> None:
    warnings.warn(message, FutureWarning, stacklevel=_CALLER + 2)


def _refusal(of: Any, name: str, must: str) -> ValueError:
    got = getattr(of, name)
    return ValueError(f"The {name!r} parameter of {type(of).__name__} must be {must}. Got {got!r} instead.")
