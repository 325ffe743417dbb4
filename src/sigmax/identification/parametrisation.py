"""Linear maps between parametrisations of one fitted model, for parameters, covariance and bounds.

Only differences of the K classes' coefficients mean anything: a reference class, or a sum of zero, picks one
representative.  With B of shape (K, k), one row a class, and V its covariance, (K, k, K, k):

    reference r     B_c - B_r,      V_cd - V_rd - V_cr + V_rr          (row r, of zeros, is not stored)
    sum to zero     B_c - mean B,   (C (x) I) V (C (x) I),  C = I - 11'/K

The second covariance has rank (K - 1) k; it is the Moore-Penrose inverse of the information of all K k
parameters.  Fitted values, contrasts of classes, likelihood and their tests are the same in all.

Within a class, columns that depend on others leave room as well: `expand` puts nan where a column was left
out, `minimum_norm` picks the representative without a component in the null space of the design.

Maps are differences, not products with matrices of zeros and ones: nan and inf stay in the columns they are
in, inf less a finite number is inf, and inf less inf is nan.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sigmax.kernels import Float

_U = 2.0**-53


def padded(params: Float, reference: int) -> Float:
    """(K, k): `params` of shape (K - 1, k) with zeros for the reference."""
    return np.asarray(np.insert(params, reference, 0.0, axis=0))


def padded_covariance(covariance: Float, n_logits: int, reference: int) -> Float:
    """(K, k, K, k): `covariance` of shape (m k, m k) with zeros for the reference."""
    k = len(covariance) // n_logits
    blocks = covariance.reshape(n_logits, k, n_logits, k)
    return np.asarray(np.insert(np.insert(blocks, reference, 0.0, axis=0), reference, 0.0, axis=2))


# -- another reference -------------------------------------------------------------------------------


def rebased(params: Float, old: int, new: int) -> Float:
    """Parameters against the class `new` from those against `old`; both (K - 1, k)."""
    B = padded(params, old)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.delete(B - B[new], new, axis=0))


def rebased_covariance(covariance: Float, n_logits: int, old: int, new: int) -> Float:
    """Covariance of :func:`rebased`, exactly symmetric where `covariance` is."""
    V = padded_covariance(covariance, n_logits, old)
    with np.errstate(invalid="ignore"):
        moved = (V + V[new, :, new][:, None]) - (V[new] + V[:, :, new][:, :, None])
    moved = np.delete(np.delete(moved, new, axis=0), new, axis=2)
    return np.asarray(moved.reshape(covariance.shape))


def rebased_bound(bound: Float, params: Float, old: int, new: int) -> Float:
    """Bound of the error of :func:`rebased`: those of both terms, and the rounding of their difference."""
    E = padded(bound, old)
    moved = rebased(params, old, new)
    return np.asarray(np.delete(E + E[new], new, axis=0) + _rounding(moved, 1))


# -- sum to zero -------------------------------------------------------------------------------------


def symmetric(params: Float, old: int) -> Float:
    """Parameters of all K classes that sum to zero, (K, k)."""
    B = padded(params, old)
    with np.errstate(invalid="ignore"):
        found = np.asarray(B - B.mean(axis=0))
        for j in np.flatnonzero(~np.isfinite(B).all(axis=0)).tolist():
            # the mean of B_c - B_d over d, in which one infinite class stays infinite
            differences = B[:, j, None] - B[:, j]
            np.fill_diagonal(differences, 0.0)
            found[:, j] = differences.mean(axis=1)
    return found


def symmetric_covariance(covariance: Float, n_logits: int, old: int) -> Float:
    """Covariance of :func:`symmetric`, (K k, K k), of rank (K - 1) k."""
    V = padded_covariance(covariance, n_logits, old)
    with np.errstate(invalid="ignore"):
        V = V - V.mean(axis=0)
        V = V - V.mean(axis=2)[:, :, None]
        size = V.shape[0] * V.shape[1]
        V = V.reshape(size, size)
        return np.asarray(0.5 * (V + V.T))


def symmetric_bound(bound: Float, params: Float, old: int) -> Float:
    """Bound of the error of :func:`symmetric`: (1 - 1/K) of a class's own, 1/K of the others'."""
    E, B = padded(bound, old), np.abs(padded(params, old))
    K = len(E)
    with np.errstate(invalid="ignore"):
        own = (1.0 - 2.0 / K) * E if K > 2 else np.zeros_like(E)
        return np.asarray(own + E.mean(axis=0) + _rounding(B + B.mean(axis=0), K))


def _rounding(terms: Float, additions: int) -> Float:
    """Rounding of a sum of so many terms; none where they are infinite."""
    return np.where(np.isfinite(terms), (additions + 1) * _U * np.abs(terms), 0.0)


# -- columns left out --------------------------------------------------------------------------------


def expand(matrix: Float, left_out: npt.NDArray[np.bool_]) -> Float:
    """(m, k): `matrix` of shape (m, kept) with nan for the columns left out."""
    whole = np.full((len(matrix), len(left_out)), np.nan)
    whole[:, ~left_out] = matrix
    return whole


def expand_covariance(covariance: Float, n_logits: int, left_out: npt.NDArray[np.bool_]) -> Float:
    """(m k, m k): `covariance` with nan in the rows and columns of what was left out."""
    kept = np.flatnonzero(np.tile(~left_out, n_logits))
    whole = np.full((n_logits * len(left_out),) * 2, np.nan)
    whole[np.ix_(kept, kept)] = covariance
    return whole


def minimum_norm_map(row_space: Float) -> Float:
    """M = B (B'B)^-1, (k, r), of a design with the row space B, (k, r), its kept rows those of I.

    b+ = M b for coefficients b of the kept columns: M is the kept columns of the projector P = B (B'B)^-1 B',
    and b+ = P b the smallest, by the sum of squares, of all with the same fitted values.
    """
    from scipy.linalg import solve_triangular

    Q, R = np.linalg.qr(row_space)
    return np.asarray(solve_triangular(R, Q.T).T)


def minimum_norm(matrix: Float, M: Float) -> Float:
    """b+ = M b for each logit, (m, k), from coefficients of the kept columns, (m, r)."""
    with np.errstate(invalid="ignore"):
        return np.asarray(matrix @ M.T)


def transformed(M: Float, V: Float) -> Float:
    """(I (x) M) V (I (x) M)', exactly symmetric, from a symmetric V of order m r; M is (k, r).

    Two products of matrices; np.einsum takes 100 microseconds to find them, as long as a small fit.
    """
    k, r = M.shape
    m = len(V) // r
    half = (M @ V.reshape(m, r, m * r)).reshape(m * k * m, r)
    whole = (half @ M.T).reshape(m * k, m * k)
    return np.asarray(0.5 * (whole + whole.T))


def minimum_norm_covariance(covariance: Float, M: Float) -> Float:
    """(I (x) M) V (I (x) M)', the Moore-Penrose inverse of the information, from V of the kept columns."""
    return transformed(M, covariance)


def minimum_norm_bound(bound: Float, matrix: Float, M: Float) -> Float:
    """Bound of the error of :func:`minimum_norm` for this M, from that of the kept coefficients."""
    size, open_ended = np.abs(M.T), ~np.isfinite(bound)
    found = np.where(open_ended, 0.0, bound) @ size + (len(size) + 1) * _U * (np.abs(matrix) @ size)
    found[open_ended.astype(float) @ (size > 0.0) > 0.0] = np.inf
    return np.asarray(found)


# -- as functions of the parameters against the first class ------------------------------------------


def functions(n_classes: int, k: int, reference: int | None) -> Float:
    """Rows a with a'b = one reported parameter, b the parameters against class 0; (F, (K - 1) k).

    F = (K - 1) k with a reference, K k where the classes sum to zero.
    """
    each = np.eye(n_classes)
    if reference is None:
        each = each - 1.0 / n_classes
    else:
        each = np.delete(each - each[reference], reference, axis=0)
    return np.asarray(np.kron(each[:, 1:], np.eye(k)))
