"""JSON documents: every digit, the keys that are written down, nothing that JSON does not know."""

import json
import math
import re

import numpy as np
import pytest

import sigmax as sx
from sigmax.shell import fit_document, output


def strict(text):
    """A document; nan and Infinity, which are no JSON, are refused."""

    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


def test_numbers_keep_every_bit():
    values = [0.1, 1e-310, 2.0**53 + 2, -1.7976931348623157e308, 5e-324]
    assert json.loads(json.dumps(output.plain(np.array(values)))) == values
    assert output.plain([math.inf, -math.inf, math.nan]) == ["inf", "-inf", None]
    assert output.plain({"a": np.int8(3), 1: np.bool_(True), "d": np.datetime64("2020-01-02")}) == {
        "a": 3,
        "1": True,
        "d": "2020-01-02",
    }


@pytest.mark.parametrize(("name", "extra"), [("spector", ()), ("anes96", ("--class-reference", "3"))])
def test_a_fit(shell, name, extra):
    code, out, err = shell("fit", name, "--json", "--level", "0.9", *extra)
    assert (code, err) == (0, "")
    found = strict(out)
    data = sx.datasets.load(name)
    # who watches a fit has it go step by step, whose last bits may differ
    reference = 3 if extra else None
    r = sx.fit(data.X, data.y, names=data.features, reference=reference, callback=lambda state: False)
    rows, ends = found["coefficients"], r.conf_int(0.9)
    wanted = {
        "estimate": r.params,
        "std_error": r.bse,
        "z": r.zvalues,
        "p": r.pvalues,
        "lower": ends[..., 0],
        "upper": ends[..., 1],
        "odds_ratio": np.exp(r.params),
        "odds_ratio_upper": np.exp(ends[..., 1]),
        "error_bound": r.certificate.error_bound,
    }
    for key, numbers in wanted.items():
        assert [row[key] for row in rows] == numbers.ravel().tolist(), key
    labels = [None] if r.params.ndim == 1 else [0, 1, 2, 4, 5, 6]
    assert [(row["class"], row["term"]) for row in rows] == [(c, t) for c in labels for t in r.param_names]
    assert found["covariance"] == {"kind": "mle", "matrix": r.covariance.tolist()}
    for key in ("llf", "llnull", "llr", "llr_pvalue", "aic", "bic", "nobs", "deviance", "prsquared"):
        assert found["fit"][key] == getattr(r, key)
    assert found["not_defined"] == {}
    assert found["model"]["reference"] == (3 if extra else 0)
    assert found["certificate"]["converged"] is True
    assert (found["dropped"], found["separation"], found["warnings"]) == (None, None, [])


def test_the_keys_are_those_that_are_written_down(shell):
    found = strict(shell("fit", "spector", "--json")[1])
    table = re.search(r"^=+ =+\n(.*?)^=+ =+$", fit_document.__doc__, re.MULTILINE | re.DOTALL)[1]
    described = re.findall(r"^(\w+) ", table, re.MULTILINE)
    assert sorted(found) == sorted(described)
    sections = {m[1]: m[2] for m in re.finditer(r"^(\w+) ((?:.*\n)(?: .*\n)*)", table, re.MULTILINE)}
    for key in ("model", "fit", "certificate", "computed", "versions", "files", "covariance"):
        for inner in found[key]:
            assert f"``{inner}``" in sections[key], (key, inner)
    for inner in found["coefficients"][0]:
        assert f"``{inner}``" in sections["coefficients"], inner


def test_separated_classes_and_their_infinities(shell, tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("x,d,y\n1,0,0\n2,0,1\n3,0,0\n4,0,1\n5,0,0\n2,1,1\n3,1,1\n2,0,0\n")
    code, out, err = shell("fit", path, "--target", "y", "--json")
    assert code == 1
    found = strict(out)
    by_term = {row["term"]: row for row in found["coefficients"]}
    assert by_term["d"]["estimate"] == "inf"
    assert by_term["d"]["std_error"] is None
    assert isinstance(by_term["x"]["estimate"], float)
    assert found["separation"]["kind"] == "quasi"
    assert found["separation"]["rows"] == [6, 7]
    assert found["certificate"]["exists"] is False
    assert [f"sigmax: warning: {one}\n" for one in found["warnings"]] == [err]


def test_what_a_penalised_fit_does_not_define_says_why(shell):
    found = strict(shell("fit", "spector", "--l2", "1", "--json")[1])
    assert found["model"]["method"] == "penalised"
    for key, why in found["not_defined"].items():
        assert found["fit"][key] is None
        assert len(why) > 20
    assert strict(shell("fit", "spector", "--firth", "--json")[1])["model"]["method"] == "firth"


def test_rows_that_were_dropped(shell, tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("x,y\n1,a\n,b\n3,a\n2,b\n4,\n1.5,b\nNA,a\n")
    code, out, _ = shell("fit", path, "--target", "y", "--missing", "drop", "--json")
    assert code == 0
    found = strict(out)
    assert found["dropped"] == {"rows": 3, "by_column": {"x": 2, "y": 1}}
    assert found["fit"]["nobs"] == 4
    assert found["model"]["classes"] == ["a", "b"]


def test_info(shell, backend_name):
    found = strict(shell("info", "--json", "--backend", backend_name)[1])
    assert (found["command"], found["backend"]) == ("info", backend_name)
    assert found["versions"]["numpy"] == np.__version__
    assert found["doors"]["cli"]["open"] is True
    assert list(found["doors"]["formula"]["needs"]) == ["formulaic", "pandas"]


def test_info_names_the_extra_of_a_door_that_is_shut(shell, monkeypatch):
    from sigmax.shell import info

    real = info.version
    monkeypatch.setattr(info, "version", lambda name: None if name == "onnx" else real(name))
    assert strict(shell("info", "--json")[1])["doors"]["onnx"]["open"] is False
    out = shell("info")[1]
    assert re.search(
        r"^  models for ONNX runtimes +onnx missing\n +open it with: pip install 'sigmax\[onnx\]'$", out, re.M
    )


@pytest.mark.needs_compiled
def test_compare(shell):
    code, out, err = shell("compare", "spector", "--json")
    assert (code, err) == (0, "")
    [found] = strict(out)["comparisons"]
    assert (found["title"], found["agrees"], found["missing"]) == ("spector, 32 x 3, 2 classes", True, None)
    assert [one["quantity"] for one in found["differences"]][:3] == ["NLL", "gradient", "Hessian"]
    assert all(one["measure"] <= one["bound"] for one in found["differences"])
