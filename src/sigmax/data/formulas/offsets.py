"""offset() in a formula: a known part of the logit, computed from the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sigmax.data.checks import plural
from sigmax.data.formulas.materials import evaluate, plain, unevaluated
from sigmax.data.tabular import frames
from sigmax.data.tabular.frames import Frame, in_floats
from sigmax.kernels import Float


@dataclass(frozen=True, eq=False, repr=False)
class Offsets:
    """The offsets of a formula, with what their transforms remember of the rows of the fit.

    Attributes
    ----------
    factors : tuple of formulaic factors
        The expressions, which are summed.
    uses : mapping of str to tuple of str
        The columns of data that each of them reads.
    kinds : dict of str to str
        What the columns held in the fit.
    spec : formulaic.ModelSpec
        Of no terms; with the state of transforms.
    """

    factors: tuple[Any, ...]
    uses: Mapping[str, tuple[str, ...]]
    kinds: dict[str, str]
    spec: Any

    @property
    def columns(self) -> list[str]:
        """The columns of data that they read, in order."""
        return list(dict.fromkeys(name for one in self.factors for name in self.uses[one.expr]))

    def __str__(self) -> str:
        return " + ".join(str(factor.expr) for factor in self.factors)

    def at(self, table: object) -> Float:
        """Their sum at the rows of a table, shape (n,).

        Raises
        ------
        ValueError
            A column is missing, or has missing values, or is of another kind than in the fit; the sum is not
            finite in some row.
        """
        return self.values(frames.columns(frames.table(table), self.columns))

    def values(self, frame: Frame) -> Float:
        """As :meth:`at`, of a frame of their columns."""
        for name, kind in self.kinds.items():
            now = frames.kind_of(frame[name])
            if (kind == "numbers") != (now == "numbers"):
                raise ValueError(f"data column {name!r} must hold {kind}, as in the fit; it holds {now}")
        total = np.zeros(len(frame))
        floats = in_floats(frame)
        for factor in self.factors:
            total += self._one(factor, floats)
        return total

    def _one(self, factor: Any, frame: Frame) -> Float:
        said = f"formula: offset({factor.expr})"
        try:
            with np.errstate(all="ignore"):
                value = evaluate(factor, frame[list(self.uses[factor.expr])], self.spec)
                found = np.asarray(getattr(value, "__wrapped__", value))
        except Exception as error:
            what = unevaluated(f"offset({factor.expr})", error, frame[list(self.uses[factor.expr])])
            raise ValueError(what) from None
        if found.dtype.kind not in "iufb" or found.shape not in ((), (len(frame),)):
            raise ValueError(
                f"{said} must be one number a row; it has shape {found.shape} and holds {found.dtype}"
            )
        numbers = np.broadcast_to(found.astype(np.float64), (len(frame),))
        bad = ~np.isfinite(numbers)
        if bad.any():
            row = int(bad.argmax())
            shown = ", ".join(f"{name} = {plain(frame[name].iloc[row])!r}" for name in self.uses[factor.expr])
            raise ValueError(
                f"{said} must be finite; it is not in {plural(int(bad.sum()), 'row')}, the first row {row}, "
                f"where it is {numbers[row]} of {shown}"
            )
        return numbers
