"""The summary: tables that can be checked by eye, in text and in HTML."""

import copy
import pickle
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from mpmath import mp

import sigmax as sx
from sigmax.inference.summary import Summary


def top(text):
    """What does not depend on the road to the estimate."""
    return text.split("\ncertificate ")[0]


def facts(text):
    """Name -> text below the table."""
    found, key = {}, ""
    for line in text.rsplit("\n\n", 1)[1].splitlines():
        name = line[:16].strip()
        key = name or key
        found[key] = " ".join([found.get(key, ""), line[16:].strip()]).strip()
    return found


#: rows of a table of smoking and illness: log odds log(10/30), log odds ratio log(6);
#: standard errors sqrt(1/30 + 1/10) and sqrt(1/30 + 1/10 + 1/20 + 1/40)
X = np.array([[0.0], [0.0], [1.0], [1.0]])
Y = np.array(["no", "yes", "no", "yes"])
N = np.array([30.0, 10.0, 20.0, 40.0])


def smoking(backend, **options):
    given = {"names": ["smokes"], "sample_weight": N, "backend": backend.BACKEND, **options}
    return sx.fit(X, Y, **given)


# -- whole tables ------------------------------------------------------------------------------------

SPECTOR = """\
Logistic regression of GRADE, exact maximum likelihood

GRADE = 1 against 0
             estimate  std. error       z       p  [95 % interval        ]
  intercept  -13.021       4.931   -2.641  0.0083        -22.687   -3.356
  GPA          2.826       1.263    2.238  0.0252          0.351    5.301
  TUCE         0.0952      0.1416   0.672  0.5014         -0.1823   0.3726
  PSI          2.379       1.065    2.234  0.0255          0.292    4.465

observations    32   parameters 4   residual df 28
classes         0: 21   1: 11
log-likelihood  -12.889634   AIC 33.779   BIC 39.642
null model      -20.591730   LR chi2(3) 15.404   p 0.0015   McFadden R2 0.3740
covariance      inverse of the observed information
certificate     converged: every estimate is proved to lie within"""


def test_two_classes(backend):
    data = sx.datasets.load("spector")
    r = sx.fit(data.X, data.y, names=data.features, backend=backend.BACKEND)
    text = r.summary(target=data.target)
    assert text.startswith(SPECTOR)
    assert f"\nbackend         {backend.BACKEND} ({backend.ISA})" in text
    assert max(len(line) for line in text.splitlines()) <= 92


THREE = """\
Multinomial logistic regression of state, exact maximum likelihood

state = some against none
             estimate  std. error       z        p  [95 % interval        ]
  intercept   -0.2373      0.2671  -0.888   0.3743         -0.7609   0.2862
  dose         0.7068      0.2901   2.436   0.0148          0.1382   1.2754

state = cured against none
             estimate  std. error       z        p  [95 % interval        ]
  intercept   -1.2621      0.3527  -3.578   0.0003         -1.9534  -0.5708
  dose         1.6941      0.3117   5.436  5.5e-08          1.0833   2.3049

observations    160   parameters 4   residual df 156
classes         none: 45   some: 55   cured: 60
log-likelihood  -154.489410   AIC 316.979   BIC 329.280
null model      -174.663999   LR chi2(2) 40.349   p 1.7e-09   McFadden R2 0.1155
covariance      inverse of the observed information"""


def doses(backend, **options):
    counts = [[30.0, 20.0, 10.0], [10.0, 25.0, 15.0], [5.0, 10.0, 35.0]]
    given = {"names": ["dose"], "classes": ["none", "some", "cured"], "backend": backend.BACKEND}
    return sx.fit(np.arange(3.0)[:, None], np.array(counts), **given, **options)


def test_three_classes(backend):
    assert top(doses(backend).summary(target="state")) == THREE


WEIGHTED = """\
Logistic regression of ill, exact maximum likelihood

ill = yes against no
             estimate  std. error       z        p  [95 % interval        ]
  intercept   -1.0986      0.3651  -3.009   0.0026         -1.8143  -0.3829
  smokes       1.7918      0.4564   3.926  8.7e-05          0.8972   2.6864

observations    100   frequency weights   parameters 2   residual df 98
classes         no: 50   yes: 50
log-likelihood  -60.684256   AIC 125.369   BIC 130.579
null model      -69.314718   LR chi2(1) 17.261   p 3.3e-05   McFadden R2 0.1245
covariance      inverse of the observed information"""


