"""The layers one after the other give what the fused kernels give, row by row and summed.

u = 2^-53; 4 ulp of a number are at most 8 u of it.  The layers and the fused kernels read the same logits,
and their formulas differ for the class of a row only where that is its likeliest: p_y - 1 is the sum of the
other p here, and s / (1 + s) there.  What remains is the rounding of the product with the weight, and what
underflows.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from cakes import TWO_CLASSES, cake, coefficients, linear
from comparisons import U, logit_error
from hypothesis import given
from hypothesis import strategies as st
from strategies import problem, problems, run_pass, run_rows

import sigmax as sx
from sigmax.layers import NLL, LogSoftmax, Sequential

#: 4 ulp, relative, of the residual of a row; found over 2,400,000 rows of up to 20 classes: 6.8 u
ROW = 8 * U
#: of the size of the sum of losses; the layers round w l once more than the kernels do; found: 2.1 u
LOSS = 4 * U


def total(w, losses):
    """sum w l without the rounding of sums, and the sum of sizes."""
    terms = w * losses[:, 0]
    return terms.tolist(), math.fsum(np.abs(terms).tolist())


def underflow(w):
    """A probability below 2^-1022 is off by half of 2^-1074, and the weight makes it larger; (n, 1)."""
    return (1.0 + w[:, None]) * 2.0**-1073


def same_rows(got, wanted, w, moved=0.0):
    """Residuals within 4 ulp of themselves, however small they are."""
    error = np.abs(got - wanted)
    assert (error <= ROW * np.abs(wanted) + underflow(w) + moved).all()


def same_loss(w, losses, pair, moved=0.0):
    terms, size = total(w, losses)
    assert abs(math.fsum([*terms, -pair[0], -pair[1]])) <= LOSS * size + underflow(w).sum() + moved


def same_sums(got, wanted, Z, residual, w, moved=0.0):
    """Sums of n products: either of the two is off by (n + 1) u of the sum of sizes in any order of terms."""
    n = len(Z)
    size = np.abs(residual).T @ np.abs(Z)
    through = (underflow(w)[:, 0] + moved) @ np.abs(Z)
    assert (np.abs(got - wanted) <= (ROW + 2 * (n + 1) * U) * size + through + 2.0**-1070).all()


def check_reference(q, above, backend):
    """The whole cake against the fused pass, and the layers above the linear units against its rows."""
    fused = run_pass(backend, q)
    eta = q.eta(backend)
    rows = run_rows(backend, eta, q.y, q.weight)
    model = cake(q, above(), backend)
    logits = model.layers[0].forward(q.X)
    if backend.BACKEND == "compiled" and q.m < 8:
        assert (logits == eta).all()  # one kernel, one row at a time
    assert (np.abs(logits - eta) <= 2 * logit_error(q)[:, None]).all()
    # a logit that is off by d moves a residual by d at most, and a loss by 2 d
    moved = q.w * np.abs(logits - eta).max(axis=1, initial=0.0)

    top = Sequential(*model.layers[1:])
    same_loss(q.w, top.forward(eta), rows.nll)
    same_rows(top.backward(q.w[:, None]), rows.residual, q.w)

    same_loss(q.w, model.forward(q.X), fused.nll, 2 * moved.sum())
    gradient = coefficients(model.gradients(q.w[:, None]))
    assert gradient.shape == fused.gradient.shape
    same_sums(gradient, fused.gradient, q.Z, rows.residual, q.w, moved)
    # the input gradient, of each row: its residual times the weights, in any order
    slopes = q.coef[:, q.intercept :]
    size = np.abs(rows.residual) @ np.abs(slopes)
    through = (underflow(q.w) + moved[:, None]) * np.abs(slopes).sum(axis=0)
    error = np.abs(model.backward(q.w[:, None]) - rows.residual @ slopes)
    assert (error <= (ROW + 2 * (q.m + 1) * U) * size + through + 2.0**-1070).all()


def check_every_class(X, y, coef, w, *, bias, backend):
    """A unit for each class, which are not identified, against the cross-entropy of the logits."""
    model = Sequential(linear(coef, bias=bias), LogSoftmax(), NLL().given(y)).share(backend.BACKEND)
    losses = model.forward(X)
    logits = model.layers[0].forward(X)
    loss, residual = sx.cross_entropy(logits, y, w, backend=backend.BACKEND)
    # the loss comes rounded to one double
    same_loss(w, losses, (loss, 0.0), U * loss)
    top = Sequential(*model.layers[1:])
    assert (top.forward(logits) == losses).all()
    same_rows(top.backward(w[:, None]), residual, w)
    Z = np.column_stack([np.ones(len(X)), X]) if bias else X
    wanted = np.empty(coef.shape)
    backend.transpose_product(X, residual, wanted, intercept=bias)
    same_sums(coefficients(model.gradients(w[:, None])), wanted, Z, residual, w)


def weights_of_any_size(n, seed):
    """1e-6 to 1e6, one in eight of them 0."""
    rng = np.random.default_rng([17, seed])
    return np.where(rng.random(n) < 0.125, 0.0, 10.0 ** rng.uniform(-6.0, 6.0, n))


SPREADS = (1e-3, 1.0, 30.0, 400.0, 1e4)


@given(q=problems(rows=(1, 2, 9, 130), columns=(1, 2, 8, 33), classes=(2,), spreads=SPREADS, shifted=False))
@pytest.mark.parametrize("above", TWO_CLASSES.values(), ids=TWO_CLASSES)
def test_two_classes(backend, above, q):
    check_reference(q, above, backend)


@given(
    q=problems(rows=(1, 3, 130), columns=(1, 2, 8, 33), classes=(3, 4, 5, 12), spreads=SPREADS, shifted=False)
)
def test_classes_and_their_reference(backend, q):
    check_reference(q, TWO_CLASSES["softmax"], backend)


@given(
    n=st.sampled_from([1, 2, 130]),
    p=st.sampled_from([1, 3, 9]),
    K=st.sampled_from([1, 2, 3, 5, 12]),
    spread=st.sampled_from(SPREADS),
    seed=st.integers(0, 999),
    bias=st.booleans(),
)
def test_a_unit_for_each_class(backend, n, p, K, spread, seed, bias):
    q = problem(n, p, K + 1, seed=seed, intercept=bias, spread=spread)
    w = weights_of_any_size(n, seed)
    check_every_class(q.X, q.y % K, q.coef, w, bias=bias, backend=backend)


@pytest.mark.parametrize("K", [2, 3, 12])
@pytest.mark.parametrize("spread", [1.0, 800.0, 1e4])
def test_weights_from_0_to_a_million_and_rows_that_repeat(backend, K, spread):
    q = problem(60, 3, K, seed=3, spread=spread)
    twice = np.repeat(np.arange(60), 3)
    q = q.but(X=q.X[twice], y=q.y[twice], weight=weights_of_any_size(180, K))
    for above in TWO_CLASSES.values() if K == 2 else (TWO_CLASSES["softmax"],):
        check_reference(q, above, backend)


@pytest.mark.parametrize("seed", range(3))
def test_more_units_than_the_kernel_of_few_logits_takes(backend, seed):
    # matrix_product in the place of linear_predictor and transpose_product: other orders of sums
    check_reference(problem(50, 7, 20, seed=seed, weighted=True), TWO_CLASSES["softmax"], backend)


@pytest.mark.parametrize("eta", [0.0, 1e-300, 36.0, 708.0, 740.0, 745.2, 746.0, 1e4, 1e300])
def test_logits_beyond_the_range_of_the_exponential(backend, eta):
    X = np.array([[eta], [eta], [-eta], [-eta]])
    q = problem(4, 1, 2, intercept=False).but(
        X=X, y=np.array([0, 1, 0, 1], np.int32), coef=np.ones((1, 1)), weight=np.array([1.0, 2.0, 3.0, 1e6])
    )
    for above in TWO_CLASSES.values():
        check_reference(q, above, backend)


def test_a_row_that_is_fitted_well_keeps_its_digits(backend):
    # exp(-40) of the mass is elsewhere: 1 - p would be 0
    model = Sequential(LogSoftmax(), NLL().given([0])).share(backend.BACKEND)
    losses = model.forward([[40.0, 0.0, -1.0]])
    # s / (1 + s) and log1p(s), s = exp(-40) + exp(-41)
    s = math.exp(-40.0) + math.exp(-41.0)
    assert losses[0, 0] == pytest.approx(s, rel=8 * U, abs=0)
    assert model.backward([[1.0]])[0, 0] == pytest.approx(-s, rel=8 * U, abs=0)


def test_one_class_is_certain(backend):
    model = Sequential(LogSoftmax(), NLL().given([0, 0])).share(backend.BACKEND)
    assert model.forward([[3.0], [-1e300]]).tolist() == [[0.0], [0.0]]
    assert model.backward([[1.0], [5.0]]).tolist() == [[0.0], [0.0]]


@given(q=problems(rows=(1, 20), columns=(1, 4), classes=(2, 3, 5), spreads=(1.0, 30.0), shifted=False))
def test_counts_are_rows_with_weights(backend, q):
    # a row of counts is K rows, one for each class, with its count as weight; K orders of sums
    K = q.m + 1
    rng = np.random.default_rng(q.n)
    counts = np.round(10.0 ** rng.uniform(-1.0, 6.0, (q.n, K)))
    model = cake(q, TWO_CLASSES["softmax"](), backend)
    model.layers[-1].given(counts)
    losses = model.forward(q.X)
    eta = q.eta(backend)
    rows = [run_rows(backend, eta, np.full(q.n, c, np.int32), q.w * counts[:, c]) for c in range(K)]
    terms, size = total(q.w, losses)
    pairs = [-x for one in rows for x in one.nll]
    # K more roundings: of the products and the sums of a row
    assert abs(math.fsum([*terms, *pairs])) <= (LOSS + K * U) * size + K * underflow(q.w).sum()
    parts = np.array([one.residual for one in rows])
    top = Sequential(*model.layers[1:])
    top.forward(eta)
    got = top.backward(q.w[:, None])
    allowed = (ROW + (K + 1) * U) * np.abs(parts).sum(axis=0)
    assert (np.abs(got - parts.sum(axis=0)) <= allowed + K * underflow(q.w * counts.max(axis=1))).all()
    gradient = coefficients(model.gradients(q.w[:, None]))
    wide = np.abs(parts).sum(axis=0).T @ np.abs(q.Z)
    wanted = sum(one.residual for one in rows).T @ q.Z
    assert (np.abs(gradient - wanted) <= (ROW + (2 * q.n + K + 3) * U) * wide + 2.0**-1000).all()


@given(q=problems(rows=(1, 20), columns=(1, 4), classes=(2,), spreads=(1.0, 30.0, 800.0), shifted=False))
def test_shares_are_rows_with_weights(backend, q):
    # -y log h - (1 - y) log(1 - h): a row of each outcome
    share = np.random.default_rng(q.n).random(q.n)
    model = cake(q, TWO_CLASSES["bernoulli"](), backend)
    model.layers[-1].given(share)
    eta = q.eta(backend)
    rows = [
        run_rows(backend, eta, np.full(q.n, c, np.int32), q.w * part)
        for c, part in ((0, 1.0 - share), (1, share))
    ]
    terms, size = total(q.w, model.forward(q.X))
    assert abs(math.fsum([*terms, *(-x for one in rows for x in one.nll)])) <= (LOSS + 2 * U) * size
    top = Sequential(*model.layers[1:])
    top.forward(eta)
    got = top.backward(q.w[:, None])
    parts = np.array([one.residual for one in rows])
    allowed = (ROW + 3 * U) * np.abs(parts).sum(axis=0)
    assert (np.abs(got - parts.sum(axis=0)) <= allowed + 2 * underflow(q.w)).all()


def test_the_bound_would_notice_four_ulp_more(backend):
    q = problem(40, 3, 4, seed=1, weighted=True)
    rows = run_rows(backend, q.eta(backend), q.y, q.weight)
    with pytest.raises(AssertionError):
        same_rows(rows.residual * (1 + 10 * U), rows.residual, q.w)
    with pytest.raises(AssertionError):
        same_loss(q.w, np.full((q.n, 1), rows.nll[0] / q.w.sum() * (1 + 6 * U)), rows.nll)
