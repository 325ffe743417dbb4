"""The command ``sigmax``: fit, predict, compare, bench, info.

Exit codes: 0 all is well; 1 the backends disagree, or a fit has no certificate; 2 wrong usage or input, with
one line on standard error that says what to change; 130 after Ctrl-C, 143 after a request to terminate.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sigmax
from sigmax.shell import arguments as arguments_of
from sigmax.shell.output import coloured, one_line
from sigmax.shell.usage import UsageError


class _Terminated(BaseException):
    """A request to terminate, as an exception, so that nothing is left half-written."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        ``sys.argv[1:]`` by default.

    Returns
    -------
    int
        The exit code.
    """
    options = arguments_of.parse(None if arguments is None else list(arguments))
    options.warnings = []

    def show(message: Warning | str, *_: object, **__: object) -> None:
        text = one_line(str(message))
        options.warnings.append(text)
        print(f"sigmax: {coloured('warning:', '33', sys.stderr)} {text}", file=sys.stderr)

    with warnings.catch_warnings(), _terminating():
        warnings.simplefilter("always", sigmax.ConvergenceWarning)
        warnings.simplefilter("always", RuntimeWarning)
        warnings.showwarning = show
        try:
            code: int = options.run(options)
            sys.stdout.flush()
            return code
        except BrokenPipeError:  # the reader of a pipe has gone: nothing to say, and nobody to say it to
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except (UsageError, ValueError, ImportError) as error:
            return _wrong(str(error))
        except OSError as error:  # a file that cannot be written, a full disk
            what = error.strerror or str(error)
            return _wrong(what if error.filename is None else f"{error.filename}: {what}")
        except MemoryError as error:
            return _wrong(f"not enough memory: {error}; take fewer columns with --features")
        except KeyboardInterrupt:
            print("sigmax: interrupted", file=sys.stderr)
            return 130
        except _Terminated:
            print("sigmax: terminated", file=sys.stderr)
            return 143


def _wrong(text: str) -> int:
    print(f"sigmax: {coloured('error:', '1;31', sys.stderr)} {one_line(text)}", file=sys.stderr)
    return 2


@contextmanager
def _terminating() -> Iterator[None]:
    """SIGTERM as an exception; signals belong to the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise _Terminated

    old = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, old)