def test_frequency_weights(backend):
    assert top(smoking(backend).summary(target="ill")) == WEIGHTED


def test_frequency_weights_are_repeated_rows(backend):
    rows = np.repeat(np.arange(4), N.astype(int))
    r = sx.fit(X[rows], Y[rows], names=["smokes"], backend=backend.BACKEND)
    assert top(r.summary(target="ill")) == WEIGHTED.replace("   frequency weights", "")


ODDS = """\
Logistic regression of ill, exact maximum likelihood

ill = yes against no
             odds ratio  std. error       z        p  [90 % interval        ]
  intercept      0.3333      0.1217  -3.009   0.0026          0.1828   0.6077
  smokes         6.000       2.739    3.926  8.7e-05          2.832   12.71

observations    100   frequency weights   parameters 2   residual df 98
classes         no: 50   yes: 50
log-likelihood  -60.684256   AIC 125.369   BIC 130.579
null model      -69.314718   LR chi2(1) 17.261   p 3.3e-05   McFadden R2 0.1245
covariance      inverse of the observed information
odds ratio      exp(estimate), with its interval; its standard error by the delta method; z
                and p are those of the estimate"""


def test_odds_ratios(backend):
    assert top(smoking(backend).summary(target="ill", odds_ratios=True, level=0.9)) == ODDS


CLUSTERED = """\
Logistic regression of ill, exact maximum likelihood

ill = yes against no
             estimate  std. error       z        p  [95 % interval        ]
  intercept   -1.0986      0.3696  -2.973   0.0030         -1.8230  -0.3743
  smokes       1.7918      0.3201   5.598  2.2e-08          1.1645   2.4191

observations    100   parameters 2   residual df 98
classes         no: 50   yes: 50
log-likelihood  -60.684256   AIC 125.369   BIC 130.579
null model      -69.314718   McFadden R2 0.1245
covariance      clustered, 42 clusters   Wald chi2(1) 31.340   p 2.2e-08"""


def test_clusters(backend):
    rows = np.repeat(np.arange(4), N.astype(int))
    r = sx.fit(X[rows], Y[rows], names=["smokes"], backend=backend.BACKEND)
    assert top(r.with_covariance("cluster", np.arange(100) % 42).summary(target="ill")) == CLUSTERED


PROBABILITY = """\
Logistic regression of ill, exact maximum likelihood

ill = yes against no
             estimate  std. error       z       p  [95 % interval      ]
  intercept    -1.099       1.414  -0.777  0.4373          -3.870  1.673
  smokes        1.792       2.000   0.896  0.3703          -2.128  5.712

observations    4   probability weights of sum 100   parameters 2   residual df 2
classes         no: weight 50   yes: weight 50
log-likelihood  -60.684256
null model      -69.314718   McFadden R2 0.1245
covariance      HC0 robust   Wald chi2(1) 0.803   p 0.3703"""


def test_probability_weights(backend):
    assert top(smoking(backend, weight_type="probability").summary(target="ill")) == PROBABILITY


SEPARATED = """\
Logistic regression of ill, exact maximum likelihood

ill = yes against no
             estimate  std. error       z        p  [95 % interval        ]
  intercept   -1.0986      0.3651  -3.009   0.0026         -1.8143  -0.3829
  smokes       1.7918      0.4564   3.926  8.7e-05          0.8972   2.6864
  rare            inf
  twice       aliased

observations    105   frequency weights   parameters 3   residual df 102
classes         no: 50   yes: 55
log-likelihood  -60.684256   AIC 127.369   BIC 135.330
null model      -72.661361   LR chi2(2) 23.954   p 6.3e-06   McFadden R2 0.1648
covariance      inverse of the observed information
aliased         twice = 2 smokes; left out
separation      the classes are quasi-completely separated: column 'rare' predicts 1 row
                without error: row 4; infinite parameters have no standard error"""


def separated(backend, columns=3):
    table = np.array([[0.0, 0, 0], [0, 0, 0], [1, 0, 2], [1, 0, 2], [1, 1, 2]])
    names = ["smokes", "rare", "twice"][:columns]
    with pytest.warns(sx.SeparationWarning):
        return sx.fit(
            table[:, :columns],
            np.append(Y, "yes"),
            names=names,
            sample_weight=np.append(N, 5.0),
            backend=backend.BACKEND,
        )


