"""Rows of a table in the terms of its coding, and the point of their means, as margins ask for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sigmax.data.tabular.series import Array
from sigmax.kernels import Float

if TYPE_CHECKING:
    from sigmax.data.tabular.coding import Coding


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CodedRows:
    """Columns of n rows by name: numbers, and codes of levels.

    Slices and values held are asked for as of a pandas DataFrame, so that margins read either.

    Attributes
    ----------
    coding : Coding
    n : int
    values : dict of str to ndarray of shape (n,)
    """

    coding: Coding
    n: int
    values: dict[str, Array]

    def __len__(self) -> int:
        return self.n

    @property
    def iloc(self) -> CodedRows:
        """For ``rows.iloc[a:b]``."""
        return self

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self.values[key]
        part = {name: values[key] for name, values in self.values.items()}
        return CodedRows(self.coding, len(range(*key.indices(self.n))), part)

    def assign(self, **held: Any) -> CodedRows:
        """The same rows with variables at values, a number or level for all or one for each."""
        values = dict(self.values)
        for name, value in held.items():
            coded = self.coding.code(self.coding.coded(name), value)
            if coded.ndim > 0 and coded.shape != (self.n,):
                raise ValueError(f"value must be one, or of shape ({self.n},), one a row; got {coded.shape}")
            values[name] = np.broadcast_to(coded, (self.n,))
        return CodedRows(self.coding, self.n, values)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CodedMeans:
    """The point of means: numbers at their weighted means, columns of levels at the shares of the levels.

    Attributes
    ----------
    coding : Coding
    point : ndarray of shape (1, p)
        The columns there.
    frame : dict of str to ndarray of shape (1,)
        The mean of each variable of numbers.
    """

    coding: Coding
    point: Float
    frame: dict[str, Float]

    @classmethod
    def of(cls, coding: Coding, rows: CodedRows, weights: npt.ArrayLike | None) -> CodedMeans:
        """Of rows with weights, ones by default.

        Raises
        ------
        ValueError
            Weights that are negative, not finite, or of another shape; or none is positive.
        """
        w = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)
        if w.shape != (len(rows),):
            raise ValueError(f"weights must have shape ({len(rows)},), one for each row; got {w.shape}")
        if not (np.isfinite(w).all() and (w >= 0.0).all() and w.any()):
            raise ValueError("weights must be finite and not negative, and one of them positive")
        share = w / w.sum()
        point, means = np.empty((1, len(coding.names))), {}
        for column in coding.columns:
            values, place = rows[column.name], coding.places[column.name]
            if column.kind == "levels":
                shares = np.bincount(values, share, len(column.levels))
                point[0, place] = shares[int(not column.full) :]
            else:
                means[column.name] = np.array([np.sum(values * share)])
                point[0, place] = means[column.name]
        return cls(coding, point, means)

    def design(self) -> Float:
        """The columns, shape (1, p)."""
        return self.point

    def derivative(self, variable: str) -> Float:
        """Their derivative after a variable of numbers, (1, p)."""
        slopes = np.zeros_like(self.point)
        slopes[:, self.coding.places[variable]] = 1.0
        return slopes

    def with_value(self, variable: str, value: object) -> Float:
        """The columns with one variable set to a value, the others at their means, (1, p)."""
        column = self.coding.coded(variable)
        coded, point = self.coding.code(column, value), self.point.copy()
        if column.kind == "levels":
            point[0, self.coding.places[variable]] = np.arange(not column.full, len(column.levels)) == coded
        else:
            point[0, self.coding.places[variable]] = coded
        return point
