"""The benchmarks measure what they say, on problems that are what they say.  No time is asserted."""

from __future__ import annotations

import dataclasses
import functools
import gc
import itertools
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from exact_optimum_runs import quiet
from numpy.testing import assert_allclose

import sigmax as sx
from sigmax import bench, kernels
from sigmax.bench import machine, one_minute, operations, problems, timing, work
from sigmax.bench import report as report_module
from sigmax.bench.reads import Reads
from sigmax.bench.timing import Timing

# -- machine -----------------------------------------------------------------------------------


def describe_cache(system: Path, cpu: int, index: int, level: int, kind: str, size: str, shared: str) -> None:
    folder = system / f"cpu{cpu}" / "cache" / f"index{index}"
    folder.mkdir(parents=True)
    for name, content in (
        ("level", str(level)),
        ("type", kind),
        ("size", size),
        ("shared_cpu_list", shared),
    ):
        (folder / name).write_text(f"{content}\n")


def test_last_level_cache_is_that_of_the_highest_level(tmp_path: Path) -> None:
    for cpu in range(4):
        describe_cache(tmp_path, cpu, 0, 1, "Data", "48K", str(cpu))
        describe_cache(tmp_path, cpu, 1, 1, "Instruction", "32K", str(cpu))
        describe_cache(tmp_path, cpu, 2, 2, "Unified", "1M", str(cpu))
        # two chips with a third-level cache each
        describe_cache(tmp_path, cpu, 3, 3, "Unified", "16384K", "0-1" if cpu < 2 else "2-3")
    sizes = [machine.last_level_cache(n, system=tmp_path) for n in (1, 2, 4)]
    assert sizes == [16 * 2**20, 32 * 2**20, 32 * 2**20]


def test_last_level_cache_is_none_where_the_system_does_not_tell(tmp_path: Path) -> None:
    assert machine.last_level_cache(1, system=tmp_path) is None
    describe_cache(tmp_path, 0, 0, 1, "Data", "unknown", "0")
    assert machine.last_level_cache(1, system=tmp_path) is None


@pytest.mark.parametrize("measure", [machine.read_bandwidth, machine.dgemm_rate])
def test_rates_are_positive_and_say_how(measure) -> None:
    rate = measure(2, repeats=3)
    assert 0.0 < rate.median <= rate.best < math.inf
    assert 0.0 <= rate.spread < math.inf
    assert rate.n_threads == 2
    assert "float64" in rate.how
    assert "best of 3" in rate.how


def test_the_array_is_four_caches_and_at_most_a_quarter_of_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "last_level_cache", lambda n_threads: 3 * 2**20)
    assert "over 12 MiB of float64 (4 times the cache)" in machine.read_bandwidth(1, repeats=1).how
    monkeypatch.setattr(machine, "memory", lambda: 8 * 2**20)
    assert "over 2 MiB of float64 (0.67 times" in machine.read_bandwidth(1, repeats=1).how
    monkeypatch.setattr(machine, "last_level_cache", lambda n_threads: None)
    assert "cache size unknown" in machine.read_bandwidth(1, repeats=1).how


def test_a_loop_bound_by_arithmetic_is_called_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_read_from_cache", lambda: 1e9)
    assert "bound by arithmetic" not in machine.read_bandwidth(1, repeats=2).how
    monkeypatch.setattr(machine, "_read_from_cache", lambda: 1e-6)
    assert "bound by arithmetic" in machine.read_bandwidth(1, repeats=2).how


def test_blas_is_held_and_released() -> None:
    import threadpoolctl

    def used() -> list[int]:
        libraries = threadpoolctl.threadpool_info()
        return [one["num_threads"] for one in libraries if one["user_api"] == "blas"]

    before = used()
    with machine.blas_threads(1) as held:
        if before:
            assert held == 1
            assert set(used()) == {1}
        else:
            assert held is None
    assert used() == before


def test_without_threadpoolctl_blas_has_its_default_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with machine.blas_threads(1) as held:
        assert held is None
    assert "BLAS default threads" in machine.dgemm_rate(1, repeats=1).how


def test_attainable_lets_threads_stand_idle() -> None:
    def rate(best: float, n_threads: int) -> machine.Rate:
        return machine.Rate(best, best, 0.0, "GB/s", n_threads, "")

    rates = {1: rate(20.0, 1), 2: rate(15.0, 2), 4: rate(60.0, 4)}
    assert [machine.attainable(rates, n).best for n in (1, 2, 4)] == [20.0, 20.0, 60.0]


