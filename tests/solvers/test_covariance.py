"""Standard errors on demand: exact at the estimate, from the data of the fit."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from oracles import newton as oracle
from solvers.test_few_reads import drawn

import sigmax as sx


def test_read_late_they_are_those_of_the_estimate(compiled, only_few):
    X, y = drawn(3_000, 3, 2)
    r = sx.fit(X, y)
    exact = oracle.optimum(X, y, 2)
    assert callable(r._covariance)
    assert oracle.relative_error([r.bse], exact.bse).max() <= 1e-10
    assert isinstance(r._covariance, np.ndarray)
    assert r.bse.tobytes() == r.bse.tobytes()


def test_data_changed_in_between_are_noticed(compiled, only_few):
    X, y = drawn(3_000, 3, 2)
    r = sx.fit(X, y)
    X[5] *= 3.0
    with pytest.raises(ValueError, match="changed in place since the fit"):
        _ = r.bse


def test_a_pickle_holds_an_array_and_no_data(compiled, only_few):
    X, y = drawn(20_000, 3, 2)
    r = sx.fit(X, y)
    travelled = pickle.dumps(r)
    assert len(travelled) < 10_000
    np.testing.assert_array_equal(pickle.loads(travelled).bse, r.bse)
