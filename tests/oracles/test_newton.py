"""The oracle is tested against definitions, closed forms and identities, never against sigmax."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf
from numpy.typing import NDArray

from oracles import newton
from oracles import optimum as entry


@dataclass(frozen=True)
class Case:
    """A small problem with an arbitrary point at which to differentiate."""

    X: NDArray[np.float64]
    codes: NDArray[np.int64]
    n_classes: int
    coef: NDArray[np.float64]
    options: dict[str, Any]


def small(n_classes: int, *, weighted: bool, shifted: bool, intercept: bool = True) -> Case:
    rng = np.random.default_rng(20240611 + n_classes)
    n, p = 14, 2
    options: dict[str, Any] = {"fit_intercept": intercept}
    if weighted:
        options["weight"] = rng.uniform(0.0, 3.0, n)
        options["weight"][3] = 0.0
    if shifted:
        options["offset"] = rng.normal(size=n if n_classes == 2 else (n, n_classes - 1))
    return Case(
        X=rng.normal(size=(n, p)) * [1.0, 30.0],
        codes=np.arange(n) % n_classes,
        n_classes=n_classes,
        coef=rng.normal(size=(n_classes - 1, p + intercept)) * ([1.0] * intercept + [1.0, 0.03]),
        options=options,
    )


CASES = {
    "binary": small(2, weighted=False, shifted=False),
    "binary weighted shifted": small(2, weighted=True, shifted=True),
    "binary without intercept": small(2, weighted=True, shifted=False, intercept=False),
    "three classes": small(3, weighted=False, shifted=False),
    "four classes weighted shifted": small(4, weighted=True, shifted=True),
    "three classes without intercept": small(3, weighted=False, shifted=True, intercept=False),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def by_definition(case: Case, coef: list[mpf], digits: int) -> mpf:
    """-sum_i w_i log(exp(z_iy) / sum_j exp(z_ij)), written down as plainly as it is defined."""
    n, k = case.X.shape[0], len(coef) // (case.n_classes - 1)
    weight = case.options.get("weight", np.ones(n))
    offset = case.options.get("offset", np.zeros((n, case.n_classes - 1))).reshape(n, -1)
    with mp.workdps(digits):
        total = mpf(0)
        for i in range(n):
            row = [mpf(1)] * case.options["fit_intercept"] + [mpf(v) for v in case.X[i].tolist()]
            z = [mpf(0)]
            for a in range(case.n_classes - 1):
                block = coef[a * k : (a + 1) * k]
                z.append(mpf(float(offset[i, a])) + sum(u * v for u, v in zip(row, block, strict=True)))
            probability = mp.exp(z[case.codes[i]]) / sum(mp.exp(v) for v in z)
            total -= mpf(float(weight[i])) * mp.log(probability)
        return total


def point(case: Case) -> list[mpf]:
    return [mpf(v) for v in case.coef.ravel().tolist()]


def close(value: mpf, want: mpf, tolerance: str) -> bool:
    with mp.workdps(200):
        return bool(abs(value - want) <= mpf(tolerance) * abs(want))


@every_case
def test_nll_equals_its_definition(case: Case) -> None:
    got = newton.evaluate(case.X, case.codes, case.coef, case.n_classes, **case.options).nll
    assert close(got, by_definition(case, point(case), 150), "1e-70")


@every_case
def test_gradient_equals_differences_of_the_nll(case: Case) -> None:
    # Central difference with h = 1e-30 at 120 digits: truncation ~ h^2 = 1e-60, rounding ~ 1e-90.
    at = newton.evaluate(case.X, case.codes, case.coef, case.n_classes, **case.options)
    assert len(at.gradient) == case.coef.size
    with mp.workdps(120):
        h = mpf("1e-30")
        for j, slope in enumerate(at.gradient):
            up, down = point(case), point(case)
            up[j] += h
            down[j] -= h
            difference = by_definition(case, up, 120) - by_definition(case, down, 120)
            assert close(slope, difference / (2 * h), "1e-50")


@every_case
def test_hessian_equals_differences_of_the_nll(case: Case) -> None:
    # Second central difference with h = 1e-30 at 150 digits: truncation 1e-60, rounding 1e-90.
    at = newton.evaluate(case.X, case.codes, case.coef, case.n_classes, **case.options)
    assert at.hessian is not None
    size = case.coef.size
    assert [len(row) for row in at.hessian] == [size] * size
    with mp.workdps(150):
        h = mpf("1e-30")
        for j in range(size):
            for m in range(size):
                total = mpf(0)
                for u, v in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                    moved = point(case)
                    moved[j] += u * h
                    moved[m] += v * h
                    total += u * v * by_definition(case, moved, 150)
                assert close(at.hessian[j][m], total / (4 * h * h), "1e-50")


@every_case
def test_hessian_is_left_out_when_not_wanted(case: Case) -> None:
    full = newton.evaluate(case.X, case.codes, case.coef, case.n_classes, **case.options)
    lean = newton.evaluate(case.X, case.codes, case.coef, case.n_classes, hessian=False, **case.options)
    assert lean.hessian is None
    assert (lean.nll, lean.gradient) == (full.nll, full.gradient)


@pytest.mark.parametrize("name", ["binary", "binary weighted shifted", "binary without intercept"])
def test_softmax_with_two_classes_equals_logistic(name: str) -> None:
    case = CASES[name]
    one, two = (
        newton.evaluate(case.X, case.codes, case.coef, 2, form=form, **case.options)
        for form in ("logistic", "softmax")
    )
    assert one.hessian is not None
    assert two.hessian is not None
    assert close(two.nll, one.nll, "1e-70")
    for a, b in zip(
        [*two.gradient, *sum(two.hessian, ())], [*one.gradient, *sum(one.hessian, ())], strict=True
    ):
        assert close(a, b, "1e-65")


@pytest.mark.parametrize("form", ["logistic", "softmax"])
@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize("logit", [-1e300, -5000.0, -800.0, -40.0, 0.0, 40.0, 800.0, 5000.0, 1e300])
def test_saturated_rows_keep_their_relative_accuracy(form: Any, code: int, logit: float) -> None:
    at = newton.evaluate(np.zeros((1, 0)), [code], [logit], 2, form=form)
    assert at.hessian is not None
    with mp.workdps(800):
        u = mpf(-logit if code else logit)
        e = mp.exp(-abs(u))
        # Below exp(-1e5), log(1 + e) = e to far more digits than are compared.
        loss = max(u, 0) + (mp.log(1 + e) if u > -1000 and abs(u) < 1000 else e)
        sigma = 1 / (1 + e) if u > 0 else e / (1 + e)
        assert close(at.nll, loss, "1e-70")
        assert close(at.gradient[0], -sigma if code else sigma, "1e-70")
        assert close(at.hessian[0][0], e / (1 + e) ** 2, "1e-70")


def test_saturated_softmax_rows_keep_their_relative_accuracy() -> None:
    # Logits 0, 900, 2000, -700 and class 2: every probability but one underflows in float64.
    at = newton.evaluate(np.zeros((1, 0)), [2], [900.0, 2000.0, -700.0], 4)
    assert at.hessian is not None
    with mp.workdps(2000):
        z = [mpf(v) for v in (0, 900, 2000, -700)]
        p = [mp.exp(v) / sum(mp.exp(u) for u in z) for v in z]
        assert close(at.nll, -mp.log(p[2]), "1e-70")
        for a in (1, 2, 3):
            assert close(at.gradient[a - 1], p[a] - (a == 2), "1e-70")
            for b in (1, 2, 3):
                assert close(at.hessian[a - 1][b - 1], p[a] * ((a == b) - p[b]), "1e-70")


@pytest.mark.parametrize("form", ["logistic", "softmax"])
def test_large_inexact_logits_are_computed_with_more_digits(form: Any) -> None:
    # A logit of 2^100 / 3 has 30 digits before the point; exp() needs 50 more behind it.
    with mp.workdps(200):
        third = mpf(1) / 3
        at = newton.evaluate([[2.0**100]], [1], [third], 2, fit_intercept=False, form=form)
        e = mp.exp(-third * 2**100)
        assert close(at.nll, e, "1e-60")
        assert close(at.gradient[0], -e * 2**100, "1e-60")


@pytest.mark.parametrize("start", [0.0, 4.0, -40.0, np.nan, np.inf])
@pytest.mark.parametrize("name", ["binary weighted shifted", "four classes weighted shifted"])
def test_a_bad_start_costs_time_alone(monkeypatch: pytest.MonkeyPatch, name: str, start: float) -> None:
    case = CASES[name]
    # Each row counts for its own class, and a little for the others: a finite maximum.
    n, n_classes = case.codes.size, case.n_classes
    repeat = np.repeat(np.arange(n), n_classes)
    codes = np.tile(np.arange(n_classes), n)
    weight = np.where(codes == case.codes[repeat], 5.0, 1.0)
    fit = {"weight": weight, "offset": case.options["offset"][repeat]}
    want = newton.optimum(case.X[repeat], codes, n_classes, **fit)
    far = np.where(np.arange(case.coef.size) == 0, start, 0.0)
    monkeypatch.setattr(entry, "float_start", lambda arrays: far)
    got = newton.optimum(case.X[repeat], codes, n_classes, **fit)
    for u, v in zip(got.params, want.params, strict=True):
        assert all(close(s, t, "1e-48") for s, t in zip(u, v, strict=True))


@pytest.mark.parametrize("name", ["spector", "fair", "anes96"])
def test_bundled_optimum_is_stationary(name: str) -> None:
    data = newton.bundled(name)
    fit = data.optimum
    assert fit.newton_decrement < mpf("1e-45")
    assert fit.movement < mpf("1e-50")
    # Evaluated once more, with more digits than the optimiser had.
    at = newton.evaluate(data.X, data.codes, fit.params, data.n_classes, digits=70, hessian=False)
    assert max(abs(g) for g in at.gradient) < mpf("1e-45")
    with mp.workdps(75):
        assert close(-at.nll, fit.llf, "1e-60")
    assert fit.llf > data.llf_null


@pytest.mark.parametrize("name", ["spector", "anes96"])
def test_bundled_covariance_inverts_the_information(name: str) -> None:
    data = newton.bundled(name)
    fit = data.optimum
    at = newton.evaluate(data.X, data.codes, fit.params, data.n_classes)
    assert at.hessian is not None
    size = len(fit.covariance)
    with mp.workdps(80):
        for i in range(size):
            for j in range(size):
                entry = mp.fdot(at.hessian[i], (row[j] for row in fit.covariance))
                assert abs(entry - (i == j)) < mpf("1e-45")
        flat = [s for row in fit.bse for s in row]
        assert all(close(s * s, fit.covariance[i][i], "1e-50") for i, s in enumerate(flat))


def test_bundled_is_computed_once() -> None:
    data = newton.bundled("spector")
    assert newton.bundled("spector") is data
    with pytest.raises(ValueError, match="read-only"):
        data.X[0, 0] = 0.0
    with pytest.raises(ValueError, match="read-only"):
        data.codes[0] = 0


@pytest.mark.parametrize(("n0", "n1"), [(21, 11), (1, 1), (3, 997)])
def test_intercept_alone_is_the_log_odds(n0: int, n1: int) -> None:
    codes = np.repeat([0, 1], [n0, n1])
    fit = newton.optimum(np.zeros((n0 + n1, 0)), codes, 2)
    with mp.workdps(75):
        n = n0 + n1
        llf = n0 * mp.log(mpf(n0) / n) + n1 * mp.log(mpf(n1) / n)
        assert abs(fit.params[0][0] - mp.log(mpf(n1) / n0)) < mpf("1e-50")
        assert close(fit.bse[0][0], mp.sqrt(mpf(1) / n0 + mpf(1) / n1), "1e-50")
        assert close(fit.llf, llf, "1e-60")
        assert close(newton.null_llf(codes, 2), llf, "1e-70")


def test_intercepts_alone_are_the_log_odds_of_each_class() -> None:
    counts = [7, 1, 30, 12]
    codes = np.repeat(range(4), counts)
    fit = newton.optimum(np.zeros((50, 0)), codes, 4)
    with mp.workdps(75):
        for a in (1, 2, 3):
            assert close(fit.params[a - 1][0], mp.log(mpf(counts[a]) / counts[0]), "1e-50")
            for b in (1, 2, 3):
                # Covariance of log(n_a / n_0) and log(n_b / n_0).
                want = mpf(1) / counts[0] + (mpf(1) / counts[a] if a == b else 0)
                assert close(fit.covariance[a - 1][b - 1], want, "1e-50")
        llf = sum(c * mp.log(mpf(c) / 50) for c in counts)
        assert close(fit.llf, llf, "1e-60")
        assert close(newton.null_llf(codes, 4), llf, "1e-70")


def test_saturated_table_is_the_log_odds_ratio() -> None:
    a, b, c, d = 9, 4, 5, 23  # (x, y) = (0, 0), (0, 1), (1, 0), (1, 1)
    x = np.repeat([0.0, 0.0, 1.0, 1.0], [a, b, c, d])
    y = np.repeat([0, 1, 0, 1], [a, b, c, d])
    fit = newton.optimum(x[:, None], y, 2)
    with mp.workdps(75):
        assert close(fit.params[0][0], mp.log(mpf(b) / a), "1e-50")
        assert close(fit.params[0][1], mp.log(mpf(a * d) / (b * c)), "1e-50")
        assert close(fit.bse[0][0], mp.sqrt(mpf(1) / a + mpf(1) / b), "1e-50")
        assert close(fit.bse[0][1], mp.sqrt(sum(mpf(1) / m for m in (a, b, c, d))), "1e-50")
        assert close(fit.covariance[0][1], -(mpf(1) / a + mpf(1) / b), "1e-50")


@pytest.mark.parametrize("n_classes", [2, 3])
def test_integer_weights_equal_repeated_rows(n_classes: int) -> None:
    rng = np.random.default_rng(5)
    n = 40
    X = rng.normal(size=(n, 2))
    codes = rng.integers(0, n_classes, n)
    weight = rng.integers(0, 4, n)
    offset = rng.normal(size=n if n_classes == 2 else (n, n_classes - 1))
    repeat = np.repeat(np.arange(n), weight)
    one = newton.optimum(X, codes, n_classes, weight=weight, offset=offset)
    two = newton.optimum(X[repeat], codes[repeat], n_classes, offset=offset[repeat])
    assert close(one.llf, two.llf, "1e-50")
    for u, v in zip(one.params + one.covariance, two.params + two.covariance, strict=True):
        assert all(close(s, t, "1e-48") for s, t in zip(u, v, strict=True))
    null = newton.null_llf(codes, n_classes, weight=weight)
    assert close(null, newton.null_llf(codes[repeat], n_classes), "1e-70")


@pytest.mark.parametrize("shift", [[0.75], [-3.0, 12.5]])
def test_constant_offset_moves_the_intercept_alone(shift: list[float]) -> None:
    rng = np.random.default_rng(6)
    n, free = 40, len(shift)
    X = rng.normal(size=(n, 2))
    codes = rng.integers(0, free + 1, n)
    offset = np.tile(shift, (n, 1)) if free > 1 else np.full(n, shift[0])
    plain = newton.optimum(X, codes, free + 1)
    moved = newton.optimum(X, codes, free + 1, offset=offset)
    with mp.workdps(75):
        for a in range(free):
            assert abs(plain.params[a][0] - shift[a] - moved.params[a][0]) < mpf("1e-50")
            for u, v in zip(plain.params[a][1:], moved.params[a][1:], strict=True):
                assert close(u, v, "1e-48")
    assert close(plain.llf, moved.llf, "1e-60")


def test_offset_of_a_feature_takes_one_from_its_coefficient() -> None:
    # x, as an offset in the logit of class 2 alone, shows that each class gets its own column.
    rng = np.random.default_rng(7)
    X = rng.integers(-3, 4, size=(60, 1)).astype(float)
    codes = rng.integers(0, 3, 60)
    offset = np.column_stack([np.zeros(60), X[:, 0]])
    plain = newton.optimum(X, codes, 3)
    moved = newton.optimum(X, codes, 3, offset=offset)
    with mp.workdps(75):
        assert abs(plain.params[0][1] - moved.params[0][1]) < mpf("1e-50")
        assert abs(plain.params[1][1] - 1 - moved.params[1][1]) < mpf("1e-50")


def test_badly_scaled_columns() -> None:
    # Column scales 2^-60 and 2^70 are exact, so the coefficients must scale back exactly.
    rng = np.random.default_rng(8)
    X = rng.normal(size=(50, 2))
    codes = rng.integers(0, 2, 50)
    plain = newton.optimum(X, codes, 2)
    scaled = newton.optimum(X * [2.0**-60, 2.0**70], codes, 2)
    with mp.workdps(75):
        assert close(scaled.params[0][1], plain.params[0][1] * mpf(2) ** 60, "1e-48")
        assert close(scaled.params[0][2], plain.params[0][2] / mpf(2) ** 70, "1e-48")
        assert close(scaled.bse[0][2], plain.bse[0][2] / mpf(2) ** 70, "1e-48")


def test_nearly_collinear_columns_beyond_double_precision() -> None:
    # The second column is the first plus multiples of h = 2^-48: no float64 solver can use the
    # difference, yet all is exact, and with x b1 + (x + d h) b2 = x (b1 + b2) + d (h b2) it is a
    # harmless problem in other coordinates.
    rng = np.random.default_rng(9)
    x = rng.integers(-16, 17, 60).astype(float)
    d = rng.integers(-2, 3, 60).astype(float)
    second = x + d * 2.0**-48
    np.testing.assert_array_equal((second - x) * 2.0**48, d)
    codes = rng.integers(0, 2, 60)
    harmless = newton.optimum(np.column_stack([x, d]), codes, 2)
    near = newton.optimum(np.column_stack([x, second]), codes, 2)
    with mp.workdps(100):
        _, b1, b2 = near.params[0]
        h = mpf(2) ** -48
        assert close(b1 + b2, harmless.params[0][1], "1e-50")
        assert close(b2 * h, harmless.params[0][2], "1e-50")
        assert close(near.bse[0][2] * h, harmless.bse[0][2], "1e-50")
    assert close(near.llf, harmless.llf, "1e-60")


@pytest.mark.parametrize("digits", [20, 50, 80])
def test_digits_are_delivered(digits: int) -> None:
    data = newton.bundled("spector")
    fit = newton.optimum(data.X, data.codes, 2, digits=digits)
    best = newton.optimum(data.X, data.codes, 2, digits=120)
    assert fit.newton_decrement < mpf(10) ** -(digits - 5)
    tolerance = f"1e-{digits}"
    for got, want in zip(fit.params + fit.covariance, best.params + best.covariance, strict=True):
        assert all(close(u, v, tolerance) for u, v in zip(got, want, strict=True))


@pytest.mark.parametrize("scale", [2.0**-500, 2.0**-60, 2.0**100, 2.0**300])
def test_scale_of_the_weights_moves_the_standard_errors_alone(scale: float) -> None:
    data = newton.bundled("spector")
    weight = np.linspace(0.5, 2.0, 32)
    plain = newton.optimum(data.X, data.codes, 2, weight=weight)
    scaled = newton.optimum(data.X, data.codes, 2, weight=weight * scale)
    with mp.workdps(75):
        for j in range(4):
            assert close(scaled.params[0][j], plain.params[0][j], "1e-50")
            assert close(scaled.bse[0][j], plain.bse[0][j] / mp.sqrt(mpf(scale)), "1e-50")
        assert close(scaled.llf, plain.llf * mpf(scale), "1e-60")


SEPARATED = [
    ([1.0, 2.0, 3.0, 4.0], [0, 0, 1, 1], 2),  # completely
    ([1.0, 2.0, 2.0, 3.0], [0, 0, 1, 1], 2),  # but for a tie
    ([1.0, 2.0, 3.0, 1.5], [0, 1, 0, 1], 3),  # class 2 has no rows
    ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0, 1, 0, 1, 2, 2], 3),  # class 2 from the others
]


@pytest.mark.parametrize(("x", "codes", "n_classes"), SEPARATED)
@pytest.mark.parametrize("weight", [1.0, 1e-250])
def test_separated_classes_are_refused(
    x: list[float], codes: list[int], n_classes: int, weight: float
) -> None:
    with pytest.raises(ArithmeticError, match="no finite maximum"):
        newton.optimum(np.array(x)[:, None], codes, n_classes, weight=np.full(len(x), weight))


@pytest.mark.parametrize("x", [0.0, 1.0, -3.5])
def test_a_constant_column_is_refused(x: float) -> None:
    with pytest.raises(newton.IllConditionedError):
        newton.optimum(np.full((4, 1), x), [0, 1, 0, 1], 2)


@pytest.mark.parametrize("seed", range(6))  # the sign of the rounding noise is a matter of luck
def test_a_column_that_repeats_others_is_refused(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.integers(-9, 10, size=(30, 3)).astype(float)
    X[:, 2] = 3 * X[:, 0] - 7 * X[:, 1]
    with pytest.raises(newton.IllConditionedError, match="singular"):
        newton.optimum(X, rng.integers(0, 3, 30), 3)


def test_no_weight_at_all_is_refused() -> None:
    with pytest.raises(newton.IllConditionedError):
        newton.optimum(np.zeros((3, 0)), [0, 1, 1], 2, weight=[0.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.array([[1.0], [np.nan]])}, "finite matrix"),
        ({"X": np.array([1.0, 2.0])}, "finite matrix"),
        ({"codes": [0]}, "2 integers"),
        ({"codes": [0, 0.5]}, "2 integers"),
        ({"codes": [0, 2]}, "0 .. 1"),
        ({"codes": [-1, 0]}, "0 .. 1"),
        ({"weight": [1.0, -1.0]}, "not negative"),
        ({"weight": [1.0]}, "2 finite numbers"),
        ({"offset": [0.0]}, "offset must be"),
        ({"offset": [[0.0], [0.0]]}, "offset must be"),
        ({"offset": [0.0, np.inf]}, "offset must be"),
        ({"coef": [0.0]}, "2 finite numbers"),
        ({"coef": [0.0, np.nan]}, "2 finite numbers"),
        ({"n_classes": 1}, "codes must lie"),
        ({"X": np.zeros((2, 0)), "fit_intercept": False, "coef": []}, "no coefficients"),
        ({"n_classes": 3, "coef": [0.0] * 4, "form": "logistic"}, "two classes"),
        ({"n_classes": 3, "coef": [0.0] * 4, "offset": [0.0, 0.0]}, "offset must be"),
    ],
)
def test_bad_inputs_are_refused(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {
        "X": np.array([[1.0], [2.0]]),
        "codes": [0, 1],
        "coef": [0.0, 0.0],
        "n_classes": 2,
    }
    newton.evaluate(**good)
    with pytest.raises(ValueError, match=message):
        newton.evaluate(**(good | change))


def test_unknown_bundled_name() -> None:
    with pytest.raises(ValueError, match="spector, fair, anes96"):
        newton.bundled("iris")


def test_relative_error() -> None:
    with mp.workdps(60):
        third = mpf(1) / 3
    error = newton.relative_error([[1 / 3, 0.5], [0.0, -1.0]], [third, mpf("0.25"), mpf(0), 1])
    # float64(1/3) = (1 - 2^-54) / 3
    np.testing.assert_array_equal(error, [[2.0**-54, 1.0], [0.0, 2.0]])
    assert newton.relative_error(1 / 3, third) == 2.0**-54
    assert newton.relative_error(1e-300, mpf(0)) == np.inf
    assert newton.relative_error(np.nan, third) == np.inf
    assert newton.relative_error(-np.inf, third) == np.inf
    with pytest.raises(ValueError, match="2 values against 1"):
        newton.relative_error([1.0, 2.0], [third])


def test_to_float_rounds_to_nearest_and_keeps_the_shape() -> None:
    with mp.workdps(60):
        just_above_half = 1 + mpf(2) ** -53 + mpf(2) ** -150
        rounded = newton.to_float(((just_above_half, mpf(1) / 3), (mpf(-2), +mp.pi)))
    np.testing.assert_array_equal(rounded, [[1 + 2.0**-52, 1 / 3], [-2.0, math.pi]])
    assert newton.to_float(mpf(3)).shape == ()
