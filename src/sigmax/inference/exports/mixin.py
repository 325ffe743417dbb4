"""What a result gives away: a file that is loaded again, and itself in other languages."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from sigmax.inference.predictions import Predictions


class Exported(Predictions):
    """A result for later, and for others."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save to a file that :func:`sigmax.load` reads: estimates, covariance, certificate, terms; no data.

        Parameters
        ----------
        path : str or path-like
            Taken as it is; ``.npz`` is the usual ending.  A file of that name is replaced in one step, once
            the new one is written: nobody reads half a file.

        Raises
        ------
        ValueError
            Labels of classes that are no text, number, truth value or time; terms of a formula that cannot be
            saved without code; data that were changed in place since the fit, where the covariance is still
            to be computed from them.
        OSError
            The file cannot be written; what was there stays.

        Notes
        -----
        A .npz file with a JSON header, checksums and no pickle (docs/files.md), of some 20 (m k)^2 bytes for
        m k parameters.  What stays is what a pickled result keeps: see :func:`sigmax.load`.  The same result
        makes the same bytes.
        """
        from sigmax.inference.stored.writing import save_result

        save_result(self, path)

    def to_sql(
        self,
        kind: str = "probability",
        *,
        label: Any = None,
        table: str | Sequence[str] | None = None,
        dialect: str = "duckdb",
    ) -> str:
        """Predictions as SQL, for a database that has the columns of the fit.

        Parameters
        ----------
        kind : {"probability", "logit", "label"}
            "probability": of a class.  "logit": as `decision_function` has it, against `reference`.  "label":
            the most probable class, as `predict` has it.
        label : label, optional
            The class whose probability or logit it is.  By default the one that there is, the second of two;
            with `table`, a column for each.
        table : str or sequence of str, optional
            The name of a table, or its parts (schema, table): a whole SELECT of all its columns and
            predictions, named ``probability <label>``, ``logit <label>`` or ``label``.  By default the
            expression alone.
        dialect : {"duckdb", "postgres", "sqlite", "mysql", "bigquery"}
            How names and text are quoted, and what float64 is called.

        Returns
        -------
        str

        Raises
        ------
        ValueError
            Separated classes, whose parameters are infinite; a fit with ``offset=``, but for logits; a term
            of a formula that cannot be translated, which is named; labels or levels that are no text, number
            or truth value; no such kind, label or dialect.

        Notes
        -----
        Columns are those of the table of the fit; after a fit of arrays, those that are called like the
        parameters.  Levels are compared as they are; a row with a missing value, or a level that was not in
        the fit, has the prediction NULL.  The ``offset()`` of a formula is in it.  After a fit with
        ``offset=`` there are logits alone, to which it has to be added.  Columns that were left out are not
        read.

        Probabilities agree with `predict_proba` to 1e-12 of their size as far as logits of a few hundred
        allow, and are 0 below 1e-304.  Names and labels are quoted: they are data whatever stands in them.
        SQLite needs its mathematical functions for more than logits and labels.

        Examples
        --------
        >>> import sigmax as sx
        >>> data = sx.datasets.load("spector")
        >>> r = sx.fit(data.X[:, :1], data.y, names=["gpa"])
        >>> print(r.to_sql("logit"))  # doctest: +ELLIPSIS
        ((-9.70319...e+00) + 2.84006...e+00 * CAST("gpa" AS DOUBLE))
        """
        from sigmax.inference.exports.sql import to_sql

        return to_sql(self, kind, label=label, table=table, dialect=dialect)

    def to_onnx(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        outputs: tuple[str, str] = ("label", "probabilities"),
    ) -> Any:
        """Predictions as an ONNX model in double precision (extra ``onnx``).

        Parameters
        ----------
        path : str or path-like, optional
            Where to write it, too; in one step, as :meth:`save`.
        outputs : tuple of str
            Names of the two outputs: the most probable label of each row, (n,), and probabilities, (n, K), in
            the order of `classes`.

        Returns
        -------
        onnx.ModelProto
            After a fit of arrays, or with a formula, its input is ``X``, (n, p) of float64: the columns of
            the design, without the intercept (``r.terms.design(table)`` makes those of a formula).  After a
            fit of a table it has an input for each column, by its name, each (n, 1): float64, bool, or levels
            of text, int64 or float64.

        Raises
        ------
        ImportError
            onnx is not installed.
        ValueError
            Separated classes, whose parameters are infinite; a fit with an offset; labels or levels of
            types that ONNX does not have; outputs that are called like inputs.

        Notes
        -----
        Probabilities agree with `predict_proba` to 1e-12, small ones relatively, too.  A level that was not
        in the fit gives probabilities that are nan.  Columns that were left out of the fit are not
        read.  Operator set 17, or 19 where levels are text; the metadata
        have version, classes and names of columns.
        """
        from sigmax.inference.exports.onnx import to_onnx

        return to_onnx(self, path, outputs=outputs)
