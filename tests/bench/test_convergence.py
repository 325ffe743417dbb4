"""The campaign of benchmarks/convergence passes where all is well, and sees each way in which it is not."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import json
import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from oracles import newton
from scipy.optimize import minimize

import sigmax as sx

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "convergence"
if np.finfo(np.longdouble).nmant < 63:
    pytest.skip(
        "np.longdouble is float64 here: no extended precision for the oracle", allow_module_level=True
    )
NAMES = ("problems", "doubled", "extended", "exists", "fifty", "undamped", "judge", "campaign", "summary")
SEED = 1


@pytest.fixture(scope="module")
def modules():
    """The modules of the campaign, whose names are too common to stay importable."""
    sys.path.insert(0, str(FOLDER))
    try:
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in NAMES})
    finally:
        sys.path.remove(str(FOLDER))
        for name in NAMES:
            sys.modules.pop(name, None)


@pytest.fixture
def main(modules):
    spec = importlib.util.spec_from_file_location("convergence_main", FOLDER / "__main__.py")
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = before


def problem(modules, X, y, **more):
    X, y = np.asarray(X, dtype=float), np.asarray(y)
    return modules.problems.Problem(3, 0, "plain", X.reshape(len(y), -1), y, int(y.max()) + 1, **more)


def existing(modules, index, *, penalties=False):
    """Problem `index` at the attempt that has an optimum, and its truth."""
    record = modules.judge.Record(index, modules.problems.family_of(index))
    for attempt in range(100):
        drawn = modules.problems.draw(SEED, index, attempt, penalties=penalties)
        truth = modules.judge._exists(record, drawn)
        if truth is not None:
            return drawn, truth, record
    raise AssertionError(record)


def perfect(modules, drawn, **lies):
    """What an ideal library returns for `drawn`, but for `lies`."""
    begin, _ = modules.extended.rough(drawn)
    exact = modules.fifty.optimum(drawn, modules.extended.optimum(drawn, begin).params)
    params = np.array([float(v) for v in exact.params])
    bse = np.array([float(v) for v in exact.bse])
    said = {
        "params": params + lies.pop("shift", 0.0) * bse,
        "bse": bse * lies.pop("bse_factor", 1.0),
    }
    certificate = {
        "converged": True,
        "exists": True,
        "error_bound": 1e-9 * bse,
        "digits": 3.0,
        "passes": 7.0,
        "iterations": 5,
        "reason": "as asked",
    } | lies
    return SimpleNamespace(**said, certificate=SimpleNamespace(**certificate))


# -- the campaign ----------------------------------------------------------------------------------------


def campaign(*arguments):
    return subprocess.run(
        [sys.executable, str(FOLDER), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )


def test_a_small_campaign(tmp_path, modules):
    file = tmp_path / "campaign.json"
    done = campaign("--problems", 320, "--seed", SEED, "--processes", 2, "--json", file)
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads(file.read_text())
    assert record["passed"]
    assert record["failures"] == []

    families = {row["family"]: row for row in record["families"]}
    everything = families.pop("all")
    assert set(families) == {modules.problems.PUBLISHED, *modules.problems.FAMILIES}
    assert everything["problems"] + everything["not_run"] == 320
    assert everything["problems"] >= 300
    assert everything["converged"] == everything["problems"]
    for name, row in families.items():
        assert (row["not_run"] > 0) == (name == "penalty" and not record["penalties"])
        if row["problems"]:
            assert row["converged"] == row["problems"] >= 3
            assert row["worst_error"] <= modules.judge.AGREES
            assert row["least_bound_over_error"] >= 1.0
            assert f"\n{name} " in done.stdout
    worst = modules.judge.judge(SEED, everything["where"]["error"], penalties=record["penalties"])
    assert worst.error == everything["worst_error"]
    assert everything["not_run"] == 0 or "NOT RUN" in done.stdout

    # undamped Newton beside it: all three published failures, nearly all warm starts, no plain problem
    assert families[modules.problems.PUBLISHED]["undamped_failures"] == 3
    assert families["warm start"]["undamped_failures"] > 0.8 * families["warm start"]["problems"]
    assert families["plain"]["undamped_failures"] == 0
    assert everything["separated"] > 50
    assert everything["doubtful"] == 0
    assert everything["checked_to_50_digits"] >= 1


def test_ranges_join_and_a_problem_comes_alone(modules):
    quiet = {"penalties": False, "report": lambda line: None}
    whole, stop = modules.campaign.run(SEED, 0, 12, processes=1, **quiet)
    assert stop == 12
    tail, _ = modules.campaign.run(SEED, 7, 5, processes=1, **quiet)
    alone = [modules.judge.judge(SEED, index, penalties=False) for index in range(7, 12)]

    def timeless(records):
        return [replace(r, seconds=0.0, seconds_fit=0.0).as_json() for r in records]

    assert timeless(whole)[7:] == timeless(tail) == timeless(alone)
    assert [r.index for r in whole] == list(range(12))
    # no time left: nothing begins, and it says where to go on
    none, stop = modules.campaign.run(SEED, 5, 12, processes=1, minutes=1e-9, **quiet)
    assert (none, stop) == ([], 5)


def test_only_shows_a_problem_in_full():
    done = campaign("--only", 0)
    assert done.returncode == 0, done.stdout + done.stderr
    for shown in ("-491.4", "201.61", "published failures", "failures: []", "undamped: "):
        assert shown in done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--problems", 0], "--problems must be 1 at least; got 0"),
        (["--first", -1], "--first must be 0 at least; got -1"),
        (["--processes", 0], "--processes must be 1 at least; got 0"),
        (["--minutes", 0], "--minutes must be positive; got 0"),
    ],
)
def test_bad_arguments(main, capsys, arguments, complaint):
    with pytest.raises(SystemExit) as stopped:
        main.arguments([str(a) for a in arguments])
    assert stopped.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("where", ["failures", "faults"])
def test_a_failure_is_an_exit_code(main, modules, monkeypatch, capsys, tmp_path, where):
    good = modules.judge.Record(4, "plain", iterations=3, converged=True)
    bad = modules.judge.Record(5, "plain", iterations=3, converged=True)
    file = tmp_path / "out.json"
    monkeypatch.setattr(sys, "argv", ["x", "--problems", "2", "--first", "4", "--json", str(file)])
    monkeypatch.setattr(main.campaign, "run", lambda *a, **k: ([good, bad], 6))
    assert main.main() == 0
    getattr(bad, where).append("it is wrong")
    assert main.main() == 1
    assert "it is wrong" in capsys.readouterr().out
    assert [one["index"] for one in json.loads(file.read_text())["failures"]] == [5]


# -- the judge sees what is wrong ------------------------------------------------------------------------

LIES = {
    "further off than its bound": ({"shift": 1e-6}, "more than its bound"),
    "barely further off than its bound": ({"shift": 1.01e-9}, "more than its bound"),
    "away from the optimum within a wide bound": (
        {"shift": 1e-6, "error_bound": np.inf},
        "standard errors away from the optimum",
    ),
    "too many digits": ({"shift": 1e-10, "digits": 15.0}, "claims 15.00 digits"),
    "not converged": ({"converged": False, "exists": None}, "not converged: as asked"),
    "does not exist": ({"converged": False, "exists": False}, "says that the estimate does not exist"),
    "undecided": ({"exists": None}, "does not say that the estimate exists"),
    "not finite": ({"shift": np.nan}, "parameters are not finite"),
}


@pytest.mark.parametrize("index", [3, 4, 9])
def test_an_ideal_result_is_not_blamed(modules, index):
    drawn, truth, record = existing(modules, index)
    modules.judge.hold(record, drawn, truth, perfect(modules, drawn))
    assert record.failures == []
    assert record.converged
    assert record.error < 1e-12
    assert record.true_digits > 14.0
    assert record.bound_over_error > 1e3


@pytest.mark.parametrize("lie", LIES)
def test_a_wrong_result_is_flagged(modules, lie):
    said, complaint = LIES[lie]
    drawn, truth, record = existing(modules, 3)
    bound = said.get("error_bound")
    given = dict(said) if bound is None else dict(said) | {"error_bound": np.full(truth.params.shape, bound)}
    modules.judge.hold(record, drawn, truth, perfect(modules, drawn, **given))
    assert any(complaint in one for one in record.failures), record.failures


def test_a_bound_near_the_oracle_is_decided_by_50_digits(modules):
    drawn, truth, record = existing(modules, 3)
    ideal = perfect(modules, drawn)
    exact = modules.fifty.optimum(drawn, truth._found.params)
    gap = exact.gap(ideal.params)
    assert (gap > 0.0).any()
    for factor, holds in ((1.0 + 1e-9, True), (1.0 - 1e-9, False)):
        again = replace(record, failures=[])
        ideal.certificate.error_bound = gap * factor
        found = modules.judge.Truth(drawn, truth._found, None)
        modules.judge.hold(again, drawn, found, ideal)
        assert any("more than its bound" in one for one in again.failures) is not holds
        assert found._digits is not None


def test_an_exception_and_a_warning_are_failures(modules, monkeypatch):
    def raises(*args, **kwargs):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(modules.judge.sx, "fit", raises)
    assert modules.judge.judge(SEED, 3, penalties=False).failures == ["raises ZeroDivisionError: oh"]
    drawn, truth, record = existing(modules, 3)
    record.warned = ["ConvergenceWarning"]
    modules.judge.hold(record, drawn, truth, perfect(modules, drawn))
    assert record.failures == ["converged with a warning"]


def test_an_oracle_that_is_off_is_a_fault(modules):
    drawn, truth, record = existing(modules, 3)
    found = truth._found
    assert modules.judge._check(record, drawn, found) is not None
    assert record.checked
    assert record.faults == []
    wrong = replace(found, params=found.params + 1e-9 * found.bse)
    modules.judge._check(record, drawn, wrong)
    wrong = replace(found, bse=found.bse * 1.01)
    modules.judge._check(record, drawn, wrong)
    assert ["the oracle is off" in record.faults[0], "standard errors" in record.faults[1]] == [True, True]


# -- existence -------------------------------------------------------------------------------------------

SEPARATED = {
    "complete": ([-2.0, -1.0, 0.5, 1.0, 2.0, 3.0], [0, 0, 0, 1, 1, 1]),
    "touching": ([-2.0, -1.0, 1.0, 1.0, 2.0, 3.0], [0, 0, 0, 1, 1, 1]),
    "dummy": ([[0, 1.3], [0, -0.2], [0, 0.3], [0, 0.7], [1, 0.2], [1, -3.0]], [0, 1, 0, 1, 1, 1]),
    "far scales": ([-2e-6, -1e-6, 1e-6, 1e-6, 2e6, 3e6], [0, 0, 0, 1, 1, 1]),
    "three classes, one apart": ([0.1, 0.7, 0.3, 0.9, 0.2, 5.0, 6.0], [0, 1, 1, 0, 0, 2, 2]),
}
NARROW = (0.1, 1e-3, 1e-7, 1e-10, 1e-13)


@pytest.mark.parametrize("case", SEPARATED)
def test_separated_problems_do_not_exist(modules, case):
    X, y = SEPARATED[case]
    drawn = problem(modules, X, y)
    assert modules.exists.verdict(drawn) is modules.exists.Verdict.SEPARATED
    record = modules.judge.Record(3, "plain")
    assert modules.judge._exists(record, drawn) is None
    assert (record.separated, record.doubtful, record.failures) == (1, 0, [])
    # offsets and weights change nothing
    n = len(y)
    offset = np.linspace(-9.0, 9.0, n) if drawn.n_classes == 2 else np.linspace(-9, 9, 3 * n).reshape(n, 3)
    shifted = replace(drawn, offset=offset, weight=np.geomspace(1e-4, 1e4, n))
    assert modules.exists.verdict(shifted) is modules.exists.Verdict.SEPARATED


@pytest.mark.parametrize("narrow", NARROW)
def test_a_narrow_overlap_is_not_separated_and_a_narrow_gap_is(modules, narrow):
    """Where the linear program's tolerance of 1e-7 is of no use, rational arithmetic decides."""
    x = np.array([-2.0, -1.0, 1.0 + narrow, 1.0, 2.0, 3.0])
    y = [0, 0, 0, 1, 1, 1]
    overlap = problem(modules, x, y)
    assert modules.exists.verdict(overlap) is not modules.exists.Verdict.SEPARATED
    x[2] = 1.0 - narrow
    record = modules.judge.Record(3, "plain")
    assert modules.judge._exists(record, problem(modules, x, y)) is None
    assert record.separated + record.doubtful == 1


