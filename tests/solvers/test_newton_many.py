"""Whole small fits, the operation `newton_many`: against 50 digits, the general solver, and its own laws."""

import numpy as np
import pytest
from mpmath import mp
from oracles import newton as oracle

from sigmax.data.design import Design
from sigmax.data.response import Response
from sigmax.kernels.interface import Number, Status
from sigmax.kernels.reference_newton import penalty_matrix
from sigmax.objective import Objective
from sigmax.solvers.curvature import DependentColumn
from sigmax.solvers.solution import Stop
from sigmax.solvers.solve import solve

DONE = (Status.TOLERANCE, Status.ROUNDING)


class Fits:
    """Outputs of one call."""

    def __init__(self, backend, X, y, B=1, m=1, *, intercept=True, tol=1e-12, max_iter=100, **options):
        k = X.shape[1] + intercept
        self.coef, self.inverse = np.empty((B, m, k)), np.empty((B, m * k, m * k))
        self.hessian, self.gradient = np.empty((B, m * k, m * k)), np.empty((B, m * k))
        self.numbers, self.status = np.empty((B, len(Number))), np.empty(B, dtype=np.int32)
        backend.newton_many(
            X,
            np.asarray(y, dtype=np.int32),
            self.coef,
            self.numbers,
            self.status,
            intercept=intercept,
            tol=tol,
            max_iter=max_iter,
            gradient_out=self.gradient,
            hessian_out=self.hessian,
            inverse_out=self.inverse,
            **options,
        )

    def bits(self, i=0):
        return [a[i].tobytes() for a in vars(self).values()]


