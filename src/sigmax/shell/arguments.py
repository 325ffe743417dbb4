"""The arguments of every command, and the examples in its help; tests run each of them."""

from __future__ import annotations

import argparse
import difflib
from typing import Any, NoReturn

import sigmax
from sigmax import datasets, kernels
from sigmax.shell import bench, compare, fit, info, predict

_EPILOG = {
    "": """examples:
  sigmax fit spector
  sigmax fit flights.csv --target late --save late.npz
  sigmax predict late.npz new_flights.csv --id flight --output scored.csv

exit codes: 0 all is well; 1 a fit without a certificate, or backends that disagree; 2 wrong usage or input.
NO_COLOR=1 switches colours off; they are for terminals only.""",
    "fit": """examples:
  sigmax fit spector
  sigmax fit spector --level 0.9 --odds-ratios
  sigmax fit flights.csv --target late --features distance,hour,wind
  sigmax fit flights.csv --target late --features distance,hour --weights days --save late.npz
  sigmax fit flights.csv --formula "late ~ distance + C(carrier) + distance:wind" --missing drop
  sigmax fit survey.parquet --target party --class-reference none --level 0.99 --json
  sigmax fit survey.parquet --target party --features age,income --plots pictures
  sigmax fit trial.csv --target cured --firth

Columns of text become categories, with their first level as the base.  Numbers that are codes: --formula
with C(column).""",
    "predict": """examples:
  sigmax predict late.npz new_flights.csv
  sigmax predict late.npz new_flights.csv --id flight,carrier --output scored.csv
  sigmax predict late.npz new_flights.parquet --keep --level 0.95 --output scored.parquet
  sigmax predict late.npz new_flights.csv --labels --missing keep

The file is read and written in pieces: it may be larger than memory.  Columns are found by name, in any
order.  The output has the columns of --id or --keep as they stand in the file, then "predicted", the most
probable class, and a column p_CLASS for each class, with p_CLASS_lower and p_CLASS_upper under --level.
FILE - is CSV from standard input.  A file given to --output appears when it is complete, or not at all.""",
    "compare": """examples:
  sigmax compare
  sigmax compare flights.csv --target late --features distance,hour,wind""",
    "bench": """examples:
  sigmax bench --threads 2
  sigmax bench --full --out report
  sigmax bench --full --out report --parts roofline,scaling
  sigmax bench --full --out report --draw

--full runs the whole benchmark against every other library that is installed,
an hour on two CPUs, and writes report.html, its figures and the JSON of each part:

  problems   what each problem is like, and whether its estimate exists
  speed      time of every library at equal accuracy
  curves     accuracy against time
  roofline   passes and fits against the limits of the machine
  scaling    cost against rows, columns, classes and threads, and memory

It needs matplotlib (pip install 'sigmax[plot]').  Its figures are worth something
on a quiet machine alone; the report says whether it was one.""",
    "info": """examples:
  sigmax info
  sigmax info --json""",
}
_JSON = (
    "print a JSON document: numbers with every digit, inf as a string, nan as null "
    "(keys: python -c 'import sigmax.shell.{0} as m; help(m)')"
)


