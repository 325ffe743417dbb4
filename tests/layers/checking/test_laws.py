"""What check_gradients says of rules that break a law or return another shape, and what it refuses."""

import numpy as np
import pytest
from checked_layers import Function, Normalised, batch, mutant

from sigmax.layers import Linear, ShapeError, Sigmoid, Tanh, check_gradients

# -- laws ------------------------------------------------------------------------------------------


def failures(layer, z=None):
    report = check_gradients(layer, batch() if z is None else z)
    assert bool(report) == (not report.failures and all(one.passed for one in report.checks))
    return "\n".join(report.failures)


def writes(rule, which):
    """A layer whose rule is right, and writes into one of its arguments when it is done."""

    class Writing(Linear):
        pass

    def written(self, *arguments):
        found = getattr(Linear, rule)(self, *arguments)
        one = arguments[which]
        (one["weight"] if isinstance(one, dict) else one)[...] = 7.0
        return found

    setattr(Writing, rule, written)
    layer = Writing(4, 3, seed=1)
    return layer


@pytest.mark.parametrize(
    ("rule", "which", "name"),
    [
        ("forward", 0, "z"),
        ("backward", 0, "delta"),
        ("gradients", 0, "delta"),
        ("forward_tangent", 0, "dz"),
        ("backward_tangent", 1, "ddelta"),
        ("gradients_tangent", 0, "delta"),
    ],
)
def test_a_rule_may_not_write_into_its_argument(rule, which, name):
    z = batch()
    layer = writes(rule, which)
    report = check_gradients(layer, z)
    assert not report
    assert f"{rule} writes into its argument {name}" in report.failures
    np.testing.assert_array_equal(z, batch())


def test_a_direction_may_not_be_written():
    layer = mutant(Linear(4, 3, seed=1), forward_tangent=writes_direction)
    assert "forward_tangent writes into its argument direction" in failures(layer)


def writes_direction(layer, found, dz, direction):
    if direction:
        direction["weight"][...] = 0.0
    return found


def test_a_rule_may_not_change_parameters():
    def normalises(layer, found, z):
        layer.weight[...] /= np.linalg.norm(layer.weight)
        return found

    layer = mutant(Linear(4, 3, seed=1), forward=normalises)
    before = layer.weight.copy()
    assert "forward changes the parameter 'weight'" in failures(layer)
    np.testing.assert_array_equal(layer.weight, before)


def test_hidden_state_is_found():
    class Counting(Function):
        calls = 0

        def forward(self, z):
            self.calls += 1
            return super().forward(z) * (1 + 1e-9 * self.calls)

    report = check_gradients(Counting(np.tanh, lambda z: 1 - np.tanh(z) ** 2), batch())
    assert not report
    assert report.checks == ()
    assert "forward gives another result the second time" in report.failures[0]
    assert report.worst is None

    rng = np.random.default_rng(0)
    dropout = Function(lambda z: z * rng.integers(0, 2, z.shape), np.ones_like)
    assert "another result the second time" in failures(dropout)


def test_what_is_not_linear_is_found():
    found = failures(mutant(Tanh(), backward=lambda layer, b, delta: b + 1e-3 * delta**2))
    assert "backward is not linear in delta: at [" in found
    found = failures(mutant(Tanh(), backward=lambda layer, b, delta: np.clip(b, -0.5, 0.5)))
    assert "backward is not linear" in found
    found = failures(mutant(Linear(4, 3, seed=1), gradients=lambda layer, g, d: g | {"bias": abs(g["bias"])}))
    assert "gradients is not linear in delta: at ['bias'][" in found

    def ones_for_missing(layer, found, dz, direction):
        return found if "bias" in direction else found + 1.0

    assert "zeros" in failures(mutant(Linear(4, 3, seed=1), forward_tangent=ones_for_missing))


class Stale(Linear):
    """Remembers the wrong batch: the first one, or the one before."""

    which = "first"

    def forward(self, z):
        found = super().forward(z)
        self.seen = (
            [*self.__dict__.get("seen", ()), np.array(z)][-2:]
            if self.which == "before"
            else (self.__dict__.get("seen") or [np.array(z)])
        )
        self.z = self.seen[0]
        return found


