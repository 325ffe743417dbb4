"""benchmarks/exact_optimum --slow: what bounds a run, and that every row says so; and how times are shown."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
from exact_optimum_runs import Clock, exact, fake, options, row, tiny

from sigmax.bench.timing import Timing

LADDER = tuple(10.0**-e for e in range(3, 12))
HURRIED = "its tolerance was not looked for any further"


# -- the ladder ----------------------------------------------------------------------------------------


def climb(modules, seconds, errors, slow):
    """The rung that stands, and the tolerances that were tried; both lists by rung."""
    clock, tried = Clock(), []

    def attempt(tolerance):
        index = LADDER.index(tolerance)
        tried.append(index)
        clock.sleep(seconds[index])
        if errors[index] is None:
            raise FloatingPointError("diverged")
        return errors[index]

    return modules.ladder.climb(attempt, LADDER, clock=clock, slow=slow), tried


@pytest.mark.parametrize(
    ("seconds", "errors", "tried", "chosen", "cut"),
    [
        # the first of all is slow: it stands, whether it reaches 1e-6 or not
        ([70.0] * 9, [1e-7] * 9, [4], 4, True),
        ([70.0] * 9, [1e-3] * 9, [4], 4, True),
        # exactly as long as is allowed is not longer
        ([60.0] * 9, [1e-7] * 9, [4, 2, 1, 0], 0, False),
        # the second is slow and not yet exact: the first, of which that was known, stands
        ([70.0] * 4 + [1.0] * 5, [1e-3] * 4 + [1e-7] * 5, [4, 2], 4, True),
        # the second is slow and exact, the first was not
        ([1.0] * 5 + [70.0] * 4, [1e-3] * 5 + [1e-7] * 4, [4, 6], 6, True),
        # neither is exact: the one of less error stands, or the faster of two alike
        ([1.0] * 5 + [70.0] * 4, [1e-2] * 5 + [1e-4] * 4, [4, 6], 6, True),
        ([1.0] * 5 + [70.0] * 4, [1.5e-4] * 5 + [1e-4] * 4, [4, 6], 4, True),
        # the last one to try is slow: nothing was left out
        ([70.0] + [1.0] * 8, [1e-7] * 9, [4, 2, 1, 0], 0, False),
        # the last rung alone is left, and is not tried
        ([1.0] * 7 + [70.0] * 2, [1e-3] * 9, [4, 6, 7], 4, True),
    ],
)
def test_a_fit_that_takes_too_long_is_the_last(modules, seconds, errors, tried, chosen, cut):
    rung, found = climb(modules, seconds, errors, slow=60.0)
    assert found == tried
    assert rung.tolerance == LADDER[chosen]
    assert rung.error == errors[chosen]
    assert rung.seconds == seconds[chosen]
    assert rung.cut is cut


def test_what_raises_after_a_long_time_ends_the_search_too(modules):
    rung, tried = climb(modules, [70.0] * 9, [None] * 9, slow=60.0)
    assert tried == [4]
    assert (rung.error, rung.why, rung.cut) == (math.inf, "FloatingPointError: diverged", True)


def test_without_a_limit_nothing_ends_early(modules):
    rung, tried = climb(modules, [1e9] * 9, [1e-7] * 9, slow=math.inf)
    assert tried == [4, 2, 1, 0]
    assert not rung.cut


# -- rounds and rows -----------------------------------------------------------------------------------


def run(modules, monkeypatch, tmp_path, seconds, fit=exact, *, ours=2.0, target=True, **rest):
    """One row of a peer whose fits take so long, by its tolerance, and the tolerances of its fits.

    Where there is a limit, a fit of few rows must have come first: it takes longer than any limit.
    """
    clock, good, fits = Clock(), modules.ours.calls, []
    known = [] if rest.get("slow", math.inf) < math.inf else [0]

    def slow(X, y, l2, tolerance):
        # its first fit of all compiles something; few rows take no time
        compiles = 0.0 if known else 1e4
        known.append(len(X))
        if len(X) == 200:
            clock.sleep(compiles)
            return fit(X, y, l2, tolerance)
        fits.append(tolerance)
        clock.sleep(compiles + seconds(tolerance))
        return fit(X, y, l2, tolerance)

    def calls(problem, n_threads):
        mine = good(problem, n_threads)

        def after(call):
            clock.sleep(ours)
            return call()

        return modules.ours.Ours(lambda: after(mine.fit), lambda: after(mine.read))

    fake(modules, monkeypatch, slow, target=target, ladder=(1e-3, 1e-5, 1e-7))
    monkeypatch.setattr(modules.ours, "calls", calls)
    asked = options(modules, tmp_path, clock=clock, **rest)
    (one,) = modules.measure.rows(tiny(modules, "small_500x10"), asked)
    return one, fits


def test_a_slow_peer_has_one_round(modules, monkeypatch, tmp_path):
    one, fits = run(modules, monkeypatch, tmp_path, lambda t: 70.0, slow=60.0)
    # one fit to look for its tolerance, one to time
    assert fits == [1e-5, 1e-5]
    assert one.theirs.times == Timing((70.0,))
    assert one.ours.times == Timing((2.0,) * 5)
    assert one.ratios == (35.0,)
    assert one.verdict == "PASS"
    assert one.remark == f"one round: 70.0 s; {HURRIED}"
    assert one.record()["theirs_cut"] is True
    # what was not looked for to the end is not kept for other runs
    assert not (tmp_path / "tolerances.json").exists()
    shown = modules.rows.table([one])
    assert one.remark in shown
    # of one time there is no spread
    (line,) = [text for text in shown.splitlines() if text.startswith("  fake")]
    assert re.split(r"\s{2,}", line.strip())[1:3] == ["70.0 s", "70.0 s"]
    assert line.count("%") == 0


@pytest.mark.parametrize("slow", [70.0, math.inf])
def test_a_peer_within_the_limit_has_all_rounds(modules, monkeypatch, tmp_path, slow):
    one, fits = run(modules, monkeypatch, tmp_path, lambda t: 70.0, slow=slow)
    assert fits == [1e-5, 1e-3] + [1e-3] * 5
    assert one.theirs.times == Timing((70.0,) * 5)
    assert one.remark == ""
    assert one.record()["theirs_cut"] is False
    assert list(json.loads((tmp_path / "tolerances.json").read_text()).values()) == [1e-3]


def test_a_peer_whose_tolerance_is_known_has_one_round_too(modules, monkeypatch, tmp_path):
    run(modules, monkeypatch, tmp_path, lambda t: 70.0)
    one, fits = run(modules, monkeypatch, tmp_path, lambda t: 70.0, slow=60.0)
    assert fits == [1e-3, 1e-3]
    assert one.theirs.times == Timing((70.0,))
    assert one.remark == "one round: 70.0 s"


def test_sigmax_has_all_rounds_however_slow(modules, monkeypatch, tmp_path):
    one, _ = run(modules, monkeypatch, tmp_path, lambda t: 1.0, ours=70.0, slow=60.0)
    assert one.ours.times == one.read == Timing((70.0,) * 5)
    assert one.theirs.times == Timing((1.0,) * 5)


@pytest.mark.parametrize("target", [True, False])
def test_of_a_search_that_was_cut_nobody_says_that_the_peer_cannot(modules, monkeypatch, tmp_path, target):
    def near(X, y, l2, tolerance):
        return exact(X, y, l2, tolerance) + 1e-5 * np.eye(1, 1 + X.shape[1])

    one, fits = run(
        modules, monkeypatch, tmp_path, lambda t: 70.0, near, target=target, slow=60.0, peers=("fake",)
    )
    assert fits == [1e-5, 1e-5]
    assert one.inexact
    assert "cannot" not in one.remark
    said = "the peer did not reach 1e-6 se" if target else "fake did not reach 1e-06 se"
    assert said in one.remark
    assert HURRIED in one.remark
    assert "one round: 70.0 s" in one.remark
    assert one.verdict == ("PASS" if target else "STRUCK OUT")


def test_a_slow_peer_that_raises_says_what_it_raised(modules, monkeypatch, tmp_path):
    def broken(X, y, l2, tolerance):
        raise MemoryError("no room")

    one, fits = run(modules, monkeypatch, tmp_path, lambda t: 70.0, broken, slow=60.0)
    assert fits == [1e-5]
    assert one.verdict == "STRUCK OUT"
    assert one.remark.startswith("MemoryError: no room")


def test_what_a_first_fit_compiles_does_not_make_a_peer_slow(modules, monkeypatch, tmp_path):
    one, fits = run(modules, monkeypatch, tmp_path, lambda t: 1.0, slow=60.0)
    assert fits == [1e-5, 1e-3] + [1e-3] * 5
    assert one.theirs.times == Timing((1.0,) * 5)
    assert one.remark == ""


def test_the_command_hands_the_limit_on(modules, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(modules.main.measure, "rows", lambda spec, options: asked.append(options) or [])
    for given in ([], ["--slow", "60"]):
        modules.main.main(["--problems", "small_500x10", "--cache", str(tmp_path), *given])
    assert [one.slow for one in asked] == [math.inf, 60.0]


# -- the table -----------------------------------------------------------------------------------------


def test_times_are_median_fastest_and_spread(modules):
    one = row(modules)
    head, *_, ours, theirs = [line for line in modules.rows.table([one]).splitlines() if line.strip()]
    assert head.split()[:3] == ["median", "fastest", "spread"]
    # 1, 2, 2, 2, 4 s: (4 - 1) / 2; and 30, 60, 80, 80, 100 s: 70 / 80
    assert re.split(r"\s{2,}", ours.strip())[:4] == ["sigmax", "2.00 s", "1.00 s", "150 %"]
    assert re.split(r"\s{2,}", theirs.strip())[:4] == ["peer", "80.0 s", "30.0 s", "88 %"]


@pytest.mark.parametrize(
    ("seconds", "cells"),
    [
        ((1e-3, 2e-3, 3e-3), ["2.00 ms", "1.00 ms", "100 %"]),
        # both in the unit of the median
        ((0.5, 1.0, 1.5), ["1.00 s", "0.500 s", "100 %"]),
        ((5e-6, 5e-6, 5e-6), ["5.00 us", "5.00 us", "0 %"]),
        ((3.0,), ["3.00 s", "3.00 s", ""]),
    ],
)
def test_cells_of_times(modules, seconds, cells):
    assert modules.rows._time_cells(Timing(seconds)) == cells


def test_lines_are_short_enough_to_read(modules):
    long = "UserWarning: " + " ".join(f"word{i}" for i in range(40))
    hurried = {"warned": (long,), "claims": False, "times": Timing((12_345.0,)), "cut": True}
    rows = [row(modules), row(modules, theirs=hurried), row(modules, at_least=None, error=3.0)]
    shown = modules.rows.table(rows)
    assert max(map(len, shown.splitlines())) <= 160
    # below its line, and whole
    assert " ".join(rows[1].remark.split()) in " ".join(shown.split())
    assert len(rows[1].remark) > 160


# -- many fits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("raises", [False, True])
def test_the_loop_is_extrapolated_to_all_fits(modules, monkeypatch, tmp_path, raises):
    clock, good, many = Clock(), modules.ours.calls, modules.many
    problem = modules.problems.make(tiny(modules, "bootstrap_10000_of_500x5"))
    monkeypatch.setattr(many, "SAMPLE", 4)
    monkeypatch.setattr(
        many, "PEERS", {"statsmodels Logit": modules.libraries.Peer("fake", "fake", (), None)}
    )

    def loop(problem, chosen):
        def fits():
            clock.sleep(3.0)
            if raises:
                raise MemoryError("no room")
            return modules.libraries.Answer(
                np.array([exact(*many.one(problem, i), 0.0, 0.0)[0] for i in chosen])
            )

        return fits

    def calls(problem, n_threads):
        def fit():
            clock.sleep(2.0)
            return good(problem, n_threads).fit()

        return modules.ours.Ours(fit, None)

    monkeypatch.setattr(many, "loop", loop)
    monkeypatch.setattr(modules.ours, "calls", calls)
    (one,) = many.rows(problem, options(modules, tmp_path, clock=clock))
    assert one.ours.times == Timing((2.0,) * 5)
    if raises:
        assert (one.verdict, one.remark.startswith("MemoryError: no room")) == ("STRUCK OUT", True)
        return
    assert one.sampled == 4
    assert one.theirs.times.seconds == pytest.approx((3.0 * problem.spec.fits / 4,) * 5, rel=1e-12)
    assert one.apart < 1e-9
