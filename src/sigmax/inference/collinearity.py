"""How nearly the columns of a design depend on each other: variance inflation and condition number.

    VIF_j = S_j [(X_c'W X_c)^-1]_jj        S_j = sum_i w_i (x_ij - mean_j)^2,  X_c the centred columns

S_j is summed as it stands.  Where columns are nearly dependent the diagonal of the inverse comes from rows
z = T'[1 x], T = R^-1 of a QR factorisation of the rows, formed in double-double: G = Z'W Z is near I,

    (X'W X)^-1 = T G^-1 T'

The factor of a column in the covariance of the estimates is that of the generalised variance of its m
coefficients (Fox & Monette, J. Amer. Statist. Assoc. 87, 1992): with C the correlations of all slopes,

    GVIF_j = det C_jj det C_(-j)(-j) / det C = det A_jj det [A_slopes^-1]_jj

A_jj from the rows of a root of A; [A_slopes^-1]_jj is the information about column j where only intercepts
are estimated beside it, a sum over rows of the centred column.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sigmax.identification.rank import Dependence, dependence
from sigmax.inference.influence import stream
from sigmax.inference.observations import Observations, Rows
from sigmax.inference.residuals import counted
from sigmax.inference.uncertainty import Uncertainty
from sigmax.kernels import Float

_KINDS = ("design", "estimates")
#: beyond this condition number rows are whitened before their Gram matrix is formed
_PLAIN_CONDITION = 30.0


@dataclass(frozen=True, slots=True)
class _Roots:
    """Triangles of the columns, scaled by their lengths: U'U = D^-1 X'W X D^-1, and the inverse of U.

    Attributes
    ----------
    length : ndarray of shape (k,)
        The diagonal of D.
    triangle, inverse : ndarray of shape (k, k)
    """

    length: Float
    triangle: Float
    inverse: Float


class Collinear(Uncertainty):
    """Estimates, and how nearly the columns behind them depend on each other."""

    def vif(self, kind: str = "design") -> Float:
        """Variance inflation factors of the columns of X.

        Parameters
        ----------
        kind : {"design", "estimates"}
            "design": 1 / (1 - R_j^2), R_j^2 of the regression of column j on the other columns, rows counted
            by their weights and numbers of observations; the j-th diagonal element of the inverse of the
            correlation matrix.  "estimates": from the correlations of the estimates (R's ``car::vif``), in
            which rows count by their information, too; with K > 2 classes generalised factors of each
            column's K - 1 coefficients together (Fox & Monette, 1992), whose 1 / (2 (K - 1))-th power is in
            units of a standard error.  They do not depend on the reference.

        Returns
        -------
        ndarray of shape (p,)
            In the order of the columns of X, without the intercept.  1 for a column that is orthogonal to the
            others; nan for columns that were left out as combinations of others; inf for those that take part
            in one that a penalty has kept.

        Raises
        ------
        ValueError
            No such kind; ``kind="estimates"`` of separated classes, whose estimates are infinite; data that
            were changed since the fit, or left behind by pickling.

        Notes
        -----
        Where the model has no intercept, columns are not centred, and R^2 is that about 0: such factors say
        how far columns are from orthogonal, constant parts included.

        Two reads of the data, or four where columns are nearly dependent; one for "estimates" beside that of
        the covariance.  Relative errors of "design" are below 1e-10 where factors are 1e14; "estimates" have
        those of the logits, too, 2^-53 sum_j |x_j b_j|, as their weights N p (1 - p) have.  Squares of X
        have to be numbers: |x| < 1e150.
        """
        if kind not in _KINDS:
            raise ValueError(f"kind must be one of {', '.join(map(repr, _KINDS))}; got {kind!r}")
        if kind == "estimates" and self._limit is not None:
            raise ValueError(
                "kind='estimates' is for estimates that exist, and the classes are separated: take "
                "kind='design'"
            )
        observations = self._rows("vif()")
        if kind == "estimates":
            found = _of_estimates(observations, self._source.l2)
        else:
            found = _of_design(observations)
        return self._of_all_columns(found, np.nan)[int(self.fit_intercept) :]

    @property
    def condition_number(self) -> float:
        """Condition number of the design, intercept included, its columns scaled to one length (Belsley).

        The largest singular value over the smallest, columns not centred, rows counted by their weights
        and numbers of observations; above 30 columns are nearly dependent (Belsley, Kuh & Welsch, 1980).  Of
        the columns that were fitted; inf where a penalty has kept dependent ones.

        ``certificate.condition_number`` is another one: of the information at the estimate, in which rows
        count by N p (1 - p), too, and a bound in the 1-norm; it says what the estimates can lose to rounding.
        """
        roots = _roots(self._rows("condition_number"))
        if roots is None:
            return float("inf")
        largest, least = np.linalg.norm(roots.triangle, 2), np.linalg.norm(roots.inverse, 2)
        return float(largest * least)

    def _of_all_columns(self, values: Float, missing: float) -> Float:
        """(k,) of all columns from those that were fitted."""
        if self.dependence is None:
            return values
        whole = np.full(len(self.dependence.aliased), missing)
        whole[~self.dependence.aliased] = values
        return whole


def _of_design(observations: Observations) -> Float:
    """Factors of all fitted columns, (k,); that of the intercept is without meaning."""
    squares = _squares(observations, curved=False)[:, 0, 0]
    roots = _roots(observations)
    if roots is not None:
        return _factors(roots, squares)
    # dependent columns, which a penalty has kept: those that are in no combination have a factor
    found = _dependence(observations)
    kept = ~found.aliased
    alone = kept.copy()
    for j in np.flatnonzero(found.aliased):
        alone[list(found.terms(int(j)))] = False
    roots = _roots(observations, kept)
    factors = np.full(len(kept), np.inf)
    if roots is not None:
        some = alone[kept]
        factors[alone] = _factors(roots, squares[kept])[some]
    return factors


def _factors(roots: _Roots, squares: Float) -> Float:
    """S_j [(X'W X)^-1]_jj."""
    return np.asarray(squares * ((roots.inverse / roots.length[:, None]) ** 2).sum(axis=1))


def _dependence(observations: Observations) -> Dependence:
    w, N = observations.units.weight(), observations.units.total()
    weight = N if w is None else (w if N is None else w * N)
    return dependence(observations.design, weight, observations.kernels, observations.n_threads)


def _weight(rows: Rows) -> Float | None:
    """Observations of each row, (n,); None for ones."""
    w, N = rows.weight(), rows.total
    return N if w is None else (w if N is None else w * N)


def _roots(observations: Observations, columns: np.ndarray | None = None) -> _Roots | None:
    """Triangles of the columns, or of some; None where they are dependent."""
    design, kernels = observations.design, observations.kernels
    intercept = design.intercept
    kept = np.ones(design.width, bool) if columns is None else columns
    k, inside = int(kept.sum()), kept[int(intercept) :]

    def part(rows: Rows) -> Float:
        return rows.X if columns is None else np.ascontiguousarray(rows.X[:, inside])

    def gram(T: Float | None) -> Float:
        def evaluate(start: int, rows: Rows) -> Float:
            Z, ones = part(rows), intercept
            if T is not None:
                Z, ones = np.empty((len(rows), k)), False
                kernels.linear_predictor_dd(
                    part(rows), np.ascontiguousarray(T.T), None, Z, None, intercept=intercept
                )
            w = _weight(rows)
            G = np.empty((k, k))
            kernels.weighted_gram(
                Z, np.ones(len(rows)) if w is None else np.ascontiguousarray(w), G, intercept=ones
            )
            return G

        return stream(observations, evaluate, lambda a, b: a + b, numbers=0 if T is None else k)

    G = gram(None)
    length = np.sqrt(G.diagonal())
    if not (np.isfinite(length) & (length > 0.0)).all():
        return None
    U = _cholesky(G / length / length[:, None])
    if U is not None:
        inverse = _inverse(U)
        if np.linalg.norm(U, 2) * np.linalg.norm(inverse, 2) <= _PLAIN_CONDITION:
            return _Roots(length, U, inverse)

    def evaluate(start: int, rows: Rows) -> Float:
        X = part(rows)
        whole = np.empty((len(X), k))
        whole[:, : int(intercept)] = 1.0
        whole[:, int(intercept) :] = X
        w = _weight(rows)
        if w is not None:
            whole *= np.sqrt(w)[:, None]
        return np.asarray(np.linalg.qr(whole, mode="r"))

    def merge(a: Float, b: Float) -> Float:
        return np.asarray(np.linalg.qr(np.concatenate([a, b]), mode="r"))

    R = np.zeros((k, k))
    found = stream(observations, evaluate, merge, numbers=k)
    R[: len(found)] = found
    lengths = np.sqrt((R**2).sum(axis=0))
    if (np.abs(R.diagonal()) <= 1e-13 * lengths).any():
        return None
    T = _inverse(R / length) / length[:, None]
    U = _cholesky(gram(T))
    if U is None:
        return None
    # X'W X = T'^-1 U'U T^-1
    return _Roots(length, U @ (R / length), (length[:, None] * T) @ _inverse(U))


def _cholesky(G: Float) -> Float | None:
    """Upper triangular U with U'U = G; None where G is singular."""
    try:
        return np.asarray(np.linalg.cholesky(G).T)
    except np.linalg.LinAlgError:
        return None


def _inverse(U: Float) -> Float:
    from scipy.linalg import solve_triangular

    return np.asarray(np.triu(solve_triangular(U, np.eye(len(U)))))


@dataclass(slots=True)
class _Moments:
    """Sums of V, V (x - c) and V (x - c)^2: (m, m), (k, m, m) and (k, m, m); c (k,)."""

    c: Float
    zeroth: Float
    first: Float
    second: Float

    def moved(self, c: Float) -> _Moments:
        """About another centre."""
        d = (self.c - c)[:, None, None]
        return _Moments(
            c,
            self.zeroth,
            self.first + d * self.zeroth,
            self.second + d * (2.0 * self.first + d * self.zeroth),
        )


def _squares(observations: Observations, *, curved: bool) -> Float:
    """[A^-1 of intercepts and column j]_jj of each column, (k, m, m): sums of squares about the means.

    Rows count by their weight, m = 1, or by their weighted curvature V.  Without an intercept columns are
    not centred.
    """
    design, kernels = observations.design, observations.kernels
    m = len(observations.coef) if curved else 1

    pairs = [(a, b) for a in range(m) for b in range(a, m)]

    def evaluate(start: int, rows: Rows) -> _Moments:
        V = rows.curvature() if curved else np.ones((len(rows), 1, 1))
        weight = rows.weight() if curved else _weight(rows)
        if weight is not None:
            V = weight[:, None, None] * V
        some = counted(rows)
        if some is not None:
            V[~some] = 0.0
        level = np.einsum("icc->i", V)
        total = float(level.sum())
        c, k = np.zeros(design.width), design.width
        X = rows.X
        if design.intercept:
            c[0] = 1.0
            mean = np.empty((1, k - 1))
            kernels.transpose_product(X, level[:, None], mean, intercept=False)
            c[1:] = mean / total if total > 0.0 else 0.0
            X = X - c[1:]
        columns = np.ascontiguousarray(np.stack([V[:, a, b] for a, b in pairs], axis=1))
        first, second = np.zeros((k, m, m)), np.zeros((k, m, m))
        for power, sums in ((X, first), (X * X, second)):
            part = np.empty((len(pairs), power.shape[1]))
            kernels.transpose_product(power, columns, part, intercept=False)
            for (a, b), values in zip(pairs, part, strict=True):
                sums[int(design.intercept) :, a, b] = sums[int(design.intercept) :, b, a] = values
        return _Moments(c, V.sum(axis=0), first, second)

    def merge(a: _Moments, b: _Moments) -> _Moments:
        n, o = np.trace(a.zeroth), np.trace(b.zeroth)
        c = a.c if n + o == 0.0 else a.c + (o / (n + o)) * (b.c - a.c)
        a, b = a.moved(c), b.moved(c)
        return _Moments(c, a.zeroth + b.zeroth, a.first + b.first, a.second + b.second)

    numbers = 2 * design.width + 2 * m * m
    found = stream(observations, evaluate, merge, numbers=numbers)
    if not design.intercept:
        return found.second
    return np.asarray(found.second - found.first @ np.linalg.solve(found.zeroth, found.first))


def _of_estimates(observations: Observations, l2: float) -> Float:
    """Generalised factors of all fitted columns, (k,); that of the intercept is without meaning."""
    m, k = observations.coef.shape
    R = observations.bread.root.whole.reshape(m, k, -1)
    information = _squares(observations, curved=True)
    if l2 > 0.0:
        penalty = np.eye(m) if m == 1 else np.eye(m) - 1.0 / (m + 1)
        information = information + l2 * penalty
    if observations.design.intercept:
        information[0] = np.eye(m)
    # det A_jj of the rows of a root: by their singular values
    spread = 2.0 * np.log(np.linalg.svd(R.transpose(1, 0, 2), compute_uv=False)).sum(axis=1)
    return np.asarray(np.exp(spread + np.linalg.slogdet(information)[1]))