def test_the_better_limit_is_kept() -> None:
    def rate(best: float) -> machine.Rate:
        return machine.Rate(best, best, 0.0, "GB/s", 1, "")

    before, after = {1: rate(20.0), 2: rate(15.0)}, {1: rate(19.0), 2: rate(30.0)}
    assert machine.better(before, after) == {1: rate(20.0), 2: rate(30.0)}


# -- problems ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "p", "K"), [(1_000, 5, 2), (2_000, 4, 3)])
def test_problems_are_seeded(n: int, p: int, K: int) -> None:
    one, again = problems.multinomial(n, p, K, 7), problems.multinomial(n, p, K, 7)
    other = problems.multinomial(n, p, K, 8)
    for name in ("X", "y", "coef"):
        assert getattr(one, name).tobytes() == getattr(again, name).tobytes()
        assert getattr(one, name).tobytes() != getattr(other, name).tobytes()
    assert one.X.shape == (n, p)
    assert one.coef.shape == (K - 1, 1 + p)
    assert set(one.y) == set(range(K))


def test_binary_is_multinomial_with_two_classes() -> None:
    one, other = problems.binary(500, 3, 1), problems.multinomial(500, 3, 2, 1)
    assert one.y.tobytes() == other.y.tobytes()
    assert one.name == "binary, 500 x 3"


def test_columns_and_logits_have_the_stated_moments() -> None:
    one = problems.multinomial(100_000, 6, 4)
    S = 0.5 ** np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
    assert np.linalg.cond(S) < 9.0
    # standard errors of these moments are below 0.005
    assert_allclose(np.cov(one.X.T), S, atol=0.025)
    assert_allclose((one.X @ one.coef[:, 1:].T).std(axis=0), 1.5, atol=0.025)


def test_labels_are_drawn_from_the_model() -> None:
    one = problems.multinomial(100_000, 3, 3)
    r = sx.fit(one.X, one.y)
    # chi-squared with 8 degrees of freedom: beyond 40 with probability 3e-6
    off = (r.params - one.coef).ravel()
    assert off @ np.linalg.solve(r.cov_params(), off) < 40.0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("p", "K"), [(1, 2), (10, 2), (3, 4)])
def test_the_estimate_exists_at_the_fewest_rows(p: int, K: int, seed: int) -> None:
    one = problems.multinomial(problems.fewest_rows(p, K), p, K, seed)
    r = sx.fit(one.X, one.y)
    assert r.certificate.exists is True
    assert r.certificate.converged


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(ValueError, match=r"n must be at least 220, .* got 219"):
        problems.binary(219, 10)
    with pytest.raises(ValueError, match="K >= 2"):
        problems.multinomial(100, 2, 1)


@pytest.mark.parametrize("name", sx.datasets.names())
def test_bundled_sets_are_those_of_datasets(name: str) -> None:
    one, data = problems.bundled(name), sx.datasets.load(name)
    assert one.X.tobytes() == data.X.tobytes()
    assert np.array_equal(np.unique(data.y)[one.y], data.y)
    assert one.n_classes == len(np.unique(data.y))


# -- work and timing ---------------------------------------------------------------------------


def test_the_limit_is_the_larger_of_two_times() -> None:
    least = work.Work(bytes=4e9, flops=1e9)
    assert least.limit(gbs=2.0, gflops=1.0) == 2.0
    assert least.bound_by(gbs=2.0, gflops=1.0) == "memory"
    assert least.limit(gbs=8.0, gflops=1.0) == 1.0
    assert least.bound_by(gbs=8.0, gflops=1.0) == "arithmetic"


@pytest.mark.parametrize(("n", "p", "m"), [(7, 3, 1), (5, 2, 3)])
def test_work_of_an_evaluation_by_counting(n: int, p: int, m: int) -> None:
    k = 1 + p
    size = m * k
    # logits and gradient: one multiplication and one addition for each row and coefficient
    flops = 2 * n * size + 2 * n * size
    distinct = {
        (*sorted(classes), *sorted(columns))
        for classes in itertools.product(range(m), repeat=2)
        for columns in itertools.product(range(k), repeat=2)
    }
    flops += 2 * n * len(distinct)
    least = work.evaluation(n, p, m)
    assert least.flops == flops
    assert least.bytes == np.ones((n, p)).nbytes + np.ones(n, np.int32).nbytes
    # a sample of 2 rows, and labels of int64
    fit = work.fit(n, p, Reads({"hessian": 4.0}, moved=4 * n + 2, flops=7.0))
    assert fit == work.Work(4 * least.bytes + 2 * least.bytes / n + np.ones(n, np.int64).nbytes, 7.0)


