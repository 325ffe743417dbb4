"""The optimum to twenty digits' arithmetic, by NumPy and LAPACK alone: nothing of sigmax is used.

    f(b) = sum_i [log sum_k exp(eta_ik) - eta_iy] + l2/2 sum_jk P_jk w_j'w_k,   eta_i0 = 0

P = I - 11'/K is what the symmetric penalty sum over all K classes of ||w_k||^2, minimised over the common
shift, leaves in reference coding; for two classes, by the custom of all peers, P = 1.  Intercepts are free.

Newton's method: Hessian in float64, by blocks; logits, probabilities, gradient and b in np.longdouble
(64-bit significand on x86), whose rounding is far below what is asked.  The factor of the Hessian at a
point within 1e-3 standard errors serves for the last steps, each of which gains three digits or more.

Of an answer b, with se from the inverse of the Hessian at b* and g the gradient of f at b:

    error       max_j |b_j - b*_j| / se_j
    digits      min_j -log10 |b_j - b*_j| / |b*_j|, the correct digits of the worst coefficient, 0 to 16
    gradient    max_j |g_j| se_j, which near the optimum of a single coefficient is its error
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from problems import Float, Labels, Problem
from scipy import linalg

#: Newton decrement to reach, in standard errors
DECREMENT = 1e-13
#: below this a step by the factor of an earlier point gains three digits
_NEAR = 1e-3
_MOST_STEPS = 60
#: numbers in a block of rows
_BLOCK = 2**19
#: decimal digits that a float64 can hold
MOST_DIGITS = 16.0


@dataclass(frozen=True)
class Optimum:
    """The optimum.

    Attributes
    ----------
    coef : longdouble ndarray of shape (K - 1, 1 + p)
        Intercepts first; class 0 is the reference.
    se : ndarray of the same shape
        Roots of the diagonal of the inverse Hessian; float64.
    decrement : float
        sqrt(g' H^-1 g) before the last step, in standard errors.
    """

    coef: npt.NDArray[np.longdouble]
    se: Float
    decrement: float

    def error(self, coef: Float) -> float:
        """max_j |b_j - b*_j| / se_j; inf for what is not a number."""
        if coef.shape != self.coef.shape:
            raise ValueError(f"coefficients must have the shape {self.coef.shape}; got {coef.shape}")
        worst = float(np.max(np.abs(coef.astype(np.longdouble) - self.coef) / self.se))
        return worst if np.isfinite(worst) else np.inf

    def digits(self, coef: Float) -> float:
        """Correct digits of the worst coefficient: 0 to 16; where b*_j = 0, of its absolute error."""
        difference = np.abs(coef.astype(np.longdouble) - self.coef)
        size = np.where(self.coef == 0.0, 1.0, np.abs(self.coef))
        worst = float(np.max(difference / size))
        if not np.isfinite(worst):
            return 0.0
        return MOST_DIGITS if worst == 0.0 else float(np.clip(-np.log10(worst), 0.0, MOST_DIGITS))

    def gradient(self, X: Float, y: Labels, l2: float, coef: Float) -> float:
        """max_j |g_j| se_j at an answer, in extended precision; inf for what is not a number."""
        b = coef.astype(np.longdouble)
        if not np.all(np.isfinite(b)):
            return np.inf
        g = _value_gradient(X, y, None, b, l2)[1]
        worst = float(np.max(np.abs(g) * self.se))
        return worst if np.isfinite(worst) else np.inf


def _value_gradient(
    X: Float, y: Labels, weights: Float | None, b: Any, l2: float
) -> tuple[Any, npt.NDArray[Any]]:
    """f and its gradient, in the type of `b`."""
    m, k = b.shape
    kind = b.dtype.type
    value, gradient = kind(0.0), np.zeros_like(b)
    size = max(64, _BLOCK // k)
    for start in range(0, len(X), size):
        part = slice(start, start + size)
        x = X[part].astype(kind, copy=False)
        prob, nll = _rows(x @ b[:, 1:].T + b[:, 0], y[part])
        if weights is not None:
            prob *= weights[part, None]
            nll *= weights[part]
        value += nll.sum()
        gradient[:, 0] += prob.sum(axis=0)
        # row by row of the result: the transposed product has no BLAS for long doubles
        gradient[:, 1:] += prob.T @ x
    penalty = l2 * (_shape(m).astype(kind) @ b[:, 1:])
    value += (penalty * b[:, 1:]).sum() / 2
    gradient[:, 1:] += penalty
    return value, gradient


def _rows(logits: Any, y: Labels) -> tuple[Any, Any]:
    """Residuals p - [y = c] of the classes 1 .. K-1, and the NLL, of each row."""
    rows = np.arange(len(y))
    eta = np.concatenate([np.zeros_like(logits[:, :1]), logits], axis=1)
    largest = eta.max(axis=1)
    e = np.exp(eta - largest[:, None])
    total = e.sum(axis=1)
    nll = np.log(total) + (largest - eta[rows, y])
    e /= total[:, None]
    e[rows, y] -= 1.0
    return e[:, 1:], nll


def _shape(m: int) -> Float:
    """P."""
    return np.ones((1, 1)) if m == 1 else np.eye(m) - 1.0 / (m + 1)


def _hessian(X: Float, weights: Float | None, b: Float, l2: float) -> Float:
    """float64, in Fortran order."""
    m, k = b.shape
    H = np.zeros((m, k, m, k))
    size = max(64, min(len(X), 8 * _BLOCK // k))
    for start in range(0, len(X), size):
        x = X[start : start + size]
        one = np.column_stack([np.ones(len(x)), x])
        logits = one @ b.T
        eta = np.column_stack([np.zeros(len(x)), logits])
        e = np.exp(eta - eta.max(axis=1, keepdims=True))
        p = e[:, 1:] / e.sum(axis=1, keepdims=True)
        for c in range(m):
            for d in range(c + 1):
                h = p[:, c] * ((c == d) - p[:, d])
                if weights is not None:
                    h = h * weights[start : start + size]
                H[c, :, d, :] += one.T @ (h[:, None] * one)
    P = l2 * _shape(m)
    for c in range(m):
        for d in range(c + 1):
            H[c, 1:, d, 1:][np.diag_indices(k - 1)] += P[c, d]
            if c != d:
                H[d, :, c, :] = H[c, :, d, :].T
    return H.reshape(m * k, m * k).T


def solve(X: Float, y: Labels, n_classes: int, l2: float = 0.0, weights: Float | None = None) -> Optimum:
    """The optimum of one problem.

    Raises
    ------
    ArithmeticError
        The decrement was not reached: the problem has no optimum, or is too ill-conditioned.
    """
    b = np.zeros((n_classes - 1, 1 + X.shape[1]), dtype=np.longdouble)
    factor, decrement, last = None, np.inf, np.inf
    for _ in range(_MOST_STEPS):
        near = decrement <= _NEAR
        kind: type = np.longdouble if near else np.float64
        value, gradient = _value_gradient(X, y, weights, b.astype(kind), l2)
        # far from the optimum, or where the old factor gains too little: a new one
        if factor is None or not near or decrement > 1e-2 * last:
            factor = linalg.cho_factor(_hessian(X, weights, b.astype(np.float64), l2), overwrite_a=True)
        g = gradient.astype(np.float64).ravel()
        step = linalg.cho_solve(factor, g).reshape(b.shape)
        last, decrement = decrement, float(np.sqrt(max(float(g @ step.ravel()), 0.0)))
        if not near and decrement > _NEAR:
            b = _damped(X, y, weights, b, step, float(value), decrement, l2)
            continue
        b = b - step
        # only what the extended gradient says counts, and the step above has removed most of it
        if near and decrement <= DECREMENT:
            break
    else:
        raise ArithmeticError(f"no optimum: the Newton decrement is still {decrement:.2g} standard errors")
    del factor
    H = _hessian(X, weights, b.astype(np.float64), l2)
    inverse, info = linalg.lapack.dpotri(linalg.cholesky(H, overwrite_a=True))
    if info != 0:
        raise ArithmeticError("no optimum: the Hessian is singular")
    return Optimum(b, np.sqrt(np.diag(inverse)).reshape(b.shape), decrement)


def _damped(
    X: Float, y: Labels, weights: Float | None, b: Any, step: Any, value: float, decrement: float, l2: float
) -> Any:
    """The longest of the steps 1, 1/2, 1/4, ... that gains a tenth of what a linear function would."""
    for halvings in range(40):
        tried = b - 0.5**halvings * step
        found = float(_value_gradient(X, y, weights, tried.astype(np.float64), l2)[0])
        if found <= value - 0.1 * 0.5**halvings * decrement**2 or decrement < 0.1:
            return tried
    raise ArithmeticError("no optimum: no step along Newton's direction gains anything")


def optimum(problem: Problem, cache: Path) -> Optimum:
    """That of a problem with a single fit; kept in `cache`, by name, size, seed and penalty.

    Another version of NumPy may generate other data: what is kept counts only for the same bytes.
    """
    spec = problem.spec
    file = cache / f"{spec.key}_l2_{spec.l2:g}.optimum.npz"
    data = zlib.crc32(problem.y.tobytes(), zlib.crc32(problem.X.data))
    if file.exists():
        with np.load(file) as stored:
            if "data" in stored and int(stored["data"]) == data:
                # a sum of two float64, as long doubles are not portable
                coef = stored["high"].astype(np.longdouble) + stored["low"]
                return Optimum(coef, stored["se"], float(stored["decrement"]))
    found = solve(problem.X, problem.y, spec.K, spec.l2)
    high = found.coef.astype(np.float64)
    low = (found.coef - high).astype(np.float64)
    cache.mkdir(parents=True, exist_ok=True)
    np.savez(file, high=high, low=low, se=found.se, decrement=found.decrement, data=data)
    return found
