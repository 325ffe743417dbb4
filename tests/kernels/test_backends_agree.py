"""The compiled backend against the reference: every operation, within what their roundings explain.

Two results of which each is off by at most e differ by at most 2 e.  u = 2^-53; the accuracy of single rows
is measured in test_accuracy.py.  The last part compares how both refuse what does not fit.
"""

from __future__ import annotations

import inspect
import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import TILE, problem, problems, run_line, run_pass, run_rows, with_reference

from sigmax.kernels import interface, reference

pytestmark = pytest.mark.needs_compiled

U = 2.0**-53
#: errors of a row in ulp, of 2 u at most: nll, residual (and p), curvature; a softmax adds the sum over K
NLL, RESIDUAL, CURVATURE = 2.0, 2.0, 4.0


def close(got, wanted, bound):
    error = np.abs(np.asarray(got - wanted, dtype=float))
    bound = np.asarray(bound, dtype=float)
    assert (error <= bound + 2.0**-1070).all(), f"off by {np.max(error)}, allowed {np.max(bound)}"


def within(got, wanted, ulps):
    close(got, wanted, 2 * ulps * 2 * U * np.abs(wanted))


def logit_error(q):
    """Bound of the error of any logit of each row: k products, intercept and offset, in any order."""
    terms = np.abs(q.Z) @ np.abs(q.coef).T + (0.0 if q.offset is None else np.abs(q.offset))
    return (q.k + 2) * U * terms.max(axis=1, initial=0.0)


# -- layers ------------------------------------------------------------------------------------------


@given(q=problems())
def test_linear_predictor(compiled, q):
    close(q.eta(compiled), q.eta(reference), 2 * logit_error(q)[:, None])


@given(q=problems())
def test_transpose_product(compiled, q):
    residual = np.random.default_rng(q.n).normal(size=(q.n, q.m))
    found = [np.full((q.m, q.k), np.nan) for _ in range(2)]
    for kernels, out in zip((compiled, reference), found, strict=True):
        kernels.transpose_product(q.X, residual, out, intercept=q.intercept)
    close(*found, 2 * (q.n + 1) * U * (np.abs(residual).T @ np.abs(q.Z)))


@given(q=problems(), signed=st.booleans())
def test_weighted_gram(compiled, q, signed):
    # off-diagonal blocks of a multinomial Hessian have negative curvatures
    curvature = np.random.default_rng(q.n).normal(size=q.n)
    curvature = curvature if signed else np.abs(curvature)
    found = [np.full((q.k, q.k), np.nan) for _ in range(2)]
    for kernels, out in zip((compiled, reference), found, strict=True):
        kernels.weighted_gram(q.X, curvature, out, intercept=q.intercept)
    size = np.abs(q.Z).T @ (np.abs(curvature)[:, None] * np.abs(q.Z))
    close(*found, 2 * (q.n + 2) * U * size)


@pytest.mark.parametrize(("n", "widths"), [(3, range(150)), (TILE + 2, range(1, 150, 7))])
def test_every_width(compiled, n, widths):
    # vectors of any length, panels of any number of vectors, and what is left over behind them
    for p in widths:
        q = problem(n, p, 3, seed=p, intercept=p % 2 == 0, shifted=True)
        residual = np.random.default_rng(p).normal(size=(n, q.m))
        close(q.eta(compiled), q.eta(reference), 2 * logit_error(q)[:, None])
        gradients = [np.full((q.m, q.k), np.nan) for _ in range(2)]
        grams = [np.full((q.k, q.k), np.nan) for _ in range(2)]
        for kernels, gradient, gram in zip((compiled, reference), gradients, grams, strict=True):
            kernels.transpose_product(q.X, residual, gradient, intercept=q.intercept)
            kernels.weighted_gram(q.X, residual[:, 0] ** 2, gram, intercept=q.intercept)
        Z = np.abs(q.Z)
        close(*gradients, 2 * (n + 1) * U * (np.abs(residual).T @ Z))
        close(*grams, 2 * (n + 2) * U * (Z.T @ (residual[:, :1] ** 2 * Z)))


@given(q=problems())
def test_column_largest(compiled, q):
    found = [np.full(q.X.shape[1], np.nan) for _ in range(2)]
    assert compiled.column_largest(q.X, found[0])
    assert reference.column_largest(q.X, found[1])
    np.testing.assert_array_equal(*found)