@pytest.mark.parametrize("intercept", [True, False])
def test_work_of_a_gradient_is_that_of_an_evaluation_without_its_hessian(intercept: bool) -> None:
    n, p, m = 9, 4, 3
    least, whole = (f(n, p, m, intercept=intercept) for f in (work.gradient, work.evaluation))
    k = p + intercept
    assert least.bytes == whole.bytes == np.ones((n, p)).nbytes + np.ones(n, np.int32).nbytes
    assert least.flops == whole.flops - 2 * n * (m * (m + 1) // 2) * len(np.triu_indices(k)[0])


def test_work_of_the_functions_is_that_of_their_arrays() -> None:
    one = problems.multinomial(200, 2, 4)
    logits, codes = operations.all_logits(one), one.y
    assert logits.shape == (200, 4)
    assert not logits[:, 0].any()
    for name, read in (("log_expit", 200), ("logsumexp", 800), ("softmax", 800), ("cross_entropy", 800)):
        operation = operations.function(name, one, 1)
        found = operation.prepare("reference")()
        moved = 8 * read + found[-1].nbytes + (codes.nbytes if name == "cross_entropy" else 0)
        assert operation.work(found) == work.Work(moved, 0.0)


def test_passes_without_an_intercept_have_the_columns_alone() -> None:
    one = problems.multinomial(300, 3, 3)
    whole = operations.evaluation(one, 1, intercept=False).prepare("reference")()
    first = operations.gradient(one, 1, intercept=False).prepare("reference")()
    assert whole.hessian.shape == (6, 6)
    assert first.gradient.tobytes() == whole.gradient.tobytes()
    assert np.array_equal(first.coef, one.coef[:, 1:].ravel())


def test_work_of_the_kernels_is_that_of_their_arrays() -> None:
    n, p, m = 11, 4, 3
    eta, y = np.ones((n, m)), np.ones(n, np.int32)
    assert work.expit(n).bytes == 2 * np.ones(n).nbytes
    assert work.binary_rows(n).bytes == 3 * np.ones(n).nbytes + y.nbytes
    curvatures = np.ones((n, m, m))
    assert work.softmax_rows(n, m).bytes == 2 * eta.nbytes + y.nbytes + curvatures.nbytes
    X, G = np.ones((n, p)), np.ones((1 + p, 1 + p))
    assert work.weighted_gram(n, p).bytes == X.nbytes + np.ones(n).nbytes + G.nbytes
    assert work.weighted_gram(n, p).flops == 2 * n * len(np.triu_indices(1 + p)[0])


def test_timing_summaries() -> None:
    one = Timing((2.0, 1.0, 4.0))
    assert (one.median, one.fastest, one.spread) == (2.0, 1.0, 1.5)


def test_calls_are_timed_in_turns_and_the_warm_up_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order: list[str] = []
    now = 0.0
    first_calls = {"a": 100.0, "b": 100.0}  # what a warm-up costs
    cost = {"a": 1.0, "b": 3.0}

    def call(name: str) -> None:
        nonlocal now
        order.append(name)
        now += first_calls.pop(name, 0.0) + cost[name]

    monkeypatch.setattr(timing.time, "perf_counter", lambda: now)
    found = timing.interleaved({name: lambda n=name: call(n) for name in "ab"}, seconds=24.0)
    # a round takes 4 s: six fit into 24
    assert "".join(order) == "aabb" + "abba" * 3
    assert found == {"a": Timing((1.0,) * 6), "b": Timing((3.0,) * 6)}
    assert gc.isenabled()


@pytest.mark.parametrize(("rounds_fit", "rounds"), [(0.5, 3), (1.0, 5), (4.5, 5), (7.5, 7), (99.0, 50)])
def test_short_calls_are_repeated_within_a_sample(
    monkeypatch: pytest.MonkeyPatch, rounds_fit: float, rounds: int
) -> None:
    now, calls = 0.0, 0

    def call() -> None:
        nonlocal now, calls
        calls += 1
        now += 2.0**-10  # about half the shortest sample of 2 ms

    monkeypatch.setattr(timing.time, "perf_counter", lambda: now)
    # a sample of three calls, a round of one sample: about 3 ms
    found = timing.interleaved({"short": call}, seconds=rounds_fit * 3 * 2.0**-10)
    assert found["short"].seconds == (2.0**-10,) * rounds
    assert calls == 2 + rounds * 3


def test_rounds_are_made_at_least_and_rests_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    now, calls, slept, asleep = 0.0, 0, [], False

    def call() -> None:
        nonlocal now, calls, asleep
        now += 2.0 if asleep else 1.0  # waking up takes its time
        calls, asleep = calls + 1, False

    def sleep(seconds: float) -> None:
        nonlocal now, asleep
        slept.append(seconds)
        now += seconds
        asleep = True

    monkeypatch.setattr(timing.time, "perf_counter", lambda: now)
    monkeypatch.setattr(timing.time, "sleep", sleep)
    found = timing.interleaved({"a": call, "b": call}, seconds=0.1, fewest=9, rest=0.25)
    assert found == {"a": Timing((1.0,) * 9), "b": Timing((1.0,) * 9)}
    assert slept == [0.25] * 18
    # warm-up and trial; in a round one call that is not counted, and one that is
    assert calls == 2 * (2 + 9 * 2)


def test_rounds_are_made_at_most_and_long_calls_wake_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    now, calls = 0.0, {"long": 0, "short": 0}

    def call(name: str) -> None:
        nonlocal now
        now += 0.5 if name == "long" else 0.25
        calls[name] += 1

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(timing.time, "perf_counter", lambda: now)
    monkeypatch.setattr(timing.time, "sleep", sleep)
    both = {name: lambda n=name: call(n) for name in calls}
    found = timing.interleaved(both, seconds=99.0, most=4, rest=0.125, wakes=0.5)
    assert found == {"long": Timing((0.5,) * 4), "short": Timing((0.25,) * 4)}
    # warm-up, trial and rounds; the short one wakes the processor in each round
    assert calls == {"long": 2 + 4, "short": 2 + 2 * 4}


# -- the one-minute form -----------------------------------------------------------------------

SCALE = 0.01


@pytest.fixture(scope="module")
def report() -> bench.Report:
    # the machine is measured once instead of twice, to save time
    measure = functools.cache(machine.limits)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "limits", measure)
        return bench.quick(n_threads=2, scale=SCALE)


