"""Results of every kind for the tests of files, and what it means that two of them are the same."""

from __future__ import annotations

import dataclasses
import math
import struct
import warnings
from typing import Any

import numpy as np

import sigmax as sx


def rows(n: int = 120, p: int = 3, K: int = 2, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng([seed, n, p, K])
    X = rng.normal(size=(n, p))
    eta = np.column_stack([np.zeros(n), X @ rng.normal(size=(p, K - 1))])
    return X, np.argmax(eta + rng.gumbel(size=eta.shape), axis=1)


def _separated(K: int, complete: bool) -> tuple[np.ndarray, np.ndarray]:
    X, y = rows(K=K)
    X[:, 1] = y == K - 1 if complete and K == 2 else (y == K - 1) & (X[:, 0] > 0.0)
    return X, y


def _fit(X: np.ndarray, y: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sx.SeparationWarning)
        warnings.simplefilter("ignore", sx.ConvergenceWarning)
        return sx.fit(X, y, **options)


def _labels(labels: Any, K: int = 2, **options: Any) -> Any:
    X, y = rows(K=K)
    return _fit(X, labels[y], **options)


def _dependent(K: int, **options: Any) -> Any:
    X, y = rows(K=K)
    return _fit(np.column_stack([X, X[:, 0] - 2.0 * X[:, 1]]), y, **options)


def _weighted(kind: str, **options: Any) -> Any:
    X, y = rows(K=3)
    return _fit(X, y, sample_weight=np.arange(120) % 4 + 0.5, weight_type=kind, **options)


TEXT = np.array(["a \N{SNOWMAN}", "b'\"\\", "c\n"])
TIMES = np.array(["2020-01-01", "2021-06-30"], "datetime64[D]")

#: name -> a fit on a backend
CASES = {
    "binary": lambda b: _fit(*rows(), backend=b),
    "three classes of text": lambda b: _labels(TEXT, 3, backend=b, names=["x y", 'q"', "é"]),
    "no intercept": lambda b: _fit(*rows(K=3), backend=b, fit_intercept=False),
    "intercept alone": lambda b: _fit(np.zeros((120, 0)), rows()[1], backend=b),
    "penalised": lambda b: _fit(*rows(K=4), backend=b, l2=0.7),
    "firth": lambda b: _fit(*rows(), backend=b, bias_reduction="firth"),
    "firth of three": lambda b: _fit(*rows(K=3), backend=b, bias_reduction="firth"),
    "firth instead": lambda b: _fit(*_separated(2, True), backend=b, on_separation="firth"),
    "firth of dependent": lambda b: _dependent(2, backend=b, bias_reduction="firth"),
    "separated completely": lambda b: _fit(*_separated(2, True), backend=b),
    "separated": lambda b: _fit(*_separated(2, False), backend=b),
    "three separated": lambda b: _fit(*_separated(3, False), backend=b, reference=2),
    "aliased": lambda b: _dependent(3, backend=b),
    "least norm": lambda b: _dependent(3, backend=b, collinear="min_norm"),
    "rebased": lambda b: _labels(TEXT, 3, backend=b, reference=str(TEXT[2])),
    "symmetric": lambda b: _fit(*rows(K=3), backend=b).symmetric(),
    "symmetric aliased": lambda b: _dependent(2, backend=b).symmetric(),
    "robust": lambda b: _fit(*rows(K=3), backend=b).with_covariance("HC1"),
    "clusters": lambda b: _fit(*rows(), backend=b).rebase(1).with_covariance("cluster", np.arange(120) // 4),
    "probability": lambda b: _weighted("probability", backend=b),
    "importance": lambda b: _weighted("importance", backend=b, reference=1),
    "offsets": lambda b: _fit(*rows(), backend=b, offset=np.linspace(-1.0, 1.0, 120)),
    "counts": lambda b: _fit(rows()[0], np.arange(360).reshape(120, 3) % 7, backend=b, classes=list("xyz")),
    "unfinished": lambda b: _fit(*rows(n=4000, p=8), backend=b, max_iter=1, tol=0.0),
    "bool": lambda b: _labels(np.array([False, True]), backend=b),
    "float": lambda b: _labels(np.array([-0.5, 1e300]), backend=b),
    "float16": lambda b: _labels(np.array([0.5, 2.0], np.float16), backend=b),
    "bytes": lambda b: _labels(np.array([b"no", b"yes\xff"]), backend=b),
    "uint8": lambda b: _labels(np.array([3, 200], np.uint8), backend=b),
    "big-endian": lambda b: _labels(np.array([3, 7], ">i4"), backend=b),
    "times": lambda b: _labels(TIMES, backend=b),
    "spans": lambda b: _labels(TIMES - TIMES[0], backend=b),
    "objects of text": lambda b: _labels(np.array(["no", "yes"], object), backend=b),
    "objects of numbers": lambda b: _labels(np.array([2, 2.5], object), backend=b),
    "strings": lambda b: _labels(np.array(["no", "yes"], np.dtypes.StringDType()), backend=b),
}


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


def same(name: str, a: Any, b: Any) -> None:
    """Equal in type and bits, all that is inside included."""
    assert type(a) is type(b), (name, type(a), type(b))
    if isinstance(a, np.ndarray):
        assert a.shape == b.shape, name
        if a.dtype.kind in "OT":
            assert a.dtype == b.dtype, name
            same(name, a.tolist(), b.tolist())
        else:
            native = a.dtype.newbyteorder("=")
            assert native == b.dtype.newbyteorder("="), name
            assert a.astype(native).tobytes() == b.astype(native).tobytes(), name
    elif isinstance(a, float):
        assert bits(a) == bits(b) or (math.isnan(a) and math.isnan(b)), (name, a, b)
    elif isinstance(a, tuple | list):
        assert len(a) == len(b), name
        for i, (one, other) in enumerate(zip(a, b, strict=True)):
            same(f"{name}[{i}]", one, other)
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), name
        for key in a:
            same(f"{name}.{key}", a[key], b[key])
    elif dataclasses.is_dataclass(a):
        for field in dataclasses.fields(a):
            same(f"{name}.{field.name}", getattr(a, field.name), getattr(b, field.name))
    else:
        assert a == b, name


#: what a result says without its data, each of result and new rows
NUMBERS = {
    name: lambda r, X, name=name: getattr(r, name)
    for name in (
        *("params", "covariance", "bse", "zvalues", "pvalues", "log_pvalues", "llf", "llnull", "llr"),
        *(
            "llr_pvalue",
            "prsquared",
            "aic",
            "bic",
            "deviance",
            "null_deviance",
            "df_model",
            "df_resid",
            "nobs",
        ),
        *("classes", "param_names", "certificate", "dependence", "separation", "aliased", "n_estimated"),
        *("row_labels", "reference", "l2", "backend", "isa", "n_threads", "weight_type", "covariance_kind"),
        *("n_clusters", "collinear", "bias_reduction", "penalised_llf", "fit_intercept", "has_offset"),
    )
} | {
    "conf_int": lambda r, X: r.conf_int(0.9),
    "summary": lambda r, X: str(r.summary(odds_ratios=True)),
    "html": lambda r, X: r._repr_html_(),
    "repr": lambda r, X: repr(r),
    "predict": lambda r, X: r.predict(X, **_shift(r, X)),
    "logits": lambda r, X: r.decision_function(X, **_shift(r, X)),
    "proba": lambda r, X: r.predict_proba(X, **_shift(r, X)),
    "intervals": lambda r, X: r.predict_proba(X, 0.8, **_shift(r, X)),
    "sample": lambda r, X: r.sample(X, 3, **_shift(r, X)),
    "wald_test": lambda r, X: r.wald_test([_estimated(r)]),
    "lincom": lambda r, X: r.lincom([_estimated(r)]),
    "rebased": lambda r, X: [(s.params, s.covariance) for s in _others(r)],
}


def _shift(r: Any, X: np.ndarray) -> dict[str, Any]:
    """An offset for new rows, where the fit had one."""
    return {"offset": np.linspace(-0.5, 0.5, len(X))} if r.has_offset else {}


def _estimated(r: Any) -> np.ndarray:
    """A hypothesis about the first two slopes that were estimated, of the first row of parameters."""
    known = np.flatnonzero(np.isfinite(r.params.ravel()) & np.isfinite(r.bse.ravel()))
    weights = np.zeros(r.params.size)
    weights[known[-2:]] = [1.0, 2.0][-len(known[-2:]) :]
    return weights


def _others(r: Any) -> list[Any]:
    if r.separation is not None and r.bias_reduction is None:
        return []
    return [*(r.rebase(label) for label in r.classes), r.symmetric()]


def answers(r: Any, X: np.ndarray) -> dict[str, Any]:
    """Every number that a result has without its data; the message where it refuses one."""
    found = {}
    for name, ask in NUMBERS.items():
        try:
            found[name] = ask(r, X)
        except ValueError as error:
            found[name] = f"ValueError: {error}"
    return found
