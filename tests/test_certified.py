"""sigmax against the certified sets: the digits it must have, and those it must not claim.

The sets themselves are tested in test_certified_answers.py.
"""

from __future__ import annotations

import math
import warnings
from functools import cache
from typing import Any

import numpy as np
import pytest
from certified import Certified, load, names
from mpmath import mp
from oracles.newton import relative_error

import sigmax as sx

#: the condition number up to which the digits below are promised
PROMISED_CONDITION = 1e7
PARAMS_DIGITS, BSE_DIGITS = 12.0, 10.0

promised = [name for name in names() if load(name).condition <= PROMISED_CONDITION]
beyond = [name for name in names() if load(name).condition > PROMISED_CONDITION]


@cache
def fitted(name: str, backend: str) -> tuple[Any, tuple[str, ...]]:
    """The result of a fit from plain arrays, and the warnings it gave."""
    data = load(name)
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        r = sx.fit(data.X, data.y, backend=backend)
    assert r.backend == backend
    return r, tuple(str(one.message) for one in given)


def lre(found: Any, exact: Any) -> float:
    """Log relative error of the worst number: -log10 of it, infinite where all are exact."""
    worst = float(relative_error(np.atleast_2d(found), exact).max())
    return math.inf if worst == 0.0 else -math.log10(worst)


def test_both_kinds_of_sets_are_there() -> None:
    assert len(promised) >= 15
    assert len(beyond) >= 4
    for kind in (promised, beyond):
        assert {load(name).n_classes == 2 for name in kind} == {True, False}


@pytest.mark.parametrize("name", promised)
def test_estimates_have_their_digits(name: str, backend_name: str) -> None:
    r, given = fitted(name, backend_name)
    assert not given
    assert r.certificate.converged
    assert lre(r.params, load(name).params) >= PARAMS_DIGITS


@pytest.mark.parametrize("name", promised)
def test_standard_errors_have_their_digits(name: str, backend_name: str) -> None:
    r, _ = fitted(name, backend_name)
    assert lre(r.bse, load(name).bse) >= BSE_DIGITS


@pytest.mark.parametrize("name", names())
def test_log_likelihood(name: str, backend_name: str) -> None:
    r, _ = fitted(name, backend_name)
    assert relative_error([r.llf], [load(name).llf]).max() <= 1e-14


@pytest.mark.parametrize("name", names())
def test_no_digit_is_claimed_that_is_not_there(name: str, backend_name: str) -> None:
    r, _ = fitted(name, backend_name)
    assert r.certificate.digits <= lre(r.params, load(name).params)


@pytest.mark.parametrize("name", names())
def test_true_error_is_within_the_bound(name: str, backend_name: str) -> None:
    r, _ = fitted(name, backend_name)
    data = load(name)
    assert r.certificate.error_bound.shape == r.params.shape
    errors = true_errors(r.params, data)
    bounds = r.certificate.error_bound.ravel()
    # a bound of nothing is a promise, too; nan is none
    assert not np.isnan(bounds).any()
    with mp.workdps(70):
        late = [j for j, (e, b) in enumerate(zip(errors, bounds.tolist(), strict=True)) if e > b]
    assert late == []


def true_errors(params: Any, data: Certified) -> list[Any]:
    exact = [v for row in data.params for v in row]
    with mp.workdps(70):
        return [abs(mp.mpf(b) - e) for b, e in zip(np.ravel(params).tolist(), exact, strict=True)]


@pytest.mark.parametrize("name", beyond)
def test_what_is_not_certified_is_said(name: str, backend_name: str) -> None:
    r, given = fitted(name, backend_name)
    assert r.certificate.converged != bool(given)
    if r.certificate.converged:
        assert np.isfinite(r.certificate.error_bound).all()