@pytest.mark.parametrize("narrow", NARROW[:3])
def test_the_optimum_of_a_narrow_overlap_is_found(modules, narrow):
    drawn = problem(modules, [-2.0, -1.0, 1.0 + narrow, 1.0, 2.0, 3.0], [0, 0, 0, 1, 1, 1])
    truth = modules.judge._exists(modules.judge.Record(3, "plain"), drawn)
    exact = newton.optimum(drawn.X, drawn.y, 2)
    flat = np.array([float(v) for one in exact.params for v in one])
    np.testing.assert_allclose(truth.params, flat, rtol=1e-14)


def test_rows_without_weight_do_not_count(modules):
    X, y = [-2.0, -1.0, 2.5, 1.0, 2.0, 3.0], [0, 0, 0, 1, 1, 1]
    assert modules.exists.verdict(problem(modules, X, y)) is modules.exists.Verdict.OVERLAP
    weight = np.array([1.0, 1.0, 0.0, 1.0, 1.0, 1.0])
    dropped = problem(modules, X, y, weight=weight)
    assert modules.exists.verdict(dropped) is modules.exists.Verdict.SEPARATED


def test_dependent_columns_are_seen_at_any_scale(modules):
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(20, 3)) * [1e-6, 1.0, 1e6], np.arange(20) % 2
    assert modules.exists.rank(problem(modules, X, y)) is True
    X[:, 2] = 3.0 * X[:, 1] - 1e6 * X[:, 0] + 4.0
    assert modules.exists.rank(problem(modules, X, y)) is False
    assert modules.exists.rank(problem(modules, np.ones((20, 1)), y)) is False


