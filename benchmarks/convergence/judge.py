"""One problem of the campaign: drawn until its optimum exists, fitted, and held against the optimum."""

from __future__ import annotations

import inspect
import math
import time
import warnings
from dataclasses import asdict, dataclass, field
from typing import Any

import exists
import extended
import fifty
import numpy as np
import problems
import undamped
from exists import Verdict
from problems import Problem

import sigmax as sx

#: an estimate that is called converged lies within this many standard errors of the optimum
AGREES = 1e-9
#: an oracle that is not proved to be closer than this, in standard errors, gives way to 50 digits
_ORACLE_ENOUGH = 1e-12
#: every so many problems the oracle and the linear program are held against 50 digits; a prime, so that every
#: family gets its turn
CHECK_EVERY = 499
_ATTEMPTS = 300


@dataclass
class Record:
    """What happened; see `judge`.  Errors are in standard errors unless `relative`; nan without a fit.

    `failures` are broken promises of the library, `faults` those of the harness; both are empty as a rule.
    """

    index: int
    family: str
    problem: str = ""
    run: bool = True
    attempts: int = 0
    dependent: int = 0
    separated: int = 0
    doubtful: int = 0
    oracle: str = ""
    oracle_off: float = math.nan
    checked: bool = False
    condition: float = math.nan
    converged: bool = False
    exists: bool | None = None
    error: float = math.nan
    relative: float = math.nan
    bse_error: float = math.nan
    bound_over_error: float = math.inf
    bound: float = math.nan
    digits: float = 0.0
    true_digits: float = 0.0
    passes: float = math.nan
    iterations: int = -1
    reason: str = ""
    warned: list[str] = field(default_factory=list)
    undamped: str = ""
    failures: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    seconds_fit: float = 0.0
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Without nan and infinity, which JSON does not have."""
        return {
            k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in asdict(self).items()
        }


class Truth:
    """The optimum of a problem, by whichever oracle proves it."""

    def __init__(self, problem: Problem, found: extended.Optimum | None, digits: fifty.Exact | None) -> None:
        self._problem, self._found, self._digits = problem, found, digits

    @property
    def params(self) -> np.ndarray:
        """Rounded to float64, shape (P,)."""
        if self._digits is not None:
            return np.array([float(v) for v in self._digits.params])
        return self._found.params.astype(np.float64)

    @property
    def bse(self) -> np.ndarray:
        """Standard errors, float64, shape (P,)."""
        if self._digits is not None:
            return np.array([float(v) for v in self._digits.bse])
        return self._found.bse.astype(np.float64)

    def gap(self, params: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(|params - optimum|, how wrong that can be), shape (P,) each."""
        if self._digits is not None:
            gap = self._digits.gap(params)
            return gap, 4e-16 * gap
        gap = np.abs(params.ravel().astype(np.longdouble) - self._found.params)
        slack = self._found.off * self._found.bse
        return gap.astype(np.float64), (slack * 1.01).astype(np.float64)

    def sharpen(self) -> None:
        """50 digits from now on."""
        if self._digits is None:
            self._digits = fifty.optimum(self._problem, self._found.params)


def takes_penalties() -> bool:
    """Whether `sigmax.fit` has the keyword `l2` yet."""
    return "l2" in inspect.signature(sx.fit).parameters


