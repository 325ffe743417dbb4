"""What is timed, defined once for ``sigmax bench`` and for the suites in ``benchmarks/``.

Groups:

kernels    one kernel call on one row block, one thread, operands in cache
functions  expit to cross_entropy of whole arrays, through blocks and threads; in ``benchmarks/`` only
pass       NLL, gradient and, if wanted, Hessian of a whole problem, through blocks, threads and merge
fit        ``sigmax.fit`` from arrays to a result with its certificate
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

import sigmax
from sigmax import kernels
from sigmax.bench import work
from sigmax.bench.problems import Problem
from sigmax.bench.reads import counted
from sigmax.bench.work import Work
from sigmax.data.design import Design
from sigmax.data.response import response
from sigmax.inference.result import Result
from sigmax.kernels import Float, Kernels
from sigmax.objective import Evaluation, FirstOrder, Objective

R = TypeVar("R")

#: what a kernel computed; a sum comes as an array of shape ()
Arrays = tuple[Float, ...]


@dataclass(frozen=True)
class Operation(Generic[R]):
    """Something to time on any backend.

    Attributes
    ----------
    group : {"kernels", "functions", "pass", "fit"}
    name : str
    problem : Problem
    n_threads : int
    prepare : callable
        ``prepare(backend)`` does once what is not to be timed and returns the call that is.
    work : callable
        ``work(result)``: what had to be done at least, for a call that returned `result`.
    """

    group: str
    name: str
    problem: Problem
    n_threads: int
    prepare: Callable[[str], Callable[[], R]]
    work: Callable[[R], Work]


def _kernel(
    name: str,
    problem: Problem,
    prepare: Callable[[Kernels], Callable[[], Arrays]],
    least: Work,
) -> Operation[Arrays]:
    return Operation(
        group="kernels",
        name=name,
        problem=problem,
        n_threads=1,
        prepare=lambda backend: prepare(kernels.get(backend)),
        work=lambda _: least,
    )


def _logits(problem: Problem) -> Float:
    """eta of shape (n, m), C order."""
    return np.ascontiguousarray(problem.X @ problem.coef[:, 1:].T + problem.coef[:, 0])


def expit(problem: Problem) -> Operation[Arrays]:
    """Probabilities of one logit a row."""

    def prepare(kernel: Kernels) -> Callable[[], Arrays]:
        eta = np.ascontiguousarray(_logits(problem)[:, 0])
        p = np.empty_like(eta)

        def call() -> Arrays:
            kernel.expit(eta, p)
            return (p,)

        return call

    return _kernel("expit", problem, prepare, work.expit(problem.n_rows))


def binary_rows(problem: Problem) -> Operation[Arrays]:
    """NLL, residual and curvature of two classes."""

    def prepare(kernel: Kernels) -> Callable[[], Arrays]:
        eta, codes = _logits(problem), problem.codes
        residual, curvature = np.empty_like(eta), np.empty_like(eta)

        def call() -> Arrays:
            nll = kernel.binary_rows(eta, codes, residual, curvature)
            return np.asarray(nll[0]), residual, curvature

        return call

    return _kernel("binary_rows", problem, prepare, work.binary_rows(problem.n_rows))


def softmax_rows(problem: Problem) -> Operation[Arrays]:
    """NLL, residuals and curvatures of more classes."""
    n, m = problem.n_rows, problem.n_classes - 1

    def prepare(kernel: Kernels) -> Callable[[], Arrays]:
        eta, codes = _logits(problem), problem.codes
        residual, curvature = np.empty_like(eta), np.empty((n, m, m))

        def call() -> Arrays:
            nll = kernel.softmax_rows(eta, codes, residual, curvature)
            return np.asarray(nll[0]), residual, curvature

        return call

    return _kernel("softmax_rows", problem, prepare, work.softmax_rows(n, m))


def weighted_gram(problem: Problem) -> Operation[Arrays]:
    """[1 X]' diag(h) [1 X] with the curvature of a logistic model as h."""
    n, p = problem.X.shape

    def prepare(kernel: Kernels) -> Callable[[], Arrays]:
        # a positive weight for each row, p (1 - p) of the first logit
        q = 1.0 / (1.0 + np.exp(-_logits(problem)[:, 0]))
        curvature, gram = q * (1.0 - q), np.empty((1 + p, 1 + p))

        def call() -> Arrays:
            kernel.weighted_gram(problem.X, curvature, gram, intercept=True)
            return (gram,)

        return call

    return _kernel("weighted_gram", problem, prepare, work.weighted_gram(n, p))


