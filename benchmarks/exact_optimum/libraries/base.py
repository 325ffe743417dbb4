"""What a peer is: one signature, one answer.

    fit(X, y, l2, tolerance, iterations=None) -> Answer

`arrays` prepares the layout and the types that a peer prefers, which is not timed.  Coefficients come back in
the shape (K - 1, 1 + p), intercepts first, against class 0, whatever the library's own coding.

`iterations` is a budget: the peer stops after so many, wherever it is, and what it has then is its answer.
None: its most, which is no limit in practice but for torch's (see there).

The problem is the sum over rows of the negative log-likelihood plus l2/2 sum ||w_k||^2, intercepts free (see
`optimum`).  Objectives that are means, and penalties by other names, are converted by each peer.

Warnings are collected around every fit, which takes some microseconds: the competitor that does nothing is
called in the same way, and its time says how many.

A library is imported on demand; one that is not installed is listed as missing.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from problems import Float, Problem, Spec

#: tolerances, each tighter than the one before
LADDER = tuple(10.0**-e for e in range(3, 16))
#: of a peer that has no tolerance
NO_TOLERANCE = (0.0,)
#: of a peer without a budget
MOST_ITERATIONS = 100_000
#: characters of a warning or an error that are kept
LINE = 160


@dataclass(frozen=True)
class Answer:
    """What a peer found.

    Attributes
    ----------
    coef : ndarray of shape (K - 1, 1 + p)
        Intercepts first; class 0 is the reference.
    warned : tuple of str
        The different warnings that were raised, each cut to a line.
    converged : bool or None
        As the peer says itself; None where it does not say.
    seconds : float or None
        By the peer's own clock; None: that of the harness counts.
    """

    coef: Float
    warned: tuple[str, ...] = ()
    converged: bool | None = None
    seconds: float | None = None


Solve = Callable[[Any, Any, float, float, int | None], Answer]


@dataclass(frozen=True)
class Peer:
    """One algorithm of a library.

    Attributes
    ----------
    name : str
    distribution : str
        What to install.
    modules : tuple of str
        What must be importable.
    solve : callable
        (X, y, l2, tolerance, iterations) -> Answer.
    classes, penalty : bool
        Whether it fits more than two classes, and an L2 penalty.
    binary : bool
        Whether it fits two classes.
    ladder : tuple of float
        Tolerances to try, tighter and tighter.
    layout : {"C", "F", "constant"}
        Of X: either order, or a column of ones in front.
    y_type : type
    hand_over : callable or None
        Problem -> X and y as it takes them, in the place of `layout` and `y_type`.
    lacks : callable or None
        What is missing besides modules: empty where nothing.
    says_version : callable or None
        Version, where the distribution is none of Python's.
    release : callable or None
        Gives back what `hand_over` took, when the problem is done.
    own_clock : bool
        Whether its answers say how long they took by the peer's own clock, which counts.
    does_nothing : bool
        Whether it is handed coefficients in the place of X, which it returns.
    stops_early : bool
        Whether it heeds `iterations` and hands over what it has then; where not, only a looser tolerance
        makes it take less time.
    remark : str
        What a reader of its curve must know: that it cannot come nearer to the optimum, and why.
    """

    name: str
    distribution: str
    modules: tuple[str, ...]
    solve: Solve
    classes: bool = True
    binary: bool = True
    penalty: bool = True
    ladder: tuple[float, ...] = LADDER
    layout: str = "C"
    y_type: type = np.int64
    hand_over: Callable[[Problem], tuple[Any, Any]] | None = None
    lacks: Callable[[], str] | None = None
    says_version: Callable[[], str | None] | None = None
    release: Callable[[], None] | None = None
    own_clock: bool = False
    does_nothing: bool = False
    stops_early: bool = True
    remark: str = ""

    def missing(self) -> str:
        """Why it cannot be run: empty where it can."""
        for module in self.modules:
            try:
                importlib.import_module(module)
            except ImportError as error:
                return f"{self.distribution} is missing ({error})"
        return self.lacks() if self.lacks is not None else ""

    def version(self) -> str | None:
        """Of the distribution; None where it is missing."""
        if self.says_version is not None:
            return self.says_version()
        try:
            return importlib.metadata.version(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            return None

    def supports(self, spec: Spec) -> bool:
        """Whether it can fit such a problem."""
        return (self.classes if spec.K > 2 else self.binary) and (self.penalty or spec.l2 == 0.0)

    def arrays(self, problem: Problem) -> tuple[Any, Any]:
        """X and y as it prefers them."""
        if self.hand_over is not None:
            return self.hand_over(problem)
        X = problem.X
        if self.layout == "F":
            X = np.asfortranarray(X)
        elif self.layout == "constant":
            X = np.column_stack([np.ones(len(X)), X])
        return X, problem.y.astype(self.y_type)

    def fit(self, X: Any, y: Any, l2: float, tolerance: float, iterations: int | None = None) -> Answer:
        """What it finds with this tolerance in so many iterations, and the warnings it raised meanwhile."""
        return listened(lambda: self.solve(X, y, l2, tolerance, iterations))


def listened(call: Callable[[], Answer]) -> Answer:
    """The answer, with the warnings that were raised meanwhile."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        answer = call()
    if not given:
        return answer
    said = [f"{one.category.__name__}: {one.message}" for one in given]
    return replace(answer, warned=lines([*answer.warned, *said]))


def at_most(iterations: int | None, most: int = MOST_ITERATIONS) -> int:
    """The budget, or where there is none the most."""
    return most if iterations is None else iterations


def lines(texts: Sequence[str]) -> tuple[str, ...]:
    """The different ones, each cut to a line."""
    return tuple(dict.fromkeys(line(text) for text in texts))


def line(text: str) -> str:
    """The first line of a text that is not empty, cut."""
    return next((part.strip() for part in text.splitlines() if part.strip()), "")[:LINE]


def against_class_0(coef: Any, intercept: Any) -> Float:
    """One row for each class, or a single one for the second of two, to one for each but the first."""
    both = np.column_stack([np.ravel(intercept), np.atleast_2d(coef)])
    found: Float = both if len(both) == 1 else both[1:] - both[0]
    return found
