"""What a result gives away: a file that is loaded again."""

from __future__ import annotations

import os

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
