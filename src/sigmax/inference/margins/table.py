"""Marginal effects as numbers and as a table."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sigmax.inference.summary import p_text
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


def _two_sided(z: Float) -> Float:
    """2 Phi(-|z|)."""
    from scipy.special import ndtr

    p: Float = 2.0 * ndtr(-np.abs(z))
    return p


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
        return _two_sided(self.zvalues)

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

        if not 0.0 < level < 1.0:
            raise ValueError(f"level must be between 0 and 1; got {level!r}")
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
        import pandas as pd

        ends = self.conf_int(level).reshape(-1, 2)
        columns = {
            "effect": self.effects.ravel(),
            "std_error": self.se.ravel(),
            "z": self.zvalues.ravel(),
            "p": self.pvalues.ravel(),
            "lower": ends[:, 0],
            "upper": ends[:, 1],
        }
        index: pd.Index = pd.Index(self.names, name="variable")
        if self.effects.ndim == 2:
            index = pd.MultiIndex.from_product([self.names, self.classes], names=["variable", "class"])
        return pd.DataFrame(columns, index=index)

    # -- printing --------------------------------------------------------------------------------

    def _title(self) -> str:
        where = "average over the rows" if self.at == "overall" else "at the means"
        held = ", ".join(f"{name} = {value}" for name, value in self.values.items())
        of = "p" if self.kind.startswith("dy") else "log p"
        target = f", {of} of class {_label(self.classes[1])}" if self.effects.ndim == 1 else ""
        return f"Marginal effects, {where}{f', {held}' if held else ''}{target}"

    def _cells(self, level: float) -> tuple[list[str], list[list[str]]]:
        """Header and lines."""
        several = self.effects.ndim == 2
        shape = (len(self.names), -1)
        effects, errors = self.effects.reshape(shape), self.se.reshape(shape)
        z, p = self.zvalues.reshape(shape), self.pvalues.reshape(shape)
        ends = self.conf_int(level).reshape(*effects.shape, 2)
        header = ["", *(["class"] if several else []), "", "effect", "std. error", "z", "p"]
        header += [f"[{100 * level:g} % interval", "]"]
        lines = []
        for v, name in enumerate(self.names):
            change = self.changes[v]
            what = KINDS[self.kind][0] if change is None else f"{_label(change[0])} -> {_label(change[1])}"
            for k in range(effects.shape[1]):
                line = [name if k == 0 else "", *([_label(self.classes[k])] if several else [])]
                line += [what if k == 0 else "", f"{effects[v, k]:.6g}", f"{errors[v, k]:.4g}"]
                line += [f"{z[v, k]:z.3f}", p_text(float(p[v, k]))]
                lines.append([*line, f"{ends[v, k, 0]:.6g}", f"{ends[v, k, 1]:.6g}"])
        return header, lines

    def _below(self) -> list[str]:
        lines = [f"standard errors by the delta method, covariance {self.covariance_kind}"]
        if any(self.changes):
            lines.append(f"a -> b: {KINDS[self.kind][1]} where the variable goes from a to b")
        return [*lines, *self.notes]

    def summary(self, level: float = 0.95) -> str:
        """The table as text.

        Parameters
        ----------
        level : float
            Coverage of the intervals.
        """
        header, lines = self._cells(level)
        widths = [max(len(line[j]) for line in [header, *lines]) for j in range(len(header))]
        left = len(header) - 6
        rows = [
            "  ".join(
                cell.ljust(width) if j < left else cell.rjust(width)
                for j, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in [header, *lines]
        ]
        return "\n".join([self._title(), "", *("  " + row for row in rows), "", *self._below()])

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        kind = "" if self.effects.ndim == 1 else f" on {len(self.classes)} classes"
        return f"<margins: {self.kind} at {self.at}, {len(self.names)} effects{kind}>"

    def _repr_html_(self) -> str:
        header, lines = self._cells(0.95)
        cut = len(header) - 2
        # the two ends of the interval have one heading
        top = [*(f"<th>{html.escape(cell)}</th>" for cell in header[:cut])]
        top.append(f'<th colspan="2">{html.escape(header[cut].lstrip("["))}</th>')
        rows = ["".join(f"<td>{html.escape(cell)}</td>" for cell in line) for line in lines]
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        below = "<br>".join(html.escape(line) for line in self._below())
        return (
            f"<table><caption>{html.escape(self._title())}</caption><thead><tr>{''.join(top)}</tr></thead>"
            f"<tbody>{body}</tbody></table><p>{below}</p>"
        )


def _label(value: Any) -> str:
    plain = value.item() if isinstance(value, np.generic) else value
    return str(int(plain)) if isinstance(plain, float) and plain.is_integer() else str(plain)
