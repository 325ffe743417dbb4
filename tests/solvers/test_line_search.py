"""The exact step along a line, on functions whose answer is known."""

import math

import pytest

from sigmax.objective import Slope
from sigmax.solvers.line_search import exact_step


class Convex:
    """A line with given change, first and second derivative; counts its calls."""

    def __init__(self, change, first, second):
        self.f, self.df, self.d2f = change, first, second
        self.calls = 0

    def at(self, t):
        self.calls += 1
        return Slope(self.f(t), self.df(t), self.d2f(t))


CASES = {
    # phi(t), phi'(t), phi''(t), minimiser, and how far from it |phi'(t)| = 0.1 |phi'(0)| is, relatively
    "quadratic": (lambda t: (t - 3) ** 2 - 9, lambda t: 2 * (t - 3), lambda t: 2.0, 3.0, 0.1),
    "far": (lambda t: (t - 1e6) ** 2 - 1e12, lambda t: 2 * (t - 1e6), lambda t: 2.0, 1e6, 0.1),
    "near": (lambda t: (t - 1e-9) ** 2 - 1e-18, lambda t: 2 * (t - 1e-9), lambda t: 2.0, 1e-9, 0.1),
    "quartic": (
        lambda t: (t - 5) ** 4 - 625,
        lambda t: 4 * (t - 5) ** 3,
        lambda t: 12 * (t - 5) ** 2,
        5.0,
        0.1 ** (1 / 3),
    ),
    "wall": (
        lambda t: math.exp(min(40 * t - 40, 700)) - t,
        lambda t: 40 * math.exp(min(40 * t - 40, 700)) - 1,
        lambda t: 1600 * math.exp(min(40 * t - 40, 700)),
        1 - math.log(40) / 40,
        0.003,
    ),
}


@pytest.mark.parametrize(("f", "df", "d2f", "minimiser", "near"), CASES.values(), ids=CASES.keys())
def test_finds_the_minimum(f, df, d2f, minimiser, near):
    line = Convex(f, df, d2f)
    t, slope = exact_step(line, df(0.0))
    assert abs(slope.first) <= 0.1 * abs(df(0.0))
    assert slope.change < 0.0
    assert t == pytest.approx(minimiser, rel=near * 1.001)
    assert line.calls <= 20


def test_kinked_slope_needs_bisection():
    # phi' jumps from -1 to +1 at 0.3: Newton's method on it has nothing to go by
    line = Convex(lambda t: abs(t - 0.3) - 0.3, lambda t: -1.0 if t < 0.3 else 1.0, lambda t: 0.0)
    t, slope = exact_step(line, -1.0)
    assert t == pytest.approx(0.3, abs=1e-9)
    assert slope.change == pytest.approx(-0.3, abs=1e-9)


def test_falls_for_ever():
    line = Convex(lambda t: -t, lambda t: -1.0, lambda t: 0.0)
    t, slope = exact_step(line, -1.0)
    assert t >= 2.0**60
    assert slope.change == -t


def test_overflow_counts_as_too_far():
    def nan_beyond(f):
        return lambda t: f(t) if t < 0.5 else math.nan

    line = Convex(
        nan_beyond(lambda t: t * t - 0.4 * t), nan_beyond(lambda t: 2 * t - 0.4), nan_beyond(lambda t: 2.0)
    )
    t, slope = exact_step(line, -0.4)
    assert t == pytest.approx(0.2, abs=0.02 + 1e-15)  # where |phi'| = 0.1 |phi'(0)|
    assert slope.change < 0.0


def test_nothing_to_gain():
    # rounding says phi'(0) < 0, but every step rises
    line = Convex(lambda t: t, lambda t: 1.0, lambda t: 0.0)
    assert exact_step(line, -1e-30)[0] == 0.0
