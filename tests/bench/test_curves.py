"""benchmarks/exact_optimum --curves: what a curve is, where it ends, and that budgets reach the libraries."""

from __future__ import annotations

import json
import warnings
from itertools import pairwise

import numpy as np
import pytest
from exact_optimum_runs import Clock, exact, tiny
from scipy.special import expit

#: peers with a curve that can state a binary problem without a penalty, and the one that cannot
NAMES = (
    "scikit-learn newton-cholesky",
    "scikit-learn newton-cg",
    "scikit-learn lbfgs",
    "scikit-learn-intelex lbfgs",
    "glum",
    "statsmodels Logit",
    "statsmodels MNLogit",
    "statsmodels GLM",
    "skglm",
    "firthmodels without penalty",
    "torch LBFGS",
    "R glm.fit",
    "R nnet::multinom",
    "R fastglm",
    "sigmax reference",
)


@pytest.fixture(autouse=True)
def _no_collections(monkeypatch):
    """A collection before the rounds of each budget would take most of the time of these tests."""
    monkeypatch.setattr("gc.collect", lambda: 0)


class Bench:
    """One tiny problem, its optimum, a clock, and the curve of a stand-in."""

    def __init__(self, modules, monkeypatch, tmp_path):
        self.modules, self._monkeypatch, self._cache = modules, monkeypatch, tmp_path
        self.problem = modules.problems.make(tiny(modules, "small_500x10"))
        self.best = modules.optimum.optimum(self.problem, tmp_path)
        # what a fit was given, and seconds that its warm-up takes
        self.clock, self.budgets, self.tolerances, self.compiles = Clock(), [], [], 0.0

    def off(self, errors):
        """Coefficients that far from the optimum, in standard errors."""
        return (self.best.coef + errors * self.best.se).astype(np.float64)

    def peer(self, fit, name="fake", needs=(), **rest):
        """A peer of that function of the budget; the small problem it warms up with is not in `budgets`."""

        def solve(X, y, l2, tolerance, iterations):
            if len(X) != len(self.problem.X) or not np.array_equal(X, self.problem.X):
                self.clock.sleep(self.compiles)
                self.compiles = 0.0
                return self.modules.libraries.Answer(np.zeros((1, 1 + X.shape[1])))
            self.clock.sleep(self.compiles)
            self.tolerances.append(tolerance)
            budget = tolerance if iterations is None else iterations
            self.budgets.append(budget)
            found = fit(budget)
            return found if isinstance(found, self.modules.libraries.Answer) else self.answer(found)

        return self.modules.libraries.Peer(name, name, needs, solve, **rest)

    def answer(self, *given, **rest):
        return self.modules.libraries.Answer(*given, **rest)

    def curves(self, *peers, **rest):
        self._monkeypatch.setattr(self.modules.budgets, "wanted", lambda spec, options: list(peers))
        options = self.modules.budgets.Options(cache=self._cache, rest=0.0, clock=self.clock, **rest)
        return self.modules.budgets.draw(self.problem, options)

    def curve(self, fit, **rest):
        names = ("seconds", "rounds", "quick")
        mine = {name: rest.pop(name) for name in names if name in rest}
        (found,) = self.curves(self.peer(fit, **rest), **mine)
        return found


@pytest.fixture
def bench(modules, monkeypatch, tmp_path):
    return Bench(modules, monkeypatch, tmp_path)


def budgets_of(curve):
    return [point.budget for point in curve.points]


# -- the points of a curve -----------------------------------------------------------------------------


def test_budgets_grow_by_half(modules):
    found = list(modules.budgets.iterations())
    assert found[:12] == [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]
    assert all(1.3 < b / a <= 1.5 for a, b in pairwise(found[1:]))
    assert found[-1] >= 65_536


