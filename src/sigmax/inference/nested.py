"""Tests of a model against a smaller one: by a hypothesis R theta = q, or by another result.

theta are the parameters as a result reports them, in the order of ``params.ravel()``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax.data.design import Design
from sigmax.identification import parametrisation
from sigmax.inference.estimates import LEFT_BEHIND, Estimates
from sigmax.inference.hypotheses import Hypotheses
from sigmax.inference.profile import LikelihoodTests
from sigmax.inference.testing import TestResult
from sigmax.kernels import Float

#: a column of the smaller model lies in the span of the larger one's where what is left of it is at most this
#: part of its length
_SPANNED = 1e-9
#: rows of R depend on each other where what is left of one is at most this part of it
_DEPENDENT_ROW = 1e-10
_BLOCK = 4096


def lr_test_of(result: Estimates, hypotheses: Hypotheses) -> TestResult:
    """The likelihood-ratio test of R theta = q."""
    tests = _tests(result, "lr_test()")
    A, c = constraints(result, hypotheses)
    return TestResult.of("likelihood-ratio", tests.likelihood_ratio(A, c), len(A), hypotheses.texts)


def lr_test_between(result: Estimates, other: Estimates) -> TestResult:
    """The likelihood-ratio test between two results, whichever has more parameters."""
    large, small = result, other
    if large.n_estimated < small.n_estimated:
        large, small = small, large
    df = large.n_estimated - small.n_estimated
    _require_comparable(large, small)
    if df == 0:
        raise ValueError(
            f"other must be nested in this model, or the other way round, with fewer parameters; both have "
            f"{large.n_estimated}"
        )
    _require_nested(large, small)
    return TestResult.of("likelihood-ratio", max(2.0 * (large.llf - small.llf), 0.0), df)


def score_test_of(result: Estimates, hypotheses: Hypotheses) -> TestResult:
    """Rao's score test of R theta = q."""
    tests = _tests(result, "score_test()")
    A, c = constraints(result, hypotheses)
    return TestResult.of("score", tests.score(A, c), len(A), hypotheses.texts)


# -- hypotheses --------------------------------------------------------------------------------------


_SURVEY = "{} compares likelihoods, and that of probability weights is none of the sample; take wald_test()"


def _tests(result: Estimates, what: str) -> LikelihoodTests:
    _require_likelihood(result, what, "these are")
    if result.collinear == "min_norm" and result.dependence is not None:
        raise ValueError(f'{what} is for parameters that were fitted; fit with collinear="alias"')
    tests = result._source._tests
    if tests is None:
        raise ValueError(no_data(result, what))
    return tests


def _require_likelihood(result: Estimates, what: str, these: str) -> None:
    """ValueError where the estimates do not maximise a likelihood."""
    if result.bias_reduction is not None:
        raise ValueError(f"{what} is for maximum-likelihood estimates; {these} Firth's")
    if result.l2 > 0.0:
        raise ValueError(
            f"{what} is for maximum-likelihood estimates; {these} penalised, with l2={result.l2:g}"
        )
    if result.weight_type == "probability":
        raise ValueError(_SURVEY.format(what))


def no_data(result: Estimates, what: str) -> str:
    """Why a result has nothing to compute `what` from."""
    if result.certificate.converged or result.certificate.exists is False:
        return f"{what} {LEFT_BEHIND}"
    return f"{what} is for fits that have converged: {result.certificate.reason}"


def constraints(result: Estimates, hypotheses: Hypotheses) -> tuple[Float, Float]:
    """A and c with A b = c for the parameters b that were fitted, against class 0; A has full row rank.

    Raises
    ------
    ValueError
        Hypotheses that contradict each other in the parameters that were fitted.
    """
    K, k = len(result.classes), result._rank
    A = hypotheses.R[:, ~result.aliased.ravel()] @ parametrisation.functions(K, k, result._base)
    return _independent(np.asarray(A), hypotheses.q, hypotheses.texts)


def _independent(A: Float, c: Float, texts: tuple[str, ...]) -> tuple[Float, Float]:
    """Rows of A that do not depend on those before them; ValueError where the others contradict them."""
    kept: list[int] = []
    length = np.abs(A).max(axis=1)
    for i, row in enumerate(A):
        if not kept:
            weights, rest = np.zeros(0), row
        else:
            base = A[kept] / length[kept][:, None]
            weights = np.linalg.lstsq(base.T, row, rcond=None)[0] / length[kept]
            rest = row - weights @ A[kept]
        if length[i] > 0.0 and np.abs(rest).max() > _DEPENDENT_ROW * length[i]:
            kept.append(i)
            continue
        implied = float(weights @ c[kept])
        terms = float(np.abs(weights) @ np.abs(c[kept])) + abs(float(c[i]))
        if abs(implied - c[i]) > _DEPENDENT_ROW * terms:
            raise ValueError(
                f"hypotheses must not contradict each other: {texts[i]!r} does, by those before it its "
                f"left-hand side is {implied:g}"
            )
    if not kept:
        raise ValueError(f"hypotheses must say something about the estimates; {texts[0]!r} does not")
    return np.ascontiguousarray(A[kept]), c[kept]


