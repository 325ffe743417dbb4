"""What a fit says of new rows: logits, probabilities with their intervals, labels, draws."""

from __future__ import annotations

from typing import NamedTuple, cast, overload

import numpy as np
import numpy.typing as npt

from sigmax import kernels, passes, threads
from sigmax.data.checks import contiguous, coverage, finite, numbers, plural
from sigmax.data.design import Design
from sigmax.data.given import rows
from sigmax.data.tabular.frames import Frame
from sigmax.data.tabular.tables import origin_of
from sigmax.existence.prediction import limiting_logits, limiting_order, limiting_probabilities
from sigmax.functions import expit, softmax
from sigmax.identification import parametrisation
from sigmax.inference import labelled
from sigmax.inference.estimates import class_index
from sigmax.inference.roots import Root
from sigmax.inference.uncertainty import Uncertainty
from sigmax.kernels import Float
from sigmax.objective import linear_predictor

#: numbers of work space of a block of intervals
_WORK = 2**19


class Intervals(NamedTuple):
    """Probabilities with confidence intervals; each (n, K), columns in the order of the classes.

    Attributes
    ----------
    proba : ndarray or DataFrame
        As `predict_proba` gives them.
    lower, upper : ndarray or DataFrame
        Ends within [0, 1]; nan where a probability is a limit that no covariance belongs to.
    """

    proba: Float
    lower: Float
    upper: Float


