"""Accuracy of the change of the NLL along a line and of its two derivatives, row by row, against 2,000 bits.

The change keeps its relative accuracy however short the step is; that of a softmax, as far as its terms do
not cancel: `ExactLine.change_bound`.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest
from oracles import line_points, measure
from oracles.limits import complaints, limit
from strategies import run_line

from sigmax import kernels

LINE_ROWS = {2: 80, 3: 100, 10: 30, 100: 2}

line_cases = pytest.mark.parametrize(
    ("kind", "K"), [(kind, K) for kind in line_points.KINDS for K in LINE_ROWS], ids=str
)


@functools.cache
def binary(points):
    return measure.LineRows(points(31, 2000), softmax=False)


@functools.cache
def softmax(kind, K):
    return measure.LineRows(line_points.softmax_lines(kind, K, 35, LINE_ROWS[K]), softmax=True)


@functools.cache
def outputs(backend_name, chunk):
    return chunk.outputs(kernels.get(backend_name))


def assert_within(exact, got, bound, chunk, what):
    errors = exact.ulps(got)
    worst = int(np.argmax(errors - bound))
    allowed = np.broadcast_to(bound, errors.shape)[worst]
    assert errors[worst] <= allowed, f"{what} of {chunk.lines.describe(worst)}"


# -- the binary model ------------------------------------------------------------------------------


def test_binary_change_where_the_step_is_exact(backend):
    found, broken = complaints(backend, binary(line_points.margins))
    assert found == {"binary_line change"}
    assert broken == []


def test_binary_change_for_any_slope(backend_name):
    # dm = step * slope (1 + u): the change moves by lambda(far end) |dm| u
    chunk = binary(line_points.any_slope)
    E, L = chunk.exact, chunk.lines
    rounding = E.far_end * np.abs(L.step * L.slope[:, 0]) * 2.0**-53 / E.change.ulp
    bound = limit(backend_name, "binary_line change")
    got = outputs(backend_name, chunk)["change"]
    assert_within(E.change, got, bound + rounding, chunk, "change")


#: measured on 15,000 rows: 1.29 and 2.06, 2.45 and 4.06; residual or curvature, times slope or slope^2
DERIVATIVES = {"compiled": (1.5, 2.5), "reference": (3.0, 5.0)}


@pytest.mark.parametrize("order", [1, 2])
def test_binary_derivatives(backend_name, order):
    chunk = binary(line_points.margins_on_a_grid)
    name = ("first", "second")[order - 1]
    got = outputs(backend_name, chunk)[name]
    assert_within(getattr(chunk.exact, name), got, DERIVATIVES[backend_name][order - 1], chunk, name)


@pytest.mark.parametrize("y", [0, 1])
@pytest.mark.parametrize("eta", [-800.0, -1e-3, 0.0, 2.0, 800.0])
def test_no_step_is_no_change(backend, eta, y):
    codes = np.array([y], np.int32)
    change, _, _ = run_line(backend, np.array([[eta]]), np.array([[3.0]]), codes, 0.0)
    assert change == (0.0, 0.0)


# -- the multinomial model -------------------------------------------------------------------------


@line_cases
def test_softmax_change(backend, kind, K):
    found, broken = complaints(backend, softmax(kind, K))
    assert found == {"softmax_line change", "softmax_line change, of its bound"}
    assert broken == []


@line_cases
def test_softmax_first_derivative(backend_name, kind, K):
    # K terms of both signs are added: u of the sum of their sizes for each
    chunk = softmax(kind, K)
    E = chunk.exact
    subnormal = E.first.ulp == 2.0**-1074  # there every term is rounded to it
    bound = 0.5 + 0.5 * K * subnormal + K * 2.0**-53 * E.moved / E.first.ulp
    assert_within(E.first, outputs(backend_name, chunk)["first"], bound, chunk, "first")


@line_cases
def test_softmax_second_derivative(backend_name, kind, K):
    # relative, whatever the saturation: a variance whose largest probability is 1 / K at least, so that
    # rounding grows by K at most; measured 2.1, 3.2, 5.1 for K = 2, 3, 10
    chunk = softmax(kind, K)
    got = outputs(backend_name, chunk)["second"]
    assert_within(chunk.exact.second, got, 3.0 + K / 2, chunk, "second")
