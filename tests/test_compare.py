"""sigmax.compare: it sees a difference when there is one."""

import dataclasses

import numpy as np
import pytest

import sigmax as sx
from sigmax import kernels
from sigmax.comparison import Comparison


@pytest.mark.needs_compiled
@pytest.mark.parametrize("name", sx.datasets.names())
def test_backends_agree_on_bundled_sets(name):
    data = sx.datasets.load(name)
    c = sx.compare(data.X, data.y, title=name)
    assert c.agrees
    assert [d.quantity for d in c.differences] == [
        "NLL",
        "gradient",
        "Hessian",
        "parameters",
        "standard errors",
        "log-likelihood",
    ]
    for d in c.differences:
        assert 0.0 <= d.measure <= d.bound < 1e-5
        assert d.ulps >= 0.0
        assert d.seconds_compiled > 0.0
        assert d.speed_up == d.seconds_reference / d.seconds_compiled
    text = str(c)
    assert text.startswith(
        f"{name}, {data.n_rows:,} x {len(data.features)}, {len(np.unique(data.y))} classes"
    )
    assert "the backends agree" in text


@pytest.mark.needs_compiled
def test_weights_and_offset():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 2)), rng.integers(0, 3, 200)
    c = sx.compare(X, y, sample_weight=rng.random(200), offset=rng.normal(size=(200, 3)), fit_intercept=False)
    assert c.agrees


@pytest.mark.needs_compiled
@pytest.mark.parametrize(
    ("operation", "quantity"), [("transpose_product", "gradient"), ("weighted_gram", "Hessian")]
)
def test_a_wrong_kernel_is_seen(monkeypatch, operation, quantity):
    """One part in 1e8 too much in one reference operation: far below what a table of digits shows."""
    right = getattr(kernels.reference, operation)

    def wrong(*arguments, **options):
        right(*arguments, **options)
        arguments[2][...] *= 1.0 + 1e-8

    monkeypatch.setattr(kernels.reference, operation, wrong)
    data = sx.datasets.load("spector")
    c = sx.compare(data.X, data.y)
    assert not c.agrees
    assert [d.agrees for d in c.differences if d.quantity == quantity] == [False]
    assert "THE BACKENDS DISAGREE" in str(c)
    assert "DISAGREES" in str(c)


@pytest.mark.needs_compiled
def test_nan_is_a_disagreement():
    data = sx.datasets.load("spector")
    one = sx.compare(data.X, data.y).differences[0]
    assert not dataclasses.replace(one, measure=float("nan")).agrees


def test_without_the_compiled_backend(monkeypatch):
    monkeypatch.setattr(kernels, "why_not_compiled", lambda: "Python.h was not found")
    data = sx.datasets.load("spector")
    c = sx.compare(data.X, data.y, title="spector")
    assert isinstance(c, Comparison)
    assert c.agrees
    assert str(c) == (
        "spector, 32 x 3, 2 classes: only the Python twin runs here, nothing to compare "
        "(Python.h was not found)"
    )


@pytest.mark.needs_compiled
@pytest.mark.parametrize("complete", [False, True])
def test_separated_classes_have_the_same_limits(complete):
    X = np.column_stack([np.arange(8.0), np.arange(8.0) % 4 == 1])
    y = (X[:, 0] > 3.0) if complete else np.array([0, 1, 0, 1, 0, 1, 0, 1])
    c = sx.compare(X, y)
    assert c.agrees
    assert f"{'completely' if complete else 'quasi-completely'} separated" in c.title
    assert all(d.measure <= d.bound for d in c.differences)