def _objective(problem: Problem, n_threads: int, backend: str, intercept: bool) -> tuple[Objective, Float]:
    """The objective and where it is evaluated: at `problem.coef`, without an intercept not asked for."""
    observed = response(problem.y, problem.n_rows)
    design = Design(problem.X, intercept=intercept)
    coef = problem.coef if intercept else problem.coef[:, 1:]
    return Objective(design, observed, kernels.get(backend), n_threads), coef.ravel()


def evaluation(problem: Problem, n_threads: int, *, intercept: bool = True) -> Operation[Evaluation]:
    """One pass: :meth:`sigmax.objective.Objective.evaluate` at `problem.coef`."""

    def prepare(backend: str) -> Callable[[], Evaluation]:
        objective, coef = _objective(problem, n_threads, backend, intercept)
        return lambda: objective.evaluate(coef)

    n, p, m = problem.n_rows, problem.n_columns, problem.n_classes - 1
    least = work.evaluation(n, p, m, intercept=intercept)
    return Operation("pass", problem.name, problem, n_threads, prepare, lambda _: least)


def gradient(problem: Problem, n_threads: int, *, intercept: bool = True) -> Operation[FirstOrder]:
    """One pass without the Hessian: :meth:`sigmax.objective.Objective.gradient` at `problem.coef`."""

    def prepare(backend: str) -> Callable[[], FirstOrder]:
        objective, coef = _objective(problem, n_threads, backend, intercept)
        return lambda: objective.gradient(coef)

    n, p, m = problem.n_rows, problem.n_columns, problem.n_classes - 1
    least = work.gradient(n, p, m, intercept=intercept)
    name = f"{problem.name}, gradient"
    return Operation("pass", name, problem, n_threads, prepare, lambda _: least)


def all_logits(problem: Problem) -> Float:
    """Logits of all K classes, shape (n, K), C order: 0 for the reference class."""
    return np.column_stack([np.zeros(problem.n_rows), _logits(problem)])


def function(name: str, problem: Problem, n_threads: int) -> Operation[Arrays]:
    """A function of :mod:`sigmax.functions` on the problem's logits, into an array that exists.

    Parameters
    ----------
    name : {"expit", "log_expit", "log1pexp", "logsumexp", "softmax", "log_softmax", "cross_entropy"}
        Functions of one number take the logit of class 1; the loss comes first in what is returned.
    """
    call: Callable[..., Any] = getattr(sigmax, name)
    n, K = problem.n_rows, problem.n_classes
    least = {
        "logsumexp": work.row_function(n, K, 1),
        "softmax": work.row_function(n, K, K),
        "log_softmax": work.row_function(n, K, K),
        "cross_entropy": work.cross_entropy(n, K),
    }.get(name, work.row_function(n, 1, 1))

    def prepare(backend: str) -> Callable[[], Arrays]:
        logits, shared = all_logits(problem), {"n_threads": n_threads, "backend": backend}
        if name == "cross_entropy":
            gradient = np.empty_like(logits)
            return lambda: (np.asarray(call(logits, problem.y, out=gradient, **shared)[0]), gradient)
        if name in ("logsumexp", "softmax", "log_softmax"):
            rows = np.empty(n) if name == "logsumexp" else np.empty_like(logits)
            return lambda: (call(logits, axis=1, out=rows, **shared),)
        x = np.ascontiguousarray(logits[:, 1])
        out = np.empty_like(x)
        return lambda: (call(x, out=out, **shared),)

    title = f"{name}, {n:,}" + (
        f" x {K}" if name in ("logsumexp", "softmax", "log_softmax", "cross_entropy") else ""
    )
    return Operation("functions", title, problem, n_threads, prepare, lambda _: least)


def fit(problem: Problem, n_threads: int) -> Operation[Result]:
    """:func:`sigmax.fit` with its defaults."""

    def prepare(backend: str) -> Callable[[], Result]:
        return lambda: sigmax.fit(problem.X, problem.y, n_threads=n_threads, backend=backend)

    def least(_: Result) -> Work:
        # once more, and watched: what a fit returns does not tell which of its reads were for Hessians
        _, reads = counted(prepare("auto"))
        return work.fit(problem.n_rows, problem.n_columns, reads)

    return Operation("fit", problem.name, problem, n_threads, prepare, least)
