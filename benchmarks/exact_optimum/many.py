"""`fit_many` against a loop: statsmodels' Logit on some of the problems, its time extrapolated to all.

The loop is given each problem ready made, its rows repeated as the weights say, with a column of ones: Logit
takes no frequency weights, and making the rows is not counted.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import optimum
import ours
import targets
from asking import Asked, Kept, Options, complaint, rounds_of, timed
from libraries import PEERS
from libraries.base import Answer, listened
from problems import Float, Problem
from rounds import interleave
from rows import Row, Side

from sigmax.bench.timing import Timing

#: problems that the loop fits
SAMPLE = 200
#: of Newton's method, on the change of the parameters: a last step of 1e-5 leaves about 1e-10, and a tighter
#: tolerance would cost the loop an iteration that nobody needs
_TOLERANCE = 1e-5


def sample(problem: Problem) -> list[int]:
    """Indices of the fits, evenly spread."""
    fits = problem.spec.fits
    return [int(i) for i in np.unique(np.linspace(0, fits - 1, min(SAMPLE, fits)).astype(int))]


def one(problem: Problem, index: int) -> tuple[Float, Any]:
    """Rows and labels of one fit."""
    if problem.weights is not None:
        chosen = np.repeat(np.arange(problem.spec.n), problem.weights[index].astype(int))
    else:
        assert problem.groups is not None
        chosen = np.flatnonzero(problem.groups == index)
    return problem.X[chosen], problem.y[chosen]


def loop(problem: Problem, chosen: list[int]) -> Callable[[], Answer]:
    """A call that fits each of the chosen problems: coefficients of shape (len(chosen), 1 + p).

    Raises
    ------
    ImportError
        statsmodels is not installed.
    """
    logit = importlib.import_module("statsmodels.discrete.discrete_model").Logit
    ready = []
    for index in chosen:
        X, y = one(problem, index)
        ready.append((y.astype(np.float64), np.column_stack([np.ones(len(X)), X])))

    def fits() -> Answer:
        found = [logit(y, X).fit(method="newton", tol=_TOLERANCE, maxiter=100, disp=0) for y, X in ready]
        return Answer(
            np.array([one.params for one in found]),
            converged=all(one.mle_retvals["converged"] for one in found),
        )

    return lambda: listened(fits)


def rows(problem: Problem, options: Options) -> list[Row]:
    """The row of the loop."""
    spec = problem.spec
    (target,) = targets.of(spec.name)
    lacks, chosen = ours.not_available(problem), sample(problem)
    factor = spec.fits / len(chosen)
    calls: dict[str, Kept] = {}
    missing = PEERS["statsmodels Logit"].missing()
    why_not = lacks
    if not lacks:
        calls["ours"] = Kept(ours.calls(problem, options.n_threads).fit)
        try:
            calls["ours"]()
        except Exception as raised:  # struck out, whatever it is
            why_not = f"sigmax raised {complaint(raised)}"
            calls.clear()
    raised = ""
    if not missing:
        calls["loop"] = asked = Asked(loop(problem, chosen))
        asked()
        raised = asked.raised
        if raised:
            del calls["loop"]
    about = {name: timed(call, options.clock) for name, call in calls.items()}
    repeats = {name: rounds_of(seconds, name == "loop", options) for name, seconds in about.items()}
    times = interleave(calls, about, repeats, options.rest, clock=options.clock) if calls else {}
    data = [one(problem, index) for index in chosen]
    best = [optimum.solve(X, y, spec.K) for X, y in data]
    me, apart, converged = Side(times.get("ours"), np.inf, why=why_not), None, None
    if "ours" in calls:
        params = np.asarray(calls["ours"].last.params)[chosen]
        me = _judged(me, [each.reshape(spec.K - 1, -1) for each in params], data, best)
        converged = bool(np.all(_converged(calls["ours"].last)))
        if "loop" in calls:
            apart = float(np.abs(params.reshape(len(chosen), -1) - calls["loop"].last.coef).max())
    them = Side(None, np.inf, why=missing or raised)
    if "loop" in calls:
        answer = calls["loop"].last
        timing = Timing(tuple(factor * t for t in times["loop"].seconds))
        them = Side(timing, np.inf, warned=answer.warned, claims=answer.converged)
        them = _judged(them, [each[None] for each in answer.coef], data, best)
    return [
        Row(
            spec.name,
            target.peer,
            target,
            ours=me,
            theirs=them,
            converged=converged,
            apart=apart,
            sampled=len(chosen),
            missing_peer=bool(missing),
            not_available=bool(lacks),
            spec=spec,
        )
    ]


def _judged(
    side: Side,
    coefs: Sequence[Float],
    data: Sequence[tuple[Float, Any]],
    best: Sequence[optimum.Optimum],
) -> Side:
    """With the error, digits and gradient of the worst fit; none of them has a penalty."""
    each = list(zip(best, coefs, data, strict=True))
    return replace(
        side,
        error=max(b.error(coef) for b, coef, _ in each),
        digits=min(b.digits(coef) for b, coef, _ in each),
        gradient=max(b.gradient(X, y, 0.0, coef) for b, coef, (X, y) in each),
    )


def _converged(result: Any) -> Any:
    """One flag for each fit, wherever the result keeps them."""
    holder = result if hasattr(result, "converged") else result.certificate
    return holder.converged
