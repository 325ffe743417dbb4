"""The row operations in 200-bit arithmetic (MPFR through gmpy2), and errors in ulp against them.

An error of x ulp is x times the distance of the doubles around the exact value: the exact value, not its
rounding, decides the binade, and below 2^-1022 the distance is 2^-1074.  Where the exact value rounds to
infinity, infinity is right and every finite number is infinitely wrong; where it does not, infinity is.
nan is always infinitely wrong.

No formula here subtracts two numbers that agree in more than a bit, but for the log-sum-exp, which may: its
terms are below 2^1024 and its results of interest above 2^-60, so that what cancels leaves 100 bits and more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from operator import add, mul, neg, sub

import gmpy2
import numpy as np

PRECISION = 200


def precisely(function: Callable, bits: int = PRECISION) -> Callable:
    """`function` with `bits` of precision and the exponents of gmpy2, -2^30 to 2^30."""

    @wraps(function)
    def run(*args, **kwargs):
        with gmpy2.context(precision=bits):
            return function(*args, **kwargs)

    return run


def numbers(x: np.ndarray) -> list:
    """Elements of `x` as they are, to the bit; a tenth of the time that mpfr(float) takes."""
    return list(map(gmpy2.get_context().plus, np.ravel(x).tolist()))


@dataclass(frozen=True)
class Exact:
    """Exact values as nearest double, the rest in ulp, and the ulp: errors come out in plain doubles.

    value = nearest + rest * ulp, the rest to some 50 bits.
    """

    nearest: np.ndarray
    rest: np.ndarray
    ulp: np.ndarray

    @classmethod
    def of(cls, values: Iterable) -> Exact:
        """From numbers of gmpy2; in the caller's precision, which must be enough for value - nearest."""
        values = list(values)
        doubles = list(map(float, values))
        nearest = np.array(doubles, dtype=float)
        low = np.array(list(map(float, map(sub, values, doubles))), dtype=float)
        # the ulp of the binade of the exact value: a power of two may be the rounding of a smaller one
        mantissa, exponent = np.frexp(nearest)
        exponent[nearest == 0.0] = -1074
        exponent = exponent - ((np.abs(mantissa) == 0.5) & (low * mantissa < 0))
        ulp = np.ldexp(1.0, np.maximum(exponent - 53, -1074))
        with np.errstate(invalid="ignore"):  # inf - inf
            rest = low / ulp
        # the rest may be below the range of doubles: scaled up first
        for i in np.flatnonzero(np.abs(nearest) < 2.0**-900).tolist():
            rest[i] = float(gmpy2.mul_2exp(values[i] - doubles[i], 1100)) / (np.ldexp(ulp[i], 1100))
        infinite = np.isinf(nearest)
        return cls(nearest, np.where(infinite, 0.0, rest), np.where(infinite, 1.0, ulp))

    @classmethod
    def join(cls, *parts: Exact) -> Exact:
        """One after the other."""
        columns = [[getattr(part, name) for part in parts] for name in ("nearest", "rest", "ulp")]
        return cls(*map(np.concatenate, columns))

    def __neg__(self) -> Exact:
        return Exact(-self.nearest, -self.rest, self.ulp)

    def __getitem__(self, index) -> Exact:
        return Exact(self.nearest[index], self.rest[index], self.ulp[index])

    def __len__(self) -> int:
        return len(self.nearest)

    def ulps(self, got: np.ndarray) -> np.ndarray:
        """Errors of `got` in ulp; inf for nan, and where exactly one of the two is infinite."""
        got = np.ravel(got)
        with np.errstate(invalid="ignore", over="ignore"):
            error = np.abs((got - self.nearest) / self.ulp - self.rest)
        error = np.where(got == self.nearest, np.abs(self.rest), error)  # inf - inf
        return np.where(np.isnan(error), np.inf, error)


# -- functions of one number -----------------------------------------------------------------------


