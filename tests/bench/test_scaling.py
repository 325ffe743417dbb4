"""benchmarks/scaling: slopes are those of the costs, and what was not measured is said."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from exact_optimum_runs import Clock
from scipy import stats

import sigmax as sx

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "scaling"
NAMES = sorted(file.stem for file in FOLDER.glob("*.py") if file.stem != "__main__")


@pytest.fixture
def scaling(modules, monkeypatch):
    """The modules of the script and those of benchmarks/exact_optimum, importable while a test runs."""
    monkeypatch.syspath_prepend(str(FOLDER))
    # __main__ puts the folder of exact_optimum in front of the path
    monkeypatch.setattr(sys, "path", list(sys.path))
    found = {name: importlib.import_module(name) for name in NAMES}
    spec = importlib.util.spec_from_file_location("scaling_main", FOLDER / "__main__.py")
    found["main"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found["main"])
    # every turn at every size begins with a collection, which takes long with all that tests have loaded
    monkeypatch.setattr(modules.rounds.gc, "collect", lambda: 0)
    yield SimpleNamespace(**(vars(modules) | found))
    for name in NAMES:
        sys.modules.pop(name, None)


# -- slopes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("b", [1.0, 0.98, 2.0, -1.0, 0.0, 0.5])
def test_an_exact_power_is_recovered(scaling, b):
    x = [1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7]
    value, error = scaling.slopes.power(x, [3e-9 * t**b for t in x])
    assert abs(value - b) < 1e-12
    assert error < 1e-12


def test_the_error_is_that_of_least_squares_and_covers_the_truth(scaling):
    rng = np.random.default_rng(5)
    x = np.array([1e4, 3e4, 1e5, 3e5, 1e6, 3e6])
    reach, covered = stats.t.ppf(0.975, len(x) - 2), 0
    for _ in range(400):
        y = 1e-7 * x**1.3 * np.exp(0.1 * rng.standard_normal(len(x)))
        value, error = scaling.slopes.power(x, y)
        judge = stats.linregress(np.log(x), np.log(y))
        assert math.isclose(value, judge.slope, rel_tol=1e-12)
        assert math.isclose(error, judge.stderr, rel_tol=1e-9)
        covered += abs(value - 1.3) <= reach * error
    # 95 % of 400, four standard deviations either way
    assert abs(covered - 380) <= 4 * math.sqrt(400 * 0.95 * 0.05)


def test_only_the_upper_half_counts_and_three_points_at_least(scaling):
    x = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    y = [7.0, 7.0, 7.0, 64.0, 256.0, 1024.0]
    found = scaling.slopes.fitted(x, y, "2", "so it is")
    assert abs(found.value - 2.0) < 1e-12
    assert list(found.record()) == ["value", "error", "from", "to", "theory", "why"]
    assert (found.record()["from"], found.record()["to"]) == (8.0, 32.0)
    assert scaling.slopes.fitted(x, y, all_points=True).value < 1.8
    # of four points the upper half is two; of five it is three
    assert scaling.slopes.fitted(x[:4], y[:4]) is None
    assert scaling.slopes.fitted(x[:5], y[:5]).start == 4.0
    assert scaling.slopes.fitted([], []) is None
    # what grew by nothing has no logarithm
    assert scaling.slopes.fitted(x, [*y[:3], 0.0, *y[4:]]) is None


@pytest.mark.parametrize(
    ("x", "y", "complaint"),
    [
        ([1.0, 2.0], [1.0, 2.0], "needs 3 points"),
        ([1.0, 2.0, 3.0], [1.0, 2.0], "3 sizes and 2 costs"),
        ([1.0, 2.0, 3.0], [1.0, 0.0, 2.0], "must be positive"),
        ([2.0, 2.0, 2.0], [1.0, 1.0, 2.0], "sizes must differ; got 2 alone"),
    ],
)
def test_no_slope_of_what_has_none(scaling, x, y, complaint):
    with pytest.raises(ValueError, match=complaint):
        scaling.slopes.power(x, y)


# -- series by a clock that is told what calls cost ----------------------------------------------------


class Fake:
    """Somebody whose calls cost what a function of the size says."""

    def __init__(self, scaling, clock, who, cost, what="fit", lacks="", fails_at=None):
        self._scaling, self._clock, self._cost, self._lacks = scaling, clock, cost, lacks
        self.who, self.what, self._fails_at, self.called = who, what, fails_at, []

    def lacks(self, place):
        return self._lacks

    def first(self, place, clock):
        if place.size.x == self._fails_at:
            raise ArithmeticError("no optimum\nmore")
        with self.ready(place) as one:
            return self._scaling.callers.First(self._scaling.callers.timed(one.call, clock), reads=7.0)

    @contextlib.contextmanager
    def ready(self, place):
        def call():
            self.called.append(place.size.x)
            self._clock.sleep(self._cost(place.size))

        yield self._scaling.callers.Ready(call)


def run(scaling, callers, clock, along="n", xs=(100, 200, 400, 800, 1_600, 3_200), **rest):
    asked = [scaling.sizes.Size(**({"n": 9, "p": 2, "K": 2, "threads": 1} | {along: x}), x=x) for x in xs]
    plan = scaling.sizes.Plan(along, tuple(asked))
    places = [scaling.callers.Place(size, None) for size in asked]
    options = scaling.series.Options(rest=0.0, clock=clock, progress=lambda text: None, **rest)
    return plan, scaling.series.run(along, plan.fixed, places, callers, options)


def test_known_costs_give_the_known_slopes(scaling):
    clock = Clock()
    ours = Fake(scaling, clock, "sigmax", lambda size: 1e-6 * size.n**1.25)
    theirs = Fake(scaling, clock, "peer", lambda size: 0.0004 if size.n < 800 else 1e-9 * size.n**2)
    plan, (one, other) = run(scaling, [ours, theirs], clock, rounds=3)
    assert abs(one.slope.value - 1.25) < 1e-9
    assert abs(other.slope.value - 2.0) < 1e-9
    assert one.slope.error < 1e-9
    assert (one.slope.start, one.slope.end) == (800.0, 3_200.0)
    assert [point.size.x for point in one.points] == [100, 200, 400, 800, 1_600, 3_200]
    assert all(len(point.seconds) == 3 for point in one.points)
    assert math.isclose(one.points[0].median, 1e-6 * 100**1.25, rel_tol=1e-9)
    assert not one.ended
    assert one.fixed == {"p": 2, "K": 2, "threads": 1}
    # rounds go over all sizes, and the second of them backwards
    starts = [x for k, x in enumerate(ours.called) if k == 0 or ours.called[k - 1] != x]
    up = [100, 200, 400, 800, 1_600, 3_200]
    assert starts == up + up + up[-2::-1] + up[1:]
    text = scaling.tables.times(plan, [one, other])
    assert "fit, sigmax: seconds ~ n^1.25 +- 0.00 from 800 to 3,200; theory 1" in text
    assert "fit, peer: seconds ~ n^2.00" in text
    assert max(map(len, text.splitlines())) <= 120


def test_threads_show_speed_up_and_efficiency(scaling):
    clock = Clock()
    ours = Fake(scaling, clock, "sigmax", lambda size: 1.0 / size.threads)
    half = Fake(scaling, clock, "sigmax", lambda size: 0.5 + 0.5 / size.threads, what="pass")
    plan, found = run(scaling, [half, ours], clock, along="threads", xs=(1, 2, 4), rounds=3)
    # all points count, small ones too
    assert abs(found[1].slope.value + 1.0) < 1e-9
    assert found[1].slope.theory == "-1"
    line = next(x for x in scaling.tables.times(plan, found).splitlines() if x.strip().startswith("4 "))
    assert line.split() == ["4", "625", "1.60", "x", "40", "%", "250", "7", "4.00", "x", "100", "%"]


def test_who_is_slow_missing_or_fails_is_noted(scaling):
    clock = Clock()
    callers = [
        Fake(scaling, clock, "sigmax", lambda size: 1e-3 * size.n),
        Fake(scaling, clock, "slow", lambda size: 0.02 * size.n),
        Fake(scaling, clock, "gone", lambda size: 1.0, lacks="gone is missing (no module)"),
        Fake(scaling, clock, "fails", lambda size: 1e-3, fails_at=400),
    ]
    plan, (ours, slow, gone, fails) = run(scaling, callers, clock, rounds=5, slow=7.0)
    assert [point.size.x for point in slow.points] == [100, 200, 400]
    assert slow.ended == "stopped after n = 400: a fit took 8 s, more than 7"
    assert slow.slope is None
    record = slow.record()
    assert record["slope"] is None
    assert record["points"][-1]["note"] == slow.ended
    assert record["points"][0]["note"] == ""
    # 2 s: three rounds; 8 s: the first call is the only one
    assert [len(point.seconds) for point in slow.points] == [3, 3, 1]
    assert slow.points[2].seconds == pytest.approx([8.0], rel=1e-12)
    assert callers[1].called.count(400) == 1
    assert (gone.points, gone.ended) == ([], "gone is missing (no module)")
    assert len(fails.points) == 2
    assert fails.ended == "stopped at n = 400: ArithmeticError: no optimum"
    # at the last size nothing is left to stop for
    last = Fake(scaling, clock, "last", lambda size: 0.003 * size.n)
    assert not run(scaling, [last], clock, slow=7.0, rounds=3)[1][0].ended
    # sigmax goes on however long it takes
    assert len(ours.points) == 6
    assert not run(scaling, callers[:1], clock, slow=0.01, rounds=3)[1][0].ended
    text = scaling.tables.times(plan, [ours, slow, gone, fails])
    for one in (slow, gone, fails):
        assert f"fit, {one.who}: {one.ended}" in text
    assert "fit, slow: no slope" in text


# -- peers ---------------------------------------------------------------------------------------------


def peer(scaling, solve, **rest):
    answer = scaling.libraries.Answer
    found = scaling.libraries.Peer("fake", "fake", (), lambda *given: answer(solve(*given)), **rest)
    return scaling.callers.PeerFit(found)


@pytest.fixture
def place(scaling):
    size = scaling.sizes.Size(400, 400, 2, 3, 1)
    found = scaling.callers.Place(size, scaling.problems.make(scaling.sizes.spec(size)))
    first = scaling.callers.Fit().first(found, Clock())
    assert first.reads == found.fitted.certificate.passes
    assert first.error == found.fitted.certificate.standard_errors_off
    assert first.note == ""
    return found


def moved(place, by):
    """The optimum, its second coefficient moved by so many standard errors."""
    coef = np.array(place.fitted.params, dtype=float).reshape(2, 3)
    coef[0, 1] += by * np.asarray(place.fitted.bse).reshape(2, 3)[0, 1]
    return coef


@pytest.mark.parametrize(
    ("error_of", "tolerance", "note"),
    [
        (lambda tolerance: 1e-7, 1e-8, "1e-07 standard errors off at tolerance 1e-08"),
        (lambda tolerance: 100.0 * tolerance, 1e-8, "1e-06 standard errors off at tolerance 1e-08"),
        (lambda tolerance: 500.0 * tolerance, 1e-10, "5e-08 standard errors off at tolerance 1e-10"),
        (lambda tolerance: 1e-3, 1e-10, "1e-03 standard errors off at tolerance 1e-10: more than 1e-06"),
    ],
)
def test_peers_are_timed_at_a_tolerance_that_reaches_what_is_asked(scaling, place, error_of, tolerance, note):
    one = peer(scaling, lambda X, y, l2, tolerance, *_: moved(place, 0.999 * error_of(tolerance)))
    first = one.first(place, Clock())
    # rungs as good as each other: the faster one, which a clock that stands still does not know
    assert one.tolerances[400] in ({1e-8, 1e-10} if "more" in note else {tolerance})
    assert first.note.replace(f"{one.tolerances[400]:.0e}", f"{tolerance:.0e}") == note
    point = scaling.series.Point(place.size, first, [0.5])
    assert scaling.tables._milliseconds(point) == ("(500)" if "more" in note else "500")
    with one.ready(place) as ready:
        ready.call()
    assert ready.raised() == ""


def test_what_a_peer_compiles_is_not_its_time(scaling, place):
    clock, known, best = Clock(), [], moved(place, 0.0)

    def solve(given, y, *_):
        clock.sleep(1.0 if known else 30.0)
        known.append(len(given))
        return best

    assert peer(scaling, solve).first(place, clock).seconds == 1.0
    # where there is nothing to compare with, too
    known.clear()
    place.fitted = None
    assert peer(scaling, solve).first(place, clock).seconds == 1.0


def test_of_a_short_fit_the_second_counts(scaling, place):
    clock, made, best = Clock(), [], moved(place, 0.0)

    def solve(X, *_):
        if len(X) == place.size.n:
            made.append(len(X))
            clock.sleep(0.5 if len(made) == 1 else 0.25)
        return best

    assert peer(scaling, solve).first(place, clock).seconds == 0.25
    made.clear()
    place.fitted = None
    assert peer(scaling, solve).first(place, clock).seconds == 0.25


def test_nobody_is_judged_by_an_optimum_that_is_not_proved(scaling, place):
    best = moved(place, 0.0)
    with pytest.warns(sx.ConvergenceWarning, match="iteration limit"):
        place.fitted = sx.fit(place.problem.X, place.problem.y, n_threads=1, max_iter=1)
    first = peer(scaling, lambda *_: best).first(place, Clock())
    assert first.error is None
    assert first.note == "error unknown: sigmax has no optimum here"


def test_the_clock_of_a_peer_counts_in_the_rounds(scaling, place):
    clock, answer = Clock(), scaling.libraries.Answer

    def solve(*_):
        clock.sleep(3.0)
        return answer(moved(place, 0.0), seconds=2.0)

    found = scaling.libraries.Peer("fake", "fake", (), solve, own_clock=True)
    options = scaling.series.Options(rounds=3, rest=0.0, clock=clock, progress=lambda text: None)
    (one,) = scaling.series.run("n", {}, [place], [scaling.callers.PeerFit(found)], options)
    assert one.points[0].seconds == [2.0, 2.0, 2.0]


def test_a_peer_that_raises_stops_and_its_time_does_not_count(scaling, place):
    def solve(X, y, *_):
        raise ValueError("not for me")

    never = peer(scaling, solve)
    options = scaling.series.Options(rounds=3, rest=0.0, progress=lambda text: None)
    (found,) = scaling.series.run("n", {}, [place], [never], options)
    assert found.points == []
    assert "ValueError: not for me" in found.ended

    # in the first calls all is well, and in the rounds no more
    answers = iter([moved(place, 0.0)] * 3)
    (found,) = scaling.series.run("n", {}, [place], [peer(scaling, lambda *_: next(answers))], options)
    assert found.points == []
    assert found.ended == "failed at n = 400: StopIteration:"

    binary = peer(scaling, solve, classes=False)
    assert binary.lacks(place) == "cannot fit 3 classes"
    assert binary.peer.supports(scaling.sizes.spec(replace(place.size, K=2)))
    given_back = []
    peer(scaling, lambda *_: moved(place, 0.0), release=lambda: given_back.append(1)).first(place, Clock())
    assert given_back == [1]


def test_a_pass_is_one_evaluation(scaling, place):
    with scaling.callers.Pass().ready(place) as ready:
        ready.call()
        found = ready.call.last
    # at zero every row costs log K
    assert math.isclose(float(found.nll), 400 * math.log(3), rel_tol=1e-12)
    assert found.hessian.size == 36


# -- sizes ---------------------------------------------------------------------------------------------


def test_rows_are_halved_where_memory_does_not_suffice(scaling):
    plan = scaling.sizes.plan
    room = 4 * scaling.sizes.COPIES * 8 * 10_000_000 * 20
    full = plan("n", 2, bytes_of_memory=room)
    assert [size.x for size in full.sizes] == list(scaling.sizes.THROUGH["n"])
    assert full.remarks == ()
    less = plan("n", 2, bytes_of_memory=room - 1)
    assert [size.n for size in less.sizes][-2:] == [3_000_000, 5_000_000]
    assert all(size.x == size.n for size in less.sizes)
    assert less.remarks[0].startswith("10,000,000 rows became 5,000,000: memory of 17.9 GiB")
    # along p all points keep the same rows, and columns that nothing is left for go
    some = plan("p", 2, bytes_of_memory=room // 4)
    assert {size.n for size in some.sizes} == {25_000}
    assert some.sizes[-1].p == 2_000
    few = plan("p", 2, bytes_of_memory=room // 16)
    assert few.sizes[-1].p < 2_000
    assert "p = 2,000 left out: memory" in few.remarks


def test_most_rows_and_rows_for_each_parameter(scaling):
    plan, room = scaling.sizes.plan, 2**40
    capped = plan("n", 2, most_rows=200_000, bytes_of_memory=room)
    assert [size.n for size in capped.sizes] == [10_000, 30_000, 100_000, 200_000]
    many = plan("K", 2, most_rows=10_000, bytes_of_memory=room)
    assert [size.K for size in many.sizes] == [2, 3, 5, 10, 20, 50]
    assert "K = 100 left out: 10,000 rows are fewer than 8 a parameter" in many.remarks
    assert {size.n for size in many.sizes} == {10_000}
    for peak in (False, True):
        for along in ("n", "p", "K"):
            kept = plan(along, 2, bytes_of_memory=room, peak=peak)
            assert kept.remarks == ()
            assert kept.sizes[-1].x == {"n": 10_000_000, "p": 2_000, "K": 100}[along]


@pytest.mark.parametrize(
    ("most", "counts"),
    [(1, (1, 2)), (2, (1, 2)), (6, (1, 2, 3, 4, 5, 6)), (24, (*range(1, 9), 16, 24)),
     (32, (*range(1, 9), 16, 32))],
)  # fmt: skip
def test_counts_of_threads(scaling, most, counts):
    assert scaling.sizes.counts(most) == counts


def test_points_along_n_are_views_of_one_table(scaling):
    asked = scaling.sizes.plan("n", 1, tiny=True)
    found = scaling.sizes.data(asked)
    assert all(np.shares_memory(one.X, found[-1].X) for one in found)
    assert [one.spec.n for one in found] == [len(one.y) for one in found] == [size.n for size in asked.sizes]
    assert sx.fit(found[0].X, found[0].y, n_threads=1).certificate.converged


def test_theory_counts_what_a_pass_must_do(scaling):
    sizes = scaling.sizes.plan("p", 1, bytes_of_memory=2**40).sizes
    theory, why = scaling.theory.of_time("p", "sigmax", "pass", sizes, [1.0] * len(sizes))
    assert theory == "1 to 2"
    # (k (k + 1) + 4 k) n between p = 100 and p = 2,000
    assert why == "flops grow as p^1.98, bytes as p^1.00"
    assert "5 to 9 reads" in scaling.theory.of_time("p", "sigmax", "fit", sizes, [*range(1, 9), 9])[1]
    assert scaling.theory.of_time("K", "scikit-learn lbfgs", "fit", sizes, [])[0] == "1"


# -- memory --------------------------------------------------------------------------------------------

EXTRA = 50_000_000
#: a child whose "fit" is an array of that size, of which it keeps a half; a little more, as the kernel counts
#: pages in batches.  Before it, twice as much is taken and given back
STAND_IN = """
import json, sys
sys.path[:0] = [{folder!r}, {exact!r}]
import numpy as np
import peaks
kept = []
def fit():
    kept.append(np.ones({extra} // 16 + 2**17))
    np.ones({extra} // 16 + 2**17)
def task(problem, n_threads):
    np.ones({extra} // 4)
    kept.clear()
    return (problem.X, problem.y), fit
print(json.dumps(peaks.child(json.loads(sys.argv[1]), task)))
"""


def stand_in(tmp_path, extra):
    file = tmp_path / "stand_in.py"
    exact = FOLDER.parent / "exact_optimum"
    file.write_text(STAND_IN.format(folder=str(FOLDER), exact=str(exact), extra=extra))
    return [sys.executable, str(file)]


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
def test_the_child_reports_what_is_allocated(scaling, tmp_path):
    size = scaling.sizes.Size(3_000, 3_000, 4, 2, 1)
    found = scaling.peaks.measure(size, "sigmax", stand_in(tmp_path, EXTRA))
    if found.before is None:
        pytest.skip("this system does not let a process put its high-water mark back")
    assert found.data == 8 * 3_000 * 4 + 8 * 3_000
    assert EXTRA <= found.growth <= EXTRA + 2**24
    assert found.before > found.data
    assert found.record()["peak"] == found.peak


def test_memory_is_null_where_the_system_does_not_tell(scaling):
    asked = scaling.sizes.plan("p", 1, tiny=True, peak=True)
    command = [sys.executable, "-c", """print('{"data": 8, "before": null, "peak": null, "seconds": 1.0}')"""]
    found = scaling.peaks.run(asked, "sigmax", 10.0, lambda text: None, command)
    (point,) = found.points
    assert (point.before, point.peak, point.growth) == (None, None, None)
    assert found.ended.startswith("not measured")
    assert found.slope is None
    assert found.record()["points"][0]["peak"] is None
    assert "memory, sigmax: not measured" in scaling.tables.memory(asked, [found])


def test_the_child_fits_with_the_library_that_is_asked_for(scaling, monkeypatch, tmp_path):
    fitted = []
    coef = np.zeros((1, 4))
    one = peer(
        scaling, lambda X, y, l2, tolerance, *_: fitted.append((len(y), tolerance)) or coef, layout="F"
    )
    monkeypatch.setitem(scaling.libraries.PEERS, "fake", one.peer)
    asked = {"who": "fake", "x": 900, "n": 900, "p": 3, "K": 2, "threads": 1}
    found = scaling.peaks.child(asked, process=tmp_path)
    # the small one first
    assert fitted == [(500, scaling.peaks.LOOSE), (900, scaling.peaks.LOOSE)]
    assert found["data"] == 900 * (3 + 1) * 8
    assert found["before"] is None
    assert scaling.peaks.child(asked | {"who": "sigmax"}, process=tmp_path)["seconds"] > 0.0


def test_whose_memory_is_not_measured(scaling):
    lacks, Peer = scaling.main.lacks_memory, scaling.libraries.Peer
    two, three = (scaling.sizes.Size(K, 900, 3, K, 1) for K in (2, 3))
    own = Peer("R", "R", (), None, own_clock=True)
    binary = Peer("binary", "binary", (), None, classes=False)
    assert lacks(own, two) == "not measured: it fits in a process of its own"
    assert (lacks(binary, two), lacks(binary, three)) == ("", "cannot fit 3 classes")
    asked = scaling.sizes.plan("K", 1, tiny=True, peak=True)
    command = [sys.executable, "-c", "raise SystemExit('it was asked')"]
    said = []
    found = scaling.peaks.run(asked, "binary", 1.0, said.append, command, lambda size: lacks(binary, size))
    assert (found.points, found.ended, said) == ([], "cannot fit 3 classes", [])


def test_a_child_that_fails_or_is_slow_ends_its_series(scaling, monkeypatch):
    asked = scaling.sizes.plan("K", 1, tiny=True, peak=True)
    broken = [sys.executable, "-c", "raise SystemExit('out of memory')"]
    found = scaling.peaks.run(asked, "peer", 1.0, lambda text: None, broken)
    assert found.points == []
    assert found.ended == "stopped at K = 3: the process ended with code 1: out of memory"

    def measure(size, who, command):
        return scaling.peaks.Peak(size, 8, 100, 100 + size.x, 2.0)

    asked = scaling.sizes.plan("n", 1, tiny=True, peak=True)
    monkeypatch.setattr(scaling.peaks, "measure", measure)
    slow = scaling.peaks.run(asked, "peer", 1.0, lambda text: None)
    assert len(slow.points) == 1
    assert slow.ended == "stopped after n = 1,000: the fit took 2 s, more than 1"
    assert len(scaling.peaks.run(asked, "sigmax", 1.0, lambda text: None).points) == 2

    monkeypatch.undo()
    monkeypatch.setattr(scaling.peaks, "PATIENCE", 0.2)
    endless = [sys.executable, "-c", "import time; time.sleep(60)"]
    assert "longer than 0.2 s" in scaling.peaks.run(asked, "peer", 1.0, lambda text: None, endless).ended


def test_the_slope_of_memory_is_that_of_what_comes_on_top(scaling):
    asked = scaling.sizes.plan("n", 1, bytes_of_memory=2**40, peak=True)
    points = [scaling.peaks.Peak(size, 8, 10**9, 10**9 + 40 * size.x, 0.1) for size in asked.sizes]
    found = scaling.peaks.Memory("n", "sigmax", asked.fixed, points)
    assert abs(found.slope.value - 1.0) < 1e-12
    assert "memory, sigmax: bytes ~ n^1.00 +- 0.00 from 1e6 to 1e7" in scaling.tables.memory(asked, [found])


# -- the command ---------------------------------------------------------------------------------------


@pytest.fixture
def without_library(scaling, monkeypatch):
    gone = scaling.libraries.Peer("gone", "no-such-library", ("no_such_library",), None)
    monkeypatch.setitem(scaling.main.PEERS, "gone", gone)
    monkeypatch.setattr(scaling.sizes, "usable", lambda: 2)


def record_of(scaling, tmp_path, capsys, *given):
    """The document of a run at tiny sizes, and what it printed."""
    file = tmp_path / "scaling.json"
    given = ["--tiny", "--rounds", "3", "--threads", "1", "--json", str(file), *given]
    assert scaling.main.main(given) == 0
    record, out = json.loads(file.read_text()), capsys.readouterr().out
    assert (record["part"], record["threads"], record["tiny"]) == ("scaling", 1, True)
    assert {"version", "date", "environment", "libraries", "conditions"} <= record.keys()
    assert max(map(len, out.splitlines())) <= 120
    assert "Meanwhile: load" in out
    assert "The sizes were tiny" in out
    return record


@pytest.mark.usefixtures("without_library")
def test_times_at_tiny_sizes(scaling, tmp_path, capsys):
    peers = ("gone", "sigmax reference")
    along = ("n", "p", "K", "threads")
    record = record_of(scaling, tmp_path, capsys, "--along", *along, "--peers", *peers)
    assert record["libraries"] == {"no-such-library": None, "sigmax": scaling.main.PEERS[peers[1]].version()}
    assert record["memory"] == []
    told = {(one["along"], one["who"], one["what"]) for one in record["series"]}
    ours = {(name, "sigmax", what) for name in along for what in ("pass", "fit")}
    assert told == ours | {(name, who, "fit") for name in along[:3] for who in peers}
    for one in record["series"]:
        assert one["along"] not in one["fixed"]
        assert len(one["fixed"]) == 3
        if one["who"] == "gone":
            assert (one["points"], one["slope"]) == ([], None)
            assert "no-such-library is missing" in one["ended"]
            continue
        assert one["ended"] == ""
        assert len(one["points"]) == (2 if one["along"] == "threads" else 5)
        for point in one["points"]:
            assert {"x", "n", "p", "K", "threads", "seconds", "reads", "note"} <= point.keys()
            assert point["x"] == point[one["along"]]
            assert all(point[name] == value for name, value in one["fixed"].items())
            assert len(point["seconds"]) == 3
            assert min(point["seconds"]) > 0.0
            assert isinstance(point["note"], str)
            assert (point["reads"] is None) == (one["who"] != "sigmax")
        if one["along"] == "threads":
            assert one["slope"] is None
        else:
            assert {"value", "error", "from", "to", "theory", "why"} == one["slope"].keys()


@pytest.mark.usefixtures("without_library")
def test_memory_at_tiny_sizes(scaling, monkeypatch, tmp_path, capsys):
    real, first = scaling.peaks.measure, []

    def measure(size, who, command):
        # a process takes seconds: one of them is enough
        first[:] = first or [real(size, who, command)]
        return replace(first[0], size=size, data=8 * size.n * (1 + size.p))

    monkeypatch.setattr(scaling.peaks, "measure", measure)
    record = record_of(scaling, tmp_path, capsys, "--along", "memory", "--peers", "gone")
    assert first[0].data == 8 * 1_000 * 4
    assert record["series"] == []
    told = [(one["along"], one["who"]) for one in record["memory"]]
    assert told == [(along, who) for along in ("n", "p", "K") for who in ("sigmax", "gone")]
    for one in record["memory"]:
        assert one["slope"] is None
        if one["who"] == "gone":
            assert (one["points"], "no-such-library is missing" in one["ended"]) == ([], True)
            continue
        for point in one["points"]:
            assert {"x", "n", "p", "K", "peak", "before", "data"} <= point.keys()
            assert point["data"] == 8 * point["n"] * (1 + point["p"])
            if point["peak"] is not None:
                assert point["peak"] >= point["before"] > point["data"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--threads", "0"), "--threads must be 1 at least; got 0"),
        (("--rounds", "2"), "--rounds must be 3 at least; got 2"),
        (("--slow", "nan"), "--slow must be a positive number of seconds; got nan"),
        (("--slow", "0"), "--slow must be a positive number of seconds; got 0"),
        (("--most-rows", "9999"), "--most-rows must be 10000 at least; got 9999"),
        (("--peers", "none", "glum"), "--peers must be none or names of peers, not both; got none glum"),
        (("--peers", "does nothing"), "invalid choice"),
        (("--along", "q"), "invalid choice"),
    ],
)
def test_wrong_arguments(scaling, capsys, arguments, complaint):
    with pytest.raises(SystemExit) as stopped:
        scaling.main.arguments(list(arguments))
    assert stopped.value.code == 2
    assert complaint in capsys.readouterr().err


def test_arguments(scaling):
    got = scaling.main.arguments(["--along", "memory", "n", "n", "--peers", "none"])
    assert (got.along, got.peers) == (["n", "memory"], [])
    assert scaling.main.arguments([]).peers == list(scaling.main.USUAL)


def test_the_command_runs_from_a_shell():
    done = subprocess.run([sys.executable, str(FOLDER), "--help"], capture_output=True, text=True, check=True)
    assert "--most-rows" in done.stdout
