"""The optimum in extended precision (64-bit mantissa), proved to exist, with a bound of its own error.

Shares nothing with the library.  Damped Newton with a bisection line search on the slope, first in double,
then in extended precision.  With logits z_i = (0, b_1'x_i + o_i1, ...), p_i their softmax, lambda_i =
1 - p_i(y_i):

    f = sum_i w_i (log sum_k exp z_ik - z_i(y_i)) + b'P b / 2
    P = l2 I on the slopes for K = 2,   l2 (I - 11'/K) (x) I on the slopes for K > 2
    r_ik = p_ik - [k = y_i],   g = sum_i w_i r_i (x) x_i + P b
    H = sum_i w_i (diag p_i - p_i p_i') (x) x_i x_i' + P

If nu R < 1, with nu = ||g||_(H^-1) and R = max ||(e_k - e_l) (x) x_i||_(H^-1), the optimum exists and lies
within -log(1 - nu R) / R of b in the norm of H (NUMERICS 3.1).  Logits and gradient are sums in doubled
extended precision (doubled.py).  nu is increased by what rounding can have done to g, u = 2^-64:

    logits     a subtraction of the largest one included,
               |d z_ik| <= d_i = 4 u |z_ik| + (k + 6)^2 u^2 (sum_j |x_ij b_kj| + |o_ik|)
               ||d g||^2 <= sum_i w_i Var_p(d z_i) <= sum_i w_i min(1, 4 lambda_i) d_i^2       (first order)
    residuals  |d r_ik| <= c u |r_ik|, sum_k |r_ik| <= 2 lambda_i, ||e_k (x) x_i||_(H^-1) <= R:
               ||d g|| <= 2 c u R sum_i w_i lambda_i
    sums       |d g_j| <= v_j = u |g_j| + (n + 8)^2 u^2 sum_i w_i |r_ij x_ij| + 4 u |P| |b|
               ||d g|| <= sqrt(v'|H^-1|v)
"""

from __future__ import annotations

from dataclasses import dataclass

import doubled
import numpy as np
from problems import Problem

#: rounding unit of np.longdouble; platforms where it is float64 are refused below
UNIT = float(np.finfo(np.longdouble).eps) / 2.0
if UNIT > 2.0**-63:
    raise ImportError("the campaign needs np.longdouble with a mantissa of 64 bits at least")

#: u's in the softmax of given logits: exp, sum over at most 6 classes, division
_SOFTMAX_UNITS = 16.0
#: condition number of H, equilibrated, beyond which its inverse is not trusted: it has lost 1e-19 times this
_TRUSTED = 1e14
#: what is lost in H^-1 below `_TRUSTED`, in all
_SLACK = 1.01
_DOUBLE_STEPS = 30
_STEPS = 150


class Singular(ArithmeticError):
    """A matrix that is not positive definite to working precision."""


@dataclass(frozen=True, eq=False)
class Optimum:
    """An optimum that is proved to exist.

    Attributes
    ----------
    params : longdouble ndarray of shape (P,)
        Class after class, the intercept first.
    bse : longdouble ndarray of shape (P,)
        Standard errors.
    off : float
        Proved distance of `params` to the exact optimum, in standard errors.
    condition : float
        sqrt of the condition number of H, rows and columns scaled to a unit diagonal.
    """

    params: np.ndarray
    bse: np.ndarray
    off: float
    condition: float


