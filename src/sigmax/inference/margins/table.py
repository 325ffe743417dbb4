"""Marginal effects as numbers and as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import coverage
from sigmax.inference.tables import Table, decimals, in_line, label_text, require_pandas
from sigmax.inference.tails import log_normal_tail, normal_tail, p_text
from sigmax.kernels import Float

if TYPE_CHECKING:
    import pandas as pd

#: what a kind is called, for a derivative and for a change
KINDS = {
    "dydx": ("dp/dx", "change of p"),
    "eyex": ("dlog p/dlog x", ""),
    "dyex": ("dp/dlog x", ""),
    "eydx": ("dlog p/dx", "change of log p"),
}


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Margins:
    """Marginal effects of V variables, with standard errors by the delta method.

    With two classes the effects have shape (V,) and are those on the probability of the second class; with
    K > 2 they have shape (V, K), a column for each class.

    Attributes
    ----------
    effects, se : ndarray of shape (V,) or (V, K)
        nan where a variable has no effect that the data determine; `notes` say why.
    names : tuple of str, of length V
        Of the variables; a level of a factor has its own, ``race[black]``.
    changes : tuple of length V
        The pair of values between which a discrete change is taken; None for a derivative.
    classes : ndarray of shape (K,)
    kind : {"dydx", "eyex", "dyex", "eydx"}
    at : {"overall", "mean"}
    values : dict
        Values at which variables were held.
    covariance_kind : {"mle", "HC0", "HC1", "cluster"}
        Of the parameters, which the standard errors rest on.
    notes : tuple of str
    """

    effects: Float
    se: Float
    names: tuple[str, ...]
    changes: tuple[tuple[Any, Any] | None, ...]
    classes: npt.NDArray[np.generic]
    kind: str
    at: str
    values: dict[str, Any]
    covariance_kind: str
    notes: tuple[str, ...]
    #: (effects.size, r), a root of their covariance
    _root: Float

    @property
    def cov(self) -> Float:
        """Covariance of all effects, in the order of ``effects.ravel()``; nan where an effect is."""
        return np.asarray(self._root @ self._root.T)

    @property
    def zvalues(self) -> Float:
        """Effects divided by their standard errors; nan where both are 0."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.effects / self.se)

    @property
    def pvalues(self) -> Float:
        """Two-sided normal tail 2 Phi(-|z|)."""
        return normal_tail(self.zvalues)

    @property
    def log_pvalues(self) -> Float:
        """Natural logarithm of the p-values, where they are 0, too."""
        return log_normal_tail(self.zvalues)

    def conf_int(self, level: float = 0.95) -> Float:
        """Normal intervals, effects -+ Phi^-1((1 + level) / 2) se.

        Parameters
        ----------
        level : float
            Coverage, 0 < level < 1.

        Returns
        -------
        ndarray, shape of `effects` plus (2,)

        Raises
        ------
        ValueError
            `level` is not between 0 and 1.
        """
        from scipy.special import ndtri

        level = coverage(level)
        half = -float(ndtri((1.0 - level) / 2.0)) * self.se
        return np.stack([self.effects - half, self.effects + half], axis=-1)

    def to_frame(self, level: float = 0.95) -> pd.DataFrame:
        """The table as a pandas DataFrame, a row for each variable, or each variable and class.

        Parameters
        ----------
        level : float
            Coverage of the intervals.

        Returns
        -------
        DataFrame
            Columns ``effect``, ``std_error``, ``z``, ``p``, ``lower``, ``upper``; the index has the level
            ``variable``, and ``class`` with more than two classes.

        Raises
        ------
        ImportError
            pandas is not installed.
        ValueError
            `level` is not between 0 and 1.
        """
        pandas = require_pandas("to_frame()")
        ends = self.conf_int(level).reshape(-1, 2)
        columns = {
            "effect": self.effects.ravel(),
            "std_error": self.se.ravel(),
            "z": self.zvalues.ravel(),
            "p": self.pvalues.ravel(),
            "lower": ends[:, 0],
            "upper": ends[:, 1],
        }
        index = pandas.Index(self.names, name="variable")
        if self.effects.ndim == 2:
            index = pandas.MultiIndex.from_product([self.names, self.classes], names=["variable", "class"])
        frame: pd.DataFrame = pandas.DataFrame(columns, index=index)
        return frame

    # -- printing --------------------------------------------------------------------------------

    def _title(self) -> str:
        where = "average over the rows" if self.at == "overall" else "at the means"
        held = ", ".join(f"{name} = {value}" for name, value in self.values.items())
        of = "p" if self.kind.startswith("dy") else "log p"
        target = f", {of} of class {label_text(self.classes[1])}" if self.effects.ndim == 1 else ""
        return f"Marginal effects, {where}{f', {held}' if held else ''}{target}"

    def _table(self, level: float) -> Table:
        """A line for each variable, or a group of lines, one for each class."""
        shape = (len(self.names), -1)
        effects, errors = self.effects.reshape(shape), self.se.reshape(shape)
        z, log_p = self.zvalues.reshape(shape), log_normal_tail(self.zvalues).reshape(shape)
        ends = self.conf_int(level).reshape(*effects.shape, 2)
        rows: list[tuple[str, ...] | str] = []
        several = self.effects.ndim == 2
        labels = [label_text(label) for label in self.classes]
        for v, name in enumerate(self.names):
            change = self.changes[v]
            heading = name if change is None else f"{name}, {' -> '.join(map(label_text, change))}"
            digits = [decimals(error) for error in errors[v].tolist()]
            columns = [
                labels if several else [heading],
                in_line(effects[v].tolist(), digits),
                in_line(errors[v].tolist(), digits),
                [f"{x:z.3f}" for x in z[v].tolist()],
                [p_text(x) for x in log_p[v].tolist()],
                in_line(ends[v, :, 0].tolist(), digits),
                in_line(ends[v, :, 1].tolist(), digits),
            ]
            rows += [heading] if several else []
            rows += zip(*columns, strict=True)
        head = "class" if several else ""
        header = (head, "effect", "std. error", "z", "p", f"[{100 * level:g} % interval", "]")
        return Table(header, rows, self._title(), notes=self._below())

    def _below(self) -> list[str]:
        of = KINDS[self.kind]
        lines = [f"effect: {of[0]}; standard errors by the delta method, covariance {self.covariance_kind}"]
        if any(self.changes):
            lines.append(f"a -> b: {of[1]} where the variable goes from a to b")
        return [*lines, *self.notes]

    def summary(self, level: float = 0.95) -> str:
        """The table as text.

        Parameters
        ----------
        level : float
            Coverage of the intervals.
        """
        return self._table(level).text()

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        kind = "" if self.effects.ndim == 1 else f" on {len(self.classes)} classes"
        return f"<margins: {self.kind} at {self.at}, {len(self.names)} effects{kind}>"

    def _repr_html_(self) -> str:
        return self._table(0.95).html()