def fitted(problem: Problem) -> tuple[Any, list[str], float]:
    """(result or exception, classes of warnings, seconds)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        begin = time.perf_counter()
        try:
            result = sx.fit(problem.X, problem.y, n_threads=1, **problem.arguments())
        except Exception as error:  # whatever is raised is a finding
            result = error
        seconds = time.perf_counter() - begin
    return result, sorted({one.category.__name__ for one in caught}), seconds


def hold(record: Record, problem: Problem, truth: Truth, result: Any) -> None:
    """Compare a result with the optimum: what is broken goes to `record.failures`."""
    if isinstance(result, Exception):
        record.failures.append(f"raises {type(result).__name__}: {result}")
        return
    c = result.certificate
    record.converged, record.exists = bool(c.converged), c.exists
    record.passes, record.iterations, record.reason = float(c.passes), int(c.iterations), str(c.reason)
    record.digits = float(c.digits)
    if not c.converged:
        record.failures.append(f"not converged: {c.reason}")
    if c.exists is False:
        record.failures.append("says that the estimate does not exist")
    elif c.converged and c.exists is not True:
        record.failures.append("converged, but does not say that the estimate exists")
    if c.converged and "ConvergenceWarning" in record.warned:
        record.failures.append("converged with a warning")
    if not np.isfinite(result.params).all():
        record.failures.append("parameters are not finite")
        return

    bound = np.asarray(c.error_bound, dtype=np.float64).ravel()
    for last in (False, True):
        gap, slack = truth.gap(result.params)
        undecided = (gap + slack > bound) & (gap - slack <= bound) & np.isfinite(bound)
        if last or not undecided.any():
            break
        try:
            truth.sharpen()
        except ArithmeticError as error:
            record.faults.append(f"the oracle cannot decide a bound, and 50 digits fail: {error}")
            break
    exact, bse = truth.params, truth.bse
    record.error = float((gap / bse).max())
    record.bse_error = float(np.abs(np.asarray(result.bse).ravel() / bse - 1.0).max())
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(gap > slack, np.maximum(gap - slack, 0.0) / (np.abs(exact) + slack), 0.0)
        record.relative = float(relative.max())
        ratio = np.where(gap + slack > 0.0, bound / (gap + slack), np.inf)
    record.bound_over_error = float(ratio.min())
    record.bound = float((bound / bse).max())
    record.true_digits = min(-math.log10(record.relative), 99.0) if record.relative > 0.0 else 99.0

    broken = ~(gap - slack <= bound)
    if broken.any():
        j = int(np.argmax(broken))
        record.failures.append(f"parameter {j} is off by {gap[j]:.3e}, more than its bound {bound[j]:.3e}")
    if record.digits > 0.0 and record.digits > record.true_digits:
        record.failures.append(f"claims {record.digits:.2f} digits, has {record.true_digits:.2f}")
    if c.converged and record.error > AGREES:
        record.failures.append(f"converged {record.error:.1e} standard errors away from the optimum")


def _check(record: Record, problem: Problem, found: extended.Optimum) -> fifty.Exact | None:
    """Hold the oracle and the linear program against 50 digits."""
    record.checked = True
    try:
        exact = fifty.optimum(problem, found.params)
    except ArithmeticError as error:
        record.faults.append(f"50 digits find no optimum: {error}")
        return None
    bse = np.array([float(v) for v in exact.bse])
    off = exact.gap(found.params) / bse
    if (off > found.off * 1.0001).any():
        record.faults.append(f"the oracle is off by {off.max():.1e}, more than its bound {found.off:.1e}")
    wrong = np.abs(found.bse.astype(np.float64) / bse - 1.0).max()
    if wrong > 1e-3:
        record.faults.append(f"the oracle's standard errors are off by {wrong:.1e}")
    if problem.l2 == 0.0 and exists.verdict(problem) is Verdict.SEPARATED:
        record.faults.append("rational arithmetic separates a problem that has an optimum")
    return exact


def _exists(record: Record, problem: Problem) -> Truth | None:
    """The truth of a problem whose optimum is proved to exist; None for any other, counted in `record`."""
    free = problem.l2 == 0.0
    if free:
        full = exists.rank(problem)
        if full is not True:
            record.dependent += full is False
            record.doubtful += full is None
            return None
    begin, sure = extended.rough(problem)
    found = extended.optimum(problem, begin) if sure else None
    if found is None and free and exists.verdict(problem) is Verdict.SEPARATED:
        record.separated += 1
        _no_false_claim(record, problem)
        return None
    if found is None:
        found = extended.optimum(problem, begin)
    if found is not None:
        record.oracle, record.oracle_off, record.condition = "extended", found.off, found.condition
        exact = None
        if record.index % CHECK_EVERY == 0 or not found.off <= _ORACLE_ENOUGH:
            exact = _check(record, problem, found)
            record.oracle_off = found.off if exact is None else 0.0
        return Truth(problem, found, exact)
    try:
        exact = fifty.optimum(problem, None)
    except ArithmeticError:
        record.doubtful += 1
        return None
    record.oracle, record.oracle_off = "50 digits", 0.0
    return Truth(problem, None, exact)


def _no_false_claim(record: Record, problem: Problem) -> None:
    """A fit of a separated problem must claim no optimum."""
    result, _, _ = fitted(problem)
    if not isinstance(result, Exception) and (result.certificate.converged or result.certificate.exists):
        record.failures.append(f"claims an optimum that does not exist: {problem}")


def judge(seed: int, index: int, *, penalties: bool) -> Record:
    """Draw problem `index` until its optimum exists, fit it, compare.

    Parameters
    ----------
    seed, index : int
    penalties : bool
        Whether `sigmax.fit` takes `l2`; without, the family "penalty" is not run and no other has one.
    """
    begin = time.perf_counter()
    record = Record(index, problems.family_of(index))
    if record.family == "penalty" and not penalties:
        record.run = False
        return record
    truth = None
    for attempt in range(_ATTEMPTS):
        problem = problems.draw(seed, index, attempt, penalties=penalties)
        record.attempts += 1
        truth = _exists(record, problem)
        if truth is not None:
            break
    if truth is None:
        record.faults.append(f"no problem with an optimum in {_ATTEMPTS} attempts")
        return record
    record.problem = str(problem)
    result, record.warned, record.seconds_fit = fitted(problem)
    hold(record, problem, truth, result)
    record.undamped = undamped.run(problem, truth.params, truth.bse)
    record.seconds = time.perf_counter() - begin
    return record