def test_infinite_and_aliased(backend):
    assert top(separated(backend).summary(target="ill")) == SEPARATED


def test_odds_ratios_of_infinite_parameters(backend):
    r = separated(backend, 2)
    assert "\n  rare              inf\n" in r.summary(odds_ratios=True)
    flipped = replace(r, params=-r.params)
    assert "\n  rare                0\n" in flipped.summary(odds_ratios=True)
    assert "\n  rare           -inf\n" in flipped.summary()


def test_parameters_without_a_limit(backend):
    # only the sum of a and b is infinite
    x = np.array([[0.0, 0], [0, 0], [1, 0], [1, 0], [0, 1], [0, 1], [1, 1]])
    y = np.array([0, 1, 1, 1, 1, 1, 1])
    with pytest.warns(sx.SeparationWarning):
        r = sx.fit(x, y, backend=backend.BACKEND)
    gone = int(np.count_nonzero(r.separation.undetermined))
    text = r.summary()
    assert text.count("   no limit\n") == gone
    assert text.count("   inf\n") == np.count_nonzero(np.isinf(r.params)) > 0
    assert "nan" not in text


# -- facts -------------------------------------------------------------------------------------------


def test_the_likelihood_ratio_test_stands_only_where_it_is_one(backend):
    plain = smoking(backend)
    assert "LR chi2(1) 17.261" in facts(plain.summary())["null model"]
    for other in (
        plain.with_covariance("HC0"),
        plain.with_covariance("HC1"),
        smoking(backend, l2=0.5),
        smoking(backend, bias_reduction="firth"),
        smoking(backend, weight_type="probability"),
    ):
        said = facts(other.summary())
        assert "chi2" not in said["null model"]
        assert said["null model"].startswith("-69.314718   McFadden R2 0.12")
    # a model of the intercept alone has nothing to test
    alone = sx.fit(np.zeros((4, 1)), Y, sample_weight=N, backend=backend.BACKEND)
    assert facts(alone.summary())["null model"] == "-69.314718   McFadden R2 0.0000"


def test_what_was_done_is_said(backend):
    assert (
        smoking(backend, l2=0.5)
        .summary()
        .startswith("Logistic regression of y, penalised likelihood, l2 = 0.5\n")
    )
    said = facts(smoking(backend, l2=0.5).summary())
    assert said["covariance"] == "inverse of the penalised information"
    firth = smoking(backend, bias_reduction="firth").summary()
    assert firth.startswith("Logistic regression of y, Firth's bias-reduced estimates\n")
    assert facts(firth)["penalised"] == "-58.376604, log-likelihood + 1/2 log det information"
    said = facts(smoking(backend, weight_type="importance").summary())
    assert said["observations"] == "4   importance weights of sum 100   parameters 2   residual df 2"
    assert said["classes"] == "no: weight 50   yes: weight 50"
    assert (
        facts(smoking(backend).with_covariance("HC1").summary())["covariance"]
        == "HC1 robust   Wald chi2(1) 15.102   p 0.0001"
    )


def test_another_reference_and_none(backend):
    r = doses(backend)
    text = r.rebase("cured").summary(target="state")
    assert "\nstate = none against cured\n" in text
    assert "\nstate = some against cured\n" in text
    text = r.symmetric().summary(target="state", odds_ratios=True)
    for label in ("none", "some", "cured"):
        assert f"\nstate = {label} against the mean of all\n" in text
    assert text.count("exp(estimate)  std. error") == 3
    assert facts(text)["exp(estimate)"].startswith("with its interval; ")
    text = r.summary(odds_ratios=True)
    assert text.count("relative-risk ratio  std. error") == 2
    assert "odds ratio" not in text


def test_a_class_without_rows_has_no_null_model_to_divide_by(backend):
    with pytest.warns(sx.SeparationWarning):
        r = sx.fit(np.arange(4.0)[:, None], np.zeros(4, int), classes=[0, 1], backend=backend.BACKEND)
    said = facts(r.summary())
    assert said["classes"] == "0: 4   1: 0"
    assert "McFadden" not in said["null model"]


