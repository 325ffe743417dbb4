"""The last layer: the negative log-likelihood of each row, given what was observed in it."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import finite, none_of, numbers
from sigmax.data.declared import declared, in_order, recode
from sigmax.data.labels import encode
from sigmax.kernels import Codes, Float
from sigmax.layers.layer import Direction, Layer, ShapeError, batch, like, memory

#: codes are int32
_LARGEST = 2**31 - 1


class Loss(Layer):
    """Base class of last layers: (n, width) to (n, 1), the loss of each row given its target.

    The sum over rows with weights w has the output gradient w: that is what enters a network at the top.

    Attributes
    ----------
    targets : ndarray of shape (n,) or (n, m)
        What was observed, by rows; set by :meth:`given`.
    """

    targets: npt.NDArray[Any] | None = None

    def given(self, targets: npt.ArrayLike) -> Self:
        """Set the targets of the batch that comes next; returns the layer itself."""
        self.targets = self.checked(np.asarray(targets))
        return self

    def checked(self, targets: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Targets as `forward` reads them; a subclass refuses here what cannot be one."""
        return targets

    def encode(
        self, y: npt.ArrayLike, width: int, *, classes: npt.ArrayLike | None = None, n_threads: int = 1
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.generic] | None]:
        """What a network learns from: targets of all rows, and the classes that its outputs stand for.

        Parameters
        ----------
        y : array_like of shape (n, ...)
            As it was given to :meth:`Network.fit`.
        width : int
            Of the layer's input.
        classes : array_like of shape (K,), optional
            All labels, where y may lack some; those of y by default.
        n_threads : int
            Has no influence on the result.

        Returns
        -------
        targets : ndarray
        classes : ndarray of shape (K,) or None
        """
        return self.checked(np.asarray(y)), None

    def _targets(self, rule: str, n: int) -> npt.NDArray[Any]:
        """The targets, one for each of the n rows."""
        if self.targets is None:
            raise RuntimeError(f"{self!r}.{rule} needs targets: call given(targets) before")
        if len(self.targets) != n:
            raise ShapeError(
                f"{self!r}.{rule}: z must have one row for each of {len(self.targets):,} targets; got {n:,}"
            )
        return self.targets


