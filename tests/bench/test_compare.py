"""benchmarks/compare.py: what counts as a regression, and two checkouts of which one sleeps."""

from __future__ import annotations

import importlib
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
PARTS = ("checkouts", "operations", "sample", "verdicts")


@pytest.fixture
def modules(monkeypatch):
    """The command and its parts, which are importable only while a test runs."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    names = {part: f"comparing.{part}" for part in PARTS} | {"main": "compare"}
    ours = [*names.values(), "comparing"]
    for name in ours:
        sys.modules.pop(name, None)
    path = list(sys.path)
    yield SimpleNamespace(**{part: importlib.import_module(name) for part, name in names.items()})
    sys.path[:] = path
    for name in ours:
        sys.modules.pop(name, None)


# -- the rule ------------------------------------------------------------------------------------------

#: ten samples whose noise is 2 %
NOISE = 1.0 + 0.02 * np.sin(np.arange(10) * 2.3)


@pytest.mark.parametrize(
    ("base", "factor", "bound", "said"),
    [
        (10e-3, 1.20, 0.5e-3, "regression"),
        (10e-3, 1 / 1.20, 0.5e-3, "improvement"),
        # the ratio breaks, the bound does not: a jitter of microseconds
        (10e-6, 1.20, 50e-6, "same"),
        (10e-6, 1 / 1.20, 50e-6, "same"),
        # the bound breaks, the ratio does not: a long fit
        (10.0, 1.03, 0.5e-3, "same"),
        (10.0, 1 / 1.03, 0.5e-3, "same"),
        # neither
        (10e-3, 1.0, 0.5e-3, "same"),
        # just beyond both, and just short of one
        (10e-3, 1.06, 0.55e-3, "regression"),
        (10e-3, 1.06, 0.65e-3, "same"),
    ],
)
def test_both_bounds_must_break(modules, base, factor, bound, said):
    times = base * NOISE
    assert modules.verdicts.of_times(times, factor * times, bound, 1.05) == said


def test_three_pairs_of_four_must_agree(modules):
    base = np.full(10, 10e-3)
    head = np.array([20e-3] * 6 + [9e-3] * 4)
    # the median is far above both bounds, and still four of ten say the contrary
    assert modules.verdicts.figures(base, head)[1] == 2.0
    assert modules.verdicts.of_times(base, head, 0.5e-3, 1.05) == "same"
    assert modules.verdicts.of_times(head, base, 0.5e-3, 1.05) == "same"
    head[6:8] = 20e-3
    assert modules.verdicts.of_times(base, head, 0.5e-3, 1.05) == "regression"
    # of inverse ratios: those of the other direction
    assert modules.verdicts.of_times(head, base, 0.5e-3, 1.05) == "improvement"


def test_noise_is_no_regression(modules):
    rng = np.random.default_rng(0)

    def found_twice(jump, factor):
        """Of 2,000 operations, each measured twice with ten pairs of samples that jump."""
        times = 10e-3 * np.exp(jump * rng.standard_normal((2_000, 2, 2, 10)))
        times[:, :, 1] *= factor
        said = [[modules.verdicts.of_times(*one, 0.5e-3, 1.05) for one in both] for both in times]
        return {word: said.count([word] * 2) for word in ("regression", "improvement")}

    assert max(found_twice(0.02, 1.0).values()) == 0
    assert max(found_twice(0.05, 1.0).values()) <= 3
    assert max(found_twice(0.10, 1.0).values()) <= 16
    # and what is slower is still found
    assert found_twice(0.05, 1.15)["regression"] >= 1_990
    assert found_twice(0.05, 1 / 1.15)["improvement"] >= 1_990
    base = 10e-3 * np.exp(0.1 * rng.standard_normal(10))
    # one outlier of a factor of fifty is none either
    head = base.copy()
    head[3] *= 50.0
    assert modules.verdicts.of_times(base, head, 0.5e-3, 1.05) == "same"


def test_samples_are_pairs(modules):
    with pytest.raises(ValueError, match="must be pairs, one or more; got 2 and 3"):
        modules.verdicts.of_times([1.0, 2.0], [1.0, 2.0, 3.0], 0.0, 1.05)
    with pytest.raises(ValueError, match="got 0 and 0"):
        modules.verdicts.of_times([], [], 0.0, 1.05)


def test_what_is_not_found_again_is_none(modules):
    Verdict, confirmed = modules.verdicts.Verdict, modules.verdicts.confirmed
    slow = Verdict("x", "large", "regression", ratios=(1.1, 1.2, 1.3), speed="regression")
    same = Verdict("x", "large", "same", ratios=(0.9, 1.0, 1.1), speed="same")
    fast = Verdict("x", "large", "improvement", ratios=(0.7, 0.8, 0.9), speed="improvement")
    assert confirmed(slow, slow) is slow
    assert confirmed(fast, fast) is fast
    for again in (same, fast):
        one = confirmed(slow, again)
        assert (one.said, one.speed, one.fault) == ("same", "same", False)
        assert one.remark == f"regression not seen again: {again.ratios[1]:.3f} then"
    # an answer is not measured: it stays another one
    other = Verdict("x", "large", "other answer", "number 0", ratios=(1.1, 1.2, 1.3), speed="regression")
    one = confirmed(other, same)
    assert (one.said, one.speed, one.fault) == ("other answer", "same", True)
    assert one.remark == "number 0; regression not seen again: 1.000 then"


# -- answers -------------------------------------------------------------------------------------------


def answer(*values, within=1e-9):
    return {"values": list(values), "within": [within] * len(values)}


def test_answers_are_intervals(modules):
    other = modules.verdicts.other_answer
    assert other(answer(1.0, 2.0), answer(1.0 + 1.9e-9, 2.0)) == ""
    said = other(answer(1.0, 2.0), answer(1.0, 2.0 + 2.1e-9))
    assert said.startswith("number 1 is 2.0000000021")
    assert "allowed 2.0e-09; 1 such" in said
    assert other(answer(1.0), answer(1.0, 2.0)) == "2 numbers instead of 1"
    assert "proves nothing about number 0" in other(answer(1.0), answer(1.0, within=math.inf))
    assert "number 0 is" in other(answer(1.0), answer(math.nan))
    assert other(answer(math.nan), answer(math.nan)) == ""


def side(seconds, *, answers=None, missing=None, failed=None):
    """Samples of one operation, x, of the kind "large"."""
    shared = {"missing": missing or {}, "failed": failed or {}}
    first = {"seconds": {"x": 0.0}, "answers": {"x": answers} if answers else {}, **shared}
    found = [first] + [{"seconds": {"x": t}, "answers": {}, **shared} for t in seconds]
    if missing or failed:
        for one in found:
            one["seconds"] = {}
    return found


@pytest.mark.parametrize(
    ("base", "head", "said", "fault"),
    [
        ({"seconds": 1e-2 * NOISE}, {"seconds": 1e-2 * NOISE}, "same", False),
        ({"seconds": 1e-2 * NOISE}, {"seconds": 2e-2 * NOISE}, "regression", True),
        ({"seconds": 2e-2 * NOISE}, {"seconds": 1e-2 * NOISE}, "improvement", False),
        (
            {"seconds": 1e-2 * NOISE, "answers": answer(1.0)},
            {"seconds": 1e-2 * NOISE, "answers": answer(1.1)},
            "other answer",
            True,
        ),
        ({"seconds": NOISE, "missing": {"x": "no x"}}, {"seconds": NOISE}, "missing", False),
        ({"seconds": NOISE, "failed": {"x": "TypeError"}}, {"seconds": NOISE}, "missing", False),
        ({"seconds": NOISE}, {"seconds": NOISE, "missing": {"x": "no x"}}, "gone", True),
        ({"seconds": NOISE}, {"seconds": NOISE, "failed": {"x": "TypeError"}}, "failed", True),
    ],
)
def test_verdicts(modules, base, head, said, fault):
    rules = modules.verdicts.Rules()
    (one,) = modules.verdicts.verdicts(["x"], {"x": "large"}, side(**base), side(**head), rules)
    assert one.said == said
    assert one.fault is fault
    assert said in modules.main.table([one])
    assert json.loads(json.dumps(one.record()))["said"] == said


def test_a_slower_other_answer_is_both(modules):
    rules = modules.verdicts.Rules()
    base = side(1e-2 * NOISE, answers=answer(1.0))
    head = side(2e-2 * NOISE, answers=answer(2.0))
    (one,) = modules.verdicts.verdicts(["x"], {"x": "large"}, base, head, rules)
    assert (one.said, one.speed) == ("other answer", "regression")
    assert "other answer, regression" in modules.main.table([one])
    # the first sample has answers, and no times that count
    assert len(one.base) == len(one.head) == 10


# -- operations ----------------------------------------------------------------------------------------


@pytest.mark.needs_compiled
def test_every_operation_answers_within_what_it_proves(modules):
    operations = modules.operations.OPERATIONS
    assert set(modules.operations.QUICK) < set(modules.operations.KINDS)
    for name in modules.operations.QUICK[1:]:
        call, of = operations[name].prepare(1)
        values, within = of(call())
        assert values.shape == within.shape, name
        assert np.all(np.isfinite(values)), name
        assert np.all((within >= 0.0) & (within < 1e-6 * np.abs(values).max())), name
        again = of(call())
        first, second = (
            {"values": got[0].tolist(), "within": got[1].tolist()} for got in ((values, within), again)
        )
        assert modules.verdicts.other_answer(first, second) == "", name
        # a change of a millionth is another answer
        second["values"][0] += 1e-6 * np.abs(values).max()
        assert modules.verdicts.other_answer(first, second), name


def test_what_a_checkout_lacks_is_absent(modules):
    with pytest.raises(modules.operations.Absent, match="no_such_room"):
        modules.operations.attribute("sigmax.no_such_room", "fit")
    with pytest.raises(modules.operations.Absent, match="no_such_name"):
        modules.operations.attribute("sigmax", "no_such_name")


def test_the_first_call_is_dropped(modules):
    calls = []
    found = modules.sample.times(lambda: calls.append(1), 0.0)
    assert len(calls) == 1 + len(found) == 4


# -- two checkouts -------------------------------------------------------------------------------------

FAKE = """
import time
import numpy as np

