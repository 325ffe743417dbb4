"""The campaign of benchmarks/separation: sigmax passes a part of it, and no wrong answer would."""

from __future__ import annotations

import importlib
import importlib.util
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

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "separation"
NAMES = ("problems", "edges", "kinds", "limit", "judge", "campaign", "summary")
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


def case(modules, index):
    drawn = modules.problems.draw(SEED, index)
    if drawn.l2 > 0.0:
        # a penalty is judged by other rules; here it is the same problem without
        drawn = replace(drawn, l2=0.0)
    answer = modules.judge.answer_of(drawn)
    return drawn, answer, modules.limit.fit(drawn, answer)


def perfect(drawn, answer, lim):
    """What an ideal library returns: (result, warnings)."""
    K, k = answer.infinite.shape[0] + 1, answer.infinite.shape[1]
    shape = (k,) if K == 2 else (K - 1, k)
    params = np.copysign(np.inf, answer.infinite)
    params[np.isnan(answer.infinite)] = np.nan
    params[answer.infinite == 0.0] = lim.params[answer.infinite == 0.0]
    given = None
    if not answer.exists:
        largest = max(map(abs, answer.direction))
        given = SimpleNamespace(
            kind=answer.kind,
            direction=np.array([float(v / largest) for v in answer.direction]).reshape(shape),
            exact_direction=answer.direction,
            infinite=np.nan_to_num(answer.infinite).astype(int).reshape(shape),
            rows=answer.rows,
        )
    certificate = SimpleNamespace(exists=answer.exists, converged=True, reason="as asked")
    aliased = np.broadcast_to(answer.aliased, (K - 1, k)).reshape(shape)
    return SimpleNamespace(
        certificate=certificate,
        separation=given,
        params=params.reshape(shape),
        aliased=aliased,
        llf=lim.llf,
        predict_proba=lambda X, offset=None: lim.probabilities[answer.counted],
    ), [] if answer.exists else ["SeparationWarning"]


def verdict(modules, drawn, answer, lim, result, warned):
    record = modules.judge.Record(drawn.index, drawn.kind, warned=warned)
    record.doubtful_rank = modules.judge.doubtful(drawn, answer)
    modules.judge.hold(record, drawn, answer, lim, result)
    return record


# -- sigmax ----------------------------------------------------------------------------------------------


