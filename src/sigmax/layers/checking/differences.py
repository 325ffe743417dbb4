"""Derivatives by differences, with an error of their own, held against the values that a rule gives.

Every entry x has a function of it, a vector of outputs a(x), and J(x) = sum_l r_l a_l(x).  The difference is

    D(h) = (J(x - 2 h) - 8 J(x - h) + 8 J(x + h) - J(x + 2 h)) / (12 h)
         = (4 c(h) - c(2 h)) / 3,    c(h) = (J(x + h) - J(x - h)) / (2 h)

of fourth order.  Outputs are subtracted first, and the differences summed then, so that nothing is lost to
the size of J; h is a power of two, and what is divided by is the distance really gone.  Beside D come

    truncation   sum_l |r_l| |D_l(h) - D_l(h / 2)|      fifteen times what D(h / 2) lacks, where a is smooth
    rounding     4 sum_l |r_l| noise_l / h              noise_l: how far a_l may lie from what it should be

A step is trusted where truncation is small and the slopes of both sides agree: near a kink they do not.
Steps shrink by 8 until an entry agrees with the rule.  The best trusted difference stands; one of a smaller
step replaces it only where it contradicts it.  So a small step, whose rounding is large, excuses nothing.

Where no step is small enough, x may lie on a kink, and a rule may give the slope of either side, or one
between.  Another value is no error where several kinks meet, and is left open.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from sigmax.kernels import Float

#: which entries -> their outputs, shape (entries, outputs), at so many steps from x, and the distances to x
Shifted: TypeAlias = Callable[[float, npt.NDArray[np.intp]], tuple[Float, Float]]

EPS = float(np.finfo(np.float64).eps)

#: the first step is about eps^(1/5) for entries up to 1
FIRST = 2.0**-10
#: it is divided by 8 so often
LEVELS = 8
#: the last step over the first: 5e-7
LAST = 8.0 ** (1 - LEVELS)

#: slopes of both sides that differ by more than this share have a kink between them
_KINK = 1e-3
#: as `_KINK`, at the smallest steps, where a smooth function is straight
_SMALL_KINK = 1e-6
#: roundings of the rule itself, in units of eps sum_l |r_l da_l/dx|
_OWN_ROUNDINGS = 64.0
#: slopes to one side carry up to ten roundings over h
_SIDE_ROUNDINGS = 16.0


def first_steps(x: Float) -> Float:
    """2^-10 max(1, |x|), down to a power of two: x + h is then exact, unless it crosses one."""
    _, exponent = np.frexp(np.maximum(1.0, np.abs(x)))
    return np.asarray(np.ldexp(FIRST, exponent - 1), dtype=np.float64)


@dataclass(frozen=True)
class Judgement:
    """Entries of a rule against differences; arrays of shape (entries,).

    Attributes
    ----------
    difference : ndarray
        The difference that stands.
    error : ndarray
        |rule - difference|; on a kink the distance to the slopes of both sides.  Where no step can be
        trusted, at least the error of the difference.
    tolerance : ndarray
        The relative part and the error of the difference; an entry agrees where error <= tolerance.
    settled : ndarray of bool
        Whether a step could be trusted, or the entry lies on a kink.
    kink : ndarray of bool
        Whether the entry lies on a kink.
    open : ndarray of bool
        Whether it does, and the rule gives something else than a slope of its sides, or one between.
    """

    difference: Float
    error: Float
    tolerance: Float
    settled: npt.NDArray[np.bool_]
    kink: npt.NDArray[np.bool_]
    open: npt.NDArray[np.bool_]

    def __getitem__(self, some: slice | npt.NDArray[np.bool_]) -> Judgement:
        return Judgement(**{name: value[some] for name, value in vars(self).items()})


def joined(parts: list[Judgement]) -> Judgement:
    """Judgements one after the other."""
    return Judgement(
        **{name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])}
    )


@dataclass(frozen=True)
class _Slopes:
    """What one level of steps says: of J, and of each output."""

    value: Float
    truncation: Float
    rounding: Float
    #: sum_l |r_l| |difference of the slopes of both sides|, where a kink is seen; else 0
    apart: Float
    left: Float
    right: Float
    #: rounding of one side
    slack: Float

    @property
    def kinked(self) -> npt.NDArray[np.bool_]:
        return self.apart > 0.0


def judge(
    shifted: Shifted, rule: Float, weight: Float, base: Float, noise: Float, steps: Float, tol: float
) -> Judgement:
    """Hold the values of a rule against differences.

    Parameters
    ----------
    shifted : callable
        ``shifted(f, which)``: outputs with each of the entries `which` moved by f times its step, and the
        distances really gone.
    rule : ndarray of shape (entries,)
    weight : ndarray of shape (entries, outputs)
        r; broadcast.
    base, noise : ndarray of shape (entries, outputs)
        Outputs at x, and how far they may lie from what they should be; broadcast.
    steps : ndarray of shape (entries,)
        First steps.
    tol : float
        Relative part of the tolerance.
    """
    count = len(rule)
    difference, bar = np.full(count, np.nan), np.full(count, np.inf)
    settled, kink = np.zeros(count, bool), np.zeros(count, bool)
    # where nothing can be trusted: the difference with the smallest error
    doubtful, doubt = np.full(count, np.nan), np.full(count, np.inf)
    active = np.arange(count)
    before: _Slopes | None = None
    for level in range(LEVELS):
        parts = [_rows(one, active) for one in (weight, base, noise)]
        now = _slopes(shifted, 8.0**-level, active, steps[active], *parts)
        given = rule[active]
        scale = tol * np.maximum(np.abs(now.value), np.abs(given))
        mine = now.truncation + now.rounding
        trusted = np.isfinite(now.value) & (now.truncation <= scale + now.rounding) & ~now.kinked
        contradicts = np.abs(now.value - difference[active]) > mine + bar[active]
        stands = trusted & (~settled[active] | contradicts | (mine < bar[active]))
        at = active[stands]
        difference[at], bar[at], settled[at] = now.value[stands], mine[stands], True
        less = mine + now.apart < doubt[active]
        doubtful[active[less]], doubt[active[less]] = now.value[less], (mine + now.apart)[less]
        standing = difference[active]
        allowed = tol * np.maximum(np.abs(standing), np.abs(given)) + bar[active]
        agrees = settled[active] & (np.abs(given - standing) <= allowed)
        if level == LEVELS - 1 or agrees.all():
            break
        before, active = _of(now, ~agrees), active[~agrees]
    error = np.abs(rule - difference)
    tolerance = tol * np.maximum(np.abs(rule), np.abs(difference)) + bar
    rest = ~settled[active]
    if before is not None and rest.any():
        here, given = active[rest], rule[active[rest]]
        low, high = _between(_of(before, rest), _of(now, rest), _rows(weight, here))
        seen = now.kinked[rest] | before.kinked[rest]
        kink[here] = found = seen & np.isfinite(low) & np.isfinite(high)
        outside = np.maximum(np.maximum(low - given, given - high), 0.0)
        difference[here] = np.where(found, np.clip(given, low, high), doubtful[here])
        unknown = np.maximum(np.abs(given - doubtful[here]), doubt[here])
        error[here] = np.where(found, outside, unknown)
        sides = np.maximum(np.abs(low), np.abs(high))
        roundings = np.where(found, 2.0 * now.rounding[rest], 0.0)
        tolerance[here] = tol * np.where(found, sides, np.abs(given)) + roundings
    return Judgement(difference, error, tolerance, settled | kink, kink, kink & ~(error <= tolerance))


def kinks(shifted: Shifted, base: Float, noise: Float, steps: Float) -> npt.NDArray[np.bool_]:
    """Which outputs, one for each entry, have a kink within about the last step."""
    f = 4.0 * LAST
    up, above = shifted(f, np.arange(len(base)))
    down, below = shifted(-f, np.arange(len(base)))
    right, left = (up - base) / above[:, None], (down - base) / below[:, None]
    larger = np.maximum(np.abs(right), np.abs(left))
    slack = _SIDE_ROUNDINGS * noise / (f * steps)[:, None]
    return np.asarray((np.abs(right - left) > _SMALL_KINK * larger + slack).any(axis=1))


def _slopes(
    shifted: Shifted,
    f: float,
    which: npt.NDArray[np.intp],
    steps: Float,
    weight: Float,
    base: Float,
    noise: Float,
) -> _Slopes:
    """Differences at f times the steps."""
    middle, right, left = [], [], []
    for g in (2.0 * f, f, 0.5 * f):
        up, above = shifted(g, which)
        down, below = shifted(-g, which)
        middle.append((up - down) / (above - below)[:, None])
        right.append((up - base) / above[:, None])
        left.append((down - base) / below[:, None])
    coarse = (4.0 * middle[1] - middle[0]) / 3.0
    fine = (4.0 * middle[2] - middle[1]) / 3.0
    # of second order, as 2 s(h / 2) - s(h) is
    right_slope, left_slope = 2.0 * right[2] - right[1], 2.0 * left[2] - left[1]
    h = (0.5 * f * steps)[:, None]
    absolute = np.abs(weight)
    slack = np.broadcast_to(_SIDE_ROUNDINGS * noise / h, fine.shape)
    apart = np.abs(right_slope - left_slope)
    larger = np.maximum(np.abs(right_slope), np.abs(left_slope))
    # of the rule itself, whose terms may cancel
    own = _OWN_ROUNDINGS * EPS * (absolute * np.abs(fine)).sum(axis=1)
    return _Slopes(
        value=_sums(weight * fine),
        truncation=(absolute * np.abs(fine - coarse)).sum(axis=1),
        rounding=4.0 * (absolute * noise / h).sum(axis=1) + own,
        apart=(absolute * np.where(apart > _KINK * larger + slack, apart, 0.0)).sum(axis=1),
        left=left_slope,
        right=right_slope,
        slack=slack,
    )


def _between(before: _Slopes, now: _Slopes, weight: Float) -> tuple[Float, Float]:
    """The least and the largest J' of an entry on a kink, from the slopes of both sides of each output.

    A slope that still changes with the step is none: beyond a jump it grows, and with another kink
    inside the step it is a mixture.  There the other side alone counts; where neither is a slope, nan.
    """
    sides = []
    for old, new in ((before.left, now.left), (before.right, now.right)):
        steady = np.abs(new - old) <= _KINK * np.maximum(np.abs(new), np.abs(old)) + now.slack
        sides.append(np.where(steady, new, np.nan))
    left, right = weight * sides[0], weight * sides[1]
    return np.fmin(left, right).sum(axis=1), np.fmax(left, right).sum(axis=1)


def _rows(array: Float, which: npt.NDArray[np.intp]) -> Float:
    """The rows of some entries; of an array with one row for all, that."""
    return array if len(array) == 1 else array[which]


def _of(slopes: _Slopes, which: npt.NDArray[np.bool_]) -> _Slopes:
    return _Slopes(**{name: value[which] for name, value in vars(slopes).items()})


def _sums(terms: Float) -> Float:
    """The sum of each row, rounded once; nan where a term is not finite."""
    whole: list[bool] = np.asarray(np.isfinite(terms).all(axis=1)).tolist()
    return np.array(
        [math.fsum(row) if one else math.nan for row, one in zip(terms.tolist(), whole, strict=True)]
    )