def test_every_group_is_measured_on_every_backend(report: bench.Report) -> None:
    for group in bench.GROUPS:
        found = [m for m in report.measurements if m.group == group]
        by_name = {(m.name, m.rows, m.columns): [] for m in found}
        for m in found:
            by_name[m.name, m.rows, m.columns].append(m.backend)
        assert len(by_name) >= 3
        assert set(map(tuple, by_name.values())) == {kernels.available()}


def test_measurements_are_plausible(report: bench.Report) -> None:
    for m in report.measurements:
        assert len(m.timing.seconds) >= 3
        assert 0.0 < m.timing.fastest <= m.timing.median < math.inf
        assert m.isa == kernels.get(m.backend).ISA
        assert m.n_threads == (1 if m.group == "kernels" else 2)
        if m.backend == "reference":
            assert m.speed_up is None
            assert m.differs is None
        else:
            assert m.speed_up is not None
            assert m.speed_up > 0.0
            assert m.differs is not None
            assert m.differs < 1e-9
        if m.group == "fit":
            assert m.passes is not None
            assert m.passes >= 3
            assert m.digits is not None
            assert m.digits > 5
    assert set(report.bandwidth) == set(report.dgemm) == {1, 2}


def test_bundled_fits_are_whole_whatever_the_scale(report: bench.Report) -> None:
    rows = {m.rows for m in report.measurements if m.group == "fit"}
    assert {sx.datasets.load(name).n_rows for name in sx.datasets.names()} <= rows


def test_the_table_shows_every_group_and_measurement(report: bench.Report) -> None:
    shown = str(report)
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].startswith(report.environment["cpu"])
    for group in bench.GROUPS:
        assert sum(line.startswith(f"{group} --") for line in lines) == 1
    for backend in kernels.available():
        timed = sum(line.startswith(f"  {backend} ") for line in lines)
        assert timed == sum(m.backend == backend for m in report.measurements)
    assert f"Scale {SCALE:g}" in shown