#: distributions of logits that have broken other libraries, and some that broke this one
NASTY = {
    "ordinary": lambda rng, shape: rng.normal(0, 3, shape),
    "small": lambda rng, shape: rng.normal(0, 1e-12, shape),
    "subnormal": lambda rng, shape: rng.normal(0, 1e-310, shape),
    "large": lambda rng, shape: rng.normal(0, 300, shape),
    "huge": lambda rng, shape: rng.choice([-1.0, 1.0], shape) * 10.0 ** rng.uniform(3, 307, shape),
    "near underflow": lambda rng, shape: rng.choice([-1.0, 1.0], shape) * rng.uniform(700, 760, shape),
    "near half an ulp of one": lambda rng, shape: rng.choice([-1.0, 1.0], shape) * rng.uniform(35, 38, shape),
    "ties": lambda rng, shape: rng.integers(-2, 3, shape).astype(float),
    "offset": lambda rng, shape: rng.normal(0, 1, shape) + 1e4,
    "zeros of both signs": lambda rng, shape: rng.choice([-0.0, 0.0], shape),
    "some -inf": lambda rng, shape: np.where(rng.random(shape) < 0.3, -np.inf, rng.normal(0, 3, shape)),
}
nasty = pytest.mark.parametrize("family", NASTY)
SEEDS = st.integers(0, 999)
CLASSES = st.sampled_from([2, 3, 5, 11])
SIZES = st.sampled_from([1, TILE - 1, TILE + 1])


def logits(family, n, m, seed):
    rng = np.random.default_rng([seed, n, m])
    eta = NASTY[family](rng, (n, m))
    return eta, rng.integers(0, m + 1, n).astype(np.int32), rng.gamma(1.0, size=n)


@nasty
@given(n=SIZES, K=CLASSES, seed=SEEDS)
def test_probabilities(compiled, family, n, K, seed):
    eta, _, _ = logits(family, n, K - 1, seed)
    found = [np.full((n, K), np.nan) for _ in range(2)]
    flat = [np.full(eta.size, np.nan) for _ in range(2)]
    for kernels, p, one in zip((compiled, reference), found, flat, strict=True):
        kernels.softmax(with_reference(eta), p)
        kernels.expit(eta.ravel(), one)
    within(*found, RESIDUAL + K / 4)
    within(*flat, RESIDUAL)


@nasty
@given(n=SIZES, K=CLASSES, seed=SEEDS, softmax=st.booleans())
def test_rows(compiled, family, n, K, seed, softmax):
    eta, y, weight = logits(family, n, K - 1, seed)
    softmax = softmax or K > 2
    possible = np.isfinite(np.column_stack([np.zeros(n), eta])[np.arange(n), y])
    y = np.where(possible, y, 0).astype(np.int32)  # a true class of probability 0 has its own test
    with np.errstate(over="ignore"):
        a, b = (run_rows(kernels, eta, y, weight, softmax=softmax) for kernels in (compiled, reference))
    within(a.residual, b.residual, RESIDUAL + K / 4 + 1)
    within(a.curvature, b.curvature, CURVATURE + K / 2 + 1)
    if math.isfinite(b.nll[0]):
        gap = sum(map(Fraction, a.nll)) - sum(map(Fraction, b.nll))
        assert abs(gap) <= 2 * (NLL + 1) * U * b.nll[0] + n * 2.0**-1073
    else:
        assert not math.isfinite(a.nll[0])


@nasty
@pytest.mark.parametrize("step", [0.0, 1e-200, 1e-9, 0.5, -2.0, 900.0])
@given(n=SIZES, K=CLASSES, seed=SEEDS)
def test_line(compiled, family, n, K, seed, step):
    # compared row by row, so that a wrong row cannot hide among the others
    eta, y, _ = logits(family, min(n, 9), K - 1, seed)
    finite = np.isfinite(eta).all(axis=1) & (np.abs(eta).max(axis=1) < 1e300)
    slope = np.random.default_rng(seed).normal(size=eta.shape)
    for i in np.flatnonzero(finite):
        row = slice(i, i + 1)
        (a, da, d2a), (b, db, d2b) = (
            run_line(kernels, eta[row], slope[row], y[row], step) for kernels in (compiled, reference)
        )
        v = np.concatenate([[0.0], slope[i]])
        d = step * (v - v[y[i]])
        p, P = probabilities(eta[i]), probabilities(eta[i] + step * slope[i])
        # size of what is added up to the change; a rounding of an end moves P by its logit's ulp
        with np.errstate(all="ignore"):
            grown, kept = float(p @ np.abs(np.expm1(d))), float(p @ np.exp(d))
            cancelled = np.fmin(np.divide(grown, kept), np.abs(d).max())  # fmin: the other where one is nan
        rounded = 2 * U * (np.abs(eta[i]).max() + np.abs(step * slope[i]).max())
        many = (K + 14) * U
        # a compiled change below 2^-1000 is a difference of two nll of that size, each within 2 ulp
        close(a[0], b[0], 2 * (many * (abs(b[0]) + cancelled) + U * float(P @ np.abs(d))) + 2.0**-1050)
        size = float(P @ np.abs(v - v[y[i]]))
        close(da, db, 2 * (many + rounded) * size)
        spread = float(P @ (v - P @ v) ** 2)
        close(d2a, d2b, 2 * (2 * many + 2 * rounded) * spread + 2.0**-1060)