def test_a_claim_on_separated_data_is_flagged(modules, monkeypatch):
    X, y = SEPARATED["dummy"]
    drawn = problem(modules, X, y)
    for converged, exists in ((True, True), (False, True)):
        said = SimpleNamespace(certificate=SimpleNamespace(converged=converged, exists=exists))
        monkeypatch.setattr(modules.judge.sx, "fit", lambda *a, said=said, **k: said)
        record = modules.judge.Record(3, "plain")
        modules.judge._exists(record, drawn)
        assert "claims an optimum that does not exist" in record.failures[0]


# -- the oracles -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [0, 1, 2, *range(3, 19)])
def test_the_oracle_agrees_with_50_digits(modules, index):
    """One problem of each family; the 50-digit oracle starts for itself."""
    drawn, truth, record = existing(modules, index)
    assert record.oracle == "extended"
    D, y, w, o = drawn.counted()
    exact = newton.optimum(
        D[:, 1:] if drawn.intercept else D,
        y,
        drawn.n_classes,
        weight=w,
        offset=o[:, 0] if drawn.n_classes == 2 else o,
        fit_intercept=drawn.intercept,
    )
    flat = [v for one in exact.params for v in one]
    full = modules.fifty.Exact(flat, [v for one in exact.bse for v in one])
    bse = np.array([float(v) for v in full.bse])
    assert (full.gap(truth._found.params) <= truth._found.off * bse).all()
    assert truth._found.off < 1e-11
    np.testing.assert_allclose(truth._found.bse.astype(float), bse, rtol=1e-6)

    # and so does the short way to 50 digits
    polished = modules.fifty.optimum(drawn, truth._found.params)
    for ours, theirs in zip(polished.params, full.params, strict=True):
        assert abs(ours - theirs) <= abs(theirs) * Fraction(1, 10**35)


