"""benchmarks/exact_optimum and benchmarks/reads.py: tiny sizes, and everything that must not be compared."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from exact_optimum_runs import OURS, Clock, exact, fake, options, quiet, row, tiny
from scipy.special import softmax

import sigmax as sx
from sigmax.bench.timing import Timing

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "exact_optimum"


def test_of_many_fits_the_worst_counts(modules):
    errors, digits, gradients = [1e-9, 1e-3, 1e-12], [9.0, 3.0, 12.0], [1e-8, 1e-2, 1e-11]
    best = [
        SimpleNamespace(error=lambda c, e=e: e, digits=lambda c, d=d: d, gradient=lambda X, y, l2, c, g=g: g)
        for e, d, g in zip(errors, digits, gradients, strict=True)
    ]
    side = modules.many._judged(modules.rows.Side(None, np.inf), [0, 0, 0], [(0, 0)] * 3, best)
    assert (side.error, side.digits, side.gradient) == (1e-3, 3.0, 1e-2)


# -- problems ------------------------------------------------------------------------------------------


def test_every_problem_of_the_table_is_there_and_seeded(modules, tmp_path):
    names = {target.problem for target in modules.targets.TARGETS}
    assert names == set(modules.problems.SPECS)
    for name in names - {"small_569x30_l2"}:
        spec = tiny(modules, name)
        one, again = modules.problems.make(spec), modules.problems.make(spec)
        assert np.array_equal(one.X, again.X)
        assert np.array_equal(one.y, again.y)
        assert one.X.flags.c_contiguous
        assert np.array_equal(np.unique(one.y), np.arange(spec.K))
        assert one.X.shape[1] == spec.p
    stored = modules.problems.make(tiny(modules, "small_500x10"), tmp_path)
    assert [file.suffixes[-1] for file in tmp_path.iterdir()] == [".npz"]
    assert np.array_equal(modules.problems.make(stored.spec, tmp_path).X, stored.X)


@pytest.mark.parametrize("columns", ["chain", "common"])
def test_columns_are_correlated_and_labels_are_those_of_the_model(modules, columns):
    spec = dataclasses.replace(modules.problems.SPECS["binary_2000000x20"], n=40_000, p=6, columns=columns)
    one = modules.problems.make(spec)
    distance = np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
    S = 0.5 ** (distance if columns == "chain" else np.minimum(distance, 1))
    # a covariance of 40,000 rows is off by 1 / sqrt(n) = 0.005
    assert np.abs(np.cov(one.X.T) - S).max() < 0.03
    rng = np.random.default_rng(spec.seed)
    truth = np.concatenate([[0.25], modules.generated.slopes_of(1, S, rng)[0]])
    r = sx.fit(one.X, one.y)
    assert np.abs((r.params - truth) / r.bse).max() < 5.0
    p = r.predict_proba(one.X)
    assert 0.2 < p.min(axis=1).mean() < 0.35  # classes overlap
    assert len({dataclasses.replace(spec, columns=name).key for name in ("chain", "common")}) == 2


def test_problems_of_many_fits(modules):
    one = modules.problems.make(tiny(modules, "bootstrap_10000_of_500x5"))
    assert one.weights.shape == (6, 500)
    assert np.array_equal(one.weights.sum(axis=1), np.full(6, 500.0))
    X, y = modules.many.one(one, 3)
    assert len(X) == len(y) == 500
    groups = modules.problems.make(tiny(modules, "groups_10000_of_200x4"))
    assert np.array_equal(np.bincount(groups.groups), np.full(6, 200))
    assert np.array_equal(modules.many.one(groups, 2)[0], groups.X[400:600])
    assert modules.many.sample(groups) == list(range(6))
    full = SimpleNamespace(spec=modules.problems.SPECS["groups_10000_of_200x4"])
    assert len(modules.many.sample(full)) == 200


# -- the optimum ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("l2", [0.0, 1.0])
@pytest.mark.parametrize("name", ["small_500x10", "classes5_500000x50", "anes96"])
def test_the_optimum_solves_its_equations(modules, name, l2):
    one = modules.problems.make(tiny(modules, name))
    K, best = one.spec.K, modules.optimum.solve(one.X, one.y, one.spec.K, l2)
    Z = np.column_stack([np.ones(len(one.X)), one.X])
    b = np.vstack([np.zeros(Z.shape[1]), best.coef.astype(np.float64)])
    p = softmax(Z @ b.T, axis=1)
    score = (p - (np.arange(K) == one.y[:, None])).T @ Z
    if l2:
        # the symmetric penalty: slopes against their mean over the classes; two classes: the slopes
        w = b if K == 2 else b - b.mean(axis=0)
        w[:, 0] = 0.0
        score += l2 * w
    assert np.abs(score[1:] * best.se).max() < 1e-9
    assert best.decrement <= 1e-13
    if not l2:
        r = sx.fit(one.X, one.y)
        assert best.error(r.params.reshape(K - 1, -1)) < 1e-9
        assert np.abs(best.se.ravel() / r.bse.ravel() - 1.0).max() < 1e-9


def test_errors_are_in_standard_errors(modules):
    one = modules.problems.make(tiny(modules, "small_500x10"))
    best = modules.optimum.solve(one.X, one.y, 2)
    moved = best.coef.astype(np.float64)
    moved[0, 2] += 3.0 * best.se[0, 2]
    assert abs(best.error(moved) - 3.0) < 1e-12
    moved[0, 0] = np.nan
    assert best.error(moved) == np.inf
    with pytest.raises(ValueError, match="must have the shape"):
        best.error(moved[:, 1:])


def test_digits_are_those_of_the_worst_coefficient(modules):
    one = modules.problems.make(tiny(modules, "small_500x10"))
    best = modules.optimum.solve(one.X, one.y, 2)
    right = best.coef.astype(np.float64)
    assert best.digits(right) > 15.5
    moved = right.copy()
    moved[0, 1] *= 1.0 + 1e-9
    moved[0, 3] *= 1.0 - 1e-6
    # 1 - 1e-6 is rounded: 2^-53 / 1e-6 of it
    assert best.digits(moved) == pytest.approx(6.0, abs=1e-10)
    moved[0, 3] *= -1.0
    assert best.digits(moved) == 0.0
    moved[0, 3] = np.nan
    assert best.digits(moved) == 0.0
    # nothing to be relative to: the absolute error
    zero = dataclasses.replace(best, coef=np.zeros_like(best.coef))
    assert zero.digits(np.full(right.shape, 1e-4)) == pytest.approx(4.0, abs=1e-14)
    assert zero.digits(np.zeros(right.shape)) == modules.optimum.MOST_DIGITS


@pytest.mark.parametrize(("K", "l2"), [(2, 0.0), (2, 1.0), (3, 1.0)])
def test_the_gradient_is_that_of_the_objective(modules, K, l2):
    one = modules.problems.make(modules.problems.Spec("test", 300, 3, K, l2=l2))
    best = modules.optimum.solve(one.X, one.y, K, l2)
    b = best.coef.astype(np.float64) + 0.1
    # -log-likelihood + l2/2 of the slopes, against their mean over the classes where there are more than two
    Z = np.column_stack([np.ones(len(one.X)), one.X])
    w = np.vstack([np.zeros(Z.shape[1]), b])
    p = softmax(Z @ w.T, axis=1)
    g = (p - (np.arange(K) == one.y[:, None])).T @ Z
    w = w if K == 2 else w - w.mean(axis=0)
    g[:, 1:] += l2 * w[:, 1:]
    found = best.gradient(one.X, one.y, l2, b)
    assert found == pytest.approx(np.abs(g[1:] * best.se).max(), rel=1e-12)
    assert best.gradient(one.X, one.y, l2, best.coef.astype(np.float64)) < 1e-12
    b[0, 0] = np.inf
    assert best.gradient(one.X, one.y, l2, b) == np.inf


def test_separated_classes_have_no_optimum(modules):
    x = np.linspace(-1.0, 1.0, 20)[:, None]
    with pytest.raises((ArithmeticError, np.linalg.LinAlgError)):
        modules.optimum.solve(x, (x[:, 0] > 0.0).astype(np.int64), 2)


def test_the_optimum_is_kept_by_name_and_size(modules, tmp_path, monkeypatch):
    one = modules.problems.make(tiny(modules, "small_500x10"))
    first = modules.optimum.optimum(one, tmp_path)
    monkeypatch.setattr(modules.optimum, "solve", lambda *a, **b: pytest.fail("was computed again"))
    again = modules.optimum.optimum(one, tmp_path)
    assert np.array_equal(first.se, again.se)
    assert float(np.abs(first.coef - again.coef).max()) < 1e-30
    other = dataclasses.replace(one, spec=dataclasses.replace(one.spec, seed=1))
    with pytest.raises(pytest.fail.Exception):
        modules.optimum.optimum(other, tmp_path)
    # nor does it count for other data of the same name
    with pytest.raises(pytest.fail.Exception):
        modules.optimum.optimum(dataclasses.replace(one, y=one.y[::-1].copy()), tmp_path)


# -- ladder --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("needed", range(13))
def test_the_ladder_finds_the_loosest_tolerance(modules, needed):
    tolerances = modules.libraries.LADDER
    tried = []

    def attempt(tolerance):
        tried.append(tolerance)
        return 1e-7 if tolerance <= tolerances[needed] else 1e-3

    rung = modules.ladder.climb(attempt, tolerances)
    assert rung.tolerance == tolerances[needed]
    assert rung.reached
    assert len(tried) <= 5


def test_where_no_tolerance_reaches_it_the_best_stands(modules):
    errors = {1e-3: 1e-2, 1e-4: 4e-5, 1e-5: 3e-5}
    rung = modules.ladder.climb(errors.__getitem__, tuple(errors))
    assert not rung.reached
    assert rung.error <= 2 * 3e-5

    def broken(tolerance):
        raise FloatingPointError("diverged")

    rung = modules.ladder.climb(broken, (1e-3, 1e-4))
    assert rung.error == np.inf
    assert rung.why == "FloatingPointError: diverged"


# -- rows ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rest", "verdict", "failed"),
    [
        ({}, "PASS", False),
        ({"at_least": 30.0}, "PASS", False),
        ({"at_least": 30.1}, "MISSED", True),
        ({"at_least": None}, "", False),
        ({"our_error": 1.1e-9}, "STRUCK OUT", True),
        ({"our_error": np.nan}, "STRUCK OUT", True),
        ({"converged": False}, "STRUCK OUT", True),
        ({"converged": None}, "STRUCK OUT", True),
        ({"error": 2.0}, "STRUCK OUT", True),
        ({"error": np.inf}, "STRUCK OUT", True),
        # inexact, but an answer: its time stands, and the row says so
        ({"error": 1e-4}, "PASS", False),
        ({"apart": 1e-7}, "STRUCK OUT", True),
        ({"apart": 1e-9}, "PASS", False),
        ({"missing_peer": True}, "missing", True),
        ({"not_available": True}, "not available yet", True),
    ],
)
def test_verdicts(modules, rest, verdict, failed):
    one = row(modules, **rest)
    assert one.verdict == verdict
    assert one.failed is failed
    assert verdict in modules.rows.table([one])
    if verdict == "STRUCK OUT":
        assert one.ratios == ()
        assert one.remark
    assert json.dumps(one.record())


def test_a_ratio_is_the_median_of_those_of_the_rounds(modules):
    one = row(modules)
    assert one.ratios == (30.0, 40.0, 20.0, 30.0, 50.0)
    assert one.quartiles == (30.0, 30.0, 40.0)
    inexact = row(modules, error=1e-4)
    assert "did not reach 1e-6" in inexact.remark
    # fewer rounds of a slow peer: those that both took part in
    slow = {"times": Timing((30.0, 80.0, 80.0))}
    assert row(modules, theirs=slow).ratios == (30.0, 40.0, 20.0)


def test_a_short_call_is_woken_up_uncounted_and_repeated(modules):
    clock, made = Clock(), {"short": 0, "long": 0}

    def call(name, seconds):
        # of 1 + 6 short ones, the one that finds the processor asleep takes long
        clock.sleep(1.0 if name == "short" and made[name] % 7 == 0 else seconds)
        made[name] += 1

    about = {"short": 2.0**-10, "long": 0.25}
    calls = {name: lambda name=name: call(name, about[name]) for name in made}
    times = modules.rounds.interleave(calls, about, dict.fromkeys(made, 3), rest=0.0, clock=clock)
    assert {name: found.seconds for name, found in times.items()} == {
        "short": (2.0**-10,) * 3,
        "long": (0.25,) * 3,
    }
    # 5 ms are six of 2^-10 s
    assert made == {"short": 3 * 7, "long": 3}


def test_rounds_are_taken_in_turns(modules):
    said = []
    calls = {name: lambda name=name: said.append(name) for name in "abc"}
    times = modules.rounds.interleave(calls, dict.fromkeys("abc", 1.0), {"a": 3, "b": 3, "c": 2}, rest=0.0)
    assert "".join(said) == "abc" + "cba" + "ab"
    assert {name: len(one.seconds) for name, one in times.items()} == {"a": 3, "b": 3, "c": 2}


# -- whole rows, tiny ----------------------------------------------------------------------------------


def names():
    return [
        "binary_2000000x20", "binary_500000x100", "binary_100000x500", "classes5_500000x50",
        "classes10_20000x784_l2", "small_569x30_l2", "small_500x10", "anes96", "bootstrap_10000_of_500x5",
        "groups_10000_of_200x4",
    ]  # fmt: skip


def test_names_are_complete(modules):
    assert names() == list(modules.problems.SPECS)


@pytest.mark.parametrize("name", names())
@pytest.mark.filterwarnings("default")
def test_every_row_runs(modules, tmp_path, name):
    found = modules.measure.rows(tiny(modules, name), options(modules, tmp_path))
    aims = modules.targets.of(name)
    assert {one.peer for one in found} == {target.peer for target in aims}
    spec = modules.problems.SPECS[name]
    for one in found:
        # of the tiny problem; a name tells no number
        record = one.record()
        assert (record["fits"], record["l2"]) == (6 if spec.many else 1, spec.l2)
        assert 1 <= record["p"] <= spec.p
        assert 2 <= record["K"] <= spec.K
        assert 1 < record["n"] <= spec.n
        if one.why:  # the data need a library that is missing
            assert importlib.util.find_spec("sklearn") is None
            continue
        if one.verdict in ("PASS", "MISSED"):
            assert len(one.ours.times.seconds) == len(one.theirs.times.seconds) == 5
            assert one.ours.error <= 1e-9
            # SciPy's line search ends early on the smallest problems
            assert one.theirs.error <= 1e-3
            assert (one.read is None) == (modules.problems.SPECS[name].many != "")
        elif one.verdict == "missing":
            assert "is missing" in one.remark
        else:
            assert one.verdict == "not available yet"
            assert one.not_available
            assert "not available yet" in one.remark


def test_an_unconverged_sigmax_is_struck_out(modules, monkeypatch, tmp_path):
    fake(modules, monkeypatch, exact)
    good = sx.fit
    monkeypatch.setattr(modules.ours.sx, "fit", lambda X, y, **k: good(X, y, max_iter=2, **k))
    with pytest.warns(sx.ConvergenceWarning):
        (one,) = modules.measure.rows(tiny(modules, "small_500x10"), options(modules, tmp_path))
    assert one.verdict == "STRUCK OUT"
    assert one.failed
    assert "did not converge" in one.remark


def test_a_wrong_sigmax_is_struck_out(modules, monkeypatch, tmp_path):
    fake(modules, monkeypatch, exact)
    good = sx.fit

    def off(X, y, **rest):
        r = good(X, y, **rest)
        return dataclasses.replace(r, params=r.params + 1e-7 * r.bse)

    monkeypatch.setattr(modules.ours.sx, "fit", off)
    (one,) = modules.measure.rows(tiny(modules, "small_500x10"), options(modules, tmp_path))
    assert one.verdict == "STRUCK OUT"
    assert "sigmax is wrong by 1.0e-07" in one.remark


# -- commands ------------------------------------------------------------------------------------------


def test_check_fails_where_a_target_is_missed(modules, monkeypatch, tmp_path, capsys):
    file = tmp_path / "all.json"
    others = [0.02]
    watch = modules.main.conditions.Watch
    monkeypatch.setattr(watch, "conditions", lambda self: quiet(others=others[0]))

    def run(found, *given):
        monkeypatch.setattr(modules.main.measure, "rows", lambda spec, options: found)
        arguments = ["--problems", "anes96", "--cache", str(tmp_path), "--json", str(file)]
        return modules.main.main([*arguments, *given])

    good, slow = row(modules), row(modules, at_least=99.0)
    glum = dataclasses.replace(row(modules, missing_peer=True), peer="glum")
    assert run([good], "--check") == 0
    content = json.loads(file.read_text())
    assert content["missed"] == []
    assert list(content)[:2] == ["part", "version"]
    assert (content["part"], content["threads"], content["tiny"]) == ("speed", 2, False)
    assert content["conditions"]["others"] == 0.02
    assert content["libraries"].keys() >= {"glum", "statsmodels", "R"}
    assert "1 of 1 targets met" in capsys.readouterr().out
    assert run([good, slow]) == 0
    assert run([good, slow], "--check") == 1
    assert json.loads(file.read_text())["missed"] == ["p against peer"]
    assert "MISSED p against peer: 30.0 x, asked 99 x" in capsys.readouterr().out
    assert run([good, glum], "--check") == 1
    assert run([good, glum], "--check", "--without", "glum") == 0
    assert run([good, slow, glum], "--check", "--without", "glum") == 1
    assert run([row(modules, not_available=True)], "--check") == 1
    # what was measured on a busy machine is no evidence
    others[0] = 0.5
    assert run([good]) == 0
    capsys.readouterr()
    assert run([good], "--check") == 1
    assert "The machine was BUSY: no ratio of this run counts." in capsys.readouterr().out
    others[0] = None
    assert run([good], "--check") == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--threads", "0"), "--threads must be 1 at least"),
        (("--repeats", "4"), "--repeats must be 5 at least"),
        (("--slow", "0"), "--slow must be a positive number of seconds; got 0"),
        (("--slow", "nan"), "--slow must be a positive number of seconds; got nan"),
        (("--problems", "iris"), "invalid choice"),
        (("--peers", "R"), "invalid choice"),
    ],
)
def test_wrong_arguments(modules, capsys, arguments, complaint):
    with pytest.raises(SystemExit) as stopped:
        modules.main.arguments(list(arguments))
    assert stopped.value.code == 2
    assert complaint in capsys.readouterr().err


def test_a_problem_without_targets_is_for_every_peer(modules, monkeypatch, tmp_path):
    fake(modules, monkeypatch, exact)
    (one,) = modules.measure.rows(modules.problems.ALL["spector"], options(modules, tmp_path))
    assert (one.peer, one.target, one.verdict) == ("fake", None, "")
    assert one.quartiles is not None
    # and one whose data are missing is a row that says so
    monkeypatch.delenv(modules.files.FOLDER, raising=False)
    absent = next(spec for spec in modules.problems.MORE.values() if spec.source == "SUSY")
    (one,) = modules.measure.rows(absent, options(modules, tmp_path))
    assert "the data are missing (SUSY.csv.gz is read from --data DIR" in one.remark
    assert "the data are missing" in modules.rows.table([one])
    assert not one.failed


def test_describe(modules, monkeypatch, tmp_path, capsys):
    file = tmp_path / "described.json"
    monkeypatch.setenv(modules.files.FOLDER, "")
    given = ["--describe", "spector", "small_500x10", "--tiny", "--json", str(file), "--data", str(tmp_path)]
    assert modules.main.main(given) == 0
    said = capsys.readouterr().out
    assert "bundled with sigmax: spector" in said
    assert "bound: " in said
    content = json.loads(file.read_text())
    assert (content["part"], content["tiny"]) == ("problems", True)
    assert [one["name"] for one in content["problems"]] == ["spector", "small_500x10"]
    # what was given is what readers see, and processes that this one starts
    assert modules.files.os.environ[modules.files.FOLDER] == str(tmp_path)
    with pytest.raises(SystemExit):
        modules.main.main(["--data", str(tmp_path / "none")])
    assert "--data must be a folder" in capsys.readouterr().err


def test_threads_are_read_before_anything_is_imported(modules):
    read = modules.set_threads.asked
    assert read(["--threads", "3"]) == "3"
    assert read(["--check", "--threads=4"]) == "4"
    assert read([]) == "2"


def test_the_command_runs_from_a_shell(tmp_path):
    file = tmp_path / "found.json"
    given = ["--problems", "small_500x10", "--tiny", "--cache", str(tmp_path), "--json", str(file)]
    command = [
        sys.executable,
        str(FOLDER),
        *given,
        "--peers",
        "statsmodels Logit",
        "--threads",
        "1",
        "--memory",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(file.read_text())["rows"]
    assert found["problem"] == "small_500x10"
    assert found["verdict"] in ("PASS", "MISSED")
    assert found["passes"] >= 1.0
    assert [found[key] for key in ("n", "p", "K", "l2", "fits")] == [300, 4, 2, 0.0, 1]
    assert "passes" in done.stdout
    assert "Meanwhile: load " in done.stdout


def test_memory(modules, tmp_path):
    status = tmp_path / "status"
    status.write_text("Name:\tx\nVmHWM:\t   20 kB\nVmRSS:\t   12 kB\n")
    assert modules.memory.status("VmHWM", status) == 20 * 1024
    assert modules.memory.status("VmRSS", status) == 12 * 1024
    assert modules.memory.status("VmSwap", status) is None
    assert modules.memory.status("VmRSS", tmp_path / "none") is None
    # m = 3 x 3 = 9 parameters, 100 rows, blocks of 64 rows of 3 columns, 2 threads
    expected = 6 * 8 * 81 + 6 * 8 * 100 + 2 * 4 * 8 * 64 * 3
    assert modules.memory.formula(100, 2, 4, 64, 2) == expected
    assert "ABOVE" in modules.memory.text({"peak": 2e6, "formula": 1e6, "X": 1e6})
    assert "within" in modules.memory.text({"peak": 1e6, "formula": 1e6, "X": 1e6})


# -- reads.py ------------------------------------------------------------------------------------------


def test_orders_are_permutations_of_the_kind_they_say(modules):
    spec = dataclasses.replace(modules.problems.SPECS["binary_2000000x20"], n=2_000)
    one = modules.problems.make(spec)
    orders = modules.reads.orders(one)
    for order in orders.values():
        assert np.array_equal(np.sort(order), np.arange(2_000))
    assert np.all(np.diff(one.y[orders["sorted by y"]]) >= 0)
    assert np.all(np.diff(one.X[orders["sorted by x1"], 0]) >= 0)
    periodic = one.y[orders["period 10"]]
    # a subsample of every tenth row sees one class
    assert sum(len(np.unique(periodic[i::10])) == 1 for i in range(10)) >= 9
    clustered = one.X[orders["clustered"], 0]
    assert (np.diff(clustered) < 0).sum() < 64


def test_an_order_that_costs_too_much_is_a_fault(modules):
    good = modules.reads.Order("sorted by y", OURS, 1.0, 6.0, 6.0, 1e-12, True)
    assert good.faults == []
    worse = {"ratio": 1.26, "passes": 7.1, "apart": 1e-8, "converged": False}
    for name, value in worse.items():
        bad = dataclasses.replace(good, **{name: value})
        assert len(bad.faults) == 1
        assert bad.faults[0] in modules.reads.orders_table([good, bad])
    assert len(dataclasses.replace(good, apart=np.nan).faults) == 1


def test_reads_fails_where_a_claim_does_not_hold(modules, monkeypatch, capsys):
    monkeypatch.setattr(modules.reads, "TIME_RATIO", 1e9)
    # of so small a problem the peak is that of the pages around it
    found = {"peak": 4e4, "formula": 6e4, "X": 1e5}
    monkeypatch.setattr(modules.reads.memory, "measure", lambda *_, **__: dict(found))
    given = ["--rows", "2000", "--problems", "small_500x10", "--tiny", "--threads", "1", "--repeats", "1"]
    assert modules.reads.main([*given, "--check"]) == 0
    said = capsys.readouterr().out
    assert "period 10" in said
    assert "small_500x10" in said
    monkeypatch.setattr(modules.reads, "APART", -1.0)
    assert modules.reads.main(given) == 0
    assert modules.reads.main([*given, "--check"]) == 1
    assert "does not hold: clustered: estimates differ" in capsys.readouterr().out
    monkeypatch.setattr(modules.reads, "APART", 1.0)
    assert modules.reads.main([*given, "--check"]) == 0
    assert "within the formula" in capsys.readouterr().out
    found["peak"] = 7e4
    assert modules.reads.main([*given, "--check"]) == 1
    assert "does not hold: small_500x10: peak memory above the formula" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        modules.reads.main(["--rows", "10"])
