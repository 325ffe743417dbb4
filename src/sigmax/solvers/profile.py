"""Profile of the likelihood, penalised or not: where a linear function a'b of the coefficients may lie.

    F(v) = min { f(b) : a'b = v },    D(v) = 2 (F(v) - inf F)       the deviance
    interval: where D(v) = chi^2_level, on either side of the estimate

D is convex, dF/dv is the multiplier of the constraint, and the signed root of D is nearly linear, so that
Newton's method on the root, inside a bracket, takes about four points.  No point is a constrained fit of its
own: as Venzon & Moolgavkar (Appl. Stat. 37, 1988) do, a step moves v and b together,

    b + d + T (v' - v)          d: Newton's step at v;  T: how the optimum moves with v  (constrained.py)

for one read of the data each; only where d is long, b is first brought near the curve, v held.  The end is
verified by a read in double-double at the point that is returned, b' = b + d + T (v' - v): with s = b' - b,
||s||^2 = nu^2 + K (v' - v)^2 and D = reach(s) the gradient there is at most

    nu' <= e^(D/2) [(e^D - 1 + doubt) ||s|| + rounding]

so that f(b') - F(v') is bounded, and f(b') - f(estimate) is summed from the changes of the rows
(objective/change.py): what is returned has |D(v') - chi^2| proved below 1e-9.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np

from sigmax.exceptions import ConvergenceWarning
from sigmax.identification.parametrisation import functions
from sigmax.kernels import Float
from sigmax.objective import Change, Objective
from sigmax.solvers.constrained import Constrained, Look, gap, look, minimise, onto, proved
from sigmax.solvers.curvature import DependentColumn, IllConditioned, Plain, Whitened
from sigmax.solvers.factor import NotPositiveDefinite

#: an end is returned where |D - wanted| is proved to be at most this
PROVED = 1e-9
#: and where it is measured to be at most this: 1e-10 of a standard error at 95 %
_MET = 2e-10
#: what is left of the way, in standard errors, from which on the end is verified
_NEARLY = 1e-5
#: Newton's step within the constraint, in standard errors, and what it may move logits by: beyond, v is held
_LONG, _FAR = 0.7, 3.0
#: decrement to which b is then brought near the curve, in standard errors
_NEAR_CURVE = 0.1
_TRIALS, _CORRECTIONS, _HOPELESS = 60, 4, 4
#: a rounding of the deviance with which it is not worth while to look for a smaller one
_FINE = 1e-10
#: roundings in the nll of a row whose logits are in double-double
_ROW_ROUNDINGS = 16.0
_WHERE = "a profile of the likelihood"


@dataclass(slots=True)
class Top:
    """What deviances are measured from.

    Attributes
    ----------
    objective : Objective
    value : float
        inf F, in units of the objective, known within `slack`.
    slack : float
    change : Change or None
        Changes of f from the optimum; None where it is at infinity.
    curvature : Plain or Whitened
    at : Constrained or None
        The optimum.
    refined : float or None
        Its value by itself, logits in double-double; None where that is not known yet.
    """

    objective: Objective
    value: float
    slack: float
    change: Change | None
    curvature: Plain | Whitened
    at: Constrained | None
    refined: float | None = None

    @property
    def scale(self) -> float:
        """Deviance = 2 scale (f - inf F)."""
        return 2.0 * self.objective.response.scale

    def measure(self, coef: Float) -> tuple[float, float]:
        """f(coef) - inf F, and a bound of its error; one read of X."""
        o = self.objective
        if self.change is not None:
            found, rounding = self.change.to(coef)
            if self.scale * rounding <= _FINE:
                return found, rounding + self.slack
        if self.refined is None:
            assert self.at is not None
            self.refined = o.refine(self.at.coef, np.zeros_like(coef)).value
        # where logits are large, and few rows count: those of a limiting fit against a class that is closed
        value = o.refine(coef, np.zeros_like(coef)).value
        plain = _ROW_ROUNDINGS * 2.0**-53 * (value + self.refined)
        if self.change is not None and rounding <= plain:
            return found, rounding + self.slack
        return value - self.refined, plain + self.slack


def top_of(objective: Objective, coef: Float) -> Top:
    """The optimum of an objective from its estimate; two or three reads of X."""
    nothing = np.zeros((0, objective.n_params))
    found = minimise(objective, nothing, np.zeros(0), coef, tol=1e-7)
    return Top(objective, found.value, found.gap, Change(objective, found.coef), found.curvature, found)


class Curve:
    """D(v) of one function a'b.

    Parameters
    ----------
    top : Top
    a : ndarray of shape (n,)
    rising : {-1, 0, 1}
        0: the optimum is finite, D rises on both sides.  -1, 1: it is at infinity, and D rises to that side
        alone.
    """

    def __init__(self, top: Top, a: Float, rising: int = 0) -> None:
        self.top, self.a, self.rising = top, a, rising
        self._A = np.ascontiguousarray(a[None, :])
        self._start: Look | None = None

    # -- the deviance at a point ---------------------------------------------------------------

    def deviance(self, value: float) -> tuple[float, float]:
        """D(value), and a proved bound of its error; inf where nothing is proved."""
        found = self._optimum(value, self._begin(), tol=1e-7)
        if found is None:
            return math.nan, math.inf
        change, rounding = self.top.measure(found.coef)
        # f* lies from f - gap to f, and about half a squared decrement below f
        half = 0.5 * found.newton_decrement**2
        error = rounding + max(found.gap - half, half)
        scale = self.top.scale
        return max(scale * (change - half), 0.0), scale * error

    def _begin(self) -> Float:
        at = self.top.at
        return np.zeros_like(self.a) if at is None else at.coef

    def _optimum(self, value: float, start: Float, tol: float) -> Constrained | None:
        """The constrained optimum, to a decrement of `tol` standard errors; None where it was not found."""
        unit = math.sqrt(0.5 * self.top.scale)
        try:
            found = minimise(
                self.top.objective,
                self._A,
                np.array([value]),
                start,
                tol=tol * min(1.0, 1.0 / unit),
                curvature=self.top.curvature,
            )
        except (IllConditioned, DependentColumn):
            return None
        self.top.curvature = found.curvature
        return found if found.look is not None else None

    # -- the ends ------------------------------------------------------------------------------

    def end(self, side: int, wanted: float) -> float:
        """Where D(v) = `wanted` on the side -1 or 1; +-inf where nowhere, nan where that was not proved."""
        if self.rising and side != self.rising:
            return side * math.inf
        search = _Search(self, side, wanted)
        return search.run()

    def start(self, side: int, wanted: float) -> tuple[float, Float]:
        """The first v to try, and b there."""
        at = self.top.at
        if at is None:
            return 0.0, np.zeros_like(self.a)
        if self._start is None:
            assert at.look is not None
            # in the coordinates of that Hessian, which need not be those of the last fit
            self._start = look(at.curvature, at.look.at, self._A)
        T, K = self._start.tangent.tangent[:, 0], float(self._start.tangent.stiffness[0, 0])
        move = side * math.sqrt(wanted / (0.5 * self.top.scale * K))
        return self.centre + move, at.coef + T * move

    @property
    def centre(self) -> float:
        """a'b at the estimate."""
        return float(self.a @ self._begin())


