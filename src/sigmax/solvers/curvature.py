"""Two ways to a Hessian and its factor: as it is, and in whitened coordinates for nearly dependent columns.

A Hessian formed in double precision has lost its small eigenvalues once the condition number of the columns
reaches 2^26: forming it squares that number.  `Whitened` takes the rows to other coordinates before it forms
anything:

    z_i = T'[1 x_i],  T = R^-1,  R'R = [1 X]'W[1 X]      R by QR of the rows, so that it keeps its digits
    G = sum_i S_i (x) z_i z_i',    H = (I (x) R)' G (I (x) R),    H^-1 = (I (x) T) G^-1 (I (x) T)'

z is formed in double-double and rounded once, so that G has relative errors of a few u however close to
singular X is, and G is as well conditioned as the weights of the rows allow (Demmel, Hida, Riedy & Li, ACM
TOMS 35, 2009, refine least squares to the same end).  Each evaluation costs 10 n k^2 flops more.
"""

from __future__ import annotations

import numpy as np

from sigmax.identification.parametrisation import transformed
from sigmax.identification.rank import DEPENDENT
from sigmax.kernels import Float
from sigmax.objective import Evaluation, Objective
from sigmax.solvers.factor import Factor, NotPositiveDefinite

#: shares of a bound of the Hessian to add to a singular one
DAMPING = (1e-12, 1e-9, 1e-6, 1e-3, 1.0)
#: a bound as badly conditioned as this makes Hessians that cannot be factored: whiten the rows
ILL_CONDITIONED = 1e6


class DependentColumn(ArithmeticError):
    """A column of the design is, to rounding, a combination of those before it.

    Attributes
    ----------
    index : int
        The column, counted within one logit, the intercept included.
    """

    def __init__(self, index: int) -> None:
        super().__init__(f"column {index} of the design depends on the columns before it")
        self.index = index


class IllConditioned(ArithmeticError):
    """The Hessian cannot be factored because the columns are nearly dependent."""


class Plain:
    """The Hessian as it is."""

    #: the coordinates are those of the parameters
    T: Float | None = None

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self._bound: Float | None = None

    def evaluate(self, coef: Float) -> Evaluation:
        """f, gradient and Hessian at `coef`."""
        return self.objective.evaluate(coef)

    def factor(self, at: Evaluation) -> Factor:
        """Factor of ``at.hessian``.

        Raises
        ------
        NotPositiveDefinite
            It is numerically singular.
        """
        return Factor(at.hessian)

    def damped(self, at: Evaluation) -> Factor:
        """Factor of H + mu B for a singular H, B >= H the bound of Boehning & Lindsay (1988).

        Raises
        ------
        IllConditioned
            The columns are to blame, not the weights of the rows.
        """
        if self._bound is None:
            try:
                condition = Factor(self.bound()).condition_number
            except NotPositiveDefinite:
                raise IllConditioned from None
            if condition > ILL_CONDITIONED:
                raise IllConditioned
        return _damped(at.hessian, self.bound())

    def bound(self) -> Float:
        """B; one read of X the first time."""
        if self._bound is None:
            self._bound = self.objective.curvature_bound()
        return self._bound


class Whitened:
    """The Hessian in coordinates in which the columns are orthonormal.

    Parameters
    ----------
    objective : Objective
    coef : ndarray of shape (m k,), optional
        Rows count by their curvature there; by their weights without it.

    Raises
    ------
    DependentColumn
        A column is a combination of those before it even to QR.
    """

    def __init__(self, objective: Objective, coef: Float | None = None) -> None:
        self.objective = objective
        R = objective.triangle(coef)
        length = np.sqrt((R**2).sum(axis=0))
        dependent = np.abs(R.diagonal()) <= DEPENDENT * length
        if dependent.any():
            raise DependentColumn(int(np.argmax(dependent)))
        self.T = inverse_triangle(R)
        self._zero = np.zeros(objective.n_params)

    def evaluate(self, coef: Float) -> Evaluation:
        """f and gradient at `coef` in double-double, and the whitened Hessian; two reads."""
        at = self.objective.refine(coef, self._zero)
        G = self.objective.whitened_hessian(coef, self._zero, self.T)
        return Evaluation(coef, at.nll, at.penalty, at.gradient, G, at.spread)

    def factor(self, at: Evaluation) -> WhitenedFactor:
        """Factor of the Hessian; NotPositiveDefinite where the weights of the rows make it singular."""
        return WhitenedFactor(self.T, Factor(at.hessian))

    def damped(self, at: Evaluation) -> WhitenedFactor:
        """As in :class:`Plain`."""
        return WhitenedFactor(self.T, _damped(at.hessian, self.bound()))

    def bound(self) -> Float:
        """In these coordinates B = 1/2 (I - 11'/K) (x) I."""
        m = self.objective.n_logits
        shape = (np.eye(m) - 1.0 / (m + 1)) / 2.0
        return np.asarray(np.kron(shape, np.eye(len(self.T))), np.float64)


def _damped(H: Float, bound: Float) -> Factor:
    for share in DAMPING:
        try:
            return Factor(H + share * bound)
        except NotPositiveDefinite:
            continue
    raise IllConditioned


def inverse_triangle(R: Float) -> Float:
    """R^-1 of an upper triangle, its columns scaled by powers of two first; exactly triangular."""
    from scipy.linalg import solve_triangular

    scale = np.ldexp(1.0, np.frexp(np.abs(R).max(axis=0))[1])
    T: Float = np.triu(solve_triangular(R / scale, np.eye(len(R)))) / scale[:, None]
    return T


class WhitenedFactor:
    """H^-1 = (I (x) T) G^-1 (I (x) T)', from a factor of G.

    Parameters
    ----------
    T : ndarray of shape (k, k)
    G : Factor
        Of order m k.
    """

    __slots__ = ("_G", "_T", "_inverse")

    def __init__(self, T: Float, G: Factor) -> None:
        self._T, self._G = T, G
        self._inverse: Float | None = None

    def solve(self, v: Float) -> Float:
        """H^-1 v."""
        k = len(self._T)
        inner = self._G.solve((v.reshape(-1, k) @ self._T).ravel())
        solved: Float = (inner.reshape(-1, k) @ self._T.T).ravel()
        return solved

    def inverse(self) -> Float:
        """H^-1, exactly symmetric."""
        if self._inverse is None:
            self._inverse = transformed(self._T, self._G.inverse())
        return self._inverse

    def half(self, Z: Float) -> Float:
        """V with V'V = Z'H^-1 Z, shape of Z, (m k, columns)."""
        k = len(self._T)
        inner = self._T.T @ Z.reshape(-1, k, Z.shape[1])
        return self._G.half(inner.reshape(Z.shape))

    def roots(self) -> tuple[Float, Float]:
        """See :class:`sigmax.solvers.solution.Metric`."""
        return self._T, self._G.root()

    @property
    def condition_number(self) -> float:
        """sqrt(||C||_1 ||C^-1||_1) as in :class:`Factor`; C = U'U with U = U_G (I (x) R), columns scaled."""
        k = len(self._T)
        U = (self._G.triangle().reshape(-1, k) @ inverse_triangle(self._T)).reshape(len(self._G.scale), -1)
        length = np.sqrt((U**2).sum(axis=0))
        U /= length
        inverse = np.abs(self.inverse()) * length * length[:, None]
        return float(np.sqrt(np.abs(U.T @ U).sum(axis=0).max() * inverse.sum(axis=0).max()))

    @property
    def doubt(self) -> float:
        """See :class:`sigmax.solvers.solution.Metric`; of G, whose errors are those of H."""
        return self._G.doubt
