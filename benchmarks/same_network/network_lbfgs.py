"""L-BFGS in both, from the same start to the same gradient; for information.

One iteration of torch's is not one of sigmax's: step lengths are found in other ways.  What is compared is
the way to max |dJ/dtheta| <= tol, of a cost that is convex with one layer only.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from network_cases import REST, Case, Data, network
from network_torch import Setting, Theirs

from sigmax.bench import machine
from sigmax.bench.report import number

TOL, L2, MOST = 1e-6, 1.0, 5_000
#: steps that both remember
_MEMORY = 10

#: J, max |dJ/dtheta|, evaluations of all rows
Reached = tuple[float, float, float]


def to_the_same_gradient(torch: Any | None, data: Data, n_threads: int, rounds: int) -> Iterator[str]:
    """A line for each network and program; torch on as many threads or on one, what is faster."""
    for hidden in (0, 32):
        case = Case(data, hidden, "lbfgs")
        calls = {"sigmax": partial(_ours, case, n_threads)}
        if torch is not None:
            count = min({1, n_threads}, key=lambda count: _seconds(partial(_theirs, torch, case, count)))
            calls[f"torch, {machine.threads_text(count)}"] = partial(_theirs, torch, case, count)
        seconds: dict[str, list[float]] = {name: [] for name in calls}
        reached: dict[str, Reached] = {}
        for _ in range(rounds):
            for name, call in calls.items():
                time.sleep(REST)
                begin = time.perf_counter()
                reached[name] = call()
                seconds[name].append(time.perf_counter() - begin)
        for name, (cost, norm, passes) in reached.items():
            median = number(1e3 * statistics.median(seconds[name]))
            yield (
                f"  {case.name}: {name:<16} {median:>8} ms  {passes:5.0f} evaluations  "
                f"max |dJ/dtheta| {norm:.1e}  J {cost:.10g}"
            )


def _seconds(call: Callable[[], Reached]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def _ours(case: Case, n_threads: int) -> Reached:
    trained = network(case).fit(
        case.data.X, case.data.y, method="lbfgs", l2=L2, tol=TOL, max_iter=MOST, n_threads=n_threads
    )
    outcome = trained.training
    assert outcome is not None
    return outcome.value, outcome.gradient_norm, outcome.passes


def _theirs(torch: Any, case: Case, n_threads: int) -> Reached:
    data = Theirs(torch, case, Setting(n_threads))
    model, calls = data.model(), 0
    parameters = list(model.parameters())
    optimiser = torch.optim.LBFGS(
        parameters,
        max_iter=MOST,
        max_eval=2 * MOST,
        history_size=_MEMORY,
        tolerance_grad=TOL,
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )

    def evaluate() -> Any:
        nonlocal calls
        calls += 1
        for one in parameters:
            one.grad = None
        loss = torch.nn.functional.cross_entropy(model(data.X), data.y)
        squares = sum((one * one).sum() for one in parameters if one.ndim == 2)
        loss = loss + 0.5 * L2 / len(data.X) * squares
        loss.backward()
        return loss

    optimiser.step(evaluate)
    passes = calls
    cost = float(evaluate().detach())
    return cost, max(float(one.grad.abs().max()) for one in parameters), passes