def test_seven_classes_at_another_level(backend):
    data = sx.datasets.load("anes96")
    r = sx.fit(data.X, data.y, names=data.features, backend=backend.BACKEND)
    text = r.summary(target=data.target, level=0.99)
    assert text.startswith("Multinomial logistic regression of PID, exact")
    for label in range(1, 7):
        assert f"\nPID = {label} against 0\n" in text
    assert text.count("[99 % interval") == 6
    assert text.count("\n  selfLR ") == 6
    for level in (0.0, 1.0, 95, np.nan):
        with pytest.raises(ValueError, match="level must be between 0 and 1"):
            r.summary(level=level)


def test_many_columns_and_classes_stay_readable():
    rng = np.random.default_rng(5)
    Z = rng.normal(size=(3000, 60))
    names = [f"column_{j:02d}" for j in range(60)]
    r = sx.fit(Z, rng.integers(0, 10, 3000), names=names)
    lines = r.summary().splitlines()
    assert max(map(len, lines)) <= 92
    assert sum(line.startswith("y = ") for line in lines) == 9
    for name in names:
        rows = [line.split() for line in lines if line.startswith(f"  {name} ")]
        assert len(rows) == 9
        assert {len(row) for row in rows} == {7}
    # one grid: points in line over all classes
    column = {line.index(".", 14) for line in lines if line.startswith("  column_")}
    assert len(column) == 1


# -- names -------------------------------------------------------------------------------------------

LONG = "income of the household in the year before the interview, in thousands " * 3


def test_names_are_whole(backend):
    names = [LONG.strip(), 'two\nlines\tand <tags> & "quotes"', "price\u4e2d\u6587", "e\u0301t\u00e9"]
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(60, 4))
    y = rng.integers(0, 2, 60)
    r = sx.fit(Z, y, names=names, backend=backend.BACKEND)
    text = r.summary()
    assert LONG.strip().replace(" ", "") in text.replace("\n", "").replace(" ", "")
    assert r"two\nlines\tand <tags> & " in text
    lines = text.splitlines()
    assert max(map(len, lines)) <= 92
    # a wide character takes two columns, a combining one none
    [chinese] = [line for line in lines if "\u4e2d" in line]
    [accent] = [line for line in lines if "e\u0301" in line]
    [plain] = [line for line in lines if line.startswith("  intercept ")]
    assert chinese.index(".") + 2 == accent.index(".") - 1 == plain.index(".")
    root = ElementTree.fromstring(r.summary()._repr_html_())
    found = [cell.text for cell in root.iter("th") if cell.get("scope") == "row"]
    assert found[1:5] == [names[0], r"two\nlines\tand <tags> & " + '"quotes"', *names[2:]]


def test_labels_are_escaped(backend):
    y = np.array(["<b>no</b>", "yes & no"] * 4)
    r = sx.fit(np.array([0.0, 0, 0, 1, 1, 1, 0, 1])[:, None], y, backend=backend.BACKEND)
    html = r.summary(target="<script>alert(1)</script>")._repr_html_()
    assert "<script" not in html
    assert "<b>" not in html
    texts = [cell.text for cell in ElementTree.fromstring(html).iter("th")]
    assert "<script>alert(1)</script> = yes & no against <b>no</b>" in texts


# -- extremes ----------------------------------------------------------------------------------------


def with_numbers(backend, params, errors):
    r = smoking(backend)
    return replace(r, params=np.array(params), _covariance=np.diag(np.square(errors)))


def row(text, name):
    [line] = [line for line in text.splitlines() if line.startswith(f"  {name} ")]
    return line.split()[1:]


def test_p_below_any_double(backend):
    text = with_numbers(backend, [40.0, -38.0], [1.0, 0.01]).summary()
    assert row(text, "intercept")[2:4] == ["40.000", "7.3e-350"]
    z = mp.mpf(-38.0 / np.sqrt(np.square(0.01)))
    with mp.workdps(30):
        exact = mp.log10(mp.erfc(abs(z) / mp.sqrt(2)))
    exponent = int(mp.floor(exact))
    assert row(text, "smokes")[3] == f"{float(mp.mpf(10) ** (exact - exponent)):.1f}e{exponent}"


