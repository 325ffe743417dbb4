"""Rows and steps along which the change of the NLL is measured.

The change is exact in (eta, slope, step) only up to the rounding of step * slope.  Here that product, and in
`softmax_lines` the sums and differences too, are exact, so that the error is that of the operation alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Lines:
    """Single rows: eta and slope (n, m), labels and a step for each."""

    name: str
    eta: np.ndarray
    slope: np.ndarray
    y: np.ndarray
    step: np.ndarray

    def describe(self, i: int) -> str:
        eta, slope = self.eta[i].tolist(), self.slope[i].tolist()
        text = f"{self.name}[{i}], y = {self.y[i]}, step = {float(self.step[i]).hex()}"
        return text + (f", eta = {eta}, slope = {slope}" if len(eta) < 5 else "")


def margins(seed: int, n: int) -> Lines:
    """Margins of either sign and any size, slopes of +-1, steps from 1e-300 to 3000, most above 1e-18."""
    rng = np.random.default_rng([3, seed])
    eta = np.choose(
        rng.integers(0, 4, n),
        [
            rng.normal(0, 2, n),
            rng.uniform(-40, 40, n),
            np.exp2(rng.uniform(-60, 10, n)) * rng.choice([-1, 1], n),
            rng.choice([-1, 1], n) * 10.0 ** rng.integers(3, 16, n),
        ],
    )
    step = np.choose(
        rng.integers(0, 7, n),
        [
            10.0 ** rng.uniform(-18, 3, n),
            10.0 ** rng.uniform(-300, 3, n),
            np.exp2(rng.uniform(-20, 4, n)),
            rng.uniform(1, 700, n),
            rng.uniform(690, 3000, n),
            np.abs(eta) * 1e-12,
            np.abs(eta) * rng.choice([1e-9, 0.5, 1.0, 2.0], n),
        ],
    )
    slope, y = rng.choice([-1.0, 1.0], n), rng.integers(0, 2, n).astype(np.int32)
    return Lines(f"margins({seed}, {n})", eta[:, None].copy(), slope[:, None].copy(), y, step)


def any_slope(seed: int, n: int) -> Lines:
    """As `margins`, but with slopes that make step * slope round."""
    rng = np.random.default_rng([4, seed])
    lines = margins(seed, n)
    slope = lines.slope * np.exp2(rng.uniform(-10, 10, (n, 1)))
    return Lines(f"any_slope({seed}, {n})", lines.eta, slope, lines.y, lines.step)


def margins_on_a_grid(seed: int, n: int) -> Lines:
    """eta and step * slope on a grid of 2^-20, so that eta + step * slope is exact: for the derivatives."""
    rng = np.random.default_rng([5, seed])
    eta = np.round(rng.normal(0, 12, (n, 1)) * 2**20) / 2**20
    step = np.exp2(rng.integers(-4, 5, n).astype(float))
    slope = np.round(rng.normal(0, 4, (n, 1)) * 2**10) / 2**10
    y = rng.integers(0, 2, n).astype(np.int32)
    return Lines(f"margins_on_a_grid({seed}, {n})", eta, slope, y, step)


#: kinds of `softmax_lines`
KINDS = ("ordinary", "tiny", "large", "saturated", "far behind", "overtaken", "equal slopes", "risen")


def _raised(eta: np.ndarray, y: np.ndarray, lead: np.ndarray) -> np.ndarray:
    """The true class raised by `lead` over the others; class 0 is raised by lowering them."""
    eta = eta.copy()
    of_reference = y == 0
    eta[of_reference] -= lead[of_reference, None]
    rest = np.flatnonzero(~of_reference)
    eta[rest, y[rest] - 1] += lead[rest]
    return eta


def softmax_lines(kind: str, K: int, seed: int, n: int) -> Lines:
    """n rows of K classes on a grid of 2^-20: sums, differences and products with the step are exact."""
    rng = np.random.default_rng([6, KINDS.index(kind), K, seed])
    m = K - 1
    eta, slope = rng.normal(0, 2, (n, m)), rng.normal(size=(n, m))
    y = rng.integers(0, K, n).astype(np.int32)
    step = np.exp2(rng.integers(-3, 4, n).astype(float))
    if kind == "tiny":
        step = np.exp2(rng.integers(-900, -20, n).astype(float))
    elif kind == "large":
        step = np.exp2(rng.integers(4, 13, n).astype(float))
    elif kind == "saturated":  # the true class far ahead of the others
        eta = _raised(eta, y, rng.uniform(20, 700, n))
    elif kind == "far behind":  # the true class has next to no probability, and the step is short
        eta = _raised(eta, y, -rng.choice([40.0, 1e3, 1e6, 1e9], n))
    elif kind == "overtaken":  # the true class leads by up to 900, and one step gives the lead to the others
        lead = rng.uniform(5, 900, n)
        eta = _raised(eta, y, lead)
        slope = np.round(lead + rng.uniform(10, 30, n))[:, None] * (np.arange(1, K) != y[:, None])
        slope = np.where(y[:, None] == 0, slope, slope - slope.max(axis=1, keepdims=True) - 1)
        slope, step = slope + rng.normal(0, 1, (n, m)), np.ones(n)
    elif kind == "equal slopes":  # the reference is out of the race, the others move together
        eta += rng.uniform(40, 300, n)[:, None]
        slope[:] = slope[:, :1]
    elif kind == "risen":  # a class whose probability has few bits, or none, comes up in one step
        eta[:, 0] -= rng.uniform(690, 800, n)
        slope[:, 0] = rng.uniform(600, 709, n)
        y, step = np.where(y == 1, 0, y).astype(np.int32), np.ones(n)
    eta, slope = np.round(eta * 2**20) / 2**20, np.round(slope * 2**12) / 2**12
    return Lines(f"softmax_lines({kind!r}, {K}, {seed}, {n})", eta, slope, y, step)
