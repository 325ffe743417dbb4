"""Where rounding ends a descent.

Values of a cost near its minimum differ by less than their rounding errors long before the gradient is
at its own, because f(t) - f* ~ |f'(t)|^2.  So two values within `SAME` of each other are not compared, and
gradients decide.  The rounding error of a gradient is measured, not guessed: theta is moved in its last
bits, and what the gradient then changes by is what rounding can do to it (More & Wild, SIAM J. Sci. Comput.
33, 2011, estimate computational noise in this way).  That counts the conditioning of the cost too: no
float64 theta has a smaller gradient than about |H| |theta| 2^-53.
"""

from __future__ import annotations

import numpy as np

from sigmax.kernels import Float
from sigmax.layers.training.cost import Cost, Outcome, Watcher, largest

#: values of a cost that differ by less than this part of them count as equal
SAME = 1e-12
_PROBES = 3
#: a gradient of up to this many times what the probes see is rounding
_TRUSTED = 8.0
#: a run whose value has risen since it was lowest ends when it is asked so many times
_ASKED = 3


def gradient_noise(cost: Cost, theta: Float, g: Float) -> float:
    """How far max |g_i| is in doubt by rounding: the largest change of g = dJ/dtheta over three probes.

    A probe is theta (1 + 2^-52 s) with signs s drawn from a fixed seed; each costs one evaluation.
    """
    rng = np.random.default_rng(0)
    noise = 0.0
    for _ in range(_PROBES):
        signs = rng.choice((-1.0, 1.0), theta.shape)
        _, moved = cost.evaluate(theta * (1.0 + 2.0**-52 * signs))
        change = largest(moved - g)
        noise = max(noise, change) if np.isfinite(change) else noise
    return noise


class Floor:
    """The point with the smallest gradient so far, and whether the gradient may fall any further.

    Parameters
    ----------
    cost : Cost
    patience : int
        Iterations in which neither the value falls by more than rounding nor max |g_i| by half, after
        which it is asked whether the gradient is rounding.  Where it is not, the patience doubles.
    """

    __slots__ = ("_anchor", "_asked", "_best", "_cost", "_patience", "_value", "_waited")

    def __init__(self, cost: Cost, patience: int) -> None:
        self._cost = cost
        self._patience = patience
        self._waited = self._asked = 0
        self._value = np.inf
        #: the norm that has to be halved
        self._anchor = np.inf
        self._best: tuple[Float, float, Float, float] | None = None

    def reached(self, theta: Float, value: float, g: Float, norm: float) -> bool:
        """Take note of an iteration; True where the run should end."""
        falls = value < self._value - SAME * abs(value)
        if falls:
            self._value = value
        # while values tell, the last point is the best
        equal = value <= self._value + SAME * abs(value)
        if self._best is None or falls or (equal and norm < self._best[3]):
            self._best = theta, value, g, norm
        if falls or norm <= 0.5 * self._anchor:
            self._anchor = norm
            self._waited = 0
            return False
        self._waited += 1
        if self._waited < self._patience << self._asked:
            return False
        self._waited = 0
        self._asked += 1
        # steps within rounding that add up to a rise: the gradient is not that of the cost
        return (self._asked >= _ASKED and not equal) or self._is_rounding()

    def _is_rounding(self) -> bool:
        assert self._best is not None
        theta, _, g, norm = self._best
        return norm <= _TRUSTED * gradient_noise(self._cost, theta, g)

    def end(self, watcher: Watcher) -> Outcome:
        """The outcome of a run that gets no further: converged only where the gradient is rounding."""
        assert self._best is not None
        converged = self._is_rounding()
        theta, value, _, norm = self._best
        if converged:
            reason = f"max |dJ/dtheta| = {norm:.2g} is at rounding level and falls no further"
        else:
            reason = (
                f"no step lowers the cost any further, but max |dJ/dtheta| = {norm:.2g} is above rounding "
                "level; check that the gradient is that of the cost (check_gradients), or raise tol"
            )
        return watcher.outcome(theta, value, norm, reason, converged=converged)
