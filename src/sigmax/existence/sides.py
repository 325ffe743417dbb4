"""Sides of many parameters by linear programs in double precision, whose answers are checked.

In the coordinates c of N, d = sum_a c_a v_a, with the rows a of the pool (scaled to lengths near 1):

    v = min g'c   subject to   a'c >= 0 for all a,   (sum_a a)'c = 1

v > 0: with the dual solution mu >= 0, g = sum_a (mu_a + v) a, so that g'c >= 0 in the whole cone.  The
residual r of that equation, rounding included, can be taken away by changing the multipliers, which are v at
least, by at most ||r|| / sigma_min(A): where that is below v the statement is proved.  The products A = Z N'
are rounded, too, and what cancels in them leaves little: with |A - Z N'| <= E the residual grows by E'mu, and
sigma_min shrinks by ||E||.
v = 0: g may lie on the boundary of the cone, and is then exactly sum_a mu_a a, for the few a with mu_a > 0;
these are found anew in whole numbers.
v < 0: the minimiser, moved a little away from the faces of the cone, is a direction with g'c < 0, which is
checked on all pairs in whole numbers.  Anything else is left open.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from sigmax.existence.decide import Face
from sigmax.existence.dots import Signs
from sigmax.existence.integers import Integers, bits, from_fractions, nearest, null_space, primitive, whole
from sigmax.existence.pairs import Index, Mask, Pairs
from sigmax.existence.program import powers
from sigmax.kernels import Float

#: no limit; not decided
NONE, OPEN = 2, 3
#: optima closer to 0 are left open
_CLEAR = 1e-9
#: how far a minimiser is moved into the cone
_INWARDS = 1e-3
_ROUNDS = 30
#: pairs that join the pool for each direction that they contradict
_JOIN = 4
_U = 2.0**-53
#: errors of numbers at the lower end of the exponents
_TINY = 2.0**-1060


def by_programs(pairs: Pairs, face: Face, closed: Mask, functions: Integers, pool: Index) -> Signs:
    """-1, 0, +1, `NONE`, or `OPEN` for each function f'b: see :func:`sigmax.existence.signs.signs`.

    Parameters
    ----------
    pairs : Pairs
    face : Face
    closed : bool ndarray of shape (n, K)
        S, the pairs that the direction of the face moves.
    functions : object ndarray of shape (f, P)
    pool : ndarray of intp
        Pairs to begin with, flat.
    """
    return _Programs(pairs, face, closed, functions, pool).run()


class _Programs:
    def __init__(self, pairs: Pairs, face: Face, closed: Mask, functions: Integers, pool: Index) -> None:
        assert face.direction is not None
        self.pairs, self.closed, self.pool, self.functions = pairs, closed, pool, functions
        self.direction = face.direction
        self.N = np.array([nearest(v) for v in face.null])
        # coordinates in N for those in whole numbers
        self.units = [Fraction(1, 1 << bits(v) if bits(v) > 53 else 1) for v in face.null]
        self.whole = face.null
        moved = np.asarray((functions @ face.null.T != 0).any(axis=1), bool)
        self.found = np.where(moved, OPEN, 0).astype(np.int8)
        self.up, self.down = ~moved, ~moved
        self._see(face.direction)

    def run(self) -> Signs:
        for _ in range(_ROUNDS):
            tasks = self._tasks()
            if not tasks:
                break
            A, E, scale = self._rows()
            f = np.array([side * nearest(self.functions[j]) for j, side in tasks])
            g, off = f @ self.N.T * scale, _rounding(f, self.N) * scale
            directions, inner = [], _centre(A)
            for (j, side), one, its in zip(tasks, g, off, strict=True):
                if self.found[j] != OPEN:
                    continue
                v, c, mu = _least(A, one)
                if v > _CLEAR:
                    proved = _is_proved(A, E, one, its, v, mu)
                else:
                    proved = v >= -_CLEAR and self._is_tight(j, side, mu)
                if proved:
                    self.found[j] = side
                elif v < -_CLEAR:
                    # not so far that g'c < 0 is lost
                    far, against = _INWARDS * float(np.abs(c).max()), float(one @ inner)
                    far = min(far, -0.5 * v / against) if against > 0.0 else far
                    directions.append((c + far * inner) * scale)
            if not directions or not self._check(np.array(directions)):
                break
        return self.found

    def _tasks(self) -> list[tuple[int, int]]:
        """Functions and sides of which it is still to be found out whether they are the only ones."""
        self.found[(self.found == OPEN) & self.up & self.down] = NONE
        tasks = []
        for j in np.flatnonzero(self.found == OPEN).tolist():
            tasks += [(j, 1)] if not self.down[j] else []
            tasks += [(j, -1)] if not self.up[j] else []
        return tasks

    def _rows(self) -> tuple[Float, Float, Float]:
        """The pool in scaled coordinates of N: rows of length near 1; bounds of their errors; the scale."""
        Z = self.pairs.take(*np.divmod(self.pool, self.pairs.n_classes))
        A, E = Z @ self.N.T, _rounding(Z, self.N)
        scale = powers(np.abs(A).max(axis=0))
        A, E = A * scale, E * scale
        length = powers(np.abs(A).max(axis=1))[:, None]
        return A * length, E * length, scale

    def _is_tight(self, j: int, side: int, mu: Float) -> bool:
        """Whether side * f_j lies on the boundary of the cone: exactly a sum of the rows with mu > 0."""
        rows = np.flatnonzero(mu > _CLEAR * mu.max(initial=0.0))
        if not 0 < len(rows) <= len(self.whole):
            return False
        A, exponent = whole(self.pairs.take(*np.divmod(self.pool[rows], self.pairs.n_classes)))
        shift = (exponent - int(exponent.min())).astype(object)
        a = (A << shift) @ self.whole.T
        g = side * (self.whole @ self.functions[j])
        basis = null_space(np.concatenate([a, -g[None]]).T)
        # one vector, multiples of g = sum mu a with mu >= 0
        return len(basis) == 1 and basis[0][-1] > 0 and bool((basis[0] >= 0).all())

    def _check(self, directions: Float) -> bool:
        """Whether the directions taught anything: pairs that contradict them, or signs they prove."""
        bad, worst = self.pairs.against(directions @ self.N, self.closed, _JOIN)
        grown = np.union1d(self.pool, worst)
        taught, self.pool = len(grown) > len(self.pool), grown
        for c in directions[~bad]:
            terms = zip(c.tolist(), self.units, strict=True)
            exact = from_fractions([Fraction(value) * unit for value, unit in terms])
            d = primitive(exact @ self.whole)
            along = self.functions @ d
            news = ((along > 0) & ~self.up) | ((along < 0) & ~self.down)
            if not news[self.found == OPEN].any():
                continue
            signs, _ = self.pairs.signs(d, self.closed)
            if (signs[self.closed] >= 0).all():
                self._see(d)
                taught = True
        return taught

    def _see(self, d: Integers) -> None:
        along = self.functions @ d
        self.up, self.down = self.up | (along > 0).astype(bool), self.down | (along < 0).astype(bool)


def _centre(A: Float) -> Float:
    """c in the box |c_a| <= 1 with the largest least margin a'c; zeros where the program has no answer."""
    from scipy.optimize import linprog

    n, q = A.shape
    found = linprog(
        np.concatenate([np.zeros(q), -np.ones(1)]),
        A_ub=np.column_stack([-A, np.ones(n)]),
        b_ub=np.zeros(n),
        bounds=[(-1.0, 1.0)] * q + [(0.0, None)],
        method="highs",
    )
    return np.asarray(found.x)[:q] if found.status == 0 else np.zeros(q)