@pytest.mark.parametrize(
    ("value", "error", "cells"),
    [
        (0.5, 1e-12, ["0.5", "1e-12", "5.000e+11", "10^-5.42868e+22"]),
        (0.123456789012, 1.2346e-12, ["0.123456789012", "1.235e-12"]),
        (1e8, 1e-3, ["100000000.000000", "0.001000"]),
        (1e8, 2.5e7, ["100000000", "25000000", "4.000", "6.3e-05"]),
        (1e150, 1e149, ["1e+150", "1e+149", "10.000", "1.5e-23"]),
        (-1e-7, 3e-8, ["-0.00000010000", "0.00000003000", "-3.333", "0.0009"]),
        (0.0, 1.0, ["0.000", "1.000", "0.000", "1.0000"]),
        (-0.0, 1.0, ["0.000", "1.000", "0.000", "1.0000"]),
        (0.0, 0.0, ["0.0000", "0.0000", "nan", "nan"]),
        (2.0, 0.0, ["2.0000", "0.0000", "inf", "0"]),
        (2.0, np.nan, ["2.0000", "nan", "nan", "nan", "nan", "nan"]),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_extreme_numbers(backend, value, error, cells):
    r = with_numbers(backend, [0.25, value], [0.5, error])
    found = row(r.summary(), "smokes")
    assert len(found) == 6
    for a, b in zip(found, cells, strict=False):
        assert a == b
    assert ElementTree.fromstring(r.summary(odds_ratios=True)._repr_html_()).tag == "div"


def test_odds_ratios_beyond_the_range(backend):
    text = with_numbers(backend, [800.0, -800.0], [1.0, 1.0]).summary(odds_ratios=True)
    assert row(text, "intercept")[:2] == ["inf", "inf"]
    assert row(text, "smokes")[:2] == ["0.0000", "0.0000"]
    small = with_numbers(backend, [-13.0213, 0.0], [4.931, 1.0]).summary(odds_ratios=True)
    assert row(small, "intercept") == ["2.213e-06", "1.091e-05", "-2.641", "0.0083", "1.405e-10", "0.03485"]


# -- what a summary is -------------------------------------------------------------------------------


def test_a_summary_is_text_and_html(backend):
    r = smoking(backend)
    s = r.summary(target="ill")
    assert isinstance(s, str)
    assert type(s) is Summary
    assert repr(s) == str(s) == f"{s}" == "".join(s)
    for again in (pickle.loads(pickle.dumps(s)), copy.deepcopy(s)):
        assert type(again) is Summary
        assert again == s
        assert again._repr_html_() == s._repr_html_()
    assert r._repr_html_() == r.summary()._repr_html_()


def test_html_says_what_the_text_says(backend):
    for r in (smoking(backend), doses(backend), separated(backend)):
        for odds in (False, True):
            s = r.summary(target="ill", odds_ratios=odds)
            root = ElementTree.fromstring(s._repr_html_())
            words = [w for part in root if part.tag == "table" for w in " ".join(part.itertext()).split()]
            seen = str(s).replace("[", " ").replace("]", " ")
            # the heads of columns stand once, in the text above each class
            for block in seen.split("\n\n")[1:-1]:
                for line in (block.splitlines()[0], *block.splitlines()[2:]):
                    assert all(word in words for word in line.split())
            assert " ".join(words).endswith(" ".join(seen.split("\n\n")[-1].split()))


def test_a_pickled_result_has_the_same_summary(backend):
    for r in (smoking(backend, weight_type="importance"), doses(backend).rebase("some")):
        s = pickle.loads(pickle.dumps(r)).summary()
        assert s == r.summary()


def test_a_large_result_is_no_page(backend, monkeypatch):
    r = doses(backend)
    monkeypatch.setattr("sigmax.inference.summaries._MOST_HTML", 3)
    assert r._repr_html_() is None
    assert r.summary()._repr_html_().startswith("<div")


def test_all_slopes_are_tested_by_a_robust_covariance(backend):
    data = sx.datasets.load("spector")
    r = sx.fit(data.X, data.y, backend=backend.BACKEND)
    robust = r.with_covariance("HC0")
    wald = robust.wald_test("x1, x2, x3")
    assert f"Wald chi2(3) {wald.statistic:.3f}" in robust.summary()
    assert "Wald" not in r.summary()
    # two clusters have no covariance of three slopes
    assert "clustered, 2 clusters" in r.with_covariance("cluster", np.arange(32) % 2).summary()
    assert "Wald" not in r.with_covariance("cluster", np.arange(32) % 2).summary()
