"""benchmarks/roofline: limits are what they say, sizes keep their bytes, readers find what they expect."""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import statistics
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest

from sigmax import kernels
from sigmax.bench import machine, problems, work
from sigmax.bench.limits import Limits, dgemm_rate, share
from sigmax.bench.machine import Rate
from sigmax.bench.timing import Timing
from sigmax.bench.work import Work

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "roofline"
NAMES = ("shapes", "points", "timed")


def _forget():
    for name in (*NAMES, "set_threads"):
        sys.modules.pop(name, None)


@pytest.fixture
def modules(monkeypatch):
    """The modules of the script, which are importable only while a test runs."""
    monkeypatch.syspath_prepend(str(FOLDER))
    _forget()
    found = {name: importlib.import_module(name) for name in NAMES}
    spec = importlib.util.spec_from_file_location("roofline_main", FOLDER / "__main__.py")
    found["main"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found["main"])
    yield SimpleNamespace(**found)
    _forget()


# -- limits --------------------------------------------------------------------------------------

GBS, GFLOPS = 16.0, 128.0  # powers of two: nothing is rounded
RIDGE = GFLOPS / GBS


@pytest.mark.parametrize("flops_a_byte", [0.0, RIDGE / 4, RIDGE, 4 * RIDGE])
def test_a_pass_at_its_limit_has_the_share_1_and_half_as_fast_a_half(flops_a_byte):
    least = Work(2e9, flops_a_byte * 2e9)
    limits = Limits((GBS, GBS / 2, GBS), GFLOPS)
    found = limits.seconds(least)
    arithmetic = flops_a_byte * 2.0 / GFLOPS
    assert found == pytest.approx([max(2.0 / gbs, arithmetic) for gbs in limits.bandwidth], rel=1e-15)
    assert share(found, found) == (1.0, 1.0, 1.0)
    assert share(found, tuple(2.0 * s for s in found)) == (0.5, 0.5, 0.5)


def test_what_binds_changes_at_the_ridge():
    limits = Limits((GBS / 8, GBS, 8 * GBS), GFLOPS)  # the median counts
    assert limits.bound_by(Work(1.0, RIDGE * 0.999)) == "memory"
    assert limits.bound_by(Work(1.0, RIDGE)) == "memory"
    assert limits.bound_by(Work(1.0, RIDGE * 1.001)) == "arithmetic"


def test_each_round_has_its_own_bandwidth_and_the_best_dgemm_counts():
    limits = Limits.of(Timing((1.0, 2.0, 4.0)), 8e9, dgemm_rate(Timing((0.5, 0.25, 1.0)), 500))
    assert limits.bandwidth == pytest.approx((8.0, 4.0, 2.0), rel=1e-15)
    assert limits.dgemm == pytest.approx(2 * 500**3 / 0.25 / 1e9, rel=1e-15)
    # the share of a round is that of its own bandwidth
    assert share(limits.seconds(Work(8e9, 0.0)), (2.0, 4.0, 8.0)) == pytest.approx((0.5,) * 3, rel=1e-15)
    with pytest.raises(ValueError, match="zip"):
        share((1.0, 2.0), (1.0,))


def test_a_point_says_what_its_rounds_say(modules):
    one = modules.points.Point(
        "hessian",
        modules.shapes.Shape(1000, 4, 2),
        2,
        Timing((1.0, 2.0, 4.0)),
        Work(8e9, 4e9),
        Limits((8.0, 16.0, 4.0), 1.0),
    )
    assert one.limit_seconds == (4.0, 4.0, 4.0)
    assert one.bound == "arithmetic"
    assert one.share == (1.5, 2.0, 3.0)
    assert one.record()["share"] == [1.5, 2.0, 3.0]
    assert one.record()["reads"] is None
    line = modules.points.table([one]).splitlines()[1]
    # ms, GB/s, GFLOP/s, limit ms
    for cell in ("2,000", "4.00", "2.00", "4,000", "arithmetic", "[1.50 .. 3.00]"):
        assert f" {cell}" in line


