"""The JSON document of a fit.

Keys, all of which are always there; ``null`` stands for what does not exist, see
:func:`sigmax.shell.output.plain` for numbers that are not finite:

=============== ======================================================================================
schema          1; raised where a key goes or changes its meaning
command         ``"fit"``
sigmax          version that wrote it
data            the file or bundled set
model           ``formula``, ``target``, ``classes``, ``reference``, ``intercept``, ``method`` ("ml",
                "penalised", "firth"), ``l2``, ``weights``, ``weight_type``, ``offset`` (names of columns)
level           coverage of ``lower`` and ``upper``
coefficients    a list, in the order of ``params.ravel()``: ``class`` (null with two classes), ``term``,
                ``estimate``, ``std_error``, ``z``, ``p``, ``lower``, ``upper``, ``odds_ratio``,
                ``odds_ratio_lower``, ``odds_ratio_upper``, ``error_bound`` (proved distance to the exact
                optimum), ``aliased``
covariance      ``kind``, ``matrix``: a list of rows, in the order of ``coefficients``
fit             ``nobs``, ``llf``, ``llnull``, ``llr``, ``llr_pvalue``, ``df_model``, ``df_resid``,
                ``deviance``, ``null_deviance``, ``prsquared``, ``aic``, ``bic``
not_defined     name of a statistic that is null -> why
dropped         rows left out by --missing drop: ``rows`` (how many), ``by_column``; null without
separation      ``kind``, ``columns``, ``rows`` (data rows from 1), ``infinite``; null where there is none
certificate     ``converged``, ``exists``, ``newton_decrement``, ``standard_errors_off``, ``digits``,
                ``condition_number``, ``iterations``, ``passes``, ``reason``
computed        ``backend``, ``isa``, ``threads``
warnings        what went to standard error
files           ``model`` and ``plots``: what was written
versions        ``python``, ``numpy``, ``scipy``
=============== ======================================================================================
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Sequence
from typing import Any

import numpy as np

from sigmax.inference.result import Result
from sigmax.inference.summary import ratios

_STATISTICS = (
    "nobs",
    "llf",
    "llnull",
    "llr",
    "llr_pvalue",
    "df_model",
    "df_resid",
    "deviance",
    "null_deviance",
    "prsquared",
    "aic",
    "bic",
)
_CERTIFICATE = (
    "converged",
    "exists",
    "newton_decrement",
    "standard_errors_off",
    "digits",
    "condition_number",
    "iterations",
    "passes",
    "reason",
)


def content(
    options: argparse.Namespace, result: Result, target: str, *, saved: Sequence[str], drawn: Sequence[str]
) -> dict[str, object]:
    """Everything but the head of the document."""
    import scipy

    statistics, why = _statistics(result)
    return {
        "data": options.data,
        "model": {
            "formula": options.formula,
            "target": target,
            "classes": result.classes,
            "reference": result.reference,
            "intercept": result.fit_intercept,
            "method": result.bias_reduction or ("penalised" if result.l2 > 0.0 else "ml"),
            "l2": result.l2,
            "weights": options.weights,
            "weight_type": result.weight_type,
            "offset": options.offset,
        },
        "level": options.level,
        "coefficients": _coefficients(result, options.level),
        "covariance": {"kind": result.covariance_kind, "matrix": result.covariance},
        "fit": statistics,
        "not_defined": why,
        "dropped": _dropped(result),
        "separation": _separation(result),
        "certificate": {name: getattr(result.certificate, name) for name in _CERTIFICATE},
        "computed": {"backend": result.backend, "isa": result.isa, "threads": result.n_threads},
        "warnings": list(options.warnings),
        "files": {"model": saved[0] if saved else None, "plots": list(drawn)},
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
        },
    }


def _coefficients(result: Result, level: float) -> list[dict[str, object]]:
    ends = result.conf_int(level)
    odds, _, odds_ends = ratios(result.params, result.bse, ends)
    columns = {
        "estimate": result.params,
        "std_error": result.bse,
        "z": result.zvalues,
        "p": result.pvalues,
        "lower": ends[..., 0],
        "upper": ends[..., 1],
        "odds_ratio": odds,
        "odds_ratio_lower": odds_ends[..., 0],
        "odds_ratio_upper": odds_ends[..., 1],
        "error_bound": result.certificate.error_bound,
        "aliased": result.aliased,
    }
    of_classes = result.row_labels if result.params.ndim == 2 else (None,)
    names = [(label, term) for label in of_classes for term in result.param_names]
    flat = {name: np.broadcast_to(x, result.params.shape).ravel() for name, x in columns.items()}
    return [
        {"class": label, "term": term, **{name: x[i] for name, x in flat.items()}}
        for i, (label, term) in enumerate(names)
    ]


def _statistics(result: Result) -> tuple[dict[str, object], dict[str, str]]:
    """The statistics, and why some are null."""
    found: dict[str, object] = {}
    why: dict[str, str] = {}
    for name in _STATISTICS:
        try:
            found[name] = getattr(result, name)
        except ValueError as error:
            found[name], why[name] = None, str(error)
    return found, why


def _dropped(result: Result) -> dict[str, object] | None:
    dropped: Any = getattr(result, "dropped", None)
    if dropped is None:
        return None
    return {"rows": dropped.n, "by_column": dropped.by_column}


def _separation(result: Result) -> dict[str, object] | None:
    about = result.separation
    if about is None:
        return None
    return {
        "kind": about.kind,
        "columns": about.columns(result.param_names),
        "rows": about.rows + 1,
        "infinite": about.infinite,
    }
