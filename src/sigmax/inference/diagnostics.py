"""Diagnostics of single rows: residuals, leverage, Cook's distance, DFBETAS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from sigmax.data.tabular.tables import Origin
from sigmax.identification import parametrisation
from sigmax.inference import labelled
from sigmax.inference import residuals as of_rows
from sigmax.inference.collinearity import Collinear
from sigmax.inference.estimates import class_index
from sigmax.inference.influence import Wanted, influence, stream
from sigmax.inference.observations import Rows
from sigmax.inference.tables import require_pandas
from sigmax.kernels import Float

if TYPE_CHECKING:
    import pandas as pd

#: residuals that need the row alone
_RESIDUALS: dict[str, Callable[[Rows], Float]] = {
    "response": of_rows.response,
    "pearson": of_rows.pearson,
    "deviance": of_rows.deviance,
    "working": of_rows.working,
}
#: residuals divided by the root of what the row leaves of their variance: the one they are made of
_STANDARDIZED = {"standardized": "pearson", "standardized_deviance": "deviance"}
#: rows of a printed table
_SHOWN = 5


@dataclass(frozen=True, slots=True, repr=False)
class Diagnostics:
    """What a fit says of each of its n rows.

    Attributes
    ----------
    response, pearson : ndarray of shape (n,), or (n, K) with K > 2 classes
    deviance : ndarray of shape (n,)
    standardized : ndarray of shape (n,) or (n, K)
    standardized_deviance : ndarray of shape (n,), or None with K > 2 classes
        Residuals, as :meth:`sigmax.inference.result.Result.residuals` has them.
    leverage, cooks_distance : ndarray of shape (n,)
    dfbetas : ndarray of shape (n,) plus that of the parameters
        Change of each parameter by the row, in its standard errors.
    scale : ndarray, shape of the parameters
        Those standard errors, of the inverse information.
    classes : ndarray of shape (K,)
    row_labels : tuple
        The classes that the parameters belong to.
    param_names : tuple of str
    origin : Origin or None
        The library of the table that was fitted, and the index of its rows; None after a fit of arrays.
    """

    response: Float
    pearson: Float
    deviance: Float
    standardized: Float
    standardized_deviance: Float | None
    leverage: Float
    cooks_distance: Float
    dfbetas: Float
    scale: Float
    classes: npt.NDArray[np.generic]
    row_labels: tuple[Any, ...]
    param_names: tuple[str, ...]
    origin: Origin | None = None

    def __len__(self) -> int:
        return len(self.leverage)

    @property
    def dfbeta(self) -> Float:
        """Change of each parameter by the row, shape of `dfbetas`."""
        return self.dfbetas * self.scale

    def columns(self) -> dict[str, Float]:
        """Name -> column of the table, each (n,).

        With K > 2 classes ``pearson[label]`` and the like; DFBETAS are ``dfbetas[name]``, or
        ``dfbetas[label: name]`` where parameters belong to several classes.
        """
        found: dict[str, Float] = {}
        for name in ("response", "pearson", "deviance", "standardized", "standardized_deviance"):
            values = getattr(self, name)
            if values is None:
                continue
            if values.ndim == 1:
                found[name] = values
            else:
                found |= {f"{name}[{label}]": values[:, k] for k, label in enumerate(self.classes)}
        found |= {"leverage": self.leverage, "cooks_distance": self.cooks_distance}
        names = _parameters(self.row_labels, self.param_names, self.dfbetas.ndim)
        flat = self.dfbetas.reshape(len(self), -1)
        return found | {f"dfbetas[{name}]": flat[:, j] for j, name in enumerate(names)}

    def to_frame(self) -> pd.DataFrame:
        """A DataFrame of :meth:`columns`, a line for each row.

        Of pandas after a fit of arrays, and of the library of the table after a fit of one, under its index.
        """
        if self.origin is None:
            require_pandas("to_frame()")
        frame: pd.DataFrame = labelled.columns(self.origin, self.columns())
        return frame

    def __str__(self) -> str:
        # nan, of rows that are fitted alone, come first: nothing influences more
        order = np.argsort(
            -np.where(np.isnan(self.cooks_distance), np.inf, self.cooks_distance), kind="stable"
        )
        lines = [
            f"Diagnostics of {len(self)} rows; those of the largest Cook's distances:",
            f"{'row':>10}  {'deviance residual':>17}  {'leverage':>10}  {'Cook':>10}  {'max |DFBETAS|':>13}",
        ]
        for i in order[:_SHOWN].tolist():
            size = np.abs(self.dfbetas[i][~np.isnan(self.dfbetas[i])]).max(initial=0.0)
            if np.isnan(self.cooks_distance[i]):
                size = np.nan
            lines.append(
                f"{i:>10}  {self.deviance[i]:>17.4f}  {self.leverage[i]:>10.4f}  "
                f"{self.cooks_distance[i]:>10.4g}  {size:>13.4g}"
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<sigmax diagnostics: {len(self)} rows, {self.scale.size} parameters>"


def _parameters(row_labels: tuple[Any, ...], names: tuple[str, ...], ndim: int) -> list[str]:
    """Names of the parameters of a measure of rows: with their class where there are several."""
    if ndim == 2:
        return list(names)
    return [f"{label}: {name}" for label in row_labels for name in names]


class Diagnosed(Collinear):
    """Residuals and influence of the rows of a fit, and collinearity of its columns.

    After a fit of a DataFrame what has a value a row comes back as its library has it, under its index:
    vectors as Series, others as DataFrames, whose columns are named by class or parameter, or
    "class: parameter".
    Each of the properties reads the data; :meth:`diagnostics` has all of them for one read.
    """

    def residuals(self, kind: str = "deviance") -> Float:
        """Residuals of the rows, c - N p of N observations, c of a class that has the probability p.

        Parameters
        ----------
        kind : {"deviance", "pearson", "response", "working", "standardized", "standardized_deviance"}
            "response": c - N p, in observations.
            "pearson": sqrt(a) (c - N p) / sqrt(N p (1 - p)), a the row's weight.
            "deviance": sqrt(2 a sum_k c_k log(c_k / (N p_k))), the row's share of the deviance.
            "working": c_k / (N p_k) - c_0 / (N p_0), in logits of the classes 1 .. K-1 against the first.
            "standardized": Pearson residuals divided by the root of their variance, 1 - h with two classes, h
            the leverage.
            "standardized_deviance": deviance residuals divided by sqrt(1 - h); for two classes.

        Returns
        -------
        ndarray of shape (n,), (n, K) or (n, K - 1)
            With two classes (n,), those of the second class in `classes`, of either reference; a deviance
            residual has the sign of c - N p.  With K > 2 classes a column for each, in their order, K - 1 of
            working residuals; and (n,) deviance residuals, one for each row, that are never negative.

        Raises
        ------
        ValueError
            No such kind, or none for so many classes; data that were changed since the fit, or left behind
            by pickling.

        Notes
        -----
        With two classes these are R's ``residuals.glm`` and ``rstandard``, but that R's response residuals
        of counts are shares, (c - N p) / N.

        Rows of counts are units of N observations.  A row of frequency weight w >= 1 is w equal units, and
        what stands here is what each of them has; importance and probability weights are a, as prior weights
        are in R, and so is a frequency weight below 1, a part of a unit.  Rows of weight 0 have Pearson and
        deviance residuals of 0, as in R.

        With K > 2 classes the variance of c_k - N p_k is (V - V M V)_kk, V = a N (diag(p) - pp') and M the
        covariance of the row's logits, over (V)_kk.  nan in rows that are fitted alone, whose leverage is 1.

        Where the classes are separated, p is the limit: residuals of rows that it predicts are 0, their
        working residuals nan.  1 - p is a sum of the others' p; relative errors are those of the
        logits, and a few 2^-53 N p / |c - N p|.
        """
        if kind not in _RESIDUALS and kind not in _STANDARDIZED:
            known = ", ".join(map(repr, [*_RESIDUALS, *_STANDARDIZED]))
            raise ValueError(f"kind must be one of {known}; got {kind!r}")
        if kind == "standardized_deviance" and len(self.classes) > 2:
            raise ValueError(
                "kind='standardized_deviance' is for two classes, where a row has one leverage; "
                f"there are {len(self.classes)}: take kind='standardized'"
            )
        found, origin = self._measured(kind)[kind], self._source._origin_of_rows
        if found.ndim == 1:
            return cast(Float, labelled.series(origin, found, kind))
        return cast(Float, labelled.frame(origin, found, self.classes[-found.shape[1] :]))

    def _of_rows(self, kind: str) -> Float:
        """A measure of the rows under their index."""
        return cast(Float, labelled.series(self._source._origin_of_rows, self._measured(kind)[kind], kind))

    def _of_rows_and_parameters(self, kind: str) -> Float:
        """A measure of rows and parameters; a table has a column for each parameter."""
        found, origin = self._measured(kind)["dfbetas"], self._source._origin_of_rows
        if origin is None:
            return found
        names = _parameters(self.row_labels, self.param_names, found.ndim)
        return cast(Float, labelled.frame(origin, found.reshape(len(found), -1), names))

    @property
    def leverage(self) -> Float:
        """Leverage of each row, (n,): the trace of its block of the hat matrix, V^(1/2) X A X'V^(1/2).

        A is the inverse information, V = a N (diag(p) - pp'); with two classes a N p (1 - p) x'A x.  Over all
        rows it sums to `n_estimated`, less what a penalty takes; a row of frequency weight w counts w times.
        Between 0 and K - 1; 0 for rows of weight 0, and for those that a limit of separated classes predicts.
        """
        return self._of_rows("leverage")

    @property
    def cooks_distance(self) -> Float:
        """Cook's distance of each row, (n,): (b - b_(i))'A^-1 (b - b_(i)) / n_estimated, by one step.

        b_(i) are the estimates without the row, or without one of its w equal units; the step is
        that of :attr:`dfbeta`, A the inverse information.  With two classes pearson^2 h / (1 - h)^2 over the
        number of parameters, as R has it.  nan where without the row some parameter is not determined.
        """
        return self._of_rows("cooks_distance")

    @property
    def dfbeta(self) -> Float:
        """What each parameter owes to each row, b - b_(i), shape (n,) plus that of `params`.

        b_(i) are the estimates without the row after one Newton step (Pregibon, 1981; Lesaffre & Albert,
        1989, for several classes),

            b - b_(i) = A X'(I - V M)^-1 r,    r = a (c - N p),   M = X A X'

        In the parameters of this result, whatever its reference is.  nan for parameters that are aliased or
        infinite, and for rows without which some parameter is not determined.

        Notes
        -----
        R's ``dfbeta`` of a glm has the deviance residual in the place of the Pearson residual; this is
        ``dfbeta`` of the last weighted least squares.
        """
        return self._of_rows_and_parameters("dfbeta")

    @property
    def dfbetas(self) -> Float:
        """:attr:`dfbeta` divided by the standard errors of the parameters, shape (n,) plus that of `params`.

        Standard errors are those of the inverse information, whatever `covariance_kind` is.
        """
        return self._of_rows_and_parameters("dfbetas")

    def diagnostics(self) -> Diagnostics:
        """Residuals, leverage, Cook's distance and DFBETAS of all rows, for one read of the data.

        Returns
        -------
        Diagnostics
            With ``to_frame()``.

        Raises
        ------
        ValueError
            The data were changed since the fit, or left behind by pickling.

        Notes
        -----
        Memory is that of the arrays returned and of a block for each thread.  Where rows have a leverage
        within 1e-3 of 1, a second read finds 1 - h from the others: it keeps its digits.  Relative errors
        are below 1e-10, beside those of the logits, 2^-53 sum_j |x_j b_j|, and of residuals that cancel.
        """
        two = len(self.classes) == 2
        kinds = ["response", "pearson", "deviance", "standardized", "leverage", "cooks_distance", "dfbetas"]
        found = self._measured(*kinds, *(["standardized_deviance"] if two else []))
        return Diagnostics(
            standardized_deviance=found.get("standardized_deviance"),
            scale=found["scale"],
            classes=self.classes,
            row_labels=self.row_labels,
            param_names=self.param_names,
            origin=self._source._origin_of_rows,
            **{kind: found[kind] for kind in kinds},
        )

    # -- how ---------------------------------------------------------------------------------------

    def _measured(self, *kinds: str) -> dict[str, Float]:
        """What is asked for, by its name, from one read of the rows."""
        observations = self._rows(f"{kinds[0]}" if len(kinds) == 1 else "diagnostics()")
        n, K = observations.n_rows, len(self.classes)
        plain = {x for x in kinds if x in _RESIDUALS} | {
            _STANDARDIZED[x] for x in kinds if x in _STANDARDIZED
        }
        widths = {"deviance": 1, "working": K - 1}
        out = {
            kind: np.empty(n if K == 2 or kind == "deviance" else (n, widths.get(kind, K))) for kind in plain
        }

        def also(start: int, rows: Rows) -> None:
            for kind, values in out.items():
                values[start : start + len(rows)] = _RESIDUALS[kind](rows)

        if plain == set(kinds):
            stream(observations, also, lambda a, b: None, numbers=8 * K)
            return out
        spare = np.empty(n if K == 2 else (n, K)) if set(kinds) & set(_STANDARDIZED) else None
        changes = {"dfbeta", "dfbetas"} & set(kinds)
        found: dict[str, Float] = {}
        linear, gone = None, np.zeros(0, bool)
        if changes:
            linear, scale = self._changes()
            gone = np.asarray(~np.isfinite(linear).all(axis=1))
            linear = np.where(gone[:, None], 0.0, linear)
            if "dfbetas" in changes:
                safe = np.where(scale > 0.0, scale, 1.0)
                linear, found["scale"] = linear / safe[:, None], scale.reshape(self.params.shape)
        wanted = Wanted(
            leverage=np.empty(n) if "leverage" in kinds else None,
            cooks_distance=np.empty(n) if "cooks_distance" in kinds else None,
            spare=spare,
            change=None if linear is None else np.empty((n, len(linear))),
            map=None if linear is None else np.ascontiguousarray(linear),
        )
        influence(observations, wanted, also, n_estimated=self.n_estimated, l2=self.l2)
        for kind in set(kinds) & set(_STANDARDIZED):
            assert spare is not None
            found[kind] = out[_STANDARDIZED[kind]] / np.sqrt(spare)
        if wanted.leverage is not None:
            found["leverage"] = wanted.leverage
        if wanted.cooks_distance is not None:
            found["cooks_distance"] = wanted.cooks_distance
        if wanted.change is not None:
            wanted.change[:, np.flatnonzero(gone)] = np.nan
            found["dfbetas"] = wanted.change.reshape(n, *self.params.shape)
        return out | found

    def _changes(self) -> tuple[Float, Float]:
        """The map from g to the parameters, (P, r), and the norms of its rows, their standard errors."""
        observations = self._rows("dfbetas")
        m, k = observations.coef.shape
        R = observations.bread.root.whole.reshape(m, -1)
        if self.reference is None:
            R = parametrisation.symmetric(R, 0)
        elif base := class_index(self.classes, self.reference):
            R = parametrisation.rebased(R, 0, base)
        each = R.reshape(len(R), k, -1)
        if self.dependence is not None:
            if self.collinear == "alias":
                whole = np.full((len(each), len(self.param_names), each.shape[2]), np.nan)
                whole[:, ~self.dependence.aliased] = each
            else:
                M = parametrisation.minimum_norm_map(self.dependence.row_space())
                whole = np.asarray(np.einsum("ij,cjr->cir", M, each))
            each = whole
        linear = each.reshape(-1, each.shape[2])
        linear = np.where(np.isfinite(self.params).reshape(-1, 1), linear, np.nan)
        return linear, np.sqrt(np.einsum("ij,ij->i", linear, linear))
