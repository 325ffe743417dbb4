"""benchmarks/kernels_at_the_limit: ratios are what they say, and a target that is missed is reported."""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from exact_optimum_runs import quiet

from sigmax import passes, threads
from sigmax.bench import machine, operations, problems
from sigmax.bench.timing import Timing

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "kernels_at_the_limit"
MODULES = ("figures", "peers", "line_functions", "line_passes", "line_small")


@pytest.fixture
def modules(monkeypatch):
    """The modules of the script, which are importable only while a test runs."""
    monkeypatch.syspath_prepend(str(FOLDER))
    found = {name: importlib.import_module(name) for name in MODULES}
    spec = importlib.util.spec_from_file_location("kernels_at_the_limit", FOLDER / "__main__.py")
    found["main"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found["main"])
    yield SimpleNamespace(**found)
    for name in MODULES:
        sys.modules.pop(name, None)


# -- figures -------------------------------------------------------------------------------------------

OURS = Timing((1.0, 2.0, 4.0, 2.0, 2.0))
THEIRS = (3.0, 8.0, 8.0, 6.0, 10.0)


def figure(modules, **rest):
    given = {"line": 2, "name": "f", "against": "peer", "ours": OURS, "theirs": THEIRS} | rest
    return modules.figures.Figure(**given)


def test_a_ratio_is_the_median_of_those_of_the_rounds(modules):
    one = figure(modules)
    assert one.ratios == (3.0, 4.0, 2.0, 3.0, 5.0)
    assert one.quartiles == (3.0, 3.0, 4.0)
    # and not the ratio of the medians, 8 / 2
    inverse = figure(modules, at_most=True)
    assert inverse.ratios == tuple(1.0 / r for r in one.ratios)
    assert inverse.quartiles[1] == 1.0 / 3.0


@pytest.mark.parametrize(
    ("target", "aim", "at_most", "verdict"),
    [
        (3.0, None, False, "met"),
        (3.001, None, False, "MISSED"),
        (2.0, 3.0, False, "met, and the aim"),
        (2.0, 3.001, False, "met"),
        (1 / 3, None, True, "met"),
        (0.333, None, True, "MISSED"),
        (0.5, 0.4, True, "met, and the aim"),
        (0.5, 0.3, True, "met"),
        (None, None, False, ""),
    ],
)
def test_targets(modules, target, aim, at_most, verdict):
    one = figure(modules, target=target, aim=aim, at_most=at_most)
    assert one.verdict == verdict
    assert modules.figures.failures([one]) == ([one] if verdict == "MISSED" else [])
    assert verdict in modules.figures.table([one])


@pytest.mark.parametrize("at_most", [False, True])
def test_nan_meets_no_target(modules, at_most):
    one = figure(modules, theirs=(math.nan,) * 5, target=1.0, at_most=at_most)
    assert one.verdict == "MISSED"


def test_a_missing_peer_meets_no_target_and_is_shown(modules):
    missing = figure(modules, ours=None, theirs=None, target=3.0, against="torch is not installed")
    unjudged = figure(modules, ours=None, theirs=None)
    assert missing.ratios == ()
    assert missing.verdict == unjudged.verdict == "not measured"
    assert modules.figures.failures([missing, unjudged]) == [missing]
    shown = modules.figures.table([missing])
    assert "torch is not installed" in shown
    assert ">= 3" in shown
    json.dumps(missing.record())
    assert not modules.main.expected(missing, ["torch"])
    assert modules.main.expected(missing, ["scikit-learn"])
    # being there and too slow is no excuse
    assert modules.main.expected(figure(modules, target=99.0, against="torch"), ["torch"])


def test_rounds_of_two_calls_must_be_as_many(modules):
    with pytest.raises(ValueError, match="zip"):
        _ = figure(modules, theirs=THEIRS[:4]).ratios


# -- what is timed -------------------------------------------------------------------------------------

TINY = 2e-4


@pytest.fixture
def quick(modules, monkeypatch):
    """Small matrices and no rests."""
    product = machine._product
    monkeypatch.setattr(machine, "multiplying", lambda seconds=0.1: (32, product(32)))
    for line in (modules.line_functions, modules.line_passes):
        monkeypatch.setattr(line, "REST", 0.0)
    for line in (modules.line_functions, modules.line_passes, modules.line_small):
        real = line.interleaved
        monkeypatch.setattr(
            line, "interleaved", lambda calls, *, real=real, **given: real(calls, **given | {"seconds": 0.0})
        )
    return modules