@precisely
def of_numbers(magnitude: np.ndarray) -> dict[str, Exact]:
    """Functions of x, for x in `magnitude` (>= 0) and then for -x: one exp and one log1p serve all but tanh.

    t = exp(-|x|), small = t / (1 + t), big = 1 / (1 + t); p = expit(x), curvature = p (1 - p).
    """
    x = numbers(magnitude)
    t = list(map(gmpy2.exp, map(neg, x)))
    big = [1 / (1 + a) for a in t]
    small = list(map(mul, t, big))
    tail = list(map(gmpy2.log1p, t))
    grown, decayed = Exact.of(1 / a for a in t), Exact.of(t)
    small_, big_ = Exact.of(small), Exact.of(big)
    low, high = Exact.of(tail), Exact.of(map(add, x, tail))
    curvature, tanh = Exact.of(map(mul, small, big)), Exact.of(map(gmpy2.tanh, x))
    return {
        "exp": Exact.join(grown, decayed),
        "sigmoid": Exact.join(big_, small_),
        "1 - sigmoid": Exact.join(small_, big_),
        "log1pexp": Exact.join(high, low),
        "log_expit": Exact.join(-low, -high),
        "tanh": Exact.join(tanh, -tanh),
        "nll, y = 0": Exact.join(high, low),
        "nll, y = 1": Exact.join(low, high),
        "residual, y = 0": Exact.join(big_, small_),
        "residual, y = 1": Exact.join(-small_, -big_),
        "weight": Exact.join(curvature, curvature),
    }


# -- rows of logits --------------------------------------------------------------------------------


def _repeated(values: list, times: int) -> list:
    return [v for v in values for _ in range(times)]


@dataclass(frozen=True)
class ExactRows:
    """Functions of rows of logits; per element in the order of the rows, or per row."""

    softmax: Exact
    #: 1 - p
    others: Exact
    #: -log p
    nll: Exact
    #: per row
    logsumexp: Exact
    #: per row: log1p(s)
    tail: Exact
    #: p_k p_l and p_k (1 - p_k), k <= l, as np.triu_indices orders them, without the first class
    pairs: Exact | None

    def cancels(self) -> np.ndarray:
        """Rows where a and log1p(s) cancel so far that less than log1p(s) is left: a < 0 and -2 log1p(s) < a.

        There the log-sum-exp is ill-conditioned: rounding of the logits alone moves it by more than an ulp.
        """
        return np.abs(self.logsumexp.nearest) < self.tail.nearest

    def logsumexp_bound(self) -> np.ndarray:
        """What a log-sum-exp that cancels may be off by, in ulp of it: 1 ulp, and the 2 ulp of log1p(s)."""
        return 1.0 + 2.0 * self.tail.ulp / self.logsumexp.ulp


@precisely
def of_rows(logits: np.ndarray, *, pairs: bool = False) -> ExactRows:
    """Functions of the rows of `logits`, (n, K), which hold no nan, no +inf, and one finite logit at least.

    With a = max_k logit_k at class q, E_k = exp(logit_k - a), s = sum_{k != q} E_k:
    p_k = E_k / (1 + s), 1 - p_k = (1 + s - E_k) / (1 + s), s / (1 + s) for q,
    -log p_k = a - logit_k + log1p(s).
    """
    n, K = logits.shape
    z = numbers(logits)
    top = np.argmax(logits, axis=1)
    at_top = (np.arange(n) * K + top).tolist()
    a = [z[i] for i in at_top]
    d = list(map(sub, _repeated(a, K), z))
    E = list(map(gmpy2.exp, map(neg, d)))
    for i in at_top:
        E[i] = gmpy2.mpfr(0)
    s = [sum(E[i : i + K]) for i in range(0, n * K, K)]
    inverse = [1 / (1 + v) for v in s]
    tail = list(map(gmpy2.log1p, s))
    rest = list(map(sub, _repeated([1 + v for v in s], K), E))
    for i, row_s in zip(at_top, s, strict=True):
        E[i], rest[i] = gmpy2.mpfr(1), row_s
    over = _repeated(inverse, K)
    p, others = list(map(mul, E, over)), list(map(mul, rest, over))
    return ExactRows(
        softmax=Exact.of(p),
        others=Exact.of(others),
        nll=Exact.of(map(add, d, _repeated(tail, K))),
        logsumexp=Exact.of(map(add, a, tail)),
        tail=Exact.of(tail),
        pairs=Exact.of(_pairs(p, others, K)) if pairs else None,
    )


