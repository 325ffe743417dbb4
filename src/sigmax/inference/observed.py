"""What a result was fitted to, for those who draw it or fit it again: columns, outcomes, weights, offsets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigmax.data.chunks import Chunks
from sigmax.identification.rank import Dependence
from sigmax.inference.estimates import Estimates
from sigmax.inference.observations import Observations
from sigmax.kernels import Codes, Float

#: rows that are read at a time
_BLOCK = 2**16


@dataclass(frozen=True)
class Observed:
    """The rows of a fit.

    Attributes
    ----------
    n_rows : int
    codes : ndarray of shape (n,), or None
        Index of each row's class; None for counts.
    counts : ndarray of shape (n, K), or None
        None for labels.
    weight : ndarray of shape (n,), or None
        Sample weights of any type; None for ones.
    offset : ndarray of shape (n, K - 1), or None
        Added to the logits against the first class.
    """

    n_rows: int
    codes: Codes | None
    counts: Float | None
    weight: Float | None
    offset: Float | None
    _rows: Chunks
    _intercept: bool
    _dependence: Dependence | None

    def column(self, index: int) -> Float:
        """A column of X, shape (n,), counted without the intercept.

        One that was left out as a combination of others is computed from them.
        """
        found = np.empty(self.n_rows)
        one, dependence = int(self._intercept), self._dependence
        if dependence is None:
            terms, shift = np.zeros(self._rows.n_features), 0.0
            terms[index] = 1.0
        else:
            gone = dependence.aliased
            at = index + one
            if gone[at]:
                row = dependence.combinations[int(gone[:at].sum())]
            else:
                row = np.zeros(int((~gone).sum()))
                row[int((~gone[:at]).sum())] = 1.0
            shift, terms = (float(row[0]), row[1:]) if one else (0.0, row)
        used = np.flatnonzero(terms)
        for start in range(0, self.n_rows, _BLOCK):
            stop = min(start + _BLOCK, self.n_rows)
            block = self._rows.block(start, stop)
            if shift == 0.0 and len(used) == 1 and terms[used[0]] == 1.0:
                found[start:stop] = block[:, used[0]]
            else:
                found[start:stop] = shift + block[:, used] @ terms[used]
        return found

    def total(self) -> Float:
        """Observations of each class in each row, times its weight, (n, K) for counts; else weights, (n,)."""
        if self.counts is None:
            return np.ones(self.n_rows) if self.weight is None else self.weight
        return self.counts if self.weight is None else self.counts * self.weight[:, None]

    def again(self) -> dict[str, Any]:
        """Arguments of :func:`sigmax.fit` that fit the same rows, of the columns that were not left out."""
        arguments: dict[str, Any] = {"X": self._rows, "fit_intercept": self._intercept}
        arguments["y"] = self.codes if self.counts is None else self.counts
        arguments["sample_weight"] = self.weight
        if self.offset is not None:
            binary = self.offset.shape[1] == 1
            arguments["offset"] = self.offset[:, 0] if binary else np.insert(self.offset, 0, 0.0, axis=1)
        return arguments


def observed(result: Estimates, what: str) -> Observed:
    """The rows behind a result; `what` needs them, as a message begins.

    Raises
    ------
    ValueError
        A pickled result has left them behind.
    """
    behind: Observations = result._rows(what)
    units = behind.units
    return Observed(
        n_rows=behind.n_rows,
        codes=units.codes,
        counts=units.counts,
        weight=units.weight(),
        offset=units.offset,
        _rows=behind.design.rows,
        _intercept=behind.design.intercept,
        _dependence=result.dependence,
    )
