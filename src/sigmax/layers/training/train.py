"""The one door to the training methods: their table, their defaults, the checks of what is handed over."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import finite, numbers
from sigmax.kernels import Float
from sigmax.layers.training import settings
from sigmax.layers.training.cost import Callback, Cost, Outcome, Watcher
from sigmax.layers.training.gd import gd
from sigmax.layers.training.lbfgs import lbfgs
from sigmax.layers.training.newton_cg import newton_cg
from sigmax.layers.training.stochastic import adam, sgd


@dataclass(frozen=True, slots=True)
class Method:
    """A training method.

    Attributes
    ----------
    run : callable
    max_iter : int
        Default.
    tol : float or None
        Default.
    own : mapping of str to float, int or None
        The settings that this method has beside those of all, with their defaults.
    stochastic : bool
        Whether it steps after every batch, so that `max_iter` counts epochs.
    """

    run: Callable[..., Outcome]
    max_iter: int
    tol: float | None
    own: MappingProxyType[str, float | None]
    stochastic: bool = False


def _own(**settings: float | None) -> MappingProxyType[str, float | None]:
    return MappingProxyType(settings)


#: name -> method; why these defaults: see :func:`train`
METHODS = MappingProxyType(
    {
        "lbfgs": Method(lbfgs, 1000, 1e-8, _own()),
        "newton-cg": Method(newton_cg, 200, 1e-12, _own()),
        "gd": Method(gd, 1000, 1e-6, _own(learning_rate=None)),
        "sgd": Method(sgd, 50, None, _own(batch_size=32, learning_rate=0.1, momentum=0.9), stochastic=True),
        "adam": Method(adam, 50, None, _own(batch_size=32, learning_rate=0.01), stochastic=True),
    }
)

#: a gradient as small as this has a square that underflows
_LEAST_TOL = 1e-150

_CHECKS: dict[str, Callable[[str, object], float]] = {
    "batch_size": settings.whole,
    "learning_rate": settings.positive,
    "momentum": settings.fraction,
}
_WHY_NOT = {
    "batch_size": "it reads all rows in every step",
    "learning_rate": "it finds the length of its steps itself",
    "momentum": "it keeps no velocity",
}


def train(
    cost: Cost,
    theta: npt.ArrayLike,
    *,
    method: str = "lbfgs",
    max_iter: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    momentum: float | None = None,
    tol: float | None = None,
    callback: Callback | None = None,
    seed: int | np.random.Generator | np.random.SeedSequence | None = None,
) -> Outcome:
    """Minimise a cost J(theta), the mean over rows of the negative log-likelihood in nats.

    Parameters
    ----------
    cost : Cost
    theta : array_like of shape (d,)
        Where to start; not written.
    method : {"lbfgs", "newton-cg", "gd", "sgd", "adam"}
        lbfgs: an evaluation of all rows a step, few vectors of memory; for most networks.  newton-cg: Hessian
        products, few steps, the optimum to the last digits where the cost is convex, and a way past saddle
        points.  gd: plain gradient descent.  sgd, adam: a step after each batch of rows.
    max_iter : int, optional
        Most iterations; of sgd and adam the epochs.  By default 1000 for lbfgs and gd, whose iterations cost
        one or two evaluations; 200 for newton-cg, which needs some 10 on a convex cost and seldom 100 on
        any other; 50 epochs for sgd and adam.
    batch_size : int, optional
        sgd and adam: rows of a batch, 32 by default; more than there are means all.
    learning_rate : float, optional
        sgd: 0.1 by default, adam: 0.01.  Adam's steps are about this long in each parameter, and 0.001, which
        its authors propose, takes 1000 steps to move a weight by 1: too slow for networks of this size.  gd:
        None, the default, for steps that it finds itself.
    momentum : float, optional
        sgd: mu, 0 <= mu < 1; 0.9 by default.
    tol : float, optional
        lbfgs, newton-cg, gd: the run has converged where max |dJ/dtheta_i| <= tol; by default 1e-8, 1e-12
        and 1e-6, what each reaches at little cost.  0 for as far as rounding allows: a run has converged,
        too, where the gradient is at rounding level and falls no further.  sgd and adam: where the mean
        cost of an epoch differs by at most tol nats from that of the epoch before; None, the default, for
        all epochs.
    callback : callable, optional
        Gets a :class:`State` after each iteration or epoch; a true return value ends the run.
    seed : int, Generator, SeedSequence or None
        Draws the order of the rows of each epoch of sgd and adam; the other methods draw nothing.

    Returns
    -------
    Outcome
        The run never raises for lack of convergence: see `converged` and `reason`.

    Raises
    ------
    TypeError, ValueError
        A setting is none, or belongs to another method.

    Notes
    -----
    Steps that are tried may overflow: floating-point warnings are off while the cost is evaluated.
    Exceptions of the cost and of the callback come through, KeyboardInterrupt among them.
    """
    chosen = _method(method)
    given = {"batch_size": batch_size, "learning_rate": learning_rate, "momentum": momentum}
    own = {name: value for name, value in given.items() if value is not None}
    for name in own:
        if name not in chosen.own:
            *others, last = (other for other, one in METHODS.items() if name in one.own)
            theirs = f"{', '.join(others)} and {last}" if others else last
            raise ValueError(f"{name} is a setting of {theirs}; {method} has none: {_WHY_NOT[name]}")
    arguments: dict[str, Any] = dict(chosen.own)
    arguments |= {name: _CHECKS[name](name, value) for name, value in own.items()}
    arguments["max_iter"] = chosen.max_iter if max_iter is None else settings.whole("max_iter", max_iter)
    arguments["tol"] = chosen.tol if tol is None else settings.not_negative("tol", tol)
    if not chosen.stochastic:
        arguments["tol"] = max(arguments["tol"], _LEAST_TOL)
    rng = settings.generator(seed)
    if chosen.stochastic:
        arguments["rng"] = rng
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable or None; got {callback!r}")
    start = _start(theta)
    watcher = Watcher(cost, method, callback)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return chosen.run(cost, start, watcher, **arguments)


def _method(name: object) -> Method:
    """The method of that name; a ValueError that names the one meant, or all."""
    if isinstance(name, str):
        if name in METHODS:
            return METHODS[name]
        near = difflib.get_close_matches(name.lower().replace("_", "-"), METHODS, 1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"method must be one of {', '.join(METHODS)}; got {name!r}{meant}")
    raise TypeError(f"method must be one of {', '.join(METHODS)}; got {name!r}")


def _start(theta: npt.ArrayLike) -> Float:
    """Theta as a float64 vector of one's own."""
    array = numbers("theta", theta)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"theta must have shape (d,) with d of at least 1; got {array.shape}")
    finite("theta", array)
    return array.astype(np.float64)
