"""Layouts, strides, read-only inputs and work space: what is read, what is written, and by whom."""

from __future__ import annotations

import math
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from comparisons import U, close, same, same_pass, same_refined, sizes
from hypothesis import given
from strategies import (
    LANES,
    TILE,
    problem,
    problems,
    run_pass,
    run_refine,
    run_rows,
    with_reference,
)

# -- memory ------------------------------------------------------------------------------------------


def layouts(X, folder):
    """X in every layout an array can have: name, array."""
    n, p = X.shape
    yield "C order", X.copy(order="C")
    yield "Fortran order", X.copy(order="F")
    yield "every second row and column", np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2]
    yield (
        "rows of a wider array",
        np.hstack([np.full((n, 3), np.nan), X, np.full((n, 2), np.nan)])[:, 3 : 3 + p],
    )
    yield "columns of a longer Fortran array", np.asfortranarray(np.vstack([X, np.full((5, p), np.nan)]))[:n]
    yield "negative strides", np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1]
    yield "negative row stride, Fortran order", np.asfortranarray(X[::-1])[::-1]
    three = np.empty((p, 3, n))
    three[:, 1, :] = X.T
    yield "transposed slice of three dimensions", three[:, 1, :].T
    readonly = X.copy()
    readonly.flags.writeable = False
    yield "read-only", readonly
    raw = np.zeros(X.nbytes + 1, np.uint8)
    shifted = raw[1:].view(np.float64).reshape(X.shape)
    shifted[...] = X
    yield "address not a multiple of 8", shifted
    if X.size:
        path = Path(folder) / "X"
        X.tofile(path)
        yield "memory-mapped, read-only", np.memmap(path, dtype=np.float64, mode="r", shape=X.shape)


@given(q=problems(rows=(0, 1, TILE - 1, TILE + 1), columns=(0, 1, LANES - 1, LANES + 1, 33)))
@pytest.mark.needs_compiled
def test_memory_layout_changes_no_bit(compiled, q):
    eta, whole = q.eta(compiled), run_pass(compiled, q)
    coef_low = q.coef * 2.0**-58
    refined = run_refine(compiled, q, coef_low)
    curvature = np.random.default_rng(1).uniform(size=q.n)
    largest, gram = np.full(q.X.shape[1], np.nan), np.full((q.k, q.k), np.nan)
    assert compiled.column_largest(q.X, largest)
    compiled.weighted_gram(q.X, curvature, gram, intercept=q.intercept)
    with tempfile.TemporaryDirectory() as folder:
        for name, X in layouts(q.X, folder):
            other = q.but(X=X)
            np.testing.assert_array_equal(X, q.X, err_msg=name)
            same(other.eta(compiled), eta)
            same_pass(run_pass(compiled, other), whole)
            same_refined(run_refine(compiled, other, coef_low), refined)
            found, product = np.full_like(largest, np.nan), np.full_like(gram, np.nan)
            assert compiled.column_largest(X, found)
            same(found, largest)
            compiled.weighted_gram(X, curvature, product, intercept=q.intercept)
            same(product, gram)


@pytest.mark.parametrize("axis", [0, 1, None])
@pytest.mark.parametrize("K", [2, 4])
def test_broadcast_rows_and_columns(backend, axis, K):
    # zero strides: one stored row, one stored column, one stored number
    q = problem(TILE + 1, LANES + 1, K, weighted=True)
    shape = {0: (1, LANES + 1), 1: (TILE + 1, 1), None: (1, 1)}[axis]
    X = np.broadcast_to(np.random.default_rng(1).normal(size=shape), q.X.shape)
    assert 0 in X.strides
    a, b = run_pass(backend, q.but(X=X)), run_pass(backend, q.but(X=X.copy()))
    largest = np.full(LANES + 1, np.nan)
    assert backend.column_largest(X, largest)
    same(largest, np.abs(X).max(axis=0))
    if backend.BACKEND == "compiled":
        same_pass(a, b)
    else:  # NumPy's product may choose its order by the strides
        rows = run_rows(backend, q.but(X=X).eta(backend), q.y, q.weight)
        gradient, hessian = sizes(q.but(X=X), rows)
        close(a.gradient, b.gradient, 2 * (q.n + 20) * U * gradient)
        close(a.hessian, b.hessian, 2 * (q.n + 20) * U * hessian)