def test_functions_are_held_against_every_peer(quick):
    found = list(quick.line_functions.figures(TINY, 2, 9))
    targets = [(one.name.split()[0], one.against, one.target) for one in found if one.target is not None]
    versions = quick.peers.versions()

    def peer(name):
        return name if versions[name] else f"{name} is not installed"

    sklearn = peer("scikit-learn")
    assert targets == [
        ("logsumexp", "SciPy", 25.0),
        ("cross_entropy", f"{sklearn}, out=" if versions["scikit-learn"] else sklearn, 3.0),
        ("cross_entropy", sklearn, 3.0),
        ("cross_entropy", peer("torch"), 12.0),
        ("log_expit", "SciPy, out=", 5.0),
        ("log_expit", "SciPy", 5.0),
    ]
    for one in found:
        assert (one.verdict == "not measured") == ("not installed" in one.against)
        if one.ours is not None:
            assert len(one.ours.seconds) == len(one.theirs) >= 9
            assert min(one.ratios) > 0.0


def test_a_peer_that_computes_something_else_is_not_timed(quick, monkeypatch):
    def other(logits, y, n_threads, **rest):
        return lambda: (np.zeros(()), np.zeros_like(logits))

    monkeypatch.setattr(quick.line_functions, "torch_forward_backward", other)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        list(quick.line_functions.figures(TINY, 1, 9))


def test_missing_peers_are_listed(quick, monkeypatch):
    for module in quick.peers.OPTIONAL.values():
        monkeypatch.setitem(sys.modules, module, None)
    assert quick.peers.versions() == {"scikit-learn": None, "torch": None}
    found = list(quick.line_functions.figures(TINY, 1, 9))
    missing = [one.against for one in found if one.verdict == "not measured"]
    assert {text.split()[0] for text in missing} == {"scikit-learn", "torch"}


def test_passes_are_held_against_the_targets_of_their_columns(quick):
    found = list(quick.line_passes.figures(TINY, 2, 9))
    judged = {}
    for one in found:
        kind = one.name.split()[0], "classes" in one.name, one.name.split(" x ")[1].split(",")[0]
        judged.setdefault(kind, set()).add((one.target, one.aim, one.at_most))
        assert one.line == 3
        assert len(one.ours.seconds) == len(one.theirs) >= 9
    assert judged == {
        ("gradient", False, "20"): {(0.8, None, False)},
        ("gradient", False, "100"): {(0.8, None, False)},
        ("gradient", False, "500"): {(None, None, False)},
        ("Hessian", False, "20"): {(2.0, 1.5, True)},
        ("Hessian", False, "100"): {(1.4, 1.2, True)},
        ("Hessian", False, "500"): {(1.2, 1.1, True)},
        ("gradient", True, "50"): {(2.0, None, True)},
        ("Hessian", True, "50"): {(0.7, None, False)},
    }
    assert sum("intercept" in one.name for one in found) * 2 == len(found)


def test_the_limit_of_a_pass_is_the_larger_of_two_times(modules):
    measured = modules.line_passes.Rounds.__new__(modules.line_passes.Rounds)
    measured.one = problems.multinomial(400, 4, 2)
    measured._times = {"read False": Timing((1.0, 2.0, 4.0))}
    measured.dgemm = 1e-6  # GFLOP/s
    bytes_ = (8 * 4 + 4) / (8 * 4)
    bound, limit = measured.limit(0.0, False)
    assert bound.startswith("read ")
    assert limit == pytest.approx((bytes_, 2 * bytes_, 4 * bytes_), rel=1e-15)
    bound, limit = measured.limit(3e3, False)
    assert bound.startswith("DGEMM")
    assert limit == pytest.approx((3.0, 3.0, 4 * bytes_), rel=1e-15)


def test_flops_are_those_of_the_convention(modules):
    assert modules.line_passes.hessian_flops(10, 1, 20) == 10 * 20**2
    assert modules.line_passes.hessian_flops(10, 4, 50) == 10 * 200**2
    assert modules.line_passes.gradient_flops(10, 4, 50) == 4 * 10 * 200
    assert modules.line_small.arithmetic_flops(569, 30) == 569 * (900 + 120)


def test_a_small_evaluation_is_held_against_its_arithmetic(quick):
    found = list(quick.line_small.figures(TINY, 2, 9))
    assert [one.name for one in found] == ["evaluate 569 x 30", "evaluate 569 x 30, intercept"]
    assert {(one.line, one.target, one.at_most) for one in found} == {(5, 2.0, True)}
    # arithmetic and rows: more than either alone, and more with an intercept
    assert np.median(found[1].theirs) > np.median(found[0].theirs) > 0.0


# -- from which size on threads pay --------------------------------------------------------------------


