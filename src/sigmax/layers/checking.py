"""Do the rules of a layer fit each other?  Each of their numbers against differences of its outputs."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import finite, numbers, plural, position
from sigmax.kernels import Float
from sigmax.layers.differences import EPS, FIRST, LAST, Judgement, Shifted, first_steps, joined, judge
from sigmax.layers.gradient_report import Check, GradientReport
from sigmax.layers.layer import Arrays, Layer
from sigmax.layers.watched import Watched, place

#: relative part of the tolerance
_TOL = 1e-7
#: outputs that are held at once while the entries of a parameter are moved one after the other
_HELD = 2**16
#: evaluations with all numbers moved by a rounding, whose effects are the noise of the outputs
_ROUNDINGS = 4
#: no rounding is taken for more than this share of the largest output
_MOST_NOISE = math.sqrt(EPS)
#: outputs of a row that move by so many times their noise have moved
_MOVED = 16.0


def check_gradients(
    layer: Layer, z: npt.ArrayLike, *, seed: int = 0, tol: float | None = None, most: int | None = None
) -> GradientReport:
    """Check the rules of a layer against differences of its outputs.

    J = sum of R * layer.forward(z), with an R drawn at random, is a number.  ``layer.backward(R)`` is held
    against its fourth-order central differences in every entry of z, ``layer.gradients(R)`` against those in
    every entry of every parameter.  Where the layer has second rules, they are held against differences of
    the three rules along a random direction in z, R and the parameters together.  Besides, rules may not
    write into their arguments, nor change parameters, nor depend on what was computed before the last
    forward; backward and gradients must be linear in delta.

    Parameters
    ----------
    layer : Layer
        A loss is given its targets before, by ``loss.given(y)``.
    z : array_like of shape (n, width)
        A batch for the layer, of the scale that it will see; several rows, of different signs.  Not written.
    seed : int
        What R, the directions and the choice of entries are drawn from.
    tol : float, optional
        Relative part of the tolerance, 1e-7 by default: a derivative that is wrong by 1e-6 of itself is
        found.  Beside it the tolerance has the error of the difference, estimated entry by entry.
    most : int, optional
        At most so many entries of z and of each parameter are checked, drawn at random; by default all.
        The second rules take one direction for all their entries, and are checked whole.

    Returns
    -------
    GradientReport
        True where everything agrees; ``print`` shows a table, the worst entry last.

    Raises
    ------
    ValueError
        z is not a matrix of finite numbers, or is empty; a parameter is not finite; a rule returns an array
        of another shape than it must (:class:`ShapeError`, a ValueError, names layer, rule and both shapes).
    TypeError
        `layer` is none; a parameter is not a float64 array that can be written.

    Notes
    -----
    Accuracy: the first step is 2^-10 max(1, abs(x)), where truncation and rounding of smooth functions are
    about 1e-12 of the outputs.  An entry whose derivative is smaller than about 1e-6 of the output that it
    changes is therefore known to fewer than six digits, and the tolerance says so.  Near a kink the step
    shrinks, down to 5e-7 times the first; an entry that lies on one passes where the rule gives the slope of
    a side, or one between, and a note says so.  Rules are never believed more for a smaller step.

    Each row of z is moved together with the others where rows turn out to be mapped one by one; where
    they do not, as in batch normalisation, every entry is moved alone, and a note says so.  One parameter
    under several names (:meth:`Layer.share`) is held against the sum of the gradients of these.

    Parameters are moved in place and put back bit for bit, also where an error is raised; the layer's
    memory is that of another batch afterwards.  Costs six evaluations for each column of z and each entry
    of the parameters, eight times as many where a rule is wrong.

    Examples
    --------
    >>> import numpy as np
    >>> from sigmax.layers import Layer, Linear, Sequential, check_gradients
    >>> class Softplus(Layer):
    ...     def forward(self, z):
    ...         self.z = np.asarray(z)
    ...         return np.logaddexp(0.0, self.z)
    ...     def backward(self, delta):
    ...         return delta / (1.0 + np.exp(-self.z))
    >>> z = np.linspace(-2.0, 2.0, 12).reshape(4, 3)
    >>> bool(check_gradients(Sequential(Linear(3, 2, seed=1), Softplus()), z))
    True
    >>> class Wrong(Softplus):
    ...     def backward(self, delta):
    ...         return delta / (1.0 + np.exp(self.z))
    >>> report = check_gradients(Wrong(), z)
    >>> report.passed, report.worst.what, report.worst.disagreeing
    (False, 'input', 12)
    """
    if not isinstance(layer, Layer):
        raise TypeError(f"layer must be a sigmax.layers.Layer; got {type(layer).__name__}")
    batch = _batch(z)
    relative = _TOL if tol is None else _tolerance(tol)
    limit = None if most is None else _most(most)
    watched = Watched(layer, batch)
    # steps may leave the domain of a layer: what is nan there is a step too large
    with watched.restored(), np.errstate(all="ignore"):
        return _Checking(watched, seed, relative, limit).report()


class _Checking:
    """One check: what was drawn, and what was found."""

    def __init__(self, watched: Watched, seed: int, tol: float, most: int | None) -> None:
        self.watched, self.z, self.tol, self.most = watched, watched.z, tol, most
        self.rng = np.random.default_rng(seed)
        self.checks: list[Check] = []
        self.notes: list[str] = []

    def report(self) -> GradientReport:
        """Make all checks."""
        watched = self.watched
        a, same = watched.repeats(np.roll(self.z, 1, axis=0) + self.away())
        if same:
            self.a, self.R = a, self.rng.standard_normal(a.shape)
            down, own = watched.first_rules(self.R, self.rng.standard_normal(a.shape))
            [self.noise] = self.noise_of(lambda: [watched.outputs(self.moved(self.z))], [a])
            self.check_input(down)
            for name in watched.parameters:
                tied = watched.sharing(name)
                if len(tied) > 1 and name == tied[0]:
                    self.notes.append(f"{' and '.join(tied)} are one array: their gradients are added")
                self.check_parameter(name, np.sum([own[one] for one in tied], axis=0))
            if watched.layer.has_tangents:
                self.check_tangents(down, own)
        failures = tuple(watched.failures)
        passed = same and not failures and all(one.passed for one in self.checks)
        return GradientReport(watched.name, passed, tuple(self.checks), tuple(self.notes), failures)

    # -- what is near z ------------------------------------------------------------------------------------

    def away(self) -> Float:
        """A change of z as large as a first step, of either sign."""
        signs = self.rng.integers(0, 2, self.z.shape) * 2.0 - 1.0
        return signs * self.rng.uniform(0.5, 1.0, self.z.shape) * first_steps(self.z)

    def moved(self, x: Float) -> Float:
        """x with every number moved by a rounding, up or down."""
        signs = self.rng.integers(0, 2, x.shape) * 2.0 - 1.0
        return x + EPS * np.maximum(1.0, np.abs(x)) * signs

    def noise_of(self, values: Callable[[], list[Float]], base: list[Float]) -> list[Float]:
        """How far each of some values may lie from what it should be: what roundings of all numbers do to it.

        `values` moves what it computes from besides the parameters.  A constant of order 1 inside the layer
        has a rounding, too, which nothing moves; the largest value says whether there may be one.
        """
        largest = [float(np.abs(one).max(initial=0.0)) for one in base]
        found = [np.zeros_like(one) for one in base]
        for _ in range(_ROUNDINGS):
            with self.watched.restored():
                for parameter in self.watched.parameters.values():
                    parameter[...] = self.moved(parameter)
                for worst, value, at in zip(found, values(), base, strict=True):
                    np.fmax(worst, np.abs(value - at), out=worst)
        return [
            np.minimum(worst, _MOST_NOISE * top) + EPS * (np.abs(at) + min(1.0, top))
            for worst, at, top in zip(found, base, largest, strict=True)
        ]

    def rows_alone(self) -> bool:
        """Whether each row of the output depends on its own row of z only.

        Of any two rows the numbers differ in a bit, so one of them moves while the other one stays.
        """
        number = np.arange(len(self.z))
        for bit in range((len(self.z) - 1).bit_length()):
            for value in (0, 1):
                moving = (number >> bit) & 1 == value
                a = self.watched.outputs(self.z + self.away() * moving[:, None])
                mixed = ~(np.abs(a - self.a) <= _MOVED * self.noise).all(axis=1) & ~moving
                if mixed.any():
                    self.notes.append(
                        "the layer mixes rows, as batch normalisation does: output row "
                        f"{int(mixed.argmax())} changes with other rows of z; each entry of z was moved alone"
                    )
                    return False
        return True

    def chosen(self, size: int) -> npt.NDArray[np.intp]:
        """Flat indices of the entries to be checked, in order."""
        if self.most is None or size <= self.most:
            return np.arange(size)
        return np.sort(self.rng.choice(size, self.most, replace=False))

    # -- the three rules -----------------------------------------------------------------------------------

    def check_input(self, rule: Float) -> None:
        """Backward: by columns where rows are mapped one by one, else by entries."""
        entries = self.chosen(self.z.size)
        if not self.rows_alone():
            z = self.z.copy()
            self.record("input", rule, entries, self.one_by_one(z, z, entries, rule))
            return
        row, column = np.unravel_index(entries, self.z.shape)
        found, order = [], []
        for j in np.unique(column):
            at = column == j
            order.append(entries[at])
            found.append(self.column(int(j), row[at], rule))
        self.record("input", rule, np.concatenate(order), joined(found))

    def column(self, j: int, rows: npt.NDArray[np.intp], rule: Float) -> Judgement:
        """Entries of one column of z, moved together."""
        x = self.z[rows, j]
        steps = first_steps(x)

        def shifted(f: float, which: npt.NDArray[np.intp]) -> tuple[Float, Float]:
            z, at = self.z.copy(), rows[which]
            z[at, j] += f * steps[which]
            gone = z[at, j] - x[which]
            return self.watched.outputs(z)[at], gone

        return judge(shifted, rule[rows, j], self.R[rows], self.a[rows], self.noise[rows], steps, self.tol)

    def check_parameter(self, name: str, rule: Float) -> None:
        """Gradients of one parameter."""
        parameter = self.watched.parameters[name]
        entries = self.chosen(parameter.size)
        self.record(name, rule, entries, self.one_by_one(parameter, self.z, entries, rule))

    def one_by_one(self, array: Float, z: Float, entries: npt.NDArray[np.intp], rule: Float) -> Judgement:
        """Entries of an array that the layer reads, moved in place one after the other."""
        q = max(1, self.a.size)
        flat = self.R.reshape(1, -1), self.a.reshape(1, -1), self.noise.reshape(1, -1)
        found = []
        for start in range(0, len(entries), max(1, _HELD // q)):
            some = entries[start : start + max(1, _HELD // q)]
            # one by one: a scalar has no indices to be unravelled together
            places = [tuple(map(int, np.unravel_index(one, array.shape))) for one in some]
            steps = first_steps(np.array([array[at] for at in places]))
            values = np.array([rule[at] for at in places])
            found.append(judge(self._mover(array, z, places, steps), values, *flat, steps, self.tol))
        return joined(found)

    def _mover(self, array: Float, z: Float, places: list[tuple[int, ...]], steps: Float) -> Shifted:
        def shifted(f: float, which: npt.NDArray[np.intp]) -> tuple[Float, Float]:
            out, gone = np.empty((len(which), self.a.size)), np.empty(len(which))
            for k, entry in enumerate(which):
                at = places[entry]
                x = float(array[at])
                array[at] = x + f * steps[entry]
                gone[k] = array[at] - x
                out[k] = self.watched.outputs(z.copy()).reshape(-1)
                array[at] = x
            return out, gone

        return shifted

    # -- the second rules ----------------------------------------------------------------------------------

    def check_tangents(self, down: Float, own: Arrays) -> None:
        """Tangents of the three rules, along one direction in z, R and all parameters."""
        watched, draw = self.watched, self.rng.standard_normal
        parameters = watched.parameters
        by_place = {place(one): draw(one.shape) for one in parameters.values()}
        direction = {name: by_place[place(one)] for name, one in parameters.items()}
        saved = {name: one.copy() for name, one in parameters.items()}
        dz, dR = draw(self.z.shape), draw(self.R.shape)

        da = watched.tangent(dz, direction)
        ddown, down_own = watched.backward_tangent(self.R, dR), watched.gradients_tangent(self.R, dR)
        names = ["forward_tangent", "backward_tangent", *(f"gradients_tangent[{one}]" for one in own)]
        rule = [da, ddown, *down_own.values()]
        base = [self.a, down, *own.values()]

        def values(z: Float, R: Float) -> list[Float]:
            a = watched.forward(z)
            return [a, watched.backward(R), *watched.gradients(R).values()]

        def shifted(f: float, which: npt.NDArray[np.intp]) -> tuple[Float, Float]:
            t = f * FIRST
            with watched.restored():
                for name, one in parameters.items():
                    one[...] = saved[name] + t * direction[name]
                found = _flat(values(self.z + t * dz, self.R + t * dR))
            return found[which], np.full(len(which), t)

        noise = self.noise_of(lambda: values(self.moved(self.z), self.moved(self.R)), base)
        flat = _flat(rule)[:, 0]
        steps = np.full(len(flat), FIRST)
        found = judge(shifted, flat, np.ones((1, 1)), _flat(base), _flat(noise), steps, self.tol)
        start = 0
        for name, one in zip(names, rule, strict=True):
            stop = start + one.size
            self.record(name, one, np.arange(one.size), found[start:stop])
            start = stop

    # -- what is written down --------------------------------------------------------------------------------

    def record(self, what: str, rule: Float, entries: npt.NDArray[np.intp], found: Judgement) -> None:
        """One check, with what there is to say about it."""
        given = rule.reshape(-1)[entries]
        agrees = (found.error <= found.tolerance) & found.settled
        ratio = np.nan_to_num(found.error / found.tolerance, nan=np.inf, posinf=np.inf)
        ratio[(found.error == 0.0) & (found.tolerance == 0.0)] = 0.0
        wrong = int(np.count_nonzero(~agrees))
        index: tuple[int, ...] = ()
        analytic = difference = error = tolerance = math.nan
        if len(entries):
            worst = int(np.lexsort((ratio, ~agrees))[-1])
            index = tuple(int(i) for i in np.unravel_index(entries[worst], rule.shape))
            analytic, difference = float(given[worst]), float(found.difference[worst])
            error, tolerance = float(found.error[worst]), float(found.tolerance[worst])
        check = Check(
            *(what, len(entries), rule.size, index, analytic, difference, error, tolerance),
            passed=wrong == 0,
            disagreeing=wrong,
        )
        self.checks.append(check)
        if found.kink.any():
            self.notes.append(
                f"{what}: {int(found.kink.sum()):,} of {plural(len(entries), 'number')} on a kink, where the "
                "rule may give the slope of either side, or one between"
            )
        if not found.settled.all():
            first = np.unravel_index(entries[int(found.settled.argmin())], rule.shape)
            self.watched.failures.append(
                f"{position(what, tuple(map(int, first)))}: no step gives a difference to trust, down to "
                f"{FIRST * LAST:.0e} of its size, in {int((~found.settled).sum()):,} of {len(entries):,}: "
                "the layer is not smooth there"
            )
        hint = _hint(given, found.difference, len(self.z)) if wrong else ""
        if hint:
            self.notes.append(f"{what}: {hint}")


def _hint(rule: Float, difference: Float, n: int) -> str:
    """What all entries have in common, where one mistake explains them."""
    if len(rule) < 2 or not np.isfinite(rule).all() or not np.isfinite(difference).all():
        return ""
    if not rule.any():
        return "the rule gives zeros"
    factor = float(rule @ difference / (difference @ difference)) if difference.any() else 0.0
    if factor == 0.0 or np.abs(rule - factor * difference).max() > 1e-5 * np.abs(rule).max():
        return ""
    if abs(factor - 1.0) < 1e-4:
        return ""
    if abs(factor * n - 1.0) < 1e-5:
        return (
            f"the rule gives 1 / {n} of the differences in all entries: a mean over the rows, not their sum?"
        )
    return f"the rule gives {factor:.6g} times the differences in all entries"


def _flat(arrays: list[Float]) -> Float:
    """All numbers, in a column."""
    return np.concatenate([one.reshape(-1) for one in arrays])[:, None]


def _batch(z: npt.ArrayLike) -> Float:
    array = numbers("z", z)
    if array.ndim != 2 or not array.size:
        raise ValueError(f"z must have shape (n, width), with a row and a column at least; got {array.shape}")
    finite("z", array)
    return np.array(array, dtype=np.float64, order="C")


def _tolerance(tol: float) -> float:
    if isinstance(tol, bool) or not 0.0 < tol < 1.0:
        raise ValueError(f"tol must lie between 0 and 1; got {tol!r}")
    return float(tol)


def _most(most: int) -> int:
    if isinstance(most, bool) or operator.index(most) < 1:
        raise ValueError(f"most must be a whole number of at least 1; got {most!r}")
    return operator.index(most)
