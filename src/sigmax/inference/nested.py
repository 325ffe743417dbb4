"""Tests of a model against a smaller one: by a hypothesis R theta = q, or by another result.

theta are the parameters as a result reports them, in the order of ``params.ravel()``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import finite, numbers
from sigmax.data.design import Design
from sigmax.data.response import Response
from sigmax.identification import parametrisation
from sigmax.kernels import Float

if TYPE_CHECKING:
    from sigmax.inference.result import Result

#: R, (r, parameters), and q, (r,)
Hypotheses: TypeAlias = tuple[npt.ArrayLike, npt.ArrayLike]

#: a column of the smaller model lies in the span of the larger one's where what is left of it is at most this
#: part of its length
_SPANNED = 1e-9
#: rows of R depend on each other where what is left of one is at most this part of it
_DEPENDENT_ROW = 1e-10
_BLOCK = 4096


class LikelihoodTests(Protocol):
    """What a result asks of its data to test hypotheses about the parameters against the first class."""

    def likelihood_ratio(self, A: Float, c: Float) -> float:
        """2 (sup l - sup {l(b) : A b = c})."""

    def score(self, A: Float, c: Float) -> float:
        """U'I^-1 U at the optimum under A b = c."""

    def rows(self) -> tuple[Design, Response]:
        """The columns that were fitted, and the response, in the rows as given."""


@dataclass(frozen=True, slots=True)
class TestResult:
    """The outcome of a test.

    Attributes
    ----------
    name : str
    statistic : float
        Against chi^2 with `df` degrees of freedom.
    df : int
    pvalue, log_pvalue : float
        Its upper tail, and the logarithm.
    hypotheses : tuple of str
    """

    __test__ = False

    name: str
    statistic: float
    df: int
    pvalue: float
    log_pvalue: float
    hypotheses: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}: chi2({self.df}) = {self.statistic:.6g}, p = {self.pvalue:.4g}"


def chi2_test(name: str, statistic: float, df: int, hypotheses: tuple[str, ...] = ()) -> TestResult:
    """A test of a statistic against chi^2 with `df` degrees of freedom."""
    from scipy.stats import chi2

    return TestResult(
        name,
        statistic,
        df,
        float(chi2.sf(statistic, df)),
        float(chi2.logsf(statistic, df)),
        hypotheses,
    )


def lr_test(result: Result, other: Result | Hypotheses) -> TestResult:
    """See :meth:`sigmax.inference.result.Result.lr_test`."""
    if isinstance(other, tuple):
        tests = _tests(result, "lr_test()")
        A, c = constraints(result, other)
        return chi2_test("likelihood-ratio test", tests.likelihood_ratio(A, c), len(A))
    if not isinstance(other, type(result)):
        raise TypeError(f"other must be a Result or a pair (R, q); got {type(other).__name__}")
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
    statistic = max(2.0 * (large.llf - small.llf), 0.0)
    return chi2_test("likelihood-ratio test", statistic, df)


def score_test(result: Result, hypotheses: Hypotheses) -> TestResult:
    """See :meth:`sigmax.inference.result.Result.score_test`."""
    tests = _tests(result, "score_test()")
    A, c = constraints(result, hypotheses)
    return chi2_test("score test", tests.score(A, c), len(A))


# -- hypotheses --------------------------------------------------------------------------------------


def _tests(result: Result, what: str) -> LikelihoodTests:
    if result.l2 > 0.0 or result.bias_reduction is not None:
        kind = "Firth's" if result.bias_reduction is not None else "penalised"
        raise ValueError(f"{what} is for maximum-likelihood estimates; these are {kind}")
    if result.collinear == "min_norm":
        raise ValueError(f'{what} is for parameters that were fitted; fit with collinear="alias"')
    if result._tests is None:
        raise ValueError(_no_data(result, what))
    return result._tests


def _no_data(result: Result, what: str) -> str:
    if result.certificate.converged or result.certificate.exists is False:
        return f"{what} needs the data, which a pickled result leaves behind: fit again"
    return f"{what} is for fits that have converged: {result.certificate.reason}"


