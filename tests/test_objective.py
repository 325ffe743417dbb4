"""The objective: what one evaluation promises about another, whatever the data look like."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from sigmax import passes, threads
from sigmax.data.design import Design
from sigmax.data.response import response
from sigmax.objective import Evaluation, FirstOrder, Objective


def objective(backend, n, p, n_classes, *, intercept=True, weighted=False, shifted=False, n_threads=1):
    rng = np.random.default_rng(n + 10 * p + n_classes)
    y = np.arange(n) % n_classes
    weight = rng.integers(0, 4, n).astype(float) if weighted else None
    offset = None
    if shifted:
        offset = rng.standard_normal(n) if n_classes == 2 else rng.standard_normal((n, n_classes))
    design = Design(rng.standard_normal((n, p)), intercept=intercept)
    observed = response(y, n, sample_weight=weight, offset=offset)
    return Objective(design, observed, backend, n_threads), rng


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize(("weighted", "shifted"), [(False, False), (True, True)])
def test_a_gradient_has_the_bits_of_an_evaluation(
    monkeypatch, backend, n_classes, intercept, weighted, shifted, n_threads
):
    # several blocks, the last one short, and threads for them
    monkeypatch.setattr(threads, "SERIAL_FLOPS", 0)
    monkeypatch.setattr(passes, "block_rows", lambda width: 256)
    o, rng = objective(
        backend,
        1_500,
        7,
        n_classes,
        intercept=intercept,
        weighted=weighted,
        shifted=shifted,
        n_threads=n_threads,
    )
    for scale in (0.0, 0.5, 40.0):
        coef = scale * rng.standard_normal(o.n_params)
        whole, first = o.evaluate(coef), o.gradient(coef)
        assert first.nll.hex() == whole.nll.hex()
        assert first.gradient.tobytes() == whole.gradient.tobytes()
        assert first.coef is coef


def test_a_gradient_has_no_hessian_and_an_evaluation_is_one_with_it(backend):
    o, rng = objective(backend, 300, 3, 3)
    coef = rng.standard_normal(o.n_params)
    first, whole = o.gradient(coef), o.evaluate(coef)
    assert [f.name for f in dataclasses.fields(first)] == ["coef", "nll", "penalty", "gradient"]
    assert not isinstance(first, Evaluation)
    assert isinstance(whole, FirstOrder)
    assert first.gradient.shape == (o.n_params,)
    # what rounding can have done needs no Hessian of its own
    assert o.nll_rounding(first) == o.nll_rounding(whole)
    inverse = np.linalg.inv(whole.hessian)
    assert o.gradient_rounding(first, inverse) == o.gradient_rounding(whole, inverse)


def test_every_evaluation_counts_its_rows_and_none_depends_on_another(backend):
    o, rng = objective(backend, 400, 4, 2)
    one, other = rng.standard_normal((2, o.n_params))
    assert o.rows_read == 0
    before = o.gradient(one)
    assert o.rows_read == 400
    o.evaluate(other)
    assert o.rows_read == 800
    o.gradient(other)
    after = o.gradient(one)
    assert o.rows_read == 1_600
    assert (before.nll, before.gradient.tobytes()) == (after.nll, after.gradient.tobytes())


def test_without_a_hessian_no_hessian_is_asked_for(backend):
    o, rng = objective(backend, 200, 3, 2)
    asked = []

    class Spy:
        def __getattr__(self, name):
            return getattr(backend, name)

        def binary_pass(self, X, y, coef, gradient_out, hessian_out, **rest):
            asked.append(hessian_out is not None)
            return backend.binary_pass(X, y, coef, gradient_out, hessian_out, **rest)

    o.kernels = Spy()
    coef = rng.standard_normal(o.n_params)
    o.gradient(coef)
    o.evaluate(coef)
    assert asked == [False, True]