def expit(x, n_threads=None):
    time.sleep({sleep})
    return {factor} / (1.0 + np.exp(-x))
def softmax(x, axis, n_threads=None):
    e = np.exp(x)
    return e / e.sum(axis=axis, keepdims=True)
{more}
"""
MORE = """
def log1pexp(x, n_threads=None):
    return np.logaddexp(0.0, x)
"""


def fake(folder, *, sleep=0.0, factor=1.0, more=""):
    package = folder / "src" / "sigmax"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(FAKE.format(sleep=sleep, factor=factor, more=more))
    return str(folder)


# the machine may be busy: what is the same may jump by a second
GIVEN = ["--large-bound", "1", "--operations"]
GIVEN += ["expit_1000", "softmax_100000x5", "log1pexp_1000000", "fit_small_500x10"]


def compared(modules, tmp_path, capsys, base, head, *more):
    # each pair is two processes; what is looked for here is far above any noise
    modules.main._FEWEST_PAIRS = 2
    file = tmp_path / "found.json"
    code = modules.main.main([base, head, "--pairs", "2", "--threads", "1", "--json", str(file), *more])
    found = json.loads(file.read_text())
    return code, {one["name"]: one for one in found["operations"]}, found, capsys.readouterr().out


def test_the_one_that_sleeps_is_found(modules, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(modules.main, "_SECONDS", 0.02)
    quick = fake(tmp_path / "quick")
    slow = fake(tmp_path / "slow", sleep=2e-3, more=MORE)
    code, found, record, said = compared(modules, tmp_path, capsys, quick, slow, *GIVEN)
    assert code == 1
    assert found["expit_1000"]["said"] == "regression"
    assert found["expit_1000"]["ratio_quartiles"][1] > 5.0
    assert found["expit_1000"]["difference_seconds"] > 1.5e-3
    assert len(found["expit_1000"]["base_seconds"]) == 2
    assert found["softmax_100000x5"]["said"] == "same"
    assert found["softmax_100000x5"]["remark"] == ""
    # what BASE has not is listed, and no fault; what neither has too
    assert found["log1pexp_1000000"]["said"] == "missing"
    assert "in BASE: module 'sigmax' has no attribute 'log1pexp'" in said
    assert "in HEAD too" in found["fit_small_500x10"]["remark"]
    assert "REGRESSION: expit_1000" in said
    assert "1 faults, 0 faster, 4 operations" in said
    assert next(iter(record)) == "part"
    assert (record["part"], record["threads"], record["pairs"]) == ("comparison", 1, 2)
    assert {"load_before", "load_after", "throttled", "governors", "others"} <= set(record["conditions"])
    assert record["environment"]["cpu"] in said
    assert "\nMeanwhile: load " in said
    # the folders have been read only
    assert sorted(path.name for path in Path(slow).rglob("*")) == ["__init__.py", "sigmax", "src"]

    assert [one["name"] for one in record["again"]] == ["expit_1000"]
    assert record["again"][0]["said"] == "regression"


def test_another_answer_is_found(modules, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(modules.main, "_SECONDS", 0.0)
    base, other = fake(tmp_path / "base"), fake(tmp_path / "other", factor=1.0 + 1e-12)
    given = ["--operations", "expit_1000", "--small-bound", "1"]
    code, found, _, said = compared(modules, tmp_path, capsys, base, other, *given)
    assert code == 1
    assert found["expit_1000"]["said"] == "other answer"
    assert "OTHER ANSWER: expit_1000 number 0 is" in said


def test_what_cannot_be_compared(modules, monkeypatch, tmp_path, capsys):
    base = fake(tmp_path / "base")
    broken = fake(tmp_path / "broken", more="raise RuntimeError('not today')")
    given = ["--operations", "expit_1000", "--pairs", "4"]
    assert modules.main.main([base, broken, *given]) == 2
    assert "not today" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert modules.main.main([base, str(tmp_path / "empty"), *given]) == 2
    assert "HEAD: the folder" in capsys.readouterr().err
    assert modules.main.main(["no-such-revision", base, *given]) == 2
    assert "BASE: no-such-revision is neither a folder nor a revision" in capsys.readouterr().err
    # times of two backends say nothing about a change
    found = {"backend": "compiled (avx2)"}, {"backend": "reference (numpy)"}
    monkeypatch.setattr(modules.main, "samples", lambda *rest: ([found[0]], [found[1]]))
    assert modules.main.main([base, base, *given]) == 2
    assert "BASE computes with compiled (avx2), HEAD with reference" in capsys.readouterr().err


def test_samples_are_taken_in_the_order_abba(modules, monkeypatch):
    said = []

    def sample(one, names, options, *, answers):
        assert names == ["x"]
        said.append((one, answers))
        return {"of": one}

    monkeypatch.setattr(modules.main, "sample", sample)
    base, head = modules.main.samples("A", "B", ["x"], SimpleNamespace(pairs=4))
    assert "".join(one for one, _ in said) == "ABBAABBAAB"
    assert [answers for _, answers in said] == [True, True] + 8 * [False]
    assert [one["of"] for one in base + head] == 5 * ["A"] + 5 * ["B"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--pairs", "3"], "--pairs must be 4 at least; got 3"),
        (["--threads", "0"], "--threads must be 1 at least"),
        (["--ratio", "1"], "--ratio must be above 1"),
        (["--small-bound", "-1"], "--small-bound must not be negative"),
        (["--operations", "sing"], "invalid choice"),
    ],
)
def test_wrong_arguments(modules, capsys, arguments, complaint):
    with pytest.raises(SystemExit) as stopped:
        modules.main.arguments(["a", "b", *arguments])
    assert stopped.value.code == 2
    assert complaint in capsys.readouterr().err


# -- revisions -----------------------------------------------------------------------------------------


def git(folder, *words):
    known = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", str(folder), *known, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.skipif(shutil.which("git") is None, reason="no git")
def test_revisions_are_built_elsewhere_and_removed(modules, tmp_path):
    repository = tmp_path / "repository"
    fake(repository)
    setup = repository / "setup.py"
    setup.write_text("import os, pathlib\npathlib.Path('built').write_text(os.getcwd())\n")
    git(repository, "init", "--quiet")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "one")
    setup.write_text("raise SystemExit('cannot be built')\n")
    git(repository, "commit", "--quiet", "--all", "--message", "two")
    first = git(repository, "rev-parse", "HEAD~1")
    # what the user has not committed stays what it is
    (repository / "src" / "sigmax" / "__init__.py").write_text("unsaved = 1\n")

    with modules.checkouts.both("HEAD~1", first[:10], repository) as (base, head):
        assert base.commit == head.commit == first
        assert base.folder == head.folder != repository
        assert (base.folder / "built").read_text() == str(base.folder.resolve())
        assert "expit" in (base.source / "sigmax" / "__init__.py").read_text()
    assert not base.folder.parent.exists()
    assert git(repository, "worktree", "list").count("\n") == 0
    assert not (repository / "built").exists()
    assert git(repository, "status", "--porcelain") == "M src/sigmax/__init__.py"

    # a folder beside a revision is taken as it is; one that cannot be built leaves nothing behind
    with modules.checkouts.both("HEAD~1", str(repository), repository) as (_, head):
        assert head.commit == ""
        assert head.folder == repository.resolve()
    with (
        pytest.raises(modules.checkouts.Unusable, match="cannot be built"),
        modules.checkouts.both("HEAD~1", "HEAD", repository),
    ):
        pytest.fail("was built")
    assert git(repository, "worktree", "list").count("\n") == 0