# -- two results -------------------------------------------------------------------------------------


def _require_comparable(large: Estimates, small: Estimates) -> None:
    for one in (large, small):
        _require_likelihood(one, "lr_test()", "one of these is")
        if not (one.certificate.converged or one.certificate.exists is False):
            raise ValueError(no_data(one, "lr_test()"))
    if not _same(large.classes, small.classes):
        raise ValueError(
            f"both models must have the same classes; got {large.classes.tolist()} and "
            f"{small.classes.tolist()}"
        )
    if large.weight_type != small.weight_type:
        raise ValueError(
            f"both models must have the same weight type; got {large.weight_type!r} and {small.weight_type!r}"
        )


def _same(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> bool:
    return a.shape == b.shape and bool(np.all(a == b))


def _require_nested(large: Estimates, small: Estimates) -> None:
    """The same rows, and the columns of one in the span of the other's."""
    a, b = large._rows("lr_test()"), small._rows("lr_test()")
    wide, narrow, u, v = a.design, b.design, a.units, b.units
    if wide.n_rows != narrow.n_rows:
        raise ValueError(f"both models must have the same rows; got {wide.n_rows} and {narrow.n_rows}")
    one = np.ones(wide.n_rows)
    weights = [one if units.weight() is None else units.weight() for units in (u, v)]
    assert weights[0] is not None
    assert weights[1] is not None
    _require_equal("sample_weight", weights[0], weights[1])
    counted = weights[0] > 0.0
    if (u.counts is None) != (v.counts is None):
        raise ValueError("both models must have the same y; one has labels, the other counts")
    if u.counts is not None and v.counts is not None:
        _require_equal("y", u.counts[counted], v.counts[counted])
    elif u.codes is not None and v.codes is not None:
        _require_equal("y", np.where(counted, u.codes, 0), np.where(counted, v.codes, 0))
    zero = np.zeros((wide.n_rows, len(large.classes) - 1))
    _require_equal("offset", *(zero if units.offset is None else units.offset for units in (u, v)))
    rest = _beyond(wide, narrow, counted)
    outside = np.flatnonzero(rest > _SPANNED)
    if len(outside):
        names = ", ".join(repr(narrow.names[j]) for j in outside[:6].tolist())
        raise ValueError(
            f"the models are not nested: the smaller one has {names}, no combination of the columns of the "
            f"larger one (what is left is {float(rest.max()):.1e} of its length; up to {_SPANNED:g} passes)"
        )


def _require_equal(name: str, a: npt.NDArray[Any], b: npt.NDArray[Any]) -> None:
    if a is b or _same(a, b):
        return
    differ = (a != b) if a.ndim == 1 else (a != b).any(axis=1)
    raise ValueError(
        f"both models must have the same {name}; it differs in {int(differ.sum())} rows, first in row "
        f"{int(np.argmax(differ))}"
    )


def _beyond(wide: Design, narrow: Design, counted: npt.NDArray[np.bool_]) -> Float:
    """How much of each column of `narrow` is outside the span of `wide`, relative to its length; (k,).

    From a QR factorisation of both side by side, in blocks; rows that count alone.
    """
    k = wide.width
    R: Float = np.zeros((0, k + narrow.width))
    for start in range(0, wide.n_rows, _BLOCK):
        rows = slice(start, min(start + _BLOCK, wide.n_rows))
        both = [_columns(design, rows)[counted[rows]] for design in (wide, narrow)]
        R = np.asarray(np.linalg.qr(np.concatenate([R, np.hstack(both)]), mode="r"))
    length = np.sqrt((R[:, k:] ** 2).sum(axis=0))
    left = np.sqrt((R[k:, k:] ** 2).sum(axis=0))
    return np.asarray(left / np.where(length > 0.0, length, 1.0))


def _columns(design: Design, rows: slice) -> Float:
    X = design.block(rows.start, rows.stop)
    return np.hstack([np.ones((len(X), int(design.intercept))), X])
