"""Problems for the kernels: sizes that do not divide, weights, offsets, one model with two classes or more.

`problem` builds one from a seed; `problems` lets hypothesis choose.  Values come from a seeded generator, so
that a counterexample shrinks to a small shape and a small seed instead of a page of floats.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

#: SX_TILE and SX_LANES of ext/kernels/sx_base.h; test_constants.py compares them
TILE = 128
LANES = 8
#: SX_GRAM_PAD of ext/kernels/sx_gram.h: the widths of its register tiles divide it
GRAM_PAD = 8

#: nothing, one, one tile and its neighbours, several tiles with a rest
ROWS = (0, 1, TILE - 1, TILE, TILE + 1, 2 * TILE + 37)
#: nothing, one, the lanes of a dot product and their neighbours, the edges of a padded Gram tile, and the
#: end of a first panel of gradient columns (SX_BACKWARD_VECTORS vectors of any instruction set)
COLUMNS = (0, 1, 2, 3, 5, LANES - 1, LANES, LANES + 1, 4 * GRAM_PAD - 1, 4 * GRAM_PAD, 4 * GRAM_PAD + 2, 67)
CLASSES = (2, 3, 4, 5, 6)


@dataclass(frozen=True, repr=False)
class Problem:
    """Arguments of a pass, in the layout the contract asks for, and the sizes they imply."""

    X: np.ndarray
    y: np.ndarray
    coef: np.ndarray
    weight: np.ndarray | None
    offset: np.ndarray | None
    intercept: bool
    #: the call that made it, for messages
    origin: str = "Problem(...)"

    def _repr_pretty_(self, printer, cycle) -> None:  # hypothesis
        printer.text(self.origin)

    def __repr__(self) -> str:
        return self.origin

    @property
    def n(self) -> int:
        return len(self.X)

    @property
    def m(self) -> int:
        """Logits."""
        return len(self.coef)

    @property
    def k(self) -> int:
        """Coefficients of a logit."""
        return self.coef.shape[1]

    @property
    def Z(self) -> np.ndarray:  # noqa: N802
        """[1 X]"""
        return np.column_stack([np.ones(self.n), self.X]) if self.intercept else self.X

    @property
    def w(self) -> np.ndarray:
        return np.ones(self.n) if self.weight is None else self.weight

    def eta(self, kernels) -> np.ndarray:
        out = np.empty((self.n, self.m))
        kernels.linear_predictor(self.X, self.coef, out, intercept=self.intercept, offset=self.offset)
        return out

    def but(self, **changes) -> Problem:
        return replace(self, **changes, origin=f"{self.origin}.but({', '.join(changes)})")


def problem(
    n: int,
    p: int,
    K: int,
    *,
    seed: int = 0,
    intercept: bool = True,
    weighted: bool = False,
    shifted: bool = False,
    spread: float = 1.0,
) -> Problem:
    """n rows of p columns, K classes; `spread` is about the standard deviation of a logit."""
    rng = np.random.default_rng([seed, n, p, K])
    m, k = K - 1, p + intercept
    # columns of different size and sign of mean: a transposed or shifted index cannot go unnoticed
    X = rng.normal(size=(n, p)) * np.exp2(rng.integers(-3, 4, size=p)) + rng.normal(size=p)
    size = np.sqrt((X**2).mean(axis=0)) if n else np.ones(p)
    coef = rng.normal(size=(m, k))
    coef[:, k - p :] /= np.maximum(size, 1e-3)
    return Problem(
        X=X,
        y=rng.integers(0, K, size=n).astype(np.int32),
        coef=coef * (spread / np.sqrt(max(k, 1))),
        weight=rng.gamma(1.5, size=n) + 0.01 if weighted else None,
        offset=rng.normal(size=(n, m)) * spread if shifted else None,
        intercept=intercept,
        origin=(f"problem({n}, {p}, {K}, {seed=}, {intercept=}, {weighted=}, {shifted=}, {spread=})"),
    )


@st.composite
def problems(
    draw,
    *,
    rows=ROWS,
    columns=COLUMNS,
    classes=CLASSES,
    spreads=(1e-3, 1.0, 30.0, 400.0),
    weighted=None,
    shifted=None,
) -> Problem:
    """A problem of any of the awkward sizes; `weighted` and `shifted` may be fixed to True or False."""
    return problem(
        draw(st.sampled_from(rows)),
        draw(st.sampled_from(columns)),
        draw(st.sampled_from(classes)),
        seed=draw(st.integers(0, 999)),
        intercept=draw(st.booleans()),
        weighted=draw(st.booleans()) if weighted is None else weighted,
        shifted=draw(st.booleans()) if shifted is None else shifted,
        spread=draw(st.sampled_from(spreads)),
    )


@dataclass(frozen=True)
class Pass:
    """What a pass gave, on arrays that held nan before."""

    nll: tuple[float, float]
    gradient: np.ndarray
    hessian: np.ndarray


def run_pass(kernels, q: Problem, *, softmax: bool | None = None) -> Pass:
    """One fused pass: the binary one for two classes, unless `softmax` says otherwise."""
    use_softmax = q.m > 1 if softmax is None else softmax
    kernel = kernels.softmax_pass if use_softmax else kernels.binary_pass
    gradient = np.full((q.m, q.k), np.nan)
    hessian = np.full((q.m * q.k, q.m * q.k), np.nan)
    nll = kernel(q.X, q.y, q.coef, gradient, hessian, intercept=q.intercept, weight=q.weight, offset=q.offset)
    return Pass(nll, gradient, hessian)


@dataclass(frozen=True)
class Refined:
    """What a refinement gave, and the logits in double-double."""

    nll: tuple[float, float]
    spread: float
    gradient: np.ndarray
    gradient_low: np.ndarray
    largest: np.ndarray
    eta: np.ndarray
    eta_low: np.ndarray


def run_refine(kernels, q: Problem, coef_low=None, *, softmax: bool | None = None) -> Refined:
    """One refinement pass: the binary one for two classes, unless `softmax` says otherwise."""
    use_softmax = q.m > 1 if softmax is None else softmax
    kernel = kernels.softmax_refine if use_softmax else kernels.binary_refine
    eta, eta_low = np.full((q.n, q.m), np.nan), np.full((q.n, q.m), np.nan)
    out = [np.full(shape, np.nan) for shape in ((q.m, q.k), (q.m, q.k), (q.X.shape[1],))]
    kernels.linear_predictor_dd(q.X, q.coef, coef_low, eta, eta_low, intercept=q.intercept, offset=q.offset)
    nll, spread = kernel(
        q.X, q.y, q.coef, coef_low, *out, intercept=q.intercept, weight=q.weight, offset=q.offset
    )
    return Refined(nll, spread, *out, eta, eta_low)


@dataclass(frozen=True)
class Rows:
    """What a rows operation gave; curvature has shape (n, m, m)."""

    nll: tuple[float, float]
    residual: np.ndarray
    curvature: np.ndarray


def run_rows(kernels, eta, y, weight=None, *, softmax: bool | None = None) -> Rows:
    n, m = eta.shape
    use_softmax = m > 1 if softmax is None else softmax
    kernel = kernels.softmax_rows if use_softmax else kernels.binary_rows
    residual, curvature = np.full((n, m), np.nan), np.full((n, m, m), np.nan)
    view = curvature if use_softmax else curvature.reshape(n, 1)
    nll = kernel(eta, y, residual, view, weight=weight)
    return Rows(nll, residual, curvature)


def run_line(kernels, eta, slope, y, step, weight=None, *, softmax: bool | None = None):
    use_softmax = eta.shape[1] > 1 if softmax is None else softmax
    kernel = kernels.softmax_line if use_softmax else kernels.binary_line
    return kernel(eta, slope, y, step, weight=weight)


def with_reference(eta):
    """The logits of all classes, of shape (n, m + 1): the reference's 0 before those of the model."""
    return np.hstack([np.zeros((len(eta), 1)), eta])
