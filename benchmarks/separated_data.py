"""One separated data set: what popular libraries print for it, and what sigmax says.

    python benchmarks/separated_data.py            print the tables of docs/separation.md
    python benchmarks/separated_data.py --write    put them there

Each program fits the same rows without a penalty; all else is its default.  What it warned of is told.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import math
import sys
import textwrap
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import sigmax as sx

PAGE = Path(__file__).resolve().parents[1] / "docs" / "separation.md"

#: 40 patients, made up for this page: age in years, dose in mg, marker found, relapse.  All 7 with the marker
#: relapsed; drawn once with numpy.random.default_rng(1), and since then data
ROWS = """
56 1.8 0 1   58 3.4 0 0   68 0.3 0 1   77 1.7 0 1   36 2.0 0 1   41 1.7 1 1   72 1.0 0 0   77 4.6 0 0
46 2.5 0 1   49 0.7 0 0   74 1.9 0 0   54 1.3 0 0   47 1.1 1 1   72 1.9 0 0   46 1.4 0 0   53 2.8 1 1
63 1.2 0 0   59 1.4 1 1   38 1.0 0 0   36 1.8 0 1   73 1.5 0 1   68 2.1 0 1   72 1.0 1 1   59 1.4 0 0
71 2.7 0 0   49 2.1 0 0   55 1.6 0 0   70 2.7 0 0   40 2.8 0 0   48 0.7 0 0   40 1.4 0 0   55 2.0 0 0
78 0.9 0 0   41 2.6 1 1   52 1.8 0 0   53 2.3 0 0   75 2.1 0 1   44 1.6 0 0   57 0.4 1 1   46 1.9 0 0
"""
FEATURES = ("age", "dose", "marker")
TARGET = "relapse"
#: the parameter that has no finite estimate, the intercept counted
MARKER = 3


@dataclass
class Answer:
    """What a program says of the coefficient of `marker`."""

    program: str
    version: str
    coefficient: float = math.nan
    error: float = math.nan
    p: float = math.nan
    converged: str = "does not say"
    warned: list[str] = field(default_factory=list)
    failed: str = ""


def data() -> tuple[np.ndarray, np.ndarray]:
    """X of shape (40, 3), and y."""
    values = np.array(ROWS.split(), dtype=float).reshape(-1, 4)
    return np.ascontiguousarray(values[:, :3]), values[:, 3].astype(int)


def _scikit_learn(X: np.ndarray, y: np.ndarray, answer: Answer) -> None:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=np.inf).fit(X, y)
    answer.coefficient = float(model.coef_[0, MARKER - 1])


def _logit(X: np.ndarray, y: np.ndarray, answer: Answer) -> None:
    from statsmodels.discrete.discrete_model import Logit

    fitted = Logit(y, np.column_stack([np.ones(len(X)), X])).fit(disp=0)
    answer.coefficient, answer.error = float(fitted.params[MARKER]), float(fitted.bse[MARKER])
    answer.p, answer.converged = float(fitted.pvalues[MARKER]), str(bool(fitted.mle_retvals["converged"]))


def _glm(X: np.ndarray, y: np.ndarray, answer: Answer) -> None:
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    fitted = GLM(y, np.column_stack([np.ones(len(X)), X]), family=Binomial()).fit()
    answer.coefficient, answer.error = float(fitted.params[MARKER]), float(fitted.bse[MARKER])
    answer.p, answer.converged = float(fitted.pvalues[MARKER]), str(bool(fitted.converged))


def _glum(X: np.ndarray, y: np.ndarray, answer: Answer) -> None:
    from glum import GeneralizedLinearRegressor

    model = GeneralizedLinearRegressor(family="binomial", alpha=0.0).fit(X, y.astype(float))
    answer.coefficient = float(model.coef_[MARKER - 1])
    errors = np.asarray(model.std_errors(X=X, y=y.astype(float)))
    answer.error = float(errors[MARKER])
    answer.p = math.erfc(abs(answer.coefficient / answer.error) / math.sqrt(2.0))


#: program, its package, how it is asked
PEERS: tuple[tuple[str, str, Callable[[np.ndarray, np.ndarray, Answer], None]], ...] = (
    ("scikit-learn, LogisticRegression(C=inf)", "scikit-learn", _scikit_learn),
    ("statsmodels, Logit", "statsmodels", _logit),
    ("statsmodels, GLM(Binomial)", "statsmodels", _glm),
    ("glum, alpha=0, robust errors (its default)", "glum", _glum),
)


def ask(program: str, package: str, fit: Callable[[np.ndarray, np.ndarray, Answer], None]) -> Answer:
    """The answer of one program, with its warnings."""
    try:
        answer = Answer(program, importlib.metadata.version(package))
    except importlib.metadata.PackageNotFoundError:
        return Answer(program, "-", failed="not installed")
    X, y = data()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            fit(X, y, answer)
        except Exception as error:  # whatever it says is its answer
            answer.failed = f"{type(error).__name__}: {error}"
    names = {w.category.__name__ for w in caught} - {"DeprecationWarning", "FutureWarning"}
    answer.warned = sorted(names)
    return answer


def _number(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)


def data_text() -> str:
    """The data as a table of what decides."""
    X, y = data()
    lines = ["| marker | patients | relapsed |", "|---|--:|--:|"]
    for value, name in ((0, "not found"), (1, "found")):
        mine = X[:, MARKER - 1] == value
        lines.append(f"| {name} | {mine.sum()} | {y[mine].sum()} |")
    return "\n".join(lines)


def others_text(answers: list[Answer]) -> str:
    """What the other libraries print, as a table."""
    lines = [
        "| program | coefficient of `marker` | std. error | p | converged | warnings |",
        "|---|--:|--:|--:|---|---|",
    ]
    for a in answers:
        name = f"{a.program} {a.version}"
        if a.failed:
            lines.append(f"| {name} | {a.failed} | | | | |")
            continue
        lines.append(
            f"| {name} | {_number(a.coefficient, '.4g')} | {_number(a.error, ',.4g')} | {_number(a.p, '.3g')}"
            f" | {a.converged} | {', '.join(a.warned) or 'none'} |"
        )
    return "\n".join(lines)


def sigmax_text(backend: str = "auto") -> str:
    """What sigmax says, as a user sees it."""
    X, y = data()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        r = sx.fit(X, y, names=FEATURES, backend=backend)
    lines = [
        textwrap.fill(f"{w.category.__name__}: {w.message}", 100, subsequent_indent="  ") for w in caught
    ]
    s = r.separation
    names = r.param_names
    # what the summary says of certificate and backend belongs to the machine
    lines += ["", r.summary(target=TARGET).split("certificate")[0].rstrip(), ""]
    lines += [
        f"r.separation.kind       {s.kind!r}",
        f"r.separation.infinite   {dict(zip(names, s.infinite.tolist(), strict=True))}",
        f"r.separation.direction  {dict(zip(names, s.direction.tolist(), strict=True))}",
        f"r.separation.rows       {s.rows.tolist()}",
        f"r.certificate.exists    {r.certificate.exists}",
        f"r.predict_proba(X)[{s.rows[0]}]   {r.predict_proba(X[s.rows[:1]])[0].tolist()}",
    ]
    return "```text\n" + "\n".join(line.rstrip() for line in lines).strip() + "\n```"


def block(page: str, name: str) -> tuple[int, int]:
    """Where a generated part of the page begins and ends."""
    begin, end = f"<!-- {name}: begin -->\n", f"\n<!-- {name}: end -->"
    return page.index(begin) + len(begin), page.index(end)


def main(given: list[str] | None = None) -> int:
    about = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python benchmarks/separated_data.py", description=about)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/separation.md")
    options = parser.parse_args(given)
    parts = {
        "data": data_text(),
        "others": others_text([ask(*peer) for peer in PEERS]),
        "sigmax": sigmax_text(),
    }
    for name, text in parts.items():
        print(f"{name}\n\n{text}\n")
    if options.write:
        page = PAGE.read_text()
        for name, text in parts.items():
            start, stop = block(page, name)
            page = page[:start] + text + page[stop:]
        PAGE.write_text(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
