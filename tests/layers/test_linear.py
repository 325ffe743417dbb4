"""Linear units: sums within the rounding of their terms, first weights, and the arrays themselves."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from cakes import linear
from comparisons import U
from hypothesis import given
from hypothesis import strategies as st

from sigmax.layers import Linear

#: either side of the number of units from which the general product of matrices is used
UNITS = (1, 3, 7, 8, 9, 33)


def product(A, B):
    """A B' without rounding, and the sum of sizes of the terms."""
    A, B = ([[Fraction(v) for v in row] for row in M.tolist()] for M in (A, B))
    terms = [[[a * b for a, b in zip(x, w, strict=True)] for w in B] for x in A]
    exact = np.array([[float(sum(one)) for one in row] for row in terms])
    return exact, np.array([[float(sum(map(abs, one))) for one in row] for row in terms])


def within(got, exact, size, terms):
    """A sum of some terms in any order; the exact value is rounded once."""
    assert got.shape == exact.shape
    assert (np.abs(got - exact) <= (terms + 2) * U * size).all()


def case(n, p, m, bias, seed):
    rng = np.random.default_rng([41, n, p, m, seed])
    layer = linear(rng.normal(size=(m, p + bias)) * np.exp2(rng.integers(-9, 9, (m, p + bias))), bias=bias)
    return layer, rng.normal(size=(n, p)) * np.exp2(rng.integers(-9, 9, p)), rng


def with_one(z, bias):
    return np.column_stack([np.ones(len(z)), z]) if bias else z


@given(
    n=st.sampled_from([1, 2, 5]),
    p=st.sampled_from([1, 4, 9]),
    m=st.sampled_from(UNITS),
    bias=st.booleans(),
    seed=st.integers(0, 99),
)
def test_the_rules_are_exact_but_for_the_order_of_sums(backend, n, p, m, bias, seed):
    layer, z, rng = case(n, p, m, bias, seed)
    layer = layer.share(backend.BACKEND)
    Z, W = with_one(z, bias), layer.coef
    within(layer.forward(z), *product(Z, W), p + bias)
    delta, ddelta, dz = rng.normal(size=(n, m)), rng.normal(size=(n, m)), rng.normal(size=(n, p))
    within(layer.backward(delta), *product(delta, layer.weight.T), m)
    found = layer.gradients(delta)
    wanted, size = product(delta.T, Z.T)
    within(found["weight"], wanted[:, bias:], size[:, bias:], n)
    assert set(found) == ({"weight", "bias"} if bias else {"weight"})
    if bias:
        within(found["bias"], wanted[:, 0], size[:, 0], n)

    dcoef = rng.normal(size=W.shape)
    along = {"weight": dcoef[:, bias:], **({"bias": dcoef[:, 0]} if bias else {})}
    change = layer.forward_tangent(dz, along)
    within(change, *product(np.hstack([dz, Z]), np.hstack([layer.weight, dcoef])), 2 * p + bias)
    back = layer.backward_tangent(delta, ddelta)
    both = np.vstack([layer.weight, dcoef[:, bias:]])
    within(back, *product(np.hstack([ddelta, delta]), both.T), 2 * m)
    moved = layer.gradients_tangent(delta, ddelta)
    wanted, size = product(np.vstack([ddelta, delta]).T, np.vstack([z, dz]).T)
    within(moved["weight"], wanted, size, 2 * n)
    if bias:
        wanted, size = product(ddelta.T, np.ones((1, n)))
        within(moved["bias"], wanted[:, 0], size[:, 0], n)


def as_field(z):
    """In the memory of records: not aligned, strides of no whole number of doubles."""
    records = np.zeros(z.shape[0], dtype=[("flag", "i1"), ("z", float, z.shape[1:])])
    records["z"] = z
    return records["z"]


@pytest.mark.parametrize("m", [3, 20])
def test_inputs_of_any_layout_are_read_and_left_alone(backend, m):
    layer, z, rng = case(12, 4, m, True, 0)
    layer = layer.share(backend.BACKEND)
    delta = rng.normal(size=(12, m))
    wanted, gradient = layer.forward(z), layer.gradients(delta)
    wide = np.zeros((24, 8))
    wide[::2, ::2] = z
    # NumPy's product may choose its order by the layout: (k + 1) u on either side
    exactly = backend.BACKEND == "compiled"
    size = np.abs(with_one(z, True)) @ np.abs(layer.coef).T
    sums = np.abs(delta).T @ np.abs(z)
    for given_ in (np.asfortranarray(z), wide[::2, ::2], z[::-1].copy()[::-1], as_field(z), z.tolist()):
        off = np.abs(layer.forward(given_) - wanted)
        assert (off <= (0 if exactly else 12 * U * size)).all()
        found = layer.gradients(np.asfortranarray(delta))
        off = np.abs(found["weight"] - gradient["weight"])
        assert (off <= (0 if exactly else 26 * U * sums)).all()
    z.flags.writeable = delta.flags.writeable = False
    np.testing.assert_array_equal(layer.forward(z), wanted)
    np.testing.assert_array_equal(layer.gradients(delta)["bias"], gradient["bias"])


def test_one_record_is_read(backend):
    # aligned, and the stride of its only row is 25 bytes
    record = np.array([([1.0, 2.0, 3.0], 1)], dtype=[("z", float, 3), ("flag", "i1")])
    for m in (1, 20):
        layer = Linear(3, m, bias=False, initial="zeros").share(backend.BACKEND)
        layer.weight[...] = 1.0
        assert layer.forward(record["z"]).tolist() == [[6.0] * m]
        assert layer.gradients(np.ones((1, m)))["weight"].tolist() == [[1.0, 2.0, 3.0]] * m


