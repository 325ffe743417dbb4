"""The summary of a result: a row for each coefficient, then what is known about all of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sigmax.data.checks import plural
from sigmax.inference.estimates import Estimates
from sigmax.inference.likelihood import Likelihood
from sigmax.inference.tables import Table, decimals, in_line, label_text
from sigmax.inference.tails import log_chi2_tail, log_normal_tail, p_text
from sigmax.kernels import Float

#: aliased columns, and separated rows, that are printed
_SHOWN = 12
#: z beyond this is written with an exponent
_LARGE_Z = 1e6


class Summary(str):
    """A table as text, which a notebook shows as HTML.

    Parameters
    ----------
    table : Table
    """

    _table: Table

    def __new__(cls, table: Table) -> Summary:  # noqa: D102
        self = super().__new__(cls, table.text())
        self._table = table
        return self

    def __getnewargs__(self) -> tuple[Table]:  # type: ignore[override]
        return (self._table,)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return self._table.html()


# -- words -----------------------------------------------------------------------------------------


def covariance_text(result: Estimates) -> str:
    """What the standard errors rest on: ``HC0 robust``, ``clustered, 42 clusters``."""
    if result.covariance_kind == "mle":
        return f"inverse of the {'penalised' if result.l2 else 'observed'} information"
    if result.covariance_kind == "cluster":
        assert result.n_clusters is not None
        return f"clustered, {plural(result.n_clusters, 'cluster')}"
    return f"{result.covariance_kind} robust"


def ratio_name(result: Estimates) -> str:
    """What exp of a coefficient is: relative-risk ratio is Stata's word for more than two classes."""
    if result.reference is None:
        return "exp(estimate)"
    return "odds ratio" if len(result.classes) == 2 else "relative-risk ratio"


def method_text(result: Estimates) -> str:
    """How the estimates came about."""
    if result.bias_reduction == "firth":
        return "Firth's bias-reduced estimates"
    return f"penalised likelihood, l2 = {result.l2:g}" if result.l2 else "exact maximum likelihood"


# -- the table -------------------------------------------------------------------------------------


def summary_table(result: Likelihood, *, level: float, target: str, odds_ratios: bool) -> Table:
    """See :meth:`sigmax.inference.summaries.Likelihood.summary`."""
    kind = "Logistic" if len(result.classes) == 2 else "Multinomial logistic"
    name = ratio_name(result) if odds_ratios else "estimate"
    interval = f"[{100.0 * level:.10g} % interval"
    return Table(
        header=("", name, "std. error", "z", "p", interval, "]"),
        rows=_rows(result, level, target, odds_ratios),
        title=f"{kind} regression of {target}, {method_text(result)}",
        facts=_facts(result, name if odds_ratios else None),
    )


def ratios(values: Float, errors: Float, ends: Float) -> tuple[Float, Float, Float]:
    """exp(b), its standard error exp(b) se(b) by the delta method, and the ends of its interval."""
    with np.errstate(over="ignore", invalid="ignore"):
        odds = np.exp(values)
        return odds, odds * errors, np.exp(ends)


