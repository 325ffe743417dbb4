"""The result of many small fits: arrays with one entry for each problem, and a light record of one."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sigmax.data.checks import plural
from sigmax.kernels import Float

#: problems that a summary shows
_SHOWN = 10


@dataclass(frozen=True, eq=False, repr=False)
class OneOfMany:
    """One of the fits of a :class:`FitMany`.

    Attributes
    ----------
    group : object
        Label of the group; the problem's number where there are no groups.
    params, bse : ndarray of shape (k,) or (K - 1, k)
        Estimates and standard errors; nan where there is no estimate.
    llf : float
        Log-likelihood, without the penalty, in nats, summed over the rows.
    nobs : float
        Sum of the weights.
    l2 : float
    iterations : int
    converged : bool
    newton_decrement : float
    error_bound : float
        Proved distance of every parameter from the exact optimum, in its standard errors.
    reason : str
        Why the iteration ended.
    """

    group: object
    params: Float
    bse: Float
    llf: float
    nobs: float
    l2: float
    iterations: int
    converged: bool
    newton_decrement: float
    error_bound: float
    reason: str

    def __repr__(self) -> str:
        state = "converged" if self.converged else f"NOT converged: {self.reason}"
        numbers = np.array2string(self.params, precision=6, separator=", ")
        return f"<sigmax fit {self.group!r}: params {numbers}, llf {self.llf:.6f}, {state}>"


@dataclass(frozen=True, eq=False, repr=False)
class FitMany:
    """Maximum-likelihood estimates of B small logistic or multinomial regressions.

    With two classes the parameters of a problem have shape (k,), with K > 2 classes (K - 1, k), laid out as
    in :class:`sigmax.inference.result.Result`.

    Attributes
    ----------
    params : ndarray of shape (B, k) or (B, K - 1, k)
        Estimates; nan where there is none.
    bse : ndarray, shape of `params`
        Standard errors: roots of the diagonal of the inverse Hessian, penalty included.
    llf : ndarray of shape (B,)
        Log-likelihood at `params`, without the penalty, in nats, summed over the observations.
    nobs : ndarray of shape (B,)
        Number of observations: the sum of the frequency weights.
    l2 : ndarray of shape (B,)
        Strength of the penalty.
    iterations : int ndarray of shape (B,)
        Newton steps taken.
    converged : bool ndarray of shape (B,)
        The iteration reached its tolerance, or rounding, and `error_bound` is finite.
    newton_decrement : ndarray of shape (B,)
        Estimated distance to the optimum, in standard errors.
    error_bound : ndarray of shape (B,)
        Proved distance to the optimum: no parameter is further from it than this many of its standard errors.
        inf where nothing is proved.
    reason : tuple of str, of length B
        Why each iteration ended.
    groups : ndarray of shape (B,), or None
        Labels of the groups, sorted; None for refits of shared rows.
    classes : ndarray of shape (K,)
        Labels of y, sorted; the first is the reference.
    param_names : tuple of str, of length k
    fit_intercept : bool
    backend, isa : str
        Where the numbers were computed.
    n_threads : int
        Threads that were allowed; has no influence on any number.
    """

    params: Float
    bse: Float
    llf: Float
    nobs: Float
    l2: Float
    iterations: npt.NDArray[np.int64]
    converged: npt.NDArray[np.bool_]
    newton_decrement: Float
    error_bound: Float
    reason: tuple[str, ...]
    groups: npt.NDArray[np.generic] | None
    classes: npt.NDArray[np.generic]
    param_names: tuple[str, ...]
    fit_intercept: bool
    backend: str
    isa: str
    n_threads: int

    def __len__(self) -> int:
        return len(self.params)

    def _name(self, i: int) -> object:
        return i if self.groups is None else self.groups[i : i + 1].tolist()[0]

    def __getitem__(self, index: int) -> OneOfMany:
        """The fit of one problem, by its number; negative numbers count from the end.

        Raises
        ------
        IndexError
            No such problem.
        TypeError
            Not a whole number.
        """
        if not hasattr(index, "__index__"):
            raise TypeError(f"a problem is asked for by its number; got {type(index).__name__}")
        i = range(len(self))[index]
        return OneOfMany(
            group=self._name(i),
            params=self.params[i],
            bse=self.bse[i],
            llf=float(self.llf[i]),
            nobs=float(self.nobs[i]),
            l2=float(self.l2[i]),
            iterations=int(self.iterations[i]),
            converged=bool(self.converged[i]),
            newton_decrement=float(self.newton_decrement[i]),
            error_bound=float(self.error_bound[i]),
            reason=self.reason[i],
        )

    def __iter__(self) -> Iterator[OneOfMany]:
        return (self[i] for i in range(len(self)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save to a file, which :func:`sigmax.load` reads: everything but the data.

        Parameters
        ----------
        path : str or path-like
            As in :meth:`sigmax.inference.result.Result.save`.

        Raises
        ------
        ValueError
            Labels of classes or groups that are no text, number, truth value or time.
        OSError
            The file cannot be written; what was there stays.
        """
        from sigmax.inference.stored.writing import save_many

        save_many(self, path)

    def summary(self) -> str:
        """How the fits ended, and the first estimates, as text."""
        n = len(self)
        good = int(self.converged.sum())
        lines = [f"{plural(n, self._kind())} with {len(self.classes)} classes, exact maximum likelihood", ""]
        lines += [f"converged       {good:,} of {n:,}"]
        if good:
            worst = float(self.error_bound[self.converged].max())
            steps = self.iterations[self.converged]
            lines += [
                f"certificate     every converged estimate is proved to lie within {worst:.1e} standard "
                "errors of the exact optimum",
                f"Newton steps    {int(steps.min())} to {int(steps.max())}, {steps.mean():.1f} on average",
            ]
        missing = Counter(r for r, c in zip(self.reason, self.converged.tolist(), strict=True) if not c)
        lines += [f"NOT converged   {count:,}: {reason}" for reason, count in missing.most_common()]
        lines += [f"backend         {self.backend} ({self.isa}), {plural(self.n_threads, 'thread')}", ""]
        lines += self._table()
        return "\n".join(lines)

    def _kind(self) -> str:
        return "refit" if self.groups is None else "group"

    def _table(self) -> list[str]:
        """The first problems, one line each: estimates, or that there are none."""
        flat = self.params.reshape(len(self), -1)[:, :_SHOWN]
        names = [*self.param_names]
        if self.params.ndim == 3:
            names = [f"{label}:{name}" for label in self.classes[1:].tolist() for name in self.param_names]
        header = [self._kind(), *names[: flat.shape[1]]]
        rows = [
            [str(self._name(i)), *(f"{value:.6g}" for value in flat[i])]
            for i in range(min(len(self), _SHOWN))
        ]
        widths = [max(len(row[j]) for row in [header, *rows]) for j in range(len(header))]
        lines = [
            "  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in [header, *rows]
        ]
        if len(names) > flat.shape[1]:
            lines[0] += f"  and {len(names) - flat.shape[1]} more"
        return lines + ([f"... and {len(self) - _SHOWN:,} more"] if len(self) > _SHOWN else [])

    def __repr__(self) -> str:
        return (
            f"<sigmax fits: {plural(len(self), self._kind())}, {len(self.classes)} classes, "
            f"{self.params[0].size} parameters each, {int(self.converged.sum()):,} converged>"
        )