def test_a_disturbed_dgemm_flatters_nothing(modules):
    def point(dgemm):
        limits = Limits((1e9,), dgemm)
        shape = modules.shapes.Shape(1000, 4, 2)
        return modules.points.Point("hessian", shape, 2, Timing((1.0,)), Work(8.0, 4e9), limits)

    found = modules.points.with_best_dgemm([point(4.0), point(16.0)], [8.0])
    assert [one.share[1] for one in found] == [0.25, 0.25]
    found = modules.points.with_best_dgemm([point(4.0), point(16.0)], [32.0])
    assert [one.share[1] for one in found] == [0.125, 0.125]
    assert modules.points.with_best_dgemm([], [1.0]) == []


# -- sizes ---------------------------------------------------------------------------------------

COLUMNS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000)
BEYOND = 134_217_728


@pytest.mark.parametrize("K", [2, 3, 5])
@pytest.mark.parametrize("p", COLUMNS)
def test_bytes_are_the_same_for_all_columns_unless_rows_were_too_few(modules, p, K):
    wanted = {2: 400_000_000, 3: 200_000_000, 5: BEYOND}[K]
    one = modules.shapes.shape(p, K, 400_000_000, BEYOND)
    assert one.n >= problems.fewest_rows(p, K) > (K - 1) * (1 + p)
    if one.n > problems.fewest_rows(p, K):
        assert wanted - 8 * p < one.bytes <= wanted
    else:
        assert one.bytes > wanted - 8 * p


def test_fewer_bytes_may_be_asked_for_than_the_cache_holds(modules):
    assert modules.shapes.shape(5, 2, 40_000, BEYOND).bytes == 40_000
    assert modules.shapes.shape(5, 5, 40_000, BEYOND).bytes == 40_000


def test_what_takes_too_long_is_left_out_with_its_reason(modules):
    shape, left_out = modules.shapes.shape, modules.shapes.left_out
    found = {(p, K): left_out(shape(p, K, 400_000_000, BEYOND), 400_000_000) for p in COLUMNS for K in (2, 5)}
    assert {size: set(what) for size, what in found.items() if what} == {
        (1000, 5): {"hessian"},
        (2000, 5): {"all"},
    }
    assert "160,080 rows" in found[2000, 5]["all"]
    assert "804 GFLOP, more than 300" in found[1000, 5]["hessian"]
    # a fit of two classes forms Hessians
    assert set(left_out(shape(2500, 2, 400_000_000, BEYOND), 400_000_000)) == {"hessian", "fit"}


# -- the command ---------------------------------------------------------------------------------


@pytest.fixture
def quick(modules, monkeypatch):
    """Rates that nobody measured: measuring them takes seconds."""
    rate = Rate(10.0, 9.0, 0.1, "GB/s", 1, "not measured")
    monkeypatch.setattr(machine, "limits", lambda n: ({1: rate, n: rate}, {1: rate, n: rate}))
    product = machine._product
    monkeypatch.setattr(machine, "multiplying", lambda seconds=0.1: (32, product(32)))
    return modules


def _rate_keys():
    return set(asdict(Rate(1.0, 1.0, 0.0, "", 1, "")))


@pytest.mark.parametrize("backend", [pytest.param("compiled", marks=pytest.mark.needs_compiled), "reference"])
def test_a_tiny_run_writes_what_readers_expect(quick, monkeypatch, tmp_path, capsys, backend):
    monkeypatch.setattr(kernels, "available", lambda: (backend, "reference"))
    file = tmp_path / "roofline.json"
    assert quick.main.main(["--tiny", "--threads", "2", "--rounds", "3", "--json", str(file)]) == 0
    found = json.loads(file.read_text())
    head = {"part", "version", "date", "threads", "tiny", "environment", "libraries", "conditions"}
    assert head | {"limits", "points", "left_out"} == set(found)
    assert (found["part"], found["threads"], found["tiny"]) == ("roofline", 2, True)
    assert set(found["limits"]) == {"bandwidth", "dgemm"}
    for rates in found["limits"].values():
        assert set(rates) == {"1", "2"}
        assert all(set(rate) == _rate_keys() for rate in rates.values())

    sizes = [(p, K, what) for K in (2, 3) for p in (3, 8) for what in ("gradient", "hessian", "fit")]
    assert [(one["p"], one["K"], one["what"]) for one in found["points"]] == sizes
    for one in found["points"]:
        _check(one)

    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 120
    rows = [line for line in said.splitlines() if " memory " in line or " arithmetic " in line]
    assert len(rows) == len(sizes)
    for text in ("Meanwhile: ", "exp, log", "tiny", "10 GB/s"):
        assert text in said