def test_gradient_descent_of_a_known_rate_falls_at_that_rate(bench):
    X, y, best = bench.problem.X, bench.problem.y, bench.best
    Z = np.column_stack([np.ones(len(X)), X])
    rate, second = 0.5, 0.01
    p = expit(Z @ best.coef[0].astype(np.float64))
    H = (Z * (p * (1.0 - p))[:, None]).T @ Z

    def descend(budget):
        # b - (1 - rate) H^-1 g leaves rate of the error; so near that H is what it is at the optimum
        b = bench.off(1e-4)[0]
        for _ in range(budget):
            b = b - (1.0 - rate) * np.linalg.solve(H, Z.T @ (expit(Z @ b) - y))
            bench.clock.sleep(second)
        return b[None]

    found = bench.curve(descend)
    assert budgets_of(found)[:8] == [1, 2, 3, 4, 6, 8, 12, 16]
    for point in found.points[:8]:
        assert point.error == pytest.approx(1e-4 * rate**point.budget, rel=1e-3)
        assert point.times.seconds == pytest.approx((second * point.budget,) * 5, rel=1e-9)
        assert point.gradient > 0.0
    errors = [point.error for point in found.points]
    assert errors == sorted(errors, reverse=True)
    # the least time of a budget that is accurate enough: 2^-7 1e-4 < 1e-6, but 7 is no budget, nor 14 or 20
    times = {1e-4: 1, 1e-6: 8, 1e-8: 16, 1e-10: 24}
    for error, budget in times.items():
        assert found.reached(error) == pytest.approx(second * budget, rel=1e-9)
    assert found.ended == "stopped by itself"
    assert found.best < 1e-12


def test_rounds_are_reruns_in_turns_after_a_warm_up(bench):
    called = []

    def fit(name):
        def of(budget):
            called.append((name, budget))
            bench.clock.sleep(1.0 if name == "a" else 2.0)
            return bench.off(0.1**budget)

        return of

    a, b = bench.curves(bench.peer(fit("a"), "a"), bench.peer(fit("b"), "b"), rounds=3)
    # each once; then a and b, b and a, a and b
    first = ["a", "b", "a", "b", "b", "a", "a", "b"]
    assert called[:8] == [(name, 1) for name in first]
    assert called[8:16] == [(name, 2) for name in first]
    assert a.points[0].times.seconds == (1.0, 1.0, 1.0)
    assert b.points[0].times.seconds == (2.0, 2.0, 2.0)


@pytest.mark.parametrize(("quick", "rounds"), [(False, 5), (True, 3)])
def test_slow_points_get_fewer_rounds_where_that_is_asked_for(bench, quick, rounds):
    def fit(budget):
        bench.clock.sleep(2.0 * budget)
        return bench.off(0.1**budget)

    found = bench.curve(fit, quick=quick)
    assert [len(point.times.seconds) for point in found.points[:3]] == [5, rounds, rounds]


def test_nothing_but_the_budget_stops_a_peer(bench):
    def fit(budget):
        bench.clock.sleep(1.0)
        return bench.off(0.1**budget)

    bench.curve(fit, ladder=(1e-3, 1e-8, 1e-12))
    assert set(bench.tolerances) == {1e-12}


def test_what_a_peer_compiles_is_in_no_fit(bench):
    def fit(budget):
        bench.clock.sleep(1.0)
        return bench.off(0.1**budget)

    bench.compiles = 1e4
    found = bench.curve(fit, seconds=10.0)
    assert (budgets_of(found)[0], found.gaps) == (1, [])
    assert found.points[0].times.seconds == (1.0,) * 5


def test_an_accuracy_is_reached_at_the_median_of_the_rounds(modules):
    point = modules.curve.Point(1, modules.rounds.Timing((4.0, 1.0, 2.0)), 1e-7, 6.0, 1e-7)
    found = modules.curve.Curve("fake", "", points=[point])
    assert found.reached(1e-6) == 2.0
    assert found.reached(1e-8) is None