def penalised(modules, index):
    return existing(modules, index, penalties=True)


PENALTY_INDICES = tuple(itertools.islice((i for i in range(3, 200) if i % 16 == 10), 6))


@pytest.mark.parametrize("index", PENALTY_INDICES)
def test_a_penalty_means_what_it_says(modules, index):
    """Against a minimiser of the definition: K penalised vectors of slopes, one for two classes."""
    drawn, truth, _ = penalised(modules, index)
    assert drawn.l2 > 0.0
    D, y, w, o = drawn.counted()
    K, k = drawn.n_classes, D.shape[1]
    full = K if K > 2 else 1
    scale = np.abs(D).max(axis=0)
    begin = int(drawn.intercept)
    o = np.column_stack([np.zeros(len(y)), o])

    def objective(flat):
        B = flat.reshape(full, k) / scale
        z = (D @ B.T if K > 2 else np.column_stack([np.zeros(len(y)), D @ B[0]])) + o
        top = z.max(axis=1)
        log_sum = np.log(np.exp(z - top[:, None]).sum(axis=1)) + top
        f = w @ (log_sum - z[np.arange(len(y)), y]) + drawn.l2 / 2.0 * (B[:, begin:] ** 2).sum()
        r = w[:, None] * (np.exp(z - log_sum[:, None]) - (y[:, None] == np.arange(K)))
        G = (r if K > 2 else r[:, 1:]).T @ D
        G[:, begin:] += drawn.l2 * B[:, begin:]
        return f, (G / scale).ravel()

    done = minimize(objective, np.zeros(full * k), jac=True, method="BFGS", options={"gtol": 1e-9})
    B = done.x.reshape(full, k) / scale
    slopes = (B[1:] - B[:1] if K > 2 else B).ravel()
    off = np.abs(slopes - truth.params) / truth.bse
    assert off.max() < 1e-3

    # the short way to 50 digits agrees with extended precision
    exact = modules.fifty.optimum(drawn, truth._found.params)
    bse = np.array([float(v) for v in exact.bse])
    assert (exact.gap(truth._found.params) <= truth._found.off * bse * 1.0001).all()


