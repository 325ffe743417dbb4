"""What the three kinds of weights mean, in every public number of a result."""

from __future__ import annotations

import dataclasses
import inspect
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import sigmax as sx
from sigmax.inference.result import Result

#: two fits of the same likelihood, summed in another order
CLOSE = 1e-9

# -- frequency weights equal repeated rows -------------------------------------------------------------

#: what is not compared, and why
EXEMPT = {
    "certificate": "how far the search went, which depends on the rows it read; not what it found",
    "dependence": "says which columns are left out; those of the two fits are compared by `aliased`",
    "n_threads": "of the machine",
    "outcomes": "the rows that count, with their weights; every measure that is made of them is compared",
    "save": "writes the numbers that are compared to a file",
    "to_onnx": "the parameters, which are compared, in a file of another runtime",
    "to_sql": "the parameters, which are compared, in SQL, digit by digit",
    "to_list": "the result's own numbers as objects of another package; compared by `to_frame`",
    "summary": "a text of the numbers that are compared, with the certificate among them",
}


def shift(method: Any, data: dict[str, Any]) -> dict[str, Any]:
    """An offset for the new rows, where the fit of the method's result had one."""
    result, n = method.__self__, len(data["new"])
    logits = len(result.row_labels)
    offset = np.linspace(-1.0, 1.0, n * logits).reshape(n, logits)
    return {"offset": offset[:, 0] if logits == 1 else offset} if result.has_offset else {}


#: name -> calls; what is not here is called without arguments
CALLS: dict[str, list[Any]] = {
    "conf_int": [lambda f, d: f(), lambda f, d: f(0.8), lambda f, d: f(0.9, "profile")],
    "wald_test": [lambda f, d: f("x1")],
    "lincom": [lambda f, d: f("2*x1 - 1", 0.9)],
    "lr_test": [lambda f, d: f("x1 = 0.1")],
    "score_test": [lambda f, d: f("x1 = 0.1")],
    "residuals": [lambda f, d, kind=kind: f(kind) for kind in ("response", "pearson", "deviance", "working")],
    "margins": [lambda f, d: f(), lambda f, d: f(at="mean", kind="eydx")],
    "vif": [lambda f, d: f(), lambda f, d: f("estimates")],
    "pseudo_rsquared": [lambda f, d, kind=kind: f(kind) for kind in ("mcfadden", "cox_snell", "nagelkerke")],
    "profile": [
        lambda f, d: f("x1" if len(d["classes"]) == 2 else "x1[1]").deviance([-0.3, 0.1]),
        lambda f, d: f("x1" if len(d["classes"]) == 2 else "x1[1]").interval(0.8),
    ],
    "cov_params": [
        lambda f, d: f(),
        lambda f, d: f("mle"),
        lambda f, d: f("HC0"),
        lambda f, d: f("HC1"),
        lambda f, d: f("cluster", d["groups"]),
        lambda f, d: f(groups=d["groups"]),
    ],
    "with_covariance": [lambda f, d: f("HC1"), lambda f, d: f("cluster", d["groups"])],
    "rebase": [lambda f, d: f(d["classes"][-1])],
    "decision_function": [lambda f, d: f(d["new"], **shift(f, d))],
    "predict_proba": [lambda f, d: f(d["new"], **shift(f, d)), lambda f, d: f(d["new"], 0.9, **shift(f, d))],
    "predict": [lambda f, d: f(d["new"], **shift(f, d))],
    "sample": [
        lambda f, d: f(d["new"], 7, **shift(f, d)),
        lambda f, d: f(d["new"], 7, size=3, **shift(f, d)),
    ],
}

#: results of methods that are results again, compared by their own properties
NESTED = {"with_covariance", "rebase", "symmetric", "of_weights"}

#: what fits without bias reduction refuse
OF_FIRTH = {"penalised_lr_test"}

#: what only maximum-likelihood estimates have
OF_LIKELIHOOD = {"lr_test", "score_test"}

#: of numbers that are 0 in exact arithmetic: what they are small against
SIZE = {"calibration": 1.0}


