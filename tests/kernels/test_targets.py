"""One text of the kernels, several instruction sets: what has the same bits on which of them."""

import json
import os
import subprocess
import sys

import pytest

from sigmax import kernels

pytestmark = pytest.mark.needs_compiled

#: hashes of everything the kernels compute, under the instruction set that SIGMAX_ISA names
SCRIPT = """
import hashlib, json
import numpy as np
from sigmax.kernels import compiled as K

def digest(*arrays):
    h = hashlib.sha256()
    for a in arrays:
        h.update(np.ascontiguousarray(a).tobytes())
    return h.hexdigest()

out = {"ISA": K.ISA}
rng = np.random.default_rng(0)
x = np.concatenate([rng.normal(size=20_001) * s for s in (1e-300, 1e-8, 1.0, 10.0, 300.0, 1e5)])
n = len(x)
# what no other number leads to: both zeros, infinities, nan, the ends of the range, where exp ends
tiny, huge = np.finfo(float).tiny, np.finfo(float).max
special = np.array([0.0, tiny, tiny / 2**30, 5e-324, huge, np.inf, 709.78, 709.79, 745.1, 745.2, 36.7, 1e-17])
every = np.concatenate([x, special, -special, [np.nan]])
for name in ("exp", "expit", "log_expit", "log1pexp", "tanh", "tanh_slope"):
    p = np.empty(len(every))
    getattr(K, name)(every, p)
    p[np.isnan(p)] = np.nan  # the sign of a nan says nothing
    out[name] = digest(p)
eta, y, w = x[:, None].copy(), rng.integers(0, 2, n).astype(np.int32), rng.random(n)
r, h = np.empty((n, 1)), np.empty((n, 1))
out["binary_rows"] = digest(K.binary_rows(eta, y, r, h, weight=w), r, h)
slope = rng.permutation(eta)
lines = [K.binary_line(eta, slope, y, t, weight=w) for t in (1e-12, 1.0, 50.0)]
out["binary_line"] = digest(*[np.hstack(line) for line in lines])
for classes in (1, 2, 3, 4, 5, 8, 10, 17, 33, 100):
    n = 1_003
    logits = rng.normal(size=(n, classes)) * rng.choice([1e-3, 1.0, 30.0, 500.0], (n, 1))
    y = rng.integers(0, classes, n).astype(np.int32)
    for layout, given in (("C", logits), ("Fortran", np.asfortranarray(logits))):
        s, p, l, g = np.empty(n), *(np.empty_like(given) for _ in range(3))
        K.logsumexp(given, s)
        K.softmax(given, p)
        K.log_softmax(given, l)
        f = K.cross_entropy(given, y, g, weight=w[:n])
        assert f == K.cross_entropy(given, y, None, weight=w[:n])
        out[f"logits of {classes} classes, {layout}"] = digest(s, p, l, g, f)
for m in (1, 2, 9):
    n = 5_003
    eta = rng.normal(size=(n, m)) * rng.choice([1e-3, 1.0, 30.0, 500.0], (n, 1))
    y = rng.integers(0, m + 1, n).astype(np.int32)
    r, h, p = np.empty((n, m)), np.empty((n, m, m)), np.empty((n, m + 1))
    K.softmax(np.hstack([np.zeros((n, 1)), eta]), p)
    rows = K.softmax_rows(eta, y, r, h, weight=w[:n])
    line = K.softmax_line(eta, eta[::-1].copy(), y, 0.01, weight=w[:n])
    out[f"softmax_rows {m}"] = digest(p, rows, r, h, np.hstack(line))
for n, p, m, intercept in [
    (1000, 7, 1, True), (999, 21, 1, True), (513, 100, 1, False), (130, 5, 3, True), (300, 33, 2, True),
    (1000, 1, 1, True), (700, 8, 2, True), (129, 3, 2, False), (257, 64, 1, True), (128, 0, 1, True),
    (200, 130, 1, True), (1, 9, 1, True), (127, 16, 4, True),
]:
    X, B = rng.normal(size=(n, p)), rng.normal(size=(m, p + intercept))
    y, w, o = rng.integers(0, m + 1, n).astype(np.int32), rng.random(n), rng.normal(size=(n, m))
    g, H = np.empty((m, p + intercept)), np.empty((m * (p + intercept),) * 2)
    one = K.binary_pass if m == 1 else K.softmax_pass
    f = one(X, y, B, g, H, intercept=intercept, weight=w, offset=o)
    eta, G = np.empty((n, m)), np.empty((p + intercept,) * 2)
    K.linear_predictor(X, B, eta, intercept=intercept, offset=o)
    K.weighted_gram(X, w, G, intercept=intercept)
    both, back = np.empty((n, p)), np.empty((m, p))
    K.matrix_product(eta, B[:, intercept:], both, bias=B[0, intercept:])
    K.matrix_product(eta.T, X, back)
    out[f"pass {n} x {p}, {m}, {intercept}"] = digest(f, g, H, eta, G, both, back)
    k = p + intercept
    root = np.triu(rng.normal(size=(m * k, m * k)))
    one = K.binary_jeffreys if m == 1 else K.softmax_jeffreys
    most = one(X, B, root, g, intercept=intercept, weight=w, offset=o)
    out[f"pass {n} x {p}, {m}, {intercept}, jeffreys"] = digest(g, most)
    if m == 1:
        small = [np.zeros(k), np.zeros(7), np.zeros((4, k)), np.zeros((k, k)), np.zeros((k, k))]
        options = dict(intercept=intercept, tol=1e-12, score=1e-10, share=1.0, weight=w + 0.1)
        status = K.firth_small(X, y, *small, **options)
        small[1][np.isnan(small[1])] = np.nan
        out[f"pass {n} x {p}, {m}, {intercept}, firth"] = digest(status, *small)
    low, g_low, largest = np.empty((n, m)), np.empty((m, k)), np.empty(p)
    g = np.empty((m, k))
    K.linear_predictor_dd(X, B, B * 2.0**-60, eta, low, intercept=intercept, offset=o)
    one = K.binary_refine if m == 1 else K.softmax_refine
    f, s = one(X, y, B, B * 2.0**-60, g, g_low, largest, intercept=intercept, weight=w, offset=o)
    out[f"refine {n} x {p}, {m}, {intercept}"] = digest(eta, low, f, s, g, g_low, largest)
print(json.dumps(out))
"""


