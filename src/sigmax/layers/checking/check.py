"""Do the rules of a layer fit each other?  Each of their numbers against differences of its outputs."""

from __future__ import annotations

import math
import operator

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import finite, numbers, plural, position
from sigmax.kernels import Float
from sigmax.layers.checking.differences import FIRST, LAST, Judgement, joined, judge
from sigmax.layers.checking.report import Check, GradientReport
from sigmax.layers.checking.surroundings import Surroundings, away
from sigmax.layers.checking.watched import Watched
from sigmax.layers.layer import Layer

#: relative part of the tolerance
_TOL = 1e-7


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
        A batch for the layer, of the scale that it will see; a few rows are enough; the cost grows
        with their number.  Not written.
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
    shrinks, down to 5e-7 times the first; a rule is never believed more for a smaller step.

    On a kink there is no derivative.  A rule may give the slope of either side there, or one between; what it
    gives where several kinks meet is left open; J leaves out the rows that lie on one while parameters and
    second rules are checked.  Notes say so.

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
        elsewhere = np.roll(self.z, 1, axis=0) + away(self.rng, self.z)
        a, same = watched.repeats(elsewhere)
        if same:
            self.compare(a, elsewhere)
        failures = tuple(watched.failures)
        passed = same and not failures and all(one.passed for one in self.checks)
        return GradientReport(watched.name, passed, tuple(self.checks), tuple(self.notes), failures)

    def compare(self, a: Float, elsewhere: Float) -> None:
        """Every rule against differences."""
        watched = self.watched
        R = self.rng.standard_normal(a.shape)
        down, own = watched.first_rules(R, self.rng.standard_normal(a.shape), elsewhere)
        self.near = Surroundings(watched, a, self.rng, self.tol)
        self.check_input(down, R)
        kinked = self.near.kinked_rows()
        if kinked.any() and not kinked.all():
            self.notes.append(
                f"{plural(int(kinked.sum()), 'row')} on a kink, the first z[{int(kinked.argmax())}], left "
                "out of J while parameters and second rules are checked"
            )
            R = R * ~kinked[:, None]
            watched.forward(self.z)
            down, own = watched.backward(R), watched.gradients(R)
        for name, parameter in watched.parameters.items():
            tied = watched.sharing(name)
            if len(tied) > 1 and name == tied[0]:
                self.notes.append(f"{' and '.join(tied)} are one array: their gradients are added")
            rule, entries = np.sum([own[one] for one in tied], axis=0), self.chosen(parameter.size)
            self.record(name, rule, entries, self.near.one_by_one(parameter, self.z, entries, rule, R))
        if watched.layer.has_tangents:
            dR = self.rng.standard_normal(R.shape) * (R != 0.0)
            self.check_tangents([a, down, *own.values()], R, dR, everywhere=bool(kinked.all()))

    def chosen(self, size: int) -> npt.NDArray[np.intp]:
        """Flat indices of the entries to be checked, in order."""
        if self.most is None or size <= self.most:
            return np.arange(size)
        return np.sort(self.rng.choice(size, self.most, replace=False))

    def check_input(self, rule: Float, R: Float) -> None:
        """Backward: by columns where rows are mapped one by one, else by entries."""
        entries = self.chosen(self.z.size)
        mixed = self.near.mixed_row()
        if mixed is not None:
            self.notes.append(
                f"the layer mixes rows, as batch normalisation does: output row {mixed} changes with other "
                "rows of z; each entry of z was moved alone"
            )
            z = self.z.copy()
            self.record("input", rule, entries, self.near.one_by_one(z, z, entries, rule, R))
            return
        row, column = np.unravel_index(entries, self.z.shape)
        found, order = [], []
        for j in np.unique(column):
            at = column == j
            order.append(entries[at])
            found.append(self.near.column(int(j), row[at], rule, R))
        self.record("input", rule, np.concatenate(order), joined(found))

    def check_tangents(self, base: list[Float], R: Float, dR: Float, *, everywhere: bool) -> None:
        """Tangents of the three rules, along one direction in z, R and all parameters.

        Where all rows lie on a kink, `everywhere`, backward and gradients may jump, and what cannot be
        differenced is left open.
        """
        watched, near = self.watched, self.near
        da = watched.tangent(near.dz, near.direction)
        down, own = watched.backward_tangent(R, dR), watched.gradients_tangent(R, dR)
        names = ["forward_tangent", "backward_tangent", *(f"gradients_tangent[{one}]" for one in own)]
        rule = [da, down, *own.values()]

        def values(z: Float, delta: Float) -> list[Float]:
            a = watched.forward(z)
            return [a, watched.backward(delta), *watched.gradients(delta).values()]

        def shifted(f: float, which: npt.NDArray[np.intp]) -> tuple[Float, Float]:
            with near.along(f * FIRST) as z:
                found = _flat(values(z, R + f * FIRST * dR))
            return found[which], np.full(len(which), f * FIRST)

        # rules sum terms of the size of R, whatever they come to
        unit = float(np.abs(R).max(initial=0.0))
        noise = near.noise_of(lambda: values(near.moved(self.z), near.moved(R)), base, unit)
        flat = _flat(rule)[:, 0]
        steps = np.full(len(flat), FIRST)
        found = judge(shifted, flat, np.ones((1, 1)), _flat(base), _flat(noise), steps, self.tol)
        start = 0
        for name, one in zip(names, rule, strict=True):
            mine = found[start : start + one.size]
            self.record(name, one, np.arange(one.size), mine, jumps=everywhere)
            start += one.size

    # -- what is written down --------------------------------------------------------------------------------

    def record(
        self,
        what: str,
        rule: Float,
        entries: npt.NDArray[np.intp],
        found: Judgement,
        *,
        jumps: bool = False,
    ) -> None:
        """One check, with what there is to say about it."""
        given = rule.reshape(-1)[entries]
        left_open = found.open | ~found.settled if jumps else found.open
        self.say(what, entries, rule.shape, found, left_open, jumps)
        closed = ~left_open
        given, entries, found = given[closed], entries[closed], found[closed]
        agrees = (found.error <= found.tolerance) & found.settled
        ratio = np.nan_to_num(found.error / found.tolerance, nan=np.inf, posinf=np.inf)
        ratio[(found.error == 0.0) & (found.tolerance == 0.0)] = 0.0
        wrong = int(np.count_nonzero(~agrees))
        index: tuple[int, ...] = ()
        analytic = difference = error = tolerance = math.nan
        if len(entries):
            worst = int(np.where(agrees & (wrong > 0), -1.0, ratio).argmax())
            index = tuple(int(i) for i in np.unravel_index(entries[worst], rule.shape))
            analytic, difference = float(given[worst]), float(found.difference[worst])
            error, tolerance = float(found.error[worst]), float(found.tolerance[worst])
        check = Check(
            *(what, len(entries), rule.size, index, analytic, difference, error, tolerance),
            passed=wrong == 0,
            disagreeing=wrong,
        )
        self.checks.append(check)
        hint = _hint(given, found.difference, len(self.z)) if wrong else ""
        if hint:
            self.notes.append(f"{what}: {hint}")

    def say(
        self,
        what: str,
        entries: npt.NDArray[np.intp],
        shape: tuple[int, ...],
        found: Judgement,
        left_open: npt.NDArray[np.bool_],
        jumps: bool,
    ) -> None:
        """Notes on kinks; what cannot be differenced is a failure."""
        on_kink, unsettled = found.kink & ~left_open, ~found.settled & ~left_open
        of = plural(len(entries), "number")
        if on_kink.any():
            self.notes.append(
                f"{what}: {int(on_kink.sum()):,} of {of} on a kink; the rule gives the slope of a side, or "
                "one between"
            )
        if left_open.any():
            self.notes.append(
                f"{what}: {int(left_open.sum()):,} of {of} on a kink and left open; the rule gives the slope "
                "of no side, as rules may where several kinks meet"
            )
            if left_open.all() and not jumps:
                self.watched.failures.append(
                    f"{what}: nothing was checked, all numbers lie on kinks: take another z, or parameters"
                )
        if unsettled.any():
            first = np.unravel_index(entries[int(unsettled.argmax())], shape)
            self.watched.failures.append(
                f"{position(what, tuple(map(int, first)))}: no step gives a difference to trust, down to "
                f"{FIRST * LAST:.0e} of its size, in {int(unsettled.sum()):,} of {len(entries):,}: the layer "
                "is not smooth there"
            )


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
