"""A fit along one or two of its variables, the others held: what displays of curves and regions evaluate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from sigmax.data.checks import numbers
from sigmax.inference.observed import Observed, observed
from sigmax.inference.result import Result
from sigmax.kernels import Float
from sigmax.plots.words import cut

#: names that a message shows
_SHOWN = 8


@dataclass
class Slice:
    """A result as a function of some of its variables.

    Variables are the columns of X, or those that a formula reads from its table.

    Parameters
    ----------
    result : Result
    chosen : sequence of str or int, or None
        What varies: names, or indices of columns; None for all.
    count : int
        How many vary.
    at : mapping, or None
        Where others are held, name -> value; numbers at their means, levels and truth values at the most
        frequent one by default.  Means are weighted.
    offset : float or array_like of shape (K,), or None
        Of the points where it is evaluated; needed where the fit had offsets.
    who : str
        The display, for messages.

    Raises
    ------
    ValueError
        Other names, or another number of them; a factor; the data are needed and were left behind.
    """

    result: Result
    chosen: Sequence[str | int] | None
    count: int
    at: Mapping[str, Any] | None
    offset: Any
    who: str
    names: tuple[str, ...] = field(init=False)
    held: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.names = tuple(self._index(one) for one in self._choose())
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"features must differ; {self.names[0]!r} stands there twice")
        for name in self.names:
            if self._kind(name) == "factor":
                raise ValueError(f"{self.who} draws along numbers, and {name!r} is a factor")
        at = dict(self.at or {})
        for name in at:
            if name not in self.variables or name in self.names:
                others = [one for one in self.variables if one not in self.names]
                raise ValueError(f"at may name {_listed(others)}; got {name!r}")
        self.held = {
            name: at[name] if name in at else self._middle(name)
            for name in self.variables
            if name not in self.names
        }
        if self.offset is None and self._has_offset():
            raise ValueError(
                f"the fit had offsets, which differ from row to row: pass offset=, the one to draw "
                f"{self.who} at, for instance offset=0.0"
            )

    # -- variables -------------------------------------------------------------------------------

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """Names of all variables."""
        if self.result.terms is not None:
            return tuple(one.name for one in self.result.terms.variables)
        return self.result.param_names[int(self.result.fit_intercept) :]

    @cached_property
    def rows(self) -> Observed:
        """The rows of the fit."""
        return observed(self.result, self.who)

    @property
    def is_linear(self) -> bool:
        """Whether logits are linear in what varies: it is columns of the design, and no formula's."""
        return not hasattr(self.result.terms, "formula")

    @property
    def is_limit(self) -> bool:
        """Whether classes are separated, and probabilities limits; Firth's estimates are finite."""
        return self.result.separation is not None and self.result.bias_reduction is None

    def _choose(self) -> Sequence[str | int]:
        if self.chosen is not None:
            if len(self.chosen) != self.count:
                raise ValueError(f"{self.who} takes {self.count} of the variables; got {len(self.chosen)}")
            return self.chosen
        if len(self.variables) != self.count:
            which = "feature=" if self.count == 1 else "features="
            raise ValueError(
                f"{self.who} draws {self.count} of the variables, and the fit has {len(self.variables)}, "
                f"{_listed(self.variables)}: say {which}, and others are held at their means, or at="
            )
        return self.variables

    def _index(self, one: str | int) -> str:
        known = self.variables
        if isinstance(one, str) and one in known:
            return one
        if isinstance(one, int | np.integer) and not isinstance(one, bool) and 0 <= one < len(known):
            return known[int(one)]
        raise ValueError(f"feature must be one of {_listed(known)}, or an index from 0; got {one!r}")

    def _kind(self, name: str) -> str:
        terms = self.result.terms
        if terms is None:
            return "continuous"
        return next(one.kind for one in terms.variables if one.name == name)

    def values(self, name: str) -> np.ndarray:
        """A variable in the rows of the fit, shape (n,)."""
        terms = self.result.terms
        if terms is None:
            return self.rows.column(self.variables.index(name))
        if self._kind(name) == "continuous" and name in terms.names:
            return self.rows.column(terms.names.index(name))
        if terms.frame is None:
            raise ValueError(f"{self.who} needs the data, which a pickled result leaves behind: fit again")
        values = np.asarray(terms.frame[name])
        if hasattr(terms, "formula"):
            return values
        # rows of a table without a formula are kept as codes of levels
        levels = next(one.levels for one in terms.variables if one.name == name)
        return np.array(levels, dtype=object)[values.astype(np.intp)] if levels else values

    def numbers(self, name: str) -> Float:
        """:meth:`values` as numbers."""
        return np.asarray(self.values(name), dtype=np.float64)

    def _middle(self, name: str) -> Any:
        values, total = self.values(name), self.rows.total()
        weight = total if total.ndim == 1 else total.sum(axis=1)
        if self._kind(name) == "continuous":
            return float(np.average(np.asarray(values, dtype=np.float64), weights=weight))
        levels = list(dict.fromkeys(values.tolist()))
        place = {level: i for i, level in enumerate(levels)}
        often = np.bincount([place[value] for value in values.tolist()], weights=weight)
        return levels[int(often.argmax())]

    def _has_offset(self) -> bool:
        try:
            return self.rows.offset is not None
        except ValueError:
            return False  # it is not known of a pickled result

    # -- evaluation ------------------------------------------------------------------------------

    def design(self, columns: Sequence[Float]) -> Float:
        """The columns of the design at points along what varies, (n, p): what the result predicts for."""
        n = len(columns[0])
        given = dict(zip(self.names, columns, strict=True))
        if self.result.terms is None:
            X = np.empty((n, len(self.variables)))
            for j, name in enumerate(self.variables):
                X[:, j] = given[name] if name in given else self.held[name]
            return X
        table = {
            name: given[name] if name in given else np.full(n, self.held[name]) for name in self.variables
        }
        return np.asarray(self.result.terms.design(table), dtype=np.float64)

    def _shift(self, n: int) -> Float | None:
        """The offset of n points as predictions take it, for the logits of the result."""
        if self.offset is None:
            return None
        offset, K = numbers("offset", self.offset).astype(np.float64), len(self.result.classes)
        wanted = (0,) if K == 2 else (K,)
        if offset.ndim > 1 or (offset.ndim == 1 and offset.shape != wanted) or not np.isfinite(offset).all():
            what = "a finite number" if K == 2 else f"{K} finite numbers, one a class, or one for all"
            raise ValueError(f"offset must be {what}; got {self.offset!r}")
        if K == 2:
            base = self.result.reference
            # that of the fit is added to the logit of the second class
            sign = -1.0 if base is not None and base == self.result.classes[1] else 1.0
            if base is None:
                return np.tile([-0.5 * float(offset), 0.5 * float(offset)], (n, 1))
            return np.full(n, sign * float(offset))
        each = np.broadcast_to(offset, (K,))
        if self.result.reference is None:
            return np.tile(each, (n, 1))
        base_at = self.result.classes.tolist().index(self.result.reference)
        return np.tile(np.delete(each - each[base_at], base_at), (n, 1))

    def proba(self, *columns: Float) -> Float:
        """Probabilities of the classes, (n, K)."""
        shift = self._shift(len(columns[0]))
        return np.asarray(self.result.predict_proba(self.design(columns), offset=shift), dtype=np.float64)

    def intervals(self, level: float, *columns: Float) -> tuple[Float, Float, Float]:
        """Probabilities with the ends of their confidence intervals, each (n, K)."""
        found = self.result.predict_proba(self.design(columns), level, offset=self._shift(len(columns[0])))
        proba, lower, upper = (np.asarray(one, dtype=np.float64) for one in found)
        return proba, lower, upper

    def logits(self, *columns: Float) -> Float:
        """Logits of all classes, (n, K), that of one of them 0, or of all summing to 0."""
        shift = self._shift(len(columns[0]))
        eta = np.asarray(self.result.decision_function(self.design(columns), offset=shift), dtype=np.float64)
        eta = eta[:, None] if eta.ndim == 1 else eta
        if self.result.reference is None:
            return eta
        return np.insert(eta, self.result.classes.tolist().index(self.result.reference), 0.0, axis=1)

    def title(self) -> str:
        """What a reader has to know of the picture; empty where there is nothing."""
        note = self.note()
        parts = [f"at {note}"] if note else []
        if self.is_limit:
            parts.append("separated classes: limits of the fit")
        return "; ".join(parts)

    def note(self) -> str:
        """Where the others are held; empty without any."""
        if not self.held:
            return ""
        if len(self.held) > 4:
            given = len(set(self.at or {}) & set(self.held))
            how = "held" if given else "at their means"
            return f"{len(self.held)} other variables {how}"
        return ", ".join(
            f"{cut(name, 28)} = {f'{value:.3g}' if isinstance(value, float) else cut(str(value), 24)}"
            for name, value in self.held.items()
        )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:_SHOWN])) or "none"
    return shown + (", ..." if len(names) > _SHOWN else "")
