"""A proved bound of the error where no Hessian is formed.

    H >= N = S (x) F,   S = diag(q) - qq',   F = sum_i w_i c_i [1 x_i][1 x_i]' + (l2 / s) D

for any class shares q > 0 and c_i = min_k p_ik / q_k: diag(p_i) - p_i p_i' >= c_i S (see
`sigmax.objective.flat.floor`), and A >= S / s for s = max_k q_k (two classes: q_0 q_1), because S <= s A:
u'A u = min_a sum_k (u_k - a)^2 and u'S u = min_a sum_k q_k (u_k - a)^2.

N is as easy as F: N^-1 = S^-1 (x) F^-1, S^-1 = diag(1 / q_k) + 11' / q_0.  With

    nu = ||g||_(N^-1) + rounding,   R >= max ||(e_k - e_l) (x) x_i||_(N^-1)

and nu R < 1, the optimum b_hat exists and is unique, and

    ||b_hat - b||_H <= -log(1 - nu R) / R,   |b_hat_j - b_j| <= sqrt((N^-1)_jj) (-log(1 - nu R) / R).

Proof sketch: as in certificate.py.  For a step h let r = ||h||_H, r_N = ||h||_N <= r, and
D = max_i range_k(h_k'x_i) <= R r_N <= R r.  f is generalised self-concordant, so that

    h' grad f(b + h) >= r^2 (1 - e^-D) / D - ||g||_(N^-1) r_N - e r
                     >= r [ (1 - e^(-R r)) / R - ||g||_(N^-1) - e ]

with e the rounding of g in the norm of H^-1, since (1 - e^-D) / D falls with D.  That is positive beyond
r = -log(1 - nu R) / R; a convex function that rises on a sphere has its minimum inside; and
|h_j| <= r sqrt((H^-1)_jj) <= r sqrt((N^-1)_jj).

The bound is generous by the root of what c_i is below 1, more where some class is nearly impossible in most
rows, until only the penalty is left of F.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sigmax.kernels import Float
from sigmax.objective import FirstOrder, Objective, Refined
from sigmax.objective.flat import floor
from sigmax.solvers.factor import Factor, NotPositiveDefinite
from sigmax.solvers.metric import rows_times

#: of F, no less than this part of the rows is kept, and no fewer rows than this for each column
_SMALLEST_SHARE = 0.125
_ROWS_PER_COLUMN = 8
#: error of F relative to its smallest eigenvalue, both scaled, beyond which nothing is said
_TRUSTED = 0.01


@dataclass(frozen=True, slots=True)
class FlatBound:
    """What is proved of a point.

    Attributes
    ----------
    error_bound : ndarray of shape (m * k,)
        Of |parameter - exact optimum|; inf where nothing is proved.
    standard_errors_off : float
        Bound of the distance to the optimum in the norm of H: in standard errors, for every parameter;
        inf likewise.
    decrement : float
        Bound of the Newton decrement, rounding included.
    standard_error_bound : ndarray of shape (m * k,)
        Bounds of the standard errors sqrt((H^-1)_jj) from above; inf likewise.
    condition_number : float
        Of F, columns scaled: the square root, in the 1-norm.
    """

    error_bound: Float
    standard_errors_off: float
    decrement: float
    standard_error_bound: Float
    condition_number: float


def flat_bound(objective: Objective, at: FirstOrder, shares: Float) -> FlatBound:
    """The bound at a point; one read of X, and one more where max_i |x_ij| is not known yet.

    Parameters
    ----------
    objective : Objective
    at : FirstOrder or Refined
        Where, and the gradient there.  For `Refined` the bound is of the distance from coef + low.
    shares : ndarray of shape (K,)
        q; its best values are near the mean probabilities of the classes.
    """
    m, k = objective.n_logits, objective.design.width
    nothing = FlatBound(np.full(m * k, np.inf), math.inf, math.inf, np.full(m * k, np.inf), math.inf)
    q = shares / shares.sum()
    if not (np.isfinite(at.gradient).all() and (q > 0.0).all()):
        return nothing
    share = min(max(_ROWS_PER_COLUMN * k / objective.n_rows, _SMALLEST_SHARE), 1.0)
    F = floor(objective, at.coef, q, share)
    if objective.penalty is not None:
        slopes = np.arange(objective.penalty.free, k)
        F[slopes, slopes] += objective.penalty.l2 / _largest_ratio(q)
    try:
        factor = Factor(F)
    except NotPositiveDefinite:
        return nothing
    condition = factor.condition_number
    # rounding of F: |dF_jl| <= error sqrt(F_jj F_ll), whose norm is at most k error, scaled
    doubt = k * objective.hessian_rounding(at) * condition**2
    if not doubt < _TRUSTED:
        return nothing
    slack = 1.0 / (1.0 - 2.0 * doubt)
    outer = np.diag(1.0 / q[1:]) + 1.0 / q[0]

    # ||g||^2 = tr(S^-1 (g T)(g T)'),  T T' = F^-1
    T = factor.root()
    white = rows_times(objective.kernels, np.ascontiguousarray(T.T), at.gradient.reshape(m, k))
    measured = math.sqrt(max(float((white * (outer @ white)).sum()) * slack, 0.0))
    variances = (T * T).sum(axis=1) * slack
    x = objective.largest
    farthest = _farthest(factor, x, variances, doubt) * slack
    R = math.sqrt(farthest * _widest(q))
    if isinstance(at, Refined):
        rounding = objective.refined_rounding(at, farthest * float(np.abs(outer).sum()))
    else:
        rounding = objective.flat_rounding(at, farthest * float(np.abs(outer).sum()))
    nu = measured + rounding
    errors = np.sqrt(np.outer(outer.diagonal(), variances)).ravel()
    if not nu * R < 1.0:
        return FlatBound(np.full(m * k, np.inf), math.inf, nu, errors, condition)
    distance = -math.log1p(-nu * R) / R
    return FlatBound(distance * errors, distance, nu, errors, condition)


def _farthest(factor: Factor, x: Float, variances: Float, doubt: float) -> float:
    """Upper bound of v'F^-1 v over |v| <= x: x'|F^-1|x, and what rounding of the inverse adds."""
    return float(x @ (np.abs(factor.inverse()) @ x) + doubt * (x @ np.sqrt(variances)) ** 2)


def _largest_ratio(q: Float) -> float:
    """s with diag(q) - qq' <= s A; two classes: q_0 q_1, since A = 1 there."""
    return float(q[0] * q[1]) if len(q) == 2 else float(q.max())


def _widest(q: Float) -> float:
    """max (e_k - e_l)'S^-1(e_k - e_l) = 1 / q_k + 1 / q_l over pairs of classes."""
    a, b = np.sort(q)[:2]
    return float(1.0 / a + 1.0 / b)