def overlapping(n, p, K, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    eta = np.column_stack([np.zeros(n), X @ rng.normal(size=(p, K - 1)) / np.sqrt(max(p, 1))])
    y = np.argmax(eta + rng.gumbel(size=eta.shape), axis=1).astype(np.int32)
    assert len(np.unique(y)) == K
    return X, y


# -- against 50 digits -----------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "p", "K"), [(60, 3, 2), (150, 8, 2), (60, 0, 2), (90, 2, 3), (150, 3, 5)])
@pytest.mark.parametrize("full", [False, True])
def test_oracle(backend, n, p, K, full):
    X, y = overlapping(n, p, K, seed=n + p)
    rng = np.random.default_rng(2)
    w = rng.lognormal(0, 1, n) if full else None
    o = rng.normal(size=(n, K - 1)) if full else None
    given = None if o is None else o[:, 0] if K == 2 else o
    exact = oracle.optimum(X, y, K, weight=w, offset=given)
    f = Fits(backend, X, y, m=K - 1, weight=None if w is None else w[None], offset=o)
    assert f.status[0] in DONE
    assert oracle.relative_error(f.coef[0], exact.params).max() <= 1e-11
    assert oracle.relative_error(f.inverse[0], exact.covariance).max() <= 1e-9
    nll = f.numbers[0, Number.NLL_HIGH] + f.numbers[0, Number.NLL_LOW]
    assert oracle.relative_error([-nll], [exact.llf]).max() <= 1e-15
    # the bound holds: |b - b_hat| <= -log(1 - nu R) / R standard errors
    nu = f.numbers[0, Number.DECREMENT] + f.numbers[0, Number.GRADIENT_ROUNDING]
    R = f.numbers[0, Number.ROW_NORM]
    bound = -np.log1p(-nu * R) / R * np.sqrt(f.inverse[0].diagonal())
    with mp.workdps(60):
        wanted = [v for row in exact.params for v in row]
        for b, e, most in zip(f.coef[0].ravel().tolist(), wanted, bound.tolist(), strict=True):
            assert abs(mp.mpf(b) - e) <= most


@pytest.mark.parametrize("K", [2, 3, 4])
@pytest.mark.parametrize("intercept", [True, False])
def test_penalised_estimate_is_stationary_in_50_digits(backend, K, intercept):
    n, p, m, l2 = 80, 3, K - 1, 0.75
    X, y = overlapping(n, p, K, seed=K)
    f = Fits(backend, X, y, m=m, intercept=intercept, l2=np.array([l2]))
    assert f.status[0] in DONE
    at = oracle.evaluate(X, y, f.coef[0].ravel().tolist(), K, fit_intercept=intercept)
    with mp.workdps(60):
        B = [[mp.mpf(v) for v in row] for row in f.coef[0].tolist()]
        k = p + intercept
        total = [list(at.gradient[c * k : (c + 1) * k]) for c in range(m)]
        penalty = mp.mpf(0)
        for j in range(intercept, p + intercept):
            mean = sum(B[c][j] for c in range(m)) / K if K > 2 else mp.mpf(0)
            for c in range(m):
                total[c][j] += mp.mpf(l2) * (B[c][j] - mean)
                penalty += mp.mpf(l2) / 2 * B[c][j] * (B[c][j] - mean)
        g = np.array([float(v) for row in total for v in row])
        assert f.numbers[0, Number.PENALTY] == pytest.approx(float(penalty), rel=1e-14)
    step = f.inverse[0] @ g  # the distance to the optimum, to first order
    assert (np.abs(step) <= 1e-12 * np.sqrt(f.inverse[0].diagonal())).all()
    assert np.sqrt(g @ step) <= f.numbers[0, Number.DECREMENT] + f.numbers[0, Number.GRADIENT_ROUNDING]


def test_penalty_of_many_classes_does_not_depend_on_the_reference(backend):
    X, y = overlapping(120, 4, 3, seed=1)
    a = Fits(backend, X, y, m=2, l2=np.array([2.0]))
    b = Fits(backend, X, (y + 2) % 3, m=2, l2=np.array([2.0]))  # class 1 is the reference now
    slopes = np.vstack([np.zeros(5), a.coef[0]])
    slopes = np.roll(slopes - slopes[1], -1, axis=0)[1:]
    np.testing.assert_allclose(b.coef[0], slopes, rtol=1e-10, atol=1e-12)
    assert a.numbers[0, Number.PENALTY] == pytest.approx(b.numbers[0, Number.PENALTY], rel=1e-11)


# -- against the general solver -----------------------------------------------------------------------


def general(backend, X, y, K, weight, offset, start):
    """Solution of solvers/solve.py, or None where the columns are dependent."""
    total = float(len(y)) if weight is None else float(weight.sum())
    least = 1.0 if weight is None else float(weight.min())
    observed = Response(np.arange(K), y, weight, offset, total, least)
    objective = Objective(Design(X), observed, backend, 1)
    zero = np.zeros(objective.n_params)
    try:
        starts = [zero] if start is None else [zero, start.ravel()]
        return solve(objective, starts, tol=1e-12, max_iter=100)
    except DependentColumn:
        return None


def random_problem(rng):
    """A small nasty problem: heavy tails, lognormal weights, offsets, bad starts, 2 to 4 classes."""
    K, p = int(rng.integers(2, 5)), int(rng.integers(1, 4))
    n = int(rng.integers(6, 40)) * (K - 1)
    X = rng.standard_t(1.5, size=(n, p)) if rng.random() < 0.5 else rng.normal(size=(n, p))
    y = rng.integers(0, K, n).astype(np.int32)
    weight = rng.lognormal(0.0, 3.0, n) if rng.random() < 0.5 else None
    offset = rng.normal(0.0, 5.0, (n, K - 1)) if rng.random() < 0.5 else None
    start = rng.normal(0.0, 3.0, (K - 1, p + 1)) if rng.random() < 0.5 else None
    return X, y, K, weight, offset, start


def test_random_problems_end_as_the_general_solver_ends_them(backend):
    rng = np.random.default_rng(20261)
    counts = dict.fromkeys(Status, 0)
    for _ in range(400):
        X, y, K, weight, offset, start = random_problem(rng)
        f = Fits(
            backend,
            X,
            y,
            m=K - 1,
            weight=None if weight is None else weight[None],
            offset=offset,
            start=None if start is None else start[None],
        )
        status = Status(f.status[0])
        counts[status] += 1
        if len(np.unique(y)) < K:
            assert status is Status.ABSENT
            continue
        assert status is not Status.ABSENT
        wanted = general(backend, X, y, K, weight, offset, start)
        if status is Status.SEPARATED:
            assert wanted.stop is Stop.SEPARATED
        elif status in DONE and wanted is not None and wanted.metric is not None:
            off = (f.coef[0].ravel() - wanted.coef) / np.sqrt(f.inverse[0].diagonal())
            nu, R = f.numbers[0, [Number.DECREMENT, Number.ROW_NORM]]
            if (nu + f.numbers[0, Number.GRADIENT_ROUNDING]) * R < 0.1:  # the estimate exists
                assert np.abs(off).max() <= 1e-6
    assert counts[Status.TOLERANCE] + counts[Status.ROUNDING] >= 250
    assert counts[Status.ABSENT] >= 1
    assert counts[Status.HAND_OVER] <= 40


HARD = {
    "weights": {
        "x": [-1.3, 3.1, 2.5, -491.4, 0.1, 1.3],
        "y": [1, 1, 0, 1, 1, 0],
        "weight": [201.61, 1.8, 2.36, 6.0, 9.33, 1.99],
    },
    "offset": {
        "x": [0.3, -0.7, 1.4, -7.3, -1.6, 1.7],
        "y": [1, 0, 0, 0, 0, 0],
        "offset": [1.59, 2.239, 10.004, -4.327, 0.744, -8.488],
    },
    "start": {
        "x": [-3.7, -1.6, 1.4, -1.7, -0.9, 11.8],
        "y": [1, 0, 0, 1, 0, 1],
        "start": [-0.703, 1.121],
    },
}


@pytest.mark.parametrize("case", HARD.values(), ids=HARD.keys())
def test_where_undamped_newton_fails(case, backend):
    """The examples of test_newton.py, which shows that undamped Newton fails on them."""
    X, y = np.array(case["x"])[:, None], np.array(case["y"], dtype=np.int32)
    w, o, s = (np.array(case[name]) if name in case else None for name in ("weight", "offset", "start"))
    exact = oracle.optimum(X, y, 2, weight=w, offset=o)
    f = Fits(
        backend,
        X,
        y,
        weight=None if w is None else w[None],
        offset=None if o is None else o[:, None],
        start=None if s is None else s[None, None],
    )
    assert f.status[0] in DONE
    assert oracle.relative_error(f.coef[0], exact.params).max() <= 1e-11


@pytest.mark.parametrize("start", [(30.0, -40.0, 500.0), (-1e3, 1e3, 1e3), (1e150, 0.0, 0.0)])
@pytest.mark.parametrize("with_offset", [False, True])
def test_a_bad_start_costs_time_never_the_answer(backend, start, with_offset):
    X, y = overlapping(100, 2, 2, seed=21)
    o = np.random.default_rng(0).normal(size=(100, 1)) if with_offset else None
    cold, bad = (
        Fits(backend, X, y, offset=o),
        Fits(backend, X, y, offset=o, start=np.array(start)[None, None]),
    )
    assert bad.status[0] in DONE
    np.testing.assert_allclose(bad.coef, cold.coef, rtol=1e-11)
    warm = Fits(backend, X, y, offset=o, start=cold.coef)
    assert warm.numbers[0, Number.STEPS] == 0
    assert warm.coef.tobytes() == cold.coef.tobytes()


# -- laws ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [1, 2])
@pytest.mark.parametrize("h", [-250, -3, 4, 240])
def test_weights_of_any_scale_have_the_same_bits(backend, m, h):
    X, y = overlapping(90, 3, m + 1, seed=5)
    w = np.random.default_rng(1).lognormal(0, 2, (1, 90))
    a, b = (Fits(backend, X, y, m=m, tol=0.0, weight=s * w, l2=np.array([0.5 * s])) for s in (1.0, 4.0**h))
    assert a.status[0] == b.status[0] == Status.ROUNDING
    assert b.coef.tobytes() == a.coef.tobytes()
    assert (b.inverse * 4.0**h).tobytes() == a.inverse.tobytes()
    assert (b.gradient / 4.0**h).tobytes() == a.gradient.tobytes()
    of_sums = [Number.NLL_HIGH, Number.PENALTY, Number.TOTAL_WEIGHT]
    assert (b.numbers[0, of_sums] / 4.0**h).tolist() == a.numbers[0, of_sums].tolist()
    of_errors = [Number.DECREMENT, Number.GRADIENT_ROUNDING]
    assert (b.numbers[0, of_errors] / 2.0**h).tolist() == a.numbers[0, of_errors].tolist()
    assert b.numbers[0, Number.ROW_NORM] * 2.0**h == a.numbers[0, Number.ROW_NORM]


@pytest.mark.parametrize("scale", [1e-300, 1e-8, 1e8, 1e300])
def test_weights_of_any_scale_reach_the_estimate(backend, scale):
    X, y = overlapping(90, 3, 2, seed=5)
    w = np.random.default_rng(1).lognormal(0, 2, (1, 90))
    a, b = Fits(backend, X, y, weight=w), Fits(backend, X, y, weight=scale * w)
    assert b.status[0] in DONE  # with 1e-300, not at once: any point is near in standard errors of 1e150
    np.testing.assert_allclose(b.coef, a.coef, rtol=1e-11)
    np.testing.assert_allclose(b.inverse * scale, a.inverse, rtol=1e-10)


def test_groups_are_fits_one_by_one(backend):
    rng = np.random.default_rng(3)
    X, y = overlapping(300, 3, 3, seed=7)
    starts = np.array([0, 40, 40, 140, 230, 300])
    w, o, l2 = rng.random((1, 300)), rng.normal(size=(300, 2)), rng.random(5)
    together = Fits(backend, X, y, B=5, m=2, starts=starts, weight=w, offset=o, l2=l2)
    for b in range(5):
        rows = slice(starts[b], starts[b + 1])
        weight = np.ascontiguousarray(w[:, rows])
        one = Fits(backend, X[rows], y[rows], m=2, weight=weight, offset=o[rows], l2=l2[b : b + 1])
        assert together.bits(b) == one.bits()
    assert together.status[1] == Status.ABSENT
    assert (together.status[[0, 2, 3, 4]] <= Status.ROUNDING).all()


@pytest.mark.parametrize("m", [1, 3])
def test_rows_of_weight_zero_are_left_out(backend, m):
    X, y = overlapping(200, 6, m + 1, seed=9)
    w = np.random.default_rng(1).poisson(1.0, (4, 200)).astype(float)
    together = Fits(backend, X, y, B=4, m=m, weight=w)
    for b in range(4):
        kept = w[b] > 0
        one = Fits(backend, X[kept], y[kept], m=m, weight=w[b : b + 1, kept])
        assert together.bits(b) == one.bits()
        repeated = Fits(backend, np.repeat(X, w[b].astype(int), axis=0), np.repeat(y, w[b].astype(int)), m=m)
        np.testing.assert_allclose(one.coef, repeated.coef, rtol=1e-10, atol=1e-12)


def test_what_is_known_at_the_estimate(backend):
    X, y = overlapping(100, 3, 3, seed=2)
    P = penalty_matrix(0.5, 2, 4, True)
    f = Fits(backend, X, y, m=2, l2=np.array([0.5]))
    g, H = np.empty((2, 4)), np.empty((8, 8))
    nll = backend.softmax_pass(X, y, f.coef[0], g, H, intercept=True)
    assert f.numbers[0, Number.NLL_HIGH] == pytest.approx(nll[0], rel=1e-15)
    np.testing.assert_allclose(f.hessian[0], H + P, rtol=1e-13)
    np.testing.assert_allclose(f.gradient[0], g.ravel() + P @ f.coef[0].ravel(), atol=1e-12)
    np.testing.assert_allclose(f.inverse[0] @ f.hessian[0], np.eye(8), atol=1e-12)
    assert (f.inverse[0] == f.inverse[0].T).all()
    Z = np.column_stack([np.ones(100), X])
    pairs = [np.kron(e, z) for z in Z for e in ([1, 0], [0, 1], [1, -1])]
    assert max(np.sqrt(z @ f.inverse[0] @ z) for z in pairs) <= f.numbers[0, Number.ROW_NORM]
    assert f.numbers[0, Number.TOTAL_WEIGHT] == 100
    assert f.numbers[0, Number.READS] == f.numbers[0, Number.STEPS] + 1


@pytest.mark.needs_compiled
def test_memory_layout_changes_no_bit(compiled):
    X, y = overlapping(150, 5, 2, seed=4)
    whole = Fits(compiled, X, y).bits()
    wide = np.full((300, 12), np.nan)
    wide[::2, 1:11:2] = X
    for other in (np.asfortranarray(X), wide[::2, 1:11:2], np.ascontiguousarray(X[::-1])[::-1]):
        assert Fits(compiled, other, y).bits() == whole


def test_the_backends_agree(backend):
    from sigmax.kernels import reference

    X, y = overlapping(120, 4, 3, seed=8)
    a, b = Fits(backend, X, y, m=2), Fits(reference, X, y, m=2)
    np.testing.assert_allclose(a.coef, b.coef, rtol=1e-11)
    np.testing.assert_allclose(a.inverse, b.inverse, rtol=1e-9)
    for number in (Number.NLL_HIGH, Number.ROW_NORM, Number.CONDITION):
        assert a.numbers[0, number] == pytest.approx(b.numbers[0, number], rel=1e-10)


# -- where there is no answer ------------------------------------------------------------------------


def test_statuses(backend):
    x, y = np.arange(6.0)[:, None], np.array([0, 0, 0, 1, 1, 1])
    mixed = np.array([0, 1, 0, 1, 0, 1])
    assert Fits(backend, x, y).status[0] == Status.SEPARATED
    assert Fits(backend, x, y, l2=np.array([0.1])).status[0] in DONE
    assert Fits(backend, x, np.ones(6)).status[0] == Status.ABSENT
    assert Fits(backend, x, mixed, m=2).status[0] == Status.ABSENT
    assert Fits(backend, x, mixed, weight=np.zeros((1, 6))).status[0] == Status.ABSENT
    assert Fits(backend, x, mixed, weight=(mixed == 1)[None].astype(float)).status[0] == Status.ABSENT
    dependent = Fits(backend, np.hstack([x, 2.0 * x]), mixed)
    assert dependent.status[0] == Status.HAND_OVER
    assert np.isnan(dependent.coef).all()
    assert np.isnan(dependent.inverse).all()
    odd = x.copy()
    odd[2] = np.nan
    assert Fits(backend, odd, mixed).status[0] == Status.HAND_OVER
    few = Fits(backend, x, mixed, max_iter=1)
    assert few.status[0] == Status.ITERATIONS
    assert few.numbers[0, Number.STEPS] == 1
    assert np.isfinite(few.coef).all()


def test_wrong_shapes_are_refused(backend):
    X, y = overlapping(30, 2, 2, seed=1)
    for options in (
        {"weight": np.ones((2, 30))},
        {"weight": np.ones((1, 29))},
        {"offset": np.ones((30, 2))},
        {"l2": np.ones(2)},
        {"start": np.ones((1, 1, 4))},
        {"start": np.ones((2, 1, 3))},
        {"starts": np.array([0, 30, 30])},
        {"starts": np.array([0, 31])},
        {"starts": np.array([-1, 30])},
        {"starts": np.array([20, 10])},
    ):
        with pytest.raises(ValueError, match=next(iter(options))):
            Fits(backend, X, y, **options)
    with pytest.raises(ValueError, match="coef_out"):
        Fits(backend, np.empty((30, 0)), y, intercept=False)