class NLL(Loss):
    """Negative log-likelihood of classes: -log p_y of each row, in nats; (n, K) to (n, 1).

    Targets are codes 0 .. K-1, shape (n,), or counts of the classes, shape (n, K): -sum_k y_k log p_k.

    Notes
    -----
    backward: -delta at the class that was observed, 0 elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> from sigmax.layers import NLL
    >>> layer = NLL().given([1, 0])
    >>> layer.forward(np.log([[0.5, 0.5], [0.25, 0.75]])).round(4).tolist()
    [[0.6931], [1.3863]]
    >>> layer.backward([[1.0], [1.0]]).tolist()
    [[0.0, -1.0], [-1.0, 0.0]]
    """

    def checked(self, targets: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Codes as int32 of shape (n,), or counts as float64 of shape (n, K).

        Raises
        ------
        ValueError
            Neither; negative numbers.
        """
        if targets.ndim == 1:
            if targets.dtype.kind not in "iub" and targets.size:
                raise ValueError(
                    f"targets must hold class codes of an integer dtype; got dtype {targets.dtype}"
                )
            none_of("targets", targets, targets < 0, "be codes of classes, from 0 on", "below 0")
            none_of("targets", targets, targets > _LARGEST, f"be codes of at most {_LARGEST:,}", "above")
            return targets.astype(np.int32, copy=False)
        if targets.ndim == 2:
            counts = numbers("targets", targets).astype(np.float64, copy=False)
            finite("targets", counts)
            none_of("targets", counts, counts < 0, "not be negative", "below 0")
            return counts
        raise ValueError(f"targets must have shape (n,), codes, or (n, K), counts; got {targets.shape}")

    def encode(
        self, y: npt.ArrayLike, width: int, *, classes: npt.ArrayLike | None = None, n_threads: int = 1
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.generic] | None]:
        """Codes of labels of any sortable dtype, and the classes; or counts, and 0 .. K-1.

        Raises
        ------
        ValueError
            Other classes in number than outputs; labels that are none of `classes`; counts that are none.
        """
        given = np.asarray(y)
        if given.ndim == 2:
            counts = self.checked(given)
            if counts.shape[1] != width:
                raise ValueError(f"y must have shape (n, {width}), counts for each output; got {given.shape}")
            return counts, np.arange(width)
        labels, codes = _coded(given, classes, n_threads)
        if len(labels) != width:
            raise ValueError(
                f"y has {len(labels)} classes, and {self!r} is given {width} log-probabilities: the layers "
                "before it must give one for each class"
            )
        return codes, labels

    def forward(self, z: npt.ArrayLike) -> Float:
        """-log p_y of each row, shape (n, 1)."""
        z = batch(self, "forward", "z", z)
        y = self._targets("forward", len(z))
        if y.ndim == 2 and y.shape != z.shape:
            raise ShapeError(
                f"{self!r}.forward: z must have the shape of the targets, {y.shape}; got {z.shape}"
            )
        if y.ndim == 1 and y.size and int(y.max()) >= z.shape[1]:
            raise ShapeError(
                f"{self!r}.forward: z must have shape (n, K), K at least {int(y.max()) + 1}, a column for "
                f"each class; got {z.shape}"
            )
        self.z = z
        return self._linear(z)

    def _linear(self, z: Float) -> Float:
        """-sum_k y_k z_k of each row, shape (n, 1)."""
        y = self._targets("forward", len(z))
        if y.ndim == 2:
            return minus_dot(y, z)
        observed: Float = np.take_along_axis(z, y[:, None].astype(np.intp), axis=1)
        return np.subtract(0.0, observed, out=observed)

    def backward(self, delta: npt.ArrayLike) -> Float:
        """-delta y_k, y_k 1 for the class that was observed, shape (n, K)."""
        shape = memory(self, "backward").shape
        delta = like(self, "backward", "delta", delta, (shape[0], 1))
        y = self._targets("backward", shape[0])
        if y.ndim == 2:
            counted: Float = -delta * y
            return counted
        out = np.zeros(shape)
        np.put_along_axis(out, y[:, None].astype(np.intp), -delta, axis=1)
        return out

    def forward_tangent(self, dz: npt.ArrayLike, direction: Direction) -> Float:
        """-sum_k y_k dz_k, shape (n, 1)."""
        z = memory(self, "forward_tangent")
        return self._linear(like(self, "forward_tangent", "dz", dz, z.shape))

    def backward_tangent(self, delta: npt.ArrayLike, ddelta: npt.ArrayLike) -> Float:
        """-ddelta y_k, shape (n, K)."""
        return self.backward(ddelta)


def _coded(
    y: npt.NDArray[Any], classes: npt.ArrayLike | None, n_threads: int
) -> tuple[npt.NDArray[np.generic], Codes]:
    """The classes, sorted, and the code of each label."""
    if classes is None:
        return encode(y, None, n_threads)
    named = in_order(declared(classes))
    codes, _ = recode(named, *encode(y, None, n_threads, least=1), None)
    return named, codes


def _shares(y: npt.NDArray[Any]) -> bool:
    """Whether these are numbers from 0 to 1, some of them between: no labels."""
    return y.dtype.kind == "f" and bool(((y >= 0.0) & (y <= 1.0)).all() and ((y > 0.0) & (y < 1.0)).any())


class BernoulliNLL(Loss):
    """Negative log-likelihood of m yes-or-no outcomes, in nats; (n, 2 m) to (n, 1).

        sum over the outcomes of -y log h - (1 - y) log(1 - h)

    Its input is what :class:`LogSigmoid` gives: log(1 - h) of all m units, then log h.  Targets y are of
    shape (n, m), or (n,) for m = 1, from 0 to 1.

    Notes
    -----
    backward: -delta (1 - y) and -delta y.

    Examples
    --------
    >>> from sigmax.layers import BernoulliNLL, LogSigmoid, Sequential
    >>> Sequential(LogSigmoid(), BernoulliNLL().given([1, 0])).forward([[0.0], [800.0]]).tolist()
    [[0.6931471805599453], [800.0]]
    """

    def checked(self, targets: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """float64 of shape (n, m).

        Raises
        ------
        ValueError
            Another shape; numbers outside 0 to 1.
        """
        y = numbers("targets", targets).astype(np.float64, copy=False)
        if y.ndim == 1:
            y = y[:, None]
        if y.ndim != 2:
            raise ValueError(f"targets must have shape (n,) or (n, m); got {targets.shape}")
        none_of("targets", y, ~((y >= 0.0) & (y <= 1.0)), "be from 0 to 1", "outside")
        return y

    def encode(
        self, y: npt.ArrayLike, width: int, *, classes: npt.ArrayLike | None = None, n_threads: int = 1
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.generic] | None]:
        """Numbers from 0 to 1 as they are; two labels as 0 and 1, with their classes.

        Raises
        ------
        ValueError
            Another number of outcomes than units; labels for more than one unit.
        """
        given, labels = np.asarray(y), None
        if given.ndim == 1 and width == 2 and not _shares(given):
            labels, given = _coded(given, classes, n_threads)
            if len(labels) != 2:
                raise ValueError(f"y must have two classes for one unit; got {len(labels)}")
        targets = self.checked(given)
        if 2 * targets.shape[1] != width:
            raise ValueError(
                f"y must have shape (n, {width // 2}), an outcome for each unit; got {np.shape(y)}"
            )
        return targets, labels

    def forward(self, z: npt.ArrayLike) -> Float:
        """-sum y log h + (1 - y) log(1 - h) of each row, shape (n, 1)."""
        z = batch(self, "forward", "z", z)
        found = minus_dot(self._both("forward", z.shape), z)
        self.z = z
        return found

    def _linear(self, z: Float) -> Float:
        """-sum (1 - y) z_0 + y z_1 of each row, shape (n, 1)."""
        return minus_dot(self._both("forward", z.shape), z)

    def backward(self, delta: npt.ArrayLike) -> Float:
        """-delta (1 - y) and -delta y, shape (n, 2 m)."""
        shape = memory(self, "backward").shape
        return -like(self, "backward", "delta", delta, (shape[0], 1)) * self._both("backward", shape)

    def forward_tangent(self, dz: npt.ArrayLike, direction: Direction) -> Float:
        """-sum y dz_1 + (1 - y) dz_0, shape (n, 1)."""
        z = memory(self, "forward_tangent")
        return self._linear(like(self, "forward_tangent", "dz", dz, z.shape))

    def backward_tangent(self, delta: npt.ArrayLike, ddelta: npt.ArrayLike) -> Float:
        """-ddelta (1 - y) and -ddelta y, shape (n, 2 m)."""
        return self.backward(ddelta)

    def _both(self, rule: str, shape: tuple[int, ...]) -> Float:
        """1 - y and y."""
        y = self._targets(rule, shape[0])
        if shape[1] != 2 * y.shape[1]:
            raise ShapeError(
                f"{self!r}.{rule}: z must have shape (n, {2 * y.shape[1]}), log(1 - h) and log h of each "
                f"outcome as LogSigmoid gives them; got {shape}"
            )
        return np.hstack([1.0 - y, y])


def minus_dot(y: Float, z: Float) -> Float:
    """-sum_k y_k z_k of each row, shape (n, 1), where 0 (-inf) = 0: what was not seen may be impossible."""
    with np.errstate(invalid="ignore"):
        products = np.where(y == 0.0, 0.0, y * z)
    total: Float = products.sum(axis=1, keepdims=True)
    return np.subtract(0.0, total, out=total)
