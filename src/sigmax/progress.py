"""The progress of a fit: as one line in a terminal, or kept to be looked at."""

from __future__ import annotations

import math
import time
from types import TracebackType
from typing import TextIO

from sigmax.solvers.monitor import Progress

#: a fit that takes less than this shows nothing, seconds
_QUIET = 0.5
_WIDTH = 24
#: decrement at which the line is full
_DONE = 1e-12
_WHAT = {
    "hessian": "gradient and Hessian",
    "gradient": "gradient",
    "refine": "last digits",
}


class ProgressLine:
    """A callback for :func:`sigmax.fit` that rewrites one line of a terminal, and erases it in the end.

    The line fills as the distance to the optimum falls, in decades of standard errors.

    Parameters
    ----------
    stream : text stream
        Nothing is written where it is no terminal.

    Examples
    --------
    >>> import sys, sigmax as sx
    >>> data = sx.datasets.load("spector")
    >>> with ProgressLine(sys.stderr) as line:
    ...     r = sx.fit(data.X, data.y, callback=line)
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown = stream.isatty()
        self._start = time.monotonic()
        self._first: float | None = None
        self._length = 0

    def __call__(self, state: Progress) -> bool:
        """Show a state; never asks to stop."""
        if not self._shown or time.monotonic() - self._start < _QUIET:
            return False
        text = self._text(state)
        self._stream.write("\r" + text.ljust(self._length))
        self._stream.flush()
        self._length = len(text)
        return False

    def _text(self, state: Progress) -> str:
        nu, share = state.newton_decrement, 0.0
        distance = ""
        if math.isfinite(nu) and nu > 0.0:
            if self._first is None:
                self._first = max(nu, 1.0)
            share = min(max(math.log(self._first / nu) / math.log(self._first / _DONE), 0.0), 1.0)
            distance = f", {nu:.1e} standard errors to go"
        filled = round(share * _WIDTH)
        bar = "#" * filled + "-" * (_WIDTH - filled)
        return f"[{bar}] read {state.passes:.1f} ({_WHAT[state.stage]}){distance}"

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Erase the line."""
        if self._length:
            self._stream.write("\r" + " " * self._length + "\r")
            self._stream.flush()


class Recorder:
    """A callback for :func:`sigmax.fit` that keeps every state, and never asks to stop.

    Attributes
    ----------
    states : list of sigmax.solvers.monitor.Progress
        In the order of the reads.

    Examples
    --------
    >>> import sigmax as sx
    >>> data = sx.datasets.load("spector")
    >>> recorder = Recorder()
    >>> r = sx.fit(data.X, data.y, callback=recorder)
    >>> recorder.states[0].stage, recorder.states[-1].stage
    ('hessian', 'refine')
    """

    def __init__(self) -> None:
        self.states: list[Progress] = []

    def __call__(self, state: Progress) -> bool:
        """Keep a state."""
        self.states.append(state)
        return False
