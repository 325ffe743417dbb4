"""Accuracy of every row operation in ulp, against 60 digits, where double arithmetic goes wrong first.

An error of x ulp is x times the distance of the doubles around the exact value (2^-1074 for subnormals).
Bounds are per backend, and a little above what a search over far more points than these has found.  The
compiled kernels carry the low words of exp(-|eta|), of 1 + t, and of the shift and the sum of a softmax.  The
reference writes the formulas down: NumPy's exp and log1p are within 1 ulp, and each further operation adds
half a unit, which costs up to an ulp where the mantissa of the result is large.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import pytest
from mpmath import mp, mpf
from strategies import run_line, run_rows, with_reference

DIGITS = 60


@dataclass(frozen=True)
class Exact:
    """Exact values as nearest double, the rest in ulp, and the ulp: errors come out in plain doubles."""

    nearest: np.ndarray
    rest: np.ndarray
    ulp: np.ndarray

    @classmethod
    def of(cls, values):
        with mp.workdps(DIGITS):
            nearest = np.array([float(v) for v in values])
            exponent = [mp.frexp(v)[1] if v else -2000 for v in values]
            ulp = np.array([math.ldexp(1.0, max(e - 53, -1074)) for e in exponent])
            rest = [
                float((v - mpf(float(near))) / mpf(float(unit)))
                for v, near, unit in zip(values, nearest, ulp, strict=True)
            ]
        return cls(nearest, np.array(rest), ulp)

    def ulps(self, got):
        """Errors of `got`; nan where it is nan."""
        return np.abs((np.ravel(got) - self.nearest) / self.ulp - self.rest)


def assert_within(exact, got, bound, at, what):
    """Every error of `got` is at most `bound` ulp; `at` describes element i for the message."""
    errors = exact.ulps(got)
    if (errors <= bound).all():  # false for nan
        return
    worst = int(np.argmax(np.where(np.isnan(errors), np.inf, errors - bound)))
    allowed = np.broadcast_to(bound, errors.shape)[worst]
    pytest.fail(
        f"{what}: {errors[worst]:.3g} ulp, allowed {allowed:.3g}; "
        f"got {np.ravel(got)[worst]!r} for {exact.nearest[worst]!r} at {at(worst)}"
    )


def neighbours(x, n=8):
    """x and the n doubles on both sides of it."""
    found, above, below = [x], x, x
    for _ in range(n):
        above, below = math.nextafter(above, math.inf), math.nextafter(below, -math.inf)
        found += [above, below]
    return found


# -- binary rows -----------------------------------------------------------------------------------

#: where the kernels change their path, or a naive formula changes its character
SWITCHES = [
    0.0,
    *((i + 0.5) * math.log(2) for i in range(60)),  # n = rint(x / ln 2) jumps
    -math.log(math.sqrt(2) - 1),  # 1 + t passes sqrt 2: the exponent of log1p jumps
    math.log(2),
    36.04,  # t reaches 2^-52, 2^-53, 2^-54: 1 + t absorbs it
    36.7368005696771,
    37.42994775023705,
    708.396418532264,  # exp turns subnormal, then 0
    709.782712893384,
    710.0,
    744.4400719213812,
    745.1332191019412,
    746.0,
    2.0**-1022,
    2.0**-53,
]

#: |eta| where one of the quantities came out worst in some 20 million random points, for the kernels of today
#: or for those that round each of exp, 1 + t, t / (1 + t) and small * big
HARD = [
    float.fromhex(text)
    for text in (
        "0x1.9fdee024f19e6p+4",  # expit
        "0x1.3df97b0c1f683p+9",
        "0x1.363e6df83c70bp+2",
        "0x1.62b768287c19dp+2",
        "0x1.13589982b1c24p+9",  # residual
        "0x1.2c7a4e1bc4522p+8",
        "0x1.bb2f0ae63b100p+1",
        "0x1.367518e1284bcp+2",
        "0x1.5648ce1af2a00p+3",  # curvature
        "0x1.178f2aa4d0b4fp+5",
        "0x1.0847ec70c5454p+2",
        "0x1.b6f0e74d6f0a4p+1",
        "0x1.c23743cbf0c90p-1",  # nll
        "0x1.a153062db8348p-1",
        "0x1.025324879bf90p+1",
        "0x1.07d49df5dd6e0p+1",
    )
]


@functools.cache
def logits():
    """Some six thousand logits."""
    rng = np.random.default_rng(20)
    magnitudes = [
        np.exp2(rng.uniform(-1074, math.log2(746), 500)),  # any size, subnormals included
        np.exp2(rng.uniform(-60, math.log2(746), 500)),
        rng.uniform(0, 5, 500),
        rng.uniform(0, 40, 500),
        rng.uniform(700, 746, 300),
        [x for switch in SWITCHES for x in neighbours(switch, 6) if x >= 0],
        [5e-324, 1e-310, 2.2e-308, 800.0, 1e10, 1.7976931348623157e308],
        HARD,
    ]
    one_side = np.concatenate([np.asarray(m, dtype=float) for m in magnitudes])
    return np.concatenate([one_side, -one_side])


@functools.cache
def binary_exact():
    """expit; nll and residual for y = 0 and 1; curvature: all over logits()."""
    with mp.workdps(DIGITS):
        expit, curvature, nll, residual = [], [], ([], []), ([], [])
        for x in logits():
            t = mp.exp(-abs(mpf(float(x))))
            small, big, tail = t / (1 + t), 1 / (1 + t), mp.log1p(t)
            expit.append(big if x >= 0 else small)
            curvature.append(small * big)
            for y in (0, 1):
                margin = mpf(float(x if y else -x))
                nll[y].append(max(-margin, mpf(0)) + tail)
                lam = small if margin >= 0 else big
                residual[y].append(-lam if y else lam)
    return {
        "expit": Exact.of(expit),
        "curvature": Exact.of(curvature),
        "nll": tuple(Exact.of(v) for v in nll),
        "residual": tuple(Exact.of(v) for v in residual),
    }


BINARY = {
    # measured on 20 million random points: expit and residual 0.69, curvature 1.12; nll 1.37 on 400,000
    "compiled": {"expit": 0.75, "residual": 0.75, "curvature": 1.25, "nll": 1.5},
    # measured likewise: expit and residual 2.50, curvature 4.72, nll 1.51.  With u = 2^-53, at most one ulp:
    # exp, 1 + t and the quotient make 3 u, the other quotient and the product another 2.5 u
    "reference": {"expit": 3.0, "residual": 3.0, "curvature": 5.5, "nll": 2.0},
}


def at_logit(i):
    return f"eta = {logits()[i]!r} = {float(logits()[i]).hex()}"


def test_expit(backend):
    eta = logits()
    p = np.full_like(eta, np.nan)
    backend.expit(eta, p)
    assert_within(binary_exact()["expit"], p, BINARY[backend.BACKEND]["expit"], at_logit, "expit")


@pytest.mark.parametrize("y", [0, 1])
@pytest.mark.parametrize("quantity", ["residual", "curvature"])
def test_binary_rows(backend, quantity, y):
    eta = logits()
    rows = run_rows(backend, eta[:, None].copy(), np.full(len(eta), y, np.int32))
    exact = binary_exact()[quantity]
    exact = exact[y] if quantity == "residual" else exact
    assert_within(exact, getattr(rows, quantity), BINARY[backend.BACKEND][quantity], at_logit, quantity)


@pytest.mark.parametrize("y", [0, 1])
def test_binary_nll(backend, y):
    codes = np.full(1, y, np.int32)
    pairs = [run_rows(backend, np.array([[x]]), codes).nll for x in logits()]
    assert all(low == 0.0 for _, low in pairs)  # one row: nothing to carry
    got = [high for high, _ in pairs]
    assert_within(binary_exact()["nll"][y], got, BINARY[backend.BACKEND]["nll"], at_logit, "nll")


# -- softmax rows ----------------------------------------------------------------------------------

#: rows for each number of classes: the cost of 60 digits grows with K^2
SOFTMAX_ROWS = {2: 250, 3: 150, 10: 30, 100: 2}


def _ahead(rng, eta, y):
    """The true class leads by 20 to 700."""
    lead = rng.uniform(20, 700, len(y))
    for i, k in enumerate(y):
        if k:
            eta[i, k - 1] += lead[i]
        else:
            eta[i] -= lead[i]
    return eta


def _without(rng, eta, y):
    """One class that is not the true one has probability 0."""
    n, m = eta.shape
    gone = 1 + (y - 1 + rng.integers(1, max(m, 2), n)) % m if m > 1 else np.ones(n, dtype=int)
    gone = np.where(gone == y, 1 + gone % m, gone)
    eta[np.arange(n), gone - 1] = -np.inf
    return eta


FAMILIES = {
    "N(0, 1)": lambda rng, eta, y: eta,
    "N(0, 30)": lambda rng, eta, y: 30 * eta,
    "all 1e4 above the reference": lambda rng, eta, y: eta + 1e4,
    "all 1e4 below the reference": lambda rng, eta, y: eta - 1e4,
    "all 50 below the reference": lambda rng, eta, y: eta - 50,
    "true class ahead": _ahead,
    "1e308": lambda rng, eta, y: np.full_like(eta, 1e308),
    "+-8e307": lambda rng, eta, y: np.copysign(8e307, eta),
    "equal": lambda rng, eta, y: np.zeros_like(eta),
    "one ulp apart": lambda rng, eta, y: 1.0 + np.spacing(1.0) * np.sign(eta),
    "-inf logit": _without,
    "subnormal probabilities": lambda rng, eta, y: np.copysign(rng.uniform(700, 750, eta.shape), eta),
}


@functools.cache
def softmax_case(family, K):
    """Logits and labels; every label occurs, the reference included."""
    rng = np.random.default_rng([K, len(family)])
    n = SOFTMAX_ROWS[K]
    y = ((np.arange(n) + rng.integers(K)) % K).astype(np.int32)
    if family == "-inf logit" and K == 2:
        y[:] = 0
    eta = FAMILIES[family](rng, rng.normal(size=(n, K - 1)), y)
    return np.ascontiguousarray(eta), y


@functools.cache
def softmax_exact(family, K):
    eta, y = softmax_case(family, K)
    found = {"p": [], "nll": [], "residual": [], "curvature": []}
    with mp.workdps(DIGITS):
        for row, true in zip(eta, y, strict=True):
            z = [mpf(0), *(mpf(float(v)) for v in row)]
            top = max(z)
            E = [mp.exp(v - top) for v in z]
            whole = mp.fsum(E)
            p = [e / whole for e in E]
            # 1 - p_k as a sum, and log sum exp without the top: nothing cancels
            others = [mp.fsum(E[:k] + E[k + 1 :]) / whole for k in range(K)]
            q = z.index(top)
            found["p"] += p
            found["nll"].append((top - z[true]) + mp.log1p(mp.fsum(E[:q] + E[q + 1 :])))
            found["residual"] += [-others[k] if k == true else p[k] for k in range(1, K)]
            found["curvature"] += [
                p[k] * others[k] if k == j else -p[k] * p[j] for k in range(1, K) for j in range(1, K)
            ]
    return {name: Exact.of(values) for name, values in found.items()}


#: measured on some million probabilities for each K and 15,000 to 60,000 nll; the compiled kernels add the
#: terms of the denominator in double-double
SOFTMAX = {
    # p and residual 1.77, 1.91, 2.07, 2.00; nll 1.46, 1.60, 1.65, 1.39; curvature 2.8, 3.5, 4.5, 5.0
    "compiled": {
        2: {"p": 2.0, "residual": 2.0, "nll": 1.6, "curvature": 3.0},
        3: {"p": 2.0, "residual": 2.0, "nll": 1.75, "curvature": 4.0},
        10: {"p": 2.25, "residual": 2.25, "nll": 1.75, "curvature": 5.0},
        100: {"p": 2.25, "residual": 2.25, "nll": 1.6, "curvature": 5.5},
    },
    # p and residual 2.5, 3.2, 4.1, 4.7; nll 1.5, 1.9, 2.6, 3.1; curvature 3.9, 4.4, 6.8, 10.8
    "reference": {
        2: {"p": 2.75, "residual": 2.75, "nll": 1.75, "curvature": 4.5},
        3: {"p": 3.5, "residual": 3.5, "nll": 2.25, "curvature": 5.0},
        10: {"p": 4.5, "residual": 4.5, "nll": 3.0, "curvature": 7.5},
        100: {"p": 5.0, "residual": 5.0, "nll": 3.5, "curvature": 11.5},
    },
}

softmax_cases = pytest.mark.parametrize(
    ("family", "K"), [(family, K) for family in FAMILIES for K in SOFTMAX_ROWS], ids=lambda v: str(v)
)


@softmax_cases
def test_softmax(backend, family, K):
    eta, _ = softmax_case(family, K)
    p = np.full((len(eta), K), np.nan)
    backend.softmax(with_reference(eta), p)
    bound = SOFTMAX[backend.BACKEND][K]["p"]
    assert_within(softmax_exact(family, K)["p"], p, bound, lambda i: eta[i // K], "p")


@softmax_cases
@pytest.mark.parametrize("quantity", ["residual", "curvature"])
def test_softmax_rows(backend, family, K, quantity):
    eta, y = softmax_case(family, K)
    with np.errstate(over="ignore"):  # the sum of some negative log-likelihoods is beyond the range
        got = getattr(run_rows(backend, eta, y, softmax=True), quantity)
    size = got[0].size
    bound = SOFTMAX[backend.BACKEND][K][quantity]
    assert_within(
        softmax_exact(family, K)[quantity], got, bound, lambda i: (eta[i // size], y[i // size]), quantity
    )


@softmax_cases
def test_softmax_nll(backend, family, K):
    eta, y = softmax_case(family, K)
    got = [run_rows(backend, eta[i : i + 1], y[i : i + 1], softmax=True).nll[0] for i in range(len(y))]
    bound = SOFTMAX[backend.BACKEND][K]["nll"]
    assert_within(softmax_exact(family, K)["nll"], got, bound, lambda i: (eta[i], y[i]), "nll")


# -- along a line ------------------------------------------------------------------------------------
#
# The change of the negative log-likelihood is exact in (eta, slope, step) only up to the rounding of
# step * slope.  Where that product is exact (a slope of +-1), the bounds below hold for the operation alone.


def margins_and_steps(seed, n):
    """(eta, slope, y, step): margins of either sign and any size, steps from 2^-1000 to 3000, slope +-1."""
    rng = np.random.default_rng(seed)
    eta = np.concatenate(
        [
            rng.normal(0, 2, n),
            rng.uniform(-40, 40, n),
            np.exp2(rng.uniform(-60, 10, n)) * rng.choice([-1, 1], n),
            rng.choice([-1, 1], n) * 10.0 ** rng.integers(3, 16, n),
        ]
    )
    total = len(eta)
    step = np.choose(
        rng.integers(0, 6, total),
        [
            10.0 ** rng.uniform(-300, 3, total),
            np.exp2(rng.uniform(-20, 4, total)),
            rng.uniform(1, 700, total),
            rng.uniform(690, 3000, total),
            np.abs(eta) * 1e-12,
            np.abs(eta) * rng.choice([1e-9, 0.5, 1.0, 2.0], total),
        ],
    )
    return eta, rng.choice([-1.0, 1.0], total), rng.integers(0, 2, total).astype(np.int32), step


def nll_of_margin(m):
    return mp.log1p(mp.exp(-m)) if m >= 0 else -m + mp.log1p(mp.exp(m))


@functools.cache
def binary_change(eta, slope, y, step):
    """Change, both derivatives, and lambda at the far end, with digits to spare for tiny steps."""
    with mp.workdps(400):
        sign = 1 if y else -1
        m, v = sign * mpf(float(eta)), sign * mpf(float(slope))
        moved = m + mpf(float(step)) * v
        t = mp.exp(-abs(moved))
        lam = (t if moved >= 0 else mpf(1)) / (1 + t)
        change = nll_of_margin(moved) - nll_of_margin(m)
        first, second, far_end = -lam * v, t / (1 + t) ** 2 * v**2, lam
    with mp.workdps(DIGITS):
        return +change, +first, +second, +far_end


#: measured on 30,000 rows: 2.01 and 2.80; expm1, lambda and their product, log1p, and where m < 0 a sum
CHANGE = {"compiled": 2.25, "reference": 3.5}


def one_line(backend, eta, slope, y, step):
    """(change, first, second) of one row; nothing is left for the low word."""
    (high, low), first, second = run_line(
        backend, np.array([[eta]]), np.array([[slope]]), np.array([y], np.int32), float(step)
    )
    assert low == 0.0
    return high, first, second


def test_binary_change_where_the_step_is_exact(backend):
    rows = list(zip(*margins_and_steps(31, 500), strict=True))
    exact = Exact.of([binary_change(*row)[0] for row in rows])
    got = [one_line(backend, *row)[0] for row in rows]
    assert_within(exact, got, CHANGE[backend.BACKEND], lambda i: rows[i], "change")


def test_binary_change_for_any_slope(backend):
    # dm = step * slope (1 + u): the change moves by lambda(far end) |dm| u
    rng = np.random.default_rng(32)
    eta, slope, y, step = margins_and_steps(33, 200)
    slope = slope * np.exp2(rng.uniform(-10, 10, len(slope)))
    rows = list(zip(eta, slope, y, step, strict=True))
    truth = [binary_change(*row) for row in rows]
    exact = Exact.of([change for change, *_ in truth])
    far_end = np.array([float(lam) for *_, lam in truth])
    rounding = far_end * np.abs(step * slope) * 2.0**-53 / exact.ulp
    got = [one_line(backend, *row)[0] for row in rows]
    assert_within(exact, got, CHANGE[backend.BACKEND] + rounding, lambda i: rows[i], "change")


def test_no_step_is_no_change(backend):
    for eta in (-800.0, -1e-3, 0.0, 2.0, 800.0):
        for y in (0, 1):
            assert one_line(backend, eta, 3.0, y, 0.0)[0] == 0.0


def grid_of_margins(seed, n):
    """eta and step * slope on a grid of 2^-20, so that eta + step * slope is exact."""
    rng = np.random.default_rng(seed)
    eta = np.round(rng.normal(0, 12, n) * 2**20) / 2**20
    step = np.exp2(rng.integers(-4, 5, n).astype(float))
    slope = np.round(rng.normal(0, 4, n) * 2**10) / 2**10
    return eta, slope, rng.integers(0, 2, n).astype(np.int32), step


#: measured on 15,000 rows: 1.29 and 2.06, 2.45 and 4.06; residual or curvature, times slope or slope^2
DERIVATIVES = {"compiled": (1.5, 2.5), "reference": (3.0, 5.0)}


@pytest.mark.parametrize("order", [1, 2])
def test_binary_derivatives_along_a_line(backend, order):
    rows = list(zip(*grid_of_margins(34, 1500), strict=True))
    exact = Exact.of([binary_change(*row)[order] for row in rows])
    got = [one_line(backend, *row)[order] for row in rows]
    assert_within(
        exact, got, DERIVATIVES[backend.BACKEND][order - 1], lambda i: rows[i], f"derivative {order}"
    )


# -- the same for a softmax --------------------------------------------------------------------------


def softmax_lines(kind, K, seed, n):
    """(eta, slope, y, step), all on a grid of 2^-20: sums, differences and products with step are exact."""
    rng = np.random.default_rng([seed, K, len(kind)])
    m = K - 1
    eta, slope = rng.normal(0, 2, (n, m)), rng.normal(size=(n, m))
    y = rng.integers(0, K, n).astype(np.int32)
    step = np.exp2(rng.integers(-3, 4, n).astype(float))
    if kind == "tiny":
        step = np.exp2(rng.integers(-900, -20, n).astype(float))
    elif kind == "large":
        step = np.exp2(rng.integers(4, 13, n).astype(float))
    elif kind == "saturated":  # the true class far ahead of the others
        eta = _ahead(rng, eta, y)
    elif kind == "far behind":  # the true class has next to no probability, and the step is short
        eta = eta + np.where(y == 0, 1, -1)[:, None] * 0.0
        lead = rng.choice([40.0, 1e3, 1e6, 1e9], n)
        for i, true in enumerate(y):
            eta[i] += lead[i] if true == 0 else 0.0
            if true:
                eta[i, true - 1] -= lead[i]
    elif kind == "overtaken":  # the true class leads by up to 900, and one step gives the lead to the others
        lead = rng.uniform(5, 900, n)
        eta = np.where(y == 0, -1, 0)[:, None] * lead[:, None] + eta
        for i, true in enumerate(y):
            if true:
                eta[i, true - 1] += lead[i]
        slope = np.round(lead + rng.uniform(10, 30, n))[:, None] * (np.arange(1, K) != y[:, None])
        slope = np.where(y[:, None] == 0, slope, slope - slope.max(axis=1, keepdims=True) - 1)
        slope, step = slope + rng.normal(0, 1, (n, m)), np.ones(n)
    elif kind == "equal slopes":  # the reference is out of the race, the others move together
        eta += rng.uniform(40, 300, n)[:, None]
        slope[:] = slope[:, :1]
    return np.round(eta * 2**20) / 2**20, np.round(slope * 2**12) / 2**12, y, step


@dataclass(frozen=True)
class SoftmaxLine:
    """Exact change and derivatives of one row, and the sizes of what is added up to get them."""

    change: mpf
    first: mpf
    second: mpf
    #: sum_{k != y} p_k |expm1(d_k - d_y)| / sum_k p_k exp(d_k - d_y)
    grown: float
    #: sum_k P_k |slope_k - slope_y|
    moved: float


def softmax_line(eta, slope, y, step):
    with mp.workdps(600):
        z = [mpf(0), *(mpf(float(v)) for v in eta)]
        v = [mpf(0), *(mpf(float(s)) for s in slope)]
        d = [mpf(float(step)) * (s - v[y]) for s in v]
        end = [a + b for a, b in zip(z, d, strict=True)]
        p, P = ([mp.exp(a - max(c)) for a in c] for c in (z, end))
        p, P = ([a / mp.fsum(c) for a in c] for c in (p, P))
        kept = mp.fsum(a * mp.exp(b) for a, b in zip(p, d, strict=True))
        grown = mp.fsum(a * mp.expm1(b) for a, b in zip(p, d, strict=True))
        size = mp.fsum(a * abs(mp.expm1(b)) for a, b in zip(p, d, strict=True))
        first = mp.fsum(a * (s - v[y]) for a, s in zip(P, v, strict=True))
        moved = mp.fsum(a * abs(s - v[y]) for a, s in zip(P, v, strict=True))
        # the variance as a sum over pairs: nothing cancels
        second = mp.fsum(P[i] * P[j] * (v[i] - v[j]) ** 2 for i in range(len(v)) for j in range(i))
        change = mp.log1p(grown) if abs(grown) < 0.5 else mp.log(kept)
        return SoftmaxLine(change, first, second, float(size / kept), float(moved))


LINE_KINDS = ("ordinary", "tiny", "large", "saturated", "far behind", "overtaken", "equal slopes")
LINE_ROWS = {2: 80, 3: 100, 10: 30, 100: 2}


@functools.cache
def softmax_lines_exact(kind, K):
    eta, slope, y, step = softmax_lines(kind, K, 35, LINE_ROWS[K])
    rows = [(eta[i], slope[i], y[i], step[i]) for i in range(len(y))]
    return rows, [softmax_line(*row) for row in rows]


def one_softmax_line(backend, eta, slope, y, step):
    change, first, second = run_line(
        backend, eta[None], slope[None], np.array([y], np.int32), float(step), softmax=True
    )
    return change[0], first, second


line_cases = pytest.mark.parametrize("K", LINE_ROWS)


@line_cases
@pytest.mark.parametrize("kind", LINE_KINDS)
def test_softmax_change(backend, kind, K):
    # K terms p_k expm1(..) of both signs are added: K u times their sizes over what is left of them, beside
    # 2 ulp for log1p.  (Each term is off by up to 5 u, but not all to one side.)  Where next to nothing is
    # left, the change is a difference of logits, exact here, and of two log1p, each at most log K.
    rows, truth = softmax_lines_exact(kind, K)
    exact = Exact.of([t.change for t in truth])
    size = np.array([min(t.grown, 1 + math.log(K)) if t.change < -math.log(2) else t.grown for t in truth])
    bound = 2.0 + K * 2.0**-53 * size / exact.ulp
    got = [one_softmax_line(backend, *row)[0] for row in rows]
    assert_within(exact, got, bound, lambda i: rows[i], "change")


@line_cases
@pytest.mark.parametrize("kind", LINE_KINDS)
def test_softmax_first_derivative(backend, kind, K):
    rows, truth = softmax_lines_exact(kind, K)
    exact = Exact.of([t.first for t in truth])
    size = np.array([t.moved for t in truth])
    subnormal = exact.ulp == 2.0**-1074  # there every term is rounded to it
    bound = 0.5 + 0.5 * K * subnormal + K * 2.0**-53 * size / exact.ulp
    got = [one_softmax_line(backend, *row)[1] for row in rows]
    assert_within(exact, got, bound, lambda i: rows[i], "first")


@line_cases
@pytest.mark.parametrize("kind", LINE_KINDS)
def test_softmax_second_derivative(backend, kind, K):
    # relative, whatever the saturation: a variance whose largest probability is 1 / K at least, so that
    # rounding grows by K at most; measured 2.1, 3.2, 5.1 for K = 2, 3, 10
    rows, truth = softmax_lines_exact(kind, K)
    exact = Exact.of([t.second for t in truth])
    bound = 3.0 + K / 2
    got = [one_softmax_line(backend, *row)[2] for row in rows]
    assert_within(exact, got, bound, lambda i: rows[i], "second")