def test_penalties_are_drawn_and_passed_on_where_fit_takes_them(modules, monkeypatch):
    judge, drawn = modules.judge, penalised(modules, PENALTY_INDICES[0])[0]
    asked = []

    def fit(X, y, *, n_threads, fit_intercept, sample_weight=None, offset=None, start=None, l2=0.0):
        asked.append(l2)
        return perfect(modules, drawn)

    assert judge.takes_penalties() == ("l2" in sx.fit.__annotations__)
    monkeypatch.setattr(judge.sx, "fit", fit)
    assert judge.takes_penalties()
    record = judge.judge(SEED, PENALTY_INDICES[0], penalties=True)
    assert asked == [drawn.l2]
    assert record.run
    assert record.failures == record.faults == []
    assert record.converged


def test_without_penalties_their_family_is_not_run_and_says_so(modules):
    record = modules.judge.judge(SEED, PENALTY_INDICES[0], penalties=False)
    assert not record.run
    assert all(modules.problems.draw(SEED, i, 0, penalties=False).l2 == 0.0 for i in range(64))
    table = modules.summary.rows([record])
    text = modules.summary.as_text(table)
    assert (table[-1]["problems"], table[-1]["not_run"]) == (0, 1)
    assert "NOT RUN: 1 problems with a penalty" in text


