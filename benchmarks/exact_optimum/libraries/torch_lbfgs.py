"""torch: LBFGS with the strong Wolfe line search, float64, the full batch.

The loss is a mean over rows, so that tolerances mean the same for every n: `tolerance_grad` is the ladder's,
on the largest element of the gradient.  tolerance_change = 1e-18 stops it only where the loss does not change
at all; its default, 1e-9, ended 500 x 10 and 569 x 30 at 4e-4 standard errors.  A history of 100 steps, the
default.

2,000 iterations at most.  On anes96, whose columns have different units, it creeps: 6.6e-3 standard errors
after 500, 5.6e-3 after 2,000, 2.8e-3 after 8,000, a millisecond each.

Two classes: one logit and binary_cross_entropy_with_logits.  More: one row of coefficients for each class and
cross_entropy, whose penalty over all classes is the objective's.  `hand_over` shares memory with the arrays.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from problems import Problem

from libraries.base import Answer, Peer, against_class_0, at_most

#: iterations of LBFGS; twice as many evaluations
MOST_STEPS = 2000
#: of an iteration, by its line search: a budget of iterations is not cut short by them
_MOST_EVALUATIONS = 26


def hand_over(problem: Problem) -> tuple[Any, Any]:
    """Tensors; float64 labels for two classes, as its loss demands."""
    torch = importlib.import_module("torch")
    y = problem.y if problem.spec.K > 2 else problem.y.astype(np.float64)
    return torch.from_numpy(problem.X), torch.from_numpy(y)


def solve(X: Any, y: Any, l2: float, tolerance: float, iterations: int | None) -> Answer:
    torch = importlib.import_module("torch")
    loss_of = torch.nn.functional
    n, p = X.shape
    binary = y.is_floating_point()
    rows = 1 if binary else int(y.max()) + 1
    weight = torch.zeros(rows, p, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(rows, dtype=torch.float64, requires_grad=True)
    method = torch.optim.LBFGS(
        [weight, bias],
        max_iter=at_most(iterations, MOST_STEPS),
        max_eval=2 * MOST_STEPS if iterations is None else _MOST_EVALUATIONS * iterations + 1,
        tolerance_grad=tolerance,
        tolerance_change=1e-18,
        history_size=100,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Any:
        method.zero_grad()
        eta = loss_of.linear(X, weight, bias)
        if binary:
            loss = loss_of.binary_cross_entropy_with_logits(eta[:, 0], y)
        else:
            loss = loss_of.cross_entropy(eta, y)
        if l2:
            loss = loss + l2 / (2.0 * n) * (weight * weight).sum()
        loss.backward()
        return loss

    method.step(closure)
    return Answer(against_class_0(weight.detach().numpy(), bias.detach().numpy()))


PEERS = (Peer("torch LBFGS", "torch", ("torch",), solve, hand_over=hand_over),)