def probabilities(eta):
    z = np.concatenate([[0.0], eta])
    E = np.exp(z - z.max())
    return E / E.sum()


# -- fused passes ------------------------------------------------------------------------------------


@given(q=problems())
def test_pass(compiled, q):
    a, b = run_pass(compiled, q), run_pass(reference, q)
    rows = run_rows(reference, q.eta(reference), q.y, q.weight)
    Z, e = np.abs(q.Z), 2 * logit_error(q)  # logits differ by e: nll by 2 e, residual and curvature by e
    moved = q.w * e
    gap = sum(map(Fraction, a.nll)) - sum(map(Fraction, b.nll))
    assert abs(gap) <= 2 * (NLL + 1) * U * b.nll[0] + 2 * moved.sum()
    close(
        a.gradient,
        b.gradient,
        2 * (q.n + 2 * RESIDUAL + q.m + 4) * U * (np.abs(rows.residual).T @ Z) + moved @ Z,
    )
    size = np.einsum("ij,icd,il->cjdl", Z, np.abs(rows.curvature), Z, optimize=True).reshape(b.hessian.shape)
    close(
        a.hessian,
        b.hessian,
        2 * (q.n + 2 * CURVATURE + 2 * q.m + 4) * U * size + np.tile(Z.T @ (moved[:, None] * Z), (q.m, q.m)),
    )


# -- what does not fit -------------------------------------------------------------------------------

n, p, m, k = 6, 3, 2, 4


ELEMENTWISE = ("exp", "expit", "log_expit", "log1pexp", "tanh", "tanh_slope")
#: rows of all logits, whose arrays of that shape may have any strides
LOGITS = ("logsumexp", "softmax", "log_softmax", "cross_entropy")


