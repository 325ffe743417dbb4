"""The product of matrices: its bound against exact sums; sizes and strides change no bit of an output."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from comparisons import U, same

#: around the register tiles, the rows that a panel of B is copied for, and its depth; (n, k, m)
SHAPES = [
    (1, 1, 1),
    (3, 40, 5),
    (9, 129, 10),
    (50, 7, 3),
    (5, 300, 27),
    (49, 16, 24),
    (2, 2000, 2),
]


def inputs(n, k, m, seed=0):
    """A, B and bias whose sums cancel: sizes of e^-8 to e^8, both signs."""
    rng = np.random.default_rng([seed, n, k, m])
    return [rng.normal(size=shape) * np.exp(rng.uniform(-8, 8, shape)) for shape in ((n, k), (k, m), (m,))]


def product(kernels, A, B, bias=None):
    out = np.full((len(A), B.shape[1]), np.nan)
    kernels.matrix_product(A, B, out, bias=bias)
    return out


def exact(values):
    return [[Fraction(v) for v in row] for row in values.tolist()]


# -- accuracy ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_within_its_bound(backend, shape, biased):
    # |error| <= (k + 1) u (|bias| + sum |a b|) to first order: the denominator holds the rest
    n, k, m = shape
    A, B, bias = inputs(n, k, m)
    got = product(backend, A, B, bias if biased else None)
    bound = Fraction(k + 1) * Fraction(U) / (1 - (k + 1) * Fraction(U))
    rows, columns = exact(A), exact(B.T)
    worst = Fraction(0)
    for i in range(n):
        for j in range(m):
            terms = [a * b for a, b in zip(rows[i], columns[j], strict=True)]
            if biased:
                terms.append(Fraction(float(bias[j])))
            error = abs(sum(terms) - Fraction(float(got[i, j])))
            worst = max(worst, error / sum(map(abs, terms)))
    assert worst <= bound, float(worst / bound)


@pytest.mark.parametrize("shape", [(65, 300, 37), (10, 3000, 64), (300, 64, 10)], ids=str)
def test_integers_are_summed_exactly(backend, shape):
    n, k, m = shape
    rng = np.random.default_rng(3)
    A, B, bias = (rng.integers(-1000, 1000, s) for s in ((n, k), (k, m), (m,)))
    got = product(backend, *(v.astype(float) for v in (A, B, bias)))
    assert (got == A @ B + bias).all()


# -- one chain for each output -------------------------------------------------------------------------


@pytest.mark.needs_compiled
@pytest.mark.parametrize("shape", [(61, 300, 75), (300, 17, 9), (8, 129, 6)], ids=str)
def test_an_output_knows_nothing_of_the_others(compiled, shape):
    n, k, m = shape
    A, B, bias = inputs(n, k, m, seed=1)
    whole = product(compiled, A, B, bias)
    for start, stop in ((0, 1), (n // 2, n // 2 + 5), (1, n)):
        same(product(compiled, A[start:stop], B, bias), whole[start:stop])
    for start, stop in ((0, 1), (m // 3, m // 3 + 3), (1, m)):
        same(product(compiled, A, B[:, start:stop], bias[start:stop].copy()), whole[:, start:stop])


@pytest.mark.needs_compiled
def test_memory_layout_changes_no_bit(compiled):
    n, k, m = 53, 131, 29
    A, B, bias = inputs(n, k, m, seed=2)
    whole = product(compiled, A, B, bias)
    wide = np.hstack([np.full((n, 2), np.nan), A, np.full((n, 3), np.nan)])
    for other in (
        np.asfortranarray(A),
        wide[:, 2 : 2 + k],
        np.repeat(np.repeat(A, 2, axis=0), 3, axis=1)[::2, ::3],
        np.ascontiguousarray(A[::-1, ::-1])[::-1, ::-1],
        np.asfortranarray(A[::-1])[::-1],
    ):
        same(product(compiled, other, B, bias), whole)
    gaps = np.hstack([B, np.full((k, 5), np.nan)])
    same(product(compiled, A, gaps[:, :m], bias), whole)
    same(product(compiled, A, np.ascontiguousarray(B[::-1])[::-1], bias), whole)
    one_row = np.broadcast_to(B[:1], (k, m))
    same(product(compiled, A, one_row, bias), product(compiled, A, one_row.copy(), bias))
    one_number = np.broadcast_to(A[:1, :1], (n, k))
    same(product(compiled, one_number, B, bias), product(compiled, one_number.copy(), B, bias))


@pytest.mark.needs_compiled
def test_the_chain_begins_with_the_bias(compiled):
    # 1 + 2^-53 + 2^-53 is 1 from the left, and more where the bias comes last
    A, B, tiny = np.ones((3, 2)), np.full((2, 9), 2.0**-53), np.ones(9)
    same(product(compiled, A, B, tiny), np.ones((3, 9)))
    same(product(compiled, A, B), np.full((3, 9), 2.0**-52))


# -- nothing, and what is not finite -------------------------------------------------------------------


@pytest.mark.parametrize("k", [0, 3])
@pytest.mark.parametrize("m", [0, 1, 9])
@pytest.mark.parametrize("n", [0, 1, 9])
def test_empty(backend, n, k, m):
    A, B, bias = inputs(n, k, m)
    assert product(backend, A, B, bias).shape == (n, m)
    if k == 0:
        same(product(backend, A, B, bias), np.broadcast_to(bias, (n, m)))
        same(product(backend, A, B), np.zeros((n, m)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stays_in_its_row_or_column(backend, bad):
    A, B, bias = inputs(11, 5, 13)
    A[4, 2] = bad
    with np.errstate(invalid="ignore"):
        got = np.isfinite(product(backend, A, B, bias))
    assert (got == (np.arange(11) != 4)[:, None]).all()
    A[4, 2], B[1, 12] = 1.0, bad
    with np.errstate(invalid="ignore"):
        got = np.isfinite(product(backend, A, B, bias))
    assert (got == (np.arange(13) != 12)).all()
    B[1, 12], bias[0] = 1.0, bad
    got = np.isfinite(product(backend, A, B, bias))
    assert (got == (np.arange(13) != 0)).all()


# -- memory --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1, 1), (9, 5, 7), (50, 130, 10), (7, 3, 25)], ids=str)
def test_inputs_are_read_only_and_outputs_stay_inside(backend, shape):
    n, k, m = shape
    A, B, bias = inputs(n, k, m)
    for given in (A, B, bias):
        given.flags.writeable = False
    memory = np.full(n * m + 34, 1.25)
    out = memory[17:-17].reshape(n, m)
    out[...] = np.nan
    backend.matrix_product(A, B, out, bias=bias)
    assert (memory[:17] == 1.25).all()
    assert (memory[-17:] == 1.25).all()
    assert not np.isnan(out).any()
    out.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        backend.matrix_product(A, B, out, bias=bias)


@pytest.mark.needs_compiled
def test_rows_of_b_with_holes_are_refused(compiled):
    A, B, _ = inputs(4, 3, 5)
    for bad in (np.asfortranarray(B), np.repeat(B, 2, axis=1)[:, ::2], B[:, ::-1]):
        with pytest.raises(ValueError, match=r"^rows of B must be contiguous, a column stride of 1; got "):
            product(compiled, A, bad)
    # one column has no stride to speak of
    same(product(compiled, A, B[:, ::5]), product(compiled, A, B[:, :1].copy()))
