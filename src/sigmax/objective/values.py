"""What one evaluation of the objective returns."""

from __future__ import annotations

from dataclasses import dataclass

from sigmax.kernels import Float


@dataclass(slots=True)
class FirstOrder:
    """f and its gradient at `coef`.

    Attributes
    ----------
    coef : ndarray of shape (m * k,)
    nll : float
        Negative log-likelihood, summed over rows, in nats; rounded once.
    penalty : float
        What is added to it.
    gradient : ndarray of shape (m * k,)
        Of both.
    """

    coef: Float
    nll: float
    penalty: float
    gradient: Float

    @property
    def value(self) -> float:
        """f = nll + penalty."""
        return self.nll + self.penalty


@dataclass(slots=True)
class Evaluation(FirstOrder):
    """f, its gradient and its Hessian at `coef`.

    Attributes
    ----------
    coef, nll, penalty, gradient
        As in :class:`FirstOrder`.
    hessian : ndarray of shape (m * k, m * k)
    spread : float or None
        As in :class:`Refined` where the gradient was summed in double-double.
    """

    hessian: Float
    spread: float | None = None


@dataclass(slots=True)
class Refined(FirstOrder):
    """f and its gradient at `coef` + `low`, logits and sums over rows in double-double.

    Attributes
    ----------
    coef, nll, penalty, gradient
        As in :class:`FirstOrder`; the gradient is rounded once.
    low : ndarray of shape (m * k,)
        The part of the coefficients below the last place of `coef`.
    spread : float
        Relative errors of the rows' residuals of up to c move the gradient by up to c sqrt(spread), in the
        norm of the inverse of the Hessian (of the negative log-likelihood, and so of f too).
    """

    low: Float
    spread: float


@dataclass(frozen=True, slots=True)
class Slope:
    """f along a line, relative to its start.

    Attributes
    ----------
    change : float
        f(b + t d) - f(b), free of cancellation.
    first, second : float
        Derivatives in t.
    """

    change: float
    first: float
    second: float
