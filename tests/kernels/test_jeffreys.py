"""The kernels of Firth's bias reduction: against 50 digits, each other, and layouts, weights, empty rows."""

import numpy as np
import pytest
from mpmath import mp, mpf
from oracles.firth import kappa

from sigmax.kernels import reference
from sigmax.kernels.interface import FirthNumber, Status

SHAPES = [(300, 5, 1, True), (129, 3, 2, False), (64, 11, 3, True), (7, 0, 1, True), (40, 1, 4, True)]


def problem(n, p, m, intercept, seed=0):
    rng = np.random.default_rng(seed + n)
    k = p + intercept
    X, coef = rng.normal(size=(n, p)), rng.normal(size=(m, k))
    root = np.triu(rng.normal(size=(m * k, m * k)))
    weight, offset = rng.random(n), rng.normal(size=(n, m))
    weight[1::5] = 0.0
    return X, coef, root, {"intercept": intercept, "weight": weight, "offset": offset}


def run(kernels, X, coef, root, options, *, binary):
    gradient = np.full(coef.shape, np.nan)
    one = kernels.binary_jeffreys if binary else kernels.softmax_jeffreys
    return gradient, one(X, coef, root, gradient, **options)


def exactly(X, coef, root, options):
    """Gradient, the largest q and the size of the gradient's terms, by the definition, 50 digits."""
    m, k = coef.shape
    with mp.workdps(50):
        T = mp.matrix(root.tolist())
        inverse = T * T.T
        gradient, sizes = [[mpf(0)] * k for _ in range(m)], [[mpf(0)] * k for _ in range(m)]
        largest = mpf(0)
        for i, row in enumerate(X):
            z = ([mpf(1)] if options["intercept"] else []) + [mpf(float(v)) for v in row]
            w = mpf(float(options["weight"][i]))
            eta = [mpf(float(options["offset"][i, c])) for c in range(m)]
            eta = [e + mp.fdot(z, map(float, coef[c])) for c, e in enumerate(eta)]
            total = 1 + mp.fsum(map(mp.exp, eta))
            p = [mp.exp(e) / total for e in eta]
            Q = mp.matrix(m, m)
            for a in range(m):
                for b in range(m):
                    Q[a, b] = mp.fsum(
                        z[j] * inverse[a * k + j, b * k + h] * z[h] for j in range(k) for h in range(k)
                    )
            for c in range(-1, m):
                away = mp.matrix([(a == c) - p[a] for a in range(m)])
                if w > 0:
                    largest = max(largest, (away.T * Q * away)[0])
            for c in range(m):
                terms = [w * Q[a, b] * kappa(p, a, b, c) / 2 for a in range(m) for b in range(m)]
                for j in range(k):
                    gradient[c][j] += mp.fsum(terms) * z[j]
                    sizes[c][j] += mp.fsum(map(abs, terms)) * abs(z[j])
        return (np.array([[float(v) for v in row] for row in part]) for part in (gradient, sizes)), float(
            largest
        )


@pytest.mark.parametrize("shape", [(30, 2, 1, True), (20, 1, 2, True), (12, 2, 3, False)])
def test_against_the_third_cumulants(backend, shape):
    n, p, m, intercept = shape
    q = problem(n, p, m, intercept)
    (wanted, sizes), largest = exactly(*q)
    for binary in (True, False) if m == 1 else (False,):
        gradient, found = run(backend, *q, binary=binary)
        assert (np.abs(gradient - wanted) <= 2e-14 * sizes).all()
        assert found == pytest.approx(largest, rel=1e-13)


@pytest.mark.parametrize("shape", SHAPES)
def test_backends_and_layouts_agree(compiled, shape):
    n, p, m, intercept = shape
    X, coef, root, options = problem(n, p, m, intercept)
    for binary in (True, False) if m == 1 else (False,):
        wanted, largest = run(reference, X, coef, root, options, binary=binary)
        found = []
        wide = np.repeat(X, 2, axis=1)
        for given in (X, np.asfortranarray(X), wide[:, ::2]):
            found.append(run(compiled, given, coef, root, options, binary=binary))
        scale = np.abs(wanted).max()
        np.testing.assert_allclose(found[0][0], wanted, rtol=0.0, atol=1e-12 * scale)
        assert found[0][1] == pytest.approx(largest, rel=1e-12)
        for gradient, most in found[1:]:
            assert (gradient == found[0][0]).all()
            assert most == found[0][1]


def test_no_rows(backend):
    X, coef, root, options = problem(7, 2, 2, True)
    empty = {"intercept": True, "weight": options["weight"][:0], "offset": options["offset"][:0]}
    gradient, largest = run(backend, X[:0], coef, root, empty, binary=False)
    assert largest == 0.0
    assert (gradient == 0.0).all()


def test_rows_of_weight_zero_do_not_count(backend):
    X, coef, root, options = problem(60, 2, 2, True)
    keep = options["weight"] > 0.0
    part = {"intercept": True, "weight": options["weight"][keep], "offset": options["offset"][keep]}
    whole, largest = run(backend, X, coef, root, options, binary=False)
    some, most = run(backend, X[keep], coef, root, part, binary=False)
    assert largest == most
    np.testing.assert_allclose(whole, some, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["coef", "root", "gradient_out", "weight", "offset"])
