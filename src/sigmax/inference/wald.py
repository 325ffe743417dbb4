"""The Wald test of R theta = q, and linear combinations of estimates, from a root of their covariance.

    W  =  d' (R V R')^-1 d,      d = R theta - q,    V = L L',    A = R L

A Cholesky factor of R V R' would lose half the digits where hypotheses are nearly dependent.  With
A' = Q T, T upper triangular, R V R' = T'T, and

    W  =  || w ||^2,             T' w = d.

Rows of A are divided by what was summed in them, s_i = sum_j |R_ij| || L_j ||, so that units do not count,
and taken in the order of a pivoted factorisation.  What is left of a row when it comes to its turn, if less
than 1e-10, is rounding: the estimates of that combination of hypotheses do not vary, and d_i must be exactly
the sum_j c_j d_j of the rows before it.  Either it is, and the hypothesis follows from the others and counts
no degree of freedom (coefficients that sum to zero over the classes); or it is not, and there is no test
(more hypotheses than clusters, or a contradiction).
"""

from __future__ import annotations

import numpy as np

from sigmax.inference.hypotheses import Hypotheses
from sigmax.inference.testing import TestResult
from sigmax.kernels import Float

#: of rows of length 1, what counts as rounding; also of a sum, of its terms
ROUNDING = 1e-10
#: of variances of 1, what is left of one given others, or of one in some direction, that counts as rounding
_SINGULAR = 1e-14


def covariance_root(V: Float, rank: int | None = None) -> Float:
    """L with L L' = V, (P, r), of a covariance that may be singular.

    Parameters
    ----------
    V : ndarray of shape (P, P)
        Symmetric, positive semi-definite; nan in the rows and columns of parameters without one.
    rank : int, optional
        r, where it is known; else what is below 1e-14, where V has ones on its diagonal, is rounding.

    Returns
    -------
    ndarray of shape (P, r)
        nan in the rows where V has them; of V scaled to ones on its diagonal, the Cholesky factor where it is
        regular, else the eigenvectors times the roots of their eigenvalues.
    """
    gone = np.isnan(V.diagonal())
    size = np.sqrt(np.where(gone, 0.0, V.diagonal()))
    safe = np.where(size > 0.0, size, 1.0)
    root = np.full((len(V), 0), np.nan)
    if not gone.all():
        kept = np.ix_(~gone, ~gone)
        C = V[kept] / safe[~gone] / safe[~gone, None]
        found = _unit_root(0.5 * (C + C.T), rank)
        root = np.full((len(V), found.shape[1]), np.nan)
        root[~gone] = size[~gone, None] * found
    return root


def _unit_root(C: Float, rank: int | None) -> Float:
    if rank is None or rank >= len(C):
        try:
            L = np.linalg.cholesky(C)
        except np.linalg.LinAlgError:
            pass
        else:
            if rank is not None or (L.diagonal() ** 2).min() > _SINGULAR:
                return np.asarray(L)
    values, vectors = np.linalg.eigh(C)
    counted = values > _SINGULAR * max(float(values[-1]), 0.0)
    if rank is not None:
        counted[: len(C) - rank] = False
    return np.asarray(vectors[:, counted] * np.sqrt(values[counted]))


def scaled(hypotheses: Hypotheses, theta: Float, root: Float) -> tuple[Float, Float, Float, Float]:
    """A (n, r), d and the size of its terms (n,), all with rows divided by s; and s.

    Raises
    ------
    ValueError
        A standard error is missing.
    """
    R, q = hypotheses.R, hypotheses.q
    used = (R != 0.0).any(axis=0)  # the others may be nan
    R, theta, root = R[:, used], theta[used], root[used]
    terms = np.where(R != 0.0, np.abs(R) * np.linalg.norm(root, axis=1), 0.0)
    size = terms.sum(axis=1)
    if not np.isfinite(size).all():
        first = hypotheses.texts[int(np.argmax(~np.isfinite(size)))]
        raise ValueError(f"hypotheses must be about estimates with standard errors; {first!r} is not")
    # a power of two: nothing is rounded
    s = np.where(size > 0.0, np.exp2(np.frexp(size)[1].astype(float)), 1.0)
    R, q = R / s[:, None], q / s
    return R @ root, R @ theta - q, np.abs(R) @ np.abs(theta) + np.abs(q), s


def wald_test(hypotheses: Hypotheses, theta: Float, root: Float) -> TestResult:
    """The Wald test of joint linear hypotheses.

    Parameters
    ----------
    hypotheses : Hypotheses
        R (n, P) and q (n,).
    theta : ndarray of shape (P,)
        Estimates.
    root : ndarray of shape (P, r)
        L of their covariance V = L L'; rows of parameters that R does not concern may be nan.

    Returns
    -------
    TestResult
        Against chi^2 with the rank of R V R' as degrees of freedom.

    Raises
    ------
    ValueError
        R V R' is singular and the estimates do not satisfy what follows: hypotheses that contradict each
        other, or more than a covariance of few clusters can test; or it is 0; or a standard error is missing.
    """
    from scipy.linalg import qr, solve_triangular

    A, d, terms, _ = scaled(hypotheses, theta, root)
    T, order = qr(A.T, mode="r", pivoting=True)
    n = min(T.shape)
    rank = int(np.count_nonzero(np.abs(T.diagonal()) > ROUNDING))
    T, lead, rest = T[:n], order[:rank], order[rank:]
    w = solve_triangular(T[:rank, :rank], d[lead], trans=1) if rank else np.zeros(0)
    # d_i = sum_j c_j d_j with c = T_11^-1 T_1i, of terms of this size
    c = solve_triangular(T[:rank, :rank], T[:rank, rank:]) if rank else np.zeros((0, len(rest)))
    off = np.abs(d[rest] - d[lead] @ c) > ROUNDING * (terms[rest] + terms[lead] @ np.abs(c))
    if off.any():
        first = hypotheses.texts[int(rest[off].min())]
        raise ValueError(
            f"hypotheses must be testable together: the covariance of these {len(d)} has rank {rank}, and "
            f"the estimates contradict those that it leaves without a variance, the first {first!r}; they "
            "contradict each other in this parametrisation, or are more than there are clusters"
        )
    if not rank:
        raise ValueError(
            f"hypotheses must say something about the data; {hypotheses.texts[0]!r} holds of all estimates "
            "in this parametrisation"
        )
    return TestResult.of("Wald", float(w @ w), rank, hypotheses.texts)
