"""The cost of a network as a function of one vector: what training sees.

    J(theta) = (sum_i w_i loss_i + l2 / 2 sum_j theta_j^2) / sum_i w_i,   j: the parameters that are penalised

Rows are read in blocks, on several threads, each with a share of the layers; block sums merge in the order
of the rows, so that J and its gradient have the same bits for any number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from sigmax import kernels, threads
from sigmax.kernels import Float, Pair, add_pair
from sigmax.layers.heads import Head, codes_of, head_of
from sigmax.layers.layer import Arrays, Direction, ShapeError
from sigmax.layers.sequential import Sequential
from sigmax.layers.share import Share
from sigmax.passes import block_rows, reduce
from sigmax.solvers.dot import dot

#: doubles that the layers of a block hold, about: what stays in L2
_BLOCK = 2**17
_SMALLEST, _LARGEST = 256, 4096
#: parameters of a network of one layer up to which its Hessian is formed for products with it
_MOST_HESSIAN = 1000

#: NLL of some rows, and the gradient of all parameters, one after the other
_Sums = tuple[Pair, Float]


class NetworkCost:
    """J, its gradient and Hessian products, of the rows of a batch or of all.

    Parameters
    ----------
    layers : Sequential
        Its last leaf is a :class:`Loss`.
    X : ndarray of shape (n, p)
        float64.
    targets : ndarray
        As the loss takes them, one for each row.
    weight : float64 ndarray of shape (n,) or None
        For ones.
    l2 : float
    n_threads : int
    backend : str or None
    fused : bool
        Whether kernels may stand in for the last layers: the same numbers, sooner.

    Attributes
    ----------
    n_rows, rows_read : int
        Rows, and how many of them all evaluations have read.
    """

    def __init__(
        self,
        layers: Sequential,
        X: Float,
        targets: npt.NDArray[Any],
        weight: Float | None,
        *,
        l2: float = 0.0,
        n_threads: int = 1,
        backend: str | None = None,
        fused: bool = True,
    ) -> None:
        self.n_rows, self.rows_read = len(X), 0
        self._X, self._weight = unwritable(X), None if weight is None else unwritable(weight)
        self._total = float(len(X)) if weight is None else math.fsum(weight.tolist())
        self._targets = targets
        leaves = tuple(one for _, one in layers.leaves)
        # targets of a loss that no kernel has may be anything
        codes = codes_of(targets) if fused and head_of(leaves) is not None else None
        self._layers, self._backend, self._fused = layers, backend, codes is not None
        self._kernels = kernels.get(backend).BACKEND
        self._free: list[Share] = []
        self._shapes: list[tuple[int, ...]] = []
        #: the vector that was put last, and views of it in the shapes of the parameters
        self._seen: tuple[Float, list[Float]] | None = None
        self._names = list(layers.parameters)
        self._arrays = list(layers.parameters.values())
        edges = np.cumsum([0, *(one.size for one in self._arrays)]).tolist()
        self._parts = [slice(a, b) for a, b in pairwise(edges)]
        self.n_parameters = edges[-1]
        penalised = {*layers.penalised}
        self._penalty = np.zeros(self.n_parameters)
        for name, part in zip(self._names, self._parts, strict=True):
            self._penalty[part] = l2 if name in penalised else 0.0
        self._penalised = bool(self._penalty.any())
        self._hessian: tuple[Float, Float] | None = None
        self._buffers: tuple[Float, npt.NDArray[Any], Float] | None = None

        with self._share() as share:
            self._one_layer = share.head is not None and not share.below
            #: targets as what computes the loss takes them: the head's kernel, or the layers
            self._read = targets if share.head is None or codes is None else codes
            widths = self._try(share)
        self._size = block_rows(X.shape[1]) if self._one_layer else _rows_of(widths)
        flops = 6.0 * self.n_rows * self.n_parameters
        self._n_threads = threads.useful(n_threads, flops, shared=kernels.get(backend).THREADED)

    def vector(self, direction: Direction) -> Float:
        """Arrays by name as one vector; what is not named is zero."""
        out = np.zeros(self.n_parameters)
        unknown = sorted({*direction} - {*self._names})
        if unknown:
            raise ValueError(
                f"direction must have names of parameters, {self._names}; {unknown[0]!r} is none"
            )
        for name, array, part in zip(self._names, self._arrays, self._parts, strict=True):
            if name in direction:
                given = np.asarray(direction[name], dtype=np.float64)
                if given.shape != array.shape:
                    raise ValueError(f"direction[{name!r}] must have shape {array.shape}; got {given.shape}")
                out[part] = given.ravel()
        return out

    # -- theta -------------------------------------------------------------------------------------

    @property
    def theta(self) -> Float:
        """All parameters as one vector, in the order of their names; a copy."""
        return self._flat(self._arrays)

    def put(self, theta: Float) -> None:
        """Write a vector into the arrays of the layers."""
        if self._seen is None or self._seen[0] is not theta:
            self._seen = theta, [*self.named(theta).values()]
        for array, view in zip(self._arrays, self._seen[1], strict=True):
            array[...] = view

    def named(self, vector: Float) -> Arrays:
        """A vector as arrays by name, in the shapes of the parameters."""
        return {
            name: vector[part].reshape(array.shape)
            for name, array, part in zip(self._names, self._arrays, self._parts, strict=True)
        }

    def _flat(self, arrays: list[Float]) -> Float:
        out = np.empty(self.n_parameters)
        for array, part in zip(arrays, self._parts, strict=True):
            out[part] = array.reshape(-1)
        return out

    # -- all rows ----------------------------------------------------------------------------------

    def evaluate(self, theta: Float) -> tuple[float, Float]:
        """J at theta and its gradient, over all rows."""
        self.put(theta)
        (high, _), gradient = self._sum(self._rows_sums)
        gradient /= self._total
        value = high / self._total
        if self._penalised:
            shrunk = self._penalty * theta
            value += 0.5 * dot(shrunk, theta) / self._total
            gradient += shrunk / self._total
        return value, gradient

    def product(self, theta: Float, v: Float) -> Float:
        """The Hessian of J at theta, times v."""
        self.put(theta)
        if self._one_layer and self.n_parameters <= _MOST_HESSIAN:
            found = self._matrix_product(self._formed(theta), v[:, None])[:, 0]
        else:
            direction = self.named(v)

            def along(share: Share, start: int, stop: int) -> _Sums:
                return (0.0, 0.0), self._tangent_sums(share, start, stop, direction)

            _, found = self._sum(along)
        found /= self._total
        if self._penalised:
            found += self._penalty * v / self._total
        return found

    def _sum(self, sums: Any) -> _Sums:
        """Sums of all rows, by blocks."""

        def evaluate(start: int, stop: int) -> _Sums:
            with self._share() as share:
                found: _Sums = sums(share, start, stop)
                return found

        def merge(left: _Sums, right: _Sums) -> _Sums:
            np.add(left[1], right[1], out=left[1])
            return add_pair(left[0], right[0]), left[1]

        self.rows_read += self.n_rows
        return reduce(self.n_rows, self._size, evaluate, merge, self._n_threads)

    def _rows_sums(self, share: Share, start: int, stop: int) -> _Sums:
        weight = None if self._weight is None else self._weight[start:stop]
        pair = share.sums(self._X[start:stop], self._read[start:stop], weight)
        return pair, share.gradient.copy()

    # -- a batch -----------------------------------------------------------------------------------

    def step_gradient(self, theta: Float, rows: npt.NDArray[np.intp]) -> tuple[float, Float]:
        """J as the rows of a batch B have it, and its gradient; over random batches their mean is J.

        n / |B| sum_{i in B} w_i loss_i / sum_i w_i, and the whole penalty.  It is not the weighted mean of
        the batch: there a row alone would count as much with any weight.
        """
        self.put(theta)
        X, targets, weight = self._batch(rows)
        with self._share() as share:
            high, _ = share.sums(X, targets, weight)
        gradient = share.gradient
        self.rows_read += len(rows)
        scale = self.n_rows / (len(rows) * self._total)
        gradient *= scale
        value = high * scale
        if self._penalised:
            shrunk = self._penalty * theta
            value += 0.5 * dot(shrunk, theta) / self._total
            gradient += shrunk / self._total
        return value, gradient

    def _batch(self, rows: npt.NDArray[np.intp]) -> tuple[Float, npt.NDArray[Any], Float | None]:
        """The rows, copied into the same memory each time."""
        source = self._read
        n = len(rows)
        if self._buffers is None or len(self._buffers[0]) < n:
            self._buffers = (
                np.empty((n, self._X.shape[1])),
                np.empty((n, *source.shape[1:]), source.dtype),
                np.empty(n),
            )
        X, targets, weight = (one[:n] for one in self._buffers)
        # "clip": without it NumPy copies once more, in case an index is wrong
        self._X.take(rows, axis=0, out=X, mode="clip")
        source.take(rows, axis=0, out=targets, mode="clip")
        if self._weight is None:
            return X, targets, None
        self._weight.take(rows, out=weight, mode="clip")
        return X, targets, weight

    def _tangent_sums(self, share: Share, start: int, stop: int, direction: Arrays) -> Float:
        """The Hessian of the NLL of rows, along a direction: forward over reverse, layer by layer."""
        layers = share.layers
        share.loss.targets = self._targets[start:stop]
        losses = layers.forward(self._X[start:stop])
        layers.forward_tangent(np.zeros((stop - start, self._X.shape[1])), direction)
        delta = np.ones_like(losses) if self._weight is None else self._weight[start:stop, None]
        return self._flat([*layers.gradients_tangent(delta, np.zeros_like(losses)).values()])

    def _formed(self, theta: Float) -> Float:
        """The Hessian of the NLL of a network of one layer; kept for further products at the same place."""
        if self._hessian is not None and np.array_equal(self._hessian[0], theta):
            return self._hessian[1]

        def sums(share: Share, start: int, stop: int) -> _Sums:
            assert share.head is not None
            size = share.head.n_logits * share.head.linear.coef.shape[1]
            out = np.empty((size, size))
            weight = None if self._weight is None else self._weight[start:stop]
            pair, _ = share.head.whole_pass(self._X[start:stop], self._read[start:stop], weight, hessian=out)
            return pair, out

        _, identified = self._sum(sums)
        with self._share() as share:
            assert share.head is not None
            found = self._in_names(share.head, identified)
        self._hessian = theta.copy(), found
        return found

    def _in_names(self, head: Head, identified: Float) -> Float:
        """T'HT: of the identified coefficients as kernels order them, by the parameters as they are named."""
        shape = head.linear.coef.shape
        T = np.empty((len(identified), self.n_parameters))
        for j in range(self.n_parameters):
            units = np.zeros(shape)
            unit = np.zeros(self.n_parameters)
            unit[j] = 1.0
            for array, part in zip(head.linear.named(units).values(), self._parts, strict=True):
                array[...] = unit[part].reshape(array.shape)
            T[:, j] = head.identified(units).ravel()
        return self._matrix_product(T.T, self._matrix_product(identified, T))

    def _matrix_product(self, A: Float, B: Float) -> Float:
        """A B, with the same bits on any machine, which BLAS does not promise."""
        out = np.empty((len(A), B.shape[1]))
        kernels.get(self._backend).matrix_product(A, np.ascontiguousarray(B), out)
        return out

    # -- the layers, for one thread at a time ------------------------------------------------------

    @contextmanager
    def _share(self) -> Iterator[Share]:
        """Layers that nobody else is using."""
        try:
            share = self._free.pop()
        except IndexError:
            share = Share(self._layers.share(self._backend), backend=self._kernels, fused=self._fused)
            if self._shapes:
                share.knows(self._shapes)
        yield share
        self._free.append(share)

    def _try(self, share: Share) -> int:
        """Run two rows up and down: widths of all layers together; errors of shape come before any work."""
        share.loss.targets = self._targets[:2]
        losses = share.layers.forward(self._X[:2])
        if losses.shape[1] != 1:
            at, loss = share.layers.leaves[-1]
            raise ShapeError(
                f"layer {at}, {loss!r}.forward must return an array of shape (n, 1), the loss of each row; "
                f"got {losses.shape}"
            )
        share.layers.gradients(np.ones_like(losses))
        self._shapes = share.layers.shapes
        share.knows(self._shapes)
        return sum(shape[1] for shape in self._shapes)


def unwritable(array: Float) -> Float:
    """A view that a layer working in place cannot write through: it may be the caller's own array."""
    view = array.view()
    view.flags.writeable = False
    return view


def _rows_of(widths: int) -> int:
    """Rows in a block of layers with so many numbers a row: a power of two."""
    rows = _BLOCK // max(widths, 1)
    return min(max(1 << max(rows.bit_length() - 1, 0), _SMALLEST), _LARGEST)