def public_names() -> list[str]:
    fields = {f.name for f in dataclasses.fields(Result)}
    return sorted(name for name in fields | set(dir(Result)) if not name.startswith("_"))


def is_method(name: str) -> bool:
    return callable(inspect.getattr_static(Result, name, None))


def numbers(r: Any, data: dict[str, Any], *, methods: bool = True) -> dict[str, Any]:
    """Everything public that a result says."""
    found: dict[str, Any] = {}
    for name in public_names():
        if name in EXEMPT or (is_method(name) and not methods):
            continue
        if not is_method(name):
            found[name] = getattr(r, name)
            continue
        if name in OF_FIRTH and r.bias_reduction is None:
            with pytest.raises(ValueError, match="firth"):
                getattr(r, name)()
            continue
        if name in OF_LIKELIHOOD and (r.bias_reduction is not None or r.l2 > 0.0):
            with pytest.raises(ValueError, match="maximum-likelihood"):
                CALLS[name][0](getattr(r, name), data)
            continue
        for i, call in enumerate(CALLS.get(name, [lambda f, d: f()])):
            value = call(getattr(r, name), data)
            if name in NESTED:
                value = numbers(value, data, methods=False)
            found[f"{name} {i}"] = value
    return found


def compare(name: str, weighted: Any, repeated: Any, again: np.ndarray) -> None:
    """The numbers of a weighted fit, and those of one with row ``again[i]`` in place i."""
    if dataclasses.is_dataclass(weighted):
        # the root of a statistic that is rounding: p = 1 - O(sqrt(statistic)) says no more than that
        rounding = np.all(getattr(weighted, "statistic", 1.0) < CLOSE)
        for f in dataclasses.fields(weighted):
            if rounding and f.name in ("pvalue", "log_pvalue"):
                away = np.abs(getattr(weighted, f.name) - getattr(repeated, f.name))
                assert np.all(away < np.sqrt(CLOSE)), name
                continue
            compare(f"{name}.{f.name}", getattr(weighted, f.name), getattr(repeated, f.name), again)
    elif isinstance(weighted, dict):
        assert list(weighted) == list(repeated), name
        for key, value in weighted.items():
            compare(f"{name}.{key}", value, repeated[key], again)
    elif isinstance(weighted, tuple):
        assert len(weighted) == len(repeated), name
        for i, (a, b) in enumerate(zip(weighted, repeated, strict=True)):
            compare(f"{name}[{i}]", a, b, again)
    elif weighted is None or isinstance(weighted, str):
        assert weighted == repeated, name
    else:
        a, b = np.asarray(weighted), np.asarray(repeated)
        if a.shape != b.shape and b.ndim and len(b) == len(again):
            a = a[again]  # of rows
        assert a.shape == b.shape, (name, a.shape, b.shape)
        if a.dtype.kind in "fc":
            size = np.nanmax(np.abs(b), initial=SIZE.get(name.split()[0], 0.0), where=np.isfinite(b))
            np.testing.assert_allclose(a, b, rtol=CLOSE, atol=CLOSE * size, err_msg=name)
        else:
            np.testing.assert_array_equal(a, b, err_msg=name)


def simulated(seed: int, K: int, p: int, *, counts: bool, n: int = 70) -> dict[str, Any]:
    rng = np.random.default_rng([seed, K, p, counts])
    X = rng.normal(size=(n, p)) + rng.normal(size=p)
    eta = np.column_stack([np.zeros(n), X @ rng.normal(size=(p, K - 1)) / (2.0 * np.sqrt(p))])
    y: Any = np.argmax(eta + rng.gumbel(size=eta.shape), axis=1)
    if counts:
        y = rng.integers(0, 4, (n, K)) * 0.5
        y[::9] = 0.0
    return {
        "X": X,
        "y": y,
        "weight": rng.integers(0, 4, n).astype(float),
        "groups": rng.integers(0, 12, n),
        "offset": rng.normal(size=(n, K)),
        "new": X[:5] + 0.25,
        "classes": list(range(K)),
    }


