"""A network: layers with a loss on top, trained on data, and what it then says of new rows."""

from __future__ import annotations

import warnings
from itertools import combinations
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sigmax import threads
from sigmax.data.checks import finite, numbers
from sigmax.data.weights import weights
from sigmax.exceptions import ConvergenceWarning
from sigmax.kernels import Float
from sigmax.layers.cost import NetworkCost, unwritable
from sigmax.layers.initial import Seed
from sigmax.layers.layer import Arrays, Direction, Layer, ShapeError
from sigmax.layers.losses import BernoulliNLL, Loss
from sigmax.layers.probabilities import LogSigmoid, LogSoftmax
from sigmax.layers.sequential import Sequential
from sigmax.layers.training import Callback, Outcome, settings, train
from sigmax.layers.training.cost import STOPPED

#: rows that predictions take at a time
_ROWS = 4096


class Network:
    """Layers with a loss on top, and the mean loss of data as a function of their parameters.

        J(theta) = (sum_i w_i loss_i + l2 / 2 ||weights||^2) / sum_i w_i

    With one layer of linear units, log-probabilities and :class:`NLL` it is the regression that
    :func:`sigmax.fit` fits, and its minimum the maximum-likelihood estimate: dividing by the number of rows
    moves no minimum.

    Parameters
    ----------
    *layers : Layer
        The last one is a :class:`Loss`, of log-probabilities in most cases.
    fused : bool
        Whether one kernel may stand in for linear units, log-probabilities and :class:`NLL` at the end: the
        same numbers, sooner.

    Attributes
    ----------
    layers : Sequential
        With the loss.
    parameters : dict of str to ndarray
        The very arrays of the layers, by place and name.
    vector : ndarray of shape (P,)
        The same numbers one after the other; setting it writes them into the arrays.
    classes : ndarray of shape (K,) or None
        The labels that the outputs stand for, once :meth:`fit` has seen them.
    training : Outcome or None
        How the last :meth:`fit` ended.

    Examples
    --------
    >>> import numpy as np
    >>> from sigmax.layers import NLL, Linear, LogSoftmax, Network, Tanh
    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> network = Network(Linear(2, 4, seed=1), Tanh(), Linear(4, 2, seed=2), LogSoftmax(), NLL())
    >>> network.fit(X, ["same", "other", "other", "same"], l2=1e-4).predict(X).tolist()
    ['same', 'other', 'other', 'same']
    """

    def __init__(self, *layers: Layer, fused: bool = True) -> None:
        self.layers = Sequential(*layers)
        _, loss = self.layers.leaves[-1]
        if not isinstance(loss, Loss):
            raise TypeError(f"Network: the last layer must be a loss, as NLL() is; got {loss!r}")
        for at, one in self.layers.leaves[:-1]:
            if isinstance(one, Loss):
                raise TypeError(f"Network: a loss must be the last layer; layer {at} is {one!r}")
        if len(self.layers.leaves) < 2:
            raise ValueError("Network: there must be a layer before the loss")
        for (a, left), (b, right) in combinations(self.parameters.items(), 2):
            if np.shares_memory(left, right):
                raise ValueError(
                    f"Network: parameters {a} and {b} are the same array; each must be one that moves alone"
                )
        self.loss = loss
        self.fused = fused
        self.classes: npt.NDArray[np.generic] | None = None
        self.training: Outcome | None = None

    @property
    def parameters(self) -> Arrays:
        """The arrays of all layers, by place and name; writing into them changes the network."""
        return self.layers.parameters

    @property
    def vector(self) -> Float:
        """All parameters one after the other, in the order of their names; a copy, which may be set."""
        return np.concatenate([np.empty(0), *(one.ravel() for one in self.parameters.values())])

    @vector.setter
    def vector(self, values: npt.ArrayLike) -> None:
        for name, one in self.named(values).items():
            self.parameters[name][...] = one

    def named(self, vector: npt.ArrayLike) -> Arrays:
        """A vector in the order of `vector`, such as a state's ``theta``, as arrays by name.

        Raises
        ------
        ValueError
            Another shape than that of `vector`.
        """
        given, arrays = np.asarray(vector, dtype=np.float64), self.parameters
        sizes = [one.size for one in arrays.values()]
        if given.shape != (sum(sizes),):
            raise ValueError(f"vector must have shape ({sum(sizes)},), all parameters; got {given.shape}")
        parts = np.split(given, np.cumsum(sizes[:-1]))
        return {
            name: part.reshape(one.shape) for (name, one), part in zip(arrays.items(), parts, strict=True)
        }

    def initialise(self, seed: Seed = None) -> Self:
        """Draw new first weights of all layers, from one stream of random numbers; returns the network."""
        self.layers.initialise(seed)
        return self

    # -- training ----------------------------------------------------------------------------------

    def fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        sample_weight: npt.ArrayLike | None = None,
        classes: npt.ArrayLike | None = None,
        method: str = "lbfgs",
        max_iter: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        momentum: float | None = None,
        l2: float = 0.0,
        tol: float | None = None,
        callback: Callback | None = None,
        seed: Seed = None,
        n_threads: int | None = None,
        backend: str | None = None,
    ) -> Self:
        """Change the parameters, from what they are, until J is as small as the method gets it.

        Parameters
        ----------
        X : array_like of shape (n, p)
            Finite numbers; an array or a table of numbers.
        y : array_like of shape (n,) or (n, K)
            Labels of any sortable dtype, as many classes as the loss is given log-probabilities; or what else
            the loss takes: counts for :class:`NLL`, outcomes for :class:`BernoulliNLL`.
        sample_weight : array_like of shape (n,), optional
            Not negative.  A row counts by its weight in a batch, too, whatever rows come with it.
        classes : array_like of shape (K,), optional
            All labels, where `y` may lack some; those of `y` by default.
        method : {"lbfgs", "newton-cg", "gd", "sgd", "adam"}
            The first three read all rows for each step: limited-memory BFGS; Newton's method with conjugate
            gradients in a trust region, which needs layers with tangent rules and ends at the last digits;
            gradient descent.  The others step after every batch.
        max_iter : int, optional
            Steps, or epochs of "sgd" and "adam"; the default depends on the method
            (:mod:`sigmax.layers.training`), as do those of the following.
        batch_size : int, optional
            Rows of a step of "sgd" and "adam".
        learning_rate : float, optional
            Length of a step of "gd", "sgd" and "adam" in units of the gradient of J.
        momentum : float, optional
            Of "sgd", from 0 to below 1.
        l2 : float
            Penalty l2 / 2 times the sum of the squared weights, on the sum of the losses; biases are free.
        tol : float, optional
            Largest element of the gradient of J at which the method has converged.
        callback : callable, optional
            Gets a :class:`sigmax.layers.training.State` after each step or epoch, when the network, its
            `classes` among it, is as it then is; a true value ends the training.  What it writes into the
            parameters is not kept.
        seed : int, SeedSequence or Generator, optional
            Of the order of the batches: the same numbers for the same seed.
        n_threads : int, optional
            None: ``SIGMAX_NUM_THREADS``, else ``OMP_NUM_THREADS``, else the CPUs this process may use.  Has
            no influence on the numbers, and neither have the threads of BLAS, which takes no part.
        backend : {"auto", "compiled", "reference"}, optional

        Returns
        -------
        Network
            Itself; how it went is in `training`.

        Raises
        ------
        ValueError
            Input that is none, settings that the method does not have; shapes that do not fit: the layer is
            named.

        Warns
        -----
        ConvergenceWarning
            The method did not get where `tol` is; the network is as far as it got.

        Notes
        -----
        A network does not say whether its minimum exists, and not how far away it is; of one layer
        :func:`sigmax.fit` says both, and gives standard errors.
        """
        rows = self._numbers("X", X)
        labels, cost = self._cost(rows, y, sample_weight, l2, classes, n_threads, backend)
        last = cost.theta

        def watched(state: Any) -> object:
            nonlocal last
            last, self.classes = state.theta, labels
            if callback is None:
                return False
            cost.put(last)  # the network is what the state says
            return callback(state)

        given = {"batch_size": batch_size, "learning_rate": learning_rate, "momentum": momentum}
        run: dict[str, Any] = {"method": method, "max_iter": max_iter, "tol": tol, "seed": seed, **given}
        try:
            outcome = train(cost, cost.theta, callback=watched, **run)
        except BaseException:
            cost.put(last)  # an interrupt leaves the network after its last whole step, not at a trial
            raise
        cost.put(outcome.theta)
        self.classes, self.training = labels, outcome
        if not outcome.finished and outcome.reason != STOPPED:
            warnings.warn(f"{method}: {outcome.reason}", ConvergenceWarning, stacklevel=2)
        return self

    # -- what training looks at --------------------------------------------------------------------

    def cost(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        sample_weight: npt.ArrayLike | None = None,
        l2: float = 0.0,
    ) -> float:
        """J at the parameters as they are: the mean loss of the rows, in nats where the loss is an NLL.

        X, y, `sample_weight` and `l2` are as for :meth:`fit`, here and in the three methods below.  Labels
        are those of `classes`, once there are some, of which y may lack any.
        """
        _, cost = self._cost(self._numbers("X", X), y, sample_weight, l2, self.classes)
        return cost.evaluate(cost.theta)[0]

    def gradient(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        sample_weight: npt.ArrayLike | None = None,
        l2: float = 0.0,
    ) -> Arrays:
        """Gradient of J, by the names and in the shapes of the parameters; of the mean, as J is."""
        _, cost = self._cost(self._numbers("X", X), y, sample_weight, l2, self.classes)
        return cost.named(cost.evaluate(cost.theta)[1])

    def hessian_product(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        direction: Direction,
        *,
        sample_weight: npt.ArrayLike | None = None,
        l2: float = 0.0,
    ) -> Arrays:
        """The Hessian of J times a direction, given and returned by the names of the parameters.

        Raises
        ------
        NotImplementedError
            A layer has no tangent rules.
        """
        _, cost = self._cost(self._numbers("X", X), y, sample_weight, l2, self.classes)
        return cost.named(cost.product(cost.theta, cost.vector(direction)))

    def hessian(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        sample_weight: npt.ArrayLike | None = None,
        l2: float = 0.0,
    ) -> Float:
        """The Hessian of J, shape (P, P), in the order of `vector`: P products.

        The inverse of the Hessian, divided by the sum of the weights, is the covariance of maximum-likelihood
        estimates where the parameters are identified and J has its minimum; :func:`sigmax.fit` says whether.

        Raises
        ------
        NotImplementedError
            A layer has no tangent rules.
        """
        _, cost = self._cost(self._numbers("X", X), y, sample_weight, l2, self.classes)
        theta = cost.theta
        found: Float = np.column_stack([cost.product(theta, v) for v in np.eye(len(theta))])
        return 0.5 * (found + found.T)

    def _cost(
        self,
        X: Float,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None,
        l2: float,
        classes: npt.ArrayLike | None,
        n_threads: int | None = None,
        backend: str | None = None,
    ) -> tuple[npt.NDArray[np.generic] | None, NetworkCost]:
        """The classes, those of y where none are given, and J of the data."""
        if len(X) == 0:
            raise ValueError("X must have at least one row; got none")
        l2 = settings.not_negative("l2", l2)
        given = np.asarray(y)
        if given.ndim not in (1, 2) or len(given) != len(X):
            raise ValueError(
                f"y must have shape ({len(X)},) or ({len(X)}, K), one for each row of X; got {given.shape}"
            )
        count = threads.resolve(n_threads)
        weight = None
        if sample_weight is not None:
            checked = weights("sample_weight", sample_weight, len(X), count)
            weight = checked.values * checked.scale
        try:
            width = self._before(X[:1]).shape[1]
        except ShapeError:
            self._before(X)  # the message is to say how many rows X has, not 1
            raise
        targets, labels = self.loss.encode(given, width, classes=classes, n_threads=count)
        others: dict[str, Any] = {"l2": l2, "n_threads": count, "backend": backend, "fused": self.fused}
        return labels, NetworkCost(self.layers, X, targets, weight, **others)

    # -- new rows ----------------------------------------------------------------------------------

    def outputs(self, X: npt.ArrayLike) -> Float:
        """What the loss is given: log-probabilities, in most networks; shape (n, width)."""
        return np.vstack([self._before(part) for part in self._parts(X)])

    def predict_proba(self, X: npt.ArrayLike) -> Float:
        """Probabilities of new rows.

        Parameters
        ----------
        X : array_like of shape (n, p)

        Returns
        -------
        ndarray of shape (n, K) or (n, m)
            Of the classes; of m yes-or-no outcomes, m > 1, that of each.
        """
        found, several = self._of_outputs(X)
        return found[:, found.shape[1] // 2 :] if several else found

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """The most probable label of each row, shape (n,); of m > 1 outcomes 1 where it is likelier, (n, m).

        Of labels that are as probable, the first in their order.
        """
        p, several = self._of_outputs(X)
        if several:
            return (p[:, p.shape[1] // 2 :] > 0.5).astype(np.int64)
        best = p.argmax(axis=1)
        labels: npt.NDArray[Any] = best if self.classes is None else self.classes[best]
        return labels

    def _of_outputs(self, X: npt.ArrayLike) -> tuple[Float, bool]:
        """Probability of each output, and whether they are those of several outcomes, not of classes."""
        p = np.vstack([self._probabilities(part) for part in self._parts(X)])
        return p, isinstance(self.loss, BernoulliNLL) and p.shape[1] > 2

    def _before(self, X: Float) -> Float:
        """The input of the loss."""
        return self.layers.below(1).share().forward(X)

    def _probabilities(self, X: Float) -> Float:
        _, last = self.layers.leaves[-2]
        if not isinstance(last, LogSoftmax | LogSigmoid):
            logarithms = self._before(X)
            return np.exp(logarithms)
        logits = self.layers.below(2).share().forward(X) if len(self.layers.leaves) > 2 else X
        return last.share().probabilities(logits)

    def _parts(self, X: npt.ArrayLike) -> list[Float]:
        rows = self._numbers("X", X)
        return [rows[at : at + _ROWS] for at in range(0, max(len(rows), 1), _ROWS)]

    @staticmethod
    def _numbers(name: str, value: npt.ArrayLike) -> Float:
        array = numbers(name, value).astype(np.float64, copy=False)
        if array.ndim != 2:
            raise ValueError(f"{name} must have shape (n, p); got {array.shape}")
        finite(name, array)
        return unwritable(array)

    def __repr__(self) -> str:
        return f"Network({', '.join(map(repr, self.layers.layers))})"