def _pairs(p: list, others: list, K: int) -> list:
    found = []
    for start in range(0, len(p), K):
        for k in range(start + 1, start + K):
            found.append(p[k] * others[k])
            found += [-(p[k] * right) for right in p[k + 1 : start + K]]
    return found


# -- along a line ----------------------------------------------------------------------------------
#
# The change is a plain difference of two NLL in as many bits as it takes, which shares no formula with the
# kernels.  eta of 2^60 and steps of 2^-1000 make 1,100 bits of cancellation.

LINE_BITS = 2000


@dataclass(frozen=True)
class ExactLine:
    """Change of the NLL and its derivatives in the step, a row each, and the sizes of what is summed."""

    change: Exact
    first: Exact
    second: Exact
    #: sum_{k != y} p_k |expm1(d_k - d_y)| over sum_k p_k exp(d_k - d_y)
    grown: np.ndarray
    #: sum_k P_k |slope_k - slope_y|, P at the far end
    moved: np.ndarray
    #: 1 - P_y at the far end
    far_end: np.ndarray

    def change_bound(self, K: int) -> np.ndarray:
        """What the change of a softmax of K classes may be off by, in ulp of it.

        K terms p_k expm1(..) of both signs are added, in twice the precision: a few u times their sizes over
        what is left of them, beside 2 ulp for log1p.  (Each term is off by up to 5 u, but not all to one
        side.)  Where next to nothing is left, or the change is beyond all exponentials, it is a difference of
        logits, exact here, and of two log1p, each at most log K.
        """
        change = self.change.nearest
        logs = (change < -np.log(2)) | (change > 346)  # g reaches 2^500
        size = np.where(logs, np.minimum(self.grown, 1 + np.log(K)), self.grown)
        with np.errstate(over="ignore"):  # nothing is promised
            return 2.0 + min(K, 6) * 2.0**-53 * size / self.change.ulp


def _nll(z: list, y: int) -> tuple:
    """NLL and the probabilities; the true class is left out of a sum where it leads."""
    q = max(range(len(z)), key=z.__getitem__)
    E = [gmpy2.exp(v - z[q]) for v in z]
    s = sum(E[:q]) + sum(E[q + 1 :])
    return z[q] - z[y] + gmpy2.log1p(s), [e / (1 + s) for e in E]


def _line(eta: np.ndarray, slope: np.ndarray, y: int, step: float) -> tuple:
    z, v = [gmpy2.mpfr(0), *numbers(eta)], [gmpy2.mpfr(0), *numbers(slope)]
    gap = [gmpy2.mpfr(step) * (s - v[y]) for s in v]
    (before, p), (after, P) = _nll(z, y), _nll(list(map(add, z, gap)), y)
    # terms of g and of u = 1 + g, as interface.py has them
    size = sum(a * abs(gmpy2.expm1(b)) for a, b in zip(p, gap, strict=True))
    u = sum(a * gmpy2.exp(b) for a, b in zip(p, gap, strict=True))
    first = sum(a * (s - v[y]) for a, s in zip(P, v, strict=True))
    moved = sum(a * abs(s - v[y]) for a, s in zip(P, v, strict=True))
    # the variance as a sum over pairs: nothing cancels
    second = sum(P[i] * P[j] * (v[i] - v[j]) ** 2 for i in range(len(v)) for j in range(i))
    far_end = sum(P[:y]) + sum(P[y + 1 :])
    grown = size / u if 0 < u < gmpy2.inf() else gmpy2.inf()
    return after - before, first, second, *map(float, (grown, moved, far_end))


def of_lines(
    eta: np.ndarray, slope: np.ndarray, y: np.ndarray, step: np.ndarray, *, bits: int = LINE_BITS
) -> ExactLine:
    """Change and derivatives of single rows, `eta` and `slope` of shape (n, m), a step for each row.

    One logit is the binary model: the same function, class 0 having logit 0.
    """

    def run():
        rows = zip(eta, slope, y.tolist(), step.tolist(), strict=True)
        change, first, second, *sizes = zip(*(_line(*row) for row in rows), strict=True)
        return ExactLine(*map(Exact.of, (change, first, second)), *map(np.array, sizes))

    return precisely(run, bits)()


__all__ = ["LINE_BITS", "PRECISION", "Exact", "ExactLine", "ExactRows", "of_lines", "of_numbers", "of_rows"]