def test_a_peer_that_is_wrong_stays_wrong(bench):
    def fit(budget):
        bench.clock.sleep(1.0)
        return bench.off(3.0)

    found = bench.curve(fit)
    assert [point.error for point in found.points] == pytest.approx([3.0], rel=1e-9)
    assert bench.budgets == [1] * 6 + [2]
    assert found.ended == "stopped by itself"
    assert all(found.reached(error) is None for error in bench.modules.curve.ACCURACIES)
    (_, line) = bench.modules.curve.table("p", [found]).splitlines()
    assert line.split()[:7] == ["fake", *["-"] * 5, "3e+00"]


def test_what_is_not_a_number_is_no_answer(bench):
    def fit(budget):
        bench.clock.sleep(1.0)
        return np.full((1, 5), np.nan if budget % 2 else np.inf)

    found = bench.curve(fit)
    assert found.reached(np.finfo(float).max) is None
    record = json.loads(json.dumps(found.record(), allow_nan=False))
    assert record["points"][0]["error"] is None
    assert record["points"][0]["gradient"] is None
    assert record["points"][0]["digits"] == 0.0
    assert found.ended == "no better for 4 budgets"


# -- where it ends -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("error", "last"), [(0.5, 6), (3.0, 256)])
def test_a_peer_that_never_improves_ends(bench, error, last):
    def fit(budget):
        bench.clock.sleep(1.0)
        return bench.off(error * (1.0 + 1e-6 * budget))

    found = bench.curve(fit)
    assert found.ended == "no better for 4 budgets"
    assert budgets_of(found)[-1] == last
    assert found.best == pytest.approx(error, rel=1e-5)


@pytest.mark.parametrize(("factor", "ends"), [(0.4, False), (0.6, True)])
def test_better_by_half_within_four_budgets_is_better(bench, factor, ends):
    place = {budget: index for index, budget in enumerate(bench.modules.budgets.iterations())}

    def fit(budget):
        bench.clock.sleep(1.0)
        return bench.off(0.9 * factor ** (place[budget] / 4.0))

    found = bench.curve(fit)
    assert len(found.points) == 5 if ends else len(found.points) > 20


def test_a_peer_that_says_it_converged_is_asked_no_further(bench):
    def fit(budget):
        bench.clock.sleep(1.0)
        return bench.answer(bench.off(10.0**-budget), converged=budget >= 3)

    found = bench.curve(fit)
    assert (budgets_of(found), found.ended) == ([1, 2, 3], "converged")
    assert max(bench.budgets) == 3


@pytest.mark.parametrize("how", ["warns", "says"])
def test_the_same_answer_of_a_peer_that_did_not_converge_is_no_end(bench, how):
    def fit(budget):
        bench.clock.sleep(1.0)
        early = budget < 6
        if how == "warns" and early:
            warnings.warn("the limit was reached", UserWarning, stacklevel=1)
        return bench.answer(bench.off(1e-3 if early else 1e-9), converged=False if how == "says" else None)

    found = bench.curve(fit)
    assert budgets_of(found)[:5] == [1, 2, 3, 4, 6]
    assert found.best == pytest.approx(1e-9, rel=1e-3)
    assert found.points[0].warned == (("UserWarning: the limit was reached",) if how == "warns" else ())
    assert found.ended == ("stopped by itself" if how == "warns" else "no better for 4 budgets")


def test_a_slow_peer_ends_by_time(bench):
    def fit(budget):
        bench.clock.sleep(float(budget))
        return bench.off(0.5**budget)

    found = bench.curve(fit, seconds=10.0)
    assert budgets_of(found) == [1, 2, 3, 4, 6, 8]
    assert found.ended == "time: the next budget would take more than 10 s"
    # it is foreseen, and not tried
    assert max(bench.budgets) == 8


def test_a_fit_that_suddenly_takes_too_long_ends_the_curve(bench):
    def fit(budget):
        bench.clock.sleep(1.0 if budget < 4 else 30.0)
        return bench.off(0.5**budget)

    found = bench.curve(fit, seconds=10.0)
    assert budgets_of(found) == [1, 2, 3]
    assert found.ended == "time: a fit with the next budget took 30 s"
    # once more, in case the first one met a disturbance, and no rounds
    assert bench.budgets.count(4) == 2