def arguments(operation):
    """A call that works: name of the argument -> value."""
    one_logit = "binary" in operation or operation == "firth_small"
    binary = one_logit or operation == "cross_entropy"
    q = problem(n, p, 2 if binary else 3, weighted=True, shifted=True)
    logits_ = 1 if one_logit else m
    shapes = {
        "X": (n, p),
        "coef": (logits_, k),
        "eta": (n, logits_),
        "slope": (n, logits_),
        "offset": (n, logits_),
        "residual": (n, logits_),
        "coef_low": (logits_, k),
        "eta_out": (n, logits_),
        "eta_low_out": (n, logits_),
        "gradient_low_out": (logits_, k),
        "residual_out": (n, logits_),
        "curvature_out": (n, 1) if "binary" in operation else (n, m, m),
        "gradient_out": (logits_, k),
        "hessian_out": (logits_ * k, logits_ * k),
        "root": (logits_ * k, logits_ * k),
        "gram_out": (k, k),
        "curvature": (n,),
        "weight": (n,),
        "largest_out": (p,),
        "p_out": (n, m + 1),
    }
    if operation in LOGITS:
        shapes |= {"logits": (n, m), "p_out": (n, m), "gradient_out": (n, m)}
        shapes |= {"out": (n,) if operation == "logsumexp" else (n, m)}
    elif operation == "matrix_product":
        shapes |= {"A": (n, k), "B": (k, m), "bias": (m,), "out": (n, m)}
    elif operation in ELEMENTWISE:
        shapes |= {"x": (n,), "out": (n,)}
    elif operation == "newton_many":  # two problems
        shapes |= {
            "coef_out": (2, m, k),
            "numbers_out": (2, 10),
            "weight": (2, n),
            "l2": (2,),
            "start": (2, m, k),
        }
        shapes |= {
            "gradient_out": (2, m * k),
            "hessian_out": (2, m * k, m * k),
            "inverse_out": (2, m * k, m * k),
        }
    elif operation == "firth_small":
        shapes |= {"coef_out": (k,), "numbers_out": (7,), "vectors_out": (4, k), "start": (k,)}
        shapes |= {"hessian_out": (k, k), "inverse_out": (k, k)}
    rng = np.random.default_rng(1)
    values = {"y": q.y, "intercept": True, "step": 0.5, "tol": 1e-12, "max_iter": 100}
    values |= {"status_out": np.zeros(2, np.int32), "starts": np.array([0, n // 2, n])}
    values |= {"key": np.arange(n) % 2, "score": 1e-10, "share": 1.0}
    values |= {"index_out": np.zeros(n, np.int64), "first_out": np.zeros(n, np.int64)}
    names = inspect.signature(getattr(reference, operation)).parameters
    return {name: values[name] if name in values else rng.uniform(0.1, 1, shapes[name]) for name in names}


OPERATIONS = [
    name for name, member in vars(interface.Kernels).items() if inspect.isfunction(member) and name[0] != "_"
]
#: every array argument with one more and one less along each axis, where another argument fixes that axis
FIXES = {
    **{operation: ["out 0"] for operation in ELEMENTWISE},
    "logsumexp": ["out 0"],
    "softmax": ["p_out 0", "p_out 1"],
    "log_softmax": ["out 0", "out 1"],
    "cross_entropy": ["y 0", "gradient_out 0", "gradient_out 1", "weight 0"],
    "column_largest": ["largest_out 0"],
    "group_rows": ["key 0", "index_out 0"],
    "linear_predictor": ["coef 1", "eta_out 0", "eta_out 1", "offset 0", "offset 1"],
    "transpose_product": ["residual 0", "gradient_out 0", "gradient_out 1"],
    "matrix_product": ["B 0", "out 0", "out 1", "bias 0"],
    "weighted_gram": ["curvature 0", "gram_out 0", "gram_out 1"],
    "binary_rows": [
        "eta 1", "y 0", "residual_out 0", "residual_out 1", "curvature_out 0", "curvature_out 1", "weight 0",
    ],
    "softmax_rows": [
        "y 0", "residual_out 0", "residual_out 1", "weight 0",
        "curvature_out 0", "curvature_out 1", "curvature_out 2",
    ],
    "binary_pass": [
        "coef 0", "coef 1", "y 0", "weight 0", "offset 0", "offset 1",
        "gradient_out 0", "gradient_out 1", "hessian_out 0", "hessian_out 1",
    ],
    "softmax_pass": [
        "coef 1", "y 0", "weight 0", "offset 0", "offset 1",
        "gradient_out 0", "gradient_out 1", "hessian_out 0", "hessian_out 1",
    ],
    "binary_jeffreys": [
        "coef 0", "coef 1", "root 0", "root 1", "gradient_out 0", "gradient_out 1", "weight 0",
        "offset 0", "offset 1",
    ],
    "softmax_jeffreys": [
        "coef 1", "root 0", "root 1", "gradient_out 0", "gradient_out 1", "weight 0", "offset 0", "offset 1",
    ],
    "firth_small": [
        "y 0", "coef_out 0", "numbers_out 0", "vectors_out 0", "vectors_out 1",
        "hessian_out 0", "hessian_out 1", "inverse_out 0", "inverse_out 1",
        "weight 0", "offset 0", "offset 1", "start 0",
    ],
    "linear_predictor_dd": [
        "coef 1", "coef_low 0", "coef_low 1", "eta_out 0", "eta_out 1", "eta_low_out 0", "eta_low_out 1",
        "offset 0", "offset 1",
    ],
    "binary_refine": [
        "coef 0", "coef 1", "coef_low 0", "coef_low 1", "y 0", "weight 0", "offset 0", "offset 1",
        "gradient_out 0", "gradient_out 1", "gradient_low_out 0", "gradient_low_out 1", "largest_out 0",
    ],
    "softmax_refine": [
        "coef 1", "coef_low 0", "coef_low 1", "y 0", "weight 0", "offset 0", "offset 1",
        "gradient_out 0", "gradient_out 1", "gradient_low_out 0", "gradient_low_out 1", "largest_out 0",
    ],
    "binary_line": ["eta 1", "slope 0", "slope 1", "y 0", "weight 0"],
    "softmax_line": ["slope 0", "slope 1", "y 0", "weight 0"],
    "newton_many": [
        "coef_out 2", "numbers_out 0", "numbers_out 1", "status_out 0", "y 0", "starts 0", "weight 1",
        "offset 0", "offset 1", "l2 0", "start 0", "start 1", "start 2", "gradient_out 0", "gradient_out 1",
        "hessian_out 0", "hessian_out 1", "hessian_out 2", "inverse_out 0", "inverse_out 1", "inverse_out 2",
    ],
}  # fmt: skip
WRONG = [(op, *fix.split(), change) for op, fixes in FIXES.items() for fix in fixes for change in (-1, 1)]


def test_every_operation_is_among_the_wrong_calls():
    assert sorted(FIXES) == sorted(OPERATIONS)
    for operation, fixes in FIXES.items():
        given_ = {name for name, value in arguments(operation).items() if isinstance(value, np.ndarray)}
        # X, and the logits where they come first, are what the others are measured by; first_out is free
        assert given_ - {fix.split()[0] for fix in fixes} <= {"X", "eta", "logits", "x", "A", "first_out"}


def resized(array, axis, change):
    """The array with one element more or less along an axis; contiguous."""
    if change < 0:
        return np.ascontiguousarray(np.delete(array, -1, axis))
    return np.ascontiguousarray(np.concatenate([array, np.take(array, [-1], axis)], axis))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_calls_work_as_they_are(compiled, operation):
    for kernels in (compiled, reference):
        getattr(kernels, operation)(**arguments(operation))


@pytest.mark.parametrize(("operation", "name", "axis", "change"), WRONG, ids=lambda v: str(v))
def test_wrong_shapes_are_refused(compiled, operation, name, axis, change):
    call = arguments(operation)
    call[name] = resized(call[name], int(axis), change)
    words = {"y": "length of y", "weight": "(length|columns) of weight", "curvature": "length of curvature"}
    with pytest.raises(ValueError, match=words.get(name, rf"\b{name} must be \d+; got \d+$")) as caught:
        getattr(compiled, operation)(**call)
    assert str(call[name].shape[int(axis)]) in str(caught.value)
    with pytest.raises((ValueError, IndexError)):
        getattr(reference, operation)(**call)


ARRAYS = [
    (op, name) for op in OPERATIONS for name, value in arguments(op).items() if isinstance(value, np.ndarray)
]


@pytest.mark.parametrize(("operation", "name"), ARRAYS)
def test_wrong_types_and_dimensions_are_refused(compiled, operation, name):
    # Cython's own messages, of the buffer; the doors of the library convert before they call
    good = arguments(operation)[name]
    other = np.int64 if name == "y" else np.float32
    for bad in (good.astype(other), good[None], good.astype(good.dtype.newbyteorder())):
        with pytest.raises(ValueError, match=r"[Bb]uffer"):
            getattr(compiled, operation)(**(arguments(operation) | {name: bad}))


#: what may have any strides
STRIDED = {"X", "logits", "A"}
STRIDED_OUT = {("softmax", "p_out"), ("log_softmax", "out"), ("cross_entropy", "gradient_out")}


@pytest.mark.parametrize(
    ("operation", "name"),
    [(op, name) for op, name in ARRAYS if name not in STRIDED and (op, name) not in STRIDED_OUT],
)
def test_arrays_that_are_not_contiguous_are_refused(compiled, operation, name):
    good = arguments(operation)[name]
    spread = np.repeat(good, 2, axis=-1)[..., ::2]
    assert not spread.flags.c_contiguous
    with pytest.raises(ValueError, match="contiguous"):
        getattr(compiled, operation)(**(arguments(operation) | {name: spread}))


OUTPUTS = [(op, name) for op, name in ARRAYS if name.endswith("_out")]


@pytest.mark.parametrize(("operation", "name"), OUTPUTS)
def test_outputs_that_are_read_only_are_refused(compiled, operation, name):
    call = arguments(operation)
    call[name].flags.writeable = False
    for kernels in (compiled, reference):
        with pytest.raises(ValueError, match="read-only"):
            getattr(kernels, operation)(**call)


NEVER_NONE = [
    (op, name)
    for op, name in ARRAYS
    if name not in {"weight", "offset", "bias", "coef_low", "eta_low_out"}
    and not (op.endswith("_refine") and name == "largest_out")
    and not (op == "newton_many" and name in {"starts", "l2", "start", "inverse_out"})
    and not (op == "firth_small" and name == "start")
    and not (
        (op.endswith("_pass") or op in {"cross_entropy", "newton_many"})
        and name in {"gradient_out", "hessian_out"}
    )
]


def test_none_is_refused_where_it_means_nothing():
    # in a process of its own: what is asked is whether the C code is reached with no array at all
    code = f"""
import sys
sys.path[:0] = {[str(Path(__file__).parent), *filter(None, sys.path)]!r}
from sigmax import kernels
from test_backends_agree import NEVER_NONE, arguments

assert len(NEVER_NONE) > 30
compiled = kernels.get("compiled")
# the debug build's own check of None comes first
refused = (TypeError, ValueError) + (AttributeError,) * kernels.is_debug_build()
for operation, name in NEVER_NONE:
    try:
        getattr(compiled, operation)(**(arguments(operation) | {{name: None}}))
    except refused:
        continue
    sys.exit(f"{{operation}}({{name}}=None) was accepted")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr)
