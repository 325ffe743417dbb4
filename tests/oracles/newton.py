"""Maximum likelihood of the logistic and the softmax regression to 50 digits.

This module is the judge of the library, so it shares nothing with it: no import, no kernel, no
solver, no data loader.  It knows the models from their definition alone and computes in
arbitrary-precision arithmetic (mpmath, or mpmath on gmpy2 when that is installed).

Models
------
For row i let t_i = o_i + b + x_i . B be the K - 1 logits relative to the reference class 0 (row of
offsets o_i, intercepts b, features x_i, coefficients B), and z_i = (0, t_i1, ..., t_i(K-1))::

    NLL = sum_i w_i [ log sum_j exp(z_ij) - z_i(y_i) ]        (nats, summed, never averaged)

Coefficients are laid out class-major over the classes 1 .. K-1, and within a class the intercept
comes first (when there is one) and the features follow in column order; k is the number of
coefficients in one class and P = (K - 1) k their total.

Entry points
------------
``evaluate``
    NLL, gradient and Hessian at given coefficients.
``optimum``
    The maximum likelihood estimate with covariance and standard errors, certified.
``null_llf``
    The log-likelihood of the intercept-only model, in closed form.
``bundled``
    One of the three bundled data sets with its certified optimum, computed once per process.
``relative_error``, ``to_float``
    Compare floating-point results with, or round, arbitrary-precision ones.

Accuracy
--------
Every float64 input is taken as the exact binary number that it is.  Sums and dot products are
accumulated exactly and rounded once (``mpmath.fdot``); the remaining roundings happen at a
precision of ``digits + GUARD`` decimal digits, raised further by the magnitude of the largest
logit, because exp() turns an absolute error of its argument into a relative error of its result.
No formula below subtracts quantities that nearly agree, so NLL, residuals and curvatures keep
their relative accuracy at saturated rows, too.  ``optimum`` carries more guard digits when the
information matrix turns out to need them.

A caution for callers: an mpf keeps its digits until it is computed with.  Every operation on it,
a change of sign included, rounds to the precision in force, which is 15 digits by default.
Compute inside ``with mpmath.mp.workdps(75):``, or leave it to ``relative_error``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from mpmath import mp, mpf
from numpy.typing import ArrayLike, NDArray

Form = Literal["logistic", "softmax"]
Vector = list[mpf]
Matrix = list[list[mpf]]

GUARD = 25
"""Decimal digits carried beyond those asked for."""

_MORE_GUARD = (0, GUARD, 4 * GUARD)
"""Further guard digits that `optimum` tries in turn on an ill-conditioned information matrix."""

_FLOAT_ITERATIONS = 100
_MP_ITERATIONS = 25
_DATA = Path(__file__).resolve().parents[2] / "src" / "sigmax" / "datasets" / "data"

_DESIGNS: dict[str, tuple[str, tuple[str, ...], int]] = {
    "spector": ("GRADE", ("GPA", "TUCE", "PSI"), 2),
    "fair": (
        "affair",
        (
            "rate_marriage",
            "age",
            "yrs_married",
            "children",
            "religious",
            "educ",
            "occupation",
            "occupation_husb",
        ),
        2,
    ),
    "anes96": ("PID", ("logpopul", "selfLR", "age", "educ", "income"), 7),
}


@dataclass(frozen=True)
class Evaluation:
    """NLL and its derivatives at one point.

    Attributes
    ----------
    nll : mpf
        Summed, weighted negative log-likelihood in nats.
    gradient : tuple of mpf, length P
        Derivatives of ``nll``, class-major, intercept first.
    hessian : tuple of P tuples of P mpf, or None
        Second derivatives in the same order; None when not asked for.
    """

    nll: mpf
    gradient: tuple[mpf, ...]
    hessian: tuple[tuple[mpf, ...], ...] | None


@dataclass(frozen=True)
class Optimum:
    """A certified maximum likelihood estimate.

    Attributes
    ----------
    params : tuple of K - 1 tuples of k mpf
        The coefficients of one class after the other, intercept first.
    covariance : tuple of P tuples of P mpf
        Inverse of the observed information (the Hessian of the NLL at ``params``).
    bse : tuple of K - 1 tuples of k mpf
        Standard errors, shaped as ``params``.
    llf : mpf
        Log-likelihood in nats.
    gradient : tuple of mpf, length P
        What is left of the gradient of the NLL.
    newton_decrement : mpf
        sqrt(g' H^-1 g) at ``params``: the distance to the exact optimum measured in standard
        errors (Boyd and Vandenberghe, 2004, section 9.5.1).
    movement : mpf
        The largest change of any row's logit in the Newton step from ``params``.
    digits : int
        The number of digits asked for; ``newton_decrement < 10**-(digits - 5)`` and
        ``movement < 10**-digits`` hold.
    evaluations : int
        Arbitrary-precision gradients spent.
    """

    params: tuple[tuple[mpf, ...], ...]
    covariance: tuple[tuple[mpf, ...], ...]
    bse: tuple[tuple[mpf, ...], ...]
    llf: mpf
    gradient: tuple[mpf, ...]
    newton_decrement: mpf
    movement: mpf
    digits: int
    evaluations: int


@dataclass(frozen=True)
class Bundled:
    """A bundled data set with its certified optimum.

    Attributes
    ----------
    name : str
        Name of the data set.
    X : ndarray of float64, shape (n, p)
        Default design without intercept; read-only.
    codes : ndarray of int64, shape (n,)
        Class codes 0 .. K-1; read-only.
    n_classes : int
        K.
    optimum : Optimum
        The fit with an intercept, unit weights and no offset.
    llf_null : mpf
        Log-likelihood of the intercept-only model.
    """

    name: str
    X: NDArray[np.float64]
    codes: NDArray[np.int64]
    n_classes: int
    optimum: Optimum
    llf_null: mpf


# --------------------------------------------------------------------------------------------------
# Inputs
# --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Arrays:
    """Checked float64 inputs: design with its intercept column (n, k), offset (n, K - 1)."""

    design: NDArray[np.float64]
    codes: NDArray[np.int64]
    n_classes: int
    weight: NDArray[np.float64] | None
    offset: NDArray[np.float64] | None


def _checked(
    X: ArrayLike,
    codes: ArrayLike,
    n_classes: int,
    weight: ArrayLike | None,
    offset: ArrayLike | None,
    fit_intercept: bool,
) -> _Arrays:
    """Validate the inputs; an oracle that guesses what was meant is none."""
    x = np.asarray(X, dtype=np.float64)
    if x.ndim != 2 or not np.isfinite(x).all():
        raise ValueError("X must be a finite matrix")
    n = x.shape[0]
    raw = np.asarray(codes)
    y = raw.astype(np.int64)
    if y.shape != (n,) or not np.array_equal(y, raw):
        raise ValueError(f"codes must be {n} integers")
    if n_classes < 2 or n == 0 or y.min() < 0 or y.max() >= n_classes:
        raise ValueError(f"codes must lie in 0 .. {n_classes - 1}, and there must be some")
    w = None if weight is None else np.asarray(weight, dtype=np.float64)
    if w is not None and (w.shape != (n,) or not np.isfinite(w).all() or (w < 0).any()):
        raise ValueError(f"weight must be {n} finite numbers that are not negative")
    o = None if offset is None else np.asarray(offset, dtype=np.float64)
    if o is not None:
        if o.shape != ((n,) if n_classes == 2 else (n, n_classes - 1)) or not np.isfinite(o).all():
            raise ValueError("offset must be finite, (n,) for two classes and (n, K - 1) for more")
        o = o.reshape(n, n_classes - 1)
    if fit_intercept:
        x = np.column_stack([np.ones(n), x])
    if x.shape[1] == 0:
        raise ValueError("the model has no coefficients")
    return _Arrays(x, y, n_classes, w, o)


class _Problem:
    """The arbitrary-precision image of the inputs, converted once and evaluated many times."""

    def __init__(self, arrays: _Arrays, form: Form) -> None:
        self.form = form
        self.codes: list[int] = arrays.codes.tolist()
        self.n, self.k = arrays.design.shape
        self.classes = arrays.n_classes - 1
        # mp.convert keeps every bit of a float64; mpf() would round to the working precision.
        self.columns: Matrix = [[mp.convert(v) for v in c] for c in arrays.design.T.tolist()]
        self.rows = [list(r) for r in zip(*self.columns, strict=True)]
        self.weight: Vector | None = (
            None if arrays.weight is None else [mp.convert(v) for v in arrays.weight.tolist()]
        )
        self.offset: Matrix | None = (
            None if arrays.offset is None else [[mp.convert(v) for v in r] for r in arrays.offset.tolist()]
        )
        self._products: list[Vector] | None = None

    def logits(self, coef: Vector) -> Matrix:
        """Return t_ia = o_ia + sum_l x_il B_al as n lists of K - 1."""
        k = self.k
        blocks = [coef[a * k : (a + 1) * k] for a in range(self.classes)]
        if self.offset is None:
            return [[mp.fdot(row, b) for b in blocks] for row in self.rows]
        one = mpf(1)
        # The offset enters as one more exact product, so that t is rounded once.
        return [
            [mp.fdot([*row, one], [*b, o]) for b, o in zip(blocks, offs, strict=True)]
            for row, offs in zip(self.rows, self.offset, strict=True)
        ]

    def movement(self, step: Vector) -> mpf:
        """Return the largest change of a logit that a step makes, max |sum_l x_il step_al|."""
        blocks = [step[a : a + self.k] for a in range(0, len(step), self.k)]
        return max(abs(mp.fdot(row, b)) for row in self.rows for b in blocks)

    def products(self) -> list[Vector]:
        """Return the columns x_j * x_l for j <= l; exact, and the same at every point."""
        if self._products is None:
            self._products = [
                [mp.fmul(u, v, exact=True) for u, v in zip(cj, cl, strict=True)]
                for j, cj in enumerate(self.columns)
                for cl in self.columns[j:]
            ]
        return self._products

    def evaluate(self, coef: Vector, digits: int, hessian: bool) -> Evaluation:
        """Evaluate at ``coef`` with ``digits + GUARD`` digits or more."""
        with mp.workdps(digits + GUARD):
            logits = self.logits(coef)
            largest = max(abs(t) for row in logits for t in row)
            extra = max(0, int(mp.ceil(mp.log10(largest)))) if largest else 0
        with mp.workdps(digits + GUARD + extra):
            if extra:
                logits = self.logits(coef)
            rows = _logistic_rows if self.form == "logistic" else _softmax_rows
            losses, residuals, curvatures = rows(logits, self.codes, hessian)
            if self.weight is not None:
                w = self.weight
                losses = _times(losses, w)
                residuals = [_times(r, w) for r in residuals]
                curvatures = [_times(s, w) for s in curvatures]
            gradient = tuple(mp.fdot(r, c) for r in residuals for c in self.columns)
            return Evaluation(mp.fsum(losses), gradient, self._hessian(curvatures) if hessian else None)

    def _hessian(self, curvatures: list[Vector]) -> tuple[tuple[mpf, ...], ...]:
        """Assemble H_(a,j),(b,l) = sum_i w_i s_iab x_ij x_il from s given for a <= b."""
        k, size = self.k, self.k * self.classes
        pairs = [(j, m) for j in range(k) for m in range(j, k)]
        h: Matrix = [[mpf(0)] * size for _ in range(size)]
        s = iter(curvatures)
        for a in range(self.classes):
            for b in range(a, self.classes):
                curvature = next(s)
                for (j, m), product in zip(pairs, self.products(), strict=True):
                    value = mp.fdot(curvature, product)
                    for u, v in ((a * k + j, b * k + m), (a * k + m, b * k + j)):
                        h[u][v] = h[v][u] = value
        return tuple(tuple(row) for row in h)


# --------------------------------------------------------------------------------------------------
# The two likelihoods, row by row
# --------------------------------------------------------------------------------------------------


def _logistic_rows(
    logits: Matrix, codes: list[int], curvature: bool
) -> tuple[Vector, list[Vector], list[Vector]]:
    """Loss, residual and curvature of the binary model.

    With u = -t for class 1 and u = t for class 0, and e = exp(-|u|)::

        loss     = log(1 + exp(u)) = max(u, 0) + log1p(e)
        residual = p - y = +- sigma(u),   sigma(u) = (1 if u > 0 else e) / (1 + e)
        curvature = p (1 - p) = e / (1 + e)^2
    """
    losses: Vector = []
    residuals: Vector = []
    curvatures: Vector = []
    for (t,), y in zip(logits, codes, strict=True):
        u = -t if y else t
        e = mp.exp(-abs(u))
        losses.append(mp.log1p(e) + u if u > 0 else mp.log1p(e))
        sigma = 1 / (1 + e) if u > 0 else e / (1 + e)
        residuals.append(-sigma if y else sigma)
        if curvature:
            curvatures.append(e / (1 + e) ** 2)
    return losses, [residuals], [curvatures] if curvature else []


def _softmax_rows(
    logits: Matrix, codes: list[int], curvature: bool
) -> tuple[Vector, list[Vector], list[Vector]]:
    """Loss, residuals and curvatures of the multinomial model.

    With m the class of the largest logit, e_j = exp(z_j - z_m) and r = sum over j != m of e_j::

        loss         = (z_m - z_y) + log1p(r)                both terms are >= 0
        p_j          = e_j / (1 + r)
        residual_a   = p_a - [a = y],  where p_y - 1 = -(sum of the other p_j)
        curvature_ab = p_a ([a = b] - p_b), where 1 - p_a = sum of the other p_j
    """
    n_free = len(logits[0])
    losses: Vector = []
    residuals: list[Vector] = [[] for _ in range(n_free)]
    pairs = [(a, b) for a in range(1, n_free + 1) for b in range(a, n_free + 1)]
    curvatures: list[Vector] = [[] for _ in pairs] if curvature else []
    zero = mpf(0)
    for t, y in zip(logits, codes, strict=True):
        z = [zero, *t]
        m = max(range(n_free + 1), key=z.__getitem__)
        e = [mp.exp(v - z[m]) for v in z]
        r = mp.fsum(v for j, v in enumerate(e) if j != m)
        losses.append((z[m] - z[y]) + mp.log1p(r))
        p = [v / (1 + r) for v in e]
        others = [mp.fsum(p[:j] + p[j + 1 :]) for j in range(n_free + 1)]
        for a in range(1, n_free + 1):
            residuals[a - 1].append(-others[a] if a == y else p[a])
        if curvature:
            for store, (a, b) in zip(curvatures, pairs, strict=True):
                store.append(p[a] * others[a] if a == b else -p[a] * p[b])
    return losses, residuals, curvatures


def _times(values: Iterable[mpf], weight: Iterable[mpf]) -> Vector:
    return [v * w for v, w in zip(values, weight, strict=True)]


# --------------------------------------------------------------------------------------------------
# Linear algebra on positive definite matrices
# --------------------------------------------------------------------------------------------------


class IllConditionedError(ArithmeticError):
    """The information matrix is singular to the working precision, or nearly so."""


def _cholesky(a: Sequence[Sequence[mpf]]) -> Matrix:
    """Return the lower triangular L with L L' = A; IllConditionedError when A is not definite.

    A pivot is what is left of a diagonal entry after all the earlier columns have explained their
    share; when only the last ten of the working digits are left, it is rounding noise.
    """
    noise = mpf(10) ** (10 - mp.dps)
    lower: Matrix = []
    for i, row in enumerate(a):
        new: Vector = []
        for j in range(i):
            new.append((row[j] - mp.fdot(new, lower[j][:j])) / lower[j][j])
        pivot = row[i] - mp.fdot(new, new)
        if not pivot > noise * row[i]:
            raise IllConditionedError("the information matrix is singular to working precision")
        new.append(mp.sqrt(pivot))
        lower.append(new)
    return lower


def _solve(lower: Matrix, rhs: Sequence[mpf]) -> Vector:
    """Solve L L' x = rhs."""
    size = len(lower)
    x: Vector = []
    for i in range(size):
        x.append((rhs[i] - mp.fdot(lower[i][:i], x)) / lower[i][i])
    for i in reversed(range(size)):
        above = mp.fdot([lower[j][i] for j in range(i + 1, size)], x[i + 1 :])
        x[i] = (x[i] - above) / lower[i][i]
    return x


def _inverse(a: Sequence[Sequence[mpf]], lower: Matrix, digits: int) -> tuple[tuple[mpf, ...], ...]:
    """Invert A and prove it.

    With C the computed inverse and D = A C - I, the error of C is C D up to second order, and
    |C_im| <= s_i s_m for the standard errors s.  Hence |error_ij| <= s_i sum_m s_m |D_mj|, which is
    required to be below ``10**-digits`` of s_i s_j.
    """
    size = len(a)
    columns = [_solve(lower, [mpf(i == j) for j in range(size)]) for i in range(size)]
    sd = [mp.sqrt(columns[i][i]) for i in range(size)]
    for j in range(size):
        defect = [abs(mp.fdot(a[m], columns[j]) - (m == j)) for m in range(size)]
        if mp.fdot(sd, defect) > sd[j] * mpf(10) ** -digits:
            raise IllConditionedError("the inverse of the information matrix lacks digits")
    return tuple(tuple((columns[i][j] + columns[j][i]) / 2 for j in range(size)) for i in range(size))


# --------------------------------------------------------------------------------------------------
# Optimisation
# --------------------------------------------------------------------------------------------------


def _float_start(arrays: _Arrays) -> NDArray[np.float64]:
    """Run Newton's method with step halving in double precision, for a starting point only.

    Nothing that this returns is trusted: whatever it lacks costs iterations afterwards.
    """
    x, y, free = arrays.design, arrays.codes, arrays.n_classes - 1
    n, k = x.shape
    # Powers of two: the scaled problem has the same rounded data.
    scale = 2.0 ** np.ceil(np.log2(np.maximum(np.abs(x).max(axis=0), 1e-300)))
    x = x / scale
    w = np.ones(n) if arrays.weight is None else arrays.weight / (arrays.weight.max() or 1.0)
    o = np.zeros((n, free)) if arrays.offset is None else arrays.offset
    hit = (y[:, None] == np.arange(1, free + 1)).astype(np.float64)

    @np.errstate(all="ignore")
    def loss(b: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = np.column_stack([np.zeros(n), o + x @ b.T])
        z -= z.max(axis=1, keepdims=True)
        total = np.log(np.exp(z).sum(axis=1))
        return float(w @ (total - z[np.arange(n), y])), np.exp(z - total[:, None])[:, 1:]

    b = np.zeros((free, k))
    value, p = loss(b)
    for _ in range(_FLOAT_ITERATIONS):
        g = (((p - hit) * w[:, None]).T @ x).ravel()
        s = p[:, :, None] * (np.eye(free) - p[:, None, :]) * w[:, None, None]
        h = np.einsum("iab,ij,il->ajbl", s, x, x, optimize=True).reshape(free * k, free * k)
        step = np.linalg.lstsq(h, g, rcond=None)[0]
        decrement = float(g @ step)
        if not np.isfinite(step).all():
            break
        if decrement <= 1e-14 * (1.0 + value):
            # Beyond the reach of a comparison of NLLs; the last step still halves the digits lost.
            b = b - step.reshape(free, k)
            break
        for halving in range(30):
            trial = b - (0.5**halving * step).reshape(free, k)
            trial_value, trial_p = loss(trial)
            if trial_value < value:
                break
        else:
            break
        b, value, p = trial, trial_value, trial_p
    return np.asarray((b / scale).ravel(), dtype=np.float64)


def _descend(problem: _Problem, start: Vector, digits: int) -> tuple[Vector, int]:
    """Newton's method in arbitrary precision that keeps a factor for as long as it serves.

    Progress is measured by the largest change that a step makes to any logit.  Unlike the Newton
    decrement this does not depend on the scale of the weights, and it does not vanish where the
    classes are separated: there each step adds about one to the logits, for ever.

    A step with the factor of an earlier Hessian (a chord step) shrinks the movement by about the
    relative change of the Hessian since then.  From a good double-precision start that is some 15
    digits per gradient, for a single Hessian.  Whenever an iteration gains less than four digits
    the Hessian is computed anew, and far from the optimum the step is halved until the NLL falls
    as it should.
    """
    target = mpf(10) ** -(digits + 5)
    b, lower, last, spent = start, None, mp.inf, 0
    movement = mp.inf
    for _ in range(_MP_ITERATIONS):
        now = problem.evaluate(b, digits, hessian=lower is None)
        spent += 1
        fresh = now.hessian is not None
        if now.hessian is not None:
            lower = _cholesky(now.hessian)
        assert lower is not None
        step = _solve(lower, now.gradient)
        movement = problem.movement(step)
        if movement < target:
            return b, spent
        if not fresh and movement > last * mpf("1e-4"):
            lower, last = None, mp.inf
            continue
        last = movement
        slope = mp.fdot(now.gradient, step)
        length = mpf(1)
        trial = [u - v for u, v in zip(b, step, strict=True)]
        while movement > mpf("0.1"):
            # Armijo: the NLL falls by a tenth of what its slope promises, or more.
            fall = now.nll - problem.evaluate(trial, digits, hessian=False).nll
            spent += 1
            if fall >= length * slope / 10:
                break
            length /= 2
            trial = [u - length * v for u, v in zip(b, step, strict=True)]
        b = trial
        if movement > mpf("1e-6"):
            lower = None
    if movement < mpf("1e-6"):
        raise IllConditionedError(f"Newton's method stalls at steps of {mp.nstr(movement, 5)}")
    raise ArithmeticError(
        f"no optimum in {_MP_ITERATIONS} Newton iterations: the likelihood has no finite maximum "
        "(separated classes, or a class without rows)"
    )


# --------------------------------------------------------------------------------------------------
# Entry points
# --------------------------------------------------------------------------------------------------


def evaluate(
    X: ArrayLike,
    codes: ArrayLike,
    coef: Any,
    n_classes: int,
    *,
    weight: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    fit_intercept: bool = True,
    digits: int = 50,
    hessian: bool = True,
    form: Form | None = None,
) -> Evaluation:
    """Evaluate the NLL, its gradient and its Hessian to ``digits`` digits.

    Parameters
    ----------
    X : array_like of float64, shape (n, p)
        Features, without an intercept column.
    codes : array_like of int, shape (n,)
        Class codes 0 .. K-1; class 0 is the reference.
    coef : sequence of float or mpf, length P, or nested (K - 1, k)
        Coefficients, class-major, intercept first.
    n_classes : int
        K >= 2.
    weight : array_like of float64, shape (n,), optional
        Non-negative weights of the rows; ones when omitted.
    offset : array_like of float64, optional
        Logits added to those of the model: shape (n,) for K = 2, else (n, K - 1).
    fit_intercept : bool
        Whether each class has an intercept.
    digits : int
        Relative digits of the result.
    hessian : bool
        Whether the Hessian is wanted.
    form : {"logistic", "softmax"}, optional
        Which of the two sets of formulas to use; by default the logistic one for K = 2.

    Returns
    -------
    Evaluation
        Summed over the rows, not averaged.

    Raises
    ------
    ValueError
        For inputs of a wrong shape, non-finite ones, negative weights or codes out of range.
    """
    arrays = _checked(X, codes, n_classes, weight, offset, fit_intercept)
    form = form or ("logistic" if n_classes == 2 else "softmax")
    if form == "logistic" and n_classes != 2:
        raise ValueError("the logistic form has two classes")
    problem = _Problem(arrays, form)
    flat = [mp.convert(v) for v in _flatten(coef)]
    if len(flat) != problem.k * problem.classes or not all(mp.isfinite(v) for v in flat):
        raise ValueError(f"coef must be {problem.k * problem.classes} finite numbers")
    return problem.evaluate(flat, digits, hessian)


def optimum(
    X: ArrayLike,
    codes: ArrayLike,
    n_classes: int,
    *,
    weight: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    fit_intercept: bool = True,
    digits: int = 50,
) -> Optimum:
    """Maximise the likelihood and certify the result to ``digits`` digits.

    Parameters
    ----------
    X, codes, n_classes, weight, offset, fit_intercept, digits
        As in `evaluate`.

    Returns
    -------
    Optimum
        Coefficients, covariance, standard errors and log-likelihood.  Checked, not assumed:
        the Newton decrement is below ``10**-(digits - 5)``, a further Newton step would change no
        logit by ``10**-digits``, and the covariance inverts the observed information to
        ``digits`` digits.

    Raises
    ------
    ValueError
        As `evaluate`.
    ArithmeticError
        When the likelihood has no finite maximum.
    IllConditionedError
        When it has no unique one, or when 125 guard digits do not suffice.  An ArithmeticError.
    """
    arrays = _checked(X, codes, n_classes, weight, offset, fit_intercept)
    problem = _Problem(arrays, "logistic" if n_classes == 2 else "softmax")
    start = [mp.convert(v) for v in _float_start(arrays).tolist()]
    if not all(mp.isfinite(v) for v in start):
        start = [mpf(0)] * len(start)
    for more in _MORE_GUARD:
        try:
            return _certified(problem, start, digits, more)
        except IllConditionedError:
            if more == _MORE_GUARD[-1]:
                raise
    raise AssertionError("unreachable")


def _certified(problem: _Problem, start: Vector, digits: int, more: int) -> Optimum:
    """Optimise with ``digits + more`` digits, and certify ``digits`` of them."""
    with mp.workdps(digits + more + GUARD):
        b, spent = _descend(problem, start, digits + more)
        final = problem.evaluate(b, digits + more, hessian=True)
        assert final.hessian is not None
        lower = _cholesky(final.hessian)
        step = _solve(lower, final.gradient)
        decrement = mp.sqrt(max(mp.fdot(final.gradient, step), mpf(0)))
        movement = problem.movement(step)
        if not (decrement < mpf(10) ** -(digits - 5) and movement < mpf(10) ** -digits):
            raise IllConditionedError(
                f"the Newton decrement stays at {mp.nstr(decrement, 5)}, "
                f"the movement at {mp.nstr(movement, 5)}"
            )
        covariance = _inverse(final.hessian, lower, digits)
        bse = [mp.sqrt(row[i]) for i, row in enumerate(covariance)]
        return Optimum(
            params=_nested(b, problem.k),
            covariance=covariance,
            bse=_nested(bse, problem.k),
            llf=-final.nll,
            gradient=final.gradient,
            newton_decrement=decrement,
            movement=movement,
            digits=digits,
            evaluations=spent + 1,
        )


def null_llf(codes: ArrayLike, n_classes: int, *, weight: ArrayLike | None = None, digits: int = 50) -> mpf:
    """Return the log-likelihood of the model with intercepts alone.

    With W_j the weight in class j and W their sum, llf = sum_j W_j log(W_j / W).

    Parameters
    ----------
    codes, n_classes, weight, digits
        As in `evaluate`.

    Returns
    -------
    mpf
        Log-likelihood in nats; empty classes add nothing.
    """
    y = np.asarray(codes)
    arrays = _checked(np.zeros((y.size, 0)), y, n_classes, weight, None, True)
    with mp.workdps(digits + GUARD):
        w = [mpf(1)] * y.size
        if arrays.weight is not None:
            w = [mp.convert(v) for v in arrays.weight.tolist()]
        total = mp.fsum(w)
        groups = [
            mp.fsum(v for v, c in zip(w, arrays.codes.tolist(), strict=True) if c == j)
            for j in range(n_classes)
        ]
        return mp.fsum(g * mp.log(g / total) for g in groups if g)


@cache
def bundled(name: str) -> Bundled:
    """Return a bundled data set with its optimum to 50 digits, computed once per process.

    Parameters
    ----------
    name : {"spector", "fair", "anes96"}
        Name of the data set.

    Returns
    -------
    Bundled
        The CSV is parsed here from the source tree, not by the library.

    Raises
    ------
    ValueError
        For another name.
    """
    if name not in _DESIGNS:
        raise ValueError(f"no data set {name!r}; there are {', '.join(_DESIGNS)}")
    target, features, n_classes = _DESIGNS[name]
    with (_DATA / f"{name}.csv").open(encoding="ascii", newline="") as handle:
        records = list(csv.DictReader(handle))
    X = np.array([[float(r[f]) for f in features] for r in records])
    codes = np.array([int(r[target]) for r in records], dtype=np.int64)
    X.flags.writeable = codes.flags.writeable = False
    return Bundled(
        name=name,
        X=X,
        codes=codes,
        n_classes=n_classes,
        optimum=optimum(X, codes, n_classes),
        llf_null=null_llf(codes, n_classes),
    )


def relative_error(values: ArrayLike, exact: Any, *, digits: int = 50) -> NDArray[np.float64]:
    """Return |value - exact| / |exact|, the difference taken before any rounding.

    Parameters
    ----------
    values : array_like of float64
        Floating-point results.
    exact : mpf, or nested sequence of mpf, with as many entries
        What they ought to be.
    digits : int
        Digits of the quotient before it is rounded to float64.

    Returns
    -------
    ndarray of float64, shape of ``values``
        Zero where both are zero, infinity where only the exact one is zero or where the value is
        not finite.

    Raises
    ------
    ValueError
        When the numbers of entries differ.
    """
    v = np.asarray(values, dtype=np.float64)
    e = _flatten(exact)
    if v.size != len(e):
        raise ValueError(f"{v.size} values against {len(e)} exact ones")
    out = np.empty(v.size)
    with mp.workdps(digits + GUARD):
        for i, (value, want) in enumerate(zip(v.ravel().tolist(), e, strict=True)):
            gap = abs(mp.fsub(mpf(value), want, exact=True)) if np.isfinite(value) else mp.inf
            out[i] = 0.0 if gap == 0 else np.inf if want == 0 else float(gap / abs(want))
    return out.reshape(v.shape)


def to_float(exact: Any) -> NDArray[np.float64]:
    """Round nested arbitrary-precision numbers to the nearest float64, keeping their shape.

    Parameters
    ----------
    exact : mpf, or nested sequence of mpf
        Numbers of any precision.

    Returns
    -------
    ndarray of float64
        Correctly rounded.
    """

    def convert(item: Any) -> Any:
        return float(item) if isinstance(item, mpf) else [convert(i) for i in item]

    return np.array(convert(exact), dtype=np.float64)


def _nested(flat: Sequence[mpf], k: int) -> tuple[tuple[mpf, ...], ...]:
    return tuple(tuple(flat[i : i + k]) for i in range(0, len(flat), k))


def _flatten(item: Any) -> list[Any]:
    """Flatten nested sequences and arrays; numbers pass unchanged."""
    if isinstance(item, np.ndarray):
        item = item.tolist()
    if isinstance(item, list | tuple):
        return [leaf for part in item for leaf in _flatten(part)]
    return [item]