@pytest.mark.parametrize("which", ["first", "before"])
def test_stale_memory_is_found(which):
    layer = Stale(4, 3, seed=1)
    layer.which = which
    report = check_gradients(layer, batch())
    assert not report
    assert not report.checks[1].passed


def test_the_order_of_calls_is_free():
    def spends(layer, found, delta):
        layer.z = np.zeros_like(layer.z)
        return found

    found = failures(mutant(Linear(4, 3, seed=1), backward=spends))
    assert "other results when they are called in the other order" in found


def test_outputs_that_are_not_finite():
    layer = Function(lambda z: np.where(z > 1, np.nan, z), np.ones_like)
    report = check_gradients(layer, [[0.0, 2.0], [3.0, 0.5]])
    assert not report
    assert report.failures == (
        "forward gives nan at [0, 1], where nothing can be differenced (2 of 4 outputs are not finite)",
    )


def test_parameters_that_are_copies():
    class Copies(Linear):
        @property
        def parameters(self):
            return {name: one.copy() for name, one in super().parameters.items()}

    assert "parameters gives a copy of 'weight'" in failures(Copies(4, 3, seed=1))


@pytest.mark.parametrize("n", [2, 5, 8, 9])
def test_a_layer_that_mixes_rows_is_noted_and_checked(n):
    report = check_gradients(Normalised(), batch(n=n))
    assert report, str(report)
    assert report.notes == (
        "the layer mixes rows, as batch normalisation does: output row 1 changes with other rows of z; each "
        "entry of z was moved alone",
    )
    wrong = mutant(Normalised(), backward=lambda layer, found, delta: layer.gain * delta)
    assert check_gradients(wrong, batch(n=n)).checks[0].disagreeing == 4 * n
    assert report.checks[1].at == "gain"
    assert report.checks[1].index == ()


@pytest.mark.parametrize(("reader", "read"), [(0, 6), (6, 0), (3, 4)])
def test_one_row_that_reads_another_is_noted(reader, read):
    class Reading(Function):
        def forward(self, z):
            a = super().forward(z)
            a[reader] += 0.1 * z[read]
            return a

        def backward(self, delta):
            b = super().backward(delta)
            b[read] += 0.1 * delta[reader]
            return b

    report = check_gradients(Reading(np.tanh, lambda z: 1 - np.tanh(z) ** 2), batch(n=7))
    assert report, str(report)
    assert f"output row {reader} changes with other rows" in report.notes[0]


# -- shapes, and what is refused -------------------------------------------------------------------


SHAPES = {
    "forward": (
        lambda layer, a, z: a[:-1],
        r"Linear\(4, 3\)\.forward\(z\) must return a float64 array of shape \(5, width\); got shape \(4, 3\)",
    ),
    "backward": (
        lambda layer, b, delta: b.T,
        r"Linear\(4, 3\)\.backward\(delta\) must return .* of shape \(5, 4\), that of z; got shape \(4, 5\)",
    ),
    "gradients": (
        lambda layer, g, delta: g | {"weight": g["weight"].T},
        r"\.gradients\(delta\)\['weight'\] must .* \(3, 4\), that of the parameter; got shape \(4, 3\)",
    ),
    "forward_tangent": (
        lambda layer, a, *_: a[:, :1],
        r"\.forward_tangent\(dz, direction\) must .* \(5, 3\); got shape \(5, 1\)",
    ),
    "backward_tangent": (
        lambda layer, b, *_: b.tolist(),
        r"\.backward_tangent\(delta, ddelta\) must .* \(5, 4\), that of z; got list",
    ),
    "gradients_tangent": (
        lambda layer, g, *_: {"weight": g["weight"]},
        r"\.gradients_tangent\(delta, ddelta\) must return a dict .* \['bias', 'weight'\]; got \['weight'\]",
    ),
}


