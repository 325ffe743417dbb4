"""Who watches a fit: a callback after every read of all rows, which may stop it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from sigmax.kernels import Float
from sigmax.objective import FirstOrder, Objective


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of a fit after a pass.

    Attributes
    ----------
    stage : str
        ``"sample"`` (the fit of a part of the rows has ended), ``"hessian"`` (a pass with Hessian),
        ``"gradient"`` (without) or ``"refine"`` (in double-double).
    passes : float
        Rows read so far, divided by the number of rows.
    iterations : int
        Steps taken over all rows.
    coef : ndarray of shape (m * k,)
        Where the pass evaluated; a copy.
    value : float
        NLL plus penalty there, in the scale of the weights as given.
    newton_decrement : float
        Estimated distance to the optimum in standard errors; nan while it is unknown.
    """

    stage: str
    passes: float
    iterations: int
    coef: Float
    value: float
    newton_decrement: float


#: gets the state after a pass; a true return value ends the fit
Callback: TypeAlias = Callable[[Progress], object]


class Stopped(Exception):
    """The callback asked to stop."""


class Monitor:
    """Calls the callback and counts.

    Parameters
    ----------
    callback : callable or None
    """

    __slots__ = ("_callback", "iterations", "last", "overlap", "patience")

    def __init__(self, callback: Callback | None = None) -> None:
        self._callback = callback
        self.iterations = 0
        #: the last evaluation of all rows that was reported
        self.last: FirstOrder | None = None
        #: whether some step has proved that the estimate exists
        self.overlap = False
        #: steps over all rows without that proof after which it is time to ask; None for never
        self.patience: int | None = None

    @property
    def watched(self) -> bool:
        """Whether there is a callback."""
        return self._callback is not None

    def after(self, stage: str, objective: Objective, at: FirstOrder, decrement: float) -> None:
        """Report a pass; raises :class:`Stopped` where the callback says so."""
        self.last = at
        if self._callback is None:
            return
        # the objective counts weights in units of `scale`
        scale = objective.response.scale
        state = Progress(
            stage,
            objective.rows_read / objective.n_rows,
            self.iterations,
            at.coef.copy(),
            at.value * scale,
            decrement * math.sqrt(scale),
        )
        if self._callback(state):
            raise Stopped
