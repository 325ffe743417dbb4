"""One problem of the campaign: fitted by sigmax, and held against the exact answer.

Nothing of the library's own reasoning is used: its public result is compared with what exact arithmetic says.
"""

from __future__ import annotations

import math
import re
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import limit
import numpy as np
import problems
from limit import Limit
from oracles import separation
from oracles.farkas import integers
from oracles.separation import Answer
from problems import Problem

import sigmax as sx

#: what the oracle says, what sigmax says
EXISTS, COMPLETE, QUASI = "exists", "complete", "quasi"
UNDECIDED, UNKNOWN, RAISES = "undecided", "separated, kind not said", "raises"
#: sigmax left out a column that is independent by rounding alone, and solved another problem
ANOTHER = "another problem"
#: log-likelihoods agree to this, relative to 1 + |llf|
_LLF = 1e-9
#: finite parameters agree to this, in standard errors
_PARAMS = 1e-6
_PROBABILITY = 1e-7
#: what is left of a column behind those before it, relative to it: below, float64 may call it dependent
_DOUBTFUL = 1e-9
#: what a reason says of a limiting fit that was not reached
_NOT = "NOT converged"
#: figures in a sentence
_UNNAMED = re.compile(r"\d[\d,.e+-]*")
#: a float direction is the rounding of the exact one
_ROUNDING = 2.0**-50


@dataclass
class Record:
    """What became of one problem.

    Attributes
    ----------
    truth, said : str
        Cells of the confusion matrix.
    reason : str
        Why sigmax is undecided.
    failures : list of str
        "what: details"; the first word is what the summary counts.
    doubtful_rank : bool
        A column is dependent but for rounding.  Sigmax may leave it out: not judged then, but counted.
    unconverged : str
        What sigmax says, where it says that its fit has not converged: finite numbers are not judged then.
    judged_limit : bool
        The limiting fit is known well enough to judge finite parameters.
    """

    index: int
    kind: str
    truth: str = ""
    said: str = ""
    reason: str = ""
    failures: list[str] = field(default_factory=list)
    doubtful_rank: bool = False
    unconverged: str = ""
    judged_limit: bool = False
    problem: str = ""
    warned: list[str] = field(default_factory=list)
    seconds_oracle: float = 0.0
    seconds_fit: float = 0.0
    seconds: float = 0.0


def answer_of(problem: Problem) -> Answer:
    """The exact truth; with a penalty only intercepts can run away, so that no column matters."""
    X = problem.X[:, :0] if problem.l2 > 0.0 else problem.X
    return separation.decide(
        X, problem.y, problem.n_classes, weight=problem.weight, fit_intercept=problem.intercept
    )