class Predictions(Uncertainty):
    """Predictions for rows that may be new."""

    @property
    def _backend(self) -> str:
        """That of the fit; of a result that was computed elsewhere, one that works here."""
        return self.backend if self.backend in kernels.available() else kernels.get().BACKEND

    def decision_function(
        self, X: npt.ArrayLike | Frame, *, offset: npt.ArrayLike | str | None = None
    ) -> Float:
        """Logits of new rows.

        Parameters
        ----------
        X : array_like of shape (n, p), or table
            The columns of the fit, in its order.  Or a DataFrame of any make, or a mapping of columns: they
            are found by their names, in any order, and others are ignored.  A formula is evaluated with what
            its transforms remember of the fit; levels are coded as in the fit.
        offset : array_like, shape of the result, or str, optional
            Added to the logits; the name of a column where X is a table.  The ``offset()`` of a formula is
            computed from the table, and this one added to it; with arrays this one stands for both.

        Returns
        -------
        ndarray, Series or DataFrame of shape (n,) or (n, K - 1), or (n, K) without a reference
            Log odds of the other classes against `reference`, in their order; without a reference, logits
            of all classes that sum to zero.  Of the library of X, with its index, where X is a DataFrame;
            columns are named by their classes.  Columns that were left out of the fit are not read: the bits
            are those of a fit without them.  Where the classes are separated, -inf, inf and nan as in
            :meth:`predict_proba`.

        Raises
        ------
        ValueError
            X is of another shape; or a table, and a column is missing or has missing values, or a level was
            not in the fit.
        """
        eta = self._decision(X, offset)
        if eta.ndim == 1:
            return cast(Float, labelled.series(origin_of(X), eta, "logit"))
        return cast(Float, labelled.frame(origin_of(X), eta, self.row_labels))

    def _decision(self, X: npt.ArrayLike | Frame, offset: npt.ArrayLike | str | None) -> Float:
        """:meth:`decision_function` as an array."""
        X, offset = self._given(X, offset)
        eta, order = self._logits(X, offset)
        if order is not None:
            eta = limiting_logits(order, eta, class_index(self.classes, self.reference))
        return eta[:, 0] if self.params.ndim == 1 else eta

    def _given(
        self, X: npt.ArrayLike | Frame, offset: npt.ArrayLike | str | None
    ) -> tuple[npt.ArrayLike, npt.ArrayLike | None]:
        """Columns and offset as arrays."""
        if self.has_offset and offset is None:
            raise ValueError(
                "offset is missing: the fit had one, and rows without it are not of its model; pass offset=, "
                "zeros for rows without"
            )
        names = self.param_names[1:] if self.fit_intercept else self.param_names
        return rows(self.terms, X, offset, self._base, names)

    def _design(self, X: npt.ArrayLike) -> Design:
        """Rows with the columns of the fit, those that were left out included."""
        names = self.param_names[1:] if self.fit_intercept else self.param_names
        array = numbers("X", X)
        if array.ndim != 2 or array.shape[1] != len(names):
            raise ValueError(
                f"X must have shape (n, {len(names)}), the columns of the fit; got {array.shape}"
            )
        return Design(array, intercept=self.fit_intercept, names=names)

    def _logits(
        self, X: npt.ArrayLike, offset: npt.ArrayLike | None
    ) -> tuple[Float, npt.NDArray[np.int8] | None]:
        """Logits (n, m), of finite coefficients; and how the classes compare where some are infinite."""
        design = self._design(X)
        found = self._limit
        matrix = np.atleast_2d(self.params if found is None else found.finite)
        gone = np.atleast_2d(self.aliased)[0]
        if gone.any():
            design, matrix = design.without(gone), matrix[:, ~gone]
        shift = None if offset is None else self._offset(offset, design.n_rows, len(matrix))
        backend = kernels.get(self._backend)
        eta = linear_predictor(design, matrix, shift, backend, threads.resolve())
        if found is None:
            return eta, None
        return eta, limiting_order(found, design, ~gone, backend)

    @staticmethod
    def _offset(offset: npt.ArrayLike, n: int, m: int) -> Float:
        array = numbers("offset", offset)
        shape = (n,) if m == 1 else (n, m)
        if array.shape != shape:
            raise ValueError(f"offset must have shape {shape}; got {array.shape}")
        finite("offset", array)
        return contiguous(array).reshape(n, m)

    def _offset_of_origin(self, offset: npt.ArrayLike | None) -> Float | None:
        """What the offset of these logits is for those of the result that this one comes from."""
        if offset is None or self._origin is None:
            return None
        m = len(self.row_labels)
        shift = self._offset(offset, len(np.atleast_1d(np.asarray(offset))), m)
        if self.reference is not None:
            shift = parametrisation.padded(shift.T, class_index(self.classes, self.reference)).T
        old = class_index(self.classes, self._origin.reference)
        moved = np.delete(shift - shift[:, [old]], old, axis=1)
        return np.asarray(moved[:, 0] if moved.shape[1] == 1 else moved)

    @overload
    def predict_proba(
        self, X: npt.ArrayLike | Frame, level: None = None, *, offset: npt.ArrayLike | str | None = None
    ) -> Float: ...

    @overload
    def predict_proba(
        self, X: npt.ArrayLike | Frame, level: float, *, offset: npt.ArrayLike | str | None = None
    ) -> Intervals: ...

    def predict_proba(
        self,
        X: npt.ArrayLike | Frame,
        level: float | None = None,
        *,
        offset: npt.ArrayLike | str | None = None,
    ) -> Float | Intervals:
        """Probabilities of the classes, shape (n, K); columns in the order of `classes`.

        Parameters
        ----------
        X, offset
            As in :meth:`decision_function`.
        level : float, optional
            Coverage of confidence intervals for each probability, 0 < level < 1; none by default.

        Returns
        -------
        ndarray or DataFrame of shape (n, K), or Intervals
            With `level`: ``proba``, ``lower`` and ``upper``.  DataFrames of the library of X, with its index,
            where X is one; columns are named by their classes.

        Notes
        -----
        Where the classes are separated these are the limits along ``separation.direction``: exactly 0 for a
        class that another one leaves behind, and the limiting fit's shares for the others, nan where the data
        do not determine them.

        An interval is that of the log odds of the class against all others, logit p_k -+ z se, taken back to
        probabilities, so that it stays in [0, 1].  The standard error is the delta method's, with the
        covariance that the result has:

            d logit p_k / d eta_l = [k = l] - [k != l] p_l / (1 - p_k)

        With two classes it is the interval of the logit itself.  nan for probabilities that are 0 or 1 in the
        limit.
        """
        table = origin_of(X)
        if level is None:
            return cast(Float, labelled.frame(table, self._proba(X, offset), self.classes))
        X, shift = self._given_origin(X, offset)
        found = self._source._intervals(X, shift, coverage(level))
        return Intervals(*(labelled.frame(table, values, self.classes) for values in found))

    def _proba(self, X: npt.ArrayLike | Frame, offset: npt.ArrayLike | str | None) -> Float:
        """:meth:`predict_proba` as an array."""
        origin = self._source
        X, shift = self._given_origin(X, offset)
        return origin._probabilities(*origin._logits(X, shift))

    def _given_origin(
        self, X: npt.ArrayLike | Frame, offset: npt.ArrayLike | str | None
    ) -> tuple[npt.ArrayLike, npt.ArrayLike | None]:
        """As :meth:`_given`, for the result that this one comes from."""
        X, offset = self._given(X, offset)
        return X, (offset if self._origin is None else self._offset_of_origin(offset))

    def _probabilities(self, eta: Float, order: npt.NDArray[np.int8] | None) -> Float:
        if order is not None:
            base = class_index(self.classes, self.reference)
            return limiting_probabilities(order, eta, base, self._backend)
        return _softmax(eta, self._backend)

    def _intervals(self, X: npt.ArrayLike, offset: npt.ArrayLike | None, level: float) -> Intervals:
        from scipy.special import ndtri

        design = self._design(X)
        eta, order = self._logits(X, offset)
        p = self._probabilities(eta, order)
        logits = np.insert(eta, class_index(self.classes, self.reference), 0.0, axis=1)
        if order is not None:
            logits[p == 0.0] = -np.inf
            logits[np.isnan(p)] = np.nan
        root, fitted = self._root_of_logits(design)
        backend, K = kernels.get(self._backend), len(self.classes)
        half = -float(ndtri((1.0 - level) / 2.0))
        lower, upper = np.empty(p.shape), np.empty(p.shape)

        def evaluate(start: int, stop: int) -> None:
            # the covariance of logits of all classes, of which that of class 0 is 0
            U = root.along(fitted.block(start, stop), fitted.intercept, backend)
            U = np.insert(U, 0, 0.0, axis=1)
            for k in range(K):
                # p_l / (1 - p_k) of the other classes, and log(1 - p_k), without a difference
                rest = np.delete(logits[start:stop], k, axis=1)
                with np.errstate(invalid="ignore"):
                    top = rest.max(axis=1, keepdims=True)
                    share = np.exp(rest - top)
                    total = share.sum(axis=1, keepdims=True)
                    logit = logits[start:stop, k] - (top + np.log(total))[:, 0]
                    share /= total
                    along = U[:, k] - np.einsum("il,ilr->ir", share, np.delete(U, k, axis=1))
                    error = half * np.sqrt((along**2).sum(axis=1))
                    error[~np.isfinite(logit)] = np.nan
                    expit(logit - error, lower[start:stop, k], backend=self._backend)
                    expit(logit + error, upper[start:stop, k], backend=self._backend)

        size = max(_WORK // (max(root.B.shape[1], 1) * K + design.width), 1)
        flops = 2.0 * design.n_rows * root.B.size * 2.0
        count = threads.useful(threads.resolve(), flops, shared=backend.THREADED)
        passes.reduce(design.n_rows, size, evaluate, lambda a, b: None, count)
        return Intervals(p, lower, upper)

    def _root_of_logits(self, design: Design) -> tuple[Root, Design]:
        """A root of the covariance, and the columns of `design` that it belongs to."""
        gone = np.zeros(design.width, bool) if self.dependence is None else self.dependence.aliased
        return self._root("an interval"), (design.without(gone) if gone.any() else design)

    def predict(
        self, X: npt.ArrayLike | Frame, *, offset: npt.ArrayLike | str | None = None
    ) -> npt.NDArray[np.generic]:
        """The most probable class of each row, shape (n,); a Series with the index of X where X has one.

        Of two classes the second where w.x >= 0; of more the first of equals, and of what is unknown.

        Parameters
        ----------
        X, offset
            As in :meth:`decision_function`.
        """
        p = self._proba(X, offset)
        best = (p[:, 1] >= p[:, 0]).astype(np.intp) if p.shape[1] == 2 else np.argmax(p, axis=1)
        labels: npt.NDArray[np.generic] = labelled.series(origin_of(X), self.classes[best], self._target)
        return labels

    def sample(
        self,
        X: npt.ArrayLike | Frame,
        rng: np.random.Generator | int | None = None,
        *,
        size: int | None = None,
        offset: npt.ArrayLike | str | None = None,
    ) -> npt.NDArray[np.generic]:
        """Draw labels from the fitted model.

        Parameters
        ----------
        X, offset
            As in :meth:`decision_function`.
        rng : Generator or int, optional
            Source of random numbers, or a seed; fresh ones by default.  The same seed gives the same draws.
        size : int, optional
            How many draws for each row; one by default.

        Returns
        -------
        ndarray of shape (n,), or (size, n) where `size` is given
            Labels, independent of each other.  Where X is a DataFrame a Series with its index, or a DataFrame
            of shape (n, size), a column for each draw.

        Raises
        ------
        ValueError
            A row whose probabilities the data do not determine, or that is nan or inf; a `size` that is no
            whole number of at least 0; an `rng` that is no source of random numbers.
        """
        count = _whole_number("size", 1 if size is None else size)
        generator = _generator(rng)
        p = self._proba(X, offset)
        unknown = np.isnan(p).any(axis=1)
        if unknown.any():
            raise ValueError(
                f"X has {plural(int(unknown.sum()), 'row')} whose probabilities are not determined, "
                "because the classes are separated or the row is not finite; the first is "
                f"X[{int(np.argmax(unknown))}]"
            )
        edges = np.cumsum(p[:, :-1], axis=1)
        u = generator.random((count, len(p)))
        # class k where the edges of k classes lie at or below u
        drawn = np.zeros(u.shape, np.intp)
        for edge in edges.T:
            drawn += edge <= u
        # the last edge may have been rounded to less than 1
        drawn = np.minimum(drawn, p.shape[1] - 1 - np.argmax(p[:, ::-1] > 0.0, axis=1))
        found: npt.NDArray[np.generic] = self.classes[drawn]
        if size is None:
            found = labelled.series(origin_of(X), found[0], self._target)
        elif (table := origin_of(X)) is not None:
            found = labelled.frame(table, found.T, range(count))
        return found


def _softmax(eta: Float, backend: str) -> Float:
    """(n, K) from logits against class 0, (n, m)."""
    p = np.empty((len(eta), eta.shape[1] + 1))
    if eta.shape[1] == 1:
        expit(-eta[:, 0], p[:, 0], backend=backend)
        expit(eta[:, 0], p[:, 1], backend=backend)
    else:
        p[:, 0], p[:, 1:] = 0.0, eta
        softmax(p, axis=1, out=p, backend=backend)
    return p


def _whole_number(name: str, value: object) -> int:
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= 0:
        return int(value)
    raise ValueError(f"{name} must be a whole number of at least 0; got {value!r}")


def _generator(rng: np.random.Generator | int | None) -> np.random.Generator:
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise ValueError(
            f"rng must be a numpy Generator, a seed of at least 0 or None; got {rng!r}"
        ) from None
