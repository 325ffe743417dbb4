"""Margins of a formula: interactions, powers, transforms and factors are differentiated through."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

import sigmax as sx

pd = pytest.importorskip("pandas")
pytest.importorskip("formulaic")

FORMULA = "y ~ age + I(age**2) + np.log(age) * dose + C(group) + smokes + dose:smokes"


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(8)
    n = 400
    age, dose = rng.uniform(1.0, 5.0, n), rng.standard_normal(n)
    group, smokes = rng.choice(["a", "b", "c"], n), rng.integers(0, 2, n)
    eta = 0.4 * age - 0.1 * age**2 + 0.5 * dose * np.log(age) - 0.7 * (group == "b") + 0.4 * smokes - 0.2
    y = np.where(rng.random(n) < expit(eta), "ill", "fit")
    return pd.DataFrame({"age": age, "dose": dose, "group": group, "smokes": smokes, "y": y})


def probability(r, frame, **held):
    return np.asarray(r.predict_proba(frame.assign(**held)))[:, 1]


@pytest.mark.parametrize("K", [2, 3])
def test_average_effects_are_those_of_the_variables(frame, K, backend_name):
    frame = frame.copy()
    if K == 3:
        frame.loc[frame.index % 5 == 0, "y"] = "dead"
    r = sx.fit(FORMULA, data=frame, backend=backend_name)
    m = r.margins()
    assert m.names == ("age", "dose", "group[b]", "group[c]", "smokes")
    effects = dict(zip(m.names, m.effects.reshape(5, -1), strict=True))

    def p(**held):
        return np.asarray(r.predict_proba(frame.assign(**held)))[:, -effects["age"].size :]

    for name in ("age", "dose"):
        # Richardson's extrapolation of central differences: error of order h^4, about 1e-12
        x, h = frame[name], 1e-3
        d = [(p(**{name: x + s}) - p(**{name: x - s})).mean(axis=0) / (2.0 * s) for s in (h, 2.0 * h)]
        np.testing.assert_allclose(effects[name], (4.0 * d[0] - d[1]) / 3.0, rtol=1e-8, atol=1e-10)
    for level in "bc":
        change = (p(group=level) - p(group="a")).mean(axis=0)
        np.testing.assert_allclose(effects[f"group[{level}]"], change, rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(effects["smokes"], (p(smokes=1) - p(smokes=0)).mean(axis=0), rtol=1e-11)


def test_errors_are_those_of_the_delta_method(frame):
    r = sx.fit(FORMULA, data=frame)
    m = r.margins()
    V = r.cov_params()
    X = np.column_stack([np.ones(len(frame)), r.terms.design(frame)])
    h = 1e-5
    shifted = {}
    for name in ("age", "dose"):
        shifted[name] = [
            np.column_stack([np.ones(len(frame)), r.terms.design(frame.assign(**{name: frame[name] + s}))])
            for s in (-h, h)
        ]

    def effect(name, b):
        low, high = (expit(Z @ b) for Z in shifted[name])
        return (high - low).mean() / (2.0 * h)

    assert X.shape[1] == len(r.params)
    for j, name in enumerate(m.names[:2]):
        J = np.array(
            [
                (effect(name, r.params + step) - effect(name, r.params - step)) / (2.0 * np.abs(step).max())
                for step in 1e-4 * np.eye(len(r.params)) * np.maximum(r.bse, 1e-2)
            ]
        )
        assert m.se[j] == pytest.approx(np.sqrt(J @ V @ J), rel=1e-5)


def test_kinds_places_and_covariances(frame):
    r = sx.fit(FORMULA, data=frame)
    at_mean = r.margins(["age", "dose"], at="mean")
    assert at_mean.effects.shape == (2,)
    semi = r.margins(["dose"], kind="eydx")
    p = probability(r, frame)
    h = 1e-4
    change = (
        probability(r, frame, dose=frame["dose"] + h) - probability(r, frame, dose=frame["dose"] - h)
    ) / h
    np.testing.assert_allclose(semi.effects, (change / 2.0 / p).mean(), rtol=1e-6)
    robust = r.with_covariance("HC0").margins(["age"])
    assert robust.covariance_kind == "HC0"
    assert robust.effects[0] == r.margins(["age"]).effects[0]
    assert robust.se[0] != r.margins(["age"]).se[0]
    weights = np.arange(len(frame)) % 3
    weighted = sx.fit(FORMULA, data=frame, sample_weight=weights).margins()
    repeated = sx.fit(FORMULA, data=frame.loc[frame.index.repeat(weights)]).margins()
    np.testing.assert_allclose(weighted.effects, repeated.effects, rtol=1e-9)
    np.testing.assert_allclose(weighted.se, repeated.se, rtol=1e-9)


def test_the_response_names_the_summary(frame):
    r = sx.fit(FORMULA, data=frame)
    assert r.summary().startswith("Logistic regression of y, exact maximum likelihood")
    assert "y = ill against fit" in r.summary()
    assert "p of class ill" in str(r.margins())
    assert "group[b], a -> b" in str(r.margins())