class _Search:
    """The way to one end."""

    def __init__(self, curve: Curve, side: int, wanted: float) -> None:
        self.curve, self.side, self.wanted = curve, side, wanted
        self.top, self.scale = curve.top, curve.top.scale
        self.unit = math.sqrt(0.5 * self.scale)
        infinite = self.top.at is None
        self.inside = -math.inf * side if infinite else curve.centre
        self.outside = math.inf * side
        #: verifications that failed at the end itself, for want of a proof
        self.unproved = 0

    def run(self) -> float:
        value, coef = self.curve.start(self.side, self.wanted)
        for trial in range(_TRIALS):
            found = self._near(coef, value, firmly=trial > _TRIALS // 2)
            if found is None:
                break
            # on a plateau K may round to less than nothing
            K = max(float(found.tangent.stiffness[0, 0]), 0.0)
            T = found.tangent.tangent[:, 0]
            slope = float(found.tangent.multipliers(found.at.gradient)[0])
            D = self.scale * (found.at.value - 0.5 * found.nu**2 - self.top.value)
            left = self.unit * math.hypot(found.nu, math.sqrt(K) * (self._newton(value, D, slope) - value))
            self._bracket(found, value, D, left)
            after = self._next(value, D, slope, K)
            step = found.step + T * (after - value)
            if left <= _NEARLY:
                end, after, moved = self._verified(found, value, after, found.at.coef + step)
                if end:
                    return after
                if self.unproved >= _HOPELESS:
                    break
                step = moved - found.at.coef
            value, coef = after, self._onto(found.at.coef + step, after)
        return math.nan

    def _onto(self, coef: Float, value: float) -> Float:
        return onto(self.curve._A, np.array([value]), coef)

    def _near(self, coef: Float, value: float, *, firmly: bool) -> Look | None:
        """A look from near the curve at `value`."""
        if not firmly:
            at = self.top.curvature.evaluate(coef)
            try:
                found = look(self.top.curvature, at, self.curve._A)
            except NotPositiveDefinite:
                found = None
            if (
                found is not None
                and self.unit * found.nu <= _LONG
                and self.top.objective.reach(found.step) <= _FAR
            ):
                return found
        optimum = self.curve._optimum(value, coef, tol=1e-7 if firmly else _NEAR_CURVE)
        return None if optimum is None else optimum.look

    def _bracket(self, found: Look, value: float, D: float, left: float) -> None:
        """Which side of the end `value` lies on, where that is clear."""
        if left <= 100.0 * _NEARLY:
            # what an evaluation in double precision says of D is no proof so near to the end
            return
        # f is no smaller than its minimum; the other bound is an estimate, for it is the end that is proved
        high = self.scale * (found.at.value - self.top.value)
        low = high - 2.0 * self.scale * found.nu**2
        if low > self.wanted and self.side * (value - self.outside) < 0.0:
            self.outside = value
        elif high < self.wanted and self.side * (value - self.inside) > 0.0:
            self.inside = value

    def _newton(self, value: float, D: float, slope: float) -> float:
        """Newton's point on the root of D, or on log D in a tail; nan where it has none."""
        rate = self.scale * slope
        if not (D > 0.0 and rate * self.side > 0.0):
            return math.nan
        if self.top.at is None and self.wanted > D:
            return value + math.log(self.wanted / D) * D / rate
        root = math.sqrt(D)
        return value + (math.sqrt(self.wanted) - root) * 2.0 * root / rate

    def _next(self, value: float, D: float, slope: float, K: float) -> float:
        newton = self._newton(value, D, slope)
        low, high = min(self.inside, self.outside), max(self.inside, self.outside)
        if low < newton < high:
            if self.top.at is None:
                return newton
            # not more than twice as far out at once
            most = self.curve.centre + 2.0 * (value - self.curve.centre)
            return newton if self.side * (newton - most) < 0.0 else most
        if math.isfinite(low) and math.isfinite(high):
            return 0.5 * (low + high)
        # the tail is flat here, or the root lies beyond what is known: a logit or so on, then further
        largest = float(
            np.tile(self.top.objective.largest, self.top.objective.n_logits)[self.curve.a != 0.0].max()
        )
        unit = 1.0 / (largest * float(np.abs(self.curve.a).max())) if largest > 0.0 else 1.0
        towards = -self.side if self.wanted < D else self.side
        return value + towards * max(2.0 * unit, abs(value))

    def _verified(self, found: Look, value: float, after: float, coef: Float) -> tuple[bool, float, Float]:
        """Whether v = `after` is proved to be the end; and if not, a better one and its b."""
        o, K = self.top.objective, max(float(found.tangent.stiffness[0, 0]), 0.0)
        T = found.tangent.tangent[:, 0]
        nu, R, _ = proved(o, found)
        rounding = max(nu - found.nu, 0.0)
        doubt = found.tangent.doubt * o.hessian_rounding(found.at)
        slope = float(found.tangent.multipliers(found.at.gradient)[0])
        for _ in range(_CORRECTIONS):
            coef = self._onto(coef, after)
            D = o.reach(coef - found.at.coef)
            length = math.hypot(found.nu, math.sqrt(K) * (after - value))
            grown = math.exp(min(0.5 * D, 1.0))
            here = grown * (math.expm1(min(D, 1.0)) + doubt) * length + grown * rounding
            below = gap(here, R * grown) if D <= 1.0 else math.inf
            change, error = self.top.measure(coef)
            excess = self.scale * change - self.wanted
            bound = abs(excess) + self.scale * (below + error)
            if bound <= PROVED and abs(excess) <= _MET:
                return True, after, coef
            self.unproved += abs(excess) <= _MET
            rate = self.scale * (slope + K * (after - value))
            if not rate * self.side > 0.0 or not self.scale * (below + error) <= PROVED:
                break
            better = after - excess / rate
            if better == after:
                return bound <= PROVED, after, coef
            coef, after = coef + T * (better - after), better
        return False, after, coef


class Profile:
    """Profiles of the coefficients of an objective, or of other functions of them.

    Parameters
    ----------
    objective : Objective
    coef : ndarray of shape (n,)
        Its optimum.  Nothing is read before a deviance or an interval is asked for.
    matrix : ndarray of shape (f, n), optional
        One function a'b a row; every coefficient by default.
    """

    def __init__(self, objective: Objective, coef: Float, matrix: Float | None = None) -> None:
        self._objective, self._coef, self._functions = objective, coef, matrix
        self._known: Top | None = None

    def against(self, base: int | None) -> Profile:
        """The profiles of the parameters against class `base`, or of those that sum to zero."""
        o = self._objective
        matrix = functions(o.n_logits + 1, o.design.width, base)
        other = Profile(o, self._coef, matrix)
        other._known = self._known
        return other

    @property
    def _top(self) -> Top:
        if self._known is None:
            self._known = top_of(self._objective, self._coef)
        return self._known

    def _curve(self, j: int) -> Curve:
        if self._functions is None:
            a = np.zeros(self._objective.n_params)
            a[j] = 1.0
        else:
            a = self._functions[j]
        return Curve(self._top, a)

    def deviance(self, j: int, value: float) -> float:
        """2 (l - max l with function j at `value`), at least 0; nan, with a warning, where not found."""
        return checked(*self._curve(j).deviance(value), what=f"function {j} at {value!r}")

    def interval(self, j: int, wanted: float) -> tuple[float, float]:
        """The ends where the deviance is `wanted`; nan, with a warning, where that could not be proved."""
        return ends(self._curve(j), wanted, what=f"function {j}")


def checked(deviance: float, error: float, *, what: str) -> float:
    """The deviance where its error is proved to be small; nan and a warning otherwise."""
    if error <= PROVED * max(1.0, deviance):
        return deviance
    warnings.warn(
        f"{_WHERE} could not be proved to 1e-9: the deviance of {what} is about {deviance:.6g}, off by up "
        f"to {error:.1e}",
        ConvergenceWarning,
        stacklevel=4,
    )
    return math.nan


def ends(curve: Curve, wanted: float, *, what: str) -> tuple[float, float]:
    """Both ends of an interval."""
    found = curve.end(-1, wanted), curve.end(1, wanted)
    for end, side in zip(found, ("lower", "upper"), strict=True):
        if math.isnan(end):
            warnings.warn(
                f"{_WHERE} could not be proved to 1e-9: the {side} end of {what} is nan",
                ConvergenceWarning,
                stacklevel=4,
            )
    return found
