"""Constrained optima and ends of profile intervals to 50 digits; as newton.py it shares nothing with sigmax.

The constrained optimum has g = A'lambda and A b = c; the end of an interval has g = lambda a and
2 (f - f_hat) = wanted, which is the system of Venzon & Moolgavkar (Appl. Stat. 37, 1988).  Newton's method on
either, from a start close by; that it got there is checked, not assumed: the steps vanish, the caller sees on
which side the end lies, and f is convex, so that there is no other.
"""

from __future__ import annotations

from mpmath import mp, mpf

from oracles.newton import evaluate

DIGITS = 50


def _solve(M, r):
    """x with M x = r, rows and columns scaled, so that units do not matter."""
    n = len(M)
    rows = [max(abs(v) for v in row) for row in M]
    scaled = [[v / s for v in row] for row, s in zip(M, rows, strict=True)]
    columns = [max(abs(scaled[i][j]) for i in range(n)) for j in range(n)]
    matrix = mp.matrix([[v / s for v, s in zip(row, columns, strict=True)] for row in scaled])
    x = mp.lu_solve(matrix, mp.matrix([v / s for v, s in zip(r, rows, strict=True)]))
    return [x[j] / columns[j] for j in range(n)]


def constrained(X, codes, n_classes, A, c, start, **options):
    """b, lambda and f at the minimum of f under A b = c; `options` as for ``evaluate``."""
    with mp.workdps(DIGITS + 30):
        A = [[mpf(float(v)) for v in row] for row in A]
        b, P, q = [mpf(float(v)) for v in start], len(start), len(A)
        for _ in range(60):
            at = evaluate(X, codes, b, n_classes, digits=DIGITS + 20, **options)
            rest = [mpf(float(v)) - mp.fdot(row, b) for row, v in zip(A, c, strict=True)]
            M = [[*at.hessian[i], *(-row[i] for row in A)] for i in range(P)]
            M += [[*row, *([mpf(0)] * q)] for row in A]
            found = _solve(M, [*(-g for g in at.gradient), *rest])
            b = [value + step for value, step in zip(b, found, strict=False)]
            size = mp.sqrt(abs(mp.fdot(found[:P], [mp.fdot(row, found[:P]) for row in at.hessian])))
            if size < mpf(10) ** -40:
                at = evaluate(X, codes, b, n_classes, digits=DIGITS + 20, **options)
                return b, found[P:], at.nll + at.penalty
        raise ArithmeticError("no constrained optimum")


def end(X, codes, n_classes, a, wanted, least, start, **options):
    """a'b where 2 (min f - least) = wanted, from a start close by, and b there."""
    with mp.workdps(DIGITS + 30):
        a = [mpf(float(v)) for v in a]
        b, P, multiplier = [mpf(float(v)) for v in start], len(start), None
        for _ in range(60):
            at = evaluate(X, codes, b, n_classes, digits=DIGITS + 20, **options)
            if multiplier is None:
                multiplier = mp.fdot(at.gradient, a) / mp.fdot(a, a)
            left = [multiplier * v - g for v, g in zip(a, at.gradient, strict=True)]
            excess = 2 * (at.nll + at.penalty - least) - mpf(wanted)
            M = [[*at.hessian[i], -a[i]] for i in range(P)]
            M.append([*(2 * g for g in at.gradient), mpf(0)])
            found = _solve(M, [*left, -excess])
            b = [value + step for value, step in zip(b, found, strict=False)]
            multiplier += found[P]
            size = mp.sqrt(abs(mp.fdot(found[:P], [mp.fdot(row, found[:P]) for row in at.hessian])))
            if size < mpf(10) ** -40 and abs(excess) < mpf(10) ** -35:
                return mp.fdot(a, b), b
        raise ArithmeticError("no end")