def _least(A: Float, g: Float) -> tuple[float, Float, Float]:
    """v, its minimiser c, and the multipliers mu >= 0; v is 0 where the program has no answer."""
    from scipy.optimize import linprog

    n, q = A.shape
    total = A.sum(axis=0)
    found = linprog(
        g, A_ub=-A, b_ub=np.zeros(n), A_eq=total[None], b_eq=[1.0], bounds=(None, None), method="highs"
    )
    if found.status != 0:
        return 0.0, np.zeros(q), np.zeros(n)
    return float(found.fun or 0.0), np.asarray(found.x), np.maximum(-np.asarray(found.ineqlin.marginals), 0.0)


def _rounding(Z: Float, N: Float) -> Float:
    """Bound of the error of the product Z N', N rounded to float64; its shape."""
    P = Z.shape[1]
    size = np.abs(Z) @ np.abs(N).T
    return np.asarray((P + 4.0) * _U * size + _TINY * (P + np.abs(Z).sum(axis=1, keepdims=True)))


def _is_proved(A: Float, E: Float, g: Float, off: Float, v: float, mu: Float) -> bool:
    """Whether g lies in the cone of the rows of A, errors E of A, `off` of g, and of this proof included."""
    n, q = A.shape
    mu = mu + v
    residual = np.abs(g - A.T @ mu) + (n + 10.0) * _U * (np.abs(g) + np.abs(A).T @ mu) + off + E.T @ mu
    values = np.linalg.svd(A, compute_uv=False)
    doubt = 100.0 * (n + q) * _U * values[0] + np.linalg.norm(E)
    least = float(values[-1] - doubt) if n >= q else 0.0
    return least > 0.0 and float(np.linalg.norm(residual)) < v * least
