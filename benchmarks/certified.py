"""Correct digits on the certified sets: sigmax and its peers, and which of them said that they were wrong.

    python benchmarks/certified.py
    python benchmarks/certified.py --sets rare offset-1e6 --json FILE

The digits are the log relative error of the worst number, LRE = -log10(max |found - exact| / |exact|), 16 at
most; the exact answers are those of tests/certified.  0 and less: the first digit is wrong.  After a figure,
`w` says that the program warned.  Peers fit without a penalty, with the tolerance that stands in the name;
without one, with their defaults.  A peer that is not installed is listed as such.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import math
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

# the sets and the comparison are those of the tests
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from certified import Certified, load, names
from oracles.newton import relative_error

import sigmax as sx
from sigmax import threads
from sigmax.bench import conditions, document

Float = npt.NDArray[np.float64]

MOST, LEAST = 16.0, -9.9


@dataclass(frozen=True)
class Found:
    """What a program answers: coefficients (K - 1, k), intercept first, and what else it knows."""

    params: Float
    bse: Float | None = None
    #: digits that the program itself says are correct
    claimed: float | None = None


@dataclass(frozen=True)
class Score:
    """The digits of one program on one set; None for what it does not give."""

    set: str
    classes: int
    condition: float
    program: str
    params: float | None
    bse: float | None
    claimed: float | None
    warned: tuple[str, ...]
    raised: str


@dataclass(frozen=True)
class Program:
    """A way to fit: `answer` takes a set; `package` must be importable."""

    name: str
    package: str
    answer: Callable[[Certified], Found]
    multinomial: bool = True


# -- the programs ----------------------------------------------------------------------------------


def of_sigmax(data: Certified) -> Found:
    r = sx.fit(data.X, data.y)
    return Found(np.atleast_2d(r.params), np.atleast_2d(r.bse), float(r.certificate.digits))


def of_scikit_learn(**options: Any) -> Callable[[Certified], Found]:
    def answer(data: Certified) -> Found:
        from sklearn.linear_model import LogisticRegression

        m = LogisticRegression(C=np.inf, **options).fit(data.X, data.y)
        b = np.column_stack([m.intercept_, m.coef_])
        # one row for two classes; for more, one for each class
        return Found(b if len(b) == 1 else b[1:] - b[0])

    return answer


def with_ones(data: Certified) -> Float:
    return np.column_stack([np.ones(len(data.y)), data.X])


def of_logit(data: Certified) -> Found:
    from statsmodels.api import Logit, MNLogit

    r = (Logit if data.n_classes == 2 else MNLogit)(data.y, with_ones(data)).fit(disp=0)
    return Found(np.atleast_2d(r.params.T), np.atleast_2d(np.asarray(r.bse).T))


def of_glm(data: Certified) -> Found:
    from statsmodels.api import GLM, families

    r = GLM(data.y, with_ones(data), family=families.Binomial()).fit(tol=1e-12)
    return Found(np.atleast_2d(r.params), np.atleast_2d(r.bse))


def of_glum(data: Certified) -> Found:
    from glum import GeneralizedLinearRegressor

    m = GeneralizedLinearRegressor(family="binomial", alpha=0, gradient_tol=1e-13, max_iter=1000)
    m.fit(data.X, data.y)
    return Found(np.atleast_2d(np.concatenate([[m.intercept_], m.coef_])))


PROGRAMS = (
    Program("sigmax", "sigmax", of_sigmax),
    Program("sk lbfgs", "sklearn", of_scikit_learn()),
    Program("sk lbfgs 1e-14", "sklearn", of_scikit_learn(tol=1e-14, max_iter=10_000)),
    Program(
        "sk newton-chol 1e-14",
        "sklearn",
        of_scikit_learn(solver="newton-cholesky", tol=1e-14, max_iter=1000),
    ),
    Program("sm (MN)Logit", "statsmodels", of_logit),
    Program("sm GLM 1e-12", "statsmodels", of_glm, multinomial=False),
    Program("glum 1e-13", "glum", of_glum, multinomial=False),
)
#: package -> distribution
DISTRIBUTION = {"sklearn": "scikit-learn"}


def versions(programs: Sequence[Program]) -> dict[str, str | None]:
    """Package -> version, None for those that cannot be imported."""
    found: dict[str, str | None] = {}
    for package in dict.fromkeys(program.package for program in programs):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what importing warns of is not what fitting warns of
                importlib.import_module(f"{package}.api" if package == "statsmodels" else package)
            found[package] = importlib.metadata.version(DISTRIBUTION.get(package, package))
        except ImportError:
            found[package] = None
    return found


# -- scores ----------------------------------------------------------------------------------------


def digits(found: Float, exact: Any) -> float:
    """LRE of the worst number, between LEAST and MOST; LEAST where one is not finite."""
    worst = float(relative_error(found, exact).max())
    return min(MOST, max(LEAST, -math.log10(worst))) if worst > 0.0 else MOST


def score(program: Program, data: Certified) -> Score:
    """Let a program answer, and count digits, warnings and errors."""
    found, raised = None, ""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        try:
            found = program.answer(data)
        except Exception as error:  # whatever a program raises is its answer
            raised = f"{type(error).__name__}: {error}".split("\n")[0]
    return Score(
        set=data.name,
        classes=data.n_classes,
        condition=data.condition,
        program=program.name,
        params=None if found is None else digits(found.params, data.params),
        bse=None if found is None or found.bse is None else digits(found.bse, data.bse),
        claimed=None if found is None else found.claimed,
        warned=tuple(dict.fromkeys(one.category.__name__ for one in given)),
        raised=raised,
    )


def scores(sets: Sequence[str], programs: Sequence[Program]) -> list[Score]:
    """Every program on every set that it is for."""
    loaded = [load(name) for name in sets]
    return [score(p, data) for data in loaded for p in programs if data.n_classes == 2 or p.multinomial]


# -- the table -------------------------------------------------------------------------------------


def cell(one: Score | None, value: float | None) -> str:
    if one is None:
        return "-"
    if one.raised:
        return "raises"
    return "-" if value is None else f"{value:.1f}{'w' if one.warned else ''}"


def table(found: Sequence[Score], programs: Sequence[Program]) -> str:
    """A row for each set: digits of the estimates, then of the standard errors where there are any."""
    by = {(one.set, one.program): one for one in found}
    with_bse = [p for p in programs if any(one.bse is not None for one in found if one.program == p.name)]
    says = [p for p in programs if any(one.claimed is not None for one in found if one.program == p.name)]
    rows = [
        ["set", "condition"]
        + [p.name for p in programs]
        + [f"{p.name} says" for p in says]
        + [f"{p.name} s.e." for p in with_bse]
    ]
    for name in dict.fromkeys(one.set for one in found):
        mine = {p.name: by.get((name, p.name)) for p in programs}
        rows.append(
            [name, f"{load(name).condition:.1e}"]
            + [cell(one, one and one.params) for one in mine.values()]
            + [cell(mine[p.name], (one := mine[p.name]) and one.claimed) for p in says]
            + [cell(mine[p.name], (one := mine[p.name]) and one.bse) for p in with_bse]
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            text.ljust(width) if j == 0 else text.rjust(width)
            for j, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join(lines)


def complaints(found: Sequence[Score]) -> list[str]:
    """Who warned and who raised, a line each."""
    return [
        f"{one.set}: {one.program} "
        + (f"raises {one.raised}" if one.raised else f"warns {', '.join(one.warned)}")
        for one in found
        if one.raised or one.warned
    ]


def summary(found: Sequence[Score], programs: Sequence[Program]) -> list[str]:
    """For each program, on how many sets not one digit is right, and on how many of those it said nothing."""
    lines = []
    for p in programs:
        mine = [one for one in found if one.program == p.name]
        wrong = [one for one in mine if one.params is not None and one.params < 1.0]
        silent = sum(not one.warned for one in wrong)
        raised = sum(bool(one.raised) for one in mine)
        lines.append(
            f"{p.name}: {len(mine)} sets, {raised} raised, {len(wrong)} with less than one correct digit, "
            f"{silent} of them without a warning"
        )
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/certified.py", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--sets", nargs="+", choices=names(), default=names(), metavar="NAME", help="(all)")
    parser.add_argument("--json", type=Path, help="file for the scores")
    options = parser.parse_args(arguments)

    watch, have = conditions.Watch(), versions(PROGRAMS)
    programs = [p for p in PROGRAMS if have[p.package] is not None]
    print(", ".join(f"{package} {version or 'NOT INSTALLED'}" for package, version in have.items()))
    found = scores(options.sets, programs)
    print(f"\ncorrect digits (w: warned)\n\n{table(found, programs)}\n")
    print("\n".join(summary(found, programs)) + "\n")
    print("\n".join(complaints(found)) or "nobody warned, nobody raised")
    if options.json:
        # each program has the threads that it takes: no time is told
        head = document.head(
            "certified", n_threads=threads.resolve(), conditions=watch.conditions(), libraries=have
        )
        content = head | {"versions": have, "scores": [asdict(one) for one in found]}
        options.json.write_text(json.dumps(content, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
