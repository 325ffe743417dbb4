"""The protocol of maketables, and its tables where it is installed."""

import importlib.util
import zipfile

import numpy as np
import pytest

import sigmax as sx

pd = pytest.importorskip("pandas")

COLUMNS = ["b", "se", "t", "p", "ci95l", "ci95u", "ci90l", "ci90u"]


def spector(**options):
    data = sx.datasets.load("spector")
    return sx.fit(data.X, data.y, names=data.features, **options)


def anes96():
    data = sx.datasets.load("anes96")
    return sx.fit(data.X, data.y, names=data.features), data


def holds(table, params, errors, ends95, ends90):
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == COLUMNS
    assert table.index.name == "Coefficient"
    assert table.index.is_unique
    np.testing.assert_array_equal(table["b"], params)
    np.testing.assert_array_equal(table["se"], errors)
    np.testing.assert_array_equal(table[["ci95l", "ci95u"]], ends95)
    np.testing.assert_array_equal(table[["ci90l", "ci90u"]], ends90)


def test_the_protocol_of_two_classes():
    r = spector().with_covariance("HC0")
    [one] = r.to_list("GRADE")
    for model in (r, one):
        table = model.__maketables_coef_table__
        holds(table, r.params, r.bse, r.conf_int(0.95), r.conf_int(0.9))
        np.testing.assert_array_equal(table["t"], r.zvalues)
        np.testing.assert_array_equal(table["p"], r.pvalues)
        assert list(table.index) == ["Intercept", "GPA", "TUCE", "PSI"]
        assert model.__maketables_var_labels__ is None
        assert model.__maketables_vcov_info__ == {"vcov_type": "HC0", "clustervar": None, "n_clusters": None}
        assert model.__maketables_stat_labels__ == {"pseudo_r2": "McFadden R\u00b2"}
        assert model.__maketables_default_stat_keys__ == ["N", "pseudo_r2", "ll", "se_type"]
    assert r.__maketables_depvar__ == "y"
    assert one.__maketables_depvar__ == "GRADE = 1"
    assert repr(one) == f"<logit of GRADE = 1 of {r!r}>"


def test_statistics():
    r = spector().with_covariance("cluster", np.arange(32) % 9)
    [one] = r.to_list()
    expected = {
        "N": 32,
        "df_resid": 28,
        "df_model": 3,
        "pseudo_r2": r.prsquared,
        "ll": r.llf,
        "llnull": r.llnull,
        "aic": r.aic,
        "bic": r.bic,
        "deviance": r.deviance,
        "null_deviance": r.null_deviance,
        "n_clusters": 9,
        "se_type": "clustered, 9 clusters",
        "adj_r2": None,
        "params": None,
    }
    for key, value in expected.items():
        assert r.__maketables_stat__(key) == one.__maketables_stat__(key) == value
    assert type(r.__maketables_stat__("N")) is int
    assert spector().__maketables_stat__("se_type") == "information matrix"
    half = spector(sample_weight=np.full(32, 0.3))
    assert half.__maketables_stat__("N") == half.nobs


def test_the_protocol_of_many_classes():
    r, _ = anes96()
    table = r.__maketables_coef_table__
    holds(table, r.params.ravel(), r.bse.ravel(), r.conf_int().reshape(-1, 2), r.conf_int(0.9).reshape(-1, 2))
    assert list(table.index[:2]) == ["Intercept (1)", "logpopul (1)"]
    assert table.loc["educ (6)", "b"] == r.params[5, 4]
    models = r.to_list("PID")
    assert [m.__maketables_depvar__ for m in models] == [f"PID = {c}" for c in range(1, 7)]
    for c, model in enumerate(models):
        table = model.__maketables_coef_table__
        holds(table, r.params[c], r.bse[c], r.conf_int()[c], r.conf_int(0.9)[c])
        assert list(table.index) == ["Intercept", *r.param_names[1:]]
    assert len(r.symmetric().to_list()) == 7


def test_a_column_of_that_name_keeps_it():
    x = np.column_stack([np.arange(8.0), [0, 1, 1, 0, 1, 0, 0, 1]])
    r = sx.fit(x, np.array([0, 1, 0, 1, 1, 0, 1, 0]), names=["Intercept", "b"])
    assert list(r.__maketables_coef_table__.index) == ["intercept", "Intercept", "b"]
    r = sx.fit(x, np.array([0, 1, 0, 1, 1, 0, 1, 0]), names=["intercept", "b"], fit_intercept=False)
    assert list(r.__maketables_coef_table__.index) == ["intercept", "b"]


# -- with maketables ---------------------------------------------------------------------------------


@pytest.fixture
def maketables():
    if importlib.util.find_spec("maketables") is None:
        pytest.skip("maketables is not installed")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import maketables
    return maketables


@pytest.mark.filterwarnings("ignore")
def test_tables_of_two_classes(maketables):
    r = spector()
    table = maketables.ETable([r, r.with_covariance("HC0")])
    frame = table.df
    assert frame.shape[1] == 2
    assert [name for part, name in frame.index if part == "coef"] == ["GPA", "TUCE", "PSI", "Intercept"]
    tex = table.make(type="tex")
    for cell in ("2.826**", "(1.263)", "(1.268)", "McFadden", "HC0 robust", "information matrix", "-12.890"):
        assert cell in tex
        assert cell.replace("*", "\\*") in table.make(type="typst")
    assert "2.826" in table.make(type="html")


@pytest.mark.filterwarnings("ignore")
def test_tables_of_many_classes(maketables, tmp_path):
    r, data = anes96()
    r = r.with_covariance("cluster", np.arange(data.n_rows) % 40)
    table = maketables.ETable(r.to_list("PID"))
    assert table.df.shape[1] == 6
    tex = table.make(type="tex")
    for label in range(1, 7):
        assert f"PID = {label}" in tex
    cells = table.df.xs("coef")
    for c in range(6):
        assert cells.loc["selfLR"].iloc[c].startswith(f"{r.params[c, 2]:.3f}")
        assert f"({r.bse[c, 2]:.3f})" in cells.loc["selfLR"].iloc[c]
    assert tex.count("clustered, 40 clusters") == 6
    path = tmp_path / "table.docx"
    table.save(type="docx", file_name=str(path))
    assert "PID = 6" in zipfile.ZipFile(path).read("word/document.xml").decode()
    # the result itself is the same list
    assert maketables.ETable(r).df.equals(maketables.ETable(r.to_list()).df)
    # and mixes with others
    assert maketables.ETable([spector(), r]).df.shape[1] == 7
