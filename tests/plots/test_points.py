"""Weights of rows are weights of what is drawn."""

import numpy as np

import sigmax as sx
from sigmax.inference.observed import observed
from sigmax.plots.points import shares


def test_counts_are_times_the_weight_of_their_row():
    counts, weight = np.array([[3.0, 1.0], [2.0, 2.0], [1.0, 4.0]]), np.array([1.0, 5.0, 2.0])
    r = sx.fit(np.array([[0.0], [1.0], [2.0]]), counts, sample_weight=weight)
    np.testing.assert_array_equal(observed(r, "a test").total(), counts * weight[:, None])


def test_the_place_of_a_stretch_is_a_weighted_mean():
    x, y = np.linspace(0.0, 1.0, 121), np.arange(121) % 2
    weight = 1.0 + np.arange(121.0) % 3.0
    r = sx.fit(x[:, None], y, sample_weight=weight)
    found = shares(x, observed(r, "a test"), 2)
    assert not found.exact
    first = x < x[-1] / 30.0
    assert first.sum() >= 4
    np.testing.assert_allclose(found.x[0], np.average(x[first], weights=weight[first]), rtol=1e-14)
    np.testing.assert_allclose(found.total[0], weight[first].sum(), rtol=1e-14)
    np.testing.assert_allclose(found.share[0, 1], np.average(y[first], weights=weight[first]), rtol=1e-14)
