"""Predictions of onnxruntime from an exported model, held against `predict_proba`."""

from __future__ import annotations

import builtins
import json
import sys
from typing import Any

import numpy as np
import pytest
from files.saved import CASES, TEXT, rows

import sigmax as sx

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")


def run(model: Any, given: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    source = model if isinstance(model, str) else model.SerializeToString()
    session = runtime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    assert [one.name for one in session.get_inputs()] == list(given)
    label, proba = session.run(None, given)
    return label, proba


def agree(r: Any, X: Any, given: dict[str, Any]) -> None:
    label, proba = run(r.to_onnx(), given)
    wanted = np.asarray(r.predict_proba(X))
    assert proba.dtype == np.float64
    np.testing.assert_allclose(proba, wanted, rtol=0.0, atol=1e-12)
    normal = wanted > 1e-300
    np.testing.assert_allclose(proba[normal], wanted[normal], rtol=1e-12)
    assert label.tolist() == np.asarray(r.predict(X)).tolist()


@pytest.mark.parametrize(
    "case",
    [
        *("binary", "three classes of text", "no intercept", "intercept alone", "penalised", "firth"),
        *("firth instead", "aliased", "least norm", "rebased", "symmetric", "bool", "float", "uint8"),
        *("objects of text", "strings", "counts"),
    ],
)
def test_models_of_every_kind(case):
    r = CASES[case](None)
    p = len(r.param_names) - int(r.fit_intercept)
    X = rows(n=40, p=p, seed=5)[0]
    for some in (X, X[:1]):
        agree(r, some, {"X": some})
    label, proba = run(r.to_onnx(), {"X": X[:0]})
    assert (label.shape, proba.shape) == ((0,), (0, len(r.classes)))


@pytest.mark.parametrize("K", [2, 3, 6])
def test_large_logits_and_many_rows(K):
    X, y = rows(n=400, K=K)
    r = sx.fit(X, y)
    far = np.concatenate([X, X * 1e2, -X * 1e3, np.zeros((1, 3)), X[:3] * 1e300])
    far = np.repeat(far, 7, axis=0)
    assert (r.predict_proba(far) == 0.0).any()
    # 300 terms of 1e3 each round to 1e-13; those of 1e300 leave no number but 0 and 1
    agree(r, far, {"X": far})


def test_equal_probabilities_have_the_label_of_predict():
    for K in (2, 3):
        X, y = np.zeros((6 * K, 1)), np.arange(6 * K) % K
        r = sx.fit(X, y, fit_intercept=False, l2=1.0)
        agree(r, X[:2], {"X": X[:2]})


def test_columns_left_out_are_not_read():
    r = CASES["aliased"](None)
    X = rows(n=5, p=4)[0]
    wrong = X.copy()
    wrong[:, np.atleast_2d(r.aliased)[0][1:]] = np.nan
    np.testing.assert_array_equal(run(r.to_onnx(), {"X": wrong})[1], run(r.to_onnx(), {"X": X})[1])


def test_the_file_and_its_metadata(tmp_path):
    r = CASES["three classes of text"](None)
    made = r.to_onnx(tmp_path / "m.onnx")
    assert (tmp_path / "m.onnx").read_bytes() == made.SerializeToString(deterministic=True)
    X = rows(n=5)[0]
    np.testing.assert_array_equal(run(str(tmp_path / "m.onnx"), {"X": X})[1], run(made, {"X": X})[1])
    facts = {one.key: one.value for one in made.metadata_props}
    assert (made.producer_name, made.producer_version) == ("sigmax", sx.__version__)
    assert facts["sigmax"] == sx.__version__
    assert json.loads(facts["classes"]) == TEXT.tolist()
    assert json.loads(facts["columns"]) == list(r.param_names[1:])
    assert made.opset_import[0].version == 17
    # no number of the model is rounded
    kinds = {one.data_type for one in made.graph.initializer}
    assert onnx.TensorProto.FLOAT not in kinds
    with pytest.raises(FileNotFoundError):
        r.to_onnx(tmp_path / "nowhere" / "m.onnx")
    assert [one.name for one in tmp_path.iterdir()] == ["m.onnx"]


# -- tables --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("K", [2, 3])
def test_tables_with_levels(K, intercept):
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(3)
    n = 300
    df = pd.DataFrame(
        {
            "matmul": rng.normal(size=n) * 3.0,  # called as a node would be
            "site x": rng.choice(["north", "o'south", "\u00e9"], n),
            "smoker": rng.random(n) < 0.4,
            "stage": pd.Categorical(rng.integers(1, 4, n)),
            "dose": rng.integers(0, 9, n),
        }
    )
    y = np.array(["ill", "well", "so-so"])[rng.integers(0, K, n)]
    r = sx.fit(df, y, fit_intercept=intercept)
    new = df.iloc[::-7]

    def given(table):
        text = table["site x"].to_numpy(object)[:, None]
        return {
            "matmul": table["matmul"].to_numpy()[:, None],
            "site x": text,
            "smoker": table["smoker"].to_numpy()[:, None],
            "stage": table["stage"].to_numpy(np.int64)[:, None],
            "dose": table["dose"].to_numpy(np.float64)[:, None],
        }

    agree(r, new, given(new))
    strange = given(new)
    strange["site x"][1, 0] = "elsewhere"
    strange["stage"][2, 0] = 9
    proba = run(r.to_onnx(), strange)[1]
    assert np.isnan(proba[1:3]).all()
    np.testing.assert_allclose(proba[3:], r.predict_proba(new).to_numpy()[3:], rtol=1e-12)
    assert np.isfinite(proba[0]).all()


def test_a_formula_takes_its_design():
    pd = pytest.importorskip("pandas")
    pytest.importorskip("formulaic")
    X, y = rows(n=200)
    df = pd.DataFrame(X, columns=["a", "b", "c"]).assign(y=y)
    r = sx.fit("y ~ a * b + bs(c, df=4)", data=df)
    agree(r, df, {"X": r.terms.design(df)})
    shifted = sx.fit("y ~ a + offset(b)", data=df)
    with pytest.raises(ValueError, match=r"cannot hold the offset= of the fit"):
        CASES["offsets"](None).to_onnx()
    with pytest.raises(ValueError, match=r"cannot hold the offset\(\) of a formula"):
        shifted.to_onnx()


# -- refusals ------------------------------------------------------------------------------------------


def test_what_cannot_be_exported_is_refused():
    with pytest.raises(
        ValueError, match="needs finite parameters: the classes are separated, and 'x2' is inf"
    ):
        CASES["separated"](None).to_onnx()
    for case in ("times", "bytes", "objects of numbers"):
        with pytest.raises(ValueError, match="needs labels of text, whole numbers"):
            CASES[case](None).to_onnx()
    r = CASES["binary"](None)
    for outputs in (("X", "p"), ("p", "p")):
        with pytest.raises(ValueError, match="outputs must be two names that are not those of inputs"):
            r.to_onnx(outputs=outputs)
    assert [one.name for one in r.to_onnx(outputs=("class", "p")).graph.output] == ["class", "p"]


def test_without_onnx_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def missing(name, *rest):
        if name.partition(".")[0] == "onnx":
            raise ModuleNotFoundError("No module named 'onnx'", name="onnx")
        return real(name, *rest)

    for name in [one for one in sys.modules if one.partition(".")[0] == "onnx"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(
        ImportError, match=r"to_onnx\(\) needs onnx; install it with: pip install 'sigmax\[onnx"
    ):
        CASES["binary"](None).to_onnx()