@pytest.mark.needs_compiled
def test_sigmax_passes(tmp_path):
    file = tmp_path / "separation.json"
    done = subprocess.run(
        [sys.executable, str(FOLDER), "--problems", "338", "--seed", str(SEED), "--json", str(file)],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(file.read_text())
    assert report["passed"]
    assert report["failures"] == []
    confusion = report["confusion"]
    for truth, row in confusion.items():
        # of each there are many; what is not right is undecided, and rare
        assert row[truth] >= 60
        assert sum(row.values()) - row[truth] == row["undecided"] <= 3
    assert len(report["kinds"]) == 26
    assert sum(row["problems"] for row in report["kinds"].values()) == report["problems"] == 338
    assert report["judged_limit"] >= 90


# -- the problems ----------------------------------------------------------------------------------------


def test_problems_are_what_their_index_says(modules):
    for index in range(52):
        one, two = modules.problems.draw(SEED, index), modules.problems.draw(SEED, index)
        assert one.kind == tuple(modules.kinds.KINDS)[index % 26]
        assert (one.given() == one.X).all()
        assert (one.X == two.X).all()
        assert (one.y == two.y).all()
        assert np.isfinite(one.X).all()
        seen = one.seen()
        assert seen.shape == (len(one.X), one.n_classes)
        assert one.declared or seen.any(axis=0).all()
    a, b = (modules.problems.draw(seed, 0).X for seed in (SEED, SEED + 1))
    assert not np.array_equal(a, b)


def test_every_kind_holds_what_it_is_named_for(modules):
    found = {kind: [] for kind in modules.kinds.KINDS}
    for index in range(26 * 20):
        drawn = modules.problems.draw(SEED, index)
        found[drawn.kind].append((drawn, modules.judge.answer_of(drawn)))
    verdicts = {kind: {a.kind for _, a in pairs} for kind, pairs in found.items()}
    assert verdicts["complete"] == {"complete"}
    for kind in (
        "phase transition",
        "integer grid",
        "duplicated rows",
        "one dimension",
        "one row",
        "offsets",
    ):
        assert verdicts[kind] >= {None, "complete", "quasi"}, kind
    for kind in ("collinear points", "column scales", "far from zero", "zero weights", "grouped counts"):
        assert verdicts[kind] >= {None, "quasi"}, kind
    assert None not in verdicts["absent class"]
    assert all(a.aliased.any() for _, a in found["dependent columns"])
    assert any(a.aliased.any() for _, a in found["wide"])
    assert all((d.weight == 0.0).any() for d, _ in found["zero weights"])
    assert all(d.y.ndim == 2 for d, _ in found["grouped counts"])
    assert any((d.y != np.round(d.y)).any() for d, _ in found["grouped counts"])
    assert all(d.offset is not None for d, _ in found["offsets"])
    assert {d.layout for d, _ in found["layouts"]} >= {"float32", "fortran", "every other", "int8"}
    assert max(len(d.X) for d, _ in found["many rows"]) >= 100
    assert all(d.l2 > 0.0 for d, _ in found["penalty"])
    assert all(
        d.arguments()["start"].size == (d.n_classes - 1) * d.design().shape[1] for d, _ in found["warm start"]
    )
    assert all(not d.intercept for d, _ in found["no intercept"])
    assert {d.n_classes for pairs in found.values() for d, _ in pairs} >= {2, 3, 4, 5}
    # a plane whose normal is no vector of floats
    assert any(
        Fraction(float(v / max(map(abs, a.direction)))) != v / max(map(abs, a.direction))
        for _, a in found["collinear points"]
        if a.direction
        for v in a.direction
    )


def test_rows_that_do_not_count_would_decide_otherwise(modules):
    kind = list(modules.kinds.KINDS).index("zero weights")
    changed = 0
    for round_ in range(40):
        drawn = modules.problems.draw(SEED, kind + 26 * round_)
        other = replace(drawn, weight=None)
        changed += modules.judge.answer_of(drawn).kind != modules.judge.answer_of(other).kind
    assert changed >= 10


def test_classes_are_those_that_are_observed(modules):
    P = modules.problems.Problem
    X, y = np.arange(4.0)[:, None], np.array([0, 3, 1, 3])
    found = modules.problems.complete(P(0, "ordinary", X, y, 4, weight=np.array([1.0, 1, 0, 1])))
    assert found.n_classes == 2
    assert found.y[[0, 1, 3]].tolist() == [0, 1, 1]
    counts = np.array([[1.0, 0, 2], [0, 0, 1], [3, 0, 0], [1, 0, 1]])
    found = modules.problems.complete(P(0, "ordinary", X, counts, 3))
    assert found.y.tolist() == counts[:, [0, 2]].tolist()
    assert modules.problems.complete(P(0, "ordinary", X, np.zeros(4, dtype=int), 2)) is None


# -- the judge -------------------------------------------------------------------------------------------


def test_an_ideal_library_passes(modules):
    sure = 0
    for index in range(26 * 6):
        drawn, answer, lim = case(modules, index)
        if answer.exists and not lim.sure:
            continue
        if not (lim.sure or answer.kind == "complete"):
            continue
        result, warned = perfect(drawn, answer, lim)
        record = verdict(modules, drawn, answer, lim, result, warned)
        assert record.failures == [], record
        assert modules.judge.said(result) == (answer.kind or "exists")
        sure += lim.sure
    assert sure >= 80


def first(modules, wanted, start=0):
    for index in range(start, start + 400):
        drawn, answer, lim = case(modules, index)
        if lim.sure and wanted(drawn, answer) and not modules.judge.doubtful(drawn, answer):
            return drawn, answer, lim
    raise AssertionError("no such problem")


def binary_quasi(drawn, answer):
    infinite = answer.infinite
    return answer.kind == "quasi" and {0.0, 1.0} <= set(infinite.ravel()) and not answer.aliased.any()


def complete_nan(drawn, answer):
    return answer.kind == "complete" and np.isnan(answer.infinite).any() and not answer.aliased.any()


def three_quasi(drawn, answer):
    return binary_quasi(drawn, answer) and drawn.n_classes > 2 and drawn.offset is None


def overlap(drawn, answer):
    return answer.exists and not answer.aliased.any()


def dependent(drawn, answer):
    return answer.aliased.any() and answer.kind == "quasi"


def change(obj, **new):
    return SimpleNamespace(**{**vars(obj), **new})


def at(array, where, value):
    array = np.array(array)
    array.flat[np.flatnonzero(where)[0]] = value
    return array


LIES = {
    "exists, though separated": (
        binary_quasi,
        "exists",
        lambda r, a: {"certificate": change(r.certificate, exists=True)},
    ),
    "separated, though it exists": (
        overlap,
        "exists",
        lambda r, a: {"certificate": change(r.certificate, exists=False)},
    ),
    "exists is no bool": (overlap, "exists", lambda r, a: {"certificate": change(r.certificate, exists=1.0)}),
    "no separation": (binary_quasi, "separation", lambda r, a: {"separation": None}),
    "a separation of overlap": (overlap, "separation", lambda r, a: {"separation": SimpleNamespace()}),
    "undecided with a separation": (
        binary_quasi,
        "undecided",
        lambda r, a: {"certificate": change(r.certificate, exists=None)},
    ),
    "complete for quasi": (
        binary_quasi,
        "kind",
        lambda r, a: {"separation": change(r.separation, kind="complete")},
    ),
    "quasi for complete": (
        complete_nan,
        "kind",
        lambda r, a: {"separation": change(r.separation, kind="quasi")},
    ),
    "no kind": (complete_nan, "kind", lambda r, a: {"separation": change(r.separation, kind=None)}),
    "the direction reversed": (
        binary_quasi,
        "direction",
        lambda r, a: {
            "separation": change(
                r.separation,
                direction=-r.separation.direction,
                exact_direction=[-v for v in a.direction],
            )
        },
    ),
    "a direction of zeros": (
        binary_quasi,
        "direction",
        lambda r, a: {
            "separation": change(r.separation, direction=0.0 * r.separation.direction, exact_direction=None)
        },
    ),
    "a direction that is moved a little": (
        binary_quasi,
        "direction",
        lambda r, a: {
            "separation": change(
                r.separation,
                exact_direction=None,
                direction=r.separation.direction + 2.0**-50 * (a.infinite == 0.0).reshape(r.params.shape),
            )
        },
    ),
    "another exact direction": (
        binary_quasi,
        "direction",
        lambda r, a: {"separation": change(r.separation, direction=r.separation.direction + 1e-9)},
    ),
    "a direction with nan": (
        binary_quasi,
        "direction",
        lambda r, a: {"separation": change(r.separation, direction=r.separation.direction * np.nan)},
    ),
    "a direction of another shape": (
        three_quasi,
        "direction",
        lambda r, a: {"separation": change(r.separation, direction=r.separation.direction.ravel())},
    ),
    "infinite with another sign": (
        binary_quasi,
        "infinite",
        lambda r, a: {"separation": change(r.separation, infinite=-r.separation.infinite)},
    ),
    "infinite where finite": (
        binary_quasi,
        "infinite",
        lambda r, a: {
            "separation": change(r.separation, infinite=at(r.separation.infinite, a.infinite == 0.0, 1))
        },
    ),
    "infinite where there is no value": (
        complete_nan,
        "infinite",
        lambda r, a: {
            "separation": change(r.separation, infinite=at(r.separation.infinite, np.isnan(a.infinite), 1))
        },
    ),
    "infinite as floats": (
        binary_quasi,
        "infinite",
        lambda r, a: {"separation": change(r.separation, infinite=r.separation.infinite.astype(float))},
    ),
    "a row too few": (
        binary_quasi,
        "rows",
        lambda r, a: {"separation": change(r.separation, rows=a.rows[1:])},
    ),
    "rows out of order": (
        binary_quasi,
        "rows",
        lambda r, a: {"separation": change(r.separation, rows=a.rows[::-1])},
    ),
    "a finite number for infinity": (
        binary_quasi,
        "params",
        lambda r, a: {"params": at(r.params, a.infinite == 1.0, 23.1)},
    ),
    "the other infinity": (
        binary_quasi,
        "params",
        lambda r, a: {"params": at(r.params, a.infinite == 1.0, -np.inf)},
    ),
    "a number without meaning": (
        complete_nan,
        "params",
        lambda r, a: {"params": at(r.params, np.isnan(a.infinite), 0.0)},
    ),
    "nan for a finite one": (
        binary_quasi,
        "params",
        lambda r, a: {"params": at(r.params, a.infinite == 0.0, np.nan)},
    ),
    "a number for an aliased one": (
        dependent,
        "params",
        lambda r, a: {"params": at(r.params, np.broadcast_to(a.aliased, a.infinite.shape), 0.0)},
    ),
    "another limit": (binary_quasi, "limit", lambda r, a: {"params": r.params * (1.0 + 1e-3)}),
    "another optimum": (overlap, "limit", lambda r, a: {"params": r.params * (1.0 + 1e-3)}),
    "not aliased": (dependent, "aliased", lambda r, a: {"aliased": np.zeros(r.params.shape, dtype=bool)}),
    "aliasing not said": (dependent, "aliased", lambda r, a: {"aliased": None}),
    "aliased without need": (
        binary_quasi,
        "aliased",
        lambda r, a: {"aliased": at(r.aliased, ~r.aliased, True)},
    ),
    "llf beyond the supremum": (three_quasi, "llf", lambda r, a: {"llf": r.llf * (1.0 - 1e-7)}),
    "llf below it": (three_quasi, "llf", lambda r, a: {"llf": r.llf * (1.0 + 1e-7)}),
    "llf of complete separation": (complete_nan, "llf", lambda r, a: {"llf": -1e-12}),
    "llf is nan": (overlap, "llf", lambda r, a: {"llf": np.nan}),
    "predictions near 0 and 1": (
        complete_nan,
        "prediction",
        lambda r, a: {"predict_proba": lambda X, offset=None: np.clip(r.predict_proba(X), 1e-300, 1 - 1e-16)},
    ),
    "predictions that are nan": (
        binary_quasi,
        "prediction",
        lambda r, a: {"predict_proba": lambda X, offset=None: np.nan * r.predict_proba(X)},
    ),
    "other predictions": (
        overlap,
        "prediction",
        lambda r, a: {"predict_proba": lambda X, offset=None: r.predict_proba(X) ** 1.001},
    ),
    "predictions of another shape": (
        overlap,
        "prediction",
        lambda r, a: {"predict_proba": lambda X, offset=None: r.predict_proba(X)[:, 1]},
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_seen(modules, name):
    wanted, what, lie = LIES[name]
    drawn, answer, lim = first(modules, wanted)
    result, warned = perfect(drawn, answer, lim)
    record = verdict(modules, drawn, answer, lim, change(result, **lie(result, answer)), warned)
    assert what in {modules.summary.what_of(f) for f in record.failures}, record.failures


@pytest.mark.parametrize("wanted", [binary_quasi, overlap])
def test_a_wrong_warning_is_seen(modules, wanted):
    drawn, answer, lim = first(modules, wanted)
    result, warned = perfect(drawn, answer, lim)
    record = verdict(modules, drawn, answer, lim, result, [] if warned else ["SeparationWarning"])
    assert [modules.summary.what_of(f) for f in record.failures] == ["warning"]


def test_an_exception_is_a_failure(modules):
    drawn, answer, lim = first(modules, overlap)
    record = verdict(modules, drawn, answer, lim, ZeroDivisionError("float division by zero"), [])
    assert record.failures == ["raises: ZeroDivisionError: float division by zero"]
    assert modules.judge.said(ZeroDivisionError()) == "raises"


def test_lies_about_a_penalty_are_seen(modules):
    index = next(i for i in range(100) if modules.problems.draw(SEED, i).l2 > 0.0)
    drawn = modules.problems.draw(SEED, index)
    answer = modules.judge.answer_of(drawn)
    assert answer.exists
    certificate = SimpleNamespace(exists=True, converged=True, reason="as asked")
    good = SimpleNamespace(certificate=certificate, separation=None, params=np.zeros(3))

    def failures(result, warned=()):
        record = modules.judge.Record(index, drawn.kind, warned=list(warned))
        modules.judge.hold(record, drawn, answer, None, result)
        return [modules.summary.what_of(f) for f in record.failures]

    assert failures(good) == []
    assert failures(good, ["SeparationWarning"]) == ["warning"]
    assert failures(change(good, separation=SimpleNamespace())) == ["separation"]
    assert failures(change(good, params=np.array([0.0, np.inf]))) == ["params"]
    assert failures(change(good, certificate=change(certificate, exists=False))) == ["exists"]
    assert failures(change(good, certificate=change(certificate, exists=None))) == []


def test_an_honest_failure_to_converge_is_counted(modules):
    drawn, answer, lim = first(modules, overlap)
    result, warned = perfect(drawn, answer, lim)
    lie = change(result, params=result.params * 1.1, llf=1.1 * result.llf)
    assert verdict(modules, drawn, answer, lim, lie, warned).failures
    honest = change(result.certificate, converged=False, reason="the limit of 7 steps was reached")
    record = verdict(modules, drawn, answer, lim, change(lie, certificate=honest), warned)
    assert record.failures == []
    assert modules.summary.table([record])["unconverged"] == {
        "the limit of N steps was reached": [drawn.index]
    }


def test_undecided_is_no_failure_but_counted(modules):
    drawn, answer, lim = first(modules, binary_quasi)
    result, _ = perfect(drawn, answer, lim)
    certificate = change(result.certificate, exists=None, reason="out of breath")
    record = verdict(
        modules, drawn, answer, lim, change(result, certificate=certificate, separation=None), []
    )
    assert record.failures == []
    record.said, record.truth = "undecided", "quasi"
    counts = modules.summary.table([record])
    assert counts["undecided"] == {"out of breath": 1}
    assert counts["confusion"]["quasi"]["undecided"] == 1
    assert "undecided, 1: out of breath" in modules.summary.as_text(counts)


def test_failures_are_counted_and_named(modules):
    Record = modules.judge.Record
    records = [
        Record(7, "one row", "exists", "exists"),
        Record(8, "nested", "quasi", "exists", failures=["exists: True; the truth is False"]),
        Record(
            9, "nested", "quasi", "quasi", failures=["rows: [1]; the truth is [2]", "llf: 1.0 is positive"]
        ),
    ]
    counts = modules.summary.table(records)
    assert counts["failed"] == 2
    assert counts["confusion"]["quasi"]["exists"] == 1
    assert {w: c for w, c in counts["wrong"].items() if c} == {"exists": 1, "rows": 1, "llf": 1}
    assert counts["kinds"]["nested"]["failed"] == 2
    text = modules.summary.failures_text(records)
    assert "--only 8" in text
    assert "--only 9" in text
    assert "rows: [1]; the truth is [2]" in text


def test_the_limit_is_the_supremum(modules):
    """No value along the direction from the limiting fit is above it, and far out it is reached."""
    checked = 0
    for index in range(26 * 8):
        drawn, answer, lim = case(modules, index)
        if not lim.sure or answer.exists or answer.aliased.any():
            continue
        largest = max(map(abs, answer.direction))
        d = np.array([float(v / largest) for v in answer.direction]).reshape(answer.infinite.shape)
        finite = np.nan_to_num(lim.params)
        if np.isnan(lim.params).any() and answer.kind == "quasi":
            # where only the plane is known, any of its points bounds from below
            finite = np.where(answer.infinite == 0.0, finite, 0.0)
        D, masses, offsets = drawn.design(), drawn.masses(), drawn.offsets()
        for length in (0.0, 1.0, 30.0, 1000.0):
            eta = offsets + np.column_stack([np.zeros(len(D)), D @ (finite + length * d).T])
            eta = eta - eta.max(axis=1, keepdims=True)
            logp = eta - np.log(np.exp(eta).sum(axis=1, keepdims=True))
            llf = float((masses[answer.counted] * logp[answer.counted]).sum())
            assert llf <= lim.llf + 1e-9 * (1.0 + abs(lim.llf))
        checked += 1
    assert checked >= 40


@pytest.mark.parametrize(
    "given", [["--problems", "0"], ["--processes", "0"], ["--only", "-1"], ["--minutes", "0"]]
)
def test_nonsense_is_refused(modules, given, capsys):
    spec = importlib.util.spec_from_file_location("separation_main", FOLDER / "__main__.py")
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = before
    with pytest.raises(SystemExit):
        module.arguments(given)
    assert given[0] in capsys.readouterr().err


def test_a_campaign_ends_when_it_is_told(modules):
    records, stop = modules.campaign.run(SEED, 5, 10**9, processes=1, minutes=1e-9)
    assert (records, stop) == ([], 5)