def test_a_fit_that_is_slow_because_it_was_stopped_early_is_no_end(bench):
    def fit(budget):
        bench.clock.sleep(30.0 if budget < 3 else 1.0)
        return bench.off(0.1**budget)

    found = bench.curve(fit, seconds=10.0)
    assert [budget for budget, _ in found.gaps] == [1, 2]
    assert budgets_of(found)[:2] == [3, 4]


@pytest.mark.parametrize(("seconds", "calls"), [(30.0, 4), (100.0, 1)])
def test_a_peer_that_is_always_too_slow_has_no_points(bench, seconds, calls):
    def fit(budget):
        bench.clock.sleep(seconds)
        return bench.off(0.5**budget)

    found = bench.curve(fit, seconds=10.0)
    assert (found.points, len(bench.budgets)) == ([], calls)
    assert found.ended == f"time: a fit with the next budget took {seconds:g} s"
    assert found.ended in bench.modules.curve.table("p", [found])


# -- peers that raise, are missing, cannot be stopped --------------------------------------------------


def test_a_budget_at_which_a_peer_raises_is_a_gap(bench):
    def fit(budget):
        bench.clock.sleep(1.0)
        if budget < 6:
            raise np.linalg.LinAlgError("did not\nconverge")
        return bench.off(1e-9)

    found = bench.curve(fit)
    assert found.gaps == [(budget, "raised LinAlgError: did not") for budget in (1, 2, 3, 4)]
    assert (budgets_of(found), found.ended) == ([6], "stopped by itself")
    assert found.record()["gaps"][0] == {"budget": 1, "why": "raised LinAlgError: did not"}


def test_a_peer_that_always_raises_ends_and_says_why(bench):
    def fit(budget):
        raise MemoryError("no room")

    found = bench.curve(fit)
    assert found.points == []
    assert found.ended == "raised MemoryError: no room"
    assert found.reached(1e6) is None
    assert bench.budgets[-1] == 256


def test_a_peer_that_raises_in_the_rounds_has_no_point_there(bench):
    def fit(budget):
        bench.clock.sleep(1.0)
        if budget == 2 and bench.budgets.count(2) > 3:
            raise MemoryError("no room")
        return bench.off(0.1**budget)

    found = bench.curve(fit)
    assert found.gaps == [(2, "raised MemoryError: no room")]
    assert budgets_of(found)[:2] == [1, 3]


def test_coefficients_of_another_shape_are_no_answer(bench):
    found = bench.curve(lambda budget: np.zeros((1, 3)))
    assert found.points == []
    assert found.ended == "raised coefficients of the shape (1, 3)"


def test_a_peer_that_cannot_take_the_data_is_released(bench):
    released = []

    def hand_over(problem):
        raise RuntimeError("no room")

    found = bench.curve(lambda budget: None, hand_over=hand_over, release=lambda: released.append(True))
    assert (found.points, found.ended) == ([], "raised RuntimeError: no room")
    assert released == [True]


def test_a_missing_peer_is_listed(bench):
    def fit(budget):
        bench.clock.sleep(1.0)
        return bench.off(0.0)

    there, missing = bench.curves(bench.peer(fit), bench.peer(fit, "absent", ("no_such_module",)))
    assert there.missing == ""
    assert "absent is missing" in missing.missing
    assert missing.points == []
    assert "absent is missing" in bench.modules.curve.table("p", [there, missing])
    assert "absent is missing" in missing.record()["missing"]


def test_a_peer_that_cannot_be_stopped_goes_down_its_ladder(bench):
    ladder = (1e-2, 1e-4, 1e-8)

    def fit(tolerance):
        bench.clock.sleep(-np.log10(tolerance))
        return bench.off(tolerance)

    found = bench.curve(fit, ladder=ladder, stops_early=False)
    assert found.kind == "tolerance"
    assert budgets_of(found) == list(ladder)
    assert [point.error for point in found.points] == pytest.approx(ladder, rel=1e-4)
    assert found.ended == "the last budget"
    assert found.settings == "tolerances 1e-02 to 1e-08"


