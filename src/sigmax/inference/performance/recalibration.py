"""The recalibration model: logits that are given, moved and stretched, one pair of numbers for each.

    eta_ik = a_k + b_k L_ik,   k = 1 .. m,   eta_i0 = 0

Every logit has a column of its own, which the solvers' models, with one design for all logits, have not.  The
problem has 2 m parameters and is solved here, by Newton's method on centred and scaled columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sigmax.inference.performance.outcomes import Outcomes
from sigmax.inference.performance.sums import exact_sum
from sigmax.kernels import Float

#: a decrement, in standard errors, below which one more step ends the iteration
_ENOUGH = 1e-7
_ITERATIONS = 100
#: no logit moves by more: a full step is then taken without comparing anything
_FULL = 0.4
#: smallest eigenvalue of a Hessian with a diagonal of ones that is still known to several digits: below, a
#: direction without curvature, of separated classes, could pass for one with
_FLAT = 1e-10
#: logits that vary by less, relative to their size, are one number
_CONSTANT = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Recalibration:
    """The optimum.

    Attributes
    ----------
    intercept, slope : ndarray of shape (m,)
        a and b.
    intercept_se, slope_se : ndarray of shape (m,)
        From the inverse information; nan of what was not estimated.
    loglik : ndarray of shape (c,)
        Log-likelihood of one observation of each cell.
    n_estimated : int
    """

    intercept: Float
    slope: Float
    intercept_se: Float
    slope_se: Float
    loglik: Float
    n_estimated: int


def logits(data: Outcomes) -> Float:
    """``L_k = log(p_k / p_0)``, (n, m).

    Raises
    ------
    ValueError
        A probability is 0, or rounds to it.
    """
    zero = (data.p <= 0.0).any(axis=1)
    if zero.any():
        raise ValueError(
            f"p must be positive for calibration, which needs logits; {int(zero.sum()):,} of the rows that "
            f"count hold a probability of 0, the first is {data.p[int(np.argmax(zero))].tolist()!r}"
        )
    with np.errstate(over="ignore", under="ignore"):
        ratio = data.p[:, 1:] / data.p[:, :1]
    plain = (ratio > 1e-290) & (ratio < 1e290)
    with np.errstate(divide="ignore"):
        # near 1 the logarithm of the ratio has more digits than the difference of two logarithms
        return np.where(plain, np.log(ratio), np.log(data.p[:, 1:]) - np.log(data.p[:, :1]))


def log_likelihoods(data: Outcomes, eta: Float) -> Float:
    """``eta_y - log sum_k exp(eta_k)`` of each cell, (c,)."""
    full = np.hstack([np.zeros((len(eta), 1)), eta])
    top = np.argmax(full, axis=1)
    shifted = full - np.take_along_axis(full, top[:, None], axis=1)
    t = np.exp(shifted)
    np.put_along_axis(t, top[:, None], 0.0, axis=1)  # its 1 is log1p's
    log_sum = np.log1p(t.sum(axis=1))
    found: Float = shifted[data.rows, data.codes] - log_sum[data.rows]
    return found


def log_likelihood_gain(data: Outcomes, new: Float, old: Float) -> float:
    """``2 sum (new - old)`` over the observations, not below 0: `new` is the maximum of a larger model."""
    return max(2.0 * exact_sum(new - old, data.weight), 0.0)


def varying(L: Float) -> npt.NDArray[np.bool_]:
    """Which logits differ between rows, (m,): only they have a slope."""
    largest: Float = np.abs(L).max(axis=0)
    found: npt.NDArray[np.bool_] = np.ptp(L, axis=0) > _CONSTANT * (1.0 + largest)
    return found


def recalibrate(data: Outcomes, L: Float, *, slopes: bool) -> Recalibration:
    """Maximise the likelihood over a, and over b or with b = 1.

    Parameters
    ----------
    data : Outcomes
        Every class was observed.
    L : ndarray of shape (n, m)
    slopes : bool
        Whether b is estimated; where a logit is the same for all rows it stays 1.

    Raises
    ------
    ValueError
        There is no finite optimum: the classes are separated by their logits.
    """
    free = varying(L) if slopes else np.zeros(L.shape[1], bool)
    problem = _Problem.of(data, L, free)
    theta = _maximise(problem)
    return problem.report(theta)


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """The NLL in theta = (alpha_1 .. alpha_m, beta of the free logits): eta = fixed + alpha + beta z."""

    data: Outcomes
    centre: Float
    scale: Float
    fixed: Float
    z: Float
    free: npt.NDArray[np.intp]
    counts: Float
    totals: Float

    @classmethod
    def of(cls, data: Outcomes, L: Float, free: npt.NDArray[np.bool_]) -> _Problem:
        n, m = L.shape
        totals = np.ones(n) if data.totals is None else data.totals
        centre = (totals[:, None] * L).sum(axis=0) / data.total
        spread = np.sqrt((totals[:, None] * np.square(L - centre)).sum(axis=0) / data.total)
        scale = np.where(free, spread, 1.0)
        counts = np.column_stack([data.observed(k) for k in range(1, m + 1)])
        return cls(
            data=data,
            centre=np.where(free, centre, 0.0),
            scale=scale,
            fixed=np.where(free, 0.0, L),
            z=(L[:, free] - centre[free]) / scale[free],
            free=np.flatnonzero(free),
            counts=counts,
            totals=totals,
        )

    @property
    def m(self) -> int:
        return len(self.centre)

    def start(self) -> Float:
        """The probabilities as they are: a = 0, b = 1."""
        return np.concatenate([self.centre, self.scale[self.free]])

    def eta(self, theta: Float) -> Float:
        eta = self.fixed + theta[: self.m]
        eta[:, self.free] += theta[self.m :] * self.z
        return eta

    def change(self, step: Float) -> float:
        """How far the step moves logits against each other, at most."""
        moved = np.broadcast_to(step[: self.m], self.fixed.shape).copy()
        moved[:, self.free] += step[self.m :] * self.z
        return float((np.maximum(moved.max(axis=1), 0.0) - np.minimum(moved.min(axis=1), 0.0)).max())

    def nll(self, theta: Float) -> float:
        return -exact_sum(log_likelihoods(self.data, self.eta(theta)), self.data.weight)

    def derivatives(self, theta: Float) -> tuple[Float, Float]:
        """Gradient and Hessian, in NumPy's pairwise sums."""
        m, eta = self.m, self.eta(theta)
        top = np.maximum(eta.max(axis=1), 0.0)[:, None]
        t = np.hstack([np.exp(-top), np.exp(eta - top)])
        total = t.sum(axis=1)
        q = t[:, 1:] / total[:, None]
        # 1 - q from the others, not by subtraction
        rest = np.column_stack([np.delete(t, k, axis=1).sum(axis=1) / total for k in range(1, m + 1)])
        w = self.totals[:, None]
        residual = (w - self.counts) * q - self.counts * rest
        gradient = np.concatenate([residual.sum(axis=0), (residual[:, self.free] * self.z).sum(axis=0)])
        # the logit and the column of each parameter; None is the intercept's column of ones
        columns = [(k, None) for k in range(m)] + [(int(k), self.z[:, j]) for j, k in enumerate(self.free)]
        H = np.empty((len(columns), len(columns)))
        for i, (k, x) in enumerate(columns):
            for j, (c, y) in enumerate(columns[: i + 1]):
                h = self.totals * q[:, k] * (rest[:, k] if k == c else -q[:, c])
                h = h if x is None else h * x
                H[i, j] = H[j, i] = (h if y is None else h * y).sum()
        return gradient, H

    def reach(self, root: Float) -> float:
        """How far a step of one standard error can move logits against each other: R of self-concordance."""
        V = root @ root.T
        m, largest = self.m, 0.0
        for k in range(m):
            at = np.flatnonzero(self.free == k)
            if len(at):
                j = m + int(at[0])
                z = self.z[:, int(at[0])]
                largest = max(largest, float((V[k, k] + 2.0 * V[k, j] * z + V[j, j] * z * z).max()))
            else:
                largest = max(largest, float(V[k, k]))
        return (1.0 if m == 1 else 2.0) * math.sqrt(largest)

    def report(self, theta: Float) -> Recalibration:
        m = self.m
        root = _root(self.derivatives(theta)[1])
        assert root is not None  # it was at the last step
        slope, slope_se, intercept_se = np.ones(m), np.full(m, np.nan), np.empty(m)
        slope[self.free] = theta[m:] / self.scale[self.free]
        gradient = np.zeros(len(theta))
        for k in range(m):
            gradient[:] = 0.0
            gradient[k] = 1.0
            at = np.flatnonzero(self.free == k)
            if len(at):
                j = m + int(at[0])
                gradient[j] = -self.centre[k] / self.scale[k]
                slope_se[k] = np.linalg.norm(root[j]) / self.scale[k]
            intercept_se[k] = np.linalg.norm(gradient @ root)
        return Recalibration(
            intercept=theta[:m] - slope * self.centre,
            slope=slope,
            intercept_se=intercept_se,
            slope_se=slope_se,
            loglik=log_likelihoods(self.data, self.eta(theta)),
            n_estimated=len(theta),
        )


