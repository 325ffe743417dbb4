"""Dialects of SQL: how each writes names, numbers and labels, so that they are data and never code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a database writes what it is told.

    Attributes
    ----------
    name : str
    quote : str
        Around names.
    double : str
        The type of float64.
    backslash : bool
        Whether a backslash escapes in text.
    doubled : bool
        Whether a quotation mark inside is written twice; else it is escaped by a backslash.
    """

    name: str
    quote: str
    double: str
    backslash: bool = False
    doubled: bool = True

    def identifier(self, name: str) -> str:
        """The name of a column or a table, quoted.

        Raises
        ------
        ValueError
            It is empty, or holds the character 0, which no database takes.
        """
        if not name or "\0" in name:
            raise ValueError(f"a name in SQL must not be empty or hold the character 0; got {name!r}")
        return self._quoted(name, self.quote, self.backslash and not self.doubled)

    def text(self, value: str) -> str:
        """Text as a literal."""
        if "\0" in value:
            raise ValueError(f"text in SQL must not hold the character 0; got {value!r}")
        return self._quoted(value, "'", self.backslash)

    def _quoted(self, value: str, quote: str, backslash: bool) -> str:
        if backslash:
            value = value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        inside = quote * 2 if self.doubled else f"\\{quote}"
        return f"{quote}{value.replace(quote, inside)}{quote}"

    def number(self, value: float) -> str:
        """A float64 in 17 digits, which give it back exactly; in parentheses where it is negative."""
        # an exponent makes it a DOUBLE where 1.5 would be a DECIMAL
        shown = f"{float(value):.16e}"
        return f"({shown})" if shown.startswith("-") else shown

    def label(self, value: object) -> str:
        """A label or a level: text, a number, a truth value.

        Raises
        ------
        ValueError
            It is none of these.
        """
        value = value.item() if isinstance(value, np.generic) and value.dtype.kind not in "mM" else value
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if isinstance(value, int):
            return f"({value})" if value < 0 else str(value)
        if isinstance(value, float):
            return self.number(value)
        if isinstance(value, str):
            return self.text(value)
        raise ValueError(
            f"a label in SQL must be text, a number or a truth value; got {value!r} of type "
            f"{type(value).__name__}"
        )

    def column(self, name: str, *, boolean: bool = False) -> str:
        """A column as float64: whole numbers would be divided as such."""
        quoted = self.identifier(name)
        if boolean:  # which not every database makes a number of
            return f"CASE {quoted} WHEN FALSE THEN 0e0 WHEN TRUE THEN 1e0 END"
        return f"CAST({quoted} AS {self.double})"


#: backquotes for SQLite: it takes a name in double quotes that is no column for text
DIALECTS = {
    one.name: one
    for one in (
        Dialect("duckdb", '"', "DOUBLE"),
        Dialect("postgres", '"', "DOUBLE PRECISION"),
        Dialect("sqlite", "`", "REAL"),
        Dialect("mysql", "`", "DOUBLE", backslash=True),
        Dialect("bigquery", "`", "FLOAT64", backslash=True, doubled=False),
    )
}
