"""The progress of long work: as one line in a terminal, or kept to be looked at."""

from __future__ import annotations

import math
import os
import time
from types import TracebackType
from typing import Any, Self, TextIO

from sigmax.layers.training import EPOCHS, State
from sigmax.solvers.monitor import Progress

#: a fit that takes less than this shows nothing, seconds
_QUIET = 0.5
_WIDTH = 24
#: of a terminal that does not say how wide it is
_COLUMNS = 100
#: decrement at which the line is full
_DONE = 1e-12
_WHAT = {
    "hessian": "gradient and Hessian",
    "gradient": "gradient",
    "refine": "last digits",
}


class StatusLine:
    """A line of a terminal that is rewritten while work goes on, and erased in the end.

    Parameters
    ----------
    stream : text stream
        Nothing is written where it is no terminal, or one that cannot rewrite a line (``TERM=dumb``).
    quiet : float, optional
        Seconds from the start in which nothing is shown; half a one by default.
    every : float
        Seconds between two states that are shown; those in between are not.
    """

    def __init__(self, stream: TextIO, *, quiet: float | None = None, every: float = 0.0) -> None:
        self._stream = stream
        self._shown = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._start = time.monotonic()
        self._next = self._start + (_QUIET if quiet is None else quiet)
        self._every = every
        self._length = 0

    @property
    def is_due(self) -> bool:
        """Whether :meth:`show` would write."""
        return self._shown and time.monotonic() >= self._next

    def show(self, text: str) -> None:
        """Rewrite the line, cut to the width of the terminal: a wrapped one could not be erased."""
        if not self.is_due:
            return
        text = text[: self._columns() - 1]
        self._stream.write("\r" + text.ljust(self._length))
        self._stream.flush()
        self._length = len(text)
        self._next = time.monotonic() + self._every

    def _columns(self) -> int:
        try:
            # a terminal that does not know says 0
            return os.get_terminal_size(self._stream.fileno()).columns or _COLUMNS
        except OSError:
            return _COLUMNS

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Erase the line."""
        if self._length:
            self._stream.write("\r" + " " * self._length + "\r")
            self._stream.flush()


class ProgressLine(StatusLine):
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
        super().__init__(stream)
        self._first: float | None = None

    def __call__(self, state: Progress) -> bool:
        """Show a state; never asks to stop."""
        if self.is_due:
            self.show(self._text(state))
        return False

    def _text(self, state: Progress) -> str:
        nu, share = state.newton_decrement, 0.0
        distance = ""
        if math.isfinite(nu) and nu > 0.0:
            if self._first is None:
                self._first = max(nu, 1.0)
            share = min(max(math.log(self._first / nu) / math.log(self._first / _DONE), 0.0), 1.0)
            distance = f", {nu:.1e} standard errors to go"
        return f"{_bar(share)} read {state.passes:.1f} ({_WHAT[state.stage]}){distance}"


class TrainingLine(StatusLine):
    """A callback for :meth:`sigmax.layers.Network.fit` that rewrites one line of a terminal.

    Parameters
    ----------
    stream : text stream
        Nothing is written where it is no terminal.
    most : int, optional
        Steps, or epochs, of the training, as `max_iter` has it: with it there is a bar.

    Examples
    --------
    >>> import sys, sigmax as sx
    >>> from sigmax.layers import NLL, Linear, LogSigmoid, Network
    >>> data = sx.datasets.load("spector")
    >>> network = Network(Linear(3, 1, initial="zeros"), LogSigmoid(), NLL())
    >>> with TrainingLine(sys.stderr) as line:
    ...     network.fit(data.X, data.y, method="newton-cg", callback=line).training.converged
    True
    """

    def __init__(self, stream: TextIO, most: int | None = None) -> None:
        super().__init__(stream, every=0.1)
        self._most = most

    def __call__(self, state: State) -> bool:
        """Show a state; never asks to stop."""
        if self.is_due:
            of = f"{_bar(min(state.iteration / self._most, 1.0))} " if self._most else ""
            what = "epoch" if state.method in EPOCHS else "step"
            self.show(
                f"{of}{what} {state.iteration:,}: cost {state.value:.6g}, gradient {state.gradient_norm:.1e}"
            )
        return False


class RowsLine(StatusLine):
    """Rows done, how fast, and how much of the file that is, where it is known.

    Parameters
    ----------
    stream : text stream
        Nothing is written where it is no terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream, every=0.1)

    def update(self, rows: int, share: float | None) -> None:
        """Show the state after `rows` rows; `share` of the file, 0 to 1, or None."""
        if self.is_due:
            rate = rows / (time.monotonic() - self._start)
            bar = "" if share is None else f"{_bar(share)} {share:4.0%}, "
            self.show(f"{bar}{rows:,} rows, {rate:,.0f} rows/s")


def _bar(share: float) -> str:
    filled = round(share * _WIDTH)
    return "[" + "#" * filled + "-" * (_WIDTH - filled) + "]"


class Recorder:
    """A callback for :func:`sigmax.fit` or a network's that keeps every state, and never asks to stop.

    Attributes
    ----------
    states : list of sigmax.solvers.monitor.Progress or sigmax.layers.training.State
        In the order of the reads, or of the steps.

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
        self.states: list[Any] = []

    def __call__(self, state: Progress | State) -> bool:
        """Keep a state."""
        self.states.append(state)
        return False
