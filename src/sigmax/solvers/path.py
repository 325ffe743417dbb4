"""A grid of penalties on many folds: one Hessian of all rows serves every fold, and every penalty near it.

Fold f leaves out part f of the rows.  At any point a the sums over its rows are those over the other parts,

    g_f(a) = sum_(q != f) g^q(a),    H_f(a) = sum_(q != f) H^q(a)                  of the NLL, no penalty

so one read of all rows gives all folds their gradient and their Hessian at a, formed by sums of the parts
before f and after it: nothing is subtracted.  From the strongest penalty to the weakest:

1. Anchors (`anchors`).  At l2 the optimum of all rows is predicted from the last anchor by Newton's step with
   the new penalty.  Where that is farther away than folds are from each other, the rows are read there.
2. Fits (`Member.fit`).  A fold's start is Newton's step from the anchor, M = H_f(a) + l2 P,

       b = a - M^-1 (g_f(a) + l2 P a) + e

   with e what that left at the last penalties, as a line in l2: they share the anchor, and e its cause, the
   third derivative.  Then gradients, M corrected by BFGS.  Where the anchor is to serve many more penalties,
   one Hessian of the fold's own rows at its own optimum makes each of them a single gradient.

How far a fit can be from its optimum is proved as everywhere.  Between a and the end no logit moves by more
than D, e^-D H <= H(.) <= e^D H, and after a step d from b

    ||g(b + d)||_(M^-1) <= ||g(b) + M d||_(M^-1) + (e^D - 1) ||d||_M.

Reads at 45,000 x 50, 20 penalties from 1e4 to 1e-4: 12 anchors, each a tenth of a read with a Hessian for a
fold; 1.9 gradients a fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sigmax.kernels import Float
from sigmax.objective import Evaluation, FirstOrder, Objective
from sigmax.objective.penalty import Penalty
from sigmax.solvers.factor import Factor, NotPositiveDefinite
from sigmax.solvers.plan import Costs
from sigmax.solvers.quasi_newton import QuasiNewton
from sigmax.solvers.solution import Solution, Stop

#: an anchor serves while Newton's step from it is shorter than this times sqrt(P): about as far as the
#: optima of folds are from that of all rows
_NEAR = 1.0 / 3.0
#: steps of all rows at most, between two penalties
_MOST_STEPS = 12
#: what a step along the path may leave of the slope
_FLAT_ENOUGH = 0.5
#: a decrement that has not fallen to this part of the one before has met rounding, or is not on its way
_SHRINKS = 0.5
#: a decrement that does not fall any more is rounding below this, and a failure above
_TINY = 1e-6
#: what is proved may be this much above `tol` where the rate of the steps so far says that they reach it
_SLACK = 100.0
#: gradients of one fit at most
_MOST_GRADIENTS = 12
#: a first gradient has no rate of its own: that of other fits from the same anchor, times this
_CAUTION = 4.0
#: beyond this drift a Hessian of the fold's own proves more than further gradients
_FAR = 6.0
#: parameters and gradients' worth up to which Hessians along the path pay
_MOST_PARAMETERS, _DEAREST_HESSIAN = 400, 40.0


@dataclass(frozen=True, slots=True)
class Anchor:
    """Gradient and Hessian of a negative log-likelihood at a point, without any penalty.

    Attributes
    ----------
    coef, gradient : ndarray of shape (P,)
    hessian : ndarray of shape (P, P)
    nll : float
    """

    coef: Float
    gradient: Float
    hessian: Float
    nll: float

    def factor(self, penalty: Penalty | None) -> Factor:
        """Of M; NotPositiveDefinite where it is numerically singular."""
        return Factor(self.penalised(penalty))

    def penalised(self, penalty: Penalty | None) -> Float:
        """M = H + l2 P."""
        if penalty is None:
            return self.hessian
        hessian = self.hessian.copy()
        penalty.add_to(hessian)
        return hessian

    def slope(self, penalty: Penalty | None) -> Float:
        """g + l2 P a."""
        return self.gradient if penalty is None else self.gradient + penalty.gradient(self.coef)


@dataclass(frozen=True, slots=True)
class Shared:
    """An anchor of all rows, and of the rows of each fold.

    Attributes
    ----------
    whole : Anchor
    members : list of Anchor
    """

    whole: Anchor
    members: list[Anchor]


def pays(objective: Objective) -> bool:
    """Whether this way suits an objective; depends on its shape alone."""
    costs = Costs.of(objective)
    P = objective.n_params
    return P <= _MOST_PARAMETERS and costs.hessian + costs.factor <= _DEAREST_HESSIAN * costs.gradient


def without_each(parts: Sequence[Float]) -> list[Float]:
    """Sums of all parts but one, for each of them; of one part alone, that part."""
    if len(parts) == 1:
        return [parts[0]]
    after = [parts[-1]]
    for part in reversed(parts[1:-1]):
        after.append(after[-1] + part)
    after.reverse()
    found, before = [after[0]], parts[0]
    for i in range(1, len(parts) - 1):
        found.append(before + after[i])
        before = before + parts[i]
    return [*found, before]


def shared(at: Sequence[Evaluation]) -> Shared:
    """The anchor of all rows and of each fold, from evaluations of the parts at one point."""
    coef = at[0].coef
    gradients, hessians = [e.gradient for e in at], [e.hessian for e in at]
    values = [np.asarray(e.nll) for e in at]
    members = [
        Anchor(coef, g, H, float(f))
        for g, H, f in zip(
            without_each(gradients), without_each(hessians), without_each(values), strict=True
        )
    ]
    if len(at) == 1:
        return Shared(members[0], members)
    last = members[-1]
    total = Anchor(coef, last.gradient + gradients[-1], last.hessian + hessians[-1], last.nll + at[-1].nll)
    return Shared(total, members)


def anchors(
    read: Callable[[Float], Shared],
    penalties: Sequence[Penalty | None],
    start: Float,
) -> list[Shared] | None:
    """An anchor for each penalty, many for several; None where the steps from one to the next fail.

    Parameters
    ----------
    read : callable
        The anchor at a point: one read of all rows.
    penalties : sequence of Penalty or None
        From the strongest to the weakest.
    start : ndarray of shape (P,)
    """
    found: list[Shared] = []
    at = read(start)
    near = _NEAR * math.sqrt(len(start))
    for penalty in penalties:
        for _ in range(_MOST_STEPS):
            slope = at.whole.slope(penalty)
            try:
                step = -at.whole.factor(penalty).solve(slope)
            except NotPositiveDefinite:
                return None
            fall = -float(slope @ step)
            if not math.isfinite(fall):
                return None
            if math.sqrt(max(fall, 0.0)) <= near:
                break
            trial = read(at.whole.coef + step)
            left = abs(float(trial.whole.slope(penalty) @ step))
            if not left <= _FLAT_ENOUGH * fall:
                return None
            at = trial
        else:
            return None
        found.append(at)
    return found


class Member:
    """The fits of one fold, from the strongest penalty to the weakest.

    Parameters
    ----------
    anchors : sequence of Anchor
        One for each penalty, the same object where it serves several.
    tol : float
        Decrement to reach, in standard errors.
    """

    __slots__ = ("_anchors", "_left", "_own", "_rate", "_served", "_tol")

    def __init__(self, anchors: Sequence[Anchor], tol: float) -> None:
        self._anchors, self._tol = anchors, tol
        self._own: Anchor | None = None
        self._served: Anchor | None = None
        #: (l2, e) of the fits from the anchor in use, and what their steps have left of a decrement
        self._left: list[tuple[float, Float]] = []
        self._rate = 1.0

    def fit(self, objective: Objective, i: int) -> Solution | None:
        """The fit with penalty i, which `objective` has; None where it takes the general solver.

        A Solution's ``iterations`` are its gradients.
        """
        anchor = self._own if self._own is not None else self._anchors[i]
        if anchor is not self._served:
            self._use(anchor)
        stays = all(later is self._anchors[i] for later in self._anchors[i:])
        costs = Costs.of(objective)
        rest = len(self._anchors) - i - 1
        moves = self._own is None and stays and rest * costs.gradient > costs.hessian - costs.gradient
        try:
            return self._fit(objective, anchor, moves)
        except NotPositiveDefinite:
            return None

    def _use(self, anchor: Anchor) -> None:
        self._served, self._left, self._rate = anchor, [], 1.0

    def _guess(self, l2: float) -> Float | None:
        """e at l2: the line through the last two."""
        if not self._left:
            return None
        if len(self._left) == 1:
            return self._left[0][1]
        (x0, e0), (x1, e1) = self._left[-2:]
        line: Float = e1 + (e1 - e0) * ((l2 - x1) / (x1 - x0))
        return line

    def _fit(self, objective: Objective, anchor: Anchor, moves: bool) -> Solution | None:
        penalty = objective.penalty
        l2 = 0.0 if penalty is None else penalty.l2
        factor, before = anchor.factor(penalty), anchor.slope(penalty)
        newton = -factor.solve(before)
        previous = math.sqrt(max(-float(before @ newton), 0.0))
        base = anchor.coef + newton
        guess = self._guess(l2)
        coef = base if guess is None else base + guess
        metric, at_before = QuasiNewton(factor), anchor.coef
        first = True
        for gradients in range(1, _MOST_GRADIENTS + 1):
            own = moves and (first or objective.reach(coef - anchor.coef) > _FAR)
            at: FirstOrder = objective.evaluate(coef) if own else objective.gradient(coef)
            if own:
                # one Hessian of the fold's own: its anchor from here on
                assert isinstance(at, Evaluation)
                anchor = self._own = _anchor(at, penalty)
                self._use(anchor)
                factor, moves = anchor.factor(penalty), False
                metric, base, guess = QuasiNewton(factor), coef - factor.solve(at.gradient), None
            elif (coef != at_before).any():
                metric.update(coef - at_before, at.gradient - before)
            plain = factor.solve(at.gradient)
            nu = math.sqrt(max(float(at.gradient @ plain), 0.0))
            if not math.isfinite(nu):
                return None
            step = -metric.solve(at.gradient)
            drift = objective.reach(coef + step - anchor.coef)
            left = _left(anchor, penalty, factor, at, step, drift)
            if own:
                rate = math.expm1(min(drift, 1.0))
            else:
                rate = min(self._rate * _CAUTION, 1.0) if first else nu / previous
            reached = rate * nu <= self._tol and left <= _SLACK * self._tol
            stuck = not first and not own and nu > _SHRINKS * previous
            if reached or (stuck and max(nu, previous) <= _TINY) or nu == 0.0:
                stop = Stop.TOLERANCE if reached else Stop.ROUNDING
                end = coef + step
                self._left.append((l2, end - base))
                zero = np.zeros_like(coef)
                anchored = Evaluation(anchor.coef, anchor.nll, 0.0, anchor.gradient, factor_of := anchor.penalised(penalty))
                return Solution(end, zero, at, factor, anchored, drift, left, gradients, stop)
            if stuck or (first and guess is None and not own and nu > _SHRINKS * previous):
                return None
            if not first and not own:
                self._rate = nu / previous
            at_before, before, previous = coef, at.gradient, nu
            coef = coef + step
            first = False
            moves = moves or (self._own is None and drift > _FAR)
        return None


def _anchor(at: Evaluation, penalty: Penalty | None) -> Anchor:
    """The anchor of an evaluation with its penalty taken off again."""
    raise NotImplementedError


def _left(
    anchor: Anchor, penalty: Penalty | None, factor: Factor, at: FirstOrder, step: Float, drift: float
) -> float:
    """Bound of the decrement after `step`: ||g + M d|| + (e^D - 1) ||d||."""
    raise NotImplementedError