def _root(H: Float) -> Float | None:
    """R with ``R R' = H^-1``; None where H is not, beyond doubt, positive definite."""
    diagonal = H.diagonal()
    if not diagonal.min() > 0.0:
        return None
    scale = 1.0 / np.sqrt(diagonal)
    values, vectors = np.linalg.eigh(scale[:, None] * H * scale)
    if not values[0] > _FLAT:
        return None
    found: Float = scale[:, None] * vectors / np.sqrt(values)
    return found


def _maximise(problem: _Problem) -> Float:
    theta = problem.start()
    for _ in range(_ITERATIONS):
        gradient, H = problem.derivatives(theta)
        root = _root(H)
        if root is None:
            break
        scaled = root.T @ gradient
        step = -(root @ scaled)
        decrement = float(np.linalg.norm(scaled))
        change = problem.change(step)
        if not math.isfinite(change):
            break
        if change <= _FULL:
            theta = theta + step
            # decrement * reach < 1/2: an optimum exists, nearby (self-concordance)
            if decrement < _ENOUGH and decrement * problem.reach(root) < 0.5:
                return theta
            continue
        theta = _backtrack(problem, theta, step, decrement)
    raise ValueError(
        "observed classes are separated, or nearly so, by the logits of p: there is no finite calibration "
        "slope"
    )


def _backtrack(problem: _Problem, theta: Float, step: Float, decrement: float) -> Float:
    """The first of the steps 1, 1/2, 1/4 .. that lowers the NLL by a quarter of what the slope promises."""
    before, t = problem.nll(theta), 1.0
    for _ in range(60):
        if problem.nll(theta + t * step) <= before - 0.25 * t * decrement * decrement:
            break
        t *= 0.5
    found: Float = theta + t * step
    return found
