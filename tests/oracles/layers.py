"""What layers map rows to, in hundreds of digits, and derivatives of that by differences: no rule is derived.

A central difference with h = 1e-40 is off by a share of 1e-80 or so, and 520 digits leave 90 of a second
difference of numbers near 1 whose second derivative is 1e-348, the smallest that a double tells from 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps

import numpy as np
from mpmath import mp, mpf

from sigmax import layers

DIGITS = 520
STEP = "1e-40"

Row = list[mpf]


def precisely(function: Callable) -> Callable:
    """`function` with DIGITS digits."""

    @wraps(function)
    def run(*args, **kwargs):
        with mp.workdps(DIGITS):
            return function(*args, **kwargs)

    return run


def exact(values) -> list:
    """Doubles as they are, in nested lists."""
    if isinstance(values, np.ndarray):
        values = values.tolist()
    return [exact(v) for v in values] if isinstance(values, list) else mpf(values)


def _softmax(z: Row) -> tuple[Row, mpf]:
    a = max(z)
    powers = [mp.exp(v - a) for v in z]
    total = mp.fsum(powers)
    return [v / total for v in powers], a + mp.log(total)


def outputs(layer: layers.Layer, z: Row, parameters: dict[str, list] | None = None, target=None) -> Row:
    """One row through a layer, with `parameters` in the place of its own."""
    own = parameters or {}
    match layer:
        case layers.Sequential():
            for at, one in layer.leaves:
                mine = {name: own[f"{at}.{name}"] for name in one.parameters}
                z = outputs(one, z, mine, target)
            return z
        case layers.Linear():
            bias = own.get("bias", [mpf(0)] * len(own["weight"]))
            return [mp.fdot(z, w) + b for w, b in zip(own["weight"], bias, strict=True)]
        case layers.Sigmoid():
            return [1 / (1 + mp.exp(-v)) for v in z]
        case layers.Tanh():
            return [1 - 2 / (1 + mp.exp(2 * v)) for v in z]
        case layers.ReLU():
            return [max(v, mpf(0)) for v in z]
        case layers.Softmax():
            return _softmax(z)[0]
        case layers.LogSoftmax():
            total = _softmax(z)[1]
            return [v - total for v in z]
        case layers.LogSigmoid():
            return [-mp.log(1 + mp.exp(v)) for v in z] + [-mp.log(1 + mp.exp(-v)) for v in z]
        case layers.Reference():
            return [mpf(0), *z]
        case layers.NLL():
            return [-z[int(target)]] if np.ndim(target) == 0 else [-mp.fdot(exact(target), z)]
        case layers.BernoulliNLL():
            y = exact(np.atleast_1d(np.asarray(target, dtype=float)))
            m = len(y)
            return [-mp.fsum((1 - v) * z[j] + v * z[m + j] for j, v in enumerate(y))]
    raise TypeError(f"no exact outputs of {layer!r}")


def _moved(z: Row, *steps: tuple[int, mpf]) -> Row:
    z = list(z)
    for index, step in steps:
        z[index] += step
    return z


@precisely
def jacobian(f: Callable[[Row], Row], z: Row) -> list[Row]:
    """da_c/dz_k as [c][k]."""
    h = mpf(STEP)
    pairs = [(f(_moved(z, (k, h))), f(_moved(z, (k, -h)))) for k in range(len(z))]
    return [[(up - down) / (2 * h) for up, down in zip(*column, strict=True)] for column in zip_rows(pairs)]


def zip_rows(pairs: Sequence[tuple[Row, Row]]) -> list[tuple[Row, Row]]:
    """Of outputs at moved points, a pair of lists for each output instead of each point."""
    ups, downs = zip(*pairs, strict=True)
    return list(zip(map(list, zip(*ups, strict=True)), map(list, zip(*downs, strict=True)), strict=True))


@precisely
def curvature(f: Callable[[Row], Row], z: Row) -> list[list[Row]]:
    """d2a_c / dz_k dz_l as [c][k][l]."""
    h, n = mpf(STEP), len(z)
    found = [[[mpf(0)] * n for _ in range(n)] for _ in f(z)]
    for k in range(n):
        for m in range(k + 1):
            corners = [(s * t, f(_moved(z, (k, s * h), (m, t * h)))) for s in (1, -1) for t in (1, -1)]
            for c, page in enumerate(found):
                page[k][m] = page[m][k] = mp.fsum(sign * a[c] for sign, a in corners) / (4 * h * h)
    return found


def ulps(got: float, wanted: mpf, size: mpf | None = None) -> float:
    """|got - wanted| in units in the last place of `size`, by default of `wanted`; at least 2^-1074."""
    with mp.workdps(DIGITS):
        of = abs(wanted if size is None else size)
        exponent = mp.mag(of) - 53 if of else -1074
        # mag: of in [2^(mag - 1), 2^mag)
        unit = mpf(2) ** max(int(exponent), -1074)
        return float(abs(mpf(got) - wanted) / unit) if np.isfinite(got) else np.inf
