"""Coefficients as a pandas DataFrame; pandas is imported when one is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sigmax.inference.summary import ratios
from sigmax.inference.tables import require_pandas

if TYPE_CHECKING:
    import pandas as pd

    from sigmax.inference.uncertainty import Uncertainty


def coefficients(result: Uncertainty, *, level: float, odds_ratios: bool) -> pd.DataFrame:
    """See :meth:`sigmax.inference.summaries.Summaries.to_frame`."""
    pandas = require_pandas("to_frame()")
    ends = result.conf_int(level)
    columns = {
        "estimate": result.params,
        "std_error": result.bse,
        "z": result.zvalues,
        "p": result.pvalues,
        "lower": ends[..., 0],
        "upper": ends[..., 1],
    }
    if odds_ratios:
        odds, errors, ends = ratios(result.params, result.bse, ends)
        columns |= {
            "odds_ratio": odds,
            "odds_ratio_std_error": errors,
            "odds_ratio_lower": ends[..., 0],
            "odds_ratio_upper": ends[..., 1],
        }
    index = pandas.Index(result.param_names, name="term")
    if result.params.ndim == 2:
        labels = [getattr(label, "item", lambda label=label: label)() for label in result.row_labels]
        index = pandas.MultiIndex.from_product([labels, result.param_names], names=["class", "term"])
    frame: pd.DataFrame = pandas.DataFrame({name: x.ravel() for name, x in columns.items()}, index=index)
    return frame
