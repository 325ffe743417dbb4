"""What the operations give for arguments that are no ordinary numbers, as interface.py documents it.

inf, nan and -inf rows are flagged or exact, never turned into 0.5 or 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

inf, nan = math.inf, math.nan
LARGEST = float(np.finfo(float).max)
TINY = 5e-324


@dataclass(frozen=True)
class Special:
    """One argument of one operation, and what it gives, exactly."""

    operation: str
    argument: tuple[float, ...]
    label: int | None
    wanted: tuple[float, ...]

    def __str__(self) -> str:
        label = "" if self.label is None else f", y = {self.label}"
        return f"{self.operation}({', '.join(map(repr, self.argument))}{label})"

    def of(self, kernels) -> tuple[float, ...]:
        """What a backend gives."""
        with np.errstate(invalid="ignore", over="ignore"):
            return tuple(_CALLS.get(self.operation, _number)(kernels, self))

    def holds(self, got: tuple[float, ...]) -> bool:
        """Equal, nan to nan; the sign of a zero is not told."""
        return len(got) == len(self.wanted) and bool(np.array_equal(got, self.wanted, equal_nan=True))


# -- calls -----------------------------------------------------------------------------------------


def _number(kernels, case: Special) -> list[float]:
    out = np.full(len(case.argument), 0.123)
    getattr(kernels, case.operation)(np.array(case.argument), out)
    return out.tolist()


def _row(kernels, case: Special) -> list[float]:
    logits = np.array([case.argument])
    out = np.full(1 if case.operation == "logsumexp" else logits.shape, 0.123)
    getattr(kernels, case.operation)(logits, out)
    return out.ravel().tolist()


def _cross_entropy(kernels, case: Special) -> list[float]:
    """NLL, then the gradient."""
    gradient = np.full((1, len(case.argument)), 0.123)
    nll, _ = kernels.cross_entropy(np.array([case.argument]), np.array([case.label], np.int32), gradient)
    return [nll, *gradient.ravel().tolist()]


def _binary_rows(kernels, case: Special) -> list[float]:
    """NLL, residual, weight."""
    residual, weight = np.full((1, 1), 0.123), np.full((1, 1), 0.123)
    y = np.array([case.label], np.int32)
    nll, _ = kernels.binary_rows(np.array([case.argument]), y, residual, weight)
    return [nll, float(residual[0, 0]), float(weight[0, 0])]


_CALLS: dict[str, Callable] = {
    "softmax": _row,
    "log_softmax": _row,
    "logsumexp": _row,
    "cross_entropy": _cross_entropy,
    "binary_rows": _binary_rows,
}


# -- functions of one number -----------------------------------------------------------------------


def _numbers() -> list[Special]:
    table = {
        "exp": [
            (0.0, 1.0),
            (-0.0, 1.0),
            (inf, inf),
            (-inf, 0.0),
            (nan, nan),
            (TINY, 1.0),
            (-TINY, 1.0),
            (LARGEST, inf),
            (-LARGEST, 0.0),
            (709.782712893384, 1.7976931348622732e308),
            (709.7827128933841, inf),
            (-745.1332191019411, TINY),
            (-745.1332191019412, 0.0),
        ],
        "expit": [
            (0.0, 0.5),
            (-0.0, 0.5),
            (inf, 1.0),
            (-inf, 0.0),
            (nan, nan),
            (LARGEST, 1.0),
            (-LARGEST, 0.0),
            (TINY, 0.5),
        ],
        "log_expit": [
            (0.0, -math.log(2)),
            (inf, 0.0),
            (-inf, -inf),
            (nan, nan),
            (LARGEST, 0.0),
            (-LARGEST, -LARGEST),
            (-1e5, -1e5),
        ],
        "log1pexp": [
            (0.0, math.log(2)),
            (inf, inf),
            (-inf, 0.0),
            (nan, nan),
            (LARGEST, LARGEST),
            (-LARGEST, 0.0),
            (1e5, 1e5),
        ],
        "tanh": [
            (0.0, 0.0),
            (-0.0, -0.0),
            (inf, 1.0),
            (-inf, -1.0),
            (nan, nan),
            (LARGEST, 1.0),
            (-LARGEST, -1.0),
            (TINY, TINY),
            (-TINY, -TINY),
            (2.0**-1022, 2.0**-1022),
            (-(2.0**-29), -(2.0**-29)),
            (19.1, 1.0),
            (-22.5, -1.0),
        ],
    }
    return [Special(name, (x,), None, (y,)) for name, cases in table.items() for x, y in cases]


def _binary() -> list[Special]:
    """NLL, residual and weight: limits at +-inf, nan for nan."""
    found = [Special("binary_rows", (nan,), y, (nan, nan, nan)) for y in (0, 1)]
    for eta in (inf, -inf, LARGEST, -LARGEST):
        for y in (0, 1):
            right = (eta > 0) == (y == 1)
            nll = 0.0 if right else abs(eta)
            residual = 0.0 if right else (-1.0 if y else 1.0)
            found.append(Special("binary_rows", (eta,), y, (nll, residual, 0.0)))
    return found


# -- rows ------------------------------------------------------------------------------------------

#: rows that have no probabilities, and their log-sum-exp
_FLAGGED: tuple[tuple[tuple[float, ...], float], ...] = (
    ((inf, 0.0), inf),
    ((0.0, 1.0, inf), inf),
    ((inf, inf), inf),
    ((inf, -inf, 0.0), inf),
    ((nan, 0.0), nan),
    ((0.0, 1.0, nan), nan),
    ((nan, inf), nan),
    ((inf, nan, 0.0), nan),
    ((nan, -inf), nan),
    ((-inf, nan), nan),
    ((nan, nan, nan), nan),
    ((-inf, -inf), -inf),
    ((-inf, -inf, -inf), -inf),
    ((inf,), inf),
    ((-inf,), -inf),
    ((nan,), nan),
)

_LN2 = math.log(2)

#: row, log-sum-exp, probabilities, log-probabilities, all exact or correctly rounded
_PLAIN: tuple[tuple[tuple[float, ...], float, tuple[float, ...], tuple[float, ...]], ...] = (
    ((3.5,), 3.5, (1.0,), (0.0,)),
    ((-inf, 2.0), 2.0, (0.0, 1.0), (-inf, 0.0)),
    ((1.0, -inf, 1.0), 1.0 + _LN2, (0.5, 0.0, 0.5), (-_LN2, -inf, -_LN2)),
    ((0.0, 0.0), _LN2, (0.5, 0.5), (-_LN2, -_LN2)),
    ((1e308, 1e308), 1e308, (0.5, 0.5), (-_LN2, -_LN2)),
    ((-1e308, -1e308), -1e308, (0.5, 0.5), (-_LN2, -_LN2)),
    ((LARGEST, LARGEST), LARGEST, (0.5, 0.5), (-_LN2, -_LN2)),
    ((1e308, -1e308), 1e308, (1.0, 0.0), (0.0, -inf)),
    ((1e300, 0.0), 1e300, (1.0, 0.0), (0.0, -1e300)),
    ((1e4, 1e4), 1e4 + _LN2, (0.5, 0.5), (-_LN2, -_LN2)),
)


def _rows() -> list[Special]:
    found = []
    for row, total in _FLAGGED:
        flags = (nan,) * len(row)
        found.append(Special("logsumexp", row, None, (total,)))
        found += [Special(name, row, None, flags) for name in ("softmax", "log_softmax")]
        found += [Special("cross_entropy", row, y, (nan, *flags)) for y in range(len(row))]
    for row, total, p, log_p in _PLAIN:
        found.append(Special("logsumexp", row, None, (total,)))
        found.append(Special("softmax", row, None, p))
        found.append(Special("log_softmax", row, None, log_p))
        for y, nll in enumerate(log_p):
            gradient = tuple(-(1.0 - v) if k == y else v for k, v in enumerate(p))
            found.append(Special("cross_entropy", row, y, (-nll, *gradient)))
    return found


SPECIALS: tuple[Special, ...] = (*_numbers(), *_binary(), *_rows())