def _check(one):
    """That a point's numbers belong together."""
    n, p, m = one["n"], one["p"], one["K"] - 1
    assert len(one["seconds"]) == len(one["limit_seconds"]) == len(one["bandwidth"]) == 3
    assert min(one["seconds"] + one["limit_seconds"]) > 0.0
    assert one["bound"] in ("memory", "arithmetic")
    assert (one["intercept"], one["threads"]) == (True, 2)
    shares = [a / b for a, b in zip(one["limit_seconds"], one["seconds"], strict=True)]
    assert one["share"][1] == statistics.median(shares)
    assert one["share"] == sorted(one["share"])
    limits = [
        max(one["bytes"] / (1e9 * gbs), one["flops"] / (1e9 * one["dgemm"])) for gbs in one["bandwidth"]
    ]
    assert one["limit_seconds"] == pytest.approx(limits, rel=1e-14)
    if one["what"] == "fit":
        assert one["reads"] >= 2.0
        assert math.fsum(one["reads_by_kind"].values()) == pytest.approx(one["reads"], rel=1e-12)
        once = work.evaluation(n, p, m)
        assert one["bytes"] == pytest.approx(once.bytes * one["reads"] + 8 * n, rel=1e-12)
        # at least the Hessian of the certificate
        assert one["flops"] > once.flops
    else:
        least = {"gradient": work.gradient, "hessian": work.evaluation}[one["what"]](n, p, m)
        assert (one["bytes"], one["flops"]) == (least.bytes, least.flops)
        assert one["reads"] is None


def test_a_fit_that_has_not_converged_is_no_point(quick, monkeypatch):
    from sigmax import fitting

    monkeypatch.setattr(fitting, "_TOL", 0.0)
    # separated by its first column: no estimate
    separated = problems.multinomial(400, 3, 2)
    separated.X[:, 0] = separated.y
    monkeypatch.setattr(problems, "multinomial", lambda *size: separated)
    monkeypatch.setattr(quick.timed.operations, "fit", _silent(quick.timed.operations.fit))
    with pytest.raises(RuntimeError, match="400 x 3, 2 classes: NOT converged"):
        quick.timed.points(quick.shapes.Shape(400, 3, 2), 1, 3, set(), hurry=True)


def _silent(fit):
    """The fit without its warnings."""
    import warnings

    def made(problem, n_threads):
        prepare = fit(problem, n_threads).prepare

        def quietly(backend):
            call = prepare(backend)

            def silent():
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    return call()

            return silent

        return SimpleNamespace(prepare=quietly)

    return made


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--threads", "0"), "--threads must be 1 at least; got 0"),
        (("--rounds", "2"), "--rounds must be 3 at least; got 2"),
        (("--bytes", "0"), "--bytes must be 1 at least; got 0"),
        (("--columns", "5", "0"), "--columns must be 1 at least each; got 0"),
        (("--classes", "1"), "--classes must be 2 at least each; got 1"),
        (("--columns",), "expected at least one argument"),
    ],
)
def test_wrong_arguments(modules, capsys, arguments, complaint):
    with pytest.raises(SystemExit):
        modules.main.arguments(arguments)
    assert complaint in capsys.readouterr().err


def test_defaults_are_those_of_the_help(modules, monkeypatch):
    got = modules.main.arguments([])
    assert (tuple(got.columns), tuple(got.classes), got.threads, got.rounds) == (COLUMNS, (2, 5), 2, 9)
    monkeypatch.setattr(machine, "beyond_cache", lambda n: 5e8)
    assert modules.main.bytes_wanted(got) == 5e8
    monkeypatch.setattr(machine, "beyond_cache", lambda n: 3e8)
    assert modules.main.bytes_wanted(got) == 4e8
    assert modules.main.bytes_wanted(modules.main.arguments(["--bytes", "7"])) == 7


def test_the_command_runs_from_a_shell(tmp_path):
    file = tmp_path / "found.json"
    given = ["--tiny", "--columns", "3", "--classes", "2", "--rounds", "3", "--threads", "1"]
    command = [sys.executable, str(FOLDER), *given, "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert "Read bandwidth, DGEMM" in done.stdout
    found = json.loads(file.read_text())
    assert [one["what"] for one in found["points"]] == ["gradient", "hessian", "fit"]
    assert set(found["limits"]["bandwidth"]) == {"1"}