@pytest.mark.needs_compiled
@pytest.mark.parametrize("item", [12, 20, 9])
def test_strides_that_are_no_multiple_of_a_double_are_refused_or_read(compiled, item):
    # a column of a packed record: 12, 20 or 9 bytes apart.  What must not happen is to read other bytes.
    record = np.zeros(7, dtype=[("x", "<f8"), ("rest", f"V{item - 8}")])
    record["x"] = np.arange(7) + 0.5
    X = record["x"][:, None]
    assert X.strides[0] == item
    eta = np.full((7, 1), np.nan)
    refused = ""
    try:
        compiled.linear_predictor(X, np.array([[2.0]]), eta, intercept=False)
    except ValueError as error:
        refused = str(error)
    if refused:
        assert "X" in refused
    else:
        same(eta[:, 0], 2.0 * np.arange(7) + 1.0)


def frozen(a):
    if a is not None:
        a = a.copy()
        a.flags.writeable = False
    return a


@given(q=problems())
def test_inputs_are_read_only_and_outputs_stay_inside(backend, q):
    # inputs cannot be written; outputs lie between guards that must not change
    q = q.but(
        X=frozen(q.X), y=frozen(q.y), coef=frozen(q.coef), weight=frozen(q.weight), offset=frozen(q.offset)
    )
    guard, n, m, k = 17, q.n, q.m, q.k
    outputs = []

    def guarded(*shape):
        size = math.prod(shape)
        memory = np.full(size + 2 * guard, np.nan)
        memory[:guard] = memory[guard + size :] = 1.25
        outputs.append(memory)
        return memory[guard : guard + size].reshape(shape)

    eta = guarded(n, m)
    backend.linear_predictor(q.X, q.coef, eta, intercept=q.intercept, offset=q.offset)
    if q.X.shape[1]:
        backend.column_largest(q.X, guarded(q.X.shape[1]))
    backend.softmax(frozen(with_reference(eta)), guarded(n, m + 1))
    backend.expit(frozen(eta.ravel()), guarded(n * m))
    if m == 1:
        backend.binary_rows(frozen(eta), q.y, guarded(n, 1), guarded(n, 1), weight=q.weight)
    residual, curvature = guarded(n, m), guarded(n, m, m)
    backend.softmax_rows(frozen(eta), q.y, residual, curvature, weight=q.weight)
    backend.transpose_product(q.X, frozen(residual), guarded(m, k), intercept=q.intercept)
    column = frozen(np.ascontiguousarray(curvature[:, 0, 0]))
    backend.weighted_gram(q.X, column, guarded(k, k), intercept=q.intercept)
    kernel = backend.binary_pass if m == 1 else backend.softmax_pass
    gradient, hessian = guarded(m, k), guarded(m * k, m * k)
    kernel(q.X, q.y, q.coef, gradient, hessian, intercept=q.intercept, weight=q.weight, offset=q.offset)
    kernel = backend.binary_refine if m == 1 else backend.softmax_refine
    outputs_of_refine = guarded(m, k), guarded(m, k), guarded(q.X.shape[1])
    coef_low = frozen(q.coef * 2.0**-58)
    kernel(
        q.X,
        q.y,
        q.coef,
        coef_low,
        *outputs_of_refine,
        intercept=q.intercept,
        weight=q.weight,
        offset=q.offset,
    )
    both = guarded(n, m), guarded(n, m)
    backend.linear_predictor_dd(q.X, q.coef, coef_low, *both, intercept=q.intercept, offset=q.offset)
    line = backend.binary_line if m == 1 else backend.softmax_line
    line(frozen(eta), frozen(eta), q.y, 0.5, weight=q.weight)

    for memory in outputs:
        assert (memory[:guard] == 1.25).all()
        assert (memory[len(memory) - guard :] == 1.25).all()
        assert not np.isnan(memory).any()  # every element was written


@pytest.mark.parametrize("K", [2, 4])
def test_threads_do_not_share_work_space(backend, K):
    tasks = [problem(2 * TILE + 37, 33, K, seed=seed, weighted=True, shifted=True) for seed in range(6)]
    alone = [(run_pass(backend, q), run_refine(backend, q)) for q in tasks]
    found = [[] for _ in tasks]
    start = threading.Barrier(len(tasks))

    def work(i):
        start.wait()
        for _ in range(20):
            found[i].append((run_pass(backend, tasks[i]), run_refine(backend, tasks[i])))

    workers = [threading.Thread(target=work, args=(i,)) for i in range(len(tasks))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for one, many in zip(alone, found, strict=True):
        assert len(many) == 20
        for other in many:
            same_pass(other[0], one[0])
            same_refined(other[1], one[1])
