"""The maps between parametrisations: against matrices of zeros and ones, and with nan and inf."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp

from sigmax.identification import parametrisation as maps

INF, NAN = np.inf, np.nan


def contrast(K, old, new):
    """The matrix that takes coefficients against `old` to those against `new`, (K - 1, K - 1)."""
    pad = np.insert(np.eye(K - 1), old, 0.0, axis=0)
    return np.delete(pad - pad[new], new, axis=0)


def centred(K, old):
    pad = np.insert(np.eye(K - 1), old, 0.0, axis=0)
    return pad - pad.mean(axis=0)


@st.composite
def fits(draw):
    K, k = draw(st.integers(2, 6)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    root = rng.normal(size=((K - 1) * k, (K - 1) * k + 2))
    return (
        rng.normal(size=(K - 1, k)),
        root @ root.T,
        draw(st.integers(0, K - 1)),
        draw(st.integers(0, K - 1)),
    )


@given(fits())
def test_another_reference(problem):
    B, V, old, new = problem
    m, k = B.shape
    L = contrast(m + 1, old, new)
    np.testing.assert_allclose(maps.rebased(B, old, new), L @ B, rtol=1e-14, atol=1e-14)
    whole = np.kron(L, np.eye(k))
    moved = maps.rebased_covariance(V, m, old, new)
    np.testing.assert_allclose(moved, whole @ V @ whole.T, rtol=1e-13, atol=1e-12 * np.abs(V).max())
    np.testing.assert_array_equal(moved, moved.T)
    np.testing.assert_allclose(maps.rebased(maps.rebased(B, old, new), new, old), B, rtol=1e-14, atol=1e-14)


@given(fits())
def test_sum_to_zero(problem):
    B, V, old, _ = problem
    m, k = B.shape
    C = centred(m + 1, old)
    S = maps.symmetric(B, old)
    np.testing.assert_allclose(S, C @ B, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(S.sum(axis=0), 0.0, atol=1e-14)
    whole = np.kron(C, np.eye(k))
    moved = maps.symmetric_covariance(V, m, old)
    np.testing.assert_allclose(moved, whole @ V @ whole.T, rtol=1e-13, atol=1e-12 * np.abs(V).max())
    np.testing.assert_array_equal(moved, moved.T)
    # the Moore-Penrose inverse of the information of all K k parameters, J their map to those against `old`
    J = np.kron(np.delete(np.eye(m + 1) - np.eye(m + 1)[old], old, axis=0), np.eye(k))
    H = J.T @ np.linalg.inv(V) @ J
    pinv = np.linalg.pinv(H, rcond=1e-10, hermitian=True)
    # both inverses of NumPy lose the condition of V
    lost = 1e-14 * np.linalg.cond(V)
    np.testing.assert_allclose(moved, pinv, rtol=lost, atol=lost * np.abs(pinv).max())
    # Penrose's conditions without an inverse: J moved = V whole', and whole J is the projector C (x) I
    np.testing.assert_allclose(J @ moved, V @ whole.T, rtol=1e-13, atol=1e-12 * np.abs(V).max())
    projector = np.kron(np.eye(m + 1) - 1.0 / (m + 1), np.eye(k))
    np.testing.assert_allclose(whole @ J, projector, rtol=1e-15, atol=1e-15)


@given(fits(), st.integers(0, 2**32 - 1))
def test_bounds_hold(problem, seed):
    """Errors within their bounds stay within the mapped ones, in exact arithmetic but for a few u."""
    B, _, old, new = problem
    rng = np.random.default_rng(seed)
    E = np.exp(rng.normal(size=B.shape) * 3.0)
    at_most = 1.0 + 1e-14
    for signs in (rng.choice([-1.0, 1.0], B.shape) for _ in range(8)):
        moved = maps.rebased(B + signs * E, old, new) - maps.rebased(B, old, new)
        assert (np.abs(moved) <= maps.rebased_bound(E, B, old, new) * at_most + 1e-13).all()
        moved = maps.symmetric(B + signs * E, old) - maps.symmetric(B, old)
        assert (np.abs(moved) <= maps.symmetric_bound(E, B, old) * at_most + 1e-13).all()
    # and are reached
    K = len(B) + 1
    C = np.abs(centred(K, old))
    np.testing.assert_allclose(maps.symmetric_bound(E, 0.0 * B, old), C @ E, rtol=1e-12)
    L = np.abs(contrast(K, old, new))
    np.testing.assert_allclose(maps.rebased_bound(E, 0.0 * B, old, new), L @ E, rtol=1e-12)


def test_rounding_is_part_of_a_bound():
    B = np.array([[1.0, 1e10], [1e-17, 1.0]])
    bound = maps.rebased_bound(np.zeros((2, 2)), B, 0, 1)
    exact = [[1.0, 1e10], [1.0, 1e10]]
    assert (np.abs(bound) >= 2.0**-53 * np.array(exact)).all()
    assert (bound <= 2.0**-50 * np.array(exact)).all()


def test_infinite_parameters():
    B = np.array([[INF, 1.0, NAN], [2.0, 3.0, 4.0]])
    np.testing.assert_array_equal(maps.rebased(B, 0, 1), [[-INF, -1.0, NAN], [-INF, 2.0, NAN]])
    np.testing.assert_array_equal(maps.rebased(B, 0, 2), [[-2.0, -3.0, -4.0], [INF, -2.0, NAN]])
    S = maps.symmetric(B, 0)
    np.testing.assert_array_equal(S[:, 0], [-INF, INF, -INF])
    assert np.isnan(S[:, 2]).all()
    np.testing.assert_allclose(S[:, 1], np.array([-4.0, -1.0, 5.0]) / 3.0)
    # two infinite classes: how they differ is not known
    twice = maps.rebased(np.array([[INF], [INF]]), 0, 1)
    np.testing.assert_array_equal(twice, [[-INF], [NAN]])
    np.testing.assert_array_equal(maps.symmetric(np.array([[INF], [INF]]), 0), [[-INF], [NAN], [NAN]])
    np.testing.assert_array_equal(maps.symmetric(np.array([[INF], [-INF]]), 0), [[NAN], [INF], [-INF]])


def test_nan_and_inf_in_covariance_and_bounds():
    V = np.eye(4)
    V[0], V[:, 0] = NAN, NAN
    moved = maps.rebased_covariance(V, 2, 0, 2)
    gone = np.isnan(moved)
    np.testing.assert_array_equal(gone, [[0, 0, 1, 0], [0, 0, 1, 0], [1, 1, 1, 1], [0, 0, 1, 0]])
    E = np.array([[INF, 1.0], [1.0, NAN]])
    np.testing.assert_array_equal(maps.rebased_bound(E, np.zeros((2, 2)), 0, 2), [[1.0, NAN], [INF, NAN]])
    assert np.isinf(maps.symmetric_bound(E, np.zeros((2, 2)), 0)[:, 0]).all()
    assert np.isinf(maps.symmetric_bound(np.array([[INF]]), np.zeros((1, 1)), 0)).all()


def test_columns_left_out():
    gone = np.array([False, True, False])
    np.testing.assert_array_equal(maps.expand(np.array([[1.0, 2.0]]), gone), [[1.0, NAN, 2.0]])
    V = np.arange(16.0).reshape(4, 4)
    whole = maps.expand_covariance(V, 2, gone)
    np.testing.assert_array_equal(whole[np.ix_([0, 2, 3, 5], [0, 2, 3, 5])], V)
    assert np.isnan(whole).sum() == 36 - 16


@pytest.mark.parametrize("unit", [1.0, 1e-3, 1e8])
def test_minimum_norm(unit):
    """Against 50 digits: of all b + N a, which have the same fitted values, the smallest."""
    null = np.array([[-1.0, 0.0, 0.0, 1.0, 0.0], [-1.0, 2.0, -1.0 / unit, 0.0, 1.0]]).T
    space = np.vstack([np.eye(3), [[1.0, 0.0, 0.0], [1.0, -2.0, 1.0 / unit]]])
    with mp.workdps(50):
        N = mp.matrix(null.tolist())
        exact = mp.eye(5) - N * mp.inverse(N.T * N) * N.T
        wanted = np.array(exact.tolist(), dtype=float)
    M = maps.minimum_norm_map(space)
    np.testing.assert_allclose(M, wanted[:, :3], rtol=0.0, atol=1e-15)
    b = np.random.default_rng(3).normal(size=(2, 3))
    found = maps.minimum_norm(b, M)
    np.testing.assert_allclose(found, b @ wanted[:3], rtol=0.0, atol=1e-14)
    # no component left along the null space, and the rest is b
    np.testing.assert_allclose(found @ (null / np.abs(null).max(axis=0)), 0.0, atol=1e-14)
    moved = found - np.column_stack([b, np.zeros((2, 2))])
    np.testing.assert_allclose(moved @ wanted, 0.0, atol=1e-14)
    bound = maps.minimum_norm_bound(np.full((2, 3), 1e-5), b, M)
    for signs in np.random.default_rng(4).choice([-1.0, 1.0], (10, 2, 3)):
        assert (np.abs(maps.minimum_norm(b + 1e-5 * signs, M) - found) <= bound).all()
    # what is not bounded leaves nothing bounded that it enters
    loose = maps.minimum_norm_bound(np.array([[np.inf, 1.0, 1.0]]), b[:1], M)
    np.testing.assert_array_equal(np.isinf(loose[0]), M[:, 0] != 0.0)
    apart = maps.minimum_norm_map(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 2.0]]))
    np.testing.assert_array_equal(
        np.isinf(maps.minimum_norm_bound(np.array([[INF, 1.0]]), np.ones((1, 2)), apart)), [[1, 0, 0]]
    )
    V = np.random.default_rng(5).normal(size=(6, 6))
    V = V @ V.T
    whole = np.kron(np.eye(2), wanted[:3].T)
    covariance = maps.minimum_norm_covariance(V, M)
    np.testing.assert_allclose(covariance, whole @ V @ whole.T, rtol=0.0, atol=1e-13)
    np.testing.assert_array_equal(covariance, covariance.T)
