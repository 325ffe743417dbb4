"""Same bits: no result knows how many threads made it, or how X lies in memory, or in how many pieces.

The compiled kernels promise it for all they return.  The twin promises it for threads; its products are
NumPy's, which may sum a view and a copy in different orders: those are compared with the bounds of rounding
that `Objective` states.  Trees and blocks: tests/passes; single kernels: tests/kernels/test_targets.py.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from layouts import LAYOUTS

import sigmax as sx
from sigmax import kernels, passes, threads
from sigmax.data.chunks import Chunks
from sigmax.data.design import Design
from sigmax.data.response import response
from sigmax.objective import Objective

THREADS = (1, 2, 3, 5, 8)
#: rows of the small problems: 17 blocks of 256, two tiles each
N, BLOCK = 4241, 256


def _memory_map(x, folder):
    path = Path(folder) / "x.bin"
    x.tofile(path)
    return np.memmap(path, dtype=x.dtype, mode="r", shape=x.shape)


#: X in memory: the number of columns, and so of rows in a block, is that of the numbers, not of the array
FORMS = LAYOUTS | {
    "every second column": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "every second row": lambda x: np.repeat(x, 2, axis=0)[::2],
    "columns of a wider array": lambda x: np.hstack([x, x, x])[:, x.shape[1] : 2 * x.shape[1]],
}


def pieces(n):
    """Name -> sizes of chunks of n rows in all; None: handed over whole."""
    rng = np.random.default_rng(n)
    # many short chunks, some long ones, some empty
    sizes = np.minimum(rng.integers(0, 40, n), rng.integers(0, 1000, n) ** 2 // 500)
    any_sizes = sizes[: np.searchsorted(np.cumsum(sizes), n)]
    return {
        "whole": None,
        **{f"chunks of {size}": np.full(n // size, size) for size in (1, 7, 128, 1000)},
        "chunks of any size": any_sizes,
    }


def handed_over(x, sizes):
    """`x` itself, or its rows in chunks; what the sizes leave over is the last chunk."""
    if sizes is None:
        return x
    ends = np.minimum(np.cumsum([0, *sizes]), len(x)).tolist()
    parts = [x[a:b] for a, b in itertools.pairwise([*ends, len(x)])]
    return Chunks(part if len(part) else np.empty((0, np.shape(x)[1])) for part in parts)


class Recorded(Objective):
    """Keeps what its passes returned: pairs with both words, and what only leads to a result."""

    def reduce(self, *args, **options):
        self.kept = super().reduce(*args, **options)
        return self.kept


def flat(value):
    """The bytes of numbers in tuples in tuples."""
    if isinstance(value, tuple):
        return b"".join(map(flat, value))
    return np.asarray(value, dtype=np.float64).tobytes()


def objective_hashes(X, observed, coef, intercept, n_threads, backend):
    """Hash of every kind of pass over the rows."""
    o = Recorded(Design(X, intercept=intercept), observed, backend, n_threads)
    at = o.evaluate(coef)
    found = {"evaluate": flat((o.kept, at.nll, at.gradient, at.hessian))}
    slope = o.line(coef, coef[::-1].copy()).at(0.25)
    found["line"] = flat((o.kept, slope.change, slope.first, slope.second))
    found["bound of curvature"] = flat(o.curvature_bound())
    found["largest"] = flat(o.largest)
    low = coef * 2.0**-60
    refined = o.refine(coef, low)
    found["refine"] = flat((o.kept, refined.nll, refined.gradient, refined.spread))
    T = np.triu(np.ones((o.design.width, o.design.width)))
    found["whitened"] = flat(o.whitened_hessian(coef, low, T))
    if o.n_rows > 64:
        part = o.sample(64).gradient(coef)
        found["sample"] = flat((part.nll, part.gradient))
    return {name: hashlib.sha256(value).hexdigest() for name, value in found.items()}


VARIANTS = ("plain", "weights and offset", "no intercept")


def problem(n, p, K, variant="plain", seed=0):
    """X, its response, coefficients, whether there is an intercept."""
    rng = np.random.default_rng([n, p, K, seed])
    X, y = rng.normal(size=(n, p)), rng.integers(0, K, n)
    more = {}
    if variant != "plain":
        more["sample_weight"] = rng.lognormal(size=n)
    if variant == "weights and offset":
        more["offset"] = rng.normal(size=(n, K))
    intercept = variant != "no intercept"
    coef = rng.normal(size=(K - 1) * (p + intercept)) / np.sqrt(p)
    return X, response(y, n, **more), coef, intercept


@pytest.fixture
def small(monkeypatch):
    """Blocks of 256 rows, shared between threads however small and on either backend."""
    monkeypatch.setattr(passes, "_SMALLEST_BLOCK", BLOCK)
    monkeypatch.setattr(passes, "_LARGEST_BLOCK", BLOCK)
    monkeypatch.setattr(threads, "SERIAL_FLOPS", 0)
    monkeypatch.setattr(kernels.get("reference"), "THREADED", True)


def one(hashes):
    """Fails with the cases that differ from the first one."""
    first = next(iter(hashes.values()))
    assert {case: found for case, found in hashes.items() if found != first} == {}


# -- passes over the rows ------------------------------------------------------------------------------


@pytest.mark.needs_compiled
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("K", [2, 4])
@pytest.mark.parametrize("p", [1, 3, 20, 33, 100])
def test_objective(p, K, variant, compiled, small, tmp_path):
    x, *rest = problem(N, p, K, variant)
    cuts, forms = pieces(N), FORMS | {"memory map": lambda x: _memory_map(x, tmp_path)}
    # every number of threads with every cut; every layout with each of them once, or with a third of them
    cases = {("C", cut, t) for cut, t in itertools.product(cuts, THREADS)}
    for i, form in enumerate(sorted(forms)):
        if (p, K, variant) == (3, 2, "plain"):  # everything with everything
            cases |= {(form, cut, t) for cut, t in itertools.product(cuts, THREADS)}
        else:
            turns = list(zip(cuts, (3, *THREADS), strict=True))
            cases |= {(form, *turn) for turn in turns[i % 3 :: 1 if variant == "plain" and p < 100 else 3]}
    hashes = {}
    for (form, cut), group in itertools.groupby(sorted(cases), key=lambda case: case[:2]):
        given = handed_over(forms[form](x), cuts[cut])
        for _, _, t in group:
            hashes[form, cut, t] = objective_hashes(given, *rest, t, compiled)
    assert len(hashes) >= 30 + len(forms)
    one(hashes)


@pytest.mark.needs_compiled
def test_a_hash_can_differ(compiled, small):
    # another order of sums, by blocks of another size: other bits, but for what double-double hides
    x, *rest = problem(N, 3, 2, "weights and offset")
    wanted = objective_hashes(x, *rest, 1, compiled)
    with (
        mock.patch.object(passes, "_LARGEST_BLOCK", BLOCK // 2),
        mock.patch.object(passes, "_SMALLEST_BLOCK", 1),
    ):
        found = objective_hashes(x, *rest, 1, compiled)
    assert all(found[name] != wanted[name] for name in ("evaluate", "bound of curvature"))
    # and a number that is another one
    x[77, 1] = np.abs(x[:, 1]).max() + 1.0
    found = objective_hashes(x, *rest, 1, compiled)
    assert all(found[name] != wanted[name] for name in wanted if name != "sample")


@pytest.mark.needs_compiled
def test_blocks_of_their_real_size(compiled):
    n, p = 600_000, 20
    assert n > 32 * passes.block_rows(p + 1)  # two threads work on runs of two blocks
    x, *rest = problem(n, p, 2, "weights and offset")
    rng = np.random.default_rng(5)
    sizes = rng.integers(0, 80_000, 10)
    hashes = {
        (form, cut, t): objective_hashes(handed_over(FORMS[form](x), cuts), *rest, t, compiled)
        for form in ("C", "Fortran", "every second column")
        for cut, cuts in {"whole": None, "any size": sizes, "1000": np.full(600, 1000)}.items()
        for t in (THREADS if form == "C" else (2, 3))
    }
    one(hashes)


@pytest.mark.parametrize("K", [2, 4])
@pytest.mark.parametrize("p", [1, 20])
def test_threads_of_the_twin(p, K, small):
    x, *rest = problem(N, p, K, "weights and offset")
    twin = kernels.get("reference")
    one({t: objective_hashes(x, *rest, t, twin) for t in THREADS})


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("K", [2, 4])
def test_layouts_and_chunks_of_the_twin_agree_to_rounding(K, variant, small):
    x, observed, coef, intercept = problem(N, 20, K, variant)
    twin, cuts = kernels.get("reference"), pieces(N)

    def at(X):
        o = Objective(Design(X, intercept=intercept), observed, twin, 2)
        return o, o.evaluate(coef)

    o, wanted = at(x)
    inverse = np.linalg.inv(wanted.hessian)
    scale = np.sqrt(wanted.hessian.diagonal())
    for form, cut in [(form, "whole") for form in FORMS] + [("C", cut) for cut in cuts]:
        _, found = at(handed_over(FORMS[form](x), cuts[cut]))
        # each of the two is as far from the exact one as the bound says, at most
        assert abs(found.nll - wanted.nll) <= 2.0 * o.nll_rounding(wanted) * wanted.nll
        g = found.gradient - wanted.gradient
        assert np.sqrt(g @ inverse @ g) <= 2.0 * o.gradient_rounding(wanted, inverse)
        H = (found.hessian - wanted.hessian) / scale / scale[:, None]
        assert np.abs(H).max() <= 2.0 * o.hessian_rounding(wanted)


def test_kernels_get_aligned_numbers(backend, small):
    # x86 reads unaligned doubles, C does not promise it; weights and offsets are to be read as X is
    seen = []

    def spy(X, y, coef, gradient, hessian, *, weight, offset, **options):
        seen.append([a.flags.aligned for a in (X, y, coef, gradient, hessian, weight, offset)])
        return kernel(X, y, coef, gradient, hessian, weight=weight, offset=offset, **options)

    rng = np.random.default_rng(3)
    X, w, o, y = rng.normal(size=(600, 2)), rng.random(600), rng.normal(size=600), rng.integers(0, 2, 600)
    kernel, bad = backend.binary_pass, LAYOUTS["unaligned"]
    options = {"backend": backend.BACKEND, "sample_weight": bad(w), "offset": bad(o)}
    with mock.patch.object(backend, "binary_pass", spy):
        r = sx.fit(bad(X), bad(y), **options)
        sx.fit(Chunks([bad(X[:100]), bad(X[100:101]), bad(X[101:])]), bad(y), **options)
    assert seen
    assert all(all(aligned) for aligned in seen)
    s = sx.fit(X, y, backend=backend.BACKEND, sample_weight=w, offset=o)
    assert r.params.tobytes() == s.params.tobytes()
    assert r.predict_proba(bad(X), offset=bad(o)).tobytes() == s.predict_proba(X, offset=o).tobytes()


# -- instruction sets ----------------------------------------------------------------------------------

#: hashes of passes and fits under the instruction set that SIGMAX_ISA names
SCRIPT = """
    import hashlib, json, sys
    from test_same_bits import N, fit_hash, kernels, objective_hashes, problem, small_problems, VARIANTS

    K = kernels.get("compiled")
    found = {"ISA": K.ISA}
    for p in (1, 3, 20, 33, 100):
        for classes in (2, 4):
            for variant in VARIANTS:
                x, *rest = problem(N, p, classes, variant)
                found[f"{p}, {classes}, {variant}"] = objective_hashes(x, *rest, 2, K)
    for name, (x, y, options) in small_problems().items():
        found[name] = fit_hash(x, y, n_threads=2, **options)
    print(json.dumps(found))
