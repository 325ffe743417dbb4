"""Costs in plain NumPy, as the training methods see them."""

import numpy as np


class Function:
    """A function of theta with gradient and Hessian; one row."""

    n_rows = 1

    def __init__(self, value, gradient, hessian=None):
        self.value, self.gradient, self.hessian = value, gradient, hessian
        self.rows_read = 0
        self.products = 0

    def evaluate(self, theta):
        self.rows_read += 1
        return float(self.value(theta)), np.array(self.gradient(theta), dtype=float)

    def product(self, theta, v):
        self.rows_read += 1
        self.products += 1
        return self.hessian(theta) @ v

    def step_gradient(self, theta, rows):
        return self.evaluate(theta)


def quadratic(eigenvalues, optimum, constant=0.0):
    """(x - x*)'A(x - x*) / 2 + constant, with A = Q diag(eigenvalues) Q' for a Q of small integers' sines."""
    k = len(eigenvalues)
    Q, _ = np.linalg.qr(np.sin(np.add.outer(np.arange(k), 2.0 * np.arange(k)) ** 2 + 1.0))
    A = (Q * eigenvalues) @ Q.T
    return Function(
        lambda x: 0.5 * (x - optimum) @ (A @ (x - optimum)) + constant,
        lambda x: A @ (x - optimum),
        lambda x: A,
    )


def _rosenbrock_value(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def _rosenbrock_gradient(x):
    g = np.zeros_like(x)
    g[:-1] = -400.0 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2.0 * (1.0 - x[:-1])
    g[1:] += 200.0 * (x[1:] - x[:-1] ** 2)
    return g


def _rosenbrock_hessian(x):
    H = np.diag(-400.0 * x[:-1], 1) + np.diag(-400.0 * x[:-1], -1)
    H[np.arange(len(x) - 1), np.arange(len(x) - 1)] += 1200.0 * x[:-1] ** 2 - 400.0 * x[1:] + 2.0
    H[np.arange(1, len(x)), np.arange(1, len(x))] += 200.0
    return H


def rosenbrock():
    """The chained function of Rosenbrock; 0 at ones."""
    return Function(_rosenbrock_value, _rosenbrock_gradient, _rosenbrock_hessian)


class Rows:
    """A mean over rows; subclasses say what a batch gives, for real and complex theta.

    The Hessian product is a complex step, exact to rounding: H v = Im dJ(theta + i h v) / h, h = 1e-30.
    """

    def __init__(self, X, y):
        self.X, self.y = X, y
        self.n_rows = len(y)
        self.rows_read = 0
        self.batches = []
        self._buffer = None

    def evaluate(self, theta):
        self.rows_read += self.n_rows
        return self.mean(theta, self.X, self.y), self.gradient(theta, self.X, self.y)

    def product(self, theta, v):
        self.rows_read += self.n_rows
        return self.gradient(theta + 1e-30j * v, self.X, self.y).imag / 1e-30

    def step_gradient(self, theta, rows):
        self.rows_read += len(rows)
        self.batches.append(rows.copy())
        g = self.gradient(theta, self.X[rows], self.y[rows])
        if self._buffer is None:
            self._buffer = np.empty_like(g)
        # the next call overwrites what this one hands out
        self._buffer[:] = g
        return self.mean(theta, self.X[rows], self.y[rows]), self._buffer


class Logistic(Rows):
    """Mean NLL of a logistic regression."""

    def mean(self, theta, X, y):
        z = X @ theta
        return float(np.mean(np.logaddexp(0.0, z) - y * z))

    def gradient(self, theta, X, y):
        return X.T @ (1.0 / (1.0 + np.exp(-(X @ theta))) - y) / len(y)


class TwoLayers(Rows):
    """tanh units, then a logistic one: theta holds (hidden, inputs + 1) weights, then (hidden + 1)."""

    def __init__(self, X, y, hidden):
        super().__init__(np.column_stack([np.ones(len(X)), X]), y)
        self.hidden = hidden
        self.size = hidden * self.X.shape[1] + hidden + 1

    def units(self, theta, X):
        W = theta[: self.hidden * X.shape[1]].reshape(self.hidden, -1)
        a = np.tanh(X @ W.T)
        v = theta[self.hidden * X.shape[1] :]
        return a, v, v[0] + a @ v[1:]

    def mean(self, theta, X, y):
        z = self.units(theta, X)[2]
        return float(np.mean(np.logaddexp(0.0, z) - y * z))

    def gradient(self, theta, X, y):
        a, v, z = self.units(theta, X)
        delta = (1.0 / (1.0 + np.exp(-z)) - y) / len(y)
        inner = np.outer(delta, v[1:]) * (1.0 - a**2)
        return np.concatenate([(inner.T @ X).ravel(), [delta.sum()], a.T @ delta])


def logistic(n=60, p=3, seed=0, scale=1.0):
    """Logistic data whose classes overlap, with an intercept."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), rng.standard_normal((n, p))])
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-X @ np.linspace(-1.0, 1.0, p + 1)))).astype(float)
    return Logistic(X * scale, y)


def xor(copies=8):
    """The four corners, each `copies` times, and their exclusive or."""
    X = np.tile([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]], (copies, 1))
    return TwoLayers(X, (X[:, 0] * X[:, 1] < 0.0).astype(float), hidden=4)