class _Parser(argparse.ArgumentParser):
    """One line for an error, with the nearest option."""

    def error(self, message: str) -> NoReturn:
        unknown = message.removeprefix("unrecognized arguments: ") if "unrecognized" in message else ""
        if unknown.startswith("-"):
            word = unknown.split()[0].partition("=")[0]
            near = difflib.get_close_matches(word, self.options, 1)
            message = f"there is no option {word}" + (f"; did you mean {near[0]}?" if near else "")
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")

    @property
    def options(self) -> list[str]:
        """Every long option."""
        return [one for action in self._actions for one in action.option_strings if one.startswith("--")]


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Parse `sys.argv[1:]` or what is given; exits where it cannot."""
    parser, commands = _parsers()
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        commands[options.command].error(f"unrecognized arguments: {' '.join(unknown)}")
    return options


def _parsers() -> tuple[_Parser, dict[str, _Parser]]:
    parser = _Parser(
        prog="sigmax",
        description="Exact maximum likelihood for logistic and multinomial regression.",
        epilog=_EPILOG[""],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"sigmax {sigmax.__version__}")
    commands = parser.add_subparsers(required=True, metavar="command", dest="command")
    found: dict[str, _Parser] = {}
    for name, (add, run, text) in _COMMANDS.items():
        one = commands.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=_EPILOG[name],
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        one.set_defaults(run=run)
        add(one)
        found[name] = one
    return parser, found


def _with_data(one: argparse.ArgumentParser, nargs: str | None = None) -> None:
    names = ", ".join(datasets.names())
    one.add_argument(
        "data", help=f"a CSV, Parquet or Feather file, or a bundled data set: {names}", nargs=nargs
    )
    one.add_argument("--target", metavar="COL", help="the column to explain (files need it)")
    one.add_argument(
        "--features", metavar="A,B,...", help="columns to explain it with; all others by default"
    )


def _with_threads(one: argparse._ActionsContainer) -> None:
    one.add_argument("--threads", type=_whole, metavar="N", help="threads to use (same bits for any)")


def _with_json(one: argparse._ActionsContainer, module: str) -> None:
    one.add_argument("--json", action="store_true", help=_JSON.format(module))


def _fit(one: argparse.ArgumentParser) -> None:
    _with_data(one)
    model = one.add_argument_group("model")
    add: Any = model.add_argument
    add("--formula", metavar="F", help="target and features in formulaic's language: 'y ~ a + C(b) + a:b'")
    add("--no-intercept", action="store_true", help="no intercept")
    add("--weights", metavar="COL", help="column of weights of the rows")
    add(
        "--weight-type",
        choices=("frequency", "importance", "probability"),
        default="frequency",
        help="what they mean: repeated rows, factors of the likelihood, or a survey's; frequency",
    )
    add("--offset", metavar="COL", help="column with a known part of the logit; one for each class: A,B,C")
    add("--class-reference", "--reference", metavar="CLASS", help="class whose coefficients are 0; the first")
    add("--missing", choices=("raise", "drop"), default="raise", help="rows with missing values; raise")
    method = one.add_argument_group("method")
    add = method.add_argument
    add("--l2", type=float, default=0.0, metavar="L", help="penalty L/2 |slopes|^2; 0")
    add("--firth", action="store_const", const="firth", dest="bias_reduction", help="Firth's estimates")
    add("--bias-reduction", choices=("firth",), help="firth: as --firth")
    add(
        "--collinear",
        choices=("alias", "min_norm", "raise"),
        default="alias",
        help="what to do about columns that are combinations of those before; alias leaves them out",
    )
    add(
        "--on-separation",
        choices=("warn", "raise", "firth"),
        default="warn",
        help="where no estimate exists: the limiting fit (warn), an error, Firth's estimates",
    )
    add("--backend", choices=kernels.BACKENDS, help="where to compute; auto by default")
    _with_threads(method)
    shown = one.add_argument_group("output")
    add = shown.add_argument
    add("--level", type=float, default=0.95, metavar="P", help="coverage of the intervals; 0.95")
    add("--odds-ratios", action="store_true", help="print exp(estimate) in place of estimates")
    add("--save", metavar="MODEL", help="write the model, for sigmax predict and sigmax.load")
    add("--plots", metavar="DIR", help="draw coefficients, ROC, calibration, influence into files of DIR")
    add("--plot-format", choices=("png", "svg", "pdf"), default="png", help="of the pictures; png")
    _with_json(shown, "fit_document")


def _predict(one: argparse.ArgumentParser) -> None:
    one.add_argument("model", metavar="MODEL", help="what sigmax fit --save wrote")
    one.add_argument("data", metavar="FILE", help="a CSV, Parquet or Feather file; - is standard input")
    kept = one.add_mutually_exclusive_group()
    kept.add_argument("--id", metavar="A,B,...", help="columns of FILE to keep")
    kept.add_argument("--keep", action="store_true", help="keep all columns of FILE")
    add: Any = one.add_argument
    add(
        "--output",
        "-o",
        metavar="OUT",
        default="-",
        help="CSV, Parquet or Feather by its suffix; - prints CSV",
    )
    add("--proba", action="store_true", help="probabilities alone, without the most probable class")
    add("--labels", action="store_true", help="the most probable class alone")
    add("--level", type=float, metavar="P", help="intervals of the probabilities, of this coverage")
    add("--offset", metavar="COL", help="column of the offset; one for each class: A,B,C")
    add(
        "--missing",
        choices=("raise", "drop", "keep"),
        default="raise",
        help="rows with missing values: an error, left out, kept without a prediction; raise",
    )
    _with_json(one, "predict")


def _compare(one: argparse.ArgumentParser) -> None:
    _with_data(one, nargs="?")
    _with_threads(one)
    _with_json(one, "compare")


def _bench(one: argparse.ArgumentParser) -> None:
    _with_threads(one)
    _with_json(one, "bench")
    whole = one.add_argument_group("the whole benchmark")
    add = whole.add_argument
    add("--full", action="store_true", help="all parts, with other libraries as peers, and report.html")
    add("--out", metavar="DIR", help="folder of the report, made if need be; sigmax-benchmark")
    add("--parts", metavar="A,B,...", help="of problems, speed, curves, roofline, scaling; all")
    add("--data", metavar="DIR", help="folder of large data sets that were downloaded")
    add("--keep", action="store_true", help="measure only parts whose file is not there yet")
    add("--draw", action="store_true", help="measure nothing, draw the report again")
    add("--tiny", action="store_true", help="small sizes: does everything work here?")


def _info(one: argparse.ArgumentParser) -> None:
    one.add_argument("--backend", choices=kernels.BACKENDS, help="where to compute; auto by default")
    _with_threads(one)
    _with_json(one, "info")


#: name -> what adds its arguments, what runs it, what it does
_COMMANDS = {
    "fit": (_fit, fit.run, "fit a regression and print its table"),
    "predict": (_predict, predict.run, "predict the rows of a file with a saved model"),
    "compare": (_compare, compare.run, "compare the compiled backend with its Python twin"),
    "bench": (_bench, bench.run, "measure this installation in a minute, or everything"),
    "info": (_info, info.run, "print versions, backend, threads and optional libraries"),
}


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1; got {text!r}")
    return int(text)
