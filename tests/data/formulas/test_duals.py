"""Arrays that carry their derivative: every rule against differences, kinks, and what has no rule."""

import numpy as np
import pandas as pd
import pytest

from sigmax.data.formulas import differences
from sigmax.data.formulas.duals import _KINKS, _PLAIN, _RULES, Dual, NoRuleError

A = np.array([0.11, 0.32, 0.5, 0.73, 0.94])
B = np.array([0.61, 0.83, 0.29, 0.47, 0.15])


@pytest.mark.parametrize("function", _RULES, ids=lambda f: f.__name__)
def test_every_rule_against_differences(function):
    arguments = [A, B][: function.nin]
    for k in range(function.nin):
        given = [Dual(a, 3.0 * a) if i == k else a for i, a in enumerate(arguments)]
        found = function(*given)

        def f(moved, k=k):
            with np.errstate(all="ignore"):
                return function(*[moved if i == k else a for i, a in enumerate(arguments)])[:, None]

        expected, errors, _ = differences.derivative(f, arguments[k], 1.0)
        assert errors.max() <= 1e-8
        np.testing.assert_array_equal(found.value, function(*arguments))
        np.testing.assert_allclose(found.tangent, 3.0 * arguments[k] * expected[:, 0], rtol=1e-8, atol=1e-12)
    if function.nin == 2:  # both at once: the sum
        both = function(Dual(A, B), Dual(B, A)).tangent
        one = function(Dual(A, B), B).tangent + function(A, Dual(B, A)).tangent
        np.testing.assert_allclose(both, one, rtol=1e-14)


def test_every_kink_has_its_right_hand_derivative():
    zero, up, down = np.zeros(2), Dual([0.0, 0.0], [2.0, -3.0]), np.zeros(2)
    assert set(_KINKS) == {f for f, rules in _RULES.items() if rules == ()}
    for function in (np.absolute, np.fabs):
        np.testing.assert_array_equal(function(up).tangent, [2.0, 3.0])
    for function in (np.maximum, np.fmax):
        np.testing.assert_array_equal(function(up, zero).tangent, [2.0, 0.0])
        np.testing.assert_array_equal(function(down, up).tangent, [2.0, 0.0])
    for function in (np.minimum, np.fmin):
        np.testing.assert_array_equal(function(up, zero).tangent, [0.0, -3.0])


def test_comparisons_are_plain():
    x = Dual(A, 1.0)
    for function in _PLAIN:
        arguments = [x, 0.5][: function.nin]
        found = function(*arguments)
        assert found.dtype == bool
        np.testing.assert_array_equal(found, function(*[A, 0.5][: function.nin]))


def test_pandas_leaves_operations_to_duals():
    x, s = Dual(A, 1.0), pd.Series(B, index=[3, 1, 4, 0, 5])
    for found, value, tangent in [
        (s * x, A * B, B),
        (x * s, A * B, B),
        (s - x, B - A, -np.ones(5)),
        (s / x, B / A, -B / A**2),
        (np.multiply(s, x), A * B, B),
        (s**x, B**A, np.log(B) * B**A),
        (x**0, np.ones(5), np.zeros(5)),
        (2 - -x, 2 + A, np.ones(5)),
    ]:
        assert isinstance(found, Dual)
        np.testing.assert_allclose(found.value, value, rtol=1e-15)
        np.testing.assert_allclose(found.tangent, tangent, rtol=1e-14)
    np.testing.assert_array_equal(s > x, B > A)


@pytest.mark.parametrize(
    "call",
    [
        np.asarray,
        np.floor,
        np.sinc,
        np.cumsum,
        np.add.reduce,
        lambda x: np.sum(x),
        lambda x: np.exp(x, out=np.empty(5)),
        lambda x: np.where(x, 1.0, 2.0),
    ],
)
def test_what_has_no_rule_says_so(call):
    with np.errstate(all="ignore"), pytest.raises(TypeError) as caught:
        call(Dual(A, 1.0))
    assert isinstance(caught.value, NoRuleError)


def test_an_infinite_slope_of_what_does_not_move_is_unknown():
    with np.errstate(all="ignore"):
        assert np.isnan(np.sqrt(Dual([0.0], [0.0])).tangent[0])
        assert np.sqrt(Dual([0.0], [1.0])).tangent[0] == np.inf
