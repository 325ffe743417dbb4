"""Columns of a table as a design without a formula: numbers as they are, levels in treatment coding.

A column of levels l_0, l_1, ... becomes one column of zeros and ones for each of l_1, l_2, ...; l_0 is the
base.  Without an intercept the first column of levels has one for l_0, too, as in a formula.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import plural
from sigmax.data.chunks import MISSING_ADVICE
from sigmax.data.formulas.recipe import Variable
from sigmax.data.tabular.coded import Coded, matched, require, require_usable, shown
from sigmax.data.tabular.coded import of_state as column_of_state
from sigmax.data.tabular.coded_rows import CodedMeans, CodedRows
from sigmax.data.tabular.series import Array, Column, plain, used
from sigmax.data.tabular.tables import Table
from sigmax.kernels import Float

#: rows that are filled at a time, so that they lie in cache
_ROWS = 4096
#: rows after which most columns are known not to hold 0 and 1 alone
_FIRST = 256
_VERSION = 1


@dataclass(frozen=True, eq=False, repr=False)
class Coding:
    """The columns of a table as a fit codes them.

    Attributes
    ----------
    columns : tuple of Coded
    intercept : bool
    response : str
    frame : CodedRows or None
        The rows of the fit; None after pickling, which leaves the data behind.
    """

    columns: tuple[Coded, ...]
    intercept: bool
    response: str
    frame: CodedRows | None = field(default=None)

    def __getstate__(self) -> dict[str, object]:
        _ = self.variables  # what the rows say of them
        return {**self.__dict__, "frame": None}

    def __repr__(self) -> str:
        return f"<coding of {plural(len(self.columns), 'column')}: {plural(len(self.names), 'parameter')}>"

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns of the design, without the intercept."""
        return tuple(name for column in self.columns for name in column.names)

    @cached_property
    def places(self) -> dict[str, slice]:
        """Where each column of the table is among those of the design."""
        ends = np.cumsum([0, *(column.width for column in self.columns)]).tolist()
        return {c.name: slice(a, b) for c, a, b in zip(self.columns, ends, ends[1:], strict=False)}

    @property
    def of_numbers(self) -> bool:
        """Whether every column of the table is one column of the design."""
        return all(column.kind != "levels" for column in self.columns)

    @property
    def offsets(self) -> None:
        """A table without a formula has none of its own."""
        return None

    def offset(self, table: object) -> None:
        """None: see :attr:`offsets`."""

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """The columns of the table, as margins have them."""
        return tuple(self._variable(column) for column in self.columns)

    def _variable(self, column: Coded) -> Variable:
        if column.kind == "levels":
            return Variable(column.name, "factor", column.levels, column.levels[0] if column.levels else None)
        if column.kind == "boolean":
            return Variable(column.name, "binary", (False, True), False)
        if self.frame is not None and _is_binary(self.frame[column.name]):
            return Variable(column.name, "binary", (0, 1), 0)
        return Variable(column.name, "continuous")

    def coded(self, name: str) -> Coded:
        """The column of a name.

        Raises
        ------
        ValueError
            There is none.
        """
        for one in self.columns:
            if one.name == name:
                return one
        known = ", ".join(repr(one.name) for one in self.columns) or "none"
        raise ValueError(f"the fit has no variable {name!r}; its variables are {known}")

    # -- designs ---------------------------------------------------------------------------------

    def design(self, table: object) -> Float:
        """The columns at the rows of a table, shape (n, p), without the intercept's.

        Parameters
        ----------
        table : DataFrame of any make, mapping of columns, or record array
            Columns are found by their names; others are ignored.

        Raises
        ------
        ValueError
            A column is missing, holds something else than in the fit, has missing values, or levels that the
            fit did not know.  The message names it, the first row, and how many.
        TypeError
            `table` is no table.
        """
        if isinstance(table, CodedRows):
            return self.fill(table)
        read = Table(table, "X")
        wanted = [column.name for column in self.columns]
        read.require(wanted)
        numbers = all(column.kind == "number" for column in self.columns)
        block = read.block(wanted) if numbers else None
        if block is not None:
            # a copy, where one has to be, in the order of rows
            X = block if block.dtype == np.float64 else np.ascontiguousarray(block, dtype=np.float64)
            if not np.isnan(X).any():
                return X
        return self.fill(CodedRows(self, read.n_rows, {c.name: matched(read, c) for c in self.columns}))

    def fill(self, rows: CodedRows) -> Float:
        """The columns of rows that are coded."""
        n, X = len(rows), np.empty((len(rows), len(self.names)))
        for start in range(0, n, _ROWS):
            part = slice(start, min(start + _ROWS, n))
            for column, place in zip(self.columns, self.places.values(), strict=True):
                values = rows.values[column.name][part]
                if column.kind == "levels":
                    codes = np.arange(not column.full, len(column.levels), dtype=np.int32)
                    X[part, place] = values[:, None] == codes
                else:
                    X[part, place.start] = values
        return X

    # -- what margins ask for ---------------------------------------------------------------------

    def derivative(self, frame: object, variable: str) -> Float:
        """d x_ij / d v of each column j and row i, shape (n, p): ones in the variable's column.

        Raises
        ------
        ValueError
            No such variable, or it has levels.
        """
        if self.coded(variable).kind == "levels":
            raise ValueError(f"{variable!r} has levels, and no derivative")
        rows = self.rows(frame)
        slopes = np.zeros((len(rows), len(self.names)))
        slopes[:, self.places[variable]] = 1.0
        return slopes

    def with_value(self, frame: object, variable: str, value: object) -> Float:
        """The columns with a variable set to a number or a level in all rows, shape (n, p).

        Raises
        ------
        ValueError
            No such variable, a level that the fit did not know, or no finite number.
        """
        return self.fill(self.rows(frame).assign(**{variable: value}))

    def means(self, frame: object, weights: npt.ArrayLike | None = None) -> CodedMeans:
        """The point of means: numbers at their means, levels at their shares."""
        return CodedMeans.of(self, self.rows(frame), weights)

    def rows(self, frame: object) -> CodedRows:
        """A table as coded rows."""
        if isinstance(frame, CodedRows):
            return frame
        read = Table(frame, "X")
        read.require([column.name for column in self.columns])
        return CodedRows(self, read.n_rows, {c.name: matched(read, c) for c in self.columns})

    def code(self, column: Coded, value: object) -> Array:
        """A value, or several, of a variable as rows have it.

        Raises
        ------
        ValueError
            A level that the fit did not know; no finite number.
        """
        given = np.asarray(value, dtype=object)
        if column.kind == "levels":
            known = {level: code for code, level in enumerate(column.levels)}
            cells = [plain(cell) for cell in given.ravel().tolist()]
            strange = [cell for cell in cells if cell not in known]
            if strange:
                raise ValueError(
                    f"value must be a level of {column.name!r}, {shown(column.levels)}; got {strange[0]!r}"
                )
            return np.array([known[cell] for cell in cells], dtype=np.int32).reshape(given.shape)
        try:
            numbers = given.astype(np.float64)
        except (TypeError, ValueError):
            numbers = np.array(np.nan)
        if not np.isfinite(numbers).all():
            raise ValueError(f"value must be a finite number, as {column.name!r} is one; got {value!r}")
        return numbers

    # -- files -------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """All but the data in what JSON has."""
        return {
            "kind": "columns",
            "version": _VERSION,
            "intercept": self.intercept,
            "response": self.response,
            "columns": [
                {
                    "name": column.name,
                    "kind": column.kind,
                    "binary": variable.kind == "binary",
                    "levels": list(column.levels),
                    "full": column.full,
                }
                for column, variable in zip(self.columns, self.variables, strict=True)
            ],
        }

    @classmethod
    def of_state(cls, state: dict[str, Any]) -> Self:
        """From :meth:`state`.

        Raises
        ------
        ValueError
            It is none, or of another version.
        """
        require(isinstance(state, dict) and state.get("kind") == "columns", "kind must be 'columns'")
        version = state.get("version")
        require(type(version) is int and version == _VERSION, f"version must be {_VERSION}; got {version!r}")
        require(type(state.get("intercept")) is bool, "intercept must be true or false")
        require(isinstance(state.get("response"), str), "response must be text")
        require(isinstance(state.get("columns"), list), "columns must be a list")
        columns, binary = [], []
        for one in state["columns"]:
            columns.append(column_of_state(one))
            binary.append(one["binary"])
        names = [column.name for column in columns]
        require(len(set(names)) == len(names), "two columns have one name")
        coding = cls(tuple(columns), state["intercept"], state["response"])
        coding.__dict__["variables"] = tuple(
            Variable(column.name, "binary", (0, 1), 0)
            if is_binary and column.kind == "number"
            else coding._variable(column)
            for column, is_binary in zip(columns, binary, strict=True)
        )
        return coding


