"""Paths of fits are the fits they stand for, within what is proved of both, however the folds lie."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import sigmax as sx
from sigmax import paths
from sigmax.data.folds import groups
from sigmax.objective.part import Part
from sigmax.solvers import path as way

L2 = 1.0 / np.logspace(-3, 3, 7)


def logistic(n, p, K=2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * np.logspace(-1, 1, p)
    eta = X @ rng.standard_normal((p, K)) / np.logspace(-1, 1, p).sum() * 3.0
    return X, (eta + rng.gumbel(size=(n, K))).argmax(axis=1)


def contiguous(n, F):
    edges = np.linspace(0, n, F + 1).astype(int)
    return [np.r_[0:a, b:n] for a, b in pairwise(edges)]


def shuffled(n, F, seed=0):
    of = np.random.default_rng(seed).permutation(n) % F
    return [np.flatnonzero(of != f) for f in range(F)]


def run(X, y, train, l2=L2, **rest):
    rest.setdefault("classes", np.unique(y))
    return paths.fit_paths(lambda i: X if i is None else X[i], y, train, l2, **rest)


def assert_is_fit(path, X, y, train, weight=None, l2=L2, **rest):
    """Every fit is where a fit of its own is, within both bounds, and within the tolerance."""
    assert path.converged.all()
    for i, strength in enumerate(l2):
        w = None if weight is None else weight[train]
        one = sx.fit(X[train], y[train], l2=strength, sample_weight=w, **rest)
        params, bse = np.atleast_2d(one.params), np.atleast_2d(one.bse)
        off = np.abs(path.params[i] - params)
        assert (off <= path.error_bound[i] + np.atleast_2d(one.certificate.error_bound)).all()
        assert (off <= 2.0 * paths.TOL * bse).all()


@pytest.fixture(params=["small", "shared"])
def way_taken(request, monkeypatch):
    """Small fits, and folds that share anchors although they are small."""
    if request.param == "shared":
        monkeypatch.setattr(paths, "_is_small", lambda _: False)
    return request.param


@pytest.fixture
def shared(monkeypatch):
    monkeypatch.setattr(paths, "_is_small", lambda _: False)


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("layout", [contiguous, shuffled])
def test_each_fit_is_that_of_its_rows(K, layout, way_taken):
    X, y = logistic(900, 5, K)
    train = layout(900, 3)
    for fold, path in zip(train, run(X, y, train), strict=True):
        assert_is_fit(path, X, y, fold)
        assert path.present == tuple(range(K))


@pytest.mark.needs_compiled
def test_the_shared_way_is_taken_and_saves_reads(monkeypatch):
    X, y = logistic(24_000, 24)
    train = contiguous(24_000, 4)
    # nothing is left to the general solver
    monkeypatch.setattr(paths, "_generally", None)
    l2 = 1.0 / np.logspace(-4, 4, 20)
    for path in run(X, y, train, l2):
        assert path.converged.all()
        # what is aimed at is proved, and not by much more than what is needed
        assert (path.standard_errors_off <= 2.02 * paths.TOL).all()
        # two gradients and a half, anchors and all
        assert path.passes < 2.5 * len(l2)


def test_the_drift_holds_from_the_anchor_to_both_ends_of_the_last_step(monkeypatch, shared):
    X, y = logistic(900, 5)
    taken, fit = [], way.Member.fit

    def watched(self, i):
        found = fit(self, i)
        if found is not None:
            reached = [self._objective.reach(b - found.anchor.coef) for b in (found.at.coef, found.coef)]
            taken.append((found.drift, *reached))
        return found

    monkeypatch.setattr(way.Member, "fit", watched)
    run(X, y, contiguous(900, 3))
    assert len(taken) > 15
    assert all(drift >= max(ends) for drift, *ends in taken)
    # and the last step does lead back, here and there
    assert any(before > after for _, before, after in taken)


def test_weights_intercept_and_order_of_penalties(way_taken):
    n = 900
    X, y = logistic(n, 5)
    weight = np.random.default_rng(1).uniform(0.0, 3.0, n) * (np.arange(n) % 7 > 0)
    train, l2 = shuffled(n, 3), L2[[3, 0, 6, 1]]
    found = run(X, y, train, l2, sample_weight=weight, fit_intercept=False)
    for fold, path in zip(train, found, strict=True):
        assert path.l2.tolist() == l2.tolist()
        assert_is_fit(path, X, y, fold, weight, l2, fit_intercept=False)


def test_weights_of_any_scale_give_the_same_fits(way_taken):
    X, y = logistic(900, 5)
    train, weight = contiguous(900, 3), np.random.default_rng(1).uniform(0.5, 2.0, 900)
    plain = run(X, y, train, sample_weight=weight)
    scale = 2.0**-40
    scaled = run(X, y, train, L2 * scale, sample_weight=weight * scale)
    for a, b in zip(plain, scaled, strict=True):
        off = np.abs(a.params - b.params)
        assert (off <= a.error_bound + b.error_bound).all()


def test_rows_twice_overlapping_folds_and_masks(way_taken):
    n = 600
    X, y = logistic(n, 3)
    twice = np.r_[0:300, 0:300]
    mask = np.arange(n) % 3 > 0
    train = [twice, np.arange(n), mask, np.arange(-200, 0)]
    found = run(X, y, train)
    for fold, path in zip([twice, np.arange(n), np.flatnonzero(mask), np.arange(400, n)], found, strict=True):
        assert_is_fit(path, X, y, fold)


@pytest.mark.needs_compiled
@pytest.mark.parametrize(("n", "K"), [(24_000, 2), (9_000, 3), (300, 2)])
def test_same_bits_for_any_number_of_threads(n, K):
    X, y = logistic(n, 24, K)
    train = shuffled(n, 5)
    one, two, seven = (run(X, y, train, n_threads=threads) for threads in (1, 2, 7))
    for a, b, c in zip(one, two, seven, strict=True):
        assert a.params.tobytes() == b.params.tobytes() == c.params.tobytes()
        assert a.error_bound.tobytes() == b.error_bound.tobytes() == c.error_bound.tobytes()


def test_dependent_columns_with_a_penalty_and_without(way_taken):
    X, y = logistic(900, 3)
    X = np.column_stack([X, X[:, 0] - 2.0 * X[:, 1]])
    train = shuffled(900, 3)
    for fold, path in zip(train, run(X, y, train, [1.0, 0.0]), strict=True):
        assert_is_fit(_at(path, 0), X, y, fold, l2=[1.0])
        least = sx.fit(X[fold], y[fold], collinear="min_norm")
        np.testing.assert_allclose(path.params[1, 0], least.params, rtol=1e-9)
        assert list(path.unpenalised) == [1]


def _at(path, i):
    from dataclasses import replace

    cut = {name: getattr(path, name)[[i]] for name in ("l2", "params", "error_bound", "converged")}
    return replace(path, **cut)


def test_separated_folds_converge_with_a_penalty_and_say_so_without(way_taken):
    X, y = logistic(300, 3)
    X[:, 0] = np.where(y == 1, 1.0, -1.0) * np.random.default_rng(0).uniform(0.5, 1.0, 300)
    train = contiguous(300, 3)
    for fold, path in zip(train, run(X, y, train, [1e-6, 0.0]), strict=True):
        assert path.converged.tolist() == [True, False]
        assert path.unpenalised[1].separation is not None
        one = sx.fit(X[fold], y[fold], l2=1e-6)
        assert (np.abs(path.params[0, 0] - one.params) <= 2.0 * paths.TOL * one.bse).all()


def test_a_fold_that_lacks_a_class_is_fitted_with_the_others(way_taken):
    X, y = logistic(300, 3, 3)
    order = np.argsort(y, kind="stable")
    X, y = X[order], y[order]
    some = np.flatnonzero(y > 0)
    [whole, part, lone] = run(X, y, [np.arange(300), some, np.flatnonzero(y == 1)])
    assert (whole.present, part.present, lone.present) == ((0, 1, 2), (1, 2), (1,))
    assert_is_fit(whole, X, y, np.arange(300))
    for i, strength in enumerate(L2):
        # W_1 = -W_2, and so l2 / 2 (|W_1|^2 + |W_2|^2) = l2 / 4 |W_2 - W_1|^2
        two = sx.fit(X[some], y[some], l2=strength / 2.0)
        assert (np.abs(part.params[i, 0] - two.params) <= 2.0 * paths.TOL * two.bse).all()
    assert lone.params.shape == (len(L2), 0, 4)
    assert lone.converged.all()


def test_the_limit_of_a_lacking_class_is_what_few_rows_of_it_tend_to():
    X, y = logistic(300, 3, 3)
    train = np.flatnonzero(y > 0)
    [part] = run(X, y, [train], [1.0])
    weight = np.where(y == 0, 1e-9, 1.0)
    near = sx.fit(X, y, l2=1.0, sample_weight=weight).params
    np.testing.assert_allclose(part.params[0, 0], near[1] - near[0], rtol=1e-6)


def test_where_the_shared_way_fails_the_general_one_takes_over(monkeypatch, shared):
    X, y = logistic(900, 5)
    train = contiguous(900, 3)
    monkeypatch.setattr(way.Member, "fit", lambda *_: None)
    for fold, path in zip(train, run(X, y, train, L2[:3]), strict=True):
        assert_is_fit(path, X, y, fold, l2=L2[:3])
    monkeypatch.setattr(way, "anchors", lambda *_: None)
    for fold, path in zip(train, run(X, y, train, L2[:3]), strict=True):
        assert_is_fit(path, X, y, fold, l2=L2[:3])


def test_a_limit_of_steps_is_one(monkeypatch, shared):
    X, y = logistic(900, 5)
    calls, solve = [], paths.solve
    monkeypatch.setattr(way.Member, "fit", lambda *_: None)
    monkeypatch.setattr(paths, "solve", lambda *of, **rest: calls.append(1) or solve(*of, **rest))
    for path in run(X, y, contiguous(900, 3), L2[:2], max_iter=1):
        assert not path.converged.any()
        assert (path.iterations == 1).all()
    assert len(calls) == 6


def test_nearly_separated_rows_with_weak_penalties(way_taken):
    X, y = logistic(900, 5)
    X *= 30.0
    train = contiguous(900, 3)
    for fold, path in zip(train, run(X, y, train, [1e3, 1.0, 1e-3]), strict=True):
        assert_is_fit(path, X, y, fold, l2=[1e3, 1.0, 1e-3])


def test_a_row_far_from_all_others(way_taken):
    X, y = logistic(60, 6)
    X /= np.logspace(-1, 1, 6)
    X[3] = 1e8
    l2 = 10.0 ** -np.arange(-10.0, 11.0, 2.0)
    train = shuffled(60, 3)
    for fold, path in zip(train, run(X, y, train, l2), strict=True):
        assert_is_fit(path, X, y, fold, l2=l2)


def test_bad_numbers_in_x_are_refused(way_taken):
    X, y = logistic(300, 3)
    X[17, 1] = np.nan
    with pytest.raises(ValueError, match=r"X must be finite"):
        run(X, y, contiguous(300, 3))


def test_partitions_are_found_whatever_their_order():
    n = 12
    repeated = [*shuffled(n, 3), *contiguous(n, 2)]
    first, second = groups(repeated, n)
    assert len(first.parts) == 3
    assert first.order is not None
    assert second.order is None
    assert second.parts == ((0, 6), (6, 12))
    for f, (start, stop) in enumerate(first.parts):
        left_out = np.sort(first.order[start:stop])
        assert (left_out == np.setdiff1d(np.arange(n), repeated[f])).all()
    # a row twice is no partition
    assert [len(group.parts) for group in groups([np.r_[0:6, 0:6], np.arange(6, 12)], n)] == [1, 1]
    # neither covers all rows alone: each on its own
    apart = groups([np.arange(0, 6), np.arange(3, 12)], n)
    assert [len(group.parts) for group in apart] == [1, 1]


def test_sums_without_each_part_subtract_nothing():
    parts = [np.array([1e300]), np.array([1.0]), np.array([2.0])]
    assert [float(s[0]) for s in way.without_each(parts)] == [3.0, 1e300, 1e300]
    huge = [np.array([1.0]), np.array([1e300]), np.array([2.0])]
    assert float(way.without_each(huge)[1][0]) == 3.0


def test_a_part_of_the_rows_is_the_objective_of_those_rows(backend):
    from sigmax.data.design import Design
    from sigmax.data.response import response
    from sigmax.objective import Objective

    X, y = logistic(500, 3, 3)
    weight = np.random.default_rng(2).uniform(0.0, 2.0, 500)
    rows = np.r_[0:100, 180:500]
    whole = response(y, 500, sample_weight=weight)
    part = Part(Design(X), whole, [(0, 100), (180, 500)], backend, 1, l2=2.0)
    some = response(y[rows], 420, sample_weight=weight[rows], classes=[0, 1, 2])
    assert part.response.smallest_weight == some.smallest_weight < 1.0
    alone = Objective(Design(X[rows]), some, backend, 1, l2=2.0)
    b = np.linspace(-0.5, 0.5, part.n_params)
    for objective in (part, part.alone((0, 1, 2))):
        at, other = objective.evaluate(b), alone.evaluate(b)
        np.testing.assert_allclose(at.value, other.value, rtol=1e-14)
        np.testing.assert_allclose(at.gradient, other.gradient, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(at.hessian, other.hessian, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(objective.response.weight_sum, some.weight_sum, rtol=1e-14)
        assert objective.n_rows == 420
    np.testing.assert_allclose(part.line(b, b).at(0.5).change, alone.line(b, b).at(0.5).change, rtol=1e-12)
