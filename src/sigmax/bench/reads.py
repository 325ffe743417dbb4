"""What a fit read, and what for: its passes, counted while it runs.

A certificate tells how often the rows were read.  How many flops that takes depends on what was computed in a
read, and on how many rows, so a fit is watched once, not while it is timed: the methods of `Objective` that
read X are replaced by others that count and then do the same.  A read of n rows, k coefficients in each of m
logits, takes at least

    hessian    f, gradient and Hessian: as `work.evaluation`
    gradient   f and gradient: as `work.gradient`
    refine     the same in double-double, counted as if it were in double: 4 n m k
    gram       n k (k + 1)
    line       two reads for the logits of a point and of a direction: 4 n m k
    subspace   the Hessian in r directions: 2 n k (m + r) + n m (m + 1) / 2 (r + 1)(r + 2)
    floor      2 n m k, and k (k + 1) for each row that is kept
    newton     a small problem's fit in one call: a Hessian for each step, and one for the start
    scan       largest |x_ij|: none
    other      all that the certificate has besides: none

and each factor of P parameters P^3 / 3, its inverse 2 P^3 / 3.  What is counted is a lower bound for a fit
that makes these reads: not for one that needs fewer.  Not counted are exp and log, what double-double costs
above double, the encoding of the labels, and reads of a sample after the first, since it may stay in cache.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sigmax.bench import work
from sigmax.inference.result import Result
from sigmax.kernels import Float
from sigmax.objective import Objective
from sigmax.solvers import flat_certificate, metric, solve
from sigmax.solvers.factor import Factor
from sigmax.solvers.monitor import Monitor

#: reads that the certificate may have besides those counted, by rounding of its sum
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Reads:
    """The reads of one fit.

    Attributes
    ----------
    kinds : dict of str to float
        Reads of each kind, in reads of all rows: those of samples are parts.
    moved : float
        Rows read from memory, at least: of all reads of all rows, and those of a sample once.
    flops : float
        Of all reads and factors, at least.
    """

    kinds: dict[str, float]
    moved: float
    flops: float


class _Count:
    """Collects reads: kind, rows of the objective, times they were read, flops."""

    def __init__(self) -> None:
        self.reads: list[tuple[str, int, float]] = []
        self.samples: list[tuple[int, int]] = []
        self.flops = 0.0

    def add(self, kind: str, objective: Objective, flops: float, times: float = 1.0) -> None:
        self.reads.append((kind, objective.n_rows, times))
        self.flops += flops

    def result(self, passes: float) -> Reads:
        """Reads of a fit whose certificate has `passes`."""
        n = max((rows for _, rows, _ in self.reads), default=1)
        kinds: dict[str, float] = {}
        for kind, rows, times in self.reads:
            kinds[kind] = kinds.get(kind, 0.0) + times * rows / n
        rest = passes - sum(kinds.values())
        if rest < -_ROUNDING * passes:
            raise RuntimeError(
                f"{passes - rest:.6g} reads were counted, and the certificate has {passes:.6g}: {kinds}"
            )
        if rest > _ROUNDING * passes:
            kinds["other"] = rest
        whole = n * (kinds.get("other", 0.0) + sum(t for _, rows, t in self.reads if rows == n))
        # of a sample's sample no row need come from memory
        return Reads(kinds, whole + sum(size for rows, size in self.samples if rows == n), self.flops)


def counted(fit: Callable[[], Result]) -> tuple[Result, Reads]:
    """Fit, and count what is read.

    Parameters
    ----------
    fit : callable
        A call of :func:`sigmax.fit` whose rows are not collapsed to fewer; nothing else may fit meanwhile.

    Raises
    ------
    RuntimeError
        More reads were counted than the certificate has.
    """
    count = _Count()
    with contextlib.ExitStack() as stack:
        for owner, name, wrap in _WATCHED:
            stack.enter_context(_replaced(owner, name, wrap, count))
        result = fit()
    return result, count.result(result.certificate.passes)


@contextlib.contextmanager
def _replaced(owner: Any, name: str, wrap: Callable[[_Count, Any], Any], count: _Count) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, wrap(count, original))
    try:
        yield
    finally:
        setattr(owner, name, original)


# -- what is watched ---------------------------------------------------------------------------


def _shape(objective: Objective) -> tuple[int, int, int, int]:
    """n, m, k, and columns without the intercept."""
    design = objective.design
    return objective.n_rows, objective.n_logits, design.width, design.width - design.intercept


def _evaluation(objective: Objective) -> float:
    n, m, k, p = _shape(objective)
    return work.evaluation(n, p, m, intercept=k > p).flops


def _gradient(objective: Objective) -> float:
    n, m, k, p = _shape(objective)
    return work.gradient(n, p, m, intercept=k > p).flops


def _gram(objective: Objective) -> float:
    n, _, k, _ = _shape(objective)
    return float(n) * k * (k + 1)


def _method(kind: str, flops: Callable[[Objective], float], times: float = 1.0) -> Any:
    """A method of `Objective` that reads X `times` times."""

    def wrap(count: _Count, original: Any) -> Any:
        def call(self: Objective, *args: Any, **rest: Any) -> Any:
            count.add(kind, self, flops(self), times)
            return original(self, *args, **rest)

        return call

    return wrap


def _sample(count: _Count, original: Any) -> Any:
    def call(self: Objective, n_rows: int) -> Objective:
        count.samples.append((self.n_rows, n_rows))
        part: Objective = original(self, n_rows)
        return part

    return call


def _subspace(count: _Count, original: Any) -> Any:
    def call(objective: Objective, coef: Float, U: Float) -> Any:
        n, m, k, _ = _shape(objective)
        r = U.shape[1]
        flops = 2.0 * n * k * (m + r) + n * (m * (m + 1) / 2) * (r + 1.0) * (r + 2.0)
        count.add("subspace", objective, flops)
        return original(objective, coef, U)

    return call


def _floor(count: _Count, original: Any) -> Any:
    def call(objective: Objective, coef: Float, q: Float, share: float) -> Any:
        n, m, k, _ = _shape(objective)
        count.add("floor", objective, 2.0 * n * m * k + share * _gram(objective))
        return original(objective, coef, q, share)

    return call


def _small(count: _Count, original: Any) -> Any:
    def call(objective: Objective, starts: list[Float], tol: float, max_iter: int, monitor: Monitor) -> Any:
        read, steps = objective.rows_read, monitor.iterations
        found = original(objective, starts, tol, max_iter, monitor)
        times = (objective.rows_read - read) / objective.n_rows
        # without a result its steps are not known
        least = 0 if found is None else monitor.iterations - steps + 1
        count.add("newton", objective, least * _evaluation(objective), times)
        return found

    return call


def _factor(count: _Count, original: Any) -> Any:
    def call(self: Factor, H: Float) -> None:
        original(self, H)
        count.flops += len(H) ** 3 / 3.0

    return call


def _inverse(count: _Count, original: Any) -> Any:
    def call(self: Factor) -> Float:
        if self._inverse is None:
            count.flops += 2.0 * len(self.scale) ** 3 / 3.0
        inverse: Float = original(self)
        return inverse

    return call


#: where a name is looked up, the name, and what counts its calls
_WATCHED: tuple[tuple[Any, str, Callable[[_Count, Any], Any]], ...] = (
    (Objective, "evaluate", _method("hessian", _evaluation)),
    (Objective, "whitened_hessian", _method("hessian", _evaluation)),
    (Objective, "gradient", _method("gradient", _gradient)),
    (Objective, "refine", _method("refine", _gradient)),
    (Objective, "gram", _method("gram", _gram)),
    (Objective, "line", _method("line", _gradient, 2.0)),
    (Objective, "_read_largest", _method("scan", lambda objective: 0.0)),
    (Objective, "sample", _sample),
    (metric, "on_subspace", _subspace),
    (flat_certificate, "floor", _floor),
    (solve, "small", _small),
    (Factor, "__init__", _factor),
    (Factor, "_scaled_inverse", _inverse),
)