def _rows(result: Likelihood, level: float, target: str, odds_ratios: bool) -> list[tuple[str, ...] | str]:
    """Cells of each coefficient, under a heading for each class."""
    values, errors = result.params.ravel(), result.bse.ravel()
    z = result.zvalues.ravel()
    ends = result.conf_int(level).reshape(-1, 2)
    words = _without_numbers(result)
    log_p = log_normal_tail(z).tolist()
    if odds_ratios:
        words = {j: {"inf": "inf", "-inf": "0"}.get(word, word) for j, word in words.items()}
        values, errors, ends = ratios(values, errors, ends)

    size = len(values)
    some = [j for j in range(size) if j not in words]
    # the ends of a ratio's interval are of other magnitudes than its error
    digits = None if odds_ratios else [decimals(errors.item(j)) for j in some]

    def column(numbers: Float) -> list[str]:
        cells = [""] * size
        for j, cell in zip(some, in_line(numbers[some].tolist(), digits), strict=True):
            cells[j] = cell
        return cells

    first = column(values)
    for j, word in words.items():
        first[j] = word
    columns = [
        list(result.param_names) * (size // len(result.param_names)),
        first,
        column(errors),
        ["" if j in words else _z_text(x) for j, x in enumerate(z.tolist())],
        ["" if j in words else p_text(x) for j, x in enumerate(log_p)],
        column(ends[:, 0]),
        column(ends[:, 1]),
    ]
    cells = list(zip(*columns, strict=True))

    against = "the mean of all" if result.reference is None else label_text(result.reference)
    k = len(result.param_names)
    rows: list[tuple[str, ...] | str] = []
    for c, label in enumerate(result.row_labels):
        rows += [f"{target} = {label_text(label)} against {against}", *cells[c * k : (c + 1) * k]]
    return rows


def _z_text(z: float) -> str:
    return f"{z:z.3f}" if abs(z) < _LARGE_Z else f"{z:.3e}" if math.isfinite(z) else f"{z:g}"


def _without_numbers(result: Likelihood) -> dict[int, str]:
    """What stands in place of numbers: index of a parameter -> word."""
    words: dict[int, str] = {}
    limit = result._limit
    if limit is not None and not limit.note:
        words |= dict.fromkeys(np.flatnonzero(limit.undetermined.ravel()).tolist(), "no limit")
    words |= dict.fromkeys(np.flatnonzero(result.aliased.ravel()).tolist(), "aliased")
    values = result.params.ravel()
    return words | {j: f"{values[j]:g}" for j in np.flatnonzero(np.isinf(values)).tolist()}


# -- facts -----------------------------------------------------------------------------------------


def _facts(result: Likelihood, ratio: str | None) -> list[tuple[str, list[str]]]:
    facts = _observed(result)
    if result.dropped is not None:
        facts += [("dropped", [str(result.dropped)])]
    facts += _likelihood(result)
    facts += [("covariance", _covariance(result))]
    if ratio is not None:
        text = "with its interval; its standard error by the delta method; z and p are those of the estimate"
        facts += [(ratio, [f"exp(estimate), {text}"])] if ratio != "exp(estimate)" else [(ratio, [text])]
    facts += _dependence(result)
    if result.separation is not None:
        facts += [("separation", [_separation(result)])]
    facts += [("certificate", [str(result.certificate)])]
    facts += [("backend", [f"{result.backend} ({result.isa}), {plural(result.n_threads, 'thread')}"])]
    return facts


def _observed(result: Likelihood) -> list[tuple[str, list[str]]]:
    """Observations, weights, classes, degrees of freedom."""
    against = result._against()
    offsets = getattr(result.terms, "offsets", None)  # of a formula
    weights, unit = [], ""
    if against.weighted:
        weights = [f"{result.weight_type} weights"]
        if result.weight_type != "frequency":
            weights[0] += f" of sum {math.fsum(against.totals):,.10g}"
            unit = "weight "
    labels = map(label_text, result.classes.tolist())
    return [
        (
            "observations",
            [
                f"{result.nobs:,.10g}",
                *weights,
                f"parameters {result.n_estimated:,}",
                f"residual df {result.df_resid:,.10g}",
            ],
        ),
        ("classes", [f"{a}: {unit}{n:,.10g}" for a, n in zip(labels, against.totals, strict=True)]),
        *([] if offsets is None else [("offset", [str(offsets)])]),
    ]


def _likelihood(result: Likelihood) -> list[tuple[str, list[str]]]:
    """Log-likelihoods, and what is made of them where it means what it is called."""
    sampled = result.weight_type == "probability"
    criteria = [] if sampled else [f"AIC {result.aic:.3f}", f"BIC {result.bic:.3f}"]
    facts: list[tuple[str, list[str]]] = [("log-likelihood", [f"{result.llf:.6f}", *criteria])]
    if result.penalised_llf is not None:
        text = f"{result.penalised_llf:.6f}, log-likelihood + 1/2 log det information"
        facts += [("penalised", [text])]
    null = [f"{result.llnull:.6f}"]
    # chi^2 is the distribution of a maximum of the likelihood of independent rows, and of nothing else here
    plain = result.covariance_kind == "mle" and not sampled
    if plain and not result.l2 and result.bias_reduction is None and result.df_model > 0:
        p = p_text(float(log_chi2_tail(result.llr, result.df_model)))
        null += [f"LR chi2({result.df_model}) {result.llr:.3f}", f"p {p}"]
    if result.llnull:
        null += [f"McFadden R2 {result.prsquared:.4f}"]
    return [*facts, ("null model", null)]


def _covariance(result: Likelihood) -> list[str]:
    """What the standard errors rest on; and the test of all slopes where likelihoods give none."""
    found = None if result.covariance_kind == "mle" else result._slopes_test()
    if found is None:
        return [covariance_text(result)]
    test = f"Wald chi2({found.df}) {found.statistic:.3f}"
    return [covariance_text(result), test, f"p {p_text(found.log_pvalue)}"]


def _dependence(result: Likelihood) -> list[tuple[str, list[str]]]:
    """The columns that are combinations of others, and what was done."""
    if result.dependence is None:
        return []
    found = np.flatnonzero(result.dependence.aliased).tolist()
    shown = [result.dependence.formula(j, result.param_names) for j in found[:_SHOWN]]
    more = [f"and {len(found) - _SHOWN:,} more"] if len(found) > _SHOWN else []
    text = "; ".join([*shown, *more])
    if result.collinear == "min_norm":
        return [("collinear", [f"{text}; the coefficients are those of the smallest norm"])]
    return [("aliased", [f"{text}; left out"])]


def _separation(result: Likelihood) -> str:
    """What separates the classes, which rows, and what the words in the table mean."""
    found: Any = result.separation
    rows = [f"{i:,}" for i in found.rows[:_SHOWN].tolist()]
    more = f" and {len(found.rows) - _SHOWN:,} more" if len(found.rows) > _SHOWN else ""
    word = "row" if len(rows) == 1 else "rows"
    text = f"{found.text(result.param_names)}: {word} {', '.join(rows)}{more}"
    if result._limit is None:
        return f"{text}; {found.note}" if found.note else text
    if np.isinf(result.params).any():
        text += "; infinite parameters have no standard error"
    gone = int(np.count_nonzero(found.undetermined))
    if gone:
        shown = "nan" if found.note else "no limit"
        text += f"; {plural(gone, 'parameter')} without a limit ({shown})"
    return f"{text}; {found.note}" if found.note else text
