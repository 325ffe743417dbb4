"""The variables of a formula, as margins ask for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sigmax.inference.margins.variables import Known
from sigmax.kernels import Float


class _AtMeans(Protocol):
    """The point of means: :class:`sigmax.data.formulas.means.Means`."""

    @property
    def frame(self) -> Any: ...
    def design(self) -> Float: ...
    def derivative(self, variable: str) -> Float: ...
    def with_value(self, variable: str, value: object) -> Float: ...


class Terms(Protocol):
    """What margins need of a formula: :class:`sigmax.data.formulas.formula.Terms`."""

    @property
    def variables(self) -> Sequence[Known]:
        """What the columns are made of."""

    @property
    def frame(self) -> Any:
        """The rows of the fit."""

    def design(self, frame: Any) -> Float:
        """The columns, (n, p), at rows."""

    def derivative(self, frame: Any, variable: str) -> Float:
        """Their derivative by a variable, (n, p)."""

    def with_value(self, frame: Any, variable: str, value: object) -> Float:
        """The columns, (n, p), with a variable at a value in all rows."""

    def means(self, frame: Any, weights: Any = None) -> _AtMeans:
        """The point of means, weighted."""


@dataclass(frozen=True, slots=True)
class AsObserved:
    """The rows of the fit, some variables held: :class:`sigmax.inference.margins.points.Designs`."""

    terms: Terms
    held: Mapping[str, Any]

    @property
    def as_observed(self) -> bool:
        """Whether nothing is held."""
        return not self.held

    def _frame(self, start: int, stop: int) -> Any:
        frame = self.terms.frame.iloc[start:stop]
        return frame.assign(**self.held) if self.held else frame

    def design(self, start: int, stop: int) -> Float:
        """The columns."""
        return self.terms.design(self._frame(start, stop))

    def derivative(self, start: int, stop: int, variable: str) -> Float:
        """Their derivative by a variable."""
        return self.terms.derivative(self._frame(start, stop), variable)

    def with_value(self, start: int, stop: int, variable: str, value: object) -> Float:
        """The columns with a variable at a value."""
        return self.terms.with_value(self._frame(start, stop), variable, value)

    def values(self, start: int, stop: int, variable: str) -> Float:
        """The variable."""
        return np.asarray(self._frame(start, stop)[variable], np.float64)


class OfMeans:
    """One point: variables at their means over the rows, some of them held at values."""

    as_observed = False

    def __init__(self, terms: Terms, held: Mapping[str, Any], weights: Float | None) -> None:
        frame = terms.frame.assign(**held) if held else terms.frame
        self._means = terms.means(frame, weights)

    def design(self, start: int, stop: int) -> Float:
        """The columns."""
        return self._means.design()

    def derivative(self, start: int, stop: int, variable: str) -> Float:
        """Their derivative by a variable."""
        return self._means.derivative(variable)

    def with_value(self, start: int, stop: int, variable: str, value: object) -> Float:
        """The columns with a variable at a value."""
        return self._means.with_value(variable, value)

    def values(self, start: int, stop: int, variable: str) -> Float:
        """The variable."""
        return np.asarray(self._means.frame[variable], np.float64)
