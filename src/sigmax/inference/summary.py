"""The text of a result: one table of coefficients for each logit, then what is known about them."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from sigmax.data.checks import plural
from sigmax.inference.tables import aligned, decimals, in_line
from sigmax.inference.tails import p_text

if TYPE_CHECKING:
    from sigmax.inference.result import Result

_WIDTH = 92
#: aliased columns that are printed
_SHOWN = 12
_COLUMNS = ("estimate", "std. error", "z", "p")


def _label(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _plain(value: object) -> object:
    """A NumPy scalar as a number or text of Python."""
    return value.tolist() if isinstance(value, np.generic) else value


def _dependence(result: Result) -> list[str]:
    """The columns that are combinations of others, and what was done."""
    if result.dependence is None:
        return []
    found = np.flatnonzero(result.dependence.aliased).tolist()
    shown = [result.dependence.formula(j, result.param_names) for j in found[:_SHOWN]]
    more = [f"and {len(found) - _SHOWN:,} more"] if len(found) > _SHOWN else []
    text = "; ".join([*shown, *more])
    if result.collinear == "min_norm":
        return _paragraph("collinear", f"{text}; the coefficients are those of the smallest norm")
    return _paragraph("aliased", f"{text}; left out")


def _separation(result: Result) -> str:
    """What separates the classes, and which rows."""
    found = result.separation
    assert found is not None
    rows = [f"{i:,}" for i in found.rows[:_SHOWN].tolist()]
    more = f" and {len(found.rows) - _SHOWN:,} more" if len(found.rows) > _SHOWN else ""
    gone = int(np.count_nonzero(found.undetermined))
    nan = f"; {plural(gone, 'parameter')} without a limit (nan)" if gone else ""
    note = f"; {found.note}" if found.note else ""
    return f"{found.text(result.param_names)}: rows {', '.join(rows)}{more}{nan}{note}"


def _paragraph(name: str, text: str) -> list[str]:
    indent = " " * 16
    return textwrap.wrap(f"{name:<16}{text}", _WIDTH, subsequent_indent=indent, break_long_words=False)


def summary_text(result: Result, *, level: float, target: str) -> str:
    """See :meth:`sigmax.inference.result.Result.summary`."""
    labels = [_label(value) for value in result.classes.tolist()]
    interval = f"{100 * level:g} % interval"
    header = ("", *_COLUMNS, "[" + interval, "]")

    def matrix(x: np.ndarray) -> np.ndarray:
        return np.atleast_2d(x)

    params, errors = matrix(result.params), matrix(result.bse)
    z, log_p = matrix(result.zvalues), matrix(result.log_pvalues)
    ends = result.conf_int(level).reshape(*params.shape, 2)

    kind = "Logistic" if len(labels) == 2 else "Multinomial logistic"
    method = f"penalised likelihood, l2 = {result.l2:g}" if result.l2 else "exact maximum likelihood"
    if result.bias_reduction == "firth":
        method = "Firth's bias-reduced estimates"
    lines = [f"{kind} regression of {target}, {method}", ""]
    against = "the mean of all" if result.reference is None else _label(_plain(result.reference))
    for c, value in enumerate(result.row_labels):
        digits = [decimals(float(error)) for error in errors[c]]
        columns = [
            list(result.param_names),
            in_line(params[c].tolist(), digits),
            in_line(errors[c].tolist(), digits),
            [f"{value:z.3f}" for value in z[c]],
            [p_text(float(value)) for value in log_p[c]],
            in_line(ends[c, :, 0].tolist(), digits),
            in_line(ends[c, :, 1].tolist(), digits),
        ]
        rows = list(zip(*columns, strict=True))
        lines += [f"{target} = {_label(_plain(value))} against {against}"]
        lines += ["  " + line for line in aligned(rows, header)]
        lines += [""]
    lines += _paragraph("observations", f"{result.nobs:,.10g}")
    lines += _paragraph("log-likelihood", f"{result.llf:.6f}   AIC {result.aic:.3f}   BIC {result.bic:.3f}")
    if result.penalised_llf is not None:
        lines += _paragraph(
            "penalised", f"{result.penalised_llf:.6f}, log-likelihood + 1/2 log det information"
        )
    lines += _dependence(result)
    if result.separation is not None:
        lines += _paragraph("separation", _separation(result))
    lines += _paragraph("certificate", str(result.certificate))
    threads = f"{result.n_threads} thread" + ("" if result.n_threads == 1 else "s")
    lines += _paragraph("backend", f"{result.backend} ({result.isa}), {threads}")
    return "\n".join(lines)