def test_sums_in_doubled_precision(modules):
    rng = np.random.default_rng(5)
    for terms in (1, 2, 7, 33):
        A = (rng.normal(size=(terms, 3)) * 10.0 ** rng.uniform(-8, 8, (terms, 3))).astype(np.longdouble)
        A += A * np.longdouble(2.0) ** -55
        B = rng.normal(size=(terms, 3)).astype(np.longdouble)
        A, B = np.concatenate([A, -A, A[:1]]), np.concatenate([B, B * (1 + 2.0**-30), B[:1]])
        got = modules.doubled.dot(A, B)
        for j in range(3):
            pairs = [(_exact(a), _exact(b)) for a, b in zip(A[:, j], B[:, j], strict=True)]
            want = sum(a * b for a, b in pairs)
            size = sum(abs(a * b) for a, b in pairs)
            u = Fraction(modules.extended.UNIT)
            assert abs(_exact(got[j]) - want) <= u * abs(want) + (len(pairs) + 4) ** 2 * u**2 * size


def _exact(value):
    high = float(value)
    low = value - np.longdouble(high)
    return Fraction(high) + Fraction(float(low)) + Fraction(float(low - np.longdouble(float(low))))


# -- what is drawn ---------------------------------------------------------------------------------------


def test_problems_are_what_their_families_say(modules):
    problems = modules.problems
    drawn = [problems.draw(SEED, index, 0, penalties=True) for index in range(1600)]
    for p in drawn:
        D, y, w, _ = p.counted()
        assert set(y.tolist()) == set(range(p.n_classes))
        assert np.isfinite(D).all()
        assert (w > 0.0).all()
        family = problems.FAMILIES.get(p.family, ())
        if family not in (("some",), ("all",)) and p.family != problems.PUBLISHED:
            assert (p.weight is not None) == ("weights" in family)
            assert (p.offset is not None) == ("offsets" in family)
            assert (p.start is not None) == ("start" in family)
            assert (p.l2 > 0.0) == ("penalty" in family)
            assert p.intercept != ("bare" in family)
    assert {p.n_classes for p in drawn} == {2, 3, 4, 5, 6}
    assert {p.X.shape[1] for p in drawn} == {1, 2, 3, 4, 5, 6}
    sizes = [len(p.y) for p in drawn]
    assert min(sizes) == 6
    assert 150 < max(sizes) <= 200
    weights = np.concatenate([p.weight[p.weight > 0] for p in drawn if p.weight is not None])
    assert np.log10(weights.max() / weights.min()) > 6.0
    scales = np.concatenate([np.abs(p.X).max(axis=0) for p in drawn if p.family == "column scales"])
    assert np.log10(scales.max() / scales.min()) > 10.0


def test_published_failures_are_literal(modules):
    a, b, c = (modules.problems.draw(9, index, 0, penalties=False) for index in range(3))
    assert a.X[3, 0] == -491.4
    assert a.weight.tolist() == [201.61, 1.8, 2.36, 6.0, 9.33, 1.99]
    assert b.offset.tolist() == [1.59, 2.239, 10.004, -4.327, 0.744, -8.488]
    assert c.start.tolist() == [-0.703, 1.121]
    for p in (a, b, c):
        truth = modules.judge._exists(modules.judge.Record(p.index, p.family), p)
        assert modules.undamped.run(p, truth.params, truth.bse) in ("singular", "not finite")


def test_undamped_newton_finds_easy_optima_and_is_held_against_the_truth(modules):
    drawn, truth, _ = existing(modules, 16)
    assert drawn.family == "plain"
    assert modules.undamped.run(drawn, truth.params, truth.bse) == ""
    assert modules.undamped.run(drawn, truth.params + truth.bse, truth.bse) == "wrong answer"


# -- problems on which the solver once failed -----------------------------------------------------------

#: false proofs of separation with offsets; bounds from column maxima that proved nothing; steps beyond all
#: bounds; tails on which the decrement falls slowly; an objective that the last step moved
ONCE_FAILED = (1890, 3052, 4866, 1759, 14911, 18527, 447, 30959, 31055, 54629, 71167, 68127, 2383)


@pytest.mark.needs_compiled
@pytest.mark.parametrize("index", ONCE_FAILED)
def test_once_failed(modules, index):
    record = modules.judge.judge(SEED, index, penalties=True)
    assert record.run
    assert record.failures == []
    assert record.converged
    assert record.error <= 1e-9
