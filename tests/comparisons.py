"""Two results held against each other: equal to the bit, or within what rounding may have done.

u = 2^-53 throughout.  A sum of n products in any order is off by at most (n + 1) u times the sum of sizes.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from strategies import Problem, run_rows

U = 2.0**-53


def same(a, b):
    """Equal in every bit that a number has: nan equals nan, -0 does not equal 0."""
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


def same_pass(a, b):
    assert a.nll == b.nll
    same(a.gradient, b.gradient)
    same(a.hessian, b.hessian)


def same_refined(a, b):
    assert a.nll == b.nll
    assert a.spread == b.spread
    for name in ("gradient", "gradient_low", "largest", "eta", "eta_low"):
        same(getattr(a, name), getattr(b, name))


def close(got, wanted, bound):
    """|got - wanted| <= bound, elementwise; the underflow of a product or two is let pass."""
    error = np.abs(np.asarray(got - wanted, dtype=float))
    bound = np.asarray(bound, dtype=float)
    assert (error <= bound + 2.0**-1070).all(), f"off by {np.max(error)}, allowed {np.max(bound)}"


def exact(pair):
    return Fraction(pair[0]) + Fraction(pair[1])


def sizes(q: Problem, rows):
    """Sums of sizes behind the gradient (m, k) and the Hessian (m k, m k) of a problem, given its rows."""
    Z = np.abs(q.Z)
    gradient = np.abs(rows.residual).T @ Z
    blocks = np.einsum("ij,icd,il->cjdl", Z, np.abs(rows.curvature), Z, optimize=True)
    return gradient, blocks.reshape(q.m * q.k, q.m * q.k)


def logit_error(q: Problem):
    """Bound of the error of any logit of each row, (n,): k products, intercept and offset, in any order."""
    terms = np.abs(q.Z) @ np.abs(q.coef).T + (0.0 if q.offset is None else np.abs(q.offset))
    return (q.k + 2) * U * terms.max(axis=1, initial=0.0)


def close_pass(backend, q: Problem, a, b, additions, nll=0.0):
    """Two passes over the same rows whose sums were grouped in different ways.

    A compiled logit depends on its row alone; NumPy's matrix product may choose its order by the shape of
    the whole, which moves a logit by e <= 2 logit_error, an nll by 2 e, a residual and a curvature by e.
    `nll` is the relative difference that is due to other roundings.
    """
    gradient, hessian = sizes(q, run_rows(backend, q.eta(backend), q.y, q.weight))
    moved = q.w * (0.0 if backend.BACKEND == "compiled" else 2 * logit_error(q))
    Z = np.abs(q.Z)
    pairs = (nll + q.n**2 * U**2) * abs(a.nll[0])
    moved = moved + (1 + q.w) * 2.0**-1073  # what underflows is off by half of 2^-1074, twice
    close(float(exact(a.nll) - exact(b.nll)), 0.0, pairs + 2 * moved.sum())
    close(a.gradient, b.gradient, additions * U * gradient + moved @ Z)
    close(a.hessian, b.hessian, additions * U * hessian + np.tile(Z.T @ (moved[:, None] * Z), (q.m, q.m)))