def test_a_ladder_that_does_not_help_ends_the_curve(bench):
    def fit(tolerance):
        bench.clock.sleep(1.0)
        # never within a standard error, and not the same answer twice
        return bench.off(3.0 + tolerance)

    ladder = tuple(10.0**-e for e in range(3, 13))
    found = bench.curve(fit, ladder=ladder, stops_early=False)
    assert budgets_of(found) == list(ladder[:5])
    assert found.ended == "no better for 4 budgets"


def test_the_clock_of_the_peer_counts(bench):
    def fit(budget):
        bench.clock.sleep(100.0)
        return bench.answer(bench.off(0.1**budget), seconds=0.25 * budget)

    found = bench.curve(fit, own_clock=True, seconds=1.0)
    assert budgets_of(found) == [1, 2, 3, 4]
    assert found.points[1].times.seconds == pytest.approx((0.5,) * 5, rel=1e-12)


# -- the libraries -------------------------------------------------------------------------------------


def test_the_names_are_those_of_all_peers_with_a_curve(modules):
    drawn = [peer.name for peer in modules.libraries.PEERS.values() if not peer.does_nothing]
    assert drawn == list(NAMES)
    assert all(modules.libraries.PEERS[name].stops_early for name in NAMES)


@pytest.mark.parametrize("name", ["sigmax", *NAMES])
def test_budgets_reach_the_libraries(modules, name):
    ours = modules.budgets.sigmax(1)
    peer = ours if name == "sigmax" else modules.libraries.PEERS[name]
    if peer.missing():
        pytest.skip(peer.missing())
    # rows enough for sigmax to fit a sample first
    n = 20_000 if "sigmax" in name else 400
    one = modules.problems.make(modules.problems.Spec("test", n, 3, 2 if peer.binary else 3))
    best = modules.optimum.solve(one.X, one.y, one.spec.K)
    try:
        X, y = peer.arrays(one)
        few, more = (peer.fit(X, y, 0.0, peer.ladder[-1], budget) for budget in (1, 50))
        assert np.all(np.isfinite(few.coef))
        assert best.error(few.coef) > 1e3 * best.error(more.coef)
        assert best.error(few.coef) > 1e-2
        # sums of squares, and no gradients, are what nnet and L-BFGS stop by
        assert best.error(more.coef) < 1e-4
        assert few.converged is not True
    finally:
        if peer.release is not None:
            peer.release()


def test_peers_that_are_drawn(modules, tmp_path):
    def names(spec, **rest):
        options = modules.budgets.Options(cache=tmp_path, **rest)
        return [peer.name for peer in modules.budgets.wanted(spec, options)]

    binary, classes = (modules.problems.Spec("test", 100, 2, K) for K in (2, 3))
    asked = [name for name in NAMES if name not in ("sigmax reference", "statsmodels MNLogit")]
    assert names(binary) == ["sigmax", *asked]
    compiled = ("skglm", "firthmodels without penalty")
    assert names(binary, compiling=False) == ["sigmax", *(name for name in asked if name not in compiled)]
    assert "statsmodels MNLogit" in names(classes)
    assert "glum" not in names(classes)
    assert names(binary, peers=("does nothing", "sigmax reference")) == ["sigmax", "sigmax reference"]


def test_sigmax_is_called_on_the_threads_that_are_asked_for(modules, monkeypatch):
    given, fit = [], modules.budgets.sx.fit
    monkeypatch.setattr(modules.budgets.sx, "fit", lambda *a, **rest: given.append(rest) or fit(*a, **rest))
    one = modules.problems.make(modules.problems.Spec("test", 400, 3, 2))
    modules.budgets.sigmax(2).fit(one.X, one.y, 0.5, 0.0, 3)
    assert given == [{"l2": 0.5, "max_iter": 3, "n_threads": 2}]