def test_what_is_exempt_exists_and_is_argued() -> None:
    assert set(EXEMPT) <= set(public_names())
    assert all(len(reason.split()) >= 3 for reason in EXEMPT.values())
    for name in [*CALLS, *NESTED, *OF_FIRTH, *OF_LIKELIHOOD, *SIZE]:
        assert is_method(name), name


def test_methods_that_need_arguments_have_them() -> None:
    for name in public_names():
        if not is_method(name) or name in CALLS or name in EXEMPT:
            continue
        parameters = list(inspect.signature(getattr(Result, name)).parameters.values())[1:]
        needed = [p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
        assert not needed, f"{name} needs {needed}: add calls to CALLS, or a reason to EXEMPT"


@pytest.mark.parametrize("counts", [False, True])
@pytest.mark.parametrize("K", [2, 3, 4])
@settings(max_examples=6)
@given(data=st.data())
def test_integer_frequency_weights_equal_repeated_rows(K: int, counts: bool, backend_name: str, data) -> None:
    d = simulated(data.draw(st.integers(0, 99)), K, data.draw(st.sampled_from([1, 2, 4])), counts=counts)
    options: dict[str, Any] = {"backend": backend_name, "fit_intercept": data.draw(st.booleans())}
    if K == 2 and not counts and data.draw(st.booleans()):
        options["bias_reduction"] = "firth"
    elif data.draw(st.booleans()):
        options["l2"] = 0.5
    again = np.repeat(np.arange(len(d["X"])), d["weight"].astype(int))
    shift = data.draw(st.booleans())
    o = (d["offset"], d["offset"][again]) if shift else (None, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sx.SeparationWarning)
        r = sx.fit(d["X"], d["y"], sample_weight=d["weight"], offset=o[0], **options)
        s = sx.fit(d["X"][again], d["y"][again], offset=o[1], **options)
    assume(r.separation is None)
    found = numbers(r, d)
    wanted = numbers(s, d | {"groups": d["groups"][again]})
    assert list(found) == list(wanted)
    assert len(found) >= 30
    for name, value in found.items():
        compare(name, value, wanted[name], again)


# -- importance and probability weights ----------------------------------------------------------------


@pytest.fixture(params=[(2, False), (3, False), (4, True)], ids=["binary", "three classes", "counts"])
def problem(request) -> dict[str, Any]:
    K, counts = request.param
    return simulated(3, K, 5, counts=counts)


def observations(d: dict[str, Any]) -> float:
    """Of rows of positive weight."""
    counted = d["weight"] > 0.0
    return float(d["y"][counted].sum()) if d["y"].ndim == 2 else float(counted.sum())


def fit(d: dict[str, Any], kind: str, backend: str, c: float = 1.0, **options: Any) -> Any:
    return sx.fit(d["X"], d["y"], sample_weight=c * d["weight"], weight_type=kind, backend=backend, **options)


@pytest.mark.parametrize("kind", ["importance", "probability"])
def test_observations_are_counted_and_likelihoods_weighted(problem, kind, backend_name) -> None:
    r, s = (fit(problem, k, backend_name) for k in (kind, "frequency"))
    assert r.weight_type == kind
    assert r.nobs == observations(problem)
    assert s.nobs == float((problem["weight"][:, None] * np.atleast_2d(problem["y"].T).T).sum()) or (
        problem["y"].ndim == 1 and s.nobs == problem["weight"].sum()
    )
    assert r.df_resid == r.nobs - r.n_estimated
    assert r.df_model == s.df_model == r.n_estimated - (len(r.classes) - 1)
    np.testing.assert_array_equal(r.params, s.params)
    for name in ("llf", "llnull", "deviance", "null_deviance", "prsquared", "aic"):
        assert getattr(r, name) == getattr(s, name)
    assert r.bic == r.n_estimated * np.log(r.nobs) - 2.0 * r.llf
    np.testing.assert_array_equal(r.cov_params("mle"), s.cov_params("mle"))
    groups = problem["groups"]
    np.testing.assert_array_equal(r.cov_params("cluster", groups), s.cov_params("cluster", groups))


def test_probability_weights_have_the_sandwich(problem, backend_name) -> None:
    r, s = (fit(problem, k, backend_name) for k in ("probability", "importance"))
    assert (r.covariance_kind, s.covariance_kind) == ("HC0", "mle")
    for kind in ("HC0", "HC1", "mle"):
        np.testing.assert_array_equal(r.cov_params(kind), s.cov_params(kind))
    np.testing.assert_array_equal(r.covariance, s.cov_params("HC0"))
    np.testing.assert_array_equal(r.conf_int(), s.with_covariance("HC0").conf_int())
    assert np.abs(r.covariance / s.covariance - 1.0).max() > 0.05


def test_stata_probability_weights(backend_name) -> None:
    # each row its own cluster has Stata's factor: HC0 n / (n - 1), of rows of positive weight
    d = simulated(3, 3, 5, counts=False)
    r = fit(d, "probability", backend_name)
    stata = r.cov_params("cluster", np.arange(len(d["X"])))
    n = r.nobs
    np.testing.assert_allclose(stata, r.covariance * (n / (n - 1.0)), rtol=CLOSE)


@pytest.mark.parametrize("c", [1e-290, 1e-200, 1e-9, 0.375, 3.0, 1e9, 1e200, 1e290])
def test_scaling_laws(problem, c, backend_name) -> None:
    groups = problem["groups"]
    for kind in ("importance", "probability"):
        r, s = (fit(problem, kind, backend_name, x) for x in (1.0, c))
        np.testing.assert_allclose(s.params, r.params, rtol=CLOSE)
        assert s.nobs == r.nobs
        np.testing.assert_allclose(s.cov_params("mle") * c, r.cov_params("mle"), rtol=CLOSE)
        for robust in ("HC0", "HC1"):
            np.testing.assert_allclose(s.cov_params(robust), r.cov_params(robust), rtol=CLOSE)
        np.testing.assert_allclose(s.llf / c, r.llf, rtol=CLOSE)
        np.testing.assert_allclose(s.prsquared, r.prsquared, rtol=CLOSE)
        clustered = (x.cov_params("cluster", groups) for x in (s, r))
        np.testing.assert_allclose(*clustered, rtol=CLOSE)
    r, s = (fit(problem, "frequency", backend_name, x) for x in (1.0, c))
    for kind in ("mle", "HC0"):
        np.testing.assert_allclose(s.cov_params(kind) * c, r.cov_params(kind), rtol=CLOSE)
    np.testing.assert_allclose(s.cov_params("cluster", groups), r.cov_params("cluster", groups), rtol=CLOSE)
    np.testing.assert_allclose(s.nobs, c * r.nobs, rtol=CLOSE)


@pytest.mark.parametrize("kind", ["frequency", "importance", "probability"])
def test_rows_of_weight_zero_do_not_count(problem, kind, backend_name) -> None:
    d, kept = problem, problem["weight"] > 0.0
    few = {name: d[name][kept] for name in ("X", "y", "weight", "groups")}
    r, s = fit(d, kind, backend_name), fit(few, kind, backend_name)
    assert (r.nobs, r.df_resid) == (s.nobs, s.df_resid)
    # the cluster of a row that does not count is none
    groups = np.where(kept, d["groups"], 99).astype(float)
    groups[np.flatnonzero(~kept)[0]] = np.nan
    for k in ("mle", "HC0", "HC1", "cluster"):
        a = r.with_covariance(k, groups if k == "cluster" else None)
        b = s.with_covariance(k, few["groups"] if k == "cluster" else None)
        assert a.n_clusters == b.n_clusters
        np.testing.assert_allclose(a.covariance, b.covariance, rtol=CLOSE, atol=CLOSE * a.covariance.max())


@pytest.mark.parametrize("bad", ["freq", "Frequency", None, 1, ["frequency"]])
def test_weight_types_are_named(bad) -> None:
    d = simulated(3, 2, 2, counts=False)
    with pytest.raises(ValueError, match=r"weight_type must be one of 'frequency', 'importance', 'probab"):
        sx.fit(d["X"], d["y"], weight_type=bad)
