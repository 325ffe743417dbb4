"""sigmax.bench.reads: the reads of a fit are counted, all of them, and the fit is what it was."""

from __future__ import annotations

import numpy as np
import pytest

import sigmax as sx
from sigmax.bench import operations, problems, reads, work
from sigmax.bench.reads import counted
from sigmax.objective import Objective
from sigmax.solvers.factor import Factor


def _watched() -> list[object]:
    return [getattr(owner, name) for owner, name, _ in reads._WATCHED]


# rows, columns, classes, the kinds of reads of its way; Newton's last step is at rounding, and whether it has
# to ask how far it reaches depends on the backend
ASKED = {"scan"}
SHAPES = [
    (300, 3, 2, {"newton", "refine"}),
    (3_000, 60, 2, {"hessian", "refine"}),
    (3_000, 70, 2, {"hessian", "gradient", "refine"}),
    (40_000, 10, 2, {"hessian", "gradient", "refine"}),
    (7_000, 80, 5, {"gradient", "gram", "subspace", "scan", "refine", "floor"}),
]


@pytest.mark.parametrize(("n", "p", "K", "kinds"), SHAPES)
def test_every_read_of_a_fit_has_its_kind(n: int, p: int, K: int, kinds: set[str]) -> None:
    one = problems.multinomial(n, p, K)
    fit = operations.fit(one, 1).prepare("auto")
    before = _watched()
    result, found = counted(fit)
    assert _watched() == before
    newton = kinds == {"hessian", "refine"}
    assert kinds <= set(found.kinds) <= (kinds | ASKED if newton else kinds)
    assert sum(found.kinds.values()) == pytest.approx(result.certificate.passes, rel=1e-12)
    assert result.params.tobytes() == fit().params.tobytes()


def test_flops_are_those_of_the_reads_and_factors() -> None:
    n, p = 3_000, 70
    one = problems.multinomial(n, p, 2)
    result, found = counted(operations.fit(one, 1).prepare("auto"))
    hessians, others = found.kinds["hessian"], found.kinds["gradient"] + found.kinds["refine"]
    of_reads = hessians * work.evaluation(n, p, 1).flops + others * work.gradient(n, p, 1).flops
    # a factor for each Hessian, and one inverse
    cube = (1 + p) ** 3 / 3
    assert found.flops == pytest.approx(of_reads + (hessians + 2) * cube, rel=1e-12)
    assert found.moved == result.certificate.passes * n


def test_a_sample_is_moved_once_however_often_it_is_read() -> None:
    n = 40_000
    one = problems.multinomial(n, 10, 2)
    result, found = counted(operations.fit(one, 1).prepare("auto"))
    whole = found.moved // n
    assert whole == found.kinds["refine"] + np.floor(found.kinds["hessian"]) + np.floor(
        found.kinds["gradient"]
    )
    sample = found.moved - whole * n
    assert 0 < sample <= n / 5
    # it was read several times
    assert (result.certificate.passes - whole) * n > 2 * sample


def test_reads_of_unknown_kind_are_counted_without_flops(monkeypatch: pytest.MonkeyPatch) -> None:
    one = problems.multinomial(3_000, 70, 2)
    fit = operations.fit(one, 1).prepare("auto")
    _, all_known = counted(fit)
    unknown = tuple(entry for entry in reads._WATCHED if entry[1] != "refine")
    monkeypatch.setattr(reads, "_WATCHED", unknown)
    _, found = counted(fit)
    assert found.kinds["other"] == all_known.kinds["refine"]
    assert found.moved == all_known.moved
    less = all_known.kinds["refine"] * work.gradient(3_000, 70, 1).flops
    assert found.flops == pytest.approx(all_known.flops - less, rel=1e-12)


def test_more_reads_than_the_certificate_has_are_an_error() -> None:
    one = problems.multinomial(3_000, 70, 2)
    evaluate = operations.evaluation(one, 1).prepare("auto")

    def fit_and_more() -> sx.Result:
        evaluate()
        return sx.fit(one.X, one.y, n_threads=1)

    before = _watched()
    with pytest.raises(RuntimeError, match="reads were counted, and the certificate has"):
        counted(fit_and_more)
    assert _watched() == before


def test_an_error_leaves_nothing_behind() -> None:
    before = _watched()

    def fail() -> sx.Result:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        counted(fail)
    assert _watched() == before
    assert Objective.evaluate.__qualname__ == "Objective.evaluate"
    assert Factor.__init__.__qualname__ == "Factor.__init__"


def test_the_work_of_a_fit_is_that_of_its_reads() -> None:
    one = problems.multinomial(40_000, 10, 2)
    operation = operations.fit(one, 1)
    result = operation.prepare("auto")()
    _, found = counted(operation.prepare("auto"))
    assert operation.work(result) == work.fit(40_000, 10, found)
    # one Hessian of all rows, and not one for each step
    assert result.certificate.iterations > 2
    assert found.flops < 3 * work.evaluation(40_000, 10, 1).flops