def test_wrong_shapes_are_refused(backend, name):
    X, coef, root, options = problem(7, 2, 2, True)
    given = {"coef": coef, "root": root, "gradient_out": np.empty((2, 3)), **options}
    given[name] = np.ascontiguousarray(given[name][..., :-1] if name == "coef" else given[name][:-1])
    with pytest.raises(ValueError, match=name):
        backend.softmax_jeffreys(X, **given)


# -- whole small fits --------------------------------------------------------------------------------


def small(kernels, X, y, *, intercept=True, tol=1e-12, share=1.0, **options):
    k = X.shape[1] + intercept
    coef, numbers, vectors = np.full(k, np.nan), np.empty(len(FirthNumber)), np.full((4, k), np.nan)
    H, inverse = np.full((k, k), np.nan), np.full((k, k), np.nan)
    status = kernels.firth_small(
        X,
        y,
        coef,
        numbers,
        vectors,
        H,
        inverse,
        intercept=intercept,
        tol=tol,
        score=1e-10,
        share=share,
        **options,
    )
    return status, coef, numbers, vectors, H, inverse


def labelled(n, p, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    return X, (rng.random(n) < 1.0 / (1.0 + np.exp(0.5 - X.sum(axis=1) / np.sqrt(p + 1)))).astype(np.int32)


@pytest.mark.parametrize(
    ("n", "p", "intercept"), [(1000, 5, True), (129, 8, False), (300, 20, True), (64, 0, True)]
)
def test_small_fits_of_both_backends_agree(compiled, n, p, intercept):
    X, y = labelled(n, p)
    options = {"weight": np.random.default_rng(1).random(n) + 0.5, "offset": np.full((n, 1), 0.25)}
    a, b = (small(kernels, X, y, intercept=intercept, **options) for kernels in (compiled, reference))
    assert a[0] == b[0] == Status.TOLERANCE
    np.testing.assert_allclose(a[1], b[1], rtol=0.0, atol=1e-12)
    for name in (FirthNumber.NLL_HIGH, FirthNumber.LARGEST):
        assert a[2][name] == pytest.approx(b[2][name], rel=1e-11)
    assert a[2][FirthNumber.STEPS] == b[2][FirthNumber.STEPS]
    np.testing.assert_allclose(a[3], b[3], rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(a[4], b[4], rtol=1e-11, atol=1e-11 * np.abs(b[4]).max())
    np.testing.assert_allclose(a[5], b[5], rtol=1e-9, atol=1e-11 * np.abs(b[5]).max())


def test_a_small_fit_is_what_its_parts_say(backend):
    X, y = labelled(200, 4)
    status, coef, numbers, vectors, H, inverse = small(backend, X, y)
    assert status == Status.TOLERANCE
    gradient, hessian, pull = np.empty((1, 5)), np.empty((5, 5)), np.empty((1, 5))
    nll = backend.binary_pass(X, y, coef[None], gradient, hessian, intercept=True)
    root = np.ascontiguousarray(np.linalg.inv(np.linalg.cholesky(hessian)).T)
    largest = backend.binary_jeffreys(X, coef[None], root, pull, intercept=True)
    assert np.abs(pull - gradient).max() <= 1e-10
    assert numbers[FirthNumber.NLL_HIGH] == pytest.approx(nll[0], rel=1e-14)
    assert numbers[FirthNumber.LARGEST] == pytest.approx(largest, rel=1e-12)
    np.testing.assert_allclose(vectors[0], gradient[0], atol=1e-12)
    np.testing.assert_allclose(vectors[1], pull[0], atol=1e-12)
    np.testing.assert_allclose(
        vectors[2] ** 2 @ np.ones(5), np.linalg.cholesky(hessian).diagonal() ** 2 @ np.ones(5)
    )
    np.testing.assert_allclose(vectors[3], np.abs(np.column_stack([np.ones(200), X])).max(axis=0))
    np.testing.assert_allclose(H, hessian, rtol=1e-12)
    np.testing.assert_allclose(inverse @ hessian, np.eye(5), atol=1e-12)


def test_a_start_leads_to_the_same_place(backend):
    X, y = labelled(200, 4)
    plain = small(backend, X, y)
    started = small(backend, X, y, start=plain[1] + 0.3)
    assert started[0] == Status.TOLERANCE
    np.testing.assert_allclose(started[1], plain[1], atol=1e-12)


@pytest.mark.parametrize("bad", ["dependent", "nan", "far start", "no rows"])
def test_what_it_cannot_do_is_handed_over(backend, bad):
    X, y = labelled(50, 2)
    options = {}
    if bad == "dependent":
        X[:, 1] = X[:, 0]
    elif bad == "nan":
        X[3, 0] = np.nan
    elif bad == "far start":
        options["start"] = np.array([900.0, 1.0, 1.0])
    else:
        X, y = X[:0], y[:0]
    status, coef, numbers, *_ = small(backend, X, y, **options)
    assert status == Status.HAND_OVER
    assert np.isnan(coef).all()
    assert np.isnan(numbers[: FirthNumber.STEPS]).all()
    assert np.isfinite(numbers[FirthNumber.STEPS :]).all()
