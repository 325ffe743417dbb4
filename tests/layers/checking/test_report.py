"""What else check_gradients promises, and what its report shows."""

import dataclasses

import numpy as np
import pytest
from checked_layers import LAYERS, Function, batch, mean_of, mutant, of, of_all

from sigmax.layers import (
    GradientReport,
    Linear,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    check_gradients,
)

# -- what else is promised -------------------------------------------------------------------------


def test_a_batch_of_any_make_that_is_not_written():
    z = batch()
    z.flags.writeable = False
    layer = LAYERS["classifier"]()
    first = str(check_gradients(layer, z))
    assert str(check_gradients(layer, z.tolist())) == first
    assert str(check_gradients(layer, np.asfortranarray(z))) == first
    assert str(check_gradients(layer, z, seed=1)) != first
    assert check_gradients(Softmax(), [[1, 2], [3, 5]])
    assert check_gradients(Tanh(), [[0.3]])


def test_one_array_under_several_names():
    first = Linear(4, 4, seed=1)
    tied = Sequential(first, Tanh(), first.share())
    report = check_gradients(tied, batch())
    assert report, str(report)
    assert "0.weight and 2.weight are one array: their gradients are added" in report.notes
    wrong = Sequential(first, Tanh(), mutant(first.share(), gradients=of_all(lambda g: 1.001 * g)))
    assert not check_gradients(wrong, batch())


def test_at_most_so_many_entries():
    layer = LAYERS["wide linear"]()
    report = check_gradients(layer, batch(), most=6)
    assert report
    assert [(one.checked, one.of) for one in report.checks[:3]] == [(6, 20), (6, 68), (6, 17)]
    assert "6 of 68" in str(report)
    assert not check_gradients(mutant(layer, gradients=of_all(np.negative)), batch(), most=1)


def test_a_tolerance_of_ones_own():
    layer = mutant(Tanh(), backward=of(lambda b: (1 + 1e-4) * b))
    assert check_gradients(layer, batch(), tol=1e-3)
    assert not check_gradients(layer, batch())
    right = check_gradients(Tanh(), batch(), tol=1e-10)
    assert right


def test_a_layer_without_second_rules():
    first_only = Function(np.tanh, lambda z: 1 - np.tanh(z) ** 2)
    report = check_gradients(Sequential(Linear(4, 3, seed=1), first_only), batch())
    assert report
    assert [one.what for one in report.checks] == ["input", "0.weight", "0.bias"]


def test_warnings_beyond_a_domain_are_not_the_layers():
    # the first step from 1e-4 leads below 0, where the root warns; warnings are errors here
    assert check_gradients(Function(np.sqrt, lambda z: 0.5 / np.sqrt(z)), [[1e-4, 2.0]])


# -- the report ------------------------------------------------------------------------------------


def test_the_report_is_a_table():
    report = check_gradients(LAYERS["linear"](), batch())
    lines = str(report).splitlines()
    assert lines[0] == "Linear(4, 3): all rules agree with differences"
    assert lines[1].split() == ["entries", "worst", "at", "rule", "differences", "error", "tolerance"]
    assert [line.split()[:2] for line in lines[2:5]] == [["input", "20"], ["weight", "12"], ["bias", "3"]]
    # columns end at the same place
    assert len({len(line) for line in lines[1:-1]}) == 1
    assert lines[-1].startswith(f"worst: {report.worst.at}, the rule gives ")
    assert lines[-1].endswith(" times the tolerance")
    assert repr(report) == "<GradientReport of Linear(4, 3): passed, 7 checks>"


def test_the_report_of_what_is_wrong():
    layer = mutant(Linear(4, 3, seed=1), gradients=mean_of("weight"), backward=of(np.negative))
    report = check_gradients(layer, batch())
    lines = str(report).splitlines()
    assert lines[0] == "Linear(4, 3): THE RULES ARE WRONG"
    assert lines[2].endswith("WRONG in 20")
    assert lines[3].endswith("WRONG in 12")
    assert not lines[4].endswith("WRONG in 3")
    assert "note: input: the rule gives -1 times the differences in all entries" in lines
    assert (
        "note: weight: the rule gives 1 / 5 of the differences in all entries: a mean over the rows, not "
        "their sum?"
    ) in lines
    worst = report.worst
    assert lines[-1].startswith(f"worst: {worst.at}, the rule gives {worst.analytic:.10g}, differences ")
    assert repr(report) == "<GradientReport of Linear(4, 3): failed, 7 checks>"
    zeros = check_gradients(mutant(Tanh(), backward=of(np.zeros_like)), batch())
    assert "input: the rule gives zeros" in zeros.notes


def test_the_worst_entry_is_the_wrong_one():
    def spoilt(layer, found, delta):
        weight = found["weight"].copy()
        weight[2, 1] += 1e-3
        return found | {"weight": weight}

    report = check_gradients(mutant(Linear(4, 3, seed=1), gradients=spoilt), batch())
    worst = report.worst
    assert (worst.what, worst.index, worst.at, worst.disagreeing) == ("weight", (2, 1), "weight[2, 1]", 1)
    assert worst.analytic - worst.difference == pytest.approx(1e-3, rel=1e-9)
    assert worst.error == pytest.approx(1e-3, rel=1e-9)
    assert "weight[2, 1]" in str(report).splitlines()[-1]


def test_a_report_is_a_frozen_value():
    report = check_gradients(Sigmoid(), batch())
    assert isinstance(report, GradientReport)
    assert report == check_gradients(Sigmoid(), batch())
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.passed = False
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.worst.error = 0.0
