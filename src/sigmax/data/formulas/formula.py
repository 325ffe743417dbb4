"""A formula as a design: its columns for any rows, their derivatives, and what they are at given values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax.data.formulas import loaded, slopes, stored
from sigmax.data.formulas.means import Means, mean_columns
from sigmax.data.formulas.parsing import require_formulaic
from sigmax.data.formulas.recipe import Recipe
from sigmax.kernels import Float

#: rows that a formula is evaluated for at a time where all are asked for
_BLOCK = 2**16


@dataclass(frozen=True, eq=False, repr=False)
class Terms(Recipe):
    """The right-hand side of a formula, with what its transforms remember of the rows of the fit.

    Every method takes a frame of raw columns: a pandas DataFrame or a mapping, whose index means nothing.
    None drops a row.  Memory is that of what is returned, and of a few columns: ask for blocks of rows where
    that is too much (``frame.iloc[a:b]``); no row's result depends on the others.

    Attributes
    ----------
    formula : str
    response : str
        The left-hand side.
    names : tuple of str, of length p
        Of the columns, as formulaic has them, without the intercept.
    intercept : bool
        Whether there is one; it is no column.
    variables : tuple of Variable
        The columns of data on the right, in the order in which the formula names them; without those that
        only offset() reads.
    offsets : Offsets or None
        The formula's offset().  It is no column, and stays what it is at each row where a variable is moved.
    frame : pandas.DataFrame or None
        The rows of the fit, by reference where it may be; None after pickling or loading, which leave the
        data behind.

    Notes
    -----
    Names are those of the data, of NumPy as ``np``, and of formulaic's transforms; nothing of the caller's is
    seen, so that a result predicts in another process.  A formula is code: it calls the functions it names.
    That of a state is not: see :meth:`of_state`.
    """

    def state(self) -> dict[str, Any]:
        """The terms as JSON has them: text, numbers, truth values, lists and dicts, no data and no code.

        Raises
        ------
        ValueError
            An expression says what is not in :mod:`sigmax.data.formulas.language`, such as a method of a
            column or a function of another name, or a level is of a type that JSON has no form of: the
            message names it.  Such a fit predicts where it was made; what is to be stored has to be a column
            of data.
        """
        return stored.state_of(self)

    @classmethod
    def of_state(cls, state: object) -> Terms:
        """The terms of a state, whose columns have the same bits in any process.

        A state is data of which nothing is believed: every piece of it is held against what it can be, and
        nothing of it is run.  Sizes are bounded by the number of columns that the state names.

        Raises
        ------
        ValueError
            It is no state of a formula, or one that was changed.
        ImportError
            formulaic or pandas is not installed.
        """
        require_formulaic()
        return cls(**loaded.arguments(state))

    def __reduce_ex__(self, protocol: Any) -> Any:
        # a pickle of terms that can be stored is their state; of others, formulaic's objects
        try:
            return Terms.of_state, (self.state(),)
        except ValueError:
            return super().__reduce_ex__(protocol)

    def derivative(self, frame: object, variable: str) -> Float:
        """d x_ij / d v of each column j and row i, shape (n, p), for a variable v of numbers.

        A column is a product of factors, so that its derivative is that of each factor times the others (the
        product rule).  A factor that is the variable has 1; a Python expression is evaluated with numbers
        that carry their derivative (:mod:`sigmax.data.formulas.duals`), transforms with the state of the fit:
        exact to rounding.  Where an expression calls what has no rule, differences of sixth order take over,
        which have to agree to 1e-9 of the column's scale, its largest slope or value over the variable's
        spread.
        At a kink (abs, maximum), and at a knot where a spline is not smooth, it is the right-hand
        derivative; at the upper end of a B-spline the left-hand one; of differences the mean of both sides.

        Parameters
        ----------
        frame : table of n rows
        variable : str
            Its name; not of a factor.

        Raises
        ------
        ValueError
            No such variable, or it is a factor; or a column has no derivative: it codes the variable as
            levels, steps with it, or has an infinite slope in a row (a logarithm at 0).  The message names
            column, variable and row.
        """
        return slopes.derivative(self, self._read(frame), variable)

    def with_value(self, frame: object, variable: str, value: object) -> Float:
        """The columns with a variable set to a value in all rows, shape (n, p): a counterfactual.

        Parameters
        ----------
        frame : table of n rows
        variable : str
        value : number, level, or array_like of shape (n,)

        Raises
        ------
        ValueError
            No such variable, a level that the fit did not know, or no finite number.
        """
        return self._columns(self._set(self._read(frame), variable, value))

    def means(self, frame: object, weights: npt.ArrayLike | None = None) -> Means:
        """The point of means: its columns, their derivatives, and what they are with a variable set.

        See :class:`sigmax.data.formulas.means.Means` for what a mean is; :meth:`at_means` for the columns
        alone.
        """
        read = self._read(frame)
        n = len(read)
        w = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
        if w.shape != (n,):
            raise ValueError(f"weights must have shape ({n},), one for each row; got {w.shape}")
        if not (np.isfinite(w).all() and (w >= 0.0).all() and w.any()):
            raise ValueError("weights must be finite and not negative, and one of them positive")
        self._require_levels(read)
        return mean_columns(self, ((read.iloc[a:b], w[a:b]) for a, b in _blocks(n)))

    def at_means(self, frame: object, weights: npt.ArrayLike | None = None) -> Float:
        """The columns at the means of the variables, shape (1, p), as Stata's ``margins, atmeans`` has them.

        Numbers are averaged, with weights, and then transformed: a column ``I(x**2)`` is that of the mean of
        x.  Levels are averaged as their columns, so that a dummy is the share of its level; an interaction is
        the product of the means.  (statsmodels averages all columns, which is the same where none is a
        transform or a product.)

        Parameters
        ----------
        frame : table of n rows
            Read in blocks.
        weights : array_like of shape (n,), optional
            Not negative; ones by default.
        """
        return self.means(frame, weights).design()


def _blocks(n: int) -> Iterator[tuple[int, int]]:
    return ((a, min(a + _BLOCK, n)) for a in range(0, n, _BLOCK))