def test_a_peer_that_cannot_reach_the_optimum_says_so(modules):
    peers = modules.libraries.PEERS
    assert "C = 1e+06" in modules.budgets.settings(peers["scikit-learn-intelex lbfgs"])
    assert modules.budgets.settings(peers["glum"]) == "tolerance 1e-15, at most `budget` iterations"


def test_sigmax_is_drawn_as_it_is_called(modules, tmp_path):
    spec = tiny(modules, "small_500x10")
    options = modules.budgets.Options(cache=tmp_path, n_threads=1, rest=0.0, peers=("does nothing",))
    (found,) = modules.budgets.draw(modules.problems.make(spec), options)
    assert (found.peer, found.ended) == ("sigmax", "converged")
    assert found.best < 1e-12
    # stopped early it warns, which is collected
    assert found.points[0].converged is False
    assert any("iteration limit" in text for text in found.points[0].warned)
    assert "its own tolerance" in found.settings


# -- the command ---------------------------------------------------------------------------------------


def test_the_command(modules, monkeypatch, tmp_path, capsys):
    file = tmp_path / "curves.json"
    monkeypatch.delenv(modules.files.FOLDER, raising=False)
    fake = modules.libraries.Peer(
        "fake", "fake", (), lambda X, y, l2, t, k: modules.libraries.Answer(exact(X, y, l2, t))
    )
    monkeypatch.setattr(modules.budgets, "PEERS", {"fake": fake})
    monkeypatch.setattr(modules.curves, "PEERS", {"fake": fake})
    monkeypatch.setattr(modules.main, "header", lambda: "the machine")
    absent = next(spec.name for spec in modules.problems.MORE.values() if spec.source == "SUSY")
    given = ["--curves", "--tiny", "--problems", "spector", absent, "--threads", "1", "--seconds", "5"]
    assert modules.main.main([*given, "--cache", str(tmp_path), "--json", str(file)]) == 0
    said = capsys.readouterr().out
    assert "the data are missing" in said
    assert "Meanwhile: " in said
    shown = json.loads(file.read_text())
    assert (shown["part"], shown["threads"], shown["tiny"]) == ("curves", 1, True)
    assert {"environment", "libraries", "conditions", "version", "date"} <= set(shown)
    one, other = shown["problems"]
    assert (one["problem"], one["n"], one["p"], one["K"], one["l2"]) == ("spector", 32, 3, 2, 0.0)
    assert [curve["peer"] for curve in one["curves"]] == ["sigmax", "fake"]
    for curve in one["curves"]:
        assert set(curve) == {"peer", "settings", "kind", "points", "gaps", "ended", "missing"}
        for point in curve["points"]:
            keys = {"budget", "seconds", "error", "digits", "gradient", "converged", "warned"}
            assert set(point) == keys
            assert len(point["seconds"]) == 5
    assert one["missing"] == ""
    assert other["curves"] == []
    assert "the data are missing" in other["missing"]


def test_problems_where_none_are_given(modules):
    read = modules.main.arguments
    assert read([]).problems == list(modules.problems.SPECS)
    assert read(["--curves"]).problems == list(modules.curves.PROBLEMS)
    assert set(read(["--curves"]).problems) <= set(modules.problems.ALL)
    assert "flights_delayed" not in read(["--curves", "--tiny"]).problems
    assert read(["--curves"]).seconds == 10.0
    assert read(["--curves", "--tiny"]).seconds < 1.0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--seconds", "3"), "--seconds is an option of --curves"),
        (("--curves", "--seconds", "0"), "--seconds must be positive and finite; got 0.0"),
        (("--curves", "--seconds", "inf"), "--seconds must be positive and finite; got inf"),
        (("--curves", "--problems", "groups_10000_of_200x4"), "--curves is for problems of a single fit"),
    ],
)
def test_wrong_arguments(modules, capsys, arguments, complaint):
    with pytest.raises(SystemExit) as stopped:
        modules.main.arguments(list(arguments))
    assert stopped.value.code == 2
    assert complaint in capsys.readouterr().err
