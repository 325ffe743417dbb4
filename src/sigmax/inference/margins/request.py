"""``Result.margins``: from what is asked for to the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from sigmax.data.tabular.coding import Coding
from sigmax.identification import parametrisation
from sigmax.inference.margins.cumulants import LogProbability, Probability, Target
from sigmax.inference.margins.effects import Column, moved_columns
from sigmax.inference.margins.formula import AsObserved, OfMeans, Terms
from sigmax.inference.margins.points import AtMeans, Block, Designs, Everywhere, Fitted, Model, Points, Sums
from sigmax.inference.margins.table import KINDS, Margins
from sigmax.inference.margins.variables import (
    Known,
    Wanted,
    chosen,
    kinds_of_columns,
    of_columns,
    of_designs,
    unknown,
)
from sigmax.inference.uncertainty import Uncertainty
from sigmax.kernels import Float

#: variable, name, change, effect (shown,), and a root of its covariance (shown, r)
_Row: TypeAlias = tuple[str, str, tuple[Any, Any] | None, Float, Float]


class Marginal(Uncertainty):
    """Estimates with their marginal effects."""

    def margins(
        self,
        variables: str | Sequence[str] | None = None,
        *,
        at: str = "overall",
        kind: str = "dydx",
        discrete: str | bool | Sequence[str] = "auto",
        values: Mapping[str, Any] | None = None,
    ) -> Margins:
        """Marginal effects of variables on the probabilities, with standard errors.

        Parameters
        ----------
        variables : str or sequence of str, optional
            Names; by default all, but for a constant column of a fit without intercept.  Columns of X, or the
            variables of a formula, whose powers, interactions and transforms are then moved together.
        at : {"overall", "mean"}
            "overall": the average of the effects over the rows.  "mean": the effect where each variable is at
            its mean, and each offset too.
        kind : {"dydx", "eyex", "dyex", "eydx"}
            "dydx": dp/dx.  "eyex": the elasticity d log p / d log x.  "dyex", "eydx": dp / d log x and
            d log p / dx.
        discrete : {"auto", True, False} or sequence of str
            Which variables change from 0 to 1 instead of being differentiated: "auto", those that hold 0
            and 1 alone, where `kind` is "dydx" or "eydx"; True, all that are asked for; or those that are
            named.  Factors of a formula always change, from their base to each other level.
        values : mapping of str to number or level, optional
            Variables held at a value in all rows, before anything is averaged.

        Returns
        -------
        Margins
            Effects, of shape (V,) on the probability of the second of two classes, and (V, K) with K > 2; the
            latter sum to zero over the classes where the kind is "dydx" or "dyex".

        Raises
        ------
        ValueError
            No such variable, kind or place; an elasticity of a discrete change, or of classes that are
            separated; `values` with minimum-norm coefficients of columns; data that were changed since the
            fit, or left behind by pickling.

        Notes
        -----
        Means are over observations: a row counts with its weight, whatever the kind of weights, times the
        number of its observations.  Transformations come before means: an average elasticity is the mean of
        those of the rows.  Discrete changes are p(1) - p(0), and log p(1) - log p(0).

        se = ||J R||, J the derivative of the effects by the coefficients and R R' the covariance that the
        result has (:meth:`with_covariance`).  Effects, errors and their covariance are the same whatever
        the reference class is.

        A column that was left out as a combination of others has no effect, nan; of minimum norm, the effect
        is that of its coefficient.  Where the classes are separated, the effect of a variable whose
        coefficients are infinite is nan, and the others are those of the limiting probabilities.

        Memory: O((m k)^2 + m K k V), V variables, and a block of rows.  All effects are taken in one read of
        the data ("mean": in one that finds the means): the derivatives by columns together, whatever their
        number; elasticities and discrete changes with work for each of them.

        Examples
        --------
        >>> import sigmax as sx
        >>> data = sx.datasets.load("spector")
        >>> r = sx.fit(data.X, data.y, names=data.features)
        >>> r.margins().effects.round(6)
        array([0.362581, 0.012208, 0.357515])
        """
        elasticity = _checked(at, kind, discrete)
        held = {} if values is None else dict(values)
        origin = self._source
        observations, root = self._rows("margins()"), self._root("margins()")
        if kind.startswith("ey") and observations.limit is not None:
            raise ValueError(
                f"kind={kind!r} divides by probabilities, some of which are 0 in the limit of separated "
                "classes; take kind='dydx' or 'dyex'"
            )
        model = Model(observations, root, origin._fitted())
        K = len(origin.classes)
        target: Target = Probability(K) if kind.startswith("dy") else LogProbability(K)
        terms = origin.terms
        ask = (variables, discrete, held)
        if terms is None or (isinstance(terms, Coding) and terms.of_numbers):
            wanted, points, names = origin._of_columns(model, target, at, elasticity, *ask)
        else:
            wanted, points, names = origin._of_formula(model, target, at, elasticity, terms, *ask)
        return origin._answered(model, target, wanted, points, names, (at, kind, held))

    def _fitted(self) -> Fitted:
        """How all columns belong to those that were fitted."""
        kept = np.ones(len(self.param_names), bool)
        if self.dependence is None:
            return Fitted(kept, None, None, self.fit_intercept)
        kept = ~self.dependence.aliased
        if self.collinear == "alias":
            return Fitted(kept, None, None, self.fit_intercept)
        M = parametrisation.minimum_norm_map(self.dependence.row_space())
        combinations = np.zeros(M.shape)
        combinations[kept] = np.eye(M.shape[1])
        combinations[~kept] = self.dependence.combinations
        return Fitted(kept, M, combinations, self.fit_intercept)

    def _of_columns(
        self,
        model: Model,
        target: Target,
        at: str,
        elasticity: bool,
        variables: str | Sequence[str] | None,
        discrete: str | bool | Sequence[str],
        held: Mapping[str, Any],
    ) -> tuple[list[Wanted], Points, list[str]]:
        """Tasks for columns of X, the points, and the variables in order."""
        observations, fitted, first = model.observations, model.fitted, int(self.fit_intercept)
        known = self.param_names[first:]
        columns = {}
        for j, name in enumerate(self.param_names):
            if j < first or not (fitted.kept[j] or fitted.directions is not None):
                continue
            place = int(fitted.kept[first:j].sum()) if fitted.kept[j] else None
            if fitted.directions is None:
                direction = np.zeros(model.width)
                direction[first + int(fitted.kept[first:j].sum())] = 1.0
            else:
                direction = fitted.directions[j]
            combination = None if fitted.combinations is None else fitted.combinations[j]
            columns[name] = Column(name, place, direction, combination)
        binary: set[str] = set()
        default = list(known)
        if discrete == "auto" or (variables is None and not self.fit_intercept):
            binary, constant = kinds_of_columns(observations, list(columns.values()))
            if not self.fit_intercept:
                default = [name for name in known if name not in constant] or default
        names = chosen(variables, known, default)
        changing = _changing(discrete, names, known, set() if elasticity else binary)
        unknown(list(held), known, "values")
        places = {}
        for name, value in held.items():
            if fitted.directions is not None:
                raise ValueError("values cannot be held where collinear='min_norm' splits coefficients")
            if name not in columns:
                raise ValueError(f"values: {name!r} was left out of the fit, a combination of other columns")
            place = columns[name].place
            assert place is not None
            places[place] = _number(name, value)
        bad = self._without_effect()
        able = [columns[name] for name in names if name in columns and name not in bad]
        wanted = of_columns(model, target, able, changing, elasticity=elasticity)
        return wanted, (Everywhere if at == "overall" else AtMeans)(model, places), names

    def _of_formula(
        self,
        model: Model,
        target: Target,
        at: str,
        elasticity: bool,
        terms: Terms,
        variables: str | Sequence[str] | None,
        discrete: str | bool | Sequence[str],
        held: Mapping[str, Any],
    ) -> tuple[list[Wanted], Points, list[str]]:
        """As :meth:`_of_columns`, for the variables of a formula."""
        known: dict[str, Known] = {one.name: one for one in terms.variables}
        factors = {name for name, one in known.items() if one.kind == "factor"}
        default = [name for name in known if not (elasticity and name in factors)]
        names = chosen(variables, list(known), default)
        if elasticity and factors.intersection(names):
            raise ValueError(
                f"{sorted(factors.intersection(names))[0]!r} is a factor, which has no elasticity; take "
                "kind='dydx' or 'eydx'"
            )
        binary = set() if elasticity else {name for name, one in known.items() if one.kind == "binary"}
        changing = _changing(discrete, names, list(known), binary) | factors
        unknown(list(held), list(known), "values")
        designs: Designs = AsObserved(terms, held)
        points: Points
        if at == "overall":
            points = Everywhere(model, {}, designs)
        else:
            units = model.observations.units
            weight, total = units.weight(), units.total()
            if weight is not None and total is not None:
                weight = weight * total
            designs = OfMeans(terms, held, total if weight is None else weight)
            points = AtMeans(model, {}, designs)
        wanted = of_designs(
            model, target, [known[name] for name in names], changing, designs, elasticity=elasticity
        )
        return wanted, points, names

    def _without_effect(self) -> dict[str, str]:
        """Columns without a finite coefficient, and why."""
        params, gone = np.atleast_2d(self.params), np.atleast_2d(self.aliased)[0]
        bad = np.asarray(~np.isfinite(params).all(axis=0))
        return {
            name: "left out of the fit, a combination of other columns"
            if gone[j]
            else "infinite coefficients"
            for j, name in enumerate(self.param_names)
            if bad[j] and not (j == 0 and self.fit_intercept)
        }

    def _answered(
        self,
        model: Model,
        target: Target,
        wanted: list[Wanted],
        points: Points,
        order: list[str],
        request: tuple[str, str, dict[str, Any]],
    ) -> Margins:
        """One read, and the table."""
        shown, size = len(target.shown), model.root.B.shape[1]
        bad = self._without_effect()
        none = (np.full(shown, np.nan), np.full((shown, size), np.nan))
        found: list[_Row] = [(name, name, None, *none) for name in order if name in bad]
        why = {name: reason for name, reason in bad.items() if name in order}
        for one, (total, sums) in zip(wanted, _summed(points, wanted), strict=True):
            moved = moved_columns(one.task, sums)
            for i, (effects, J) in enumerate(one.task.finish(sums, total)):
                R = J.reshape(shown, -1) @ model.root.B
                if moved is not None:
                    columns = self.param_names[int(self.fit_intercept) :]
                    stuck = [
                        name
                        for name, is_moved in zip(columns, moved[i], strict=True)
                        if is_moved and name in bad
                    ]
                    if stuck:
                        effects, R = none
                        why[one.names[i]] = f"moves {stuck[0]}: {bad[stuck[0]]}"
                found.append((one.variables[i], one.names[i], one.changes[i], effects, R))
        found.sort(key=lambda row: order.index(row[0]))
        at, kind, held = request
        effects = np.stack([row[3] for row in found])
        roots: Float = np.stack([row[4] for row in found])
        errors = np.sqrt((roots**2).sum(axis=2))
        unsettled = np.isnan(effects).any() and not why
        notes = [f"{name} has no effect: {reason}" for name, reason in why.items()]
        if unsettled:
            notes.append("the data do not determine the probabilities of some rows: separated classes")
        if len(self.classes) == 2:
            effects, errors = effects[:, 0], errors[:, 0]
        return Margins(
            effects=effects,
            se=errors,
            names=tuple(row[1] for row in found),
            changes=tuple(row[2] for row in found),
            classes=self.classes,
            kind=kind,
            at=at,
            values=held,
            covariance_kind=self.covariance_kind,
            notes=tuple(notes),
            _root=roots.reshape(-1, size),
        )


def _summed(points: Points, wanted: list[Wanted]) -> list[tuple[float, tuple[Float, ...]]]:
    """The sums of each task, with the sum of the weights."""
    if not wanted:
        return []
    tasks = [one.task for one in wanted]

    def evaluate(block: Block) -> Sums:
        return [(np.array([block.total()]),), *(task.sums(block) for task in tasks)]

    numbers, flops = max(task.numbers for task in tasks), sum(task.flops for task in tasks)
    [(total,), *sums] = points.reduce(evaluate, numbers=numbers, flops=flops)
    return [(float(total[0]), each) for each in sums]


def _checked(at: str, kind: str, discrete: str | bool | Sequence[str]) -> bool:
    """Whether the kind is an elasticity; ValueError for arguments that are none of theirs."""
    if at not in ("overall", "mean"):
        raise ValueError(
            f"at must be 'overall' or 'mean'; got {at!r}; hold variables with values={{name: value}}"
        )
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(map(repr, KINDS))}; got {kind!r}")
    if isinstance(discrete, str) and discrete != "auto":
        raise ValueError(f"discrete must be 'auto', True, False or a list of names; got {discrete!r}")
    elasticity = kind in ("eyex", "dyex")
    changes = discrete is True or (not isinstance(discrete, str | bool) and len(discrete) > 0)
    if elasticity and changes:
        raise ValueError(f"kind={kind!r} has no discrete change: there is no log of 0")
    return elasticity


def _changing(
    discrete: str | bool | Sequence[str], names: list[str], known: Sequence[str], binary: set[str]
) -> set[str]:
    """Variables that change from 0 to 1."""
    if isinstance(discrete, bool):
        return set(names) if discrete else set()
    if isinstance(discrete, str):
        return binary
    unknown(list(discrete), known, "discrete")
    return set(discrete)


def _number(name: str, value: Any) -> float:
    """A finite number."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(number):
        raise ValueError(f"values must be finite numbers; got {name} = {value!r}")
    return number
