"""What is timed in both checkouts, and what it answers.

An operation is prepared once and called many times.  Its answer is a list of numbers, each with a distance
within which the exact number is known to lie; two answers differ when these intervals do not meet.

fits        proved bounds of the certificates, and the rounding to float64
functions   of each number four units in the last place (docs/accuracy.md has two)
passes      sums of n terms: 64 eps sum |term|, whatever their order inside blocks
training    1e-9 of the largest parameter: the last digits of a step are promised by nobody

Nothing of sigmax is imported before an operation is prepared: what an older checkout lacks is `Absent`.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
#: numbers, and how far from the exact ones they may be
Answer = tuple[Float, Float]
#: the call, and the answer in what it returned
Prepared = tuple[Callable[[], Any], Callable[[Any], Answer]]

_EPS = float(np.finfo(np.float64).eps)
#: numbers of an array that are answered, evenly spread
_SHOWN = 64


class Absent(Exception):
    """The checkout has no such thing."""


@dataclass(frozen=True)
class Operation:
    """Something to time.

    Attributes
    ----------
    name : str
    kind : {"small", "large"}
        Which absolute bound counts: calls of microseconds, or of milliseconds.
    quick : bool
        Whether --quick has it.
    prepare : callable
        n_threads -> call and answer.
    """

    name: str
    kind: str
    quick: bool
    prepare: Callable[[int], Prepared]


def attribute(module: str, name: str) -> Any:
    """What `module` has under that name.

    Raises
    ------
    Absent
        There is no such module, or nothing of that name in it.
    """
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise Absent(str(error)) from error


# -- data --------------------------------------------------------------------------------------


def rows(n: int, p: int, K: int = 2) -> tuple[Float, npt.NDArray[np.int64]]:
    """Normal columns, labels from a model whose logits vary by 1.5: the classes overlap."""
    rng = np.random.default_rng((n, p, K))
    X = rng.standard_normal((n, p))
    slopes = rng.standard_normal((p, K)) * (1.5 / np.sqrt(p))
    return X, (X @ slopes + rng.gumbel(size=(n, K))).argmax(axis=1).astype(np.int64)


# -- fits --------------------------------------------------------------------------------------


def fit(name: str, n: int, p: int, K: int = 2, *, kind: str, quick: bool, **options: Any) -> Operation:
    """`sigmax.fit` to a result with its certificate."""

    def prepare(n_threads: int) -> Prepared:
        call = attribute("sigmax", "fit")
        X, y = rows(n, p, K)
        return lambda: call(X, y, n_threads=n_threads, **options), _of_fit

    return Operation(name, kind, quick, prepare)


def _of_fit(result: Any) -> Answer:
    params = np.asarray(result.params).ravel()
    bound = np.asarray(result.certificate.error_bound).ravel()
    return params, bound + _EPS * np.abs(params)


def standard_errors(name: str, n: int, p: int, *, kind: str, quick: bool) -> Operation:
    """Standard errors of a fit that exists: the first reading."""

    def prepare(n_threads: int) -> Prepared:
        call = attribute("sigmax", "fit")
        X, y = rows(n, p)

        def read() -> Any:
            result = call(X, y, n_threads=n_threads)
            return result, np.asarray(result.bse)

        def answer(got: Any) -> Answer:
            bse = got[1].ravel()
            # they move by at most about 2 R times the distance to the optimum, and have ten digits at least
            return bse, 1e-10 * bse

        return read, answer

    return Operation(name, kind, quick, prepare)


def many(name: str, groups: int, n: int, p: int, *, kind: str, quick: bool) -> Operation:
    """`sigmax.fit_many` of groups."""

    def prepare(n_threads: int) -> Prepared:
        call = attribute("sigmax", "fit_many")
        X, y = rows(groups * n, p)
        group = np.repeat(np.arange(groups), n)

        def answer(result: Any) -> Answer:
            params = np.asarray(result.params).reshape(groups, -1)
            bound = np.asarray(result.error_bound).reshape(groups, 1) * np.asarray(result.bse).reshape(
                groups, -1
            )
            return params.ravel(), (bound + _EPS * np.abs(params)).ravel()

        return lambda: call(X, y, groups=group, n_threads=n_threads), answer

    return Operation(name, kind, quick, prepare)


# -- passes ------------------------------------------------------------------------------------


def one_pass(name: str, n: int, p: int, K: int = 2, *, hessian: bool, quick: bool) -> Operation:
    """The objective at a point, with or without its Hessian."""

    def prepare(n_threads: int) -> Prepared:
        Objective = attribute("sigmax.objective", "Objective")
        Design = attribute("sigmax.data.design", "Design")
        response = attribute("sigmax.data.response", "response")
        kernels = attribute("sigmax", "kernels")
        X, y = rows(n, p, K)
        objective = Objective(Design(X), response(y, n), kernels.get(None), n_threads)
        at = np.full((K - 1) * (1 + p), 0.1)
        one = np.concatenate([[float(n)], np.abs(X).sum(axis=0)])
        within = 64.0 * _EPS * np.concatenate([[np.abs(X).sum() + n], np.tile(one, K - 1)])

        def answer(got: Any) -> Answer:
            return np.concatenate([[got.nll], np.asarray(got.gradient).ravel()]), within

        call = objective.evaluate if hessian else objective.gradient
        return lambda: call(at), answer

    return Operation(name, "large", quick, prepare)


# -- functions ---------------------------------------------------------------------------------


def function(name: str, n: int, K: int = 1, *, kind: str, quick: bool) -> Operation:
    """A function of arrays; its title has their size."""

    def prepare(n_threads: int) -> Prepared:
        call = attribute("sigmax", name)
        rng = np.random.default_rng((n, K))
        x = 4.0 * rng.standard_normal((n, K) if K > 1 else n)
        options: dict[str, Any] = {"axis": 1} if K > 1 and name != "cross_entropy" else {}
        if name == "cross_entropy":
            y = rng.integers(0, K, n)
            return lambda: call(x, y, n_threads=n_threads), _of_loss
        return lambda: call(x, n_threads=n_threads, **options), _of_array

    return Operation(f"{name}_{n}" + (f"x{K}" if K > 1 else ""), kind, quick, prepare)


def _of_array(got: Any) -> Answer:
    values = np.asarray(got, dtype=np.float64).ravel()
    shown = values[np.unique(np.linspace(0, len(values) - 1, _SHOWN).astype(int))]
    return shown, 4.0 * np.spacing(np.abs(shown))


def _of_loss(got: Any) -> Answer:
    loss = np.atleast_1d(np.asarray(got[0] if isinstance(got, tuple) else got, dtype=np.float64)).ravel()[:1]
    return loss, 64.0 * _EPS * np.abs(loss)


# -- training ----------------------------------------------------------------------------------


def epoch(name: str, n: int, p: int, hidden: int, K: int, *, quick: bool) -> Operation:
    """One epoch of Adam: a step for every 128 rows."""

    def prepare(n_threads: int) -> Prepared:
        names = ("Network", "Linear", "Tanh", "LogSoftmax", "NLL")
        Network, Linear, Tanh, LogSoftmax, NLL = (attribute("sigmax.layers", one) for one in names)
        X, y = rows(n, p, K)
        network = Network(Linear(p, hidden, seed=1), Tanh(), Linear(hidden, K, seed=2), LogSoftmax(), NLL())
        start = {key: value.copy() for key, value in network.parameters.items()}

        def call() -> Any:
            for key, value in network.parameters.items():
                value[...] = start[key]
            with warnings.catch_warnings():
                # one epoch is not meant to converge
                warnings.simplefilter("ignore")
                network.fit(X, y, method="adam", max_iter=1, batch_size=128, seed=3, n_threads=n_threads)
            return np.concatenate([value.ravel() for value in network.parameters.values()])

        def answer(values: Any) -> Answer:
            return values, np.full(len(values), 1e-9 * np.abs(values).max())

        return call, answer

    return Operation(name, "large", quick, prepare)


#: the time of `import sigmax` and of reaching for `sigmax.fit`, in a process that has NumPy: see `sample`
IMPORT = "import"

OPERATIONS = {
    one.name: one
    for one in (
        fit("fit_small_500x10", 500, 10, kind="small", quick=True),
        fit("fit_small_100x3", 100, 3, kind="small", quick=False),
        fit("fit_20000x20", 20_000, 20, kind="large", quick=True),
        fit("fit_500000x20", 500_000, 20, kind="large", quick=False),
        fit("fit_50000x100", 50_000, 100, kind="large", quick=False),
        fit("fit_5_classes_50000x20", 50_000, 20, 5, kind="large", quick=False),
        fit("fit_10_classes_2000x100_l2", 2_000, 100, 10, kind="large", quick=False, l2=1.0),
        standard_errors("fit_and_bse_500x10", 500, 10, kind="small", quick=True),
        many("fit_many_1000_of_200x4", 1_000, 200, 4, kind="large", quick=True),
        one_pass("pass_500000x20", 500_000, 20, hessian=True, quick=False),
        one_pass("pass_gradient_500000x20", 500_000, 20, hessian=False, quick=False),
        one_pass("pass_5_classes_50000x20", 50_000, 20, 5, hessian=True, quick=True),
        function("expit", 1_000, kind="small", quick=True),
        function("expit", 1_000_000, kind="large", quick=True),
        function("log1pexp", 1_000_000, kind="large", quick=False),
        function("log_expit", 1_000_000, kind="large", quick=False),
        function("softmax", 100_000, 5, kind="large", quick=True),
        function("logsumexp", 100_000, 5, kind="large", quick=False),
        function("cross_entropy", 100_000, 5, kind="large", quick=False),
        epoch("layers_adam_epoch_5000x20", 5_000, 20, 16, 3, quick=True),
    )
}
KINDS = {IMPORT: "import"} | {name: one.kind for name, one in OPERATIONS.items()}
QUICK = (IMPORT, *(name for name, one in OPERATIONS.items() if one.quick))