def fitted(problem: Problem) -> tuple[Any, list[str], float]:
    """(result or exception, classes of warnings, seconds)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        begin = time.perf_counter()
        try:
            result = sx.fit(problem.given(), problem.y, n_threads=1, **problem.arguments())
        except Exception as error:  # whatever is raised is a finding
            result = error
        seconds = time.perf_counter() - begin
    return result, sorted({one.category.__name__ for one in caught}), seconds


def _penalised(record: Record, result: Any) -> None:
    """Where a penalty leaves an optimum: nothing is separated, nothing infinite."""
    found = record.failures
    if result.certificate.exists is None:
        record.reason = str(result.certificate.reason)
        return
    if result.certificate.exists is not True:
        found.append(f"exists: {result.certificate.exists!r}; with a penalty it does")
        return
    if getattr(result, "separation", None) is not None:
        found.append("separation: where a penalty leaves an optimum")
    if "SeparationWarning" in record.warned:
        found.append("warning: a SeparationWarning where a penalty leaves an optimum")
    if not np.isfinite(result.params).all():
        found.append("params: not finite, though there is a penalty")
    if not result.certificate.converged:
        record.unconverged = _UNNAMED.sub("N", str(result.certificate.reason))


def said(result: Any) -> str:
    """The cell of what sigmax says."""
    if isinstance(result, Exception):
        return RAISES
    exists = result.certificate.exists
    if exists is None:
        return UNDECIDED
    if exists:
        return EXISTS
    kind = getattr(getattr(result, "separation", None), "kind", None)
    return kind if kind in (COMPLETE, QUASI) else UNKNOWN


def doubtful(problem: Problem, answer: Answer) -> bool:
    """Whether a column that counts is dependent but for rounding."""
    D = problem.design()[answer.counted]
    kept = D[:, ~answer.aliased]
    length = np.sqrt((kept * kept).sum(axis=0))
    left = np.abs(np.linalg.qr(kept / length, mode="r").diagonal())
    return bool((left < _DOUBTFUL).any())


def hold(record: Record, problem: Problem, answer: Answer, lim: Limit | None, result: Any) -> None:
    """Compare a result with the truth: what is wrong goes to `record.failures`."""
    found = record.failures
    if isinstance(result, Exception):
        found.append(f"raises: {type(result).__name__}: {result}")
        return
    if problem.l2 > 0.0 and answer.exists:
        _penalised(record, result)
        return
    if lim is None:
        raise AssertionError("without a penalty there is a limiting fit")
    aliased = _aliased(answer, result)
    if aliased and record.doubtful_rank:
        record.said = ANOTHER
        return
    if aliased:
        found.append(aliased)
    exists = result.certificate.exists
    given = getattr(result, "separation", None)
    if exists is None:
        record.reason = str(result.certificate.reason)
        if given is not None:
            found.append("undecided: but with a separation")
        return
    if not isinstance(exists, bool | np.bool_):
        found.append(f"exists: is {exists!r}")
        return
    if exists != answer.exists:
        found.append(f"exists: {exists}; the truth is {answer.exists}")
        return
    warned = "SeparationWarning" in record.warned
    if warned == answer.exists:
        found.append(f"warning: {'a' if warned else 'no'} SeparationWarning where exists is {answer.exists}")
    if answer.exists:
        if given is not None:
            found.append("separation: where the estimate exists")
    elif given is None:
        found.append("separation: None where there is one")
    else:
        _separation(found, problem, answer, given)
    reason = str(result.certificate.reason)
    # where there is no estimate nothing converges to it, but the limiting fit does, which the reason tells
    if not (result.certificate.converged if answer.exists else _NOT not in reason):
        record.unconverged = _UNNAMED.sub("N", reason)
    _params(record, answer, lim, result)
    _llf(record, answer, lim, result)
    _predictions(record, problem, answer, lim, result)


def _aliased(answer: Answer, result: Any) -> str:
    """How `aliased` is wrong; "" where it is not."""
    shape = answer.infinite.shape
    got = getattr(result, "aliased", None)
    if got is None:
        return "aliased: not said" if answer.aliased.any() else ""
    got = np.asarray(got)
    if got.dtype != bool or got.shape != np.shape(result.params):
        return f"aliased: {got.dtype} of shape {got.shape}"
    if (got.reshape(shape) != answer.aliased).any():
        return f"aliased: {got.astype(int).tolist()}; the truth is {answer.aliased.astype(int).tolist()}"
    return ""


def _separation(found: list[str], problem: Problem, answer: Answer, given: Any) -> None:
    shape = answer.infinite.shape
    size = answer.infinite.size
    params_shape = shape[1:] if shape[0] == 1 else shape
    if given.kind != answer.kind:
        found.append(f"kind: {given.kind!r}; the truth is {answer.kind!r}")
    infinite = np.asarray(given.infinite)
    want = np.nan_to_num(answer.infinite, nan=0.0)
    if infinite.shape != params_shape or infinite.dtype.kind != "i":
        found.append(f"infinite: {infinite.dtype} of shape {infinite.shape}, expected {params_shape}")
    elif (infinite.reshape(shape) != want).any():
        found.append(f"infinite: {infinite.tolist()}; the truth is {answer.infinite.tolist()}")
    rows = np.asarray(given.rows)
    if rows.dtype.kind != "i" or not np.array_equal(rows, answer.rows):
        found.append(f"rows: {rows.tolist()}; the truth is {answer.rows.tolist()}")
    direction = np.asarray(given.direction)
    if direction.shape != params_shape or direction.dtype != np.float64 or not np.isfinite(direction).all():
        found.append(f"direction: {direction.tolist()}, expected float64 of shape {params_shape}")
        return
    exact = getattr(given, "exact_direction", None)
    if exact is None:
        exact = [Fraction(v) for v in direction.ravel().tolist()]
    elif len(exact) != size or not _same_ray(exact, direction.ravel()):
        found.append("direction: is not the rounding of exact_direction")
        return
    wrong = outside(problem, answer, exact)
    if wrong:
        found.append(f"direction: {wrong}")


def _same_ray(exact: Sequence[Fraction], direction: np.ndarray) -> bool:
    largest = max(map(abs, exact))
    rounded = [Fraction(v) for v in direction.tolist()]
    other = max(map(abs, rounded))
    if not largest or not other:
        return False
    return all(
        abs(a / largest - b / other) <= Fraction(_ROUNDING) for a, b in zip(exact, rounded, strict=True)
    )


def outside(problem: Problem, answer: Answer, direction: Sequence[Fraction]) -> str:
    """How a direction fails: positive on S and 0 on T, in exact arithmetic; "" where it does not."""
    common = math.lcm(*(Fraction(v).denominator for v in direction))
    d = [int(v * common) for v in direction]
    k, K = len(answer.aliased), problem.n_classes
    blocks = [[0] * k, *(d[c * k : (c + 1) * k] for c in range(K - 1))]
    seen = problem.seen()
    for i in np.flatnonzero(answer.counted).tolist():
        row = integers(problem.design()[i].tolist())
        u = [sum(a * b for a, b in zip(row, block, strict=True)) for block in blocks]
        for y in np.flatnonzero(seen[i]).tolist():
            for other in range(K):
                gain = u[y] - u[other]
                if other != y and (gain < 0 or (gain > 0) != answer.excluded[i, other]):
                    side = "negative" if gain < 0 else "0" if gain == 0 else "positive"
                    expected = "positive" if answer.excluded[i, other] else "0"
                    return f"{side} at row {i} against class {other}, expected {expected}"
    return ""


def _params(record: Record, answer: Answer, lim: Limit, result: Any) -> None:
    shape, found = answer.infinite.shape, record.failures
    params = np.asarray(result.params).reshape(shape)
    infinite = answer.infinite
    for sign in (1.0, -1.0):
        wrong = (infinite == sign) & (params != sign * np.inf)
        if wrong.any():
            found.append(f"params: {params[wrong].tolist()} where it is {sign * np.inf}")
    wrong = np.isnan(infinite) & ~np.isnan(params)
    if wrong.any():
        found.append(f"params: {params[wrong].tolist()} where it has no value")
    wrong = (infinite == 0.0) & ~np.isfinite(params)
    if record.unconverged:  # what could not be fitted, and is said not to have been, may be nan
        wrong &= ~np.isnan(params)
    if wrong.any():
        found.append(f"params: {params[wrong].tolist()} where it is finite")
        return
    record.judged_limit = lim.sure and not record.unconverged
    if lim.sure and not record.unconverged:
        known = infinite == 0.0
        gap = np.abs(params - lim.params)[known]
        allowed = _PARAMS * lim.bse[known] + 1e-9 * np.abs(lim.params[known])
        if (gap > allowed).any():
            worst = float((gap / lim.bse[known]).max())
            found.append(f"limit: a finite parameter is {worst:.1e} standard errors off")


def _llf(record: Record, answer: Answer, lim: Limit, result: Any) -> None:
    llf, found = float(result.llf), record.failures
    if answer.kind == COMPLETE:
        if llf != 0.0:
            found.append(f"llf: {llf!r}; the truth is 0")
        return
    allowed = _LLF * (1.0 + abs(lim.llf))
    if record.unconverged and np.isnan(llf):
        return
    if not llf <= 0.0:
        found.append(f"llf: {llf!r} is positive")
    elif not llf >= lim.llf - allowed and not record.unconverged:
        found.append(f"llf: {llf!r} is below {lim.llf!r}, which is reached")
    elif lim.sure and llf > lim.llf + allowed:
        found.append(f"llf: {llf!r} is above the supremum {lim.llf!r}")


def _predictions(record: Record, problem: Problem, answer: Answer, lim: Limit, result: Any) -> None:
    rows, found = np.flatnonzero(answer.counted), record.failures
    given: dict[str, Any] = {}
    if problem.offset is not None:
        o = problem.offsets()[rows, 1:]
        given["offset"] = o[:, 0] if problem.n_classes == 2 else o
    try:
        p = np.asarray(result.predict_proba(problem.X[rows], **given))
    except Exception as error:  # whatever is raised is a finding
        found.append(f"prediction: {type(error).__name__}: {error}")
        return
    valid = (p >= 0.0) & (p <= 1.0)
    if record.unconverged:
        valid |= np.isnan(p)
    if p.shape != (len(rows), problem.n_classes) or not valid.all():
        bad = int((~valid).any(axis=-1).sum())
        found.append(f"prediction: shape {p.shape}, {bad} rows are no probabilities")
        return
    excluded = answer.excluded[rows]
    if (p[excluded] != 0.0).any():
        found.append(f"prediction: {(p[excluded] != 0.0).sum()} excluded classes are not exactly 0")
    alone = ~excluded & (excluded.sum(axis=1) == problem.n_classes - 1)[:, None]
    if (p[alone] != 1.0).any():
        found.append(f"prediction: {(p[alone] != 1.0).sum()} rows of one class are not exactly 1")
    if lim.sure and not record.unconverged:
        gap = np.abs(p - lim.probabilities[rows]).max(axis=1)
        # parameters are rounded to float64, which columns far from zero feel
        params = np.nan_to_num(lim.params, nan=0.0)
        felt = (np.abs(problem.design()[rows]) @ np.abs(params).T).max(axis=1)
        wrong = ~(gap <= _PROBABILITY + 2.0**-50 * felt)
        if wrong.any():
            found.append(f"prediction: a probability is {gap[wrong].max():.1e} off")


def judge(seed: int, index: int) -> Record:
    """Draw problem `index`, decide it exactly, fit it, compare.

    Parameters
    ----------
    seed, index : int
    """
    begin = time.perf_counter()
    problem = problems.draw(seed, index)
    answer = answer_of(problem)
    record = Record(index, problem.kind, truth=answer.kind or EXISTS, problem=str(problem))
    record.seconds_oracle = time.perf_counter() - begin
    if problem.l2 > 0.0:
        if not answer.exists:
            raise AssertionError(f"a penalty and an absent class: {problem}")
        lim = None
    else:
        record.doubtful_rank = doubtful(problem, answer)
        lim = limit.fit(problem, answer)
    result, record.warned, record.seconds_fit = fitted(problem)
    record.said = said(result)
    hold(record, problem, answer, lim, result)
    record.seconds = time.perf_counter() - begin
    return record