@pytest.mark.parametrize("rule", SHAPES)
def test_wrong_shapes_name_the_rule(rule):
    change, says = SHAPES[rule]
    layer = mutant(Linear(4, 3, seed=1), **{rule: change})
    before = layer.coef.copy()
    with pytest.raises(ShapeError, match=says):
        check_gradients(layer, batch())
    np.testing.assert_array_equal(layer.coef, before)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda layer, a, z: a.astype(np.float32), r"shape \(5, width\); got shape \(5, 3\), dtype float32"),
        (lambda layer, a, z: a[:, 0], r"got shape \(5,\)"),
        (lambda layer, a, z: None, "got NoneType"),
    ],
)
def test_an_output_is_a_matrix_of_doubles(change, says):
    with pytest.raises(ShapeError, match=says):
        check_gradients(mutant(Linear(4, 3), forward=change), batch())


def test_gradients_are_a_dict():
    with pytest.raises(ShapeError, match=r"names of parameters, \['bias', 'weight'\]; got ndarray"):
        check_gradients(mutant(Linear(4, 3), gradients=lambda layer, g, delta: g["weight"]), batch())


@pytest.mark.parametrize(
    ("z", "says"),
    [
        ([1.0, 2.0], r"z must have shape \(n, width\), with a row and a column at least; got \(2,\)"),
        (np.zeros((0, 3)), r"got \(0, 3\)"),
        (np.zeros((2, 0)), r"got \(2, 0\)"),
        (
            [[1.0, 2.0], [np.nan, np.inf]],
            r"z must be finite; 2 values nan or inf, the first at z\[1, 0\] = nan",
        ),
        ([["a", "b"]], "z must hold real numbers"),
    ],
)
def test_batches_that_are_refused(z, says):
    with pytest.raises(ValueError, match=says):
        check_gradients(Sigmoid(), z)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"tol": 0.0}, "tol must lie between 0 and 1; got 0.0"),
        ({"tol": np.nan}, "tol must lie"),
        ({"most": 0}, "most must be a whole number of at least 1; got 0"),
        ({"most": True}, "most must be"),
    ],
)
def test_settings_that_are_refused(settings, says):
    with pytest.raises(ValueError, match=says):
        check_gradients(Sigmoid(), batch(), **settings)


def test_only_layers_with_parameters_of_doubles():
    with pytest.raises(TypeError, match=r"layer must be a sigmax\.layers\.Layer; got ufunc"):
        check_gradients(np.tanh, batch())

    def layer(value):
        made = Normalised()
        made.gain = value
        return made

    fixed = np.ones(4)
    fixed.flags.writeable = False
    for value, got in ((np.float32([1.5]), "dtype float32"), (1.5, "float"), (fixed, "cannot be written")):
        with pytest.raises(TypeError, match=f"parameter 'gain' must be a float64 array .* got .*{got}"):
            check_gradients(layer(value), batch())
    with pytest.raises(
        ValueError, match=r"parameter gain must be finite; 1 value nan or inf, the first at .*gain\[1\] = inf"
    ):
        check_gradients(layer(np.array([1.0, np.inf, 0.0, 1.0])), batch())


def test_errors_of_a_rule_come_through_and_parameters_are_put_back():
    class Failing(Linear):
        calls = 0

        def forward(self, z):
            self.calls += 1
            if self.calls == self.last:
                raise RuntimeError("enough")
            return super().forward(z)

    counted = Failing(4, 3, seed=1)
    counted.last = -1
    counted.bias[0] = -0.0
    bits = counted.coef.view(np.int64).copy()
    assert check_gradients(counted, batch())
    np.testing.assert_array_equal(counted.coef.view(np.int64), bits)
    every = counted.calls
    assert every > 100
    for last in range(1, every, 7):
        layer = Failing(4, 3, seed=1)
        layer.last = last
        layer.bias[0] = -0.0
        with pytest.raises(RuntimeError, match="enough"):
            check_gradients(layer, batch())
        np.testing.assert_array_equal(layer.coef.view(np.int64), bits)