"""


def fit_hash(X, y, **options):
    r = sx.fit(X, y, **options)
    c = r.certificate
    kept = (r.params, r.covariance, r.llf, c.error_bound, c.newton_decrement, c.passes, float(c.iterations))
    return hashlib.sha256(flat(kept)).hexdigest()


def small_problems():
    """Name -> X, y, options of `fit`."""
    rng = np.random.default_rng(12)
    X = rng.normal(size=(9000, 6))
    eta = np.column_stack([np.zeros(9000), X @ rng.normal(size=(6, 2)) / 2.0])
    three = np.argmax(eta + rng.gumbel(size=eta.shape), axis=1)
    # heavy tails and a bad start: a line search is needed
    wide = rng.standard_t(2, size=(5000, 3))
    two = (wide @ [1.0, -2.0, 0.5] + rng.logistic(size=5000) > 0).astype(int)
    options = {"sample_weight": rng.lognormal(size=5000), "offset": rng.normal(size=5000)}
    return {
        "three classes": (X, three, {}),
        "weights, offset, bad start": (wide, two, {**options, "start": [8.0, 6.0, 7.0, -9.0]}),
    }


@pytest.mark.needs_compiled
def test_instruction_sets_with_fma():
    from sigmax.kernels import compiled

    with_fma = [isa for isa in compiled.ISAS if isa != "generic"]
    found = {}
    for isa in with_fma:
        paths = [Path(sx.__file__).parents[1], Path(__file__).parent]
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(SCRIPT)],
            env={**os.environ, "SIGMAX_ISA": isa, "PYTHONPATH": os.pathsep.join(map(str, paths))},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found[isa] = json.loads(done.stdout)
        assert found[isa].pop("ISA") == isa
        assert len(found[isa]) == 5 * 2 * len(VARIANTS) + 2
    for name in next(iter(found.values()), {}):
        one({isa: found[isa][name] for isa in with_fma})


# -- whole fits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", small_problems())
def test_fits_with_any_number_of_threads(name, backend, small):
    X, y, options = small_problems()[name]
    one({t: fit_hash(X, y, n_threads=t, backend=backend.BACKEND, **options) for t in THREADS})


@pytest.mark.needs_compiled
@pytest.mark.parametrize("name", small_problems())
def test_fits_of_any_layout_in_any_chunks(name, small, tmp_path):
    X, y, options = small_problems()[name]
    cuts, forms = pieces(len(X)), FORMS | {"memory map": lambda x: _memory_map(x, tmp_path)}
    whole = {(form, "whole"): forms[form](X) for form in forms}
    cut = {("C", cut): handed_over(X, sizes) for cut, sizes in cuts.items()}
    mixed = {("memory map", "any size"): handed_over(forms["memory map"](X), cuts["chunks of any size"])}
    every = whole | cut | mixed
    one({case: fit_hash(x, y, n_threads=3, backend="compiled", **options) for case, x in every.items()})


@pytest.mark.parametrize("form", [form for form in FORMS if form != "C"])
def test_fits_of_any_layout_agree(form, backend):
    X, y, options = small_problems()["three classes"]
    a, b = (sx.fit(x, y, backend=backend.BACKEND, **options) for x in (X, FORMS[form](X)))
    np.testing.assert_allclose(a.params, b.params, rtol=1e-12)
    np.testing.assert_allclose(a.bse, b.bse, rtol=1e-12)
