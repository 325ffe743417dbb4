"""The command ``sigmax``: fit, compare, bench, info.

Exit codes: 0 all is well; 1 the backends disagree, or a fit has no certificate; 2 wrong usage or input, with
one line on standard error that says what to change.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

import sigmax
from sigmax import datasets, kernels, threads
from sigmax.data import files
from sigmax.kernels import Float
from sigmax.progress import ProgressLine

_EPILOG = {
    "fit": """examples:
  sigmax fit spector
  sigmax fit flights.csv --target late --features distance,hour,wind
  sigmax fit survey.parquet --target party --level 0.99 --backend reference""",
    "compare": """examples:
  sigmax compare
  sigmax compare flights.csv --target late""",
}


@dataclass(frozen=True)
class _Problem:
    """What a command works on."""

    title: str
    X: Float
    y: npt.NDArray[np.generic]
    target: str
    features: tuple[str, ...]


class _UsageError(Exception):
    """Wrong arguments; the message is one line."""


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
    parser = _parser()
    options = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    with warnings.catch_warnings():
        warnings.simplefilter("always", sigmax.ConvergenceWarning)
        warnings.simplefilter("always", RuntimeWarning)
        warnings.showwarning = _print_warning
        try:
            code = run(options)
            sys.stdout.flush()
            return code
        except (_UsageError, ValueError, ImportError) as error:
            print(f"sigmax: error: {error}", file=sys.stderr)
            return 2
        except BrokenPipeError:  # the reader of a pipe has gone: nothing to say, and nobody to say it to
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except KeyboardInterrupt:
            print("sigmax: interrupted", file=sys.stderr)
            return 130


def _print_warning(message: Warning | str, *_: object, **__: object) -> None:
    print(f"sigmax: warning: {message}", file=sys.stderr)


# -- what to work on -------------------------------------------------------------------------------


def _problem(options: argparse.Namespace) -> _Problem:
    """The bundled set or the file that DATA names."""
    features = None if options.features is None else _names(options.features)
    if options.data in datasets.names() and not Path(options.data).exists():
        return _bundled(options.data, options.target, features)
    if not Path(options.data).exists():
        raise _UsageError(
            f"{options.data}: no such file; the bundled data sets are {', '.join(datasets.names())}"
        )
    table = files.read(options.data)
    if options.target is None:
        raise _UsageError(f"--target is needed: one of {', '.join(table.names)}")
    y = table.labels(options.target)
    if features is None:
        features = tuple(name for name in table.names if name != options.target)
    _check_features(features, options.target)
    return _Problem(options.data, table.matrix(features), y, options.target, features)


def _bundled(name: str, target: str | None, features: tuple[str, ...] | None) -> _Problem:
    data = datasets.load(name)
    target = data.target if target is None else target
    features = tuple(f for f in data.features if f != target) if features is None else features
    _check_features(features, target)
    for column in (target, *features):
        if column not in data.columns:
            raise _UsageError(f"{name} has no column {column!r}; it has {', '.join(data.columns)}")
    X = np.column_stack([data.columns[f] for f in features])
    y = data.y if target == data.target else data.columns[target]
    return _Problem(name, X, y, target, features)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(","))
    if not all(names):
        raise _UsageError(f"--features must be names with commas between them; got {text!r}")
    return names


def _check_features(features: tuple[str, ...], target: str) -> None:
    if target in features:
        raise _UsageError(f"--features holds the target {target!r}")
    if not features:
        raise _UsageError("no features are left besides the target")


# -- commands --------------------------------------------------------------------------------------


def _fit(options: argparse.Namespace) -> int:
    if not (math.isfinite(options.l2) and options.l2 >= 0.0):
        raise _UsageError(f"--l2 must be a number of at least 0; got {options.l2:g}")
    if not 0.0 < options.level < 1.0:
        raise _UsageError(f"--level must be between 0 and 1; got {options.level:g}")
    problem = _problem(options)
    with ProgressLine(sys.stderr) as line:
        result = sigmax.fit(
            problem.X,
            problem.y,
            names=problem.features,
            fit_intercept=not options.no_intercept,
            l2=options.l2,
            n_threads=options.threads,
            backend=options.backend,
            callback=line,
            collinear=options.collinear,
            on_separation=options.on_separation,
            reference=None if options.reference is None else _class_of(problem.y, options.reference),
            bias_reduction=options.bias_reduction,
        )
    print(result.summary(level=options.level, target=problem.target, odds_ratios=options.odds_ratios))
    return 0 if result.certificate.converged else 1


def _class_of(y: npt.NDArray[np.generic], text: str) -> object:
    """The label that `text` stands for: as it is written, or as a number."""
    for label in dict.fromkeys(y.tolist()):
        if str(label) == text or (
            isinstance(label, float) and label.is_integer() and str(int(label)) == text
        ):
            return label
    raise _UsageError(f"--reference must be one of the classes of the target; got {text!r}")


def _compare(options: argparse.Namespace) -> int:
    if options.data is None:
        if options.target is not None or options.features is not None:
            raise _UsageError("--target and --features need a file or the name of a data set")
        problems = [_bundled(name, None, None) for name in datasets.names()]
    else:
        problems = [_problem(options)]
    agree = True
    for i, problem in enumerate(problems):
        comparison = sigmax.compare(
            problem.X, problem.y, names=problem.features, n_threads=options.threads, title=problem.title
        )
        print(comparison if i == 0 else f"\n{comparison}")
        agree = agree and comparison.agrees
    return 0 if agree else 1


def _bench(options: argparse.Namespace) -> int:
    from sigmax.bench import quick

    print(quick(n_threads=options.threads))
    return 0


def _info(options: argparse.Namespace) -> int:
    import platform

    import scipy

    missing = kernels.why_not_compiled()
    state = "debug build: checked, and slow" if kernels.is_debug_build() else "available"
    chosen = kernels.get(options.backend)
    rows = [
        ("sigmax", sigmax.__version__),
        ("backend", f"{chosen.BACKEND} ({chosen.ISA})"),
        ("compiled kernels", f"missing: {missing}" if missing else state),
        ("threads", str(threads.resolve(options.threads))),
        ("python", f"{platform.python_version()} ({platform.python_implementation()})"),
        ("numpy", np.__version__),
        ("scipy", scipy.__version__),
        ("machine", f"{platform.system()} {platform.machine()}"),
    ]
    for name, value in rows:
        print(f"{name:<18}{value}")
    return 0


# -- arguments -------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sigmax", description="Exact maximum likelihood for logistic and multinomial regression."
    )
    parser.add_argument("--version", action="version", version=f"sigmax {sigmax.__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=_EPILOG.get(name),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        one.set_defaults(run=run)
        one.add_argument("--threads", type=_whole, metavar="N", help="threads to use (same bits for any)")
        return one

    def with_data(one: argparse.ArgumentParser, nargs: str | None = None) -> None:
        names = ", ".join(datasets.names())
        one.add_argument("data", help=f"a CSV or Parquet file, or a bundled data set: {names}", nargs=nargs)
        one.add_argument("--target", metavar="COL", help="the column to explain (files need it)")
        one.add_argument(
            "--features", metavar="A,B,...", help="columns to explain it with; all others by default"
        )

    def with_backend(one: argparse.ArgumentParser) -> None:
        one.add_argument("--backend", choices=kernels.BACKENDS, help="where to compute; auto by default")

    fit = command("fit", _fit, "fit a regression and print its table")
    with_data(fit)
    with_backend(fit)
    fit.add_argument("--no-intercept", action="store_true", help="no intercept")
    fit.add_argument("--l2", type=float, default=0.0, metavar="L", help="penalty L/2 |slopes|^2; 0")
    fit.add_argument("--bias-reduction", choices=("firth",), help="Firth's bias-reduced estimates")
    fit.add_argument("--level", type=float, default=0.95, metavar="P", help="coverage of the intervals; 0.95")
    fit.add_argument("--odds-ratios", action="store_true", help="print exp(estimate) in place of estimates")
    fit.add_argument(
        "--collinear",
        choices=("alias", "min_norm", "raise"),
        default="alias",
        help="what to do about columns that are combinations of those before; alias leaves them out",
    )
    fit.add_argument(
        "--on-separation",
        choices=("warn", "raise", "firth"),
        default="warn",
        help="where no estimate exists: the limiting fit (warn), an error, Firth's estimates",
    )
    fit.add_argument("--reference", metavar="CLASS", help="the class whose coefficients are zero; the first")

    compare = command("compare", _compare, "compare the compiled backend with its Python twin")
    with_data(compare, nargs="?")

    command("bench", _bench, "measure this installation in a minute")
    with_backend(command("info", _info, "print versions, backend and threads"))
    return parser


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1; got {text!r}")
    return int(text)