def test_whole_numbers_and_single_precision_are_numbers():
    layer = Linear(2, 1, initial="zeros")
    layer.weight[...] = [[2.0, -1.0]]
    for dtype in (np.int8, np.uint64, np.float32, bool):
        assert layer.forward(np.array([[1, 0], [1, 1]], dtype)).tolist() == [[2.0], [1.0]]


# -- parameters are the arrays themselves ----------------------------------------------------------------


@pytest.mark.parametrize("m", [2, 20])
def test_writing_into_parameters_changes_the_layer(backend, m):
    layer = Linear(3, m, initial="zeros").share(backend.BACKEND)
    layer.parameters["weight"][1, 2] = 5.0
    layer.parameters["bias"][0] = -1.0
    assert layer.weight[1, 2] == layer.coef[1, 3] == 5.0
    assert layer.bias[0] == layer.coef[0, 0] == -1.0
    assert layer.forward([[0.0, 0.0, 2.0]])[0, :2].tolist() == [-1.0, 10.0]
    assert layer.backward(np.ones((1, m))).tolist() == [[0.0, 0.0, 5.0]]


def test_without_a_bias():
    layer = Linear(2, 3, bias=False, seed=0)
    assert set(layer.parameters) == {"weight"}
    assert layer.bias is None
    assert layer.coef.shape == (3, 2)
    assert not layer.forward(np.zeros((4, 2))).any()
    assert repr(layer) == "Linear(2, 3, bias=False)"
    assert repr(Linear(2, 3)) == "Linear(2, 3)"


def test_gradients_are_arrays_of_their_own():
    layer = Linear(2, 3, seed=0)
    layer.forward(np.ones((4, 2)))
    first = layer.gradients(np.ones((4, 3)))
    kept = {name: one.copy() for name, one in first.items()}
    layer.gradients(np.zeros((4, 3)))
    for name, one in first.items():
        np.testing.assert_array_equal(one, kept[name])
        assert not np.shares_memory(one, layer.coef)


# -- first weights ----------------------------------------------------------------------------------------


def test_glorot_is_uniform_within_its_limit():
    n_in, n_out = 300, 200
    w = Linear(n_in, n_out, seed=1).weight
    limit = np.sqrt(6.0 / (n_in + n_out))
    assert np.abs(w).max() <= limit
    # 60,000 draws: the largest falls short by 1 / 60,000 of the limit on average
    assert w.max() > 0.999 * limit
    assert w.min() < -0.999 * limit
    # five standard deviations of a mean and of a mean square of uniform numbers
    N = w.size
    assert abs(w.mean()) < 5 * limit / np.sqrt(3 * N)
    assert abs((w**2).mean() / (limit**2 / 3) - 1) < 5 * np.sqrt(0.8 / N)
    assert abs((w**2).mean() - 2.0 / (n_in + n_out)) < 5 * np.sqrt(0.8 / N) * 2.0 / (n_in + n_out)


def test_he_is_normal_with_variance_2_over_inputs():
    n_in, n_out = 300, 200
    w = Linear(n_in, n_out, initial="he", seed=2).weight * np.sqrt(n_in / 2)
    N = w.size
    assert abs(w.mean()) < 5 / np.sqrt(N)
    assert abs((w**2).mean() - 1) < 5 * np.sqrt(2 / N)
    assert abs((w**4).mean() - 3) < 5 * np.sqrt(96 / N)
    assert np.abs(w).max() > 3.5


def test_zeros():
    layer = Linear(3, 2, initial="zeros", seed=3)
    assert not layer.coef.any()


@pytest.mark.parametrize("initial", ["glorot", "he"])
def test_a_seed_decides_the_weights(initial):
    one, same = (Linear(4, 3, initial=initial, seed=7) for _ in range(2))
    other, unseeded = Linear(4, 3, initial=initial, seed=8), Linear(4, 3, initial=initial)
    np.testing.assert_array_equal(one.coef, same.coef)
    assert (one.weight != other.weight).all()
    assert (unseeded.weight != Linear(4, 3, initial=initial).weight).all()
    assert one.weight.all()
    assert not one.bias.any()
    from_generator = Linear(4, 3, initial=initial, seed=np.random.default_rng(7))
    np.testing.assert_array_equal(one.coef, from_generator.coef)
    sequence = [Linear(4, 3, initial=initial, seed=np.random.SeedSequence(7)).coef for _ in range(2)]
    np.testing.assert_array_equal(*sequence)


def test_initialise_draws_anew_in_the_same_arrays():
    layer = Linear(4, 3, seed=7)
    weight, first = layer.parameters["weight"], layer.weight.copy()
    layer.bias[...] = 9.0
    layer.initialise(8)
    assert np.shares_memory(weight, layer.weight)
    assert (weight != first).all()
    assert not layer.bias.any()
    layer.initialise(7)
    np.testing.assert_array_equal(weight, first)


@pytest.mark.parametrize("bad", [0, -1, True])
@pytest.mark.parametrize("name", ["n_in", "n_out"])
def test_sizes_must_be_whole_and_positive(name, bad):
    sizes = {"n_in": 2, "n_out": 2, name: bad}
    with pytest.raises(ValueError, match=rf"Linear: {name} must be a whole number of at least 1; got {bad}"):
        Linear(**sizes)


def test_sizes_are_no_floats_and_initial_is_known():
    with pytest.raises(TypeError):
        Linear(2.0, 1)
    with pytest.raises(
        ValueError, match=r"Linear: initial must be one of 'glorot', 'he', 'zeros'; got 'xavier'"
    ):
        Linear(2, 1, initial="xavier")