def constraints(result: Result, hypotheses: Hypotheses) -> tuple[Float, Float]:
    """A and c with A b = c for the parameters b that were fitted, against class 0; A has full row rank.

    Raises
    ------
    ValueError
        Wrong shapes, nan or inf, parameters of columns that were left out, or hypotheses that contradict
        each other.
    """
    if len(hypotheses) != 2:
        raise ValueError(f"hypotheses must be a pair (R, q); got {len(hypotheses)} elements")
    R, q = (
        numbers("R", np.atleast_2d(np.asarray(hypotheses[0]))),
        numbers("q", np.atleast_1d(np.asarray(hypotheses[1]))),
    )
    size = result.params.size
    if R.ndim != 2 or R.shape[1] != size or len(R) == 0:
        raise ValueError(f"R must have shape (r, {size}), one column for each parameter; got {R.shape}")
    if q.shape != (len(R),):
        raise ValueError(f"q must have shape ({len(R)},), one number for each row of R; got {q.shape}")
    finite("R", R)
    finite("q", q)
    gone = result.aliased.ravel()
    if R[:, gone].any():
        row, column = np.argwhere(R[:, gone])[0].tolist()
        name = result.param_names[int(np.flatnonzero(gone)[column]) % len(result.param_names)]
        raise ValueError(f"row {row} of R uses {name!r}, a column that was left out of the fit")
    K, k = len(result.classes), result._rank
    A = R[:, ~gone].astype(np.float64) @ parametrisation.functions(K, k, result._base)
    return _independent(np.asarray(A), q.astype(np.float64))


def _independent(A: Float, c: Float) -> tuple[Float, Float]:
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
                f"row {i} of R contradicts the rows before it: they make its left-hand side {implied:g}, and "
                f"q has {c[i]:g}"
            )
    if not kept:
        raise ValueError("R must have a row that is not 0")
    return np.ascontiguousarray(A[kept]), c[kept]


# -- two results -------------------------------------------------------------------------------------


def _require_comparable(large: Result, small: Result) -> None:
    for one in (large, small):
        if one.l2 > 0.0 or one.bias_reduction is not None:
            kind = "Firth's" if one.bias_reduction is not None else f"penalised, with l2={one.l2:g}"
            raise ValueError(f"lr_test() is for maximum-likelihood estimates; one of these is {kind}")
    if not _same(large.classes, small.classes):
        raise ValueError(
            f"both models must have the same classes; got {large.classes.tolist()} and "
            f"{small.classes.tolist()}"
        )
    kinds = [getattr(one, "weight_type", None) for one in (large, small)]
    if kinds[0] != kinds[1]:
        raise ValueError(f"both models must have the same weight type; got {kinds[0]!r} and {kinds[1]!r}")
    for one in (large, small):
        if one._tests is None:
            raise ValueError(_no_data(one, "lr_test()"))


def _same(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> bool:
    return a.shape == b.shape and bool(np.all(a == b))


def _require_nested(large: Result, small: Result) -> None:
    """The same rows, and the columns of one in the span of the other's."""
    assert large._tests is not None
    assert small._tests is not None
    (wide, a), (narrow, b) = large._tests.rows(), small._tests.rows()
    if wide.n_rows != narrow.n_rows:
        raise ValueError(f"both models must have the same rows; got {wide.n_rows} and {narrow.n_rows}")
    counted = np.ones(wide.n_rows, bool)
    weights = [_true_weight(one, wide.n_rows) for one in (a, b)]
    _require_equal("sample_weight", *weights)
    counted = weights[0] > 0.0
    _require_equal("y", np.where(counted, a.codes, 0), np.where(counted, b.codes, 0))
    zero = np.zeros((wide.n_rows, a.n_logits))
    _require_equal("offset", *(zero if one.offset is None else one.offset for one in (a, b)))
    rest = _beyond(wide, narrow, counted)
    outside = np.flatnonzero(rest > _SPANNED)
    if len(outside):
        names = ", ".join(repr(narrow.names[j]) for j in outside[:6].tolist())
        raise ValueError(
            f"the models are not nested: the smaller one has {names}, no combination of the columns of the "
            f"larger one (what is left is {float(rest.max()):.1e} of its length; up to {_SPANNED:g} passes)"
        )


def _true_weight(one: Response, n: int) -> Float:
    return np.ones(n) if one.weight is None else one.weight * one.scale


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