def test_a_report_is_ready_for_json(report: bench.Report) -> None:
    again = json.loads(json.dumps(report.record()))
    assert len(again["measurements"]) == len(report.measurements)
    assert again["conditions"]["busy"] is report.conditions.busy
    assert again["conditions"]["seconds"] == again["seconds"] > 0.0


def test_wide_figures_stay_within_the_table(report: bench.Report) -> None:
    slow = [
        dataclasses.replace(
            m,
            timing=Timing(tuple(2e4 * t for t in m.timing.seconds)),
            speed_up=None if m.speed_up is None else 4_321.0,
            differs=None if m.differs is None else 1e-100,
        )
        for m in report.measurements
    ]
    shown = str(dataclasses.replace(report, measurements=tuple(slow)))
    assert max(map(len, shown.splitlines())) <= 100


def test_without_the_compiled_backend_the_reference_is_timed_and_the_reason_printed(
    report: bench.Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "why_not_compiled", lambda: "no working C compiler")
    monkeypatch.setattr(machine, "limits", lambda *_: (report.bandwidth, report.dgemm))
    told: list[str] = []
    alone = bench.quick(n_threads=2, scale=SCALE, progress=told.append)
    assert {m.backend for m in alone.measurements} == {"reference"}
    assert all(m.speed_up is None and m.differs is None for m in alone.measurements)
    assert {line.split(":")[0] for line in told} >= set(bench.GROUPS)

    shown = str(alone)
    assert "only the reference backend: no working C compiler" in shown
    assert max(map(len, shown.splitlines())) <= 100
    for group in bench.GROUPS:
        assert f"\n{group} --" in shown


def test_the_table_says_whether_blas_was_held(report: bench.Report) -> None:
    held, free = (" ".join(str(dataclasses.replace(report, blas_threads=held)).split()) for held in (1, None))
    assert "BLAS is held to 1 thread." in held
    assert "default threads" not in held
    assert "BLAS has its default threads" in free


@pytest.mark.parametrize(("others", "busy"), [(0.0, False), (0.09, False), (0.11, True), (None, False)])
def test_a_busy_machine_is_called_that(report: bench.Report, others: float | None, busy: bool) -> None:
    shown = str(dataclasses.replace(report, conditions=quiet(others=others)))
    assert ("The machine was BUSY" in shown) is busy
    (line,) = [one for one in shown.splitlines() if one.startswith("Meanwhile: load 1.50 to 2.00, ")]
    assert "not throttled" in line
    # at the end: of the whole run
    assert shown.splitlines().index(line) >= len(shown.splitlines()) - 3


@pytest.mark.parametrize("scale", [0.0, -1.0, math.inf, math.nan])
def test_scale_must_be_positive(scale: float) -> None:
    with pytest.raises(ValueError, match="scale must be a positive number"):
        bench.quick(scale=scale)


@pytest.mark.parametrize(
    ("x", "shown"),
    [
        (123456.0, "123,456"),
        (99.96, "100"),
        (99.94, "99.9"),
        (9.996, "10.0"),
        (9.99, "9.99"),
        (0.9996, "1.00"),
        (0.1234, "0.123"),
    ],
)
def test_numbers_have_three_digits(x: float, shown: str) -> None:
    assert report_module.number(x) == shown


def test_differs_of_arrays_of_zeros() -> None:
    zero = np.zeros(3)
    assert one_minute._arrays_differ((zero,), (zero,)) == 0.0
    assert one_minute._arrays_differ((zero + 0.25,), (zero,)) == 0.25


def test_differs_does_not_hide_nan() -> None:
    zero = np.zeros(3)
    assert math.isnan(one_minute._arrays_differ((zero, zero * np.nan), (zero, zero)))
    assert math.isnan(one_minute._arrays_differ((zero * np.nan, zero), (zero, zero)))


def test_a_wrong_result_shows_in_the_column_differs() -> None:
    one = problems.binary(500, 3)
    call = operations.evaluation(one, 1).prepare("reference")
    right, wrong = call(), call()
    wrong.hessian[1, 2] *= 1.5
    expected = abs(0.5 * right.hessian[1, 2]) / np.abs(right.hessian).max()
    assert_allclose(one_minute._evaluations_differ(wrong, right), expected)
    assert one_minute._evaluations_differ(right, right) == 0.0