class _Model:
    """The problem in one floating-point type, columns scaled by powers of two."""

    def __init__(self, problem: Problem, kind: type) -> None:
        D, y, w, o = problem.counted()
        self.scale = 2.0 ** np.round(np.log2(np.maximum(np.sqrt((D * D).mean(axis=0)), 1e-200)))
        self.X = (D / self.scale).astype(kind)
        self.y, self.w, self.o = y, w.astype(kind), o.astype(kind)
        self.n, self.k = D.shape
        self.m = problem.n_logits
        self.size = self.m * self.k
        self.hit = np.arange(self.n), y
        self.kind = kind
        self.penalty = None
        if problem.l2 > 0.0:
            across = np.eye(self.m, dtype=kind)
            if self.m > 1:
                across -= kind(1) / kind(problem.n_classes)
            # coefficients of scaled columns are b s: b^2 = (b s)^2 / s^2
            within = kind(problem.l2) / self.scale.astype(kind) ** 2
            if problem.intercept:
                within[0] = 0.0
            self.penalty = np.einsum("ab,j,jl->ajbl", across, within, np.eye(self.k, dtype=kind))
            self.penalty = self.penalty.reshape(self.size, self.size)

    def logits(self, b: np.ndarray) -> np.ndarray:
        if self.kind is np.longdouble:
            return doubled.dot(self.X.T[:, :, None], b.reshape(self.m, self.k).T[:, None, :], self.o)
        return self.X @ b.reshape(self.m, self.k).T + self.o

    def moved(self, d: np.ndarray) -> np.ndarray:
        return self.X @ d.reshape(self.m, self.k).T

    def rows(self, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(p (n, K), r (n, m), lambda (n,)): no difference of probabilities is formed."""
        z = np.concatenate([np.zeros((self.n, 1), self.kind), eta], axis=1)
        E = np.exp(z - z.max(axis=1, keepdims=True))
        s = E.sum(axis=1)
        p = E / s[:, None]
        E[self.hit] = 0.0
        lam = E.sum(axis=1) / s
        r = p.copy()
        r[self.hit] = -lam
        return p, r[:, 1:], lam

    def slope(self, eta: np.ndarray, u: np.ndarray, b: np.ndarray, d: np.ndarray) -> float:
        """phi' at logits `eta` along their slopes `u`; `b`, `d` matter for a penalty."""
        _, r, _ = self.rows(eta)
        value = (self.w[:, None] * r * u).sum()
        return float(value if self.penalty is None else value + b @ self.penalty @ d)

    def derivatives(self, b: np.ndarray, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p, r, _ = self.rows(eta)
        wr = self.w[:, None] * r
        if self.kind is np.longdouble:
            g = doubled.dot(wr[:, :, None], self.X[:, None, :]).ravel()
        else:
            g = (wr.T @ self.X).ravel()
        H = np.empty((self.m, self.k, self.m, self.k), self.kind)
        for a in range(self.m):
            others = p[:, [c for c in range(self.m + 1) if c != a + 1]].sum(axis=1)
            for c in range(a, self.m):
                s = p[:, a + 1] * (others if a == c else -p[:, c + 1])
                block = self.X.T @ ((self.w * s)[:, None] * self.X)
                H[a, :, c, :] = block
                H[c, :, a, :] = block.T
        H = H.reshape(self.size, self.size)
        if self.penalty is not None:
            g, H = g + self.penalty @ b, H + self.penalty
        return g, H


class _Cholesky:
    """H = S L L' S with S the root of the diagonal."""

    def __init__(self, H: np.ndarray) -> None:
        diagonal = H.diagonal()
        if not (np.isfinite(H).all() and (diagonal > 0.0).all()):
            raise Singular
        self.root = np.sqrt(diagonal)
        C = H / self.root / self.root[:, None]
        n = len(C)
        floor = 8.0 * n * np.finfo(H.dtype).eps
        L = np.zeros_like(C)
        for j in range(n):
            column = C[j:, j] - L[j:, :j] @ L[j, :j]
            if not column[0] > floor:
                raise Singular
            L[j:, j] = column / np.sqrt(column[0])
        self.C, self.L = C, L

    def solve(self, v: np.ndarray) -> np.ndarray:
        """H^-1 v, for a vector or the columns of a matrix."""
        root = self.root if v.ndim == 1 else self.root[:, None]
        x, L = v / root, self.L
        for j in range(len(L)):
            x[j] = (x[j] - L[j, :j] @ x[:j]) / L[j, j]
        for j in reversed(range(len(L))):
            x[j] = (x[j] - L[j + 1 :, j] @ x[j + 1 :]) / L[j, j]
        return x / root

    def inverse(self) -> np.ndarray:
        inverse = self.solve(np.eye(len(self.L), dtype=self.L.dtype))
        return (inverse + inverse.T) / 2

    def condition(self, inverse: np.ndarray) -> float:
        scaled = inverse * self.root * self.root[:, None]
        return float(np.abs(self.C).sum(axis=0).max() * np.abs(scaled).sum(axis=0).max())


def _length(model: _Model, b: np.ndarray, eta: np.ndarray, d: np.ndarray, u: np.ndarray) -> float:
    """A step along `d` where the slope is not positive any more than a quarter of what it was: bisection."""
    reach = float((np.maximum(u.max(axis=1), 0.0) - np.minimum(u.min(axis=1), 0.0)).max())
    if reach <= 0.4:
        return 1.0
    first = abs(model.slope(eta, u, b, d))
    low, high, t = 0.0, np.inf, 1.0
    for _ in range(80):
        at = model.slope(eta + t * u, u, b + t * d, d)
        if -0.25 * first <= at <= 0.0:
            return t
        if at < 0.0:
            low = t
        else:
            high = t
        t = 2.0 * low if high == np.inf else 0.5 * (low + high)
        if high - low <= 1e-6 * low or t > 1e9:
            break
    return low if low > 0.0 else t


def _newton(model: _Model, b: np.ndarray, steps: int, enough: float) -> tuple[np.ndarray, float]:
    """(b, nu): until nu <= `enough`, nu stops falling, or `steps`; Singular where H is."""
    last = np.inf
    nu = np.inf
    for _ in range(steps):
        eta = model.logits(b)
        g, H = model.derivatives(b, eta)
        d = -_Cholesky(H).solve(g)
        nu = float(np.sqrt(max(-(g @ d), 0.0)))
        if nu <= enough or (last < 1e-9 and nu > 0.5 * last):
            break
        b = b + model.kind(_length(model, b, eta, d, model.moved(d))) * d
        last = nu
    return b, nu


def _certified(model: _Model, b: np.ndarray) -> Optimum | None:
    """The proof at `b`; None where there is none."""
    eta = model.logits(b)
    _, r, lam = model.rows(eta)
    g, H = model.derivatives(b, eta)
    factor = _Cholesky(H)
    inverse = factor.inverse()
    condition = factor.condition(inverse)
    if condition > _TRUSTED:
        return None
    m, k = model.m, model.k
    V = np.einsum("ij,ajbl,il->iab", model.X, inverse.reshape(m, k, m, k), model.X, optimize=True)
    own = V.diagonal(axis1=1, axis2=2)
    pairs = own[:, :, None] + own[:, None, :] - 2.0 * V
    R = _SLACK * float(np.sqrt(max(own.max(), pairs.max())))

    # in double this decides nothing: it says whether it is worth going on
    u = UNIT
    size = np.abs(model.X) @ np.abs(b.reshape(m, k)).T + np.abs(model.o)
    d = 4.0 * u * np.abs(eta).max(axis=1) + ((k + 6) * u) ** 2 * size.max(axis=1)
    rows = float(np.sqrt((model.w * np.minimum(1.0, 4.0 * lam) * d * d).sum()))
    rows += 2.0 * _SOFTMAX_UNITS * u * R * float((model.w * lam).sum())
    v = (
        u * np.abs(g)
        + ((model.n + 8) * u) ** 2 * ((model.w[:, None] * np.abs(r)).T @ np.abs(model.X)).ravel()
    )
    if model.penalty is not None:
        v = v + 4.0 * u * np.abs(model.penalty) @ np.abs(b)
    sums = float(np.sqrt(v @ np.abs(inverse) @ v))
    nu = _SLACK * (float(np.sqrt(max(g @ factor.solve(g), 0.0))) + rows + sums)
    if not nu * R < 0.5:
        return None
    scale = np.tile(model.scale, m)
    return Optimum(
        params=b / scale,
        bse=np.sqrt(inverse.diagonal()) / scale,
        off=float(-np.log1p(-nu * R) / R),
        condition=float(np.sqrt(condition)),
    )


@np.errstate(all="ignore")
def rough(problem: Problem) -> tuple[np.ndarray, bool]:
    """(coefficients of scaled columns, whether an optimum is likely to exist), in double precision."""
    model = _Model(problem, np.float64)
    b = np.zeros(model.size)
    try:
        b, _ = _newton(model, b, _DOUBLE_STEPS, 1e-6)
        return b, _certified(model, b) is not None
    except Singular:
        return np.zeros(model.size), False


@np.errstate(all="ignore")
def optimum(problem: Problem, begin: np.ndarray | None = None) -> Optimum | None:
    """The optimum with its proof; None where extended precision proves none.

    Parameters
    ----------
    problem : Problem
    begin : ndarray of shape (P,), optional
        Where to start, as given by `rough`.
    """
    model = _Model(problem, np.longdouble)
    starts = [np.zeros(model.size, np.longdouble)]
    if begin is not None and np.isfinite(begin).all():
        starts.insert(0, begin.astype(np.longdouble))
    for b in starts:
        try:
            b, _ = _newton(model, b, _STEPS, 1e-19)
            found = _certified(model, b)
        except Singular:
            continue
        if found is not None:
            return found
    return None