def coding(
    table: Table, names: list[str], columns: dict[str, Column] | None, *, intercept: bool, response: str
) -> tuple[Coding, Array]:
    """How the columns of a table are coded, and their design.

    Parameters
    ----------
    table : Table
    names : list of str
        The columns that explain, in their order.
    columns : dict of str to Column, or None
        Those that were read already, perhaps some of the rows; without missing values.
    intercept : bool
    response : str

    Returns
    -------
    Coding
    ndarray of shape (n, p)
        A view of the table where it is one block of numbers, which are then not looked at.

    Raises
    ------
    ValueError
        A column that is neither of numbers nor of levels.
    """
    block = table.block(names) if columns is None else None
    if block is not None:
        kind = "boolean" if block.dtype.kind == "b" else "number"
        made = Coding(tuple(Coded(name, kind) for name in names), intercept, response)
        values = {name: block[:, j] for j, name in enumerate(names)}
        object.__setattr__(made, "frame", CodedRows(made, len(block), values))
        return made, block
    if columns is None:
        columns = {name: table.column(name) for name in names}
    coded, rows = [], {}
    full = not intercept
    for name in names:
        column = columns[name]
        require_usable(column, table.argument)
        column.require_complete(table.argument, MISSING_ADVICE)
        if column.kind == "levels":
            rows[name], levels = used(column.values, column.levels)
            coded.append(Coded(name, "levels", levels, full))
            full = False
        else:
            rows[name] = column.floats()
            coded.append(Coded(name, column.kind))
    n = len(next(iter(rows.values()))) if rows else table.n_rows
    made = Coding(tuple(coded), intercept, response)
    X = made.fill(CodedRows(made, n, rows))
    for one in coded:
        if one.kind != "levels":
            rows[one.name] = X[:, made.places[one.name].start]  # the numbers once, not twice
    object.__setattr__(made, "frame", CodedRows(made, n, rows))
    return made, X


def _is_binary(values: Array) -> bool:
    """Whether both 0 and 1 occur, and nothing else."""
    for part in (values[:_FIRST], values):
        zero = part == 0
        if not (zero | (part == 1)).all():
            return False
    return bool(zero.any() and not zero.all())
