"""The exact step along a direction of descent: a safeguarded root of phi'(t) = 0.

phi(t) = f(b + t d) is convex, so phi' rises and a bracket [low, high] with phi'(low) < 0 < phi'(high)
can only shrink: Newton's method on phi', kept inside the bracket, cannot fail.  Each trial costs O(n m)
and no read of the data.  What is compared are derivatives and the cancellation-free change of f
(:meth:`sigmax.objective.Line.at`), never the difference of two values of f, which is noise once the
step gains less than sqrt(2^-53) of f.
"""

from __future__ import annotations

from sigmax.objective import Line, Slope

#: stop where |phi'(t)| has fallen below this part of |phi'(0)|
_FLAT = 0.1
_MAX_TRIALS = 200
#: where phi still falls at this step, its infimum is taken to lie at infinity
_FARTHEST = 2.0**60


def exact_step(line: Line, slope_at_zero: float, first_trial: float = 1.0) -> tuple[float, Slope]:
    """The step t > 0 at which f is nearly smallest along `line`, and f there.

    Parameters
    ----------
    line : Line
    slope_at_zero : float
        phi'(0) < 0.
    first_trial : float
        The t > 0 to try first.

    Returns
    -------
    t : float
        |phi'(t)| <= 0.1 |phi'(0)| and f has not risen; the largest step tried where f falls for ever;
        0 where rounding leaves nothing to gain.
    slope : Slope
        Change of f and its derivatives at t.
    """
    low, high = 0.0, float("inf")
    best, at_best = 0.0, Slope(0.0, slope_at_zero, 0.0)
    t = first_trial
    for _ in range(_MAX_TRIALS):
        at = line.at(t)
        if at.change <= at_best.change:
            best, at_best = t, at
            if abs(at.first) <= _FLAT * abs(slope_at_zero):
                break
        if at.first < 0.0:
            low = t
        elif at.first > 0.0:
            high = t
        else:  # flat, or logits beyond the range of float64
            if at.first == 0.0:
                break
            high = t
        bracketed = high < float("inf")
        if low >= _FARTHEST or (bracketed and high - low <= 2.0**-40 * high):
            break
        newton = t - at.first / at.second if at.second > 0.0 else float("inf")
        if not bracketed:
            t = min(max(newton, 2.0 * low), 64.0 * low)
        else:
            middle = 0.5 * (low + high)
            t = newton if low < newton < high and newton != t else middle
            # Newton from far out may creep along one end: every trial must cut the bracket
            t = min(max(t, low + 0.01 * (high - low)), high - 0.01 * (high - low))
    return best, at_best
