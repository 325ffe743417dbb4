"""The protocol of maketables (0.2): tables of results in LaTeX, Word, Typst and HTML, without a dependency.

maketables.ETable looks for attributes named __maketables_*__; what each must return is said in its
extractors.py, PluginExtractor.  A table of it has a row for each name of a coefficient and a column for each
model.  Two things make a result a list of models, its logits, rather than a model:

  - several classes belong side by side, and
  - whatever has `params`, `bse` and `pvalues` is taken for a result of statsmodels, its own protocol unread.

ETable replaces what has a method `to_list` by what that returns.  The result has the protocol too, for who
does not ask for a list: there coefficients are stacked, in rows called ``age (2)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sigmax.data.design import INTERCEPT
from sigmax.inference.frames import coefficients
from sigmax.inference.likelihood import Likelihood
from sigmax.inference.summary import covariance_text
from sigmax.inference.tables import label_text

if TYPE_CHECKING:
    import pandas as pd

#: keys of maketables -> attributes of a result
_STATISTICS = {
    "pseudo_r2": "prsquared",
    "ll": "llf",
    "llnull": "llnull",
    "aic": "aic",
    "bic": "bic",
    "deviance": "deviance",
    "null_deviance": "null_deviance",
    "df_model": "df_model",
    "n_clusters": "n_clusters",
}
#: as formulas call it; maketables sets it last, and in one row with that of other packages
_INTERCEPT = "Intercept"
_DEFAULT = ("N", "pseudo_r2", "ll", "se_type")
_LABELS = {"pseudo_r2": "McFadden R\u00b2"}


class MakeTables(Likelihood):
    """A result as maketables takes it."""

    def to_list(self, target: str | None = None) -> list[Logit]:
        """The logits as models of maketables: ``maketables.ETable(result)`` has a column for each.

        Parameters
        ----------
        target : str, optional
            Name of the response, for the heads of the columns; by default the formula's, or y.

        Returns
        -------
        list of Logit
            One with two classes, else one for each row of `params`.
        """
        return [Logit(self, c, target or self._target) for c in range(len(self.row_labels))]

    @property
    def __maketables_coef_table__(self) -> pd.DataFrame:
        """Columns b, se, t, p, ci95l, ci95u, ci90l and ci90u, a row for each parameter."""
        terms = _terms(self)
        if self.params.ndim == 2:
            terms = [f"{term} ({label_text(label)})" for label in self.row_labels for term in terms]
        return _table(self, terms)

    def __maketables_stat__(self, key: str) -> Any:
        """A statistic by maketables' name of it; None for one that is not known."""
        if key == "se_type":
            return "information matrix" if self.covariance_kind == "mle" else covariance_text(self)
        if key in ("N", "df_resid"):
            value = self.nobs if key == "N" else self.df_resid
            return int(value) if float(value).is_integer() else value
        if key == "pseudo_r2" and not self.llnull:
            return None
        return getattr(self, _STATISTICS[key]) if key in _STATISTICS else None

    @property
    def __maketables_depvar__(self) -> str:
        return self._target

    @property
    def __maketables_var_labels__(self) -> dict[str, str] | None:
        return None

    @property
    def __maketables_vcov_info__(self) -> dict[str, Any]:
        return {"vcov_type": self.covariance_kind, "clustervar": None, "n_clusters": self.n_clusters}

    @property
    def __maketables_stat_labels__(self) -> dict[str, str]:
        return dict(_LABELS)

    @property
    def __maketables_default_stat_keys__(self) -> list[str]:
        return list(_DEFAULT)


@dataclass(frozen=True, slots=True, repr=False)
class Logit:
    """One logit of a result, as maketables takes it.

    Attributes
    ----------
    result : Result
    row : int
        Of its `params`.
    target : str
        Name of the response.
    """

    result: MakeTables
    row: int
    target: str

    def __repr__(self) -> str:
        return f"<logit of {self.__maketables_depvar__} of {self.result!r}>"

    @property
    def __maketables_coef_table__(self) -> pd.DataFrame:
        """Rows of this class alone, as :class:`MakeTables` has them."""
        terms = _terms(self.result)
        start = self.row * len(terms)
        return _table(self.result, terms).iloc[start : start + len(terms)]

    def __maketables_stat__(self, key: str) -> Any:
        """That of the whole model."""
        return self.result.__maketables_stat__(key)

    @property
    def __maketables_depvar__(self) -> str:
        return f"{self.target} = {label_text(self.result.row_labels[self.row])}"

    @property
    def __maketables_var_labels__(self) -> dict[str, str] | None:
        return self.result.__maketables_var_labels__

    @property
    def __maketables_vcov_info__(self) -> dict[str, Any]:
        return self.result.__maketables_vcov_info__

    @property
    def __maketables_stat_labels__(self) -> dict[str, str]:
        return self.result.__maketables_stat_labels__

    @property
    def __maketables_default_stat_keys__(self) -> list[str]:
        return self.result.__maketables_default_stat_keys__


def _terms(result: Likelihood) -> list[str]:
    taken = _INTERCEPT in result.param_names or not result.fit_intercept
    return [_INTERCEPT if name == INTERCEPT and not taken else name for name in result.param_names]


def _table(result: Likelihood, terms: list[str]) -> pd.DataFrame:
    """Columns as maketables calls them; `terms` are of one class, or of all."""
    frame = coefficients(result, level=0.95, odds_ratios=False).reset_index(drop=True)
    names = {"estimate": "b", "std_error": "se", "z": "t", "p": "p", "lower": "ci95l", "upper": "ci95u"}
    frame = frame.rename(columns=names)
    frame["ci90l"], frame["ci90u"] = result.conf_int(0.9).reshape(-1, 2).T
    frame["Coefficient"] = terms * (len(frame) // len(terms))
    return frame.set_index("Coefficient")
