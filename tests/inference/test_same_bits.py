"""Covariances and intervals have the same bits for any number of threads and any layout of the data."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from layouts import LAYOUTS

import sigmax as sx
from sigmax import kernels, passes, threads
from sigmax.data.chunks import Chunks
from sigmax.inference import observations, predictions

N, BLOCK = 3001, 256
THREADS = (1, 2, 3, 7)
#: layouts in which the compiled kernels meet the same numbers
FORMS = ("C", "Fortran", "transposed", "strided", "negative steps", "read-only", "unaligned", "big-endian")

VARIANTS: dict[str, dict[str, Any]] = {
    "two classes": {"K": 2},
    "three classes": {"K": 3},
    "nearly dependent": {"K": 3, "dependent": True},
    "weights and offset": {"K": 2, "weight_type": "frequency"},
    "importance": {"K": 3, "weight_type": "importance"},
    "counts": {"K": 3, "weight_type": "probability", "counts": True},
}


@pytest.fixture
def small(monkeypatch):
    """Blocks of 256 rows, shared between threads however small and on either backend."""
    monkeypatch.setattr(passes, "_SMALLEST_BLOCK", BLOCK)
    monkeypatch.setattr(passes, "_LARGEST_BLOCK", BLOCK)
    monkeypatch.setattr(threads, "SERIAL_FLOPS", 0)
    monkeypatch.setattr(predictions, "_WORK", 2**12)
    monkeypatch.setattr(observations, "_WORK", 2**14)
    monkeypatch.setattr(kernels.get("reference"), "THREADED", True)


def problem(K: int, weight_type: str = "", *, counts: bool = False, dependent: bool = False) -> Any:
    """X, its clusters, what `fit` takes beside X."""
    rng = np.random.default_rng([K, len(weight_type), counts])
    X = rng.normal(size=(N, 5))
    if dependent:
        X[:, 4] = X[:, 0] + 1e-6 * X[:, 4]
    eta = np.column_stack([np.zeros(N), X[:, :4] @ rng.normal(size=(4, K - 1)) / 2.0])
    y: Any = np.argmax(eta + rng.gumbel(size=eta.shape), axis=1)
    options: dict[str, Any] = {"y": rng.integers(0, 4, (N, K)) * 1.0 if counts else y}
    if weight_type:
        options |= {"sample_weight": rng.integers(0, 5, N) * 0.7, "weight_type": weight_type}
        options["offset"] = rng.normal(size=(N, K))
    return X, rng.integers(0, 300, N), options


def hashes(X: Any, new: Any, groups: np.ndarray, **options: Any) -> dict[str, str]:
    """Of every covariance, its intervals of predictions, and the null model."""
    r = sx.fit(X, **options)
    shift = {"offset": options["offset"][: len(new), 1:] * 0.1} if r.has_offset else {}
    if shift and len(r.classes) == 2:
        shift["offset"] = shift["offset"][:, 0]
    found: dict[str, list[Any]] = {"likelihood": [r.llf, r.llnull, r.null_deviance, r.deviance]}
    lined_up = np.sort(groups)
    for name, kind, g in (
        ("mle", "mle", None),
        ("HC0", "HC0", None),
        ("HC1", "HC1", None),
        ("cluster", "cluster", groups),
        ("sorted clusters", "cluster", lined_up),
    ):
        s = r.with_covariance(kind, g)
        found[name] = [s.covariance, s.bse, s.pvalues, s.conf_int(), *s.predict_proba(new, 0.9, **shift)]
    found["sample"] = [r.sample(new, 5, size=2, **shift)]
    return {
        name: hashlib.sha256(b"".join(np.asarray(v, np.float64).tobytes() for v in values)).hexdigest()
        for name, values in found.items()
    }


def one(found: dict[Any, dict[str, str]]) -> None:
    """Fails with what differs from the first."""
    first = next(iter(found.values()))
    assert {(case, name) for case, h in found.items() for name in h if h[name] != first[name]} == set()


@pytest.mark.parametrize("variant", VARIANTS)
def test_any_number_of_threads(variant, backend_name, small):
    X, groups, options = problem(**VARIANTS[variant])
    one({t: hashes(X, X[:700], groups, n_threads=t, backend=backend_name, **options) for t in THREADS})


@pytest.mark.needs_compiled
@pytest.mark.parametrize("variant", VARIANTS)
def test_any_layout_in_any_chunks(variant, small):
    X, groups, options = problem(**VARIANTS[variant])
    cases = {form: (LAYOUTS[form](X), LAYOUTS[form](X[:700])) for form in FORMS}
    for name, cuts in {"halves": [1500], "odd": [1, 2, 130, 131, 999, 3000]}.items():
        cases[name] = Chunks(np.split(X, cuts)), X[:700]
    cases["mixed"] = Chunks([X[:100], np.asfortranarray(X[100:2000]), X[2000:]]), X[:700]
    one(
        {
            name: hashes(given, new, groups, n_threads=2, backend="compiled", **options)
            for name, (given, new) in cases.items()
        }
    )


@pytest.mark.needs_compiled
def test_layouts_of_what_else_is_given(small):
    X, groups, options = problem(2, "importance")
    groups, options["y"] = groups / 2.0, options["y"] / 1.0
    wanted = hashes(X, X[:700], groups, n_threads=1, **options)
    for form in FORMS:
        given = {name: LAYOUTS[form](v) if isinstance(v, np.ndarray) else v for name, v in options.items()}
        one({"C": wanted, form: hashes(X, X[:700], LAYOUTS[form](groups), n_threads=3, **given)})


@pytest.mark.needs_compiled
def test_a_hash_can_differ(small, monkeypatch):
    X, groups, options = problem(3, "importance")
    wanted = hashes(X, X[:700], groups, **options)
    moved = X.copy()
    moved[77, 1] += 1e-9
    found = hashes(moved, X[:700], groups, **options)
    assert all(found[name] != wanted[name] for name in ("mle", "HC0", "HC1", "cluster", "sorted clusters"))
    # blocks of another size sum in another order
    monkeypatch.setattr(passes, "_LARGEST_BLOCK", BLOCK // 2)
    monkeypatch.setattr(passes, "_SMALLEST_BLOCK", 1)
    found = hashes(X, X[:700], groups, **options)
    assert all(found[name] != wanted[name] for name in ("HC0", "cluster"))