@pytest.mark.needs_compiled  # the twin leaves threads to its BLAS
def test_sizes_are_timed_on_one_thread_and_on_more(quick, monkeypatch):
    asked = []
    reduce = passes.reduce

    def spy(n, size, evaluate, merge, n_threads):
        asked.append((n, size, n_threads))
        return reduce(n, size, evaluate, merge, n_threads)

    monkeypatch.setattr(passes, "reduce", spy)
    flops = threads.SERIAL_FLOPS
    [one, other] = quick.line_small.crossover(2, 9, (100, 17_000))
    whole = passes.block_rows(31)
    assert (one.n, one.blocks, other.n, other.blocks) == (100, 1, 17_000, 2)
    ways = {(100, whole, 1), (100, whole, 2), (100, 25, 2)}
    assert ways <= set(asked)
    assert min(one.one, one.shared, one.divided, one.gains) > 0.0
    assert flops == threads.SERIAL_FLOPS
    text = quick.line_small.crossover_text([one, other], 2)
    assert "17,000" in text
    assert f"{whole + 1:,}" in text
    json.dumps(quick.line_small.record([one, other]))


def test_the_flops_of_a_size_are_those_the_objective_tells(modules, monkeypatch):
    call = operations.evaluation(modules.line_small._problem(700), 2).prepare("reference")
    told = []

    def useful(n_threads, flops, *, shared=True):
        told.append(flops)
        return 1

    monkeypatch.setattr(threads, "useful", useful)
    call()
    assert told == [modules.line_small._flops(700, 31)]


@pytest.mark.parametrize(
    ("gains", "index"),
    [((0.2, 0.9, 1.1, 1.5), 2), ((0.2, 1.1, 0.9, 1.5), 3), ((0.2, 0.5, 0.8, 0.9), None), ((2.0,) * 4, 0)],
)
def test_threads_pay_where_they_gain_from_there_on(modules, gains, index):
    size = modules.line_small.Size
    sizes = [size(1_000 * (1 + i), 1e6, 1, 1.0, 1.0, 1.0 / g, g) for i, g in enumerate(gains)]
    assert modules.line_small.pays_from(sizes) is (None if index is None else sizes[index])
    said = modules.line_small.crossover_text(sizes, 2)
    assert ("nowhere" if index is None else f"from n = {1 + index},000") in said


# -- the command ---------------------------------------------------------------------------------------


def test_check_fails_where_a_target_is_missed(quick, monkeypatch, tmp_path, capsys):
    good, bad = figure(quick, target=2.0), figure(quick, name="slow", target=9.0)
    shown = figure(quick, name="shown")
    torch = figure(quick, ours=None, theirs=None, target=3.0, against="torch is not installed")
    file = tmp_path / "figures.json"

    def run(figures, *given):
        monkeypatch.setattr(quick.main, "LINES", {2: lambda *_: iter(figures)})
        return quick.main.main(["--lines", "2", "--json", str(file), *given])

    assert run([good, shown], "--check") == 0
    assert json.loads(file.read_text())["missed"] == []
    assert run([good, bad]) == 0
    assert run([good, bad], "--check") == 1
    assert json.loads(file.read_text())["missed"] == ["slow against peer"]
    assert "MISSED: slow" in capsys.readouterr().out
    assert run([good, torch], "--check") == 1
    assert run([good, torch], "--check", "--without", "torch") == 0
    assert run([good, bad, torch], "--check", "--without", "torch") == 1


def test_a_busy_machine_is_called_that(quick, monkeypatch, tmp_path, capsys):
    file = tmp_path / "figures.json"
    monkeypatch.setattr(quick.main, "LINES", {2: lambda *_: iter([figure(quick)])})
    for others, busy in ((0.05, False), (0.2, True)):
        watch = quick.main.conditions.Watch
        monkeypatch.setattr(watch, "conditions", lambda self, others=others: quiet(others=others))
        assert quick.main.main(["--lines", "2", "--json", str(file)]) == 0
        said = capsys.readouterr().out
        assert f"others used {others:.2f} CPUs" in said
        assert ("was BUSY" in said) is busy
        content = json.loads(file.read_text())
        assert next(iter(content)) == "part"
        assert content["conditions"]["busy"] is busy
        assert content["libraries"].keys() >= {"torch", "scikit-learn"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--threads", "0"), "--threads must be 1 at least"),
        (("--rounds", "8"), "--rounds must be 9 at least"),
        (("--scale", "nan"), "--scale must be a positive number"),
        (("--lines", "4"), "invalid choice"),
    ],
)
def test_wrong_arguments(modules, capsys, arguments, complaint):
    with pytest.raises(SystemExit) as stopped:
        modules.main.arguments(list(arguments))
    assert stopped.value.code == 2
    assert complaint in capsys.readouterr().err


def test_the_command_runs_from_a_shell():
    done = subprocess.run([sys.executable, str(FOLDER), "--help"], capture_output=True, text=True, check=True)
    assert "--check" in done.stdout