def hashes(isa):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "SIGMAX_ISA": isa},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found.pop("ISA") == isa
    return found


@pytest.fixture(scope="module")
def everywhere():
    from sigmax.kernels import compiled

    return {isa: hashes(isa) for isa in compiled.ISAS}


def test_the_best_instruction_set_is_the_default():
    from sigmax.kernels import compiled

    assert compiled.ISAS[-1] == "generic"
    assert len(set(compiled.ISAS)) == len(compiled.ISAS)
    wanted = os.environ.get("SIGMAX_ISA") or compiled.ISAS[0]
    assert wanted == kernels.get("compiled").ISA


def test_functions_of_one_row_have_the_same_bits_everywhere(everywhere):
    def of_rows(found):
        return {name: value for name, value in found.items() if not name.startswith("pass")}

    wanted = of_rows(everywhere["generic"])
    assert {"exp", "expit", "log_expit", "log1pexp", "tanh", "tanh_slope", "binary_rows"} < wanted.keys()
    # layouts of the same logits, too
    assert all(wanted[name] == wanted[name.replace("Fortran", "C")] for name in wanted)
    for isa, found in everywhere.items():
        assert of_rows(found) == wanted, isa


def test_double_double_has_the_same_bits_everywhere(everywhere):
    # without FMA, too: a product and its error are the same there while nothing underflows
    def of_refinement(found):
        return {name: value for name, value in found.items() if name.startswith("refine")}

    wanted = of_refinement(everywhere["generic"])
    assert len(wanted) == 13
    for isa, found in everywhere.items():
        assert of_refinement(found) == wanted, isa


def test_passes_have_the_same_bits_wherever_there_is_fma(everywhere):
    with_fma = {isa: found for isa, found in everywhere.items() if isa != "generic"}
    for isa, found in with_fma.items():
        assert found == next(iter(with_fma.values())), isa


def test_unknown_instruction_set():
    done = subprocess.run(
        [sys.executable, "-m", "sigmax", "info"],
        env={**os.environ, "SIGMAX_ISA": "sse9"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("sigmax: error: SIGMAX_ISA must be one of ")
    assert done.stderr.endswith("generic on this machine; got 'sse9'\n")
