"""What a formula makes of the columns of a table, and what it says where it cannot."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sigmax.data.checks import plural
from sigmax.data.formulas.materials import evaluate, factors_of, levels_of, materialise, plain
from sigmax.data.formulas.offsets import Offsets
from sigmax.data.tabular import frames
from sigmax.data.tabular.frames import Frame
from sigmax.kernels import Float


@dataclass(frozen=True, slots=True)
class Variable:
    """A column of data that a formula reads.

    Attributes
    ----------
    name : str
    kind : {"continuous", "binary", "factor"}
        "binary": numbers of which only 0 and 1 occur in the rows of the fit, or truth values.  "factor":
        text, categories, or whatever the formula codes with ``C()``.
    levels : tuple
        Of a factor, in the order of its columns; (0, 1) or (False, True) of a binary variable.
    base : label
        The level without a column of its own: that of treatment coding, else the first; None of a continuous
        variable.
    """

    name: str
    kind: str
    levels: tuple[Any, ...] = ()
    base: Any = None


@dataclass(frozen=True, eq=False, repr=False)
class Recipe:
    """The right-hand side of a formula, with what its transforms remember of the rows of the fit.

    The attributes are those of :class:`sigmax.data.formulas.formula.Terms`, which adds what margins ask for.
    """

    formula: str
    response: str
    names: tuple[str, ...]
    intercept: bool
    variables: tuple[Variable, ...]
    _spec: Any
    _uses: dict[str, tuple[str, ...]]
    _kinds: dict[str, str]
    #: of numbers: the standard deviation over the rows of the fit
    _spread: dict[str, float]
    frame: Frame | None = field(default=None)
    #: None where the formula has no offset()
    offsets: Offsets | None = None

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "frame": None}

    def __repr__(self) -> str:
        return f"<terms of {self.formula!r}: {plural(len(self.names), 'column')}>"

    def variable(self, name: str) -> Variable:
        """The variable of a name.

        Raises
        ------
        ValueError
            The formula reads no such column.
        """
        for one in self.variables:
            if one.name == name:
                return one
        known = ", ".join(repr(one.name) for one in self.variables) or "none"
        raise ValueError(f"the formula has no variable {name!r}; its variables are {known}")

    # -- columns ---------------------------------------------------------------------------------

    def design(self, frame: object) -> Float:
        """The columns at the rows of a frame, shape (n, p), without the intercept's.

        Raises
        ------
        ValueError
            A column is missing or of another kind than in the fit, or has missing values; a level was not in
            the fit; a transform gives nan or inf.  The message names it, the first row, and how many.
        TypeError
            `frame` is no table.
        """
        return self._columns(self._read(frame))

    def offset(self, frame: object) -> Float | None:
        """The sum of the formula's offset() at the rows of a frame, shape (n,); None where it has none.

        Of two classes it is added to the logit of the second.

        Raises
        ------
        ValueError
            See :meth:`sigmax.data.formulas.offsets.Offsets.at`.
        """
        return None if self.offsets is None else self.offsets.at(frame)

    def _read(self, frame: object) -> Frame:
        """The columns that the right-hand side reads, of the kinds of the fit."""
        found = frames.columns(frames.table(frame), [one.name for one in self.variables])
        for name, kind in self._kinds.items():
            now = frames.kind_of(found[name])
            if now == "numbers" and kind != now:
                found[name] = found[name].astype(object)  # levels, if the fit knew them
            elif kind == "numbers" and kind != now:
                raise ValueError(f"data column {name!r} must hold {kind}, as in the fit; it holds {now}")
        return found

    def _columns(self, frame: Frame) -> Float:
        self._require_levels(frame)
        X = materialise(self._spec, frame, self._uses)[0]
        self._require_finite(X, frame)
        return X

    def _require_levels(self, frame: Frame, *, but: Collection[str] = ()) -> None:
        """Refuse levels that are new to a factor; those of the expressions `but` are not looked at."""
        import pandas as pd

        for expr, factor in factors_of(self._spec).items():
            levels = levels_of(self._spec, expr)
            if levels is None or expr in but:
                continue
            value = evaluate(factor, frame[list(self._uses[expr])], self._spec)
            values = pd.Series(getattr(value, "__wrapped__", value))
            strange = ~values.isin(levels).to_numpy()
            if strange.any():
                row = int(strange.argmax())
                where = self._uses[expr]
                what = f"column {where[0]!r}" if len(where) == 1 else f"columns {', '.join(map(repr, where))}"
                raise ValueError(
                    f"data {what} has {plural(int(strange.sum()), 'row')} of a level that {expr} does not "
                    f"know, the first {plain(values.iloc[row])!r} in row {row}; it knows "
                    f"{', '.join(map(repr, levels[:20]))}{', ...' if len(levels) > 20 else ''}"
                )

    def _require_finite(self, X: Float, frame: Frame) -> None:
        bad = ~np.isfinite(X)
        if not bad.any():
            return
        j = int(bad.any(axis=0).argmax())
        row = int(bad[:, j].argmax())
        values = ", ".join(f"{name} = {plain(frame[name].iloc[row])!r}" for name in self._read_by(j))
        raise ValueError(
            f"the formula's column {self.names[j]!r} must be finite; it is not in "
            f"{plural(int(bad[:, j].sum()), 'row')}, the first row {row}, where it is {X[row, j]} of {values}"
        )

    def _read_by(self, j: int) -> list[str]:
        """The variables of a column."""
        name = self.names[j]
        for term, _, columns in self._spec.structure:
            if name in columns:
                return list(dict.fromkeys(one for f in term.factors for one in self._uses[f.expr]))
        raise AssertionError(name)

    def _set(self, frame: Frame, variable: str, value: object) -> Frame:
        """The frame with another value of a variable; the frame given stays as it is."""
        import pandas as pd

        known = self.variable(variable)
        given = np.asarray(value, dtype=object)
        if given.ndim > 0 and given.shape != (len(frame),):
            raise ValueError(f"value must be one, or of shape ({len(frame)},), one a row; got {given.shape}")
        cells = np.broadcast_to(given, (len(frame),))
        strange = [cell for cell in given.ravel().tolist() if cell not in known.levels]
        if known.kind == "factor" and strange:
            shown = ", ".join(map(repr, known.levels[:20])) + (", ..." if len(known.levels) > 20 else "")
            raise ValueError(f"value must be a level of {variable!r}, {shown}; got {strange[0]!r}")
        column = pd.Series(cells.copy(), dtype=object)
        if self._kinds[variable] == "numbers":
            try:
                numbers = cells.astype(np.float64)
            except (TypeError, ValueError):
                numbers = np.array([np.nan])
            if not np.isfinite(numbers).all():
                raise ValueError(f"value must be a finite number, as {variable!r} is one; got {value!r}")
            # whole numbers, and truth values, stay levels of C()
            column = column.infer_objects()
        return frame.assign(**{variable: column})
