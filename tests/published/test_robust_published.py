"""Covariances, intervals and deviances against what R and Stata printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import statsmodels
from mpmath import mpf
from oracles.inference import Case, Inference
from oracles.newton import to_float
from statsmodels.discrete.tests.results.results_glm_logit_constrained import results_noconstraint_robust

import sigmax as sx
from published.r_inference import FIGURES, figures
from published.stata import assert_agrees
from published.stata_robust import GEE_LOGISTIC, SPECTOR_ROBUST

GEE_FILE = Path(statsmodels.__file__).parent / "genmod/tests/results/gee_logistic_1.csv"
LIKELIHOOD = ("llf", "deviance", "null_deviance", "aic", "bic")
KINDS = ("mle", "HC0", "HC1", "cluster")


def check(dataset: str, found: dict[str, Any]) -> None:
    """Each figure of a data set, to all its digits, and none left out."""
    assert set(found) == set(FIGURES[dataset])
    for name, values in found.items():
        assert_agrees(values, figures(dataset, name, *np.shape(values)))


def of(r: Any, groups: Any, kinds: tuple[str, ...] = KINDS, likelihood: tuple[str, ...] = LIKELIHOOD) -> Any:
    found = {name: getattr(r, name) for name in likelihood}
    found["params"] = r.params.ravel()
    for kind in kinds:
        found |= spread(kind, r.cov_params(kind, groups if kind == "cluster" else None))
    return found


def spread(kind: str, V: Any) -> dict[str, Any]:
    bse = np.sqrt(V.diagonal())
    return {f"{kind} bse": bse, f"{kind} correlation": V / bse / bse[:, None]}


# -- R -------------------------------------------------------------------------------------------------


def test_spector(backend_name: str) -> None:
    data = sx.datasets.load("spector")
    r = sx.fit(data.X, data.y, backend=backend_name)
    new = np.array([[2.5, 20.0, 1.0], [3.25, 25.0, 0.0], [4.0, 17.0, 1.0]])
    intervals = r.predict_proba(new, 0.95)
    ends = {
        "conf_int": r.conf_int(),
        "proba": intervals.proba[:, 1],
        "proba_lower": intervals.lower[:, 1],
        "proba_upper": intervals.upper[:, 1],
    }
    check("spector", of(r, data.X[:, 1]) | ends)


def test_figures_of_spector_are_the_oracles() -> None:
    data = sx.datasets.load("spector")
    exact = Inference(Case(data.X, data.y, 2))
    groups = data.X[:, 1].tolist()
    for kind in KINDS:
        V = to_float(exact.covariance(kind, groups if kind == "cluster" else None))
        for name, values in spread(kind, V).items():
            assert_agrees(values, figures("spector", name, *values.shape))
    likelihood = exact.likelihood()
    for name in LIKELIHOOD:
        assert_agrees(float(likelihood[name]), figures("spector", name))


def fair() -> tuple[Any, np.ndarray, np.ndarray, np.ndarray]:
    """The data set, three of its columns, weights and offset as in r_inference.R."""
    data = sx.datasets.load("fair")
    columns = [data.features.index(name) for name in ("rate_marriage", "religious", "educ")]
    w = np.arange(data.n_rows) % 7 + 1.0
    return data, data.X[:, columns], w, data.X[:, data.features.index("yrs_married")] / 16.0


def column(data: Any, name: str) -> np.ndarray:
    values: np.ndarray = data.X[:, data.features.index(name)]
    return values


def test_fair(backend_name: str) -> None:
    data = fair()[0]
    r = sx.fit(data.X, data.y, backend=backend_name)
    groups = column(data, "age") * 10 + column(data, "occupation")
    check("fair", of(r, groups))


def test_importance_weights_and_offset(backend_name: str) -> None:
    data, X, w, o = fair()
    r = sx.fit(X, data.y, sample_weight=w, weight_type="importance", offset=o, backend=backend_name)
    found = of(r, column(data, "age"), likelihood=("deviance", "null_deviance", "aic"))
    check("fair, weights and offset", found)


def test_frequency_weights_and_offset(backend_name: str) -> None:
    data, X, w, o = fair()
    r = sx.fit(X, data.y, sample_weight=w, offset=o, backend=backend_name)
    check("fair, repeated rows and offset", of(r, column(data, "age")))
    again = np.repeat(np.arange(len(w)), w.astype(int))
    s = sx.fit(X[again], data.y[again], offset=o[again], backend=backend_name)
    check("fair, repeated rows and offset", of(s, column(data, "age")[again]))


def test_probability_weights(backend_name: str) -> None:
    # survey has n / (n - 1), as Stata has
    data, X, w, _ = fair()
    r = sx.fit(X, data.y, sample_weight=w, weight_type="probability", backend=backend_name)
    n = len(w)
    assert r.nobs == n
    found = {"params": r.params} | spread("rows", r.covariance * (n / (n - 1.0)))
    check("fair, survey", found | spread("clusters", r.cov_params("cluster", column(data, "age"))))


def test_counts(backend_name: str) -> None:
    data, X, _, _ = fair()
    cells, which = np.unique(X[:, :2], axis=0, return_inverse=True)
    counts = np.zeros((len(cells), 2))
    np.add.at(counts, (which.ravel(), data.y), 1.0)
    r = sx.fit(cells, counts, backend=backend_name)
    check("fair, counts", of(r, None, ("mle",), ("deviance", "null_deviance")))


def test_three_classes(backend_name: str) -> None:
    data = sx.datasets.load("anes96")
    y = (data.y > 0).astype(int) + (data.y == 6)
    r = sx.fit(data.X, y, backend=backend_name)
    assert r.params.shape == (2, 6)
    check("anes96, three classes", of(r, column(data, "educ"), ("mle", "HC0", "cluster"), ("llf",)))


# -- Stata, and R's gee ----------------------------------------------------------------------------------


def test_stata_robust_at_the_parameters_that_stata_printed() -> None:
    # of the oracle: a fit goes on to the maximum
    data = sx.datasets.load("spector")
    printed = [[mpf(text) for text in SPECTOR_ROBUST["params"]]]
    exact = Inference(Case(data.X, data.y, 2, params=printed))
    V = to_float(exact.covariance("HC0")) * (32.0 / 31.0)
    # fourteen digits of parameters leave twelve of a covariance
    np.testing.assert_allclose(V, np.array(SPECTOR_ROBUST["covariance"], float), rtol=2e-12)
    errors = np.array(SPECTOR_ROBUST["standard_errors"], float)
    np.testing.assert_allclose(np.sqrt(V.diagonal()), errors, rtol=1e-12)


def test_stata_robust_at_the_maximum(backend_name: str) -> None:
    # where Stata stopped its parameters are off by 1.2e-7 of their size
    data = sx.datasets.load("spector")
    r = sx.fit(data.X, data.y, backend=backend_name)
    V = r.cov_params("HC0") * (32.0 / 31.0)
    np.testing.assert_allclose(V, np.array(SPECTOR_ROBUST["covariance"], dtype=float), rtol=2e-6)


def test_stata_is_quoted_as_it_stands_in_statsmodels() -> None:
    theirs, last = results_noconstraint_robust, [3, 0, 1, 2]
    assert theirs.cmdline.split() == [
        "glm",
        "grade",
        "gpa",
        "tuce",
        "psi,",
        "family(binomial)",
        "vce(robust)",
    ]
    np.testing.assert_array_equal(np.array(SPECTOR_ROBUST["params"], float), theirs.params_table[last, 0])
    np.testing.assert_array_equal(
        np.array(SPECTOR_ROBUST["standard_errors"], float), theirs.params_table[last, 1]
    )
    np.testing.assert_array_equal(
        np.array(SPECTOR_ROBUST["covariance"], float), theirs.cov[np.ix_(last, last)]
    )


def test_clusters_of_gee(backend_name: str) -> None:
    table = np.loadtxt(GEE_FILE, delimiter=",")
    groups, y, X = table[:, 0], table[:, 1].astype(int), table[:, 2:]
    r = sx.fit(X, y, backend=backend_name)
    s = r.with_covariance("cluster", groups)
    G = len(np.unique(groups))
    assert s.n_clusters == G
    bse = s.bse * np.sqrt((G - 1.0) / G)
    # gee ends where its parameters move by less than 0.001: see its argument tol
    np.testing.assert_allclose(r.params, np.array(GEE_LOGISTIC["params"], float), rtol=1e-6)
    np.testing.assert_allclose(bse, np.array(GEE_LOGISTIC["standard_errors"], float), rtol=1e-6)


@pytest.mark.parametrize("dataset", FIGURES)
def test_figures_are_printed_to_nine_digits(dataset: str) -> None:
    for name, text in FIGURES[dataset].items():
        for cell in text.split():
            mantissa = cell.split("e")[0].lstrip("-")
            if name.endswith("correlation"):
                assert len(mantissa.split(".")[1]) == 8, cell
            else:
                assert len(mantissa.replace(".", "").lstrip("0")) == 9, cell
